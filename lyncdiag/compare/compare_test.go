package compare_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// run is the report of the lab with some faults.
func run(t *testing.T, faults ...string) *lyncdiag.Report {
	t.Helper()
	var report *lyncdiag.Report
	synctest.Test(t, func(t *testing.T) {
		l, err := lab.Start(t.Context(), lab.Config{Faults: faults})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := &lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting(), Sources: l.Sources(), Credentials: l.Credentials()}
		subject, err := fact.ParseAddress("joe@contoso.example")
		if err != nil {
			t.Fatal(err)
		}
		if report, err = d.Run(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
	})
	return report
}

// told are the findings of a difference as "status name".
func told(d *compare.Difference) []string {
	var list []string
	for _, t := range d.Targets {
		for _, f := range t.Findings {
			list = append(list, string(f.Status)+" "+f.Name)
		}
	}
	return list
}

// TestRunsOfTheLab: what came and went between two runs, and what the later one
// could not see.
func TestRunsOfTheLab(t *testing.T) {
	for _, tt := range []struct {
		before, after []string
		want          []string // those that must be told
		why           string   // of the last of them
		exit          int
	}{
		{nil, []string{"adfs-mex-http-500"}, []string{"appeared adfs-mex-http-500"}, "", 1},
		{[]string{"adfs-mex-http-500"}, nil, []string{"gone adfs-mex-http-500"}, "AD FS MEX was looked at again", 0},
		{[]string{"adfs-mex-http-500"}, []string{"login-service-unavailable"}, []string{"appeared login-service-unavailable", "unknown adfs-mex-http-500"}, "sts.contoso.example was not asked this time", 1},
		{[]string{"adfs-mex-http-500"}, []string{"adfs-tls-handshake-failed"}, []string{"unknown adfs-mex-http-500"}, "AD FS MEX was not looked at (skipped): AD FS TLS did not pass", 1},
		{[]string{"adfs-certificate-expired"}, []string{"adfs-tls-handshake-failed"}, []string{"appeared adfs-tls-handshake-failed", "unknown adfs-certificate-expired"}, "AD FS TLS fails by adfs-tls-handshake-failed now, which may hide it", 1},
		{[]string{"dns-sip-cname-missing"}, nil, []string{"gone dns-sip-cname-missing"}, "sip.contoso.example was looked up again: ok", 0},
		{[]string{"dns-sip-cname-missing"}, []string{"dns-server-failure"}, []string{"unknown dns-sip-cname-missing"}, "sip.contoso.example got no answer this time", 1},
		{[]string{"dns-sip-cname-missing", "dns-sip-tls-srv-missing"}, []string{"dns-sip-tls-srv-missing"}, []string{"gone dns-sip-cname-missing"}, "sip.contoso.example was looked up again: ok", 0},
	} {
		d := compare.Runs([]*lyncdiag.Report{run(t, tt.before...)}, []*lyncdiag.Report{run(t, tt.after...)})
		got := told(d)
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("%q to %q: %q, want %q", tt.before, tt.after, got, want)
			}
		}
		if tt.why != "" {
			last := tt.want[len(tt.want)-1]
			i := slices.Index(got, last)
			if i >= 0 && d.Targets[0].Findings[i].Why != tt.why {
				t.Errorf("%q to %q: %s: %q, want %q", tt.before, tt.after, last, d.Targets[0].Findings[i].Why, tt.why)
			}
		}
		if code := d.ExitCode("failure"); code != tt.exit {
			t.Errorf("%q to %q: exit code %d, want %d", tt.before, tt.after, code, tt.exit)
		}
	}
}

