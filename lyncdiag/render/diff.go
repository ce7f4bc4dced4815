package render

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// diffDoc is lyncdiag.diff/v1: what changed between two runs, or two runs over
// many targets.
type diffDoc struct {
	Schema   string       `json:"schema"`
	Tool     tool         `json:"tool"`
	Before   diffSource   `json:"before"`
	After    diffSource   `json:"after"`
	Targets  []diffTarget `json:"targets"` // in the order of the later run
	Notes    []string     `json:"notes"`   // what is to be known of the two, and of how they were read
	Summary  diffSummary  `json:"summary"`
	ExitCode int          `json:"exitCode"`
}

type diffSource struct {
	File    string `json:"file"`
	Version string `json:"version"` // of the program that wrote it, "" for unknown; several are joined by ", "
	Reports int    `json:"reports"`
	// StartedAt is when the last of its runs began.
	StartedAt string `json:"startedAt,omitempty" jsonschema:"format=date-time"`
}

// diffTarget is what changed of one target.
type diffTarget struct {
	Target   target        `json:"target"`                                                 // as the later run has it
	Presence string        `json:"presence" jsonschema:"enum=both,enum=before,enum=after"` // where there is a report of it
	Before   standing      `json:"before"`
	After    standing      `json:"after"`
	Findings []diffFinding `json:"findings"` // without those that are as they were; what appeared first
	Same     int           `json:"same"`     // findings that are as they were
	Stages   []diffStage   `json:"stages"`   // whose status is another
}

// standing is a target in one of the runs.
type standing struct {
	Address   string `json:"address"` // or domain; "" where there is no report
	Outcome   string `json:"outcome" jsonschema:"enum=healthy,enum=problem,enum=unknown,enum="`
	Primary   string `json:"primary"`
	StartedAt string `json:"startedAt,omitempty" jsonschema:"format=date-time"`
	Complete  bool   `json:"complete"`
}

// diffFinding is a finding that is not as it was: as it is now, or was where it
// is no more.
type diffFinding struct {
	Change  string       `json:"change" jsonschema:"enum=appeared,enum=gone,enum=changed,enum=unknown"`
	New     bool         `json:"new"` // a failure or warning that appeared or is more severe, and that nothing silences
	Why     string       `json:"why"` // for gone and unknown, else ""
	Changes []diffChange `json:"changes"`
	finding
}

// diffChange is one thing that is another now. Several values are joined by "; ".
type diffChange struct {
	Key      string `json:"key"`      // severity, confidence or causedBy, else the key of the evidence
	Evidence bool   `json:"evidence"` // it is evidence that changed
	Before   string `json:"before"`   // "" for none
	After    string `json:"after"`    // "" for none
}

type diffStage struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Before string `json:"before"` // "": that run had no such stage
	After  string `json:"after"`  // "": that run had no such stage
	Reason string `json:"reason"` // of the later status
}

// diffSummary counts findings; new ones appeared or changed.
type diffSummary struct {
	New      int `json:"new"`
	Appeared int `json:"appeared"`
	Gone     int `json:"gone"`
	Changed  int `json:"changed"`
	Unknown  int `json:"unknown"`
	Same     int `json:"same"`
	Targets  int `json:"targets"`
}

// Diff is lyncdiag.diff/v1. exitCode is the one of the process.
func (t Tool) Diff(before, after *Recorded, d *compare.Difference, exitCode int) Document {
	doc := &diffDoc{Schema: "lyncdiag.diff/v1", Tool: t.wire(), Before: sourceOf(before), After: sourceOf(after), Notes: diffNotes(before, after, d), ExitCode: exitCode}
	doc.Targets = each(d.Targets, func(x compare.Target) diffTarget {
		now := cmp.Or(x.After, x.Before)
		return diffTarget{
			Target:   target{now.Target.Address, now.Target.UserName, now.Target.Domain, now.Target.Ticket},
			Presence: string(x.Presence), Before: standingOf(x.Before), After: standingOf(x.After), Same: x.Same,
			Findings: each(x.Findings, func(f compare.Finding) diffFinding {
				return diffFinding{Change: string(f.Status), New: f.New, Why: f.Why, finding: wireFinding(f.Finding, now.Target),
					Changes: each(f.Changes, func(c compare.Change) diffChange { return diffChange(c) })}
			}),
			Stages: each(x.Stages, func(s compare.Stage) diffStage {
				return diffStage{string(s.ID), s.Title, string(s.Before), string(s.After), s.Reason}
			}),
		}
	})
	doc.Summary.Targets = len(doc.Targets)
	for _, x := range doc.Targets {
		doc.Summary.Same += x.Same
		for _, f := range x.Findings {
			if f.New {
				doc.Summary.New++
			}
			*map[string]*int{"appeared": &doc.Summary.Appeared, "gone": &doc.Summary.Gone, "changed": &doc.Summary.Changed, "unknown": &doc.Summary.Unknown}[f.Change]++
		}
	}
	return Document{doc}
}

