package archtest

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guidePage is docs/adding-a-finding.md, taken apart.
type guidePage struct {
	edits    []edit
	commands [][]string
	mentions []string // what stands in backticks
}

// An edit puts code into a file: into the list that a function returns, or at
// the end of the file where list is "".
type edit struct{ file, list, code string }

var (
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	place   = regexp.MustCompile("(?m)^`([^`]+)`, (?:in the list of `(\\w+)`|at its end):\\s*\\z")
	mention = regexp.MustCompile("`([^`\n]+)`")
)

func readGuide(text string) (guidePage, error) {
	var g guidePage
	last := 0
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		before, language, code := text[last:m[0]], text[m[2]:m[3]], text[m[4]:m[5]]
		last = m[1]
		switch language {
		case "go":
			p := place.FindStringSubmatch(before)
			if p == nil {
				return g, fmt.Errorf("nothing says where this goes:\n%s", code)
			}
			g.edits = append(g.edits, edit{p[1], p[2], code})
		case "sh":
			for line := range strings.Lines(code) {
				g.commands = append(g.commands, strings.Fields(line))
			}
		default:
			return g, fmt.Errorf("a block of %s: nobody checks it", language)
		}
	}
	for _, m := range mention.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		g.mentions = append(g.mentions, m[1])
	}
	return g, nil
}

// apply makes the edit in a file's text.
func (e edit) apply(text []byte) ([]byte, error) {
	if e.list == "" {
		return format.Source(append(append(text, '\n'), e.code...))
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, e.file, text, 0)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != e.list || f.Body == nil || len(f.Body.List) == 0 {
			continue
		}
		returned, ok := f.Body.List[len(f.Body.List)-1].(*ast.ReturnStmt)
		if !ok || len(returned.Results) != 1 {
			continue
		}
		list, ok := returned.Results[0].(*ast.CompositeLit)
		if !ok {
			continue
		}
		end := files.Position(list.Rbrace).Offset
		before := bytes.TrimRight(text[:end], " \t\n,")
		return format.Source(slices.Concat(before, []byte(",\n"), []byte(e.code), text[end:]))
	}
	return nil, fmt.Errorf("%s: function %s ends in no list", e.file, e.list)
}

// TestGuide follows docs/adding-a-finding.md in a copy of the repository, so
// that the page cannot say anything but how it is done.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "adding-a-finding.md"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := readGuide(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.edits) < 3 || len(g.commands) < 3 || strings.Count(string(text), "\n") > 110 {
		t.Fatalf("%d edits, %d commands, %d lines: the page does not show a finding on one page", len(g.edits), len(g.commands), strings.Count(string(text), "\n"))
	}
	if testing.Short() {
		t.Skip("builds the whole repository")
	}
	folder := filepath.Join(t.TempDir(), "lyncdiag") // nothing but it, so no corpus beside it
	if err := copyRepository(folder); err != nil {
		t.Fatal(err)
	}
	for _, e := range g.edits {
		name := filepath.Join(folder, filepath.FromSlash(e.file))
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		after, err := e.apply(before)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, after, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var last []byte
	for _, words := range g.commands {
		if words[0] != "go" {
			t.Fatalf("%q is no command of Go", words)
		}
		command := exec.CommandContext(t.Context(), "go", words[1:]...)
		command.Dir = folder
		// With -trimpath the next copy is built from the cache. The copy has no
		// peers, whatever this run requires.
		command.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath"), "LYNCDIAG_REQUIRE_PEERS=")
		var failure bytes.Buffer
		command.Stderr = &failure
		if last, err = command.Output(); err != nil {
			t.Fatalf("%s: %v\n%s%s", strings.Join(words, " "), err, last, &failure)
		}
	}
	// The last command diagnoses the example.
	if name := g.mentions[0]; !strings.Contains(string(last), name) {
		t.Errorf("%s is not found:\n%s", name, last)
	}
	declared, err := declarations(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range g.mentions {
		if err := checkMention(m, folder, g, declared); err != nil {
			t.Error(err)
		}
	}
}

// copyRepository copies what is checked in, and whatever else lies beside it.
func copyRepository(to string) error {
	from := os.DirFS(root)
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		switch {
		case d.Name() == ".git":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// declarations are the names of functions, types, values and fields in the Go
// files below a folder.
func declarations(folder string) (map[string]bool, error) {
	names := map[string]bool{}
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = true
			case *ast.TypeSpec:
				names[n.Name.Name] = true
			case *ast.ValueSpec:
				for _, id := range n.Names {
					names[id.Name] = true
				}
			case *ast.Field:
				for _, id := range n.Names {
					names[id.Name] = true
				}
			}
			return true
		})
		return nil
	})
	return names, err
}

