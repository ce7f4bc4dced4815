package render

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// packedLogPage is logview.html, packed by go generate.
//
//go:embed logview.html.gz
var packedLogPage []byte

// logPage is the page: it works offline and asks nobody for anything.
var logPage = sync.OnceValue(func() string {
	var text []byte
	z, err := gzip.NewReader(bytes.NewReader(packedLogPage))
	if err == nil {
		text, err = io.ReadAll(z)
	}
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(text)
})

// LogView writes one self-contained HTML page about logs: attempts with their
// verdicts, every message, what its diagnostics mean, ladder and coverage. The
// texts of the messages go out compressed as they come; an index of them is
// kept until Close. Nothing is written before there is something to show.
//
// Credentials in messages (gssapi-data, tickets, cookies) are left out.
type LogView struct {
	Redact func(any) any // as in Options

	out      *bufio.Writer
	tool     Tool
	begun    bool
	err      error
	texts    objects // of the messages that are not yet written
	inChunk  int
	chunks   int
	rows     objects
	count    int
	strings  map[string]int
	list     []string
	attempts objects
	tried    int
	steps    []logStep
	files    []logFile
	codes    map[string]bool
	findings map[string]bool
	known    objects // explanations of codes
	verdicts objects // of findings
}

// chunkSize is how many texts are compressed together: the page unpacks so
// many to show one.
const chunkSize = 256

// LogView begins a page on w.
func (t Tool) LogView(w io.Writer) *LogView {
	return &LogView{out: bufio.NewWriterSize(w, 64<<10), tool: t, strings: map[string]int{}, codes: map[string]bool{}, findings: map[string]bool{}}
}

func (v *LogView) intern(s string) int {
	i, ok := v.strings[s]
	if !ok {
		i = len(v.list)
		v.strings[s] = i
		v.list = append(v.list, s)
	}
	return i
}

// Add takes one record of a log.
func (v *LogView) Add(r sip.Record) {
	if v.Redact != nil {
		r = v.Redact(r).(sip.Record)
	}
	if s := r.Step; s != nil && len(v.steps) < maxSteps {
		v.steps = append(v.steps, logStep{r.File, r.Line, stamp(r.At), s.Kind, s.Target, known(s.Status, s.Status > 0), s.Detail,
			s.Number, s.Name, s.Failed, s.HRESULT, diagnostics(s.Diagnostics)})
	}
	m := r.Message
	if m == nil || v.err != nil {
		return
	}
	what := m.Method
	if m.Status > 0 {
		what = strings.TrimSpace(strconv.Itoa(m.Status) + " " + m.Reason)
		v.explain("SIP " + strconv.Itoa(m.Status))
	}
	num, method, _ := m.CSeq()
	at := int64(-1)
	if !r.At.IsZero() {
		at = r.At.UnixMilli()
	}
	row := &v.rows
	if v.count > 0 {
		row.b = append(row.b, ',')
	}
	row.b = append(row.b, '[')
	row.b = strconv.AppendInt(row.b, at, 10)
	for _, n := range []int{map[string]int{"in": 1, "out": 2}[r.Direction], v.intern(what), v.intern(method), int(num), m.Status,
		v.intern(m.Get("Call-ID")), v.intern(sip.Address(m.Get("From"))), v.intern(sip.Address(m.Get("To"))), v.intern(r.Remote), v.intern(r.File), r.Line} {
		row.b = strconv.AppendInt(append(row.b, ','), int64(n), 10)
	}
	for _, d := range sip.Diagnostics(m) {
		row.b = strconv.AppendInt(append(row.b, ','), int64(d.ID), 10)
		v.explain("ms-diagnostics " + strconv.Itoa(d.ID))
		for _, p := range d.Params {
			if strings.EqualFold(p.Name, "HRESULT") || strings.EqualFold(p.Name, "ErrorType") || strings.Contains(strings.ToLower(p.Name), "winsock") {
				v.explain(p.Value)
			}
		}
	}
	row.b = append(row.b, ']')
	v.count++
	if v.inChunk > 0 {
		v.texts.b = append(v.texts.b, ',')
	}
	v.texts.string(strings.ToValidUTF8(string(withoutSecrets(m).Append(nil)), "\uFFFD"))
	if v.inChunk++; v.inChunk == chunkSize {
		v.flush()
	}
}

// withoutSecrets is the message without what signs its sender in.
func withoutSecrets(m *sip.Message) *sip.Message {
	clean := *m
	clean.Headers = make([]sip.Header, len(m.Headers))
	for i, h := range m.Headers {
		switch strings.ToLower(h.Name) {
		case "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info", "proxy-authentication-info":
			for _, name := range []string{"gssapi-data", "response", "rspauth", "crand", "srand", "nonce"} {
				h.Value = blankOut(h.Value, name)
			}
			if scheme, _, _ := strings.Cut(h.Value, " "); strings.EqualFold(scheme, "Basic") || strings.EqualFold(scheme, "Bearer") {
				h.Value = scheme + " (left out)"
			}
		case "x-ms-webticket", "cookie", "set-cookie":
			h.Value = "(left out)"
		}
		clean.Headers[i] = h
	}
	return &clean
}

