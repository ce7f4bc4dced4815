// Package examples_test builds every example and runs it, so that each does
// what its first lines promise.
package examples_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"go/parser"
	"go/token"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	// The lab needs every package that the examples show. Without this import
	// the go command would keep a result when one of them has changed.
	_ "github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// module begins the import path of every package of the project.
const module = "github.com/lyncdiag/go-lyncdiag/"

// examples are the folders, and what each may import of the project. Who uses
// a leaf alone sees from its example that nothing else is needed but a network.
var examples = []struct {
	name    string
	imports []string
}{
	{"certificate", []string{"certs", "lyncdiag/lab"}},
	{"classifylog", []string{"sip"}},
	{"diagnose", []string{"lyncdiag", "lyncdiag/fact", "lyncdiag/lab"}},
	{"dns", []string{"dnscheck", "lyncdiag", "lyncdiag/lab"}},
	{"mex", []string{"adfs", "lyncdiag/lab"}},
	{"redactlog", []string{"lyncdiag/redact", "sip"}},
	{"ownstage", []string{"lyncdiag", "lyncdiag/fact", "lyncdiag/lab"}},
}

// TestExamples builds every example once and runs it: on the lab, on input of
// its own, and on input that is none.
func TestExamples(t *testing.T) {
	programs := t.TempDir() + string(filepath.Separator)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "./...").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	chain := filepath.Join(t.TempDir(), "chain.pem")
	writeCertificate(t, chain)
	// What must be printed is in the example's folder.
	for _, run := range []struct {
		example, want, stdin string
		args                 []string
	}{
		{example: "certificate", want: "output.txt"},
		{example: "certificate", want: "output-file.txt", args: []string{chain, "sip.contoso.example"}},
		{example: "classifylog", want: "output.txt", stdin: "../sip/testdata/signin-4005.uccapilog"},
		{example: "diagnose", want: "output.txt"},
		{example: "dns", want: "output.txt"},
		{example: "mex", want: "output.txt"},
		{example: "mex", want: "output-file.txt", args: []string{"../adfs/testdata/mex/odd-nodes.xml"}},
		{example: "redactlog", want: "output.txt", args: []string{"../sip/testdata/signin-4005.uccapilog"}},
		{example: "ownstage", want: "output.txt"},
		{example: "ownstage", want: "output-supported.txt", args: []string{"15.0.4481.1000"}},
	} {
		t.Run(run.example+"/"+run.want, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), filepath.Join(programs, run.example), run.args...)
			if run.stdin != "" {
				file, err := os.Open(run.stdin)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				program.Stdin = file
			}
			var failure bytes.Buffer
			program.Stderr = &failure
			got, err := program.Output()
			if err != nil || failure.Len() > 0 {
				t.Fatalf("%v\n%s", err, &failure)
			}
			want, err := os.ReadFile(filepath.Join(run.example, run.want))
			if err != nil {
				t.Fatal(err)
			}
			if !fits(string(got), string(want)) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for _, run := range []struct{ example, arg, says string }{
		{"certificate", "missing.pem", "certificate: open missing.pem: "},
		{"diagnose", "joe", `diagnose: address "joe": no @; `},
		{"dns", "contoso..example", "dns: dnscheck: "},
		{"redactlog", "missing.log", "redactlog: "},
		{"mex", "examples_test.go", "mex: adfs: "},
	} {
		t.Run(run.example+"/bad input", func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), filepath.Join(programs, run.example), run.arg, "sip.contoso.example").CombinedOutput()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), run.says) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("%v, %q, want exit code 1 and a line that begins %q", err, out, run.says)
			}
		})
	}
}

// fits tells whether a text is what is wanted, where "..." stands for any text:
// wording of the catalogue and of other tables is not repeated here.
func fits(text, want string) bool {
	parts := strings.Split(want, "...")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(text)
}

func TestFits(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		fits       bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\nc\n", "a\n...c\n", true},
		{"a\nb\n", "a\n", false},
		{"x a\n", "a\n", false},
		{"a.c\n", "abc\n", false},
		{"abc\n", "a.c\n", false},
	} {
		if fits(tt.text, tt.want) != tt.fits {
			t.Errorf("%q and %q: want %t", tt.text, tt.want, tt.fits)
		}
	}
}

// writeCertificate writes a certificate that nobody but itself has issued.
func writeCertificate(t *testing.T, path string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sip.contoso.example"}, DNSNames: []string{"sip.contoso.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// maxLines is what is read without scrolling: main.go below its first comment.
const maxLines = 60

// TestShape holds each example to one screen, a first comment that says how to
// run it and what it prints, and its imports.
func TestShape(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("*", "main.go"))
	if err != nil || len(folders) != len(examples) {
		t.Errorf("%d folders, the table has %d examples (%v)", len(folders), len(examples), err)
	}
	for _, e := range examples {
		files, err := filepath.Glob(filepath.Join(e.name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
			if err != nil {
				t.Error(err)
				continue
			}
			if n := set.Position(file.FileEnd).Line - set.Position(file.Package).Line; n > maxLines {
				t.Errorf("%s: %d lines, want at most %d", name, n, maxLines)
			}
			if filepath.Base(name) == "main.go" {
				about := file.Doc.Text()
				if !strings.Contains(about, "go run ./examples/"+e.name) || !strings.Contains(about, "\nIt prints ") {
					t.Errorf("%s: the first comment does not say how to run it and what it prints", name)
				}
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				own, ours := strings.CutPrefix(path, module)
				if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && !(ours && slices.Contains(e.imports, own)) {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
}
