package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestPasswordStdin reads what shells pipe, and refuses what is no password
// without repeating it.
func TestPasswordStdin(t *testing.T) {
	for _, tt := range []struct{ name, input, want, fail string }{
		{"line", "Lab-Passw0rd\n", "Lab-Passw0rd", ""},
		{"no line end", "Lab-Passw0rd", "Lab-Passw0rd", ""},
		{"Windows", "Lab-Passw0rd\r\n", "Lab-Passw0rd", ""},
		{"spaces are part of it", " a b \n", " a b ", ""},
		{"byte order mark", "\ufeffgr\u00fcn\r\n", "gr\u00fcn", ""},
		{"UTF-16", "\xff\xfeg\x00r\x00\xfc\x00n\x00\r\x00\n\x00", "gr\u00fcn", ""},
		{"blank lines behind", "x\n\n", "x", ""},
		{"two lines", "first\nsecond\n", "", "more than one line"},
		{"a file", strings.Repeat("x", 5000), "", "too long"},
	} {
		flags := credentialFlags{stdin: true}
		got, err := flags.password(t.Context(), &program{stdin: strings.NewReader(tt.input)}, "joe")
		switch {
		case tt.fail == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %q, %v", tt.name, got, err)
		case tt.fail != "" && (err == nil || !strings.Contains(err.Error(), tt.fail) || strings.Contains(err.Error(), "second") || got != ""):
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

// TestNoOutputHoldsThePassword runs what takes a password in every format.
func TestNoOutputHoldsThePassword(t *testing.T) {
	const password = "S3cret-of-joe"
	for _, command := range [][]string{
		{"check", "--lab"}, {"check", "--lab=healthy-managed"}, {"check", "--lab=adfs-windows-endpoint-exposed", "--authentication", "windows"},
		{"check", "--lab", "--offline"}, {"adfs", "token", "--lab"}, {"adfs", "token", "--lab=trust-no-token"}, {"adfs", "token", "--lab=adfs-trust-endpoint-unavailable"},
	} {
		for _, format := range []string{"text", "json", "ndjson"} {
			var out, errs bytes.Buffer
			args := append([]string{"-v", "-o", format, "--password-env", "PASSWORD"}, command...)
			code := run(context.Background(), args, strings.NewReader(""), &out, &errs, func(name string) (string, bool) { return password, name == "PASSWORD" })
			if code == 0 || strings.Contains(out.String()+errs.String(), password) {
				t.Errorf("%q: exit code %d\n%s%s", args, code, &out, &errs)
			}
		}
	}
}
