package render

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Tally counts what logs show, record by record. The zero value is ready.
type Tally struct {
	steps        []sip.Record
	messages     int
	requests     int
	responses    int
	byStatus     map[int]int
	byDiagnostic map[int]*diagnosticCount
	attempts     []attempt // the first of them
	tried        int
	outcomes     map[string]int
	failures     map[failureKey]*failures
	users        int // in all failures' sets
	seed         maphash.Seed
}

// Bounds of what a document lists; everything is counted.
const (
	maxSteps    = 10_000
	maxAttempts = 1000    // where they are not streamed
	maxUsers    = 200_000 // told apart, in all kinds of failure together
)

// failureKey is what makes attempts fail alike.
type failureKey struct {
	class        sip.Class
	status       int
	diagnosticID int
}

// failures are attempts that failed alike.
type failures struct {
	first    sip.Attempt
	class    sip.Classification
	from, to time.Time
	count    int
	users    map[uint64]struct{}
	examples []string
}

// Attempt counts one attempt.
func (t *Tally) Attempt(a sip.Attempt) {
	if t.outcomes == nil {
		t.outcomes, t.failures, t.seed = map[string]int{}, map[failureKey]*failures{}, maphash.MakeSeed()
	}
	t.tried++
	t.outcomes[a.Outcome]++
	class := sip.Classify(a)
	if len(t.attempts) < maxAttempts {
		t.attempts = append(t.attempts, logAttempt(a))
	}
	if class.Class == "ok" || class.Class == "challenge" || class.Class == "incomplete" || class.Class == "redirect" {
		return
	}
	key := failureKey{class.Class, a.FinalStatus, class.DiagnosticID}
	g := t.failures[key]
	if g == nil {
		g = &failures{first: a, class: class, users: map[uint64]struct{}{}}
		t.failures[key] = g
	}
	g.count++
	if at := a.StartedAt; !at.IsZero() {
		if g.from.IsZero() || at.Before(g.from) {
			g.from = at
		}
		if at.After(g.to) {
			g.to = at
		}
	}
	if user := maphash.String(t.seed, strings.ToLower(a.From)); t.users < maxUsers {
		if _, known := g.users[user]; !known {
			g.users[user] = struct{}{}
			t.users++
			if len(g.examples) < 5 {
				g.examples = append(g.examples, a.From)
			}
		}
	}
}

// Add counts one record.
func (t *Tally) Add(r sip.Record) {
	if r.Step != nil && len(t.steps) < maxSteps {
		t.steps = append(t.steps, r)
	}
	if r.Message == nil {
		return
	}
	if t.byStatus == nil {
		t.byStatus, t.byDiagnostic = map[int]int{}, map[int]*diagnosticCount{}
	}
	t.messages++
	if r.Message.Request {
		t.requests++
	} else if r.Message.Status > 0 {
		t.responses++
		t.byStatus[r.Message.Status]++
	}
	for _, d := range sip.Diagnostics(r.Message) {
		c := t.byDiagnostic[d.ID]
		if c == nil {
			c = &diagnosticCount{ID: d.ID, Explained: meanings(d)}
			t.byDiagnostic[d.ID] = c
		}
		c.Count++
	}
}

// logDoc is lyncdiag.log/v1.
type logDoc struct {
	Schema   string       `json:"schema"`
	Attempts []attempt    `json:"attempts"`
	Files    []logFile    `json:"files"`
	Failures []logFailure `json:"failures"` // attempts that failed alike, the most frequent first
	Steps    []logStep    `json:"steps"`    // what the log shows before a REGISTER
	Counts   counts       `json:"counts"`
	Findings []finding    `json:"findings"`

	outcomes map[string]int
	left     int  // attempts that are counted and not listed
	one      bool // an attempt by itself, of a log that is followed
}

