package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [NAME]",
		Example: "  lyncdiag schema\n" +
			"  lyncdiag schema report",
		Short:     "Print the JSON Schema of a document, or the names of all",
		Args:      arguments(0, 1),
		ValidArgs: render.Schemas(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return p.document("schemas", tool().Schemas)
			}
			schema, err := render.Schema(args[0])
			if err != nil {
				return fmt.Errorf("read arguments: there is no schema %q%s", args[0], cli.DidYouMean(args[0], render.Schemas()))
			}
			// A schema is JSON already, also for a person.
			sinks, err := p.sinks([]render.Format{render.Text, render.JSON}, render.JSON)
			if err != nil {
				return err
			}
			p.started = true
			for _, s := range sinks {
				if _, err := s.w.Write(schema); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
