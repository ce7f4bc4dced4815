// Package compare says what changed between two runs, and keeps out of the exit
// code what is known or was silenced. It judges reports, made now or read back,
// and never what they found: verdict and primary finding stay as they are.
package compare

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Status says what became of a finding between two runs.
type Status string

// A finding is Gone only where what showed it was looked at again; where it was
// not, nobody knows.
const (
	Appeared Status = "appeared"
	Gone     Status = "gone"
	Changed  Status = "changed"
	Unknown  Status = "unknown"
)

// Presence says in which of the two a target is.
type Presence string

// A target that only one side has is not compared: all that it has Appeared, or
// is Unknown.
const (
	InBoth     Presence = "both"
	OnlyBefore Presence = "before"
	OnlyAfter  Presence = "after"
)

// Difference is what changed of all targets, those of the later runs first, in
// their order.
type Difference struct {
	Targets []Target
}

// Target is what changed of one target.
type Target struct {
	Presence      Presence
	Before, After *lyncdiag.Report // nil where there is none
	Findings      []Finding        // without those that are as they were
	Same          int              // findings that are as they were
	Stages        []Stage          // whose status is another
}

// Finding is one that is not as it was.
type Finding struct {
	lyncdiag.Finding // as it is now, or was where it is no more
	Status           Status
	// New says that it counts: a failure or warning that was not there before, or was
	// less severe, and that nothing silences.
	New     bool
	Why     string   // why it is Gone or Unknown, in words; "" otherwise
	Changes []Change // of a finding that Changed
}

// Change is one thing of a finding that is another now.
type Change struct {
	Key           string // severity, confidence or causedBy, else the key of the evidence
	Evidence      bool   // it is evidence that changed
	Before, After string // several values are joined by "; ", "" is none
}

// Stage is a stage with another status; "" is none, as a run did not have it.
type Stage struct {
	ID            lyncdiag.StageID
	Title         string
	Before, After lyncdiag.Status
	Reason        string // of the later status
}

// Runs compares earlier with later runs, target by target. Of several reports of
// one target the one that was begun last counts. One report on either side are
// compared even if they are about different targets.
func Runs(before, after []*lyncdiag.Report) *Difference {
	before, after = Latest(before), Latest(after)
	d := &Difference{}
	if len(before) == 1 && len(after) == 1 {
		d.Targets = append(d.Targets, both(before[0], after[0]))
		return d
	}
	then, now := byTarget(before), byTarget(after)
	for _, a := range after {
		b := then[identity(a.Target)]
		if b == nil {
			d.Targets = append(d.Targets, added(a))
			continue
		}
		d.Targets = append(d.Targets, both(b, a))
	}
	for _, b := range before {
		if now[identity(b.Target)] == nil {
			d.Targets = append(d.Targets, missing(b))
		}
	}
	return d
}

// ExitCode is 1 where a finding at or above failOn (failure, warning, unknown or
// never) is new, else 0. To unknown, what is Unknown counts, and a verdict that
// is undecided now and was not.
func (d *Difference) ExitCode(failOn string) int {
	for _, t := range d.Targets {
		if failOn == "unknown" && t.After != nil && t.After.Verdict.Outcome == lyncdiag.Undecided && (t.Before == nil || t.Before.Verdict.Outcome != lyncdiag.Undecided) {
			return 1
		}
		for _, f := range t.Findings {
			switch {
			case failOn == "never":
			case f.New && f.Severity == kb.Failure,
				f.New && f.Severity == kb.Warning && failOn != "failure",
				f.Status == Unknown && f.Severity != kb.Info && failOn == "unknown":
				return 1
			}
		}
	}
	return 0
}

// Baseline is what earlier runs found. It serves any number of reports, and
// several goroutines.
type Baseline struct {
	of    map[string]*lyncdiag.Report
	notes []string
}

// NewBaseline takes reports, and what is to be known of them in words. Of several
// of one target the one that was begun last counts.
func NewBaseline(reports []*lyncdiag.Report, notes []string) *Baseline {
	return &Baseline{byTarget(Latest(reports)), notes}
}

// Mark marks the findings of a report that the baseline has of the same target and
// no less severe, and says in the report what it was held against.
func (b *Baseline) Mark(r *lyncdiag.Report) {
	r.Baseline = &lyncdiag.Baseline{Notes: b.notes}
	then := b.of[identity(r.Target)]
	if then == nil {
		return
	}
	r.Baseline.Found, r.Baseline.Started = true, then.Started
	for i, j := range pairs(then.Findings, r.Findings) {
		if j >= 0 && !worse(then.Findings[j], r.Findings[i]) {
			r.Findings[i].Known = true
		}
	}
}

// Latest are the reports without those of a target of which there is a later
// one, in their order.
func Latest(list []*lyncdiag.Report) []*lyncdiag.Report {
	at := map[string]int{}
	var out []*lyncdiag.Report
	for _, r := range list {
		i, ok := at[identity(r.Target)]
		switch {
		case !ok:
			at[identity(r.Target)] = len(out)
			out = append(out, r)
		case !r.Started.Before(out[i].Started):
			out[i] = r
		}
	}
	return out
}

func byTarget(list []*lyncdiag.Report) map[string]*lyncdiag.Report {
	of := make(map[string]*lyncdiag.Report, len(list))
	for _, r := range list {
		of[identity(r.Target)] = r
	}
	return of
}

