package lyncdiag

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// classFindings put what the protocol said into the catalogue's names. Classes
// that are no problem are not in it; the test of every observation says why.
var classFindings = map[sip.Class]string{
	"credentials-rejected":        "sip-credentials-rejected",
	"client-certificate-rejected": "sip-client-certificate-rejected",
	"user-not-found":              "sip-user-not-found",
	"user-not-in-pool":            "sip-user-not-in-pool",
	"address-not-owned":           "sip-address-not-owned",
	"remote-access-disabled":      "sip-remote-access-disabled",
	"client-version-blocked":      "sip-client-version-blocked",
	"clock-skew":                  "sip-clock-skew",
	"user-disabled":               "sip-user-disabled",
	"service-unavailable":         "sip-service-unavailable",
	"no-answer":                   "sip-no-answer",
	"refused":                     "sip-register-refused",
}

// FindingOf names the finding of a class, "" for a class that is no problem.
func FindingOf(c sip.Class) string { return classFindings[c] }

func refusals() []string { return slices.Sorted(maps.Values(classFindings)) }

func sipRules() []Rule {
	return []Rule{{
		ID: "sip.registrar", Source: kb.Citation{KB: "MS-SIPREGE"},
		Needs: names(fact.CandidatesKey), Reads: append(names(fact.AutomaticKey, fact.TargetKey), deploymentReads...),
		Emits: append(refusals(), "sip-redirect-loop"), Eval: judgeRegistrar,
	}}
}

// judgeRegistrar reads the answer to the REGISTER without credentials.
func judgeRegistrar(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.CandidatesKey)
	target, _, _ := fact.Get(f, fact.TargetKey)
	for _, c := range judgedCandidates(f) {
		if c.SIP == nil {
			continue
		}
		if c.Loops() {
			emit(redirectLoop(c, o))
		}
		if n := len(c.Hops); n > 0 && nameless(c.Hops[n-1].Endpoint) {
			emit(deadEnd(c, o))
		}
		evidence := []fact.Evidence{host(c.Host, o), address(c.Reach.Address, o), prose("detail", c.SIP.Detail, o)}
		switch c.SIP.Problem {
		case "":
		case "canceled", "bad-address":
			continue // nothing was observed
		case "no-answer", "closed", "reset":
			emit(found("sip-no-answer", "sip", append(evidence, text("problem", string(c.SIP.Problem), o))...))
			continue
		default:
			// Something came back, and it was no answer to a REGISTER.
			finding := found("sip-no-answer", "sip", append(evidence, text("problem", string(c.SIP.Problem), o))...).with(Probable)
			finding.Title = "What answers at {host} is no Lync server"
			finding.Cause = "TLS to {host} connects, and what came back to the SIP REGISTER request is no SIP answer. Another service listens there, or a device on the way answers."
			if c.SIP.Status != 0 {
				finding.Title = "The answer of {host} to REGISTER is broken"
				finding.Cause = "TLS to {host} connects, and an answer to the SIP REGISTER request began that does not end as it says. The server or a device on the way breaks it."
			}
			emit(finding)
			continue
		}
		outcome := "failed"
		switch {
		case c.SIP.Status == 401 || c.SIP.Status == 407:
			outcome = "challenged"
		case c.SIP.Status >= 200 && c.SIP.Status < 300:
			outcome = "succeeded"
		}
		if _, _, ok := c.SIP.Redirect(); c.SIP.Status/100 == 3 && !ok {
			finding := found("sip-register-refused", "sip", append(evidence, text("answer", fmt.Sprintf("%d %s", c.SIP.Status, c.SIP.Reason), o), text("contact", c.SIP.Contact, o))...).with(Probable)
			finding.Title = "The Lync server sends the sign-in on, and not to a place that a client can use"
			finding.Cause = "The answer to REGISTER is a redirect whose Contact names no server over TLS."
			emit(finding)
			continue
		}
		attempt := sip.Attempt{Method: "REGISTER", Outcome: outcome, FinalStatus: c.SIP.Status, FinalReason: c.SIP.Reason, Diagnostics: c.SIP.Diagnostics}
		if outcome == "challenged" {
			// A number beside the challenge counts where it is about the client
			// and not about credentials, of which none were sent.
			final := attempt
			final.Outcome = "failed"
			switch class := sip.Classify(final); class.Class {
			case "clock-skew", "client-version-blocked":
				if finding, ok := refusal(class, "sip", evidence, o); ok {
					emit(finding)
				}
				continue
			}
			if !c.SIP.Challenged() {
				emit(noCommonScheme(c, evidence, o))
			}
			continue
		}
		class := anonymous(sip.Classify(attempt))
		finding, ok := refusal(class, "sip", evidence, o)
		if ok && (class.Class == "user-not-found" || class.Class == "user-not-in-pool") && reserved(target.Domain) {
			finding = finding.at(kb.Info, "the address was made up", o).with(Possible)
			finding.Title = "{host} does not know the made-up address that it was asked for"
			finding.Cause = "The REGISTER named {address}, which nobody has. That the server does not know it is right, and says nothing about users."
			finding.Resolution = []string{"Ask for a user's address: lyncdiag sip {host} --address ADDRESS"}
		}
		if ok {
			emit(finding)
		}
	}
}

