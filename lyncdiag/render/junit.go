package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// suite is a document for a program that counts passed and failed tests, in the
// XML of JUnit as Jenkins, GitLab and Azure DevOps read it.
type suite struct {
	name      string
	startedAt string // "" for unknown
	ms        int64
	cases     []testCase
	notes     []string // sentences that belong to no case
}

// testCase is passed unless kind says what became of it.
type testCase struct {
	name    string
	ms      int64
	kind    string // "", failure, error or skipped
	class   string // name of the finding, or one word
	message string
	detail  string
}

// tested is a page whose parts each pass or fail.
type tested interface{ suites() []suite }

func writeJUnit(w io.Writer, p page) error {
	var m markup
	list := suitesOf(p)
	m.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	fmt.Fprintf(&m, "<testsuites name=\"lyncdiag\"%s>\n", sums(list...))
	for _, s := range list {
		m.WriteString(`  <testsuite name="`)
		m.text(s.name)
		fmt.Fprintf(&m, "\"%s", sums(s))
		if s.startedAt != "" {
			m.WriteString(` timestamp="`)
			m.text(strings.TrimSuffix(s.startedAt, "Z"))
			m.WriteByte('"')
		}
		m.WriteString(">\n")
		for _, c := range s.cases {
			m.WriteString(`    <testcase classname="`)
			m.text(s.name)
			m.WriteString(`" name="`)
			m.text(c.name)
			fmt.Fprintf(&m, "\" time=\"%s\"", inSeconds(c.ms))
			if c.kind == "" {
				m.WriteString("/>\n")
				continue
			}
			m.WriteString("><" + c.kind + ` message="`)
			m.text(c.message)
			m.WriteByte('"')
			if c.kind != "skipped" {
				m.WriteString(` type="`)
				m.text(cmp.Or(c.class, c.kind))
				m.WriteByte('"')
			}
			m.WriteByte('>')
			for i, line := range strings.Split(c.detail, "\n") {
				if i > 0 {
					m.WriteByte('\n')
				}
				m.text(line)
			}
			m.WriteString("</" + c.kind + "></testcase>\n")
		}
		if len(s.notes) > 0 {
			m.WriteString("    <system-out>")
			m.text(strings.Join(s.notes, " "))
			m.WriteString("</system-out>\n")
		}
		m.WriteString("  </testsuite>\n")
	}
	m.WriteString("</testsuites>\n")
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("render: write JUnit: %w", err)
	}
	return nil
}

// suitesOf are those of the page, else a case for each failure.
func suitesOf(p page) []suite {
	if own, ok := p.(tested); ok {
		return own.suites()
	}
	s := suite{name: generic(p).title}
	all, _ := findingsOf(p)
	for _, f := range roots(all, kb.Failure) {
		s.cases = append(s.cases, failing(f))
	}
	if len(s.cases) == 0 {
		s.cases = []testCase{{name: "no failure found"}}
	}
	s.warn(all)
	return []suite{s}
}

// failed reports whether a test failed, or ended with an error if orErrors.
func (s *suite) failed(orErrors bool) bool {
	for i := range s.cases {
		if kind := s.cases[i].kind; kind == "failure" || orErrors && kind == "error" {
			return true
		}
	}
	return false
}

// warn names the warnings that count for those who look, where no case does.
func (s *suite) warn(all []finding) {
	named := map[string]bool{}
	for i := range s.cases {
		named[s.cases[i].class] = true
	}
	for _, f := range alarms(all, kb.Warning) {
		if !named[f.Name] {
			s.notes = append(s.notes, warningOf(f.Name, f.Title))
		}
	}
}

func warningOf(name, title string) string {
	return "Warning " + name + ": " + strings.TrimSuffix(title, ".") + "."
}

// pass skips what failed: a run whose exit code is 0 has no failed test, whatever
// --fail-on made of it.
func (s *suite) pass() {
	for i := range s.cases {
		if c := &s.cases[i]; c.kind == "failure" || c.kind == "error" {
			c.kind, c.message = "skipped", strings.TrimSuffix("not counted: "+c.message, ": ")
		}
	}
}

// alarms are the findings that count and that no other which counts explains.
func alarms(all []finding, severity kb.Severity) []finding {
	var counting []finding
	for i := range all {
		if all[i].silence() == "" {
			counting = append(counting, all[i])
		}
	}
	return roots(counting, severity)
}

func sums(list ...suite) string {
	var tests int
	var ms int64
	kinds := map[string]int{}
	for _, s := range list {
		ms += s.ms
		for _, c := range s.cases {
			tests++
			kinds[c.kind]++
		}
	}
	return fmt.Sprintf(` tests="%d" failures="%d" errors="%d" skipped="%d" time="%s"`, tests, kinds["failure"], kinds["error"], kinds["skipped"], inSeconds(ms))
}

func inSeconds(ms int64) string { return fmt.Sprintf("%d.%03d", ms/1000, ms%1000) }

// failing is the case of a finding.
func failing(f finding) testCase {
	c := testCase{name: f.Name, kind: "failure", class: f.Name, message: f.Title}
	lines := []string{f.Cause}
	for _, e := range f.Evidence {
		lines = append(lines, "Seen: "+seen(e, true))
	}
	for i, step := range f.Resolution {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, step))
	}
	c.detail = strings.Join(lines, "\n")
	if why := f.silence(); why != "" {
		c.kind, c.message = "skipped", why+": "+f.Title
	}
	return c
}

