package render_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestCSV: every document that has rows gives a table whose rows are as long as
// its header, and none without line breaks in a cell.
func TestCSV(t *testing.T) {
	for name, list := range everything(t) {
		for _, d := range list {
			var b bytes.Buffer
			err := d.Write(&b, render.CSV, render.Options{})
			if has := slices.Contains(render.Formats(name), render.CSV); has != (err == nil) || has != slices.Contains(d.Formats(), render.CSV) {
				t.Fatalf("%s: %v", name, err)
			}
			if err != nil {
				continue
			}
			rows, err := csv.NewReader(bytes.NewReader(b.Bytes())).ReadAll() // the same number of fields in each
			if err != nil || len(rows) == 0 || bytes.Count(b.Bytes(), []byte("\n")) != len(rows) {
				t.Errorf("%s: %v\n%s", name, err, b.Bytes())
			}
			var below bytes.Buffer
			if err := d.Write(&below, render.CSV, render.Options{Headless: true}); err != nil || !bytes.HasSuffix(b.Bytes(), below.Bytes()) || below.Len() >= b.Len() {
				t.Errorf("%s without its header: %v\n%s", name, err, below.Bytes())
			}
		}
	}
}

// TestCSVRunsNothing: no cell is a formula, whoever chose its text, and numbers
// are what they were.
func TestCSVRunsNothing(t *testing.T) {
	for text, want := range map[string]string{
		`=HYPERLINK("http://evil","x")`: `'=HYPERLINK("http://evil","x")`,
		"=cmd@contoso.com":              "'=cmd@contoso.com",
		"=1":                            "'=1",
		"@SUM(A1:A9)":                   "'@SUM(A1:A9)",
		"@1":                            "'@1",
		"+1+cmd|' /C calc'!A0":          "'+1+cmd|' /C calc'!A0",
		"-2+3":                          "'-2+3",
		"-1.2.3":                        "'-1.2.3",
		"\t=1+1":                        "' =1+1",
		"  =1+1":                        "'  =1+1",
		"\uff1d1+1":                     "'\uff1d1+1",
		"+1@SUM(A1:A9)":                 "'+1@SUM(A1:A9)",
		"-@A1":                          "'-@A1",
		"+15551234@contoso.com":         "+15551234@contoso.com",
		"+15551234":                     "+15551234",
		"tel:+15551234":                 "tel:+15551234",
		"-5":                            "-5",
		"+1.5":                          "+1.5",
		"-":                             "-",
		"joe=1@contoso.com":             "joe=1@contoso.com",
		" ":                             " ",
		"":                              "",
	} {
		r := healthy()
		r.Target.Address = text
		for _, o := range []render.Options{{}, {Headless: true}} {
			var b bytes.Buffer
			if err := (render.Tool{}).Report(r, 0).Write(&b, render.CSV, o); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil || rows[len(rows)-1][0] != want {
				t.Errorf("%q: %q, %v, want %q", text, rows, err, want)
			}
		}
	}
	var tally render.Tally
	tally.Attempt(sip.Attempt{ID: "1", FinalReason: "=1+1"})
	if got := written(t, render.Tool{}.Log(fact.New(), &tally, healthy()), render.CSV); !strings.Contains(got, ",'=1+1,") {
		t.Errorf("a log's reason is a formula: %s", got)
	}
}

// TestRead: a document taken back is the same in every format.
func TestRead(t *testing.T) {
	all := everything(t)
	for _, name := range []string{"report", "dns"} {
		for _, d := range all[name] {
			var line bytes.Buffer
			if err := d.Write(&line, render.NDJSON, render.Options{}); err != nil {
				t.Fatal(err)
			}
			again, err := render.Read(line.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range d.Formats() {
				var want, got bytes.Buffer
				if err := d.Write(&want, f, render.Options{}); err != nil {
					t.Fatal(err)
				}
				if err := again.Write(&got, f, render.Options{}); err != nil || got.String() != want.String() {
					t.Errorf("%s as %s: %v\ngot  %s\nwant %s", name, f, err, &got, &want)
				}
			}
		}
	}
	for _, text := range []string{"", "null", "{}", `{"schema":"lyncdiag.batch/v1"}`, `{"schema":"lyncdiag.report/v1","stages":7}`} {
		if _, err := render.Read([]byte(text)); err == nil {
			t.Errorf("%q is a document", text)
		}
	}
}
