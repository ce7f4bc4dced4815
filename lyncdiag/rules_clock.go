package lyncdiag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// maxSkew is how far a client's clock may be off (KB 2581291).
const maxSkew = 5 * time.Minute

func clockRules() []Rule {
	return []Rule{{
		ID: "clock.client", Source: kb.Citation{KB: "KB2581291"},
		Needs: names(fact.ClockKey), Reads: names(fact.StartedKey), Emits: []string{"client-clock-skew"}, Eval: judgeClock,
	}}
}

// judgeClock: servers that agree with each other and not with this computer
// prove its clock wrong, and one that differs from them is wrong itself. One
// server alone could be that one.
func judgeClock(f *fact.Facts, emit Emit) {
	clock, o, _ := fact.Get(f, fact.ClockKey)
	if len(clock.Samples) == 0 {
		return
	}
	samples := slices.SortedFunc(slices.Values(clock.Samples), bySkew)
	skew := sampleSkew(samples[len(samples)/2])
	samples = slices.DeleteFunc(samples, func(s fact.ClockSample) bool { return (sampleSkew(s) - skew).Abs() > maxSkew })
	if 2*len(samples) <= len(clock.Samples) {
		return // most of the servers do not agree
	}
	margin := time.Duration(samples[0].ErrorMillis) * time.Millisecond
	if skew.Abs()-margin <= maxSkew {
		return
	}
	started, _, _ := fact.Get(f, fact.StartedKey)
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	finding := found("client-clock-skew", "clock", text("serverTime", stamp(started.Add(-skew)), o), text("skew", fmt.Sprintf("%v %s the servers", skew.Abs().Round(time.Second), direction), o))
	for _, s := range samples {
		finding.Evidence = append(finding.Evidence, named("server", s.Host, o))
	}
	if len(clock.Samples) == 1 {
		finding = finding.with(Possible)
	}
	emit(finding)
}

func sampleSkew(s fact.ClockSample) time.Duration {
	return time.Duration(s.SkewMillis) * time.Millisecond
}

func bySkew(a, b fact.ClockSample) int { return cmp.Compare(a.SkewMillis, b.SkewMillis) }
