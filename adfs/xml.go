package adfs

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/beevik/etree"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Limits of a document. The largest genuine MEX document known has 77 kB,
// 900 elements and a depth below 20; a tree costs about 70 times the size of
// its text, so hostile input is refused before a tree is built.
const (
	maxDocument   = 4 << 20
	maxDepth      = 200
	maxElements   = 30_000
	maxAttributes = 256 // of an element and all around it: what a namespace look-up walks
)

// loadXML returns the root element of a document, or why there is none. The
// bytes may be in any encoding that they declare or betray.
func loadXML(b []byte) (*etree.Element, *documentError) {
	text, err := toUTF8(b)
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > maxDocument {
		return nil, &documentError{codeTooLarge, fmt.Sprintf("the document is larger than %d bytes", maxDocument)}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &documentError{codeEmpty, "the document is empty"}
	}
	if looksLikeHTML(text) {
		return nil, &documentError{codeHTML, "the answer is a web page"}
	}
	if err := scan(text); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveDuplicateAttrs = true
	if err := doc.ReadFromBytes(text); err != nil {
		return nil, &documentError{codeMalformed, "the document is not well-formed XML: " + strings.TrimPrefix(err.Error(), "XML syntax error on ")}
	}
	// etree accepts several roots and text beside them, attributes given twice
	// and prefixes that nobody declared; XML does not.
	if n := len(doc.ChildElements()); n != 1 {
		return nil, &documentError{codeMalformed, fmt.Sprintf("the document is not well-formed XML: %d root elements", n)}
	}
	for _, t := range doc.Child {
		if c, ok := t.(*etree.CharData); ok && strings.TrimSpace(c.Data) != "" {
			return nil, &documentError{codeMalformed, "the document is not well-formed XML: text outside the root element"}
		}
	}
	if detail := new(namespaces).misuse(doc.Root()); detail != "" {
		return nil, &documentError{codeMalformed, "the document is not well-formed XML: " + detail}
	}
	return doc.Root(), nil
}

// namespaces are those in force at an element.
type namespaces struct {
	declared []declaration // the innermost last
	uris     []string      // of the element's attributes
}

type declaration struct{ prefix, uri string }

// misuse says what breaks Namespaces in XML 1.0 in an element, "" for nothing.
func (n *namespaces) misuse(e *etree.Element) string {
	outer := len(n.declared)
	for _, a := range e.Attr {
		if a.Space == "xmlns" {
			n.declared = append(n.declared, declaration{a.Key, a.Value})
		}
	}
	if _, ok := n.of(e.Space); !ok {
		return fmt.Sprintf("the prefix of %.100q is not declared", e.FullTag())
	}
	n.uris = n.uris[:0]
	for i, a := range e.Attr {
		uri, ok := n.of(a.Space)
		if !ok {
			return fmt.Sprintf("the prefix of %.100q is not declared", a.FullKey())
		}
		for k, b := range e.Attr[:i] {
			if a.Key == b.Key && (a.Space == b.Space || uri != "" && uri == n.uris[k]) {
				return fmt.Sprintf("%.100q has the attribute %.100q twice", e.FullTag(), a.FullKey())
			}
		}
		n.uris = append(n.uris, uri)
	}
	for _, c := range e.Child {
		if c, ok := c.(*etree.Element); ok {
			if detail := n.misuse(c); detail != "" {
				return detail
			}
		}
	}
	n.declared = n.declared[:outer]
	return ""
}

// of is the namespace of a prefix. Those that need no declaration have none.
func (n *namespaces) of(prefix string) (uri string, ok bool) {
	switch prefix {
	case "", "xml", "xmlns":
		return "", true
	}
	for i := len(n.declared) - 1; i >= 0; i-- {
		if n.declared[i].prefix == prefix {
			return n.declared[i].uri, true
		}
	}
	return "", false
}

// content is the text of an element. Comments and processing instructions in
// it do not end it, as they do in Element.Text.
func content(e *etree.Element) string {
	var b strings.Builder
	for _, c := range e.Child {
		if c, ok := c.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// readLimited reads at most limit bytes; more is an error.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(b)) > limit {
		return nil, &documentError{codeTooLarge, fmt.Sprintf("the document is larger than %d bytes", limit)}
	}
	return b, err
}

// toUTF8 transcodes by byte order mark, else by the zero bytes that UTF-16
// puts around "<", else by the XML declaration. The tree builder ignores
// declared encodings.
func toUTF8(b []byte) ([]byte, *documentError) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return decode(b[2:], unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM))
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return decode(b[2:], unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM))
	case bytes.HasPrefix(b, []byte{0, '<'}):
		return decode(b, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM))
	case bytes.HasPrefix(b, []byte{'<', 0}):
		return decode(b, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM))
	}
	name := declaredEncoding(b)
	switch strings.ToLower(name) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return b, nil
	case "utf-16", "utf-16le", "utf-16be", "unicode":
		// The declaration could be read byte by byte, so it is wrong: a
		// server has transcoded the text and not its first line.
		return b, nil
	}
	enc := charset(name)
	if enc == nil {
		return nil, &documentError{codeMalformed, fmt.Sprintf("the document declares the unknown encoding %.40q", name)}
	}
	return decode(b, enc)
}

