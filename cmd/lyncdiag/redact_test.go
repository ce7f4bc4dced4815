package main

import (
	"compress/gzip"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// told is what the lab and the logs of these tests tell of people and networks.
var told = regexp.MustCompile(`(?i)contoso|\bjoe\b|\bann\b|\bsmith\b|192\.0\.2\.\d|lyncfe01`)

// TestRedactedDocuments: with --redact nothing of the original is in anything
// that is written, and the exit code stays.
func TestRedactedDocuments(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := file("joe.uccapilog", strings.Replace(register, "From: <sip:joe", "From: \"Joe Smith\"<sip:joe", 1)+"05/31/2013|14:05:08.000 1234:5678 INFO  :: smith on LYNCFE01\r\n")
	lookup := file("nslookup.txt", "Server:  lyncfe01.contoso.example\r\nAddress:  192.0.2.53\r\n\r\nName:    sipdir.online.lync.com\r\nAddress:  192.0.2.7\r\n")
	users := file("users.json", `[{"UserPrincipalName":"joe@contoso.example","DisplayName":"Joe Smith","BlockCredential":true,"IsLicensed":true,"LiveId":"x"}]`)
	keep := filepath.Join(folder, "map.json")
	for _, args := range [][]string{
		{"check", "--lab=adfs-mex-http-500", "--nslookup", lookup, "-v", "--progress=plain"},
		{"check", "--lab=adfs-certificate-revoked", "-o", "text"},
		{"check", "--lab=dns-srv-wrong-target", "-o", "csv"},
		{"check", "--lab=dns-srv-wrong-target", "-o", "short"},
		{"check", "--lab", "--offline", "--user", users, "--log", log, "joe@contoso.example", "ann@contoso.example"},
		{"check", "--lab", "joe@contoso.example", "ann@contoso.example", "-o", "json", "--progress=plain"},
		{"dns", "--lab"},
		{"autodiscover", "--lab"},
		{"adfs", "realm", "--lab"},
		{"adfs", "mex", "--lab", "https://sts.contoso.example/adfs/services/trust/mex"},
		{"adfs", "metadata", "--lab", "https://sts.contoso.example/FederationMetadata/2007-06/FederationMetadata.xml"},
		{"adfs", "token", "--lab"},
		{"cert", "--lab", "sts.contoso.example"},
		{"port", "--lab", "sts.contoso.example", "nowhere.contoso.example"},
		{"sip", "--lab", "sipdir.online.lync.com:443"},
		{"log", log},
		{"log", log, "-o", "text"},
		{"log", "messages", log},
		{"log", "flow", log},
		{"log", "flow", log, "-o", "mermaid"},
		{"log", "view", log},
		{"log", filepath.Join(folder, "joe@contoso.com.log")},
		{"check", "joe@contoso@contoso.example"},
		{"check", "joe@contoso.example", "--log", filepath.Join(folder, "contoso.com.log")},
		{"dns", "--bogus", "contoso.com"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			want, _, _ := call(t, t.Context(), args...)
			code, out, errs := call(t, t.Context(), append(args, "--redact")...)
			if code != want {
				t.Errorf("exit code %d, want %d: %s", code, want, errs)
			}
			if args[1] == "view" {
				out += unpacked(t, out)
			}
			for what, text := range map[string]string{"stdout": out, "stderr": errs} {
				if left := told.FindAllString(strings.ReplaceAll(text, folder, ""), -1); len(left) > 0 {
					t.Errorf("left on %s are %q in %s", what, left, text)
				}
			}
			if out == "" && errs == "" {
				t.Error("nothing is written")
			}
			_, first, _ := call(t, t.Context(), append(args, "--redact-map", keep)...)
			if left := told.FindAllString(strings.ReplaceAll(first, folder, ""), -1); len(left) > 0 {
				t.Errorf("with a map left are %q", left)
			}
		})
	}
	written, err := os.ReadFile(keep)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, "redaction-map", string(written))
	if info, err := os.Stat(keep); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others may read the map: %v %v", info.Mode(), err)
	}
}

// unpacked are the texts of a page.
func unpacked(t *testing.T, page string) string {
	t.Helper()
	var all strings.Builder
	for _, m := range regexp.MustCompile(`H4sI[A-Za-z0-9+/=]+`).FindAllString(page, -1) {
		packed, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(m)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	if !strings.Contains(all.String(), "REGISTER") {
		t.Error("the page holds no messages")
	}
	return all.String()
}
