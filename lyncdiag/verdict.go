package lyncdiag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// conclude draws the verdict; see Outcome for its rules.
func conclude(r *Report, f *fact.Facts) Verdict {
	path, end, ask := walkTree(f)
	v := Verdict{Outcome: Healthy, Path: path}
	failures := slices.DeleteFunc(slices.Clone(r.Findings), func(x Finding) bool { return x.Severity != kb.Failure })
	for _, x := range failures {
		if x.CausedBy == "" {
			v.Primary = x.Name
			break
		}
	}
	said := saidToFail(f)
	switch {
	case len(failures) > 0:
		v.Outcome = Problem
		v.Types = typesOf(failures)
		v.unseen = chainHas(r.Stages, findDeployment(f), Errored)
	case said || chainErrored(r.Stages, findDeployment(f)) || !observedAnything(r.Stages) || recordsUnknown(r.Stages, f):
		v.Outcome = Undecided
		v.Types = typesLeft(f, end)
	}
	v.Summary = summary(r, f, v, failures, said)
	if v.Outcome != Healthy {
		v.Questions = openQuestions(f, ask, v.Outcome)
	}
	v.Next = nextSteps(r, f, v)
	return v
}

// escalation is the article's last step: somebody is said to fail, and every
// link of the chain was looked at and is healthy.
func escalation(r *Report, f *fact.Facts, found []Finding) (Finding, bool) {
	if !r.Complete || !saidToFail(f) || !observedAnything(r.Stages) {
		return Finding{}, false
	}
	for _, s := range r.Stages {
		if !s.Input && s.Status != Passed && s.Skip != SkipNotApplicable && s.Skip != SkipNotPermitted {
			return Finding{}, false
		}
	}
	if slices.ContainsFunc(found, func(x Finding) bool { return x.Severity != kb.Info || x.Name == "escalate" }) {
		return Finding{}, false
	}
	finding := Finding{Spec: Spec{Name: "escalate"}, Evidence: []fact.Evidence{text("tested", fmt.Sprintf("%d links of the chain", len(r.Stages)), fact.Origin{Kind: fact.Interview})}}
	err := complete(&finding, Rule{ID: "verdict", Emits: []string{"escalate"}})
	return finding, err == nil
}

