// Package interview is what a person says: answers read from a file, from a
// flag or asked for on a terminal, and how they become facts.
//
// The questions are those of package kb. Nothing here judges an answer.
package interview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

const schema = "lyncdiag.answers/v1"

// maxDocument bounds the memory of Load. Twenty questions and a pasted message
// fill some kilobytes.
const maxDocument = 1 << 20

// Load reads a lyncdiag.answers/v1 document. It takes what PowerShell makes of
// one too: a byte order mark, UTF-16, a single answer without its array,
// true and false for yes and no, "/Date(milliseconds)/" for a time.
//
// Answers come back in the document's order, in the form that [kb.CheckAnswer]
// wants; of several to one question the last counts, as in a [Source]. A question that does not exist or a value it does not allow is an
// error that says what was meant, and so is a document of more than 1 MiB. As
// the caller knows what it read from, errors say only what is wrong.
func Load(r io.Reader) ([]fact.Answer, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("more than %d bytes", maxDocument)
	}
	text, err := decodeText(raw)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Schema  string `json:"schema"`
		Answers list   `json:"answers"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, readable(err)
	}
	switch {
	case doc.Schema == "":
		return nil, fmt.Errorf("no %q: want a document of schema %q", "schema", schema)
	case doc.Schema != schema:
		return nil, fmt.Errorf("schema %q, want %q", doc.Schema, schema)
	case doc.Answers == nil:
		return nil, fmt.Errorf("no %q: want a document of schema %q", "answers", schema)
	}
	answers := make([]fact.Answer, 0, len(doc.Answers))
	for i, w := range doc.Answers {
		a, err := normal(fact.Answer{ID: w.ID, Value: string(w.Value), At: w.At})
		if err != nil {
			return nil, fmt.Errorf("answer %d: %w", i+1, err)
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// readable says what a JSON value of the wrong kind is, without Go's types.
func readable(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field == "" {
		return fmt.Errorf("found %s where it must not be: want a document of schema %q", wrong.Value, schema)
	}
	return fmt.Errorf("%s: found %s where it must not be", wrong.Field, wrong.Value)
}

type answer struct {
	ID    string `json:"id"`
	Value value  `json:"value"`
	At    string `json:"at,omitempty"`
}

// list is an array of answers, or one answer in its place: ConvertTo-Json
// leaves out the array of a pipeline that held one object.
type list []answer

func (l *list) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("{")) {
		*l = make(list, 1)
		return json.Unmarshal(raw, &(*l)[0])
	}
	return json.Unmarshal(raw, (*[]answer)(l))
}

// value is a text, or the boolean that PowerShell's $true and $false become.
type value string

func (v *value) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true":
		*v = "yes"
		return nil
	case "false":
		*v = "no"
		return nil
	}
	return json.Unmarshal(raw, (*string)(v))
}

// Parse reads an answer as a flag gives it: "licensed=yes". At is left
// unknown. Errors say only what is wrong with it.
func Parse(text string) (fact.Answer, error) {
	id, value, ok := strings.Cut(text, "=")
	if !ok {
		return fact.Answer{}, fmt.Errorf("%q: want ID=VALUE, such as licensed=yes", text)
	}
	return normal(fact.Answer{ID: id, Value: value})
}

// normal brings an answer into the form that kb.CheckAnswer wants. Times become
// UTC, so that a saved answer means the same on another computer.
func normal(a fact.Answer) (fact.Answer, error) {
	a.ID = strings.ToLower(strings.TrimSpace(a.ID))
	a.Value = strings.TrimSpace(a.Value)
	switch a.ID {
	case "message":
		a.Value = strings.ToValidUTF8(a.Value, "\ufffd")
	case "licence-assigned-at":
		if t, err := readTime(a.Value); err == nil {
			a.Value = t.Format(time.RFC3339)
		} else {
			a.Value = strings.ToLower(a.Value)
		}
	default:
		a.Value = strings.ToLower(a.Value)
	}
	if err := kb.CheckAnswer(a.ID, a.Value); err != nil {
		return fact.Answer{}, err
	}
	if a.At != "" {
		t, err := readTime(a.At)
		if err != nil {
			return fact.Answer{}, fmt.Errorf("time of the answer to %s: %w", a.ID, err)
		}
		a.At = stamp(t)
	}
	return a, nil
}

// stamp writes a time as every document does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// readTime reads RFC 3339, a time as a person writes it on this computer's
// clock, and what Windows PowerShell 5.1 makes of a time in JSON.
func readTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil {
		t, err = time.ParseInLocation("2006-01-02 15:04", text, time.Local)
	}
	if inner, ok := strings.CutPrefix(text, "/Date("); ok {
		var ms int64
		ms, err = strconv.ParseInt(strings.TrimSuffix(inner, ")/"), 10, 64)
		t = time.UnixMilli(ms)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time, want 2006-01-02T15:04:05Z", text)
	}
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errors.New("the year has not four digits")
	}
	return t, nil
}
