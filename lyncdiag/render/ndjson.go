package render

import "io"

// lines is a page that is several documents: ndjson has one a line.
type lines interface{ documents() []any }

// writeNDJSON writes one object a line.
func writeNDJSON(w io.Writer, p page) error {
	documents := []any{p}
	if several, ok := p.(lines); ok {
		documents = several.documents()
	}
	for _, d := range documents {
		if err := encode(w, d, ""); err != nil {
			return err
		}
	}
	return nil
}
