package render

import (
	"bytes"
	"embed"
	"encoding/json"
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
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return nil, fmt.Errorf("render: read schema %q: %w", name, err)
	}
	return out.Bytes(), nil
}

// Wire returns an empty value of the struct behind each document, for the
// generator of the schemas.
func Wire() map[string]any {
	return map[string]any{
		"report":       reportDoc{},
		"batch":        batchDoc{},
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
