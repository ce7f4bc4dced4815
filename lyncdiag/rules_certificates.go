package lyncdiag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func certificateRules() []Rule {
	row9 := kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 9"}
	hosts := append(names(fact.CandidatesKey, fact.WebHostsKey, fact.LoginKey, fact.FederationKey, fact.AutomaticKey), deploymentReads...)
	return []Rule{
		{
			ID: "certificates.revocation", Source: row9,
			Needs: names(fact.StandingsKey), Reads: hosts,
			Emits: []string{"adfs-certificate-revoked", "adfs-revocation-unreachable", "lync-revocation-unreachable", "sip-certificate-invalid", "autodiscover-certificate-invalid", "login-service-unavailable"},
			Eval:  judgeRevocation,
		},
		{
			ID: "certificates.unread", Source: row9,
			Needs: names(fact.WebHostsKey), Reads: hosts,
			Emits: []string{"autodiscover-certificate-invalid"}, Eval: judgeWebCertificate,
		},
		{
			ID: "certificates.weakness", Source: row9,
			Reads: hosts,
			Emits: []string{"sip-certificate-invalid", "autodiscover-certificate-invalid", "login-service-unavailable"}, Eval: judgeWeakness,
		},
		{
			ID: "certificates.interception", Source: kb.Citation{KB: "KB2409256"},
			Reads: append(names(fact.PublicRootsKey), hosts...),
			Emits: []string{"tls-intercepted"}, Eval: judgeInterception,
		},
		{
			ID: "certificates.sni", Source: row9,
			Needs: names(fact.WithoutSNIKey, fact.FederationKey), Reads: deploymentReads,
			Emits: []string{"adfs-sni-required"}, Eval: judgeSNI,
		},
		{
			ID: "certificates.client", Source: kb.Citation{KB: "KB3140245"},
			Needs: names(fact.ClientTLSKey), Reads: hosts,
			Emits: []string{"tls-version-unsupported", "adfs-tls-handshake-failed"}, Eval: judgeClientTLS,
		},
	}
}

// notRead reports a handshake that this program gave up, because it cannot read
// a certificate. The server did its part.
func notRead(r *certs.Result) bool {
	return r.Handshake != nil && slices.ContainsFunc(r.Problems, func(p certs.Problem) bool { return p.Code == "malformed" })
}

// unread puts a finding about such a certificate into words: what the clients
// make of it was not seen.
func unread(finding Finding) Finding {
	finding.Title = "A certificate of {host} cannot be read by this program"
	finding.Cause = "{host} shows a certificate that this program cannot read, so nothing behind it was looked at. Windows reads some encodings that RFC 5280 forbids and other programs refuse: whether the clients take this one was not seen."
	finding.Resolution = []string{
		"Read what is wrong with it: lyncdiag cert {host}",
		"Save the certificate as server.cer and see what Windows says of it on the user's computer: certutil -verify -urlfetch server.cer",
		"If the host is your own, issue a new certificate. A negative serial number or an encoding that is not DER comes from the software of the CA.",
		"Check again: lyncdiag check {address}",
	}
	return finding.with(Possible)
}

// judgeWebCertificate: the web services host shows a certificate that cannot be
// read. What else keeps its chain from verifying is the walk's affair.
func judgeWebCertificate(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.WebHostsKey)
	for _, n := range neededHosts(f) {
		if n.stage == "autodiscover" && n.TLS != nil && notRead(n.TLS) {
			emit(unread(found("autodiscover-certificate-invalid", n.stage, certificateEvidence(n.Endpoint, o)...)))
		}
	}
}