// blankOut leaves out the value of a parameter, quoted or not.
func blankOut(s, name string) string {
	at := strings.Index(strings.ToLower(s), name+"=")
	if at < 0 {
		return s
	}
	from := at + len(name) + 1
	quote := strings.HasPrefix(s[from:], `"`)
	end := strings.IndexAny(s[from:], ", ")
	if quote {
		from++
		end = strings.IndexByte(s[from:], '"')
	}
	if end < 0 {
		end = len(s) - from
	}
	if end == 0 {
		return s
	}
	return s[:from] + "(" + strconv.Itoa(end) + " characters left out)" + s[from+end:]
}

// explain adds what is known of a code, once.
func (v *LogView) explain(code string) {
	if v.codes[code] || len(v.codes) >= maxAttempts {
		return
	}
	v.codes[code] = true
	found := sip.LookupCode(code)
	if len(found) == 0 {
		return
	}
	if len(v.known.b) > 0 {
		v.known.b = append(v.known.b, ',')
	}
	v.known.open('{')
	v.known.text("asked", code)
	v.known.text("kind", found[0].Kind)
	v.known.text("code", found[0].Code)
	v.known.text("name", found[0].Name)
	v.known.text("meaning", found[0].Meaning)
	v.known.text("category", found[0].Category)
	v.known.text("remedy", found[0].Remedy)
	v.known.text("source", found[0].Source)
	v.known.close('}')
}

// Attempt takes one attempt.
func (v *LogView) Attempt(a sip.Attempt) {
	if v.Redact != nil {
		a = v.Redact(a).(sip.Attempt)
	}
	if v.tried > 0 {
		v.attempts.b = append(v.attempts.b, ',')
	}
	v.tried++
	v.attempts.attempt(&a)
	name := lyncdiag.FindingOf(a.Class())
	spec, ok := kb.Lookup(name)
	if !ok || v.findings[name] {
		return
	}
	v.findings[name] = true
	if len(v.verdicts.b) > 0 {
		v.verdicts.b = append(v.verdicts.b, ',')
	}
	v.verdicts.open('{')
	v.verdicts.text("name", name)
	v.verdicts.text("type", string(spec.Type))
	v.verdicts.text("severity", string(spec.Severity))
	v.verdicts.text("title", spec.Title)
	v.verdicts.text("cause", spec.Cause)
	v.verdicts.key("resolution")
	v.verdicts.open('[')
	for _, step := range spec.Resolution {
		v.verdicts.next()
		v.verdicts.string(step)
	}
	v.verdicts.close(']')
	v.verdicts.close('}')
}

// File takes a log that was read to its end.
func (v *LogView) File(f fact.LogFile) {
	if v.Redact != nil {
		f = v.Redact(f).(fact.LogFile)
	}
	v.files = append(v.files, logFileDoc(f))
}

// begin writes the page up to where its data stand.
func (v *LogView) begin() {
	if v.begun || v.err != nil {
		return
	}
	v.begun = true
	head, _, _ := strings.Cut(logPage(), "<!--data-->")
	_, v.err = v.out.WriteString(head)
}

// flush writes the texts that came together, compressed.
func (v *LogView) flush() {
	v.begin()
	if v.inChunk == 0 || v.err != nil {
		return
	}
	fmt.Fprintf(v.out, "<script type=\"text/plain\" id=\"t%d\">", v.chunks)
	encoder := base64.NewEncoder(base64.StdEncoding, v.out)
	zip, _ := gzip.NewWriterLevel(encoder, gzip.BestSpeed)
	zip.Write([]byte{'['})
	zip.Write(v.texts.b)
	zip.Write([]byte{']'})
	if err := errors.Join(zip.Close(), encoder.Close()); err != nil {
		v.err = err
	}
	v.out.WriteString("</script>\n")
	v.chunks++
	v.inChunk, v.texts.b = 0, v.texts.b[:0]
}

// Close writes the rest of the page.
func (v *LogView) Close() error {
	v.flush()
	v.data("rows", v.rows.b)
	v.data("attempts", v.attempts.b)
	v.data("codes", v.known.b)
	v.data("findings", v.verdicts.b)
	var names objects
	for i, s := range v.list {
		if i > 0 {
			names.b = append(names.b, ',')
		}
		names.string(s)
	}
	v.data("strings", names.b)
	v.marshalled("files", list(v.files))
	v.marshalled("steps", list(v.steps))
	_, tail, _ := strings.Cut(logPage(), "<!--data-->")
	if v.err == nil {
		_, v.err = v.out.WriteString(tail)
	}
	if v.err == nil {
		v.err = v.out.Flush()
	}
	if v.err != nil {
		return fmt.Errorf("render: write page: %w", v.err)
	}
	return nil
}

// marshalled writes a list with package encoding/json.
func (v *LogView) marshalled(id string, list any) {
	var b bytes.Buffer
	if err := encode(&b, list, ""); err != nil {
		v.err = errors.Join(v.err, err)
		return
	}
	text := bytes.TrimSpace(b.Bytes())
	v.data(id, text[1:len(text)-1])
}

// data writes the elements of a JSON array where no script can be in them.
func (v *LogView) data(id string, elements []byte) {
	if v.err != nil {
		return
	}
	v.out.WriteString(`<script type="application/json" id="d-` + id + `">[`)
	v.out.Write(bytes.ReplaceAll(elements, []byte("<"), []byte(`\u003c`)))
	_, v.err = v.out.WriteString("]</script>\n")
}
