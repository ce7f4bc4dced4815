package render

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

func writeText(w io.Writer, p page, o Options) error {
	s := newSheet(o)
	p.text(s)
	return s.flush(w)
}

// The margins of a text page.
const (
	minWidth, defaultWidth, maxWidth = 40, 80, 120

	margin = 2  // of everything under a headline
	label  = 11 // where the text beside a label begins
	marked = 11 // where the text beside a mark begins
)

// sheet is a text page under construction. Long lines wrap between words; a
// word that has no room, such as a URL, stands whole on its own line, so that
// it can be copied. Only a word that is longer than the page goes over its edge.
type sheet struct {
	b     strings.Builder
	width int
	color bool

	headline string // the first that was written
	headTone tone
}

func newSheet(o Options) *sheet {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	return &sheet{width: min(max(o.Width, minWidth), maxWidth), color: o.Color}
}

func (s *sheet) flush(w io.Writer) error {
	if _, err := io.WriteString(w, s.b.String()); err != nil {
		return fmt.Errorf("render: write text: %w", err)
	}
	return nil
}

// clean replaces what would steer a terminal, as names and texts come from the
// network, and the client's curly quotes, which some consoles cannot show. All that
// a page says of its own is ASCII.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == '\u2018' || r == '\u2019':
			return '\''
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// wrap cuts a text into lines of at most width columns between words.
func wrap(text string, width int) []string {
	var lines []string
	line, columns := "", 0
	for _, word := range strings.Fields(clean(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
			line, columns = word, n
		case columns+1+n <= width:
			line, columns = line+" "+word, columns+1+n
		default:
			lines = append(lines, line)
			line, columns = word, n
		}
	}
	return append(lines, line)
}

func (s *sheet) blank() {
	if s.b.Len() > 0 {
		s.b.WriteByte('\n')
	}
}

func (s *sheet) raw(line string) {
	s.b.WriteString(strings.TrimRight(line, " "))
	s.b.WriteByte('\n')
}

// line writes a wrapped text from the left edge.
func (s *sheet) line(text string) { s.hang("", 0, text) }

// head writes a headline in the tone of what it says.
func (s *sheet) head(text string, t tone) {
	if s.headline == "" {
		s.headline, s.headTone = text, t
	}
	for _, l := range wrap(text, s.width) {
		s.raw(s.paint(l, t))
	}
}

// hang writes a text beside a prefix, its further lines indented to the column
// where it began.
func (s *sheet) hang(prefix string, column int, text string) {
	s.lay(pad(prefix, column), column, column, text)
}

// entry writes a text at a margin, its further lines two columns deeper.
func (s *sheet) entry(column int, text string) {
	s.lay(pad("", column), column, column+2, text)
}

// lay writes a text that begins beside a prefix of some columns and goes on
// further in. A word that has no room there stands alone, as far to the left
// as it needs.
func (s *sheet) lay(prefix string, columns, further int, text string) {
	for i, l := range wrap(text, s.width-max(columns, further)) {
		n := utf8.RuneCountInString(l)
		switch {
		case i == 0 && columns+n <= s.width:
			s.raw(prefix + l)
			continue
		case i == 0 && strings.TrimSpace(prefix) != "":
			s.raw(prefix)
		}
		s.raw(pad("", max(0, min(further, s.width-n))) + l)
	}
}

// item writes a labelled text: "  Why      because". An empty text writes
// nothing: what is not known has no line.
func (s *sheet) item(name, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	s.hang(pad("", margin)+name, label, text)
}

// split writes two texts on one line, the second at the right edge, or on two
// lines where one is too short for them.
func (s *sheet) split(name, left, right string) {
	left, right = clean(left), clean(right)
	room := s.width - label - utf8.RuneCountInString(left) - utf8.RuneCountInString(right)
	if room < 2 {
		s.item(name, left)
		s.item("", right)
		return
	}
	s.raw(pad(pad("", margin)+name, label) + left + strings.Repeat(" ", room) + right)
}

// mark writes a text beside a status word: "  ok       text".
func (s *sheet) mark(m mark, text string) {
	word := pad(m.word, marked-margin)
	if len(m.word) >= marked-margin {
		word = m.word + "  "
	}
	column := margin + len(word)
	s.lay(pad("", margin)+s.paint(word, m.tone), column, column, text)
}

// steps writes a numbered list beside a label.
func (s *sheet) steps(name string, steps []string) {
	for i, step := range steps {
		number := fmt.Sprintf("%d. ", i+1)
		first := ""
		if i == 0 {
			first = name
		}
		s.hang(pad(pad("", margin)+first, label)+number, label+len(number), step)
	}
}

// table writes rows under each other, each column as wide as its widest cell
// but the last, which wraps. Rows whose columns leave the last one too little
// room put it on a line of its own.
func (s *sheet) table(rows [][]string) {
	if len(rows) == 0 {
		return
	}
	last := len(rows[0]) - 1
	widths := make([]int, last)
	for _, row := range rows {
		for i := range last {
			widths[i] = max(widths[i], utf8.RuneCountInString(clean(row[i])))
		}
	}
	for _, row := range rows {
		prefix := pad("", margin)
		for i := range last {
			prefix += pad(clean(row[i]), widths[i]+2)
		}
		column := utf8.RuneCountInString(prefix)
		if s.width-column < 20 && row[last] != "" {
			s.raw(prefix)
			prefix, column = "", marked
		}
		s.hang(prefix, column, row[last])
	}
}

func pad(text string, columns int) string {
	if n := columns - utf8.RuneCountInString(text); n > 0 {
		return text + strings.Repeat(" ", n)
	}
	return text
}

// tone is what a colour repeats. The zero value has none.
type tone string

const (
	plain tone = ""
	good  tone = "32"
	bad   tone = "31;1"
	dubio tone = "33"
	faint tone = "2"
)

func (s *sheet) paint(text string, t tone) string {
	if !s.color || t == plain {
		return text
	}
	words := strings.TrimRight(text, " ")
	return "\x1b[" + string(t) + "m" + words + "\x1b[0m" + text[len(words):]
}

// mark is a status as a word.
type mark struct {
	word string
	tone tone
}

// status is the mark of a status word of a document.
func status(word string) mark {
	switch word {
	case "passed":
		return mark{"ok", good}
	case "ok", "succeeded", "listening":
		return mark{word, good}
	case "failed":
		return mark{"FAILED", bad}
	case "missing", "wrong", "not-listening", "filtered", "unresolved":
		return mark{word, bad}
	case "warned":
		return mark{"WARNED", dubio}
	case "errored", "error", "unknown", "incomplete", "no-answer", "challenged", "extra":
		return mark{word, dubio}
	}
	if word == "not-applicable" {
		word = "optional" // the record is, and it is not there
	}
	return mark{word, faint}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// seconds writes a duration for a person.
func seconds(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
