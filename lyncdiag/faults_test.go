package lyncdiag_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

const joe = "joe@contoso.example"

func target(t testing.TB, address string) lyncdiag.Target {
	t.Helper()
	subject, err := fact.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

// loopbackOnly is the tests' dialer: it refuses every address but loopback, so
// no test can leave this machine.
func loopbackOnly(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !to.Addr().IsLoopback() {
			return nil, fmt.Errorf("the tests' dialer refuses %s %s", network, address)
		}
		return dial(ctx, network, address)
	}
}

// diagnose runs the default diagnosis in a lab. It must be called in a
// synctest bubble: the lab's silent hosts cost virtual time only.
func diagnose(t testing.TB, config lab.Config, change ...func(*lyncdiag.Diagnoser)) (*fact.Facts, *lyncdiag.Report) {
	t.Helper()
	l, err := lab.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	network := l.Network()
	network.Dial = loopbackOnly(network.Dial)
	d := &lyncdiag.Diagnoser{Network: network, Setting: l.Setting(), Sources: l.Sources(), Credentials: l.Credentials()}
	for _, f := range change {
		f(d)
	}
	facts, report, err := d.Facts(t.Context(), target(t, joe))
	if err != nil {
		t.Fatal(err)
	}
	return facts, report
}

func rootNames(r *lyncdiag.Report) []string {
	var list []string
	for _, f := range r.Findings {
		if f.CausedBy == "" {
			list = append(list, f.Name)
		}
	}
	return list
}

func describe(r *lyncdiag.Report) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "outcome %s, primary %q, types %v, complete %t\n", r.Verdict.Outcome, r.Verdict.Primary, r.Verdict.Types, r.Complete)
	for _, s := range r.Stages {
		fmt.Fprintf(&b, "  stage   %-14s %-8s %v %s\n", s.ID, s.Status, s.Duration, s.Reason)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  finding %-8s %-10s %s (causedBy %q)\n", f.Severity, f.Confidence, f.Name, f.CausedBy)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "            %s = %s\n", e.Key, e.Value)
		}
	}
	for _, x := range r.Rules {
		if x.Status == lyncdiag.RuleErrored {
			fmt.Fprintf(&b, "  rule    %s: %s\n", x.ID, x.Error)
		}
	}
	return b.String()
}

// TestEveryFault is the end-to-end proof: each fault of the lab is diagnosed
// as the finding whose name it bears, and nothing unrelated is said.
func TestEveryFault(t *testing.T) {
	infos := map[string][]string{} // what a healthy lab says anyway
	for _, f := range lab.Faults() {
		if f.Expected != "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Faults: []string{f.Name}})
				infos[f.Name] = rootNames(report)
				if report.Verdict.Outcome != lyncdiag.Healthy || lyncdiag.ExitCode(report, "warning") != 0 {
					t.Errorf("the healthy lab is not healthy:\n%s", describe(report))
				}
			})
		})
	}
	for _, f := range lab.Faults() {
		if f.Expected == "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				facts, report := diagnose(t, lab.Config{Faults: []string{f.Name}})
				checkFault(t, f, report, infos[f.Base])
				checkRecorded(t, facts, report)
			})
		})
	}
}

