package lyncdiag

import (
	"iter"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func nslookupRules() []Rule {
	var emits []string
	for _, r := range recordFindings {
		emits = append(emits, r.missing, r.wrong)
	}
	emits = append(emits, "name-resolution-failed-on-client", "dns-internal-external-differ", "dns-srv-duplicate", "dns-target-malformed", "dns-target-unresolvable", "dns-cname-loop")
	return []Rule{{
		ID: "client.nslookup", Source: kb.Citation{KB: "KB2541980", Section: "Diagnose authentication issues by using MOSDAL and Snooper"},
		Needs: names(fact.NSLookupKey), Reads: append(names(fact.LoginKey, fact.WebHostsKey, fact.FederationKey, fact.FederationSettingsKey, fact.ControlKey), deploymentReads...),
		Emits: emits, Eval: judgeNSLookup,
	}}
}

// clientView is what nslookup printed on the user's computer, the answers of all
// files together; nil without any.
func clientView(f *fact.Facts) *dnscheck.Result {
	var all []dnscheck.NSLookup
	for _, list := range fact.All(f, fact.NSLookupKey) {
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	return dnscheck.NSLookupResult(target.Domain, all)
}

// ClientRecords is what the user's computer resolved against what the deployment
// needs, of the records that nslookup was asked for there.
func ClientRecords(f *fact.Facts) []dnscheck.Check {
	view := clientView(f)
	if view == nil {
		return nil
	}
	return lookedAt(dnscheck.Evaluate(view, expectations(f, "")))
}

func lookedAt(checks []dnscheck.Check) []dnscheck.Check {
	return slices.DeleteFunc(checks, func(c dnscheck.Check) bool { return c.Answer == "" })
}

// judgeNSLookup: what the user's computer cannot resolve, or resolves otherwise than
// this one. Where nobody asked from here, its answers stand for the records too.
func judgeNSLookup(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, list := range fact.All(f, fact.NSLookupKey) {
		view := dnscheck.NSLookupResult(target.Domain, list)
		checks := lookedAt(dnscheck.Evaluate(view, expectations(f, "")))
		if f.Has(fact.DNSKey.Name()) {
			judgeOtherView(f, checks, o, emit)
		} else {
			judgeChecks(f, checks, o, func(x Finding) { emit(ofOneComputer(f, checks, x, o)) })
		}
		for name, doubt := range neededNames(f) {
			status, detail, server := lookedUp(view, name)
			if status == "" || status == dnscheck.StatusOK {
				continue
			}
			own := slices.ContainsFunc(checks, func(c dnscheck.Check) bool { return c.Name == name })
			seen := hereResolves(f, name)
			if own && seen != string(dnscheck.StatusOK) {
				continue // the record's own finding says what is wrong with it
			}
			finding := found("name-resolution-failed-on-client", "nslookup", host(name, o), readIn(o), text("answer", string(status), o), prose("detail", detail, o), prose("server", server, o), text("here", seen, o))
			if seen == string(dnscheck.StatusOK) {
				finding.Cause = "An nslookup of {host} failed on the user's computer, and the name resolves from here. So the DNS server that was asked there is at fault, or what stands between."
			}
			if own {
				finding = ofOneComputer(f, checks, finding, o)
			}
			emit(doubted(finding, doubt, o))
		}
	}
}

// ofOneComputer lowers a finding about a record of which nslookup shows only one:
// clients have other ways, and whether those work there was not asked.
func ofOneComputer(f *fact.Facts, checks []dnscheck.Check, x Finding, o fact.Origin) Finding {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	only := map[string]string{"mobile": "lyncdiscover.", "lync2010-rtm": "_sip._tls."}[setting.Client]
	record := x.value("record") + x.Host()
	if only != "" && strings.HasPrefix(record, only) {
		return x.with(Probable)
	}
	for _, other := range []string{"lyncdiscover.", "_sip._tls."} {
		failed := func(c dnscheck.Check) bool { return strings.HasPrefix(c.Name, other) && c.Status != dnscheck.CheckOK }
		if !strings.HasPrefix(record, other) && !slices.ContainsFunc(checks, failed) {
			x = x.at(kb.Warning, "clients have another way, which is not known to fail there", o)
			break
		}
	}
	return x.with(Probable)
}

// judgeOtherView: records that are right from here and other ones there.
func judgeOtherView(f *fact.Facts, there []dnscheck.Check, o fact.Origin, emit Emit) {
	for _, c := range there {
		if c.Status != dnscheck.CheckWrong && c.Problem != dnscheck.ProblemDuplicate || !usable(Records(f), c.Name) {
			continue
		}
		finding := found("dns-internal-external-differ", "nslookup", named("record", c.Name, o), prose("found", strings.Join(c.Found, "; "), o), prose("expected", c.Expected, o), prose("detail", c.Detail, o), prose("server", c.Server, o))
		finding.Title = "On the user's computer {record} leads elsewhere than from here"
		finding.Cause = "The DNS server that was asked there has another record, or holds one that is no longer in the zone. The client follows that one."
		emit(finding)
	}
}

// manualHost is the host of the article's nslookup test.
func manualHost(f *fact.Facts) string {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	return dnscheck.CloudHosts(cloudOf(setting)).SIP
}

// neededNames yields the names that a sign-in resolves, each with why it may do
// without; "" for one that it needs.
func neededNames(f *fact.Facts) iter.Seq2[string, string] {
	return func(yield func(name, doubt string) bool) {
		setting, _, _ := fact.Get(f, fact.SettingKey)
		var names []string
		if d := findDeployment(f); d.online() {
			cloud := dnscheck.CloudHosts(cloudOf(setting))
			names = append(append(names, cloud.SIP, cloud.Web), cloud.Login...)
		}
		for _, e := range expectations(f, "") {
			if e.Need == dnscheck.NeedRequired {
				names = append(names, e.Name)
			}
		}
		for _, name := range names {
			if !yield(name, "") {
				return
			}
		}
		federationHosts(f)(yield)
	}
}

// lookedUp is what came of a name, by whatever question; "" where nobody asked.
func lookedUp(r *dnscheck.Result, name string) (status dnscheck.Status, detail, server string) {
	for _, s := range r.Servers {
		if h, ok := r.Host(s.String(), name); ok && status != dnscheck.StatusOK {
			status, detail, server = h.Status, h.A.Detail, s.String()
		}
		if a, ok := r.Answer(s.String(), name, "SRV"); ok && status != dnscheck.StatusOK {
			status, detail, server = a.Status, a.Detail, s.String()
		}
	}
	return status, detail, server
}

// hereAs is what this computer's own look at a name came to, "" without one.
func hereAs(r *dnscheck.Result, name string) string {
	if r == nil {
		return ""
	}
	status, _, _ := lookedUp(r, name)
	return string(status)
}
