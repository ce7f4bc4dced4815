package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// recorded is a report as it is read back.
func recorded(t testing.TB, name string, reports ...*lyncdiag.Report) *render.Recorded {
	t.Helper()
	var b bytes.Buffer
	for _, r := range reports {
		if err := (render.Tool{Version: "1.2.3"}).Report(r, 1).Write(&b, render.NDJSON, render.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	read, err := render.ReadRecorded(name, &b)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// changes is the document of two runs, as the command makes it.
func changes(t testing.TB, before, after *lyncdiag.Report) render.Document {
	t.Helper()
	b, a := recorded(t, "monday.json", before), recorded(t, "tuesday.json", after)
	d := compare.Runs(b.Reports, a.Reports)
	return render.Tool{Version: "1.2.3"}.Diff(b, a, d, d.ExitCode("failure"))
}

// later is a run in which something is new, gone, changed and unknown.
func later(t testing.TB) *lyncdiag.Report {
	r := broken(t)
	r.Started = r.Started.Add(24 * time.Hour)
	r.Stages[1].Status, r.Stages[1].Finding = lyncdiag.Passed, "" // dns
	r.Stages[4].Status, r.Stages[4].Skip, r.Stages[4].Reason = lyncdiag.Skipped, lyncdiag.SkipNeeds, "Realm did not pass"
	r.Records = nil
	changed := made(t, "autodiscover-certificate-name", "autodiscover", "", live("host", fact.HostText, "lyncdiscover.contoso.com"), live("url", fact.URLText, "https://lyncdiscover.contoso.com/"))
	changed.Severity = kb.Warning
	fresh := made(t, "rich-client-authentication", "realm", "", live("host", fact.HostText, "login.microsoftonline.com"))
	r.Findings = []lyncdiag.Finding{fresh, changed}
	r.Verdict.Primary = "rich-client-authentication"
	return r
}

// silenced is a report of which nothing counts.
func silenced(t testing.TB) *lyncdiag.Report {
	r := broken(t)
	at := time.Date(2013, 6, 30, 23, 59, 59, 999_000_000, time.UTC)
	compare.Suppress(r, []lyncdiag.Suppression{
		{Finding: "adfs-mex-http-500", Target: "*.sts.contoso.com", Until: at},
		{Finding: "dns-sip-cname-missing", Target: "contoso.com", Until: at.AddDate(-1, 0, 0)},
		{Finding: "user-blocked", Target: "ann@contoso.com"},
	}, r.Started)
	compare.NewBaseline([]*lyncdiag.Report{{Target: r.Target, Started: at, Findings: r.Findings[1:3]}}, []string{"monday.json has keys that this version does not know: mood."}).Mark(r)
	return r
}

// TestReadRecorded: one report, several, a batch, an array, DNS documents, in what
// Windows writes; what other versions wrote is read, and said.
func TestReadRecorded(t *testing.T) {
	tool := render.Tool{Version: "1.2.3"}
	one, batch, records := written(t, tool.Report(broken(t), 1), render.JSON), written(t, tool.Batch([]render.Document{tool.Report(broken(t), 1), tool.Report(healthy(), 0)}, 1), render.JSON), written(t, everything(t)["dns"][1], render.JSON)
	utf16le := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(one)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	utf16be := []byte("\xfe\xff")
	for _, u := range utf16.Encode([]rune(one)) {
		utf16be = append(utf16be, byte(u>>8), byte(u))
	}
	edit := func(change func(map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(one), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	finding := func(m map[string]any) map[string]any { return m["findings"].([]any)[0].(map[string]any) }
	for name, tt := range map[string]struct {
		text  string
		n     int
		kind  string
		notes string // that must be among the notes
	}{
		"a report":                          {one, 1, "report", ""},
		"a batch":                           {batch, 2, "report", ""},
		"lines":                             {written(t, tool.Report(broken(t), 1), render.NDJSON) + "\n" + written(t, tool.Report(healthy(), 0), render.NDJSON), 2, "report", ""},
		"an array":                          {"[" + one + "," + one + "]", 2, "report", ""},
		"a DNS document":                    {records, 1, "dns", ""},
		"UTF-8 with a mark":                 {"\ufeff" + one, 1, "report", ""},
		"UTF-16":                            {string(utf16le), 1, "report", ""},
		"UTF-16, big-endian":                {string(utf16be), 1, "report", ""},
		"a later version":                   {edit(func(m map[string]any) { m["mood"] = "good" }), 1, "report", "a.json has keys that this version does not know: mood."},
		"an earlier version":                {edit(func(m map[string]any) { delete(m, "hosts"); delete(m, "records") }), 1, "report", "a.json was written without records, hosts: what that would tell is not known."},
		"an unknown finding":                {strings.ReplaceAll(one, "dns-sip-cname-missing", "dns-moon-missing"), 1, "report", "a.json has a finding that this version does not know: dns-moon-missing."},
		"UTF-16 without a mark":             {string(utf16le[2:]), 1, "report", ""},
		"UTF-16 without a mark, big-endian": {string(utf16be[2:]), 1, "report", ""},
		"a list of Windows PowerShell":      {`{"value":[` + one + "," + one + `],"Count":2}`, 2, "report", ""},
		"a list in its keys": {edit(func(m map[string]any) {
			m["findings"] = map[string]any{"value": m["findings"], "Count": 4}
		}), 1, "report", ""},
		"ConvertTo-Json's way": {edit(func(m map[string]any) { m["startedAt"] = "/Date(1370001906789)/" }), 1, "report", ""},
	} {
		read, err := render.ReadRecorded("a.json", strings.NewReader(tt.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(read.Reports) != tt.n || read.Kind != tt.kind || !strings.Contains(strings.Join(read.Notes, "\n"), tt.notes) || tt.notes == "" && len(read.Notes) > 0 {
			t.Errorf("%s: %d reports of kind %s, notes %q", name, len(read.Reports), read.Kind, read.Notes)
		}
		if tt.kind == "report" && len(read.Reports[0].Findings) != len(broken(t).Findings) {
			t.Errorf("%s: %d findings", name, len(read.Reports[0].Findings))
		}
		if tt.kind == "report" && (!read.Reports[0].Started.Equal(broken(t).Started) || read.Version != "1.2.3") {
			t.Errorf("%s: begun %v, version %q", name, read.Reports[0].Started, read.Version)
		}
	}
	for text, want := range map[string]string{
		"":                                "it holds no report",
		" \n":                             "it holds no report",
		"[]":                              "it holds no report",
		"joe cannot sign in":              "it is no JSON",
		one[:100]:                         "it is no JSON",
		one + one[:100]:                   "document 2 is cut short",
		"42":                              "no document of lyncdiag",
		"{}":                              "there is no key schema",
		`{"schema":"lyncdiag.cert/v1"}`:   `a document of the schema "lyncdiag.cert/v1"`,
		`{"schema":"lyncdiag.report/v2"}`: `a document of the schema "lyncdiag.report/v2"`,
		one + records:                     "it holds reports and DNS documents",
		edit(func(m map[string]any) { m["findings"] = "none" }):                       "not as its schema has it",
		edit(func(m map[string]any) { m["findings"] = []any{"@{id=LD9001}"} }):        "key findings: text is where a list or object belongs, as ConvertTo-Json writes it without -Depth 10",
		edit(func(m map[string]any) { finding(m)["evidence"] = []any{"@{key=url}"} }): "key findings.evidence: text is where",
		edit(func(m map[string]any) { finding(m)["resolution"] = "System.Object[]" }): "key findings.resolution: text is where",
		edit(func(m map[string]any) { finding(m)["evidence"] = map[string]any{} }):    "key findings.evidence holds what does not belong there: object",
		edit(func(m map[string]any) { m["durationMs"] = "long" }):                     "key durationMs holds what does not belong there: string",
		`{"schema":"lyncdiag.batch/v1","reports":["@{schema=lyncdiag.report/v1}"]}`:   "without -Depth 10",
		`{"schema":"lyncdiag.batch/v1","reports":"System.Object[]"}`:                  "without -Depth 10",
		`["@{schema=lyncdiag.report/v1}"]`:                                            "without -Depth 10",
		`{"value":[],"Count":0}`:                                                      "it holds no report",
		`{"value":7,"Count":1}`:                                                       "not as its schema has it",
		`{"Count":1,"mood":"good"}`:                                                   "there is no key schema",
	} {
		if _, err := render.ReadRecorded("a.json", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "json:") || strings.Contains(err.Error(), "render.") {
			t.Errorf("%.40q: Go's own words: %v", text, err)
		}
	}
}

// FuzzReadRecorded: what is read has a report, nothing of it is another beside
// itself, and its comparison can be written.
func FuzzReadRecorded(f *testing.F) {
	for _, seed := range []string{written(f, render.Tool{}.Report(broken(f), 1), render.NDJSON), `{"schema":"lyncdiag.dns/v1","findings":[{"name":"a"},{"name":"a"}]}`,
		`[{"schema":"lyncdiag.report/v1","target":{"address":"a@b"}},{"schema":"lyncdiag.report/v1"}]`, `{"schema":"lyncdiag.batch/v1","reports":[{"schema":"lyncdiag.report/v1","stages":[{"id":"dns"},{"id":"dns","status":"passed"}]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := render.ReadRecorded("a.json", bytes.NewReader(raw))
		if err != nil {
			return
		}
		if len(read.Reports) == 0 || read.Kind != "report" && read.Kind != "dns" {
			t.Fatalf("no error, and %+v", read)
		}
		d := compare.Runs(read.Reports, read.Reports)
		for _, x := range d.Targets {
			if len(x.Findings)+len(x.Stages) > 0 {
				t.Errorf("changed beside itself: %+v, %+v", x.Findings, x.Stages)
			}
		}
		other := compare.Runs([]*lyncdiag.Report{healthy()}, read.Reports)
		for _, f := range []render.Format{render.Text, render.JSON, render.HTML, render.Markdown, render.CSV, render.JUnit, render.Short} {
			var b bytes.Buffer
			if err := (render.Tool{}).Diff(read, read, other, 0).Write(&b, f, render.Options{}); err != nil || !utf8.Valid(b.Bytes()) {
				t.Errorf("%s: %v", f, err)
			}
		}
	})
}

// TestDiffTextFits: no line is longer than the page, unless one word is.
func TestDiffTextFits(t *testing.T) {
	for width := 40; width <= 120; width += 8 {
		var b strings.Builder
		if err := changes(t, broken(t), later(t)).Write(&b, render.Text, render.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("width %d: %q", width, line)
			}
		}
	}
}

// TestDiffRedacted: nothing of the company is left, in whatever key it stands.
func TestDiffRedacted(t *testing.T) {
	var b bytes.Buffer
	if err := changes(t, broken(t), later(t)).Write(&b, render.JSON, render.Options{Redact: redact.New().Value}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"contoso", "jo\\u00e9@"} {
		if strings.Contains(b.String(), name) {
			t.Errorf("%q is left in %s", name, &b)
		}
	}
	if !strings.Contains(b.String(), `"change": "appeared"`) || !strings.Contains(b.String(), `"presence": "both"`) {
		t.Errorf("words are replaced: %s", &b)
	}
}