// judgeWeakness: a chain that verifies, or that the clients take, and that some
// of them do not take or will not. The federation service has a finding for it.
func judgeWeakness(f *fact.Facts, emit Emit) {
	weak := func(name string, stage StageID, e fact.Endpoint, o fact.Origin) {
		if e.TLS == nil || !e.TLS.Verified && !e.TLS.WeakOnly {
			return
		}
		var codes []string
		var evidence []fact.Evidence
		for _, p := range e.TLS.Problems {
			if !slices.Contains(codes, string(p.Code)) {
				codes = append(codes, string(p.Code))
			}
			evidence = append(evidence, prose("detail", p.Detail, o), text("effect", p.Effect(), o))
		}
		if len(codes) == 0 {
			return
		}
		list := append([]fact.Evidence{host(e.Host, o), address(e.TLS.Address, o), text("problem", strings.Join(codes, ", "), o)}, evidence...)
		if len(e.TLS.Chain) > 0 {
			list = append(list, fact.Evidence{Key: "issuer", Class: fact.HostText, Value: e.TLS.Chain[0].Issuer, Origin: o}, text("thumbprint", e.TLS.Chain[0].Thumbprint, o))
		}
		finding := found(name, stage, list...).at(kb.Warning, "the clients take the chain", o)
		finding.Title = "The certificate chain of {host} has a weakness"
		finding.Cause = "The clients take the chain that {host} shows, and some programs or computers do not: {problem}."
		finding.Resolution = []string{
			"Look at each reason: lyncdiag cert {host}",
			"If the host is your own, issue a new certificate with SHA-256, PKCS #1 v1.5 and RSA 2048 or more, and have the server send every intermediate certificate.",
			"If the host is Lync Online's, look from another network: a device on the way may show a certificate of its own.",
			"Check again: lyncdiag check {address}",
		}
		emit(finding)
	}
	_, o, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range judgedCandidates(f) {
		if c.TLS != nil && c.TLS.Verified { // judgeRegistrarCertificate has the others
			weak("sip-certificate-invalid", "tls", c.Endpoint, o)
		}
	}
	_, o, _ = fact.Get(f, fact.WebHostsKey)
	for _, n := range neededHosts(f) {
		if n.stage == "autodiscover" {
			weak("autodiscover-certificate-invalid", n.stage, n.Endpoint, o)
		}
	}
	if login, o, ok := fact.Get(f, fact.LoginKey); ok && findDeployment(f).online() {
		weak("login-service-unavailable", "realm", login, o)
	}
}

// role is whose a host is.
type role int

const (
	other role = iota
	registrar
	autodiscoverHost
	loginHost
	federationHost
)

// roleOf says whose a host is (findings.md: who owns a host).
func roleOf(f *fact.Facts, name string, port uint16) role {
	if e, _, ok := fact.Get(f, fact.FederationKey); ok && e.Host == name && e.Port == port {
		return federationHost
	}
	if e, _, ok := fact.Get(f, fact.LoginKey); ok && e.Host == name && e.Port == port {
		return loginHost
	}
	for _, c := range judgedCandidates(f) {
		if c.Host == name && c.Port == port {
			return registrar
		}
	}
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	if slices.ContainsFunc(hosts, func(e fact.Endpoint) bool { return e.Host == name && e.Port == port }) {
		return autodiscoverHost
	}
	return other
}

// isAlias reports whether a host is another name of one that is judged itself.
func isAlias(f *fact.Facts, s fact.Standing, standings []fact.Standing) bool {
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		hosts = append(hosts[:len(hosts):len(hosts)], c.Endpoint)
	}
	return slices.ContainsFunc(hosts, func(e fact.Endpoint) bool {
		return e.Host == s.Host && canonical(e) != s.Host && slices.ContainsFunc(standings, func(o fact.Standing) bool { return o.Host == canonical(e) && o.Port == s.Port })
	})
}

func judgeRevocation(f *fact.Facts, emit Emit) {
	standings, o, _ := fact.Get(f, fact.StandingsKey)
	for _, s := range standings {
		owner := roleOf(f, s.Host, s.Port)
		if owner == federationHost && !findDeployment(f).online() || isAlias(f, s, standings) {
			continue
		}
		for _, r := range s.Revocation {
			if r.Status == "revoked" {
				judgeRevoked(s, r, owner, o, emit)
			}
		}
		if finding, ok := unknownRevocation(f, s, owner, o); ok {
			emit(finding)
		}
	}
}

func judgeRevoked(s fact.Standing, r certs.Revocation, owner role, o fact.Origin, emit Emit) {
	name := map[role]string{federationHost: "adfs-certificate-revoked", registrar: "sip-certificate-invalid", autodiscoverHost: "autodiscover-certificate-invalid", loginHost: "login-service-unavailable"}[owner]
	if name == "" {
		return
	}
	finding := found(name, stageRevocation, host(s.Host, o), named("certificate", r.Subject, o), text("problem", "revoked", o), text("by", r.By, o), link(r.Source, o),
		named("signer", r.Signer, o), text("revokedAt", stamp(r.RevokedAt), o), text("reason", r.Reason, o))
	if owner == loginHost {
		finding.Title = "The certificate of the login service ({host}) has been revoked"
		finding.Cause = "Clients that check revocation refuse the login service, so nobody can prove who he is. A device on the way that shows a certificate of its own is likelier than Microsoft's being revoked."
	}
	emit(finding)
}