func checkFault(t *testing.T, fault lab.Fault, report *lyncdiag.Report, infos []string) {
	t.Helper()
	spec, ok := kb.Lookup(fault.Expected)
	if !ok {
		t.Fatalf("the fault expects %q, which is not in the catalogue", fault.Expected)
	}
	i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == fault.Expected && f.CausedBy == "" })
	if i < 0 {
		t.Fatalf("%s is not found:\n%s", fault.Expected, describe(report))
	}
	found := report.Findings[i]
	if found.Type != spec.Type && found.Name != "sip-register-refused" {
		t.Errorf("type %s, want %s", found.Type, spec.Type)
	}
	if found.Severity != spec.Severity {
		t.Errorf("severity %s, want %s", found.Severity, spec.Severity)
	}
	if len(found.Evidence) == 0 {
		t.Error("the finding has no evidence")
	}
	want, code := "", 0
	if spec.Severity == kb.Failure {
		want, code = fault.Expected, 1
	}
	if report.Verdict.Primary != want {
		t.Errorf("primary %q, want %q:\n%s", report.Verdict.Primary, want, describe(report))
	}
	if got := lyncdiag.ExitCode(report, "failure"); got != code {
		t.Errorf("exit code %d, want %d:\n%s", got, code, describe(report))
	}
	for _, name := range rootNames(report) {
		if name != fault.Expected && !slices.Contains(infos, name) {
			t.Errorf("unrelated finding %s:\n%s", name, describe(report))
		}
	}
	for _, r := range report.Rules {
		if r.Status == lyncdiag.RuleErrored {
			t.Errorf("rule %s: %s", r.ID, r.Error)
		}
	}
	if !report.Complete {
		t.Errorf("the run is not complete:\n%s", describe(report))
	}
}

// checkRecorded judges the recorded facts once more: same findings, same
// verdict, so that a bundle says later what the run said.
func checkRecorded(t *testing.T, facts *fact.Facts, report *lyncdiag.Report) {
	t.Helper()
	var record bytes.Buffer
	if err := fact.Encode(&record, facts); err != nil {
		t.Fatal(err)
	}
	again, err := fact.Decode(bytes.NewReader(record.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if err := fact.Encode(&second, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(record.Bytes(), second.Bytes()) {
		t.Error("a fact changes when it is recorded")
	}
	judged := *report
	judged.Stages = slices.Clone(report.Stages)
	lyncdiag.Judge(&judged, again, lyncdiag.DefaultRules())
	if !reflect.DeepEqual(judged.Findings, report.Findings) {
		t.Errorf("recorded facts give other findings:\n%s\nfirst:\n%s", describe(&judged), describe(report))
	}
	if !reflect.DeepEqual(judged.Verdict, report.Verdict) {
		t.Errorf("recorded facts give another verdict: %+v, first %+v", judged.Verdict, report.Verdict)
	}
}

// TestRulesDeclareWhatTheyRead holds every rule to its Needs and Reads while
// all faults run past it.
func TestRulesDeclareWhatTheyRead(t *testing.T) {
	emitted := map[string]bool{}
	for _, f := range lab.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				facts, _ := diagnose(t, lab.Config{Faults: []string{f.Name}})
				for _, name := range checkReads(t, facts) {
					emitted[name] = true
				}
			})
		})
	}
	if len(emitted) == 0 {
		t.Error("no rule fired in any lab")
	}
}

// checkReads holds every rule to its Needs, Reads and Emits, and returns the
// names of the findings.
func checkReads(t *testing.T, facts *fact.Facts) (emitted []string) {
	t.Helper()
	for _, r := range lyncdiag.DefaultRules() {
		if slices.ContainsFunc(r.Needs, func(n fact.Name) bool { return !facts.Has(n) }) {
			continue
		}
		seen := facts.Observed(func(n fact.Name) {
			if !slices.Contains(r.Needs, n) && !slices.Contains(r.Reads, n) {
				t.Errorf("rule %s reads %s without declaring it", r.ID, n)
			}
		})
		r.Eval(seen, func(f lyncdiag.Finding) {
			emitted = append(emitted, f.Name)
			if !slices.Contains(r.Emits, f.Name) {
				t.Errorf("rule %s emits %s without declaring it", r.ID, f.Name)
			}
		})
	}
	return emitted
}

