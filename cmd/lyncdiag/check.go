package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
)

const silenceHelp = `

A finding of --suppress or --baseline stays in the report, is marked there, and
does not count for the exit code; verdict and primary finding are as without. What
a suppressed finding explains is suppressed with it. Suppressions that have ended
or match nothing are listed.`

const credentialHelp = `

With a password (--password-stdin, --password-env or --password-prompt) the
service that checks it is asked for a token, as Lync does. The password is sent
once, over verified TLS, to a host that the login service named, and is never
shown. A wrong one counts towards the account's lock-out like any other.`

func (p *program) checkCommand() *cobra.Command {
	run := &check{program: p, plan: lyncdiag.DefaultPlan()}
	var userName string
	cmd := &cobra.Command{
		Use:   "check [ADDRESS...]",
		Short: "Find out why somebody cannot sign in",
		Long: "Find out why somebody cannot sign in: the whole chain from DNS to AD FS, and\nwhat is known besides.\n\n" +
			"For one address the default is a report; for several it is one report a line\n(ndjson) where stdout is no terminal, and -o json is one document of all, -o csv\n" +
			"one row for each. The exit code is the worst." +
			credentialHelp + silenceHelp + fmt.Sprintf(batchHelp, "UserPrincipalName, SipAddress, ProxyAddresses or EmailAddress"),
		Example: "  lyncdiag check joe@contoso.com\n" +
			"  lyncdiag check joe@contoso.com --baseline monday.json\n" +
			"  lyncdiag check joe@contoso.com --suppress dns-sip-cname-missing=contoso.com --until 2031-12-31\n" +
			"  lyncdiag check --input users.csv -o csv=result.csv --resume users.journal\n" +
			"  Get-MsolUser -All | Select UserPrincipalName | Export-Csv users.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			if userName != "" && run.input != "" {
				return errors.New("read --user-name: one name does not fit several addresses")
			}
			var err error
			if run.silence, err = run.silenceFlags.read(p); err != nil {
				return err
			}
			found, err := run.evidenceFlags.read(cmd.Context(), p)
			if err != nil {
				return err
			}
			targets, err := run.readTargets(p, cmd, args, fleet.ReadAddresses, func(args []string) ([]fact.Subject, error) {
				return found.targets(&run.networkFlags, args, userName, run.ticket)
			})
			if err != nil {
				return err
			}
			if err := found.bind(targets); err != nil {
				return err
			}
			targets.binding.Input += run.silence.sum
			return run.all(cmd.Context(), targets, found)
		},
	}
	flags := cmd.Flags()
	run.networkFlags.register(flags)
	run.evidenceFlags.register(flags)
	run.batchFlags.register(flags, defaultRate)
	run.credentialFlags.register(flags)
	run.metrics.register(flags)
	run.silenceFlags.register(flags)
	flags.StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&run.ticket, "ticket", "", "`TEXT` to repeat in the report")
	return cmd
}
