package lyncdiag_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestRedactedLogs: a redacted log is read to the same attempts and findings.
func TestRedactedLogs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "logs", "*.txtar"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d logs: %v", len(files), err)
	}

	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Also of a user who is called like a header or a parameter.
		for _, user := range []string{"joe", "via", "tag"} {
			t.Run(filepath.Base(file)+" "+user, func(t *testing.T) {
				log := bytes.ReplaceAll(archive.Files[0].Data, []byte("joe"), []byte(user))
				r := redact.New()
				if err := r.LearnFrom(bytes.NewReader(log)); err != nil {
					t.Fatal(err)
				}
				var redacted bytes.Buffer
				if err := r.Copy(&redacted, bytes.NewReader(log)); err != nil {
					t.Fatal(err)
				}
				if left := originals.FindAll(redacted.Bytes(), -1); len(left) > 0 {
					t.Errorf("left are %q in\n%s", left, redacted.Bytes())
				}
				want, got := judgeLog(t, log), judgeLog(t, redacted.Bytes())
				if !reflect.DeepEqual(got, want) {
					t.Errorf("redacted\n got %+v\nwant %+v", got, want)
				}
			})
		}
	}
}

type judgedLog struct {
	Attempts []string
	Findings []string
	Primary  string
}

func judgeLog(t *testing.T, log []byte) judgedLog {
	t.Helper()
	var seen judgedLog
	source := bundle.Logs{Paths: []string{"-"}, Stdin: bytes.NewReader(log), Attempt: func(a sip.Attempt) {
		text := a.Outcome + " " + a.Method + " " + a.FinalReason + " " + a.StartedAt.String() + string(sip.Classify(a).Class)
		for _, d := range a.Diagnostics {
			text += d.Header + d.Reason
		}
		seen.Attempts = append(seen.Attempts, text)
	}}
	d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Sources: []lyncdiag.Source{source}, Offline: true}
	report, err := d.Run(t.Context(), fact.Subject{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		seen.Findings = append(seen.Findings, f.Name)
	}
	seen.Primary = report.Verdict.Primary
	return seen
}

// TestCatalogueStaysReadable: people who are called like the words of the catalogue
// leave its texts as they are.
func TestCatalogueStaysReadable(t *testing.T) {
	words := regexp.MustCompile(`(?:^| )([a-z]{3,})\b`)
	for _, spec := range kb.Catalogue() {
		text := strings.Join(append([]string{spec.Title, spec.Cause}, spec.Resolution...), "\n")
		r := redact.New()
		want := r.Text(text)
		for _, word := range words.FindAllStringSubmatch(text, -1) {
			r.Learn(word[1])
			if got := r.Text(text); got != want {
				t.Errorf("%s: %q is taken for a name only; it belongs to everydayWords of the package redact", spec.Name, word[1])
				break
			}
		}
	}
}

// originals are what the logs and the lab tell about their people and networks.
var originals = regexp.MustCompile(`(?i)contoso|fabrikam|\bjoe\b|192\.0\.2\.\d|QUJD`)
