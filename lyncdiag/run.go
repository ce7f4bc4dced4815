package lyncdiag

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// DefaultTimeout bounds a run, DefaultExchange one exchange of packets with
// one host.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultExchange = 5 * time.Second
)

// Source brings facts that are not probed for: a log, a bundle, an export of
// the directory, answers of a person.
type Source interface {
	Name() string // becomes the id of its entry among the report's stages
	Collect(ctx context.Context, t Target, f *fact.Facts) error
}

// Diagnoser runs a diagnosis. The zero value probes the real network with the
// default plan and rules and knows nothing else.
type Diagnoser struct {
	Network *Network          // nil: the zero Network, which is the real one
	Setting fact.Setting      // what is known about deployment, client and place
	Plan    Plan              // nil: DefaultPlan
	Rules   []Rule            // nil: DefaultRules
	Sources []Source          // read before the first stage starts
	Offline bool              // no packet leaves
	Timeout time.Duration     // the whole run; 0: DefaultTimeout
	Log     *slog.Logger      // nil: nothing is logged
	Observe func(StageResult) // told of each stage as it starts (Status "") and ends; may be nil

	// Credentials of the user, taken once and sent once, to the service that
	// checks the password. Without a user name the target's own is sent. nil:
	// the stages that need them are skipped.
	Credentials adfs.Credentials
	// Keep is told what a run sees and facts leave out: chains as they were shown, and
	// answers over HTTP. It may be called from several goroutines at once. nil: nobody
	// is told.
	Keep    func(Kept)
	Windows bool // prove the password to AD FS by Windows authentication
}

// Run diagnoses one target. It always returns a report unless the Diagnoser
// itself is unusable (an invalid plan or rule), which is the only error: what
// is wrong with the system under diagnosis is in the report.
func (d *Diagnoser) Run(ctx context.Context, t Target) (*Report, error) {
	_, report, err := d.run(ctx, t)
	return report, err
}

// Facts is Run that also hands out the blackboard, to record it (see
// fact.Encode) or to compare.
func (d *Diagnoser) Facts(ctx context.Context, t Target) (*fact.Facts, *Report, error) {
	return d.run(ctx, t)
}

func (d *Diagnoser) run(ctx context.Context, t Target) (*fact.Facts, *Report, error) {
	plan, rules := d.Plan, d.Rules
	if plan == nil {
		plan = DefaultPlan()
	}
	if rules == nil {
		rules = DefaultRules()
	}
	if err := errors.Join(plan.Validate(), validateRules(rules)); err != nil {
		return nil, nil, fmt.Errorf("lyncdiag: check plan and rules: %w", err)
	}
	network := d.Network
	if network == nil {
		network = &Network{}
	}
	now := network.now
	facts := fact.New()
	report := &Report{Target: t, Setting: d.Setting, Started: now().UTC(), Complete: true}

	fact.Put(facts, fact.TargetKey, t, fact.Origin{Kind: network.Origin()})
	fact.Put(facts, fact.StartedKey, report.Started, fact.Origin{Kind: network.Origin()})
	fact.Put(facts, fact.SettingKey, d.Setting, fact.Origin{Kind: network.Origin()})

	timeout := d.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the run's time-out of %v is over", timeout))
	defer cancel()

	run := &runner{Diagnoser: d, facts: facts, now: now, started: report.Started}
	for _, s := range d.Sources {
		report.Stages = append(report.Stages, run.source(ctx, t, s))
	}
	setting := d.Setting
	if place := said(facts, "location"); setting.Location == "" && place != "" {
		setting.Location = place
		fact.Put(facts, fact.SettingKey, setting, fact.Origin{Kind: network.Origin()})
		report.Setting = setting
	}
	if roots := network.publicRoots(); len(roots) > 0 {
		fact.Put(facts, fact.PublicRootsKey, roots, fact.Origin{Kind: network.Origin()})
	}
	env := &Env{Facts: facts, Target: t, Setting: setting, Network: network, wire: newWire(ctx, network, d.Log),
		credentials: d.Credentials, windows: d.Windows, federationConns: plan.federationConns(setting)}
	if d.Keep != nil {
		env.wire.keepWith(d.Keep)
	}
	if !d.Offline && (plan.has(stageRevocation) || d.Credentials != nil && plan.credentialed()) {
		env.wire.askAuthorities()
	}
	report.Stages = append(report.Stages, run.stages(ctx, plan, env)...)
	env.wire.close()
	report.Complete = !run.cut

	Judge(report, facts, rules)
	report.Duration = now().Sub(report.Started)
	return facts, report, nil
}

