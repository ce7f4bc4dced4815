package render

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

//go:embed schema/*.json
var schemas embed.FS

// Schemas returns the names of the documents, sorted: "report" stands for
// lyncdiag.report/v1.
func Schemas() []string {
	entries, err := schemas.ReadDir("schema")
	if err != nil {
		panic(err) // embedded at build time
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Name() == definitionsFile {
			continue
		}
		names = append(names, strings.TrimSuffix(e.Name(), ".v1.json"))
	}
	slices.Sort(names)
	return names
}

// Schema returns the JSON Schema (draft 2020-12) of the document with this
// name. Keys may be added to a document at any time, so the schema allows
// others; a key that it requires stays.
func Schema(name string) ([]byte, error) {
	b, err := schemas.ReadFile("schema/" + name + ".v1.json")
	if err != nil {
		return nil, fmt.Errorf("render: read schema %q: there is none; names are %s", name, strings.Join(Schemas(), ", "))
	}
	whole, err := withDefinitions(b)
	var out bytes.Buffer
	if err == nil {
		err = json.Indent(&out, whole, "", "  ")
	}
	if err != nil {
		return nil, fmt.Errorf("render: read schema %q: %w", name, err)
	}
	return out.Bytes(), nil
}

// definitionsFile has what several schemas define; they are embedded without it.
const definitionsFile = "definitions.json"

// withDefinitions puts into a schema what it refers to, directly or through what
// it refers to.
func withDefinitions(raw []byte) ([]byte, error) {
	var schema, defs, shared map[string]json.RawMessage
	b, err := schemas.ReadFile("schema/" + definitionsFile)
	if err = errors.Join(err, json.Unmarshal(b, &shared), json.Unmarshal(raw, &schema)); err != nil {
		return nil, err
	}
	if own, ok := schema["$defs"]; ok {
		if err := json.Unmarshal(own, &defs); err != nil {
			return nil, err
		}
	} else {
		defs = map[string]json.RawMessage{}
	}
	for texts := []string{string(raw)}; len(texts) > 0; texts = texts[1:] {
		for _, part := range strings.Split(texts[0], `"#/$defs/`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if _, ok := defs[name]; !ok {
				defs[name] = shared[name]
				texts = append(texts, string(shared[name]))
			}
		}
	}
	if len(defs) > 0 {
		if schema["$defs"], err = json.Marshal(defs); err != nil {
			return nil, err
		}
	}
	return json.Marshal(schema)
}

// Wire returns an empty value of the struct behind each document, for the
// generator of the schemas.
func Wire() map[string]any {
	return map[string]any{
		"report":       reportDoc{},
		"batch":        batchDoc{},
		"diff":         diffDoc{},
		"dns":          dnsDoc{},
		"autodiscover": autodiscoverDoc{},
		"realm":        realmDoc{},
		"mex":          mexDoc{},
		"cert":         certDoc{},
		"port":         portDoc{},
		"proxy":        proxyDoc{},
		"sip":          sipDoc{},
		"client":       clientDoc{},
		"client-reset": resetDoc{},
		"log":          logDoc{},
		"message":      messageDoc{},
		"explain":      explainDoc{},
		"scope":        scopeDoc{},
		"answers":      answersDoc{},
		"catalogue":    catalogueDoc{},
		"faults":       faultsDoc{},
		"lab":          labDoc{},
		"schemas":      schemasDoc{},
		"version":      versionDoc{},

		"redaction-map": redact.Map{},
		"bundle":        bundle.Manifest{},
		"collect":       collectDoc{},
		"system":        systemDoc{},

		"federation-metadata": federationMetadataDoc{},
		"fault":               faultDoc{},
		"token":               tokenDoc{},
	}
}
