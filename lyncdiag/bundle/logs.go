package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Logs is a source of sign-in attempts: logs by path, a folder or a zip for
// the logs in it, "-" for Stdin. Gzip is read as well.
//
// The segments of a rotated log are read in the order of their first stamps,
// as one log: an attempt may begin in one and end in the next.
type Logs struct {
	Paths []string
	Stdin io.Reader // read for "-"; nil: such a path is an error
	// Follow waits at the end of the last log for more to be written, until
	// the context ends. It is followed by its name: when the file gets another
	// one, what is begun under its name is read as a log that continues it.
	Follow bool
	// Record is told of every record as it is read; may be nil. Messages are those
	// of sip.Log.Brief, good until Record returns.
	Record func(sip.Record)
	// Attempt is told of every attempt, in the order in which Collect numbers
	// them; may be nil.
	Attempt func(sip.Attempt)
	// File is told of each log when it is read to its end; may be nil.
	File func(fact.LogFile)

	listed  []part                     // in place of Paths
	origin  fact.Origin                // of what Collect puts; the zero value is that of logs
	refused func(file string, _ error) // told of each log that cannot be read to its end; may be nil
}

// Name is the source's entry among the report's stages.
func (l Logs) Name() string { return "log" }

// Collect reads every log. The attempts it puts are condensed: of each user
// the last success and what failed since, each kind of failure once, with the
// number of its repeats. A log that cannot be read is an error, and the others
// are read all the same. When ctx ends, what was read until then is put.
func (l Logs) Collect(ctx context.Context, _ fact.Subject, f *fact.Facts) error {
	r := reading{Logs: l, brief: true}
	var kept digest
	number := 0
	r.step = kept.step
	r.open()
	defer r.close()
	for len(r.left) > 0 && ctx.Err() == nil {
		for a := range sip.Attempts(r.records(ctx)) {
			number++
			a.ID = strconv.Itoa(number)
			if l.Attempt != nil {
				l.Attempt(a)
			}
			kept.add(a)
		}
	}
	if len(r.files) > 0 {
		origin := l.origin
		if origin.Kind == "" {
			origin.Kind = fact.Log
		}
		fact.Put(f, fact.LogFilesKey, r.files, origin)
		fact.Put(f, fact.AttemptsKey, kept.list(), origin)
		if len(kept.steps) > 0 {
			fact.Put(f, fact.LogStepsKey, kept.steps, origin)
		}
	}
	if kept.full {
		r.errs = multierror.Append(r.errs, fmt.Errorf("read log: it shows more than %d users; those after them are counted and not judged", maxUsers))
	}
	return r.errs.ErrorOrNil()
}

