package lyncdiag_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/interview"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite want.json of every scenario with what comes out; compare it with the article before you keep it")

// scenarioClock is when every scenario is played: times in answers.json are
// recent or older by it.
func scenarioClock() time.Time { return time.Date(2013, 5, 31, 14, 5, 0, 0, time.UTC) }

// scenarioWant is want.json: what the article asks for in this case.
type scenarioWant struct {
	Report  *reportWant  `json:"report,omitempty"`  // of an offline run
	Message *messageWant `json:"message,omitempty"` // what message.txt is
	Cells   []cellWant   `json:"cells,omitempty"`   // of scope.json
}

type reportWant struct {
	Outcome   lyncdiag.Outcome `json:"outcome"`
	Types     []kb.Type        `json:"types"`
	Primary   string           `json:"primary"`
	Findings  []findingWant    `json:"findings"`
	Path      []visitWant      `json:"path"` // the steps reached
	Questions []string         `json:"questions"`
	Sections  []string         `json:"sections"` // of the article, to which the case is sent
}

type findingWant struct {
	Name     string  `json:"name"`
	Type     kb.Type `json:"type"`
	CausedBy string  `json:"causedBy"`
}

type visitWant struct {
	Step   int    `json:"step"`
	Answer string `json:"answer"`
}

type messageWant struct {
	Code    string `json:"code"`
	Type    string `json:"type"`
	Section string `json:"section"` // of the article, that its row sends to
}

type cellWant struct {
	Symptom   kb.Symptom       `json:"symptom"`
	Users     kb.Spread        `json:"users"`
	Computers kb.Spread        `json:"computers"`
	Types     []kb.ScopeType   `json:"types"`   // the cell
	Outcome   lyncdiag.Outcome `json:"outcome"` // of a run that knows the scope alone
	Verdict   []kb.Type        `json:"verdict"` // its types
}

// TestScenarios plays each file of testdata/scenarios. A file holds
//
//	answers.json  answers to the article's questions
//	message.txt   what the client showed
//	scope.json    cells of the scoping table, in place of the other two
//	NAME.uccapilog       a client log
//	NAME.json, .csv, .xml, .txt  an export of the directory
//	client/...           an export of the computer's client; a file NAME.base64 is NAME
//	want.json     what the article says about it, exactly
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "scenarios", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, want := play(t, archive)
			if strings.HasSuffix(file, "tree-4-no.txtar") {
				checkClientSteps(t)
			}
			if reflect.DeepEqual(got, want) {
				return
			}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if !*update {
				t.Fatalf("%s\ngot %s", bytes.TrimSpace(archive.Comment), text)
			}
			archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want.json" })
			archive.Files = append(archive.Files, txtar.File{Name: "want.json", Data: append(text, '\n')})
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func play(t *testing.T, archive *txtar.Archive) (got, want scenarioWant) {
	t.Helper()
	if len(bytes.TrimSpace(archive.Comment)) == 0 {
		t.Error("the file does not say what it shows")
	}
	var answers []fact.Answer
	var sources []lyncdiag.Source
	exports := &directory.Exports{}
	computer := ""
	for _, f := range archive.Files {
		var err error
		switch f.Name {
		case "answers.json":
			var list []fact.Answer
			list, err = interview.Load(bytes.NewReader(f.Data))
			answers = append(answers, list...)
		case "message.txt":
			message := strings.TrimSpace(string(f.Data))
			answers = append(answers, fact.Answer{ID: "message", Value: message})
			matches := kb.MatchMessage(message)
			if len(matches) == 0 {
				t.Fatal("no message matches")
			}
			got.Message = &messageWant{matches[0].Message.Code, lyncdiag.Explain(message)[0].Type, matches[0].Message.Section}
		case "scope.json":
			var cells []cellWant
			err = strict(f.Data, &cells)
			for _, c := range cells {
				got.Cells = append(got.Cells, playCell(t, c))
			}
		case "want.json":
			err = strict(f.Data, &want)
		default:
			if name, ok := strings.CutPrefix(f.Name, "client/"); ok {
				if computer == "" {
					computer = filepath.Join(t.TempDir(), "export")
				}
				err = writeExport(filepath.Join(computer, name), f.Data)
				break
			}
			switch filepath.Ext(f.Name) {
			case ".uccapilog":
				sources = append(sources, bundle.Logs{Paths: []string{"-"}, Stdin: bytes.NewReader(f.Data)})
			case ".json", ".csv", ".xml", ".txt":
				err = exports.Add(f.Name, bytes.NewReader(f.Data))
			default:
				t.Fatalf("%s: nothing reads it", f.Name)
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	if computer != "" {
		c, err := client.Open(computer)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, c)
	}
	if exports.Sum() != "" {
		sources = append(sources, exports)
	}
	if len(answers)+len(sources) > 0 {
		got.Report = extract(offline(t, answers, sources...))
	}
	return got, want
}

func writeExport(name string, data []byte) error {
	if plain, ok := strings.CutSuffix(name, ".base64"); ok {
		decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(data), "\n", ""))
		if err != nil {
			return err
		}
		name, data = plain, decoded
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o666)
}

