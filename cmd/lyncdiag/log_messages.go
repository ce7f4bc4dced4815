package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// messageFlags choose messages of logs.
type messageFlags struct {
	query  string
	follow bool
}

const queryHelp = `
Words of a QUERY, all of which must hold; those with a colon may stand among the
files, bare ones only in --query:

  from:joe to:contoso.com   part of the address
  callid:5f3a               part of the Call-ID
  method:REGISTER           of a request, or that an answer answers
  code:404 code:4xx         status of an answer
  direction:in              in, out or none
  diag:4005                 number in a diagnostics header
  word "two words"          anywhere in the message`

func (f *messageFlags) register(cmd *cobra.Command) {
	cmd.Long = cmd.Short + ".\n" + queryHelp
	cmd.Flags().StringVarP(&f.query, "query", "q", "", "show only what matches `QUERY`")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "wait at the end of the log for more to be written, until interrupted")
}

// split parts the logs from the words of the query among them.
func (f *messageFlags) split(args []string) (paths []string, q sip.Query, err error) {
	words := f.query
	for _, a := range args {
		if sip.QueryWord(a) {
			words += " " + a
		} else {
			paths = append(paths, a)
		}
	}
	if len(paths) == 0 {
		return nil, q, errors.New("read arguments: no log is given")
	}
	q, err = sip.ParseQuery(words)
	if err != nil {
		err = errors.New("read --query: " + strings.TrimPrefix(err.Error(), "sip: read query: "))
	}
	return paths, q, err
}

// reading yields the records of logs and keeps their errors for the end: one
// log that cannot be read hides no other.
type reading struct {
	files int
	errs  *multierror.Error
}

func (r *reading) records(ctx context.Context, p *program, paths []string, follow bool) iter.Seq[sip.Record] {
	source := bundle.Logs{Paths: paths, Stdin: p.stdin, Follow: follow, File: func(fact.LogFile) { r.files++ }}
	return func(yield func(sip.Record) bool) {
		for record, err := range source.Records(ctx) {
			if err != nil {
				r.errs = multierror.Append(r.errs, err)
				continue
			}
			if !yield(record) {
				return
			}
		}
	}
}

// end is bad input if nothing could be read, and else said on the way.
func (r *reading) end(ctx context.Context, p *program) error {
	err := r.errs.ErrorOrNil()
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if r.files == 0 {
		return err
	}
	fmt.Fprintf(p.stderr, "lyncdiag: %s\n", cli.OneLine(err))
	return nil
}

func (p *program) logMessagesCommand() *cobra.Command {
	var flags messageFlags
	cmd := &cobra.Command{
		Use: "messages FILE|DIR|ZIP|-... [QUERY]",
		Example: "  lyncdiag log messages Lync-UccApi-0.UccApilog method:REGISTER code:4xx\n" +
			"  lyncdiag log messages Lync-UccApi-0.UccApilog --query \"from:joe diag:4005\"",
		Short: "Show the SIP messages in logs, one a line",
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, query, err := flags.split(args)
			if err != nil {
				return err
			}
			sinks, err := p.sinks([]render.Format{render.Text, render.NDJSON}, render.NDJSON)
			if err != nil {
				return err
			}
			for i := range sinks {
				if out := bufio.NewWriterSize(sinks[i].w, 64<<10); !flags.follow {
					sinks[i].w = out
					defer out.Flush()
				}
			}
			p.learnLogs(cmd.Context(), paths)
			var r reading
			for record := range r.records(cmd.Context(), p, paths, flags.follow) {
				if record.Message == nil || !query.Match(record) {
					continue
				}
				document := tool().Message(record)
				for _, s := range sinks {
					p.started = true
					if err := document.Write(s.w, s.format, s.options); err != nil {
						return err
					}
				}
			}
			return r.end(cmd.Context(), p)
		},
	}
	flags.register(cmd)
	return cmd
}

func (p *program) logFlowCommand() *cobra.Command {
	var flags messageFlags
	cmd := &cobra.Command{
		Use: "flow FILE|DIR|ZIP|-... [QUERY]",
		Example: "  lyncdiag log flow Lync-UccApi-0.UccApilog\n" +
			"  lyncdiag log flow Lync-UccApi-0.UccApilog -o mermaid=flow.mmd",
		Short: "Draw the messages of sign-in between client and servers, as text or for Mermaid (-o mermaid)",
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, query, err := flags.split(args)
			if err != nil {
				return err
			}
			asked := flags.query != "" || len(paths) < len(args)
			sinks, err := p.sinks([]render.Format{render.Text, render.Mermaid}, render.Text)
			if err != nil {
				return err
			}
			var r reading
			p.learnLogs(cmd.Context(), paths)
			flow := render.Flow{Redact: p.redaction()}
			records := func(yield func(sip.Record, error) bool) {
				for record := range r.records(cmd.Context(), p, paths, false) {
					if m := record.Message; m != nil && (asked && query.Match(record) || !asked && signIn(m)) {
						flow.Add(record)
					}
					if !yield(record, nil) {
						return
					}
				}
			}
			for a := range sip.Attempts(records) {
				flow.Attempt(a)
			}
			if err := r.end(cmd.Context(), p); err != nil {
				return err
			}
			p.started = true
			for _, s := range sinks {
				write := flow.WriteText
				if s.format == render.Mermaid {
					write = flow.WriteMermaid
				}
				if err := write(s.w); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags.register(cmd)
	return cmd
}

// signIn: REGISTER, its answers, and what ends a registration.
func signIn(m *sip.Message) bool {
	_, method, _ := m.CSeq()
	return strings.EqualFold(method, "REGISTER") || m.Method == "REGISTER" ||
		m.Method != "" && strings.EqualFold(m.Get("Event"), "registration")
}

func (p *program) logViewCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "view FILE|DIR|ZIP|-... -o html=FILE",
		Example: "  lyncdiag log view Lync-UccApi-0.UccApilog -o html=log.html",
		Short:   "Write one page that shows logs in a browser: attempts, messages, ladder and coverage",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read arguments: no log is given")
			}
			if len(p.outputs) == 0 && isTerminal(p.stdout) {
				return errors.New("read -o: a page is for a browser; write it to a file: -o html=log.html")
			}
			sinks, err := p.sinks([]render.Format{render.HTML}, render.HTML)
			if err != nil {
				return err
			}
			if len(sinks) != 1 {
				return errors.New("read -o: one page is written at a time")
			}
			var r reading
			p.learnLogs(cmd.Context(), args)
			view := tool().LogView(sinks[0].w)
			view.Redact = p.redaction()
			source := bundle.Logs{Paths: args, Stdin: p.stdin, File: func(f fact.LogFile) { r.files++; view.File(f) }}
			records := func(yield func(sip.Record, error) bool) {
				for record, err := range source.Records(cmd.Context()) {
					if err != nil {
						r.errs = multierror.Append(r.errs, err)
						continue
					}
					view.Add(record)
					if !yield(record, nil) {
						return
					}
				}
			}
			for a := range sip.Attempts(records) {
				view.Attempt(a)
			}
			if err := r.end(cmd.Context(), p); err != nil {
				return err
			}
			p.started = true
			return view.Close()
		},
	}
}
