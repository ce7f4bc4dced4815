package lab

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// The names of the lab. The .example domain is reserved (RFC 2606), those of
// the service are the real ones, since the client asks for them (KB 2566790).
const (
	domain     = "contoso.example"
	brand      = "Contoso Ltd"
	sipdir     = "sipdir.online.lync.com"
	webdir     = "webdir.online.lync.com"
	sipfed     = "sipfed.online.lync.com"
	login      = "login.microsoftonline.com"
	sts        = "sts." + domain
	www        = "www." + domain
	edge       = "accessedge." + domain
	proxy      = "lyncweb." + domain // publishes the web services of the own pool
	discover   = "lyncdiscover." + domain
	sipName    = "sip." + domain
	sipSRV     = "_sip._tls." + domain
	federation = "_sipfederationtls._tcp." + domain
	pki        = "pki.public.example" // where the public authority publishes
	gateway    = "gateway." + domain  // the way out where there is a proxy
)

// zones are the zones that the lab's resolver knows. The parents are there so
// that NXDOMAIN comes from a zone, with its SOA.
var zones = [...]string{domain, "example", "lync.com", "microsoftonline.com"}

// world is a tenant before anything runs: data, which faults change.
type world struct {
	offline bool                // no route to anywhere
	inside  []dnstest.Override  // what the company's own resolver says differently; nil: there is none
	records map[string][]string // owner to "TYPE data", as in a zone file
	answers []dnstest.Override  // what the resolver does other than look into the zones
	hosts   map[string]*host

	online   *dnstest.Autodiscover // Lync Online's
	premises *dnstest.Autodiscover // the company's own; answers nobody in the online labs
	login    *adfstest.LoginService
	sts      *adfstest.Service

	settings []fact.FederationSettings // the domain's, as the tenant holds them; nil: not known here

	way     *gate         // the proxy that leads out; nil: there is none
	ahead   time.Duration // the client's clock against the servers'
	setting fact.Setting
}

// host is a machine with one address and one certificate.
type host struct {
	address string
	six     string   // its IPv6 address, "" for none
	dead    bool     // IPv6 is announced and leads nowhere
	names   []string // in its certificate
	company bool     // certificate of the company's own authority, not of the public one
	defect  string   // of its certificate, a code of package certtest
	site    string   // where its certificate says that its authority publishes; nothing is stapled then
	alone   bool     // it sends its certificate without the authority's
	revoked bool     // its certificate is
	oldest  uint16   // TLS version that it accepts; 0: 1.0
	sni     bool     // it hangs up on clients that do not name it
	ports   map[uint16]*port
	tls     *tls.Config // made at the start
}

// port is a listening port. Ports that a host does not have refuse.
type port struct {
	reach reach
	plain bool // no TLS
	reset bool // hangs up on the first bytes it gets
	// What it speaks, one of these:
	web http.Handler
	sip *siptest.Registrar
}

// reach is what becomes of a connection attempt.
type reach int

const (
	listening reach = iota
	refused
	filtered // no answer at all
)

