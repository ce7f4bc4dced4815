package render

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// paper is a page as HTML and Markdown have it: a headline, what it is about,
// and sections.
type paper struct {
	title    string
	tone     tone
	about    []pair
	notes    []string
	sections []section
}

type pair struct{ name, value string }

// section has one kind of content; the others are empty.
type section struct {
	title    string
	findings []finding // with those that they explain
	stages   []stage   // a timeline over spanMs
	spanMs   int64
	about    []pair
	grid     grid
	items    []string
}

// grid is a table. A row has the mark of the cell in column mark, none below 0.
type grid struct {
	head []string
	rows []gridRow
}

type gridRow struct {
	cells []string
	mark  int
	tone  tone
}

func (g *grid) add(m mark, at int, cells ...string) {
	g.rows = append(g.rows, gridRow{cells, at, m.tone})
}

// trim leaves out the columns that have nothing in any row.
func (g *grid) trim() {
	for i := len(g.head) - 1; i >= 0; i-- {
		if slices.ContainsFunc(g.rows, func(r gridRow) bool { return r.cells[i] != "" }) {
			continue
		}
		g.head = slices.Delete(g.head, i, i+1)
		for j := range g.rows {
			r := &g.rows[j]
			r.cells = slices.Delete(r.cells, i, i+1)
			if r.mark > i {
				r.mark--
			}
		}
	}
}

func (p *paper) table(title string, g grid) {
	if len(g.rows) > 0 {
		g.trim()
		p.sections = append(p.sections, section{title: title, grid: g})
	}
}

func joined(values []string) string { return strings.Join(values, "; ") }

// papered is a page with a paper of its own; several papers are one after the
// other, the first of them about them all.
type papered interface{ papers() []*paper }

func papersOf(p page) []*paper {
	if own, ok := p.(papered); ok {
		return own.papers()
	}
	return []*paper{generic(p)}
}

// generic is the paper of any document: its fields are what it is about, its
// lists are tables, and its headline is that of its text.
func generic(p page) *paper {
	s := newSheet(Options{Width: maxWidth})
	p.text(s)
	out := &paper{title: s.headline, tone: s.headTone}
	v := reflect.ValueOf(p).Elem()
	schema := v.FieldByName("Schema").String()
	if out.title == "" {
		out.title = titled(strings.TrimSuffix(strings.TrimPrefix(schema, "lyncdiag."), "/v1"))
	}
	out.fields(v, "")
	return out
}

// fields takes the fields of a wire struct. What is "", unknown or an empty list
// says nothing.
func (p *paper) fields(v reflect.Value, under string) {
	var about []pair
	for i := range v.NumField() {
		f, name := v.Field(i), keyOf(v.Type().Field(i))
		if name == "-" || name == "schema" {
			continue
		}
		if v.Type().Field(i).Anonymous {
			p.fields(f, under)
			continue
		}
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		title := strings.TrimSpace(under + " " + titled(name))
		switch {
		case f.Kind() == reflect.Struct:
			p.fields(f, title)
		case f.Kind() == reflect.Slice && f.Len() > 0 && f.Type() == reflect.TypeFor[[]finding]():
			p.sections = slices.Insert(p.sections, 0, section{title: "What was found, and what to do", findings: f.Interface().([]finding)})
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			p.table(title, structs(f))
		default:
			if text := cell(f); text != "" {
				about = append(about, pair{titled(name), text})
			}
		}
	}
	switch {
	case len(about) > 0 && under == "":
		p.about = append(p.about, about...)
	case len(about) > 0:
		p.sections = append(p.sections, section{title: under, about: about})
	}
}

// keyOf is the JSON key of a field, "-" for what is not in the document.
func keyOf(f reflect.StructField) string {
	if !f.IsExported() && !f.Anonymous {
		return "-"
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// structs are a table of a list of wire structs.
func structs(list reflect.Value) grid {
	var g grid
	for i := range list.Len() {
		var row gridRow
		row.mark = -1
		for name, value := range columnsOf(list.Index(i)) {
			if i == 0 {
				g.head = append(g.head, titled(name))
			}
			text := cell(value)
			if name == "status" || name == "outcome" {
				m := status(text)
				row.mark, row.tone = len(row.cells), m.tone
			}
			row.cells = append(row.cells, text)
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// columnsOf are the fields of a struct, those of embedded ones among them.
func columnsOf(v reflect.Value) func(func(string, reflect.Value) bool) {
	return func(yield func(string, reflect.Value) bool) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Anonymous {
				for name, value := range columnsOf(v.Field(i)) {
					if !yield(name, value) {
						return
					}
				}
				continue
			}
			if name := keyOf(f); name != "-" && !yield(name, v.Field(i)) {
				return
			}
		}
	}
}

// cell is a value as text: "" for what says nothing.
func cell(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return cell(v.Elem())
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return map[bool]string{true: "yes", false: "no"}[v.Bool()]
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint32:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, cell(v.Index(i)))
		}
		return joined(parts)
	case reflect.Struct:
		var parts []string
		for name, value := range columnsOf(v) {
			text := cell(value)
			switch {
			case text == "" || value.Kind() == reflect.Bool && !value.Bool():
			case value.Kind() == reflect.String:
				parts = append(parts, text)
			default:
				parts = append(parts, titled(name)+" "+text)
			}
		}
		return strings.Join(parts, " ")
	}
	return ""
}

