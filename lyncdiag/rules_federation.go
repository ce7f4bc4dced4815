package lyncdiag

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func federationSettingsRules() []Rule {
	kb2647020 := kb.Citation{KB: "KB2647020"}
	return []Rule{
		{
			ID: "realm.addresses", Source: kb2647020,
			Needs: names(fact.RealmKey), Reads: deploymentReads,
			Emits: []string{"adfs-mex-http-error", "adfs-endpoint-insecure", "adfs-endpoint-host-mismatch"}, Eval: judgeRealmAddresses,
		},
		{
			ID: "adfs.signing", Source: kb2647020,
			Needs: names(fact.FederationMetadataKey), Reads: append(names(fact.StartedKey), deploymentReads...),
			Emits: []string{"adfs-signing-certificate-expired"}, Eval: judgeSigningCertificate,
		},
		{
			ID: "adfs.settings", Source: kb2647020,
			Needs: names(fact.FederationSettingsKey), Reads: append(names(fact.FederationMetadataKey, fact.MEXKey, fact.TokenKey), deploymentReads...),
			Emits: []string{"adfs-metadata-mismatch"}, Eval: judgeFederationSettings,
		},
		{
			ID: "clock.federation", Source: kb.Citation{KB: "KB2581291"},
			Needs: names(fact.ClockKey, fact.FederationKey), Emits: []string{"adfs-clock-skew"}, Eval: judgeFederationClock,
		},
	}
}

// judgeRealmAddresses looks at where the login service sends clients, before
// anything is sent there.
func judgeRealmAddresses(f *fact.Facts, emit Emit) {
	realm, o, _ := fact.Get(f, fact.RealmKey)
	if realm.NamespaceType != "federated" || o.Kind == fact.Interview || !findDeployment(f).online() {
		return // a person named the address
	}
	unsafe := func(raw string) bool { return raw != "" && !secureURL(raw) }
	if unsafe(realm.MEXURL) {
		x := found("adfs-mex-http-error", "adfs.dns", link(realm.MEXURL, o), text("refused", "it is no https URL, or has a user name in it", o))
		x.Title = "The login service names a metadata address that clients must not use"
		x.Cause = "The domain's federation settings give {url} as the metadata address. A client takes https alone, and no address with a user name in it."
		x.Resolution = []string{"Correct MetadataExchangeUri; see the present value first: Get-MgDomainFederationConfiguration -DomainId {domain} | Format-List", "Check again: lyncdiag adfs realm {address}"}
		emit(x)
		return
	}
	if unsafe(realm.ActiveAuthURL) {
		x := found("adfs-endpoint-insecure", "realm", named("target", realm.ActiveAuthURL, o), host(hostOf(realm.MEXURL), o), text("refused", "it is no https URL, or has a user name in it", o))
		x.Cause = "The domain's federation settings give {target} as the endpoint for user names and passwords. Nothing is sent there."
		x.Resolution = []string{"Correct ActiveLogOnUri; see the present value first: Get-MgDomainFederationConfiguration -DomainId {domain} | Format-List"}
		emit(x)
		return
	}
	if mex, active := hostOf(realm.MEXURL), hostOf(realm.ActiveAuthURL); mex != "" && active != "" && !strings.EqualFold(mex, active) {
		x := found("adfs-endpoint-host-mismatch", "realm", named("target", active, o), host(mex, o))
		x.Cause = "The domain's federation settings have the metadata on {host} and the endpoint for passwords on {target}."
		emit(x)
	}
}

// signingNotice is how long before its end a certificate should have a
// successor: AD FS makes one 20 days before, and the tenant has to learn of it.
const signingNotice = 30 * 24 * time.Hour

