package main

import (
	"bytes"
	"compress/gzip"
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

// pack is one object of all schemas by name, without white space and compressed.
func pack(files map[string][]byte) ([]byte, error) {
	all := map[string]json.RawMessage{}
	for file, text := range files {
		all[strings.TrimSuffix(file, ".v1.json")] = text
	}
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact) // which compacts what it is given
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all); err != nil {
		return nil, err
	}
	return compress(compact.Bytes())
}

func compress(text []byte) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
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
