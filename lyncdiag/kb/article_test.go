package kb

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// shared reads a file of the reference material that lies beside the
// repository.
func shared(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", filepath.FromSlash(name)))
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("reference material: %v", err)
		}
		t.Skipf("needs the reference material beside the repository: %v", err)
	}
	return string(b)
}

// packed leaves out all white space: the article's text lost the spaces between
// the cells of its tables.
func packed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func TestScopeTableIsTheArticles(t *testing.T) {
	text := packed(shared(t, "seed/kb2541980.txt"))
	labels := map[Symptom]string{
		portal: "Can't sign in to the Office 365 portal",
		lync:   "Can't sign in to Lync Online but can sign in to the Office 365 portal",
		both:   "Can't sign in to either the Office 365 portal or Lync Online",
	}
	table := ScopeTable()
	if len(table) != 12 {
		t.Fatalf("%d cells, want 12", len(table))
	}
	for row := 0; row < 12; row += 4 {
		printed := labels[table[row].Symptom]
		for i, c := range table[row : row+4] {
			printed += c.Printed
			if c.Symptom != table[row].Symptom {
				t.Errorf("cell %d is of row %q, want %q", row+i, c.Symptom, table[row].Symptom)
			}
			wantUsers, wantComputers := []Spread{one, one, many, many}[i], []Spread{one, many, one, many}[i]
			if c.Users != wantUsers || c.Computers != wantComputers {
				t.Errorf("cell %d is column %s/%s, want %s/%s", row+i, c.Users, c.Computers, wantUsers, wantComputers)
			}
		}
		if !strings.Contains(text, packed(printed)) {
			t.Errorf("the article has no row %q", printed)
		}
	}
}

// The types of a cell are what its printed words name.
func TestScopeTypesAreThePrintedOnes(t *testing.T) {
	word := map[ScopeType]string{
		ScopeType(Client): "Client", ScopeType(Network): "Network", ScopeType(Identity): "Identity",
		AzureAD: "Azure", ScopeType(Service): "Lync Online service",
	}
	for _, c := range ScopeTable() {
		for _, st := range scopeOrder() {
			if got, want := slices.Contains(c.Types, st), strings.Contains(c.Printed, word[st]); got != want {
				t.Errorf("%s/%s/%s %q: has %s = %v", c.Symptom, c.Users, c.Computers, c.Printed, st, got)
			}
		}
	}
}

func TestMessageTableIsTheArticles(t *testing.T) {
	text := packed(shared(t, "seed/kb2541980.txt"))
	// The table prints these; the headings differ a little.
	sections := map[string]string{
		"client":      "Fix Lync client-side issues",
		"dns-network": "Fix DNS and network related sign-in problems",
		"identity":    "Fix user identity and Windows Azure AD issues in Lync Online",
	}
	rows := articleMessages()
	if len(rows) != 9 {
		t.Fatalf("%d rows, want 9", len(rows))
	}
	after := 0
	for i, m := range rows {
		printed := packed(m.Text + m.Cause + m.Type.Label() + "See" + sections[m.Section])
		at := strings.Index(text, printed)
		if at < after {
			t.Errorf("row %d: not in the article, or not in its order: %q", i+1, m.Text)
			continue
		}
		after = at
		if want := "kb2541980-message-" + string(rune('1'+i)); m.Code != want {
			t.Errorf("row %d: code %q, want %q", i+1, m.Code, want)
		}
	}
}

