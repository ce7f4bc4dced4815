package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// reportDoc is lyncdiag.report/v1.
type reportDoc struct {
	Schema     string    `json:"schema"`
	Tool       tool      `json:"tool"`
	Target     target    `json:"target"`
	Setting    setting   `json:"setting"`
	StartedAt  string    `json:"startedAt" jsonschema:"format=date-time"`
	DurationMs int64     `json:"durationMs"`
	Complete   bool      `json:"complete"` // false: the run was cut short
	Verdict    verdict   `json:"verdict"`
	Stages     []stage   `json:"stages"`   // in the order of the chain
	Findings   []finding `json:"findings"` // root causes first
	Experiment trial     `json:"experiment"`
	// The way through Autodiscover; outcome "" where nobody went it.
	Autodiscover walk         `json:"autodiscover"`
	Records      []seenRecord `json:"records"` // of the domain, each against what is needed
	Hosts        []seenHost   `json:"hosts"`   // that were looked at
	// Files of the support bundles that were given, read or not.
	Bundle       []bundleFile  `json:"bundle"`
	Suppressions []suppression `json:"suppressions"` // that were given
	Baseline     baseline      `json:"baseline"`
	Summary      summary       `json:"summary"`
	ExitCode     int           `json:"exitCode"`
}

// suppression is one that was given, and what became of it.
type suppression struct {
	Finding string `json:"finding"`
	Target  string `json:"target"`                                        // "" for every one
	Until   string `json:"until,omitempty" jsonschema:"format=date-time"` // left out: for good
	Status  string `json:"status" jsonschema:"enum=used,enum=expired,enum=unmatched"`
	Count   int    `json:"count"` // findings that it silences, without those that they explain
}

// baseline is what findings were held against. missing: it has no report of this
// target, so that nothing is known.
type baseline struct {
	Status    string   `json:"status" jsonschema:"enum=none,enum=compared,enum=missing"`
	StartedAt string   `json:"startedAt,omitempty" jsonschema:"format=date-time"` // of the run in it
	Notes     []string `json:"notes"`                                             // what is to be known of how it was read
}

type bundleFile struct {
	Path  string `json:"path"` // a member of an archive after a "!"
	Kind  string `json:"kind" jsonschema:"enum=log,enum=nslookup,enum=portqry,enum=client,enum=export,enum=answers,enum=other"`
	Bytes int64  `json:"bytes"`
	Note  string `json:"note"` // why it was not read, or not to its end
}

type tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type target struct {
	Address  string `json:"address"`
	UserName string `json:"userName"` // "" where it is the address
	Domain   string `json:"domain"`   // in its ASCII form
	Ticket   string `json:"ticket"`
}

// setting is what was said beforehand; "" was not.
type setting struct {
	Deployment   string `json:"deployment"`
	Cloud        string `json:"cloud"`
	Client       string `json:"client"`
	UserAgent    string `json:"userAgent"`
	Location     string `json:"location"`
	ManualServer string `json:"manualServer"`
}

type verdict struct {
	Outcome   string     `json:"outcome" jsonschema:"enum=healthy,enum=problem,enum=unknown"`
	Types     []string   `json:"types"`
	Primary   string     `json:"primary"` // name of the first failure, "" without one
	Summary   string     `json:"summary"`
	Path      []visit    `json:"path"`      // the identity tree of KB 2541980
	Questions []question `json:"questions"` // whose answers would say more
	Next      []string   `json:"next"`
}

type visit struct {
	Step     int    `json:"step"`
	Question string `json:"question"`
	Answer   string `json:"answer" jsonschema:"enum=yes,enum=no,enum=unknown"`
	From     string `json:"from" jsonschema:"enum=live,enum=bundle,enum=log,enum=directory,enum=interview,enum=lab,enum="`
	Where    string `json:"where"`   // file and object that tell it, "" for the network and for a person
	Reached  bool   `json:"reached"` // false: answered by evidence, but the walk stopped before it
}

type question struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Why     string   `json:"why"`
	Help    string   `json:"help"`
	Choices []string `json:"choices"` // empty: free text or a time
}

