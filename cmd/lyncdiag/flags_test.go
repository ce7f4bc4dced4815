package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

func TestSplitServer(t *testing.T) {
	tests := []struct {
		text string
		host string
		port uint16
		fail bool
	}{
		{text: "sip.contoso.com", host: "sip.contoso.com", port: 443},
		{text: "Sip.Contoso.com:5061", host: "sip.contoso.com", port: 5061},
		{text: "192.0.2.1", host: "192.0.2.1", port: 443},
		{text: "192.0.2.1:80", host: "192.0.2.1", port: 80},
		{text: "2001:db8::1", host: "2001:db8::1", port: 443},
		{text: "[2001:db8::1]", host: "2001:db8::1", port: 443},
		{text: "[2001:db8::1]:5061", host: "2001:db8::1", port: 5061},
		{text: "b\u00fccher.example:443", host: "xn--bcher-kva.example", port: 443},
		{text: "", fail: true},
		{text: ":443", fail: true},
		{text: "host:", fail: true},
		{text: "host:0", fail: true},
		{text: "host:65536", fail: true},
		{text: "host:-1", fail: true},
		{text: "a b", fail: true},
		{text: "https://host/", fail: true},
	}
	for _, test := range tests {
		host, port, err := splitServer(test.text, 443)
		if (err != nil) != test.fail || !test.fail && (host != test.host || port != test.port) {
			t.Errorf("%q: %q %d %v", test.text, host, port, err)
		}
	}
}

func TestResolvers(t *testing.T) {
	got, err := resolvers([]string{"192.0.2.1", "internal=192.0.2.2:5353", "six=[2001:db8::1]:53", "2001:db8::2"})
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, s := range got {
		text = append(text, s.Name+"="+s.Addr.String())
	}
	if want := "=192.0.2.1:53 internal=192.0.2.2:5353 six=[2001:db8::1]:53 =[2001:db8::2]:53"; strings.Join(text, " ") != want {
		t.Errorf("got %v, want %s", text, want)
	}
}

func TestProxy(t *testing.T) {
	for text, want := range map[string]string{"proxy:3128": "http://proxy:3128", "http://192.0.2.1:8080": "http://192.0.2.1:8080"} {
		if u, err := proxy(text, nil); err != nil || u.String() != want {
			t.Errorf("%s: %v %v", text, u, err)
		}
	}
	set, _ := proxy("http://a:1", nil)
	if u, err := proxy("", set); err != nil || u != set {
		t.Error("no flag takes the lab's proxy away")
	}
	if u, err := proxy("none", set); err != nil || u != nil {
		t.Error("none leaves a proxy")
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"check", "dns", "autodiscover", "adfs", "cert", "catalogue"}
	for typed, want := range map[string]string{"chekc": "check", "auto": "autodiscover", "DNS": "dns", "certt": "cert", "catalog": "catalogue", "xyzzy": "", "": "", strings.Repeat("c", 1000): ""} {
		if got := suggest(typed, names); got != want {
			t.Errorf("%.20q: %q, want %q", typed, got, want)
		}
	}
}

// TestPKCS12 reads what Windows exports: without a password, and with one that
// nobody is there to type.
func TestPKCS12(t *testing.T) {
	ca, err := certtest.New(certtest.Options{Name: "Lab Root"})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(certtest.Template{DNSNames: []string{"sip.contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	write := func(password string) string {
		b, err := pkcs12.Modern.Encode(leaf.PrivateKey, leaf.Leaf, nil, password)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "user.pfx")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	code, out, errs := call(t, t.Context(), "cert", write(""))
	if code != 1 || errs != "" || !strings.Contains(out, `"sip.contoso.com"`) || !strings.Contains(out, `"verified": false`) {
		t.Errorf("exit code %d, stderr %q: %s", code, errs, out)
	}
	validate(t, "cert", out)
	code, out, errs = call(t, t.Context(), "cert", write("secret"))
	if code != exitUsage || out != "" || !strings.Contains(errs, "password") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errs)
	}
}

// TestFullDisk: a document that cannot be written is the tool's failure.
func TestFullDisk(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"version"}, strings.NewReader(""), fullDisk{}, &errs, func(string) (string, bool) { return "", false })
	if code != exitUnfinished || !strings.HasPrefix(errs.String(), "lyncdiag: ") {
		t.Errorf("exit code %d, stderr %q", code, errs.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrClosed }
