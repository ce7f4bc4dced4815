package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// LogStream writes lyncdiag.log/v1 as its attempts come, so that a log of any
// size takes no memory. It writes nothing before the first of them, or the
// end, and writes while its caller reads on: Flush and Close wait for that.
type LogStream struct {
	Redact func(any) any // as in Options

	pending []sip.Attempt // not yet handed on
	writing []sip.Attempt // by the goroutine that closes done
	done    chan struct{} // nil: nobody is writing

	out     *bufio.Writer
	newline string // "" for one line
	begun   bool
	buf     []byte
	err     error
}

// NewLogStream writes JSON or NDJSON to w.
func NewLogStream(w io.Writer, f Format) *LogStream {
	s := &LogStream{out: bufio.NewWriterSize(w, 64<<10)}
	if f == JSON {
		s.newline = "\n"
	}
	return s
}

// maxPending is how many attempts a goroutine is started for.
const maxPending = 128

// Attempt takes one attempt, which must not change afterwards. An error is kept
// for Close.
func (s *LogStream) Attempt(a *sip.Attempt) {
	if s.Redact != nil {
		redacted := s.Redact(*a).(sip.Attempt)
		a = &redacted
	}
	if s.pending = append(s.pending, *a); len(s.pending) < maxPending {
		return
	}
	s.Wait()
	s.pending, s.writing = s.writing[:0], s.pending
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		s.attempts(s.writing)
	}()
}

// Wait waits until nothing is being written. Close does so too.
func (s *LogStream) Wait() {
	if s.done != nil {
		<-s.done
		s.done = nil
	}
}

// Flush makes what was written so far visible to who follows a log.
func (s *LogStream) Flush() {
	s.settle()
	s.flush()
}

func (s *LogStream) flush() {
	if s.err == nil {
		s.err = s.out.Flush()
	}
}

// settle writes all attempts.
func (s *LogStream) settle() {
	s.Wait()
	s.attempts(s.pending)
	s.pending = s.pending[:0]
}

func (s *LogStream) attempts(list []sip.Attempt) {
	for i := range list {
		s.attempt(&list[i])
	}
	clear(list) // what they hold is not kept any longer
}

func (s *LogStream) attempt(a *sip.Attempt) {
	if s.err != nil {
		return
	}
	b := s.buf[:0]
	if s.begun {
		b = append(b, ',')
	} else {
		s.begun = true
		b = append(b, s.opening()...)
	}
	w := objects{b: b, pretty: s.newline != "", depth: 2}
	w.line()
	w.attempt(a)
	s.buf = w.b
	_, s.err = s.out.Write(s.buf)
}

func (s *LogStream) opening() string {
	if s.newline == "" {
		return `{"schema":"lyncdiag.log/v1","attempts":[`
	}
	return "{\n  \"schema\": \"lyncdiag.log/v1\",\n  \"attempts\": ["
}

// Close writes the rest of the document: all but the attempts, of which d need
// not hold any.
func (s *LogStream) Close(d Document) error {
	s.settle()
	if s.Redact != nil {
		d.page = s.Redact(d.page).(page)
	}
	doc, ok := d.page.(*logDoc)
	if !ok {
		return fmt.Errorf("render: write document: it is no log")
	}
	rest := *doc
	rest.Attempts = []attempt{}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if s.newline != "" {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(rest); err != nil {
		return fmt.Errorf("render: encode document: %w", err)
	}
	text := b.Bytes()
	if s.begun {
		text = text[len(s.opening()):]
		if s.newline != "" {
			s.out.WriteString("\n  ")
		}
	}
	if s.err == nil {
		s.err = escape(s.out, text)
	}
	s.flush()
	if s.err != nil {
		return fmt.Errorf("render: write document: %w", s.err)
	}
	return nil
}

// objects appends JSON as package encoding/json writes it, in ASCII and
// without reflection: attempts are most of what is written about a large log.
type objects struct {
	b      []byte
	pretty bool
	depth  int
	first  bool // nothing is in the object or array yet
}

func (w *objects) line() {
	if w.pretty {
		w.b = append(w.b, '\n')
		w.b = append(w.b, "                                "[:2*w.depth]...)
	}
}

func (w *objects) open(c byte) {
	w.b = append(w.b, c)
	w.depth++
	w.first = true
}

func (w *objects) close(c byte) {
	w.depth--
	if !w.first {
		w.line()
	}
	w.b = append(w.b, c)
	w.first = false
}

// next begins an element of an array.
func (w *objects) next() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
	w.line()
}

func (w *objects) key(name string) {
	w.next()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
	if w.pretty {
		w.b = append(w.b, ' ')
	}
}

func (w *objects) text(name, value string) {
	w.key(name)
	w.string(value)
}

func (w *objects) number(name string, value int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

func (w *objects) string(s string) {
	w.b = append(w.b, '"')
	for len(s) > 0 {
		n := 0
		for n < len(s) && s[n] >= ' ' && s[n] < 0x7f && s[n] != '"' && s[n] != '\\' {
			n++
		}
		w.b = append(w.b, s[:n]...)
		if s = s[n:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch r {
		case '"', '\\':
			w.b = append(w.b, '\\', byte(r))
		case '\b':
			w.b = append(w.b, `\b`...)
		case '\f':
			w.b = append(w.b, `\f`...)
		case '\n':
			w.b = append(w.b, `\n`...)
		case '\r':
			w.b = append(w.b, `\r`...)
		case '\t':
			w.b = append(w.b, `\t`...)
		default:
			if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
				w.unicode(high)
				r = low
			}
			w.unicode(r)
		}
	}
	w.b = append(w.b, '"')
}

func (w *objects) unicode(r rune) {
	const hex = "0123456789abcdef"
	w.b = append(w.b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// attempt writes what logAttempt makes, key by key.
func (w *objects) attempt(a *sip.Attempt) {
	class := a.Class()
	w.open('{')
	w.text("id", a.ID)
	w.text("file", a.File)
	w.number("line", int64(a.Line))
	if !a.StartedAt.IsZero() {
		w.key("startedAt")
		w.b = append(w.b, '"')
		w.b = append(appendStamp(w.b, a.StartedAt), '"')
	}
	w.number("durationMs", a.Duration.Milliseconds())
	w.text("method", a.Method)
	w.text("uri", a.URI)
	w.text("from", a.From)
	w.text("callId", a.CallID)
	w.number("cseq", int64(a.CSeq))
	w.text("server", a.Server)
	w.text("clientVersion", a.ClientVersion)
	w.text("outcome", a.Outcome)
	if a.FinalStatus > 0 {
		w.number("finalStatus", int64(a.FinalStatus))
	}
	w.text("finalReason", a.FinalReason)
	w.text("scheme", a.Scheme)
	w.text("class", string(class))
	w.text("finding", lyncdiag.FindingOf(class))
	w.key("legs")
	w.open('[')
	for _, l := range a.Legs {
		w.next()
		w.open('{')
		w.number("cseq", int64(l.CSeq))
		if l.Status > 0 {
			w.number("status", int64(l.Status))
		}
		w.text("reason", l.Reason)
		w.text("scheme", l.Scheme)
		w.key("challenge")
		w.b = strconv.AppendBool(w.b, l.Challenge)
		w.number("resent", int64(l.Resent))
		if l.Duration > 0 {
			w.number("durationMs", l.Duration.Milliseconds())
		}
		w.close('}')
	}
	w.close(']')
	w.key("diagnostics")
	w.open('[')
	for _, d := range a.Diagnostics {
		w.next()
		w.open('{')
		w.text("header", d.Header)
		w.number("id", int64(d.ID))
		w.text("reason", d.Reason)
		w.text("source", d.Source)
		w.key("params")
		w.open('[')
		for _, p := range d.Params {
			w.next()
			w.open('{')
			w.text("name", p.Name)
			w.text("value", p.Value)
			w.close('}')
		}
		w.close(']')
		w.close('}')
	}
	w.close(']')
	w.close('}')
}

// appendStamp is stamp without the layout to interpret.
func appendStamp(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 1000 || year > 9999 {
		return append(b, stamp(t)...)
	}
	hour, minute, second := t.Clock()
	two := func(n int) { b = append(b, byte('0'+n/10), byte('0'+n%10)) }
	two(year / 100)
	two(year % 100)
	b = append(b, '-')
	two(int(month))
	b = append(b, '-')
	two(day)
	b = append(b, 'T')
	two(hour)
	b = append(b, ':')
	two(minute)
	b = append(b, ':')
	two(second)
	ms := t.Nanosecond() / 1e6
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
