package lyncdiag_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// TestRedactedFacts: redacted facts are judged as what they were made from, for
// every fault, and tell nothing of it.
func TestRedactedFacts(t *testing.T) {
	for _, f := range lab.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				facts, report := diagnose(t, lab.Config{Faults: []string{f.Name}})
				var record bytes.Buffer
				if err := fact.Encode(&record, facts); err != nil {
					t.Fatal(err)
				}
				r := redact.New()
				if err := r.LearnFrom(bytes.NewReader(record.Bytes())); err != nil {
					t.Fatal(err)
				}
				var redacted bytes.Buffer
				if err := r.Copy(&redacted, bytes.NewReader(record.Bytes())); err != nil {
					t.Fatal(err)
				}
				if left := originals.FindAll(redacted.Bytes(), -1); len(left) > 0 {
					t.Errorf("left are %q", left)
				}
				again, err := fact.Decode(bytes.NewReader(redacted.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				judged := *report
				judged.Stages = append([]lyncdiag.StageResult(nil), report.Stages...)
				lyncdiag.Judge(&judged, again, lyncdiag.DefaultRules())
				if got, want := allNames(&judged), allNames(report); got != want || judged.Verdict.Primary != report.Verdict.Primary || lyncdiag.ExitCode(&judged, "failure") != lyncdiag.ExitCode(report, "failure") {
					t.Errorf("redacted: %s %s\nbefore: %s %s", judged.Verdict.Primary, got, report.Verdict.Primary, want)
				}
			})
		})
	}
}

func allNames(r *lyncdiag.Report) string {
	names := ""
	for _, f := range r.Findings {
		names += f.Name + " (" + string(f.Confidence) + ", " + f.CausedBy + ") "
	}
	return names
}
