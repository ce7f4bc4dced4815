package sip

import "bytes"

// Marked reports whether the start of a text may tell of marks around its lines.
func Marked(text []byte) bool {
	return sniffMarks(text) != marks{} || sniffMarks(bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))) != marks{}
}
