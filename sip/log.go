package sip

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one thing a log tells: a SIP message, or a step of the sign-in before SIP.
type Record struct {
	File   string `json:"file"`   // Log.File
	Line   int    `json:"line"`   // of the start line, from 1
	Offset int64  `json:"offset"` // of that line in the decoded text, in bytes
	// At is the time of the start line; zero where the text has none. Most logs carry local time without a zone: Zoned is
	// then false and At is the wall clock read as if it were UTC.
	At    time.Time `json:"at"`
	Zoned bool      `json:"zoned"`
	// Direction is in, out or none, as the log says; it is not inferred. In a server's trace it is the server's view.
	Direction string `json:"direction"`
	Remote    string `json:"remote"` // peer's address and port, "" if the log does not say
	Local     string `json:"local"`
	Thread    string `json:"thread"` // pid:tid, "" if the log has none
	// Message is nil in a step, and Step in a message. Both are in the last record of a log that goes on for long after its last
	// message: it tells the log's last stamp.
	Message   *Message `json:"message"`
	Step      *Step    `json:"step"`
	Truncated bool     `json:"truncated"` // cut by the end of the log or by Log.MaxMessage
}

// Summary says what a log was and what it covers.
type Summary struct {
	Format     string `json:"format"`     // uccapilog, sipstack, sipe, steps, sip or unknown
	Encoding   string `json:"encoding"`   // utf-8, utf-16le, utf-16be, several of them as in "utf-8, utf-16le", or windows-1252
	Compressed bool   `json:"compressed"` // gzip
	// FirstAt and LastAt are the earliest and latest stamp of any line, zero if there is none; zones as in Record.
	FirstAt time.Time `json:"firstAt"`
	LastAt  time.Time `json:"lastAt"`
	Zoned   bool      `json:"zoned"`
	// Gaps are times of more than an hour without a line, the first 16 of them. A client that is idle still writes.
	Gaps []Gap `json:"gaps,omitempty"`
	// ClockBack counts how often a stamp is more than a minute before the latest one: the clock was set back, or logs were joined.
	ClockBack int `json:"clockBack"`
	// Levels counts the stamped lines of a .uccapilog by level. SIP is complete only where the client traces in full.
	Levels    Levels `json:"levels"`
	Lines     int    `json:"lines"`
	Bytes     int64  `json:"bytes"` // of decoded text
	Messages  int    `json:"messages"`
	Oversized int    `json:"oversized"` // messages cut at Log.MaxMessage
	NULs      int64  `json:"nuls"`      // zero bytes skipped within text
	// Advice says what a text is that only looks like a log this package reads, and what to give instead; "" else.
	Advice string `json:"advice,omitempty"`
	// Truncated reports that the text ends inside a line, a message or a frame.
	Truncated bool `json:"truncated"`
	// ServerAhead is the Date of the first response that has one minus the stamp of its line, and HasServerAhead whether there was
	// one: time zone and clock error of the computer in one number, which the log alone cannot part.
	ServerAhead    time.Duration `json:"serverAhead"`
	HasServerAhead bool          `json:"hasServerAhead"`
}

// Gap is a time without a line.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Levels are numbers of lines.
type Levels struct {
	Info  int `json:"info"`
	Trace int `json:"trace"`
	Other int `json:"other"`
}

func (l *Levels) add(more Levels) {
	l.Info += more.Info
	l.Trace += more.Trace
	l.Other += more.Other
}

// count counts a line by the first letter of its level.
func (l *Levels) count(level byte) {
	switch level {
	case 'I':
		l.Info++
	case 'T':
		l.Trace++
	default:
		l.Other++
	}
}

const (
	gapLength = time.Hour
	maxGaps   = 16
)

// Log reads SIP messages out of text: the client's .uccapilog, a server's SIPStack trace, a pidgin-sipe debug log, or bare and
// pasted SIP. It recognises UTF-8, UTF-16 and gzip itself. Make one with NewLog and set the fields before Records.
type Log struct {
	File       string // copied into every Record
	MaxMessage int    // bytes kept of one message, 0 for 1 MiB; the rest is dropped and Truncated set
	// Brief leaves messages that no attempt is made of with their start line alone: neither headers nor body. Left whole are
	// REGISTER, what answers it, and whatever carries diagnostics. A Message is then good only until the next record is asked
	// for, and so is every string taken from it: clone what is to stay.
	Brief bool

	r       io.Reader
	sum     Summary
	line    int
	offset  int64
	queue   []*openMessage // in the order of their start lines
	spare   []*openMessage // for reuse
	last    *openMessage   // whom an unstamped line belongs to
	brief   Message        // used again and again
	starts  map[string]*Message
	at      time.Time // of the last stamped line
	before  time.Time // stamp before it
	told    time.Time // stamp of the last message
	skip    bool      // inside a block that holds no SIP
	client  clientLog
	server  serverLog
	sipe    sipeLog
	tree    *Record // the step that lines without a number belong to
	started bool
	yield   func(Record, error) bool
	stopped bool
}

