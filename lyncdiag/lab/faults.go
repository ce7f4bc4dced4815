package lab

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// Fault is one thing that can be wrong in the lab, or one of the healthy labs.
type Fault struct {
	// Name is that of the finding it must be diagnosed as.
	Name string
	// Description says what is wrong, in a sentence without full stop.
	Description string
	// Expected is the finding that must come out; "" for the healthy labs.
	Expected string
	// Base is the healthy lab that the fault is put into; for a healthy lab its
	// own name.
	Base string

	parts []string     // what it changes; two faults of one lab must not share a part
	apply func(*world) // nil: nothing is to be changed
}

// defaultLab is the lab without any fault.
const defaultLab = "healthy"

// Faults returns the healthy labs, the default one first, then everything that
// can be wrong, in the order of the sign-in chain.
func Faults() []Fault {
	all := []Fault{
		{Name: defaultLab, Description: "Lync Online, with a domain federated by AD FS"},
		{Name: "healthy-managed", Description: "Lync Online, with passwords checked in the cloud"},
		{Name: "healthy-hybrid", Description: "users moved to Lync Online, records leading to the company's own servers"},
		{Name: "healthy-server", Description: "Lync Server of the company's own, and nothing in the cloud"},
	}
	for i := range all {
		all[i].Base = all[i].Name
	}
	faults := slices.Concat(dnsFaults(), transportFaults(), autodiscoverFaults(), realmFaults(), federationFaults(), tokenFaults(), registrarFaults(), clientFaults())
	for _, f := range faults {
		f.Expected, f.Base = f.Name, cmp.Or(f.Base, defaultLab)
		all = append(all, f)
	}
	return all
}

// find returns the fault of a name, or says which name may have been meant.
func find(name string) (Fault, error) {
	all := Faults()
	if i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name }); i >= 0 {
		return all[i], nil
	}
	if i := slices.IndexFunc(all, func(f Fault) bool { return len(name) > 3 && strings.Contains(f.Name, name) }); i >= 0 {
		return Fault{}, fmt.Errorf("there is no fault %q; did you mean %q?", name, all[i].Name)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	if near := kb.Nearest(name, names); len(near) > 0 {
		return Fault{}, fmt.Errorf("there is no fault %q; did you mean %q?", name, near[0])
	}
	return Fault{}, fmt.Errorf("there is no fault %q", name)
}

// choose finds the faults asked for and the healthy lab under them, and
// refuses those that cannot be at the same time.
func choose(names []string) (base string, chosen []Fault, err error) {
	named := "" // who says what the base is
	owner := map[string]string{}
	for _, name := range names {
		f, err := find(name)
		if err != nil {
			return "", nil, err
		}
		if slices.ContainsFunc(chosen, func(c Fault) bool { return c.Name == f.Name }) {
			continue
		}
		if base != "" && f.Base != base {
			return "", nil, fmt.Errorf("%s belongs into the lab %s, %s into %s: they cannot be at the same time", f.Name, f.Base, named, base)
		}
		base, named = f.Base, f.Name
		for _, p := range f.parts {
			if other := owner[p]; other != "" {
				return "", nil, fmt.Errorf("%s and %s both change %s: they cannot be at the same time", other, f.Name, p)
			}
			owner[p] = f.Name
		}
		chosen = append(chosen, f)
	}
	if base == "" {
		base = defaultLab
	}
	return base, chosen, nil
}

// The parts of the lab that faults change.
const (
	partResolver     = "the resolver"
	partDiscover     = "the lyncdiscover record"
	partSRV          = "the SIP service record"
	partName         = "the sip record"
	partFederation   = "the federation record"
	partIPv6         = "the registrar's IPv6 address"
	partProxy        = "the proxy"
	partManual       = "the manual address"
	partClient       = "the client"
	partClock        = "the client's clock"
	partRegistrar    = "the registrar's host"
	partREGISTER     = "the registrar's answer"
	partWeb          = "the Autodiscover host"
	partAutodiscover = "the Autodiscover answer"
	partRealm        = "the domain at the login service"
	partLogin        = "the login service"
	partADFS         = "the AD FS host"
	partAuthority    = "what the public authority publishes"
	partMEX          = "the MEX answer"
	partToken        = "the answer to a token request"
	partMetadata     = "the federation metadata"
	partLocation     = "the place"
)

