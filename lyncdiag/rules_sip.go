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
	"federation-error":            "sip-federation-error",
	"no-answer":                   "sip-no-answer",
	"refused":                     "sip-register-refused",
}

// FindingOf names the finding of a class, "" for a class that is no problem.
func FindingOf(c sip.Class) string { return classFindings[c] }

func refusals() []string { return slices.Sorted(maps.Values(classFindings)) }

func sipRules() []Rule {
	return []Rule{{
		ID: "sip.registrar", Source: kb.Citation{KB: "MS-SIPREGE"},
		Needs: names(fact.CandidatesKey), Reads: append(names(fact.AutomaticKey), deploymentReads...),
		Emits: refusals(), Eval: judgeRegistrar,
	}}
}

// judgeRegistrar reads the answer to the REGISTER without credentials.
func judgeRegistrar(f *fact.Facts, emit Emit) {
	_, o, _ := fact.Get(f, fact.CandidatesKey)
	for _, c := range judgedCandidates(f) {
		if c.SIP == nil {
			continue
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
		attempt := sip.Attempt{Outcome: outcome, FinalStatus: c.SIP.Status, FinalReason: c.SIP.Reason, Diagnostics: c.SIP.Diagnostics}
		if finding, ok := refusal(sip.Classify(attempt), "sip", evidence, o); ok {
			emit(finding)
		}
	}
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

func logRules() []Rule {
	source := kb.Citation{KB: "KB2541980", Section: "Diagnose authentication issues by using MOSDAL and Snooper", Item: "step 2"}
	return []Rule{
		{
			ID: "log.attempts", Source: source,
			Needs: names(fact.AttemptsKey), Reads: names(fact.TargetKey), Emits: refusals(), Eval: judgeAttempts,
		},
		{
			ID: "log.coverage", Source: source,
			Needs: names(fact.LogFilesKey), Reads: names(fact.AttemptsKey, fact.TargetKey),
			Emits: []string{"log-no-attempt", "log-truncated"}, Eval: judgeCoverage,
		},
	}
}

// judgeAttempts names the reason of each failed attempt. Repeats join into one
// finding. An attempt that a later one of the same user made good is history.
func judgeAttempts(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, attempts := range fact.All(f, fact.AttemptsKey) {
		for i, a := range attempts {
			if !attemptOf(target, a) || madeGood(attempts[i+1:], a.From) {
				continue
			}
			at := fact.Origin{Kind: o.Kind, Where: a.File, Line: a.Line}
			class := sip.Classify(a)
			evidence := []fact.Evidence{{Key: "user", Class: fact.UserText, Value: a.From, Origin: at}, named("server", a.Server, at), text("scheme", a.Scheme, at)}
			for _, d := range a.Diagnostics {
				evidence = append(evidence, prose(d.Header, fmt.Sprintf("%d %s", d.ID, d.Reason), at))
			}
			if finding, ok := refusal(class, "log", evidence, at); ok {
				emit(finding)
			}
		}
	}
}

// attemptOf reports whether an attempt is the target's. Without an address
// everybody's counts; an attempt whose user the log does not name may be
// anybody's.
func attemptOf(target Target, a sip.Attempt) bool {
	if target.Address == "" || a.From == "" {
		return true
	}
	from, err := fact.ParseAddress(a.From)
	return err != nil || strings.EqualFold(from.WireAddress(), target.WireAddress()) || strings.EqualFold(from.Address, target.UserName)
}

func madeGood(later []sip.Attempt, user string) bool {
	return slices.ContainsFunc(later, func(a sip.Attempt) bool { return a.From == user && sip.Classify(a).Class == "ok" })
}

func judgeCoverage(f *fact.Facts, emit Emit) {
	for o, files := range fact.All(f, fact.LogFilesKey) {
		for _, file := range files {
			if file.Truncated {
				emit(found("log-truncated", "log", prose("file", file.Path, o), text("lastAt", file.LastAt.UTC().Format("2006-01-02T15:04:05.000Z"), o)))
			}
		}
	}
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, attempts := range fact.All(f, fact.AttemptsKey) {
		if slices.ContainsFunc(attempts, func(a sip.Attempt) bool { return attemptOf(target, a) }) {
			return
		}
		finding := found("log-no-attempt", "log")
		for _, a := range attempts {
			finding.Evidence = append(finding.Evidence, fact.Evidence{Key: "attemptOf", Class: fact.UserText, Value: a.From, Origin: o})
		}
		if len(attempts) > 0 {
			finding.Title = "The log holds no sign-in attempt of this user"
			finding.Cause = "The log was read, and the sign-in attempts in it are other users'. It says nothing about {address}."
		}
		for _, files := range fact.All(f, fact.LogFilesKey) {
			for _, file := range files {
				finding.Evidence = append(finding.Evidence, prose("file", file.Path, o), text("messages", strconv.Itoa(file.Messages), o))
				if !file.FirstAt.IsZero() {
					finding.Evidence = append(finding.Evidence, text("covers", file.FirstAt.Format("2006-01-02T15:04:05")+" to "+file.LastAt.Format("2006-01-02T15:04:05"), o))
				}
			}
		}
		emit(finding)
		return
	}
}
