package lyncdiag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

func logRules() []Rule {
	source := kb.Citation{KB: "KB2541980", Section: "Diagnose authentication issues by using MOSDAL and Snooper", Item: "step 2"}
	return []Rule{
		{
			ID: "log.attempts", Source: source,
			Needs: names(fact.AttemptsKey), Reads: names(fact.TargetKey), Emits: refusals(), Eval: judgeAttempts,
		},
		{
			ID: "log.redirects", Source: kb.Citation{KB: "MS-SIPREGE"},
			Needs: names(fact.AttemptsKey), Reads: names(fact.TargetKey), Emits: []string{"sip-redirect-loop"}, Eval: judgeRedirects,
		},
		{
			ID: "log.unfinished", Source: source,
			Needs: names(fact.AttemptsKey), Reads: names(fact.TargetKey), Emits: []string{"log-no-attempt"}, Eval: judgeUnfinished,
		},
		{
			ID: "log.steps", Source: kb.Citation{KB: "MS-OCAUTHWS"},
			Needs: names(fact.LogStepsKey), Reads: names(fact.AttemptsKey, fact.TargetKey),
			Emits: []string{"web-ticket-failed", "web-ticket-not-sip-enabled", "certificate-provisioning-failed", "autodiscover-user-unknown"}, Eval: judgeSteps,
		},
		{
			ID: "log.federation", Source: kb.Citation{KB: "MS-OCER"},
			Needs: names(fact.LogFilesKey), Emits: []string{"sip-federation-error"}, Eval: judgeFederationErrors,
		},
		{
			ID: "log.coverage", Source: source,
			Needs: names(fact.LogFilesKey), Reads: names(fact.AttemptsKey, fact.LogStepsKey, fact.TargetKey),
			Emits: []string{"log-no-attempt", "log-truncated"}, Eval: judgeCoverage,
		},
	}
}

// judgeAttempts names the reason of the failed attempts. Those that failed
// alike join into one finding, however many they are.
func judgeAttempts(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for _, of := range standing(f) {
		o := of.origin
		alike := map[sip.Class]*failedAlike{}
		var order []*failedAlike
		for _, a := range of.attempts {
			if !attemptOf(target, a) {
				continue
			}
			class := a.Class()
			if classFindings[class] == "" {
				continue
			}
			g := alike[class]
			if g == nil {
				g = &failedAlike{class: sip.Classify(*a), users: map[string]bool{}, first: a}
				alike[class] = g
				order = append(order, g)
			}
			g.add(a, o)
		}
		for _, g := range order {
			at := fact.Origin{Kind: o.Kind, Where: g.first.File, Line: g.first.Line}
			if finding, ok := refusal(g.class, "log", g.evidence(at), at); ok {
				spec, _ := kb.Lookup(finding.Name)
				if title := g.title(spec.Title); title != spec.Title {
					finding.Title = title
				}
				emit(finding)
			}
		}
	}
}

// stood are one source's attempts that no later one of the same user made good.
// Those are history.
type stood struct {
	origin   fact.Origin
	attempts []*sip.Attempt
}

func standing(f *fact.Facts) []stood {
	return fact.Derived(f, "standing", func(f *fact.Facts) []stood {
		var all []stood
		for o, attempts := range fact.All(f, fact.AttemptsKey) {
			good := map[string]bool{}
			s := stood{origin: o}
			for i := range slices.Backward(attempts) {
				a := &attempts[i]
				user := strings.ToLower(a.From)
				if good[user] {
					continue
				}
				s.attempts = append(s.attempts, a)
				if a.Outcome == "succeeded" && a.Class() == "ok" {
					good[user] = true
				}
			}
			slices.Reverse(s.attempts)
			all = append(all, s)
		}
		return all
	})
}

// maxNamed bounds the attempts that a finding names one by one.
const maxNamed = 5

type failedAlike struct {
	class    sip.Classification
	first    *sip.Attempt
	users    map[string]bool
	count    int
	from, to time.Time
	named    []fact.Evidence
}

