package render

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// portDoc is lyncdiag.port/v1.
type portDoc struct {
	Schema string `json:"schema"`
	Ports  []port `json:"ports"` // in the order asked for
}

type port struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Address    string `json:"address"`                                                                                   // that answered, or was tried first; "" when the name has none
	Status     string `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered,enum=unresolved,enum="` // "": not tried
	Detail     string `json:"detail"`
	DurationMs int64  `json:"durationMs"`
}

// Port is lyncdiag.port/v1: reachability in PortQry's words.
func (t Tool) Port(endpoints []fact.Endpoint) Document {
	return Document{&portDoc{"lyncdiag.port/v1", each(endpoints, func(e fact.Endpoint) port {
		return port{e.Host, int(e.Port), e.Reach.Address, string(e.Reach.Status), e.Reach.Detail, e.Reach.Elapsed.Milliseconds()}
	})}}
}

func (d *portDoc) text(s *sheet) {
	words := map[fact.PortStatus]string{
		fact.Listening:    "answers",
		fact.NotListening: "refuses",
		fact.Filtered:     "gives no answer; something drops what is sent, or the host is down",
		fact.Unresolved:   "has no address",
		"":                "was not tried",
	}
	for _, p := range d.Ports {
		m := status(p.Status)
		if p.Status == "" {
			m = mark{"unknown", dubio}
		}
		at := ""
		if p.Address != "" && p.Address != p.Host {
			at = " (" + p.Address + ")"
		}
		s.mark(m, fmt.Sprintf("%s port %d%s %s, %d ms", p.Host, p.Port, at, words[fact.PortStatus(p.Status)], p.DurationMs))
	}
}
