package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// realmDoc is lyncdiag.realm/v1.
type realmDoc struct {
	Schema         string    `json:"schema"`
	Address        string    `json:"address"` // the one asked about
	NamespaceType  string    `json:"namespaceType" jsonschema:"enum=managed,enum=federated,enum=unknown,enum=consumer,enum="`
	Domain         string    `json:"domain"`
	Brand          string    `json:"brand"`
	Protocol       string    `json:"protocol"`
	MEXURL         string    `json:"mexUrl"`
	ActiveAuthURL  string    `json:"activeAuthUrl"`
	PassiveAuthURL string    `json:"passiveAuthUrl"`
	Cloud          string    `json:"cloud"`
	Audience       string    `json:"audience"` // the relying party under which federation services know that cloud
	Source         string    `json:"source"`   // the URL that answered
	Problem        string    `json:"problem"`  // one word, "" for none
	Detail         string    `json:"detail"`
	Findings       []finding `json:"findings"`
}

// Realm is lyncdiag.realm/v1: who checks a user's password.
func (t Tool) Realm(f *fact.Facts, r *lyncdiag.Report) Document {
	doc := realmDoc{Schema: "lyncdiag.realm/v1", Address: r.Target.Address, Findings: findings(r)}
	if strings.Contains(r.Target.UserName, "@") {
		doc.Address = r.Target.UserName
	}
	if realm, _, ok := fact.Get(f, fact.RealmKey); ok {
		doc.NamespaceType, doc.Domain, doc.Brand, doc.Protocol = realm.NamespaceType, realm.Domain, realm.Brand, realm.Protocol
		doc.MEXURL, doc.ActiveAuthURL, doc.PassiveAuthURL, doc.Cloud, doc.Audience = realm.MEXURL, realm.ActiveAuthURL, realm.PassiveAuthURL, realm.Cloud, realm.Audience
		doc.Source, doc.Problem, doc.Detail = realm.Source, realm.Problem, realm.Detail
	}
	return Document{&doc}
}

func (d *realmDoc) text(s *sheet) {
	words := map[string]string{
		"managed":   "the cloud checks the password",
		"federated": "the organization's own federation service checks the password",
		"unknown":   "the login service does not know the domain",
		"consumer":  "a Microsoft account, no organization's",
		"":          "the login service gave no usable answer",
	}[d.NamespaceType]
	t := dubio
	if d.NamespaceType == "managed" || d.NamespaceType == "federated" {
		t = good
	}
	s.head(d.Address+": "+words, t)
	s.blank()
	s.item("Realm", d.NamespaceType)
	s.item("Domain", d.Domain)
	s.item("Brand", d.Brand)
	s.item("Protocol", d.Protocol)
	s.item("MEX", d.MEXURL)
	s.item("Active", d.ActiveAuthURL)
	s.item("Passive", d.PassiveAuthURL)
	s.item("Cloud", d.Cloud)
	s.item("Audience", d.Audience)
	s.item("Asked", d.Source)
	if d.Problem != "" {
		s.item("Problem", d.Problem+": "+d.Detail)
	}
	s.findings(d.Findings, false)
}

// mexDoc is lyncdiag.mex/v1.
type mexDoc struct {
	Schema    string     `json:"schema"`
	URL       string     `json:"url"`       // as given; a file's name
	Exchanges []exchange `json:"exchanges"` // GET as a browser, POST as the Sign-In Assistant; empty for a file
	Endpoints []endpoint `json:"endpoints"` // in document order
	Selected  selected   `json:"selected"`
	Clients   []choice   `json:"clients"` // what each generation takes for a user name and password
	Problems  []problem  `json:"problems"`
	Findings  []finding  `json:"findings"`
}

type choice struct {
	Client  string `json:"client" jsonschema:"enum=sign-in-assistant,enum=newer"`
	Title   string `json:"title"`
	Address string `json:"address"` // "" for none
}

// choices: the Sign-In Assistant and .NET ask for 2005 and nothing else, the
// ADAL and MSAL families prefer 1.3 and most of them fall back.
func choices(s adfs.Selected) []choice {
	return []choice{
		{"sign-in-assistant", "Lync 2010 and 2013 with the Sign-In Assistant, .NET clients", s.Username2005},
		{"newer", "clients with ADAL or MSAL", cmp.Or(s.Username13, s.Username2005)},
	}
}

type exchange struct {
	Method      string   `json:"method" jsonschema:"enum=GET,enum=POST"`
	URL         string   `json:"url"` // asked last
	Redirects   []string `json:"redirects"`
	Status      *int     `json:"status,omitempty"` // of HTTP; left out without an answer
	ContentType string   `json:"contentType"`
	Problem     string   `json:"problem"` // one word, "" for a usable answer
	Detail      string   `json:"detail"`
	DurationMs  int64    `json:"durationMs"`
}

