package lyncdiag

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func autodiscoverRules() []Rule {
	return []Rule{
		{
			ID: "autodiscover.walk", Source: kb.Citation{KB: "KB2541980", Section: "Lync Online sign-in error messages", Item: "row 1"},
			Needs: names(fact.WalkKey), Reads: append(names(fact.CandidatesKey, fact.WebHostsKey), deploymentReads...),
			Emits: []string{"autodiscover-not-autodiscover", "autodiscover-http-error", "autodiscover-not-found", "autodiscover-redirect-loop", "autodiscover-no-web-ticket", "autodiscover-certificate-invalid"},
			Eval:  judgeWalk,
		},
		{
			ID: "autodiscover.name", Source: kb.Citation{KB: "MS-OCDISCWS"},
			Needs: names(fact.WalkKey),
			Emits: []string{"autodiscover-certificate-name"}, Eval: judgeCustomName,
		},
		{
			ID: "autodiscover.premises", Source: kb.Citation{KB: "KB2757450"},
			Needs: names(fact.WalkKey, fact.WebHostsKey), Emits: []string{"autodiscover-points-on-premises"}, Eval: judgePremises,
		},
	}
}

// autodiscoverSpeaks reports whether the walk came as far as it can without
// signing in.
func autodiscoverSpeaks(f *fact.Facts) bool {
	walk, _, ok := fact.Get(f, fact.WalkKey)
	return ok && (walk.Outcome == dnscheck.OutcomeWebTicket || walk.Outcome == dnscheck.OutcomeUser)
}

// walkFindings name what a walk failed on; walkWithoutFinding says whose affair
// the rest is. Any other problem is autodiscover-not-found, the family's
// generic one.
var walkFindings = map[dnscheck.Problem]string{
	dnscheck.ProblemNotAutodiscover:  "autodiscover-not-autodiscover",
	dnscheck.ProblemMalformed:        "autodiscover-not-autodiscover",
	dnscheck.ProblemTooLarge:         "autodiscover-not-autodiscover",
	dnscheck.ProblemHTTPError:        "autodiscover-http-error",
	dnscheck.ProblemNotFound:         "autodiscover-not-found",
	dnscheck.ProblemRedirectLoop:     "autodiscover-redirect-loop",
	dnscheck.ProblemTooManyRedirects: "autodiscover-redirect-loop",
	dnscheck.ProblemInsecureRedirect: "autodiscover-not-autodiscover", // leads nowhere a client may go
	dnscheck.ProblemNoWebTicket:      "autodiscover-no-web-ticket",
	dnscheck.ProblemCertificate:      "autodiscover-certificate-invalid",
	dnscheck.ProblemCertificateName:  "autodiscover-certificate-invalid", // and plain HTTP gave no way round it
}

var walkWithoutFinding = map[dnscheck.Problem]string{
	"":                           "it did not fail",
	dnscheck.ProblemUnreachable:  "the transport rules name the host",
	dnscheck.ProblemCancelled:    "nothing was observed",
	dnscheck.ProblemBadDomain:    "nothing was asked",
	dnscheck.ProblemCNAMELoop:    "the DNS rules name the record",
	dnscheck.ProblemUnresolvable: "the DNS rules name the record",
}

