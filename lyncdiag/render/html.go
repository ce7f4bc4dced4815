package render

import (
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// htmlHead is the head of every page of a document. Nothing is fetched and no
// script runs, so that mail gateways and ticket systems let it through.
//
//go:embed page.html
var htmlHead string

// markup is a page of HTML under construction. Whatever comes from the network
// goes through text.
type markup struct{ strings.Builder }

// text writes what is no markup.
func (m *markup) text(s string) {
	for _, r := range clean(s) {
		switch r {
		case '&':
			m.WriteString("&amp;")
		case '<':
			m.WriteString("&lt;")
		case '>':
			m.WriteString("&gt;")
		case '"':
			m.WriteString("&quot;")
		case '\'':
			m.WriteString("&#39;")
		case '\ufffe', '\uffff': // no characters, and none of XML
			m.WriteRune('\ufffd')
		default:
			m.WriteRune(r)
		}
	}
}

// element writes a text within an element; open is the tag with its attributes.
func (m *markup) element(open, text string) {
	m.WriteString("<" + open + ">")
	m.text(text)
	tag, _, _ := strings.Cut(open, " ")
	m.WriteString("</" + tag + ">")
}

func writeHTML(w io.Writer, p page) error {
	papers := papersOf(p)
	var m markup
	head, foot, _ := strings.Cut(htmlHead, "<!--page-->")
	before, after, _ := strings.Cut(head, "<!--title-->")
	m.WriteString(before)
	m.text(papers[0].title)
	m.WriteString(after)
	for i, paper := range papers {
		m.paper(paper, i, len(papers))
	}
	m.WriteString(foot)
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("render: write page: %w", err)
	}
	return nil
}

// class is the class of a tone.
func (t tone) class() string {
	return map[tone]string{good: "good", bad: "bad", dubio: "warn", faint: "dim"}[t]
}

func (m *markup) paper(p *paper, number, of int) {
	heading, below := "h1", "h2"
	if number > 0 {
		heading, below = "h2", "h3"
	}
	fmt.Fprintf(m, "<article id=\"p%d\">\n<header class=\"%s\">", number, p.tone.class())
	m.element(heading, p.title)
	for _, note := range p.notes {
		m.element(`p class="note"`, note)
	}
	m.pairs(p.about, "about")
	m.WriteString("</header>\n")
	m.contents(p, number, of)
	for i, s := range p.sections {
		fmt.Fprintf(m, "<section id=\"p%ds%d\" aria-labelledby=\"p%dh%d\">\n", number, i, number, i)
		m.element(fmt.Sprintf(`%s id="p%dh%d"`, below, number, i), s.title)
		m.pairs(s.about, "")
		m.findings(s.findings, number)
		m.timeline(s.stages, s.spanMs)
		m.grid(s.grid, s.title)
		m.list("ul", s.items)
		m.WriteString("</section>\n")
	}
	m.WriteString("</article>\n")
}

// contents are links to the sections, or to the pages behind the first.
func (m *markup) contents(p *paper, number, of int) {
	if number > 0 || len(p.sections) < 3 {
		return
	}
	m.WriteString("<nav aria-label=\"On this page\"><ul>")
	for i, s := range p.sections {
		m.WriteString("<li>")
		m.element(fmt.Sprintf(`a href="#p%ds%d"`, number, i), s.title)
		m.WriteString("</li>")
	}
	m.WriteString("</ul></nav>\n")
}

func (m *markup) pairs(list []pair, class string) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(m, "<dl class=\"%s\">", class)
	for _, x := range list {
		m.WriteString("<div>")
		m.element("dt", x.name)
		m.element("dd", x.value)
		m.WriteString("</div>")
	}
	m.WriteString("</dl>\n")
}

func (m *markup) list(tag string, items []string) {
	if len(items) == 0 {
		return
	}
	m.WriteString("<" + tag + ">")
	for _, item := range items {
		m.element("li", item)
	}
	m.WriteString("</" + tag + ">\n")
}

func (m *markup) findings(all []finding, number int) {
	for _, severity := range []kb.Severity{kb.Failure, kb.Warning, kb.Info} {
		for _, f := range roots(all, severity) {
			t := severityTone(f)
			if severity == kb.Info {
				t = faint
			}
			fmt.Fprintf(m, "<article class=\"finding %s\">", t.class())
			heading := "h3"
			if number > 0 {
				heading = "h4"
			}
			m.element(heading, severityOf(f)+": "+f.Title)
			m.WriteString("<p class=\"kind\">")
			m.element("code", f.ID+" "+f.Name)
			m.text(" " + f.kind())
			m.WriteString("</p>")
			m.element("p", f.Cause)
			if len(f.Resolution) > 0 {
				m.element("h4", "What to do ("+owners()[f.Owner]+")")
				m.list("ol", f.Resolution)
			}
			seenAt := grid{head: []string{"Seen", "Value", "From"}}
			for _, e := range f.Evidence {
				seenAt.add(mark{}, -1, e.Key, e.Value, origin(e))
			}
			if len(seenAt.rows) > 0 {
				m.grid(seenAt, "Evidence of "+f.Name)
			}
			if effects := effectsOf(all, f.Name, 0); len(effects) > 0 {
				m.element("h4", "It explains")
				m.list("ul", effects)
			}
			m.WriteString("<p class=\"more\">")
			m.element("code", "lyncdiag explain "+f.Name)
			if len(f.References) > 0 {
				m.text(" " + strings.Join(f.References, ", "))
			}
			m.WriteString("</p></article>\n")
		}
	}
}