type endpoint struct {
	Name           string `json:"name"`
	Address        string `json:"address"`
	Version        string `json:"version" jsonschema:"enum=1.3,enum=2005,enum="`
	Authentication string `json:"authentication" jsonschema:"enum=username,enum=windows,enum=certificate,enum=kerberos,enum=issued-token,enum=other"`
	Usable         bool   `json:"usable"`
	Reason         string `json:"reason"` // why it is not usable
}

// selected are the first usable endpoints in document order; "" is none.
type selected struct {
	Username13   string `json:"username13"`
	Username2005 string `json:"username2005"`
	Windows13    string `json:"windows13"`
	Windows2005  string `json:"windows2005"`
}

type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// MEX is lyncdiag.mex/v1. source is the URL or file asked for.
func (t Tool) MEX(source string, f *fact.Facts, r *lyncdiag.Report) Document {
	doc := mexDoc{Schema: "lyncdiag.mex/v1", URL: source, Exchanges: []exchange{}, Endpoints: []endpoint{}, Clients: choices(adfs.Selected{}), Problems: []problem{}, Findings: findings(r)}
	if mex, _, ok := fact.Get(f, fact.MEXKey); ok {
		for _, x := range []struct {
			method string
			adfs.Exchange
		}{{"GET", mex.Get}, {"POST", mex.Post}} {
			if x.Asked && x.Exchange.URL != "" {
				doc.Exchanges = append(doc.Exchanges, exchange{x.method, x.URL, list(x.Redirects), known(x.Status, x.Status > 0), x.ContentType, x.Problem, x.Detail, x.Elapsed.Milliseconds()})
			}
		}
		doc.Endpoints = each(mex.Endpoints, func(e adfs.Endpoint) endpoint {
			return endpoint{e.Name, e.Address, e.Version, e.Authentication, e.Usable, e.Reason}
		})
		doc.Selected, doc.Clients = selected(mex.Selected), choices(mex.Selected)
		doc.Problems = each(mex.Problems, func(p adfs.Problem) problem { return problem(p) })
	}
	return Document{&doc}
}

func (d *mexDoc) text(s *sheet) {
	failures := roots(d.Findings, kb.Failure)
	switch {
	case len(failures) > 0:
		s.head(d.URL+": "+failures[0].Title, bad)
	case d.Selected.Username13 != "" || d.Selected.Username2005 != "":
		s.head(d.URL+": rich clients find an endpoint for a user name and password", good)
	case len(d.Endpoints) > 0:
		s.head(d.URL+": no usable endpoint for a user name and password", bad)
	default:
		s.head(d.URL+": no endpoint could be read", bad)
	}
	if len(d.Exchanges) > 0 {
		s.blank()
		for _, x := range d.Exchanges {
			answer := "no answer"
			if x.Status != nil {
				answer = fmt.Sprint(*x.Status)
			}
			if x.Problem != "" && x.Problem != "http-"+answer {
				answer += ", " + x.Problem
			}
			s.item(x.Method, fmt.Sprintf("%s, %d ms", answer, x.DurationMs))
			s.item("", x.Detail)
			for _, to := range x.Redirects {
				s.item("", "redirected from "+to)
			}
		}
	}
	if len(d.Endpoints) > 0 {
		s.blank()
		s.line("Endpoints, in document order")
		for _, e := range d.Endpoints {
			m := mark{"usable", good}
			if !e.Usable {
				m = mark{"no", faint}
			}
			version := e.Version
			if version == "" {
				version = "?"
			}
			s.mark(m, e.Authentication+", WS-Trust "+version)
			s.hang(pad("", marked), marked, e.Address)
			if e.Reason != "" {
				s.hang(pad("", marked), marked, e.Reason)
			}
		}
	}
	if len(d.Endpoints) > 0 {
		s.blank()
		s.line("What clients take for a user name and password")
		for _, c := range d.Clients {
			m := mark{"takes", good}
			if c.Address == "" {
				m = mark{"none", faint}
			}
			s.mark(m, c.Title)
			s.hang(pad("", marked), marked, c.Address)
		}
	}
	s.problems(d.Problems)
	s.findings(d.Findings, len(failures) > 0)
}

func (s *sheet) problems(list []problem) {
	if len(list) == 0 {
		return
	}
	s.blank()
	s.line("Problems")
	for _, p := range list {
		s.entry(margin, p.Code+": "+p.Detail)
	}
}