func TestHeadingsAreTheArticles(t *testing.T) {
	text := shared(t, "seed/kb2541980.txt")
	var lines []string
	for l := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(l))
	}
	last := -1
	for _, s := range Sections() {
		at := slices.Index(lines, s.Title)
		if at <= last {
			t.Errorf("section %s: %q stands at line %d, after %d", s.ID, s.Title, at, last)
		}
		last = at
	}
	for _, item := range Coverage() {
		if !slices.Contains(lines, item.Source.Section) {
			t.Errorf("%s cites %q, which is no line of the article", item.ID, item.Source.Section)
		}
	}
	packedText := packed(text)
	for _, item := range Coverage() {
		for part := range strings.SplitSeq(item.Path, `\`) {
			if !strings.Contains(packedText, packed(part)) {
				t.Errorf("%s: the article has no %q", item.ID, part)
			}
		}
	}
}

// Every wording on record is in the table, so that a code stays with its text.
func TestLaterMessagesAreAllThere(t *testing.T) {
	data := strings.TrimSpace(shared(t, "reference/messages.tsv"))
	labels := map[string]Type{}
	for _, ty := range []Type{Client, Network, Identity, Service} {
		labels[ty.Label()] = ty
	}
	facts := shared(t, "reference/domain.md")
	later := laterMessages()
	lines := strings.Split(data, "\n")[1:]
	if len(later) < len(lines) {
		t.Fatalf("%d wordings, want %d", len(later), len(lines))
	}
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if later[i].Text != fields[0] {
			t.Errorf("%s: %q, want %q", later[i].Code, later[i].Text, fields[0])
		}
		if later[i].Type != labels[fields[2]] {
			t.Errorf("%s: type %q, want %q", later[i].Code, later[i].Type, fields[2])
		}
		if c := later[i].Source; c.KB != "" && !strings.Contains(line, strings.TrimPrefix(c.KB, "KB")) && !namedTogether(facts, c) {
			t.Errorf("%s: cites %s, which its source does not name", later[i].Code, c.KB)
		}
	}
}

// namedTogether says whether a line of the reference maps an article to its
// page, by the page's file name.
func namedTogether(facts string, c Citation) bool {
	page := c.Section[strings.LastIndex(c.Section, "/")+1:]
	for line := range strings.Lines(facts) {
		if strings.Contains(line, strings.TrimPrefix(c.KB, "KB")) && strings.Contains(line, page) {
			return true
		}
	}
	return false
}

// findingNames reads the names, and which of them are lab faults.
func findingNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for line := range strings.Lines(shared(t, "design/findings.tsv")) {
		fields := strings.Split(line, "\t")
		if len(fields) > 3 {
			names[fields[0]] = fields[3] == "lab"
		}
	}
	return names
}

func TestFindingsExist(t *testing.T) {
	names := findingNames(t)
	known := func(where, name string) {
		if _, ok := names[name]; !ok {
			t.Errorf("%s: no finding %q", where, name)
		}
	}
	for _, m := range Messages() {
		for i, f := range m.Findings {
			known(m.Code, f)
			if slices.Contains(m.Findings[:i], f) {
				t.Errorf("%s: %q twice", m.Code, f)
			}
		}
	}
	for _, e := range allEdges() {
		if e.Finding != "" {
			known(e.Source.Item, e.Finding)
		}
	}
	for _, item := range Coverage() {
		for _, p := range item.Proof {
			kind, name, _ := strings.Cut(p, ":")
			switch kind {
			case "finding":
				known(item.ID, name)
			case "lab":
				known(item.ID, name)
				if !names[name] {
					t.Errorf("%s: %q is no lab fault", item.ID, name)
				}
			case "scenario":
				if name == "" || strings.ContainsAny(name, "./\\ ") {
					t.Errorf("%s: scenario %q is no plain file name", item.ID, name)
				}
			default:
				t.Errorf("%s: proof %q", item.ID, p)
			}
		}
	}
}

// allEdges are the sixteen edges, the branches inside them and the four
// outcomes of the experiment.
func allEdges() []Edge {
	var edges []Edge
	var add func(e Edge)
	add = func(e Edge) {
		edges = append(edges, e)
		for _, c := range e.Cases {
			add(c)
		}
	}
	for _, s := range Tree() {
		add(s.Yes)
		add(s.No)
	}
	for _, automatic := range []bool{true, false} {
		add(Experiment(automatic, true))
		add(Experiment(automatic, false))
	}
	return edges
}
