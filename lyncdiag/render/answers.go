package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// answersDoc is lyncdiag.answers/v1, which check --answers reads again.
type answersDoc struct {
	Schema    string     `json:"schema"`
	Answers   []answer   `json:"answers"`
	Path      []visit    `json:"path"` // the identity tree of KB 2541980
	End       walkEnd    `json:"end"`
	Questions []question `json:"questions"` // still open
	Next      []string   `json:"next"`
}

type answer struct {
	ID    string `json:"id"`
	Value string `json:"value"`
	At    string `json:"at,omitempty" jsonschema:"format=date-time"`
}

// walkEnd is where the article's tree ends with these answers; all "" while it
// waits for one.
type walkEnd struct {
	Finding string `json:"finding"`
	Section string `json:"section"` // id of the part of the article it sends to, "" for none
	Text    string `json:"text"`    // the article's conclusion in few words
}

// Answers is lyncdiag.answers/v1: the answers, the walk through the article's
// tree that they make (see [lyncdiag.Walk]), and what is still open.
func (t Tool) Answers(given []fact.Answer, path []lyncdiag.Visit, end kb.Edge, open []kb.Question, next []string) Document {
	return Document{&answersDoc{
		Schema: "lyncdiag.answers/v1", Answers: each(given, func(a fact.Answer) answer { return answer(a) }),
		Path: each(path, visited), End: walkEnd{end.Finding, end.Section, end.Text},
		Questions: questions(open), Next: list(next),
	}}
}

func (d *answersDoc) text(s *sheet) {
	if d.End.Finding == "" {
		s.head("The article's steps are not at an end: answers are missing", dubio)
	} else {
		s.head("The article's steps end: "+d.End.Text, plain)
		s.blank()
		title := ""
		if spec, ok := kb.Lookup(d.End.Finding); ok {
			title = ": " + spec.Title
		}
		s.item("Finding", d.End.Finding+title)
		for _, section := range kb.Sections() {
			if section.ID == d.End.Section {
				s.item("Go to", section.Title)
			}
		}
		s.item("More", "lyncdiag explain "+d.End.Finding)
	}
	s.blank()
	if len(d.Answers) == 0 {
		s.line("No question was answered.")
	} else {
		s.line("Answers")
	}
	s.table(each(d.Answers, func(a answer) []string { return []string{a.ID, a.Value} }))
	s.path(d.Path)
	s.ask(d.Questions)
	s.next(slices.DeleteFunc(slices.Clone(d.Next), func(n string) bool { return strings.HasPrefix(n, "lyncdiag ask") }), "lyncdiag explain "+d.End.Finding)
}

// path writes the article's steps that the answers lead through.
func (s *sheet) path(path []visit) {
	if len(path) == 0 {
		return
	}
	s.blank()
	s.line("The steps of KB 2541980")
	for _, v := range path {
		text := fmt.Sprintf("%d. %s", v.Step, v.Question)
		if from := strings.TrimSpace(v.From + " " + v.Where); from != "" {
			text += " (" + from + ")"
		}
		s.mark(mark{v.Answer, plain}, text)
	}
}
