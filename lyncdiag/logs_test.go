package lyncdiag_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"golang.org/x/tools/txtar"
)

// TestLogs judges each log of testdata/logs, alone and offline. Its name begins
// with the finding that must come of it, and nothing else may but notes about
// the log itself.
func TestLogs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "logs", "*.txtar"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d logs: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			want := name
			for _, ok := kb.Lookup(want); !ok; _, ok = kb.Lookup(want) {
				cut := strings.LastIndex(want, "-")
				if cut < 0 {
					t.Fatal("no finding has this name")
				}
				want = want[:cut]
			}
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) != 1 || len(archive.Comment) < 20 {
				t.Fatalf("%v, %d files", err, len(archive.Files))
			}
			log := archive.Files[0].Data
			if want == "log-truncated" {
				log = bytes.TrimRight(log, "\n")
			}
			source := bundle.Logs{Paths: []string{"-"}, Stdin: bytes.NewReader(log)}
			d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Sources: []lyncdiag.Source{source}, Offline: true}
			report, err := d.Run(t.Context(), fact.Subject{})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range report.Findings {
				names = append(names, f.Name)
				if len(f.Evidence) == 0 {
					t.Errorf("%s has no evidence", f.Name)
				}
			}
			names = slices.DeleteFunc(names, func(n string) bool {
				return n != want && strings.HasPrefix(n, "log-")
			})
			if !slices.Equal(names, []string{want}) {
				t.Errorf("findings %q", names)
			}
		})
	}
}