func sourceOf(r *Recorded) diffSource {
	var last time.Time
	for _, x := range r.Reports {
		if x.Started.After(last) {
			last = x.Started
		}
	}
	return diffSource{r.Name, r.Version, len(r.Reports), stamp(last)}
}

func standingOf(r *lyncdiag.Report) standing {
	if r == nil {
		return standing{}
	}
	return standing{cmp.Or(r.Target.Address, r.Target.Domain), string(r.Verdict.Outcome), r.Verdict.Primary, stamp(r.Started), r.Complete}
}

// diffNotes are what keeps the two from being compared one to one.
func diffNotes(before, after *Recorded, d *compare.Difference) []string {
	var notes []string
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	for _, x := range d.Targets {
		if x.Presence == compare.InBoth {
			if b, a := standingOf(x.Before).Address, standingOf(x.After).Address; !strings.EqualFold(b, a) {
				add("Two targets are compared: %s, and then %s.", cmp.Or(b, "one without a name"), cmp.Or(a, "one without a name"))
			}
			if b, a := standingOf(x.Before).Address, standingOf(x.After).Address; redact.IsPseudonym(b) && redact.IsPseudonym(a) {
				add("%s is a pseudonym: without one --redact-map for both runs it may stand for two.", a)
			}
			if b, a := x.Before.Setting, x.After.Setting; len(d.Targets) == 1 && b != a {
				add("The two runs were set differently: client, deployment, location or server by hand.")
			}
		}
	}
	for _, r := range []*Recorded{before, after} {
		if n := len(r.Reports) - len(compare.Latest(r.Reports)); n > 0 {
			add("%s has %s of a target with a later one, which counts.", r.Name, count(n, "earlier report"))
		}
		notes = append(notes, r.Notes...)
	}
	if before.Version != after.Version {
		add("Versions %s and %s wrote them: what one finds the other may not.", cmp.Or(before.Version, "unknown"), cmp.Or(after.Version, "unknown"))
	}
	return list(notes)
}

func (d *diffDoc) headline() string {
	s, fresh := d.Summary, 0
	for _, t := range d.Targets {
		for _, f := range t.Findings {
			if f.New && f.Change == string(compare.Appeared) {
				fresh++
			}
		}
	}
	var parts []string
	for _, x := range []struct {
		n    int
		word string
	}{{s.New, "new"}, {s.Appeared - fresh, "appeared and not counted"}, {s.Gone, "gone"}, {s.Changed - (s.New - fresh), "changed"}, {s.Unknown, "unknown"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.word))
		}
	}
	if len(parts) == 0 {
		return "Nothing that was found is another than before"
	}
	return "Findings: " + strings.Join(parts, ", ")
}

func (d *diffDoc) tone() tone {
	switch {
	case d.Summary.New > 0:
		return bad
	case d.Summary.Unknown > 0:
		return dubio
	}
	return good
}

// mark is what became of a finding as a word.
func (f diffFinding) mark() mark {
	switch {
	case f.New:
		return mark{"NEW", severityTone(f.finding)}
	case f.Change == string(compare.Gone):
		return mark{f.Change, good}
	case f.Change == string(compare.Unknown):
		return mark{f.Change, dubio}
	}
	return mark{f.Change, faint}
}

