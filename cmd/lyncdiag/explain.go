package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain TEXT|CODE|NAME",
		Short: "Say what a message, a code or a finding means and what to do",
		Args:  arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := strings.Join(args, " ")
			matches := lyncdiag.Explain(query)
			if len(matches) == 0 {
				p.exit = 1
			}
			return p.document(func() render.Document { return tool().Explain(query, matches) })
		},
	}
}
