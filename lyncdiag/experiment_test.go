package lyncdiag_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/sip"
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
		"tcp-443-filtered":             {fails, fails, "A firewall might be blocking"},
		"client-clock-skew":            {works, works, "says nothing here"},
		// A web ticket is asked for, and no registrar was seen to answer.
		"dns-sip-tls-srv-missing,tcp-443-filtered": {unknown, fails, ""},
	} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Faults: strings.Split(fault, ",")}, func(d *lyncdiag.Diagnoser) {
					if strings.Contains(fault, "srv-missing") {
						d.Setting.Client = "lync2013"
					}
				})
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

// TestFirewallIsSeen: both ways fail and nothing tells why. A firewall is
// suspected where something kept a connection from being made, and only there.
func TestFirewallIsSeen(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(c *fact.Candidate)
		want   string
	}{
		"reached":    {func(*fact.Candidate) {}, "The servers were reached"},
		"kept out":   {func(c *fact.Candidate) { c.Reach.Status, c.TLS, c.SIP = fact.Filtered, nil, nil }, "A firewall might be blocking"},
		"no address": {func(c *fact.Candidate) { c.Reach.Status, c.TLS, c.SIP = fact.Unresolved, nil, nil }, "None was seen"},
	} {
		c := fact.Candidate{Endpoint: endpoint("sipdir.online.lync.com"), Via: []fact.Via{fact.ViaSRV, fact.ViaManual}}
		c.TLS = &certs.Result{Verified: true}
		c.SIP = &sip.ProbeResult{Status: 301, Contact: "sip:pool1.online.lync.com:443"} // and what that leads to was not asked
		tt.change(&c)
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, joe), live)
		fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
		fact.Put(f, fact.CandidatesKey, []fact.Candidate{c}, live)
		fact.Put(f, fact.AutomaticKey, fact.Automatic{Host: c.Host, Port: c.Port, Via: fact.ViaSRV}, live)
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		if e := report.Experiment; e.Automatic != lyncdiag.TrialFails || e.Manual != lyncdiag.TrialFails || !strings.Contains(e.Conclusion, tt.want) {
			t.Errorf("%s: %+v, want %s\n%s", name, e, tt.want, describe(report))
		}
	}
}

// TestServerThatAutodiscoverNames: it works when it was tried and answers, and what was
// not tried is not known.
func TestServerThatAutodiscoverNames(t *testing.T) {
	walk := &dnscheck.Walk{Outcome: dnscheck.OutcomeUser, SIPServers: []dnscheck.SIPServer{{Access: "external", Host: "pool.contoso.example", Port: 443}}}
	dead := fact.Candidate{Endpoint: fact.Endpoint{Host: "pool.contoso.example", Port: 443, Reach: fact.Reach{Status: fact.Filtered}}, Via: []fact.Via{fact.ViaAutodiscover}}
	for _, test := range []struct {
		candidates []fact.Candidate
		want       lyncdiag.Trial
	}{{nil, lyncdiag.TrialUnknown}, {[]fact.Candidate{dead}, lyncdiag.TrialFails}} {
		facts := fact.New()
		o := fact.Origin{Kind: fact.Live}
		fact.Put(facts, fact.TargetKey, target(t, joe), o)
		fact.Put(facts, fact.WalkKey, walk, o)
		fact.Put(facts, fact.CandidatesKey, test.candidates, o)
		plan := slices.DeleteFunc(lyncdiag.DefaultPlan(), func(s lyncdiag.Stage) bool { return s.ID != "server.auto" })
		plan[0].After = nil
		report, err := (&lyncdiag.Diagnoser{Plan: plan, Sources: []lyncdiag.Source{given{facts}}}).Run(t.Context(), target(t, joe))
		if err != nil {
			t.Fatal(err)
		}
		if report.Experiment.Automatic != test.want {
			t.Errorf("%v: automatic configuration %s, want %s", test.candidates, report.Experiment.Automatic, test.want)
		}
	}
}

// given is a source of facts that are there already.
type given struct{ facts *fact.Facts }

func (given) Name() string { return "given" }

func (g given) Collect(_ context.Context, _ lyncdiag.Target, f *fact.Facts) error {
	for o, v := range fact.All(g.facts, fact.WalkKey) {
		fact.Put(f, fact.WalkKey, v, o)
	}
	for o, v := range fact.All(g.facts, fact.CandidatesKey) {
		fact.Put(f, fact.CandidatesKey, v, o)
	}
	return nil
}
