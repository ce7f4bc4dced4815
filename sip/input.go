package sip

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
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

// input is a text in UTF-8, as far as it was looked at.
type input struct {
	*bufio.Reader
	compressed bool
	zeros      int64       // left out at the start
	text       *textReader // nil: the text is UTF-8, until lineReader finds a zero byte
}

// encodings are those of the text, in the order in which they were found.
func (in *input) encodings() string {
	if in.text == nil {
		return encodingUTF8
	}
	return strings.Join(in.text.seen, ", ")
}

// openText finds out what r is. On an error it tells what it has found until then.
func openText(r io.Reader) (*input, error) {
	in := &input{Reader: bufio.NewReaderSize(r, lineSize)}
	head, err := start(in.Reader)
	if len(head) == 0 && err != nil && err != io.EOF {
		return in, err
	}
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		in.compressed = true
		zip, err := gzip.NewReader(in.Reader)
		if err != nil {
			return in, err
		}
		in.Reader = bufio.NewReaderSize(zip, lineSize)
		head, err = start(in.Reader)
		if len(head) == 0 && err != nil && err != io.EOF {
			return in, err
		}
	}
	encoding, err := sniffEncoding(head)
	if err != nil && len(head) > 0 && head[0] == 0 {
		// A crash leaves the reserved start of a file as zeros.
		zeros, readErr := skipZeros(in.Reader)
		if readErr != nil && readErr != io.EOF {
			return in, readErr
		}
		head, _ = start(in.Reader)
		if len(head) == 0 {
			return in, &FormatError{Format: "binary", Advice: "there is nothing in it but zeros, as a crash or a full disk leaves them; look for an older file beside it, such as one that ends in .bak"}
		}
		if after, notText := sniffEncoding(head); notText == nil {
			encoding, err, in.zeros = after, nil, zeros
		}
	}
	if err != nil {
		return in, err
	}
	switch {
	case encoding != encodingUTF8:
		in.decode(in.Reader, encoding)
	case bytes.HasPrefix(head, []byte(markUTF8)):
		if _, err := in.Discard(len(markUTF8)); err != nil {
			return in, err
		}
	}
	if head, _ = start(in.Reader); bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0 {
		in.Reader = bufio.NewReaderSize(&crReader{r: in.Reader}, lineSize)
	}
	_, _ = start(in.Reader)
	head, _ = in.Peek(in.Buffered())
	if m := sniffMarks(head); m != (marks{}) {
		in.Reader = bufio.NewReaderSize(&unmarkReader{r: in.Reader, marks: m}, lineSize)
	}
	return in, nil
}

// decode reads on from r, whose encoding may change.
func (in *input) decode(r *bufio.Reader, encoding string) {
	in.text = &textReader{r: r, encoding: encoding}
	in.Reader = bufio.NewReaderSize(in.text, lineSize)
}

// widen is for lineReader, which has found a zero byte in what should be UTF-8.
func (in *input) widen(r io.Reader) io.Reader {
	in.text = &textReader{r: bufio.NewReaderSize(r, lineSize), encoding: encodingUTF8, seen: []string{encodingUTF8}}
	return in.text
}

// skipZeros goes to the first byte that is none.
func skipZeros(in *bufio.Reader) (n int64, err error) {
	for {
		if _, err := in.Peek(1); err != nil {
			return n, err
		}
		b, _ := in.Peek(in.Buffered())
		zeros := len(b) - len(bytes.TrimLeft(b, "\x00"))
		n += int64(zeros)
		if _, err := in.Discard(zeros); err != nil || zeros < len(b) {
			return n, err
		}
	}
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

// sniffEncoding looks at the start of a file.
func sniffEncoding(head []byte) (encoding string, err error) {
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("\xff\xfe\x00\x00") || has("\x00\x00\xfe\xff"):
		return "", &FormatError{Format: "utf-32", Advice: "save the log as UTF-8"}
	case has(markUTF8):
		return encodingUTF8, nil
	case has(markLE):
		return encodingLE, nil
	case has(markBE):
		return encodingBE, nil
	case has("PK\x03\x04"):
		return "", &FormatError{Format: "zip", Advice: "extract it, or read it as a bundle"}
	case has("ElfFile\x00"):
		return "", &FormatError{Format: "evtx", Advice: "a Windows event log; the client trace has the extension .uccapilog"}
	case has("\xd4\xc3\xb2\xa1") || has("\xa1\xb2\xc3\xd4") || has("\x0a\x0d\x0d\x0a"):
		return "", &FormatError{Format: "pcap", Advice: "Lync signalling is encrypted on the wire; read the client's .uccapilog instead"}
	}
	nul := bytes.IndexByte(head, 0)
	if nul < 0 && !noisy(head) {
		return encodingUTF8, nil
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
		return encodingLE, nil
	case even*10 > half*3 && odd*20 < half:
		return encodingBE, nil
	case wideStart(head, 1):
		return encodingLE, nil
	case wideStart(head, 0):
		return encodingBE, nil
	case nul >= 64 && !noisy(head) && (printable(head[:nul]) || (odd+even)*50 < len(head)):
		// A crash leaves the reserved rest of a file as zeros; the text before it counts. A few zeros are some body's.
		return encodingUTF8, nil
	}
	// WMI_BUFFER_HEADER begins with the size of the trace buffers, a multiple of 1 KiB.
	if len(head) >= 72 {
		if n := binary.LittleEndian.Uint32(head); n >= 1<<10 && n <= 1<<24 && n%1024 == 0 {
			return "", &FormatError{Format: "etl", Advice: "a binary Windows trace; read the .uccapilog beside it, or export the trace to text with OCSLogger or CLS"}
		}
	}
	return "", &FormatError{Format: "binary", Advice: "no text at its start; extract it if it is an archive, and give the client's .uccapilog file"}
}

// wideStart reports whether a file begins with some ASCII in UTF-16, of which the zeros stand at odd or at even places.
func wideStart(head []byte, zeros int) bool {
	const characters = 16
	if len(head) < 2*characters {
		return false
	}
	for i := range characters {
		if c := head[2*i+1-zeros]; head[2*i+zeros] != 0 || c == 0 || !printable([]byte{c}) {
			return false
		}
	}
	return true
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