// typesOf are the types of the failures, root causes first. The article types
// "Autodiscover fails" as Network, whoever runs the service that fails.
func typesOf(failures []Finding) []kb.Type {
	var types []kb.Type
	add := func(t kb.Type) {
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	// What only warns may explain every failure.
	roots := slices.ContainsFunc(failures, func(x Finding) bool { return x.CausedBy == "" })
	for _, x := range failures {
		if x.CausedBy != "" && roots {
			continue
		}
		add(x.Type)
		if strings.HasPrefix(x.Name, "autodiscover-") && x.Type == kb.Service {
			add(kb.Network)
		}
	}
	return types
}

// typesLeft is what the tree's end says, else what scope and message leave
// together: what both allow, else what either does.
func typesLeft(f *fact.Facts, end kb.Edge) []kb.Type {
	if spec, ok := kb.Lookup(end.Finding); ok && complained(f) && spec.Name != "escalate" {
		return []kb.Type{spec.Type}
	}
	var scope []kb.Type
	symptom, _ := derive(f, "symptom")
	users, _ := derive(f, "users")
	computers, _ := derive(f, "computers")
	if symptom != "unknown" || users != "unknown" || computers != "unknown" {
		for _, t := range kb.Scope(kb.Symptom(known(symptom)), kb.Spread(known(users)), kb.Spread(known(computers))) {
			typ := kb.Type(t)
			if t == "azure-ad" {
				typ = kb.Identity
			}
			if !slices.Contains(scope, typ) {
				scope = append(scope, typ)
			}
		}
	}
	row, ok := messageRow(f)
	if !ok {
		return scope
	}
	typ := row.Type
	if len(scope) == 0 || slices.Contains(scope, typ) {
		return []kb.Type{typ}
	}
	return append(scope, typ)
}

func known(answer string) string {
	if answer == "unknown" {
		return ""
	}
	return answer
}

// saidToFail reports whether somebody or something says that sign-in fails.
func saidToFail(f *fact.Facts) bool {
	if f.Has(fact.MessageKey.Name()) || complained(f) {
		return true
	}
	sources := standing(f)
	if len(sources) == 0 {
		return false
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	return slices.ContainsFunc(sources[0].attempts, func(a *sip.Attempt) bool {
		return attemptOf(target, a) && FindingOf(a.Class()) != ""
	})
}

// chainErrored reports whether a link of the chain could not be looked at, or
// failed in a way no finding names. The login service and AD FS are no links
// of a Server deployment's chain.
func chainErrored(stages []StageResult, d deployment) bool {
	return chainHas(stages, d, Errored, Failed)
}

func chainHas(stages []StageResult, d deployment, any ...Status) bool {
	return slices.ContainsFunc(stages, func(s StageResult) bool {
		if !d.online() && (s.ID == "realm" || s.ID == "cloud.token" || strings.HasPrefix(string(s.ID), "adfs.")) {
			return false
		}
		return slices.Contains(any, s.Status)
	})
}

// recordsUnknown: a run that looks at the records alone does not know whether they
// are right where the server it needs gives no answer for one of them.
func recordsUnknown(stages []StageResult, f *fact.Facts) bool {
	if slices.ContainsFunc(stages, func(s StageResult) bool { return !s.Input && s.ID != "dns" && s.Status != Skipped }) {
		return false
	}
	view := ownView(f)
	return slices.ContainsFunc(Records(f), func(c dnscheck.Check) bool {
		return c.Server == view && c.Need == dnscheck.NeedRequired && c.Status == dnscheck.CheckError && c.Problem == ""
	})
}

// observedAnything: a run that looked at no link of the chain has no opinion
// of it.
func observedAnything(stages []StageResult) bool {
	return slices.ContainsFunc(stages, func(s StageResult) bool {
		return !s.Input && (s.Status == Passed || s.Status == Warned || s.Status == Failed)
	})
}

func summary(r *Report, f *fact.Facts, v Verdict, failures []Finding, said bool) string {
	who := cmp.Or(r.Target.Address, r.Target.Domain, "the user") // logs and bundles may name nobody
	subject := cmp.Or(r.Target.Address, r.Target.Domain, "The user")
	switch v.Outcome {
	case Problem:
		for _, x := range failures {
			if x.Name == v.Primary {
				return fmt.Sprintf("%s cannot sign in: %s", subject, lowerFirst(x.Filled(r.Target).Title))
			}
		}
		for _, x := range r.Findings {
			if x.CausedBy == "" && x.Severity == kb.Warning { // it explains every failure
				return fmt.Sprintf("%s cannot sign in: %s", subject, lowerFirst(x.Filled(r.Target).Title))
			}
		}
		return fmt.Sprintf("%s cannot sign in", subject)
	case Undecided:
		for _, x := range r.Findings {
			if x.Name == "user-licence-pending" && x.CausedBy == "" {
				return fmt.Sprintf("%s may have no account in Lync Online yet: %s", subject, lowerFirst(x.Filled(r.Target).Title))
			}
		}
		switch {
		case !r.Complete:
			return fmt.Sprintf("The run for %s was cut short, and what it saw does not decide", who)
		case said:
			if row, ok := messageRow(f); ok {
				return fmt.Sprintf("%s is said to fail, and nothing that was looked at explains it; the message stands for: %s", subject, row.Cause)
			}
			return fmt.Sprintf("%s is said to fail, and nothing that was looked at explains it", subject)
		}
		return fmt.Sprintf("What could be looked at does not decide whether %s can sign in", who)
	}
	return fmt.Sprintf("Nothing that was looked at keeps %s from signing in", who)
}

// lowerFirst fits a title into a sentence; an acronym or a name stays as it is.
func lowerFirst(s string) string {
	if len(s) < 2 || s[0] < 'A' || s[0] > 'Z' || (s[1] < 'a' || s[1] > 'z') && s[1] != ' ' {
		return s
	}
	for _, name := range []string{"Lync", "Autodiscover", "Microsoft", "Windows", "Office", "Active", "Azure", "Skype", "Exchange"} {
		if strings.HasPrefix(s, name) {
			return s
		}
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// openQuestions are those whose answers would narrow the verdict: the scope
// first where nothing is found, then the tree's next.
func openQuestions(f *fact.Facts, ask []string, outcome Outcome) []Question {
	ids := ask
	if outcome == Undecided {
		var scope []string
		for _, id := range []string{"symptom", "users", "computers"} {
			if a, _ := derive(f, id); a == "unknown" {
				scope = append(scope, id)
			}
		}
		ids = append(scope, ask...)
	}
	var list []Question
	for _, id := range ids {
		for _, q := range kb.Questions() {
			if q.ID == id {
				list = append(list, q)
			}
		}
	}
	return list
}

// messageRow is the article's row, or the later wording, of the message that
// the user saw.
func messageRow(f *fact.Facts) (kb.Message, bool) {
	message, _, ok := fact.Get(f, fact.MessageKey)
	if !ok {
		return kb.Message{}, false
	}
	matches := kb.MatchMessage(message)
	if len(matches) == 0 {
		return kb.Message{}, false
	}
	return matches[0].Message, true
}

func nextSteps(r *Report, f *fact.Facts, v Verdict) []string {
	var next []string
	if v.Primary != "" {
		next = append(next, "lyncdiag explain "+v.Primary)
	}
	for _, x := range r.Findings {
		if end, err := time.Parse(stampLayout, x.value("waitUntil")); err == nil && x.CausedBy == "" {
			next = append(next, fmt.Sprintf("Wait until %s UTC, then: lyncdiag check %s", end.Format("15:04"), r.Target.Address))
			break
		}
	}
	for _, x := range r.Findings {
		if x.Name == "input-incomplete" {
			next = append(next, x.Filled(r.Target).Resolution...)
		}
	}
	if row, ok := messageRow(f); ok {
		next = append(next, "lyncdiag explain "+row.Code)
	}
	if len(v.Questions) > 0 {
		next = append(next, strings.TrimSpace("lyncdiag ask "+r.Target.Address))
	}
	return next
}

// ExitCode is the command's exit code for a report: 0 nothing wrong, 1 a
// problem at or above failOn (failure, warning, unknown or never), 3 cut short
// or undecided. What is known or suppressed does not count; where nothing else
// failed, a link that could not be looked at leaves the rest undecided.
func ExitCode(r *Report, failOn string) int {
	var failures, warnings, silenced bool
	for _, x := range r.Findings {
		if x.Silenced() {
			silenced = silenced || x.Severity == kb.Failure
			continue
		}
		failures = failures || x.Severity == kb.Failure
		warnings = warnings || x.Severity == kb.Warning
	}
	undecided := r.Verdict.Outcome == Undecided || silenced && r.Verdict.unseen
	switch {
	case failOn == "never":
		if !r.Complete {
			return 3
		}
		return 0
	case failures, warnings && (failOn == "warning" || failOn == "unknown"), undecided && r.Complete && failOn == "unknown":
		return 1
	case undecided, !r.Complete:
		return 3
	}
	return 0
}
