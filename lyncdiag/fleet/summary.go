package fleet

import (
	"cmp"
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

	findings map[string]int
}

// Count is how many targets have a finding.
type Count struct {
	Name  string
	Count int
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
			s.findings = map[string]int{}
		}
		s.findings[name]++
	}
}

// Findings returns what was found, the most frequent first.
func (s *Summary) Findings() []Count {
	var list []Count
	for name, n := range s.findings {
		list = append(list, Count{name, n})
	}
	order := func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	}
	sort.SliceStable(list, func(i, j int) bool { return order(list[i], list[j]) < 0 })
	return list
}
