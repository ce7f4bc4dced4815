// Package asciijson writes JSON in ASCII. Windows PowerShell reads a command's
// output in the code page of its console, so no other bytes are safe.
package asciijson

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// Append appends JSON text to dst, with DEL and everything above it as \uXXXX,
// beyond the Basic Multilingual Plane as surrogate pairs (RFC 8259 section 7). In
// JSON such characters occur inside strings only. Bytes that are no UTF-8 become
// U+FFFD.
func Append(dst, text []byte) []byte {
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] < 0x7f {
			n++
		}
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
		} else {
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return dst
}