// logFailure is one line of "17 attempts by 3 users, 09:12 to 09:40, all 404 4005".
type logFailure struct {
	Finding      string    `json:"finding"` // "" where none names it
	Class        string    `json:"class"`
	Status       *int      `json:"status,omitempty"`
	DiagnosticID *int      `json:"diagnosticId,omitempty"`
	Detail       string    `json:"detail"`
	Component    string    `json:"component"`
	Attempts     int       `json:"attempts"`
	Users        int       `json:"users"`
	Examples     []string  `json:"examples"` // five users at most
	FirstAt      string    `json:"firstAt,omitempty" jsonschema:"format=date-time"`
	LastAt       string    `json:"lastAt,omitempty"  jsonschema:"format=date-time"`
	File         string    `json:"file"` // of the first
	Line         int       `json:"line"`
	Explained    []logCode `json:"explained"` // what the numbers of the first one mean
}

// logCode is a number that a diagnostics header holds.
type logCode struct {
	Kind     string `json:"kind"`
	Code     string `json:"code"`
	Name     string `json:"name"`
	Meaning  string `json:"meaning"`
	Remedy   string `json:"remedy"`
	Source   string `json:"source"`
	Fallback bool   `json:"fallback"` // from the range of the number; no table has it
}

type logFile struct {
	Path      string   `json:"path"`
	Format    string   `json:"format" jsonschema:"enum=uccapilog,enum=sipstack,enum=sipe,enum=steps,enum=sip,enum=unknown"`
	Encoding  string   `json:"encoding"`
	FirstAt   string   `json:"firstAt,omitempty" jsonschema:"format=date-time"`
	LastAt    string   `json:"lastAt,omitempty"  jsonschema:"format=date-time"`
	Zoned     bool     `json:"zoned"` // false: times are the computer's wall clock, written as if it were UTC
	Messages  int      `json:"messages"`
	Truncated bool     `json:"truncated"`
	Rotated   bool     `json:"rotated"` // it got another name while it was followed, and goes on in the next file of the list
	Lines     int      `json:"lines"`
	Bytes     int64    `json:"bytes"` // of decoded text
	Gaps      []logGap `json:"gaps"`  // of more than an hour
	Levels    levels   `json:"levels"`
	ClockBack int      `json:"clockBack"` // how often a stamp is more than a minute before an earlier one
	// What was left out, so that nobody takes the rest for all.
	OversizedMessages int    `json:"oversizedMessages"`
	ZeroBytes         int64  `json:"zeroBytes"`
	Advice            string `json:"advice"` // about a text that only looks like a log
}

type logGap struct {
	From string `json:"from" jsonschema:"format=date-time"`
	To   string `json:"to"   jsonschema:"format=date-time"`
}

// levels are the numbers of stamped lines of a client log. SIP is complete only where the client traces in full.
type levels struct {
	Info  int `json:"info"`
	Trace int `json:"trace"`
	Other int `json:"other"`
}

type attempt struct {
	ID            string       `json:"id"`
	File          string       `json:"file"`
	Line          int          `json:"line"`
	StartedAt     string       `json:"startedAt,omitempty" jsonschema:"format=date-time"`
	DurationMs    int64        `json:"durationMs"`
	Method        string       `json:"method"`
	URI           string       `json:"uri"`
	From          string       `json:"from"`
	CallID        string       `json:"callId"`
	CSeq          uint32       `json:"cseq"`
	Server        string       `json:"server"`
	ClientVersion string       `json:"clientVersion"`
	Outcome       string       `json:"outcome" jsonschema:"enum=succeeded,enum=failed,enum=challenged,enum=no-answer,enum=incomplete"`
	FinalStatus   *int         `json:"finalStatus,omitempty"` // left out without an answer
	FinalReason   string       `json:"finalReason"`
	Scheme        string       `json:"scheme"`
	Class         string       `json:"class"`
	Finding       string       `json:"finding"` // root cause; "" where nothing failed
	Legs          []leg        `json:"legs"`
	Diagnostics   []diagnostic `json:"diagnostics"`
}

type leg struct {
	CSeq       uint32 `json:"cseq"`
	Status     *int   `json:"status,omitempty"` // left out without an answer
	Reason     string `json:"reason"`
	Scheme     string `json:"scheme"`
	Challenge  bool   `json:"challenge"`
	Resent     int    `json:"resent"`               // how often the REGISTER was sent again
	DurationMs *int64 `json:"durationMs,omitempty"` // to the answer; left out where the log does not tell
}

