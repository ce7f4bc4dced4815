package lyncdiag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// StageID names a stage, for example "adfs.mex".
type StageID string

// Stage is one step of the sign-in chain.
type Stage struct {
	ID       StageID
	Title    string
	Source   kb.Citation
	Needs    []StageID                         // must have passed, else this one is skipped
	After    []StageID                         // must have ended, well or not
	Provides []fact.Name                       // skipped as satisfied when an input already put all of them
	Local    bool                              // sends nothing: runs offline too
	Timeout  time.Duration                     // 0: bounded by the run's time-out alone
	Applies  func(*fact.Facts) *Skip           // nil: always
	Probe    func(context.Context, *Env) error // observes and puts facts; an *Obstacle fails the stage
	Summary  func(*fact.Facts) (reason string) // what was seen, for a stage that passed; may be nil

	Credentialed bool // sends credentials: skipped without any
}

// Obstacle is an observation that keeps the stages behind from working, such
// as a host that does not answer. Any other error of a Probe means that the
// tool could not do its work.
type Obstacle struct {
	Detail string
	Soft   bool // there is another way: the stage is warned and not failed
}

func (o *Obstacle) Error() string { return o.Detail }

// SkipReason says why a stage did not run.
type SkipReason string

// The reasons to skip a stage.
const (
	SkipNeeds         SkipReason = "needs"
	SkipNotApplicable SkipReason = "not-applicable"
	SkipSatisfied     SkipReason = "satisfied"
	SkipNoInput       SkipReason = "no-input"
	SkipNotPermitted  SkipReason = "not-permitted"
	SkipOffline       SkipReason = "offline"
	SkipCancelled     SkipReason = "cancelled"
)

// Skip is a reason with its detail in words.
type Skip struct {
	Reason SkipReason
	Detail string
}

// Plan is the stages in the order of the report. Stages that do not need each
// other run at the same time.
type Plan []Stage

// Validate reports every stage without id or probe, double ids, and needs that
// no earlier stage satisfies (which also rules out cycles).
func (p Plan) Validate() error {
	var errs *multierror.Error
	seen := map[StageID]bool{}
	for i, s := range p {
		if s.ID == "" || s.Probe == nil {
			errs = multierror.Append(errs, fmt.Errorf("stage %d (%q): id and probe are required", i, s.ID))
		}
		if seen[s.ID] {
			errs = multierror.Append(errs, fmt.Errorf("stage %q: declared twice", s.ID))
		}
		for _, need := range slices.Concat(s.Needs, s.After) {
			if !seen[need] {
				errs = multierror.Append(errs, fmt.Errorf("stage %q: needs %q, which no earlier stage is", s.ID, need))
			}
		}
		seen[s.ID] = true
	}
	return errs.ErrorOrNil()
}

// Only returns the stages named and those they need, in the plan's order.
func (p Plan) Only(ids ...StageID) Plan {
	wanted := map[StageID]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var list Plan
	for _, s := range slices.Backward(p) { // needs stand before what needs them
		if !wanted[s.ID] {
			continue
		}
		for _, need := range s.Needs {
			wanted[need] = true
		}
		list = append(list, s)
	}
	slices.Reverse(list)
	for i := range list {
		list[i].After = slices.DeleteFunc(slices.Clone(list[i].After), func(id StageID) bool { return !wanted[id] })
	}
	return list
}

// RuleID names a rule.
type RuleID string

// Rule reads facts and emits findings. Reads and Emits are declarations: a
// test compares them with what Eval really does.
type Rule struct {
	ID     RuleID
	Source kb.Citation
	Needs  []fact.Name // without any one of these the rule's answer is unknown
	Reads  []fact.Name // may be used as well
	Emits  []string    // names of findings
	Eval   func(*fact.Facts, Emit)
}

// Emit hands a finding to the report.
type Emit func(Finding)

// validate reports rules with double or empty ids, unknown findings in Emits.
func validateRules(rules []Rule) error {
	var errs *multierror.Error
	seen := map[RuleID]bool{}
	for i, r := range rules {
		if r.ID == "" || r.Eval == nil {
			errs = multierror.Append(errs, fmt.Errorf("rule %d (%q): id and eval are required", i, r.ID))
		}
		if seen[r.ID] {
			errs = multierror.Append(errs, fmt.Errorf("rule %q: declared twice", r.ID))
		}
		seen[r.ID] = true
		for _, name := range r.Emits {
			if _, ok := kb.Lookup(name); !ok {
				errs = multierror.Append(errs, fmt.Errorf("rule %q: emits %q, which is not in the catalogue", r.ID, name))
			}
		}
	}
	return errs.ErrorOrNil()
}

// asObstacle tells an observation from an error of the tool.
func asObstacle(err error) (*Obstacle, bool) {
	var o *Obstacle
	ok := errors.As(err, &o)
	return o, ok
}
