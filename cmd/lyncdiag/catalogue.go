package main

import (
	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) catalogueCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "catalogue",
		Example: "  lyncdiag catalogue -o json",
		Short:   "List everything that can be found",
		Args:    arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			return p.document("catalogue", func() render.Document { return tool().Catalogue(kb.Catalogue()) })
		},
	}
}
