package sip

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Message is one SIP request or response (RFC 3261 section 7) as somebody wrote it down.
//
// A fragment, header lines pasted without their start line, is a message too: Request is false, and Method, Status
// and Version are zero.
type Message struct {
	Request bool   `json:"request"`
	Method  string `json:"method"` // "" in a response; see CSeq
	URI     string `json:"uri"`    // Request-URI, "" in a response
	Status  int    `json:"status"` // 0 in a request
	Reason  string `json:"reason"`
	Version string `json:"version"` // "SIP/2.0" as written
	// Headers in the order of the message, continuation lines joined by one space.
	Headers []Header `json:"headers"`
	// Body is nil when there is none or when Content-Length is 0, whatever follows.
	Body []byte `json:"body"`
}

// Header is one header field. Name is kept as written: full, compact or in capitals.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ParseError says where a text stopped being SIP.
type ParseError struct {
	Line   int    `json:"line"` // from 1, within the text given
	Detail string `json:"detail"`
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("sip: parse message: line %d: %s", e.Line, e.Detail)
}

// ParseMessage reads one message the way a reader of logs has to: it takes CRLF, LF or CR, folded lines, compact
// names, whole messages indented by a paste, header lines run together by one, hard-wrapped lines, a missing blank line before
// an XML or SDP body, and syntax errors inside header values. It fails, with a *ParseError, only when the first line
// is neither a start line nor a SIP header. The body is all that follows the blank line; Content-Length only cuts
// trailing white space, because logs and pastes change line ends. The result does not share memory with b.
func ParseMessage(b []byte) (*Message, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if m := (&Message{}); parsePlain(b, m, copied) {
		m.Body = bytes.Clone(m.Body)
		return m, nil
	}
	return parseLoose(b)
}

// parseLoose reads what has lost line breaks, or has some too many.
func parseLoose(b []byte) (*Message, error) {
	eol := byte('\n')
	if bytes.IndexByte(b, '\n') < 0 {
		eol = '\r'
	}
	line := 1
	for len(b) > 0 {
		l, rest := cutLine(b, eol)
		if len(trimLine(l)) > 0 {
			break
		}
		b = rest
		line++
	}
	if len(b) == 0 {
		return nil, &ParseError{Line: line, Detail: "no text"}
	}
	p := messageParser{eol: eol}
	if detail := p.headers(b); detail != "" {
		return nil, &ParseError{Line: line, Detail: detail}
	}
	p.m.Body = bytes.Clone(p.m.cutBody(p.rest))
	return &p.m, nil
}

type messageParser struct {
	m    Message
	eol  byte
	flat bool     // the start line swallowed headers: line breaks were lost
	body bool     // a header announces a body
	open []string // lines of the header being read
	rest []byte   // what follows the header section
}

// headers reads the start line and the header section of b and leaves the rest in p.rest. It returns why b is not SIP, or "".
func (p *messageParser) headers(b []byte) string {
	n, indent := sectionEnd(b, p.eol)
	section := string(b[:n])
	p.m.Headers = make([]Header, 0, strings.Count(section, string(p.eol)))
	first, left := cutLine(section, p.eol)
	logical := trimLine(first)
	fragment := fragmentLine(logical)
	p.open = append(p.open, logical)
	if !fragment {
		// A wrapped reason phrase continues on lines that are no headers.
		for left != "" {
			l, after := cutLine(left, p.eol)
			t := trimLine(l)
			if _, _, ok := cutHeader(t); ok || t == "" {
				break
			}
			p.open = append(p.open, t)
			left = after
		}
		logical = strings.Join(p.open, " ")
		p.open = p.open[:0]
		swallowed, ok := p.start(logical)
		if !ok {
			return fmt.Sprintf("neither a start line nor a SIP header: %.60q", logical)
		}
		if swallowed != "" {
			p.flat = true
			p.open = append(p.open, swallowed)
		}
	} else if w := width(first); w < indent {
		indent = w
	}
	for {
		p.section(left, indent)
		p.flush()
		b = b[n:]
		blank, rest := cutLine(b, p.eol)
		if len(trimLine(blank)) > 0 {
			p.rest = b // a body without a blank line before it
			break
		}
		p.rest = rest
		// Pastes break a header section with a blank line. Without any word of a body, a SIP header cannot be one.
		next, _ := cutLine(rest, p.eol)
		name, _, ok := cutHeader(trimLine(string(next)))
		if !ok || !knownHeader(name) {
			break
		}
		if len(blank) > 0 && blank[0] != '\r' || !p.body {
			b = rest
			n, _ = sectionEnd(b, p.eol)
			if n == 0 {
				break
			}
			section = string(b[:n])
			first, left = cutLine(section, p.eol)
			p.open = append(p.open, trimLine(first))
			continue
		}
		break
	}
	if len(p.m.Headers) == 0 {
		p.m.Headers = nil
	}
	return ""
}

