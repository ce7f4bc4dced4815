package render

import (
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// scopeDoc is lyncdiag.scope/v1.
type scopeDoc struct {
	Schema    string     `json:"schema"`
	Types     []string   `json:"types"`     // of problem that are left
	Statement string     `json:"statement"` // the same as a sentence
	Messages  []message  `json:"messages"`  // the article's rows of those types
	Questions []question `json:"questions"` // that would leave fewer
	Next      []string   `json:"next"`      // command lines
}

type message struct {
	Code  string `json:"code"`
	Text  string `json:"text"`
	Type  string `json:"type" jsonschema:"enum=client,enum=network,enum=identity,enum=service"`
	Cause string `json:"cause"`
}

// Scope is lyncdiag.scope/v1: the article's scoping table. An argument that is
// "" is not known.
func (t Tool) Scope(symptom kb.Symptom, users, computers kb.Spread) Document {
	doc := scopeDoc{Schema: "lyncdiag.scope/v1", Types: []string{}, Messages: []message{}, Questions: []question{}, Next: []string{}}
	doc.Statement = kb.Statement(symptom, users, computers)
	left := map[kb.Type]bool{}
	for _, typ := range kb.Scope(symptom, users, computers) {
		doc.Types = append(doc.Types, string(typ))
		if typ == kb.AzureAD {
			left[kb.Identity] = true // where the article files its messages
			continue
		}
		left[kb.Type(typ)] = true
	}
	for _, m := range kb.Messages() {
		if m.Section != "" && left[m.Type] { // later wordings have no section of the article
			doc.Messages = append(doc.Messages, message{m.Code, m.Text, string(m.Type), m.Cause})
		}
	}
	open := map[string]bool{"symptom": symptom == "", "users": users == "", "computers": computers == ""}
	for _, q := range kb.Questions() {
		if open[q.ID] {
			doc.Questions = append(doc.Questions, questions([]kb.Question{q})...)
		}
	}
	doc.Next = scopeNext(left)
	return Document{&doc}
}

// scopeNext are the commands that look at the types left, in the chain's order.
func scopeNext(left map[kb.Type]bool) []string {
	next := []string{"lyncdiag check ADDRESS"}
	if left[kb.Network] {
		next = append(next, "lyncdiag dns DOMAIN", "lyncdiag autodiscover ADDRESS")
	}
	if left[kb.Identity] {
		next = append(next, "lyncdiag adfs realm ADDRESS")
	}
	if left[kb.Client] {
		next = append(next, "lyncdiag log FILE")
	}
	return append(next, "lyncdiag ask ADDRESS")
}

func (d *scopeDoc) text(s *sheet) {
	s.line(d.Statement)
	if len(d.Questions) > 0 {
		s.blank()
		s.line("Questions that would say more")
		for _, q := range d.Questions {
			s.entry(margin, "--"+q.ID+" "+answers(q)+": "+q.Text)
		}
	}
	if len(d.Messages) > 0 {
		s.blank()
		s.line("Messages of these types")
		for _, m := range d.Messages {
			s.blank()
			s.entry(margin, m.Text)
			s.item("Type", kb.Type(m.Type).Label())
			s.item("Why", m.Cause)
		}
	}
	s.blank()
	s.line("Next")
	for _, n := range d.Next {
		s.entry(margin, n)
	}
}
