package lyncdiag_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestStandingsOfACutRun: what the authorities said, or did not say, before a
// run's time-out is not lost with it.
func TestStandingsOfACutRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts, report := diagnose(t, lab.Config{Faults: []string{"adfs-revocation-unreachable"}}, func(d *lyncdiag.Diagnoser) { d.Timeout = 3 * time.Second })
		standings, _, _ := fact.Get(facts, fact.StandingsKey)
		unknown := slices.ContainsFunc(standings, func(s fact.Standing) bool {
			return slices.ContainsFunc(s.Problems, func(p certs.Problem) bool { return p.Code == "revocation-unknown" })
		})
		if report.Complete || !unknown {
			t.Errorf("complete %t, standings %+v", report.Complete, standings)
		}
	})
}
