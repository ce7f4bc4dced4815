package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// schemas makes a JSON Schema of each wire struct, with the comments of its
// fields as descriptions.
func schemas(source string) (map[string]*jsonschema.Schema, error) {
	comments, err := fieldComments(source)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"redact", "bundle"} { // the map of pseudonyms, and the manifest
		others, err := fieldComments(filepath.Join(source, "..", folder))
		if err != nil {
			return nil, err
		}
		for name, comment := range others {
			if comments[name] == "" {
				comments[name] = comment
			}
		}
	}
	list := map[string]*jsonschema.Schema{}
	for name, wire := range render.Wire() {
		r := jsonschema.Reflector{
			AllowAdditionalProperties: true, // keys may be added within a version
			ExpandedStruct:            true,
			LookupComment:             func(t reflect.Type, field string) string { return comments[t.Name()+"."+field] },
		}
		s := r.Reflect(wire)
		s.ID = jsonschema.ID("https://github.com/lyncdiag/go-lyncdiag/docs/schema/" + name + ".v1.json")
		s.Title = "lyncdiag." + name + "/v1"
		if err := fixSchemaName(s, s.Title, name); err != nil {
			return nil, err
		}
		// A report inside a batch names its own schema.
		if inner, ok := s.Definitions["reportDoc"]; ok {
			if err := fixSchemaName(inner, "lyncdiag.report/v1", name); err != nil {
				return nil, err
			}
		}
		list[name] = s
	}
	return list, nil
}

// schemaFiles writes the schemas as people and validators read them.
func schemaFiles(list map[string]*jsonschema.Schema) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, s := range list {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		files[name+".v1.json"] = b.Bytes()
	}
	return files, nil
}

// embeddable are the schemas without white space. What several of them define in
// the same words stands in a file of definitions, which render puts back.
func embeddable(files map[string][]byte) (map[string][]byte, error) {
	type definition struct{ name, text string }
	count := map[definition]int{}
	parsed := map[string]map[string]json.RawMessage{}
	for file, text := range files {
		var b bytes.Buffer
		if err := json.Compact(&b, text); err != nil {
			return nil, err
		}
		var s struct {
			Defs map[string]json.RawMessage `json:"$defs"`
		}
		if err := json.Unmarshal(b.Bytes(), &s); err != nil {
			return nil, err
		}
		parsed[file] = s.Defs
		for name, d := range s.Defs {
			count[definition{name, string(d)}]++
		}
	}
	// Of one name with several texts the most frequent is shared.
	shared := map[string]json.RawMessage{}
	for d, n := range count {
		most := count[definition{d.name, string(shared[d.name])}]
		if n > 1 && (n > most || n == most && d.text < string(shared[d.name])) {
			shared[d.name] = json.RawMessage(d.text)
		}
	}
	embedded := map[string][]byte{}
	for file, text := range files {
		for name, d := range parsed[file] {
			if bytes.Equal(shared[name], d) {
				delete(parsed[file], name)
			}
		}
		var s map[string]json.RawMessage
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		delete(s, "$defs")
		if len(parsed[file]) > 0 {
			own, err := asJSON(parsed[file])
			if err != nil {
				return nil, err
			}
			s["$defs"] = own
		}
		whole, err := asJSON(s)
		if err != nil {
			return nil, err
		}
		embedded[file] = append(whole, '\n')
	}
	definitions, err := asJSON(shared)
	if err != nil {
		return nil, err
	}
	embedded["definitions.json"] = append(definitions, '\n')
	return embedded, nil
}

// asJSON is one line with keys in their order, and what is markup as it is.
func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	var line bytes.Buffer
	err := json.Compact(&line, b.Bytes())
	return line.Bytes(), err
}

// fixSchemaName lets the key schema have its one value only.
func fixSchemaName(s *jsonschema.Schema, value, name string) error {
	property, ok := s.Properties.Get("schema")
	if !ok {
		return fmt.Errorf("schema %s: the struct has no field schema", name)
	}
	property.Const = value
	return nil
}

// fieldComments reads the comments beside and above the fields of structs, by
// type and field.
func fieldComments(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	comments := map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range body.Fields.List {
				for _, name := range field.Names {
					text := strings.TrimSpace(field.Doc.Text() + field.Comment.Text())
					comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(text), " ")
				}
			}
			return true
		})
	}
	return comments, nil
}