// TestRunsHold: nothing is another in a run compared with itself, as it is and
// as it is read back; there and back, what appeared is what was lost.
func TestRunsHold(t *testing.T) {
	var all []*lyncdiag.Report
	for _, fault := range []string{"healthy", "captive-portal", "dns-server-failure", "client-clock-skew", "adfs-mex-http-500", "tcp-443-filtered", "sip-server-certificate-expired"} {
		r := run(t, fault)
		all = append(all, r)
		var b bytes.Buffer
		if err := (render.Tool{}).Report(r, 1).Write(&b, render.JSON, render.Options{}); err != nil {
			t.Fatal(err)
		}
		read, err := render.ReadRecorded("a.json", &b)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]*lyncdiag.Report{{r, r}, {r, read.Reports[0]}, {read.Reports[0], r}} {
			d := compare.Runs(pair[:1], pair[1:])
			if x := d.Targets[0]; len(x.Findings)+len(x.Stages) > 0 || x.Same != len(r.Findings) || d.ExitCode("unknown") != 0 {
				t.Errorf("%s: %q and %v changed, %d of %d are the same", fault, told(d), x.Stages, x.Same, len(r.Findings))
			}
		}
	}
	count := func(d *compare.Difference, s ...compare.Status) int {
		n := 0
		for _, f := range d.Targets[0].Findings {
			if slices.Contains(s, f.Status) {
				n++
			}
		}
		return n
	}
	for _, a := range all {
		for _, b := range all {
			there, back := compare.Runs([]*lyncdiag.Report{a}, []*lyncdiag.Report{b}), compare.Runs([]*lyncdiag.Report{b}, []*lyncdiag.Report{a})
			if count(there, compare.Appeared) != count(back, compare.Gone, compare.Unknown) || count(there, compare.Changed) != count(back, compare.Changed) {
				t.Errorf("there %q, back %q", told(there), told(back))
			}
			if len(there.Targets[0].Stages) != len(back.Targets[0].Stages) {
				t.Errorf("%v there, %v back", there.Targets[0].Stages, back.Targets[0].Stages)
			}
		}
	}
}

func finding(name string, severity kb.Severity, stage lyncdiag.StageID, evidence ...string) lyncdiag.Finding {
	f := lyncdiag.Finding{Spec: lyncdiag.Spec{Name: name, Severity: severity}, Stage: stage}
	for i := 0; i+1 < len(evidence); i += 2 {
		f.Evidence = append(f.Evidence, fact.Evidence{Key: evidence[i], Class: fact.HostText, Value: evidence[i+1]})
	}
	return f
}

func report(address string, stages []lyncdiag.StageResult, findings ...lyncdiag.Finding) *lyncdiag.Report {
	_, domain, _ := strings.Cut(address, "@")
	return &lyncdiag.Report{Target: lyncdiag.Target{Address: address, Domain: domain}, Stages: stages, Findings: findings, Complete: true,
		Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Healthy}}
}

func stage(id string, status lyncdiag.Status, skip lyncdiag.SkipReason) lyncdiag.StageResult {
	return lyncdiag.StageResult{ID: lyncdiag.StageID(id), Title: id, Status: status, Skip: skip}
}

func input(id string, status lyncdiag.Status) lyncdiag.StageResult {
	return lyncdiag.StageResult{ID: lyncdiag.StageID(id), Title: id, Status: status, Input: true}
}

