package render

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Flow is a ladder of messages between the client and its servers. The zero
// value is ready.
type Flow struct {
	Redact func(any) any // as in Options

	arrows  []arrow
	servers []string
	left    int
	results map[string]string // of a Call-ID
}

// maxArrows bounds what a ladder draws: nobody reads a longer one.
const maxArrows = 2000

type arrow struct {
	at     time.Time
	out    bool
	server int
	text   string
	notes  []string
	callID string
}

// Add draws one message. Messages without a direction point the way that their
// kind says: a request from the client, an answer to it.
func (f *Flow) Add(r sip.Record) {
	if f.Redact != nil && r.Message != nil {
		r = f.Redact(r).(sip.Record)
	}
	m := r.Message
	if m == nil || m.Method == "" && m.Status == 0 {
		return
	}
	if len(f.arrows) >= maxArrows {
		f.left++
		return
	}
	peer := cmp.Or(r.Remote, "server")
	i := slices.Index(f.servers, peer)
	if i < 0 {
		if len(f.servers) >= 8 {
			peer, i = "other servers", 7
			f.servers[7] = peer
		} else {
			f.servers = append(f.servers, peer)
			i = len(f.servers) - 1
		}
	}
	num, method, _ := m.CSeq()
	a := arrow{at: r.At, out: r.Direction == "out" || r.Direction == "none" && m.Request, server: i, callID: m.Get("Call-ID")}
	if m.Request {
		a.text = fmt.Sprintf("%s (%d)", m.Method, num)
		for _, h := range m.Headers {
			if strings.EqualFold(h.Name, "Authorization") || strings.EqualFold(h.Name, "Proxy-Authorization") {
				scheme, _, _ := strings.Cut(h.Value, " ")
				a.text += " with " + scheme
				break
			}
		}
	} else {
		a.text = strings.TrimSpace(fmt.Sprintf("%d %s", m.Status, m.Reason))
		if method != "" {
			a.text += fmt.Sprintf(" (%d %s)", num, method)
		}
		var offered []string
		for _, c := range sip.Challenges(m) {
			if !slices.Contains(offered, c.Scheme) {
				offered = append(offered, c.Scheme)
			}
		}
		if len(offered) > 0 {
			a.notes = append(a.notes, "offers "+strings.Join(offered, ", "))
		}
	}
	for _, d := range sip.Diagnostics(m) {
		a.notes = append(a.notes, strings.TrimSpace(fmt.Sprintf("%s %d %s", d.Header, d.ID, d.Reason)))
	}
	f.arrows = append(f.arrows, a)
}

// Attempt writes the result of an attempt below its last message.
func (f *Flow) Attempt(a sip.Attempt) {
	if f.Redact != nil {
		a = f.Redact(a).(sip.Attempt)
	}
	if f.results == nil {
		f.results = map[string]string{}
	}
	class := sip.Classify(a)
	text := "attempt " + a.ID + ": " + a.Outcome
	if class.Detail != "" && a.Outcome != "succeeded" {
		text += ", " + class.Detail
	}
	if name := lyncdiag.FindingOf(class.Class); name != "" {
		text += ": " + name
	}
	f.results[a.CallID] = text
}

// result is what stands below the i-th arrow: the verdict on its dialogue.
func (f *Flow) result(i int) string {
	id := f.arrows[i].callID
	if slices.ContainsFunc(f.arrows[i+1:], func(a arrow) bool { return a.callID == id }) {
		return ""
	}
	return f.results[id]
}

// silence is a pause that the ladder shows.
const silence = 5 * time.Second

func (f *Flow) pause(i int) string {
	if i == 0 || f.arrows[i].at.IsZero() || f.arrows[i-1].at.IsZero() {
		return ""
	}
	d := f.arrows[i].at.Sub(f.arrows[i-1].at)
	if d < silence {
		return ""
	}
	return d.Round(time.Second).String() + " later"
}

// WriteText draws the ladder in characters.
func (f *Flow) WriteText(w io.Writer) error {
	var b strings.Builder
	const clock, lane = 14, 44
	name := func(s string) string {
		if len(s) > lane-3 {
			s = s[:lane-6] + "..."
		}
		return s
	}
	b.WriteString(strings.Repeat(" ", clock) + "client")
	for i, s := range f.servers {
		b.WriteString(strings.Repeat(" ", max(clock+lane*(i+1)-lineLength(&b), 1)) + name(s))
	}
	b.WriteByte('\n')
	rails := func(from int) string {
		line := ""
		for i := from; i < len(f.servers); i++ {
			line += strings.Repeat(" ", lane-1) + "|"
		}
		return line
	}
	note := func(text string) {
		if text != "" {
			b.WriteString(strings.TrimRight(strings.Repeat(" ", clock)+"|  "+text, " ") + "\n")
		}
	}
	for i, a := range f.arrows {
		note(f.pause(i))
		stamp := strings.Repeat(" ", clock)
		if !a.at.IsZero() {
			stamp = a.at.UTC().Format("15:04:05.000") + "  "
		}
		room := lane*(a.server+1) - 1
		text := " " + a.text + " "
		if len(text) > room-4 {
			text = text[:max(room-7, 0)] + "... "
		}
		dashes := room - 1 - len(text)
		line := "--" + text + strings.Repeat("-", max(dashes-2, 0)) + ">"
		if !a.out {
			line = "<" + "-" + text + strings.Repeat("-", max(dashes-1, 0))
		}
		b.WriteString(strings.TrimRight(stamp+"|"+line+"|"+rails(a.server+1), " ") + "\n")
		for _, n := range a.notes {
			note(n)
		}
		note(f.result(i))
	}
	if f.left > 0 {
		fmt.Fprintf(&b, "%d more messages; narrow them with a query, such as from:joe\n", f.left)
	}
	if len(f.arrows) == 0 {
		b.Reset()
		b.WriteString("no message to draw\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lineLength is that of the last line.
func lineLength(b *strings.Builder) int {
	s := b.String()
	return len(s) - strings.LastIndexByte(s, '\n') - 1
}

// WriteMermaid writes a sequence diagram of Mermaid.
func (f *Flow) WriteMermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n    participant C as client\n")
	for i, s := range f.servers {
		b.WriteString("    participant S" + strconv.Itoa(i) + " as " + mermaid(s) + "\n")
	}
	for i, a := range f.arrows {
		server := "S" + strconv.Itoa(a.server)
		if p := f.pause(i); p != "" {
			b.WriteString("    Note over C: " + p + "\n")
		}
		line := "C->>" + server
		if !a.out {
			line = server + "-->>C"
		}
		b.WriteString("    " + line + ": " + mermaid(a.text) + "\n")
		for _, n := range a.notes {
			b.WriteString("    Note right of " + server + ": " + mermaid(n) + "\n")
		}
		if r := f.result(i); r != "" {
			b.WriteString("    Note over C," + server + ": " + mermaid(r) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaid keeps text from ending the statement it stands in: "#" begins an
// entity, ";" ends a statement, and a line is one statement.
func mermaid(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#lt;", ">", "#gt;", ":", "#58;", `"`, "#quot;").Replace(s)
}
