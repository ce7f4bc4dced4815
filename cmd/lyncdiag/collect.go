package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/collect"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// collection is one run of collect.
type collection struct {
	check
	userName  string
	file      string
	planOnly  bool
	reproduce bool
	yes       bool
	hide      bool  // replace by pseudonyms what is in the bundle
	logSize   int64 // megabytes of each log that are taken
	totalSize int64 // megabytes of the export and all logs

	levels func() ([]collect.TraceLevel, error)

	since   []collect.LogEnd // where the windows of the logs begin
	missing []bundle.Missing
}

func (p *program) collectCommand() *cobra.Command {
	run := &collection{check: check{program: p, plan: lyncdiag.DefaultPlan()}, levels: collect.TraceLevels}
	cmd := &cobra.Command{
		Use:   "collect [ADDRESS]",
		Short: "Write a support bundle: a report, what it rests on, the client and its logs",
		Long: `Write a support bundle for one user: the report, every fact that it rests on, DNS
answers of each resolver, ports, certificate chains, the way through Autodiscover,
MEX and federation metadata, the registrars' answers, the client's export and logs
and what there is to know about this computer. lyncdiag bundle and check --bundle
judge it again, to the same verdict, and a newer version may say more.

Users, hosts, addresses and secrets are replaced by pseudonyms, unless
--redact=false is given. What stands for what is written to the file of
--redact-map alone, which is not part of the bundle. What cannot be redacted is left
out, and so is what cannot be read: the manifest says which. The run's own tokens and
passwords are in no bundle; those that a log holds are, with --redact=false.

This computer's client and its logs are found on Windows; elsewhere, and for others,
give them with --client-from and --log. With --reproduce the client's log level is
raised, after a question, until you have tried to sign in again, and only what was
logged meanwhile is taken.

The file appears when it is whole, in place of one that has its name. The exit code is
that of the report; --fail-on never makes it 0.`,
		Example: "  lyncdiag collect joe@contoso.com --plan\n" +
			"  lyncdiag collect joe@contoso.com --file joe.zip --redact-map map.json\n" +
			"  lyncdiag bundle joe.zip",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			run.hide = p.redact || !cmd.Flags().Changed("redact")
			return run.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	run.networkFlags.register(flags)
	run.evidenceFlags.register(flags)
	run.credentialFlags.register(flags)
	flags.StringVar(&run.userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&run.ticket, "ticket", "", "`TEXT` to repeat in the report")
	flags.StringVar(&run.file, "file", "", "write the bundle to `FILE` (default lyncdiag-TIME.zip in this folder)")
	flags.BoolVar(&run.planOnly, "plan", false, "show what would be taken, and take nothing")
	flags.BoolVar(&run.reproduce, "reproduce", false, "raise the client's log level, wait until you have tried again, and take what was logged meanwhile (Windows)")
	flags.BoolVar(&run.yes, "yes", false, "raise the log level without a question")
	flags.Int64Var(&run.logSize, "log-size", collect.DefaultLogBytes>>20, "take at most the last `MB` of each log")
	flags.Int64Var(&run.totalSize, "total-size", collect.DefaultTotalBytes>>20, "take at most `MB` of the client's export and all logs, the newest first")
	return cmd
}

func (c *collection) run(ctx context.Context, args []string) (err error) {
	if c.logSize <= 0 || c.logSize > maxMegabytes {
		return fmt.Errorf("read --log-size: %d is not from 1 to %d", c.logSize, maxMegabytes)
	}
	if c.totalSize <= 0 || c.totalSize > maxMegabytes {
		return fmt.Errorf("read --total-size: %d is not from 1 to %d", c.totalSize, maxMegabytes)
	}
	if c.yes && !c.reproduce {
		return errors.New("read --yes: it answers the question of --reproduce, and that is not given")
	}
	if c.file == "-" {
		return errors.New("read --file: a bundle goes to a file, not to standard output")
	}
	named := len(c.logPaths) > 0
	if !named {
		c.findLogs()
	}
	// What cannot be read or written costs nobody a run, nor the trouble to try again.
	if len(args) > 0 {
		if _, err := c.addresses(args); err != nil {
			return err
		}
	}
	if c.planOnly {
		return c.showPlan()
	}
	sinks, err := c.sinks(render.Formats("collect"), render.JSON)
	if err != nil {
		return err
	}
	place := cmp.Or(c.file, "lyncdiag-"+time.Now().UTC().Format("20060102-150405")+".zip")
	if existing, err := os.Stat(place); err == nil && existing.Mode().IsRegular() {
		if sameAsAny(existing, slices.Concat(c.logPaths, c.bundles)) {
			return fmt.Errorf("write --file %s: it is one of the files to read; name another", place)
		}
	}
	zip := &program{} // kept when it is whole, before anything is said of it
	out, err := zip.output(place)
	if err != nil {
		return fmt.Errorf("write --file %s: %w", place, cli.Cause(err))
	}
	defer func() {
		if len(zip.written) > 0 {
			err = zip.keep(err)
		}
	}()
	if c.reproduce {
		if err := c.tryAgain(ctx); err != nil {
			return err
		}
		if !named {
			c.findLogs()
		}
	}
	found, err := c.evidenceFlags.read(ctx, c.program)
	if err != nil {
		return err
	}
	if found.recorded != nil {
		return errors.New("read --bundle: a bundle of lyncdiag holds a run of its own; judge it with lyncdiag bundle")
	}
	targets, err := found.targets(&c.networkFlags, args, c.userName, c.ticket)
	if err != nil {
		return err
	}
	if len(targets) > 1 {
		return errors.New("read arguments: a bundle is about one user; say which")
	}
	s, err := c.open(ctx, c.program)
	if err != nil {
		return err
	}
	defer s.Close()
	found.locate(s)
	if err := c.credentialFlags.read(ctx, c.program, &c.networkFlags, s, cmp.Or(targets[0].UserName, targets[0].Address), false); err != nil {
		return err
	}
	c.started = true
	found.addLocal(c.Lab)
	progress := c.startProgress("collect")
	defer progress.stop()
	collector := c.collector(found.client)
	collector.Diagnoser = c.diagnoser(&c.networkFlags, s, c.plan, progress.observe, found.sources).Diagnoser
	collector.Progress = func(name string) { progress.note("writing " + name) }
	m, report, err := collector.Write(ctx, out, targets[0])
	if err != nil {
		return err
	}
	if err := zip.keep(nil); err != nil {
		return err
	}
	progress.stop()
	c.exit = lyncdiag.ExitCode(report, c.failOn.Value)
	return c.write(sinks, tool().Collection(place, m, report), false)
}

// maxMegabytes keeps sizes within what is counted.
const maxMegabytes = 1 << 20

// collector takes what the flags say.
func (c *collection) collector(computer *client.Computer) *collect.Collector {
	from := &collect.Collector{
		Tool: tool(), FailOn: c.failOn.Value, Client: computer, Logs: c.logPaths, Since: c.since, Env: c.env, Missing: c.missing,
		LogBytes: c.logSize << 20, TotalBytes: c.totalSize << 20,
	}
	if c.hide {
		from.Redactor = c.redactor()
	}
	return from
}

// findLogs takes the logs of this computer's client. One that cannot be read costs
// that log alone, as nobody asked for it by name.
func (c *collection) findLogs() {
	c.logPaths, c.missing = nil, nil
	for _, path := range collect.ClientLogs(c.env) {
		file, err := os.Open(path)
		if err != nil {
			c.missing = append(c.missing, bundle.Missing{What: path, Why: "it cannot be read: " + cli.OneLine(cli.Cause(err))})
			continue
		}
		file.Close()
		c.logPaths = append(c.logPaths, path)
	}
}

// showPlan says what would be taken.
func (c *collection) showPlan() error {
	found := &evidence{}
	if c.clientFrom != "" {
		var err error
		if found.client, err = openComputer("--client-from", c.clientFrom); err != nil {
			return err
		}
	}
	found.addLocal(c.Lab)
	collector := c.collector(found.client)
	collector.Diagnoser = &lyncdiag.Diagnoser{Offline: c.Offline}
	return c.document("collect", func() render.Document { return tool().Collection("", collector.Plan(), nil) })
}
