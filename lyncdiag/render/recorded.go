package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Recorded is what a file of reports holds.
type Recorded struct {
	Name    string // of the file
	Kind    string // "report", or "dns" for DNS documents
	Version string // of the programs that wrote it, "" for unknown; several are joined by ", "
	Reports []*lyncdiag.Report
	// Notes are what is to be known of them, in words: what this version does not
	// know, and what an earlier one did not write.
	Notes []string
}

// maxRecorded bounds a file of reports: ten thousand of them have some 400 MB.
const maxRecorded = 512 << 20

// ReadRecorded reads what was found before: one or several reports, a batch, or DNS
// documents, each as JSON, several also as ndjson or an array, in UTF-8 or UTF-16.
// Of what other versions wrote it takes what it knows, and notes the rest. Of a
// DNS document it makes a report with the stage "dns". The error says what is no
// such document.
func ReadRecorded(name string, in io.Reader) (*Recorded, error) {
	limited := &io.LimitedReader{R: in, N: maxRecorded + 1}
	r := &reader{out: &Recorded{Name: name}}
	whole := bufio.NewReader(limited)
	// UTF-16 is what ">" writes in Windows PowerShell.
	err := r.documents(transform.NewReader(whole, unicode.BOMOverride(encodingOf(whole).NewDecoder())))
	if limited.N == 0 {
		err = fmt.Errorf("more than %d MiB; divide them", maxRecorded>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("render: read reports: %w", err)
	}
	return r.out, nil
}

// encodingOf is what a text without a mark is in. The first letter of JSON is one
// of ASCII.
func encodingOf(in *bufio.Reader) encoding.Encoding {
	begin, _ := in.Peek(2)
	switch {
	case len(begin) < 2 || (begin[0] == 0) == (begin[1] == 0):
		return unicode.UTF8
	case begin[0] == 0:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
}

type reader struct {
	out      *Recorded
	versions []string
}

var errNoDocument = errors.New("it holds no report; make one with: lyncdiag check ADDRESS -o json=FILE")

func (r *reader) documents(in io.Reader) error {
	dec := json.NewDecoder(in)
	for number := 1; ; number++ {
		var document json.RawMessage
		err := dec.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			if len(r.out.Reports) == 0 {
				return errNoDocument
			}
			r.out.Version = strings.Join(r.versions, ", ")
			return nil
		case err != nil && !notJSON(err):
			return err // of the input
		case err != nil && number == 1:
			return fmt.Errorf("it is no JSON (%w); make it with: lyncdiag check ADDRESS -o json=FILE", err)
		case err != nil:
			return fmt.Errorf("document %d is cut short or no JSON: %w", number, err)
		}
		list := []json.RawMessage{document}
		if document[0] == '[' {
			if err := json.Unmarshal(document, &list); err != nil {
				return err
			}
		}
		for _, d := range list {
			if err := r.document(d); err != nil {
				return err
			}
		}
	}
}

// notJSON tells what is wrong with a text from what is wrong with its reader.
func notJSON(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF)
}

// keys are those of one document, each read when it is wanted: a batch has many
// that are not.
type keys map[string]json.RawMessage

// into reads keys and where they go, as far as they are there.
func (k keys) into(pairs ...any) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		name := pairs[i].(string)
		if raw := k[name]; len(raw) > 0 {
			if inner := (keys{}); raw[0] == '{' && reflect.TypeOf(pairs[i+1]).Elem().Kind() == reflect.Slice && json.Unmarshal(raw, &inner) == nil && inner.counted() {
				raw = inner["value"]
			}
			if err := json.Unmarshal(raw, pairs[i+1]); err != nil {
				return fmt.Errorf("a document in it is not as its schema has it: %w", misfit(name, err))
			}
		}
	}
	return nil
}

// counted reports whether this is a list as ConvertTo-Json of Windows PowerShell
// writes some.
func (k keys) counted() bool { return len(k) == 2 && k["value"] != nil && k["Count"] != nil }

// shallow begins the text that PowerShell makes of an object.
const shallow = `"@{`

var errShallow = errors.New("text is where a list or object belongs, as ConvertTo-Json writes it without -Depth 10: write it again with that, or take the file that lyncdiag wrote")

