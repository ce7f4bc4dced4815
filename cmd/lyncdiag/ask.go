package main

import (
	"context"
	"slices"

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
			s, err := network.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer s.close()
			talk, err := p.talk(cmd.Context(), &network, s, targets)
			if err != nil {
				return err
			}
			if isTerminal(p.stdin) {
				// What was answered before Ctrl-C is not lost.
				answers, err = interview.Interviewer{}.Ask(cmd.Context(), p.stdin, p.stderr, talk.open, answers)
				if err != nil && cmd.Context().Err() == nil {
					return err
				}
			}
			open := talk.open(answers)
			path, end, _ := lyncdiag.Walk(talk.facts)
			p.exit = lyncdiag.ExitCode(talk.report, network.failOn.value)
			return p.write(sinks, tool().Answers(answers, path, end, open, talk.report.Verdict.Next), false)
		},
	}
	network.register(cmd.Flags())
	given.registerAnswers(cmd.Flags())
	return cmd
}

// talk is what an interview is about: what was seen, and what follows from it
// and from the answers so far.
type talk struct {
	target fact.Subject
	facts  *fact.Facts
	report *lyncdiag.Report
}

// talk looks at the address, if there is one.
func (p *program) talk(ctx context.Context, n *networkFlags, s *session, targets []fact.Subject) (*talk, error) {
	plan, target := lyncdiag.Plan{}, fact.Subject{}
	if len(targets) > 0 {
		plan, target = lyncdiag.DefaultPlan(), targets[0]
	}
	f, report, err := p.diagnose(ctx, n, s, target, plan)
	if err != nil {
		return nil, err
	}
	return &talk{target, f, report}, nil
}

// open judges anew with some answers and returns what is still to be asked.
func (t *talk) open(answers []fact.Answer) []kb.Question {
	// Answers are checked when they are given, so they can be put.
	if err := interview.Source(answers).Collect(context.Background(), t.target, t.facts); err != nil {
		return nil
	}
	lyncdiag.Judge(t.report, t.facts, lyncdiag.DefaultRules())
	open := scopeQuestions(answers)
	for _, q := range t.report.Verdict.Questions {
		if !slices.ContainsFunc(open, func(other kb.Question) bool { return other.ID == q.ID }) {
			open = append(open, q)
		}
	}
	return open
}

// scopeQuestions come first: who asks has a user who cannot sign in, however
// healthy the chain looks.
func scopeQuestions(answers []fact.Answer) []kb.Question {
	var list []kb.Question
	for _, q := range kb.Questions() {
		scope := q.ID == "symptom" || q.ID == "users" || q.ID == "computers"
		said := func(a fact.Answer) bool {
			// Who gets into the portal has said already that it is Lync.
			return a.ID == q.ID || q.ID == "symptom" && a.ID == "portal-sign-in" && a.Value == "yes"
		}
		if scope && !slices.ContainsFunc(answers, said) {
			list = append(list, q)
		}
	}
	return list
}
