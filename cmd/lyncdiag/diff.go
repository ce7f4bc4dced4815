package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) diffCommand() *cobra.Command {
	var failOn cli.Choice
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Say what changed between two runs: what is new, gone or not known",
		Long: `Say what changed between two runs: findings that are new, gone or changed, and
links and verdicts that are others now.

BEFORE and AFTER are files of reports, batches or DNS documents, as -o json and
-o ndjson write them; - is standard input. Addresses are compared one by one, in
whatever order they stand. One report on either side are compared even if they are
of two users, which is said.

A finding is gone only if the later run looked again at what showed it; where it
did not, the finding is unknown. What other versions wrote is read as far as this
one knows it, which is said too.

The exit code is 1 if a finding at or above --fail-on is new or has become more
severe, 0 if none is, and 2 for files that cannot be read or compared. What
--suppress or --baseline silenced in the later run does not count. To
--fail-on unknown, findings and verdicts that became unknown count as well.`,
		Example: "  lyncdiag diff monday.json tuesday.json\n" +
			"  lyncdiag diff monday.ndjson tuesday.ndjson --fail-on warning -o html=changes.html\n" +
			"  lyncdiag check joe@contoso.com -o json | lyncdiag diff monday.json -",
		Args: arguments(2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := p.recorded(args[0], args[0], io.Discard)
			if err != nil {
				return err
			}
			after, err := p.recorded(args[1], args[1], io.Discard)
			if err != nil {
				return err
			}
			if before.Kind != after.Kind {
				return errors.New("read arguments: " + mixed(before, after))
			}
			d := compare.Runs(before.Reports, after.Reports)
			return p.document("diff", func() render.Document {
				p.exit = d.ExitCode(failOn.Value)
				return tool().Diff(before, after, d, p.exit)
			})
		},
	}
	registerFailOn(&failOn, cmd.Flags())
	return cmd
}

// mixed says that two files are of different kinds.
func mixed(before, after *render.Recorded) string {
	kinds := map[string]string{"report": "reports", "dns": "DNS documents"}
	return fmt.Sprintf("%s holds %s, and %s holds %s; compare what one command wrote", before.Name, kinds[before.Kind], after.Name, kinds[after.Kind])
}
