package render

import (
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
)

// collectDoc is lyncdiag.collect/v1: what was put into a support bundle, or would
// be.
type collectDoc struct {
	Schema   string           `json:"schema"`
	File     string           `json:"file"`     // the bundle; "" where nothing was written
	Planned  bool             `json:"planned"`  // nothing was collected: entries have neither size nor hash
	Redacted bool             `json:"redacted"` // pseudonyms stand for users, hosts and addresses
	Outcome  string           `json:"outcome"`  // of the report in it
	Primary  string           `json:"primary"`
	Entries  []bundle.Entry   `json:"entries"`
	Missing  []bundle.Missing `json:"missing"` // what was looked for and is not there
}

// Collection is lyncdiag.collect/v1. report is nil for a plan.
func (t Tool) Collection(file string, m bundle.Manifest, report *lyncdiag.Report) Document {
	doc := &collectDoc{Schema: "lyncdiag.collect/v1", File: file, Planned: report == nil, Redacted: m.Redacted, Entries: list(m.Entries), Missing: list(m.Missing)}
	if report != nil {
		doc.Outcome, doc.Primary = string(report.Verdict.Outcome), report.Verdict.Primary
	}
	return Document{doc}
}

func (d *collectDoc) text(s *sheet) {
	redacted := "with pseudonyms for users, hosts and addresses"
	if !d.Redacted {
		redacted = "as it is: not redacted"
	}
	if d.Planned {
		s.head("A support bundle would hold, "+redacted, "")
	} else {
		s.head(fmt.Sprintf("%s holds %s, %s", d.File, count(len(d.Entries), "file"), redacted), good)
	}
	s.blank()
	for _, e := range d.Entries {
		line := e.Name
		if !d.Planned {
			line += fmt.Sprintf(", %d bytes", e.Bytes)
		}
		if d.Planned {
			line += ", from " + e.Source
		}
		if e.Note != "" {
			line += " (" + e.Note + ")"
		}
		s.entry(margin, line)
	}
	if len(d.Missing) > 0 {
		s.blank()
		s.line("Not in it")
		for _, m := range d.Missing {
			s.entry(margin, m.What+": "+m.Why)
		}
	}
	if !d.Planned {
		s.blank()
		s.line("Read it with: lyncdiag bundle " + d.File)
	}
}

// systemDoc is lyncdiag.system/v1: the computer that a bundle comes from.
type systemDoc struct {
	Schema           string   `json:"schema"`
	Tool             tool     `json:"tool"`
	OS               string   `json:"os"`
	Arch             string   `json:"arch"`
	Hostname         string   `json:"hostname"`
	At               string   `json:"at,omitempty" jsonschema:"format=date-time"`
	UTCOffsetMinutes int      `json:"utcOffsetMinutes"`
	Resolvers        []string `json:"resolvers"`
	Proxies          []string `json:"proxies"` // who sets one, and which
}

// System is lyncdiag.system/v1.
func (t Tool) System(hostname string, at time.Time, resolvers, proxies []string) Document {
	_, offset := at.Zone()
	return Document{&systemDoc{"lyncdiag.system/v1", t.wire(), runtime.GOOS, runtime.GOARCH, hostname, stamp(at), offset / 60, list(resolvers), list(proxies)}}
}

func (d *systemDoc) text(s *sheet) {
	s.line(fmt.Sprintf("%s, %s/%s, %s", d.Hostname, d.OS, d.Arch, d.At))
	for _, r := range d.Resolvers {
		s.line("resolver " + r)
	}
	for _, p := range d.Proxies {
		s.line("proxy " + p)
	}
}

// ReadRun takes the run back from a report as JSON: target, setting, times,
// completeness and stages. What was found is judged anew; see
// [lyncdiag.Diagnoser.Again].
func ReadRun(raw []byte) (*lyncdiag.Report, error) {
	var doc reportDoc
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("render: read report: %w", err)
	}
	if doc.Schema != "lyncdiag.report/v1" {
		return nil, fmt.Errorf("render: read report: its schema is %q, want lyncdiag.report/v1", doc.Schema)
	}
	return doc.run(), nil
}
