package sip

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Step is something a client did before it could register, as far as its log says so: the log of pidgin-sipe names DNS
// queries and HTTP answers; the wording of such lines in a .uccapilog is not documented, and none is guessed.
type Step struct {
	Kind   string `json:"kind"`   // dns, autodiscover, web-ticket, certificate-provisioning, token or other
	Target string `json:"target"` // name or URL asked, "" if the log does not say
	Status int    `json:"status"` // HTTP status, 0 if the log does not say
	Detail string `json:"detail"`
	// Diagnostics of the answer, if the log shows its headers.
	Diagnostics []Diagnostic `json:"diagnostics"`
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
		if prefixed && l.sipe == nil && !l.skip {
			l.see(time.Time{}, false, "sipe")
			l.sipeStep(string(text[:min(len(text), 1024)]))
		}
		return prefixed && l.sipe == nil
	}
	for _, m := range l.queue {
		if !m.closed && isStart && l.sipe != nil {
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
	l.thread = l.threadOf(nil)
	l.see(at.UTC(), err == nil, "sipe")
	l.sum.Zoned = err == nil
	if !strings.Contains(head, " SIP") {
		l.skip = true
		return true
	}
	l.sipe = &packetHeader{direction: "none"}
	switch {
	case strings.HasPrefix(head, ">>"):
		l.sipe.direction = "out"
	case strings.HasPrefix(head, "<<"):
		l.sipe.direction = "in"
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
		l.address = sipeAddress(text[len("sipe_http_parse_uri: host '"):])
	case strings.HasPrefix(text, "sipe_svc_https_response: code "):
		status, err := strconv.Atoi(leadingDigits(text[len("sipe_svc_https_response: code "):]))
		if err != nil || status < 100 || status > 999 {
			return
		}
		l.step(Step{Kind: stepKind(l.address), Target: l.address, Status: status})
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
