package lyncdiag

import (
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
		Needs: names(fact.ClockKey), Emits: []string{"client-clock-skew"}, Eval: judgeClock,
	}}
}

// judgeClock: servers that agree with each other and not with this computer
// prove its clock wrong. One server alone could be the one that is wrong.
func judgeClock(f *fact.Facts, emit Emit) {
	clock, o, _ := fact.Get(f, fact.ClockKey)
	if len(clock.Samples) == 0 {
		return
	}
	lowest := slices.MinFunc(clock.Samples, bySkew)
	highest := slices.MaxFunc(clock.Samples, bySkew)
	if time.Duration(highest.SkewMillis-lowest.SkewMillis)*time.Millisecond > maxSkew {
		return // the servers do not agree
	}
	middle := (highest.SkewMillis + lowest.SkewMillis) / 2
	skew := time.Duration(middle) * time.Millisecond
	if skew.Abs() <= maxSkew {
		return
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	finding := found("client-clock-skew", "clock", text("skew", fmt.Sprintf("%v %s the servers", skew.Abs().Round(time.Second), direction), o))
	for _, s := range clock.Samples {
		finding.Evidence = append(finding.Evidence, named("server", s.Host, o))
	}
	if len(clock.Samples) == 1 {
		finding = finding.with(Possible)
	}
	emit(finding)
}

func bySkew(a, b fact.ClockSample) int { return int(a.SkewMillis/1000 - b.SkewMillis/1000) }