func dnsFaults() []Fault {
	return []Fault{
		{Name: "dns-domain-missing", Description: "the domain is not in DNS", parts: []string{partResolver, partDiscover, partSRV, partName, partFederation, partADFS}, apply: func(w *world) {
			for owner := range w.records {
				if owner == domain || strings.HasSuffix(owner, "."+domain) {
					delete(w.records, owner)
				}
			}
		}},
		{Name: "dns-server-failure", Description: "the resolver answers SERVFAIL to everything", parts: []string{partResolver, partDiscover, partSRV, partName, partFederation, partADFS}, apply: func(w *world) {
			w.answers = append(w.answers, dnstest.Override{RCode: "SERVFAIL"})
		}},
		{Name: "dns-delegation-broken", Description: "the domain's own DNS servers do not answer, so its names give SERVFAIL", parts: []string{partResolver, partDiscover, partSRV, partName, partFederation, partADFS}, apply: func(w *world) {
			w.answers = append(w.answers, dnstest.Override{Name: domain, RCode: "SERVFAIL"}, dnstest.Override{Name: "*." + domain, RCode: "SERVFAIL"})
		}},
		{Name: "dns-lyncdiscover-missing", Description: "there is no lyncdiscover record, and the client is a mobile one", parts: []string{partDiscover, partClient}, apply: func(w *world) {
			delete(w.records, discover)
			w.setting.Client = "mobile"
		}},
		{Name: "dns-lyncdiscover-wrong", Description: "lyncdiscover leads to the company's web site", parts: []string{partDiscover}, apply: func(w *world) {
			w.records[discover] = []string{"CNAME " + www + "."}
		}},
		{Name: "dns-sip-tls-srv-missing", Description: "there is no _sip._tls record, and the client is Lync 2010 without updates", parts: []string{partSRV, partClient}, apply: func(w *world) {
			delete(w.records, sipSRV)
			w.setting.Client = "lync2010-rtm"
		}},
		{Name: "dns-sip-tls-srv-wrong", Description: "_sip._tls leads to the federation edge", parts: []string{partSRV}, apply: func(w *world) {
			w.records[sipSRV] = []string{"SRV 100 1 443 " + sipfed + "."}
		}},
		{Name: "dns-sip-cname-missing", Description: "there is no sip record", parts: []string{partName}, apply: func(w *world) {
			delete(w.records, sipName)
		}},
		{Name: "dns-sip-cname-wrong", Description: "sip leads to the web services", parts: []string{partName}, apply: func(w *world) {
			w.records[sipName] = []string{"CNAME " + webdir + "."}
		}},
		{Name: "dns-federation-srv-missing", Description: "there is no _sipfederationtls._tcp record", parts: []string{partFederation}, apply: func(w *world) {
			delete(w.records, federation)
		}},
		{Name: "dns-federation-srv-wrong", Description: "_sipfederationtls._tcp leads to the sign-in host", parts: []string{partFederation}, apply: func(w *world) {
			w.records[federation] = []string{"SRV 100 1 5061 " + sipdir + "."}
		}},
		{Name: "dns-srv-strict-match", Base: "healthy-server", Description: "_sip._tls leads to a host of another company, which clients do not trust by default", parts: []string{partSRV}, apply: func(w *world) {
			const foreign = "edge.fabrikam.example"
			w.hosts[foreign] = &host{address: "127.0.3.9", names: []string{foreign}, ports: w.hosts[edge].ports}
			w.records[foreign] = []string{"A 127.0.3.9"}
			w.records[sipSRV] = []string{"SRV 0 0 443 " + foreign + "."}
		}},
		{Name: "dns-srv-duplicate", Description: "two _sip._tls records of the same priority lead to two hosts", parts: []string{partSRV}, apply: func(w *world) {
			w.records[sipSRV] = append(w.records[sipSRV], "SRV 100 1 443 "+sipfed+".")
		}},
		{Name: "dns-target-malformed", Description: "the target of _sip._tls ends in a blank", parts: []string{partSRV}, apply: func(w *world) {
			w.records[sipSRV] = []string{"SRV 100 1 443 " + sipdir + `\032.`}
		}},
		{Name: "dns-target-unresolvable", Description: "sipdir.online.lync.com does not resolve", parts: []string{partRegistrar}, apply: func(w *world) {
			delete(w.records, sipdir)
		}},
		{Name: "dns-cname-loop", Description: "lyncdiscover and web are aliases of each other, and the client is a mobile one", parts: []string{partDiscover, partClient}, apply: func(w *world) {
			w.setting.Client = "mobile"
			w.records[discover] = []string{"CNAME web." + domain + "."}
			w.records["web."+domain] = []string{"CNAME " + discover + "."}
		}},
		{Name: "dns-internal-external-differ", Description: "the company's own copy of the zone lacks lyncdiscover and the SIP service record", parts: []string{partResolver}, apply: func(w *world) {
			w.inside = []dnstest.Override{{Name: discover, RCode: "NXDOMAIN"}, {Name: sipSRV, RCode: "NXDOMAIN"}}
		}},
		{Name: "dns-wildcard-answer", Description: "a wildcard record of the domain answers for every name", parts: []string{partResolver}, apply: func(w *world) {
			w.records["*."+domain] = []string{"CNAME " + www + "."}
		}},
		{Name: "dns-autoconfiguration-broken", Description: "none of the sign-in records exists, only the federation record does", parts: []string{partDiscover, partSRV, partName}, apply: func(w *world) {
			for _, owner := range []string{discover, sipSRV, sipName} {
				delete(w.records, owner)
			}
		}},
	}
}

