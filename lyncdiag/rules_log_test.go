package lyncdiag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Attempts that fail alike are one finding, of which the title says that
// others are concerned and the evidence how many; a user who got in later is
// history.
func TestAttemptsThatFailAlike(t *testing.T) {
	f := fact.New()
	var attempts []sip.Attempt
	for i := range 40 {
		a := attemptOf(t, "user-not-found")
		a.From, a.Repeats = fmt.Sprintf("sip:user%d@contoso.com", i), i%2
		attempts = append(attempts, a)
	}
	good := attemptOf(t, "ok")
	good.From = "sip:user7@contoso.com"
	fact.Put(f, fact.AttemptsKey, append(attempts, good), fact.Origin{Kind: fact.Log})
	report := &lyncdiag.Report{Complete: true}
	lyncdiag.Judge(report, f, lyncdiag.DefaultRules())
	if len(report.Findings) != 1 {
		t.Fatalf("%d findings", len(report.Findings))
	}
	finding := report.Findings[0]
	spec := finding.Filled(report.Target)
	if !strings.Contains(spec.Title, "user0@contoso.com and 38 other users") {
		t.Errorf("title %q", spec.Title)
	}
	said := ""
	for _, e := range finding.Evidence {
		if e.Key == "attempts" {
			said = e.Value
		}
		if strings.Contains(e.Value, "user7@") {
			t.Errorf("user7 got in: %+v", e)
		}
	}
	if !strings.HasPrefix(said, "58 by 39 users") || len(finding.Evidence) > 50 {
		t.Errorf("attempts %q, %d pieces of evidence", said, len(finding.Evidence))
	}
}
