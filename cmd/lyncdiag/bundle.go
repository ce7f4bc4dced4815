package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func (p *program) bundleCommand() *cobra.Command {
	// Nothing is sent, so no stage has anything to do.
	run := &check{program: p, plan: lyncdiag.Plan{}}
	run.offline, run.timeout = true, lyncdiag.DefaultTimeout
	var address, userName string
	cmd := &cobra.Command{
		Use:   "bundle FILE|DIR...",
		Short: "Judge a support bundle: MOSDALREPORT.zip or a folder of what was collected",
		Long: `Judge a support bundle: MOSDALREPORT.zip, its folder, or another archive or
folder of what was collected on the user's computer. Nothing is sent.

A bundle of lyncdiag collect holds a whole run, which is judged again as it was
recorded. Of others, read are the client's logs, and what nslookup and PortQry printed, wherever they
lie in the tree. Whose sign-in it is comes from the logs, unless --address says it.
check --bundle judges the same beside what is seen from here.`,
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
			defer s.close()
			found.locate(s)
			return run.one(cmd.Context(), s, target, found)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "address", "", "the user's sign-in `ADDRESS` (default the one that the logs show)")
	flags.StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&run.ticket, "ticket", "", "`TEXT` to repeat in the report")
	run.evidenceFlags.register(flags)
	group(flags, settingGroup, run.settingFlags.register)
	run.failOn.registerFailOn(flags)
	return cmd
}
