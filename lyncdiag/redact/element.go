package redact

import (
	"bytes"
	"strings"
)

// maxElement and maxElementLines bound what is read of an element whose end has not
// come.
const (
	maxElement      = 64 << 10
	maxElementLines = 1 << 10 // of a token

	maxPasswordLines = 8
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
	if bytes.HasPrefix(line[k:], []byte(cdata)) && !bytes.Contains(line[k:], []byte(cdataEnd)) {
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
	most := maxElementLines
	if name := s.open.name; meaning(name, 0, len(name)) == passwordContext {
		most = maxPasswordLines
	}
	s.open.lines++
	if i, _ := openElement(line); i > 0 && !bytes.Contains(line, []byte("</")) || s.open.lines > most || len(s.block)+len(line) > maxElement {
		return s.unclosed(out, len(s.block)), false
	}
	begun, from := len(s.block), s.open.from
	s.block = append(s.block, line...)
	end := from + bytes.IndexByte(s.block[from:], '>') + 1
	if end == from { // of the tag
		end = len(s.block)
	}
	switch tag := s.block[from:end]; {
	case bytes.IndexByte(tag, '<') >= 0 || bytes.HasSuffix(tag, []byte("/>")):
		return s.unclosed(out, begun), false
	case tag[len(tag)-1] != '>':
		return out, true
	}
	s.open.from = end - 1
	value := bytes.TrimLeft(s.block[end:], " \t\r\n")
	sign := "<"
	if bytes.HasPrefix(value, []byte(cdata)) {
		value = value[len(cdata):]
		sign = cdataEnd
	}
	n := bytes.Index(value, []byte(sign))
	if n < 0 {
		return out, true
	}
	behind := bytes.TrimLeft(bytes.TrimPrefix(value[n:], []byte(cdataEnd)), " \t\r\n")
	switch {
	case len(behind) == 0:
		return out, true
	case !closes(behind, s.open.name):
		return s.unclosed(out, begun), false
	}
	s.open.name = nil
	v := len(s.block) - len(value)
	out = append(s.scan(out, s.block[:end]), s.block[end:v]...)
	rest := bytes.Clone(value[n:]) // the block may be another's then
	value = value[:n]
	text := bytes.TrimRight(value, " \t\r\n")
	if low := lower(text); noSecret[low] || low == "" {
		out = append(out, text...)
	} else {
		out = conceal(out, nil)
		end := "\n"
		if bytes.Contains(text, []byte("\r\n")) {
			end = "\r\n"
		}
		for range bytes.Count(text, []byte("\n")) { // so that lines keep their numbers
			out = append(out, end...)
		}
	}
	return s.line(append(out, value[len(text):]...), rest), true
}

// closes reports whether a text begins with the end of an element.
func closes(text, name []byte) bool {
	end := bytes.IndexByte(text, '>')
	if end < 0 || !bytes.HasPrefix(text, []byte("</")) {
		return false
	}
	written := bytes.TrimRight(text[2:end], " \t")
	return bytes.Equal(written[bytes.LastIndexByte(written, ':')+1:], name)
}

// unclosed handles the first bytes of an element that has no end as any other text.
func (s *scanner) unclosed(out []byte, n int) []byte {
	s.open.name = nil
	return s.again(out, s.block[:n], s.scan)
}

// again handles the lines of what was no block after all: the first one by itself, as
// it would begin the block anew.
func (s *scanner) again(out, text []byte, first func(out, line []byte) []byte) []byte {
	for line := range bytes.Lines(bytes.Clone(text)) { // they may begin another block
		out = first(out, line)
		first = s.line
	}
	return out
}

// escapedTag is what the escaped element means whose name ends at j, as in
// "&lt;o:Password&gt;", and where its value begins and ends; 0: it is none.
func escapedTag(line []byte, i, j int) (c context, value, end int) {
	from := i
	for from > 0 && (wordByte[line[from-1]] || line[from-1] == ':') {
		from--
	}
	sign, less := []byte("&gt;"), []byte("&lt;")
	if from < len(less) || line[from-1] != ';' || !bytes.HasSuffix(line[:from], less) {
		return c, 0, 0
	}
	n := bytes.Index(line[j:min(len(line), j+maxLogin)], sign)
	if c = meaning(line, i, j); n < 0 || !isSecret(c) || line[j+n-1] == '/' || bytes.Contains(line[j:j+n], less) {
		return c, 0, 0
	}
	value = j + n + len(sign)
	text, _, _ := bytes.Cut(line[value:], less)
	return c, value, value + len(text)
}

// pairWords are what the two of a pair are called, as in {"name":"x","value":"y"}.
var pairWords = set(`name key value`)

// pair notes what a pair is named, and tells what that says of its value.
func (s *scanner) pair(word, value []byte) context {
	if !listed(pairWords, word) {
		return noContext
	}
	about := s.about
	s.about = noContext
	if len(word) == len("value") {
		if s.lines > s.named+1 {
			return noContext
		}
		return about
	}
	s.named = s.lines
	value = bytes.TrimLeft(value[:min(len(value), maxName)], "\\\"' ")
	if end := bytes.IndexAny(value, "\\\"'"); end > 0 {
		if c := meaning(value, 0, end); isSecret(c) {
			s.about = c
		} else if strings.HasSuffix(lower(value[:end]), "authorization") {
			s.about = secretContext
		}
	}
	return noContext
}