// details are why it is gone or unknown, what changed, and what silences it.
func (f diffFinding) details() []string {
	var lines []string
	if f.Why != "" {
		lines = append(lines, f.Why)
	}
	for _, c := range f.Changes {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Key, cmp.Or(c.Before, "none"), cmp.Or(c.After, "none")))
	}
	if why := f.silence(); why != "" {
		lines = append(lines, why)
	}
	return lines
}

// subject is the host or record that a finding is about, "" for none.
func (f diffFinding) subject() string {
	for _, e := range f.Evidence {
		if e.Key == "host" || e.Key == "record" {
			return e.Value
		}
	}
	return ""
}

// about is what there is to say of a finding beside its title.
func (f diffFinding) about() string {
	parts := []string{f.Severity, f.Confidence}
	if about := f.subject(); about != "" {
		parts = append(parts, about)
	}
	if f.CausedBy != "" {
		parts = append(parts, "explained by "+f.CausedBy)
	}
	return strings.Join(parts, ", ")
}

// headline is the target and its verdict, then and now.
func (t *diffTarget) headline() string {
	name := cmp.Or(t.Target.Address, t.Target.Domain, t.Target.UserName, "no target")
	switch t.Presence {
	case string(compare.OnlyAfter):
		return fmt.Sprintf("%s: %s, and not looked at before", name, verdictOf(t.After))
	case string(compare.OnlyBefore):
		return fmt.Sprintf("%s: was %s, and not looked at again", name, verdictOf(t.Before))
	}
	was, is := verdictOf(t.Before), verdictOf(t.After)
	if was == is {
		return fmt.Sprintf("%s: still %s", name, is)
	}
	return fmt.Sprintf("%s: %s -> %s", name, was, is)
}

func verdictOf(s standing) string {
	if s.Primary != "" {
		return s.Outcome + " (" + s.Primary + ")"
	}
	return s.Outcome
}

// unchanged reports whether there is nothing to tell of a target.
func (t *diffTarget) unchanged() bool {
	return len(t.Findings) == 0 && len(t.Stages) == 0 && t.Presence == string(compare.InBoth) && t.Before.Outcome == t.After.Outcome
}

// steps is a stage's status, then and now.
func (s diffStage) steps() string {
	word := func(text string) string {
		if text == "" {
			return "none"
		}
		return status(text).word
	}
	text := fmt.Sprintf("%s: %s -> %s", s.Title, word(s.Before), word(s.After))
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}

func (d *diffDoc) text(s *sheet) {
	s.head(d.headline(), d.tone())
	s.blank()
	s.item("Before", d.Before.words())
	s.item("After", d.After.words())
	same := 0
	for _, t := range d.Targets {
		if t.unchanged() {
			same++
			continue
		}
		s.blank()
		s.line(t.headline())
		for _, f := range t.Findings {
			s.mark(f.mark(), f.Title+" ("+f.ID+" "+f.Name+")")
			for _, line := range append([]string{f.about()}, f.details()...) {
				s.entry(marked, line)
			}
		}
		for _, st := range t.Stages {
			s.mark(mark{"link", faint}, st.steps())
		}
	}
	if same > 0 && d.Summary.Targets > 1 {
		s.blank()
		s.line(count(same, "target") + " as before")
	}
	s.notes(d.Notes)
	s.blank()
	s.line(d.counts())
}

func (b diffSource) words() string {
	text := b.File + ", " + count(b.Reports, "report")
	if b.StartedAt != "" {
		text += ", " + minute(b.StartedAt)
	}
	if b.Version != "" {
		text += ", lyncdiag " + b.Version
	}
	return text
}

func (d *diffDoc) counts() string {
	s := d.Summary
	return fmt.Sprintf("%d new, %d appeared, %d gone, %d changed, %d unknown, %d as before; exit code %d", s.New, s.Appeared, s.Gone, s.Changed, s.Unknown, s.Same, d.ExitCode)
}

func (d *diffDoc) short(s *sheet) {
	s.raw(clean(d.headline()))
	for _, t := range d.Targets {
		for _, f := range t.Findings {
			s.raw(clean(fmt.Sprintf("%s: %s %s (%s %s)", cmp.Or(t.Target.Address, t.Target.Domain), f.mark().word, f.Title, f.ID, f.Name)))
		}
	}
}

