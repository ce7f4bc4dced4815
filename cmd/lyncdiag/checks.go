package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// check diagnoses addresses, several at a time.
type check struct {
	*program
	networkFlags
	evidenceFlags
	batchFlags
	credentialFlags
	silenceFlags
	plan    lyncdiag.Plan
	ticket  string
	metrics metricsFlag
	silence *silence // nil: everything counts
}

func (c *check) all(ctx context.Context, t *targets, found *evidence) error {
	s, err := c.open(ctx, c.program)
	if err != nil {
		return err
	}
	defer s.Close()
	found.locate(s)
	if err := c.credentialFlags.read(ctx, c.program, &c.networkFlags, s, t.user(), t.many); err != nil {
		return err
	}
	if !t.many {
		found.addLocal(c.Lab)
		return c.one(ctx, s, t.named[0], found)
	}
	if found.client != nil {
		return errors.New("read --client-from: the client of one computer does not fit several addresses")
	}
	b := &batch{
		program: c.program, metrics: c.metrics, flags: &c.batchFlags, session: s, targets: t, ticket: c.ticket, allowed: render.Formats("batch"), whole: tool().Batch,
		diagnoser: c.diagnoser(&c.networkFlags, s, c.plan, nil, found.sources),
		document: func(_ *fact.Facts, r *lyncdiag.Report) (render.Document, int) {
			c.silence.apply(r)
			code := lyncdiag.ExitCode(r, c.failOn.Value)
			return tool().Report(r, code), code
		},
	}
	return b.run(ctx)
}

// one diagnoses one address and shows the stages as they pass.
func (c *check) one(ctx context.Context, s *session, t fact.Subject, found *evidence) error {
	sinks, err := c.sinks(render.Formats("report"), render.JSON)
	if err != nil {
		return err
	}
	monitored, err := c.metrics.open(c.program)
	if err != nil {
		return err
	}
	c.started = true
	progress := c.startProgress(t.Address)
	defer progress.stop()
	d := c.diagnoser(&c.networkFlags, s, c.plan, progress.observe, found.sources)
	var report *lyncdiag.Report
	if found.recorded != nil {
		report = d.Again(ctx, found.recorded.facts, found.recorded.report)
	} else if _, report, err = d.one(ctx, t); err != nil {
		return err
	}
	c.silence.apply(report)
	c.exit = lyncdiag.ExitCode(report, c.failOn.Value)
	if ctx.Err() != nil {
		c.exit = exitInterrupted
	}
	progress.stop()
	if err := c.metrics.write(c.program, monitored, metrics.Report(report), "target", cmp.Or(report.Target.Address, report.Target.Domain)); err != nil {
		return err
	}
	return c.write(sinks, tool().Report(report, c.exit), false)
}

// user is the sign-in name of the one target, "" for several.
func (t *targets) user() string {
	if t.many {
		return ""
	}
	return cmp.Or(t.named[0].UserName, t.named[0].Address)
}
