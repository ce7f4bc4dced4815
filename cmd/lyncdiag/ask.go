package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
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
		Long: "Ask what the network and the files given cannot tell, and write the answers down.\n\n" +
			"Type ? for how to find out, b to go back, q to stop, Enter if you do not know.\n" +
			"Answers are read from --answers, and kept there: what was answered once is not\nasked again. " +
			"Where standard input is no terminal, it is read for answers, a line each.",
		Example: "  lyncdiag ask joe@contoso.com --user user.json --answers joe.json\n" +
			"  lyncdiag check joe@contoso.com --answers joe.json",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kept := given.answersFile
			if _, err := os.Stat(kept); kept != "" && kept != "-" && errors.Is(err, fs.ErrNotExist) {
				if _, err := os.Stat(filepath.Dir(kept)); err != nil {
					return fmt.Errorf("write --answers %s: %w", kept, cli.Cause(err))
				}
				given.answersFile = "" // it will be made
			}
			found, err := given.read(cmd.Context(), p)
			if err != nil {
				return err
			}
			targets, err := found.who(&network, args)
			if err != nil {
				return err
			}
			sinks, err := p.sinks(render.Formats("answers"), render.JSON)
			if err != nil {
				return err
			}
			s, err := network.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer s.Close()
			talk, err := p.talk(cmd.Context(), &network, s, targets, found.sources)
			if err != nil {
				return err
			}
			answers := found.answers
			if len(standardInput(cmd, args)) == 0 {
				// What was answered before Ctrl-C is not lost.
				answers, err = interview.Interviewer{}.Ask(cmd.Context(), p.stdin, p.prompts(talk), talk.open, answers)
				if err != nil && cmd.Context().Err() == nil {
					return err
				}
			}
			open := talk.open(answers)
			path, end, _ := lyncdiag.Walk(talk.facts)
			p.exit = lyncdiag.ExitCode(talk.report, network.failOn.Value)
			document := tool().Answers(answers, path, end, open, talk.report.Verdict.Next)
			if kept != "" && kept != "-" && !slices.Equal(answers, found.answers) {
				file, err := p.output(kept)
				if err != nil {
					return fmt.Errorf("write --answers %s: %w", kept, cli.Cause(err))
				}
				if err := p.write([]sink{{w: file, format: render.JSON, options: render.Options{Redact: p.redaction()}}}, document, false); err != nil {
					return err
				}
			}
			return p.write(sinks, document, false)
		},
	}
	network.register(cmd.Flags())
	given.register(cmd.Flags())
	return cmd
}

// who is asked about: the address given, else the one user of the evidence,
// else nobody in particular.
func (e *evidence) who(n *networkFlags, args []string) ([]fact.Subject, error) {
	if users := e.exports.Users(); len(args) > 0 || !e.certainly && e.address != "" {
		// what is named, or what a log shows, goes before the exports in a bundle
	} else if len(users) == 1 {
		return users, nil
	} else if len(users) > 1 {
		return nil, fmt.Errorf("read arguments: there are %d users in the exports; name the address to ask about", len(users))
	}
	if len(args) == 0 && e.address != "" {
		args = []string{e.address}
	}
	return n.addresses(args)
}

// prompts is where questions go: to the person, or where progress was asked
// for. Before them stands what evidence has answered.
func (p *program) prompts(t *talk) io.Writer {
	if !isTerminal(p.stderr) && !p.verbose && p.progress.Value != "plain" {
		return io.Discard
	}
	head := "Known already:\n"
	for _, v := range t.report.Verdict.Path {
		if v.Answer != "yes" && v.Answer != "no" {
			continue
		}
		fmt.Fprint(p.stderr, head)
		head = ""
		fmt.Fprintf(p.stderr, "  %-3s  %s (%s)\n", v.Answer, v.Question, strings.TrimSpace(string(v.From)+" "+v.Where))
	}
	return p.stderr
}

// talk is what an interview is about: what was seen, and what follows from it
// and from the answers so far.
type talk struct {
	target fact.Subject
	seen   []byte // the facts before the first answer
	facts  *fact.Facts
	report *lyncdiag.Report
}

// talk looks at the address, if there is one, and at what else is known.
func (p *program) talk(ctx context.Context, n *networkFlags, s *session, targets []fact.Subject, sources []lyncdiag.Source) (*talk, error) {
	plan, target := lyncdiag.Plan{}, fact.Subject{}
	if len(targets) > 0 {
		plan, target = lyncdiag.DefaultPlan(), targets[0]
	}
	f, report, err := p.diagnose(ctx, n, s, target, plan, sources...)
	if err != nil {
		return nil, err
	}
	var seen bytes.Buffer
	if err := fact.Encode(&seen, f); err != nil {
		return nil, err
	}
	return &talk{target: target, seen: seen.Bytes(), facts: f, report: report}, nil
}

// open judges anew with some answers and returns what is still to be asked.
func (t *talk) open(answers []fact.Answer) []kb.Question {
	f, err := fact.Decode(bytes.NewReader(t.seen))
	if err != nil {
		return nil
	}
	// Answers are checked when they are given, so they can be put.
	if err := interview.Source(answers).Collect(context.Background(), t.target, f); err != nil {
		return nil
	}
	t.facts = f
	lyncdiag.Judge(t.report, t.facts, lyncdiag.DefaultRules())
	var open []kb.Question
	if t.report.Verdict.Primary == "" {
		open = scopeQuestions(answers)
	}
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
