package lyncdiag

import (
	"strings"
	"testing"
	"time"

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
