package archtest

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of the public API")

// apiFolder holds one file for each public package, its path joined by "-".
const apiFolder = "../../testdata/api"

// A budget bounds the names of a package. A name is a type, function, variable
// or constant that is declared at package level and exported. Constants of an
// exported type of the same package belong to it, as they do in go doc, and
// count no more than methods and fields do. Neither do variables that are made
// by the function Apart.
type budget struct {
	Package string
	Max     int
	Apart   string
	Reason  string
}

// otherBudget is for the packages that budgets does not list.
const otherBudget = 15

var budgets = []budget{
	{Package: "lyncdiag", Max: 60, Reason: "the judge and the front door: model, plan, rules, running"},
	{Package: "lyncdiag/kb", Max: 50, Reason: "scope, messages, tree, catalogue and client section of the article, each with its type and its lookup"},
	{Package: "lyncdiag/fact", Max: 65, Apart: "NewKey", Reason: "a typed fact for each thing that can be seen, of which the client of a computer takes six; a key is a line per fact"},
	{Package: "lyncdiag/render", Max: 25, Reason: "a constructor for each document and its inputs"},
	{Package: "lyncdiag/client", Max: 18, Reason: "a computer, here or exported, and its reset, whose seven kinds of things are constants"},
	{Package: "sip", Max: 40, Reason: "messages, logs, attempts, classification and the registrar"},
	{Package: "dnscheck", Max: 45, Reason: "resolver, expectations, Autodiscover and nslookup's output"},
	{Package: "adfs", Max: 30, Reason: "realm, MEX, metadata, faults and tokens"},
	{Package: "certs", Max: 20, Reason: "one question: what is wrong with this chain"},
}

func budgetOf(pkg string) budget {
	i := slices.IndexFunc(budgets, func(b budget) bool { return b.Package == pkg })
	if i < 0 {
		return budget{Package: pkg, Max: otherBudget, Reason: "what is not listed is small"}
	}
	return budgets[i]
}

// publicPackages are the folders that other modules can import.
func publicPackages(t *testing.T) []string {
	var all []string
	for _, p := range packages(t, "linux") {
		private := slices.Contains(strings.Split(p.Path, "/"), "internal")
		if !private && !matchesAny([]string{"cmd/...", "examples/..."}, p.Path) {
			all = append(all, p.Path)
		}
	}
	return all
}

// parsePackage reads a package as it builds on Linux, so that the golden files
// do not depend on where the test runs.
func parsePackage(folder string) (*doc.Package, *token.FileSet, error) {
	system := build.Default
	system.GOOS, system.GOARCH, system.CgoEnabled = "linux", "amd64", false
	listed, err := system.ImportDir(folder, 0)
	if err != nil {
		return nil, nil, err
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range listed.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		parsed = append(parsed, file)
	}
	pkg, err := doc.NewFromFiles(files, parsed, "api")
	return pkg, files, err
}

// surface is what a package exports, a block for each declaration in the order
// of kinds and names, and how many names that is.
func surface(pkg *doc.Package, files *token.FileSet, apart string) (text []byte, count int) {
	var out bytes.Buffer
	write := func(node any) {
		var raw strings.Builder
		if err := printer.Fprint(&raw, files, node); err != nil {
			fmt.Fprintf(&raw, "cannot be printed: %v", err)
		}
		// Comments leave gaps and set what is aligned with what; without either,
		// a new comment is no change of the API.
		for line := range strings.Lines(raw.String()) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			indent := line[:len(line)-len(strings.TrimLeft(line, "\t"))]
			out.WriteString(indent + strings.Join(words, " ") + "\n")
		}
	}
	values := func(groups []*doc.Value, counted bool) {
		var specs []ast.Spec
		keyword := map[ast.Spec]token.Token{}
		for _, g := range groups {
			for _, s := range exportedValues(g.Decl) {
				specs, keyword[s] = append(specs, s), g.Decl.Tok
			}
		}
		slices.SortFunc(specs, func(a, b ast.Spec) int {
			return strings.Compare(a.(*ast.ValueSpec).Names[0].Name, b.(*ast.ValueSpec).Names[0].Name)
		})
		for _, s := range specs {
			v := s.(*ast.ValueSpec)
			if counted && !madeBy(v, apart) {
				count += len(v.Names)
			}
			fmt.Fprintf(&out, "%s ", keyword[s])
			write(v)
		}
	}
	functions := func(list []*doc.Func) {
		slices.SortFunc(list, func(a, b *doc.Func) int { return strings.Compare(a.Name, b.Name) })
		for _, f := range list {
			f.Decl.Body, f.Decl.Doc = nil, nil
			write(f.Decl)
		}
	}

	values(pkg.Consts, true)
	values(pkg.Vars, true)
	functions(pkg.Funcs)
	count += len(pkg.Funcs)
	for _, t := range pkg.Types {
		if !ast.IsExported(t.Name) { // go/doc files exported values under the type they have
			values(t.Consts, true)
			values(t.Vars, true)
			functions(t.Funcs)
			count += len(t.Funcs)
			continue
		}
		count += 1 + len(t.Funcs)
		out.WriteByte('\n')
		t.Decl.Doc = nil
		write(t.Decl)
		values(t.Consts, false)
		values(t.Vars, true)
		functions(t.Funcs)
		functions(t.Methods)
	}
	return out.Bytes(), count
}

