// Package metrics says what monitoring wants to know of a diagnosis, as metrics
// of Prometheus. Each is defined here once: lyncdiag writes them to a file for
// the textfile collector of node_exporter or windows_exporter, and
// lyncdiag-exporter hands them to Prometheus' own library.
//
// All are gauges in base units. What was not looked at has no sample: unknown
// is neither 0 nor 1.
package metrics

import (
	"slices"
	"strconv"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Family is a gauge with its samples.
type Family struct {
	Name    string
	Help    string   // one line
	Labels  []string // names
	Samples []Sample // each with other values; empty: nothing is known
}

// Sample is one value of a family.
type Sample struct {
	Values []string // of the labels, in their order
	Value  float64
}

// set adds a sample. What is there already is added to, as no two samples may
// have the same labels.
func (f *Family) set(value float64, labels ...string) {
	if i := f.index(labels...); i >= 0 {
		f.Samples[i].Value += value
		return
	}
	f.Samples = append(f.Samples, Sample{labels, value})
}

// index is the sample with these labels, -1 without one.
func (f *Family) index(labels ...string) int {
	return slices.IndexFunc(f.Samples, func(s Sample) bool { return slices.Equal(s.Values, labels) })
}

// Report is what there is to say of one target, without its name.
func Report(r *lyncdiag.Report) []Family {
	outcome := Family{Name: "lyncdiag_outcome", Help: "What became of the diagnosis: 1 for the outcome that holds (healthy, problem, unknown), 0 for the others.", Labels: []string{"outcome"}}
	for _, o := range []lyncdiag.Outcome{lyncdiag.Healthy, lyncdiag.Problem, lyncdiag.Undecided} {
		outcome.set(truth(r.Verdict.Outcome == o), string(o))
	}
	findings := Family{Name: "lyncdiag_findings", Help: "How often a finding was made; caused_by names the finding that explains it, and is empty for a root cause; silenced is suppressed or known, and empty for what alarms.",
		Labels: []string{"finding", "type", "severity", "owner", "caused_by", "silenced"}}
	for _, f := range r.Findings {
		findings.set(1, f.Name, string(f.Type), string(f.Severity), string(f.Owner), f.CausedBy, silenced(f))
	}
	success := Family{Name: "lyncdiag_stage_success", Help: "Whether a link of the sign-in chain passed (1) or failed (0); one that could not be looked at has no sample.", Labels: []string{"stage"}}
	took := Family{Name: "lyncdiag_stage_duration_seconds", Help: "How long a link of the sign-in chain took.", Labels: []string{"stage"}}
	for _, s := range r.Stages {
		if s.Input {
			continue
		}
		if s.Duration > 0 {
			took.set(s.Duration.Seconds(), string(s.ID))
		}
		switch s.Status {
		case lyncdiag.Passed, lyncdiag.Warned:
			success.set(1, string(s.ID))
		case lyncdiag.Failed:
			success.set(0, string(s.ID))
		}
	}
	expiry := Family{Name: "lyncdiag_certificate_expiry_timestamp_seconds", Help: "When the certificate that a host shows expires, in seconds since 1970.", Labels: []string{"host", "port"}}
	for _, e := range r.Hosts {
		port := strconv.Itoa(int(e.Port))
		if e.TLS != nil && len(e.TLS.Chain) > 0 && expiry.index(e.Host, port) < 0 {
			expiry.set(seconds(e.TLS.Chain[0].NotAfter), e.Host, port)
		}
	}
	return []Family{
		outcome,
		one("lyncdiag_complete", "Whether the diagnosis came to its end (1) or was cut short (0).", truth(r.Complete)),
		findings, success, took, expiry,
		one("lyncdiag_duration_seconds", "How long the diagnosis took.", r.Duration.Seconds()),
		one("lyncdiag_start_timestamp_seconds", "When the diagnosis began, in seconds since 1970.", seconds(r.Started)),
	}
}

// silenced is what keeps a finding out of the exit code.
func silenced(f lyncdiag.Finding) string {
	switch {
	case f.Suppressed != "":
		return "suppressed"
	case f.Known:
		return "known"
	}
	return ""
}

// Batch is what there is to say of many targets: how many, and no names, as a
// company's users are too many for labels. complete: all of them were looked at.
func Batch(s *fleet.Summary, started time.Time, took time.Duration, complete bool) []Family {
	targets := Family{Name: "lyncdiag_batch_targets", Help: "How many targets have an outcome: healthy, problem or unknown.", Labels: []string{"outcome"}}
	targets.set(float64(s.Healthy), string(lyncdiag.Healthy))
	targets.set(float64(s.Problem), string(lyncdiag.Problem))
	targets.set(float64(s.Unknown), string(lyncdiag.Undecided))
	findings := Family{Name: "lyncdiag_batch_finding_targets", Help: "How many targets have a finding; silenced is yes where it is suppressed or known, and empty where it alarms.",
		Labels: []string{"finding", "type", "severity", "owner", "silenced"}}
	for _, c := range s.Findings() {
		f, _ := kb.Lookup(c.Name) // a journal may have findings of another version
		if alarm := c.Count - c.Silenced; alarm > 0 {
			findings.set(float64(alarm), c.Name, string(f.Type), string(f.Severity), string(f.Owner), "")
		}
		if c.Silenced > 0 {
			findings.set(float64(c.Silenced), c.Name, string(f.Type), string(f.Severity), string(f.Owner), "yes")
		}
	}
	return []Family{
		targets,
		one("lyncdiag_batch_incomplete_targets", "How many targets were cut short by a time-out, or are no addresses.", float64(s.Incomplete)),
		findings,
		one("lyncdiag_batch_complete", "Whether all targets were looked at (1) or the run was interrupted (0).", truth(complete)),
		one("lyncdiag_batch_duration_seconds", "How long all targets took.", took.Seconds()),
		one("lyncdiag_batch_start_timestamp_seconds", "When the first target was begun, in seconds since 1970.", seconds(started)),
	}
}

// one is a family of one sample without labels.
func one(name, help string, value float64) Family {
	return Family{Name: name, Help: help, Samples: []Sample{{Value: value}}}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
