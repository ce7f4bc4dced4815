package render

import (
	"cmp"
	"fmt"
	"sort"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// batchDoc is lyncdiag.batch/v1.
type batchDoc struct {
	Schema  string      `json:"schema"`
	Tool    tool        `json:"tool"`
	Reports []reportDoc `json:"reports"` // in the order of the addresses
	// Suppressions are those that were given, over all reports.
	Suppressions []suppression `json:"suppressions"`
	Summary      batchSummary  `json:"summary"`
}

type batchSummary struct {
	Total      int       `json:"total"`
	Healthy    int       `json:"healthy"`
	Problem    int       `json:"problem"`
	Unknown    int       `json:"unknown"`
	Incomplete int       `json:"incomplete"`
	Findings   []tallied `json:"findings"` // the most frequent first
	ExitCode   int       `json:"exitCode"` // the worst of the reports'
}

// tallied is how many reports have a finding.
type tallied struct {
	Name     string `json:"name"`
	Count    int    `json:"count"`
	Silenced int    `json:"silenced"` // of these, the reports where it is known or suppressed
}

// Batch is lyncdiag.batch/v1; as ndjson it is one report a line. The documents
// are those of [Tool.Report], made now or taken back by [Read]; others are left
// out. worst is the exit code of the process.
func (t Tool) Batch(reports []Document, worst int) Document {
	doc := batchDoc{Schema: "lyncdiag.batch/v1", Tool: t.wire(), Reports: []reportDoc{}, Suppressions: []suppression{}}
	counts := map[string]*tallied{}
	for _, d := range reports {
		r, ok := d.page.(*reportDoc)
		if !ok {
			continue
		}
		doc.Reports = append(doc.Reports, *r)
		switch lyncdiag.Outcome(r.Verdict.Outcome) {
		case lyncdiag.Healthy:
			doc.Summary.Healthy++
		case lyncdiag.Problem:
			doc.Summary.Problem++
		default:
			doc.Summary.Unknown++
		}
		if !r.Complete {
			doc.Summary.Incomplete++
		}
		doc.suppress(r.Suppressions)
		alarms := map[string]bool{}
		for _, f := range r.Findings {
			alarms[f.Name] = alarms[f.Name] || f.silence() == ""
		}
		for name, alarm := range alarms {
			c := counts[name]
			if c == nil {
				c = &tallied{Name: name}
				counts[name] = c
			}
			c.Count++
			if !alarm {
				c.Silenced++
			}
		}
	}
	doc.Summary.Total = len(doc.Reports)
	doc.Summary.ExitCode = worst
	doc.Summary.Findings = []tallied{}
	for _, c := range counts {
		doc.Summary.Findings = append(doc.Summary.Findings, *c)
	}
	order := func(a, b tallied) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	}
	sort.SliceStable(doc.Summary.Findings, func(i, j int) bool { return order(doc.Summary.Findings[i], doc.Summary.Findings[j]) < 0 })
	return Document{&doc}
}

// suppress counts what a report's suppressions silence. All reports of a run have
// the same ones.
func (d *batchDoc) suppress(list []suppression) {
	for i, s := range list {
		if i == len(d.Suppressions) {
			d.Suppressions = append(d.Suppressions, s)
			continue
		}
		all := &d.Suppressions[i]
		all.Count += s.Count
		if all.Status == "unmatched" {
			all.Status = s.Status
		}
	}
}

// apart is a report without what the batch says of all.
func (d *batchDoc) apart(r reportDoc) *reportDoc {
	r.Suppressions = nil
	return &r
}

func (d *batchDoc) silences() []string { return (&reportDoc{Suppressions: d.Suppressions}).silences() }

func (d *batchDoc) documents() []any {
	return each(d.Reports, func(r reportDoc) any { return r })
}

func (d *batchDoc) text(s *sheet) {
	for _, r := range d.Reports {
		s.blank()
		d.apart(r).text(s)
	}
	s.blank()
	s.line("All addresses")
	for _, r := range d.Reports {
		m := mark{r.Verdict.Outcome, r.tone()}
		s.mark(m, r.Target.Address+" "+r.Verdict.Primary)
	}
	s.notes(d.silences())
	s.blank()
	s.line(fmt.Sprintf("%d addresses: %d healthy, %d with a problem, %d unknown; exit code %d",
		d.Summary.Total, d.Summary.Healthy, d.Summary.Problem, d.Summary.Unknown, d.Summary.ExitCode))
}

func (d *batchDoc) short(s *sheet) {
	for _, r := range d.Reports {
		s.blank()
		d.apart(r).short(s)
	}
	s.raws(d.silences())
}