func (d *diffDoc) columns() []string {
	return []string{"address", "change", "new", "name", "severity", "confidence", "type", "title", "about", "detail", "causedBy", "silenced"}
}

func (d *diffDoc) rows() [][]string {
	var rows [][]string
	for _, t := range d.Targets {
		for _, f := range t.Findings {
			rows = append(rows, []string{cmp.Or(t.Target.Address, t.Target.Domain), f.Change, map[bool]string{true: "yes", false: "no"}[f.New],
				f.Name, f.Severity, f.Confidence, f.Type, f.Title, f.subject(), joined(f.details()), f.CausedBy, f.silence()})
		}
	}
	return rows
}

func (d *diffDoc) papers() []*paper {
	p := &paper{title: d.headline(), tone: d.tone(), notes: d.Notes, about: []pair{{"Before", d.Before.words()}, {"After", d.After.words()},
		{"In all", d.counts()}, {"Program", d.Tool.Name + " " + d.Tool.Version}}}
	for _, t := range d.Targets {
		if t.unchanged() {
			continue
		}
		found, links := grid{head: []string{"What became of it", "Finding", "Which", "Detail"}}, grid{head: []string{"Link", "Before", "After", "What was seen"}}
		var fresh []finding
		for _, f := range t.Findings {
			m := f.mark()
			found.add(m, 0, m.word, f.Title+" ("+f.ID+" "+f.Name+")", f.about(), joined(f.details()))
			if f.New {
				fresh = append(fresh, f.finding)
			}
		}
		for _, s := range t.Stages {
			links.add(status(s.After), 2, s.Title, s.Before, s.After, s.Reason)
		}
		p.table(t.headline(), found)
		if len(found.rows) == 0 {
			p.sections = append(p.sections, section{title: t.headline()})
		}
		if len(fresh) > 0 {
			p.sections = append(p.sections, section{title: "What is new, and what to do", findings: fresh})
		}
		p.table("Links whose status is another", links)
	}
	return []*paper{p}
}

// suites has a case for each finding: what is new and counts fails, what nobody
// knows is skipped, and all else passes. A test fails exactly where the exit code
// is not 0.
func (d *diffDoc) suites() []suite {
	var list []suite
	reason := d.reason()
	for _, t := range d.Targets {
		s := suite{name: cmp.Or(t.Target.Address, t.Target.Domain), startedAt: t.After.StartedAt}
		for _, f := range t.Findings {
			c := testCase{name: f.Name}
			switch {
			case f.New && (f.Severity == string(kb.Failure) || reason == string(kb.Warning)):
				c = failing(f.finding)
			case f.New:
				s.notes = append(s.notes, warningOf(f.Name, f.Title))
			case f.Change == string(compare.Unknown):
				c.kind, c.message = "skipped", f.Why
				if reason == string(compare.Unknown) && f.Severity != string(kb.Info) {
					c.kind, c.class = "error", f.Name
				}
			case f.silence() != "":
				c.kind, c.message = "skipped", f.silence()
			}
			s.cases = append(s.cases, c)
		}
		if was, is := t.Before.Outcome, t.After.Outcome; reason == string(compare.Unknown) && is == string(lyncdiag.Undecided) && was != is {
			s.undecided(t.headline())
		}
		if len(s.cases) == 0 {
			s.cases = []testCase{{name: "nothing is new"}}
		}
		if d.ExitCode == 0 {
			s.pass()
		}
		list = append(list, s)
	}
	return list
}

// reason is the most severe that gives the exit code: failure, warning or
// unknown, "" for an exit code of 0. What is less severe may count or not.
func (d *diffDoc) reason() string {
	if d.ExitCode == 0 {
		return ""
	}
	reason := string(compare.Unknown)
	for _, t := range d.Targets {
		for _, f := range t.Findings {
			switch {
			case f.New && f.Severity == string(kb.Failure):
				return f.Severity
			case f.New:
				reason = f.Severity
			}
		}
	}
	return reason
}