// section adds the headers of a run of lines, of which the first may continue the open one. The last one stays open.
func (p *messageParser) section(lines string, indent int) {
	for lines != "" {
		var l string
		l, lines = cutLine(lines, p.eol)
		t := trimLine(l)
		if t == "" {
			continue
		}
		_, _, header := cutHeader(t)
		switch {
		case len(p.open) > 0 && (!header || width(l) > indent):
			p.open = append(p.open, t)
		case header:
			p.flush()
			p.open = append(p.open, t)
		}
	}
}

// flush stores the open header, first undoing lost line breaks.
func (p *messageParser) flush() {
	line := ""
	switch len(p.open) {
	case 0:
		return
	case 1:
		line = p.open[0]
	default:
		line = strings.Join(p.open, " ")
	}
	p.open = p.open[:0]
	for line != "" {
		name, value, ok := cutHeader(line)
		if !ok {
			return
		}
		line = ""
		if p.flat || strings.EqualFold(name, "CSeq") {
			value, line = cutSwallowed(value)
		}
		value = trimLine(value)
		p.m.Headers = append(p.m.Headers, Header{Name: name, Value: value})
		if full := fullName(name); value != "" && (strings.EqualFold(full, "Content-Length") || strings.EqualFold(full, "Content-Type")) {
			p.body = true
		}
	}
}

// start reads a start line; swallowed is the header text that lost its line break to it.
func (p *messageParser) start(s string) (swallowed string, ok bool) {
	m := &p.m
	if n := versionLen(s); n > 0 {
		m.Version = s[:n]
		s = strings.TrimLeft(s[n:], " \t")
		if len(s) < 3 || !digits(s[:3]) || s[0] == '0' || len(s) > 3 && !blank(s[3]) {
			return "", false
		}
		m.Status, _ = strconv.Atoi(s[:3])
		m.Reason, swallowed = cutSwallowed(s[3:])
		return swallowed, true
	}
	method, s, found := cutBlank(s)
	if !found || !token(method) {
		return "", false
	}
	at, junk := -1, -1
	for i := 0; i+1 < len(s) && at < 0; i++ {
		if !blank(s[i]) {
			continue
		}
		n := versionLen(s[i+1:])
		if n == 0 {
			continue
		}
		after := s[i+1+n:]
		switch {
		case after == "":
			at = i
		case blank(after[0]) && headerAt(strings.TrimLeft(after, " \t")):
			at, swallowed = i, strings.TrimLeft(after, " \t")
		case blank(after[0]) && junk < 0:
			junk = i
		}
	}
	if at < 0 {
		at = junk
	}
	if at < 0 {
		return "", false
	}
	m.Request, m.Method, m.URI = true, method, strings.Trim(s[:at], " \t\r")
	m.Version = s[at+1 : at+1+versionLen(s[at+1:])]
	// Prose may end in "SIP/2.0" too; a Request-URI has a scheme.
	scheme, _, found := strings.Cut(strings.TrimPrefix(m.URI, "<"), ":")
	return swallowed, found && token(scheme)
}

// cutBody cuts what follows the header section to the message's body.
func (m *Message) cutBody(rest []byte) []byte {
	if n, ok := m.contentLength(); ok {
		if n == 0 {
			return nil
		}
		if n <= len(rest) && len(bytes.TrimSpace(rest[n:])) == 0 {
			rest = rest[:n]
		}
	}
	if len(bytes.TrimSpace(rest)) == 0 {
		return nil
	}
	return rest
}

// endless stands for every Content-Length of more than nine digits.
const endless = 1_000_000_000

func (m *Message) contentLength() (int, bool) {
	value := m.Get("Content-Length")
	n, ok := leadingNumber(value)
	if !ok && value != "" && value[0] >= '0' && value[0] <= '9' {
		return endless, true
	}
	return n, ok
}

// leadingNumber reads the digits that s begins with, nine at most.
func leadingNumber[T string | []byte](s T) (n int, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if i == 9 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, i > 0
}

// Get returns the value of the first header called name, "" if there is none. Case does not matter, and a compact
// form (RFC 3261 section 7.3.3) equals its full name.
func (m *Message) Get(name string) string {
	name = fullName(name)
	for i := range m.Headers {
		if called(m.Headers[i].Name, name) {
			return m.Headers[i].Value
		}
	}
	return ""
}

// called reports whether a header has a name, which is given in full.
func called(header, name string) bool {
	if len(header) == 1 {
		header = fullName(header)
	}
	return len(header) == len(name) && strings.EqualFold(header, name)
}

