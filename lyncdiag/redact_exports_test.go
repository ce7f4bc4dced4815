package lyncdiag_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// TestRedactedExports: a redacted export is inspected to the client that it was made
// from, redacted, and tells nothing of it.
func TestRedactedExports(t *testing.T) {
	scenarios, err := filepath.Glob(filepath.Join("testdata", "scenarios", "client-*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	generations, err := filepath.Glob(filepath.Join("client", "testdata", "exports", "*.txtar"))
	if err != nil || len(scenarios) < 10 || len(generations) < 8 {
		t.Fatalf("%d scenarios, %d exports: %v", len(scenarios), len(generations), err)
	}
	for _, file := range slices.Concat(scenarios, generations) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, f := range archive.Files {
				name, ok := strings.CutPrefix(f.Name, "client/")
				if ok || slices.Contains(generations, file) {
					if err := writeExport(filepath.Join(dir, filepath.FromSlash(name)), f.Data); err != nil {
						t.Fatal(err)
					}
				}
			}
			c, err := client.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := json.Marshal(c.Inspect())
			if err != nil {
				t.Fatal(err)
			}
			r := redact.New()
			r.Learn("joe@contoso.example") // whose run it is
			learn := func(b []byte) {
				if err := r.LearnFrom(bytes.NewReader(b)); err != nil {
					t.Fatal(err)
				}
			}
			files := map[string][]byte{}
			err = c.ExportTo(func(name string, b []byte) error {
				files[name] = b
				learn(b)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			learn(plain)
			redacted := func(b []byte) []byte {
				var out bytes.Buffer
				if err := r.Copy(&out, bytes.NewReader(b)); err != nil {
					t.Fatal(err)
				}
				if left := originals.FindAll(bytes.ReplaceAll(out.Bytes(), []byte{0}, nil), -1); len(left) > 0 {
					t.Errorf("left are %q in %s", left, out.Bytes())
				}
				return out.Bytes()
			}
			all := fstest.MapFS{}
			for name, b := range files {
				all[r.Text(name)] = &fstest.MapFile{Data: redacted(b)}
			}
			again, err := client.OpenFS("redacted", all)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(again.Inspect())
			if err != nil {
				t.Fatal(err)
			}
			if want := redacted(plain); !bytes.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
