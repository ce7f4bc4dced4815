package lyncdiag

import (
	"slices"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func treeRules() []Rule {
	return []Rule{
		{
			ID: "tree.end", Source: kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013"},
			Needs: names(fact.AnswersKey), Reads: deriveReads,
			Emits: []string{
				"portal-sign-in-fails", "user-not-licensed", "user-licence-pending", "user-not-provisioned", "user-sip-not-enabled",
				"client-side-suspected", "single-user-identity", "service-outage-suspected", "rich-client-authentication", "escalate",
			},
			Eval: judgeTree,
		},
		{
			ID: "experiment.answers", Source: kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution"},
			Needs: names(fact.AnswersKey), Reads: append(names(fact.CandidatesKey), deriveReads...),
			Emits: []string{"manual-address-blocked", "dns-autoconfiguration-broken", "firewall-blocks-lync-online"}, Eval: judgeExperiment,
		},
	}
}

// judgeTree ends the tree where a person's answers lead. Evidence alone ends
// nowhere: a domain without federation is no complaint.
func judgeTree(f *fact.Facts, emit Emit) {
	path, end, _ := walkTree(f)
	if end.Finding == "" || !complained(f) {
		return
	}
	last := path[0]
	for _, v := range path {
		if v.Reached {
			last = v
		}
	}
	o := fact.Origin{Kind: last.From, Where: last.Where}
	if o.Where == "" {
		o.Where = last.ID
	}
	if l := findAccount(f).licence(); end.Finding == "user-not-licensed" && l.answer == "no" && l.plan.Status != "" {
		return // judgeLicence knows that the licence is there, and what of it is off
	}
	finding := found(end.Finding, "answers", text("question", last.Question, o), text("answer", last.Answer, o), text("article", end.Text, o))
	hearsay := slices.ContainsFunc(path, func(v Visit) bool { return v.Reached && v.From == fact.Interview })
	if hearsay || end.Finding == "user-not-licensed" && findAccount(f).licence().record.Presumed {
		finding = finding.with(Probable)
	}
	at, timed := assignedAt(f)
	switch {
	case end.Finding == "user-licence-pending" && timed:
		finding = finding.until(at, o)
	case end.Finding == "escalate":
		finding.Title = "The article's questions are answered and name no cause: collect the evidence and contact support"
		finding.Cause = end.Text
	case end.Finding == "service-outage-suspected" && answered(f, "service-health") != "no":
		finding = finding.with(Possible)
	case end.Finding == "rich-client-authentication" && last.ID == "rich-client":
		finding = finding.with(Probable) // "there's probably an issue with the company's setup of AD FS"
	}
	emit(finding)
}

// accountAnswers are about the account or the place. They say that somebody
// fails only where they say that something is wrong.
var accountAnswers = []string{"location", "licensed", "licence-assigned-at", "listed-in-admin-center", "directory-sync", "sip-enabled", "sso", "service-health"}

// complained reports whether a person said that somebody cannot sign in.
func complained(f *fact.Facts) bool {
	for _, list := range fact.All(f, fact.AnswersKey) {
		for _, a := range list {
			about := slices.Contains(accountAnswers, a.ID)
			wrong := a.Value == "no" && a.ID != "directory-sync" && a.ID != "sso"
			if a.Value != "unknown" && (!about || wrong) {
				return true
			}
		}
	}
	return false
}

// judgeExperiment reads the article's experiment as a person did it. A run
// that made it itself knows better.
func judgeExperiment(f *fact.Facts, emit Emit) {
	if f.Has(fact.CandidatesKey.Name()) {
		return
	}
	automatic, manual := answered(f, "automatic-configuration"), answered(f, "manual-configuration")
	if automatic == "unknown" || manual == "unknown" {
		return
	}
	edge := kb.Experiment(automatic == "yes", manual == "yes")
	if edge.Finding == "" {
		return
	}
	o := fact.Origin{Kind: fact.Interview, Where: "manual-configuration"}
	finding := found(edge.Finding, "answers", text("automatic", automatic, o), text("manual", manual, o), text("article", edge.Text, o)).with(Probable)
	finding.Cause = "By the user's own experiment. " + edge.Text
	switch edge.Finding {
	case "dns-autoconfiguration-broken":
		finding.Title = "Sign-in works with manual configuration only, which points to the DNS records"
	case "manual-address-blocked":
		finding.Title = "Sign-in works with automatic configuration only"
	case "firewall-blocks-lync-online":
		finding.Title = "Sign-in fails with automatic and with manual configuration, so a firewall may block Lync"
		finding = finding.with(Possible) // "there might be a firewall"
	}
	emit(finding)
}
