package interview

import (
	"context"
	"fmt"
	"slices"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Source hands answers to a run; it is a lyncdiag.Source. Of several answers
// to one question the last counts, also across two Sources of one run.
type Source []fact.Answer

// Name is the id of the source's entry in a report.
func (s Source) Name() string { return "answers" }

// Collect puts the answers, and the message that the user saw if one of them
// tells it. An answer that is not allowed is an error, and then none is put.
func (s Source) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	if len(s) == 0 {
		return nil
	}
	origin := fact.Origin{Kind: fact.Interview}
	var all []fact.Answer
	for o, earlier := range fact.All(f, fact.AnswersKey) {
		if o == origin {
			all = slices.Clone(earlier)
		}
	}
	message := ""
	for i, a := range s {
		a, err := normal(a)
		if err != nil {
			return fmt.Errorf("interview: use answer %d: %w", i+1, err)
		}
		all = append(all, a)
		if a.ID == "message" && a.Value != unknown {
			message = a.Value
		}
	}
	fact.Put(f, fact.AnswersKey, all, origin)
	if message != "" {
		fact.Put(f, fact.MessageKey, message, fact.Origin{Kind: fact.Interview, Where: "message"})
	}
	return nil
}