// Values returns the values of all headers called name, in order; names compare as in Get. It does not split at commas.
func (m *Message) Values(name string) []string {
	name = fullName(name)
	var out []string
	for i := range m.Headers {
		if called(m.Headers[i].Name, name) {
			out = append(out, m.Headers[i].Value)
		}
	}
	return out
}

// CSeq returns number and method of the CSeq header; ok is false when it is missing, malformed or out of range
// (RFC 3261 section 8.1.1.5: less than 2**31; up to 2**32-1 is accepted).
func (m *Message) CSeq() (num uint32, method string, ok bool) {
	n, method, found := cutBlank(m.Get("CSeq"))
	v, err := strconv.ParseUint(n, 10, 32)
	method = strings.TrimSpace(method)
	if !found || err != nil || method == "" {
		return 0, "", false
	}
	return uint32(v), method, true
}

// Append appends the message in canonical form to dst: CRLF, one line a header, blank line, body. Parsing that gives m again.
func (m *Message) Append(dst []byte) []byte {
	switch {
	case m.Request:
		dst = append(append(append(dst, m.Method...), ' '), m.URI...)
		dst = append(append(append(dst, ' '), m.Version...), "\r\n"...)
	case m.Version != "":
		dst = append(append(dst, m.Version...), ' ')
		dst = strconv.AppendInt(dst, int64(m.Status), 10)
		dst = append(append(append(dst, ' '), m.Reason...), "\r\n"...)
	}
	for _, h := range m.Headers {
		dst = append(append(append(append(dst, h.Name...), ": "...), h.Value...), "\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	return append(dst, m.Body...)
}

// sectionEnd returns the offset of the blank line, or of the body where no blank line precedes it, that ends the header
// section at the start of b, and the least indentation of the lines after the first.
func sectionEnd(b []byte, eol byte) (n, indent int) {
	indent = -1
	for n < len(b) {
		l, rest := cutLine(b[n:], eol)
		t := trimLine(l)
		if len(t) == 0 || n > 0 && bodyLine(l, t) {
			break
		}
		if w := width(l); n > 0 && (indent < 0 || w < indent) {
			indent = w
		}
		n = len(b) - len(rest)
	}
	return n, max(indent, 0)
}

// bodyLine reports whether a line in a header section can only be the beginning of an XML or SDP body: t is line without its ends.
func bodyLine(line, t []byte) bool {
	if t[0] == '<' { // a folded header may go on with <sip:...>
		return len(line) > 0 && line[0] == '<' && !bytes.HasPrefix(t, []byte("<sip")) || bytes.HasPrefix(t, []byte("<?xml"))
	}
	return bytes.HasPrefix(t, []byte("- <")) || string(t) == "v=0"
}

func cutLine[T string | []byte](s T, eol byte) (line, rest T) {
	var i int
	switch v := any(s).(type) {
	case string:
		i = strings.IndexByte(v, eol)
	case []byte:
		i = bytes.IndexByte(v, eol)
	}
	if i < 0 {
		return s, s[len(s):]
	}
	return s[:i], s[i+1:]
}

// trimLine takes the ends off a line: blanks, CR, the backslash that Markdown breaks lines with, and syslog's #015 for CR.
func trimLine[T string | []byte](s T) T {
	for len(s) > 0 && (blank(s[0]) || s[0] == '\r') {
		s = s[1:]
	}
	for len(s) > 0 {
		switch c := s[len(s)-1]; {
		case blank(c) || c == '\r' || c == '\\':
			s = s[:len(s)-1]
		case c == '5' && len(s) >= 4 && string(s[len(s)-4:]) == "#015":
			s = s[:len(s)-4]
		default:
			return s
		}
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// width counts the blanks a line begins with.
func width[T string | []byte](s T) int {
	n := 0
	for n < len(s) && blank(s[n]) {
		n++
	}
	return n
}

func digits[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

// token reports whether s is a token of RFC 3261 section 25.1.
func token[T string | []byte](s T) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

var tokenBytes = func() (set [256]bool) {
	for c := range set {
		set[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-.!%*_+`'~", byte(c)) >= 0
	}
	return set
}()

func cutBlank(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// cutHeader splits "Name : value"; ok is false when no header name starts the line.
func cutHeader(s string) (name, value string, ok bool) {
	i := strings.IndexByte(s, ':')
	if i < 0 {
		return "", "", false
	}
	name = strings.TrimRight(s[:i], " \t")
	return name, strings.Trim(s[i+1:], " \t\r"), token(name)
}

// versionLen returns the length of the SIP-Version at the start of s, which a blank or the end must follow.
func versionLen(s string) int {
	if len(s) < 7 || !strings.EqualFold(s[:4], "SIP/") || !digits(s[4:5]) || s[5] != '.' || !digits(s[6:7]) || len(s) > 7 && !blank(s[7]) {
		return 0
	}
	return 7
}

// headerAt reports whether "Name: " stands at the start of s, where Name is known or at least looks like a header with
// its hyphen: prose has words before colons too.
func headerAt(s string) bool {
	i := strings.IndexByte(s[:min(len(s), 64)], ':')
	if i <= 0 || !token(s[:i]) {
		return false
	}
	// What trimLine takes away counts as a blank, so that trimming cannot make a header of the rest.
	if rest := s[i+1:]; rest != "" && strings.IndexByte(" \t\r\\", rest[0]) < 0 && !strings.HasPrefix(rest, "#015") {
		return false
	}
	return knownHeader(s[:i]) || strings.IndexByte(s[:i], '-') > 0
}

// cutSwallowed parts a text from the headers that lost their line break to it.
func cutSwallowed(s string) (text, swallowed string) {
	if i := findHeader(s); i >= 0 {
		s, swallowed = s[:i], s[i:]
	}
	return trimLine(s), swallowed
}

// findHeader returns where in s, outside quotes, the first header begins whose line break was lost; -1 for nowhere.
func findHeader(s string) int {
	quotes := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' && quotes {
			end := closingQuote(s, i)
			if end < 0 {
				quotes = false
				continue
			}
			i = end
			continue
		}
		if (c|0x20 >= 'a' && c|0x20 <= 'z') && (i == 0 || blank(s[i-1]) || s[i-1] == '\r') && headerAt(s[i:]) {
			return i
		}
	}
	return -1
}

func closingQuote(s string, open int) int {
	for i := open + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// fragmentLine reports whether a line without start line before it is certainly SIP: mail has From and To as well.
func fragmentLine(s string) bool {
	name, value, ok := cutHeader(s)
	if !ok || !knownHeader(name) {
		return false
	}
	switch strings.ToLower(name) {
	case "call-id", "cseq", "via", "record-route", "max-forwards", "allow-events", "authentication-info", "proxy-authentication-info",
		"ms-diagnostics", "ms-diagnostics-public", "ms-client-diagnostics", "x-ms-diagnostics", "ms-user-logon-data", "ms-keep-alive", "ms-telemetry-id":
		return true
	}
	value = strings.ToLower(value)
	return strings.Contains(value, "sip:") || strings.Contains(value, "sips:") || strings.Contains(value, "sip communications service")
}

// fullName expands a compact header name: RFC 3261 section 7.3.3, and RFC 6665 (o, u), RFC 3515 (r), RFC 3892 (b), RFC 4028 (x).
func fullName(name string) string {
	if len(name) != 1 {
		return name
	}
	switch name[0] | 0x20 {
	case 'i':
		return "Call-ID"
	case 'm':
		return "Contact"
	case 'e':
		return "Content-Encoding"
	case 'l':
		return "Content-Length"
	case 'c':
		return "Content-Type"
	case 'f':
		return "From"
	case 's':
		return "Subject"
	case 'k':
		return "Supported"
	case 't':
		return "To"
	case 'v':
		return "Via"
	case 'o':
		return "Event"
	case 'u':
		return "Allow-Events"
	case 'r':
		return "Refer-To"
	case 'b':
		return "Referred-By"
	case 'x':
		return "Session-Expires"
	}
	return name
}

// knownHeader lists the header names that may start a header where line breaks were lost: RFC 3261 section 20 and
// the [MS-SIPRE], [MS-SIPREGE], [MS-SIPAE] and [MS-OCER] ones without a rule of their own.
func knownHeader(name string) bool {
	switch strings.ToLower(name) {
	case "accept", "accept-encoding", "accept-language", "alert-info", "allow", "allow-events", "authentication-info", "authorization",
		"call-id", "call-info", "contact", "content-disposition", "content-encoding", "content-language", "content-length", "content-type",
		"cseq", "date", "error-info", "event", "expires", "from", "in-reply-to", "max-forwards", "mime-version", "min-expires", "organization",
		"priority", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "proxy-require", "record-route", "refer-to",
		"referred-by", "reply-to", "require", "retry-after", "route", "server", "session-expires", "sip-etag", "sip-if-match", "subject",
		"subscription-state", "supported", "timestamp", "to", "unsupported", "user-agent", "via", "warning", "www-authenticate",
		"ms-client-diagnostics", "ms-diagnostics", "ms-diagnostics-public", "x-ms-diagnostics", "ms-keep-alive", "ms-telemetry-id",
		"ms-user-logon-data", "presence-state":
		return true
	}
	return false
}