type logStep struct {
	File        string       `json:"file"`
	Line        int          `json:"line"`
	At          string       `json:"at,omitempty" jsonschema:"format=date-time"`
	Kind        string       `json:"kind" jsonschema:"enum=dns,enum=autodiscover,enum=web-ticket,enum=certificate-provisioning,enum=token,enum=other"`
	Target      string       `json:"target"`
	Status      *int         `json:"status,omitempty"` // of HTTP; left out when the log does not say
	Detail      string       `json:"detail"`
	Number      string       `json:"number"` // place in the client's tree of steps
	Name        string       `json:"name"`
	Failed      bool         `json:"failed"`
	HRESULT     string       `json:"hresult"`
	Diagnostics []diagnostic `json:"diagnostics"`
}

type counts struct {
	Messages     int               `json:"messages"`
	Requests     int               `json:"requests"`
	Responses    int               `json:"responses"`
	ByStatus     []statusCount     `json:"byStatus"`
	ByDiagnostic []diagnosticCount `json:"byDiagnostic"`
}

type statusCount struct {
	Status int `json:"status"`
	Count  int `json:"count"`
}

type diagnosticCount struct {
	ID        int       `json:"id"`
	Count     int       `json:"count"`
	Explained []logCode `json:"explained"` // what it means, and the numbers beside it where it comes first
}

// Log is lyncdiag.log/v1: the logs among the facts, and what was counted while
// they were read.
func (t Tool) Log(f *fact.Facts, seen *Tally, r *lyncdiag.Report) Document {
	files, _, _ := fact.Get(f, fact.LogFilesKey)
	return Document{&logDoc{
		Schema:   "lyncdiag.log/v1",
		Attempts: list(seen.attempts),
		Files:    each(files, logFileDoc),
		Failures: seen.failed(),
		Steps: each(seen.steps, func(rec sip.Record) logStep {
			return logStep{rec.File, rec.Line, stamp(rec.At), rec.Step.Kind, rec.Step.Target, known(rec.Step.Status, rec.Step.Status > 0), rec.Step.Detail,
				rec.Step.Number, rec.Step.Name, rec.Step.Failed, rec.Step.HRESULT, diagnostics(rec.Step.Diagnostics)}
		}),
		Counts: counts{
			Messages: seen.messages, Requests: seen.requests, Responses: seen.responses,
			ByStatus:     each(slices.Sorted(maps.Keys(seen.byStatus)), func(k int) statusCount { return statusCount{k, seen.byStatus[k]} }),
			ByDiagnostic: each(slices.Sorted(maps.Keys(seen.byDiagnostic)), func(k int) diagnosticCount { return *seen.byDiagnostic[k] }),
		},
		Findings: findings(r),
		outcomes: seen.outcomes,
		left:     seen.tried - len(seen.attempts),
	}}
}

// Attempt is lyncdiag.log/v1 with an attempt alone, for who follows a log: what
// the files hold is known when following ends.
func (t Tool) Attempt(a sip.Attempt) Document {
	return Document{&logDoc{
		Schema: "lyncdiag.log/v1", Attempts: []attempt{logAttempt(a)}, Files: []logFile{}, Failures: []logFailure{}, Steps: []logStep{},
		Counts: counts{ByStatus: []statusCount{}, ByDiagnostic: []diagnosticCount{}}, Findings: []finding{}, one: true,
	}}
}

func logFileDoc(f fact.LogFile) logFile {
	m := f.Summary
	return logFile{Path: f.Path, Format: cmp.Or(m.Format, "unknown"), Encoding: m.Encoding, FirstAt: stamp(m.FirstAt), LastAt: stamp(m.LastAt), Zoned: m.Zoned,
		Messages: m.Messages, Truncated: m.Truncated, Rotated: f.Rotated, Lines: m.Lines, Bytes: m.Bytes, ClockBack: m.ClockBack, Levels: levels(m.Levels), OversizedMessages: m.Oversized, ZeroBytes: m.NULs, Advice: m.Advice,
		Gaps: each(m.Gaps, func(g sip.Gap) logGap { return logGap{stamp(g.From), stamp(g.To)} })}
}

