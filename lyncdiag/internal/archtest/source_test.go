package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources calls f with every Go file of the repository and its path from the
// root.
func sources(t *testing.T, f func(name string, text []byte)) {
	t.Helper()
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		f(name, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkNames returns what is wrong with the file's and the package's name.
func checkNames(name string, file *ast.File) []string {
	var wrong []string
	base := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".go"), "_test")
	for _, s := range []string{base, strings.TrimSuffix(file.Name.Name, "_test")} {
		if slices.Contains(vague, s) {
			wrong = append(wrong, fmt.Sprintf("%s: %q does not say what is in it", name, s))
		}
	}
	return wrong
}

// checkSource returns the uses of banned identifiers, HTTP clients without a
// transport (which dial on their own) and init functions. It marks in used the
// exceptions that it needed.
func checkSource(name string, files *token.FileSet, file *ast.File, except []exception, used map[exception]bool) []string {
	var wrong []string
	report := func(at ast.Node, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s:%d: %s", name, files.Position(at.Pos()).Line, fmt.Sprintf(format, args...)))
	}
	imports := map[string]string{}
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			report(spec, "%v", err)
			continue
		}
		local := path.Base(from)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			report(spec, "imports the names of %s into its own", from)
		}
		imports[local] = from
	}
	// selected is the import path and the name of pkg.Name; a variable that
	// hides the package has an object.
	selected := func(n ast.Node) (string, string) {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Obj == nil {
				return imports[x.Name], s.Sel.Name
			}
		}
		return "", ""
	}
	excused := func(from, id string) bool {
		for _, e := range except {
			if e.Folder == path.Dir(name) && e.Package == from && e.Name == id {
				used[e] = true
				return true
			}
		}
		return false
	}
	inMain := false
	inspect := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				report(n, "init: an import must have no effect")
			}
		case *ast.CompositeLit:
			from, id := selected(n.Type)
			if from == "net/http" && id == "Client" && !setsField(n, "Transport") && !excused(from, id) {
				report(n, "http.Client without Transport dials on its own: %s", throughNetwork)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && len(n.Args) == 1 {
				if from, id := selected(n.Args[0]); from == "net/http" && id == "Client" && !excused(from, id) {
					report(n, "http.Client without Transport dials on its own: %s", throughNetwork)
				}
			}
		case *ast.SelectorExpr:
			from, id := selected(n)
			for _, b := range bans {
				banned := b.Package == from && (slices.Contains(b.Names, id) || slices.Contains(b.Names, "*"))
				if banned && !(b.InMain && inMain) && !excused(from, id) {
					report(n, "%s.%s: %s", from, id, b.Reason)
				}
			}
		}
		return true
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		inMain = ok && f.Recv == nil && f.Name.Name == "main" && file.Name.Name == "main"
		ast.Inspect(d, inspect)
	}
	return wrong
}

func setsField(lit *ast.CompositeLit, field string) bool {
	return slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		key, ok := kv.Key.(*ast.Ident)
		return ok && key.Name == field
	})
}

func TestSource(t *testing.T) {
	used := map[exception]bool{}
	sources(t, func(name string, text []byte) {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, 0)
		if err != nil {
			t.Error(err)
			return
		}
		wrong := checkNames(name, file)
		if !strings.HasSuffix(name, "_test.go") {
			wrong = append(wrong, checkSource(name, files, file, exceptions, used)...)
		}
		for _, w := range wrong {
			t.Error(w)
		}
	})
	for _, e := range exceptions {
		if !used[e] || e.Reason == "" {
			t.Errorf("exception for %s.%s in %s: not needed, or without a reason", e.Package, e.Name, e.Folder)
		}
	}
}

func TestSourceRulesCanFail(t *testing.T) {
	const imports = "import (\"net\"; \"net/http\"; web \"net/http\"; \"os\"; \"text/template\")\n"
	for _, tt := range []struct {
		name, text, want string
	}{
		{"sip/a.go", "func f() { net.Dial(`tcp`, ``) }", "net.Dial"},
		{"sip/a.go", "var d net.Dialer", "net.Dialer"},
		{"sip/a.go", "var r = net.DefaultResolver", "net.DefaultResolver"},
		{"sip/a.go", "func f() { web.Get(``) }", "net/http.Get"},
		{"sip/a.go", "var c = http.DefaultClient", "net/http.DefaultClient"},
		{"sip/a.go", "var c = &http.Client{Timeout: 5}", "http.Client without Transport"},
		{"sip/a.go", "var c = new(http.Client)", "http.Client without Transport"},
		{"sip/a.go", "var c = &http.Client{Transport: t}", ""},
		{"sip/a.go", "func f(net T) { net.Dial() }", ""},
		{"sip/a.go", "func f() { x.Dial(); net.JoinHostPort(``, ``) }", ""},
		{"sip/a.go", "func init() {}", "init"},
		{"sip/a.go", "func (t T) init() {}", ""},
		{"sip/a.go", "func f() { os.Exit(1) }", "os.Exit"},
		{"sip/a.go", "func main() { os.Exit(1) }", "os.Exit"},
		{"lyncdiag/a.go", "var d net.Dialer", ""},
		{"lyncdiag/a.go", "var r net.Resolver", "net.Resolver"},
		{"lyncdiag/lab/a.go", "var d net.Dialer", "net.Dialer"},
		{"sip/a.go", "var t = template.New(``)", "text/template.New"},
		{"sip/utils.go", "", "does not say"},
		{"sip/types_test.go", "", "does not say"},
		{"sip/typesetting.go", "", ""},
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, tt.name, "package p\n"+imports+tt.text, 0)
		if err != nil {
			t.Fatal(err)
		}
		used := map[exception]bool{}
		wrong := strings.Join(append(checkNames(tt.name, file), checkSource(tt.name, files, file, []exception{{Folder: "lyncdiag", Package: "net", Name: "Dialer"}}, used)...), "\n")
		if (wrong == "") != (tt.want == "") || !strings.Contains(wrong, tt.want) {
			t.Errorf("%s with %q: %q, want %q", tt.name, tt.text, wrong, tt.want)
		}
	}
	files := token.NewFileSet()
	command, err := parser.ParseFile(files, "a.go", "package main; import (`os`; `net`); func main() { os.Exit(1); net.Dial() }; func f() { os.Exit(2) }", 0)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := checkSource("cmd/a.go", files, command, nil, nil); len(wrong) != 2 {
		t.Errorf("a dial in main and an exit outside it: %q", wrong)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "a.go", "package helpers", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(checkNames("sip/a.go", file)) == 0 {
		t.Error("a package named helpers passes")
	}
}

// checkTopLevel returns what is missing from the root or too much there.
func checkTopLevel(entries []string) []string {
	var wrong []string
	for _, name := range entries {
		if !slices.Contains(topLevel, name) && !strings.HasPrefix(name, ".") {
			wrong = append(wrong, name+": the architecture has no such entry")
		}
	}
	for _, name := range topLevel {
		if !slices.Contains(entries, name) {
			wrong = append(wrong, name+": missing")
		}
	}
	return wrong
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, wrong := range checkTopLevel(names) {
		t.Error(wrong)
	}
	if got := checkTopLevel(append([]string{".ci", "pkg"}, topLevel[1:]...)); !slices.Equal(got, []string{"pkg: the architecture has no such entry", "LICENSE: missing"}) {
		t.Errorf("one entry too many and one missing: %q", got)
	}
}