// TestSameAnswersSameReport: with a constant clock the report is the same, to
// the last evidence, however the stages were scheduled.
func TestSameAnswersSameReport(t *testing.T) {
	for _, fault := range []string{"healthy", "firewall-blocks-lync-online", "adfs-mex-http-500"} {
		t.Run(fault, func(t *testing.T) {
			var first *lyncdiag.Report
			for range 5 {
				synctest.Test(t, func(t *testing.T) {
					_, report := diagnose(t, lab.Config{Faults: []string{fault}}, func(d *lyncdiag.Diagnoser) {
						at := d.Network.Now
						if at == nil {
							at = time.Now
						}
						constant := at()
						d.Network.Now = func() time.Time { return constant }
					})
					for i := range report.Findings {
						for j := range report.Findings[i].Evidence {
							if report.Findings[i].Evidence[j].Key == "thumbprint" {
								report.Findings[i].Evidence[j].Value = "" // the lab's keys are new each time
							}
						}
					}
					for i := range report.Hosts {
						report.Hosts[i].TLS = nil // and so are its certificates
					}
					if first == nil {
						first = report
					} else if !reflect.DeepEqual(first, report) {
						t.Errorf("two runs differ:\n%s\n%s", describe(first), describe(report))
					}
				})
			}
		})
	}
}

// TestRoundTrips counts the critical path of a healthy federated check: the
// floor is 8 (realm: DNS, TCP, TLS, HTTP; AD FS: the same four).
func TestRoundTrips(t *testing.T) {
	const rtt = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{RTT: rtt}, func(d *lyncdiag.Diagnoser) { d.Credentials = nil })
		if report.Verdict.Outcome != lyncdiag.Healthy {
			t.Fatalf("not healthy:\n%s", describe(report))
		}
		trips := float64(report.Duration) / float64(rtt)
		t.Logf("%.2f round trips\n%s", trips, describe(report))
		if trips > 10 {
			t.Errorf("%.2f round trips, want at most 10", trips)
		}
	})
}

// TestSilentHostsCostOneTimeout: every host but the resolver is silent.
func TestSilentHostsCostOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			dial := d.Network.Dial
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if network == "tcp" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return dial(ctx, network, address)
			}
		})
		if limit := lyncdiag.DefaultExchange + time.Second; report.Duration > limit {
			t.Errorf("%v, want at most %v:\n%s", report.Duration, limit, describe(report))
		}
		if !report.Complete {
			t.Errorf("silent hosts are an observation, not an interruption:\n%s", describe(report))
		}
	})
}

// TestCancelledRunStillReports: a run that is cut short says what it saw.
func TestCancelledRunStillReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Faults: []string{"tcp-443-filtered"}}, func(d *lyncdiag.Diagnoser) { d.Timeout = time.Second })
		if report.Complete {
			t.Errorf("the run was cut short and says it is complete:\n%s", describe(report))
		}
		if len(report.Stages) != len(lyncdiag.DefaultPlan()) {
			t.Errorf("%d stages reported, want all %d", len(report.Stages), len(lyncdiag.DefaultPlan()))
		}
		if code := lyncdiag.ExitCode(report, "failure"); code != 3 && code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
}

