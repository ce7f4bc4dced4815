package render

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// portDoc is lyncdiag.port/v1.
type portDoc struct {
	Schema string    `json:"schema"`
	Ports  []port    `json:"ports"` // in the order asked for
	Plan   []allowed `json:"plan"`  // what a firewall must let through; empty unless asked for
}

type port struct {
	Host       string   `json:"host"`
	Port       int      `json:"port"`
	Transport  string   `json:"transport" jsonschema:"enum=tcp,enum=udp"`                                                  // udp is tried with a STUN binding request
	Address    string   `json:"address"`                                                                                   // that answered, or was tried first; "" when the name has none, and through a proxy
	Status     string   `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered,enum=unresolved,enum="` // "": not tried
	AtProxy    bool     `json:"atProxy"`                                                                                   // it failed at the proxy: nothing is known of the host
	Detail     string   `json:"detail"`
	DurationMs *int64   `json:"durationMs,omitempty"`                                       // left out where it was not tried
	Families   []family `json:"families"`                                                   // IPv4 before IPv6, as far as the host has addresses of them
	DeadFamily string   `json:"deadFamily" jsonschema:"enum=ipv4,enum=ipv6,enum="`          // the one that does not connect while the other does
	Published  string   `json:"publishedRange" jsonschema:"enum=inside,enum=outside,enum="` // is the address in Microsoft's list; "": there is no list for this host

	unknown bool // no resolver could look the name up
	gateway bool // a proxy says that it does not reach it
}

type family struct {
	Family     string `json:"family" jsonschema:"enum=ipv4,enum=ipv6"`
	Address    string `json:"address"`
	Status     string `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered"`
	Detail     string `json:"detail"`
	DurationMs int64  `json:"durationMs"`
}

// allowed is one line of a firewall change request.
type allowed struct {
	Host      string   `json:"host"` // a name, or a pattern such as *.lync.com
	Ports     string   `json:"ports"`
	Transport string   `json:"transport" jsonschema:"enum=tcp,enum=udp"`
	SignIn    bool     `json:"signIn"` // sign-in fails without it
	Purpose   string   `json:"purpose"`
	Ranges    []string `json:"ranges"` // published ranges of addresses
	Source    string   `json:"source"` // "unsourced": no public document has it
}

// PortResult is one port as far as it was looked at.
type PortResult struct {
	fact.Endpoint
	UDP       bool
	Families  []fact.Reach // as in fact.Paths
	Simulated bool         // addresses of a lab are in nobody's list
}

// Port is lyncdiag.port/v1: reachability in PortQry's words.
func (t Tool) Port(results []PortResult) Document {
	return Document{&portDoc{"lyncdiag.port/v1", each(results, func(r PortResult) port {
		p := port{Host: r.Host, Port: int(r.Port), Transport: "tcp", Address: r.Reach.Address, Status: string(r.Reach.Status), AtProxy: r.Reach.AtProxy != nil, Detail: r.Reach.Detail,
			unknown: !r.Resolve.Status.Known(), gateway: r.Reach.BadGateway != 0, Families: each(r.Families, newFamily)}
		if p.Status != "" {
			elapsed := r.Reach.Elapsed.Milliseconds()
			p.DurationMs = &elapsed
		}
		if r.UDP {
			p.Transport = "udp"
		}
		p.DeadFamily = deadFamily(p.Families)
		if ip, err := netip.ParseAddr(r.Reach.Address); err == nil && !r.Simulated {
			if inside, known := lyncdiag.Published(r.Host, ip); known {
				p.Published = map[bool]string{true: "inside", false: "outside"}[inside]
			}
		}
		return p
	}), []allowed{}}}
}

// PortPlan is lyncdiag.port/v1 with a plan, and without ports that were tried.
func (t Tool) PortPlan(list []lyncdiag.Requirement) Document {
	return Document{&portDoc{"lyncdiag.port/v1", []port{}, each(list, func(r lyncdiag.Requirement) allowed {
		return allowed{r.Host, r.Ports, r.Transport, r.SignIn, r.Purpose, each(r.Ranges, func(s string) string { return s }), r.Source}
	})}}
}

