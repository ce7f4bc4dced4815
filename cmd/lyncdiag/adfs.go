package main

import (
	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func (p *program) adfsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adfs",
		Short: "The federation leg, one step each",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.realmCommand(), p.mexCommand(), p.metadataCommand(), p.tokenCommand(), p.faultCommand())
	return cmd
}

func (p *program) realmCommand() *cobra.Command {
	run := &probe{name: "realm", plan: only("realm"), document: tool().Realm}
	var userName string
	cmd := &cobra.Command{
		Use:     "realm ADDRESS",
		Example: "  lyncdiag adfs realm joe@contoso.com",
		Short:   "Ask the login service who checks a user's password",
		Args:    arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := run.address(args, userName)
			if err != nil {
				return err
			}
			return p.probe(cmd, run, []fact.Subject{target})
		},
	}
	run.register(cmd.Flags())
	cmd.Flags().StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	return cmd
}
