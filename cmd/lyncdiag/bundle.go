package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/interview"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) bundleCommand() *cobra.Command {
	// Nothing is sent, so no stage has anything to do.
	run := &check{program: p, plan: lyncdiag.Plan{}}
	run.Offline, run.Timeout = true, lyncdiag.DefaultTimeout
	var address, userName string
	cmd := &cobra.Command{
		Use:   "bundle FILE|DIR...",
		Short: "Judge a support bundle: MOSDALREPORT.zip or a folder of what was collected",
		Long: `Judge a support bundle: MOSDALREPORT.zip, its folder, or another archive or
folder of what was collected on the user's computer. Nothing is sent.

A bundle of lyncdiag collect holds a whole run, which is judged again as it was
recorded, by the rules of this version. Of others, read are the client's logs, what
nslookup and PortQry printed, exports of the directory and of a client, and answers,
wherever they lie in the tree and in archives within it. Whose sign-in it is comes
from the logs, unless --address says it. check --bundle judges the same beside what is
seen from here.`,
		Example: "  lyncdiag bundle MOSDALREPORT.zip\n" +
			"  lyncdiag bundle MOSDALREPORT.zip --address joe@contoso.com --user user.json\n" +
			"  lyncdiag check joe@contoso.com --bundle MOSDALREPORT.zip",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read arguments: no bundle is given")
			}
			run.bundles = append(args, run.bundles...)
			found, err := run.evidenceFlags.read(cmd.Context(), p)
			if err != nil {
				return err
			}
			target := fact.Subject{UserName: userName, Ticket: run.ticket}
			if found.recorded != nil && address != "" {
				return errors.New("read --address: the bundle says whose run it holds")
			}
			if address != "" || found.address != "" || len(found.exports.Users()) > 0 {
				var named []string
				if address != "" {
					named = []string{address}
				}
				list, err := found.targets(&run.networkFlags, named, userName, run.ticket)
				if err != nil {
					return err
				}
				if len(list) > 1 {
					return errors.New("read arguments: the exports name several users; say which with --address")
				}
				target = list[0]
			}
			s, err := run.open(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer s.Close()
			found.locate(s)
			return run.one(cmd.Context(), s, target, found)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "address", "", "the user's sign-in `ADDRESS` (default the one that the logs show)")
	flags.StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&run.ticket, "ticket", "", "`TEXT` to repeat in the report")
	run.evidenceFlags.register(flags)
	run.Setting.Register(flags)
	registerFailOn(&run.failOn, flags)
	return cmd
}

// readBundle reads a bundle with all that is in it, or the run in one of our own.
func (e *evidence) readBundle(ctx context.Context, p *program, path string) (*logs, *recorded, error) {
	b, err := bundle.Open(ctx, path)
	if err != nil {
		return nil, nil, fmt.Errorf("read bundle %s: %w", path, cli.Cause(errors.Unwrap(err)))
	}
	defer b.Close()
	if b.Manifest == nil {
		b.Offer(e.offered)
		l, err := p.readAhead(ctx, b, fact.BundleKey.Name())
		return l, nil, err
	}
	facts, raw, err := b.Recorded()
	if err != nil {
		return nil, nil, fmt.Errorf("read bundle %s: %w", path, errors.Unwrap(err))
	}
	report, err := render.ReadRun(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read bundle %s: %w", path, errors.Unwrap(err))
	}
	return nil, &recorded{facts, report}, nil
}

var documentSchema = regexp.MustCompile(`"schema"\s*:\s*"(lyncdiag\.[a-z-]+/v[0-9]+)"`)

// offered reads a file of a bundle that is an export or answers.
func (e *evidence) offered(name string, in io.Reader) (kind, note string) {
	text := bufio.NewReaderSize(in, 4096)
	head, _ := text.Peek(4096)
	if m := documentSchema.FindSubmatch(bytes.ReplaceAll(head, []byte{0}, nil)); m != nil {
		if string(m[1]) != "lyncdiag.answers/v1" {
			return "", "" // a report, say, which holds nothing that is not judged here
		}
		answers, err := interview.Load(text)
		if err != nil {
			return "answers", "it cannot be read: " + cli.OneLine(err)
		}
		e.answers = append(e.answers, answers...)
		return "answers", ""
	}
	if err := e.exports.Add(name, text); err != nil {
		if strings.Contains(strings.ToLower(name[strings.LastIndexAny(name, `/\!`)+1:]), "get-") {
			return "export", "it cannot be read: " + cli.OneLine(cli.Cause(err))
		}
		return "", ""
	}
	e.exported = true
	return "export", ""
}
