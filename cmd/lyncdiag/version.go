package main

import (
	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Example: "  lyncdiag version",
		Short:   "Print the version, its commit and what it was built with",
		Args:    arguments(0, 0),
		RunE:    func(*cobra.Command, []string) error { return p.document("version", tool().About) },
	}
}
