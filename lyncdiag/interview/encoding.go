package interview

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
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
	case looksOEM(raw):
		from = charmap.CodePage850
	default:
		from = charmap.Windows1252
	}
	return from.NewDecoder().Bytes(raw)
}

// looksOEM tells the console's code page 850 from Windows-1252: the letters of
// western Europe lie below 0xA6 in the one and above 0xBF in the other, which
// keeps typographic quotes and dashes at 0x91 to 0x97.
func looksOEM(raw []byte) bool {
	for _, b := range raw {
		if b >= 0xa6 || b >= 0x91 && b <= 0x97 {
			return false
		}
	}
	return true
}