func (g *failedAlike) add(a *sip.Attempt, o fact.Origin) {
	g.count += 1 + a.Repeats
	known := g.users[strings.ToLower(a.From)]
	g.users[strings.ToLower(a.From)] = true
	for _, at := range []time.Time{a.StartedAt, a.LastAt} {
		if at.IsZero() {
			continue
		}
		if g.from.IsZero() || at.Before(g.from) {
			g.from = at
		}
		if at.After(g.to) {
			g.to = at
		}
	}
	if !known && len(g.users) > maxNamed {
		return
	}
	at := fact.Origin{Kind: o.Kind, Where: a.File, Line: a.Line}
	evidence := []fact.Evidence{{Key: "user", Class: fact.UserText, Value: a.From, Origin: at}, named("server", a.Server, at), text("scheme", a.Scheme, at)}
	for _, d := range a.Diagnostics {
		evidence = append(evidence, prose(d.Header, fmt.Sprintf("%d %s", d.ID, d.Reason), at))
	}
	for _, e := range evidence {
		if len(g.named) < 8*maxNamed && !slices.Contains(g.named, e) {
			g.named = append(g.named, e)
		}
	}
}

// evidence begins with "17 attempts by 3 users, from ... to ...", unless there
// is one attempt.
func (g *failedAlike) evidence(o fact.Origin) []fact.Evidence {
	if g.count == 1 {
		return g.named
	}
	said := fmt.Sprintf("%d by %d users", g.count, len(g.users))
	if len(g.users) == 1 {
		said = fmt.Sprintf("%d by one user", g.count)
	}
	if !g.from.IsZero() {
		said += ", " + stamp(g.from) + " to " + stamp(cmp.Or(g.to, g.from))
	}
	return append([]fact.Evidence{text("attempts", said, o)}, g.named...)
}

// title says in a title that others are concerned as well.
func (g *failedAlike) title(title string) string {
	switch n := len(g.users) - 1; n {
	case 0:
		return title
	case 1:
		return strings.Replace(title, "{address}", "{address} and another user", 1)
	default:
		return strings.Replace(title, "{address}", fmt.Sprintf("{address} and %d other users", n), 1)
	}
}

// attemptOf reports whether an attempt is the target's. Without an address
// everybody's counts; an attempt whose user the log does not name may be
// anybody's.
func attemptOf(target Target, a *sip.Attempt) bool {
	if target.Address == "" || a.From == "" {
		return true
	}
	from, err := fact.ParseAddress(a.From)
	return err != nil || strings.EqualFold(from.WireAddress(), target.WireAddress()) || strings.EqualFold(from.Address, target.UserName)
}

