package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

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
	byDiagnostic map[int]int
}

// maxSteps bounds the steps that a document lists.
const maxSteps = 10_000

// Add counts one record.
func (t *Tally) Add(r sip.Record) {
	if r.Step != nil && len(t.steps) < maxSteps {
		t.steps = append(t.steps, r)
	}
	if r.Message == nil {
		return
	}
	if t.byStatus == nil {
		t.byStatus, t.byDiagnostic = map[int]int{}, map[int]int{}
	}
	t.messages++
	if r.Message.Request {
		t.requests++
	} else if r.Message.Status > 0 {
		t.responses++
		t.byStatus[r.Message.Status]++
	}
	for _, d := range sip.Diagnostics(r.Message) {
		t.byDiagnostic[d.ID]++
	}
}

// logDoc is lyncdiag.log/v1.
type logDoc struct {
	Schema   string    `json:"schema"`
	Files    []logFile `json:"files"`
	Attempts []attempt `json:"attempts"`
	Steps    []logStep `json:"steps"` // what the log shows before a REGISTER
	Counts   counts    `json:"counts"`
	Findings []finding `json:"findings"`
}

type logFile struct {
	Path      string `json:"path"`
	Format    string `json:"format" jsonschema:"enum=uccapilog,enum=sipstack,enum=sipe,enum=sip,enum=unknown"`
	Encoding  string `json:"encoding"`
	FirstAt   string `json:"firstAt,omitempty" jsonschema:"format=date-time"`
	LastAt    string `json:"lastAt,omitempty"  jsonschema:"format=date-time"`
	Zoned     bool   `json:"zoned"` // false: times are the computer's wall clock, written as if it were UTC
	Messages  int    `json:"messages"`
	Truncated bool   `json:"truncated"`
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
	Legs          []leg        `json:"legs"`
	Diagnostics   []diagnostic `json:"diagnostics"`
}

type leg struct {
	CSeq   uint32 `json:"cseq"`
	Status *int   `json:"status,omitempty"` // left out without an answer
	Reason string `json:"reason"`
}

type logStep struct {
	File        string       `json:"file"`
	Line        int          `json:"line"`
	At          string       `json:"at,omitempty" jsonschema:"format=date-time"`
	Kind        string       `json:"kind" jsonschema:"enum=dns,enum=autodiscover,enum=web-ticket,enum=certificate-provisioning,enum=token,enum=other"`
	Target      string       `json:"target"`
	Status      *int         `json:"status,omitempty"` // of HTTP; left out when the log does not say
	Detail      string       `json:"detail"`
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
	ID    int `json:"id"`
	Count int `json:"count"`
}

// Log is lyncdiag.log/v1: the attempts among the facts, and what was counted
// while they were read.
func (t Tool) Log(f *fact.Facts, seen *Tally, r *lyncdiag.Report) Document {
	files, _, _ := fact.Get(f, fact.LogFilesKey)
	attempts, _, _ := fact.Get(f, fact.AttemptsKey)
	return Document{&logDoc{
		Schema: "lyncdiag.log/v1",
		Files: each(files, func(f fact.LogFile) logFile {
			m := f.Summary
			return logFile{f.Path, cmp.Or(m.Format, "unknown"), m.Encoding, stamp(m.FirstAt), stamp(m.LastAt), m.Zoned, m.Messages, m.Truncated}
		}),
		Attempts: each(attempts, logAttempt),
		Steps: each(seen.steps, func(rec sip.Record) logStep {
			return logStep{rec.File, rec.Line, stamp(rec.At), rec.Step.Kind, rec.Step.Target, known(rec.Step.Status, rec.Step.Status > 0), rec.Step.Detail, diagnostics(rec.Step.Diagnostics)}
		}),
		Counts: counts{
			Messages: seen.messages, Requests: seen.requests, Responses: seen.responses,
			ByStatus:     each(slices.Sorted(maps.Keys(seen.byStatus)), func(k int) statusCount { return statusCount{k, seen.byStatus[k]} }),
			ByDiagnostic: each(slices.Sorted(maps.Keys(seen.byDiagnostic)), func(k int) diagnosticCount { return diagnosticCount{k, seen.byDiagnostic[k]} }),
		},
		Findings: findings(r),
	}}
}

func logAttempt(a sip.Attempt) attempt {
	return attempt{
		ID: a.ID, File: a.File, Line: a.Line, StartedAt: stamp(a.StartedAt), DurationMs: a.Duration.Milliseconds(),
		Method: a.Method, URI: a.URI, From: a.From, CallID: a.CallID, CSeq: a.CSeq, Server: a.Server, ClientVersion: a.ClientVersion,
		Outcome: a.Outcome, FinalStatus: known(a.FinalStatus, a.FinalStatus > 0), FinalReason: a.FinalReason, Scheme: a.Scheme,
		Legs:        each(a.Legs, func(l sip.Leg) leg { return leg{l.CSeq, known(l.Status, l.Status > 0), l.Reason} }),
		Diagnostics: diagnostics(a.Diagnostics),
	}
}

func (d *logDoc) text(s *sheet) {
	outcomes := map[string]int{}
	for _, a := range d.Attempts {
		outcomes[a.Outcome]++
	}
	t := good
	if outcomes["failed"]+outcomes["no-answer"]+outcomes["challenged"] > 0 {
		t = dubio
	}
	s.head(fmt.Sprintf("%s in %s: %d succeeded, %d failed", count(len(d.Attempts), "sign-in attempt"), count(len(d.Files), "file"), outcomes["succeeded"], outcomes["failed"]), t)
	for _, f := range d.Files {
		s.blank()
		s.line(f.Path)
		s.item("Format", f.Format+", "+f.Encoding)
		s.item("Messages", fmt.Sprint(f.Messages))
		if f.FirstAt != "" {
			s.item("From", f.FirstAt)
			s.item("To", f.LastAt)
			if !f.Zoned {
				s.item("", "the log's own wall clock, without a time zone")
			}
		}
		if f.Truncated {
			s.item("Note", "the log ends inside a message")
		}
	}
	if len(d.Attempts) > 0 {
		s.blank()
		s.line("Attempts")
	}
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
	if len(d.Steps) > 0 {
		s.blank()
		s.line("Before the REGISTER")
	}
	for _, st := range d.Steps {
		answer := st.Detail
		if st.Status != nil {
			answer = fmt.Sprintf("%d %s", *st.Status, st.Detail)
		}
		s.entry(margin, st.Kind+": "+st.Target+" "+answer)
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
	}
	s.findings(d.Findings, false)
}
