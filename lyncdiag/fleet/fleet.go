// Package fleet diagnoses many targets: so many at a time, with regard for the
// servers that all of them lead to, and with a journal from which a run that
// was killed goes on. Nothing is lost and nothing done twice.
//
// A [Fleet] takes jobs from an iterator and gives results as another one.
// [ReadAddresses] and [ReadDomains] make jobs of a list or a CSV export,
// [OpenJournal] opens the journal, and [Limit] bounds what one server has to
// bear.
package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// DefaultConcurrency is how many targets are looked at at a time.
const DefaultConcurrency = 4

// sharedAge bounds the age of answers that targets share. A minute is what a
// change of a record may lag behind, and more than enough for what every target
// asks for.
const sharedAge = time.Minute

// Job is one target.
type Job struct {
	// Key names the job in the journal. A job whose key has come before in the
	// same run is left out. "": the job's position is its key.
	Key    string
	Line   int // of the input; 0: it does not come from a file
	Target lyncdiag.Target
}

// LineError is a line of the input that is no target. Any other error of an
// iterator of jobs ends the run; this one becomes a result.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// Result is what became of one job. The fields with a name in JSON are kept in
// the journal.
type Result struct {
	Key      string           `json:"key"`
	Line     int              `json:"line"`
	Outcome  lyncdiag.Outcome `json:"outcome"`
	Primary  string           `json:"primary"`  // name of the first root failure, "" without one
	Findings []string         `json:"findings"` // names, each once, root causes first
	Silenced []string         `json:"silenced"` // those of them that are suppressed or known wherever the target has them
	Complete bool             `json:"complete"` // false: cut short by a time-out, or the line was no target
	ExitCode int              `json:"exitCode"` // of Fleet.Document
	Document json.RawMessage  `json:"document"` // of Fleet.Document

	Target  lyncdiag.Target  `json:"-"`
	Report  *lyncdiag.Report `json:"-"` // nil when Resumed
	Resumed bool             `json:"-"` // taken from the journal
}

// Fleet says how to look at many targets. The zero value looks at four at a
// time, as a zero lyncdiag.Diagnoser does.
type Fleet struct {
	Diagnoser   *lyncdiag.Diagnoser // its Timeout is each target's; nil: the zero Diagnoser
	Concurrency int                 // targets at a time; 0: DefaultConcurrency
	Ordered     bool                // results in the order of the jobs; false: as they come
	Limit       *Limit              // what one server has to bear; nil: no limit
	Journal     *Journal            // nil: none is kept
	// Records, when set, is asked for the four records of each target's domain, and
	// nothing else is looked at: Concurrency and Limit are then without effect, as
	// the batch has its own bounds.
	Records *dnscheck.Batch
	// Document makes the JSON that the journal keeps of a result and that is
	// handed on with it, and its exit code; it may mark findings of the report, as
	// package compare does. It is called from several goroutines. nil: null, and the
	// exit code of lyncdiag.ExitCode.
	Document func(*fact.Facts, *lyncdiag.Report) (json.RawMessage, int, error)
}

// Run looks at every job once and yields a result for each. What the journal
// holds already is yielded as it was found then. A result is in the journal, on
// the disk, before it is yielded.
//
// The error, which comes last, is that of the jobs, of the journal or of the
// Diagnoser. When ctx ends, jobs that are under way are given up: they are
// neither yielded nor in the journal, and no error is yielded for them.
func (f *Fleet) Run(ctx context.Context, jobs iter.Seq2[Job, error]) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		r := f.start(ctx, jobs)
		defer r.finish()
		defer cancel() // before finish, as deferred functions run in reverse
		r.collect(yield)
	}
}

// run is one run of a fleet.
type run struct {
	*Fleet
	diagnoser lyncdiag.Diagnoser
	network   lyncdiag.Network
	window    chan struct{} // bounds results that wait for their turn
	slots     chan struct{} // bounds targets at a time
	done      chan ended
	wg        sync.WaitGroup

	mu     sync.Mutex
	shared *dnscheck.Cache
	since  time.Time
}

// ended is a job that has come to its end.
type ended struct {
	index  int
	result Result
	cut    bool  // given up, as ctx ended
	err    error // ends the run
}

func (f *Fleet) start(ctx context.Context, jobs iter.Seq2[Job, error]) *run {
	n := f.Concurrency
	if n <= 0 {
		n = DefaultConcurrency
	}
	window := 4*n + 64
	if f.Records != nil {
		window = recordsWindow
	}
	r := &run{Fleet: f, window: make(chan struct{}, window), slots: make(chan struct{}, n), done: make(chan ended, n)}
	if f.Diagnoser != nil {
		r.diagnoser = *f.Diagnoser
	}
	if r.diagnoser.Network != nil {
		r.network = *r.diagnoser.Network
	}
	if r.network.Login == nil {
		r.network.Login = new(lyncdiag.ProxyLogin)
	}
	if door := r.network; !f.Limit.off() {
		r.network.Dial = f.Limit.dial(door.DialContext)
	}
	work := r.diagnose
	if f.Records != nil {
		work = r.records
	}
	r.wg.Go(func() {
		if err := work(ctx, jobs); err != nil {
			r.done <- ended{index: -1, err: err}
		}
	})
	go func() {
		r.wg.Wait()
		close(r.done)
	}()
	return r
}

// dispatch answers the jobs that the journal knows and those that are none, and
// starts the others, until they, ctx or start end.
func (r *run) dispatch(ctx context.Context, jobs iter.Seq2[Job, error], start func(index int, job Job) (more bool)) error {
	seen := map[string]bool{}
	position, index := 0, 0
	for job, err := range jobs {
		bad := new(LineError)
		if err != nil && !errors.As(err, &bad) {
			return err
		}
		position++
		if job.Key == "" {
			job.Key = fmt.Sprintf("#%d", position)
		}
		if seen[job.Key] {
			continue
		}
		seen[job.Key] = true
		if !enter(ctx, r.window) {
			return nil
		}
		known, err := r.answered(index, job, err)
		if err != nil {
			return err
		}
		if !known && !start(index, job) {
			return nil
		}
		index++
	}
	return nil
}

