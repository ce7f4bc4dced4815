package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "client",
		Short:   "Look at a computer's Lync client",
		Example: "  lyncdiag client inspect\n  lyncdiag client inspect --from export",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.clientInspectCommand())
	return cmd
}

const exportHelp = `

On Windows this computer is looked at, as the user sees it who runs the program;
--from reads an export of another one, on any system. "lyncdiag client export" writes
one. Where the program does not run, as on Windows XP to 8, a person can put it
together, in a command window of the user:

  reg export HKLM\SOFTWARE\Microsoft\Communicator lync2010.reg
  reg export HKCU\Software\Microsoft\Shared\UcClient user2010.reg
  reg export HKCU\Software\Microsoft\Office\15.0\Lync user2013.reg
  reg export HKLM\SYSTEM\CurrentControlSet\Services services.reg
  reg export "HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion" system.reg
  reg export HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall programs.reg
  cmdkey /list > cmdkey.txt

and beside these files a folder "profile" with parts of %USERPROFILE%, such as
profile\AppData\Local\Microsoft\Communicator. What is left out stays unknown.`

func (p *program) clientInspectCommand() *cobra.Command {
	var from string
	var failOn choice
	cmd := &cobra.Command{
		Use: "inspect [ADDRESS]",
		Example: "  lyncdiag client inspect\n" +
			"  lyncdiag client inspect joe@contoso.com --from export",
		Short: "Say what is installed, saved and set for the Lync client of a computer",
		Long: `Say what is installed, saved and set for the Lync client of a computer: version,
Sign-In Assistant, updates, manual configuration, saved sign-in information, personal
certificate, Credential Manager, proxy, TLS and clock.

With an address only what belongs to it is judged. Whether saved data are at fault
depends on whether the user can sign in; "lyncdiag check" with --client-from takes
that into account.` + exportHelp,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target := fact.Subject{}
			if len(args) > 0 {
				var err error
				if target, err = fact.ParseAddress(args[0]); err != nil {
					return fmt.Errorf("read %w", err)
				}
			}
			computer, err := openComputer("--from", from)
			if err != nil {
				return err
			}
			sinks, err := p.sinks(documents(), render.JSON)
			if err != nil {
				return err
			}
			p.started = true
			d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Sources: []lyncdiag.Source{computer}, Offline: true, Log: p.logger()}
			f, report, err := d.Facts(cmd.Context(), target)
			if err != nil {
				return err
			}
			// What was looked at has been judged: what it leaves open is no failure of ours.
			if code := lyncdiag.ExitCode(report, failOn.value); code != exitUnfinished {
				p.exit = code
			}
			return p.write(sinks, tool().Client(f, report), false)
		},
	}
	failOn.registerFailOn(cmd.Flags())
	cmd.Flags().StringVar(&from, "from", "", "read an export from `DIR` in place of this computer")
	return cmd
}

// openComputer is an export, or this computer.
func openComputer(flag, from string) (*client.Computer, error) {
	if from == "" {
		c, err := client.Local()
		if err != nil {
			return nil, errors.New("read this computer: only Windows has a Lync client that can be looked at; name an export with --from DIR")
		}
		return c, nil
	}
	c, err := client.Open(from)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", flag, from, cause(errors.Unwrap(err)))
	}
	return c, nil
}
