package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// jsonReader reads objects one after the other: an array of them, one alone,
// one a line, or those that Graph and Windows PowerShell put under "value".
type jsonReader struct {
	in    *bounded
	dec   *json.Decoder
	emit  func(*node) error
	nodes int
}

func readJSON(in *bounded, emit func(*node) error) error {
	j := &jsonReader{in: in, dec: json.NewDecoder(in), emit: emit}
	j.dec.UseNumber()
	for {
		j.begin()
		tok, err := j.dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return jsonError(err)
		}
		switch tok {
		case json.Delim('['):
			err = j.array()
		case json.Delim('{'):
			err = j.root()
		default:
			err = errors.New("it holds a value and no object")
		}
		if err != nil {
			return jsonError(err)
		}
	}
}

func jsonError(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the JSON ends too early; export it again")
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

// begin gives the next object its room.
func (j *jsonReader) begin() {
	j.in.next()
	j.nodes = 0
}

// array emits the items of an array whose bracket is read.
func (j *jsonReader) array() error {
	for j.dec.More() {
		j.begin()
		v, err := j.value(1)
		if err != nil {
			return err
		}
		if err := j.give(v); err != nil {
			return err
		}
	}
	_, err := j.dec.Token()
	return err
}

// give emits a value, or what it wraps.
func (j *jsonReader) give(v *node) error {
	items := []*node{v}
	switch {
	case v.is(list):
		items = v.items
	case v.is(object) && v.props["value"].is(list) && wrapper(v.names):
		items = v.props["value"].items
	}
	for _, item := range items {
		if !item.is(object) {
			continue
		}
		if err := j.emit(item); err != nil {
			return err
		}
	}
	return nil
}

// wrapper reports whether an object with these names only holds others.
func wrapper(names []string) bool {
	for _, name := range names {
		if name = strings.ToLower(name); name != "value" && name != "count" && !strings.HasPrefix(name, "@odata.") {
			return false
		}
	}
	return true
}

// root reads an object whose brace is read: one for itself, or one around an
// array "value", whose items are emitted as they come.
func (j *jsonReader) root() error {
	n := &node{form: object}
	wrapped := false
	for j.dec.More() {
		name, tok, err := j.name()
		if err != nil {
			return err
		}
		if tok == json.Delim('[') && strings.EqualFold(name, "value") {
			wrapped = true
			if err := j.array(); err != nil {
				return err
			}
			j.begin()
			continue
		}
		v, err := j.from(tok, 1)
		if err != nil {
			return err
		}
		n.set(name, v)
	}
	if _, err := j.dec.Token(); err != nil {
		return err
	}
	if wrapped || len(n.names) == 0 {
		return nil
	}
	return j.emit(n)
}

// name reads a property's name and the first token of its value.
func (j *jsonReader) name() (string, json.Token, error) {
	tok, err := j.dec.Token()
	if err != nil {
		return "", nil, err
	}
	name, _ := tok.(string)
	tok, err = j.dec.Token()
	return name, tok, err
}

func (j *jsonReader) value(depth int) (*node, error) {
	tok, err := j.dec.Token()
	if err != nil {
		return nil, err
	}
	return j.from(tok, depth)
}

// from reads the value that begins with a token.
func (j *jsonReader) from(tok json.Token, depth int) (*node, error) {
	if j.nodes++; j.nodes > maxNodes {
		return nil, fmt.Errorf("an object has more than %d values; export fewer properties", maxNodes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("objects are nested deeper than %d; this is no export of a directory", maxDepth)
	}
	switch t := tok.(type) {
	case nil:
		return &node{form: null}, nil
	case string:
		if placeholder(t) {
			return &node{form: dropped, text: t}, nil
		}
		return text(t), nil
	case bool:
		return &node{form: scalar, text: strconv.FormatBool(t)}, nil
	case json.Number:
		return &node{form: scalar, text: t.String()}, nil
	case json.Delim:
		if t == '[' {
			return j.list(depth)
		}
		return j.object(depth)
	}
	return nil, fmt.Errorf("unexpected %v", tok)
}

func (j *jsonReader) list(depth int) (*node, error) {
	n := &node{form: list}
	for j.dec.More() {
		v, err := j.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, v)
	}
	_, err := j.dec.Token()
	return n, err
}

func (j *jsonReader) object(depth int) (*node, error) {
	n := &node{form: object}
	for j.dec.More() {
		name, tok, err := j.name()
		if err != nil {
			return nil, err
		}
		v, err := j.from(tok, depth+1)
		if err != nil {
			return nil, err
		}
		n.set(name, v)
	}
	if len(n.names) == 0 {
		n.form = null // it says no more than that
	}
	_, err := j.dec.Token()
	return n, err
}

// text is a scalar; an empty one says no more than null.
func text(s string) *node {
	if strings.TrimSpace(s) == "" {
		return &node{form: null}
	}
	return &node{form: scalar, text: s}
}