// unknownRevocation is the finding about those of a host's certificates of which
// nobody could say whether they are revoked.
func unknownRevocation(f *fact.Facts, s fact.Standing, owner role, o fact.Origin) (finding Finding, ok bool) {
	name := "lync-revocation-unreachable"
	switch owner {
	case federationHost:
		name = "adfs-revocation-unreachable"
	case other:
		return finding, false
	}
	finding = found(name, stageRevocation, host(s.Host, o))
	answered := true
	for _, r := range s.Revocation {
		if r.Status != "unknown" {
			continue
		}
		ok = true
		finding.Evidence = append(finding.Evidence, named("certificate", r.Subject, o), prose("detail", r.Detail, o))
		requests, some := asked(f, s, r)
		for _, request := range requests {
			finding.Evidence = append(finding.Evidence, link(request.URL, o), text(request.Kind, request.Problem, o))
		}
		answered = answered && some
	}
	if answered {
		// Somebody answers, and the answer is of no use.
		finding.Title = "The revocation answers about a certificate of {host} cannot be used"
		finding.Cause = "The CRL or OCSP addresses of the certificate answer, and what they say is out of date, not signed by who may, or no answer at all. Clients that check revocation hang or fail."
	}
	return finding, ok
}

// asked are the requests about one certificate, at the addresses that it names
// itself, and whether one of them, or the server, brought something back.
func asked(f *fact.Facts, s fact.Standing, r certs.Revocation) (list []certs.Request, answered bool) {
	certificate, seen := certs.Certificate{}, shownBy(f, s.Host, s.Port)
	if i := slices.IndexFunc(s.Issuers, func(c certs.Certificate) bool { return c.Subject == r.Subject }); r.Certificate < 0 && i >= 0 {
		certificate = s.Issuers[i]
	} else if r.Certificate >= 0 && seen != nil && r.Certificate < len(seen.Chain) {
		certificate = seen.Chain[r.Certificate]
	}
	for _, request := range s.Requests {
		if request.Kind == "crl" && slices.Contains(certificate.CRLs, request.URL) || request.Kind == "ocsp" && slices.Contains(certificate.OCSP, request.URL) {
			list = append(list, request)
			answered = answered || request.Problem == "" || request.Problem == "malformed"
		}
	}
	return list, answered || r.Certificate == 0 && seen != nil && seen.OCSPStapled
}

// shownBy is what a host showed; nil: it was not looked at.
func shownBy(f *fact.Facts, name string, port uint16) *certs.Result {
	list, _, _ := fact.Get(f, fact.WebHostsKey)
	for _, key := range []fact.Key[fact.Endpoint]{fact.FederationKey, fact.LoginKey} {
		e, _, _ := fact.Get(f, key)
		list = append(list[:len(list):len(list)], e)
	}
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		list = append(list, c.Endpoint)
		for _, h := range c.Hops {
			list = append(list, h.Endpoint)
		}
	}
	i := slices.IndexFunc(list, func(e fact.Endpoint) bool { return e.Host == name && e.Port == port && e.TLS != nil })
	if i < 0 {
		return nil
	}
	return list[i].TLS
}

// publicIssuers are the organizations under whose roots the public hosts of
// Lync Online and the login service have stood: Microsoft's own (Microsoft 365
// "Encryption chains"), DigiCert with Baltimore CyberTrust and GTE CyberTrust,
// and VeriSign with its successors (KB 2409256 names the hosts of their lists).
// They are as the roots write them: any part of it stands in a name that a
// device made up.
var publicIssuers = []string{
	"Microsoft Corporation", "DigiCert Inc", "DigiCert, Inc.", "Baltimore", "GTE Corporation", "VeriSign, Inc.", "Symantec Corporation",
	"GlobalSign", "GlobalSign nv-sa", "Entrust, Inc.", "Entrust.net",
}

