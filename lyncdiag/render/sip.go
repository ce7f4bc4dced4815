package render

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// sipDoc is lyncdiag.sip/v1.
type sipDoc struct {
	Schema       string       `json:"schema"`
	Server       string       `json:"server"`           // host:port as given
	Port         string       `json:"port"`             // in PortQry's words, "" when not tried
	TLSVersion   string       `json:"tlsVersion"`       // "" without a session
	Status       *int         `json:"status,omitempty"` // of SIP; left out without an answer
	Reason       string       `json:"reason"`
	Challenges   []challenge  `json:"challenges"`
	ServerHeader string       `json:"serverHeader"`
	ClockSkewMs  *int64       `json:"clockSkewMs,omitempty"` // this computer minus server, to about a second
	Diagnostics  []diagnostic `json:"diagnostics"`
	Problem      string       `json:"problem"` // one word, "" for none
	Detail       string       `json:"detail"`
	Lookup       string       `json:"lookup"` // what DNS said of the host, in one word; "" when not asked
	Findings     []finding    `json:"findings"`
}

type challenge struct {
	Scheme     string `json:"scheme"`
	Realm      string `json:"realm"`
	TargetName string `json:"targetName"`
	Version    *int   `json:"version,omitempty"`
	STSURI     string `json:"stsUri"`
}

// diagnostic is one ms-diagnostics header, or one of its relatives.
type diagnostic struct {
	Header string      `json:"header"`
	ID     int         `json:"id"`
	Reason string      `json:"reason"`
	Source string      `json:"source"`
	Params []parameter `json:"params"`
}

type parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func diagnostics(all []sip.Diagnostic) []diagnostic {
	return each(all, func(d sip.Diagnostic) diagnostic {
		return diagnostic{d.Header, d.ID, d.Reason, d.Source, each(d.Params, func(p sip.Param) parameter { return parameter(p) })}
	})
}

// SIP is lyncdiag.sip/v1: what one registrar offers. clock holds its sample if
// it told the time.
func (t Tool) SIP(server string, c fact.Candidate, clock fact.Clock, r *lyncdiag.Report) Document {
	doc := sipDoc{Schema: "lyncdiag.sip/v1", Server: server, Port: string(c.Reach.Status), Detail: c.Reach.Detail, Lookup: string(c.Resolve.Status),
		Challenges: []challenge{}, Diagnostics: []diagnostic{}, Findings: findings(r)}
	if c.TLS != nil {
		doc.TLSVersion = c.TLS.TLSVersion
		if err := c.TLS.Err(); err != nil {
			doc.Detail = err.Error()
		}
	}
	if p := c.SIP; p != nil {
		doc.Status, doc.Reason, doc.ServerHeader = known(p.Status, p.Status > 0), p.Reason, p.ServerHeader
		doc.Problem, doc.Detail = string(p.Problem), p.Detail
		doc.Diagnostics = diagnostics(p.Diagnostics)
		doc.Challenges = each(p.Challenges, func(c sip.Challenge) challenge {
			return challenge{c.Scheme, c.Realm, c.TargetName, known(c.Version, c.Version > 0), c.STSURI}
		})
	}
	for _, sample := range clock.Samples {
		if sample.Host == c.Host {
			doc.ClockSkewMs = known(sample.SkewMillis, true)
		}
	}
	return Document{&doc}
}

func (d *sipDoc) text(s *sheet) {
	switch {
	case d.Status == nil:
		why := ""
		if d.Port != string(fact.Listening) {
			why = ": " + reachWords(d.Port, d.Lookup)
		}
		s.head(d.Server+": no answer of a registrar"+why, bad)
	case *d.Status == 401 || *d.Status == 407:
		s.head(fmt.Sprintf("%s: a registrar answers and asks who is there (%d is expected here)", d.Server, *d.Status), good)
	default:
		s.head(fmt.Sprintf("%s: answers %d %s", d.Server, *d.Status, d.Reason), dubio)
	}
	s.blank()
	s.item("Port", d.Port)
	s.item("TLS", d.TLSVersion)
	s.item("Software", d.ServerHeader)
	for _, c := range d.Challenges {
		text := c.Scheme + ", realm " + c.Realm
		if c.TargetName != "" {
			text += ", target " + c.TargetName
		}
		s.item("Offers", text)
		s.item("", c.STSURI)
	}
	if d.ClockSkewMs != nil {
		s.item("Clock", fmt.Sprintf("this computer minus server: %d ms", *d.ClockSkewMs))
	}
	s.diagnostics(d.Diagnostics)
	if d.Problem != "" || d.Detail != "" {
		s.item("Problem", d.Problem+" "+d.Detail)
	}
	s.findings(d.Findings, false)
}

func (s *sheet) diagnostics(list []diagnostic) {
	for _, x := range list {
		text := fmt.Sprintf("%s %d %s", x.Header, x.ID, x.Reason)
		if x.Source != "" {
			text += " (" + x.Source + ")"
		}
		s.item("Says", text)
	}
}
