package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) clientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "client",
		Short:   "Look at a computer's Lync client, and delete saved sign-in information",
		Example: "  lyncdiag client inspect\n  lyncdiag client reset",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.clientInspectCommand(), p.clientExportCommand(), p.clientResetCommand())
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
  reg export HKCU\Software\Microsoft\Office\16.0\Lync user2016.reg
  reg export HKLM\SYSTEM\CurrentControlSet\Services services.reg
  reg export "HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion" system.reg
  reg export HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall programs.reg
  reg export HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall programs32.reg
  cmdkey /list > cmdkey.txt

and beside these files a folder "profile" with parts of %USERPROFILE%, such as
profile\AppData\Local\Microsoft\Communicator. What is left out stays unknown.`

func (p *program) clientInspectCommand() *cobra.Command {
	var from string
	var failOn cli.Choice
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
			sinks, err := p.sinks(render.Formats("client"), render.JSON)
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
			if code := lyncdiag.ExitCode(report, failOn.Value); code != exitUnfinished {
				p.exit = code
			}
			return p.write(sinks, tool().Client(f, report), false)
		},
	}
	registerFailOn(&failOn, cmd.Flags())
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
		return nil, fmt.Errorf("read %s %s: %w", flag, from, cli.Cause(errors.Unwrap(err)))
	}
	return c, nil
}

func (p *program) clientExportCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:     "export --to DIR",
		Example: "  lyncdiag client export --to DIR",
		Short:   "Write what client inspect looks at to a folder, to be read elsewhere",
		Long: `Write what "client inspect" looks at to a folder, to be read on another computer with
--from or check --client-from: registry.reg, the endpoint caches, the certificates of
Communications Server without their keys, and noted.json with services, versions and
times.

No password is written, and of the installed programs, files and credentials only those
of Lync. The files hold the user's address and names of servers.`,
		Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if to == "" {
				return errors.New("read --to: no folder is given")
			}
			computer, err := openComputer("--from", "")
			if err != nil {
				return err
			}
			p.started = true
			list, err := computer.Export(to)
			if err != nil {
				return fmt.Errorf("write --to: %w", cli.Cause(errors.Unwrap(err)))
			}
			for _, name := range list {
				fmt.Fprintln(p.stdout, filepath.Join(to, filepath.FromSlash(name)))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "new or empty `DIR` to write to")
	return cmd
}

func (p *program) clientResetCommand() *cobra.Command {
	var from, backup string
	var only []string
	var yes, dryRun, noBackup bool
	cmd := &cobra.Command{
		Use: "reset [ADDRESS]",
		Example: "  lyncdiag client reset\n" +
			"  lyncdiag client reset joe@contoso.com --only endpoint-cache,dns-cache\n" +
			"  lyncdiag client reset joe@contoso.com --from export",
		Short: "Delete the sign-in information that the Lync client has saved",
		Long: `Delete the sign-in information that the Lync client has saved, as KB 2541980, KB 2604176
and KB 2698626 say: the sign-in folder with its endpoint cache, the account's key in the
registry, AccountProfiles.dat, the certificates of Communications Server, the saved
passwords and the DNS cache.

Without --yes it lists what it would delete, and deletes nothing. While the client runs
it refuses. Files, keys and certificates are copied to a dated folder first, which the
document names; passwords are not copied. Nothing outside the places of these articles
is touched: links and junctions are not followed.

With --from it lists what an export shows.`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case yes && dryRun:
				return errors.New("read flags: --yes deletes and --dry-run does not; give one of them")
			case yes && from != "":
				return errors.New("read --yes: an export is not changed; run it on the computer")
			case noBackup && backup != "":
				return errors.New("read flags: --backup and --no-backup exclude each other")
			}
			computer, err := openComputer("--from", from)
			if err != nil {
				return err
			}
			address, err := savedAddress(computer, args)
			if err != nil {
				return err
			}
			plan, err := computer.Plan(address, only)
			if err != nil {
				return fmt.Errorf("read --only: %s", strings.TrimPrefix(err.Error(), "client: plan reset: "))
			}
			sinks, err := p.sinks(render.Formats("client-reset"), render.JSON)
			if err != nil {
				return err
			}
			if yes && !noBackup && backup == "" {
				if backup, err = client.BackupFolder(time.Now()); err != nil {
					return fmt.Errorf("name --backup: %w", err)
				}
			}
			p.started = true
			var failed error
			if yes {
				if failed = computer.Apply(plan, backup); failed != nil || !plan.Whole() {
					p.exit = exitUnfinished
				}
			}
			return p.write(sinks, tool().ClientReset(plan, !yes, failed), false)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "list what an export in `DIR` shows")
	flags.StringSliceVar(&only, "only", nil, "delete these alone: `KIND` of sign-in-folder, endpoint-cache, registry, account-profiles, certificate, credential, dns-cache")
	flags.BoolVar(&yes, "yes", false, "delete what is listed without it")
	flags.BoolVar(&dryRun, "dry-run", false, "list and delete nothing, which is the default")
	flags.StringVar(&backup, "backup", "", "copy to `DIR` first (default a dated folder in the user's local data)")
	flags.BoolVar(&noBackup, "no-backup", false, "make no copies")
	return cmd
}

// savedAddress is the address that is given, else the only one that is saved.
func savedAddress(c *client.Computer, args []string) (string, error) {
	if len(args) > 0 {
		t, err := fact.ParseAddress(args[0])
		if err != nil {
			return "", fmt.Errorf("read %w", err)
		}
		return t.Address, nil
	}
	var list []string
	add := func(address string) {
		if address != "" && !slices.ContainsFunc(list, func(a string) bool { return strings.EqualFold(a, address) }) {
			list = append(list, address)
		}
	}
	x := c.Inspect()
	for _, a := range x.Accounts {
		add(a.Address)
	}
	for _, p := range x.Profiles {
		add(p.SignIn)
	}
	switch len(list) {
	case 0:
		return "", errors.New("read arguments: no address is given, and none is saved; name the user's sign-in address")
	case 1:
		return list[0], nil
	}
	return "", fmt.Errorf("read arguments: several addresses are saved; name one of %s", strings.Join(list, ", "))
}
