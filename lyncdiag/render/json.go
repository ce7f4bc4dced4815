package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/asciijson"
)

// writeJSON writes one indented object.
func writeJSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// encode writes v as JSON in ASCII.
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

// escape writes JSON text in ASCII, line by line.
func escape(w io.Writer, text []byte) error {
	out := bufio.NewWriter(w)
	for line := range bytes.Lines(text) {
		out.Write(asciijson.Append(out.AvailableBuffer(), line))
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
