package sip

import (
	"bytes"
	"strings"
	"unsafe"
)

// parsePlain reads a message whose line breaks are where RFC 3261 puts them, as nearly all are: one pass, no question asked
// twice. Whatever needs a guess it leaves, and headers decides.
// toString makes a string of its header section, m.Headers is used again if it is large enough; m.Body shares memory with b.
func parsePlain(b []byte, m *Message, toString func([]byte) string) bool {
	first := bytes.IndexByte(b, '\n')
	if first < 0 {
		return false
	}
	var found [64]struct{ name, colon, value, end int } // offsets in b
	headers, announced := 0, false
	n, rest := first+1, []byte(nil)
	for n < len(b) {
		line := b[n:]
		colon := 0
		for colon < len(line) && tokenBytes[line[colon]] {
			colon++
		}
		end := bytes.IndexByte(line[colon:], '\n') + colon
		if end < colon {
			return false
		}
		if end == 0 || end == 1 && line[0] == '\r' {
			rest = line[end+1:]
			break
		}
		if colon == 0 || line[colon] != ':' || headers == len(found) {
			return false // a continued header, an XML body, a wrapped reason, ...
		}
		value := colon + 1
		for blank(line[value]) || line[value] == '\r' {
			value++
		}
		text := trimLine(line[value:end])
		switch name := line[:colon]; colon {
		case 1:
			announced = announced || len(text) > 0 && (name[0]|0x20 == 'l' || name[0]|0x20 == 'c')
		case 4:
			if bytes.EqualFold(name, []byte("CSeq")) && bytes.IndexByte(text, ':') >= 0 {
				return false // the next header's line break may be lost
			}
		case 12:
			announced = announced || len(text) > 0 && bytes.EqualFold(name, []byte("Content-Type"))
		case 14:
			announced = announced || len(text) > 0 && bytes.EqualFold(name, []byte("Content-Length"))
		}
		h := &found[headers]
		headers++
		h.name, h.colon, h.value, h.end = n, n+colon, n+value, n+value+len(text)
		n += end + 1
	}
	// Without any word of a body, what follows may be headers that a paste broke off.
	if len(rest) > 0 && !announced {
		return false
	}
	section := toString(b[:n])
	p := Message{Headers: m.Headers[:0]}
	if !plainStartLine(strings.TrimSuffix(section[:first], "\r"), &p) {
		return false
	}
	if cap(p.Headers) < headers {
		p.Headers = make([]Header, 0, headers)
	}
	for _, h := range found[:headers] {
		p.Headers = append(p.Headers, Header{Name: section[h.name:h.colon], Value: section[h.value:h.end]})
	}
	if headers == 0 {
		p.Headers = nil
	}
	p.Body = p.cutBody(rest)
	*m = p
	return true
}

// copied is text that stays.
func copied(b []byte) string { return string(b) }

// borrowed is text that changes with b: that of a message which is good until the next one only.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
