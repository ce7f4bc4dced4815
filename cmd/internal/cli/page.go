package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands are a command and those below it that have something to say.
func Commands(root *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" {
			list = append(list, Commands(c)...)
		}
	}
	return list
}

// PageName is the file of a command's page.
func PageName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".md"
}

// Page is what there is to say of a command, in Markdown: docs/commands is made of it.
func Page(cmd *cobra.Command) string {
	var b bytes.Buffer
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "# %s\n\n%s\n", cmd.CommandPath(), about)
	if cmd.Runnable() && (cmd.HasParent() || !cmd.HasAvailableSubCommands()) {
		fmt.Fprintf(&b, "\n```text\n%s\n```\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n| command | |\n|---|---|\n")
		for _, c := range cmd.Commands() {
			if slices.ContainsFunc(Commands(cmd), func(k *cobra.Command) bool { return k == c }) {
				fmt.Fprintf(&b, "| [%s](%s) | %s |\n", c.CommandPath(), PageName(c), c.Short)
			}
		}
	}
	if cmd.HasExample() {
		b.WriteString("\n## Examples\n\n```sh\n")
		for line := range strings.Lines(cmd.Example + "\n") {
			b.WriteString(strings.TrimPrefix(line, "  "))
		}
		b.WriteString("```\n")
	}
	titles, groups := flagGroups(cmd)
	for _, title := range titles {
		if title == globalGroup && cmd.HasParent() {
			fmt.Fprintf(&b, "\nFor `--output` and what else every command takes, see [lyncdiag](lyncdiag.md).\n")
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| flag | |\n|---|---|\n", title)
		groups[title].VisitAll(func(f *pflag.Flag) {
			kind, text := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if kind != "" {
				name += " " + kind
			}
			if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) && !strings.Contains(text, "(default") {
				text += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(name, "|", `\|`), strings.ReplaceAll(text, "|", `\|`))
		})
	}
	return b.String()
}
