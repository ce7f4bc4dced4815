// Package codepage tells in which code page Windows wrote a text that is not
// Unicode.
package codepage

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// Of is the code page of a text that is no UTF-8: 850, which a console of western
// Europe writes, or Windows-1252, which other programs do. The letters lie below
// 0xA6 in the one and above 0xBF in the other. At 0x91 to 0x97 letters of 850 are
// typographic signs of 1252: an apostrophe, quotes that open and close, or a bullet
// or dash that follows no letter make it 1252. Nothing tells others, such as 437 or
// Windows-1251, from these two; 437 has the commonest letters where 850 has them.
func Of(text []byte) encoding.Encoding {
	opened := false
	for i, b := range text {
		switch {
		case b >= 0xa6, b == 0x92, b == 0x94 && opened, b >= 0x95 && b <= 0x97 && (i == 0 || !letter(text[i-1])):
			return charmap.Windows1252
		case b == 0x93:
			opened = true
		}
	}
	return charmap.CodePage850
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80 }