// TestGoneOrUnknown: a finding is gone only if what showed it was looked at.
func TestGoneOrUnknown(t *testing.T) {
	old := finding("a", kb.Failure, "tls", "host", "one.example")
	passed := []lyncdiag.StageResult{stage("tls", lyncdiag.Passed, "")}
	failed := []lyncdiag.StageResult{stage("tls", lyncdiag.Failed, "")}
	hosts := func(r *lyncdiag.Report, names ...string) *lyncdiag.Report {
		for _, name := range names {
			r.Hosts = append(r.Hosts, fact.Endpoint{Host: name})
		}
		return r
	}
	set := func(r *lyncdiag.Report, client string) *lyncdiag.Report {
		r.Setting.Client = client
		return r
	}
	record := finding("r", kb.Warning, "dns", "record", "sip.contoso.com")
	records := func(r *lyncdiag.Report, status dnscheck.CheckStatus) *lyncdiag.Report {
		r.Records = []dnscheck.Check{{Expectation: dnscheck.Expectation{Name: "SIP.contoso.com."}, Status: status}}
		return r
	}
	directory := finding("d", kb.Failure, "directory")
	skipped := []lyncdiag.StageResult{stage("tls", lyncdiag.Skipped, lyncdiag.SkipNotApplicable)}
	const joe = "joe@contoso.com"
	for name, tt := range map[string]struct {
		before, after *lyncdiag.Report
		want          compare.Status
	}{
		"looked at again":              {report(joe, failed, old), report(joe, passed), compare.Gone},
		"the same, and warned":         {report(joe, failed, old), report(joe, []lyncdiag.StageResult{stage("tls", lyncdiag.Warned, "")}), compare.Gone},
		"skipped":                      {report(joe, failed, old), report(joe, []lyncdiag.StageResult{stage("tls", lyncdiag.Skipped, lyncdiag.SkipNeeds)}), compare.Unknown},
		"cut short":                    {report(joe, failed, old), report(joe, []lyncdiag.StageResult{stage("tls", lyncdiag.Errored, "")}), compare.Unknown},
		"no such stage":                {report(joe, failed, old), report(joe, nil), compare.Unknown},
		"its host is not asked":        {hosts(report(joe, failed, old), "one.example"), hosts(report(joe, passed), "two.example"), compare.Unknown},
		"its host is asked":            {hosts(report(joe, failed, old), "one.example"), hosts(report(joe, passed), "ONE.example"), compare.Gone},
		"hosts were never listed":      {hosts(report(joe, failed, old), "one.example"), report(joe, passed), compare.Gone},
		"another failure hides it":     {report(joe, failed, old), report(joe, failed, finding("b", kb.Failure, "tls", "host", "one.example")), compare.Unknown},
		"an old failure hides nothing": {report(joe, failed, old, finding("b", kb.Failure, "tls", "host", "one.example")), report(joe, failed, finding("b", kb.Failure, "tls", "host", "one.example")), compare.Gone},
		"another host fails":           {report(joe, failed, old), report(joe, failed, finding("b", kb.Failure, "tls", "host", "two.example")), compare.Gone},
		"it fails without a name":      {report(joe, failed, old), report(joe, failed), compare.Unknown},
		"does not apply now":           {report(joe, failed, old), report(joe, skipped), compare.Gone},
		"does not apply, as set":       {set(report(joe, failed, old), "lync2010"), set(report(joe, skipped), ""), compare.Unknown},
		"its record is there":          {report(joe, nil, record), records(report(joe, nil), dnscheck.CheckOK), compare.Gone},
		"its record got no answer":     {report(joe, nil, record), records(report(joe, []lyncdiag.StageResult{stage("dns", lyncdiag.Passed, "")}), dnscheck.CheckError), compare.Unknown},
		"the export is read again":     {report(joe, []lyncdiag.StageResult{input("user.json", lyncdiag.Passed)}, directory), report(joe, []lyncdiag.StageResult{input("user.json", lyncdiag.Passed)}), compare.Gone},
		"the export is not read":       {report(joe, []lyncdiag.StageResult{input("user.json", lyncdiag.Passed)}, directory), report(joe, passed), compare.Unknown},
		"the export cannot be read":    {report(joe, []lyncdiag.StageResult{input("user.json", lyncdiag.Passed)}, directory), report(joe, []lyncdiag.StageResult{input("user.json", lyncdiag.Errored)}), compare.Unknown},
	} {
		d := compare.Runs([]*lyncdiag.Report{tt.before}, []*lyncdiag.Report{tt.after})
		for _, f := range d.Targets[0].Findings {
			if f.Name == tt.before.Findings[0].Name && (f.Status != tt.want || f.Why == "") {
				t.Errorf("%s: %s (%s), want %s", name, f.Status, f.Why, tt.want)
			}
		}
		if len(d.Targets[0].Findings) == 0 {
			t.Errorf("%s: nothing is told", name)
		}
	}
}