// titled is a JSON key as a title: "tlsVersion" is "TLS version".
func titled(key string) string {
	var words []string
	start := 0
	for i, r := range key + "A" {
		if (unicode.IsUpper(r) || r == '-') && i > start {
			words = append(words, strings.ToLower(key[start:i]))
			start = i
			if r == '-' {
				start++
			}
		}
	}
	for i, w := range words {
		switch w {
		case "tls", "url", "uri", "sip", "dns", "id", "ocsp", "crl", "http", "ttl", "ca", "alpn", "mex", "ip", "stun", "pac":
			words[i] = strings.ToUpper(w)
		case "crls", "urls":
			words[i] = strings.ToUpper(w[:3]) + "s"
		case "oauth", "powershell":
			words[i] = map[string]string{"oauth": "OAuth", "powershell": "PowerShell"}[w]
		case "ms":
			if i > 0 {
				words[i] = "(ms)"
			}
		default:
			if i == 0 {
				words[i] = strings.ToUpper(w[:1]) + w[1:]
			}
		}
	}
	return strings.Join(words, " ")
}

func (d *reportDoc) papers() []*paper {
	p := &paper{title: d.headline(), tone: d.tone()}
	for _, x := range []pair{
		{"Ticket", d.Target.Ticket}, {"Address", d.Target.Address}, {"Sign-in name", d.Target.UserName}, {"Verdict", d.Verdict.Outcome}, {"Type", joined(labels(d.Verdict.Types))},
		{"Deployment", d.Setting.Deployment}, {"Cloud", d.Setting.Cloud}, {"Client", d.Setting.Client}, {"Location", d.Setting.Location}, {"Server set by hand", d.Setting.ManualServer},
		{"Begun", d.StartedAt}, {"In all", d.counts()}, {"Program", d.Tool.Name + " " + d.Tool.Version},
	} {
		if x.value != "" {
			p.about = append(p.about, x)
		}
	}
	if !d.Complete {
		p.notes = append(p.notes, "The run was cut short: what was not looked at is not in here.")
	}
	p.notes = append(p.notes, d.silences()...)
	if len(d.Findings) > 0 {
		p.sections = append(p.sections, section{title: "What was found, and what to do", findings: d.Findings})
	}
	if len(d.Stages) > 0 {
		stages := slices.Clone(d.Stages)
		for i := range stages {
			stages[i].Reason = d.reason(stages[i])
		}
		p.sections = append(p.sections, section{title: "The way to sign-in", stages: stages, spanMs: d.DurationMs})
	}
	path := grid{head: []string{"Step", "Question", "Answer", "From"}}
	for _, v := range d.Verdict.Path {
		answer := map[string]mark{"yes": {"yes", good}, "no": {"no", dubio}}[v.Answer]
		if answer.word == "" {
			answer = mark{"unknown", faint}
		}
		from := strings.TrimSpace(v.From + " " + v.Where)
		if !v.Reached {
			from += " (not on the way)"
		}
		path.add(answer, 2, strconv.Itoa(v.Step), v.Question, answer.word, from)
	}
	p.table("The steps of KB 2541980", path)
	if d.Experiment.Conclusion != "" {
		p.sections = append(p.sections, section{title: "Automatic and manual configuration", about: []pair{
			{"Automatic", d.Experiment.Automatic}, {"Manual", d.Experiment.Manual}, {"Conclusion", d.Experiment.Conclusion}}})
	}
	open := grid{head: []string{"Question", "Why", "How to find out", "Flag"}}
	for _, q := range d.Verdict.Questions {
		open.add(mark{}, -1, q.Text, q.Why, q.Help, "--answer "+q.ID+"="+answers(q))
	}
	p.table("Questions that would say more", open)
	var next []string
	for _, n := range d.Verdict.Next {
		if n != "lyncdiag explain "+d.Verdict.Primary {
			next = append(next, n)
		}
	}
	if len(next) > 0 {
		p.sections = append(p.sections, section{title: "Next", items: next})
	}
	p.table("DNS records", recordGrid(d.Records))
	p.table("Hosts and ports", hostGrid(d.Hosts))
	p.table("Certificates", certificateGrid(d.Hosts))
	files := grid{head: []string{"File", "Kind", "Bytes", "Note"}}
	for _, f := range d.Bundle {
		files.add(mark{}, -1, f.Path, f.Kind, strconv.FormatInt(f.Bytes, 10), f.Note)
	}
	p.table("Files of the bundle", files)
	p.table("Autodiscover", hopGrid(d.Autodiscover.Hops))
	return []*paper{p}
}

func labels(types []string) []string {
	return each(types, func(t string) string { return kb.Type(t).Label() })
}

func (d *batchDoc) papers() []*paper {
	s := d.Summary
	p := &paper{title: fmt.Sprintf("%d addresses: %d healthy, %d with a problem, %d unknown", s.Total, s.Healthy, s.Problem, s.Unknown), tone: good}
	switch {
	case s.Problem > 0:
		p.tone = bad
	case s.Unknown > 0:
		p.tone = dubio
	}
	p.about = []pair{{"Cut short", strconv.Itoa(s.Incomplete)}, {"Exit code", strconv.Itoa(s.ExitCode)}, {"Program", d.Tool.Name + " " + d.Tool.Version}}
	p.notes = d.silences()
	often := grid{head: []string{"Finding", "Addresses", "Silenced"}}
	for _, t := range s.Findings {
		often.add(mark{}, -1, t.Name, strconv.Itoa(t.Count), strconv.Itoa(t.Silenced))
	}
	p.table("How often what was found", often)
	all := grid{head: []string{"Address", "Verdict", "Finding", "Summary"}}
	for _, r := range d.Reports {
		all.add(mark{r.Verdict.Outcome, r.tone()}, 1, r.Target.Address, r.Verdict.Outcome, r.Verdict.Primary, r.Verdict.Summary)
	}
	p.table("All addresses", all)
	papers := []*paper{p}
	for _, r := range d.Reports {
		papers = append(papers, d.apart(r).papers()...)
	}
	return papers
}
