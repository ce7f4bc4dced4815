package lyncdiag_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
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

// An attempt whose end the log does not show is said to be one, and no cause is
// named for it; where an attempt of the same user says more, that counts.
func TestAttemptsWithoutAnEnd(t *testing.T) {
	now := time.Date(2013, 5, 31, 9, 12, 0, 0, time.UTC)
	at := func(class sip.Class, minute int, change func(*sip.Attempt)) sip.Attempt {
		a := attemptOf(t, class)
		a.StartedAt = now.Add(time.Duration(minute) * time.Minute)
		if change != nil {
			change(&a)
		}
		return a
	}
	on := func(a *sip.Attempt) { a.RedirectedTo = "pool2.contoso.com:5061" }
	ann := func(a *sip.Attempt) { a.From = "sip:ann@contoso.example" }
	for name, c := range map[string]struct {
		attempts []sip.Attempt
		want     []string // "name: title"
	}{
		"redirect": {[]sip.Attempt{at("redirect", 0, on)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the server sent it on to pool2.contoso.com:5061"}},
		"redirect to nowhere": {[]sip.Attempt{at("redirect", 0, nil)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the server sent it on to another"}},
		"challenge": {[]sip.Attempt{at("challenge", 0, nil)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the server asked for credentials, and none followed"}},
		"incomplete": {[]sip.Attempt{at("incomplete", 0, nil)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the last REGISTER has no answer in it"}},
		"challenge of two": {[]sip.Attempt{at("challenge", 0, nil), at("challenge", 1, ann)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example and another user): the server asked for credentials, and none followed"}},
		"one of each": {[]sip.Attempt{at("redirect", 0, on), at("challenge", 1, ann)},
			[]string{"log-no-attempt: The log does not show how a sign-in ended (ann@contoso.example): the server asked for credentials, and none followed",
				"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the server sent it on to pool2.contoso.com:5061"}},
		"made good":             {[]sip.Attempt{at("redirect", 0, on), at("challenge", 1, nil), at("ok", 2, nil)}, nil},
		"the last counts":       {[]sip.Attempt{at("challenge", 1, nil), at("redirect", 0, on)}, []string{"log-no-attempt: The log does not show how a sign-in ended (joe@contoso.example): the server asked for credentials, and none followed"}},
		"refused later":         {[]sip.Attempt{at("redirect", 0, on), at("address-not-owned", 1, nil)}, []string{"sip-address-not-owned: "}},
		"refused, then nothing": {[]sip.Attempt{at("address-not-owned", 0, nil), at("challenge", 1, nil)}, []string{"sip-address-not-owned: "}},
		"sent in a circle":      {[]sip.Attempt{at("redirect", 0, on), at("redirect", 1, on), at("redirect", 2, on)}, []string{"sip-redirect-loop: "}},
	} {
		f := fact.New()
		fact.Put(f, fact.AttemptsKey, c.attempts, fact.Origin{Kind: fact.Log})
		fact.Put(f, fact.LogFilesKey, []fact.LogFile{{Path: "a.log"}}, fact.Origin{Kind: fact.Log})
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, lyncdiag.DefaultRules())
		var got []string
		for _, x := range report.Findings {
			got = append(got, x.Name+": "+x.Filled(report.Target).Title)
			if x.Severity == kb.Failure && x.Name == "log-no-attempt" {
				t.Errorf("%s: what the log does not show is no failure", name)
			}
		}
		slices.Sort(got)
		if !slices.EqualFunc(got, c.want, func(g, w string) bool { return g == w || strings.HasSuffix(w, ": ") && strings.HasPrefix(g, w) }) {
			t.Errorf("%s:\n%q, want\n%q", name, got, c.want)
		}
	}
}
