package directory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/codepage"
)

const (
	maxObject = 16 << 20 // bytes of one object in UTF-8; a user with every attribute has some ten thousand
	maxNodes  = 200_000  // of one object
	maxDepth  = 64       // ConvertTo-Json goes to 100, and no cmdlet's object is nested deeper than 8
)

// bounded is an export as UTF-8, of which no object may be larger than
// maxObject: the readers buffer a text before they hand it out.
type bounded struct {
	in   io.Reader
	room int
}

func (b *bounded) next() { b.room = maxObject }

func (b *bounded) Read(p []byte) (int, error) {
	if b.room <= 0 {
		return 0, fmt.Errorf("an object has more than %d MiB; export fewer properties", maxObject>>20)
	}
	n, err := b.in.Read(p[:min(len(p), b.room)])
	b.room -= n
	return n, err
}

// decode makes UTF-8 of what Windows writes: with or without a byte order
// mark, UTF-16 (">" in Windows PowerShell), an ANSI or an OEM code page.
func decode(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) == 0 {
		return nil, errors.New("it is empty")
	}
	// A UTF-8 sequence may be cut where the peek ends.
	whole := head
	for i := 0; i < utf8.UTFMax-1 && len(head) == 64<<10 && len(whole) > 0 && !utf8.Valid(whole); i++ {
		whole = whole[:len(whole)-1]
	}
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case len(head) >= 2 && head[0] != 0 && head[1] == 0:
		from = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case len(head) >= 2 && head[0] == 0 && head[1] != 0:
		from = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case bytes.IndexByte(head, 0) >= 0:
		return nil, errors.New("it is no text; export as JSON, CSV or CLIXML")
	case utf8.Valid(whole):
		from = unicode.UTF8BOM
	default:
		from = codepage.Of(head)
	}
	out := bufio.NewReaderSize(transform.NewReader(in, from.NewDecoder()), 64<<10)
	if r, _, err := out.ReadRune(); err == nil && r != '\ufeff' {
		err = out.UnreadRune()
		return out, err
	}
	return out, nil
}
