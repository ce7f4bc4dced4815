package render

import (
	"io"
	"reflect"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// brief is a page that has a rendering for a ticket.
type brief interface{ short(*sheet) }

func writeShort(w io.Writer, p page) error {
	s := newSheet(Options{})
	if b, ok := p.(brief); ok {
		b.short(s)
	} else {
		summed(p, s)
	}
	return s.flush(w)
}

// summed is a document in short: its headline, and a line for each failure and
// warning that nothing else explains.
func summed(p page, s *sheet) {
	whole := generic(p)
	s.raw(clean(whole.title))
	all, _ := findingsOf(p)
	for _, severity := range []kb.Severity{kb.Failure, kb.Warning} {
		for _, f := range roots(all, severity) {
			s.raw(clean(severityWord(f) + f.Title + " (" + f.ID + " " + f.Name + ")"))
		}
	}
}

// findingsOf are the findings of a document; ok is false for a kind that has
// none.
func findingsOf(p page) (all []finding, ok bool) {
	f := reflect.ValueOf(p).Elem().FieldByName("Findings")
	if !f.IsValid() {
		return nil, false
	}
	all, ok = f.Interface().([]finding)
	return all, ok
}
