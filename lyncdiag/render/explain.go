package render

import (
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// explainDoc is lyncdiag.explain/v1.
type explainDoc struct {
	Schema   string        `json:"schema"`
	Query    string        `json:"query"`
	Language string        `json:"language"` // of a text in a language without a message table, else ""
	Matches  []explanation `json:"matches"`  // best first
}

type explanation struct {
	Kind       string   `json:"kind" jsonschema:"enum=finding,enum=message,enum=hresult,enum=ms-diagnostics,enum=sip-status,enum=aadsts,enum=adfs"`
	Code       string   `json:"code"`
	Text       string   `json:"text"`
	Type       string   `json:"type" jsonschema:"enum=client,enum=network,enum=identity,enum=service,enum="`
	Cause      string   `json:"cause"`
	Resolution []string `json:"resolution"`
	References []string `json:"references"`
	Score      float64  `json:"score"` // 1 is certain
}

// Explain is lyncdiag.explain/v1.
func (t Tool) Explain(query string, matches []lyncdiag.Explanation) Document {
	return Document{&explainDoc{"lyncdiag.explain/v1", query, kb.Language(query), each(matches, func(e lyncdiag.Explanation) explanation {
		return explanation{e.Kind, e.Code, e.Text, e.Type, e.Cause, list(e.Resolution), list(e.References), e.Score}
	})}}
}

// languages are the names of those kb.Language recognises.
func languages() map[string]string {
	return map[string]string{"de": "German", "fr": "French", "es": "Spanish", "pt": "Portuguese", "it": "Italian", "ja": "Japanese", "zh": "Chinese", "ru": "Russian"}
}

func (d *explainDoc) text(s *sheet) {
	if name := languages()[d.Language]; name != "" {
		s.line("This reads like " + name + ". Only English messages are known: the code beside the text, or the same message in English, says more.")
	}
	if len(d.Matches) == 0 {
		s.line("Nothing known matches this text.")
	}
	for _, m := range d.Matches {
		s.blank()
		s.head(m.Text, plain)
		s.blank()
		s.split("What", strings.TrimSpace(m.Kind+" "+kb.Type(m.Type).Label()), m.Code)
		s.item("Why", m.Cause)
		s.steps("Do", m.Resolution)
		s.item("See", strings.Join(m.References, ", "))
	}
}
