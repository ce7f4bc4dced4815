package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// numbersLast lets explain take the negative numbers that HRESULTs are in
// PowerShell: they follow everything else after a "--", so that they are no
// flags.
func numbersLast(args []string) []string {
	if !slices.Contains(args, "explain") || slices.Contains(args, "--") {
		return args
	}
	var others, numbers []string
	for _, arg := range args {
		if n, err := strconv.ParseInt(arg, 10, 64); err == nil && n < 0 {
			numbers = append(numbers, arg)
			continue
		}
		others = append(others, arg)
	}
	if len(numbers) == 0 {
		return args
	}
	return slices.Concat(others, []string{"--"}, numbers)
}

func (p *program) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain TEXT|CODE|NAME",
		Example: "  lyncdiag explain \"There was a problem acquiring a personal certificate required to sign in\"\n" +
			"  lyncdiag explain 0x80EE0066\n" +
			"  lyncdiag explain 4005\n" +
			"  lyncdiag explain adfs-mex-http-500",
		Short: "Say what a message, a code or a finding means and what to do",
		Args:  arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := strings.Join(args, " ")
			matches := lyncdiag.Explain(query)
			if len(matches) == 0 {
				p.exit = 1
			}
			return p.document("explain", func() render.Document { return tool().Explain(query, matches) })
		},
	}
}
