package sip

import (
	"regexp"
	"strings"
	"testing"
)

// TestCodeTexts: what is shown of a number is for the people who look it up.
func TestCodeTexts(t *testing.T) {
	note := regexp.MustCompile(`(?i)truncated|recalled|completed\)|\(public\)|pastebin|\.md\b|\.c\b|\bnone\b|[a-z]/[a-z]+-[a-z]|\bhr\b|^unsourced .|\(above\)`)
	texts := func(code any, list ...string) {
		for _, text := range list {
			if note.MatchString(text) {
				t.Errorf("%v: %q is a working note", code, text)
			}
		}
	}
	for _, c := range diagnosticCodes() {
		texts(c.id, c.reason, c.meaning, c.remedy, c.source)
		if c.reason == "" || c.source == "" {
			t.Errorf("%d: no name or no source", c.id)
		}
		for _, sentence := range []string{c.meaning, c.remedy} {
			if sentence != "" && (!strings.HasSuffix(sentence, ".") || strings.ToUpper(sentence[:1]) != sentence[:1]) {
				t.Errorf("%d: %q is no sentence", c.id, sentence)
			}
		}
		if c.remedy != "" && !strings.Contains(c.remedy, " ") {
			t.Errorf("%d: remedy %q", c.id, c.remedy)
		}
	}
	for _, c := range hresultCodes() {
		texts(c.value, c.name, c.meaning, c.source)
	}
	for _, c := range statusCodes() {
		texts(c.status, c.name, c.meaning, c.source)
	}
}
