package sip

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Step is something a client did before it could register, as far as its log says so: the log of pidgin-sipe names DNS
// queries and shows HTTP messages, and Skype for Business writes a numbered tree of its steps. The wording of such lines in a
// .uccapilog is not documented, and none is guessed. A server's diagnostic record is a step too, of the kind other.
type Step struct {
	Kind   string `json:"kind"`   // dns, autodiscover, web-ticket, certificate-provisioning, token or other
	Target string `json:"target"` // name or URL asked, "" if the log does not say
	Status int    `json:"status"` // HTTP status, 0 if the log does not say
	Detail string `json:"detail"`
	Number string `json:"number"` // place in the client's tree, "1.1.1"; "" elsewhere
	Name   string `json:"name"`   // in the client's tree: "Get-NewWebTicket"
	// Failed reports that the log says so: FAIL and an HRESULT of failure, or a status from 400 that asks for nothing. What the
	// client tries again another way has not failed.
	Failed  bool   `json:"failed"`
	HRESULT string `json:"hresult"` // "0x80FB0800", "" if the log does not say
	// Diagnostics of the answer, if the log shows its headers or its SOAP fault.
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// sipeLog is what the lines of a sipe log so far say about the next.
type sipeLog struct {
	packet   *packetHeader // inside a SIP block
	held     *Record       // a step whose next line may say that it is tried again
	http     *httpText     // inside an HTTP block
	address  string        // of the HTTP request that the log speaks of
	asked    string        // by the last HTTP request that it shows
	ticket   bool          // with a web ticket
	answered bool          // the answer was shown whole
}

// sipeLine handles a line of a pidgin-sipe debug log: "(HH:MM:SS) sipe: text", or "MESSAGE START >>>>>>>>>> SIP(0x1) - TIME"
// and its end, with or without that prefix. The stamp of the former has no date.
func (l *Log) sipeLine(line []byte) bool {
	text, prefixed := bytes.TrimRight(line, "\r\n"), false
	if len(text) > 11 && text[0] == '(' && text[3] == ':' && text[6] == ':' && string(text[9:11]) == ") " {
		text, prefixed = text[11:], true
	}
	text = bytes.TrimPrefix(text, []byte("sipe: "))
	start, isStart := bytes.CutPrefix(text, []byte("MESSAGE START "))
	if !isStart && !bytes.HasPrefix(text, []byte("MESSAGE END ")) {
		if prefixed && l.sipe.packet == nil && !l.skip {
			l.see(time.Time{}, false, "sipe")
			text := string(text[:min(len(text), 1024)])
			l.releaseStep(strings.HasPrefix(text, "webticket_token: anonymous authentication to service ") && strings.Contains(text, "retrying"))
			l.sipeStep(text)
		}
		return prefixed && l.sipe.packet == nil
	}
	l.releaseStep(false)
	l.endHTTP()
	for _, m := range l.queue {
		if !m.closed && isStart && l.sipe.packet != nil {
			m.Truncated = true
		}
		m.closed = true
	}
	l.last = nil
	l.leaveBlocks()
	if !isStart {
		return true
	}
	head, after, _ := strings.Cut(string(start[:min(len(start), 256)]), " - ")
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(after))
	if err != nil {
		at = time.Time{}
	}
	l.client.thread = l.threadOf(nil)
	l.see(at.UTC(), err == nil, "sipe")
	l.sum.Zoned = err == nil
	if !strings.Contains(head, " SIP") {
		l.skip = true
		if strings.Contains(head, " HTTP") {
			l.sipe.http = &httpText{line: l.line, offset: l.offset}
		}
		return true
	}
	l.sipe.packet = &packetHeader{direction: "none"}
	switch {
	case strings.HasPrefix(head, ">>"):
		l.sipe.packet.direction = "out"
	case strings.HasPrefix(head, "<<"):
		l.sipe.packet.direction = "in"
	}
	return true
}

