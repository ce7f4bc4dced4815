package main

import (
	"context"
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// check diagnoses addresses, several at a time.
type check struct {
	*program
	networkFlags
	evidenceFlags
	plan        lyncdiag.Plan
	concurrency int
}

func (c *check) all(ctx context.Context, targets []fact.Subject, found *evidence) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	found.locate(s)
	sinks, err := c.sinks(reports(), pipedFormat(len(targets)))
	if err != nil {
		return err
	}

	c.started = true
	progress := c.startProgress(subject(targets))
	defer progress.stop()
	var reports []*lyncdiag.Report
	for i, wait := range c.start(ctx, s, targets, found, progress) {
		report, err := wait()
		progress.clear()
		if err != nil {
			return err
		}
		c.exit = max(c.exit, c.code(ctx, report))
		reports = append(reports, report)
		if len(targets) == 1 {
			progress.stop()
			return c.write(sinks, tool().Report(report, c.exit), false)
		}
		// A line can go out as soon as its turn has come.
		if err := c.write(streams(sinks, true), tool().Report(report, c.code(ctx, report)), i > 0); err != nil {
			return err
		}
	}
	progress.stop()
	code := func(r *lyncdiag.Report) int { return c.code(ctx, r) }
	return c.write(streams(sinks, false), tool().Batch(reports, code, c.exit), false)
}

// code is the exit code of one report.
func (c *check) code(ctx context.Context, r *lyncdiag.Report) int {
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return lyncdiag.ExitCode(r, c.failOn.value)
}

// subject is what the progress line is about.
func subject(targets []fact.Subject) string {
	if len(targets) == 1 {
		return targets[0].Address
	}
	return fmt.Sprintf("%d addresses", len(targets))
}

// start begins all diagnoses; each function waits for one, in the order of the
// addresses.
func (c *check) start(ctx context.Context, s *session, targets []fact.Subject, found *evidence, progress *progress) []func() (*lyncdiag.Report, error) {
	type result struct {
		report *lyncdiag.Report
		err    error
	}
	observe := progress.observe
	if len(targets) > 1 {
		observe = nil // stages of many would tell nothing
	}
	d := c.diagnoser(&c.networkFlags, s, c.plan, observe, found.sources)
	slots := make(chan struct{}, c.concurrency)
	var waits []func() (*lyncdiag.Report, error)
	for _, t := range targets {
		done := make(chan result, 1)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if len(targets) > 1 {
				progress.observe(lyncdiag.StageResult{Title: t.Address})
				defer progress.observe(lyncdiag.StageResult{Title: t.Address, Status: lyncdiag.Passed})
			}
			_, report, err := d.one(ctx, t)
			done <- result{report, err}
		}()
		waits = append(waits, func() (*lyncdiag.Report, error) {
			r := <-done
			return r.report, r.err
		})
	}
	return waits
}

// streams are the sinks that take one report a line, or all the others.
func streams(sinks []sink, streaming bool) []sink {
	var list []sink
	for _, s := range sinks {
		if (s.format == render.NDJSON) == streaming {
			list = append(list, s)
		}
	}
	return list
}
