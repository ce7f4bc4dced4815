package redact

import (
	"bytes"
	"encoding/base64"
	"mime"
	"strings"
)

// maxEscapes is how often a text is taken to have been percent-encoded.
const maxEscapes = 5

// plainRun is a part of a line that was percent-encoded more than it has to be,
// and has been decoded to where names are seen.
type plainRun struct {
	from, to int    // in the decoded line
	original []byte // as it was written
	depth    int    // how often its escapes were escaped
}

// unescapeLine decodes what hides names from who reads a line: escapes of escapes
// (%2540) and escapes of letters, digits and signs that need none (%2E, RFC 3986
// section 2.3). A line without such is returned as it is.
func unescapeLine(line []byte) ([]byte, []plainRun) {
	if !needless(line) {
		return line, nil
	}
	var plain []byte
	var runs []plainRun
	for i := 0; i < len(line); {
		end := i
		for end < len(line) && (wordByte[line[end]] || strings.IndexByte("%.~+!*'", line[end]) >= 0) {
			end++
		}
		if end == i {
			plain = append(plain, line[i])
			i++
			continue
		}
		run := line[i:end]
		if !needless(run) {
			plain = append(plain, run...)
		} else {
			from := len(plain)
			decoded, depth := run, 0
			for depth < maxEscapes && escapeOfEscape(decoded) >= 0 {
				decoded = unescapeSome(decoded, func(d byte) bool { return d == '%' })
				depth++
			}
			plain = append(plain, unescapeSome(decoded, unreserved)...)
			runs = append(runs, plainRun{from, len(plain), run, depth})
		}
		i = end
	}
	return plain, runs
}

// needless reports whether a text has escapes that unescapeLine decodes.
func needless(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '%')
		if i < 0 {
			return false
		}
		text = text[i:]
		if d := escaped(text); d >= 0 && unreserved(byte(d)) || escapeOfEscape(text[:min(len(text), 5)]) >= 0 {
			return true
		}
		text = text[1:]
	}
}

// escaped is the byte that an escape at the beginning of a text stands for; -1:
// there is none.
func escaped(text []byte) int {
	if len(text) < 3 || text[0] != '%' || hexDigit(text[1]) < 0 || hexDigit(text[2]) < 0 {
		return -1
	}
	return hexDigit(text[1])<<4 | hexDigit(text[2])
}

func unreserved(c byte) bool { return c < 0x80 && (wordByte[c] || c == '.' || c == '~') }

// escapeOfEscape is where an escape stands whose % is escaped; -1: nowhere.
func escapeOfEscape(text []byte) int {
	for i := 0; ; i++ {
		k := bytes.Index(text[i:], []byte("%25"))
		if k < 0 {
			return -1
		}
		if i += k; i+4 < len(text) && hexDigit(text[i+3]) >= 0 && hexDigit(text[i+4]) >= 0 {
			return i
		}
	}
}

// unescapeSome decodes the escapes of some bytes; a % only where it makes another.
func unescapeSome(text []byte, some func(byte) bool) []byte {
	var out []byte
	for i := 0; i < len(text); {
		if d := escaped(text[i:]); d >= 0 && some(byte(d)) && (d != '%' || escapeOfEscape(text[i:min(i+5, len(text))]) >= 0) {
			out = append(out, byte(d))
			i += 3
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

// restore ends a run: one in which nothing was replaced is written as it was, any
// other is escaped again as often as it was.
func (p plainRun) restore(out []byte, from int, plain []byte) []byte {
	made := out[from:]
	if bytes.Equal(made, plain) {
		return append(out[:from], p.original...)
	}
	if p.depth == 0 {
		return out
	}
	escape := []byte("%" + strings.Repeat("25", p.depth))
	return append(out[:from], bytes.ReplaceAll(bytes.Clone(made), []byte("%"), escape)...)
}

// encodedWords replaces in the encoded words (RFC 2047) that begin at i, those
// that follow each other taken as one text, which is a name where it is known to be
// one or an address follows; end 0: there are none.
func (s *scanner) encodedWords(out, line []byte, i int, named bool) ([]byte, int) {
	var decoder mime.WordDecoder
	text, end := "", 0
	for j := i; ; {
		n := encodedWord(line[j:])
		if n == 0 {
			break
		}
		decoded, err := decoder.Decode(string(line[j : j+n]))
		if err != nil {
			decoded = rawWord(line[j : j+n]) // of a character set that is not known here
		}
		text += decoded
		end = j + n
		for j = end; j < len(line) && line[j] == ' '; j++ {
		}
	}
	if end == 0 {
		return out, 0
	}
	var replaced string
	if named || bytes.HasPrefix(bytes.TrimLeft(line[end:], " "), []byte("<")) {
		replaced = string(s.words([]byte(text), person))
	} else {
		replaced = s.text(text)
	}
	switch {
	case replaced == text:
		return append(out, line[i:end]...), end
	case strings.Trim(replaced, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -._@") == "":
		return append(out, replaced...), end
	}
	return append(out, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(replaced))+"?="...), end
}

// displayed replaces the name before an address, encoded words in it as well.
func (s *scanner) displayed(out, name []byte) []byte {
	for len(name) > 0 {
		i := bytes.Index(name, []byte("=?"))
		if i < 0 {
			break
		}
		out = append(out, s.words(name[:i], person)...)
		o, end := s.encodedWords(out, name[i:], 0, true)
		if end == 0 {
			o, end = append(o, "=?"...), 2
		}
		out, name = o, name[i+end:]
	}
	return append(out, s.words(name, person)...)
}

// encodedWord is the length of the encoded word at the beginning of a text.
func encodedWord(b []byte) int {
	if len(b) < 8 || b[0] != '=' || b[1] != '?' {
		return 0
	}
	marks := 0
	for i := 2; i < len(b) && i < 1024; i++ {
		switch c := b[i]; {
		case c <= ' ', c == '"', c == '<', c == '>':
			return 0
		case c == '?':
			if marks++; marks == 3 {
				if i+1 < len(b) && b[i+1] == '=' && b[i-1] != '?' {
					return i + 2
				}
				return 0
			}
		}
	}
	return 0
}

// rawWord is the content of an encoded word in its own character set; what is no
// base64 stays.
func rawWord(word []byte) string {
	fields := strings.Split(string(word), "?")
	if strings.EqualFold(fields[2], "B") {
		if b, err := base64.StdEncoding.DecodeString(fields[3]); err == nil {
			return string(b)
		}
	}
	return strings.ReplaceAll(fields[3], "_", " ")
}
