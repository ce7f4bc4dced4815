package render

import (
	"slices"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func became(s lyncdiag.Suppressed) suppression {
	status := "used"
	switch {
	case s.Expired:
		status = "expired"
	case s.Count == 0:
		status = "unmatched"
	}
	return suppression{s.Finding, s.Target, stamp(s.Until), status, s.Count}
}

func heldAgainst(b *lyncdiag.Baseline) baseline {
	switch {
	case b == nil:
		return baseline{Status: "none", Notes: []string{}}
	case b.Found:
		return baseline{Status: "compared", StartedAt: stamp(b.Started), Notes: list(b.Notes)}
	}
	return baseline{Status: "missing", Notes: list(b.Notes)}
}

// minute is a time of a document as a person reads it.
func minute(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// words are what there is to say of a suppression that silences nothing, "" of
// one that does.
func (s suppression) words() string {
	name := lyncdiag.Suppression{Finding: s.Finding, Target: s.Target}.String()
	switch s.Status {
	case "expired":
		return "The suppression of " + name + " ended " + minute(s.Until) + "."
	case "unmatched":
		return "The suppression of " + name + " silences nothing: this run did not find it."
	}
	return ""
}

// silences are what a person must know of suppressions and baseline.
func (d *reportDoc) silences() []string {
	var notes []string
	for _, s := range d.Suppressions {
		if text := s.words(); text != "" {
			notes = append(notes, text)
		}
	}
	if d.Baseline.Status == "missing" {
		notes = append(notes, "The baseline has no report of this target: nothing counts as known.")
	}
	return append(notes, d.Baseline.Notes...)
}

// silent reports whether something fails and all that does is silenced.
func (d *reportDoc) silent() bool {
	failing := func(f finding) bool { return f.Severity == string(kb.Failure) }
	counts := func(f finding) bool { return failing(f) && f.silence() == "" }
	return slices.ContainsFunc(d.Findings, failing) && !slices.ContainsFunc(d.Findings, counts)
}

// notes writes sentences below each other.
func (s *sheet) notes(notes []string) {
	for i, n := range notes {
		if i == 0 {
			s.blank()
		}
		s.line(n)
	}
}

// raws writes sentences as they are, for short.
func (s *sheet) raws(notes []string) {
	for _, n := range notes {
		s.raw(clean(n))
	}
}
