package lyncdiag

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// The sentences beside a stage that passed: what was seen, never more.

func sumControl(f *fact.Facts) string {
	control, _, _ := fact.Get(f, fact.ControlKey)
	return fmt.Sprintf("%s answers plain HTTP with %d", control.Host, control.Status)
}

func sumDNS(f *fact.Facts) string {
	checks := Records(f)
	right, needed := 0, 0
	for _, c := range checks {
		if c.Need == dnscheck.NeedOptional || c.Status == dnscheck.CheckExtra {
			continue
		}
		needed++
		if c.Status == dnscheck.CheckOK {
			right++
		}
	}
	d := findDeployment(f)
	if needed == 0 {
		return "the domain needs no records of its own"
	}
	return fmt.Sprintf("%d of %d records as %s needs them", right, needed, map[string]string{"online": "Lync Online", "hybrid": "a hybrid deployment", "server": "a Server deployment"}[d.kind])
}

func sumAutodiscover(f *fact.Facts) string {
	walk, _, _ := fact.Get(f, fact.WalkKey)
	switch walk.Outcome {
	case dnscheck.OutcomeUser:
		return "led to the user's servers"
	case dnscheck.OutcomeWebTicket:
		for _, hop := range walk.Hops {
			if hop.Kind == dnscheck.KindWebTicket {
				return fmt.Sprintf("led to %s, which asks for a web ticket", hostOf(hop.URL))
			}
		}
	case dnscheck.OutcomeAbsent:
		if walk.Problem == dnscheck.ProblemBadDomain {
			return walk.Detail
		}
		return "neither lyncdiscoverinternal nor lyncdiscover answers"
	}
	if walk.Detail != "" {
		return walk.Detail
	}
	return string(walk.Problem)
}

func sumTCP(f *fact.Facts) string {
	var open []string
	list, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range list {
		if c.Reach.Status == fact.Listening {
			open = append(open, fmt.Sprintf("%s %d open", c.Host, c.Port))
		}
	}
	return strings.Join(open, ", ")
}

func sumTLS(f *fact.Facts) string {
	started, _, _ := fact.Get(f, fact.StartedKey)
	list, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range list {
		if c.Up() && len(c.TLS.Chain) > 0 {
			return fmt.Sprintf("%s, chain verified, %s, %s left", c.TLS.TLSVersion, count(len(c.TLS.Chain), "certificate"), count(int(c.TLS.Chain[0].NotAfter.Sub(started)/(24*time.Hour)), "day"))
		}
	}
	return ""
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sumSIP(f *fact.Facts) string {
	list, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range list {
		if !c.Works() {
			continue
		}
		var schemes []string
		for _, challenge := range c.SIP.Challenges {
			schemes = append(schemes, challenge.Scheme)
		}
		if c.SIP.Status == 401 && len(schemes) > 0 {
			text := fmt.Sprintf("offers %s (401 is expected here)", strings.Join(schemes, ", "))
			if product := sip.Product(c.SIP.ServerHeader); product != "" {
				text += ", as " + product
			}
			return text
		}
		return fmt.Sprintf("%s answers %d %s", c.Host, c.SIP.Status, c.SIP.Reason)
	}
	return ""
}

func sumAutomatic(f *fact.Facts) string {
	auto, _, _ := fact.Get(f, fact.AutomaticKey)
	result := map[bool]string{true: "works", false: "does not work"}
	text := "automatic " + result[auto.Works]
	if auto.Unproved {
		text = "automatic leads to Autodiscover, and which server it names was not seen"
	}
	list, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range list {
		if c.ByVia(fact.ViaManual) {
			text += ", manual " + result[c.Works()]
			break
		}
	}
	return text + " (" + findDeployment(f).kind + ")"
}

func sumRealm(f *fact.Facts) string {
	realm, _, _ := fact.Get(f, fact.RealmKey)
	text := realm.NamespaceType
	if realm.Brand != "" {
		text += ": " + realm.Brand
	}
	if h := hostOf(realm.MEXURL); h != "" {
		text += ", " + h
	}
	return text
}

func sumFederationName(f *fact.Facts) string {
	e, _, _ := fact.Get(f, fact.FederationKey)
	return e.Host + " resolves"
}

func sumFederationPort(f *fact.Facts) string {
	e, _, _ := fact.Get(f, fact.FederationKey)
	return fmt.Sprintf("%s %d open", e.Host, e.Port)
}

func sumFederationTLS(f *fact.Facts) string {
	e, _, _ := fact.Get(f, fact.FederationKey)
	return e.TLS.TLSVersion + ", chain verified"
}

func sumMEX(f *fact.Facts) string {
	mex, _, _ := fact.Get(f, fact.MEXKey)
	usable := 0
	for _, e := range mex.Endpoints {
		if e.Usable {
			usable++
		}
	}
	return fmt.Sprintf("GET %s, POST %s, %d of %s usable", exchangeText(mex.Get), exchangeText(mex.Post), usable, count(len(mex.Endpoints), "endpoint"))
}

func sumClock(f *fact.Facts) string {
	c, _, _ := fact.Get(f, fact.ClockKey)
	e, dated := estimateClock(c)
	if !dated {
		return fmt.Sprintf("no server tells the time; %s seen", count(len(c.Validity), "certificate"))
	}
	text, servers := "", count(len(e.agree), "server")
	switch skew := e.skew.Round(time.Second); {
	case e.skew.Abs() <= max(e.margin, 2*time.Second): // Date has a resolution of one second
		text = "agrees with " + servers
	case skew > 0:
		text = fmt.Sprintf("%v ahead of %s", skew, servers)
	default:
		text = fmt.Sprintf("%v behind %s", -skew, servers)
	}
	for _, s := range e.differ {
		text += fmt.Sprintf("; %s differs by %v", s.Host, (sampleSkew(s) - e.skew).Abs().Round(time.Second))
	}
	return text
}

// sumDirectory says which exports were of use, and what they come to.
func sumDirectory(f *fact.Facts) string {
	var seen []string
	add := func(what string) {
		if what != "" && !slices.Contains(seen, what) {
			seen = append(seen, what)
		}
	}
	a := findAccount(f)
	for _, r := range a.own {
		add(r.Cmdlet)
	}
	for _, list := range fact.All(f, fact.DirectoryDomainsKey) {
		for _, d := range list {
			add(d.Cmdlet)
		}
	}
	for _, list := range fact.All(f, fact.DirectoryErrorsKey) {
		for _, e := range list {
			add(e.Tool)
		}
	}
	for what, key := range map[string]fact.Name{"the tenant": fact.OrganizationKey.Name(), "service health": fact.ServiceHealthKey.Name(), "AD FS tests": fact.ServerTestsKey.Name()} {
		if f.Has(key) {
			add(what)
		}
	}
	slices.Sort(seen)
	if len(seen) == 0 {
		return "nothing in the exports is about the user or the domain"
	}
	text := "read " + strings.Join(seen, ", ")
	if l := a.licence(); l.answer != "" {
		return text + "; " + l.by
	}
	for _, r := range a.own {
		for _, l := range r.Lost {
			if aboutLicences(l.Property) {
				return text + "; what it says of licences is lost"
			}
		}
	}
	return text
}