func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// offline diagnoses by answers and files alone, and judges the recorded facts
// once more.
func offline(t *testing.T, answers []fact.Answer, sources ...lyncdiag.Source) *lyncdiag.Report {
	t.Helper()
	d := &lyncdiag.Diagnoser{
		Offline: true,
		Sources: append(sources, interview.Source(answers)),
		Network: &lyncdiag.Network{Now: scenarioClock, Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			t.Errorf("dialled %s %s", network, address)
			return nil, errors.New("refused")
		}},
	}
	facts, report, err := d.Facts(t.Context(), lyncdiag.Target{Address: "joe@contoso.example", Domain: "contoso.example"})
	if err != nil {
		t.Fatal(err)
	}
	checkRecorded(t, facts, report)
	checkReads(t, facts)
	for _, s := range report.Stages {
		if s.Status == lyncdiag.Errored {
			t.Errorf("stage %s: %s", s.ID, s.Reason)
		}
	}
	for _, r := range report.Rules {
		if r.Status == lyncdiag.RuleErrored {
			t.Errorf("rule %s: %s", r.ID, r.Error)
		}
	}
	return report
}

// What a person says about the computer is no complaint and no observation:
// a run that looked at nothing else must not call anything healthy.
func TestAnswersAloneAreNotHealth(t *testing.T) {
	for _, answer := range []fact.Answer{{ID: "location", Value: "inside"}, {ID: "licensed", Value: "unknown"}} {
		report := offline(t, []fact.Answer{answer})
		if report.Verdict.Outcome != lyncdiag.Undecided || lyncdiag.ExitCode(report, "failure") != 3 {
			t.Errorf("%s=%s alone gives %s, exit code %d", answer.ID, answer.Value, report.Verdict.Outcome, lyncdiag.ExitCode(report, "failure"))
		}
	}
}

func extract(r *lyncdiag.Report) *reportWant {
	w := &reportWant{
		Outcome: r.Verdict.Outcome, Primary: r.Verdict.Primary,
		Types: append([]kb.Type{}, r.Verdict.Types...), Findings: []findingWant{}, Path: []visitWant{}, Questions: []string{}, Sections: []string{},
	}
	sections := sectionsByText()
	for _, f := range r.Findings {
		w.Findings = append(w.Findings, findingWant{f.Name, f.Type, f.CausedBy})
		for _, e := range f.Evidence {
			if s := sections[e.Value]; e.Key == "article" && s != "" {
				w.Sections = append(w.Sections, s)
			}
		}
	}
	for _, v := range r.Verdict.Path {
		if v.Reached {
			w.Path = append(w.Path, visitWant{v.Step, v.Answer})
		}
	}
	for _, q := range r.Verdict.Questions {
		w.Questions = append(w.Questions, q.ID)
	}
	return w
}

// checkClientSteps looks for every step of the article's client section, and for
// both ways to delete sign-in information, among the steps that the finding of
// tree-4-no gives. The words are the article's.
func checkClientSteps(t *testing.T) {
	t.Helper()
	report := offline(t, []fact.Answer{
		{ID: "portal-sign-in", Value: "yes"}, {ID: "licensed", Value: "yes"}, {ID: "directory-sync", Value: "no"}, {ID: "sso", Value: "no"},
	})
	i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "client-side-suspected" })
	if i < 0 {
		t.Fatal("no client-side-suspected")
	}
	for item, words := range map[string][]string{
		"client/1":           {"meets the requirements", "Office 365"},
		"client/2":           {"Windows XP", "Vista", "Lync 2010", "Desktop Setup"},
		"client/3":           {"Windows 7", "Windows 8", "Lync 2013", "latest Office"},
		"client/4":           {"automatic updating", "Microsoft Update"},
		"client/5":           {"Delete my sign-in info"},
		"client/delete-2013": {"Lync 2013", "Delete my sign-in info"},
		"client/delete-2010": {"Lync 2010", "KB 2698626", "EndpointConfiguration.cache"},
	} {
		if !slices.ContainsFunc(report.Findings[i].Resolution, func(step string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(step, w) })
		}) {
			t.Errorf("%s: no step of client-side-suspected has the words %q", item, words)
		}
	}
}

// sectionsByText are the sections that the conclusions of the article send to;
// a finding quotes its conclusion as evidence.
func sectionsByText() map[string]string {
	sections := map[string]string{}
	var add func(kb.Edge)
	add = func(e kb.Edge) {
		sections[e.Text] = e.Section
		for _, c := range e.Cases {
			add(c)
		}
	}
	for _, s := range kb.Tree() {
		add(s.Yes)
		add(s.No)
	}
	for _, works := range []bool{true, false} {
		add(kb.Experiment(works, true))
		add(kb.Experiment(works, false))
	}
	return sections
}

func playCell(t *testing.T, c cellWant) cellWant {
	t.Helper()
	report := offline(t, []fact.Answer{
		{ID: "symptom", Value: string(c.Symptom)}, {ID: "users", Value: string(c.Users)}, {ID: "computers", Value: string(c.Computers)},
	})
	c.Types = kb.Scope(c.Symptom, c.Users, c.Computers)
	c.Outcome, c.Verdict = report.Verdict.Outcome, report.Verdict.Types
	return c
}
