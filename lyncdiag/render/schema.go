package render

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

//go:embed schema/all.json.gz
var packedSchemas []byte

// schemas are all of them by name, unpacked when one is wanted.
var schemas = sync.OnceValue(func() map[string]json.RawMessage {
	var all map[string]json.RawMessage
	z, err := gzip.NewReader(bytes.NewReader(packedSchemas))
	if err == nil {
		err = json.NewDecoder(z).Decode(&all)
	}
	if err != nil {
		panic(err) // embedded at build time
	}
	return all
})

// Schemas returns the names of the documents, sorted: "report" stands for
// lyncdiag.report/v1.
func Schemas() []string {
	names := make([]string, 0, len(schemas()))
	for name := range schemas() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Schema returns the JSON Schema (draft 2020-12) of the document with this
// name. Keys may be added to a document at any time, so the schema allows
// others; a key that it requires stays.
func Schema(name string) ([]byte, error) {
	raw, ok := schemas()[name]
	if !ok {
		return nil, fmt.Errorf("render: read schema %q: there is none; names are %s", name, strings.Join(Schemas(), ", "))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
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
