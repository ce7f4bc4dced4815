package render

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// batchDoc is lyncdiag.batch/v1.
type batchDoc struct {
	Schema  string       `json:"schema"`
	Tool    tool         `json:"tool"`
	Reports []reportDoc  `json:"reports"` // in the order of the addresses
	Summary batchSummary `json:"summary"`
}

type batchSummary struct {
	Total      int `json:"total"`
	Healthy    int `json:"healthy"`
	Problem    int `json:"problem"`
	Unknown    int `json:"unknown"`
	Incomplete int `json:"incomplete"`
	ExitCode   int `json:"exitCode"` // the worst of the reports'
}

// Batch is lyncdiag.batch/v1; as ndjson it is one report a line. exitCode
// gives the code of one report, and worst that of the process.
func (t Tool) Batch(reports []*lyncdiag.Report, exitCode func(*lyncdiag.Report) int, worst int) Document {
	doc := batchDoc{Schema: "lyncdiag.batch/v1", Tool: t.wire(), Reports: []reportDoc{}}
	for _, r := range reports {
		doc.Reports = append(doc.Reports, t.report(r, exitCode(r)))
		switch r.Verdict.Outcome {
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
	}
	doc.Summary.Total = len(reports)
	doc.Summary.ExitCode = worst
	return Document{&doc}
}

func (d *batchDoc) documents() []any {
	return each(d.Reports, func(r reportDoc) any { return r })
}

func (d *batchDoc) text(s *sheet) {
	for _, r := range d.Reports {
		s.blank()
		r.text(s)
	}
	s.blank()
	s.line("All addresses")
	for _, r := range d.Reports {
		m := mark{r.Verdict.Outcome, r.tone()}
		s.mark(m, r.Target.Address+" "+r.Verdict.Primary)
	}
	s.blank()
	s.line(fmt.Sprintf("%d addresses: %d healthy, %d with a problem, %d unknown \u00b7 exit code %d",
		d.Summary.Total, d.Summary.Healthy, d.Summary.Problem, d.Summary.Unknown, d.Summary.ExitCode))
}

func (d *batchDoc) short(s *sheet) {
	for _, r := range d.Reports {
		s.blank()
		r.short(s)
	}
}