// newWorld is the healthy lab of the given name.
func newWorld(base string, now func() time.Time) *world {
	w := &world{
		records: map[string][]string{
			domain:                    {"NS ns1." + domain + ".", "A 127.0.3.2"},
			"ns1." + domain:           {"A 127.0.3.53"},
			"lync.com":                {"NS ns1.lync.com."},
			"ns1.lync.com":            {"A 127.0.1.53"},
			"microsoftonline.com":     {"NS ns1.microsoftonline.com."},
			"ns1.microsoftonline.com": {"A 127.0.2.53"},
			"example":                 {"NS a.iana-servers.example."},
			"a.iana-servers.example":  {"A 127.0.4.53"},
		},
		online:   &dnstest.Autodiscover{Web: webdir, SIPInternal: sipdir + ":443", SIPExternal: sipdir + ":443", Now: now},
		premises: &dnstest.Autodiscover{Web: proxy, SIPExternal: edge + ":443", Now: now},
		login:    &adfstest.LoginService{Now: now, Domains: map[string]adfstest.Domain{}, Password: Password},
		sts:      &adfstest.Service{Host: sts, Now: now, Password: Password},
		setting:  fact.Setting{Location: "outside"},
	}
	site := dated(now, http.HandlerFunc(companySite))
	w.hosts = map[string]*host{
		sipdir: {address: "127.0.1.1", names: []string{sipdir, "*.online.lync.com"}, ports: map[uint16]*port{
			443: {sip: &siptest.Registrar{Name: sipdir, Now: now}},
		}},
		webdir: {address: "127.0.1.2", names: []string{webdir, "*.online.lync.com"}, ports: map[uint16]*port{
			80: {plain: true, web: w.online}, 443: {web: w.online},
		}},
		sipfed: {address: "127.0.1.3", names: []string{sipfed, "*.online.lync.com"}, ports: map[uint16]*port{
			5061: {sip: &siptest.Registrar{Name: sipfed, Now: now}},
		}},
		login: {address: "127.0.2.1", names: []string{login}, ports: map[uint16]*port{
			80: {plain: true, web: dated(now, http.HandlerFunc(toHTTPS))}, 443: {web: w.login},
		}},
		www: {address: "127.0.3.2", names: []string{www, domain}, company: true, ports: map[uint16]*port{
			80: {plain: true, web: site}, 443: {web: site},
		}},
	}
	switch base {
	case "healthy":
		w.atLyncOnline()
		w.federated()
	case "healthy-managed":
		w.atLyncOnline()
		w.login.Domains[domain] = adfstest.Domain{Type: "managed", Brand: brand}
	case "healthy-hybrid":
		w.onPremises()
		w.federated()
		w.moved()
	case "healthy-server":
		// Nobody told Lync Online of the domain, and the login service does not
		// know it. sipdir challenges whoever asks before it looks at the domain.
		w.onPremises()
	}
	for name, h := range w.hosts {
		w.records[name] = append(w.records[name], "A "+h.address)
	}
	return w
}

// atLyncOnline makes the four records of KB 2566790.
func (w *world) atLyncOnline() {
	w.records[discover] = []string{"CNAME " + webdir + "."}
	w.records[sipName] = []string{"CNAME " + sipdir + "."}
	w.records[sipSRV] = []string{"SRV 100 1 443 " + sipdir + "."}
	w.records[federation] = []string{"SRV 100 1 5061 " + sipfed + "."}
}

// onPremises makes an Access Edge and a reverse proxy, and the records that
// lead to them from outside (Skype for Business Server, DNS requirements).
func (w *world) onPremises() {
	// No Kerberos outside the company: nobody can reach its domain controllers.
	registrar := &siptest.Registrar{Name: edge, Now: w.premises.Now, Anonymous: siptest.Answer{Schemes: []string{"NTLM", "TLS-DSK"}}}
	w.hosts[edge] = &host{address: "127.0.3.3", names: []string{edge, sipName}, ports: map[uint16]*port{
		443: {sip: registrar}, 5061: {sip: registrar},
	}}
	w.reverseProxy()
	w.records[sipName] = []string{"A 127.0.3.3"}
	w.records[sipSRV] = []string{"SRV 0 0 443 " + edge + "."}
	w.records[federation] = []string{"SRV 0 0 5061 " + edge + "."}
}

// reverseProxy makes the company's own Autodiscover.
func (w *world) reverseProxy() {
	w.hosts[proxy] = &host{address: "127.0.3.4", names: []string{proxy, discover}, ports: map[uint16]*port{
		80: {plain: true, web: w.premises}, 443: {web: w.premises},
	}}
	w.records[discover] = []string{"A 127.0.3.4"}
}