// judgeSigningCertificate: which of several certificates signs is not told, so
// one that has expired beside one that is valid proves nothing.
func judgeSigningCertificate(f *fact.Facts, emit Emit) {
	m, o, _ := fact.Get(f, fact.FederationMetadataKey)
	now, _, ok := fact.Get(f, fact.StartedKey)
	if !ok || len(m.SigningCertificates) == 0 || !findDeployment(f).online() {
		return
	}
	last := m.SigningCertificates[0].NotAfter
	expired := 0
	evidence := []fact.Evidence{named("entity", m.EntityID, o), host(metadataHost(m), o)}
	for _, c := range m.SigningCertificates {
		evidence = append(evidence, text("signing", fmt.Sprintf("%s until %s", c.Thumbprint, stamp(c.NotAfter)), o))
		if c.NotAfter.After(last) {
			last = c.NotAfter
		}
		if now.After(c.NotAfter) {
			expired++
		}
	}
	finding := found("adfs-signing-certificate-expired", "adfs.metadata", evidence...)
	switch {
	case now.After(last):
	case expired > 0:
		finding = finding.at(kb.Warning, "another signing certificate is valid; the metadata does not tell which one signs", o).with(Possible)
	case now.Add(signingNotice).After(last):
		finding = finding.at(kb.Warning, "it is still valid", o)
		finding.Title = "The token-signing certificate of AD FS expires within 30 days"
		finding.Cause = "The federation metadata lists no token-signing certificate that is valid for another 30 days. The login service refuses tokens signed with an expired one."
	default:
		return
	}
	emit(finding)
}

func metadataHost(m *adfs.FederationMetadata) string {
	for _, raw := range []string{m.Exchange.URL, m.MEXURL, m.ActiveURL, m.PassiveURL, m.EntityID} {
		if h := hostOf(raw); h != "" {
			return h
		}
	}
	return ""
}

// judgeFederationSettings compares, item by item, what the tenant holds with
// what AD FS says. An item that either side does not tell is not compared.
func judgeFederationSettings(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	list, o, _ := fact.Get(f, fact.FederationSettingsKey)
	settings, ok := settingsOf(list, target.Domain)
	if !ok || !findDeployment(f).online() {
		return
	}
	m, from, hasMetadata := fact.Get(f, fact.FederationMetadataKey)
	if !hasMetadata || m.Exchange.Problem != "" {
		m = &adfs.FederationMetadata{}
	}
	mex, _, hasMEX := fact.Get(f, fact.MEXKey)
	token, _, hasToken := fact.Get(f, fact.TokenKey)

	var items, evidence []fact.Evidence
	serious := false
	differs := func(item, tenant, service string, failure bool) {
		items = append(items, text("differs", item, o))
		class := fact.Text // a thumbprint
		if strings.Contains(tenant+service, ":") {
			class = fact.URLText
		}
		evidence = append(evidence, fact.Evidence{Key: item + "InTenant", Class: class, Value: tenant, Origin: o},
			fact.Evidence{Key: item + "AtService", Class: class, Value: service, Origin: from})
		serious = serious || failure
	}
	issuer := m.EntityID
	if hasToken && token.Token.Issuer != "" {
		issuer = token.Token.Issuer // what the cloud compares
	} else if issuerOfDomain(settings.IssuerURI, settings.Domain) {
		issuer = "" // the metadata does not tell it
	}
	if issuer != "" && settings.IssuerURI != "" && settings.IssuerURI != issuer {
		differs("issuer", settings.IssuerURI, issuer, true)
	}
	if told := thumbprints(m.SigningCertificates); len(told) > 0 {
		current, next := thumbprintOf(settings.SigningCertificate), thumbprintOf(settings.NextSigningCertificate)
		service := strings.Join(told, ", ")
		switch {
		case current != "" && !slices.Contains(told, current) && !slices.Contains(told, next):
			differs("signingCertificate", current, service, true)
		case current != "" && !slices.Contains(told, current):
			differs("signingCertificate", current, service, false) // the next one is known, and accepted
		case current != "" && len(told) > 1 && !slices.ContainsFunc(told, func(t string) bool { return t != current && t == next }):
			differs("nextSigningCertificate", next, service, false)
		}
		if hasToken && token.Token.Signer != "" && current != "" && token.Token.Signer != current && token.Token.Signer != next {
			differs("tokenSigner", current, token.Token.Signer, true)
		}
	}
	if m.MEXURL != "" && settings.MEXURL != "" && !sameURL(settings.MEXURL, m.MEXURL) {
		differs("mexUrl", settings.MEXURL, m.MEXURL, true)
	}
	switch offered := hasMEX && len(mex.Endpoints) > 0; {
	case settings.ActiveURL == "":
	case offered && !slices.ContainsFunc(mex.Endpoints, func(e adfs.Endpoint) bool { return sameURL(e.Address, settings.ActiveURL) }):
		differs("activeUrl", settings.ActiveURL, cmp.Or(mex.Selected.Username2005, mex.Selected.Username13), true)
	case !offered && m.ActiveURL != "" && !strings.EqualFold(hostOf(settings.ActiveURL), hostOf(m.ActiveURL)):
		// The metadata names another endpoint of the service, so hosts alone
		// can be compared.
		differs("activeUrl", settings.ActiveURL, m.ActiveURL, true)
	}
	if m.PassiveURL != "" && settings.PassiveURL != "" && !sameURL(settings.PassiveURL, m.PassiveURL) {
		differs("passiveUrl", settings.PassiveURL, m.PassiveURL, false) // browsers alone use it
	}
	if len(items) == 0 {
		return
	}
	finding := found("adfs-metadata-mismatch", "adfs.metadata", slices.Concat([]fact.Evidence{named("domain", settings.Domain, o), host(metadataHost(m), from)}, items, evidence)...)
	if !serious {
		finding = finding.at(kb.Warning, "tokens are accepted all the same", o)
	}
	emit(finding)
}

