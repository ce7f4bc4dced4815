package sip

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// The encodings that a text may have, and the marks that they begin with.
const (
	encodingUTF8 = "utf-8" // or any other that has a byte a character
	encodingLE   = "utf-16le"
	encodingBE   = "utf-16be"

	markUTF8 = "\xef\xbb\xbf"
	markLE   = "\xff\xfe"
	markBE   = "\xfe\xff"
)

// textReader turns text into UTF-8 whose encoding may change with any line: programs write on in files that others
// began, and logs are joined. Unpaired surrogates and an odd last byte become U+FFFD; zero bytes stay.
type textReader struct {
	r        *bufio.Reader
	encoding string   // of the line
	seen     []string // encodings, in the order in which they came
	inside   bool     // a line, of which some is read
	out      []byte   // decoded, not yet read
	buf      []byte
}

func (t *textReader) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

func (t *textReader) fill() error {
	if !t.inside {
		if err := t.begin(); err != nil {
			return err
		}
	}
	if t.encoding != encodingUTF8 {
		return t.decode()
	}
	line, err := t.r.ReadSlice('\n')
	if len(line) == 0 {
		return err
	}
	t.out, t.inside = line, line[len(line)-1] != '\n'
	return nil
}

// begin finds the encoding of the line that comes.
func (t *textReader) begin() error {
	if _, err := t.r.Peek(2); t.r.Buffered() == 0 {
		return err
	}
	head, _ := t.r.Peek(min(t.r.Buffered(), sniffLine))
	encoding, mark := lineEncoding(head, t.encoding)
	t.use(encoding)
	t.inside = true
	_, err := t.r.Discard(mark)
	return err
}

func (t *textReader) use(encoding string) {
	t.encoding = encoding
	if !slices.Contains(t.seen, encoding) {
		t.seen = append(t.seen, encoding)
	}
}

// sniffLine is how much of a line tells its encoding.
const sniffLine = 64

// lineEncoding tells the encoding of a line by the zeros that ASCII has in UTF-16; one that has none, and is no text in
// bytes, is in the encoding of the line before it.
func lineEncoding(head []byte, before string) (encoding string, mark int) {
	switch {
	case bytes.HasPrefix(head, []byte(markUTF8)):
		return encodingUTF8, len(markUTF8)
	case bytes.HasPrefix(head, []byte(markLE)):
		return encodingLE, len(markLE)
	case bytes.HasPrefix(head, []byte(markBE)):
		return encodingBE, len(markBE)
	}
	if end := bytes.IndexByte(head, '\n'); end >= 0 {
		head = head[:min(end+2, len(head))]
	}
	var zeros [2]int
	for i, c := range head[:len(head)&^1] {
		if c == 0 {
			zeros[i%2]++
		}
	}
	enough := max(len(head)/8, 1) // a quarter of the characters
	switch {
	case zeros[1] > zeros[0] && zeros[1] >= enough:
		return encodingLE, 0
	case zeros[0] > zeros[1] && zeros[0] >= enough:
		return encodingBE, 0
	case zeros[0]+zeros[1] == 0 && plainBytes(head):
		return encodingUTF8, 0
	}
	return before, 0
}

// plainBytes reports whether a piece of text is ASCII or UTF-8, as far as it goes.
func plainBytes(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			return !utf8.FullRune(b)
		case r < ' ' && r != '\t' && r != '\r' && r != '\n' && r != 0x1b, r == 0x7f:
			return false
		}
		b = b[n:]
	}
	return true
}

// decode takes UTF-16 up to the end of a line, as far as it is there.
func (t *textReader) decode() error {
	order := binary.ByteOrder(binary.LittleEndian)
	if t.encoding == encodingBE {
		order = binary.BigEndian
	}
	if t.buf == nil {
		t.buf = make([]byte, 0, 16<<10)
	}
	t.buf = t.buf[:0]
	for len(t.buf) < cap(t.buf)-8 && (len(t.buf) == 0 || t.r.Buffered() > 1) {
		unit, err := t.r.Peek(2)
		if err != nil {
			if len(unit) == 1 {
				t.buf = utf8.AppendRune(t.buf, utf8.RuneError)
				if _, err := t.r.Discard(1); err != nil {
					return err
				}
			}
			if len(t.buf) > 0 {
				break
			}
			return err
		}
		c := rune(order.Uint16(unit))
		if c > 0x2000 && t.leftUTF16() {
			t.use(encodingUTF8)
			break
		}
		n := 2
		if utf16.IsSurrogate(c) {
			low := rune(0)
			if pair, err := t.r.Peek(4); err == nil {
				low = rune(order.Uint16(pair[2:]))
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				n = 4
			}
		}
		t.buf = utf8.AppendRune(t.buf, c)
		if _, err := t.r.Discard(n); err != nil {
			return err
		}
		if c == '\n' {
			t.inside = false
			break
		}
	}
	t.out = t.buf
	return nil
}

// leftUTF16 reports that a line was cut, and goes on as ASCII: so many characters of another script in a row, all of two
// bytes that could be letters of ASCII, are none.
func (t *textReader) leftUTF16() bool {
	const many = 48
	if t.r.Buffered() < many {
		return false
	}
	head, _ := t.r.Peek(many)
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c >= 0x7f {
			return false
		}
	}
	return true
}