// Again judges a recorded run once more, with what the Diagnoser's sources add and
// by its rules. Nothing is sent. Of the report, target, setting, times, Complete
// and Stages are taken.
func (d *Diagnoser) Again(ctx context.Context, facts *fact.Facts, recorded *Report) *Report {
	report := &Report{Target: recorded.Target, Setting: recorded.Setting, Started: recorded.Started, Duration: recorded.Duration, Complete: recorded.Complete}
	run := &runner{Diagnoser: d, facts: facts, now: time.Now}
	for _, s := range d.Sources {
		report.Stages = append(report.Stages, run.source(ctx, recorded.Target, s))
	}
	report.Stages = append(report.Stages, recorded.Stages...)
	Judge(report, facts, d.Rules)
	return report
}

// Judge fills a report's rules, findings and verdict from facts; nil rules are
// DefaultRules. It sends nothing; recorded facts can be judged again by a newer
// version.
func Judge(report *Report, facts *fact.Facts, rules []Rule) {
	if rules == nil {
		rules = DefaultRules()
	}
	var found []Finding
	report.Rules = report.Rules[:0]
	for _, r := range rules {
		result, emitted := evaluate(r, facts)
		report.Rules = append(report.Rules, result)
		found = append(found, emitted...)
	}
	position := map[StageID]int{}
	for i, s := range report.Stages {
		position[s.ID] = i
	}
	if f, ok := escalation(report, facts, found); ok {
		found = append(found, f)
	}
	report.Findings = arrange(found, position)
	grade(report.Stages, report.Findings)
	report.Experiment = experiment(facts, report.Findings)
	report.Walk, _, _ = fact.Get(facts, fact.WalkKey)
	report.Bundle = nil
	for _, files := range fact.All(facts, fact.BundleKey) {
		report.Bundle = append(report.Bundle, files...)
	}
	report.Records, report.Hosts = Records(facts), hostsSeen(facts)
	report.Verdict = conclude(report, facts)
}

// evaluate runs one rule. A rule that panics becomes an errored entry and its
// findings are dropped: half a judgement is none.
func evaluate(r Rule, facts *fact.Facts) (result RuleResult, found []Finding) {
	result = RuleResult{ID: r.ID, Status: RuleClear}
	for _, name := range r.Needs {
		if !facts.Has(name) {
			result.Missing = append(result.Missing, name)
		}
	}
	if len(result.Missing) > 0 {
		result.Status = RuleUnknown
		return result, nil
	}
	defer func() {
		if p := recover(); p != nil {
			result.Status, result.Error, found = RuleErrored, fmt.Sprint(p), nil
		}
	}()
	var errs *multierror.Error
	r.Eval(facts, func(f Finding) {
		f.Rule = r.ID
		if err := complete(&f, r); err != nil {
			errs = multierror.Append(errs, err)
			return
		}
		found = append(found, f)
	})
	if errs != nil {
		result.Status, result.Error = RuleErrored, errs.Error()
		return result, found
	}
	if len(found) > 0 {
		result.Status = RuleFired
	}
	return result, found
}

type runner struct {
	*Diagnoser
	facts *fact.Facts
	now   func() time.Time
	mu    sync.Mutex
	cut   bool // the run was cut short

	started time.Time
}

func (r *runner) tell(s StageResult) {
	if r.Observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Observe(s)
}

