package sip

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// FormatError says that an input is no text that a log can be read from, and what to do instead.
type FormatError struct {
	Format string `json:"format"` // etl, evtx, zip, pcap, utf-32 or binary
	Advice string `json:"advice"`
}

func (e *FormatError) Error() string {
	return "sip: read log: input is " + e.Format + ", not text: " + e.Advice
}

const (
	sniffSize = 4 << 10
	lineSize  = 64 << 10 // longer lines are handled in pieces
)

// openText returns UTF-8 lines of r and the name of the encoding found.
func openText(r io.Reader) (in *bufio.Reader, encoding string, compressed bool, err error) {
	in = bufio.NewReaderSize(r, lineSize)
	head, err := start(in)
	if len(head) == 0 && err != nil && err != io.EOF {
		return nil, "", false, err
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		zip, err := gzip.NewReader(in)
		if err != nil {
			return nil, "", true, err
		}
		compressed = true
		in = bufio.NewReaderSize(zip, lineSize)
		head, err = start(in)
		if len(head) == 0 && err != nil && err != io.EOF {
			return nil, "", true, err
		}
	}
	encoding, skip, err := sniffEncoding(head)
	if err != nil {
		return nil, "", compressed, err
	}
	if _, err := in.Discard(skip); err != nil {
		return nil, "", compressed, err
	}
	switch encoding {
	case "utf-16le":
		in = bufio.NewReaderSize(&utf16Reader{r: in, order: binary.LittleEndian}, lineSize)
	case "utf-16be":
		in = bufio.NewReaderSize(&utf16Reader{r: in, order: binary.BigEndian}, lineSize)
	}
	if head, _ = start(in); bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0 {
		in = bufio.NewReaderSize(&crReader{r: in}, lineSize)
	}
	return in, encoding, compressed, nil
}

// start looks at the start of a text: 4 KiB, or what is there so far if that holds a line. A log may be shorter and go on later.
func start(in *bufio.Reader) ([]byte, error) {
	for n := 1; ; n++ {
		if _, err := in.Peek(n); err != nil {
			head, _ := in.Peek(in.Buffered())
			return head, err
		}
		n = min(in.Buffered(), sniffSize)
		head, err := in.Peek(n)
		if n == sniffSize || bytes.IndexByte(head, '\n') >= 0 {
			return head, err
		}
	}
}

// sniffEncoding looks at the start of a file; skip is the length of the byte order mark.
func sniffEncoding(head []byte) (encoding string, skip int, err error) {
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("\xff\xfe\x00\x00") || has("\x00\x00\xfe\xff"):
		return "", 0, &FormatError{Format: "utf-32", Advice: "save the log as UTF-8"}
	case has("\xef\xbb\xbf"):
		return "utf-8", 3, nil
	case has("\xff\xfe"):
		return "utf-16le", 2, nil
	case has("\xfe\xff"):
		return "utf-16be", 2, nil
	case has("PK\x03\x04"):
		return "", 0, &FormatError{Format: "zip", Advice: "extract it, or read it as a bundle"}
	case has("ElfFile\x00"):
		return "", 0, &FormatError{Format: "evtx", Advice: "a Windows event log; the client trace has the extension .uccapilog"}
	case has("\xd4\xc3\xb2\xa1") || has("\xa1\xb2\xc3\xd4") || has("\x0a\x0d\x0d\x0a"):
		return "", 0, &FormatError{Format: "pcap", Advice: "Lync signalling is encrypted on the wire; read the client's .uccapilog instead"}
	}
	nul := bytes.IndexByte(head, 0)
	if nul < 0 && !noisy(head) {
		return "utf-8", 0, nil
	}
	var odd, even int
	for i, c := range head {
		if c == 0 && i%2 == 1 {
			odd++
		} else if c == 0 {
			even++
		}
	}
	half := max(len(head)/2, 1)
	switch {
	case odd*10 > half*3 && even*20 < half:
		return "utf-16le", 0, nil
	case even*10 > half*3 && odd*20 < half:
		return "utf-16be", 0, nil
	case nul >= 64 && !noisy(head) && (printable(head[:nul]) || (odd+even)*50 < len(head)):
		// A crash leaves the reserved rest of a file as zeros; the text before it counts. A few zeros are some body's.
		return "utf-8", 0, nil
	}
	// WMI_BUFFER_HEADER begins with the size of the trace buffers, a multiple of 1 KiB.
	if len(head) >= 72 {
		if n := binary.LittleEndian.Uint32(head); n >= 1<<10 && n <= 1<<24 && n%1024 == 0 {
			return "", 0, &FormatError{Format: "etl", Advice: "a binary Windows trace; read the .uccapilog beside it, or export the trace to text with OCSLogger or CLS"}
		}
	}
	return "", 0, &FormatError{Format: "binary", Advice: "no text at its start; extract it if it is an archive, and give the client's .uccapilog file"}
}

// noisy reports whether a start has more control characters than text with a few stray ones has: bytes at random, as in
// compressed files, have one in ten. Zeros are judged by their own rules, and a body that begins later may hold what it likes.
func noisy(head []byte) bool {
	head = head[:min(len(head), 512)]
	n := 0
	for _, c := range head {
		switch c {
		case 0, '\t', '\n', '\f', '\r', 0x1b:
		default:
			if c < ' ' {
				n++
			}
		}
	}
	return n > 4+len(head)/50
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return true
}

// utf16Reader turns UTF-16 into UTF-8; unpaired surrogates and an odd last byte become U+FFFD.
type utf16Reader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	out   []byte // decoded, not yet read
	buf   []byte
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if err := u.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) fill() error {
	if u.buf == nil {
		u.buf = make([]byte, 0, 16<<10)
	}
	u.buf = u.buf[:0]
	for len(u.buf) < cap(u.buf)-8 && (len(u.buf) == 0 || u.r.Buffered() > 1) {
		unit, err := u.r.Peek(2)
		if err != nil {
			if len(unit) == 1 {
				u.buf = utf8.AppendRune(u.buf, utf8.RuneError)
				if _, err := u.r.Discard(1); err != nil {
					return err
				}
			}
			if len(u.buf) > 0 {
				break
			}
			return err
		}
		c := rune(u.order.Uint16(unit))
		n := 2
		if utf16.IsSurrogate(c) {
			low := rune(0)
			if pair, err := u.r.Peek(4); err == nil {
				low = rune(u.order.Uint16(pair[2:]))
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				n = 4
			}
		}
		u.buf = utf8.AppendRune(u.buf, c)
		if _, err := u.r.Discard(n); err != nil {
			return err
		}
	}
	u.out = u.buf
	return nil
}

// crReader turns the line ends of old Macs into line feeds.
type crReader struct{ r io.Reader }

func (c *crReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// windows1252 returns s as UTF-8 if it is not that already: Windows writes user names in its code page.
func windows1252(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	const high = "\u20ac\ufffd\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\ufffd\u017d\ufffd" +
		"\ufffd\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\ufffd\u017e\u0178"
	table := []rune(high)
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80 && c < 0xa0:
			b.WriteRune(table[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}
