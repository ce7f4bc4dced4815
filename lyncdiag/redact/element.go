package redact

import (
	"bytes"
	"strings"
)

// maxElement and maxElementLines bound what is read of an element whose end has not
// come.
const (
	maxElement      = 64 << 10
	maxElementLines = 1 << 10
)

const (
	cdata    = "<![CDATA["
	cdataEnd = "]]>"
)

// isSecret reports whether nothing of a value may stay.
func isSecret(c context) bool {
	return c == passwordContext || c == secretContext || c == cookieContext
}

// openElement is where the name of an element begins and ends that holds a secret and
// goes on in the next line; 0: the line ends with none.
func openElement(line []byte) (i, j int) {
	if bytes.IndexByte(line, '<') < 0 {
		return 0, 0
	}
	k := bytes.LastIndexByte(line, '<')
	if bytes.HasPrefix(line[k:], []byte(cdata)) && bytes.Index(line[k:], []byte(cdataEnd)) < 0 {
		if k = bytes.LastIndexByte(line[:k], '<'); k < 0 {
			return 0, 0
		}
	}
	i = k + 1
	for j = i; j < len(line) && (wordByte[line[j]] || line[j] == ':'); j++ {
		if line[j] == ':' {
			i = j + 1
		}
	}
	if i == j || j < len(line) && line[j] > ' ' && line[j] != '>' || !isSecret(meaning(line, i, j)) || bytes.Contains(line[j:], []byte("/>")) {
		return 0, 0
	}
	return i, j
}

// openTag is what is known of an element that was begun in a line before.
type openTag struct {
	name  []byte // nil: there is none
	from  int    // where in the block the name ends, or the tag
	lines int
}

// within takes a line of an open element. It reports false for one that has to be
// handled as any other.
func (s *scanner) within(out, line []byte) ([]byte, bool) {
	if s.open.lines++; s.open.lines > maxElementLines || len(s.block)+len(line) > maxElement {
		return s.unclosed(out, len(s.block)), false
	}
	begun := len(s.block)
	s.block = append(s.block, line...)
	from := s.open.from
	end := bytes.IndexByte(s.block[from:], '>')
	if end >= 0 {
		end += from + 1
	} else {
		end = len(s.block)
	}
	sign := bytes.IndexByte(s.block[from:end], '<')
	if sign >= 0 || bytes.HasSuffix(s.block[from:end], []byte("/>")) {
		return s.unclosed(out, begun), false
	}
	if s.block[end-1] != '>' {
		s.open.from = len(s.block) - 1
		return out, true
	}
	s.open.from = end - 1
	value := end
	for value < len(s.block) && s.block[value] <= ' ' {
		value++
	}
	to := value
	if bytes.HasPrefix(s.block[value:], []byte(cdata)) {
		value += len(cdata)
		if to = bytes.Index(s.block[value:], []byte(cdataEnd)); to < 0 {
			return out, true
		}
		to += value
	} else if to = bytes.IndexByte(s.block[value:], '<'); to < 0 {
		return out, true
	} else {
		to += value
	}
	behind := bytes.TrimLeft(bytes.TrimPrefix(s.block[to:], []byte(cdataEnd)), " \t\r\n")
	if len(behind) == 0 {
		return out, true
	}
	if !closes(behind, s.open.name) {
		return s.unclosed(out, begun), false
	}
	s.open.name = nil
	for part := range bytes.Lines(bytes.Clone(s.block[:end])) {
		out = s.scan(out, part)
	}
	out = append(out, s.block[end:value]...)
	kept := bytes.TrimRight(s.block[value:to], " \t\r\n")
	if text := string(bytes.ToLower(kept)); noSecret[text] || text == "" {
		out = append(out, kept...)
	} else {
		out = append(out, "[redacted]"...)
	}
	out = append(out, s.block[value+len(kept):to]...)
	return s.line(out, bytes.Clone(s.block[to:])), true
}

// closes reports whether a text begins with the end of an element.
func closes(text, name []byte) bool {
	if !bytes.HasPrefix(text, []byte("</")) {
		return false
	}
	end := bytes.IndexByte(text, '>')
	if end < 0 {
		return false
	}
	written := bytes.TrimRight(text[2:end], " \t")
	return bytes.Equal(written[bytes.LastIndexByte(written, ':')+1:], name)
}

// unclosed handles the first bytes of an element that has no end as any other text.
func (s *scanner) unclosed(out []byte, n int) []byte {
	s.open.name = nil
	first := true
	for part := range bytes.Lines(bytes.Clone(s.block[:n])) {
		if first {
			out = s.scan(out, part)
		} else {
			out = s.line(out, part)
		}
		first = false
	}
	return out
}

// escapedTag is where the escaped tag of an element ends whose name ends at j, as in
// "&lt;o:Password&gt;"; 0: it is none.
func escapedTag(line []byte, i, j int) int {
	if line[j] != '&' && line[j] != ' ' {
		return 0
	}
	for i > 0 && (wordByte[line[i-1]] || line[i-1] == ':') {
		i--
	}
	if !bytes.HasSuffix(line[:i], []byte("&lt;")) {
		return 0
	}
	end := bytes.Index(line[j:], []byte("&gt;"))
	if end < 0 || bytes.Contains(line[j:j+end], []byte("&lt;")) || line[j+end-1] == '/' {
		return 0
	}
	return j + end + len("&gt;")
}

// pairNames are what the names of pairs are called, as in {"name":"x","value":"y"}.
var pairNames = set(`name key`)

// pair notes what a pair is named, and tells what that says of its value.
func (s *scanner) pair(word, value []byte) context {
	if len(word) == len("value") && bytes.EqualFold(word, []byte("value")) {
		c := s.about
		s.about = noContext
		if s.lines > s.named+1 {
			return noContext
		}
		return c
	}
	if len(word) > len("name") || !listed(pairNames, word) {
		return noContext
	}
	end := 0
	for end < len(value) && wordByte[value[end]] {
		end++
	}
	s.about, s.named = noContext, s.lines
	if c := meaning(value, 0, end); isSecret(c) && end < len(value) && strings.IndexByte("\"'\\", value[end]) >= 0 {
		s.about = c
	}
	return noContext
}
