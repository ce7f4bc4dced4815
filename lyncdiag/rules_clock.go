package lyncdiag

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// maxSkew is how far a client's clock may be off (KB 2581291).
const maxSkew = 5 * time.Minute

func needsDates(f *fact.Facts) *Skip {
	if c := clock(f); len(c.Samples) == 0 && len(c.Validity) == 0 {
		return &Skip{SkipNeeds, "no server sent a Date or a certificate"}
	}
	return nil
}

func readClock(_ context.Context, env *Env) error {
	fact.Put(env.Facts, fact.ClockKey, clock(env.Facts), env.Origin())
	return nil
}

// maxPlausible is more than any clock is off: a Date beyond it is a server's
// nonsense, and one within it can be reckoned with.
const maxPlausible = 100 * 365 * 24 * time.Hour

func plausible(s fact.ClockSample) bool {
	limit := maxPlausible.Milliseconds()
	return s.SkewMillis >= -limit && s.SkewMillis <= limit && s.ErrorMillis >= 0 && s.ErrorMillis <= limit
}

// clock gathers every Date and every certificate that was seen, of each host
// the first. Plain HTTP counts only where nobody in between was seen to answer it.
func clock(f *fact.Facts) fact.Clock {
	var c fact.Clock
	add := func(host string, date, sent, answered time.Time) {
		if date.IsZero() || sent.IsZero() || answered.IsZero() {
			return
		}
		half := answered.Sub(sent) / 2
		// Date is cut to the second, so the server's clock was within the one that
		// begins there.
		const resolution = time.Second / 2
		sample := fact.ClockSample{Host: host, SkewMillis: sent.Add(half).Sub(date.Add(resolution)).Milliseconds(), ErrorMillis: (half + resolution).Milliseconds()}
		if plausible(sample) && !slices.ContainsFunc(c.Samples, func(s fact.ClockSample) bool { return s.Host == host }) {
			c.Samples = append(c.Samples, sample)
		}
	}
	if walk, _, ok := fact.Get(f, fact.WalkKey); ok {
		between := answersBetween(f)
		for _, h := range walk.Hops {
			if between && strings.HasPrefix(h.URL, "http:") {
				continue
			}
			add(hostOf(h.URL), h.Date, h.SentAt, h.AnsweredAt)
		}
	}
	if list, _, ok := fact.Get(f, fact.CandidatesKey); ok {
		for _, r := range list {
			if r.SIP != nil {
				add(r.Host, r.SIP.Date, r.SIP.SentAt, r.SIP.AnsweredAt)
			}
			for _, h := range r.Hops {
				if h.SIP != nil {
					add(h.Host, h.SIP.Date, h.SIP.SentAt, h.SIP.AnsweredAt)
				}
			}
		}
	}
	if realm, _, ok := fact.Get(f, fact.RealmKey); ok {
		add(hostOf(realm.Source), realm.Date, realm.SentAt, realm.AnsweredAt)
	}
	if mex, _, ok := fact.Get(f, fact.MEXKey); ok {
		for _, x := range []adfs.Exchange{mex.Get, mex.Post} {
			add(hostOf(mex.URL), x.Date, x.SentAt, x.AnsweredAt)
		}
	}
	if control, _, ok := fact.Get(f, fact.ControlKey); ok && !answersBetween(f) {
		add(control.Host, control.Date, control.SentAt, control.AnsweredAt)
	}
	endpoints := everyEndpoint(f)
	if federation, _, ok := fact.Get(f, fact.FederationKey); ok {
		endpoints = append(endpoints, federation)
	}
	for _, e := range endpoints {
		if e.TLS == nil || len(e.TLS.Chain) == 0 {
			continue
		}
		leaf := e.TLS.Chain[0]
		if !slices.ContainsFunc(c.Validity, func(v fact.ClockValidity) bool { return v.Thumbprint == leaf.Thumbprint }) {
			c.Validity = append(c.Validity, fact.ClockValidity{Host: e.Host, Thumbprint: leaf.Thumbprint, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter})
		}
	}
	return c
}

// answersBetween: a proxy or a portal answers plain HTTP in the name of every
// host, so that its one clock would count as many.
func answersBetween(f *fact.Facts) bool {
	proxy, _, _ := fact.Get(f, fact.ProxyKey)
	between := proxy.Host != ""
	if control, _, ok := fact.Get(f, fact.ControlKey); ok {
		between = between || control.Proxied
		judgePortal(f, func(Finding) { between = true })
	}
	return between
}

// clockEstimate is what the servers together say of this computer's clock.
type clockEstimate struct {
	skew     time.Duration // this computer minus the servers
	margin   time.Duration // the estimate's error
	agree    []fact.ClockSample
	differ   []fact.ClockSample // whose clocks are off against the others': their fault, not this computer's
	majority bool               // more servers agree than differ
}

