package sip

import (
	"bytes"
	"strings"
)

// parsePlain reads a message whose line breaks are where RFC 3261 puts them, as nearly all are: one pass, no question asked
// twice. Whatever needs a guess it leaves, and headers decides.
// m.Headers is used again if it is large enough, and m.Body shares memory with b.
func parsePlain(b []byte, m *Message) bool {
	// An earlier blank line of another kind is met below.
	n, rest := len(b), []byte(nil)
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		n, rest = i+2, b[i+4:]
	} else if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
		n, rest = i+1, b[i+2:]
	}
	if n == 0 || b[n-1] != '\n' {
		return false
	}
	section := string(b[:n])
	p := messageParser{m: Message{Headers: m.Headers[:0]}}
	first, left, _ := strings.Cut(section, "\n")
	if first = strings.TrimSuffix(first, "\r"); trimLine(first) != first {
		return false
	}
	if swallowed, ok := p.start(first); !ok || swallowed != "" {
		return false
	}
	if lines := strings.Count(left, "\n"); cap(p.m.Headers) < lines {
		p.m.Headers = make([]Header, 0, lines)
	}
	announced := false
	for left != "" {
		i := strings.IndexByte(left, '\n')
		line := left[:i]
		left = left[i+1:]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		i = strings.IndexByte(line, ':')
		if i <= 0 || !token(line[:i]) {
			return false // a continued header, an XML body, a wrapped reason, ...
		}
		h := Header{Name: line[:i], Value: line[i+1:]}
		for len(h.Value) > 0 && (blank(h.Value[0]) || h.Value[0] == '\r') {
			h.Value = h.Value[1:]
		}
		if n := len(h.Value); n > 0 {
			switch h.Value[n-1] {
			case ' ', '\t', '\r', '\\', '5':
				h.Value = trimLine(h.Value)
			}
		}
		switch len(h.Name) {
		case 1:
			announced = announced || h.Value != "" && (h.Name[0]|0x20 == 'l' || h.Name[0]|0x20 == 'c')
		case 4:
			if strings.IndexByte(h.Value, ':') >= 0 && strings.EqualFold(h.Name, "CSeq") {
				return false // the next header's line break may be lost
			}
		case 12:
			announced = announced || h.Value != "" && strings.EqualFold(h.Name, "Content-Type")
		case 14:
			announced = announced || h.Value != "" && strings.EqualFold(h.Name, "Content-Length")
		}
		p.m.Headers = append(p.m.Headers, h)
	}
	if len(p.m.Headers) == 0 {
		p.m.Headers = nil
	}
	// Without any word of a body, what follows may be headers that a paste broke off.
	if len(rest) > 0 && !announced {
		return false
	}
	p.m.Body = p.m.cutBody(rest)
	*m = p.m
	return true
}