// moved makes the own pool lead to the online one, as it does for users who
// have been moved.
func (w *world) moved() {
	w.premises.Faults = []dnstest.AutodiscoverFault{{
		Scheme: "https", Resource: "root", Behaviour: dnstest.RedirectLink,
		Target: "https://" + webdir + "/Autodiscover/AutodiscoverService.svc/root",
	}}
}

// capture puts a portal in front of every host: it answers plain HTTP with a
// redirect to itself and drops the rest.
func (w *world) capture() {
	portal := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://portal.hotel.example/welcome", http.StatusFound)
	})
	for _, h := range w.hosts {
		for _, p := range h.ports {
			p.reach = filtered
		}
		h.ports[80] = &port{plain: true, web: portal}
	}
}

// federated makes the domain one that checks its passwords itself.
func (w *world) federated() {
	w.login.Domains[domain] = adfstest.Domain{Type: "federated", Brand: brand, Host: sts}
	w.hosts[sts] = &host{address: "127.0.3.1", names: []string{sts}, ports: map[uint16]*port{
		80: {plain: true, web: probeAlone(w.sts)}, 443: {web: w.sts},
	}}
}

// publish has the public authority publish a list, OCSP answers and its own
// certificate, and the host's certificate name them.
func (w *world) publish(h *host) {
	h.site = "http://" + pki
	w.hosts[pki] = &host{address: "127.0.4.1", names: []string{pki}, ports: map[uint16]*port{80: {plain: true}}}
	w.records[pki] = []string{"A 127.0.4.1"}
}

// zoneFiles are the records as zones, each record in the closest one.
func (w *world) zoneFiles() ([]*dnstest.Zone, error) {
	lines := map[string][]string{}
	for owner, records := range w.records {
		best := ""
		for _, z := range zones {
			if (owner == z || strings.HasSuffix(owner, "."+z)) && len(z) > len(best) {
				best = z
			}
		}
		for _, r := range records {
			lines[best] = append(lines[best], owner+". IN "+r)
		}
	}
	var all []*dnstest.Zone
	for _, origin := range zones {
		if len(lines[origin]) == 0 {
			continue
		}
		zone, err := dnstest.ParseZone(origin, strings.Join(lines[origin], "\n")+"\n")
		if err != nil {
			return nil, err
		}
		all = append(all, zone)
	}
	return all, nil
}

// dual gives the registrar an IPv6 address. There is one on loopback, so no
// other host has any.
func (w *world) dual() *host {
	h := w.hosts[sipdir]
	if h.six == "" {
		h.six = "::1"
		w.records[sipdir] = append(w.records[sipdir], "AAAA ::1")
	}
	return h
}

// silence lets no packet to or from a host through.
func (w *world) silence(names ...string) {
	for _, name := range names {
		for _, p := range w.hosts[name].ports {
			p.reach = filtered
		}
	}
}

// places are the ports by address, with the host's name.
func (w *world) places() map[netip.AddrPort]place {
	all := map[netip.AddrPort]place{}
	for name, h := range w.hosts {
		ip := netip.MustParseAddr(h.address)
		for number, p := range h.ports {
			all[netip.AddrPortFrom(ip, number)] = place{name, h, p}
			if h.six == "" {
				continue
			}
			if h.dead {
				p = &port{reach: filtered}
			}
			all[netip.AddrPortFrom(netip.MustParseAddr(h.six), number)] = place{name, h, p}
		}
	}
	return all
}

type place struct {
	name string
	host *host
	port *port
}

// dated has the answers of h carry the servers' time.
func dated(now func() time.Time, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	})
}

// probeAlone is all that AD FS does over plain HTTP.
func probeAlone(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/adfs/probe" {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// toHTTPS is all that the login service does over plain HTTP.
func toHTTPS(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+login+r.URL.RequestURI(), http.StatusMovedPermanently)
}

func companySite(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!DOCTYPE html>\n<html><head><title>" + brand + "</title></head><body><h1>Welcome to " + brand + "</h1></body></html>\n"))
}