// suites are the links of the chain, the failures that belong to none, and what
// else the exit code is for: a test fails exactly where it is not 0.
func (d *reportDoc) suites() []suite {
	s := suite{name: cmp.Or(d.Target.Address, d.Target.Domain), startedAt: d.StartedAt, ms: d.DurationMs, notes: d.silences()}
	named := map[string]bool{}
	for _, st := range d.Stages {
		c := testCase{name: st.Title, ms: st.DurationMs, message: d.reason(st)}
		switch lyncdiag.Status(st.Status) {
		case lyncdiag.Failed:
			c.kind, c.class = "failure", st.Finding
			if st.Finding == "" && d.silent() {
				c.kind = "skipped" // nothing fails here but by what does not count
			}
			for _, f := range d.Findings {
				if f.Name == st.Finding && (c.detail == "" || f.silence() == "") {
					c = failing(f)
					c.name, c.ms = st.Title, st.DurationMs
				}
			}
			named[st.Finding] = true
		case lyncdiag.Errored:
			c.kind = "error"
		case lyncdiag.Skipped, lyncdiag.Unknown:
			c.kind = "skipped"
		}
		s.cases = append(s.cases, c)
	}
	for _, f := range roots(d.Findings, kb.Failure) {
		if !named[f.Name] {
			s.cases = append(s.cases, failing(f))
		}
	}
	for _, severity := range []kb.Severity{kb.Failure, kb.Warning} {
		if d.ExitCode != 1 || s.failed(false) {
			break // a failure is reason enough: whether warnings count, nobody knows
		}
		for _, f := range alarms(d.Findings, severity) {
			s.cases = append(s.cases, failing(f))
		}
	}
	if d.ExitCode == 0 {
		s.pass()
	} else if !s.failed(true) {
		s.undecided(d.open())
	}
	s.warn(d.Findings)
	return []suite{s}
}

// undecided has an error for what no case tells.
func (s *suite) undecided(why string) {
	s.cases = append(s.cases, testCase{name: "Verdict", kind: "error", message: why})
}

// open is what keeps a run from having ended well where no finding does.
func (d *reportDoc) open() string {
	switch {
	case d.Verdict.Outcome == string(lyncdiag.Undecided):
		return d.headline()
	case !d.Complete:
		return cutShort
	}
	return "What is silenced may not be all: a link of the chain could not be looked at."
}

func (d *batchDoc) suites() []suite {
	var list []suite
	for _, r := range d.Reports {
		list = append(list, d.apart(r).suites()...)
	}
	failed := d.Summary.ExitCode == 0
	for i := range list {
		failed = failed || list[i].failed(true)
	}
	if !failed { // it was interrupted
		all := suite{name: "All addresses"}
		all.undecided(cutShort)
		list = append(list, all)
	}
	if last := len(list) - 1; last >= 0 {
		list[last].notes = append(list[last].notes, d.silences()...)
	}
	return list
}

func (d *dnsDoc) suites() []suite {
	s := suite{name: d.Domain}
	for _, r := range d.Records {
		c := testCase{name: r.Type + " " + r.Name, class: r.Status, message: withDetail(status(r.Status).word, r.Detail)}
		if len(d.Resolvers) > 1 {
			c.name += " (" + r.Resolver + ")"
		}
		c.detail = "Expected: " + r.Expected + "\nFound: " + joined(r.Found)
		switch r.Status {
		case "missing", "wrong":
			c.kind = "failure"
		case "error":
			c.kind = "error"
		case "not-applicable":
			c.kind, c.detail = "skipped", ""
		}
		s.cases = append(s.cases, c)
	}
	if d.Error != "" {
		s.cases = append(s.cases, testCase{name: d.Domain, kind: "error", message: d.Error})
	}
	s.warn(d.Findings)
	return []suite{s}
}

func (d *portDoc) suites() []suite {
	s := suite{name: "ports"}
	for _, p := range d.Ports {
		c := testCase{name: fmt.Sprintf("%s:%d/%s", p.Host, p.Port, p.Transport), class: p.Status, message: withDetail(p.Status, p.Detail)}
		if p.DurationMs != nil {
			c.ms = *p.DurationMs
			s.ms += c.ms
		}
		switch {
		case p.AtProxy || p.unknown || p.Status == "":
			c.kind = "skipped"
		case p.Status != "listening":
			c.kind = "failure"
		}
		s.cases = append(s.cases, c)
	}
	return []suite{s}
}

func (d *certDoc) suites() []suite {
	s := suite{name: d.Host}
	chain := testCase{name: "chain", message: d.Handshake}
	var detail []string
	for _, p := range d.Problems {
		detail = append(detail, p.Code+": "+p.Detail)
	}
	switch {
	case d.Verified || d.WeakOnly:
	case len(d.Chain) == 0:
		chain.kind = "error"
	default:
		chain.kind, chain.message = "failure", cmp.Or(d.Handshake, "the chain does not verify")
	}
	chain.detail = strings.Join(detail, "\n")
	s.cases = append(s.cases, chain)
	for _, e := range d.Expectations {
		c := testCase{name: e.Role + ": " + e.Requirement, message: e.Found}
		switch e.Status {
		case "unmet":
			c.kind, c.message = "failure", "found: "+e.Found
		case "not-applicable":
			c.kind = "skipped"
		}
		s.cases = append(s.cases, c)
	}
	return []suite{s}
}