// estimateClock reads all samples together: the servers within five minutes of
// the middle one agree, and the skew is where most of their intervals overlap
// (Marzullo), which is narrower than any of them.
func estimateClock(c fact.Clock) (clockEstimate, bool) {
	sorted := slices.DeleteFunc(slices.Clone(c.Samples), func(s fact.ClockSample) bool { return !plausible(s) }) // recorded by whomever
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].SkewMillis < sorted[j].SkewMillis })
	if len(sorted) == 0 {
		return clockEstimate{}, false
	}
	middle := sampleSkew(sorted[len(sorted)/2])
	var e clockEstimate
	for _, s := range sorted {
		if (sampleSkew(s) - middle).Abs() > maxSkew {
			e.differ = append(e.differ, s)
		} else {
			e.agree = append(e.agree, s)
		}
	}
	e.majority = 2*len(e.agree) > len(sorted)
	type edge struct {
		at   int64
		step int
	}
	var edges []edge
	for _, s := range e.agree {
		edges = append(edges, edge{s.SkewMillis - s.ErrorMillis, 1}, edge{s.SkewMillis + s.ErrorMillis, -1})
	}
	sort.SliceStable(edges, func(i, j int) bool {
		return cmp.Or(cmp.Compare(edges[i].at, edges[j].at), cmp.Compare(edges[j].step, edges[i].step)) < 0
	})
	overlap, best, from, until := 0, 0, int64(0), int64(0)
	for i, x := range edges {
		if overlap += x.step; x.step > 0 && overlap > best {
			best, from, until = overlap, x.at, edges[i+1].at // an opening edge is never the last
		}
	}
	e.skew = time.Duration(from+until) * time.Millisecond / 2
	e.margin = time.Duration(until-from) * time.Millisecond / 2
	return e, true
}

func clockRules() []Rule {
	return []Rule{{
		ID: "clock.client", Source: kb.Citation{KB: "KB2581291"},
		Needs: names(fact.ClockKey), Reads: names(fact.StartedKey), Emits: []string{"client-clock-skew"}, Eval: judgeClock,
	}}
}

// judgeClock: servers that agree with each other and not with this computer
// prove its clock wrong, and one that differs from them is wrong itself. One
// server alone could be that one.
func judgeClock(f *fact.Facts, emit Emit) {
	clock, o, _ := fact.Get(f, fact.ClockKey)
	started, _, _ := fact.Get(f, fact.StartedKey)
	e, dated := estimateClock(clock)
	if !dated {
		judgeValidity(clock, started, o, emit)
		return
	}
	if !e.majority || e.skew.Abs()-e.margin <= maxSkew {
		return
	}
	finding := found("client-clock-skew", "clock", text("serverTime", stamp(started.Add(-e.skew)), o), text("skew", skewText(e.skew), o), text("error", e.margin.Round(time.Millisecond).String(), o))
	for _, s := range e.agree {
		finding.Evidence = append(finding.Evidence, named("server", s.Host, o))
	}
	for _, s := range e.differ {
		finding.Evidence = append(finding.Evidence, named("differs", s.Host, o))
	}
	if len(e.agree)+len(e.differ) == 1 {
		finding = finding.with(Possible)
	}
	emit(finding)
}

func skewText(skew time.Duration) string {
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("%v %s the servers", skew.Abs().Round(time.Second), direction)
}

// judgeValidity: no server told the time, and several certificates are all too
// young, or all too old, by this clock, though there was a time at which all of them
// were valid.
func judgeValidity(c fact.Clock, started time.Time, o fact.Origin, emit Emit) {
	if len(c.Validity) < 2 || started.IsZero() {
		return
	}
	from, until := c.Validity[0].NotBefore, c.Validity[0].NotAfter
	young, old := 0, 0
	for _, v := range c.Validity {
		if v.NotBefore.After(from) {
			from = v.NotBefore
		}
		if v.NotAfter.Before(until) {
			until = v.NotAfter
		}
		if started.Before(v.NotBefore) {
			young++
		}
		if started.After(v.NotAfter) {
			old++
		}
	}
	server := from
	switch {
	case until.Before(from):
		return
	case old == len(c.Validity):
		server = until
	case young < len(c.Validity):
		return
	}
	skew := started.Sub(server)
	if skew.Abs() <= maxSkew {
		return
	}
	finding := found("client-clock-skew", "clock", text("serverTime", stamp(server), o), text("skew", "at least "+skewText(skew), o)).with(Probable)
	for _, v := range c.Validity {
		finding.Evidence = append(finding.Evidence, named("server", v.Host, o), text("certificateValid", stamp(v.NotBefore)+" to "+stamp(v.NotAfter), o))
	}
	emit(finding)
}

func sampleSkew(s fact.ClockSample) time.Duration {
	return time.Duration(s.SkewMillis) * time.Millisecond
}
