package lyncdiag

import (
	"strings"
	"time"

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
// Evidence, and of the entry what it knows better (Severity, Type, Title, Cause,
// Resolution, Owner); the rest is filled in from the catalogue.
type Finding struct {
	Spec
	Confidence Confidence
	Rule       RuleID
	Stage      StageID
	CausedBy   string // name of the finding that explains this one; "" for a root cause
	Evidence   []fact.Evidence

	// What is Known or Suppressed stays out of ExitCode, and in all else: verdict,
	// primary finding and counts are those of what was found. Package compare marks.
	Known           bool      // a baseline had it, no less severe
	Suppressed      string    // the suppression that silences it, or "explained by" another; "": it is not
	SuppressedUntil time.Time // zero: for good
}

// Silenced reports whether the finding is known or suppressed, and so does not alarm.
func (f Finding) Silenced() bool { return f.Known || f.Suppressed != "" }

// Host is the host the finding is about, "" when it is about none.
func (f Finding) Host() string { return f.value("host") }

// About is what makes two findings of one name two: the host, the dead target of
// several records, the record, or what a log shows last. "" where there is one of the name at most.
func (f Finding) About() string {
	switch f.Name {
	case "dns-target-unresolvable":
		return f.value("target")
	case "input-incomplete": // each cmdlet has a line of its own
		return f.value("cmdlet")
	case "port-443-blocked-on-client":
		return strings.TrimSpace(f.Host() + " " + f.value("port"))
	case "log-no-attempt":
		return strings.TrimSpace(f.value("lastSeen") + " " + f.Host())
	}
	return strings.TrimSpace(f.Host() + " " + f.value("record"))
}

func (f Finding) value(key string) string {
	for _, e := range f.Evidence {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// Filled is the finding's catalogue entry as it reads in this case: what is
// known of the target and from the evidence stands in place of placeholders.
func (f Finding) Filled(t Target) Spec {
	values := map[string]string{}
	for name := range kb.Placeholders() {
		values[name] = f.value(name)
	}
	values["address"] = t.Address
	if t.Address == "" {
		values["address"] = strings.TrimPrefix(f.value("user"), "sip:")
	}
	if values["domain"] == "" {
		values["domain"] = t.Domain
	}
	return f.Spec.Fill(values)
}