// NewLog prepares reading r; nothing is read before Records runs.
func NewLog(r io.Reader) *Log { return &Log{r: r} }

// ParseLog reads the records of r in one go; NewLog also tells what the log covers.
func ParseLog(r io.Reader) iter.Seq2[Record, error] { return NewLog(r).Records() }

// Summary returns what has been seen so far; it is complete when Records has ended.
func (l *Log) Summary() Summary {
	s := l.sum
	if s.Format == "" {
		s.Format = "unknown"
	}
	return s
}

// Limits that keep memory bounded whatever the input: a queue this long or this old holds no real packet.
const (
	maxMessage  = 1 << 20
	maxQueue    = 64
	maxWaits    = 256
	maxInterned = 4096
)

type openMessage struct {
	Record
	thread   *thread
	buf      []byte
	size     int // bytes read, of which buf may hold fewer
	lines    int // of the body
	level    uint64
	start    *Message // the message, if it is brief
	keep     bool     // a sign-in attempt, or what tells about one: not brief
	framed   bool     // announced by "Sending Packet" or "Data Received"
	raw      bool     // its lines carry no stamp
	prefixed bool     // its lines carry a stamp each
	bare     bool     // outside any log format
	server   bool     // a server's record: its body stands in a "Message-Body:" line
	body     int      // offset in buf, -1 until the blank line was seen
	length   int      // Content-Length, -1 unknown
	waits    int      // stamped lines of other threads since its own last one
	closed   bool
}

// complete reports that the message has its header section and all its body, as far as Content-Length tells.
func (m *openMessage) complete() bool {
	return m.body >= 0 && m.size-m.body >= m.length
}

// Records reads the log, once: the sequence holds the records in the order of their lines. Text that is not SIP is passed
// over. An error ends it: *FormatError for input that is no text, else what the reader returned; messages before it are kept.
func (l *Log) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if l.started {
			return
		}
		l.started = true
		l.yield = yield
		l.starts = map[string]*Message{}
		l.client.threads = map[string]*thread{}
		l.client.packets = map[string]*packetHeader{}
		l.client.thread = &thread{}
		in, err := openText(l.r)
		l.sum.Compressed = in.compressed
		if err == nil {
			l.sum.Encoding, l.sum.NULs = encodingUTF8, in.zeros
			err = l.read(in)
			if e := in.encodings(); e != encodingUTF8 {
				l.sum.Encoding = e
			}
		}
		if l.stopped {
			return
		}
		l.finish(err)
		if !l.stopped && !l.told.IsZero() && l.sum.LastAt.Sub(l.told) > dialogueSilence {
			l.stopped = !yield(Record{File: l.File, Line: l.line, Offset: l.offset, At: l.sum.LastAt, Zoned: l.sum.Zoned, Direction: "none"}, nil)
		}
		if err == nil || l.stopped {
			return
		}
		if _, ok := err.(*FormatError); !ok {
			err = fmt.Errorf("sip: read log: %w", err)
		}
		yield(Record{}, err)
	}
}

