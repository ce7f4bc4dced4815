package sip

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Query is a filter of messages in the words of Snooper. The zero value matches every message.
type Query struct{ terms []term }

type term struct{ name, value string }

// queryWords in the order in which help names them.
var queryWords = [...]string{"from", "to", "callid", "method", "code", "direction", "diag"}

// QueryWord reports whether a text begins with one of the words of a query and a colon, such as "from:joe".
func QueryWord(s string) bool {
	name, _, ok := strings.Cut(strings.ToLower(s), ":")
	if !ok {
		return false
	}
	for _, w := range queryWords {
		if name == w || name == "call-id" {
			return true
		}
	}
	return false
}

// ParseQuery reads terms joined by spaces, all of which must hold:
//
//	from:joe to:@contoso.com  part of the address
//	callid:5f3a               part of the Call-ID
//	method:REGISTER           of a request, or that an answer answers
//	code:404 code:4xx         status of an answer
//	direction:in              in, out or none
//	diag:4005                 ErrorId of any diagnostics header
//	word "two words"          anywhere in the text of the message
//
// Case does not matter.
func ParseQuery(s string) (Query, error) {
	var q Query
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		name := ""
		if i := strings.IndexAny(s, ": \t\""); i > 0 && s[i] == ':' && QueryWord(s[:i+1]) {
			name, s = strings.ToLower(s[:i]), s[i+1:]
			if name == "call-id" {
				name = "callid"
			}
		}
		var value string
		if strings.HasPrefix(s, `"`) {
			value, s, _ = strings.Cut(s[1:], `"`)
		} else {
			value, s, _ = cutBlank(s)
		}
		value = strings.ToLower(value)
		switch {
		case value == "" && name != "":
			return Query{}, fmt.Errorf("sip: read query: %s: is followed by nothing", name)
		case name == "direction" && value != "in" && value != "out" && value != "none":
			return Query{}, fmt.Errorf("sip: read query: direction:%s: want in, out or none", value)
		case name == "code" && (len(value) != 3 || strings.Trim(value, "0123456789x") != ""):
			return Query{}, fmt.Errorf("sip: read query: code:%s: want a status such as 404 or 4xx", value)
		case name == "diag" && !digits(value):
			return Query{}, fmt.Errorf("sip: read query: diag:%s: want a number such as 4005", value)
		}
		q.terms = append(q.terms, term{name, value})
	}
	return q, nil
}

// Match reports whether a record's message has everything the query asks for. A step matches only a query without terms.
func (q Query) Match(r Record) bool {
	if r.Message == nil {
		return len(q.terms) == 0
	}
	for _, t := range q.terms {
		if !t.match(r) {
			return false
		}
	}
	return true
}

func (t term) match(r Record) bool {
	m := r.Message
	switch t.name {
	case "from":
		return strings.Contains(strings.ToLower(m.Get("From")), t.value)
	case "to":
		return strings.Contains(strings.ToLower(m.Get("To")), t.value)
	case "callid":
		return strings.Contains(strings.ToLower(m.Get("Call-ID")), t.value)
	case "method":
		_, method, _ := m.CSeq()
		return strings.EqualFold(m.Method, t.value) || m.Method == "" && strings.EqualFold(method, t.value)
	case "code":
		status := strconv.Itoa(m.Status)
		if len(status) != len(t.value) {
			return false
		}
		for i := range len(status) {
			if t.value[i] != 'x' && t.value[i] != status[i] {
				return false
			}
		}
		return true
	case "direction":
		return r.Direction == t.value
	case "diag":
		for _, d := range Diagnostics(m) {
			if strconv.Itoa(d.ID) == t.value {
				return true
			}
		}
		return false
	}
	return bytes.Contains(bytes.ToLower(m.Append(nil)), []byte(t.value))
}
