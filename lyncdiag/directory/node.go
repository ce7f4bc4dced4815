package directory

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// form is what a node is.
type form int

const (
	absent  form = iota // the object has no such property
	null                // it has, and it is empty
	scalar              // a text, a number, a time, a yes or no
	list                //
	object              //
	dropped             // the serializer left it out, or wrote the name of its type in its place
)

// node is a value of an export, whatever the format. Its methods may be called
// on nil, which is absent.
type node struct {
	form  form
	text  string // of a scalar; of what was dropped, what stands in its place
	enum  string // the name of an enumeration's number, where the format keeps both
	types []string
	items []*node
	props map[string]*node // by keyOf
	names []string         // as they are written, in order
}

func (n *node) is(f form) bool {
	if n == nil {
		return f == absent
	}
	return n.form == f
}

// keyOf is how a property is looked up: the tables of the administration center
// write "User principal name".
func keyOf(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "")) }

// set adds a property. Of two names that differ in case alone the first one
// with a value counts.
func (n *node) set(name string, v *node) {
	if n.props == nil {
		n.props = map[string]*node{}
	}
	key := keyOf(name)
	if old, ok := n.props[key]; ok {
		if old.is(null) {
			n.props[key] = v
		}
		return
	}
	n.props[key] = v
	n.names = append(n.names, name)
}

// get is the first of these properties that the object has, one with a value
// before an empty one. What the Graph cmdlets do not know by name they put
// into AdditionalProperties.
func (n *node) get(names ...string) *node {
	if !n.is(object) {
		return nil
	}
	var found *node
	for _, name := range names {
		for _, v := range []*node{n.props[name], n.props[additional].own(name)} {
			if v != nil && (found == nil || found.is(null)) {
				found = v
			}
		}
	}
	return found
}

const additional = "additionalproperties"

func (n *node) own(name string) *node {
	if !n.is(object) {
		return nil
	}
	return n.props[name]
}

func (n *node) has(names ...string) bool { return !n.get(names...).is(absent) }

// str is a scalar as text, "" for anything else. Windows PowerShell gives a
// string or time with members of its own as an object with a value.
func (n *node) str() string {
	switch {
	case n.is(scalar):
		return strings.TrimSpace(n.text)
	case n.is(object) && n.props["value"].is(scalar):
		return strings.TrimSpace(n.props["value"].text)
	}
	return ""
}

// answer is yes or no, "" for anything that is neither.
func (n *node) answer() string {
	switch strings.ToLower(n.str()) {
	case "true", "$true", "yes", "1":
		return "yes"
	case "false", "$false", "no", "0":
		return "no"
	}
	return ""
}

// enumeration is the lower-case name of an enumeration's value. names are
// those of its numbers, for formats that write the number.
func (n *node) enumeration(names ...string) string {
	if n == nil {
		return ""
	}
	if n.enum != "" {
		return strings.ToLower(n.enum)
	}
	text := n.str()
	if i, err := strconv.Atoi(text); err == nil {
		if i >= 0 && i < len(names) {
			return names[i]
		}
		return ""
	}
	return strings.ToLower(text)
}

// elements are the items of a list. lost: it is not a list any more, so that
// nothing may be concluded from what is not in it.
func (n *node) elements() (items []*node, lost bool) {
	switch {
	case n.is(list):
		return n.items, false
	case n.is(null), n.is(absent):
		return nil, false
	case n.is(object):
		// Windows PowerShell 5.1 writes some arrays so; other objects are a
		// list of one, whose array ConvertTo-Json left out.
		if v := n.props["value"]; v.is(list) {
			return v.items, false
		}
		return []*node{n}, false
	}
	return nil, true
}

// words are the texts of a list that a table may hold in one cell. cut: there
// may be more, or others.
func (n *node) words() (words []string, cut bool) {
	items, lost := n.elements()
	for _, item := range items {
		switch {
		case item.is(dropped):
			cut = true
		case item.str() != "":
			words = append(words, item.str())
		}
	}
	if !lost {
		return words, cut
	}
	text := n.text
	if n.is(dropped) || placeholder(text) {
		return nil, true
	}
	text = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "{"), "}")
	for _, end := range []string{"...", "\u2026"} {
		if short, ok := strings.CutSuffix(text, end); ok {
			text, cut = short, true
		}
	}
	return append(words, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;|\r\n\t ", r) })...), cut
}

// typeName is what stands for an object that was turned into text: the name of
// a .NET type, alone or several times over.
var typeName = regexp.MustCompile("^(System|Microsoft|Deserialized)\\.[A-Za-z0-9_.+]+(`[0-9]+)?(\\[.*\\])?( (System|Microsoft|Deserialized)\\.[A-Za-z0-9_.+]+)*$")

// placeholder reports whether a text stands for an object that was lost.
func placeholder(text string) bool {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return false
	case text[0] == 'S', text[0] == 'M', text[0] == 'D':
		return typeName.MatchString(text)
	}
	return strings.HasPrefix(text, "@{")
}

// time is when, zero where the text is no time or one of some country's own.
// The directory's times are UTC, also where the format does not say so.
func (n *node) time() time.Time {
	text := n.str()
	if inner, ok := strings.CutPrefix(text, "/Date("); ok {
		inner, ok = strings.CutSuffix(inner, ")/")
		if i := strings.LastIndexAny(inner, "+-"); i > 0 {
			inner = inner[:i] // the zone it is to be shown in
		}
		ms, err := strconv.ParseInt(inner, 10, 64)
		if !ok || err != nil {
			return time.Time{}
		}
		return within(time.UnixMilli(ms))
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return within(t)
		}
	}
	return time.Time{}
}

// within drops times that JSON cannot hold, and those that mean never.
func within(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1990 || t.Year() > 9000 {
		return time.Time{}
	}
	return t
}
