package main

import (
	"strings"
	"testing"
)

// TestStandardInputIsReadOnce: two flags that read it are refused before one
// of them takes what was meant for the other.
func TestStandardInputIsReadOnce(t *testing.T) {
	const joe = "joe@contoso.example"
	for _, test := range []struct{ command, want string }{
		{"check " + joe + " --lab --user - --password-stdin", "read --password-stdin: --user - reads standard input too"},
		{"check " + joe + " --lab --domain - --password-stdin", "--domain -"},
		{"check " + joe + " --lab --nslookup - --password-stdin", "--nslookup -"},
		{"check " + joe + " --lab --log - --password-stdin", "--log -"},
		{"check " + joe + " --lab --answers - --password-stdin", "--answers -"},
		{"check --lab --input - --password-stdin", "--input -"},
		{"check --lab --input - --user -", "read --input -: --user -"},
		{"check " + joe + " --offline --user - --domain -", "read --domain -: --user -"},
		{"ask " + joe + " --offline --log - --answers -", "read --answers -: --log -"},
		{"dns --lab --input - --nslookup -", "read --input -: --nslookup -"},
		{"check " + joe + " --proxy http://127.0.0.1:9 --proxy-user joe --proxy-password-stdin --log -", "read --proxy-password-stdin: --log -"},
		{"check " + joe + " --proxy http://127.0.0.1:9 --proxy-user joe --proxy-password-stdin --password-stdin", "read --password-stdin: --proxy-password-stdin"},
		{"adfs mex - --proxy http://127.0.0.1:9 --proxy-user joe --proxy-password-stdin", "read --proxy-password-stdin: the argument -"},
		{"cert - --password-stdin", "read --password-stdin: the argument -"},
	} {
		code, out, errs := call(t, t.Context(), strings.Fields(test.command)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, test.want) || !strings.Contains(errs, "reads standard input too") {
			t.Errorf("%s: exit %d, %q, want %q", test.command, code, errs, test.want)
		}
	}
}

func TestAskReadsAnswersFromStandardInput(t *testing.T) {
	var out, errs strings.Builder
	answers := `{"schema":"lyncdiag.answers/v1","answers":[{"id":"portal-sign-in","value":"no"}]}`
	code := run(t.Context(), []string{"ask", "--answers", "-"}, strings.NewReader(answers), &out, &errs, func(string) (string, bool) { return "", false })
	if code != 1 || !strings.Contains(out.String(), "portal-sign-in-fails") {
		t.Errorf("exit %d, %s%s", code, &out, &errs)
	}
}