// sipeStep picks the steps of the sign-in out of sipe's own messages.
func (l *Log) sipeStep(text string) {
	text = windows1252(text)
	switch {
	case strings.HasPrefix(text, "dnssrv: querying SRV record for "):
		if _, name, ok := strings.Cut(text[len("dnssrv: querying SRV record for "):], ": "); ok {
			l.step(Step{Kind: "dns", Target: strings.TrimSpace(name), Detail: "SRV query"})
		}
	case strings.HasPrefix(text, "no SRV records found"):
		l.step(Step{Kind: "dns", Detail: "no SRV records found"})
	case strings.HasPrefix(text, "sipe_http_parse_uri: host '"):
		l.sipe.address, l.sipe.answered = sipeAddress(text[len("sipe_http_parse_uri: host '"):]), false
	case strings.HasPrefix(text, "sipe_svc_https_response: code "):
		status, err := strconv.Atoi(leadingDigits(text[len("sipe_svc_https_response: code "):]))
		if err != nil || status < 100 || status > 999 || l.sipe.answered {
			return
		}
		l.sipe.held = &Record{File: l.File, Line: l.line, Offset: l.offset, At: l.at, Zoned: l.sum.Zoned, Direction: "none",
			Step: &Step{Kind: stepKind(l.sipe.address), Target: l.sipe.address, Status: status, Failed: failedStatus(status)}}
	}
}

// sipeAddress makes a URL of "HOST' port PORT path 'PATH'".
func sipeAddress(s string) string {
	host, s, ok := strings.Cut(s, "' port ")
	port, path, ok2 := strings.Cut(s, " path '")
	if !ok || !ok2 {
		return ""
	}
	scheme := "https"
	if port == "80" {
		scheme = "http"
	}
	return scheme + "://" + host + ":" + port + "/" + strings.TrimPrefix(strings.TrimSuffix(path, "'"), "/")
}

func stepKind(address string) string {
	address = strings.ToLower(address)
	for _, k := range [...][2]string{
		{"/webticket/", "web-ticket"}, {"/certprov/", "certificate-provisioning"}, {"/rst2.srf", "token"}, {"/adfs/", "token"},
		{"/trust/", "token"}, {"lyncdiscover", "autodiscover"}, {"autodiscover", "autodiscover"},
	} {
		if strings.Contains(address, k[0]) {
			return k[1]
		}
	}
	return "other"
}

// failedStatus: 401 and 407 ask for credentials.
func failedStatus(status int) bool { return status >= 400 && status != 401 && status != 407 }

// releaseStep hands out the step that waited for the line after it, which may say that the client tries another way.
func (l *Log) releaseStep(retried bool) {
	if l.sipe.held == nil {
		return
	}
	r := *l.sipe.held
	l.sipe.held = nil
	if retried {
		r.Step.Failed, r.Step.Detail = false, "refused without credentials; the client tries again with a token"
	}
	l.stepAt(r)
}

// httpText is an HTTP message in a sipe log.
type httpText struct {
	line   int
	offset int64
	text   []byte
}

// maxHTTP bounds what is kept of one.
const maxHTTP = 64 << 10

// endHTTP reads the message that has ended: a request is remembered, an answer is a step.
func (l *Log) endHTTP() {
	h := l.sipe.http
	l.sipe.http = nil
	if h == nil {
		return
	}
	first, rest, _ := bytes.Cut(h.text, []byte("\n"))
	words := strings.Fields(string(first[:min(len(first), 2048)]))
	if len(words) < 2 {
		return
	}
	var host string
	ticket := false
	step := Step{}
	header, body, whole := bytes.Cut(rest, []byte("\n\n"))
	if !whole || len(rest) > 0 && rest[0] == '\n' {
		header, body = nil, rest
	}
	for line := range bytes.Lines(header) {
		name, value, ok := cutHeader(trimLine(strings.TrimRight(string(line[:min(len(line), 4096)]), "\n")))
		if !ok {
			continue
		}
		switch strings.ToLower(name) {
		case "host":
			host = value
		case "x-ms-webticket":
			ticket = true
		}
		if d, ok := ParseDiagnostic(name, windows1252(value)); ok {
			step.Diagnostics = append(step.Diagnostics, d)
		}
	}
	if !strings.HasPrefix(words[0], "HTTP/") {
		l.sipe.asked = words[1]
		if strings.HasPrefix(words[1], "/") {
			l.sipe.asked = "https://" + host + words[1]
			if strings.HasPrefix(l.sipe.address, "http://"+host) {
				l.sipe.asked = "http://" + host + words[1]
			}
		}
		l.sipe.asked = windows1252(l.sipe.asked)
		l.sipe.ticket = ticket
		return
	}
	step.Status, _ = strconv.Atoi(words[1])
	if step.Status < 100 || step.Status > 999 {
		return
	}
	step.Target = l.sipe.asked
	step.Kind = stepKind(l.sipe.asked)
	step.Failed = failedStatus(step.Status)
	var fault Diagnostic
	step.Detail, fault = soapFault(body)
	if fault.ID != 0 {
		step.Diagnostics = append(step.Diagnostics, fault)
	}
	if l.sipe.ticket && step.Detail == "" {
		step.Detail = "asked with a web ticket"
	}
	l.sipe.answered = true
	l.stepAt(Record{File: l.File, Line: h.line, Offset: h.offset, At: l.at, Zoned: l.sum.Zoned, Direction: "in", Step: &step})
}

