package lyncdiag

import (
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Spec is a catalogue entry; see kb.Spec.
type Spec = kb.Spec

// Target is who is diagnosed; see fact.Subject.
type Target = fact.Subject

// Confidence says how far a finding follows from what was observed.
type Confidence string

// Confirmed was seen; Probable is the usual reading of what was seen; Possible
// is one reading among several. The zero value counts as Confirmed.
const (
	Confirmed Confidence = "confirmed"
	Probable  Confidence = "probable"
	Possible  Confidence = "possible"
)

// Finding is a catalogue entry applied to a case. A rule sets Name, Stage and
// Evidence, and Severity or Type where the catalogue lets it; the rest of the
// entry is filled in from the catalogue.
type Finding struct {
	Spec
	Confidence Confidence
	Rule       RuleID
	Stage      StageID
	CausedBy   string // name of the finding that explains this one; "" for a root cause
	Evidence   []fact.Evidence
}

// Host is the host the finding is about, "" when it is about none.
func (f Finding) Host() string { return f.value("host") }

func (f Finding) value(key string) string {
	for _, e := range f.Evidence {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// Expand fills a template of the finding's catalogue entry (Title, Cause or a
// step of Resolution) from the target and the finding's evidence. A
// placeholder the case does not fill reads as plain words.
func (f Finding) Expand(t Target, template string) string {
	generic := kb.Placeholders()
	pairs := make([]string, 0, 2*len(generic))
	for name, words := range generic {
		value := f.value(name)
		switch {
		case value != "":
		case name == "address":
			value = t.Address
		case name == "domain":
			value = t.Domain
		}
		if value == "" {
			value = words
		}
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
