package directory

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"
)

// property is a line of Format-List.
var property = regexp.MustCompile(`^([A-Za-z_@][A-Za-z0-9_.@ -]*?)\s*: ?(.*)$`)

// readScreen reads the text that Format-List writes, or the screen shows:
// single values are in it, and nested ones are not.
func readScreen(text *bufio.Reader, emit func(*node) error) error {
	in := &bounded{in: text}
	in.next()
	lines := bufio.NewReader(in)
	n, last := &node{form: object}, ""
	give := func() error {
		done := n
		n, last = &node{form: object}, ""
		in.next()
		if len(done.names) == 0 {
			return nil
		}
		return emit(done)
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "":
			if e := give(); e != nil {
				return e
			}
		case last != "" && (line[0] == ' ' || line[0] == '\t'):
			// A value that is too long for the screen goes on below itself.
			if v := n.props[keyOf(last)]; v.is(scalar) {
				n.props[keyOf(last)] = shown(last, v.text+trimmed)
			}
		default:
			if m := property.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
				last = m[1]
				n.set(last, shown(last, m[2]))
			}
		}
		if err != nil {
			return give()
		}
	}
}

// shown is a value as the screen shows it: a collection between braces, a
// nested object by its own name.
func shown(name, s string) *node {
	s = strings.TrimSpace(s)
	switch {
	case s == "{}":
		return &node{form: list}
	case placeholder(s), strings.EqualFold(s, name):
		return &node{form: dropped, text: s}
	}
	return text(s)
}
