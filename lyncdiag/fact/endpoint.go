package fact

import (
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// PortStatus is reachability in PortQry's words (KB 832919).
type PortStatus string

// Listening answered; NotListening refused; Filtered gave no answer;
// Unresolved has no address to ask; MaybeListening, of UDP alone, gave no answer
// where none is due. The zero value was not tried.
const (
	Listening    PortStatus = "listening"
	NotListening PortStatus = "not-listening"
	Filtered     PortStatus = "filtered"
	Unresolved   PortStatus = "unresolved"

	MaybeListening PortStatus = "listening-or-filtered"
)

// Reach is one connection attempt.
type Reach struct {
	Address string       `json:"address"` // the address that answered, or the first one tried
	Status  PortStatus   `json:"status"`
	Detail  string       `json:"detail"`
	AtProxy *ProxyAnswer `json:"proxyAnswer,omitempty"` // it failed at the proxy, so nothing is known of the host; nil: not so
	NoRoute bool         `json:"noRoute"`               // nothing was sent: this computer has no way to such an address
	// BadGateway is the 502 or 504 of a proxy that cannot reach the host; 0: none.
	BadGateway int           `json:"badGateway,omitempty"`
	Elapsed    time.Duration `json:"elapsed"`
}

// Paths is a host with addresses of both families, and what became of each.
type Paths struct {
	Host     string  `json:"host"`
	Port     uint16  `json:"port"`
	Families []Reach `json:"families"` // IPv4 first
}

// ProxyAnswer is how a proxy kept a connection from being made.
type ProxyAnswer struct {
	Answered bool     `json:"answered"` // a connection to the proxy itself stood
	Status   int      `json:"status"`   // of its HTTP answer; 0 without one
	Offers   []string `json:"offers"`   // schemes of Proxy-Authenticate
	Rejected bool     `json:"rejected"` // it asks for credentials, and did not take those it was given for this host or another
	Detail   string   `json:"detail"`
}

// Proxy is the HTTP proxy that a run goes through. The zero value is none.
type Proxy struct {
	Endpoint        // of the proxy itself; Host "" for none
	From     string `json:"from"` // who set it: --proxy, environment, WinINET, WinHTTP
	User     bool   `json:"user"` // credentials were at hand
	PAC      string `json:"pac"`  // script that decides for the client, and that nobody asked; "" for none
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
	Via     []Via            `json:"via"`
	SIP     *sip.ProbeResult `json:"sip,omitempty"`     // nil: not asked
	Options *sip.ProbeResult `json:"options,omitempty"` // to OPTIONS on the same connection; nil: not asked
	Hops    []Hop            `json:"hops,omitempty"`    // where it redirected to, and what that redirected to
}

// Hop is a server that a registrar sent the client on to.
type Hop struct {
	Endpoint
	SIP *sip.ProbeResult `json:"sip,omitempty"` // nil: not asked
}

// MaxRedirects is how many servers a client lets itself be sent on to: the most
// that UCMA's MaximumRegisterRedirectionAttempts can be set to.
const MaxRedirects = 5

// Final is the answer that a client ends with: the candidate's own, or that of
// the last server it led to. nil: that server was not asked.
func (c Candidate) Final() *sip.ProbeResult {
	if n := len(c.Hops); n > 0 {
		return c.Hops[n-1].SIP
	}
	return c.SIP
}

// Loops reports whether the redirects lead back to a server that has been
// asked, or go on after MaxRedirects.
func (c Candidate) Loops() bool {
	host, port, ok := c.Final().Redirect()
	return ok && (len(c.Hops) >= MaxRedirects || c.visited(host, port))
}

func (c Candidate) visited(host string, port uint16) bool {
	seen := strings.EqualFold(c.Host, host) && c.Port == port
	for _, h := range c.Hops {
		seen = seen || strings.EqualFold(h.Host, host) && h.Port == port
	}
	return seen
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

// Works reports whether a registrar answered SIP there, or where it redirects
// to: a 401 that the clients can take up is its normal answer to a REGISTER
// without credentials.
func (c Candidate) Works() bool {
	final := c.Final()
	if final != nil && (final.Status == 401 || final.Status == 407) && !final.Challenged() {
		return false
	}
	return final != nil && final.Problem == "" && final.Status < 500 && final.Status/100 != 3
}

// Control is what a host that has nothing to do with Lync answers to plain
// HTTP.
type Control struct {
	Endpoint
	URL         string    `json:"url"`
	Status      int       `json:"status"` // 0 without an answer
	ContentType string    `json:"contentType"`
	Location    string    `json:"location"` // of a redirect
	Detail      string    `json:"detail"`   // why there was no answer
	Date        time.Time `json:"date"`     // of the answer; zero if not told
	SentAt      time.Time `json:"sentAt"`
	AnsweredAt  time.Time `json:"answeredAt"` // zero without an answer
	Proxied     bool      `json:"proxied"`    // asked through the proxy, which may be who answers
}
