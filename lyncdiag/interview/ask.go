package interview

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

const unknown = "unknown"

const (
	maxLine  = 64 << 10 // of what is typed; longer lines are cut there
	maxTries = 3        // answers that are not understood before a question is left open
)

// Interviewer asks questions. The zero value is ready.
type Interviewer struct {
	Now func() time.Time // the clock of the answers; nil: time.Now
}

// Ask puts one question after the other, and after each answer asks next what
// is still open, until that is nothing, the person types q, or in ends. It
// returns have with the new answers, at most one a question; one that was
// "unknown" is replaced. A question that has an answer, or was put before, is
// not put again, unless the person types b to go back to the one before.
//
// in is read a line at a time; what follows the last line read may be
// buffered, unless in is a *bufio.Reader. The answers so far come with an
// error too: of ctx, of reading or of writing.
func (i Interviewer) Ask(ctx context.Context, in io.Reader, out io.Writer, next func([]fact.Answer) []kb.Question, have []fact.Answer) ([]fact.Answer, error) {
	now := i.Now
	if now == nil {
		now = time.Now
	}
	t := &terminal{in: bufio.NewReader(in), out: out}
	answers := slices.Clone(have)
	var put []kb.Question // in this interview, in order
	var again *kb.Question
	greeted := false
	for {
		q, ok := open(next(answers), answers, put)
		if again != nil {
			q, ok, again = *again, true, nil
		}
		if !ok {
			return answers, nil
		}
		if !greeted {
			greeted = true
			t.print("Press Enter to skip what you do not know, ? for help, b to go back, q to stop.\n")
		}
		value, err := t.ask(ctx, q)
		switch {
		case errors.Is(err, errBack) && len(put) > 0:
			q = put[len(put)-1]
			put, again = put[:len(put)-1], &q
			answers = without(answers, q.ID)
			if k := slices.IndexFunc(have, func(a fact.Answer) bool { return a.ID == q.ID }); k >= 0 {
				answers = append(answers, have[k])
			}
			continue
		case errors.Is(err, errBack):
			t.print("  This is the first question.\n")
			again = &q
			continue
		case errors.Is(err, errStop), errors.Is(err, io.EOF):
			return answers, nil
		case err != nil:
			return answers, fmt.Errorf("interview: ask %s: %w", q.ID, err)
		}
		put = append(put, q)
		answers = append(without(answers, q.ID), fact.Answer{ID: q.ID, Value: value, At: stamp(now())})
	}
}

func without(answers []fact.Answer, id string) []fact.Answer {
	return slices.DeleteFunc(answers, func(a fact.Answer) bool { return a.ID == id })
}

// open is the first question that nobody has answered and that was not put.
func open(questions []kb.Question, answers []fact.Answer, put []kb.Question) (kb.Question, bool) {
	for _, q := range questions {
		known := slices.ContainsFunc(answers, func(a fact.Answer) bool {
			return a.ID == q.ID && a.Value != "" && a.Value != unknown
		})
		if !known && !slices.ContainsFunc(put, func(p kb.Question) bool { return p.ID == q.ID }) {
			return q, true
		}
	}
	return kb.Question{}, false
}

var (
	errStop = errors.New("stopped")
	errBack = errors.New("back")
)

// terminal is the person. After an error of writing nothing more is printed.
type terminal struct {
	in  *bufio.Reader
	out io.Writer
	err error
}

func (t *terminal) print(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format, args...)
	}
}

// ask puts one question until the answer is understood. errStop: the person
// typed q; errBack: b; io.EOF: the input ended.
func (t *terminal) ask(ctx context.Context, q kb.Question) (string, error) {
	t.print("\n%s\n  %s\n", q.Text, q.Why)
	for try := 1; ; {
		t.print("%s> ", hint(q))
		if t.err != nil {
			return "", t.err
		}
		line, err := t.line(ctx)
		if err != nil {
			t.print("\n") // the prompt has no line end
			return "", err
		}
		switch line = strings.TrimSpace(line); {
		case line == "":
			return unknown, nil
		case line == "?":
			t.print("  %s\n", q.Help)
			continue
		case strings.EqualFold(line, "q"), strings.EqualFold(line, "quit"):
			return "", errStop
		case strings.EqualFold(line, "b"), strings.EqualFold(line, "back"):
			return "", errBack
		}
		a, err := normal(fact.Answer{ID: q.ID, Value: complete(line, q.Choices)})
		if err == nil {
			return a.Value, nil
		}
		if try == maxTries {
			t.print("  That is left open.\n")
			return unknown, nil
		}
		t.print("  %s\n", wanted(q))
		try++
	}
}

// hint is what stands before the prompt.
func hint(q kb.Question) string {
	switch {
	case len(q.Choices) > 0:
		return "[" + strings.Join(q.Choices, "/") + "] "
	case q.ID == "message":
		return "[text, in one line] "
	}
	return "[time] "
}

// wanted says what an answer looks like to somebody whose answer was none.
func wanted(q kb.Question) string {
	if len(q.Choices) > 0 {
		return "Please answer " + strings.Join(q.Choices, ", ") + ", or press Enter if you do not know."
	}
	return q.Help
}

// complete lets the start of a choice stand for it, if it is the start of no
// other.
func complete(typed string, choices []string) string {
	var found []string
	for _, c := range choices {
		if strings.EqualFold(c, typed) {
			return c
		}
		if strings.HasPrefix(c, strings.ToLower(typed)) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return typed
}

// line reads a line. A read cannot be interrupted, so it runs beside: when ctx
// ends first, it is left behind until the next line or the end of the input.
func (t *terminal) line(ctx context.Context) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := readLine(t.in)
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case r := <-done:
		return r.text, r.err
	}
}

// readLine reads up to a line feed, or what stands before the end of the input,
// and keeps the first maxLine bytes of it.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part[:min(len(part), maxLine-len(line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			text, err := decodeText(line)
			return string(text), err
		}
		return "", err
	}
}