func (t *Tally) failed() []logFailure {
	groups := slices.SortedFunc(maps.Values(t.failures), func(a, b *failures) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.class.DiagnosticID, b.class.DiagnosticID), cmp.Compare(a.first.FinalStatus, b.first.FinalStatus))
	})
	return each(groups, func(g *failures) logFailure {
		a, c := g.first, g.class
		return logFailure{Finding: lyncdiag.FindingOf(c.Class), Class: string(c.Class), Status: known(a.FinalStatus, a.FinalStatus > 0),
			DiagnosticID: known(c.DiagnosticID, c.DiagnosticID > 0), Detail: c.Detail, Component: c.Component, Attempts: g.count, Users: len(g.users),
			Examples: list(g.examples), FirstAt: stamp(g.from), LastAt: stamp(g.to), File: a.File, Line: a.Line, Explained: meanings(a.Diagnostics...)}
	})
}

func meanings(all ...sip.Diagnostic) []logCode {
	out := []logCode{}
	for _, d := range all {
		for _, c := range d.Explain() {
			code := logCode{c.Kind, c.Code, c.Name, c.Meaning, c.Remedy, c.Source, c.Fallback}
			if !slices.Contains(out, code) {
				out = append(out, code)
			}
		}
	}
	return out
}

func logAttempt(a sip.Attempt) attempt {
	class := a.Class()
	return attempt{
		ID: a.ID, File: a.File, Line: a.Line, StartedAt: stamp(a.StartedAt), DurationMs: a.Duration.Milliseconds(),
		Method: a.Method, URI: a.URI, From: a.From, CallID: a.CallID, CSeq: a.CSeq, Server: a.Server, ClientVersion: a.ClientVersion,
		Outcome: a.Outcome, FinalStatus: known(a.FinalStatus, a.FinalStatus > 0), FinalReason: a.FinalReason, Scheme: a.Scheme,
		Class: string(class), Finding: lyncdiag.FindingOf(class),
		Legs: each(a.Legs, func(l sip.Leg) leg {
			return leg{l.CSeq, known(l.Status, l.Status > 0), l.Reason, l.Scheme, l.Challenge, l.Resent, known(l.Duration.Milliseconds(), l.Duration > 0)}
		}),
		Diagnostics: diagnostics(a.Diagnostics),
	}
}

