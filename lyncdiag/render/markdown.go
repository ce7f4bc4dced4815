package render

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func writeMarkdown(w io.Writer, p page) error {
	var m manuscript
	for i, paper := range papersOf(p) {
		m.paper(paper, i)
	}
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("render: write Markdown: %w", err)
	}
	return nil
}

// manuscript is GitHub-flavoured Markdown under construction, which most ticket
// systems and chats take.
type manuscript struct{ strings.Builder }

// plain escapes what Markdown would read as markup within a line.
func (m *manuscript) plain(s string) string {
	text := []rune(strings.TrimSpace(clean(s)))
	word := func(i int) bool {
		return i >= 0 && i < len(text) && (unicode.IsLetter(text[i]) || unicode.IsDigit(text[i]))
	}
	entity := strings.ContainsRune(s, ';')
	var b strings.Builder
	for i, r := range text {
		if strings.ContainsRune("\\`*[]<>|~", r) || r == '_' && !(word(i-1) && word(i+1)) || r == '&' && entity {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// line is a text that begins a line, where more is markup.
func (m *manuscript) line(s string) string {
	text := m.plain(s)
	n := len(text) - len(strings.TrimLeft(text, "0123456789"))
	switch {
	case text != "" && strings.ContainsRune("#+-=", rune(text[0])):
		return "\\" + text
	case n > 0 && n < len(text) && (text[n] == '.' || text[n] == ')'): // a list
		return text[:n] + "\\" + text[n:]
	}
	return text
}

// heading writes a heading of a level after an empty line.
func (m *manuscript) heading(level int, text string) {
	if m.Len() > 0 {
		m.WriteByte('\n')
	}
	m.WriteString(strings.Repeat("#", level) + " " + m.plain(text) + "\n")
}

func (m *manuscript) paper(p *paper, number int) {
	level := 1 + min(number, 1)
	m.heading(level, p.title)
	for _, note := range p.notes {
		m.WriteString("\n**" + m.plain(note) + "**\n")
	}
	m.pairs(p.about)
	for _, s := range p.sections {
		m.heading(level+1, s.title)
		m.pairs(s.about)
		m.findings(s.findings, level+2)
		m.grid(stageGrid(s.stages))
		m.grid(s.grid)
		m.items(s.items, "- ")
	}
}

// stageGrid is a timeline as a table.
func stageGrid(stages []stage) grid {
	g := grid{head: []string{"Status", "Link", "What was seen", "ms"}}
	for _, s := range stages {
		k := status(s.Status)
		took := ""
		if s.Status != "skipped" {
			took = fmt.Sprint(s.DurationMs)
		}
		g.add(k, 0, k.word, s.Title, s.Reason, took)
	}
	return g
}

func (m *manuscript) pairs(list []pair) {
	g := grid{head: []string{"", ""}}
	for _, x := range list {
		g.add(mark{}, -1, x.name, x.value)
	}
	m.grid(g)
}

func (m *manuscript) items(list []string, bullet string) {
	if len(list) > 0 {
		m.WriteByte('\n')
	}
	for _, item := range list {
		m.WriteString(bullet + m.line(item) + "\n")
	}
}

func (m *manuscript) findings(all []finding, level int) {
	for _, severity := range []kb.Severity{kb.Failure, kb.Warning, kb.Info} {
		for _, f := range roots(all, severity) {
			m.heading(level, severityOf(f)+": "+f.Title)
			fmt.Fprintf(m, "\n`%s %s` %s\n", f.ID, f.Name, m.plain(f.kind()))
			if f.Cause != "" {
				m.WriteString("\n" + m.line(f.Cause) + "\n")
			}
			if len(f.Resolution) > 0 {
				m.WriteString("\nWhat to do (" + owners()[f.Owner] + "):\n")
				m.items(f.Resolution, "1. ")
			}
			seenAt := grid{head: []string{"Seen", "Value", "From"}}
			for _, e := range f.Evidence {
				seenAt.add(mark{}, -1, e.Key, e.Value, origin(e))
			}
			m.grid(seenAt)
			if effects := effectsOf(all, f.Name, 0); len(effects) > 0 {
				m.WriteString("\nIt explains:\n")
				m.items(effects, "- ")
			}
			if len(f.References) > 0 {
				m.WriteString("\nSee " + m.plain(strings.Join(f.References, ", ")) + "\n")
			}
		}
	}
}

func (m *manuscript) grid(g grid) {
	if len(g.rows) == 0 {
		return
	}
	if len(g.head) > wideGrid {
		for _, r := range g.rows {
			m.pairs(g.pairs(r))
		}
		return
	}
	m.WriteString("\n|")
	for _, h := range g.head {
		m.WriteString(" " + m.plain(h) + " |")
	}
	m.WriteString("\n|" + strings.Repeat("---|", len(g.head)) + "\n")
	for _, r := range g.rows {
		m.WriteByte('|')
		for i, c := range r.cells {
			text := m.plain(c)
			if i == r.mark && (r.tone == bad || r.tone == dubio) && text != "" {
				text = "**" + text + "**"
			}
			m.WriteString(" " + text + " |")
		}
		m.WriteByte('\n')
	}
}