// charset finds a single-byte encoding by its IANA name. Those of East Asia have
// more bytes; they cost half a megabyte of tables and no federation service uses
// them.
func charset(name string) encoding.Encoding {
	key := plainName(name)
	switch {
	case key == "latin1" || key == "l1":
		key = "iso88591"
	case strings.HasPrefix(key, "cp125"):
		key = "windows" + key[2:]
	case strings.HasPrefix(key, "cp") || strings.HasPrefix(key, "ibm"):
		key = "ibmcodepage" + strings.TrimLeft(key, "cpibm")
	}
	for _, e := range charmap.All {
		if c, ok := e.(*charmap.Charmap); ok && plainName(c.String()) == key {
			return c
		}
	}
	return nil
}

// plainName is a name without case and punctuation: "ISO-8859-1" is "iso88591".
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

func decode(b []byte, enc encoding.Encoding) ([]byte, *documentError) {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil, &documentError{codeMalformed, "the document's text cannot be decoded: " + err.Error()}
	}
	return out, nil
}

// declaredEncoding returns the encoding named by the XML declaration, or "".
func declaredEncoding(b []byte) string {
	if !bytes.HasPrefix(b, []byte("<?xml")) {
		return ""
	}
	decl, _, ok := bytes.Cut(b[:min(len(b), 1024)], []byte("?>"))
	if !ok {
		return ""
	}
	_, after, ok := bytes.Cut(decl, []byte("encoding"))
	if !ok {
		return ""
	}
	after = bytes.TrimLeft(after, " \t\r\n=")
	if len(after) == 0 || (after[0] != '"' && after[0] != '\'') {
		return ""
	}
	name, _, ok := bytes.Cut(after[1:], after[:1])
	if !ok {
		return ""
	}
	return string(name)
}

// looksLikeHTML reports whether the first markup of the text is that of a web
// page. Login pages are rarely well-formed, so this is asked before parsing.
func looksLikeHTML(b []byte) bool {
	for {
		b = bytes.TrimSpace(b)
		end := ""
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<?")):
			end = "?>"
		}
		if end == "" {
			break
		}
		_, rest, ok := bytes.Cut(b, []byte(end))
		if !ok {
			return false
		}
		b = rest
	}
	start := strings.ToLower(string(b[:min(len(b), 64)]))
	if rest, ok := strings.CutPrefix(start, "<!doctype"); ok {
		return strings.HasPrefix(strings.TrimSpace(rest), "html")
	}
	for _, tag := range []string{"<html", "<head", "<body", "<script", "<meta"} {
		if rest, ok := strings.CutPrefix(start, tag); ok && (rest == "" || strings.ContainsRune(" \t\r\n>/", rune(rest[0]))) {
			return true
		}
	}
	return false
}

// scan bounds a document without building anything: markup is skipped over
// just as the tree builder would read it, so that depth and counts agree for
// every well-formed part. What is not well-formed is left to the tree builder
// to report.
func scan(b []byte) *documentError {
	elements := 0
	open := []int{0} // attributes down to each open element
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return nil
		}
		b = b[i:]
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			b = after(b[4:], "-->")
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			b = after(b[9:], "]]>")
		case bytes.HasPrefix(b, []byte("<!")):
			return &documentError{codeDTD, "the document has a document type declaration, which is not read"}
		case bytes.HasPrefix(b, []byte("<?")):
			b = after(b[2:], "?>")
		case bytes.HasPrefix(b, []byte("</")):
			open = open[:max(1, len(open)-1)]
			b = after(b[2:], ">")
		default:
			rest, attributes, empty := startTag(b[1:])
			elements++
			attributes += open[len(open)-1]
			if !empty {
				open = append(open, attributes)
			}
			switch {
			case len(open)-1 > maxDepth:
				return &documentError{codeTooLarge, fmt.Sprintf("the document is nested deeper than %d elements", maxDepth)}
			case elements > maxElements:
				return &documentError{codeTooLarge, fmt.Sprintf("the document has more than %d elements", maxElements)}
			case attributes > maxAttributes:
				return &documentError{codeTooLarge, fmt.Sprintf("an element and those around it have more than %d attributes", maxAttributes)}
			}
			b = rest
		}
	}
}

func after(b []byte, end string) []byte {
	_, rest, _ := bytes.Cut(b, []byte(end))
	return rest
}

// startTag skips a start tag whose "<" is already gone.
func startTag(b []byte) (rest []byte, attributes int, empty bool) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '>':
			return b[i+1:], attributes, i > 0 && b[i-1] == '/'
		case '"', '\'':
			attributes++
			n := bytes.IndexByte(b[i+1:], b[i])
			if n < 0 {
				return nil, attributes, false
			}
			i += n + 1
		}
	}
	return nil, attributes, false
}
