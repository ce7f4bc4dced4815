package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) labCommand() *cobra.Command {
	var faults string
	var rtt time.Duration
	var realPorts bool
	cmd := &cobra.Command{
		Use:     "lab",
		Example: "  lyncdiag lab --fault adfs-mex-http-500",
		Short:   "Run the lab on loopback until interrupted, and say how to reach it",
		Long: "Run the lab on loopback until interrupted, and say how to reach it.\n\n" +
			"Every address at contoso.example is the user, and the password is " + lab.Password + ".",
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sinks, err := p.sinks(render.Formats("lab"), render.JSON)
			if err != nil {
				return err
			}
			if rtt < 0 {
				return fmt.Errorf("read --rtt: %v is less than 0", rtt)
			}
			l, err := lab.Start(cmd.Context(), lab.Config{Faults: cli.SplitFaults(faults), RTT: rtt, Loopback: true, RealPorts: realPorts})
			if err != nil {
				return fmt.Errorf("start lab: %w", err)
			}
			defer l.Close()
			folder, err := os.MkdirTemp("", "lyncdiag-lab-")
			if err != nil {
				return fmt.Errorf("keep the lab's certificates: %w", err)
			}
			defer os.RemoveAll(folder)
			ca := filepath.Join(folder, "ca.pem")
			if err := os.WriteFile(ca, l.Addresses().CA, 0o600); err != nil {
				return fmt.Errorf("keep the lab's certificates: %w", err)
			}
			// Who waits for the file starts when it is there.
			if err := p.keep(p.write(sinks, tool().Lab(l.Flags(ca)), false)); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&faults, "fault", "", "what is wrong in the lab, as `NAME[,NAME...]`; see lab faults")
	cmd.Flags().DurationVar(&rtt, "rtt", 0, "round trip")
	cmd.Flags().BoolVar(&realPorts, "real-ports", false, "bind ports 443, 80 and 5061 on loopback addresses in place of a proxy")
	cmd.AddCommand(p.faultsCommand())
	return cmd
}

func (p *program) faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "faults",
		Example: "  lyncdiag lab faults\n" +
			"  lyncdiag check --lab=dns-sip-tls-srv-missing",
		Short: "List the faults of the lab and what each must be diagnosed as",
		Args:  arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			var list []render.Fault
			for _, f := range lab.Faults() {
				list = append(list, render.Fault{Name: f.Name, Description: f.Description, Expected: f.Expected, Base: f.Base})
			}
			return p.document("faults", func() render.Document { return tool().Faults(list) })
		},
	}
}
