// Package cli is what the programs of this repository share of their command
// lines: flags of the network, help and its pages, passwords, words for errors.
package cli

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// FlagError puts pflag's errors into the words of this program.
func FlagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if nearest := Suggest(name, names); nearest != "" && len(name) > 1 {
			return fmt.Errorf("read flags: %s has no flag --%s; did you mean --%s?", cmd.CommandPath(), name, nearest)
		}
		return fmt.Errorf("read flags: %s has no flag %s", cmd.CommandPath(), dashed(name))
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return fmt.Errorf("read --%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return fmt.Errorf("read flags: %w", err)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Environment gives every flag that is not on the command line the value of
// <PREFIX>_<FLAG>. Each program has a prefix of its own, as flags of one name mean
// different things: --domain is a file to lyncdiag and a domain to the exporter.
func Environment(flags *pflag.FlagSet, prefix string, env func(string) (string, bool)) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		variable := prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := env(variable)
		if f.Changed || !ok || value == "" || f.Name == "help" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			var invalid *pflag.InvalidValueError
			if errors.As(err, &invalid) {
				err = invalid.Unwrap()
			}
			failed = fmt.Errorf("read environment variable %s: %w", variable, err)
		}
	})
	return failed
}

// Tool is a program as documents name it. release is the version of a released
// one, "1.2.0", which its linker sets.
func Tool(release string) render.Tool {
	t := render.Tool{Version: release}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			t.Version = cmp.Or(t.Version, strings.TrimPrefix(info.Main.Version, "v"))
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				t.Commit = s.Value
			case "vcs.time":
				t.Date, _ = time.Parse(time.RFC3339, s.Value) // zero is unknown
			}
		}
	}
	t.Version = cmp.Or(t.Version, "devel")
	return t
}

// OneLine is an error without line breaks; several errors are joined.
func OneLine(err error) string {
	text := err.Error()
	var several *multierror.Error
	if errors.As(err, &several) {
		var parts []string
		for _, e := range several.Errors {
			parts = append(parts, e.Error())
		}
		text = strings.Join(parts, "; ")
	}
	return strings.Join(strings.Fields(text), " ")
}
