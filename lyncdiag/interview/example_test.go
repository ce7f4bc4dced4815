package interview_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/interview"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func ExampleLoad() {
	answers, err := interview.Load(strings.NewReader(`{"schema": "lyncdiag.answers/v1", "answers": [{"id": "liscensed", "value": "yes"}]}`))
	fmt.Println(answers, err)
	// Output:
	// [] answer 1: there is no question "liscensed", did you mean "licensed"?
}

func ExampleInterviewer_Ask() {
	// A run's Verdict.Questions stand here in a program.
	next := func(have []fact.Answer) []kb.Question {
		if len(have) > 0 {
			return nil
		}
		return kb.Questions()[1:2]
	}
	answers, err := interview.Interviewer{}.Ask(context.Background(), strings.NewReader("?\none\n"), os.Stdout, next, nil)
	fmt.Println(answers[0].ID, answers[0].Value, err)
	// Output:
	// Press Enter to skip what you do not know, ? for help, b to go back, q to stop.
	//
	// Does it affect one user or many?
	//   Column of the scoping table. A single user rarely means a service outage.
	// [one/many/unknown] >   Ask a colleague to sign in: one or many.
	// [one/many/unknown] > users one <nil>
}
