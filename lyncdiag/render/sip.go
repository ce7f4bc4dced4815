package render

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// sipDoc is lyncdiag.sip/v1.
type sipDoc struct {
	Schema       string      `json:"schema"`
	Server       string      `json:"server"`           // host:port as given
	Port         string      `json:"port"`             // in PortQry's words, "" when not tried
	TLSVersion   string      `json:"tlsVersion"`       // "" without a session
	Status       *int        `json:"status,omitempty"` // of SIP; left out without an answer
	Reason       string      `json:"reason"`
	Challenges   []challenge `json:"challenges"`
	ServerHeader string      `json:"serverHeader"`
	ClockSkewMs  *int64      `json:"clockSkewMs,omitempty"` // this computer minus server, to about a second
	Diagnostics  []decoded   `json:"diagnostics"`
	Problem      string      `json:"problem"` // one word, "" for none
	Detail       string      `json:"detail"`
	Lookup       string      `json:"lookup"`    // what DNS said of the host, in one word; "" when not asked
	UserAgent    string      `json:"userAgent"` // that was sent, for the server's client version filter to look at
	// VersionFilter is what that filter did: it answers before anybody signs in.
	VersionFilter string     `json:"versionFilter" jsonschema:"enum=passed,enum=blocked,enum=unknown"`
	Product       string     `json:"product"` // generation of server that serverHeader stands for, "" unknown
	Redirects     []redirect `json:"redirects"`
	Connection    string     `json:"connection" jsonschema:"enum=kept,enum=closed,enum="` // after the answer; "": not known
	KeepAlive     string     `json:"keepAlive"`                                           // ms-keep-alive of the answer
	Options       *options   `json:"options,omitempty"`                                   // left out when OPTIONS was not sent
	Findings      []finding  `json:"findings"`

	atProxy    bool // the proxy kept the connection from being made
	challenged bool // the answer is one that a Lync client goes on from
}

// redirect is a server that the client is sent on to.
type redirect struct {
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Status *int   `json:"status,omitempty"` // of its answer to REGISTER; left out without one
	Detail string `json:"detail"`           // why there is none
}

// options is the answer to OPTIONS on the same connection.
type options struct {
	Status  *int     `json:"status,omitempty"` // left out without an answer
	Reason  string   `json:"reason"`
	Allow   []string `json:"allow"`
	Problem string   `json:"problem"`
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

// decoded is a diagnostic with what its number is known for.
type decoded struct {
	diagnostic
	Meaning   string `json:"meaning"`   // in words, "" unknown
	Component string `json:"component"` // that owns the range of the number, "" unknown
}

func decode(all []sip.Diagnostic) []decoded {
	var out []decoded
	for i, d := range diagnostics(all) {
		x := decoded{diagnostic: d}
		for _, c := range sip.LookupCode("ms-diagnostics: " + strconv.Itoa(all[i].ID)) {
			x.Meaning, x.Component = cmp.Or(c.Meaning, c.Name), c.Category
			break
		}
		out = append(out, x)
	}
	return out
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
		Challenges: []challenge{}, Diagnostics: []decoded{}, Findings: findings(r), UserAgent: lyncdiag.UserAgent(r.Setting), VersionFilter: "unknown",
		Redirects: each(c.Hops, newRedirect)}
	doc.atProxy = c.Reach.AtProxy != nil
	if c.TLS != nil {
		doc.TLSVersion = c.TLS.TLSVersion
		if err := c.TLS.Err(); err != nil {
			doc.Detail = err.Error()
		}
	}
	if p := c.SIP; p != nil {
		doc.Status, doc.Reason, doc.ServerHeader = known(p.Status, p.Status > 0), p.Reason, p.ServerHeader
		doc.Problem, doc.Detail = string(p.Problem), p.Detail
		doc.Diagnostics = list(decode(p.Diagnostics))
		doc.challenged = p.Challenged()
		doc.Product, doc.KeepAlive = sip.Product(p.ServerHeader), p.KeepAlive
		doc.VersionFilter = versionFilter(p, r.Setting)
		doc.Challenges = each(p.Challenges, func(c sip.Challenge) challenge {
			return challenge{c.Scheme, c.Realm, c.TargetName, known(c.Version, c.Version > 0), c.STSURI}
		})
	}
	if o := c.Options; o != nil {
		doc.Options = &options{known(o.Status, o.Status > 0), o.Reason, list(o.Allow), string(o.Problem)}
		doc.Connection = map[sip.Problem]string{"": "kept", "closed": "closed", "reset": "closed"}[o.Problem]
	}
	for _, sample := range clock.Samples {
		if sample.Host == c.Host {
			doc.ClockSkewMs = known(sample.SkewMillis, true)
		}
	}
	return Document{&doc}
}

