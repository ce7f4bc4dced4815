package fleet

import (
	"cmp"
	"slices"
	"sort"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// Summary counts results. The zero value has counted none.
type Summary struct {
	Total      int
	Healthy    int
	Problem    int
	Unknown    int
	Incomplete int // cut short by a time-out, or no target; they count above as well
	Resumed    int // taken from the journal; they count above as well
	Worst      int // the highest exit code

	findings map[string]*Count
}

// Count is how many targets have a finding.
type Count struct {
	Name     string
	Count    int
	Silenced int // of these, the targets where it is suppressed or known; see [Result]
}

// Add counts a result.
func (s *Summary) Add(r Result) {
	s.Total++
	switch r.Outcome {
	case lyncdiag.Healthy:
		s.Healthy++
	case lyncdiag.Problem:
		s.Problem++
	default:
		s.Unknown++
	}
	if !r.Complete {
		s.Incomplete++
	}
	if r.Resumed {
		s.Resumed++
	}
	s.Worst = max(s.Worst, r.ExitCode)
	for _, name := range r.Findings {
		if s.findings == nil {
			s.findings = map[string]*Count{}
		}
		c := s.findings[name]
		if c == nil {
			c = &Count{Name: name}
			s.findings[name] = c
		}
		c.Count++
		if slices.Contains(r.Silenced, name) {
			c.Silenced++
		}
	}
}

// Findings returns what was found, the most frequent first.
func (s *Summary) Findings() []Count {
	var list []Count
	for _, c := range s.findings {
		list = append(list, *c)
	}
	order := func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	}
	sort.SliceStable(list, func(i, j int) bool { return order(list[i], list[j]) < 0 })
	return list
}