func (d *logDoc) text(s *sheet) {
	if d.one {
		d.attempts(s)
		return
	}
	outcomes := d.outcomes
	t := good
	failed, open := outcomes["failed"]+outcomes["no-answer"], outcomes["challenged"]+outcomes["incomplete"]
	if failed+open > 0 {
		t = dubio
	}
	head := fmt.Sprintf("%s in %s: %d succeeded, %d failed", count(len(d.Attempts)+d.left, "sign-in attempt"), count(len(d.Files), "file"), outcomes["succeeded"], failed)
	if open > 0 {
		head += fmt.Sprintf(", %d without an end", open)
	}
	s.head(head, t)
	if len(d.Failures) > 0 {
		s.blank()
		s.line("Why")
	}
	said := map[string]bool{}
	explain := func(column int, codes []logCode) {
		for _, c := range codes {
			text := strings.TrimSpace(c.Meaning + " " + c.Remedy)
			if text != "" && !said[c.Code+text] {
				said[c.Code+text] = true
				s.hang(pad("", column), column, c.Code+": "+text)
			}
		}
	}
	for _, f := range d.Failures {
		s.mark(status("failed"), f.text())
		explain(marked, f.Explained)
	}
	for _, f := range d.Files {
		s.blank()
		s.line(f.Path)
		s.item("Format", f.Format+", "+f.Encoding)
		s.item("Messages", fmt.Sprint(f.Messages))
		if n := f.Levels; n.Info+n.Trace+n.Other > 0 {
			s.item("Lines", fmt.Sprintf("%d INFO, %d TRACE, %d other", n.Info, n.Trace, n.Other))
			if f.Messages == 0 {
				s.item("", "no SIP at all: the client traces SIP only with full logging on")
			}
		}
		if f.FirstAt != "" {
			s.item("From", f.FirstAt)
			s.item("To", f.LastAt)
			if !f.Zoned {
				s.item("", "the log's own wall clock, without a time zone")
			}
		}
		for _, g := range f.Gaps {
			s.item("Gap", "nothing from "+g.From+" to "+g.To)
		}
		if f.ClockBack > 0 {
			s.item("Note", "the clock goes back "+count(f.ClockBack, "time")+": times between such steps tell nothing")
		}
		if f.Truncated {
			s.item("Note", "the log ends inside a message")
		}
		if f.Rotated {
			s.item("Note", "the file got another name or was begun anew here: the log goes on in the next")
		}
		if f.Advice != "" {
			s.item("Note", f.Advice)
		}
		if f.OversizedMessages > 0 {
			s.item("Note", count(f.OversizedMessages, "message")+" longer than 1 MiB, cut")
		}
		if f.ZeroBytes > 0 {
			s.item("Note", fmt.Sprintf("%d zero bytes left out", f.ZeroBytes))
		}
	}
	if len(d.Attempts) > 0 {
		s.blank()
		s.line("Attempts")
	}
	d.attempts(s)
	if d.left > 0 {
		s.hang(pad("", marked), marked, fmt.Sprintf("and %d more: -o json lists all", d.left))
	}
	if len(d.Steps) > 0 {
		s.blank()
		s.line("Before the REGISTER")
	}
	for _, st := range d.Steps {
		answer := st.Detail
		if st.Status != nil {
			answer = fmt.Sprintf("%d %s", *st.Status, st.Detail)
		}
		if st.HRESULT != "" {
			answer = st.HRESULT + " " + answer
		}
		word := ""
		if st.Failed {
			word = "FAILED "
		}
		s.entry(margin, strings.Join(strings.Fields(word+st.Kind+": "+st.Number+" "+st.Name+" "+st.Target+" "+answer), " "))
		s.diagnostics(st.Diagnostics)
	}
	if len(d.Counts.ByStatus)+len(d.Counts.ByDiagnostic) > 0 {
		s.blank()
		s.line(fmt.Sprintf("%s: %s, %s", count(d.Counts.Messages, "message"), count(d.Counts.Requests, "request"), count(d.Counts.Responses, "response")))
	}
	for _, c := range d.Counts.ByStatus {
		s.item(fmt.Sprint(c.Status), count(c.Count, "time"))
	}
	for _, c := range d.Counts.ByDiagnostic {
		s.item(fmt.Sprint(c.ID), count(c.Count, "time")+" in a diagnostics header")
		explain(label, c.Explained)
	}
	s.findings(d.Findings, false)
}

func (d *logDoc) attempts(s *sheet) {
	for _, a := range d.Attempts {
		final := a.FinalReason
		if a.FinalStatus != nil {
			final = fmt.Sprintf("%d %s", *a.FinalStatus, a.FinalReason)
		}
		s.mark(status(a.Outcome), fmt.Sprintf("%s %s %s", a.StartedAt, a.From, final))
		at := fmt.Sprintf("%s:%d", a.File, a.Line)
		if a.Server != "" {
			at = a.Server + ", " + at
		}
		s.hang(pad("", marked), marked, at)
		s.diagnostics(a.Diagnostics)
	}
}

// text is "17 attempts by 3 users, 2013-05-31T09:12:00.000Z to ...: 404 Not Found, ms-diagnostics 4005".
func (f logFailure) text() string {
	line := count(f.Attempts, "attempt") + " by " + count(f.Users, "user")
	switch {
	case f.FirstAt != f.LastAt:
		line += ", " + f.FirstAt + " to " + f.LastAt
	case f.FirstAt != "":
		line += ", " + f.FirstAt
	}
	line += ": " + cmp.Or(f.Detail, f.Class)
	if f.Finding != "" {
		line += " (" + f.Finding + ")"
	}
	return line
}
