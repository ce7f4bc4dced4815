package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// root is the repository, seen from this folder.
const root = "../../.."

// imported is what the go command says of a package, with names as the rules
// write them. Deps are its imports and theirs, without the standard library's
// own.
type imported struct {
	Path         string `json:"ImportPath"`
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// packages lists the module's packages as they build on one system.
func packages(t *testing.T, goos string) []imported {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var failure bytes.Buffer
	list.Stderr = &failure
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &failure)
	}
	var all []imported
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p imported
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		p.Path = relative(p.Path)
		for _, names := range [][]string{p.Imports, p.TestImports, p.XTestImports, p.Deps} {
			for i, name := range names {
				names[i] = relative(name)
			}
		}
		all = append(all, p)
	}
}

func relative(path string) string { return strings.TrimPrefix(path, module) }

func matches(pattern, path string) bool {
	folder, all := strings.CutSuffix(pattern, "/...")
	return path == folder || all && strings.HasPrefix(path, folder+"/")
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// ours tells the module's folders from those of the standard library.
var ours = []string{"adfs/...", "certs/...", "cmd/...", "dnscheck/...", "examples/...", "lyncdiag/...", "sip/..."}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !matchesAny(ours, path)
}

// checkImports returns every import that the package's rule does not allow.
func checkImports(p imported, rules []importRule) []string {
	rule := importRule{}
	for _, r := range rules {
		if matches(r.From, p.Path) && len(r.From) > len(rule.From) {
			rule = r
		}
	}
	if rule.From == "" {
		return []string{p.Path + ": no rule says what this package may import: add one to rules_test.go"}
	}
	var wrong []string
	check := func(kind string, imports []string, may ...string) {
		for _, path := range imports {
			if !standard(path) && !matchesAny(may, path) {
				wrong = append(wrong, fmt.Sprintf("%s: %s %s: %s", p.Path, kind, path, rule.Reason))
			}
		}
	}
	inTests := slices.Concat(rule.May, rule.Tests)
	check("imports", p.Imports, rule.May...)
	check("imports in its tests", p.TestImports, inTests...)
	check("imports in its tests", p.XTestImports, append(inTests, p.Path)...)
	return wrong
}

// checkReach returns everything that the package must not depend on, even
// through others.
func checkReach(p imported, rules []reachRule) []string {
	var wrong []string
	for _, r := range rules {
		if r.From != p.Path {
			continue
		}
		for _, path := range p.Deps {
			outside := r.Only != nil && !standard(path) && !matchesAny(r.Only, path)
			if outside || matchesAny(r.Never, path) {
				wrong = append(wrong, fmt.Sprintf("%s: depends on %s: %s", p.Path, path, r.Reason))
			}
		}
	}
	return wrong
}

func TestImports(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		for _, p := range packages(t, goos) {
			for _, wrong := range append(checkImports(p, importRules), checkReach(p, reachRules)...) {
				t.Errorf("%s: %s", goos, wrong)
			}
		}
	}
}

// The packages and rules here are made up, so that a checker that lets
// everything pass is found.
func TestImportRulesCanFail(t *testing.T) {
	rules := []importRule{
		{From: "sip", Tests: []string{"sip/siptest"}, Reason: "leaf"},
		{From: "lyncdiag", May: []string{"sip", "golang.org/x/text/..."}, Reason: "judge"},
		{From: "lyncdiag/kb", Reason: "data"},
		{From: "cmd/...", May: []string{"lyncdiag/...", "github.com/spf13/cobra"}, Reason: "command"},
	}
	for _, tt := range []struct {
		name string
		p    imported
		want []string
	}{
		{"standard library", imported{Path: "sip", Imports: []string{"net", "vendor/golang.org/x/net/idna", "crypto/x509"}}, nil},
		{"another leaf", imported{Path: "sip", Imports: []string{"certs"}}, []string{"sip: imports certs: leaf"}},
		{"the judge", imported{Path: "sip", Imports: []string{"lyncdiag"}}, []string{"sip: imports lyncdiag: leaf"}},
		{"a module", imported{Path: "sip", Imports: []string{"golang.org/x/text/width"}}, []string{"sip: imports golang.org/x/text/width: leaf"}},
		{"the fake outside tests", imported{Path: "sip", Imports: []string{"sip/siptest"}}, []string{"sip: imports sip/siptest: leaf"}},
		{"the fake in tests", imported{Path: "sip", TestImports: []string{"sip/siptest"}, XTestImports: []string{"sip", "sip/siptest"}}, nil},
		{"the judge in tests", imported{Path: "sip", XTestImports: []string{"lyncdiag/lab"}}, []string{"sip: imports in its tests lyncdiag/lab: leaf"}},
		{"allowed", imported{Path: "lyncdiag", Imports: []string{"sip", "golang.org/x/text/width"}}, nil},
		{"a folder is not what begins like it", imported{Path: "cmd/x", Imports: []string{"lyncdiagnosis.example/a"}}, []string{"cmd/x: imports lyncdiagnosis.example/a: command"}},
		{"the longest rule decides", imported{Path: "lyncdiag/kb", Imports: []string{"sip"}}, []string{"lyncdiag/kb: imports sip: data"}},
		{"a package without rule", imported{Path: "adfs"}, []string{"adfs: no rule says what this package may import: add one to rules_test.go"}},
	} {
		if got := checkImports(tt.p, rules); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}

	reach := []reachRule{
		{From: "sip", Only: []string{}, Reason: "alone"},
		{From: "dnscheck", Only: []string{"github.com/miekg/dns/..."}, Reason: "small"},
		{From: "cmd/x", Never: []string{"html/template", "lyncdiag"}, Reason: "size"},
	}
	for _, tt := range []struct {
		p    imported
		want []string
	}{
		{imported{Path: "sip", Deps: []string{"net", "vendor/golang.org/x/net/idna"}}, nil},
		{imported{Path: "sip", Deps: []string{"golang.org/x/sys/unix", "certs"}}, []string{"sip: depends on golang.org/x/sys/unix: alone", "sip: depends on certs: alone"}},
		{imported{Path: "dnscheck", Deps: []string{"github.com/miekg/dns", "github.com/miekg/dns/internal"}}, nil},
		{imported{Path: "dnscheck", Deps: []string{"github.com/miekg/other"}}, []string{"dnscheck: depends on github.com/miekg/other: small"}},
		{imported{Path: "cmd/x", Deps: []string{"text/template", "lyncdiag/kb", "html/template", "lyncdiag"}}, []string{"cmd/x: depends on html/template: size", "cmd/x: depends on lyncdiag: size"}},
	} {
		if got := checkReach(tt.p, reach); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.p.Path, got, tt.want)
		}
	}
}

// The rules name planned packages too. An import rule with a slip in its name
// leaves a package without rule; a reach rule would just never apply.
func TestImportRulesAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range importRules {
		if seen[r.From] || r.Reason == "" {
			t.Errorf("import rule %q: there twice, or without a reason", r.From)
		}
		seen[r.From] = true
	}
	for _, r := range reachRules {
		known := slices.ContainsFunc(importRules, func(i importRule) bool { return matches(i.From, r.From) })
		if !known || r.Reason == "" || r.Only == nil && r.Never == nil {
			t.Errorf("reach rule %q: no import rule has such a package, or it forbids nothing, or without a reason", r.From)
		}
	}
}
