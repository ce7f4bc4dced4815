package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// writeJSON writes one indented object.
func writeJSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// encode writes v as JSON in ASCII. Windows PowerShell reads a command's output
// in the code page of its console, so no other bytes are safe.
func encode(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("render: encode document: %w", err)
	}
	return escape(w, b.Bytes())
}

// escape writes JSON text with everything from DEL up as \uXXXX, above the
// Basic Multilingual Plane as surrogate pairs (RFC 8259 section 7). Such
// characters occur inside strings only.
func escape(w io.Writer, text []byte) error {
	out := bufio.NewWriter(w)
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] < 0x7f {
			n++
		}
		out.Write(text[:n])
		text = text[n:]
		if len(text) == 0 {
			break
		}
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			fmt.Fprintf(out, `\u%04x\u%04x`, high, low)
			continue
		}
		fmt.Fprintf(out, `\u%04x`, r)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("render: write document: %w", err)
	}
	return nil
}

// stamp is a time as documents carry it: RFC 3339, UTC, milliseconds. An
// unknown time is "", and its field has omitempty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// known is a number that is left out when it is not known.
func known[T int | int64 | uint32](n T, ok bool) *T {
	if !ok {
		return nil
	}
	return &n
}
