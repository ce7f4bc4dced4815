package render_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func written(t testing.TB, d render.Document, f render.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b, f, render.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPagesStandAlone: a page of any document fetches nothing, runs nothing and
// is well formed, so that no text of it is markup.
func TestPagesStandAlone(t *testing.T) {
	outside := regexp.MustCompile(`(?i)<(script|link|img|iframe|object|embed|form)\b|\son[a-z]+=|[: ]url\(|@import|(src|href)="[^#]`)
	for name, list := range everything(t) {
		for _, d := range list {
			if !slices.Contains(d.Formats(), render.HTML) {
				continue
			}
			page := written(t, d, render.HTML)
			if found := outside.FindString(page); found != "" {
				t.Errorf("%s: the page has %q", name, found)
			}
			if !strings.Contains(page, `http-equiv="Content-Security-Policy" content="default-src 'none';`) {
				t.Errorf("%s: no policy", name)
			}
			// But for the head's void elements the page is XML.
			in := xml.NewDecoder(strings.NewReader(regexp.MustCompile(`<meta [^>]*>`).ReplaceAllString(page, "")))
			for {
				if _, err := in.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	}
}

// TestJUnitIsXML: the counts are those of the cases.
func TestJUnitIsXML(t *testing.T) {
	for name, list := range everything(t) {
		for _, d := range list {
			if !slices.Contains(d.Formats(), render.JUnit) {
				continue
			}
			var read struct {
				Tests    int `xml:"tests,attr"`
				Failures int `xml:"failures,attr"`
				Suites   []struct {
					Cases []struct {
						Name    string    `xml:"name,attr"`
						Failure *struct{} `xml:"failure"`
					} `xml:"testcase"`
				} `xml:"testsuite"`
			}
			text := written(t, d, render.JUnit)
			if err := xml.Unmarshal([]byte(text), &read); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
			tests, failures := 0, 0
			for _, s := range read.Suites {
				for _, c := range s.Cases {
					tests++
					if c.Failure != nil {
						failures++
					}
				}
			}
			if tests != read.Tests || failures != read.Failures {
				t.Errorf("%s: %d tests with %d failures are said to be %d with %d", name, tests, failures, read.Tests, read.Failures)
			}
		}
	}
}

// fails reports whether a test of a document fails, and what the document says.
func fails(t testing.TB, d render.Document) (bool, string) {
	t.Helper()
	text := written(t, d, render.JUnit)
	return strings.Contains(text, "<failure ") || strings.Contains(text, "<error "), text
}

// checkTests: a test of a report, alone and among others, fails exactly where the
// exit code is not 0.
func checkTests(t testing.TB, r *lyncdiag.Report) {
	t.Helper()
	for _, failOn := range []string{"failure", "warning", "unknown", "never"} {
		code := lyncdiag.ExitCode(r, failOn)
		one := (render.Tool{}).Report(r, code)
		for _, d := range []render.Document{one, (render.Tool{}).Batch([]render.Document{one}, code)} {
			if failed, text := fails(t, d); failed != (code != 0) {
				t.Errorf("--fail-on %s: exit code %d\n%s", failOn, code, text)
			}
		}
	}
}

// TestJUnitFails: what is silenced, cut short or open fails as the exit code says,
// and so does what changed.
func TestJUnitFails(t *testing.T) {
	warned := healthy()
	warned.Findings = []lyncdiag.Finding{made(t, "dns-sip-cname-missing", "dns", "", live("record", fact.HostText, "sip.contoso.com"))}
	open := &lyncdiag.Report{Complete: true, Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Undecided, Summary: "Nobody knows"}}
	warnedOpen := &lyncdiag.Report{Complete: true, Findings: warned.Findings, Verdict: open.Verdict}
	effect := broken(t) // only what explains the failure is known
	effect.Stages, effect.Findings[0].Known = nil, true
	cut := silenced(t)
	cut.Complete, cut.Stages = false, nil
	for i := range cut.Findings {
		cut.Findings[i].Known = true
	}
	reports := map[string]*lyncdiag.Report{"broken": broken(t), "later": later(t), "healthy": healthy(), "silenced": silenced(t), "warned": warned, "open": open, "warned and open": warnedOpen, "effect": effect, "cut short": cut, "empty": {}}
	for name, r := range reports {
		t.Run(name, func(t *testing.T) { checkTests(t, r) })
		for other, before := range reports {
			b, a := recorded(t, "monday.json", before), recorded(t, "tuesday.json", r)
			d := compare.Runs(b.Reports, a.Reports)
			for _, failOn := range []string{"failure", "warning", "unknown", "never"} {
				code := d.ExitCode(failOn)
				if failed, text := fails(t, render.Tool{}.Diff(b, a, d, code)); failed != (code != 0) {
					t.Errorf("%s, then %s, --fail-on %s: exit code %d\n%s", other, name, failOn, code, text)
				}
			}
		}
	}
	for want, d := range map[string]render.Document{
		`<error message="Nobody knows" type="error">`:                                  render.Tool{}.Report(open, 3),
		`name="dns-sip-cname-missing" time="0.000"><failure message="No sip record in`: render.Tool{}.Report(warnedOpen, 1),
		`<system-out>Warning dns-sip-cname-missing: No sip record in`:                  render.Tool{}.Report(warnedOpen, 3),
		`<error message="The run was cut short: what was not looked at is not in`:      render.Tool{}.Report(cut, 3),
		`name="All addresses" tests="1" failures="0" errors="1"`:                       render.Tool{}.Batch([]render.Document{render.Tool{}.Report(warned, 0)}, 130),
		`<skipped message="not counted: AD FS does not serve its metadata to rich`:     render.Tool{}.Report(broken(t), 0),
		`name="rich-client-authentication" time="0.000"><failure `:                     render.Tool{}.Report(effect, 1),
	} {
		if text := written(t, d, render.JUnit); !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// FuzzEscape: no text of a report is markup, in HTML, Markdown or XML.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"<script>", "a|b", "`x`", "\x00\ufffe", "]]>", "\"'&amp;", "1. x", "\x1b[31m", "<!--page-->", "</style>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := broken(t)
		r.Target.Address, r.Stages[0].Title, r.Stages[0].Reason, r.Verdict.Summary = s, s, s, s
		r.Findings[0].Evidence = append(r.Findings[0].Evidence, live(s, fact.Text, s))
		d := render.Tool{}.Report(r, 1)
		plain := written(t, render.Tool{}.Report(broken(t), 1), render.HTML)
		page := written(t, d, render.HTML)
		for _, tag := range []string{"<td", "<p", "<h1", "<script", "<!--", "</style"} {
			want := strings.Count(plain, tag)
			if tag == "<td" {
				want += 3 // the further row of evidence
			}
			if got := strings.Count(page, tag); got != want {
				t.Fatalf("%d of %s, want %d", got, tag, want)
			}
		}
		if err := xml.Unmarshal([]byte(written(t, d, render.JUnit)), new(struct{})); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(written(t, d, render.Markdown)) {
			bare := strings.NewReplacer(`\\`, "", `\|`, "").Replace(line)
			if n := strings.Count(bare, "|"); strings.HasPrefix(line, "|") && n != 3 && n != 4 && n != 5 && n != 6 && n != 7 {
				t.Fatalf("a cell ended a row: %q", line)
			}
		}
	})
}

// A browser shows the page at the widths of a desktop, a phone and paper: nothing
// goes over its edge, links lead somewhere, and the keyboard reaches them.
func TestPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("a browser is required: %v", err)
		}
		t.Skipf("needs Chromium: %v", err)
	}
	// The page itself lets no script run; the test's copy has one that measures.
	const measure = `<script>onload = () => { const d = document.documentElement, links = [...document.querySelectorAll('a')];
links[0].focus();
d.dataset.seen = [d.scrollWidth <= d.clientWidth ? 'fits' : 'wide ' + d.scrollWidth, links.every(a => document.getElementById(a.hash.slice(1))) ? 'links lead' : 'dead link',
	document.activeElement === links[0] ? 'focus' : 'no focus', document.querySelectorAll('.finding').length + ' findings', document.querySelectorAll('.chain tbody tr').length + ' stages', document.title].join('|'); }</script>`
	dir := t.TempDir()
	page := filepath.Join(dir, "report.html")
	text := written(t, render.Tool{}.Report(broken(t), 1), render.HTML)
	text = regexp.MustCompile(`<meta http-equiv[^>]*>`).ReplaceAllString(text, "")
	if err := os.WriteFile(page, []byte(strings.Replace(text, "</body>", measure+"</body>", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, size := range []string{"1200,900", "500,900", "794,1123"} {
		cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"), "--window-size="+size, "--virtual-time-budget=3000", "--dump-dom", "file://"+page)
		dom, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", size, err)
		}
		seen := regexp.MustCompile(`data-seen="([^"]*)"`).FindSubmatch(dom)
		const want = "fits|links lead|focus|3 findings|7 stages|jo\u00e9@contoso.com cannot sign in: AD FS does not serve its metadata to rich clients"
		if seen == nil || string(seen[1]) != want {
			t.Errorf("%s: got %q, want %q", size, seen, want)
		}
	}
}
