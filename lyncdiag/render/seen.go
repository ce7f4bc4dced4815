package render

import (
	"cmp"
	"strconv"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// seenRecord is a DNS record of a report; dns has more of it.
type seenRecord struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Expected string   `json:"expected"`
	Found    []string `json:"found"`
	Status   string   `json:"status" jsonschema:"enum=ok,enum=missing,enum=wrong,enum=error,enum=extra,enum=not-applicable"`
	Detail   string   `json:"detail"`
	Resolver string   `json:"resolver"` // name of the one that answered
}

// seenHost is a host of a report as far as it was looked at.
type seenHost struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Address    string `json:"address"`
	Status     string `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered,enum=unresolved,enum="` // "": not tried
	AtProxy    bool   `json:"atProxy"`                                                                                   // it failed at the proxy: nothing is known of the host
	Detail     string `json:"detail"`
	DurationMs *int64 `json:"durationMs,omitempty"` // of the connection; left out where it was not tried
	// TLS is what became of the handshake; "" where none was tried. weak: SHA-1
	// alone keeps the chain from verifying, which the Lync clients take.
	TLS          string            `json:"tls" jsonschema:"enum=verified,enum=weak,enum=not-verified,enum=failed,enum="`
	TLSVersion   string            `json:"tlsVersion"`
	Handshake    string            `json:"handshake"`    // why there is no TLS session
	Certificates []seenCertificate `json:"certificates"` // as sent, the server's own first
	Problems     []problem         `json:"problems"`     // of the chain
}

type seenCertificate struct {
	Subject    string `json:"subject"`
	Issuer     string `json:"issuer"`
	NotBefore  string `json:"notBefore,omitempty" jsonschema:"format=date-time"`
	NotAfter   string `json:"notAfter,omitempty"  jsonschema:"format=date-time"`
	Thumbprint string `json:"thumbprint"` // SHA-1, as Windows shows it
}

func seenRecords(r *lyncdiag.Report) []seenRecord {
	return each(r.Records, func(c dnscheck.Check) seenRecord {
		return seenRecord{c.Type, c.Name, c.Expected, list(c.Found), string(c.Status), c.Detail, c.Server}
	})
}

func seenHosts(r *lyncdiag.Report) []seenHost {
	return each(r.Hosts, func(e fact.Endpoint) seenHost {
		h := seenHost{Host: e.Host, Port: int(e.Port), Address: e.Reach.Address, Status: string(e.Reach.Status), AtProxy: e.Reach.AtProxy != nil,
			Detail: e.Reach.Detail, DurationMs: known(e.Reach.Elapsed.Milliseconds(), e.Reach.Status != ""), Certificates: []seenCertificate{}, Problems: []problem{}}
		t := e.TLS
		if t == nil {
			return h
		}
		switch {
		case t.Handshake != nil:
			h.TLS = "failed"
		case t.Verified:
			h.TLS = "verified"
		case t.WeakOnly:
			h.TLS = "weak"
		default:
			h.TLS = "not-verified"
		}
		h.TLSVersion, h.Handshake = t.TLSVersion, failure(t)
		h.Certificates = each(t.Chain, func(c certs.Certificate) seenCertificate {
			return seenCertificate{c.Subject, c.Issuer, stamp(c.NotBefore), stamp(c.NotAfter), c.Thumbprint}
		})
		h.Problems = each(t.Problems, func(p certs.Problem) problem { return problem{string(p.Code), p.Detail} })
		return h
	})
}

// Tables of what a report saw; each without rows where nothing was.

func recordGrid(records []seenRecord) grid {
	g := grid{head: []string{"Record", "Name", "Expected", "Found", "Status", "Resolver"}}
	for _, r := range records {
		g.add(status(r.Status), 4, r.Type, r.Name, r.Expected, joined(r.Found), withDetail(status(r.Status).word, r.Detail), r.Resolver)
	}
	return g
}

func hostGrid(hosts []seenHost) grid {
	g := grid{head: []string{"Host", "Port", "Address", "Connection", "ms", "TLS"}}
	for _, h := range hosts {
		m := status(h.Status)
		word := cmp.Or(m.word, "not tried")
		if h.AtProxy {
			word = "not reached: the proxy"
		}
		session := h.TLS
		if h.Handshake != "" {
			session += ": " + h.Handshake
		} else if h.TLSVersion != "" {
			session += ", " + h.TLSVersion
		}
		for _, p := range h.Problems {
			session += "; " + p.Code + ": " + p.Detail
		}
		if h.TLS == "failed" || h.TLS == "not-verified" {
			m.tone = bad
		}
		detail := h.Detail
		if fact.PortStatus(h.Status) == fact.Listening {
			detail = ""
		}
		g.add(m, 3, h.Host, strconv.Itoa(h.Port), h.Address, withDetail(word, detail), milliseconds(h.DurationMs), session)
	}
	return g
}

func certificateGrid(hosts []seenHost) grid {
	g := grid{head: []string{"Host", "Subject", "Issuer", "Valid from", "Valid until", "Thumbprint"}}
	for _, h := range hosts {
		for _, c := range h.Certificates {
			g.add(mark{}, -1, h.Host+":"+strconv.Itoa(h.Port), c.Subject, c.Issuer, day(c.NotBefore), day(c.NotAfter), c.Thumbprint)
		}
	}
	return g
}

func hopGrid(hops []hop) grid {
	g := grid{head: []string{"Address", "Answer", "Kind", "Leads to", "ms"}}
	for _, h := range hops {
		m := mark{"none", dubio}
		if h.Status != nil {
			m = mark{strconv.Itoa(*h.Status), good}
		}
		if h.Problem != "" {
			m.tone = dubio
		}
		g.add(m, 1, h.URL, withDetail(m.word, h.Detail), h.Kind, h.Location, strconv.FormatInt(h.DurationMs, 10))
	}
	return g
}

func withDetail(word, detail string) string {
	if detail == "" || detail == word {
		return word
	}
	return word + ": " + detail
}
