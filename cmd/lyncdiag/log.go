package main

import (
	"cmp"
	"errors"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

func (p *program) logCommand() *cobra.Command {
	var failOn cli.Choice
	var follow bool
	cmd := &cobra.Command{
		Use: "log FILE|DIR|ZIP|-...",
		Example: "  lyncdiag log Lync-UccApi-0.UccApilog\n" +
			"  lyncdiag log Tracing.zip -o json=log.json\n" +
			"  lyncdiag log Lync-UccApi-0.UccApilog --follow",
		Short: "Show the sign-in attempts in logs, and what became of them",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read arguments: no log is given")
			}
			sinks, err := p.sinks(render.Formats("log"), render.JSON)
			if err != nil {
				return err
			}
			// Reading makes much garbage and keeps little: collect it less often, and never let it grow.
			debug.SetGCPercent(400)
			debug.SetMemoryLimit(48 << 20)
			var seen render.Tally
			// Who follows a log sees each attempt by itself, but in JSON, which is one document.
			oneByOne := func(f render.Format) bool { return follow && (f == render.Text || f == render.NDJSON) }
			streams := make([]*render.LogStream, len(sinks))
			for i, s := range sinks {
				if s.format == render.JSON || s.format == render.NDJSON {
					streams[i] = render.NewLogStream(s.w, s.format)
					streams[i].Redact = s.options.Redact
				}
			}
			defer func() { // whatever ends it, before the outputs are closed
				for _, s := range streams {
					if s != nil {
						s.Wait()
					}
				}
			}()
			var broken error
			logs, err := p.readLogs(cmd.Context(), bundle.Logs{Paths: args, Follow: follow, Record: seen.Add, Attempt: func(a sip.Attempt) {
				seen.Attempt(a)
				for i, s := range sinks {
					switch {
					case oneByOne(s.format):
						p.started = true
						broken = cmp.Or(broken, tool().Attempt(a).Write(s.w, s.format, s.options))
					case streams[i] != nil:
						p.started = true
						if streams[i].Attempt(&a); follow {
							streams[i].Flush()
						}
					}
				}
			}})
			if err = cmp.Or(broken, err); err != nil {
				return err
			}
			// The steps to take name the user, when the logs show only one.
			target, _ := fact.ParseAddress(logs.onlyAddress())
			d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Sources: []lyncdiag.Source{logs}, Offline: true, Log: p.logger()}
			f, report, err := d.Facts(cmd.Context(), target)
			if err != nil {
				return err
			}
			// A log that can be read has been judged: what it leaves open is no failure of ours.
			if code := lyncdiag.ExitCode(report, failOn.Value); code != exitUnfinished {
				p.exit = code
			}
			p.started = true
			document := tool().Log(f, &seen, report)
			for i, s := range sinks {
				if streams[i] != nil {
					err = streams[i].Close(document)
				} else {
					err = document.Write(s.w, s.format, s.options)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.AddCommand(p.logMessagesCommand(), p.logFlowCommand(), p.logViewCommand())
	registerFailOn(&failOn, cmd.Flags())
	cmd.Flags().BoolVar(&follow, "follow", false, "wait at the end of the log for more to be written, until interrupted")
	return cmd
}
