package render

import "io"

// brief is a page that has a rendering for a ticket.
type brief interface{ short(*sheet) }

func writeShort(w io.Writer, p page) error {
	s := newSheet(Options{})
	p.(brief).short(s)
	return s.flush(w)
}