// judgeFederationErrors says of other requests than REGISTER that they are no
// matter of sign-in: a log is full of them, and they catch the eye.
func judgeFederationErrors(f *fact.Facts, emit Emit) {
	for o, files := range fact.All(f, fact.LogFilesKey) {
		var evidence []fact.Evidence
		for _, file := range files {
			for _, e := range file.Federation[:min(len(file.Federation), maxNamed)] {
				at := fact.Origin{Kind: o.Kind, Where: file.Path, Line: e.Line}
				evidence = append(evidence, text("diagnosticsId", strconv.Itoa(e.ID), at), prose("answer", e.Detail, at), text("times", strconv.Itoa(e.Count), at))
			}
		}
		if len(evidence) > 0 {
			emit(found("sip-federation-error", "log", evidence[:min(len(evidence), 3*4*maxNamed)]...))
		}
	}
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
		if slices.ContainsFunc(attempts, func(a sip.Attempt) bool { return attemptOf(target, &a) }) {
			return
		}
		if f.Has(fact.LogStepsKey.Name()) && len(attempts) == 0 {
			return // it failed before any attempt, and the log shows where
		}
		finding := found("log-no-attempt", "log")
		for _, a := range attempts[:min(len(attempts), 4*maxNamed)] {
			finding.Evidence = append(finding.Evidence, fact.Evidence{Key: "attemptOf", Class: fact.UserText, Value: a.From, Origin: o})
		}
		if len(attempts) > 0 {
			finding.Title = "The log holds no sign-in attempt of this user"
			finding.Cause = "The log was read, and the sign-in attempts in it are other users'. It says nothing about {address}."
		}
		messages, stamped := 0, 0
		for _, files := range fact.All(f, fact.LogFilesKey) {
			for _, file := range files {
				messages += file.Messages
				stamped += file.Levels.Info + file.Levels.Trace + file.Levels.Other
			}
		}
		if messages == 0 && stamped > 0 {
			finding.Title = "The client log holds no SIP at all"
			finding.Cause = "The client wrote " + strconv.Itoa(stamped) + " lines and not one SIP message. It writes those only with full logging: what became of the sign-in cannot be read from this log."
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

// judgeSteps reads what failed before any REGISTER. Whoever registered later
// got past it.
func judgeSteps(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for o, steps := range fact.All(f, fact.LogStepsKey) {
		attempts, _, _ := fact.Get(f, fact.AttemptsKey)
		for _, s := range steps {
			if slices.ContainsFunc(attempts, func(a sip.Attempt) bool { return attemptOf(target, &a) && gotPast(target, &a, s) }) {
				continue
			}
			at := fact.Origin{Kind: o.Kind, Where: s.File, Line: s.Line}
			evidence := []fact.Evidence{link(s.Target, at), text("step", strings.TrimSpace(s.Number+" "+s.Name), at), text("hresult", s.HRESULT, at), prose("detail", s.Detail, at)}
			if s.Status > 0 {
				evidence = append(evidence, text("status", strconv.Itoa(s.Status), at))
			}
			notEnabled := false
			for _, d := range s.Diagnostics {
				evidence = append(evidence, prose(d.Header, strings.TrimSpace(fmt.Sprintf("%d %s", d.ID, d.Reason)), at))
				notEnabled = notEnabled || d.ID == 28000
			}
			switch {
			case s.Kind == "web-ticket" && notEnabled:
				emit(found("web-ticket-not-sip-enabled", "log", evidence...))
			case s.Kind == "web-ticket":
				emit(found("web-ticket-failed", "log", evidence...))
			case s.Kind == "certificate-provisioning":
				emit(found("certificate-provisioning-failed", "log", evidence...))
			case s.Kind == "autodiscover" && s.Status == 404 && strings.HasSuffix(strings.ToLower(s.Target), "/user"):
				emit(found("autodiscover-user-unknown", "log", evidence...).with(Probable))
			}
		}
	}
}

// gotPast reports whether an attempt shows that a step that failed did not matter in
// the end: it succeeded later. A step does not say whose it is, so where nobody was
// asked about, only what stands in the same log counts.
func gotPast(target fact.Subject, a *sip.Attempt, s fact.LogStep) bool {
	if a.Class() != "ok" || target.Address == "" && segmentOf(a.File) != segmentOf(s.File) {
		return false
	}
	if a.StartedAt.IsZero() || s.At.IsZero() {
		return a.File == s.File && a.Line > s.Line
	}
	return a.StartedAt.After(s.At)
}

// segmentOf is the name of a log without what tells its segments apart, as in
// Lync-UccApi-1.UccApilog.bak.
func segmentOf(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(file), ".gz"), ".bak"), ".old")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return name
	}
	return strings.TrimRight(name[:dot], "0123456789") + name[dot:]
}

// judgeRedirects finds servers that send a user on and on: the same server is
// named three times, and the user never registers.
func judgeRedirects(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	for _, of := range standing(f) {
		o := of.origin
		type way struct{ user, to string }
		seen := map[way]int{}
		for _, a := range of.attempts {
			if a.RedirectedTo == "" || !attemptOf(target, a) {
				continue
			}
			w := way{strings.ToLower(a.From), strings.ToLower(a.RedirectedTo)}
			if seen[w] += 1 + a.Repeats; seen[w] < 3 {
				continue
			}
			at := fact.Origin{Kind: o.Kind, Where: a.File, Line: a.Line}
			emit(found("sip-redirect-loop", "log", fact.Evidence{Key: "user", Class: fact.UserText, Value: a.From, Origin: at}, named("server", a.Server, at),
				named("redirectedTo", a.RedirectedTo, at), text("answer", strings.TrimSpace(strconv.Itoa(a.FinalStatus)+" "+a.FinalReason), at), text("times", strconv.Itoa(seen[w]), at)))
		}
	}
}

