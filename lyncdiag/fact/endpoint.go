package fact

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// PortStatus is reachability in PortQry's words (KB 832919).
type PortStatus string

// Listening answered; NotListening refused; Filtered gave no answer;
// Unresolved has no address to ask. The zero value was not tried.
const (
	Listening    PortStatus = "listening"
	NotListening PortStatus = "not-listening"
	Filtered     PortStatus = "filtered"
	Unresolved   PortStatus = "unresolved"
)

// Reach is one connection attempt.
type Reach struct {
	Address string        `json:"address"` // the address that answered, or the first one tried
	Status  PortStatus    `json:"status"`
	Detail  string        `json:"detail"`
	AtProxy bool          `json:"atProxy"` // it failed at the proxy, so nothing is known of the host
	Elapsed time.Duration `json:"elapsed"`
}

// Endpoint is one host and port as far as it was looked at: name, connection,
// TLS.
type Endpoint struct {
	Host    string        `json:"host"`
	Port    uint16        `json:"port"`
	Resolve dnscheck.Host `json:"resolve"`
	Reach   Reach         `json:"reach"`
	TLS     *certs.Result `json:"tls,omitempty"` // nil: no handshake was tried
}

// Up reports whether the clients can use the endpoint: connected, and TLS
// verified, but for a signature with SHA-1, which they take. No password
// belongs on one that is not verified.
func (e Endpoint) Up() bool {
	return e.Reach.Status == Listening && e.TLS != nil && (e.TLS.Verified || e.TLS.WeakOnly)
}

// Via says how a client comes to a registrar.
type Via string

// The ways to a registrar.
const (
	ViaSRV          Via = "srv"          // _sip._tls of the domain
	ViaSRVInternal  Via = "srv-internal" // _sipinternaltls._tcp of the domain
	ViaName         Via = "name"         // sip, sipinternal or sipexternal of the domain
	ViaAutodiscover Via = "autodiscover" // named by the User resource
	ViaManual       Via = "manual"       // manual configuration
)

// Candidate is a registrar that a client could use.
type Candidate struct {
	Endpoint
	Via []Via            `json:"via"`
	SIP *sip.ProbeResult `json:"sip,omitempty"` // nil: not asked
}

// ByVia reports whether the candidate was found in the given way.
func (c Candidate) ByVia(v Via) bool {
	for _, w := range c.Via {
		if w == v {
			return true
		}
	}
	return false
}

// Works reports whether a registrar answered SIP there: a 401 is its normal
// answer to a REGISTER without credentials.
func (c Candidate) Works() bool {
	return c.SIP != nil && c.SIP.Problem == "" && c.SIP.Status < 500
}

// Control is what a host that has nothing to do with Lync answers to plain
// HTTP.
type Control struct {
	Endpoint
	URL         string `json:"url"`
	Status      int    `json:"status"` // 0 without an answer
	ContentType string `json:"contentType"`
	Location    string `json:"location"` // of a redirect
	Detail      string `json:"detail"`   // why there was no answer
}