// settingsOf are those of the domain, or of the one above it, which holds them
// for its subdomains; without a domain the only ones there are.
func settingsOf(list []fact.FederationSettings, domain string) (fact.FederationSettings, bool) {
	best := -1
	for i, s := range list {
		name := strings.ToLower(s.Domain)
		fits := name == domain || strings.HasSuffix(domain, "."+name) && name != "" || (name == "" || domain == "") && len(list) == 1
		if fits && (best < 0 || len(name) > len(list[best].Domain)) {
			best = i
		}
	}
	if best < 0 {
		return fact.FederationSettings{}, false
	}
	return list[best], true
}

// issuerOfDomain: a farm that serves several domains issues for each under a
// name of its own, http://<domain>/adfs/services/trust/.
func issuerOfDomain(issuer, domain string) bool {
	u, err := url.Parse(issuer)
	return err == nil && domain != "" && strings.EqualFold(u.Hostname(), domain) && strings.EqualFold(strings.TrimSuffix(u.Path, "/"), "/adfs/services/trust")
}

// sameURL ignores case, as AD FS does, a slash at the end of the path, a dot at
// the end of the host and the port that https has anyway.
func sameURL(a, b string) bool {
	clean := func(s string) string {
		s = strings.TrimSpace(s)
		if u, err := url.Parse(s); err == nil && strings.EqualFold(u.Scheme, "https") && u.User == nil {
			s = "https://" + authority(s) + strings.TrimSuffix(u.EscapedPath(), "/")
			if u.RawQuery != "" {
				s += "?" + u.RawQuery
			}
		}
		return strings.TrimSuffix(s, "/")
	}
	return strings.EqualFold(clean(a), clean(b))
}

func thumbprints(list []adfs.KeyCertificate) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Thumbprint)
	}
	return out
}

// thumbprintOf is that of a certificate in base64, "" for none that can be
// read.
func thumbprintOf(text string) string {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return ""
	}
	return fmt.Sprintf("%X", sha1.Sum(der))
}

// judgeFederationClock: the Date of the federation service against those of
// all others. What the others and this computer have in common is right.
func judgeFederationClock(f *fact.Facts, emit Emit) {
	clock, o, _ := fact.Get(f, fact.ClockKey)
	e, _, _ := fact.Get(f, fact.FederationKey)
	var own *fact.ClockSample
	var others []fact.ClockSample
	for _, s := range clock.Samples {
		if strings.EqualFold(s.Host, e.Host) {
			own = &s
		} else {
			others = append(others, s)
		}
	}
	theirs, ok := estimateClock(fact.Clock{Samples: others})
	if own == nil || !plausible(*own) || !ok || !theirs.majority {
		return // among servers that contradict each other nobody knows who is right
	}
	off := theirs.skew - sampleSkew(*own) // how far the service is ahead
	margin := time.Duration(own.ErrorMillis)*time.Millisecond + theirs.margin
	if off.Abs()-margin <= maxSkew {
		return
	}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	finding := found("adfs-clock-skew", "clock", host(e.Host, o), text("skew", fmt.Sprintf("%v %s the other servers", off.Abs().Round(time.Second), direction), o))
	for _, s := range theirs.agree {
		finding.Evidence = append(finding.Evidence, named("server", s.Host, o))
	}
	if theirs.skew.Abs() > maxSkew && len(theirs.agree) == 1 {
		finding = finding.with(Possible) // this computer agrees with neither
	}
	emit(finding)
}
