package directory

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// clixmlReader reads what Export-Clixml writes ([MS-PSRP] 2.2.5).
type clixmlReader struct {
	in    *bounded
	dec   *xml.Decoder
	emit  func(*node) error
	nodes int
	types map[string][]string // TN by its RefId
	refs  map[string]*node    // objects by their RefId, as long as there is room
	kept  int                 // bytes of refs, about
}

const (
	// maxKept bounds what is kept for later references, in bytes. An object that
	// is not there any more counts as dropped.
	maxKept  = 32 << 20
	maxTypes = 10_000
	nodeSize = 128 // bytes of a node without its text, about
)

func readCLIXML(in *bounded, emit func(*node) error) error {
	c := &clixmlReader{in: in, dec: xml.NewDecoder(in), emit: emit, types: map[string][]string{}, refs: map[string]*node{}}
	// The text is UTF-8 by now, whatever its first line says.
	c.dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	err := c.document()
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF"):
		return errors.New("the XML ends too early; export it again")
	case errors.As(err, &syntax):
		return fmt.Errorf("no XML in line %d: %s", syntax.Line, syntax.Msg)
	}
	return err
}

func (c *clixmlReader) begin() {
	c.in.next()
	c.nodes = 0
}

func (c *clixmlReader) document() error {
	inside := false
	for {
		c.begin()
		tok, err := c.dec.Token()
		if errors.Is(err, io.EOF) && inside {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.Directive:
			return errors.New("a document type declaration is not allowed")
		case xml.StartElement:
			if !inside {
				if t.Name.Local != "Objs" {
					return fmt.Errorf("it is XML (%s) and not of Export-Clixml; export with Export-Clixml or ConvertTo-Json", t.Name.Local)
				}
				inside = true
				continue
			}
			n, err := c.element(t, 1, c.give)
			if err != nil {
				return err
			}
			if err := c.give(n); err != nil {
				return err
			}
		}
	}
}

func (c *clixmlReader) give(n *node) error {
	if n.is(object) && len(n.names) > 0 {
		return c.emit(n)
	}
	return nil
}

// element reads a value. stream takes the items of a list in place of the
// node; nil: they go into it.
func (c *clixmlReader) element(start xml.StartElement, depth int, stream func(*node) error) (*node, error) {
	if c.nodes++; c.nodes > maxNodes {
		return nil, fmt.Errorf("an object has more than %d values; export fewer properties", maxNodes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("objects are nested deeper than %d; this is no export of a directory", maxDepth)
	}
	switch start.Name.Local {
	case "Obj":
		return c.object(start, depth, stream)
	case "Ref":
		n := c.refs[attribute(start, "RefId")]
		if n == nil {
			n = &node{form: dropped, text: "a reference"}
		}
		return n, c.dec.Skip()
	case "Nil":
		return &node{form: null}, c.dec.Skip()
	case "SS":
		return &node{form: dropped, text: "a secret"}, c.dec.Skip()
	}
	s, err := c.chars()
	if err != nil {
		return nil, err
	}
	if start.Name.Local == "S" && placeholder(s) {
		return &node{form: dropped, text: s}, nil
	}
	return text(s), nil
}

// object reads an Obj: a type, the text of the object, and its properties, its
// items or its value.
func (c *clixmlReader) object(start xml.StartElement, depth int, stream func(*node) error) (*node, error) {
	n := &node{form: dropped}
	id := attribute(start, "RefId")
	before, room := c.nodes, c.in.room
	err := c.children(func(t xml.StartElement) error {
		switch t.Name.Local {
		case "TN":
			names, err := c.names()
			n.types = names
			if len(c.types) < maxTypes {
				c.types[attribute(t, "RefId")] = names
			}
			return err
		case "TNRef":
			n.types = c.types[attribute(t, "RefId")]
			return c.dec.Skip()
		case "ToString":
			s, err := c.chars()
			n.text = s
			return err
		case "Props", "MS":
			if n.is(dropped) {
				n.form = object
			}
			return c.properties(n, depth)
		case "LST", "IE", "QUE", "STK":
			n.form = list
			return c.children(func(t xml.StartElement) error {
				if stream != nil {
					c.begin()
				}
				item, err := c.element(t, depth+1, nil)
				switch {
				case err != nil:
					return err
				case stream != nil:
					return stream(item)
				}
				n.items = append(n.items, item)
				return nil
			})
		case "DCT":
			n.form = object
			return c.children(func(xml.StartElement) error { return c.entry(n, depth) })
		}
		// The value of an enumeration, or of a text that has members.
		v, err := c.element(t, depth+1, nil)
		if err == nil && (v.is(scalar) || v.is(null)) {
			name := n.text
			n.form, n.text = v.form, v.text
			if slices.ContainsFunc(n.types, func(t string) bool { return strings.HasSuffix(t, "System.Enum") }) {
				n.enum = name
			}
		}
		return err
	})
	if size := (c.nodes-before+1)*nodeSize + room - c.in.room; id != "" && stream == nil && c.kept+size <= maxKept {
		c.refs[id] = n
		c.kept += size
	}
	return n, err
}

func (c *clixmlReader) properties(n *node, depth int) error {
	return c.children(func(t xml.StartElement) error {
		v, err := c.element(t, depth+1, nil)
		if err == nil && (n.is(object) || n.is(dropped)) {
			n.set(unescape(attribute(t, "N")), v)
		}
		return err
	})
}

// entry reads a key and its value.
func (c *clixmlReader) entry(n *node, depth int) error {
	var key string
	return c.children(func(t xml.StartElement) error {
		v, err := c.element(t, depth+1, nil)
		switch {
		case err != nil:
			return err
		case attribute(t, "N") == "Key":
			key = v.str()
		default:
			n.set(key, v)
		}
		return nil
	})
}

// children calls f for each element inside the current one, which f reads to
// its end.
func (c *clixmlReader) children(f func(xml.StartElement) error) error {
	for {
		tok, err := c.dec.Token()
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if err := f(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

func (c *clixmlReader) names() (names []string, err error) {
	err = c.children(func(xml.StartElement) error {
		s, err := c.chars()
		if len(names) < 16 && len(s) < 1024 {
			names = append(names, s)
		}
		return err
	})
	return names, err
}

// chars is the text of the current element.
func (c *clixmlReader) chars() (string, error) {
	var b strings.Builder
	for {
		tok, err := c.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			if err := c.dec.Skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return unescape(b.String()), nil
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape reads characters that CLIXML writes as _x000A_.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		code, err := strconv.ParseUint(e[2:6], 16, 16)
		if err != nil {
			return e
		}
		return string(rune(code))
	})
}
