package metrics

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Write writes families in the text format 0.0.4 of Prometheus, each sample with
// one more label in front: Prometheus' agents join the files in a folder, where no
// two samples may have the same labels. A family without samples is left out.
func Write(w io.Writer, families []Family, label, value string) error {
	var b strings.Builder
	for _, f := range families {
		if len(f.Samples) == 0 {
			continue
		}
		b.WriteString("# HELP " + f.Name + " " + f.Help + "\n# TYPE " + f.Name + " gauge\n")
		for _, s := range f.Samples {
			b.WriteString(f.Name + "{" + label + "=" + quoted(value))
			for i, name := range f.Labels {
				b.WriteString("," + name + "=" + quoted(s.Values[i]))
			}
			b.WriteString("} " + strconv.FormatFloat(s.Value, 'g', -1, 64) + "\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("metrics: write text: %w", err)
	}
	return nil
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// quoted is the value of a label: any UTF-8.
func quoted(value string) string {
	return `"` + escapes.Replace(strings.ToValidUTF8(value, "\uFFFD")) + `"`
}
