package interview

import (
	"bufio"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

const noon = "2013-05-31T12:00:00.000Z"

func clock() time.Time { return time.Date(2013, 5, 31, 14, 0, 0, 0, time.FixedZone("", 2*3600)) }

// tree asks what the article's identity section asks: the first step that is
// not answered, as long as the answers are yes.
func tree(answers []fact.Answer) []kb.Question {
	for _, s := range kb.Tree() {
		i := slices.IndexFunc(answers, func(a fact.Answer) bool { return a.ID == s.ID })
		if i < 0 || answers[i].Value == unknown {
			return questions(s.ID)
		}
		if answers[i].Value == "no" {
			return nil
		}
	}
	return nil
}

func questions(ids ...string) (list []kb.Question) {
	for _, id := range ids {
		for _, q := range kb.Questions() {
			if q.ID == id {
				list = append(list, q)
			}
		}
	}
	return list
}

func fixed(ids ...string) func([]fact.Answer) []kb.Question {
	return func([]fact.Answer) []kb.Question { return questions(ids...) }
}

func said(pairs ...string) []fact.Answer {
	var list []fact.Answer
	for _, p := range pairs {
		id, value, _ := strings.Cut(p, "=")
		list = append(list, fact.Answer{ID: id, Value: value, At: noon})
	}
	return list
}

func TestAsk(t *testing.T) {
	for name, test := range map[string]struct {
		next  func([]fact.Answer) []kb.Question
		have  []fact.Answer
		typed string
		want  []fact.Answer
		shown []string // in this order
		asked string   // must not be shown
	}{
		"walks on": {
			next: tree, typed: "yes\nno\n", want: said("portal-sign-in=yes", "licensed=no"),
			shown: []string{"Press Enter", "Office 365 portal?", "Step 1.", "[yes/no/unknown]", "licensed for Lync Online?"}, asked: "synchronize",
		},
		"nothing open":      {next: tree, have: said("portal-sign-in=no"), want: said("portal-sign-in=no")},
		"only what is open": {next: fixed("licensed", "sso"), have: said("licensed=yes"), typed: "no\n", want: said("licensed=yes", "sso=no"), asked: "licensed for"},
		"unknown is open":   {next: fixed("licensed"), have: said("licensed=unknown"), typed: "yes\n", want: said("licensed=yes")},
		"enter is unknown":  {next: fixed("licensed", "sso"), typed: "\n\n", want: said("licensed=unknown", "sso=unknown")},
		"never twice":       {next: tree, typed: "\nyes\nyes\n", want: said("portal-sign-in=unknown"), asked: "licensed"},
		"short forms":       {next: fixed("licensed", "users", "sso"), typed: "Y\r\nm\nUn\n", want: said("licensed=yes", "users=many", "sso=unknown")},
		"help":              {next: fixed("sso"), typed: "?\nno\n", want: said("sso=no"), shown: []string{"[yes/no/unknown]", "press Tab", "[yes/no/unknown]"}},
		"back": {
			next: tree, typed: "yes\nb\nno\n", want: said("portal-sign-in=no"),
			shown: []string{"Office 365 portal?", "licensed for Lync Online?", "Office 365 portal?"},
		},
		"back over several":  {next: tree, typed: "yes\nyes\nB\nback\nyes\nno\n", want: said("portal-sign-in=yes", "licensed=no")},
		"back at the first":  {next: fixed("sso"), typed: "b\nno\n", want: said("sso=no"), shown: []string{"This is the first question."}},
		"back to unknown":    {next: fixed("licensed", "sso"), have: said("licensed=unknown"), typed: "yes\nb\n\nno\n", want: said("licensed=unknown", "sso=no")},
		"stop":               {next: tree, typed: "yes\nQ\nno\n", want: said("portal-sign-in=yes")},
		"input ends":         {next: tree, typed: "yes\n", want: said("portal-sign-in=yes")},
		"no line end":        {next: fixed("sso"), typed: "no", want: said("sso=no")},
		"misunderstood":      {next: fixed("users"), typed: "two\nmany\n", want: said("users=many"), shown: []string{"Please answer one, many, unknown"}},
		"never understood":   {next: fixed("users", "sso"), typed: "a\nx\nc\nyes\n", want: said("users=unknown", "sso=yes"), shown: []string{"left open"}},
		"message":            {next: fixed("message"), typed: " Cannot sign in to Lync \n", want: said("message=Cannot sign in to Lync")},
		"no message":         {next: fixed("message"), typed: "\n", want: said("message=unknown")},
		"message, code page": {next: fixed("message"), typed: "couldn\x92t\n", want: said("message=couldn\u2019t")},
		"time":               {next: fixed("licence-assigned-at"), typed: "soon\n2013-05-31T14:05:00+02:00\n", want: said("licence-assigned-at=2013-05-31T12:05:00Z"), shown: []string{"[time]", "A time such as"}},
		"an endless line":    {next: fixed("sso", "users"), typed: strings.Repeat("x", 1<<20) + "\nno\none\n", want: said("sso=no", "users=one")},
	} {
		t.Run(name, func(t *testing.T) {
			have := slices.Clone(test.have)
			var out strings.Builder
			got, err := Interviewer{Now: clock}.Ask(t.Context(), strings.NewReader(test.typed), &out, test.next, test.have)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, %v; want %+v\n%s", got, err, test.want, &out)
			}
			if !reflect.DeepEqual(have, test.have) {
				t.Errorf("the caller's answers became %+v", test.have)
			}
			rest := out.String()
			for _, part := range test.shown {
				_, after, ok := strings.Cut(rest, part)
				if !ok {
					t.Errorf("%q is not shown in\n%s", part, &out)
				}
				rest = after
			}
			if test.asked != "" && strings.Contains(out.String(), test.asked) {
				t.Errorf("%q is asked:\n%s", test.asked, &out)
			}
			if len(test.have) > 0 && reflect.DeepEqual(got, test.have) && out.Len() > 0 {
				t.Errorf("nothing is open, and this is shown: %s", &out)
			}
		})
	}
}