// reserved: in these domains nobody has an address (RFC 2606 section 3).
func reserved(domain string) bool {
	return domain == "example.com" || domain == "example.net" || domain == "example.org"
}

// noCommonScheme: the server asks for credentials, and no client can give any.
func noCommonScheme(c fact.Candidate, evidence []fact.Evidence, o fact.Origin) Finding {
	finding := found("sip-register-refused", "sip", append(evidence, text("answer", strings.TrimSpace(fmt.Sprintf("%d %s", c.SIP.Status, c.SIP.Reason)), o))...).with(Probable)
	for _, challenge := range c.SIP.Challenges {
		finding.Evidence = append(finding.Evidence, text("offered", challenge.Scheme, o))
	}
	finding.Title = "{host} asks for credentials in no way that a Lync client knows"
	finding.Cause = "The answer to REGISTER asks for credentials and offers none of NTLM, Kerberos and TLS-DSK. It is not a Lync registrar for clients, or its authentication is set up for none of them."
	finding.Resolution = []string{
		"See that {host} is the registrar that clients are meant to use, and no SIP server of another product.",
		"On Lync Server, see which protocols are on: Get-CsProxyConfiguration | Format-List UseCertificateForClientToProxyAuth,UseKerberosForClientToProxyAuth,UseNtlmForClientToProxyAuth",
		"Ask again: lyncdiag sip {host}",
	}
	return finding
}

// anonymous is what a class means in the answer to a REGISTER that had no
// credentials: none can have been rejected, and nobody was authenticated whose
// address or rights could be wrong.
func anonymous(c sip.Classification) sip.Classification {
	switch c.Class {
	case "credentials-rejected", "client-certificate-rejected", "address-not-owned", "remote-access-disabled", "user-disabled":
		c.Class = "refused"
	}
	return c
}

// redirectLoop is what nobody comes to an end of. The candidate's own host
// stands for it.
func redirectLoop(c fact.Candidate, o fact.Origin) Finding {
	list := []fact.Evidence{host(c.Host, o), text("status", strconv.Itoa(c.SIP.Status), o), named("redirects", redirectText(c.SIP), o)}
	for _, h := range c.Hops {
		list = append(list, named("server", h.Host, o), named("redirects", redirectText(h.SIP), o))
	}
	return found("sip-redirect-loop", "sip", list...)
}

// nameless: a resolver answered, and it has no address for the host.
func nameless(e fact.Endpoint) bool {
	return e.Reach.Status == fact.Unresolved && e.Resolve.Status.Known()
}

// deadEnd is a redirect to a host that nobody can reach.
func deadEnd(c fact.Candidate, o fact.Origin) Finding {
	from, last := c.Endpoint, c.Hops[len(c.Hops)-1]
	answer := c.SIP
	if n := len(c.Hops); n > 1 {
		from, answer = c.Hops[n-2].Endpoint, c.Hops[n-2].SIP
	}
	finding := found("sip-register-refused", "sip", host(from.Host, o), text("answer", strings.TrimSpace(fmt.Sprintf("%d %s", answer.Status, answer.Reason)), o), text("contact", answer.Contact, o),
		named("target", last.Host, o), text("lookup", string(last.Resolve.Status), o))
	finding.Title = "The Lync server ({host}) sends the sign-in on to a host that has no address: {target}"
	finding.Cause = "{host} answers REGISTER with a redirect to {target}, and DNS has no address for that name here. The client cannot go on."
	finding.Resolution = []string{
		"See whether {target} is a name that is known inside only. If this computer is outside, the server must not send it there; see the user's home pool: Get-CsUser -Identity sip:{address} | Format-List RegistrarPool,HostingProvider",
		"If the pool is right, create the address record of {target} where this computer asks.",
		"Ask again: lyncdiag sip {host}",
	}
	return finding
}

func redirectText(r *sip.ProbeResult) string {
	host, port, _ := r.Redirect()
	return fmt.Sprintf("to %s:%d", host, port)
}

// refusal is the finding of a class.
func refusal(c sip.Classification, stage StageID, evidence []fact.Evidence, o fact.Origin) (Finding, bool) {
	name := classFindings[c.Class]
	if name == "" {
		return Finding{}, false
	}
	finding := found(name, stage, append(evidence, text("answer", c.Detail, o))...)
	if c.DiagnosticID != 0 {
		finding.Evidence = append(finding.Evidence, text("diagnosticsId", strconv.Itoa(c.DiagnosticID), o), text("component", c.Component, o))
	}
	if name == "sip-register-refused" {
		finding.Type = refusedType(c.DiagnosticID)
		finding = finding.with(Possible)
	}
	return finding, true
}

// refusedType takes the type of an unlisted refusal from the range of its
// diagnostics id (MS-OCER): user services know the user, the version filter
// the client, the rest is the service's own.
func refusedType(id int) kb.Type {
	switch {
	case id >= 4000 && id < 5000, id >= 28000 && id < 29000:
		return kb.Identity
	case id >= 17000 && id < 18000, id >= 51000 && id < 53000:
		return kb.Client
	}
	return kb.Service
}
