package render

import (
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// messageDoc is lyncdiag.message/v1: one SIP message of a log.
type messageDoc struct {
	Schema      string       `json:"schema"`
	File        string       `json:"file"`
	Line        int          `json:"line"`
	At          string       `json:"at,omitempty" jsonschema:"format=date-time"`
	Direction   string       `json:"direction" jsonschema:"enum=in,enum=out,enum=none"`
	Remote      string       `json:"remote"`
	Method      string       `json:"method"` // of a request, or that an answer answers
	Status      *int         `json:"status,omitempty"`
	Reason      string       `json:"reason"`
	CallID      string       `json:"callId"`
	CSeq        *uint32      `json:"cseq,omitempty"`
	From        string       `json:"from"`
	To          string       `json:"to"`
	Diagnostics []diagnostic `json:"diagnostics"`
	Truncated   bool         `json:"truncated"`
}

// Message is lyncdiag.message/v1. The record must hold a message.
func (t Tool) Message(r sip.Record) Document {
	m := r.Message
	num, method, ok := m.CSeq()
	if m.Request {
		method = m.Method
	}
	return Document{&messageDoc{
		Schema: "lyncdiag.message/v1", File: r.File, Line: r.Line, At: stamp(r.At), Direction: r.Direction, Remote: r.Remote,
		Method: method, Status: known(m.Status, m.Status > 0), Reason: m.Reason, CallID: m.Get("Call-ID"), CSeq: known(num, ok),
		From: sip.Address(m.Get("From")), To: sip.Address(m.Get("To")), Diagnostics: diagnostics(sip.Diagnostics(m)), Truncated: r.Truncated,
	}}
}

func (d *messageDoc) text(s *sheet) {
	arrow := map[string]string{"in": "<-", "out": "->"}[d.Direction]
	what := d.Method
	if d.Status != nil {
		what = fmt.Sprintf("%d %s (%s)", *d.Status, d.Reason, d.Method)
	}
	line := strings.Join(strings.Fields(strings.Join([]string{d.At, arrow, what, d.From, d.Remote}, " ")), " ")
	s.hang("", 2, fmt.Sprintf("%s  %s:%d", line, d.File, d.Line))
	s.diagnostics(d.Diagnostics)
}