// attribute takes the value of one attribute, such as "O", out of a distinguished
// name in RFC 2253's form; "" when there is none, or more than one.
func attribute(name, kind string) string {
	found, n := "", 0
	var part strings.Builder
	flush := func() {
		if value, ok := strings.CutPrefix(part.String(), kind+"="); ok {
			found, n = value, n+1
		}
		part.Reset()
	}
	escaped := false
	for _, r := range name {
		switch {
		case escaped:
			part.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ',' || r == '+':
			flush()
		default:
			part.WriteRune(r)
		}
	}
	if flush(); n != 1 {
		return ""
	}
	return found
}

// anchor is what a chain rests on: the trusted root, or the issuer that its
// last certificate names.
func anchor(r *certs.Result) string {
	if r.Root != "" || len(r.Chain) == 0 {
		return r.Root
	}
	return r.Chain[len(r.Chain)-1].Issuer
}

// judgeInterception: hosts that have nothing in common but being Microsoft's
// show chains of one authority that is not one of theirs.
func judgeInterception(f *fact.Facts, emit Emit) {
	own, _, _ := fact.Get(f, fact.PublicRootsKey)
	seen := map[string][]fact.Endpoint{}
	var order []string
	var origin fact.Origin
	add := func(e fact.Endpoint, o fact.Origin) {
		if e.TLS == nil || len(e.TLS.Chain) == 0 {
			return
		}
		by := anchor(e.TLS)
		expected := slices.Contains(own, by) || e.TLS.Root != "" && slices.Contains(publicIssuers, attribute(by, "O"))
		// A host that shows a certificate of its own making stands for itself.
		if by == "" || expected || e.TLS.Chain[0].SelfSigned {
			return
		}
		if slices.ContainsFunc(seen[by], func(other fact.Endpoint) bool { return canonical(other) == canonical(e) }) {
			return
		}
		if seen[by] == nil {
			order = append(order, by)
		}
		seen[by], origin = append(seen[by], e), o
	}
	online := func(e fact.Endpoint) bool { _, ok := dnscheck.IsOnlineHost(canonical(e)); return ok }
	candidates, o, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range candidates {
		if online(c.Endpoint) {
			add(c.Endpoint, o)
		}
	}
	hosts, o, _ := fact.Get(f, fact.WebHostsKey)
	for _, e := range hosts {
		if online(e) {
			add(e, o)
		}
	}
	if login, o, ok := fact.Get(f, fact.LoginKey); ok {
		add(login, o)
	}
	for _, by := range order {
		if len(seen[by]) < 2 {
			continue
		}
		finding := found("tls-intercepted", "tls", fact.Evidence{Key: "issuer", Class: fact.HostText, Value: by, Origin: origin})
		for _, e := range seen[by] {
			trust := "trusted here"
			if e.TLS.Root == "" {
				trust = "not trusted here"
			}
			finding.Evidence = append(finding.Evidence, host(e.Host, origin), text("thumbprint", e.TLS.Chain[0].Thumbprint, origin), text("issuerIs", trust, origin))
		}
		if slices.Contains(publicIssuers, attribute(by, "O")) {
			// Who has an old store of roots sees the same as who is deceived.
			finding.Title = "Public hosts show chains of a well-known authority that is not trusted here"
			finding.Cause = "The chains lead to {issuer}, and this computer cannot verify that. Either its root certificates are out of date, or a device on the way shows certificates under a borrowed name."
			finding = finding.with(Possible)
		}
		emit(finding)
	}
}

// judgeSNI: with its name the federation service shows a certificate, without
// it none, or another.
func judgeSNI(f *fact.Facts, emit Emit) {
	without, o, _ := fact.Get(f, fact.WithoutSNIKey)
	with, _, _ := fact.Get(f, fact.FederationKey)
	if with.TLS == nil || with.TLS.Handshake != nil || without.TLS == nil || !findDeployment(f).online() {
		return
	}
	evidence := []fact.Evidence{host(with.Host, o), address(without.Reach.Address, o)}
	switch failure := without.TLS.Handshake; {
	case failure == nil && (len(without.TLS.Chain) == 0 || without.TLS.Chain[0].Thumbprint == with.TLS.Chain[0].Thumbprint || covers(without.TLS.Chain[0], with.Host)):
	case failure == nil:
		emit(found("adfs-sni-required", "adfs.sni", append(evidence, named("withoutName", without.TLS.Chain[0].Subject, o), named("withName", with.TLS.Chain[0].Subject, o))...))
	case failure.Kind == "timeout", failure.Kind == "canceled":
	default:
		emit(found("adfs-sni-required", "adfs.sni", append(evidence, text("failure", failure.Kind, o), text("alert", failure.Alert, o), prose("detail", failure.Detail, o))...))
	}
}