// exportedValues splits a declaration into its exported names. A value written
// out in braces is data and left to the source.
func exportedValues(decl *ast.GenDecl) []ast.Spec {
	var all []ast.Spec
	for _, s := range decl.Specs {
		v := s.(*ast.ValueSpec)
		for i, name := range v.Names {
			if !name.IsExported() {
				continue
			}
			one := &ast.ValueSpec{Names: []*ast.Ident{name}, Type: v.Type}
			if i < len(v.Values) {
				one.Values = []ast.Expr{v.Values[i]}
			}
			if i < len(v.Values) {
				if lit, ok := v.Values[i].(*ast.CompositeLit); ok {
					one.Type, one.Values = lit.Type, nil
				}
			}
			all = append(all, one)
		}
	}
	return all
}

// madeBy tells whether a variable's value is a call of a function.
func madeBy(v *ast.ValueSpec, function string) bool {
	if function == "" || len(v.Values) != 1 {
		return false
	}
	call, ok := v.Values[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	called := call.Fun
	switch f := called.(type) {
	case *ast.IndexExpr:
		called = f.X
	case *ast.IndexListExpr:
		called = f.X
	}
	id, ok := called.(*ast.Ident)
	return ok && id.Name == function
}

// TestAPI compares every public package with its golden file. After a change
// that is meant: go test ./lyncdiag/internal/archtest -run TestAPI -update
func TestAPI(t *testing.T) {
	known := map[string]bool{}
	for _, path := range publicPackages(t) {
		pkg, files, err := parsePackage(filepath.Join(root, path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		b := budgetOf(path)
		text, count := surface(pkg, files, b.Apart)
		if count > b.Max {
			t.Errorf("%s: %d exported names, %d are allowed (%s)", path, count, b.Max, b.Reason)
		}
		name := strings.ReplaceAll(path, "/", "-") + ".txt"
		known[name] = true
		golden := filepath.Join(apiFolder, name)
		text = append(fmt.Appendf(nil, "package %s: %d names\n\n", path, count), text...)
		if *update {
			if err := os.WriteFile(golden, text, 0o644); err != nil {
				t.Error(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Errorf("%s: %v: run this test with -update", path, err)
		} else if d := difference(string(want), string(text)); d != "" {
			t.Errorf("%s: the public API has changed; if it is meant, run this test with -update:\n%s", path, d)
		}
	}
	goldens, err := os.ReadDir(apiFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range goldens {
		if known[g.Name()] {
			continue
		}
		if !*update {
			t.Errorf("%s: there is no such package any more", g.Name())
		} else if err := os.Remove(filepath.Join(apiFolder, g.Name())); err != nil {
			t.Error(err)
		}
	}
}

// difference lists the lines that only one of two texts has.
func difference(old, new string) string {
	if old == new {
		return ""
	}
	count := map[string]int{}
	for line := range strings.Lines(old) {
		count[line]--
	}
	for line := range strings.Lines(new) {
		count[line]++
	}
	var out strings.Builder
	for line := range strings.Lines(old) {
		if count[line] < 0 {
			count[line]++
			out.WriteString("- " + line)
		}
	}
	for line := range strings.Lines(new) {
		if count[line] > 0 {
			count[line]--
			out.WriteString("+ " + line)
		}
	}
	if out.Len() == 0 {
		return "the order of lines"
	}
	return out.String()
}

func TestSurface(t *testing.T) {
	const source = `package p

// Color is a colour.
type Color string

const (
	Red  Color = "red"
	Blue Color = "blue"
	hidden Color = "hidden"
)

const Limit = 4 << 20

const A, b, C = 1, 2, 3

var (
	One   = NewKey[int]("one")
	Two   = NewKey[map[string]int]("two")
	Table = map[string]int{"a": 1}
)

// Thing has fields.
type Thing struct {
	Name string // what it is
	size int
}

func NewKey[T any](name string) Key[T] { return Key[T]{} }

type Key[T any] struct{ name string }

func NewThing(name string) *Thing { return &Thing{Name: name} }

func (t *Thing) Do(n int) error { return nil }
func (t *Thing) do()            {}

type Doer interface{ Do(int) error }

type internal struct{}

func (internal) Do() {}

func Hidden() internal { return internal{} }
`
	const want = `const A = 1
const C = 3
const Limit = 4 << 20
`
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	describe := func(apart string) (string, int) {
		pkg, files, err := parsePackage(folder)
		if err != nil {
			t.Fatal(err)
		}
		text, count := surface(pkg, files, apart)
		return string(text), count
	}
	got, count := describe("NewKey")
	// Color, Limit, A, C, Table, Thing, NewKey, Key, NewThing, Doer, Hidden.
	if count != 11 {
		t.Errorf("%d names, want 11:\n%s", count, got)
	}
	if _, all := describe(""); all != 13 {
		t.Errorf("%d names with the keys, want 13", all)
	}
	if !strings.HasPrefix(got, want) {
		t.Errorf("begins\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{
		"type Color string\n", "const Blue Color = \"blue\"\nconst Red Color = \"red\"\n", "var One = NewKey[int](\"one\")\n", "var Table map[string]int\n",
		"func (t *Thing) Do(n int) error\n", "func NewThing(name string) *Thing\n", "Name string", "func Hidden() internal\n", "type Doer interface",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("lacks %q:\n%s", line, got)
		}
	}
	for _, private := range []string{"hidden", "size int", ") do()", "b = 2", "return"} {
		if strings.Contains(got, private) {
			t.Errorf("shows %q:\n%s", private, got)
		}
	}
	if d := difference("a\nb\n", "b\nc\n"); d != "- a\n+ c\n" {
		t.Errorf("difference: %q", d)
	}
}