// versionFilter reads what the answer says of the client's version: the filter
// answers 403 with ms-diagnostics 17002 or 17003, and a Lync server that challenges
// has let the version pass. What mobile clients call themselves is not known, so
// that nothing of theirs was let pass.
func versionFilter(p *sip.ProbeResult, s fact.Setting) string {
	for _, d := range p.Diagnostics {
		if d.ID == 17002 || d.ID == 17003 {
			return "blocked"
		}
	}
	if p.Problem == "" && p.Challenged() && (s.UserAgent != "" || s.Client != "mobile") {
		return "passed"
	}
	return "unknown"
}

func newRedirect(h fact.Hop) redirect {
	r := redirect{Host: h.Host, Port: int(h.Port)}
	switch {
	case h.SIP == nil:
		r.Detail = string(h.Reach.Status)
		if h.TLS != nil {
			if err := h.TLS.Err(); err != nil {
				r.Detail = err.Error()
			}
		}
	default:
		r.Status, r.Detail = known(h.SIP.Status, h.SIP.Status > 0), h.SIP.Detail
	}
	return r
}

func (d *sipDoc) text(s *sheet) {
	switch {
	case d.Status == nil:
		why := ""
		switch {
		case d.atProxy:
			why = ": the proxy makes no connection to it"
		case d.Port != string(fact.Listening):
			why = ": " + reachWords(d.Port, d.Lookup)
		}
		s.head(d.Server+": no answer of a registrar"+why, bad)
	case (*d.Status == 401 || *d.Status == 407) && !d.challenged:
		s.head(fmt.Sprintf("%s: asks for credentials in no way that a Lync client knows (%d)", d.Server, *d.Status), bad)
	case *d.Status == 401 || *d.Status == 407:
		s.head(fmt.Sprintf("%s: a registrar answers and asks who is there (%d is expected here)", d.Server, *d.Status), good)
	case len(d.Redirects) > 0:
		s.head(fmt.Sprintf("%s: redirects with %d %s", d.Server, *d.Status, d.Reason), dubio)
	default:
		s.head(fmt.Sprintf("%s: answers %d %s", d.Server, *d.Status, d.Reason), dubio)
	}
	s.blank()
	s.item("Port", d.Port)
	s.item("TLS", d.TLSVersion)
	software := d.ServerHeader
	if d.Product != "" {
		software += " (" + d.Product + ")"
	}
	s.item("Software", software)
	for _, r := range d.Redirects {
		answer := r.Detail
		if r.Status != nil {
			answer = fmt.Sprint("answers ", *r.Status)
		}
		s.item("Leads to", fmt.Sprintf("%s port %d: %s", r.Host, r.Port, answer))
	}
	if d.Status != nil {
		s.item("Sent as", d.UserAgent)
		s.item("", map[string]string{"passed": "the server lets this version of the client pass", "blocked": "the server's client version filter refuses this version",
			"unknown": "the answer does not say whether a client version filter is at work"}[d.VersionFilter])
	}
	if o := d.Options; o != nil && o.Status != nil {
		s.item("OPTIONS", strings.TrimSpace(fmt.Sprintf("%d %s %s", *o.Status, o.Reason, strings.Join(o.Allow, ", "))))
	}
	s.item("Keep-alive", d.KeepAlive)
	s.item("Then", map[string]string{"kept": "the connection stays open for the next request", "closed": "the connection is closed after the answer"}[d.Connection])
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
	for _, x := range d.Diagnostics {
		s.diagnostics([]diagnostic{x.diagnostic})
		s.item("", x.Meaning)
	}
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