// source reads one input; whatever it does wrong ends in its own entry.
func (r *runner) source(ctx context.Context, t Target, s Source) StageResult {
	result := StageResult{ID: StageID(s.Name()), Title: inputTitle(s.Name()), Status: Passed, Input: true}
	start := r.now()
	r.tell(StageResult{ID: result.ID, Title: result.Title})
	if err := guarded(func() error { return s.Collect(ctx, t, r.facts) }); err != nil {
		result.Status, result.Reason = Errored, err.Error()
	} else if result.ID == "directory" {
		result.Reason = sumDirectory(r.facts)
	} else if result.ID == clientStage {
		result.Reason = sumClient(r.facts)
	}
	result.Began, result.Duration = start.Sub(r.started), r.now().Sub(start)
	r.tell(result)
	return result
}

// inputTitle is an input's name as a title: "answers" becomes "Answers".
func inputTitle(name string) string {
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// stages runs the plan: each stage in its own goroutine as soon as its needs
// have ended, results in the plan's order.
func (r *runner) stages(ctx context.Context, plan Plan, env *Env) []StageResult {
	results := make([]StageResult, len(plan))
	done := make(map[StageID]chan struct{}, len(plan))
	index := make(map[StageID]int, len(plan))
	for i, s := range plan {
		done[s.ID], index[s.ID] = make(chan struct{}), i
	}
	var wg sync.WaitGroup
	for i, s := range plan {
		wg.Go(func() {
			defer close(done[s.ID])
			for _, other := range slices.Concat(s.Needs, s.After) {
				<-done[other]
			}
			var unmet *StageResult
			for _, need := range s.Needs {
				if n := &results[index[need]]; !n.met() && unmet == nil {
					unmet = n
				}
			}
			results[i] = r.stage(ctx, s, env, unmet)
		})
	}
	wg.Wait()
	return results
}

// met reports whether stages that need this one can work.
func (s *StageResult) met() bool {
	return s.Status == Passed || s.Status == Warned || s.Skip == SkipSatisfied
}

func (r *runner) stage(ctx context.Context, s Stage, env *Env, unmet *StageResult) StageResult {
	result := StageResult{ID: s.ID, Title: s.Title}
	if skip := r.skip(ctx, s, unmet); skip != nil {
		result.Status, result.Skip, result.Reason = Skipped, skip.Reason, skip.Detail
		r.tell(result)
		return result
	}
	r.tell(result)
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("the stage's time-out of %v is over", s.Timeout))
		defer cancel()
	}
	start := r.now()
	err := guarded(func() error { return s.Probe(ctx, env) })
	result.Began, result.Duration = start.Sub(r.started), r.now().Sub(start)
	obstacle, observed := asObstacle(err)
	switch {
	case err == nil:
		result.Status = Passed
		if s.Summary != nil {
			result.Reason = s.Summary(r.facts)
		}
	case observed:
		result.Status, result.Reason = Failed, obstacle.Detail
		if obstacle.Soft {
			result.Status = Warned
		}
	default:
		result.Status, result.Reason = Errored, err.Error()
		if over(ctx) {
			result.Reason = cut(ctx).Error()
			r.mu.Lock()
			r.cut = true
			r.mu.Unlock()
		}
	}
	r.tell(result)
	return result
}

func (r *runner) skip(ctx context.Context, s Stage, unmet *StageResult) *Skip {
	if ctx.Err() != nil {
		r.mu.Lock()
		r.cut = true
		r.mu.Unlock()
		return &Skip{SkipCancelled, context.Cause(ctx).Error()}
	}
	if s.satisfied(r.facts) {
		return &Skip{SkipSatisfied, "an input already holds the answer"}
	}
	if r.Offline && !s.Local {
		return &Skip{SkipOffline, "offline was asked for: nothing was sent"}
	}
	if s.Applies != nil {
		if skip := s.Applies(r.facts); skip != nil {
			return skip
		}
	}
	if s.Credentialed && r.Credentials == nil {
		return &Skip{SkipNotPermitted, "no credentials were given"}
	}
	if unmet != nil {
		return &Skip{SkipNeeds, unmet.Title + " did not pass"}
	}
	return nil
}

func (s Stage) satisfied(f *fact.Facts) bool {
	for _, name := range s.Provides {
		if !f.Has(name) {
			return false
		}
	}
	return len(s.Provides) > 0
}

// guarded turns a panic into an error, so that one broken probe or input
// does not cost the report.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v (a bug of lyncdiag: please report it)", p)
		}
	}()
	return f()
}
