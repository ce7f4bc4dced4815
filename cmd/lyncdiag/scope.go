package main

import (
	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) scopeCommand() *cobra.Command {
	symptom := cli.Choice{Allowed: []string{"portal", "lync", "both"}}
	users := cli.Choice{Allowed: []string{"one", "many"}}
	computers := cli.Choice{Allowed: []string{"one", "many"}}
	cmd := &cobra.Command{
		Use:     "scope",
		Example: "  lyncdiag scope --symptom lync --users one --computers many",
		Short:   "Read the article's scoping table: what kind of problem is it?",
		Args:    arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			return p.document("scope", func() render.Document {
				return tool().Scope(kb.Symptom(symptom.Value), kb.Spread(users.Value), kb.Spread(computers.Value))
			})
		},
	}
	cmd.Flags().Var(&symptom, "symptom", "what fails: the portal, lync (while the portal works) or both")
	cmd.Flags().Var(&users, "users", "whom it affects: one or many")
	cmd.Flags().Var(&computers, "computers", "where it happens: on one or on many")
	return cmd
}
