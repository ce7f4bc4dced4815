package interview

import (
	"reflect"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func TestSource(t *testing.T) {
	f := fact.New()
	file := Source(said("licensed=no", "message=Cannot sign in to Lync"))
	flags := Source{{ID: "Licensed", Value: " yes"}, {ID: "message", Value: "unknown"}}
	for _, s := range []Source{file, flags, nil} {
		if s.Name() != "answers" {
			t.Errorf("name %q", s.Name())
		}
		if err := s.Collect(t.Context(), fact.Subject{}, f); err != nil {
			t.Fatal(err)
		}
	}
	got, origin, ok := fact.Get(f, fact.AnswersKey)
	want := append(said("licensed=no", "message=Cannot sign in to Lync"), fact.Answer{ID: "licensed", Value: "yes"}, fact.Answer{ID: "message", Value: "unknown"})
	if !ok || origin != (fact.Origin{Kind: fact.Interview}) || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v from %+v, want %+v", got, origin, want)
	}
	message, origin, ok := fact.Get(f, fact.MessageKey)
	if !ok || origin.Kind != fact.Interview || message != "Cannot sign in to Lync" {
		t.Errorf("message %q from %+v", message, origin)
	}
}

func TestSourceWithoutAnswersPutsNothing(t *testing.T) {
	for _, s := range []Source{nil, {{ID: "licensed", Value: "perhaps"}}, {{ID: "licensed", Value: "yes"}, {ID: "", Value: "yes"}}} {
		f := fact.New()
		err := s.Collect(t.Context(), fact.Subject{}, f)
		if (err != nil) != (len(s) > 0) || f.Has(fact.AnswersKey.Name()) || f.Has(fact.MessageKey.Name()) {
			t.Errorf("%+v: error %v, put %v", s, err, f.Has(fact.AnswersKey.Name()))
		}
	}
	f := fact.New()
	if err := Source(said("message=unknown")).Collect(t.Context(), fact.Subject{}, f); err != nil || f.Has(fact.MessageKey.Name()) {
		t.Errorf("a message that nobody read is a message: %v", err)
	}
}
