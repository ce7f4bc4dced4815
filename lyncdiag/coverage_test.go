package lyncdiag_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

func scenarioFile(name string) string {
	return filepath.Join("testdata", "scenarios", name+".txtar")
}

// Every item of the article is proved by something that exists. A finding that
// nothing produces yet may stand beside a proof, but is none itself; an item
// without any other says what it waits for.
func TestCoverageIsProved(t *testing.T) {
	faults := lab.Faults()
	for _, item := range kb.Coverage() {
		stands := item.Later != ""
		for _, proof := range item.Proof {
			kind, name, _ := strings.Cut(proof, ":")
			switch kind {
			case "finding":
				spec, ok := kb.Lookup(name)
				if !ok {
					t.Errorf("%s: %s is not in the catalogue", item.ID, proof)
				}
				stands = stands || !spec.Planned
			case "lab":
				i := slices.IndexFunc(faults, func(f lab.Fault) bool { return f.Name == name })
				if i < 0 {
					t.Errorf("%s: %s is no fault of the lab", item.ID, proof)
				}
				stands = true
			case "scenario":
				if _, err := os.Stat(scenarioFile(name)); err != nil {
					t.Errorf("%s: %v", item.ID, err)
				}
				stands = true
			default:
				t.Errorf("%s: nobody can check the proof %q", item.ID, proof)
			}
		}
		if !stands {
			t.Errorf("%s: nothing proves it, and it does not say what it waits for", item.ID)
		}
	}
}

// No scenario is left over: each proves some item of the article.
func TestScenariosProveSomething(t *testing.T) {
	files, err := filepath.Glob(scenarioFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		proof := "scenario:" + strings.TrimSuffix(filepath.Base(file), ".txtar")
		if !slices.ContainsFunc(kb.Coverage(), func(i kb.Item) bool { return slices.Contains(i.Proof, proof) }) {
			t.Errorf("%s proves no item of the article", file)
		}
	}
}

// An entry of the catalogue is planned if and only if no rule emits it.
func TestPlannedIsWhatNoRuleEmits(t *testing.T) {
	emitted := map[string]bool{}
	for _, r := range lyncdiag.DefaultRules() {
		for _, name := range r.Emits {
			emitted[name] = true
		}
	}
	for _, spec := range kb.Catalogue() {
		switch {
		case spec.Planned && emitted[spec.Name]:
			t.Errorf("%s is planned, and a rule emits it", spec.Name)
		case !spec.Planned && !emitted[spec.Name]:
			t.Errorf("%s is not planned, and no rule emits it", spec.Name)
		}
	}
}
