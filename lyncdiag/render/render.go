// Package render writes what lyncdiag found as documents: JSON for programs,
// text for people.
//
// The structs that JSON is made from live here and not in the model, so that
// the contract of a document ("lyncdiag.report/v1") can stand still while the
// model moves. Their JSON Schemas are generated (lyncdiag/internal/gen) and
// embedded; see [Schema].
package render

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Format is how a document is written.
type Format string

// The formats, each with its encoder in the file of that name.
const (
	Text   Format = "text"   // for a person at a terminal
	JSON   Format = "json"   // one indented object, ASCII only
	NDJSON Format = "ndjson" // one object a line, ASCII only
	Short  Format = "short"  // four lines for a ticket; reports only
	CSV    Format = "csv"    // one row a target, in UTF-8; reports and DNS only

	Mermaid Format = "mermaid" // a sequence diagram; Flow only
	HTML    Format = "html"    // a page of its own; LogView only
)

// Options are about text and CSV; JSON ignores them.
type Options struct {
	Width    int  // columns; 0 is 80, less than 40 is 40, more than 120 is 120
	Color    bool // repeat in colour what the words say
	Headless bool // CSV goes below rows that were written before: no header

	// Redact replaces what tells of people and organisations, in a copy of what it
	// is given; nil: nothing is replaced. Unlike the others it is about every format.
	Redact func(any) any
}

// Document is a result ready to be written. Methods of [Tool] make one.
type Document struct{ page page }

// page is a wire struct: JSON is made from its fields, text by its method.
type page interface{ text(*sheet) }

// Write writes the document whole, ending in a line feed. The error is that of
// w, or says that the document has no rendering in this format.
func (d Document) Write(w io.Writer, f Format, o Options) error {
	if !slices.Contains(d.Formats(), f) {
		return fmt.Errorf("render: write document: it has no rendering as %q", f)
	}
	if o.Redact != nil {
		d.page = o.Redact(d.page).(page)
	}
	switch f {
	case JSON:
		return writeJSON(w, d.page)
	case NDJSON:
		return writeNDJSON(w, d.page)
	case Short:
		return writeShort(w, d.page)
	case CSV:
		return writeCSV(w, d.page, o)
	}
	return writeText(w, d.page, o)
}

// Formats are those that Write takes for this document.
func (d Document) Formats() []Format {
	formats := []Format{Text, JSON, NDJSON}
	if _, ok := d.page.(brief); ok {
		formats = append(formats, Short)
	}
	if _, ok := d.page.(table); ok {
		formats = append(formats, CSV)
	}
	return formats
}

// Tool is the program that writes: reports carry its version. Its methods turn
// results into documents.
type Tool struct {
	Version string    // "1.2.0"; "" is "devel"
	Commit  string    // hash; "" is unknown
	Date    time.Time // of the commit; zero is unknown
}

// list is s, never nil: an array of a document is never absent.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// each maps a slice to wire values; the result is never nil.
func each[T, W any](s []T, f func(T) W) []W {
	out := make([]W, 0, len(s))
	for _, v := range s {
		out = append(out, f(v))
	}
	return out
}
