package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// A step that says to type a command must name one this program has, with
// flags it takes: a person reads it with a ticket open.
func TestStepsNameCommandsThatExist(t *testing.T) {
	typed := regexp.MustCompile(`: lyncdiag ([a-z].*)$`)
	for _, spec := range kb.Catalogue() {
		if spec.Planned {
			continue
		}
		for _, step := range spec.Generic().Resolution {
			m := typed.FindStringSubmatch(step)
			if m == nil {
				continue
			}
			words := strings.Fields(strings.TrimSuffix(m[1], "."))
			p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }}
			root := p.command()
			cmd, rest, err := root.Find(words)
			if err != nil || cmd == root {
				t.Errorf("%s: %q names no command: %v", spec.Name, step, err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", spec.Name, step, err)
			}
		}
	}
}