// TestNew: what counts, at which level.
func TestNew(t *testing.T) {
	const joe = "joe@contoso.com"
	known, suppressed := finding("a", kb.Failure, ""), finding("a", kb.Failure, "")
	known.Known, suppressed.Suppressed = true, "a"
	undecided := report(joe, nil)
	undecided.Verdict.Outcome = lyncdiag.Undecided
	levels := []string{"failure", "warning", "unknown", "never"}
	for name, tt := range map[string]struct {
		before, after *lyncdiag.Report
		want          []int // a level each
	}{
		"a failure":          {report(joe, nil), report(joe, nil, finding("a", kb.Failure, "")), []int{1, 1, 1, 0}},
		"a warning":          {report(joe, nil), report(joe, nil, finding("a", kb.Warning, "")), []int{0, 1, 1, 0}},
		"an info":            {report(joe, nil), report(joe, nil, finding("a", kb.Info, "")), []int{0, 0, 0, 0}},
		"of a later version": {report(joe, nil), report(joe, nil, finding("a", "critical", "")), []int{0, 0, 0, 0}},
		"worse":              {report(joe, nil, finding("a", kb.Warning, "")), report(joe, nil, finding("a", kb.Failure, "")), []int{1, 1, 1, 0}},
		"better":             {report(joe, nil, finding("a", kb.Failure, "")), report(joe, nil, finding("a", kb.Warning, "")), []int{0, 0, 0, 0}},
		"as it was":          {report(joe, nil, finding("a", kb.Failure, "")), report(joe, nil, finding("a", kb.Failure, "")), []int{0, 0, 0, 0}},
		"on another host":    {report(joe, nil, finding("a", kb.Failure, "", "host", "one")), report(joe, nil, finding("a", kb.Failure, "", "host", "two")), []int{1, 1, 1, 0}},
		"on the host, again": {report(joe, nil, finding("a", kb.Failure, "", "host", "one")), report(joe, nil, finding("a", kb.Failure, "", "host", "ONE")), []int{0, 0, 0, 0}},
		"known":              {report(joe, nil), report(joe, nil, known), []int{0, 0, 0, 0}},
		"suppressed":         {report(joe, nil), report(joe, nil, suppressed), []int{0, 0, 0, 0}},
		"not seen":           {report(joe, nil, finding("a", kb.Failure, "tls")), report(joe, nil), []int{0, 0, 1, 0}},
		"undecided now":      {report(joe, nil), undecided, []int{0, 0, 1, 0}},
		"undecided as ever":  {undecided, undecided, []int{0, 0, 0, 0}},
	} {
		d := compare.Runs([]*lyncdiag.Report{tt.before}, []*lyncdiag.Report{tt.after})
		fresh := slices.ContainsFunc(d.Targets[0].Findings, func(f compare.Finding) bool { return f.New })
		if fresh != (tt.want[1] == 1) {
			t.Errorf("%s: something is new: %t", name, fresh)
		}
		for i, level := range levels {
			if code := d.ExitCode(level); code != tt.want[i] {
				t.Errorf("%s: --fail-on %s: exit code %d, want %d", name, level, code, tt.want[i])
			}
		}
	}
}

