package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// TestExitFor: what has no verdict follows the policy of reports.
func TestExitFor(t *testing.T) {
	for _, test := range []struct {
		problem, warning, undecided     bool
		failure, onWarning, unknown, no int
	}{
		{},
		{problem: true, failure: 1, onWarning: 1, unknown: 1},
		{warning: true, onWarning: 1, unknown: 1},
		{undecided: true, failure: 3, onWarning: 3, unknown: 1},
		{warning: true, undecided: true, failure: 3, onWarning: 1, unknown: 1},
	} {
		for failOn, want := range map[string]int{"failure": test.failure, "warning": test.onWarning, "unknown": test.unknown, "never": test.no} {
			if got := exitFor(failOn, test.problem, test.warning, test.undecided); got != want {
				t.Errorf("%+v, --fail-on %s: %d, want %d", test, failOn, got, want)
			}
		}
	}
}

// TestOutputFile: a file is there whole or not at all; what was there before a
// failure stays.
func TestOutputFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "faults.json")
	files := func() (names []string) {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			names = append(names, f.Name())
		}
		return names
	}
	for range 2 { // again: over the first one
		if code, out, errs := call(t, t.Context(), "lab", "faults", "-o", "json="+path); code != 0 || out != "" || errs != "" {
			t.Fatalf("exit code %d, stdout %q, stderr %q", code, out, errs)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil || !bytes.HasSuffix(whole, []byte("\n}\n")) {
		t.Errorf("%v %.80s", err, whole)
	}
	var errs bytes.Buffer
	code := run(t.Context(), []string{"version", "-o", "json=" + path, "-o", "text"}, strings.NewReader(""), fullDisk{}, &errs, func(string) (string, bool) { return "", false })
	if code != exitUnfinished || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
	if code, _, _ := call(t, t.Context(), "version", "-o", "json="+path, "-o", "mermaid"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Contains(again, []byte("lyncdiag.version/v1")) {
		t.Errorf("the failure of another output cost the file: %v %.80s", err, again)
	}
	broken := filepath.Join(t.TempDir(), "not.uccapilog")
	if err := os.WriteFile(broken, make([]byte, 1<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := call(t, t.Context(), "log", broken, "-o", "json="+path); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, before) {
		t.Errorf("a failure changed the file: %v %.80s", err, again)
	}
	if names := files(); !slices.Equal(names, []string{"faults.json"}) {
		t.Errorf("files left: %q", names)
	}
}

// TestOutputThatCannotBeClosed: an error at the end of writing is said, in one line.
func TestOutputThatCannotBeClosed(t *testing.T) {
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "a.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	p := &program{written: []*output{{Writer: file, file: file, path: filepath.Join(dir, "a")}}}
	if err := p.keep(nil); err == nil || !strings.HasPrefix(cli.OneLine(err), "write "+filepath.Join(dir, "a")) {
		t.Errorf("closed twice: %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("left: %v %v", list, err)
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

// A failure that the document lists is exit code 1, also when no certificate
// was seen.
func TestListedFailureOfCert(t *testing.T) {
	unreached := unseen(fact.Endpoint{Host: "sip.contoso.com", Reach: fact.Reach{Status: fact.Filtered}})
	failure := &lyncdiag.Report{Complete: true, Findings: []lyncdiag.Finding{{Spec: lyncdiag.Spec{Severity: kb.Failure}}}}
	for _, test := range []struct {
		listed *lyncdiag.Report
		failOn string
		want   int
	}{
		{failure, "failure", 1},
		{failure, "never", 0},
		{&lyncdiag.Report{Complete: true}, "failure", 3},
		{&lyncdiag.Report{}, "never", 3},
	} {
		if got := verified(unreached, test.listed, test.failOn); got != test.want {
			t.Errorf("%d findings, fail on %s: exit code %d, want %d", len(test.listed.Findings), test.failOn, got, test.want)
		}
	}
}

func TestMEXExit(t *testing.T) {
	for name, test := range map[string]struct {
		mex  *adfs.MEX
		want int
	}{
		"nothing was asked": {nil, 3},
		"nobody answered":   {&adfs.MEX{Problems: []adfs.Problem{{Code: "unreachable"}}}, 3},
		"usable":            {&adfs.MEX{Selected: adfs.Selected{Username13: "https://sts.contoso.com/"}}, 0},
		"of no use":         {&adfs.MEX{Problems: []adfs.Problem{{Code: "no-username-endpoint"}}}, 1},
	} {
		if got := mexExit(test.mex, &lyncdiag.Report{Complete: true}, "failure"); got != test.want {
			t.Errorf("%s: exit code %d, want %d", name, got, test.want)
		}
	}
}
