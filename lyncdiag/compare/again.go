package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// lookedAgain reports whether a later run, which does not have a finding of an
// earlier one, looked at what showed it; why says it in words.
func lookedAgain(f lyncdiag.Finding, before, after *lyncdiag.Report) (again bool, why string) {
	if again, why := recordAgain(f, after); why != "" {
		return again, why
	}
	// A host that the earlier run lists would be in the list if it had been asked.
	host := f.Host()
	if lists(before, host) && len(after.Hosts) > 0 && !lists(after, host) {
		return false, host + " was not asked this time"
	}
	stage, ok := stageOf(after, f.Stage)
	if !ok {
		return sourcesAgain(f, before, after)
	}
	switch {
	case stage.Status == lyncdiag.Passed || stage.Status == lyncdiag.Warned:
		return true, stage.Title + " was looked at again"
	case stage.Status == lyncdiag.Failed:
		if other, hidden := hiddenBy(f, before, after); hidden {
			if other == "" {
				return false, stage.Title + " fails now, which may hide it"
			}
			return false, fmt.Sprintf("%s fails by %s now, which may hide it", stage.Title, other)
		}
		return true, stage.Title + " was looked at again"
	// What a stage is for was found out by the run, unless it was set beforehand.
	case stage.Skip == lyncdiag.SkipNotApplicable && before.Setting == after.Setting:
		return true, fmt.Sprintf("%s does not apply now: %s", stage.Title, stage.Reason)
	}
	why = fmt.Sprintf("%s was not looked at (%s)", stage.Title, stage.Status)
	if stage.Reason != "" {
		why += ": " + stage.Reason
	}
	return false, why
}

// recordAgain is about findings of a DNS record; why is "" for others, and where
// the later run does not list the record.
func recordAgain(f lyncdiag.Finding, after *lyncdiag.Report) (again bool, why string) {
	for _, e := range f.Evidence {
		if e.Key != "record" {
			continue
		}
		for _, c := range after.Records {
			if !strings.EqualFold(strings.TrimSuffix(c.Name, "."), strings.TrimSuffix(e.Value, ".")) {
				continue
			}
			if c.Status == dnscheck.CheckError {
				return false, fmt.Sprintf("%s got no answer this time", e.Value)
			}
			again, why = true, fmt.Sprintf("%s was looked up again: %s", e.Value, c.Status)
		}
	}
	return again, why
}

func lists(r *lyncdiag.Report, host string) bool {
	return host != "" && slices.ContainsFunc(r.Hosts, func(e fact.Endpoint) bool { return strings.EqualFold(e.Host, host) })
}

func stageOf(r *lyncdiag.Report, id lyncdiag.StageID) (lyncdiag.StageResult, bool) {
	i := slices.IndexFunc(r.Stages, func(s lyncdiag.StageResult) bool { return s.ID == id })
	if i < 0 {
		return lyncdiag.StageResult{}, false
	}
	return r.Stages[i], true
}

// hiddenBy is about a stage that fails now. What fails there of the same host,
// and did not before, may keep a finding from being seen; so may what no finding
// names (other is then "").
func hiddenBy(f lyncdiag.Finding, before, after *lyncdiag.Report) (other string, hidden bool) {
	hidden = true
	for i, j := range pairs(before.Findings, after.Findings) {
		x := after.Findings[i]
		if x.Stage != f.Stage || x.Severity != kb.Failure {
			continue
		}
		hidden = false
		if j < 0 && (x.Host() == "" || f.Host() == "" || strings.EqualFold(x.Host(), f.Host())) {
			return x.Name, true
		}
	}
	return "", hidden
}

// sourcesAgain is about findings that no stage of the later run stands for, such
// as those of exports: what was read before must have been read again.
func sourcesAgain(f lyncdiag.Finding, before, after *lyncdiag.Report) (bool, string) {
	if _, ok := stageOf(before, f.Stage); ok {
		return false, fmt.Sprintf("the later run has no %s", f.Stage)
	}
	for _, s := range before.Stages {
		if !s.Input || s.Status != lyncdiag.Passed {
			continue
		}
		if o, ok := stageOf(after, s.ID); !ok || o.Status != lyncdiag.Passed {
			return false, s.Title + " was not read again"
		}
	}
	if !slices.ContainsFunc(after.Stages, func(s lyncdiag.StageResult) bool { return s.Status == lyncdiag.Passed }) {
		return false, "the later run looked at nothing"
	}
	return true, "its sources were read again"
}
