package compare

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// ParseSuppression reads NAME or NAME=TARGET. It refuses what is the name of no
// finding, an ID too: names are what documents refer to.
func ParseSuppression(text string) (lyncdiag.Suppression, error) {
	name, target, targeted := strings.Cut(text, "=")
	name, target = strings.TrimSpace(name), strings.TrimSpace(target)
	spec, ok := kb.Lookup(name)
	switch {
	case name == "":
		return lyncdiag.Suppression{}, fmt.Errorf("%q names no finding; write NAME or NAME=TARGET", text)
	case !ok:
		hint := "lyncdiag catalogue lists them"
		if near := meant(name); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return lyncdiag.Suppression{}, fmt.Errorf("there is no finding %q; %s", name, hint)
	case strings.EqualFold(name, spec.ID):
		return lyncdiag.Suppression{}, fmt.Errorf("%q is an id, and findings are suppressed by name; did you mean %q?", name, spec.Name)
	case targeted && target == "":
		return lyncdiag.Suppression{}, fmt.Errorf("%q has nothing behind the =; write NAME for every target", text)
	}
	return lyncdiag.Suppression{Finding: spec.Name, Target: target}, nil
}

// meant is the finding whose name was probably meant, or cut short; "" for none.
func meant(name string) string {
	var names []string
	for _, s := range kb.Catalogue() {
		if len(name) > 2 && strings.HasPrefix(s.Name, strings.ToLower(name)) {
			return s.Name
		}
		names = append(names, s.Name)
	}
	return append(kb.Nearest(name, names), "")[0]
}

// ParseUntil reads a date or a date and time of RFC 3339. A date lasts to its end
// in UTC.
func ParseUntil(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Millisecond), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("want a date such as 2026-12-31, or a time such as 2026-12-31T18:00:00Z")
	}
	return at.UTC(), nil
}

// Suppress silences findings, and what only silenced ones explain. A suppression
// whose time is over at now silences nothing. What became of each stands in the
// report.
func Suppress(r *lyncdiag.Report, list []lyncdiag.Suppression, now time.Time) {
	r.Suppressions = nil
	for _, s := range list {
		became := lyncdiag.Suppressed{Suppression: s, Expired: !s.Until.IsZero() && now.After(s.Until)}
		for i := range r.Findings {
			f := &r.Findings[i]
			if became.Expired || f.Name != s.Finding || !about(r.Target, *f, s.Target) {
				continue
			}
			became.Count++
			if f.Suppressed == "" {
				f.Suppressed, f.SuppressedUntil = s.String(), s.Until
			}
		}
		r.Suppressions = append(r.Suppressions, became)
	}
	for range r.Findings { // no chain of causes is longer
		for i := range r.Findings {
			if f := &r.Findings[i]; f.CausedBy != "" && f.Suppressed == "" {
				explained(f, r.Findings)
			}
		}
	}
}

// explained silences a finding if everything that explains it is silenced, for as
// long as the first of them.
func explained(f *lyncdiag.Finding, all []lyncdiag.Finding) {
	var until time.Time
	causes := 0
	for _, c := range all {
		if c.Name != f.CausedBy {
			continue
		}
		if c.Suppressed == "" {
			return
		}
		causes++
		if until.IsZero() || !c.SuppressedUntil.IsZero() && c.SuppressedUntil.Before(until) {
			until = c.SuppressedUntil
		}
	}
	if causes > 0 {
		f.Suppressed, f.SuppressedUntil = "explained by "+f.CausedBy, until
	}
}

// about reports whether a finding, or whoever it is found of, is a target: by a
// host, domain, address or record of its evidence, or the host of a URL.
func about(t lyncdiag.Target, f lyncdiag.Finding, target string) bool {
	if target == "" {
		return true
	}
	names := []string{t.Address, t.WireAddress(), t.UserName, t.Domain}
	for _, e := range f.Evidence {
		switch e.Class {
		case fact.HostText, fact.UserText, fact.IPText:
			names = append(names, e.Value)
		case fact.URLText:
			if u, err := url.Parse(e.Value); err == nil {
				names = append(names, u.Hostname())
			}
		}
	}
	pattern := bare(target)
	return slices.ContainsFunc(names, func(name string) bool {
		if name = bare(name); name == "" {
			return false
		}
		if host, _, err := net.SplitHostPort(name); err == nil && matches(pattern, host) {
			return true
		}
		return matches(pattern, name)
	})
}

// matches knows no other sign than *, which stands for any letters.
func matches(pattern, name string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	// A bounded number of stars: each takes as little as it can, the last all.
	for name = name[len(first):]; ; {
		var part string
		if part, rest, more = strings.Cut(rest, "*"); !more {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
}

// bare is a name as names are compared.
func bare(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return strings.TrimSuffix(strings.TrimPrefix(name, "sip:"), ".")
}
