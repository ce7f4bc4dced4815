package compare_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func TestParseSuppression(t *testing.T) {
	for text, want := range map[string]lyncdiag.Suppression{
		"adfs-mex-http-500":                    {Finding: "adfs-mex-http-500"},
		" ADFS-mex-HTTP-500 = sts.contoso.com": {Finding: "adfs-mex-http-500", Target: "sts.contoso.com"},
		"dns-sip-cname-missing=*.contoso.com":  {Finding: "dns-sip-cname-missing", Target: "*.contoso.com"},
	} {
		if got, err := compare.ParseSuppression(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                   "names no finding",
		"=sts.contoso.com":   "names no finding",
		"adfs-mex-http-500=": "nothing behind the =",
		"adfs-mex-http":      `did you mean "adfs-mex-http-500"?`,
		"adfs_mex_http_500":  `did you mean "adfs-mex-http-500"?`,
		"ld0061":             `is an id, and findings are suppressed by name; did you mean "adfs-mex-http-500"?`,
		"weather":            "lyncdiag catalogue lists them",
	} {
		if _, err := compare.ParseSuppression(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzParseSuppression: what is read is a finding of the catalogue, and is read
// again from what it is written as.
func FuzzParseSuppression(f *testing.F) {
	for _, s := range []string{"adfs-mex-http-500=sts.contoso.com", "escalate", "LD0061", "a=b=c", "dns-domain-missing=[*"} {
		f.Add(s, "sts.contoso.com")
	}
	f.Fuzz(func(t *testing.T, text, host string) {
		s, err := compare.ParseSuppression(text)
		if err != nil {
			return
		}
		if spec, ok := kb.Lookup(s.Finding); !ok || spec.Name != s.Finding {
			t.Errorf("%q is the name of no finding", s.Finding)
		}
		if again, err := compare.ParseSuppression(s.String()); err != nil || again != s {
			t.Errorf("%q: %+v, then %+v, %v", text, s, again, err)
		}
		// A target silences what is about it.
		if s.Target != "" && !strings.ContainsAny(s.Target, "*") {
			r := report("joe@contoso.com", nil, finding(s.Finding, kb.Failure, "", "host", s.Target))
			if compare.Suppress(r, []lyncdiag.Suppression{s}, time.Now()); r.Suppressions[0].Count != 1 {
				t.Errorf("%q does not silence %q", s, s.Target)
			}
		}
		r := report("joe@contoso.com", nil, finding(s.Finding, kb.Failure, "", "host", host))
		s.Target = "*"
		if compare.Suppress(r, []lyncdiag.Suppression{s}, time.Now()); r.Suppressions[0].Count != 1 {
			t.Errorf("* does not silence %q", host)
		}
	})
}

func TestParseUntil(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-31":                "2026-12-31T23:59:59.999Z",
		"2026-12-31T18:00:00+01:00": "2026-12-31T17:00:00Z",
		"2000-02-29":                "2000-02-29T23:59:59.999Z", // the past is no error
	} {
		if got, err := compare.ParseUntil(text); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "tomorrow", "31.12.2026", "2026-02-30", "2026-12-31T18:00"} {
		if got, err := compare.ParseUntil(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestSuppress: a suppression meets findings by name and by what they are about,
// and takes along what they explain, as long as it lasts.
func TestSuppress(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	soon, past := now.Add(time.Hour), now.Add(-time.Hour)
	one, two := finding("cause", kb.Failure, "", "host", "one.contoso.com"), finding("cause", kb.Failure, "", "host", "two.contoso.com")
	effect, deeper := finding("effect", kb.Failure, ""), finding("deeper", kb.Warning, "")
	effect.CausedBy, deeper.CausedBy = "cause", "effect"
	linked := finding("linked", kb.Failure, "")
	linked.Evidence = []fact.Evidence{{Key: "url", Class: fact.URLText, Value: "https://STS.contoso.com:444/adfs"}, {Key: "resolver", Class: fact.IPText, Value: "[2001:db8::1]:53"}, {Key: "detail", Class: fact.Prose, Value: "three.contoso.com"}}
	for name, tt := range map[string]struct {
		list     []lyncdiag.Suppression
		findings []lyncdiag.Finding
		want     string // a letter each: s is silenced
		count    int    // of the first
		exit     int
	}{
		"every target":             {[]lyncdiag.Suppression{{Finding: "cause"}}, []lyncdiag.Finding{one, two}, "ss", 2, 0},
		"one of two":               {[]lyncdiag.Suppression{{Finding: "cause", Target: "ONE.contoso.com."}}, []lyncdiag.Finding{one, two}, "s-", 1, 1},
		"by letters":               {[]lyncdiag.Suppression{{Finding: "cause", Target: "*.contoso.com"}}, []lyncdiag.Finding{one, two}, "ss", 2, 0},
		"another":                  {[]lyncdiag.Suppression{{Finding: "cause", Target: "contoso"}}, []lyncdiag.Finding{one}, "-", 0, 1},
		"whose it is":              {[]lyncdiag.Suppression{{Finding: "cause", Target: "sip:Joe@contoso.com"}}, []lyncdiag.Finding{one}, "s", 1, 0},
		"the domain":               {[]lyncdiag.Suppression{{Finding: "effect", Target: "contoso.com"}}, []lyncdiag.Finding{effect}, "s", 1, 0},
		"the host of a URL":        {[]lyncdiag.Suppression{{Finding: "linked", Target: "sts.contoso.com"}}, []lyncdiag.Finding{linked}, "s", 1, 0},
		"an address with a port":   {[]lyncdiag.Suppression{{Finding: "linked", Target: "2001:DB8::1"}}, []lyncdiag.Finding{linked}, "s", 1, 0},
		"not what prose says":      {[]lyncdiag.Suppression{{Finding: "linked", Target: "three.contoso.com"}}, []lyncdiag.Finding{linked}, "-", 0, 1},
		"what it explains":         {[]lyncdiag.Suppression{{Finding: "cause"}}, []lyncdiag.Finding{deeper, effect, one}, "sss", 1, 0},
		"all that explains it":     {[]lyncdiag.Suppression{{Finding: "cause", Target: "one.contoso.com"}}, []lyncdiag.Finding{effect, one, two}, "-s-", 1, 1},
		"not what explains":        {[]lyncdiag.Suppression{{Finding: "effect"}}, []lyncdiag.Finding{one, effect}, "-s", 1, 1},
		"still":                    {[]lyncdiag.Suppression{{Finding: "cause", Until: soon}}, []lyncdiag.Finding{one, effect}, "ss", 1, 0},
		"no more":                  {[]lyncdiag.Suppression{{Finding: "cause", Until: past}}, []lyncdiag.Finding{one, effect}, "--", 0, 1},
		"one is over, one is left": {[]lyncdiag.Suppression{{Finding: "cause", Until: past}, {Finding: "cause", Until: soon}}, []lyncdiag.Finding{one}, "s", 0, 0},
	} {
		r := report("joe@contoso.com", nil, tt.findings...)
		r.Verdict = lyncdiag.Verdict{Outcome: lyncdiag.Problem, Primary: r.Findings[0].Name}
		compare.Suppress(r, tt.list, now)
		got := ""
		for _, f := range r.Findings {
			got += map[bool]string{true: "s", false: "-"}[f.Suppressed != ""]
			if f.Suppressed != "" && !f.SuppressedUntil.Equal(tt.list[len(tt.list)-1].Until) {
				t.Errorf("%s: %s lasts until %v", name, f.Name, f.SuppressedUntil)
			}
		}
		if got != tt.want || r.Suppressions[0].Count != tt.count || r.Suppressions[0].Expired != (tt.list[0].Until == past) || len(r.Suppressions) != len(tt.list) {
			t.Errorf("%s: %s and %+v, want %s", name, got, r.Suppressions, tt.want)
		}
		if code := lyncdiag.ExitCode(r, "failure"); code != tt.exit || r.Verdict.Outcome != lyncdiag.Problem || r.Verdict.Primary != tt.findings[0].Name {
			t.Errorf("%s: exit code %d, want %d; verdict %+v", name, code, tt.exit, r.Verdict)
		}
	}
}

// TestSilencedIsNotHealthy: where a link could not be looked at, silencing the
// failure beside it decides nothing.
func TestSilencedIsNotHealthy(t *testing.T) {
	r := run(t, "captive-portal")
	compare.Suppress(r, []lyncdiag.Suppression{{Finding: "captive-portal"}}, time.Now())
	if code := lyncdiag.ExitCode(r, "failure"); code != 0 {
		t.Errorf("what it explains fails as well: exit code %d, want 0", code)
	}
	broken := lyncdiag.Diagnoser{
		Plan: lyncdiag.Plan{{ID: "tcp", Title: "Ports", Probe: func(context.Context, *lyncdiag.Env) error { return errors.New("no more sockets") }}},
		Rules: []lyncdiag.Rule{{ID: "r", Emits: []string{"dns-domain-missing"}, Eval: func(_ *fact.Facts, emit lyncdiag.Emit) {
			emit(lyncdiag.Finding{Spec: lyncdiag.Spec{Name: "dns-domain-missing"}, Stage: "dns"})
		}}},
	}
	r, err := broken.Run(t.Context(), lyncdiag.Target{Address: "joe@contoso.com", Domain: "contoso.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 3} {
		if code := lyncdiag.ExitCode(r, "failure"); code != want {
			t.Errorf("exit code %d, want %d", code, want)
		}
		compare.Suppress(r, []lyncdiag.Suppression{{Finding: "dns-domain-missing"}}, time.Now())
	}
}
