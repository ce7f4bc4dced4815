package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/interview"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) askCommand() *cobra.Command {
	var network networkFlags
	var given evidenceFlags
	cmd := &cobra.Command{
		Use:   "ask [ADDRESS]",
		Short: "Ask what the network cannot tell, and write the answers down",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			answers, err := given.readAnswers(p)
			if err != nil {
				return err
			}
			targets, err := network.addresses(args)
			if err != nil {
				return err
			}
			sinks, err := p.sinks(documents(), render.JSON)
			if err != nil {
				return err
			}
			next, err := p.openQuestions(cmd.Context(), &network, targets)
			if err != nil {
				return err
			}
			// What was answered before Ctrl-C is not lost.
			answers, err = p.interview(cmd.Context(), next, answers)
			if err != nil && cmd.Context().Err() == nil {
				return err
			}
			return p.write(sinks, tool().Answers(answers), false)
		},
	}
	network.register(cmd.Flags())
	given.registerAnswers(cmd.Flags())
	return cmd
}

// openQuestions looks at the address, if there is one, and returns what is
// still to be asked once some answers are known.
func (p *program) openQuestions(ctx context.Context, n *networkFlags, targets []fact.Subject) (func([]fact.Answer) []kb.Question, error) {
	s, err := n.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	plan, target := lyncdiag.Plan{}, fact.Subject{}
	if len(targets) > 0 {
		plan, target = lyncdiag.DefaultPlan(), targets[0]
	}
	f, report, err := p.diagnose(ctx, n, s, target, plan)
	if err != nil {
		return nil, err
	}
	return func(answers []fact.Answer) []kb.Question {
		// Answers are checked when they are given, so they can be put.
		if err := interview.Source(answers).Collect(ctx, target, f); err != nil {
			return nil
		}
		lyncdiag.Judge(report, f, lyncdiag.DefaultRules())
		return append(scopeQuestions(answers), report.Verdict.Questions...)
	}, nil
}

// scopeQuestions come first: who asks has a user who cannot sign in, however
// healthy the chain looks.
func scopeQuestions(answers []fact.Answer) []kb.Question {
	var list []kb.Question
	for _, q := range kb.Questions() {
		scope := q.ID == "symptom" || q.ID == "users" || q.ID == "computers"
		if scope && !slices.ContainsFunc(answers, func(a fact.Answer) bool { return a.ID == q.ID }) {
			list = append(list, q)
		}
	}
	return list
}

// interview asks on a terminal. Without one the answers given must be all.
func (p *program) interview(ctx context.Context, next func([]fact.Answer) []kb.Question, answers []fact.Answer) ([]fact.Answer, error) {
	if isTerminal(p.stdin) {
		return interview.Interviewer{}.Ask(ctx, p.stdin, p.stderr, next, answers)
	}
	var open []string
	for _, q := range next(answers) {
		if !slices.ContainsFunc(answers, func(a fact.Answer) bool { return a.ID == q.ID }) {
			open = append(open, q.ID)
		}
	}
	if len(open) > 0 {
		return answers, fmt.Errorf("ask questions: standard input is no terminal, and these are open: %s (answer with --answer ID=VALUE or --answers FILE)", strings.Join(open, ", "))
	}
	return answers, nil
}