func transportFaults() []Fault {
	return []Fault{
		{Name: "firewall-blocks-lync-online", Description: "a firewall drops everything to Lync Online, and lets the login service through", parts: []string{partRegistrar, partWeb}, apply: func(w *world) {
			w.silence(sipdir, webdir, sipfed)
		}},
		{Name: "network-offline", Description: "this computer has no route to any host, its resolver included", parts: []string{partResolver, partDiscover, partSRV, partName, partFederation, partADFS, partRegistrar, partWeb, partLogin}, apply: func(w *world) {
			w.offline = true
		}},
		{Name: "manual-address-blocked", Description: "the server that manual configuration is set to gives no answer, and automatic configuration works", parts: []string{partManual}, apply: func(w *world) {
			const pool = "sippool.online.lync.com"
			w.hosts[pool] = &host{address: "127.0.1.9", names: []string{pool}, ports: map[uint16]*port{443: {reach: filtered}}}
			w.records[pool] = []string{"A 127.0.1.9"}
			w.setting.ManualServer = pool + ":443"
		}},
		{Name: "tcp-443-filtered", Description: "a firewall drops everything to sipdir.online.lync.com", parts: []string{partRegistrar}, apply: func(w *world) {
			w.silence(sipdir)
		}},
		{Name: "tcp-443-not-listening", Description: "sipdir.online.lync.com refuses port 443", parts: []string{partRegistrar}, apply: func(w *world) {
			w.hosts[sipdir].ports[443].reach = refused
		}},
		{Name: "tls-intercepted", Description: "a firewall decrypts on the way and shows certificates of the company's authority, which this computer trusts", parts: []string{partRegistrar, partWeb, partLogin}, apply: func(w *world) {
			for _, name := range []string{sipdir, webdir, sipfed, login} {
				w.hosts[name].company = true
			}
		}},
		{Name: "tls-handshake-failed", Description: "the connection to sipdir.online.lync.com is reset after the ClientHello", parts: []string{partRegistrar}, apply: func(w *world) {
			w.hosts[sipdir].ports[443].reset = true
		}},
		{Name: "tls-version-unsupported", Description: "sipdir.online.lync.com accepts TLS 1.2 and newer, and the client is Lync 2010", parts: []string{partRegistrar, partClient}, apply: func(w *world) {
			w.hosts[sipdir].oldest = tls.VersionTLS12
			w.setting.Client = "lync2010"
		}},
		{Name: "proxy-authentication-required", Description: "the proxy asks for a user name and password", parts: []string{partProxy}, apply: func(w *world) {
			w.throughProxy().schemes = []string{"Negotiate", "NTLM", `Basic realm="Contoso"`}
		}},
		{Name: "proxy-refuses-connect", Description: "the proxy refuses CONNECT to sipdir.online.lync.com", parts: []string{partProxy}, apply: func(w *world) {
			w.throughProxy().refused = []string{sipdir}
		}},
		{Name: "proxy-unreachable", Description: "the proxy that is set gives no answer", parts: []string{partProxy}, apply: func(w *world) {
			w.throughProxy()
			w.silence(gateway)
		}},
		{Name: "ipv6-path-dead", Description: "sipdir.online.lync.com has an IPv6 address that nothing comes back from", parts: []string{partIPv6}, apply: func(w *world) {
			w.dual().dead = true
		}},
		{Name: "lync-revocation-unreachable", Description: "the host with the revocation list of sipdir.online.lync.com does not answer", parts: []string{partRegistrar, partAuthority}, apply: func(w *world) {
			w.publish(w.hosts[sipdir])
			w.silence(pki)
		}},
		{Name: "captive-portal", Description: "a hotel's portal answers plain HTTP in place of every host, and lets nothing else through", parts: []string{partRegistrar, partWeb, partLogin, partADFS}, apply: func(w *world) {
			w.capture()
		}},
	}
}