// read handles every line; a line that does not fit the block comes in pieces.
func (l *Log) read(in *input) error {
	lines := lineReader{r: in, widen: in.widen}
	if in.text != nil {
		lines.widen = nil
	}
	whole := true
	for !l.stopped {
		if whole && !lines.nuls {
			lines.start += l.ordinaryLines(lines.buf[lines.start:lines.end])
			if l.emitClosed() {
				continue
			}
		}
		piece, ended, err := lines.next()
		if n := len(piece); n > 0 {
			if lines.nuls {
				piece = dropNULs(piece)
				l.sum.NULs += int64(n - len(piece))
			}
			if whole {
				l.line++
				l.handle(piece)
			} else if m := l.last; m != nil && !m.closed {
				l.add(m, piece)
			}
			l.offset += int64(n)
			whole = ended
			l.emitClosed()
		}
		if err == nil {
			continue
		}
		l.sum.Lines, l.sum.Bytes = l.line, l.offset
		switch {
		case err == io.EOF:
			l.sum.Truncated = l.sum.Truncated || !whole && l.sum.Format != "sip" && l.sum.Format != ""
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// emitClosed hands out what is closed, if anything is.
func (l *Log) emitClosed() bool {
	if len(l.queue) == 0 || !l.queue[0].closed {
		return false
	}
	l.sum.Lines, l.sum.Bytes = l.line, l.offset
	l.emit()
	return true
}

func dropNULs(b []byte) []byte {
	out := b[:0]
	for _, c := range b {
		if c != 0 {
			out = append(out, c)
		}
	}
	return out
}

// handle sorts one line, with its line end, by what it begins with.
func (l *Log) handle(line []byte) {
	if l.client.keyed {
		l.client.thread, l.client.keyed = l.threadOf(l.client.key[:l.client.keyLength]), false
	}
	text := line
	if len(text) > 0 && blank(text[0]) {
		text = bytes.TrimLeft(text, " \t")
	}
	if len(text) > 0 {
		switch c := text[0]; {
		case c >= '0' && c <= '9':
			if l.stampedLine(text) || l.treeLine(text) {
				return
			}
		case c == 'T' && bytes.HasPrefix(text, []byte("TL_")):
			if l.serverLine(text) {
				return
			}
		case c == '$' && bytes.HasPrefix(text, []byte("$$end_record")):
			l.endRecord()
			return
		case c == 'M' || c == '(':
			if l.sipeLine(text) {
				return
			}
		}
	}
	l.unstamped(line)
}

// clock makes a time of digits; ok is false for a date that does not exist.
func clock(year, month, day, hour, minute, second, milli []byte) (time.Time, bool) {
	n := func(b []byte) int {
		v := 0
		for _, c := range b {
			if c < '0' || c > '9' {
				return -1
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	y, mo, d, h, mi, s, ms := n(year), n(month), n(day), n(hour), n(minute), n(second), n(milli)
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60 || ms < 0 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(mo), d, h, mi, s, ms*int(time.Millisecond), time.UTC)
	return t, t.Day() == d || s == 60
}

// see notes the time of a line and returns it as the time of what follows.
func (l *Log) see(at time.Time, zoned bool, format string) {
	if l.sum.Format == "" || l.sum.Format == "sip" {
		l.sum.Format = format
	}
	l.at, l.client.stamp, l.client.latest = at, stampText{}, 0
	if at.IsZero() {
		return
	}
	if l.sum.FirstAt.IsZero() || at.Before(l.sum.FirstAt) {
		l.sum.FirstAt = at
	}
	if l.sum.LastAt.Sub(at) > time.Minute && l.sum.LastAt.Sub(l.before) <= time.Minute {
		l.sum.ClockBack++
	}
	l.before = at
	if at.After(l.sum.LastAt) {
		if last := l.sum.LastAt; !last.IsZero() && at.Sub(last) > gapLength && len(l.sum.Gaps) < maxGaps {
			l.sum.Gaps = append(l.sum.Gaps, Gap{last, at})
		}
		l.sum.LastAt = at
	}
	l.sum.Zoned = zoned
}

// unstamped handles a line without any prefix: it belongs to the line before, or is SIP by itself.
func (l *Log) unstamped(line []byte) {
	if l.server.record != nil {
		l.recordLine(line)
		return
	}
	if l.skip {
		if l.server.report != nil {
			l.reportLine(line)
		}
		if h := l.sipe.http; h != nil && len(h.text) < maxHTTP {
			h.text = append(h.text, line[:min(len(line), maxHTTP)]...)
		}
		return
	}
	if l.tree != nil {
		if !startLine(line) {
			l.treeText(line)
			return
		}
		l.endTree()
	}
	m := l.last
	if m != nil && m.closed {
		m = nil
	}
	if l.sipe.packet != nil && m == nil {
		if startLine(line) {
			l.begin(line, l.sipe.packet).raw = true
		}
		return
	}
	if m == nil {
		// Another thread's line cut in: the only message that still lacks something goes on.
		for _, o := range l.queue {
			if o.closed || o.prefixed {
				continue
			}
			if m != nil {
				m = nil
				break
			}
			m = o
		}
	}
	switch {
	case m == nil:
	case m.server && m.body < 0 && bytes.HasPrefix(line, []byte("Message-Body:")):
		l.add(m, []byte("\r\n"))
		if body := bytes.TrimLeft(line[len("Message-Body:"):], " "); string(bytes.TrimSpace(body)) != "-" {
			l.add(m, body)
		}
		return
	case m.bare && (m.body < 0 || m.complete()) && startLine(line):
		l.closeMessage(m)
		m = nil
	default:
		if !m.bare && !m.prefixed {
			m.raw = true
		}
		l.last = m
		l.add(m, line)
		return
	}
	if l.sum.Advice != "" && l.sum.Format == "" {
		return
	}
	if startLine(line) {
		l.beginBare(line)
		return
	}
	if l.sum.Advice == "" && l.sum.Format == "" && bytes.Contains(line, []byte("$$begin_record")) {
		// Avaya's Contact Center writes records of the same keys, with the day first and without a TL_ level.
		l.sum.Advice = "records like those of a Lync server, without its TL_ prefix: Avaya Contact Center writes such; give the Lync client's .uccapilog, or the text that OCSLogger or CLS exports"
	}
	if l.sum.Format == "" || l.sum.Format == "sip" {
		if t := trimLine(line); bytes.IndexByte(t[:min(len(t), 64)], ':') > 0 {
			if fragmentLine(string(t[:min(len(t), 4096)])) {
				l.beginBare(line)
			}
		}
	}
}

// beginBare starts a message that no prefix announces.
func (l *Log) beginBare(line []byte) {
	if l.sum.Format == "" {
		l.sum.Format = "sip"
	}
	h := l.client.thread.packet
	m := l.begin(line, h)
	m.bare, m.raw = h == nil && l.sum.Format == "sip", true
}

// begin opens a message with its first line. h is nil where nothing announced it.
func (l *Log) begin(line []byte, h *packetHeader) *openMessage {
	m := l.newMessage(line, h)
	l.queue = append(l.queue, m)
	if len(l.queue) > maxQueue {
		l.queue[0].closed = true
	}
	l.last = m
	l.add(m, line)
	return m
}

// newMessage prepares a message, with nothing in it yet, for begin and wholePacket.
func (l *Log) newMessage(line []byte, h *packetHeader) *openMessage {
	var m *openMessage
	if n := len(l.spare); n > 0 {
		m = l.spare[n-1]
		l.spare = l.spare[:n-1]
	} else {
		m = &openMessage{}
	}
	*m = openMessage{buf: m.buf[:0], thread: l.client.thread, body: -1, length: -1}
	m.File, m.Line, m.Offset, m.At, m.Zoned, m.Thread, m.Direction = l.File, l.line, l.offset, l.at, l.sum.Zoned, l.client.thread.name, "none"
	if h != nil {
		m.framed = h.direction != ""
		m.Direction, m.Remote, m.Local = cmp.Or(h.direction, "none"), h.remote, h.local
	}
	if l.Brief && m.framed {
		m.start = l.briefStart(trimEnd(line))
	}
	m.keep = m.start == nil
	return m
}

// add appends a line to a message.
func (l *Log) add(m *openMessage, line []byte) {
	limit := cmp.Or(max(l.MaxMessage, 0), maxMessage)
	if m.size+len(line) > limit {
		if !m.Truncated {
			m.Truncated = true
			l.sum.Oversized++
		}
		line = line[:max(limit-m.size, 0)]
	}
	m.size += len(line)
	if m.body >= 0 {
		m.bodyLine(line)
		if m.keep {
			m.buf = append(m.buf, line...)
		}
		return
	}
	m.buf = append(m.buf, line...)
	if len(line) > 0 {
		l.headerLine(m, line)
	}
}

// bodyLine notes a line of the body.
func (m *openMessage) bodyLine(line []byte) {
	m.lines++
	if !m.keep && m.length <= 0 && len(trimLine(trimEnd(line))) > 0 {
		m.keep = true // headers, which a paste broke off
	}
}

// headerLine takes what a line of the header section tells about the message's end, and whether it is kept whole.
func (l *Log) headerLine(m *openMessage, line []byte) {
	switch line[0] | 0x20 {
	case '\r' | 0x20, '\n' | 0x20, '\t' | 0x20, ' ':
		if string(line) == "\r\n" || len(trimLine(bytes.TrimRight(line, "\n"))) == 0 {
			m.body = m.size
		} else {
			m.keep = true
		}
	case 'c', 'l':
		i := bytes.IndexByte(line[:min(len(line), 21)], ':')
		if i < 0 {
			break
		}
		name, value := line[:i], line[i+1:]
		for i > 0 && blank(name[i-1]) {
			i--
			name = name[:i]
		}
		switch {
		case i == 4 && bytes.EqualFold(name, []byte("CSeq")):
			value = trimLine(trimEnd(value))
			// What lost its line break here may hold anything.
			m.keep = m.keep || bytes.IndexByte(value, ':') >= 0 ||
				len(value) > len("REGISTER") && bytes.EqualFold(value[len(value)-len("REGISTER"):], []byte("REGISTER"))
		case m.length < 0 && (i == 1 && name[0]|0x20 == 'l' || i == 14 && bytes.EqualFold(name, []byte("Content-Length"))):
			if n, ok := leadingNumber(bytes.TrimSpace(value)); ok {
				m.length = n
			}
		}
	case 'm', 'x':
		if i := bytes.IndexByte(line[:min(len(line), 40)], ':'); i > 0 && diagnosticsHeader(string(bytes.TrimRight(line[:i], " \t"))) {
			m.keep = true
		}
	case 'd':
		if !l.sum.HasServerAhead && len(line) > 5 && bytes.EqualFold(line[:4], []byte("Date")) {
			m.keep = true
		}
	}
}

func (l *Log) closeMessage(m *openMessage) {
	if m == nil {
		return
	}
	m.closed = true
	if l.last == m {
		l.last = nil
	}
}

// emit hands out closed messages from the head of the queue.
func (l *Log) emit() {
	for len(l.queue) > 0 && l.queue[0].closed && !l.stopped {
		m := l.queue[0]
		l.queue = append(l.queue[:0], l.queue[1:]...)
		r := m.Record
		msg, err := l.message(m)
		if err != nil {
			l.reuse(m)
			continue // its start line was one only together with what a cut took away
		}
		r.Message = msg
		l.sum.Messages++
		l.told = r.At
		l.compareClocks(r)
		if !l.yield(r, nil) {
			l.stopped = true
		}
		l.reuse(m)
	}
}

// reuse takes back a message that nobody looks at any longer, but for one whose text was very long.
func (l *Log) reuse(m *openMessage) {
	if len(l.spare) < maxQueue && cap(m.buf) <= 2*lineSize {
		l.spare = append(l.spare, m)
	}
}

// message parses what was collected.
func (l *Log) message(m *openMessage) (*Message, error) {
	if l.Brief {
		if !m.keep && m.body >= 0 {
			return m.start, nil
		}
		if parsePlain(m.buf, &l.brief, borrowed) {
			if !utf8.Valid(m.buf) {
				l.validText(&l.brief)
			}
			return &l.brief, nil
		}
	}
	msg, err := ParseMessage(m.buf)
	if err == nil {
		l.validText(msg)
	}
	return msg, err
}

// briefStart returns a brief message with a start line, of which a log has few; nil if the line is that of a REGISTER, or needs
// a guess.
func (l *Log) briefStart(line []byte) *Message {
	if bytes.HasPrefix(line, []byte("REGISTER ")) {
		return nil
	}
	m := l.starts[string(line)]
	if m == nil {
		s := string(line)
		m = &Message{}
		if !plainStartLine(s, m) {
			return nil
		}
		if len(l.starts) >= 256 {
			clear(l.starts)
		}
		l.starts[s] = m
	}
	return m
}

// plainStartLine reads a start line of ASCII that is written as RFC 3261 has it.
func plainStartLine(line string, m *Message) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] >= 0x7f {
			return false
		}
	}
	const version = "SIP/2.0"
	if reason, ok := strings.CutPrefix(line, version+" "); ok {
		if len(reason) < 5 || reason[3] != ' ' || blank(reason[4]) || len(trimLine(line)) < len(line) || strings.IndexByte(reason, ':') >= 0 {
			return false
		}
		status, _ := leadingNumber(reason[:3])
		*m = Message{Status: status, Reason: reason[4:], Version: version, Headers: m.Headers}
		return status >= 100 && digits(reason[:3])
	}
	method, uri, _ := strings.Cut(line, " ")
	uri, ok := strings.CutSuffix(uri, " "+version)
	scheme, _, colon := strings.Cut(uri, ":")
	*m = Message{Request: true, Method: method, URI: uri, Version: version, Headers: m.Headers}
	return ok && colon && token(method) && token(scheme) && strings.IndexByte(uri, ' ') < 0
}

// step hands out a step, after the messages before it.
func (l *Log) step(s Step) {
	l.stepAt(Record{File: l.File, Line: l.line, Offset: l.offset, At: l.at, Zoned: l.sum.Zoned, Direction: "none", Step: &s})
}

func (l *Log) stepAt(r Record) {
	for _, m := range l.queue {
		m.closed = true
	}
	l.last = nil
	l.emit()
	if l.stopped {
		return
	}
	if !l.yield(r, nil) {
		l.stopped = true
	}
}

// finish closes what is open at the end of the text.
func (l *Log) finish(err error) {
	l.releaseStep(false)
	l.endTree()
	l.endReport()
	if l.sipe.http != nil {
		l.sum.Truncated = true
		l.endHTTP()
	}
	for _, m := range l.queue {
		if m.closed {
			continue
		}
		m.closed = true
		// A paste ends where its author liked; only a body shorter than announced shows a cut there.
		lacks := m.body >= 0 && !m.complete() && m.size-m.body+m.lines < m.length
		if lacks || err != nil || !m.bare && m.body < 0 && m.length != 0 {
			m.Truncated = true
			l.sum.Truncated = true
		}
	}
	if l.client.announced > 0 || l.sipe.packet != nil || l.server.record != nil || err != nil {
		l.sum.Truncated = true
	}
	l.emit()
}

// validText makes names and values UTF-8; bodies stay as they are.
func (l *Log) validText(m *Message) {
	fix := func(s *string) {
		if t := windows1252(*s); t != *s {
			*s = t
			l.sum.Encoding = "windows-1252"
		}
	}
	fix(&m.Method)
	fix(&m.URI)
	fix(&m.Reason)
	for i := range m.Headers {
		fix(&m.Headers[i].Name)
		fix(&m.Headers[i].Value)
	}
}

func (l *Log) compareClocks(r Record) {
	if l.sum.HasServerAhead || r.At.IsZero() || r.Message.Status == 0 || r.Direction == "out" {
		return
	}
	if date := parseDate(r.Message.Get("Date")); !date.IsZero() {
		l.sum.ServerAhead, l.sum.HasServerAhead = date.Sub(r.At), true
	}
}

// parseDate reads a Date header (RFC 3261 section 20.17: RFC 1123 form, always GMT); zero if it is not one.
func parseDate(s string) time.Time {
	s = strings.TrimSpace(s)
	if len(s) > 40 || !strings.HasSuffix(s, "GMT") && !strings.HasSuffix(s, "UTC") {
		return time.Time{}
	}
	s = strings.TrimSpace(s[:len(s)-3])
	for _, layout := range []string{"Mon, 02 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// startLine reports whether a line is a request or status line. Lines of ordinary text are dismissed without a copy.
func startLine(line []byte) bool {
	for len(line) > 0 && blank(line[0]) {
		line = line[1:]
	}
	if len(line) < 8 || (line[0]|0x20 != 's' || !bytes.EqualFold(line[:4], []byte("SIP/"))) && !requestLine(line) {
		return false
	}
	end := len(line)
	for end > 0 && (line[end-1] == '\n' || line[end-1] == '\r') {
		end--
	}
	const version = "SIP/2.0"
	if line := line[:end]; bytes.HasSuffix(line, []byte(" "+version)) && line[0]|0x20 != 's' {
		return true
	}
	if end > 12 && string(line[:len(version)]) == version && line[7] == ' ' && line[8] != '0' && line[11] == ' ' && digits(line[8:11]) {
		return true
	}
	var p messageParser
	_, ok := p.start(trimLine(strings.TrimRight(string(line), "\r\n")))
	return ok
}

// startsMessage reports whether a line that nothing announces is a start line: its method is in capitals then.
func startsMessage(line []byte) bool {
	return len(line) > 8 && (capitalWord(line) || line[0]|0x20 == 's' && line[3] == '/') && startLine(line)
}

// requestLine reports whether a line begins with a method and a scheme.
func requestLine(line []byte) bool {
	i := 0
	for i < len(line) && tokenBytes[line[i]] {
		i++
	}
	if i == 0 || i == len(line) || !blank(line[i]) {
		return false
	}
	for i < len(line) && blank(line[i]) {
		i++
	}
	if i < len(line) && line[i] == '<' {
		i++
	}
	scheme := i
	for i < len(line) && tokenBytes[line[i]] {
		i++
	}
	return i > scheme && i < len(line) && line[i] == ':'
}

// leaveBlocks ends blocks that a new stamped line proves unfinished.
func (l *Log) leaveBlocks() {
	l.server.record, l.skip, l.sipe.packet = nil, false, nil
}