var identifier = regexp.MustCompile(`^[A-Za-z]\w*$`)

// checkMention says what is wrong with a word in backticks. A word of no known
// kind is wrong too, as nobody would see it grow old.
func checkMention(word, folder string, g guidePage, declared map[string]bool) error {
	// Files that are not of the repository, and what scenarios consist of.
	elsewhere := []string{"findings.tsv", "want.json", "-update"}
	inExample := slices.ContainsFunc(g.edits, func(e edit) bool { return strings.Contains(e.code, `"`+word+`"`) })
	switch {
	case inExample, slices.Contains(elsewhere, word):
		return nil
	case identifier.MatchString(word):
		if !declared[word] {
			return fmt.Errorf("%s: nothing of that name is declared", word)
		}
		return nil
	case strings.HasPrefix(word, "lyncdiag "):
		// cmd has a file for each command.
		if _, err := os.Stat(filepath.Join(folder, "cmd", "lyncdiag", strings.Fields(word)[1]+".go")); err != nil {
			return fmt.Errorf("%s: there is no such command: %w", word, err)
		}
		return nil
	case strings.Contains(word, "/"):
		_, err := os.Stat(filepath.Join(folder, filepath.FromSlash(word)))
		return err
	}
	return errors.New(word + ": neither a file, a command nor a name in the code")
}

// A page that is wrong must not pass.
func TestGuideCanFail(t *testing.T) {
	for _, page := range []string{
		"Somewhere:\n\n```go\nx\n```\n",
		"`a.go`, in the list of `f`:\n\n```ps1\nx\n```\n",
	} {
		if g, err := readGuide(page); err == nil {
			t.Errorf("%q reads as %+v", page, g)
		}
	}
	g, err := readGuide("See `T`.\n\n`a.go`, in the list of `f`:\n\n```go\n{\"c\"},\n```\n\n`a.go`, at its end:\n\n```go\nvar x int\n```\n\n```sh\ngo test ./a\n```\n")
	if err != nil || len(g.edits) != 2 || len(g.commands) != 1 || !slices.Equal(g.mentions, []string{"T", "a.go", "f", "a.go"}) {
		t.Fatalf("%+v, %v", g, err)
	}
	const source = "package a\n\nfunc f() []t { return []t{{\"a\"}, {\"b\"}} }\n"
	for i, want := range []string{
		"package a\n\nfunc f() []t {\n\treturn []t{{\"a\"}, {\"b\"},\n\t\t{\"c\"},\n\t}\n}\n",
		source + "\nvar x int\n",
	} {
		if got, err := g.edits[i].apply([]byte(source)); err != nil || string(got) != want {
			t.Errorf("%+v gives %v\n%s", g.edits[i], err, got)
		}
	}
	for _, e := range []edit{{"a.go", "g", "{},"}, {"a.go", "f", "{"}, {"a.go", "", "func"}} {
		if got, err := e.apply([]byte(source)); err == nil {
			t.Errorf("%+v gives\n%s", e, got)
		}
	}
	for _, word := range []string{"Gone", "docs/gone.md", "lyncdiag gone", "go-away", "*.go"} {
		if checkMention(word, root, g, map[string]bool{"T": true}) == nil {
			t.Errorf("%s passes", word)
		}
	}
	for _, word := range []string{"T", "c", "docs/architecture.md", "lyncdiag catalogue"} {
		if err := checkMention(word, root, g, map[string]bool{"T": true}); err != nil {
			t.Error(err)
		}
	}
}
