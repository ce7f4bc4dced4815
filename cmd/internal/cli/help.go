package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// flagGroup is the annotation that names the title under which help shows a flag.
const flagGroup = "group"

// Titles of flags that several commands share.
const (
	EvidenceGroup    = "What is known besides"
	SettingGroup     = "Client and deployment"
	NetworkGroup     = "Network"
	LabGroup         = "Built-in lab"
	ManyGroup        = "Many targets"
	SilenceGroup     = "What does not count"
	CredentialsGroup = "Password"
	globalGroup      = "Output, on every command"
)

// Group registers flags that help shows together.
func Group(flags *pflag.FlagSet, title string, register func(*pflag.FlagSet)) {
	own := pflag.NewFlagSet(title, pflag.ContinueOnError)
	register(own)
	own.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[flagGroup] == nil {
			f.Annotations = map[string][]string{flagGroup: {title}}
		}
	})
	flags.AddFlagSet(own)
}

// flagGroups are the flags of a command by title, its own first.
func flagGroups(cmd *cobra.Command) (titles []string, groups map[string]*pflag.FlagSet) {
	groups = map[string]*pflag.FlagSet{}
	add := func(title string, f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if groups[title] == nil {
			titles = append(titles, title)
			groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
		}
		groups[title].AddFlag(f)
	}
	cmd.InitDefaultHelpFlag()
	local, global := cmd.LocalNonPersistentFlags(), cmd.InheritedFlags()
	if !cmd.HasParent() {
		global = cmd.PersistentFlags()
	}
	local.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[flagGroup] == nil {
			add("Flags", f)
		}
	})
	for _, title := range []string{EvidenceGroup, CredentialsGroup, ManyGroup, SilenceGroup, SettingGroup, NetworkGroup, LabGroup} {
		local.VisitAll(func(f *pflag.Flag) {
			if slices.Contains(f.Annotations[flagGroup], title) {
				add(title, f)
			}
		})
	}
	global.VisitAll(func(f *pflag.Flag) { add(globalGroup, f) })
	return titles, groups
}

// Usage is what help shows of a command below its description.
func Usage(cmd *cobra.Command) error {
	w, width := cmd.OutOrStdout(), 80
	if file, ok := w.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			width = max(columns, 40)
		}
	}
	fmt.Fprintf(w, "Usage:\n")
	if cmd.Runnable() && (cmd.HasParent() || !cmd.HasAvailableSubCommands()) {
		fmt.Fprintf(w, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND\n", cmd.CommandPath())
		writeCommands(w, cmd, width)
	}
	if cmd.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	titles, groups := flagGroups(cmd)
	for _, title := range titles {
		fmt.Fprintf(w, "\n%s:\n%s", title, groups[title].FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\"%s COMMAND --help\" says more about a command.\n", cmd.CommandPath())
	}
	return nil
}

func writeCommands(w io.Writer, parent *cobra.Command, width int) {
	padding := 0
	for _, c := range parent.Commands() {
		padding = max(padding, len(c.Name()))
	}
	show := func(title, id string) {
		first := true
		for _, c := range parent.Commands() {
			if c.GroupID != id || !c.IsAvailableCommand() {
				continue
			}
			if first {
				fmt.Fprintf(w, "\n%s:\n", title)
				first = false
			}
			fmt.Fprintf(w, "  %-*s ", padding, c.Name())
			column := 3 + padding
			for _, word := range strings.Fields(c.Short) {
				if column+1+len(word) > width && column > 3+padding {
					fmt.Fprintf(w, "\n%*s", 3+padding, "")
					column = 3 + padding
				}
				fmt.Fprintf(w, " %s", word)
				column += 1 + len(word)
			}
			fmt.Fprintln(w)
		}
	}
	for _, g := range parent.Groups() {
		show(g.Title, g.ID)
	}
	show("Commands", "")
}