// TestBrokenStageAndRule: a panic or an error ends in its own entry, and the
// rest of the run goes on.
func TestBrokenStageAndRule(t *testing.T) {
	d := &lyncdiag.Diagnoser{
		Plan: lyncdiag.Plan{
			{ID: "panics", Title: "Panics", Local: true, Probe: func(context.Context, *lyncdiag.Env) error { panic("boom") }},
			{ID: "errs", Title: "Errs", Local: true, Probe: func(context.Context, *lyncdiag.Env) error { return errors.New("no rights") }},
			{ID: "behind", Title: "Behind", Local: true, Needs: []lyncdiag.StageID{"errs"}, Probe: func(context.Context, *lyncdiag.Env) error { return nil }},
			{ID: "fine", Title: "Fine", Local: true, Probe: func(context.Context, *lyncdiag.Env) error { return nil }},
		},
		Rules: []lyncdiag.Rule{
			{ID: "panics", Eval: func(*fact.Facts, lyncdiag.Emit) { panic("boom") }},
			{ID: "undeclared", Eval: func(_ *fact.Facts, emit lyncdiag.Emit) {
				emit(lyncdiag.Finding{Spec: kb.Spec{Name: "dns-domain-missing"}})
			}},
			{ID: "needs", Needs: []fact.Name{"nothing-puts-this"}, Eval: func(*fact.Facts, lyncdiag.Emit) { panic("must not run") }},
		},
		Network: &lyncdiag.Network{Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("a local plan dialled")
			return nil, errors.New("refused")
		}},
		Offline: true,
	}
	report, err := d.Run(t.Context(), target(t, joe))
	if err != nil {
		t.Fatal(err)
	}
	want := []lyncdiag.Status{lyncdiag.Errored, lyncdiag.Errored, lyncdiag.Skipped, lyncdiag.Passed}
	for i, s := range report.Stages {
		if s.Status != want[i] {
			t.Errorf("stage %s: %s, want %s", s.ID, s.Status, want[i])
		}
	}
	if report.Stages[2].Skip != lyncdiag.SkipNeeds {
		t.Errorf("skip reason %q", report.Stages[2].Skip)
	}
	rules := []lyncdiag.RuleStatus{lyncdiag.RuleErrored, lyncdiag.RuleErrored, lyncdiag.RuleUnknown}
	for i, r := range report.Rules {
		if r.Status != rules[i] {
			t.Errorf("rule %s: %s, want %s", r.ID, r.Status, rules[i])
		}
	}
	if len(report.Findings) != 0 {
		t.Errorf("findings of broken rules: %v", report.Findings)
	}
	if report.Verdict.Outcome != lyncdiag.Undecided {
		t.Errorf("outcome %s", report.Verdict.Outcome)
	}
}

// TestOfflineSendsNothing: not one dial, and every stage that would send says
// why it did not.
func TestOfflineSendsNothing(t *testing.T) {
	d := &lyncdiag.Diagnoser{Offline: true, Network: &lyncdiag.Network{Dial: func(_ context.Context, network, address string) (net.Conn, error) {
		t.Errorf("dialled %s %s", network, address)
		return nil, errors.New("refused")
	}}}
	report, err := d.Run(t.Context(), target(t, joe))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Stages {
		if s.Status != lyncdiag.Skipped {
			t.Errorf("stage %s: %s", s.ID, s.Status)
		}
	}
	if report.Verdict.Outcome != lyncdiag.Undecided || lyncdiag.ExitCode(report, "failure") != 3 {
		t.Errorf("nothing was looked at, and the verdict is %s", report.Verdict.Outcome)
	}
}

// TestSilentResolverCostsOneTimeout: it is asked once more within the
// exchange, and nothing else is waited for.
func TestSilentResolverCostsOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			dial := d.Network.Dial
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if network == "udp" {
					local, _ := net.Pipe()
					return deaf{local}, nil
				}
				return dial(ctx, network, address)
			}
		})
		if limit := lyncdiag.DefaultExchange + time.Second; report.Duration > limit {
			t.Errorf("%v, want at most %v:\n%s", report.Duration, limit, describe(report))
		}
		if report.Verdict.Primary != "dns-server-failure" {
			t.Errorf("primary %q:\n%s", report.Verdict.Primary, describe(report))
		}
	})
}

// deaf takes every datagram and never answers.
type deaf struct{ net.Conn }

func (deaf) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkHealthyCheck measures a whole federated check in round trips, on
// the real clock.
func BenchmarkHealthyCheck(b *testing.B) {
	const rtt = 50 * time.Millisecond
	l, err := lab.Start(b.Context(), lab.Config{RTT: rtt})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var total time.Duration
	for b.Loop() {
		report, err := (&lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}).Run(b.Context(), target(b, joe))
		if err != nil || report.Verdict.Outcome != lyncdiag.Healthy {
			b.Fatal(err, describe(report))
		}
		total += report.Duration
	}
	b.ReportMetric(float64(total)/float64(b.N)/float64(rtt), "roundtrips/op")
}