// TestTargets: each address is held against itself, in whatever order and case;
// what one side lacks is said.
func TestTargets(t *testing.T) {
	a := finding("a", kb.Failure, "")
	before := []*lyncdiag.Report{report("ann@contoso.com", nil), report("joe@contoso.com", nil, a), report("left@contoso.com", nil, a)}
	after := []*lyncdiag.Report{report("JOE@contoso.com", nil, a), report("Ann@contoso.com", nil), report("new@contoso.com", nil, a)}
	d := compare.Runs(before, after)
	var got []string
	for _, x := range d.Targets {
		line := string(x.Presence)
		for _, f := range x.Findings {
			line += fmt.Sprintf(" %s %v", f.Status, f.New)
		}
		got = append(got, line)
	}
	if want := []string{"both", "both", "after appeared true", "before unknown false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// A night after the other in one file: the last counts.
	monday, tuesday := report("joe@contoso.com", nil, a), report("joe@contoso.com", nil)
	monday.Started, tuesday.Started = time.Unix(1, 0), time.Unix(2, 0)
	for _, list := range [][]*lyncdiag.Report{{monday, tuesday}, {tuesday, monday}} {
		if latest := compare.Latest(list); len(latest) != 1 || latest[0] != tuesday {
			t.Errorf("%v, want Tuesday's alone", latest)
		}
	}
	// Two single reports are compared whoever they are of.
	if d := compare.Runs(before[:1], after[:1]); len(d.Targets) != 1 || d.Targets[0].Presence != compare.InBoth {
		t.Errorf("two users: %+v", d.Targets)
	}
}

func TestChanges(t *testing.T) {
	then, now := finding("a", kb.Warning, "", "host", "one", "server", "x", "server", "y", "gone", "z"), finding("a", kb.Failure, "", "host", "one", "server", "y", "server", "x", "come", "w")
	then.Confidence, now.Confidence, now.CausedBy = lyncdiag.Possible, "", "b"
	d := compare.Runs([]*lyncdiag.Report{report("joe@contoso.com", nil, then)}, []*lyncdiag.Report{report("joe@contoso.com", nil, now)})
	want := []compare.Change{{"severity", false, "warning", "failure"}, {"confidence", false, "possible", "confirmed"}, {"causedBy", false, "", "b"}, {"gone", true, "z", ""}, {"come", true, "", "w"}}
	if got := d.Targets[0].Findings[0].Changes; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestKnown(t *testing.T) {
	a, b, c := finding("a", kb.Failure, "", "host", "one"), finding("b", kb.Failure, ""), finding("c", kb.Failure, "")
	then := report("joe@contoso.com", nil, a, finding("c", kb.Warning, ""))
	now := report("Joe@contoso.com", nil, a, b, c)
	now.Verdict = lyncdiag.Verdict{Outcome: lyncdiag.Problem, Primary: "a"}
	compare.NewBaseline([]*lyncdiag.Report{report("ann@contoso.com", nil, b), then}, []string{"note"}).Mark(now)
	if !now.Findings[0].Known || now.Findings[1].Known || now.Findings[2].Known {
		t.Errorf("%+v, want the first to be known alone: the second is another user's, and the third was a warning", now.Findings)
	}
	if !now.Baseline.Found || len(now.Baseline.Notes) != 1 || now.Verdict.Primary != "a" || lyncdiag.ExitCode(now, "failure") != 1 {
		t.Errorf("%+v, %+v", now.Baseline, now.Verdict)
	}
	alone := report("joe@contoso.com", nil, a)
	alone.Verdict.Outcome = lyncdiag.Problem
	compare.NewBaseline([]*lyncdiag.Report{then}, nil).Mark(alone)
	if code := lyncdiag.ExitCode(alone, "failure"); code != 0 || alone.Verdict.Outcome != lyncdiag.Problem {
		t.Errorf("exit code %d, outcome %s", code, alone.Verdict.Outcome)
	}
	compare.NewBaseline([]*lyncdiag.Report{report("ann@contoso.com", nil)}, nil).Mark(alone)
	if alone.Baseline.Found {
		t.Error("a baseline without the target is said to have it")
	}
}

// TestCaseIsNoChange: addresses, hosts and URLs are the same in any case, other
// texts are not.
func TestCaseIsNoChange(t *testing.T) {
	for class, changed := range map[fact.Class]bool{fact.UserText: false, fact.HostText: false, fact.URLText: false, fact.Text: true, fact.Prose: true} {
		report := func(values ...string) []*lyncdiag.Report {
			f := finding("a", kb.Failure, "dns", "host", "sip.contoso.com")
			for _, v := range values {
				f.Evidence = append(f.Evidence, fact.Evidence{Key: "which", Class: class, Value: v})
			}
			return []*lyncdiag.Report{{Target: lyncdiag.Target{Address: "joe@contoso.com"}, Findings: []lyncdiag.Finding{f}}}
		}
		d := compare.Runs(report("bob@contoso.com", "Ann@contoso.com"), report("ANN@contoso.com", "BOB@contoso.com"))
		if got := len(d.Targets[0].Findings) > 0; got != changed {
			t.Errorf("%s: changed %v, want %v: %+v", class, got, changed, d.Targets[0].Findings)
		}
		d = compare.Runs(report("bob@contoso.com"), report("Carl@contoso.com"))
		if x := d.Targets[0].Findings; len(x) != 1 || x[0].Changes[0] != (compare.Change{Key: "which", Evidence: true, Before: "bob@contoso.com", After: "Carl@contoso.com"}) {
			t.Errorf("%s: %+v", class, x)
		}
	}
}
