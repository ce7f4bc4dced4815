package sip

import (
	"slices"
	"strconv"
	"strings"
)

// Diagnostic is one error report of a server or client ([MS-OCER] section 2.2.1): the number decides, the texts change
// between releases and languages.
type Diagnostic struct {
	Header string `json:"header"` // lower case: ms-diagnostics, ms-diagnostics-public, ms-client-diagnostics or x-ms-diagnostics
	ID     int    `json:"id"`     // ErrorId
	// SubError is what follows the dot of "ErrorId.SubErr", "" in all but old servers.
	SubError string  `json:"subError"`
	Reason   string  `json:"reason"` // "" if not given
	Source   string  `json:"source"` // the reporting server; ms-diagnostics-public never has one
	Params   []Param `json:"params"` // the other parameters in order
}

// Param is one further parameter of a Diagnostic, such as Domain or HRESULT. The name is as written; a flag without "=" has Value "".
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Diagnostics returns every diagnostics header of m that carries a number, in the order of the message: headers repeat, and
// the first need not be the telling one.
func Diagnostics(m *Message) []Diagnostic {
	var out []Diagnostic
	for _, h := range m.Headers {
		if !diagnosticsHeader(h.Name) {
			continue
		}
		if d, ok := ParseDiagnostic(h.Name, h.Value); ok {
			out = append(out, d)
		}
	}
	return out
}

// ParseDiagnostic reads the value of the named header. ok is false when the header is none of the four diagnostics
// headers or its value has no number. It takes parameters in any order and case, blanks around "=" and ";", unquoted
// values, quotes inside quotes, typographic quotes of a paste, and the "ErrorCode=1008,Source=...,Reason=..." that the Test-Cs
// cmdlets print. Values are trimmed and valid UTF-8.
func ParseDiagnostic(header, value string) (d Diagnostic, ok bool) {
	if !diagnosticsHeader(header) {
		return Diagnostic{}, false
	}
	d.Header = strings.ToLower(header)
	s := strings.Trim(straightQuotes(value), " \t\r\n")
	sep := byte(';')
	if rest, found := cutPrefixFold(s, "ErrorCode="); found {
		s, sep = strings.TrimLeft(rest, " \t"), ','
	}
	s = strings.TrimPrefix(s, `"`)
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	// Nine digits hold every known number space and fit an int everywhere.
	if n == 0 || n > 9 {
		return Diagnostic{}, false
	}
	d.ID, _ = strconv.Atoi(s[:n])
	s = s[n:]
	if len(s) > 1 && s[0] == '.' {
		n = 1
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		d.SubError, s = s[1:n], s[n:]
	}
	s = strings.TrimPrefix(s, `"`)
	if s != "" && !blank(s[0]) && s[0] != ';' && s[0] != ',' {
		return Diagnostic{}, false // "4005abc" is a word, not a number
	}
	seenReason, seenSource := false, false
	for s != "" {
		var name, v string
		name, v, s = cutParam(s, sep)
		switch {
		case name == "" && v == "":
		case !seenReason && strings.EqualFold(name, "reason"):
			d.Reason, seenReason = v, true
		case !seenSource && strings.EqualFold(name, "source"):
			d.Source, seenSource = v, true
		default:
			d.Params = append(d.Params, Param{Name: name, Value: v})
		}
	}
	return d, true
}

// Explain says what the number means, and what codes within the parameters do, such as HRESULT="0x80090322(SEC_E_WRONG_PRINCIPAL)".
// The first is the number's own, from its range if no table has it.
func (d Diagnostic) Explain() []Code {
	out := diagnosticByID(d.ID)
	for _, p := range d.Params {
		if len(p.Value) > 256 || strings.EqualFold(p.Name, "domain") || strings.EqualFold(p.Name, "peer") {
			continue
		}
		// A bare number may be anything: a port, a count.
		if !strings.Contains(p.Value, "0x") && !strings.Contains(p.Value, "0X") && !strings.Contains(strings.ToUpper(p.Value), "WSA") && !strings.Contains(strings.ToUpper(p.Value), "AADSTS") {
			continue
		}
		for _, c := range LookupCode(p.Value) {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
			break
		}
	}
	return out
}

func diagnosticsHeader(name string) bool {
	switch len(name) {
	case len("ms-diagnostics"):
		return strings.EqualFold(name, "ms-diagnostics")
	case len("x-ms-diagnostics"):
		return strings.EqualFold(name, "x-ms-diagnostics")
	case len("ms-client-diagnostics"): // as long as ms-diagnostics-public
		return strings.EqualFold(name, "ms-client-diagnostics") || strings.EqualFold(name, "ms-diagnostics-public")
	}
	return false
}

// cutParam takes one parameter off s, which may begin with separators.
func cutParam(s string, sep byte) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t;,")
	end := strings.IndexByte(s, sep)
	if end < 0 {
		end = len(s)
	}
	eq := strings.IndexByte(s[:end], '=')
	if eq < 0 {
		return strings.Trim(s[:end], " \t"), "", s[end:]
	}
	name = strings.Trim(s[:eq], " \t")
	s = strings.TrimLeft(s[eq+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		if end = strings.IndexByte(s, sep); end < 0 {
			end = len(s)
		}
		return name, strings.Trim(s[:end], " \t"), s[end:]
	}
	value, rest = cutQuoted(s[1:], sep)
	return name, strings.Trim(value, " \t"), rest
}

// cutQuoted cuts s, which follows an opening quote, at the quote that ends the value: the one before a separator or the
// end, since reasons quote names with the same character. Without such a quote the value runs to the end.
func cutQuoted(s string, sep byte) (value, rest string) {
	escaped := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				escaped = true
				i++
			}
		case '"':
			after := strings.TrimLeft(s[i+1:min(len(s), i+17)], " \t")
			if after == "" || after[0] == sep || after[0] == ';' {
				return unescape(s[:i], escaped), s[i+1:]
			}
		}
	}
	return unescape(s, escaped), ""
}

func unescape(s string, escaped bool) string {
	if !escaped {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
}

// straightQuotes undoes what word processors and web pages do to the quotes of a pasted header, and makes it valid UTF-8.
func straightQuotes(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] == '&' {
			return strings.NewReplacer("\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`, "\u00ab", `"`, "\u00bb", `"`,
				"\u2033", `"`, "\u00a0", " ", "&quot;", `"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
		}
	}
	return s
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
