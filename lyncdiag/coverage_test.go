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
	"golang.org/x/tools/txtar"
)

func scenarioFile(name string) string {
	return filepath.Join("testdata", "scenarios", name+".txtar")
}

// Every item of the article is proved by something that exists. A finding that
// nothing produces yet may stand beside a proof, but is none itself.
func TestCoverageIsProved(t *testing.T) {
	faults := lab.Faults()
	for _, item := range kb.Coverage() {
		stands := false
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
			t.Errorf("%s: nothing proves it", item.ID)
		}
	}
}

// No scenario is left over: each proves some item of the article, or shows the
// finding whose name it begins with, or what a source tells.
func TestScenariosProveSomething(t *testing.T) {
	files, err := filepath.Glob(scenarioFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		shown := slices.ContainsFunc(findingsOf(t, file), func(f string) bool { return f == name || strings.HasPrefix(name, f+"-") })
		item := slices.ContainsFunc(kb.Coverage(), func(i kb.Item) bool { return slices.Contains(i.Proof, "scenario:"+name) })
		if !item && !shown && name != "adfs-tests" {
			t.Errorf("%s proves no item of the article, and shows no finding of its name", file)
		}
	}
}

// findingsOf are the names of the findings that a scenario leads to.
func findingsOf(t *testing.T, file string) (list []string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		var want scenarioWant
		if f.Name != "want.json" {
			continue
		}
		if err := strict(f.Data, &want); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if want.Report != nil {
			for _, x := range want.Report.Findings {
				list = append(list, x.Name)
			}
		}
	}
	return list
}

// What only exports tell no lab can break: each of their findings is shown by a
// scenario.
func TestExportFindingsAreShown(t *testing.T) {
	files, err := filepath.Glob(scenarioFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		for _, name := range findingsOf(t, file) {
			shown[name] = true
		}
	}
	rules := 0
	for _, r := range lyncdiag.DefaultRules() {
		family, _, _ := strings.Cut(string(r.ID), ".")
		if !slices.Contains([]string{"user", "domain", "organization", "service", "client"}, family) && r.ID != "adfs.tests" || r.ID == "client.nslookup" || r.ID == "client.ports" {
			continue
		}
		rules++
		for _, name := range r.Emits {
			if !shown[name] {
				t.Errorf("rule %s emits %s, and no scenario shows it", r.ID, name)
			}
		}
	}
	if rules < 10 {
		t.Errorf("%d rules of exports, want 10", rules)
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