// misfit says in which key a document is not as its schema has it.
func misfit(name string, err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("key %s: %w", name, err)
	}
	if wrong.Field != "" {
		name += "." + wrong.Field
	}
	if kind := wrong.Type.Kind(); wrong.Value == "string" && (kind == reflect.Struct || kind == reflect.Slice) {
		return fmt.Errorf("key %s: %w", name, errShallow)
	}
	return fmt.Errorf("key %s holds what does not belong there: %s", name, wrong.Value)
}

func (r *reader) document(raw json.RawMessage) error {
	var k keys
	var schema string
	if bytes.HasPrefix(raw, []byte(shallow)) {
		return errShallow
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		return errors.New("it holds what is no document of lyncdiag: no object")
	}
	if err := k.into("schema", &schema); err != nil {
		return err
	}
	switch schema {
	case "lyncdiag.report/v1", "lyncdiag.dns/v1":
		if err := r.is(strings.TrimSuffix(strings.TrimPrefix(schema, "lyncdiag."), "/v1")); err != nil {
			return err
		}
		return r.report(k)
	case "lyncdiag.batch/v1":
		if err := r.list(k, "reports"); err != nil {
			return err
		}
		return r.is("report") // an empty one too
	case "":
		if k.counted() {
			return r.list(k, "value")
		}
		return errors.New("it holds what is no document of lyncdiag: there is no key schema")
	}
	return fmt.Errorf("it holds a document of the schema %q; this reads lyncdiag.report/v1, lyncdiag.batch/v1 and lyncdiag.dns/v1", schema)
}

// list reads documents that another holds.
func (r *reader) list(k keys, name string) error {
	var documents []json.RawMessage
	if err := k.into(name, &documents); err != nil {
		return err
	}
	for _, d := range documents {
		if err := r.document(d); err != nil {
			return err
		}
	}
	return nil
}

// is holds all documents to one kind.
func (r *reader) is(kind string) error {
	if r.out.Kind != "" && r.out.Kind != kind {
		return errors.New("it holds reports and DNS documents; divide them")
	}
	r.out.Kind = kind
	return nil
}

// recordedDoc is what is taken of a report, or of a DNS document.
type recordedDoc struct {
	reportDoc
	domain, failure string
	verdict         struct{ Outcome, Primary, Summary string }
	records         []struct{ Type, Name, Status string }
	hosts           []struct{ Host string } // without their certificates
}

func (r *reader) report(k keys) error {
	var doc recordedDoc
	if err := k.into("tool", &doc.Tool, "target", &doc.Target, "setting", &doc.Setting, "startedAt", &doc.StartedAt, "durationMs", &doc.DurationMs, "complete", &doc.Complete,
		"stages", &doc.Stages, "findings", &doc.Findings, "verdict", &doc.verdict, "records", &doc.records, "hosts", &doc.hosts, "domain", &doc.domain, "error", &doc.failure); err != nil {
		return err
	}
	if v := doc.Tool.Version; v != "" && !slices.Contains(r.versions, v) {
		r.versions = append(r.versions, v)
	}
	if _, ok := k["target"]; !ok && doc.domain == "" {
		return errors.New("a document in it names no target")
	}
	report := doc.run()
	report.Verdict.Outcome, report.Verdict.Primary, report.Verdict.Summary = lyncdiag.Outcome(doc.verdict.Outcome), doc.verdict.Primary, doc.verdict.Summary
	report.Findings = r.findings(doc.Findings)
	report.Records, report.Hosts = make([]dnscheck.Check, len(doc.records)), make([]fact.Endpoint, len(doc.hosts))
	for i, rec := range doc.records {
		c := &report.Records[i]
		c.Type, c.Name, c.Status = rec.Type, rec.Name, dnscheck.CheckStatus(rec.Status)
	}
	for i, h := range doc.hosts {
		report.Hosts[i].Host = h.Host
	}
	if r.out.Kind == "dns" {
		ofRecords(report, doc.domain, doc.failure)
		r.differing(k, reflect.TypeFor[dnsDoc]())
	} else {
		r.differing(k, reflect.TypeFor[reportDoc]())
	}
	r.out.Reports = append(r.out.Reports, report)
	return nil
}

