package lyncdiag

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// complete fills a finding from the catalogue and holds the rule to what it
// declared.
func complete(f *Finding, r Rule) error {
	if !slices.Contains(r.Emits, f.Name) {
		return fmt.Errorf("rule %s: emits %q without declaring it", r.ID, f.Name)
	}
	spec, ok := kb.Lookup(f.Name)
	if !ok {
		return fmt.Errorf("rule %s: %q is not in the catalogue", r.ID, f.Name)
	}
	if f.Severity != "" {
		spec.Severity = f.Severity
	}
	if f.Type != "" {
		spec.Type = f.Type
	}
	// A rule may say more exactly what was seen than the catalogue can.
	if f.Title != "" {
		spec.Title = f.Title
	}
	if f.Cause != "" {
		spec.Cause = f.Cause
	}
	if f.Resolution != nil {
		spec.Resolution = f.Resolution
	}
	if f.Owner != "" {
		spec.Owner = f.Owner
	}
	f.Spec = spec
	f.Evidence = slices.DeleteFunc(f.Evidence, func(e fact.Evidence) bool { return e.Value == "" })
	if f.Confidence == "" {
		f.Confidence = Confirmed
	}
	return nil
}

// arrange joins findings of one name about one host, names what explains what,
// and sorts: root causes first, then by severity, confidence and place in the
// chain.
func arrange(found []Finding, position map[StageID]int) []Finding {
	var list []Finding
	for _, f := range found {
		i := slices.IndexFunc(list, func(g Finding) bool { return g.Name == f.Name && g.About() == f.About() })
		if i < 0 {
			list = append(list, f)
			continue
		}
		list[i] = join(list[i], f)
	}
	explain(list)
	place := func(f Finding) int {
		if i, ok := position[f.Stage]; ok {
			return i
		}
		return len(position)
	}
	order := func(a, b Finding) int {
		return cmp.Or(
			compareBool(a.CausedBy != "", b.CausedBy != ""),
			cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)),
			cmp.Compare(confidenceRank(a.Confidence), confidenceRank(b.Confidence)),
			cmp.Compare(place(a), place(b)),
			strings.Compare(a.Name, b.Name),
			strings.Compare(a.Host(), b.Host()))
	}
	sort.SliceStable(list, func(i, j int) bool { return order(list[i], list[j]) < 0 })
	return list
}

// join keeps the stronger statement and all the evidence.
func join(a, b Finding) Finding {
	if severityRank(b.Severity) < severityRank(a.Severity) || severityRank(b.Severity) == severityRank(a.Severity) && confidenceRank(b.Confidence) < confidenceRank(a.Confidence) {
		a, b = b, a
	}
	for _, e := range b.Evidence {
		if !slices.Contains(a.Evidence, e) {
			a.Evidence = append(a.Evidence, e)
		}
	}
	return a
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func severityRank(s kb.Severity) int {
	return slices.Index([]kb.Severity{kb.Failure, kb.Warning, kb.Info}, s)
}

func confidenceRank(c Confidence) int {
	return slices.Index([]Confidence{Confirmed, Probable, Possible}, c)
}

// grade gives a stage that ran the status its findings earn it; where another
// link explains one, that is named. Findings come sorted, roots first, so the
// first one of a stage is its worst.
func grade(stages []StageResult, found []Finding) {
	for i := range stages {
		s := &stages[i]
		if s.Status == Skipped || s.Status == Errored {
			continue
		}
		for _, f := range found {
			if f.Stage != s.ID || f.Severity == kb.Info {
				continue
			}
			s.Finding = f.Name
			if f.CausedBy != "" {
				s.Finding = f.CausedBy
			}
			if f.Severity == kb.Failure {
				s.Status = Failed
			} else if s.Status == Passed {
				s.Status = Warned
			}
			break
		}
	}
}