type stage struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	Status     string `json:"status" jsonschema:"enum=passed,enum=warned,enum=failed,enum=errored,enum=skipped,enum=unknown"`
	Reason     string `json:"reason"`     // what was seen, or why it did not pass
	Finding    string `json:"finding"`    // name of the finding that warned or failed it, else ""
	Skip       string `json:"skip"`       // one word for why it was skipped, else ""
	Input      bool   `json:"input"`      // a source that was read, not a link of the chain
	StartedMs  int64  `json:"startedMs"`  // since startedAt; 0 for a stage that did not run
	DurationMs int64  `json:"durationMs"` // 0 for a stage that did not run
}

// trial is the article's test of the two ways to configure a client. Manual
// configuration is a test and never the resolution.
type trial struct {
	Automatic  string `json:"automatic" jsonschema:"enum=works,enum=fails,enum=unknown"`
	Manual     string `json:"manual" jsonschema:"enum=works,enum=fails,enum=unknown"`
	From       string `json:"from" jsonschema:"enum=live,enum=bundle,enum=log,enum=directory,enum=interview,enum=lab,enum="`
	Conclusion string `json:"conclusion"` // the article's, or why it does not hold; "" while one of the two is unknown
}

// summary counts every finding, explained ones too.
type summary struct {
	Failures      int `json:"failures"`
	Warnings      int `json:"warnings"`
	Infos         int `json:"infos"`
	SkippedStages int `json:"skippedStages"`
	Known         int `json:"known"`      // of the findings
	Suppressed    int `json:"suppressed"` // of the findings
}

func visited(v lyncdiag.Visit) visit {
	return visit{v.Step, v.Question, v.Answer, string(v.From), v.Where, v.Reached}
}

// Report is lyncdiag.report/v1. exitCode is the one of the process, which the
// document repeats; see [lyncdiag.ExitCode].
func (t Tool) Report(r *lyncdiag.Report, exitCode int) Document {
	doc := t.report(r, exitCode)
	return Document{&doc}
}

func (t Tool) report(r *lyncdiag.Report, exitCode int) reportDoc {
	doc := reportDoc{
		Schema:     "lyncdiag.report/v1",
		Tool:       t.wire(),
		Target:     target{r.Target.Address, r.Target.UserName, r.Target.Domain, r.Target.Ticket},
		Setting:    setting(r.Setting),
		StartedAt:  stamp(r.Started),
		DurationMs: r.Duration.Milliseconds(),
		Complete:   r.Complete,
		Verdict: verdict{
			Outcome:   string(r.Verdict.Outcome),
			Types:     each(r.Verdict.Types, func(t kb.Type) string { return string(t) }),
			Primary:   r.Verdict.Primary,
			Summary:   r.Verdict.Summary,
			Path:      each(r.Verdict.Path, visited),
			Questions: questions(r.Verdict.Questions),
			Next:      list(r.Verdict.Next),
		},
		Stages: each(r.Stages, func(s lyncdiag.StageResult) stage {
			return stage{string(s.ID), s.Title, string(s.Status), s.Reason, s.Finding, string(s.Skip), s.Input, s.Began.Milliseconds(), s.Duration.Milliseconds()}
		}),
		Findings:     findings(r),
		Experiment:   trial{cmp.Or(string(r.Experiment.Automatic), "unknown"), cmp.Or(string(r.Experiment.Manual), "unknown"), string(r.Experiment.From), r.Experiment.Conclusion},
		Autodiscover: walked(r.Walk),
		Bundle:       each(r.Bundle, func(f fact.BundleFile) bundleFile { return bundleFile(f) }),
		Records:      seenRecords(r),
		Hosts:        seenHosts(r),
		Suppressions: each(r.Suppressions, became),
		Baseline:     heldAgainst(r.Baseline),
		ExitCode:     exitCode,
	}
	for _, f := range doc.Findings {
		switch {
		case f.Suppressed != "":
			doc.Summary.Suppressed++
		case f.Known:
			doc.Summary.Known++
		}
		switch kb.Severity(f.Severity) {
		case kb.Failure:
			doc.Summary.Failures++
		case kb.Warning:
			doc.Summary.Warnings++
		case kb.Info:
			doc.Summary.Infos++
		}
	}
	for _, s := range doc.Stages {
		if s.Status == string(lyncdiag.Skipped) {
			doc.Summary.SkippedStages++
		}
	}
	return doc
}