// Records reads every log and yields all of it, whole. Errors come where they
// happen, and the next log goes on.
func (l Logs) Records(ctx context.Context) iter.Seq2[sip.Record, error] {
	return func(yield func(sip.Record, error) bool) {
		r := reading{Logs: l, failed: func(err error) bool { return yield(sip.Record{}, err) }}
		r.open()
		defer r.close()
		for len(r.left) > 0 && ctx.Err() == nil {
			for record := range r.records(ctx) {
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}

// reading is one pass over all logs.
type reading struct {
	Logs
	brief  bool
	all    []part
	left   []part    // not yet read, in order
	lastAt time.Time // of the part read last
	files  []fact.LogFile
	errs   *multierror.Error
	step   func(sip.Record) // told of every step; may be nil

	federation []fact.FederationError // of the log that is being read
	failed     func(error) bool       // told of errors instead of errs; false ends the reading
}

func (r *reading) fail(err error) bool {
	if r.failed != nil {
		return r.failed(err)
	}
	r.errs = multierror.Append(r.errs, err)
	return true
}

func (r *reading) open() {
	for _, path := range r.Paths {
		found, err := r.parts(path)
		if err != nil && !r.fail(err) {
			return
		}
		r.left = append(r.left, found...)
	}
	r.all = r.left
	r.left = append(r.left, r.listed...)
	r.left = inOrder(r.left)
}

func (r *reading) close() { closeAll(r.all) }

// records yields the records of the next log and of those that continue it.
func (r *reading) records(ctx context.Context) iter.Seq2[sip.Record, error] {
	return func(yield func(sip.Record, error) bool) {
		r.lastAt = time.Time{}
		for first := true; len(r.left) > 0 && ctx.Err() == nil; first = false {
			p := r.left[0]
			if !first && (p.firstAt.IsZero() || r.lastAt.IsZero() || p.firstAt.Before(r.lastAt)) {
				return
			}
			r.left = r.left[1:]
			if !r.read(ctx, p, r.Follow && len(r.left) == 0, yield) {
				r.left = nil
				return
			}
		}
	}
}

// read yields the records of a log and, where it is followed, of those that come
// under its name.
func (r *reading) read(ctx context.Context, p part, follow bool, yield func(sip.Record, error) bool) bool {
	for {
		in, err := p.reader(ctx, follow)
		if err != nil {
			if r.refused != nil {
				r.refused(p.path, err)
			}
			return r.fail(fmt.Errorf("read log: %w", err))
		}
		more := r.readOne(ctx, p, in, follow, yield)
		in.Close()
		if f, ok := in.(*followed); !ok || !f.rotated || !more {
			return more
		}
	}
}

func (r *reading) readOne(ctx context.Context, p part, in io.Reader, follow bool, yield func(sip.Record, error) bool) bool {
	rotated := func() bool {
		f, ok := in.(*followed)
		return ok && f.rotated
	}
	log := sip.NewLog(in)
	log.File, log.Brief = p.path, r.brief
	r.federation = nil
	for record, err := range log.Records() {
		if err == nil && ctx.Err() != nil && !follow { // followed ends by itself, and what it has read counts
			err = context.Cause(ctx)
		}
		if err != nil {
			if follow && ctx.Err() != nil {
				break // that is how following ends
			}
			summary := log.Summary()
			if ctx.Err() != nil || summary.Lines > 0 {
				r.done(p, summary, rotated())
			}
			if r.refused != nil {
				r.refused(p.path, err)
			}
			return r.fail(fmt.Errorf("read log %s: %w", p.path, err))
		}
		if r.Record != nil {
			r.Record(record)
		}
		if m := record.Message; m != nil && m.Status >= 400 && r.brief {
			r.federationError(record)
		}
		if record.Step != nil && r.step != nil {
			r.step(record)
		}
		if !yield(record, nil) {
			return false
		}
	}
	r.done(p, log.Summary(), rotated())
	return true
}

func (r *reading) done(p part, s sip.Summary, rotated bool) {
	r.lastAt = s.LastAt
	file := fact.LogFile{Path: p.path, Summary: s, Rotated: rotated, Federation: r.federation}
	r.files = append(r.files, file)
	if r.File != nil {
		r.File(file)
	}
}

// federationError counts what a log says of other organizations.
func (r *reading) federationError(record sip.Record) {
	m := record.Message
	diagnostics := sip.Diagnostics(m)
	if len(diagnostics) == 0 {
		return
	}
	_, method, _ := m.CSeq()
	c := sip.Classify(sip.Attempt{Method: method, Outcome: "failed", FinalStatus: m.Status, FinalReason: m.Reason, Diagnostics: diagnostics})
	if c.Class != "federation-error" {
		return
	}
	for i := range r.federation {
		if r.federation[i].ID == c.DiagnosticID {
			r.federation[i].Count++
			return
		}
	}
	r.federation = append(r.federation, fact.FederationError{ID: c.DiagnosticID, Detail: strings.Clone(c.Detail), Line: record.Line, Count: 1})
}

// maxUsers bounds the users whose attempts are kept.
const maxUsers = 20_000

// digest keeps of each user what a judge needs.
type digest struct {
	users map[string]int // place in kept, for each user and each of its failures
	order []*user
	full  bool
	steps []fact.LogStep // that failed, and were not made good later
}

type user struct {
	success *sip.Attempt
	since   []sip.Attempt // failed, one of each kind
}

func (d *digest) add(a sip.Attempt) {
	if d.users == nil {
		d.users = map[string]int{}
	}
	name := strings.ToLower(a.From)
	i, known := d.users[name]
	if !known {
		if len(d.order) >= maxUsers {
			d.full = true
			return
		}
		i = len(d.order)
		d.users[name] = i
		d.order = append(d.order, &user{})
	}
	u := d.order[i]
	if a.Class() == "ok" {
		// Logs may overlap, so what is read before may have happened after.
		u.since = slices.DeleteFunc(u.since, func(failed sip.Attempt) bool { return !later(&failed, &a) })
		if u.success != nil && later(u.success, &a) {
			u.success.Repeats++
			return
		}
		repeats := 0
		if u.success != nil {
			repeats = u.success.Repeats + 1
		}
		u.success = &sip.Attempt{ID: a.ID, File: a.File, Line: a.Line, StartedAt: a.StartedAt, Zoned: a.Zoned, Method: a.Method,
			From: a.From, Outcome: a.Outcome, FinalStatus: a.FinalStatus, Legs: []sip.Leg{}, Repeats: repeats}
		return
	}
	if u.success != nil && later(u.success, &a) {
		return // history
	}
	class := sip.Classify(a)
	for i := range u.since {
		if same := &u.since[i]; same.FinalStatus == a.FinalStatus && same.Outcome == a.Outcome && same.RedirectedTo == a.RedirectedTo && sip.Classify(*same).DiagnosticID == class.DiagnosticID {
			same.Repeats++
			same.LastAt = a.StartedAt
			return
		}
	}
	if len(u.since) < 16 {
		u.since = append(u.since, a)
	}
}

// later reports whether an attempt is known to have been made after another one.
func later(a, b *sip.Attempt) bool {
	last := a.StartedAt
	if a.LastAt.After(last) {
		last = a.LastAt
	}
	return !last.IsZero() && !b.StartedAt.IsZero() && a.Zoned == b.Zoned && last.After(b.StartedAt)
}

// maxSteps bounds the failed steps that are kept.
const maxSteps = 256

// step keeps a failed step until one of its kind succeeds in the same log. In
// a tree of steps the outcome of a parent comes before those of its children,
// so a child's success makes no parent good.
func (d *digest) step(r sip.Record) {
	s := *r.Step
	switch {
	case s.Failed && len(d.steps) < maxSteps:
		d.steps = append(d.steps, fact.LogStep{File: r.File, Line: r.Line, At: r.At, Step: s})
	case !s.Failed && s.Number == "" && s.Status >= 200 && s.Status < 300:
		d.steps = slices.DeleteFunc(d.steps, func(f fact.LogStep) bool { return f.File == r.File && f.Kind == s.Kind })
	}
}

func (d *digest) list() []sip.Attempt {
	n := 0
	for _, u := range d.order {
		n += 1 + len(u.since)
	}
	list := make([]sip.Attempt, 0, n)
	for _, u := range d.order {
		if u.success != nil {
			list = append(list, *u.success)
		}
		list = append(list, u.since...)
	}
	return list
}

var errNoStdin = errors.New("no standard input is connected")
