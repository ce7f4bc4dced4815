package render_test

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// TestGoldenDocuments holds every format of every document to what somebody has
// looked at: one file a document, one section a format. Of an HTML page the part
// that is the document's own; TestGolden has whole pages.
func TestGoldenDocuments(t *testing.T) {
	documents := everything(t)
	delete(documents, "version") // says which Go built it
	documents["catalogue"] = []render.Document{render.Tool{}.Catalogue(kb.Catalogue()[:2])}
	for name, list := range documents {
		t.Run(name, func(t *testing.T) {
			document := list[len(list)-1]
			var sections txtar.Archive
			for _, format := range document.Formats() {
				var b bytes.Buffer
				if err := document.Write(&b, format, render.Options{}); err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				if format == render.HTML {
					_, body, begun := bytes.Cut(b.Bytes(), []byte("<main>\n"))
					body, _, ended := bytes.Cut(body, []byte("</main>"))
					if !begun || !ended {
						t.Fatalf("no main in %s", b.Bytes())
					}
					b = *bytes.NewBuffer(slices.Clone(body))
				}
				if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
					b.WriteByte('\n')
				}
				sections.Files = append(sections.Files, txtar.File{Name: string(format), Data: b.Bytes()})
			}
			golden(t, "documents/"+name+".txtar", txtar.Format(&sections))
		})
	}
}
