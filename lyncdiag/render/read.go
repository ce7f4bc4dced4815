package render

import (
	"encoding/json"
	"fmt"
)

// Read takes a document back from its JSON or its line of ndjson, to write it
// in another format or as part of a batch. It reads reports and DNS documents;
// keys that this version does not know are dropped.
func Read(raw []byte) (Document, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Document{}, fmt.Errorf("render: read document: %w", err)
	}
	var p page
	switch head.Schema {
	case "lyncdiag.report/v1":
		// What an earlier version did not write is not known.
		p = &reportDoc{Experiment: trial{Automatic: "unknown", Manual: "unknown"}, Autodiscover: walked(nil), Records: []seenRecord{}, Hosts: []seenHost{}, Bundle: []bundleFile{},
			Suppressions: []suppression{}, Baseline: heldAgainst(nil)}
	case "lyncdiag.dns/v1":
		p = new(dnsDoc)
	default:
		return Document{}, fmt.Errorf("render: read document: its schema is %q, want lyncdiag.report/v1 or lyncdiag.dns/v1", head.Schema)
	}
	if err := json.Unmarshal(raw, p); err != nil {
		return Document{}, fmt.Errorf("render: read document: %w", err)
	}
	return Document{p}, nil
}