// judgeUnfinished says of whose sign-in the log does not show the end, and what it
// shows last. Where another attempt of the user was refused, that says more.
func judgeUnfinished(f *fact.Facts, emit Emit) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	circles := map[string]bool{}
	judgeRedirects(f, func(x Finding) { circles[strings.ToLower(x.value("user"))] = true })
	for _, of := range standing(f) {
		last := map[string]*sip.Attempt{}
		var users []string
		refused := maps.Clone(circles)
		for _, a := range of.attempts {
			if !attemptOf(target, a) {
				continue
			}
			user := strings.ToLower(a.From)
			before := last[user]
			if before == nil {
				users = append(users, user)
			}
			if before == nil || !lastAt(a).Before(lastAt(before)) {
				last[user] = a
			}
			refused[user] = refused[user] || classFindings[a.Class()] != ""
		}
		alike := map[string]*failedAlike{}
		var order []string
		for _, user := range users {
			a := last[user]
			class := a.Class()
			if refused[user] || class != "challenge" && class != "redirect" && class != "incomplete" {
				continue
			}
			seen := string(class) + " " + a.RedirectedTo
			if alike[seen] == nil {
				alike[seen] = &failedAlike{class: sip.Classify(*a), users: map[string]bool{}, first: a}
				order = append(order, seen)
			}
			alike[seen].add(a, of.origin)
		}
		for _, seen := range order {
			emit(unfinished(alike[seen], of.origin))
		}
	}
}

// lastAt is when an attempt, or the last of its repeats, began.
func lastAt(a *sip.Attempt) time.Time {
	if a.LastAt.IsZero() {
		return a.StartedAt
	}
	return a.LastAt
}

// unfinished names no cause: the log does not show one.
func unfinished(g *failedAlike, o fact.Origin) Finding {
	at := fact.Origin{Kind: o.Kind, Where: g.first.File, Line: g.first.Line}
	finding := found("log-no-attempt", "log", append(g.evidence(at), text("lastSeen", string(g.class.Class), at), text("answer", g.class.Detail, at))...)
	again := []string{
		"Look in the segments of the log before and after, and in the other logs of that time: lyncdiag log FOLDER",
		"If it is in none, exit Lync, start it, sign in once, wait until Lync says that it failed, and copy the whole Tracing folder.",
	}
	title := "The log does not show how a sign-in ended ({address}): "
	switch to := g.first.RedirectedTo; {
	case g.class.Class == "challenge":
		title += "the server asked for credentials, and none followed"
		finding.Cause = "The last answer to REGISTER asks for credentials. That is the usual first answer; a client goes on with another REGISTER, and this log holds none. Why is not in it."
		finding.Resolution = append([]string{
			"Read what the client did after that answer. A web ticket or a certificate that it asked for and did not get stands there: lyncdiag log view FILE -o html=log.html",
			"Ask the user whether Lync asked for a password then, and whether one was given.",
			"Look at the way to the token from here: lyncdiag check {address} --log FILE",
		}, again...)
	case g.class.Class == "redirect" && to != "":
		title += "the server sent it on to {host}"
		finding.Evidence = append(finding.Evidence, host(to, at))
		finding.Cause = "The last answer to REGISTER sends the client on to {host}, and the log holds no REGISTER after it. Whether the client reached that server is not in it."
		finding.Resolution = append([]string{"See on the user's computer whether it reaches that server: lyncdiag sip {host}"}, again...)
	case g.class.Class == "redirect":
		title += "the server sent it on to another"
		finding.Cause = "The last answer to REGISTER sends the client on and does not say where to, and the log holds no REGISTER after it."
		finding.Resolution = append([]string{"See where the user is homed: Get-CsUser -Identity {address} | Format-List RegistrarPool,HostingProvider"}, again...)
	default:
		title += "the last REGISTER has no answer in it"
		finding.Cause = "The log shows no answer to the last REGISTER, and goes on for too short a time to tell that none came."
		finding.Resolution = again
	}
	finding.Title = g.title(title)
	return finding
}
