package interview

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/codepage"
)

// decodeText returns UTF-8 without a byte order mark, whatever Windows wrote:
// UTF-16 (">" in Windows PowerShell), an ANSI or an OEM code page.
func decodeText(raw []byte) ([]byte, error) {
	var from encoding.Encoding
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case len(raw) >= 2 && raw[0] != 0 && raw[1] == 0:
		from = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case len(raw) >= 2 && raw[0] == 0 && raw[1] != 0:
		from = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case utf8.Valid(raw):
		return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), nil
	default:
		from = codepage.Of(raw)
	}
	return from.NewDecoder().Bytes(raw)
}
