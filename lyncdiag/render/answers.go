package render

import (
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// answersDoc is lyncdiag.answers/v1, which check --answers reads again.
type answersDoc struct {
	Schema  string   `json:"schema"`
	Answers []answer `json:"answers"`
}

type answer struct {
	ID    string `json:"id"`
	Value string `json:"value"`
	At    string `json:"at,omitempty" jsonschema:"format=date-time"`
}

// Answers is lyncdiag.answers/v1.
func (t Tool) Answers(given []fact.Answer) Document {
	return Document{&answersDoc{"lyncdiag.answers/v1", each(given, func(a fact.Answer) answer { return answer(a) })}}
}

func (d *answersDoc) text(s *sheet) {
	rows := each(d.Answers, func(a answer) []string { return []string{a.ID, a.Value} })
	if len(rows) == 0 {
		s.line("No question was answered.")
	}
	s.table(rows)
}