// identity is what makes two targets one: the address in its wire form, else
// the domain.
func identity(t lyncdiag.Target) string {
	return strings.ToLower(cmp.Or(t.WireAddress(), t.Domain, t.UserName))
}

// pairs gives for each finding of now the place of its like among those of then,
// -1 for none. Each is taken once.
func pairs(then, now []lyncdiag.Finding) []int {
	places := map[string][]int{}
	for i, f := range then {
		key := like(f)
		places[key] = append(places[key], i)
	}
	list := make([]int, len(now))
	for i, f := range now {
		list[i] = -1
		if free := places[like(f)]; len(free) > 0 {
			list[i], places[like(f)] = free[0], free[1:]
		}
	}
	return list
}

func like(f lyncdiag.Finding) string { return f.Name + " " + strings.ToLower(f.About()) }

// worse reports whether a finding is more severe than it was.
func worse(then, now lyncdiag.Finding) bool { return rank(now) < rank(then) }

// rank puts severities of later versions last.
func rank(f lyncdiag.Finding) int {
	ranks := []kb.Severity{kb.Failure, kb.Warning, kb.Info}
	if i := slices.Index(ranks, f.Severity); i >= 0 {
		return i
	}
	return len(ranks)
}

// counts reports whether a finding can be New.
func counts(f lyncdiag.Finding) bool {
	return (f.Severity == kb.Failure || f.Severity == kb.Warning) && !f.Silenced()
}

func added(a *lyncdiag.Report) Target {
	t := Target{Presence: OnlyAfter, After: a}
	for _, f := range a.Findings {
		t.Findings = append(t.Findings, Finding{Finding: f, Status: Appeared, New: counts(f)})
	}
	return t
}

func missing(b *lyncdiag.Report) Target {
	t := Target{Presence: OnlyBefore, Before: b}
	for _, f := range b.Findings {
		t.Findings = append(t.Findings, Finding{Finding: f, Status: Unknown, Why: "there is no later report of this target"})
	}
	return t
}

func both(b, a *lyncdiag.Report) Target {
	t := Target{Presence: InBoth, Before: b, After: a, Stages: stages(b.Stages, a.Stages)}
	taken := make([]bool, len(b.Findings))
	var rest []Finding
	for i, j := range pairs(b.Findings, a.Findings) {
		now := a.Findings[i]
		if j < 0 {
			t.Findings = append(t.Findings, Finding{Finding: now, Status: Appeared, New: counts(now)})
			continue
		}
		taken[j] = true
		changes := changesOf(b.Findings[j], now)
		if len(changes) == 0 {
			t.Same++
			continue
		}
		rest = append(rest, Finding{Finding: now, Status: Changed, New: worse(b.Findings[j], now) && counts(now), Changes: changes})
	}
	for j, then := range b.Findings {
		if taken[j] {
			continue
		}
		f := Finding{Finding: then, Status: Unknown}
		again, why := lookedAgain(then, b, a)
		if again {
			f.Status = Gone
		}
		f.Why = why
		rest = append(rest, f)
	}
	for _, s := range []Status{Gone, Changed, Unknown} {
		for _, f := range rest {
			if f.Status == s {
				t.Findings = append(t.Findings, f)
			}
		}
	}
	return t
}

// changesOf are severity, confidence and cause, then the evidence in its order.
func changesOf(then, now lyncdiag.Finding) []Change {
	var list []Change
	add := func(key string, evidence bool, before, after string) {
		if before != after {
			list = append(list, Change{key, evidence, before, after})
		}
	}
	add("severity", false, string(then.Severity), string(now.Severity))
	add("confidence", false, string(cmp.Or(then.Confidence, lyncdiag.Confirmed)), string(cmp.Or(now.Confidence, lyncdiag.Confirmed)))
	add("causedBy", false, then.CausedBy, now.CausedBy)
	var seen []string
	for _, e := range slices.Concat(then.Evidence, now.Evidence) {
		if !slices.Contains(seen, e.Key) {
			seen = append(seen, e.Key)
			if values(then, e.Key, folded) != values(now, e.Key, folded) {
				add(e.Key, true, values(then, e.Key, asSeen), values(now, e.Key, asSeen))
			}
		}
	}
	return list
}

// values are those of a key, sorted: which of several servers answered first
// changes nothing.
func values(f lyncdiag.Finding, key string, of func(fact.Evidence) string) string {
	var list []string
	for _, e := range f.Evidence {
		if e.Key == key {
			list = append(list, of(e))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}

func asSeen(e fact.Evidence) string { return e.Value }

// folded is a value without the case of names: how somebody types an address or a
// server writes a host changes nothing.
func folded(e fact.Evidence) string {
	if e.Class == fact.UserText || e.Class == fact.HostText || e.Class == fact.URLText {
		return strings.ToLower(e.Value)
	}
	return e.Value
}

// stages are those whose status is another, in the order of the later run.
// Several of one id, as two logs, are told by their place.
func stages(then, now []lyncdiag.StageResult) []Stage {
	var list []Stage
	used := make([]bool, len(then))
	for _, s := range now {
		change := Stage{ID: s.ID, Title: s.Title, After: s.Status, Reason: s.Reason}
		for i, o := range then {
			if !used[i] && o.ID == s.ID {
				used[i], change.Before = true, o.Status
				break
			}
		}
		if change.Before != change.After {
			list = append(list, change)
		}
	}
	for i, o := range then {
		if !used[i] {
			list = append(list, Stage{ID: o.ID, Title: o.Title, Before: o.Status})
		}
	}
	return list
}
