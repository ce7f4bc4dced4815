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
	"reflect"
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
	Short  Format = "short"  // some lines for a ticket; a report has four
	JUnit  Format = "junit"  // XML for programs that count tests
	CSV    Format = "csv"    // a row for each target or thing looked at, in UTF-8

	Markdown Format = "markdown" // for tickets and chats that take it
	HTML     Format = "html"     // a page of its own that asks nobody for anything
	Mermaid  Format = "mermaid"  // a sequence diagram; Flow only
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
	case Markdown:
		return writeMarkdown(w, d.page)
	case JUnit:
		return writeJUnit(w, d.page)
	case HTML:
		return writeHTML(w, d.page)
	}
	return writeText(w, d.page, o)
}

// Formats are those that Write takes for this document.
func (d Document) Formats() []Format {
	formats := []Format{Text, JSON, NDJSON}
	switch d.page.(type) {
	case nil, *messageDoc, *labDoc, *schemasDoc:
		return formats
	}
	formats = append(formats, Markdown)
	if _, ok := d.page.(*logDoc); !ok { // LogView writes that page
		formats = append(formats, HTML)
	}
	_, own := d.page.(brief)
	if _, found := findingsOf(d.page); found || own {
		formats = append(formats, Short)
	}
	_, rows := d.page.(table)
	if _, list := d.page.(listing); rows || list {
		formats = append(formats, CSV)
	}
	_, cases := d.page.(tested)
	if _, found := findingsOf(d.page); found || cases {
		formats = append(formats, JUnit)
	}
	return formats
}

// Formats are those of every document of this name ("report" stands for
// lyncdiag.report/v1), before there is one; nil for an unknown name.
func Formats(name string) []Format {
	wire, ok := Wire()[name]
	if !ok {
		return nil
	}
	return Document{reflect.New(reflect.TypeOf(wire)).Interface().(page)}.Formats()
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
