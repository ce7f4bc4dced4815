package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// findingPages writes a page for each entry of the catalogue, by its name.
func findingPages() map[string][]byte {
	texts := map[string]string{}
	for _, m := range kb.Messages() {
		texts[m.Code] = m.Text
	}
	pages := map[string][]byte{}
	for _, s := range kb.Catalogue() {
		pages[s.Name+".md"] = findingPage(s.Generic(), texts)
	}
	return pages
}

func findingPage(s kb.Spec, texts map[string]string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", s.Name)
	fmt.Fprintf(&b, "%s.\n\n", plain(s.Title))
	fmt.Fprintf(&b, "| id | type | severity | owner |\n|---|---|---|---|\n| %s | %s | %s | %s |\n\n", s.ID, s.Type.Label(), s.Severity, s.Owner)
	if s.Planned {
		b.WriteString("Planned: nothing reports this finding yet.\n\n")
	}
	fmt.Fprintf(&b, "## Cause\n\n%s\n\n## What to do\n\n", plain(s.Cause))
	for i, step := range s.Resolution {
		fmt.Fprintf(&b, "%d. %s\n", i+1, plain(step))
	}
	if len(s.Messages) > 0 {
		b.WriteString("\n## Messages it explains\n\n")
		for _, code := range s.Messages {
			fmt.Fprintf(&b, "- %s (%s)\n", plain(texts[code]), code)
		}
	}
	if len(s.References) > 0 {
		b.WriteString("\n## References\n\n")
		for _, r := range s.References {
			fmt.Fprintf(&b, "- %s\n", r)
		}
	}
	return b.Bytes()
}

// coveragePage lists every item of the article with where it is proved.
func coveragePage() []byte {
	var b bytes.Buffer
	b.WriteString("# Coverage of KB 2541980\n\n")
	b.WriteString("Every cell, row, step and branch of the article, in its order, with what proves that lyncdiag does as it says:\n")
	b.WriteString("a finding of the catalogue, a fault of the lab, or a scenario of the tests.\n")
	for _, s := range kb.Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n| item | the article | proof |\n|---|---|---|\n", s.Title)
		for _, i := range s.Items {
			proof := strings.Join(i.Proof, ", ")
			fmt.Fprintf(&b, "| %s | %s | %s |\n", i.ID, cell(i.Text), cell(proof))
		}
	}
	return b.Bytes()
}

// plain keeps words in angle brackets from being read as HTML.
func plain(text string) string {
	return strings.NewReplacer("<", "\\<", "*", "\\*").Replace(text)
}

func cell(text string) string { return strings.ReplaceAll(plain(text), "|", "\\|") }
