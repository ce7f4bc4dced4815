package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedFilesAreFresh runs the generator into an empty folder and
// compares with what is checked in.
func TestGeneratedFilesAreFresh(t *testing.T) {
	root, fresh := filepath.Join("..", "..", ".."), t.TempDir()
	for _, folder := range []string{"render", "redact", "bundle"} {
		source := os.DirFS(filepath.Join(root, "lyncdiag", folder))
		if err := os.CopyFS(filepath.Join(fresh, "lyncdiag", folder), sources{source}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(fresh, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(fresh); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"docs/schema", "docs/findings", "lyncdiag/render/schema"} {
		want := read(t, filepath.Join(fresh, dir))
		have := read(t, filepath.Join(root, dir))
		for name := range have {
			if _, ok := want[name]; !ok {
				t.Errorf("%s/%s is stale: run go generate ./...", dir, name)
			}
		}
		for name, content := range want {
			if have[name] != content {
				t.Errorf("%s/%s differs from what is generated: run go generate ./...", dir, name)
			}
		}
	}
	for _, name := range []string{"docs/kb-coverage.md", "docs/json.md", "lyncdiag/render/logview.html.gz"} {
		want, _ := os.ReadFile(filepath.Join(fresh, name))
		have, _ := os.ReadFile(filepath.Join(root, name))
		if len(want) == 0 || string(want) != string(have) {
			t.Errorf("%s differs from what is generated: run go generate ./...", name)
		}
	}
}

// sources is what is read of a folder: Go, as the wire structs are read as source,
// and pages.
type sources struct{ fs.FS }

func (g sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(g.FS, name)
	var list []fs.DirEntry
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".go" || ext == ".html" {
			list = append(list, e)
		}
	}
	return list, err
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}
