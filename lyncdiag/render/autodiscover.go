package render

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// autodiscoverDoc is lyncdiag.autodiscover/v1.
type autodiscoverDoc struct {
	Schema string `json:"schema"`
	Domain string `json:"domain"`
	walk
	Hosts    []webHost `json:"hosts"` // the hosts asked, as far as they could be reached
	Findings []finding `json:"findings"`
}

// walk is the way through Autodiscover.
type walk struct {
	Outcome      string      `json:"outcome" jsonschema:"enum=web-ticket,enum=user,enum=failed,enum=absent,enum=cancelled,enum="` // "": not walked
	Hops         []hop       `json:"hops"`                                                                                        // in order of the client's preference
	SIPServers   []sipServer `json:"sipServers"`
	WebTicketURL string      `json:"webTicketUrl"`
	OAuthURL     string      `json:"oauthUrl"` // for clients with modern authentication, "" where none is named
}

type hop struct {
	URL         string `json:"url"`
	Status      *int   `json:"status,omitempty"` // of HTTP; left out without an answer
	ContentType string `json:"contentType"`
	Kind        string `json:"kind" jsonschema:"enum=redirect,enum=user,enum=root,enum=web-ticket-challenge,enum=html,enum=error"`
	Location    string `json:"location"` // where it leads
	DurationMs  int64  `json:"durationMs"`
	Problem     string `json:"problem"` // one word, "" for none
	Detail      string `json:"detail"`
	First       bool   `json:"first"`    // one of the client's four first requests
	Followed    bool   `json:"followed"` // on the way to the outcome
}

type webHost struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Status string `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered,enum=unresolved,enum="` // "": not tried
	Lookup string `json:"lookup"`                                                                                    // what DNS said of the name, in one word
	Detail string `json:"detail"`
}

type sipServer struct {
	Access string `json:"access" jsonschema:"enum=internal,enum=external"`
	Host   string `json:"host"`
	Port   *int   `json:"port,omitempty"` // left out when not given
}

// walked is a walk for a document, nil where there was none.
func walked(w *dnscheck.Walk) walk {
	if w == nil {
		return walk{Hops: []hop{}, SIPServers: []sipServer{}}
	}
	return walk{
		Outcome: string(w.Outcome), WebTicketURL: w.WebTicketURL, OAuthURL: w.OAuthURL,
		Hops: each(w.Hops, func(h dnscheck.Hop) hop {
			return hop{h.URL, known(h.Status, h.Status > 0), h.ContentType, string(h.Kind), h.Location, h.Elapsed.Milliseconds(), string(h.Problem), h.Detail, h.First, h.Followed}
		}),
		SIPServers: each(w.SIPServers, func(v dnscheck.SIPServer) sipServer {
			return sipServer{v.Access, v.Host, known(int(v.Port), v.Port > 0)}
		}),
	}
}

// Autodiscover is lyncdiag.autodiscover/v1.
func (t Tool) Autodiscover(f *fact.Facts, r *lyncdiag.Report) Document {
	seen, _, _ := fact.Get(f, fact.WalkKey)
	doc := autodiscoverDoc{Schema: "lyncdiag.autodiscover/v1", Domain: r.Target.Domain, walk: walked(seen), Hosts: []webHost{}, Findings: findings(r)}
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	for _, e := range hosts {
		doc.Hosts = append(doc.Hosts, webHost{e.Host, int(e.Port), string(e.Reach.Status), string(e.Resolve.Status), e.Reach.Detail})
	}
	return Document{&doc}
}

// nobody says why a walk found nobody, as far as that was seen: a name that
// is not there is no name that a firewall hides.
func (d *autodiscoverDoc) nobody() string {
	names := "lyncdiscoverinternal and lyncdiscover"
	here, unknown := false, len(d.Hosts) == 0
	for _, h := range d.Hosts {
		switch {
		case h.Status == "" || h.Status == string(fact.Unresolved) && !dnscheck.Status(h.Lookup).Known():
			unknown = true
		case h.Status != string(fact.Unresolved):
			here = true
		}
	}
	switch {
	case here:
		return "no host behind " + names + " gives an answer, although DNS has addresses"
	case unknown:
		return "whether " + names + " exist could not be looked up"
	}
	return "DNS has no address for " + names
}

// reachWords is what was seen of a host.
func reachWords(status, lookup string) string {
	switch fact.PortStatus(status) {
	case fact.Listening:
		return "the port is open"
	case fact.NotListening:
		return "the connection is refused"
	case fact.Filtered:
		return "the connection attempt gets no answer (filtered)"
	case fact.Unresolved:
		if dnscheck.Status(lookup).Known() {
			return "DNS has no address (" + lookup + ")"
		}
		return "the name could not be looked up (" + lookup + ")"
	}
	return "was not tried"
}

func (d *autodiscoverDoc) text(s *sheet) {
	words := map[dnscheck.Outcome]string{
		dnscheck.OutcomeWebTicket: "Autodiscover leads to the user's service, which asks for a web ticket",
		dnscheck.OutcomeUser:      "Autodiscover leads to the user's servers",
		dnscheck.OutcomeFailed:    "something answers, and does not lead to the user's service",
		dnscheck.OutcomeAbsent:    d.nobody(),
		dnscheck.OutcomeCancelled: "the walk was cut short",
		"":                        "nothing was asked",
	}[dnscheck.Outcome(d.Outcome)]
	t := dubio
	if d.Outcome == string(dnscheck.OutcomeWebTicket) || d.Outcome == string(dnscheck.OutcomeUser) {
		t = good
	}
	s.head(d.Domain+": "+words, t)
	for _, h := range d.Hops {
		if h.First {
			s.blank()
		}
		m := mark{"none", dubio}
		if h.Status != nil {
			m = mark{fmt.Sprint(*h.Status), good}
		}
		if h.Problem != "" {
			m.tone = dubio
		}
		s.mark(m, h.URL)
		s.hang(pad("", marked), marked, fmt.Sprintf("%s, %d ms", h.Kind, h.DurationMs))
		if h.Location != "" {
			s.hang(pad("", marked)+"to ", marked+3, h.Location)
		}
		if h.Detail != "" {
			s.hang(pad("", marked), marked, h.Detail)
		}
	}
	if d.Outcome == string(dnscheck.OutcomeAbsent) && len(d.Hosts) > 0 {
		s.blank()
		s.line("What was seen of the hosts")
		for _, h := range d.Hosts {
			s.entry(margin, fmt.Sprintf("%s port %d: %s", h.Host, h.Port, reachWords(h.Status, h.Lookup)))
		}
	}
	if d.WebTicketURL != "" {
		s.blank()
		s.item("Tickets", d.WebTicketURL)
	}
	if d.OAuthURL != "" {
		s.item("OAuth", d.OAuthURL)
	}
	for _, v := range d.SIPServers {
		port := ""
		if v.Port != nil {
			port = fmt.Sprintf(":%d", *v.Port)
		}
		s.item("Server", v.Host+port+" ("+v.Access+")")
	}
	s.findings(d.Findings, false)
}