func enter(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// answered answers a job from the journal, or one that is no target.
func (r *run) answered(index int, job Job, bad error) (bool, error) {
	known, ok, err := r.Journal.find(job.Key)
	switch {
	case err != nil:
		return false, err
	case ok:
		known.Target, known.Resumed = job.Target, true
		r.done <- ended{index: index, result: known}
	case bad != nil:
		e := ended{index: index}
		e.result, e.err = r.refuse(job, bad)
		r.done <- e
	default:
		return false, nil
	}
	return true, nil
}

// diagnose starts a diagnosis of each job when it can.
func (r *run) diagnose(ctx context.Context, jobs iter.Seq2[Job, error]) error {
	return r.dispatch(ctx, jobs, func(index int, job Job) bool {
		if !enter(ctx, r.slots) {
			return false
		}
		fare, err := r.Limit.admit(ctx)
		if err != nil {
			return false // ctx is over
		}
		r.wg.Go(func() {
			defer func() { <-r.slots }()
			defer r.Limit.leave(fare)
			e := ended{index: index}
			e.result, e.cut, e.err = r.look(withFare(ctx, fare), job)
			r.done <- e
		})
		return true
	})
}

// look diagnoses one target.
func (r *run) look(ctx context.Context, job Job) (result Result, cut bool, err error) {
	network := r.network
	network.Cache = r.answers()
	d := r.diagnoser
	d.Network = &network
	facts, report, err := d.Facts(ctx, job.Target)
	if err != nil {
		return Result{}, false, err
	}
	if ctx.Err() != nil && !report.Complete {
		return Result{}, true, nil
	}
	result, err = r.result(job, facts, report)
	return result, false, err
}

// answers is the cache of resolvers' answers that targets share now. A new one
// takes its place from time to time, which bounds age and size.
func (r *run) answers() *dnscheck.Cache {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shared == nil || r.now().Sub(r.since) >= sharedAge {
		r.shared, r.since = new(dnscheck.Cache), r.now()
	}
	return r.shared
}

func (r *run) now() time.Time {
	if r.network.Now != nil {
		return r.network.Now()
	}
	return time.Now()
}

// refuse makes a result of a line that is no target: a report in which nothing
// was looked at.
func (r *run) refuse(job Job, bad error) (Result, error) {
	stage := lyncdiag.StageResult{ID: lyncdiag.InputStage, Title: "Input", Status: lyncdiag.Errored, Reason: bad.Error(), Input: true}
	return r.result(job, fact.New(), &lyncdiag.Report{
		Target: job.Target, Setting: r.diagnoser.Setting, Started: r.now().UTC(), Stages: []lyncdiag.StageResult{stage},
		Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Undecided, Summary: bad.Error()},
	})
}

func (r *run) result(job Job, facts *fact.Facts, report *lyncdiag.Report) (Result, error) {
	result := Result{Key: job.Key, Line: job.Line, Target: job.Target, Report: report, Findings: []string{}, Silenced: []string{}}
	if r.Document == nil {
		result.Document, result.ExitCode = json.RawMessage("null"), lyncdiag.ExitCode(report, "failure")
	} else {
		var err error
		if result.Document, result.ExitCode, err = r.Document(facts, report); err != nil {
			return result, fmt.Errorf("fleet: write document of %s: %w", job.Key, err)
		}
	}
	result.Outcome, result.Primary, result.Complete = report.Verdict.Outcome, report.Verdict.Primary, report.Complete
	alarms := map[string]bool{}
	for _, x := range report.Findings {
		if !slices.Contains(result.Findings, x.Name) {
			result.Findings = append(result.Findings, x.Name)
		}
		alarms[x.Name] = alarms[x.Name] || !x.Silenced()
	}
	for _, name := range result.Findings {
		if !alarms[name] {
			result.Silenced = append(result.Silenced, name)
		}
	}
	return result, nil
}

// collect takes what has ended, writes the journal and yields.
func (r *run) collect(yield func(Result, error) bool) {
	waiting := map[int]ended{}
	next := 0
	for first := range r.done {
		batch := r.drain(first)
		if err := r.keep(batch); err != nil {
			yield(Result{}, err)
			return
		}
		for _, e := range batch {
			if e.err != nil {
				yield(Result{}, e.err)
				return
			}
			if !r.Ordered {
				e.index = next
			}
			waiting[e.index] = e
			for {
				turn, ok := waiting[next]
				if !ok {
					break
				}
				delete(waiting, next)
				next++
				<-r.window
				if !turn.cut && !yield(turn.result, nil) {
					return
				}
			}
		}
	}
}

// keep writes what was found to the journal.
func (r *run) keep(batch []ended) error {
	var fresh []Result
	for _, e := range batch {
		if e.err == nil && !e.cut && !e.result.Resumed {
			fresh = append(fresh, e.result)
		}
	}
	return r.Journal.write(fresh)
}

// finish waits until nothing runs any more. What has ended in the meantime is
// not yielded but need not be done again; an error costs no more than that.
func (r *run) finish() {
	var rest []ended
	for e := range r.done {
		rest = append(rest, e)
	}
	_ = r.keep(rest)
}

// drain takes along what has ended besides, so that the journal's disk is
// waited for once.
func (r *run) drain(first ended) []ended {
	batch := []ended{first}
	for {
		select {
		case e, ok := <-r.done:
			if !ok {
				return batch
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
}
