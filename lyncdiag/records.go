package lyncdiag

import (
	"fmt"
	"slices"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Records is what each resolver said against what the deployment needs of this
// client in this place. Names that need not exist and were not asked for are
// left out. The result is shared and must not be changed.
func Records(f *fact.Facts) []dnscheck.Check {
	return fact.Derived(f, "records", func(f *fact.Facts) []dnscheck.Check {
		dns, _, ok := fact.Get(f, fact.DNSKey)
		if !ok {
			return nil
		}
		var list []dnscheck.Check
		for _, s := range dns.Servers {
			view := *dns
			view.Servers = []dnscheck.Server{s}
			list = append(list, dnscheck.Evaluate(&view, expectations(f, s.String()))...)
		}
		return slices.DeleteFunc(list, func(c dnscheck.Check) bool {
			return c.Answer == "" && c.Need == dnscheck.NeedOptional
		})
	})
}

// Differences are the records that two resolvers answer differently for.
func Differences(f *fact.Facts) []dnscheck.Difference {
	dns, _, ok := fact.Get(f, fact.DNSKey)
	if !ok || len(dns.Servers) < 2 {
		return nil
	}
	return dnscheck.Compare(dns, expectations(f, ""))
}

// expectations are the records that the deployment needs, as they stand for this
// client in this place; the resolver of the inside and that of the outside have
// their own place.
func expectations(f *fact.Facts, resolver string) []dnscheck.Expectation {
	target, _, _ := fact.Get(f, fact.TargetKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	switch resolver {
	case insideServer:
		setting.Location = "inside"
	case outsideServer:
		setting.Location = "outside"
	}
	var list []dnscheck.Expectation
	switch d := findDeployment(f); d.kind {
	case "hybrid":
		list = dnscheck.Hybrid(target.Domain)
	case "server":
		list = dnscheck.LyncServer(target.Domain)
	default:
		list = dnscheck.LyncOnline(target.Domain, d.cloud)
	}
	for i, e := range list {
		list[i] = e.For(setting.Client, setting.Location)
	}
	return list
}

// JudgeRecords judges what was asked about one domain with dnscheck, as Run does
// with the stage dns alone. It sends nothing. Where res could not be asked for, as
// the target is no domain, its Detail is the reason of an errored stage.
func (d *Diagnoser) JudgeRecords(t Target, res *dnscheck.Result) (*fact.Facts, *Report) {
	network := d.Network
	if network == nil {
		network = &Network{}
	}
	o := fact.Origin{Kind: network.Origin()}
	report := &Report{Target: t, Setting: d.Setting, Started: res.At, Duration: res.Elapsed, Complete: true}
	facts := fact.New()
	fact.Put(facts, fact.TargetKey, t, o)
	fact.Put(facts, fact.StartedKey, report.Started, o)
	fact.Put(facts, fact.SettingKey, d.Setting, o)
	stage := StageResult{ID: "dns", Title: "DNS", Status: Passed, Duration: res.Elapsed}
	switch {
	case res.Detail != "":
		stage.Status, stage.Reason = Errored, fmt.Sprintf("ask for %s: %s", t.Domain, res.Detail)
	case unanswered(res):
		stage.Status, stage.Reason = Failed, noAnswer
	}
	if res.Detail == "" {
		fact.Put(facts, fact.DNSKey, res, o)
	}
	if stage.Status == Passed {
		stage.Reason = sumDNS(facts)
	}
	report.Stages = []StageResult{stage}
	Judge(report, facts, d.Rules)
	return facts, report
}
