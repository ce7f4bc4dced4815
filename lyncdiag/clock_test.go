package lyncdiag

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func TestEstimateClock(t *testing.T) {
	sample := func(host string, skew, margin time.Duration) fact.ClockSample {
		return fact.ClockSample{Host: host, SkewMillis: skew.Milliseconds(), ErrorMillis: margin.Milliseconds()}
	}
	for name, tt := range map[string]struct {
		samples      []fact.ClockSample
		skew, margin time.Duration
		differ       string
		majority     bool
	}{
		"one":                    {[]fact.ClockSample{sample("a", 11*time.Minute, time.Second)}, 11 * time.Minute, time.Second, "", true},
		"overlap narrows":        {[]fact.ClockSample{sample("a", 0, time.Second), sample("b", time.Second, time.Second)}, 500 * time.Millisecond, 500 * time.Millisecond, "", true},
		"a slow answer is vague": {[]fact.ClockSample{sample("a", 2*time.Second, 5*time.Second), sample("b", 0, time.Second)}, 0, time.Second, "", true},
		"one server is off":      {[]fact.ClockSample{sample("a", 0, time.Second), sample("b", 0, time.Second), sample("sts", -time.Hour, time.Second)}, 0, time.Second, "sts", true},
		"two against two":        {[]fact.ClockSample{sample("a", 0, time.Second), sample("b", 0, time.Second), sample("c", time.Hour, time.Second), sample("d", time.Hour, time.Second)}, time.Hour, time.Second, "a b", false},
	} {
		e, ok := estimateClock(fact.Clock{Samples: tt.samples})
		var differ []string
		for _, s := range e.differ {
			differ = append(differ, s.Host)
		}
		if !ok || e.skew != tt.skew || e.margin != tt.margin || strings.Join(differ, " ") != tt.differ || e.majority != tt.majority {
			t.Errorf("%s: %+v, differ %v", name, e, differ)
		}
	}
	if _, ok := estimateClock(fact.Clock{}); ok {
		t.Error("no samples give an estimate")
	}
	far := fact.Clock{Samples: []fact.ClockSample{{Host: "a", SkewMillis: math.MaxInt64, ErrorMillis: 1000}, {Host: "b", SkewMillis: math.MinInt64, ErrorMillis: 1000}, {Host: "c", ErrorMillis: -1}}}
	if e, ok := estimateClock(far); ok {
		t.Errorf("what no clock shows gives an estimate: %+v", e)
	}
	if e, _ := estimateClock(fact.Clock{Samples: append(far.Samples, sample("d", time.Second, time.Second))}); e.skew != time.Second || len(e.agree) != 1 || len(e.differ) != 0 || !e.majority {
		t.Errorf("beside it: %+v", e)
	}
}

// TestClockSamples: whose Date is taken, and what for.
func TestClockSamples(t *testing.T) {
	at := time.Date(2013, 5, 31, 12, 0, 0, 400_000_000, time.UTC)
	exact, hourAgo := at.Truncate(time.Second), at.Add(-time.Hour).Truncate(time.Second)
	hop := func(url string, date time.Time) dnscheck.Hop {
		return dnscheck.Hop{URL: url, Date: date, SentAt: at, AnsweredAt: at.Add(100 * time.Millisecond)}
	}
	walk := []dnscheck.Hop{hop("http://lyncdiscoverinternal.contoso.example/", hourAgo), hop("http://lyncdiscover.contoso.example/", hourAgo), hop("https://webdir.online.lync.com/", exact)}
	control := fact.Control{Endpoint: fact.Endpoint{Host: "login.microsoftonline.com"}, Status: 302, Location: "https://login.microsoftonline.com/", Date: hourAgo, SentAt: at, AnsweredAt: at}
	portal, proxied := control, control
	portal.Location = "http://portal.example/"
	proxied.Proxied = true
	const all = "lyncdiscoverinternal.contoso.example lyncdiscover.contoso.example login.microsoftonline.com"
	for name, tt := range map[string]struct {
		walk    []dnscheck.Hop
		control fact.Control
		proxy   string
		want    string
	}{
		"plain HTTP":                 {walk[:2], control, "", all},
		"the proxy answers it":       {walk, proxied, "gateway.contoso.example", "webdir.online.lync.com"},
		"control host asked past it": {walk, control, "gateway.contoso.example", "webdir.online.lync.com"},
		"a portal answers it":        {walk, portal, "", "webdir.online.lync.com"},
		"far future":                 {[]dnscheck.Hop{hop("https://a.example/", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)), walk[2]}, portal, "", "webdir.online.lync.com"},
	} {
		f := fact.New()
		live := fact.Origin{Kind: fact.Live}
		fact.Put(f, fact.WalkKey, &dnscheck.Walk{Hops: tt.walk}, live)
		fact.Put(f, fact.ControlKey, tt.control, live)
		fact.Put(f, fact.ProxyKey, fact.Proxy{Endpoint: fact.Endpoint{Host: tt.proxy}}, live)
		var hosts []string
		for _, s := range clock(f).Samples {
			hosts = append(hosts, s.Host)
			// Of a right clock the Date's second has run for 450 ms at the middle of the exchange.
			if s.Host == "webdir.online.lync.com" && (s.SkewMillis != -50 || s.ErrorMillis != 550) {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if got := strings.Join(hosts, " "); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestValidityTellsTheTime: no Date, and certificates that cannot all be wrong.
func TestValidityTellsTheTime(t *testing.T) {
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	valid := func(from, until time.Time) fact.ClockValidity {
		return fact.ClockValidity{Host: "h", Thumbprint: from.String() + until.String(), NotBefore: from, NotAfter: until}
	}
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		validity []fact.ClockValidity
		started  time.Time
		want     string // what is said of the skew, "" for nothing
	}{
		"all too young":          {[]fact.ClockValidity{valid(at.Add(-30*day), at.Add(day)), valid(at.Add(-day), at.Add(9*day))}, at.Add(-60 * day), "behind"},
		"all too old":            {[]fact.ClockValidity{valid(at.Add(-30*day), at.Add(day)), valid(at.Add(-day), at.Add(9*day))}, at.Add(90 * day), "ahead of"},
		"one of two":             {[]fact.ClockValidity{valid(at.Add(-30*day), at.Add(-day)), valid(at.Add(-day), at.Add(9*day))}, at, ""},
		"one alone":              {[]fact.ClockValidity{valid(at.Add(-30*day), at.Add(-day))}, at, ""},
		"never valid together":   {[]fact.ClockValidity{valid(at.Add(-30*day), at.Add(-20*day)), valid(at.Add(-10*day), at.Add(-day))}, at, ""},
		"all valid":              {[]fact.ClockValidity{valid(at.Add(-day), at.Add(day)), valid(at.Add(-2*day), at.Add(day))}, at, ""},
		"a minute before it was": {[]fact.ClockValidity{valid(at.Add(time.Minute), at.Add(day)), valid(at.Add(time.Minute), at.Add(2*day))}, at, ""},
	} {
		f := fact.New()
		fact.Put(f, fact.StartedKey, tt.started, fact.Origin{Kind: fact.Live})
		fact.Put(f, fact.ClockKey, fact.Clock{Validity: tt.validity}, fact.Origin{Kind: fact.Live})
		var said []Finding
		judgeClock(f, func(x Finding) { said = append(said, x) })
		ok := len(said) == 0 && tt.want == "" || len(said) == 1 && tt.want != "" && strings.Contains(said[0].value("skew"), tt.want) && said[0].Confidence == Probable
		if !ok {
			t.Errorf("%s: %+v", name, said)
		}
	}
}