func (t Tool) wire() tool { return tool{"lyncdiag", cmp.Or(t.Version, "devel")} }

func questions(qs []kb.Question) []question {
	return each(qs, func(q kb.Question) question {
		return question{q.ID, q.Text, q.Why, q.Help, list(q.Choices)}
	})
}

const cutShort = "The run was cut short: what was not looked at is not in here."

func (d *reportDoc) text(s *sheet) {
	s.head(d.headline(), d.tone())
	if !d.Complete {
		s.line(cutShort)
	}
	s.findings(d.Findings, d.Verdict.Primary != "")
	d.chain(s)
	d.Experiment.text(s)
	d.tree(s)
	d.bundle(s)
	s.ask(d.Verdict.Questions)
	s.next(d.Verdict.Next, "lyncdiag explain "+d.Verdict.Primary)
	s.notes(d.silences())
	s.blank()
	s.line(d.counts())
}

// bundle says what the support bundles held: the files that were read, and what
// there is to say of those that were not. The rest is counted.
func (d *reportDoc) bundle(s *sheet) {
	if len(d.Bundle) == 0 {
		return
	}
	s.blank()
	s.line("The support bundle")
	others := 0
	for _, f := range d.Bundle {
		switch {
		case f.Kind == "other" && f.Note == "":
			others++
		case f.Note != "":
			s.entry(margin, f.Kind+"  "+f.Path+": "+f.Note)
		default:
			s.entry(margin, f.Kind+"  "+f.Path)
		}
	}
	if others > 0 {
		s.entry(margin, fmt.Sprintf("and %d of other kinds, which -o json lists", others))
	}
}

// text writes the experiment where it says more than that all is well.
func (e trial) text(s *sheet) {
	if e.Conclusion == "" || e.Automatic == string(lyncdiag.TrialWorks) && e.Manual == e.Automatic {
		return
	}
	s.blank()
	s.line(fmt.Sprintf("Automatic configuration %s, manual configuration %s", e.Automatic, e.Manual))
	s.entry(margin, e.Conclusion)
}

func (d *reportDoc) headline() string {
	if d.Verdict.Summary != "" {
		return d.Verdict.Summary
	}
	return d.Target.Address + ": " + d.Verdict.Outcome
}

func (d *reportDoc) tone() tone {
	switch lyncdiag.Outcome(d.Verdict.Outcome) {
	case lyncdiag.Healthy:
		return good
	case lyncdiag.Problem:
		return bad
	}
	return dubio
}

// chain writes the stages with what was seen and how long it took.
func (d *reportDoc) chain(s *sheet) {
	if len(d.Stages) == 0 {
		return
	}
	const head, ms = "The way to sign-in", 7
	s.blank()
	s.raw(pad(head, s.width-2) + "ms")
	titles := 0
	for _, st := range d.Stages {
		titles = max(titles, len([]rune(clean(st.Title))))
	}
	titles += 2
	for _, st := range d.Stages {
		m := status(st.Status)
		took := ""
		if st.Status != string(lyncdiag.Skipped) {
			took = fmt.Sprintf("%*d", ms, st.DurationMs)
		}
		room := s.width - marked - titles - ms
		left := pad("", margin) + s.paint(pad(m.word, marked-margin), m.tone) + pad(clean(st.Title), titles)
		for i, l := range wrap(d.reason(st), room) {
			n := len([]rune(l))
			switch {
			case i == 0 && n <= room:
				s.raw(left + pad(l, room) + took)
				continue
			case i == 0:
				s.raw(left + pad("", room) + took)
			}
			s.raw(pad("", max(0, min(marked+titles, s.width-n))) + l)
		}
	}
}

// reason is what a stage saw, or the title of its finding where nothing more
// is known.
func (d *reportDoc) reason(st stage) string {
	if st.Reason != "" {
		return st.Reason
	}
	for _, f := range d.Findings {
		if f.Name == st.Finding {
			return f.Title
		}
	}
	return ""
}

// tree writes the article's steps once somebody or some file has answered one:
// what the probes saw is in the chain already.
func (d *reportDoc) tree(s *sheet) {
	probes := []string{"", string(fact.Live), string(fact.Lab)}
	if !slices.ContainsFunc(d.Verdict.Path, func(v visit) bool { return !slices.Contains(probes, v.From) }) {
		return
	}
	s.path(d.Verdict.Path)
}