// autodiscover is a fault of Lync Online's Autodiscover.
func autodiscover(name, description string, f dnstest.AutodiscoverFault) Fault {
	return Fault{Name: name, Description: description, parts: []string{partAutodiscover}, apply: func(w *world) {
		w.online.Faults = append(w.online.Faults, f)
	}}
}

func autodiscoverFaults() []Fault {
	return []Fault{
		autodiscover("autodiscover-not-autodiscover", "Autodiscover answers 200 with the document of another service",
			dnstest.AutodiscoverFault{Scheme: "https", Resource: "root", Behaviour: dnstest.AnswerOtherJSON}),
		autodiscover("autodiscover-http-error", "Autodiscover answers 503",
			dnstest.AutodiscoverFault{Behaviour: dnstest.AnswerStatus, Status: http.StatusServiceUnavailable}),
		autodiscover("autodiscover-not-found", "the Autodiscover root answers 404",
			dnstest.AutodiscoverFault{Scheme: "https", Resource: "root", Behaviour: dnstest.AnswerStatus, Status: http.StatusNotFound}),
		{Name: "autodiscover-certificate-invalid", Description: "the certificate of the Autodiscover host has expired", parts: []string{partWeb}, apply: func(w *world) {
			w.hosts[webdir].defect = "expired"
		}},
		autodiscover("autodiscover-redirect-loop", "the Autodiscover root redirects to itself",
			dnstest.AutodiscoverFault{Scheme: "https", Resource: "root", Behaviour: dnstest.RedirectLoop}),
		autodiscover("autodiscover-no-web-ticket", "the User resource answers 401 and does not say where to get a web ticket",
			dnstest.AutodiscoverFault{Resource: "user", Behaviour: dnstest.WithoutTicketURL}),
		{Name: "autodiscover-certificate-name", Description: "HTTPS on lyncdiscover shows Lync Online's own name, as it always does"},
		{Name: "autodiscover-points-on-premises", Description: "lyncdiscover leads to the company's own pool, which sends the user on to Lync Online", parts: []string{partDiscover}, apply: func(w *world) {
			w.reverseProxy()
			w.moved()
			w.records[proxy] = []string{"A 127.0.3.4"}
		}},
	}
}

// realm is a fault in what the login service knows of the domain.
func realm(name, description string, change func(*adfstest.LoginService)) Fault {
	return Fault{Name: name, Description: description, parts: []string{partRealm}, apply: func(w *world) { change(w.login) }}
}

func realmFaults() []Fault {
	return []Fault{
		realm("realm-unknown", "the login service does not know the domain", func(s *adfstest.LoginService) {
			delete(s.Domains, domain)
		}),
		realm("realm-consumer-account", "the address is a Microsoft account", func(s *adfstest.LoginService) {
			s.Domains[domain] = adfstest.Domain{Type: "consumer"}
		}),
		realm("realm-without-ws-trust", "the domain is federated by SAML 2.0 only", func(s *adfstest.LoginService) {
			s.Domains[domain] = adfstest.Domain{Type: "federated", Brand: brand, Host: sts, Protocol: "SAML20"}
		}),
		{Name: "login-service-unavailable", Description: "the login service answers 503", parts: []string{partLogin, partRealm}, apply: func(w *world) {
			down := adfstest.Answer{Status: http.StatusServiceUnavailable}
			w.login.UserRealm, w.login.GetUserRealm = down, down
		}},
	}
}

