package certs

import (
	"strings"
	"testing"
)

// TestEffectOfIncompleteChain: that browsers fetch what is missing is said where it
// could be fetched, and nowhere else.
func TestEffectOfIncompleteChain(t *testing.T) {
	suspected := &Result{Problems: []Problem{{Code: incompleteChain, Detail: "suspected"}}}
	proved := &Standing{Completed: true, Issuers: []Certificate{{}}, Problems: []Problem{{Code: incompleteChain, Detail: "proved"}}}
	for name, test := range map[string]struct {
		standing *Standing
		want     bool
	}{
		"nobody was asked": {nil, false},
		"nothing came":     {&Standing{}, false},
		"fetched":          {proved, true},
	} {
		p := suspected.With(test.standing).Problems[0]
		if got := strings.Contains(p.Detail+p.Effect(), "browser"); got != test.want {
			t.Errorf("%s: %s. Effect: %s", name, p.Detail, p.Effect())
		}
	}
	if proved.Problems[0].Detail != "proved" || suspected.Problems[0].Detail != "suspected" {
		t.Error("With changes what it was given")
	}
}