// covers reports whether a certificate names a host.
func covers(c certs.Certificate, name string) bool {
	return slices.ContainsFunc(c.DNSNames, func(pattern string) bool {
		if strings.EqualFold(pattern, name) {
			return true
		}
		_, parent, _ := strings.Cut(name, ".")
		suffix, wild := strings.CutPrefix(pattern, "*.")
		return wild && strings.EqualFold(suffix, parent)
	})
}

// judgeClientTLS: hosts that this program agrees with refuse the versions of
// the chosen client. Where all of them do, the client has been updated or
// cannot sign in anywhere; which of the two was not seen.
func judgeClientTLS(f *fact.Facts, emit Emit) {
	seen, o, _ := fact.Get(f, fact.ClientTLSKey)
	var refused []fact.ClientTLS
	accepted := false
	for _, c := range seen {
		failure := c.TLS.Handshake
		switch {
		case roleOf(f, c.Host, c.Port) == other:
		case failure == nil:
			accepted = true
		case failure.Kind != "timeout" && failure.Kind != "canceled":
			refused = append(refused, c)
		}
	}
	all := len(refused) > 1 && !accepted
	for _, c := range refused {
		evidence := []fact.Evidence{host(c.Host, o), address(c.TLS.Address, o), text("client", c.Client, o), text("clientVersion", c.Version, o), prose("basis", c.Basis, o),
			text("alert", c.TLS.Handshake.Alert, o), prose("detail", c.TLS.Handshake.Detail, o)}
		switch {
		case all:
			for _, other := range refused[1:] {
				evidence = append(evidence, named("alsoRefuses", other.Host, o))
			}
			emit(found("tls-version-unsupported", "tls.client", evidence...).with(Possible).at(kb.Info, "every host refuses it: a client that signs in anywhere has been updated", o))
			return
		case roleOf(f, c.Host, c.Port) == federationHost:
			finding := found("adfs-tls-handshake-failed", "tls.client", evidence...).with(Probable)
			finding.Cause = fmt.Sprintf("{host} refuses %s, the newest version that the chosen client is taken to offer.", c.Version)
			emit(finding)
		default:
			emit(found("tls-version-unsupported", "tls.client", evidence...).with(Probable))
		}
	}
}

// missing is what came of fetching the issuers that a host does not send.
func missing(f *fact.Facts, e fact.Endpoint) (s fact.Standing, evidence []fact.Evidence, ok bool) {
	standings, o, _ := fact.Get(f, fact.StandingsKey)
	i := slices.IndexFunc(standings, func(s fact.Standing) bool { return s.Host == e.Host && s.Port == e.Port })
	if i < 0 {
		return s, nil, false
	}
	for _, r := range standings[i].Requests {
		if r.Kind == "issuer" {
			evidence = append(evidence, link(r.URL, o), text("issuer", cmp.Or(r.Problem, "fetched"), o))
		}
	}
	for _, c := range standings[i].Issuers {
		evidence = append(evidence, named("missing", c.Subject, o))
	}
	return standings[i], evidence, true
}

// prove says of a chain that ends too soon what came of fetching its missing
// issuer. Without that nobody can tell it from one with an unknown root.
func prove(f *fact.Facts, finding Finding, e fact.Endpoint) Finding {
	standing, evidence, _ := missing(f, e)
	finding.Evidence = append(finding.Evidence, evidence...)
	switch {
	case standing.Completed:
		// What was only suspected gives way to what was found.
		finding.Evidence = slices.DeleteFunc(finding.Evidence, func(e fact.Evidence) bool { return e.Key == "detail" })
		for _, p := range standing.Problems {
			if p.Code == "incomplete-chain" {
				finding.Evidence = append(finding.Evidence, prose("detail", p.Detail, finding.Evidence[0].Origin))
			}
		}
		finding.Evidence = append(finding.Evidence, text("browsers", "on Windows they fetch it, as was done here, so the page opens there", finding.Evidence[0].Origin))
		return finding.with(Confirmed)
	case len(standing.Issuers) > 0:
		// It is missing, and sending it would not help.
		return found("adfs-certificate-untrusted", finding.Stage, finding.Evidence...)
	}
	return finding.with(Possible)
}
