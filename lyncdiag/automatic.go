package lyncdiag

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// automatic says where automatic configuration leads this client: Autodiscover
// first, then the SRV record, then fixed names. Lync 2010 RTM knows no
// Autodiscover, mobile clients know nothing else (Lync Server 2013 library, "Determine DNS requirements").
func automatic(f *fact.Facts, s fact.Setting) fact.Automatic {
	walk, _, walked := fact.Get(f, fact.WalkKey)
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	if walked && s.Client != "lync2010-rtm" {
		switch walk.Outcome {
		case dnscheck.OutcomeUser:
			for _, server := range walk.SIPServers {
				if server.Access == accessOf(s) {
					a := fact.Automatic{Host: server.Host, Port: server.Port, Via: fact.ViaAutodiscover, Works: true, Unproved: true, Why: "the User resource names it"}
					for _, c := range candidates {
						if c.Host == server.Host && c.Port == server.Port {
							a.Works, a.Unproved = c.Works(), false
						}
					}
					return a
				}
			}
		case dnscheck.OutcomeFailed:
			// HTTPS under the custom name, where the online service shows its own, is
			// no answer to a client.
			if walk.Problem != dnscheck.ProblemUnreachable && !(walk.Problem == dnscheck.ProblemCertificateName && onlineName(walk)) {
				return fact.Automatic{Via: fact.ViaAutodiscover, Why: "Autodiscover answers, and not as it should; clients use records only where it does not answer at all"}
			}
		case dnscheck.OutcomeWebTicket:
			// It names the server only to a user who has signed in. Where a
			// record names one too, that is the one a test can speak of.
			if a, ok := byRecord(candidates, fact.ViaSRV); ok {
				return a
			}
			return fact.Automatic{Via: fact.ViaAutodiscover, Works: true, Unproved: true, Why: "Autodiscover answers; it names the server to a user who has signed in"}
		}
	}
	if s.Client == "mobile" {
		return fact.Automatic{Via: fact.ViaAutodiscover, Why: "Autodiscover does not work, and mobile clients use nothing else"}
	}
	for _, via := range []fact.Via{fact.ViaSRVInternal, fact.ViaSRV, fact.ViaName} {
		if a, ok := byRecord(candidates, via); ok && (a.Works || via == fact.ViaSRV) {
			return a
		}
	}
	return fact.Automatic{Why: "neither Autodiscover nor a record leads to a server that works"}
}

// byRecord is the server that one kind of record leads to: the first that
// works, else the first.
func byRecord(candidates []fact.Candidate, via fact.Via) (a fact.Automatic, ok bool) {
	for _, c := range candidates {
		if !c.ByVia(via) {
			continue
		}
		if c.Works() {
			return fact.Automatic{Host: c.Host, Port: c.Port, Via: via, Works: true, Why: fmt.Sprintf("found by %s", via)}, true
		}
		if !ok {
			a, ok = fact.Automatic{Host: c.Host, Port: c.Port, Via: via, Why: fmt.Sprintf("found by %s, and it does not work", via)}, true
		}
	}
	return a, ok
}

func accessOf(s fact.Setting) string {
	if s.Location == "inside" {
		return "internal"
	}
	return "external"
}
