package sip

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// serverLog is where in a server's record a line stands.
type serverLog struct {
	record *packetHeader // inside $$begin_record, before its Start-Line
	report *Record       // inside a diagnostic record
}

// serverLine handles a line of a server's trace (OCSLogger, CLS); look-alikes without the TL_ prefix are not Lync's.
func (l *Log) serverLine(line []byte) bool {
	i := bytes.Index(line[:min(len(line), 256)], []byte("::"))
	if i < 0 || len(line) < i+25 {
		return false
	}
	b := line[i+2:]
	at, ok := clock(b[6:10], b[0:2], b[3:5], b[11:13], b[14:16], b[17:19], b[20:23])
	if !ok {
		return false
	}
	l.endReport()
	l.see(at, false, "sipstack")
	for _, m := range l.queue {
		m.closed = true
	}
	l.last = nil
	l.leaveBlocks()
	key := line[:i]
	if j := bytes.LastIndexByte(key, ']'); j >= 0 {
		key = key[j+1:]
	}
	l.client.thread = l.threadOf(bytes.TrimSpace(key[max(0, len(key)-40):]))
	if bytes.Contains(line, []byte("$$begin_record")) {
		l.server.record = &packetHeader{direction: "none"}
	} else {
		l.skip = true
	}
	return true
}

// recordLine handles a line of a server's record before its Start-Line.
func (l *Log) recordLine(line []byte) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return
	}
	text := strings.ToValidUTF8(string(trimLine(bytes.TrimRight(value[:min(len(value), 1024)], "\r\n"))), "\uFFFD")
	switch string(bytes.TrimSpace(name)) {
	case "Direction":
		switch {
		case strings.HasPrefix(text, "incoming"):
			l.server.record.direction = "in"
		case strings.HasPrefix(text, "outgoing"):
			l.server.record.direction = "out"
		}
	case "Peer":
		l.server.record.remote = text
	case "Severity", "SIP-Start-Line":
		// A diagnostic record: its text speaks of a message that is traced on its own.
		l.server.record, l.skip = nil, true
		l.server.report = &Record{File: l.File, Line: l.line, Offset: l.offset, At: l.at, Direction: "none", Thread: l.client.thread.name,
			Step: &Step{Kind: "other", Failed: text == "error"}}
	case "Start-Line":
		value = bytes.TrimLeft(value, " \t")
		if !startLine(value) {
			l.server.record, l.skip = nil, true
			return
		}
		h := l.server.record
		l.server.record = nil
		m := l.begin(value, h)
		m.raw, m.server = true, true
	}
}

// reportLine takes what a line of a server's diagnostic record says. Lines run together, so the result code may stand anywhere.
func (l *Log) reportLine(line []byte) {
	text := windows1252(trimLine(strings.TrimRight(string(line[:min(len(line), 1024)]), "\r\n")))
	s := l.server.report.Step
	if before, code, ok := strings.Cut(text, "Result-Code: 0x"); ok {
		code, name, _ := strings.Cut(code, " ")
		if v, err := strconv.ParseUint(code, 16, 32); err == nil {
			s.HRESULT, s.Name = fmt.Sprintf("0x%08X", v), name
		}
		text = strings.TrimSpace(before)
	}
	switch name, value, _ := strings.Cut(text, ": "); name {
	case "Text":
		s.Detail = strings.TrimSpace(value)
	case "Peer":
		s.Target = strings.TrimSpace(value)
	case "Data":
		s.Detail = strings.TrimSpace(s.Detail + " (" + strings.TrimSpace(value) + ")")
	}
}

func (l *Log) endReport() {
	if l.server.report == nil {
		return
	}
	r := *l.server.report
	l.server.report = nil
	if r.Step.Detail != "" || r.Step.HRESULT != "" {
		l.stepAt(r)
	}
}

func (l *Log) endRecord() {
	l.endReport()
	for _, m := range l.queue {
		m.closed = true
	}
	l.last = nil
	l.leaveBlocks()
}