// soapFault reads the reason of a SOAP fault and the ErrorId of an OCSDiagnosticsFault ([MS-OCAUTHWS] section 2.2.4).
func soapFault(body []byte) (reason string, d Diagnostic) {
	text := string(body[:min(len(body), maxHTTP)])
	if !strings.Contains(text, "Fault") {
		return "", d
	}
	for _, name := range []string{"Text", "faultstring"} {
		if reason = element(text, name); reason != "" {
			break
		}
	}
	if id, ok := leadingNumber(element(text, "ErrorId")); ok {
		d = Diagnostic{Header: "ms-diagnostics-fault", ID: id, Reason: element(text, "Reason")}
		if strings.Contains(d.Reason, "<") { // the Reason of the SOAP fault, which has elements in it
			d.Reason = ""
		}
	}
	return reason, d
}

// element returns the text of the last element of a local name in XML that need not be whole.
func element(text, name string) string {
	end := strings.LastIndex(text, name+">")
	for end >= 0 {
		slash := strings.LastIndexByte(text[:end], '<')
		if slash >= 0 && strings.HasPrefix(text[slash:], "</") && (slash+2 == end || text[end-1] == ':') {
			open := strings.LastIndexByte(text[:slash], '>')
			return windows1252(strings.Join(strings.Fields(text[open+1:slash]), " "))
		}
		end = strings.LastIndex(text[:end], name+">")
	}
	return ""
}

// treeLine handles a line of the numbered tree of sign-in steps that Skype for Business writes: "1.1.1 NAME: FAIL (hr = 0x80FB0800)"
// or "NAME: PASS". What follows tells more of it, up to the next.
func (l *Log) treeLine(line []byte) bool {
	text := trimLine(strings.TrimRight(string(line[:min(len(line), 512)]), "\r\n"))
	number, rest, ok := strings.Cut(text, " ")
	if !ok || strings.Trim(number, "0123456789.") != "" || strings.Contains(number, "..") || len(number) > 64 {
		return false
	}
	name, result, ok := strings.Cut(rest, ": ")
	if !ok || !token(strings.ReplaceAll(name, " ", "-")) {
		return false
	}
	failed := strings.HasPrefix(result, "FAIL")
	if !failed && !strings.HasPrefix(result, "PASS") {
		return false
	}
	l.endTree()
	l.see(time.Time{}, false, "steps")
	step := &Step{Number: number, Name: name, Kind: nameKind(name)}
	if _, hr, ok := strings.Cut(result, "(hr = 0x"); ok {
		if v, err := strconv.ParseUint(strings.TrimRight(hr, ") "), 16, 32); err == nil {
			step.HRESULT = fmt.Sprintf("0x%08X", v)
			failed = failed && v>>31 == 1 // 0x003D0000 is "not finished yet"
		}
	}
	step.Failed = failed
	l.tree = &Record{File: l.File, Line: l.line, Offset: l.offset, Direction: "none", Step: step}
	return true
}

// treeText takes what a line below a step says about it.
func (l *Log) treeText(line []byte) {
	text := windows1252(trimLine(strings.TrimRight(string(line[:min(len(line), 1024)]), "\r\n")))
	s := l.tree.Step
	switch {
	case strings.HasPrefix(text, "TargetUri:"):
		s.Target = strings.TrimSpace(text[len("TargetUri:"):])
		if s.Kind == "other" {
			s.Kind = stepKind(s.Target)
		}
	case strings.HasPrefix(text, "The server returned a"), strings.HasPrefix(text, "The fault reason was:"):
		if !strings.Contains(s.Detail, text) && len(s.Detail) < 2048 {
			s.Detail = strings.TrimSpace(s.Detail + " " + text)
		}
	}
}

func (l *Log) endTree() {
	if l.tree == nil {
		return
	}
	r := *l.tree
	l.tree = nil
	l.stepAt(r)
}

func nameKind(name string) string {
	name = strings.ToLower(name)
	for _, k := range [...][2]string{
		{"webticket", "web-ticket"}, {"publishcert", "certificate-provisioning"}, {"dnsautodiscovery", "dns"}, {"autodiscover", "autodiscover"}, {"token", "token"},
	} {
		if strings.Contains(name, k[0]) {
			return k[1]
		}
	}
	return "other"
}