// federationHost is a fault of the host of AD FS.
func federationHost(name, description string, change func(h *host)) Fault {
	return Fault{Name: name, Description: description, parts: []string{partADFS}, apply: func(w *world) { change(w.hosts[sts]) }}
}

// mex is a fault in how AD FS answers GET and POST for its MEX document.
func mex(name, description string, get, post adfstest.Answer) Fault {
	return Fault{Name: name, Description: description, parts: []string{partMEX}, apply: func(w *world) { w.sts.MEXGet, w.sts.MEXPost = get, post }}
}

// endpoints is a MEX document that leaves out endpoints.
func endpoints(name, description string, without ...string) Fault {
	return Fault{Name: name, Description: description, parts: []string{partMEX}, apply: func(w *world) {
		w.sts.Endpoints = slices.DeleteFunc(adfstest.DefaultEndpoints(), func(e adfstest.Endpoint) bool { return slices.Contains(without, e.Path) })
	}}
}

// further is a MEX document with one more endpoint.
func further(name, description string, e adfstest.Endpoint) Fault {
	return Fault{Name: name, Description: description, parts: []string{partMEX}, apply: func(w *world) {
		w.sts.Endpoints = append(adfstest.DefaultEndpoints(), e)
	}}
}

// published is a fault of AD FS whose certificate has to be asked about.
func published(name, description string, change func(*world, *host)) Fault {
	return Fault{Name: name, Description: description, parts: []string{partADFS, partAuthority}, apply: func(w *world) {
		w.publish(w.hosts[sts])
		change(w, w.hosts[sts])
	}}
}

func federationFaults() []Fault {
	const username13, username2005 = "13/usernamemixed", "2005/usernamemixed"
	fine := adfstest.Answer{}
	status := func(code int) adfstest.Answer { return adfstest.Answer{Status: code} }
	kind := func(k string) adfstest.Answer { return adfstest.Answer{Kind: k} }
	certificate := func(defect string) func(*host) { return func(h *host) { h.defect = defect } }
	return []Fault{
		{Name: "adfs-name-unresolvable", Description: "the name of AD FS does not resolve outside the company", parts: []string{partADFS}, apply: func(w *world) {
			delete(w.records, sts)
		}},
		federationHost("adfs-tcp-filtered", "AD FS does not answer on port 443", func(h *host) { h.ports[443].reach = filtered }),
		federationHost("adfs-tcp-not-listening", "AD FS refuses port 443", func(h *host) { h.ports[443].reach = refused }),
		federationHost("adfs-tls-handshake-failed", "the connection to AD FS is reset after the ClientHello", func(h *host) { h.ports[443].reset = true }),
		federationHost("adfs-certificate-untrusted", "the certificate of AD FS leads to a root that nobody trusts", certificate("untrusted-root")),
		published("adfs-certificate-incomplete-chain", "AD FS does not send the intermediate certificate", func(_ *world, h *host) { h.alone = true }),
		federationHost("adfs-certificate-name-mismatch", "the certificate of AD FS names another host", certificate("name-mismatch")),
		federationHost("adfs-certificate-expired", "the certificate of AD FS has expired", certificate("expired")),
		published("adfs-certificate-revoked", "the certificate of AD FS has been revoked", func(_ *world, h *host) { h.revoked = true }),
		federationHost("adfs-certificate-weak", "the certificate of AD FS has an RSA key of 1024 bits", certificate("weak-key")),
		published("adfs-revocation-unreachable", "the host with the revocation list of AD FS's certificate does not answer", func(w *world, _ *host) { w.silence(pki) }),
		mex("adfs-mex-http-500", "the MEX document comes by GET, and SOAP POST is answered with 500 (KB 2254265)", fine, status(500)),
		mex("adfs-mex-http-503", "MEX answers 503", status(503), status(503)),
		mex("adfs-mex-not-found", "MEX answers 404", status(404), status(404)),
		mex("adfs-mex-http-error", "MEX answers 403", status(403), status(403)),
		mex("adfs-mex-get-only", "the MEX document comes by GET, and SOAP POST is answered with 405", fine, status(405)),
		mex("adfs-mex-post-only", "the MEX document comes by SOAP POST, and GET is answered with 405", status(405), fine),
		mex("adfs-mex-html", "MEX answers 200 with a login page", kind("html"), kind("html")),
		mex("adfs-mex-malformed", "the MEX document breaks off in the middle", kind("truncated"), kind("truncated")),
		endpoints("adfs-mex-no-username-endpoint", "MEX lists no endpoint for user name and password", username13, username2005),
		endpoints("adfs-mex-13-only", "MEX lists usernamemixed for WS-Trust 1.3 only", username2005),
		endpoints("adfs-mex-2005-only", "MEX lists usernamemixed for WS-Trust 2005 only", username13),
		further("adfs-endpoint-insecure", "MEX lists one more username port, on http", adfstest.Endpoint{Path: username2005, Address: "http://" + sts + "/adfs/services/trust/2005/username"}),
		further("adfs-endpoint-policy-missing", "MEX lists one more username port, whose policy is not there", adfstest.Endpoint{Path: username13, NoPolicy: true}),
		further("adfs-endpoint-host-mismatch", "MEX lists one more username port, on another host", adfstest.Endpoint{Path: username13, Address: "https://" + www + "/adfs/services/trust/13/usernamemixed"}),
	}
}

