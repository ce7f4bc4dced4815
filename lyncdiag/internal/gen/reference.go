package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

const referenceIntro = `# Documents and keys

Every document that lyncdiag prints as JSON, key by key. Text is ASCII, with
escapes; nothing is null; arrays are never absent; an unknown text is "", and an
unknown number or time is left out. Times are RFC 3339 in UTC, durations
milliseconds. Keys marked * may be left out. Keys may be added within a version,
and none is renamed or removed. The JSON Schemas are in [schema](schema), and
` + "`lyncdiag schema NAME`" + ` prints them.
`

// referencePage lists the keys of all documents.
func referencePage(list map[string]*jsonschema.Schema) []byte {
	var b bytes.Buffer
	b.WriteString(referenceIntro)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		s := list[name]
		fmt.Fprintf(&b, "\n## %s\n\n| key | type | meaning |\n|---|---|---|\n", s.Title)
		writeKeys(&b, s, s, "", nil)
	}
	return b.Bytes()
}

// writeKeys writes a row for each key of an object, those of objects in it
// after their own. within are the definitions that it is a part of.
func writeKeys(b *bytes.Buffer, root, object *jsonschema.Schema, prefix string, within []string) {
	for pair := object.Properties.Oldest(); pair != nil; pair = pair.Next() {
		key, value := pair.Key, pair.Value
		kind, inner := value.Type, value
		suffix := ""
		if kind == "array" && value.Items != nil {
			suffix, inner = "[]", value.Items
			kind = "array of " + cmp.Or(inner.Type, "object")
		}
		definition := path.Base(inner.Ref)
		if inner.Ref != "" && kind == "" {
			kind = "object"
		}
		meaning := []string{cell(value.Description)}
		switch {
		case value.Const != nil:
			meaning = append(meaning, fmt.Sprintf("`%v`", value.Const))
		case len(inner.Enum) > 0:
			var words []string
			for _, e := range inner.Enum {
				if e == "" {
					e = `""`
				}
				words = append(words, fmt.Sprintf("`%v`", e))
			}
			meaning = append(meaning, strings.Join(words, ", "))
		case value.Format != "":
			meaning = append(meaning, value.Format)
		}
		if slices.Contains(within, definition) {
			meaning = append(meaning, "as above")
		}
		part := root.Definitions[definition]
		elsewhere := inner.Ref != "" && part != nil && documentOf(part) != "" && documentOf(part) != root.Title
		if elsewhere {
			meaning = append(meaning, "`"+documentOf(part)+"`")
		}
		mark := ""
		if !slices.Contains(object.Required, key) {
			mark = "*"
		}
		meaning = slices.DeleteFunc(meaning, func(s string) bool { return s == "" })
		fmt.Fprintf(b, "| `%s%s`%s | %s | %s |\n", prefix, key, mark, kind, strings.Join(meaning, "; "))
		switch {
		case elsewhere: // it has a section of its own
		case inner.Ref != "" && part != nil && !slices.Contains(within, definition):
			writeKeys(b, root, part, prefix+key+suffix+".", append(slices.Clone(within), definition))
		case inner.Ref == "" && inner.Properties != nil:
			writeKeys(b, root, inner, prefix+key+suffix+".", within)
		}
	}
}

// documentOf is the name of a document that stands within another.
func documentOf(s *jsonschema.Schema) string {
	if schema, ok := s.Properties.Get("schema"); ok && schema.Const != nil {
		return fmt.Sprint(schema.Const)
	}
	return ""
}