// severityOf is the severity as a heading has it.
func severityOf(f finding) string {
	return map[string]string{"failure": "Failure", "warning": "Warning", "info": "Good to know"}[f.Severity] + f.silenced()
}

// kind is what a finding is, in a line below its heading.
func (f finding) kind() string {
	text := kb.Type(f.Type).Label() + ", " + f.Confidence
	if why := f.silence(); why != "" {
		text += ", " + why
	}
	return text
}

// origin says where a piece of evidence is from.
func origin(e evidence) string { return strings.TrimSpace(e.Origin + " " + place(e)) }

// effectsOf are the titles of the findings that a finding explains, and theirs.
func effectsOf(all []finding, name string, depth int) []string {
	var list []string
	for _, f := range all {
		if f.CausedBy == name && f.Name != name && depth < len(all) {
			list = append(list, f.Title+" ("+f.Name+")"+f.silenced())
			list = append(list, effectsOf(all, f.Name, depth+1)...)
		}
	}
	return list
}

// timeline is a table of the stages with a bar for the time that each took.
func (m *markup) timeline(stages []stage, span int64) {
	if len(stages) == 0 {
		return
	}
	for _, s := range stages {
		span = max(span, s.StartedMs+s.DurationMs)
	}
	m.WriteString("<table class=\"chain\"><thead><tr><th scope=\"col\">Link</th><th scope=\"col\">Status</th><th scope=\"col\">What was seen</th><th scope=\"col\">ms</th><th scope=\"col\">When</th></tr></thead><tbody>\n")
	for _, s := range stages {
		k := status(s.Status)
		m.WriteString("<tr>")
		m.element(`th scope="row" data-label="Link"`, s.Title)
		m.element(`td data-label="Status" class="`+k.tone.class()+`"`, k.word)
		m.element(`td data-label="What was seen"`, s.Reason)
		ran := s.Status != "skipped"
		took := ""
		if ran {
			took = strconv.FormatInt(s.DurationMs, 10)
		}
		m.element(`td data-label="ms" class="number"`, took)
		m.WriteString(`<td data-label="When" class="bar">`)
		if ran && span > 0 {
			fmt.Fprintf(m, `<i class="%s" role="img" aria-label="from %d to %d ms" style="margin-left:%.1f%%;width:%.1f%%"></i>`, k.tone.class(), s.StartedMs, s.StartedMs+s.DurationMs,
				min(float64(s.StartedMs)*100/float64(span), 99), max(float64(s.DurationMs)*100/float64(span), 0.5))
		}
		m.WriteString("</td></tr>\n")
	}
	m.WriteString("</tbody></table>\n")
}

// wideGrid is how many columns a table may have; the rows of a wider one are
// lists of their own.
const wideGrid = 8

func (m *markup) grid(g grid, title string) {
	if len(g.rows) == 0 {
		return
	}
	if len(g.head) > wideGrid {
		for _, r := range g.rows {
			m.pairs(g.pairs(r), "card")
		}
		return
	}
	m.WriteString("<table>")
	m.element(`caption class="apart"`, title)
	m.WriteString("<thead><tr>")
	for _, h := range g.head {
		m.element(`th scope="col"`, h)
	}
	m.WriteString("</tr></thead><tbody>\n")
	for _, r := range g.rows {
		m.WriteString("<tr>")
		for i, c := range r.cells {
			m.WriteString(`<td data-label="`)
			m.text(g.head[i])
			m.WriteByte('"')
			if i == r.mark {
				m.WriteString(` class="` + r.tone.class() + `"`)
			}
			m.WriteByte('>')
			m.text(c)
			m.WriteString("</td>")
		}
		m.WriteString("</tr>\n")
	}
	m.WriteString("</tbody></table>\n")
}

// pairs are the cells of a row that say something.
func (g *grid) pairs(r gridRow) []pair {
	var list []pair
	for i, c := range r.cells {
		if c != "" {
			list = append(list, pair{g.head[i], c})
		}
	}
	return list
}