// register is a fault in how Lync Online's registrar answers REGISTER.
func register(name, description string, change func(*siptest.Registrar)) Fault {
	return Fault{Name: name, Description: description, parts: []string{partREGISTER}, apply: func(w *world) { change(w.hosts[sipdir].ports[443].sip) }}
}

func registrarFaults() []Fault {
	refusal := func(a siptest.Answer) func(*siptest.Registrar) { return func(r *siptest.Registrar) { r.Anonymous = a } }
	certificate := func(defect string) func(*world) { return func(w *world) { w.hosts[sipdir].defect = defect } }
	return []Fault{
		register("sip-no-answer", "the registrar never answers REGISTER", func(r *siptest.Registrar) { r.Silent = true }),
		register("sip-register-refused", "the registrar refuses REGISTER with a diagnostics id that nobody knows",
			refusal(siptest.Answer{Status: 403, Diagnostics: []string{`5900;reason="The request was refused";source="` + sipdir + `"`}})),
		{Name: "sip-client-version-blocked", Description: "the registrar does not let Lync 2010 without updates in, which is what the client is", parts: []string{partREGISTER, partClient}, apply: func(w *world) {
			w.setting.Client = "lync2010-rtm"
			w.hosts[sipdir].ports[443].sip.Filter = blocks("4.0.7577.0")
		}},
		register("sip-service-unavailable", "the registrar answers REGISTER with 503", refusal(siptest.Answer{Status: 503})),
		{Name: "sip-redirect-loop", Description: "the registrar redirects to a pool, which redirects back", parts: []string{partREGISTER}, apply: func(w *world) {
			const pool = "sippool1.online.lync.com"
			w.hosts[pool] = &host{address: "127.0.1.10", names: []string{pool}, ports: map[uint16]*port{443: {sip: &siptest.Registrar{Name: pool, Now: w.online.Now, Anonymous: redirect(sipdir)}}}}
			w.records[pool] = []string{"A 127.0.1.10"}
			w.hosts[sipdir].ports[443].sip.Anonymous = redirect(pool)
		}},
		{Name: "sip-certificate-invalid", Description: "the registrar's certificate names another host", parts: []string{partRegistrar}, apply: certificate("name-mismatch")},
		{Name: "sip-server-certificate-expired", Description: "the registrar's certificate has expired", parts: []string{partRegistrar}, apply: certificate("expired")},
	}
}

// blocks is a client version filter, which looks at the User-Agent.
func blocks(version string) func(siptest.Request) *siptest.Answer {
	return func(r siptest.Request) *siptest.Answer {
		if !strings.Contains(r.Get("User-Agent")+" ", "UCCAPI/"+version+" ") {
			return nil
		}
		return &siptest.Answer{Status: http.StatusForbidden, Diagnostics: []string{`17002;reason="Invalid protocol client version";source="` + sipdir + `"`}}
	}
}

func redirect(to string) siptest.Answer {
	return siptest.Answer{Status: http.StatusMovedPermanently, Contact: "<sip:" + to + ":443;transport=tls>"}
}

func clientFaults() []Fault {
	return []Fault{
		{Name: "client-clock-skew", Description: "this computer's clock is 11 minutes ahead", parts: []string{partClock}, apply: func(w *world) {
			w.ahead = 11 * time.Minute
		}},
	}
}
