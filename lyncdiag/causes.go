package lyncdiag

import (
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// cause says which findings another one explains. A finding that is explained
// carries CausedBy and is never the primary one: one cause, one root.
type cause struct {
	name    string
	effects []string // names of findings, or a prefix ending in "*"
	when    func(cause, effect Finding) bool
}

// causes in the order of the chain: the first that fits wins, so the link
// nearest to the client explains.
var causes = []cause{
	{name: "network-offline", effects: []string{"proxy-unreachable", "dns-*", "autodiscover-*", "tcp-*", "tls-*", "firewall-*", "login-service-unavailable", "adfs-*", "sip-*", "manual-address-blocked"}},
	{name: "proxy-*", effects: []string{"autodiscover-*", "login-service-unavailable", "manual-address-blocked"}, when: behindProxy},
	{name: "tls-handshake-failed", effects: []string{"autodiscover-*", "login-service-unavailable", "adfs-tls-handshake-failed", "manual-address-blocked"}, when: byBrokenProxy},
	{name: "captive-portal", effects: []string{"proxy-refuses-connect", "proxy-unreachable"}, when: byPortal},
	{name: "captive-portal", effects: []string{"dns-lyncdiscover-wrong", "autodiscover-*", "tcp-*", "tls-*", "firewall-*", "login-service-unavailable", "adfs-*", "sip-*", "manual-address-blocked"}},
	{name: "dns-server-failure", effects: []string{"proxy-unreachable"}, when: notLookedUp},
	{name: "dns-server-failure", effects: []string{"dns-*", "autodiscover-*", "tcp-*", "firewall-*", "realm-*", "adfs-name-unresolvable", "login-service-unavailable"}},
	{name: "dns-domain-missing", effects: []string{"dns-*", "autodiscover-*"}},
	{name: "dns-internal-external-differ", effects: []string{"dns-lyncdiscover-missing", "dns-sip-*", "dns-federation-srv-missing"}, when: sameRecord},
	{name: "dns-domain-missing", effects: []string{"adfs-name-unresolvable"}, when: underDomain},
	{name: "client-clock-skew", effects: []string{"sip-server-certificate-expired", "sip-certificate-invalid", "adfs-certificate-expired", "sip-clock-skew", "adfs-clock-skew", "login-service-unavailable", "lync-revocation-unreachable", "adfs-revocation-unreachable"}, when: byTime},
	{name: "tls-intercepted", effects: []string{"sip-certificate-invalid", "autodiscover-certificate-invalid", "login-service-unavailable", "lync-revocation-unreachable", "adfs-certificate-*", "adfs-revocation-unreachable"}, when: byInterceptor},
	{name: "firewall-blocks-lync-online", effects: []string{"tcp-443-*", "tls-handshake-failed", "autodiscover-*", "manual-address-blocked"}},
	{name: "firewall-blocks-lync-online", effects: []string{"port-443-blocked-on-client"}, when: ofLyncOnline},
	{name: "dns-autoconfiguration-broken", effects: []string{"dns-lyncdiscover-*", "dns-sip-*", "dns-target-*", "autodiscover-*"}},
	{name: "dns-target-unresolvable", effects: []string{"manual-address-blocked"}},
	{name: "dns-target-unresolvable", effects: []string{"name-resolution-failed-on-client"}, when: sameTarget},
	{name: "tcp-443-*", effects: []string{"manual-address-blocked"}},
	{name: "tcp-443-*", effects: []string{"port-443-blocked-on-client"}, when: sameHost},
	{name: "adfs-tcp-*", effects: []string{"port-443-blocked-on-client"}, when: sameHost},
	{name: "adfs-name-unresolvable", effects: []string{"name-resolution-failed-on-client"}, when: sameHost},
	{name: "login-service-unavailable", effects: []string{"portal-sign-in-fails"}, when: failing},
	{name: "user-blocked", effects: []string{"trust-bad-credentials", "trust-access-denied", "sip-credentials-rejected", "sip-user-disabled", "portal-sign-in-fails"}},
	{name: "domain-not-verified", effects: []string{"realm-unknown"}},
	{name: "domain-federation-incomplete", effects: []string{"realm-without-ws-trust"}},
	{name: "user-homed-on-premises", effects: unknownToLync},
	{name: "user-sip-not-enabled", effects: append([]string{"user-not-provisioned", "user-directory-sync-error"}, unknownToLync...)},
	{name: "user-not-licensed", effects: unknownToLync},
	{name: "user-licence-disabled", effects: unknownToLync},
	{name: "user-licence-pending", effects: unknownToLync},
	{name: "user-sip-address-duplicate", effects: append([]string{"user-not-provisioned", "user-directory-sync-error"}, unknownToLync...)},
	{name: "user-sip-address-invalid", effects: append([]string{"user-not-provisioned", "user-directory-sync-error"}, unknownToLync...)},
	{name: "user-directory-sync-error", effects: append([]string{"user-not-provisioned"}, unknownToLync...), when: failing},
	{name: "user-not-provisioned", effects: unknownToLync},
}

// unknownToLync is how it looks from the client when Lync has no account of a
// user.
var unknownToLync = []string{"sip-user-not-found", "web-ticket-not-sip-enabled", "autodiscover-user-unknown", "sip-user-disabled"}

// treeEnds are the findings at the ends of the article's tree. They say whom
// to turn to, so a confirmed failure that was seen explains them.
var treeEnds = []string{"portal-sign-in-fails", "single-user-identity", "service-outage-suspected", "rich-client-authentication", "client-side-suspected"}

// sameRecord: one view of a record is wrong because the other is right. A difference
// alone fails nobody.
func sameRecord(cause, effect Finding) bool {
	return cause.value("record") == effect.value("record") && effect.Severity != kb.Failure
}

// failing: what only warns explains no failure.
func failing(cause, _ Finding) bool { return cause.Severity == kb.Failure }

// sameHost: what is closed from everywhere is closed to the user's computer too.
func sameHost(cause, effect Finding) bool {
	if cause.value("port") != "" && cause.value("port") != effect.value("port") {
		return false
	}
	return cause.Host() == effect.Host() || cause.value("askedAs") == effect.Host()
}

// ofLyncOnline: a firewall that keeps Lync Online out says nothing of other hosts.
func ofLyncOnline(_, effect Finding) bool {
	_, ok := dnscheck.IsOnlineHost(effect.Host())
	return ok
}

// sameTarget: a host that resolves nowhere does not resolve on the user's computer.
func sameTarget(cause, effect Finding) bool { return cause.value("target") == effect.Host() }

// behindProxy: a proxy that lets nobody through explains what nobody could ask;
// one that refuses a host explains that host alone. Autodiscover is one thing
// under its two names.
func behindProxy(cause, effect Finding) bool {
	return cause.Name != "proxy-refuses-connect" || effect.Host() == cause.Host() ||
		effect.Severity != kb.Info && strings.HasPrefix(effect.Name, "autodiscover-") && strings.HasPrefix(cause.Host(), "lyncdiscover")
}

// byPortal: a proxy that sends everybody to its login page does so instead of
// opening a tunnel, or calls its page one.
func byPortal(_, effect Finding) bool {
	status := effect.value("status")
	return strings.HasPrefix(status, "3") || status == "511" || strings.Contains(effect.value("detail"), spokeEarly)
}

// notLookedUp: a proxy whose name is the resolver's affair.
func notLookedUp(_, effect Finding) bool {
	return effect.value("status") == string(fact.Unresolved) && effect.Confidence != Confirmed
}

// underDomain: a domain that is gone takes the hosts in it along.
func underDomain(cause, effect Finding) bool {
	return strings.HasSuffix(effect.Host(), "."+cause.value("domain"))
}

// byTime: a clock explains a certificate that would be valid at the servers'
// time, and nothing else that is wrong with it.
func byTime(cause, effect Finding) bool {
	if effect.Name == "sip-clock-skew" || effect.Name == "adfs-clock-skew" {
		return true
	}
	if strings.HasSuffix(effect.Name, "-revocation-unreachable") {
		why := effect.value("detail") // certs dates an answer by this computer's clock
		return strings.Contains(why, "out of date") || strings.Contains(why, "is to come")
	}
	now, err := time.Parse(stampLayout, cause.value("serverTime"))
	if err != nil {
		return false
	}
	from, errFrom := time.Parse(stampLayout, effect.value("notBefore"))
	until, errUntil := time.Parse(stampLayout, effect.value("notAfter"))
	return errFrom == nil && errUntil == nil && !now.Before(from) && !now.After(until)
}

// byInterceptor: a device on the way explains what is wrong with the hosts whose
// certificates it replaced, and with others that show its issuer.
func byInterceptor(cause, effect Finding) bool {
	replaced := slices.ContainsFunc(cause.Evidence, func(e fact.Evidence) bool { return e.Key == "host" && e.Value == effect.Host() })
	return replaced || effect.value("issuer") != "" && cause.value("issuer") == effect.value("issuer")
}

// stampLayout is how evidence writes a time: not as JSON does, since PowerShell 7
// makes a [datetime] of every text that looks like that, and evidence is text.
const stampLayout = "2006-01-02 15:04:05.000 UTC"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// explain sets CausedBy where a rule has not.
func explain(list []Finding) {
	for i := range list {
		effect := &list[i]
		if effect.CausedBy == "" {
			effect.CausedBy = explanation(list, *effect)
		}
	}
}

func explanation(list []Finding, effect Finding) string {
	for _, c := range causes {
		for _, by := range list {
			if by.Name == effect.Name || !matches(c.name, by.Name) || c.when != nil && !c.when(by, effect) {
				continue
			}
			for _, pattern := range c.effects {
				if matches(pattern, effect.Name) {
					return by.Name
				}
			}
		}
	}
	if !slices.Contains(treeEnds, effect.Name) {
		return ""
	}
	for _, by := range list {
		if by.Severity == kb.Failure && by.Confidence == Confirmed && by.CausedBy == "" && !slices.Contains(treeEnds, by.Name) {
			return by.Name
		}
	}
	return ""
}