func (s *sheet) ask(open []question) {
	if len(open) == 0 {
		return
	}
	s.blank()
	s.line("Questions that would say more")
	for _, q := range open {
		flag := "--answer " + q.ID + "=" + answers(q)
		left := pad("", margin) + q.ID + "?  " + clean(q.Text)
		if room := s.width - len([]rune(left)) - len(flag); room >= 2 {
			s.raw(left + strings.Repeat(" ", room) + flag)
			continue
		}
		s.entry(margin, q.ID+"? "+q.Text)
		s.entry(margin+2, flag)
	}
}

// next writes what the page has not said yet: More and the questions are
// command lines too.
func (s *sheet) next(next []string, said string) {
	first := true
	for _, n := range next {
		if n == said || strings.Contains(n, " --answer ") {
			continue
		}
		if first {
			s.blank()
			s.line("Next")
			first = false
		}
		s.entry(margin, n)
	}
}

// answers are the choices of a question as its flag takes them.
func answers(q question) string {
	var values []string
	for _, c := range q.Choices {
		if c != "unknown" {
			values = append(values, c)
		}
	}
	if len(values) == 0 {
		return "..."
	}
	return strings.Join(values, "|")
}

func (d *reportDoc) counts() string {
	unknown := 0
	for _, st := range d.Stages {
		if st.Status == string(lyncdiag.Unknown) || st.Status == string(lyncdiag.Errored) {
			unknown++
		}
	}
	silenced := ""
	if d.Summary.Known > 0 {
		silenced += fmt.Sprintf(", %d known", d.Summary.Known)
	}
	if d.Summary.Suppressed > 0 {
		silenced += fmt.Sprintf(", %d suppressed", d.Summary.Suppressed)
	}
	return fmt.Sprintf("%s, %s, %d unknown, %d skipped%s; %s; exit code %d",
		count(d.Summary.Failures, "failure"), count(d.Summary.Warnings, "warning"), unknown, d.Summary.SkippedStages, silenced, seconds(d.DurationMs), d.ExitCode)
}

// short writes four lines: verdict, type, why, what to do.
func (d *reportDoc) short(s *sheet) {
	head := d.headline()
	if d.Target.Ticket != "" {
		head = "[" + d.Target.Ticket + "] " + head
	}
	s.raw(clean(head))
	for _, f := range d.Findings {
		if f.Name != d.Verdict.Primary {
			continue
		}
		line := fmt.Sprintf("Type: %s (%s), %s %s", kb.Type(f.Type).Label(), f.Confidence, f.ID, f.Name)
		if silence := f.silence(); silence != "" {
			line += "; " + silence
		}
		s.raw(clean(line))
		s.raw(clean("Why: " + f.Cause))
		var steps []string
		for i, step := range f.Resolution {
			steps = append(steps, fmt.Sprintf("%d. %s", i+1, step))
		}
		s.raw(clean("Do: " + strings.Join(steps, " ")))
		s.raws(d.silences())
		return
	}
	var looked, not []string
	for _, st := range d.Stages {
		switch lyncdiag.Status(st.Status) {
		case lyncdiag.Passed, lyncdiag.Warned, lyncdiag.Failed:
			looked = append(looked, st.Title)
		default:
			not = append(not, st.Title)
		}
	}
	s.raw(clean("Looked at: " + strings.Join(append(looked, []string{"nothing"}[min(len(looked), 1):]...), ", ")))
	s.raw(clean("Not looked at: " + strings.Join(append(not, []string{"nothing"}[min(len(not), 1):]...), ", ")))
	unread := 0
	first := ""
	for _, f := range d.Bundle {
		if f.Note != "" {
			unread++
			first = cmp.Or(first, f.Path+": "+f.Note)
		}
	}
	switch unread {
	case 0:
	case 1:
		s.raw(clean("Not read, or not to its end: " + first))
	default:
		s.raw(clean(fmt.Sprintf("Not read, or not to their ends: %d files, the first %s", unread, first)))
	}
	s.raw(d.counts())
	s.raws(d.silences())
}
