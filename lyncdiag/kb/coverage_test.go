package kb

import (
	"slices"
	"strings"
	"testing"
)

func TestCoverageIsComplete(t *testing.T) {
	count := map[string]int{}
	seen := map[string]bool{}
	sections := map[string]bool{}
	for _, s := range Sections() {
		sections[s.ID] = true
	}
	for _, item := range Coverage() {
		if seen[item.ID] {
			t.Errorf("%s: twice", item.ID)
		}
		seen[item.ID] = true
		if len(item.Proof) == 0 || slices.Contains(item.Proof, "") {
			t.Errorf("%s: no proof", item.ID)
		}
		if item.Text == "" || !sections[item.Section] {
			t.Errorf("%s: text %q, section %q", item.ID, item.Text, item.Section)
		}
		if item.Source.KB == "" || item.Source.Section == "" {
			t.Errorf("%s: source %+v", item.ID, item.Source)
		}
		kind, rest, _ := strings.Cut(item.ID, "/")
		// A branch inside an edge has four parts.
		if kind != "tree" || strings.Count(rest, "/") == 1 {
			count[kind]++
		}
	}
	for kind, want := range map[string]int{
		"scope": 12, "message": 9, "tree": 16, "experiment": 4, "client": 8, "next-steps": 5, "section": 7,
	} {
		if count[kind] != want {
			t.Errorf("%d items %s, want %d", count[kind], kind, want)
		}
	}
	for _, id := range []string{"scope/lync/one/many", "message/1", "tree/2/no", "experiment/fails/works", "client/3", "client/delete-2010", "next-steps/2", "mosdal/2c"} {
		if !seen[id] {
			t.Errorf("no item %s", id)
		}
	}
}

func TestSectionsFollowEachOther(t *testing.T) {
	want := []string{"scope", "messages", "client", "dns-network", "bypass", "identity", "next-steps", "mosdal-snooper", ""}
	for i, s := range Sections() {
		if s.ID != want[i] || s.Next != want[i+1] {
			t.Errorf("section %d is %s with next %q, want %s and %q", i, s.ID, s.Next, want[i], want[i+1])
		}
	}
}