// Every question of the article can be put, and its first choice typed.
func TestAskEveryQuestion(t *testing.T) {
	var ids []string
	var typed strings.Builder
	for _, q := range kb.Questions() {
		ids = append(ids, q.ID)
		answer := "2013-05-31T14:05:00Z"
		if len(q.Choices) > 0 {
			answer = q.Choices[0]
		}
		typed.WriteString(answer + "\n")
	}
	got, err := Interviewer{}.Ask(t.Context(), strings.NewReader(typed.String()), io.Discard, fixed(ids...), nil)
	if err != nil || len(got) != len(ids) {
		t.Fatalf("%d answers to %d questions, %v", len(got), len(ids), err)
	}
	for _, a := range got {
		if a.Value == unknown || a.At == "" {
			t.Errorf("%+v", a)
		}
	}
}

func TestAskEndsWithTheContext(t *testing.T) {
	in, typed := io.Pipe()
	t.Cleanup(func() { typed.Close() })
	ctx, cancel := context.WithCancelCause(t.Context())
	broken := errors.New("interrupted")
	go func() {
		io.WriteString(typed, "yes\n")
		cancel(broken)
	}()
	got, err := Interviewer{Now: clock}.Ask(ctx, in, io.Discard, tree, nil)
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	// The first answer and the interruption race; what is answered is kept.
	if len(got) > 1 || len(got) == 1 && got[0] != said("portal-sign-in=yes")[0] {
		t.Errorf("answers %+v", got)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestAskReportsErrors(t *testing.T) {
	broken := errors.New("gone")
	have := said("symptom=lync")
	got, err := Interviewer{}.Ask(t.Context(), strings.NewReader("yes\n"), brokenWriter{broken}, tree, have)
	if !errors.Is(err, broken) || !reflect.DeepEqual(got, have) {
		t.Errorf("writing: %+v, %v", got, err)
	}
	got, err = Interviewer{}.Ask(t.Context(), io.MultiReader(strings.NewReader("yes\n"), errReader{broken}), io.Discard, tree, have)
	if !errors.Is(err, broken) || len(got) != 2 {
		t.Errorf("reading: %+v, %v", got, err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// The command may go on reading where the interview stopped.
func TestAskLeavesTheRest(t *testing.T) {
	in := bufio.NewReader(strings.NewReader("yes\nq\nthe rest"))
	if _, err := (Interviewer{}).Ask(t.Context(), in, io.Discard, tree, nil); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(in)
	if err != nil || string(rest) != "the rest" {
		t.Errorf("left %q, %v", rest, err)
	}
}
