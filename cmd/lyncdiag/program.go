package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)

	inputs   []string // files that are read and must not be written
	outputs  []string
	progress cli.Choice
	verbose  bool

	redact     bool
	redactMap  string
	pseudonyms *redact.Redactor // nil: nothing is redacted yet

	line    *progress // shown now; nil: none
	written []*output
	writing sync.Mutex // of any of them
	started bool       // writing has begun: what fails now is the tool's work
	exit    int
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "lyncdiag",
		Short:         "Say why somebody cannot sign in to Lync",
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,

		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := cli.Environment(cmd.Flags(), "LYNCDIAG", p.env); err != nil {
				return err
			}
			if err := onlyReader(standardInput(cmd, args)); err != nil {
				return err
			}
			p.inputs = inputs(cmd.Flags(), args)
			if err := apart(places(cmd, p.outputs)); err != nil {
				return err
			}
			return p.openRedaction()
		},
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(cli.FlagError)
	flags := root.PersistentFlags()
	flags.StringArrayVarP(&p.outputs, "output", "o", nil, "`FORMAT` (text, json, ndjson; of most commands also short, markdown, html, csv or junit) or FORMAT=FILE, where - is standard output; repeatable")
	p.progress = cli.Choice{Allowed: []string{"auto", "plain", "none"}, Value: "auto"}
	flags.Var(&p.progress, "progress", "progress on stderr: auto (on a terminal), plain or none")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log to stderr what is done")
	flags.BoolVar(&p.redact, "redact", false, "replace users, hosts, addresses and secrets in everything that is written by pseudonyms")
	flags.StringVar(&p.redactMap, "redact-map", "", "keep the pseudonyms in `FILE`, and take up those that it has; it undoes the redaction")
	root.SetUsageFunc(cli.Usage)
	const about = "About lyncdiag"
	for _, g := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Diagnose", []*cobra.Command{p.checkCommand(), p.diffCommand(), p.askCommand(), p.scopeCommand(), p.explainCommand()}},
		{"One suspect", []*cobra.Command{p.dnsCommand(), p.autodiscoverCommand(), p.adfsCommand(), p.certCommand(), p.portCommand(), p.proxyCommand(), p.sipCommand(), p.clientCommand()}},
		{"What a user sent", []*cobra.Command{p.logCommand(), p.collectCommand(), p.bundleCommand(), p.redactCommand()}},
		{about, []*cobra.Command{p.labCommand(), p.catalogueCommand(), p.schemaCommand(), p.versionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.title
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID(about)
	root.SetCompletionCommandGroupID(about)
	return root
}

// noCommand refuses a word that is no command, with the nearest that is.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return fmt.Errorf("read arguments: %s has no command %q%s", cmd.CommandPath(), args[0], cli.DidYouMean(args[0], names))
}

// arguments wants at least low and at most high of them (-1: any number).
func arguments(low, high int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= low && (high < 0 || len(args) <= high) {
			return nil
		}
		if lab := cmd.Flags().Lookup("lab"); lab != nil {
			if err := bareLab(lab.Value.String(), args); err != nil {
				return err
			}
		}
		return fmt.Errorf("read arguments: got %d, want: %s", len(args), cmd.UseLine())
	}
}

// standardInput are the flags and arguments that read standard input, the
// passwords among them first.
func standardInput(cmd *cobra.Command, args []string) []string {
	var passwords, files []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		var paths []string
		switch f.Name {
		case "password-stdin", "proxy-password-stdin":
			if f.Value.String() == "true" {
				passwords = append(passwords, "--"+f.Name)
			}
		case "answers", "baseline", "input":
			paths = []string{f.Value.String()}
		case "domain", "log", "nslookup", "user":
			if list, ok := f.Value.(pflag.SliceValue); ok {
				paths = list.GetSlice()
			}
		}
		for _, path := range paths {
			if path == "-" {
				files = append(files, "--"+f.Name+" -")
			}
		}
	})
	for _, path := range args {
		if path == "-" {
			files = append(files, "the argument -")
		}
	}
	return append(passwords, files...)
}

// onlyReader refuses what would take standard input from each other.
func onlyReader(readers []string) error {
	if len(readers) < 2 {
		return nil
	}
	return fmt.Errorf("read %s: %s reads standard input too; give one of them another way", readers[0], readers[1])
}

// logger logs to stderr with -v, else nothing.
func (p *program) logger() *slog.Logger {
	if !p.verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// release is the version of a released program, "1.2.0"; its linker sets it.
var release string

// tool is this program as documents name it.
func tool() render.Tool { return cli.Tool(release) }

// process is what flags read beside their values.
func (p *program) process() *cli.Process {
	return &cli.Process{Stdin: p.stdin, Stderr: p.stderr, Env: p.env}
}
