package lyncdiag

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Report is the whole diagnosis. It is always complete enough to read, even
// when the run was not (see Complete).
type Report struct {
	Target   Target
	Setting  fact.Setting
	Started  time.Time
	Duration time.Duration
	Complete bool          // false: the run was cut short; Stages say where
	Stages   []StageResult // in the order of the plan
	Rules    []RuleResult  // in the order of the rules
	Findings []Finding     // root causes first
	Verdict  Verdict
	// Experiment is the article's test of the two ways to configure a client.
	Experiment Experiment
	// Walk is the way through Autodiscover, hop by hop; nil where nobody went it.
	Walk *dnscheck.Walk
	// Bundle are the files of the support bundles that were given, read or not.
	Bundle []fact.BundleFile
	// Records are those of the domain, each against what is needed; see the function
	// Records. They are shared and must not be changed.
	Records []dnscheck.Check
	// Hosts are those that were looked at, as far as they were: address, port, chain.
	Hosts []fact.Endpoint
	// Suppressions are those that were applied, in their order.
	Suppressions []Suppressed
	// Baseline is what findings were held against; nil: nothing.
	Baseline *Baseline
}

// Suppression silences findings of one name: they stay in the report and out of
// ExitCode. The zero value silences nothing.
type Suppression struct {
	Finding string // name
	// Target is a host, domain, address or record that the finding must be about, in
	// any case, with * for any letters; "" is every one.
	Target string
	Until  time.Time // zero: for good
}

// String is NAME or NAME=TARGET.
func (s Suppression) String() string {
	if s.Target == "" {
		return s.Finding
	}
	return s.Finding + "=" + s.Target
}

// Suppressed is what became of a Suppression.
type Suppressed struct {
	Suppression
	Expired bool // its time was over, so that it silenced nothing
	Count   int  // of the findings that it silenced; those that they explain do not count
}

// Baseline is an earlier run whose findings are known.
type Baseline struct {
	Found   bool      // false: it has no report of this target, and nothing is known
	Started time.Time // of its run; zero: unknown
	Notes   []string  // what is to be known of how it was read, in words
}

// Primary is the finding that Verdict.Primary names; ok is false when there is
// no failure.
func (r *Report) Primary() (f Finding, ok bool) {
	for _, f := range r.Findings {
		if f.Name == r.Verdict.Primary && f.CausedBy == "" {
			return f, true
		}
	}
	return Finding{}, false
}

// Status is how a stage ended.
type Status string

// A stage that found a problem is Failed or Warned; one that could not do its
// work is Errored; Unknown looked and could not tell.
const (
	Passed  Status = "passed"
	Warned  Status = "warned"
	Failed  Status = "failed"
	Errored Status = "errored"
	Skipped Status = "skipped"
	Unknown Status = "unknown"
)

// InputStage is the entry of a target that could not be read, in a report in
// which nothing was looked at.
const InputStage StageID = "input"

// StageResult is what became of a stage.
type StageResult struct {
	ID       StageID
	Title    string
	Status   Status
	Reason   string        // what was seen, or why it did not pass, in words
	Finding  string        // name of the root finding that warned or failed it; "" when none did
	Skip     SkipReason    // set when Status is Skipped
	Input    bool          // a source that was read, not a link of the chain
	Began    time.Duration // since the start of the run; 0 for a stage that did not run
	Duration time.Duration // 0 for a stage that did not run
}

// RuleStatus is how a rule ended.
type RuleStatus string

// A rule fires, is clear, lacks facts, or broke.
const (
	RuleFired   RuleStatus = "fired"
	RuleClear   RuleStatus = "clear"
	RuleUnknown RuleStatus = "unknown"
	RuleErrored RuleStatus = "errored"
)

// RuleResult is what became of a rule.
type RuleResult struct {
	ID      RuleID
	Status  RuleStatus
	Missing []fact.Name // the facts it lacked, when unknown
	Error   string      // when errored
}

// Outcome is the verdict in one word.
type Outcome string

// Problem if and only if there is a failure; Undecided when there is none and
// something of the chain could not be looked at, or a said failure is not
// explained.
const (
	Healthy   Outcome = "healthy"
	Problem   Outcome = "problem"
	Undecided Outcome = "unknown"
)

// Verdict is the answer to "why can this user not sign in?".
type Verdict struct {
	Outcome   Outcome
	Types     []kb.Type  // types of the failures, else what scope, message and tree leave
	Primary   string     // name of the first root failure, "" without one
	Summary   string     // one sentence
	Path      []Visit    // the identity tree as far as it is known
	Questions []Question // whose answers would narrow the verdict
	Next      []string   // command lines, or people to turn to

	unseen bool // beside the failures, a link of the chain could not be looked at
}

// Question is one the article asks; see kb.Question.
type Question = kb.Question