// ofRecords makes a report of what a DNS document has.
func ofRecords(report *lyncdiag.Report, domain, failure string) {
	report.Target.Domain, report.Complete = domain, failure == ""
	stage := lyncdiag.StageResult{ID: "dns", Title: "DNS", Status: lyncdiag.Passed}
	report.Verdict.Outcome = lyncdiag.Healthy
	for i := range report.Findings {
		f := &report.Findings[i]
		if f.Severity == kb.Failure {
			stage.Status, report.Verdict.Outcome = lyncdiag.Failed, lyncdiag.Problem
			if f.CausedBy == "" && report.Verdict.Primary == "" {
				report.Verdict.Primary = f.Name
			}
		}
	}
	if failure != "" {
		stage.Status, stage.Reason, report.Verdict.Outcome = lyncdiag.Errored, failure, lyncdiag.Undecided
	}
	report.Stages = []lyncdiag.StageResult{stage}
}

// run is the run that a report is of, without what was found.
func (d *reportDoc) run() *lyncdiag.Report {
	r := &lyncdiag.Report{
		Target:  lyncdiag.Target{Address: d.Target.Address, UserName: d.Target.UserName, Domain: d.Target.Domain, Ticket: d.Target.Ticket},
		Setting: fact.Setting(d.Setting), Started: timeOf(d.StartedAt), Duration: time.Duration(d.DurationMs) * time.Millisecond, Complete: d.Complete,
	}
	for _, s := range d.Stages {
		r.Stages = append(r.Stages, lyncdiag.StageResult{
			ID: lyncdiag.StageID(s.ID), Title: s.Title, Status: lyncdiag.Status(s.Status), Reason: s.Reason, Finding: s.Finding,
			Skip: lyncdiag.SkipReason(s.Skip), Input: s.Input, Duration: time.Duration(s.DurationMs) * time.Millisecond,
		})
	}
	return r
}

func (r *reader) findings(list []finding) []lyncdiag.Finding {
	return each(list, func(f finding) lyncdiag.Finding {
		if _, ok := kb.Lookup(f.Name); !ok {
			r.note(fmt.Sprintf("%s has a finding that this version does not know: %s.", r.out.Name, f.Name))
		}
		return lyncdiag.Finding{
			Spec: lyncdiag.Spec{ID: f.ID, Name: f.Name, Type: kb.Type(f.Type), Severity: kb.Severity(f.Severity), Title: f.Title, Cause: f.Cause,
				Resolution: f.Resolution, Owner: kb.Owner(f.Owner), References: f.References},
			Confidence: lyncdiag.Confidence(f.Confidence), Stage: lyncdiag.StageID(f.Stage), CausedBy: f.CausedBy,
			Evidence: each(f.Evidence, func(e evidence) fact.Evidence {
				o := fact.Origin{Kind: fact.Kind(e.Origin), Where: e.Where}
				if e.Line != nil {
					o.Line = *e.Line
				}
				return fact.Evidence{Key: e.Key, Class: fact.Class(e.Class), Value: e.Value, Origin: o}
			}),
			Known: f.Known, Suppressed: f.Suppressed, SuppressedUntil: timeOf(f.SuppressedUntil),
		}
	})
}

// differing notes which keys of a document this version does not know, and which
// it misses.
func (r *reader) differing(k keys, wire reflect.Type) {
	var missing, unknown []string
	for i := range wire.NumField() {
		name := keyOf(wire.Field(i))
		if _, ok := k[name]; !ok {
			missing = append(missing, name)
		}
		delete(k, name)
	}
	for name := range k {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	if len(missing) > 0 {
		r.note(fmt.Sprintf("%s was written without %s: what that would tell is not known.", r.out.Name, strings.Join(missing, ", ")))
	}
	if len(unknown) > 0 {
		r.note(fmt.Sprintf("%s has keys that this version does not know: %s.", r.out.Name, strings.Join(unknown, ", ")))
	}
}

func (r *reader) note(text string) {
	if !slices.Contains(r.out.Notes, text) {
		r.out.Notes = append(r.out.Notes, text)
	}
}

// timeOf reads a time of a document, also as ConvertTo-Json of Windows PowerShell
// writes one; zero is unknown.
func timeOf(text string) time.Time {
	if ms, ok := strings.CutPrefix(text, "/Date("); ok {
		if n, err := strconv.ParseInt(strings.TrimSuffix(ms, ")/"), 10, 64); err == nil {
			return time.UnixMilli(n).UTC()
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