// judgeWalk names what the walk failed on. Hosts that cannot be reached belong
// to the transport rules, and a wrong record to DNS.
func judgeWalk(f *fact.Facts, emit Emit) {
	walk, o, _ := fact.Get(f, fact.WalkKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	deadEnd := walkDeadEnd(f, walk)
	if _, elsewhere := walkWithoutFinding[walk.Problem]; elsewhere && deadEnd == nil || walk.Outcome != dnscheck.OutcomeFailed {
		return
	}
	name := walkFindings[walk.Problem]
	if name == "" {
		name = "autodiscover-not-found"
	}
	for _, c := range Records(f) {
		if strings.HasPrefix(c.Name, "lyncdiscover.") && c.Status == dnscheck.CheckWrong {
			return
		}
	}
	finding := found(name, "autodiscover", text("problem", string(walk.Problem), o), prose("detail", walk.Detail, o))
	for _, hop := range walk.Hops {
		if hop.Problem == walk.Problem && deadEnd == nil {
			finding.Evidence = append(finding.Evidence, link(hop.URL, o), host(hostOf(hop.URL), o), text("contentType", hop.ContentType, o))
			break
		}
	}
	if walk.Problem == dnscheck.ProblemCertificateName && onlineName(walk) {
		// The certificate is as it should be: it is plain HTTP that is missing.
		finding.Title = "Autodiscover can be used neither over plain HTTP nor over HTTPS"
		finding.Cause = "Over HTTPS {host} shows Lync Online's own name, which is as it should be and which clients refuse. The way round it is plain HTTP, and that does not lead anywhere from here."
		finding.Resolution = []string{
			"Let TCP port 80 to {host} through every firewall and proxy on the way, or find out what spoils the answers there: lyncdiag autodiscover {address}",
			"Leave the record and the certificate as they are.",
			"Check again: lyncdiag check {address}",
		}
		for _, hop := range walk.Hops {
			if hop.First && hop.Scheme == "http" && hop.Name == "lyncdiscover" {
				finding.Evidence = append(finding.Evidence, text("http", cmp.Or(string(hop.Problem), strconv.Itoa(hop.Status)), o), prose("httpDetail", hop.Detail, o))
			}
		}
		if setting.Client != "mobile" && usable(Records(f), "_sip._tls.") {
			finding = finding.at(kb.Warning, "desktop clients fall back to the SRV record, which is right", o)
		}
	}
	if deadEnd != nil {
		finding.Title = "Autodiscover leads to {host}, which does not resolve"
		finding.Cause = "What answers for lyncdiscover sends clients on to {host}, and DNS has no address for that name. It is what stands there that names it, and no record of {domain}."
		finding.Resolution = []string{
			"Look at every step of the way: lyncdiag autodiscover {address}",
			"Have who runs the service that lyncdiscover leads to correct the host that it sends clients to, or publish that name in DNS.",
			"Check again: lyncdiag check {address}",
		}
		finding.Evidence = append(finding.Evidence, link(deadEnd.URL, o), host(hostOf(deadEnd.URL), o))
	}
	if setting.Client == "lync2010-rtm" {
		finding = finding.at(kb.Warning, "this client does not use Autodiscover", o)
	}
	emit(finding)
}

// walkDeadEnd is the hop to a host that does not exist, behind one that answered;
// nil where the way did not end so.
func walkDeadEnd(f *fact.Facts, walk *dnscheck.Walk) *dnscheck.Hop {
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	for i := range walk.Hops {
		hop := &walk.Hops[i]
		if hop.First || hop.Problem != dnscheck.ProblemUnreachable {
			continue
		}
		for _, e := range hosts {
			if e.Host == hostOf(hop.URL) && e.Reach.Status == fact.Unresolved && e.Resolve.Status.Known() {
				return hop
			}
		}
	}
	return nil
}

// onlineName reports whether HTTPS on lyncdiscover itself shows the name of the
// online service.
func onlineName(walk *dnscheck.Walk) bool {
	return slices.ContainsFunc(walk.Hops, func(h dnscheck.Hop) bool {
		return h.Problem == dnscheck.ProblemCertificateName && showsOnline(h)
	})
}

func showsOnline(hop dnscheck.Hop) bool {
	return slices.ContainsFunc(hop.CertificateNames, func(name string) bool {
		_, ok := dnscheck.IsOnlineHost(strings.TrimPrefix(name, "*."))
		return ok
	})
}

// judgeCustomName: the custom name shows Lync Online's own certificate. Plain
// HTTP exists so that this does not matter, and people chase it all the same.
func judgeCustomName(f *fact.Facts, emit Emit) {
	walk, o, _ := fact.Get(f, fact.WalkKey)
	for _, hop := range walk.Hops {
		if hop.Problem != dnscheck.ProblemCertificateName || !showsOnline(hop) {
			continue
		}
		emit(found("autodiscover-certificate-name", "autodiscover", link(hop.URL, o), host(hostOf(hop.URL), o),
			prose("certificateNames", strings.Join(hop.CertificateNames, ", "), o)))
	}
}

// judgePremises: a host that is not Lync Online's speaks Autodiscover.
func judgePremises(f *fact.Facts, emit Emit) {
	walk, o, _ := fact.Get(f, fact.WalkKey)
	hosts, _, _ := fact.Get(f, fact.WebHostsKey)
	for _, hop := range walk.Hops {
		spoke := hop.Problem == "" && (hop.Kind == dnscheck.KindRedirect || hop.Kind == dnscheck.KindRoot)
		if !spoke {
			continue
		}
		for _, e := range hosts {
			if e.Host != hostOf(hop.URL) {
				continue
			}
			if _, online := dnscheck.IsOnlineHost(canonical(e)); !online {
				emit(found("autodiscover-points-on-premises", "autodiscover", link(hop.URL, o), host(canonical(e), o), address(e.Reach.Address, o)))
				return
			}
		}
	}
}
