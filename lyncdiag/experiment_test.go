package lyncdiag_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestExperiment holds the four outcomes of the article's test, and what the run
// says where it knows better than the article.
func TestExperiment(t *testing.T) {
	const works, fails, unknown = lyncdiag.TrialWorks, lyncdiag.TrialFails, lyncdiag.TrialUnknown
	for fault, want := range map[string]struct {
		automatic, manual lyncdiag.Trial
		conclusion        string // a part of it
	}{
		"healthy":                      {works, works, "neither DNS nor a firewall"},
		"manual-address-blocked":       {works, fails, "keeps nobody from signing in"},
		"dns-autoconfiguration-broken": {fails, works, "DNS resolution is the problem"},
		"firewall-blocks-lync-online":  {fails, fails, "A firewall might be blocking"},
		"autodiscover-http-error":      {fails, works, "would suspect the DNS records. What was seen is something else"},
		"network-offline":              {fails, fails, "says nothing here"},
		"captive-portal":               {fails, fails, "says nothing here"},
		"healthy-server":               {works, unknown, ""},
	} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Faults: []string{fault}})
				e := report.Experiment
				if e.Automatic != want.automatic || e.Manual != want.manual || !strings.Contains(e.Conclusion, want.conclusion) || want.conclusion == "" && e.Conclusion != "" {
					t.Errorf("%+v, want %+v", e, want)
				}
				if e.From != fact.Lab {
					t.Errorf("from %q", e.From)
				}
			})
		})
	}
	for _, answers := range [][]fact.Answer{
		{{ID: "automatic-configuration", Value: "no"}, {ID: "manual-configuration", Value: "yes"}},
		{{ID: "automatic-configuration", Value: "no"}},
		{{ID: "location", Value: "inside"}},
	} {
		e := offline(t, answers).Experiment
		switch len(answers) {
		case 2:
			if e.Automatic != fails || e.Manual != works || e.From != fact.Interview || !strings.Contains(e.Conclusion, "DNS resolution is the problem") {
				t.Errorf("%+v of %v", e, answers)
			}
		default:
			if e.Manual != unknown || e.Conclusion != "" {
				t.Errorf("%+v of %v", e, answers)
			}
		}
	}
}
