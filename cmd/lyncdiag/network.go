package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// labAddress is whom --lab diagnoses when nobody is named.
const (
	labAddress = "joe@contoso.example"
	labDomain  = "contoso.example"
)

// networkFlags are the same on every command that sends something.
type networkFlags struct {
	cli.Network
	failOn cli.Choice
}

func (n *networkFlags) register(flags *pflag.FlagSet) {
	n.Network.Register(flags)
	cli.Group(flags, cli.NetworkGroup, func(flags *pflag.FlagSet) { flags.BoolVar(&n.Offline, "offline", false, "send nothing") })
	cli.Group(flags, cli.LabGroup, func(flags *pflag.FlagSet) {
		flags.BoolVar(&n.Anonymous, "anonymous", false, "leave credentials out, those of the lab's user too")
	})
	registerFailOn(&n.failOn, flags)
}

// session is the network of one run of the command.
type session struct {
	*cli.Session
	windows bool // prove the password by Windows authentication
}

// now is the time by the clock of the run.
func (s *session) now() time.Time {
	if s.Network.Now != nil {
		return s.Network.Now()
	}
	return time.Now()
}

// open makes the network that the flags describe.
func (n *networkFlags) open(ctx context.Context, p *program) (*session, error) {
	o, err := n.Open(ctx, p.process())
	if err != nil {
		return nil, err
	}
	return &session{Session: o}, nil
}

// bareLab catches "--lab FAULT": a flag whose value is optional takes it only
// after an equals sign.
func (n *networkFlags) bareLab(args []string) error {
	return bareLab(n.Lab, args)
}

func bareLab(given string, args []string) error {
	if given != cli.PlainLab {
		return nil
	}
	var names []string
	for _, f := range lab.Faults() {
		names = append(names, f.Name)
	}
	for _, arg := range args {
		first, _, _ := strings.Cut(arg, ",")
		if slices.Contains(names, first) || !strings.ContainsAny(arg, "@.:/") && cli.Suggest(first, names) != "" {
			return fmt.Errorf("read --lab: a fault follows an equals sign; did you mean --lab=%s?", arg)
		}
	}
	return nil
}
