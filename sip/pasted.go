package sip

import (
	"bufio"
	"bytes"
	"strings"
)

// marks are what mail, tables and web pages put around the lines of a text.
type marks struct {
	escaped bool // "&lt;" for "<", as in the source of a web page
	quoted  bool // "> " before each line, as mail quotes
	cells   bool // lines, or whole messages, in quotes that are doubled within, as in CSV
}

// sniffMarks tells by the start of a text which marks it has. Only what makes no sense in a log without them counts.
func sniffMarks(head []byte) marks {
	var m marks
	has := func(s string) bool { return bytes.Contains(head, []byte(s)) }
	m.escaped = (has("&lt;sip:") || has("&lt;sips:")) && !has("<sip") || (has("=&quot;") || has("=&#34;")) && !has(`="`)
	for line := range bytes.Lines(head) {
		line = trimEnd(line)
		if m.escaped {
			line = unescapeHTML(line)
		}
		text := unquote(line)
		begins := cell(text) // 0: none
		m.cells = m.cells || begins > 0 && ofLog(text[begins:])
		m.quoted = m.quoted || len(text) < len(line) && ofLog(text[begins:])
	}
	return m
}

// ofLog reports whether a line is one of a log: a start line, a header that SIP alone has, or one with a prefix.
func ofLog(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	switch {
	case len(line) == 0:
		return false
	case line[0] >= '0' && line[0] <= '9':
		return len(line) > len(stampForm) && line[2] == '/' && line[5] == '/' && line[10] == '|'
	case bytes.HasPrefix(line, []byte("TL_")):
		return true
	}
	return startLine(line) || fragmentLine(string(line[:min(len(line), 4096)]))
}

// unmarkReader takes the marks away, line by line, so that lines keep their numbers.
type unmarkReader struct {
	marks
	r      *bufio.Reader
	inside bool // a line that does not fit the buffer
	cell   bool // a cell that began in a line before
	out    []byte
}

func (u *unmarkReader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		line, err := u.r.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		if u.out = line; !u.inside {
			u.out = u.unmark(line)
		}
		u.inside = line[len(line)-1] != '\n'
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *unmarkReader) unmark(line []byte) []byte {
	text := trimEnd(line)
	end := line[len(text):]
	if u.escaped {
		text = unescapeHTML(text)
	}
	if u.quoted {
		text = unquote(text)
	}
	if u.cells {
		text = u.uncell(text)
	}
	return append(bytes.Clone(text), end...)
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&apos;", "'", "&nbsp;", " ", "&#160;", " ", "&amp;", "&")

func unescapeHTML(line []byte) []byte { return []byte(entities.Replace(string(line))) }

// unquote takes the signs of quoted mail away, and of mail in it.
func unquote(line []byte) []byte {
	for len(line) > 0 && line[0] == '>' {
		line = line[1:]
		if len(line) > 0 && line[0] == ' ' {
			line = line[1:]
		}
	}
	return line
}

// cell returns where the text of a cell begins, after its quote; 0 for a line in which none does. Cells beside it are no
// SIP: they go.
func cell(line []byte) int {
	if len(line) > 0 && line[0] == '"' {
		return 1
	}
	for i := 1; i < len(line); i++ {
		if c := line[i-1]; line[i] == '"' && (c == ',' || c == ';' || c == '\t') && ofLog(line[i+1:]) {
			return i + 1
		}
	}
	return 0
}

// uncell takes the text out of a cell, which may go over several lines. A line in none stays as it is.
func (u *unmarkReader) uncell(line []byte) []byte {
	if !u.cell {
		begins := cell(line)
		if begins == 0 {
			return line
		}
		line, u.cell = line[begins:], true
	}
	text := make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			if i+1 == len(line) || line[i+1] != '"' {
				u.cell = false // the quote that ends a cell stands alone; those within come in pairs
				break
			}
			i++
		}
		text = append(text, line[i])
	}
	return text
}