func newFamily(r fact.Reach) family {
	name := "ipv6"
	if ip, err := netip.ParseAddr(r.Address); err == nil && ip.Is4() {
		name = "ipv4"
	}
	return family{name, r.Address, string(r.Status), r.Detail, r.Elapsed.Milliseconds()}
}

func deadFamily(list []family) string {
	if len(list) == 2 {
		for i, f := range list {
			if f.Status != string(fact.Listening) && list[1-i].Status == string(fact.Listening) {
				return f.Family
			}
		}
	}
	return ""
}

func (d *portDoc) text(s *sheet) {
	for _, p := range d.Ports {
		m := status(p.Status)
		if p.Status == "" {
			m = mark{"unknown", dubio}
		}
		at, number := "", strconv.Itoa(p.Port)
		if p.Address != "" && p.Address != p.Host {
			at = " (" + p.Address + ")"
		}
		if p.Transport == "udp" {
			number += "/udp"
		}
		what := outcome(p.Status, p.Detail)
		switch {
		case p.AtProxy:
			what = "was not reached: " + p.Detail
		case p.gateway:
			what = "is not reached by the proxy: " + p.Detail
		case p.Status == string(fact.Unresolved) && p.unknown:
			what = "could not be looked up: " + p.Detail
		}
		line := fmt.Sprintf("%s port %s%s %s", p.Host, number, at, what)
		if p.DurationMs != nil {
			line += fmt.Sprintf(", %d ms", *p.DurationMs)
		}
		s.mark(m, line)
		if p.Transport == "udp" && p.Status == string(fact.Listening) && p.Detail != "" {
			s.item("", p.Detail)
		}
		if len(p.Families) == 2 {
			for _, f := range p.Families {
				s.item(familyName(f.Family), fmt.Sprintf("%s %s, %d ms", f.Address, outcome(f.Status, f.Detail), f.DurationMs))
			}
		}
		if p.DeadFamily != "" {
			s.item("", familyName(p.DeadFamily)+" does not work, and each attempt may wait for it")
		}
		if p.Published == "outside" {
			s.item("", p.Address+" is in none of the ranges that Microsoft published for this service")
		}
	}
	for i, a := range d.Plan {
		if i == 0 || a.SignIn != d.Plan[i-1].SignIn {
			if i > 0 {
				s.blank()
			}
			s.head(map[bool]string{true: "Sign-in needs", false: "Needed beside sign-in"}[a.SignIn], good)
		}
		s.item(a.Transport, a.Ports+" to "+a.Host+": "+a.Purpose)
		if len(a.Ranges) > 0 {
			s.item("", "addresses "+strings.Join(a.Ranges, ", "))
		}
		s.item("", "("+a.Source+")")
	}
}

// milliseconds is a duration in a table, "" for none.
func milliseconds(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// outcome is a connection attempt in words: of silence it says what may be
// behind it, of an error what the error is.
func outcome(status, detail string) string {
	switch fact.PortStatus(status) {
	case fact.Listening:
		return "answers"
	case fact.NotListening:
		return "refuses"
	case fact.Unresolved:
		return "has no address"
	case fact.Filtered:
		if !strings.HasPrefix(detail, "no answer") && detail != "" {
			return "cannot be reached: " + strings.ReplaceAll(detail, "\n", "; ")
		}
		return "gives no answer; something drops what is sent, or the host is down"
	}
	return "was not tried"
}

func familyName(f string) string { return map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[f] }

func (d *portDoc) columns() []string {
	if len(d.Plan) > 0 {
		return []string{"host", "ports", "transport", "signIn", "purpose", "ranges", "source"}
	}
	return []string{"host", "port", "transport", "address", "status", "detail", "durationMs", "deadFamily", "publishedRange"}
}

func (d *portDoc) rows() [][]string {
	var rows [][]string
	for _, a := range d.Plan {
		rows = append(rows, []string{a.Host, a.Ports, a.Transport, strconv.FormatBool(a.SignIn), a.Purpose, strings.Join(a.Ranges, " "), a.Source})
	}
	for _, p := range d.Ports {
		rows = append(rows, []string{p.Host, strconv.Itoa(p.Port), p.Transport, p.Address, p.Status, p.Detail, milliseconds(p.DurationMs), p.DeadFamily, p.Published})
	}
	return rows
}
