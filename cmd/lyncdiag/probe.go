package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// probe runs part of the chain for each target and writes a document for each.
type probe struct {
	networkFlags
	name     string // of the document's schema
	plan     func(s *session) lyncdiag.Plan
	sources  []lyncdiag.Source
	prepare  func(s *session) error // nil: nothing is to be done before the first target
	document func(f *fact.Facts, r *lyncdiag.Report) render.Document
	exit     func(f *fact.Facts, r *lyncdiag.Report) int // nil: the report's
}

func (p *program) probe(cmd *cobra.Command, run *probe, targets []fact.Subject) error {
	s, err := run.open(cmd.Context(), p)
	if err != nil {
		return err
	}
	defer s.Close()
	if run.prepare != nil {
		if err := run.prepare(s); err != nil {
			return err
		}
	}
	sinks, err := p.sinks(render.Formats(run.name), pipedFormat(len(targets)))
	if err != nil {
		return err
	}
	if len(targets) > 1 {
		if err := oneDocument(sinks); err != nil {
			return err
		}
	}
	p.started = true
	for i, t := range targets {
		f, report, err := p.diagnose(cmd.Context(), &run.networkFlags, s, t, run.plan(s), run.sources...)
		if err != nil {
			return err
		}
		if err := p.write(sinks, run.document(f, report), i > 0); err != nil {
			return err
		}
		code := lyncdiag.ExitCode(report, run.failOn.Value)
		if run.exit != nil {
			code = run.exit(f, report)
		}
		p.exit = max(p.exit, code)
	}
	return nil
}

// oneDocument refuses the formats that hold one document, for several.
func oneDocument(sinks []sink) error {
	for _, s := range sinks {
		if slices.Contains([]render.Format{render.JSON, render.HTML, render.JUnit}, s.format) {
			return fmt.Errorf("read -o %s: several documents make no one in this format; use -o ndjson, csv or markdown", s.format)
		}
	}
	return nil
}

// pipedFormat is the format of a stdout that is no terminal.
func pipedFormat(documents int) render.Format {
	if documents > 1 {
		return render.NDJSON
	}
	return render.JSON
}

// only takes stages of the default plan, with what they need.
func only(ids ...lyncdiag.StageID) func(*session) lyncdiag.Plan {
	return func(*session) lyncdiag.Plan { return lyncdiag.DefaultPlan().Only(ids...) }
}

// diagnose runs a plan against one target and shows how far it is.
func (p *program) diagnose(ctx context.Context, n *networkFlags, s *session, t fact.Subject, plan lyncdiag.Plan, sources ...lyncdiag.Source) (*fact.Facts, *lyncdiag.Report, error) {
	progress := p.startProgress(cmp.Or(t.Address, t.Domain, "lyncdiag"))
	defer progress.stop()
	return p.diagnoser(n, s, plan, progress.observe, sources).one(ctx, t)
}

// diagnoser makes what the flags ask for. It serves several targets.
func (p *program) diagnoser(n *networkFlags, s *session, plan lyncdiag.Plan, observe func(lyncdiag.StageResult), sources []lyncdiag.Source) diagnoser {
	return diagnoser{&lyncdiag.Diagnoser{
		Network: s.Network, Setting: s.Setting, Plan: plan, Sources: append(slices.Clone(s.Sources), sources...),
		Credentials: p.announced(s.Credentials), Windows: s.windows,
		Offline: n.Offline, Timeout: n.Timeout, Log: p.logger(), Observe: observe,
	}}
}

type diagnoser struct{ *lyncdiag.Diagnoser }

func (d diagnoser) one(ctx context.Context, t fact.Subject) (*fact.Facts, *lyncdiag.Report, error) {
	f, report, err := d.Facts(ctx, t)
	if err != nil {
		return nil, nil, fmt.Errorf("diagnose %s: %w", t.Address, err)
	}
	return f, report, nil
}
