package render

import (
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// catalogueDoc is lyncdiag.catalogue/v1.
type catalogueDoc struct {
	Schema   string `json:"schema"`
	Findings []spec `json:"findings"` // by id
}

type spec struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Type       string   `json:"type"     jsonschema:"enum=client,enum=network,enum=identity,enum=service"`
	Severity   string   `json:"severity" jsonschema:"enum=failure,enum=warning,enum=info"` // the worst it can have
	Planned    bool     `json:"planned"`                                                   // nothing can find it yet
	Title      string   `json:"title"`
	Cause      string   `json:"cause"`
	Resolution []string `json:"resolution"`
	Owner      string   `json:"owner"`
	References []string `json:"references"`
}

// Catalogue is lyncdiag.catalogue/v1: everything that can be found.
func (t Tool) Catalogue(specs []kb.Spec) Document {
	return Document{&catalogueDoc{"lyncdiag.catalogue/v1", each(specs, func(e kb.Spec) spec {
		g := e.Generic()
		return spec{g.ID, g.Name, string(g.Type), string(g.Severity), g.Planned, g.Title, g.Cause, list(g.Resolution), string(g.Owner), list(g.References)}
	})}}
}

func (d *catalogueDoc) text(s *sheet) {
	planned := 0
	for _, f := range d.Findings {
		note := ""
		if f.Planned {
			planned++
			note = ", planned"
		}
		s.entry(margin, fmt.Sprintf("%s %s (%s, %s%s)", f.ID, f.Name, f.Severity, f.Type, note))
		s.entry(margin+len(f.ID)+1, f.Title)
	}
	s.blank()
	s.line(strings.TrimSpace(fmt.Sprintf("%s, %d of them planned. More about one: lyncdiag explain NAME", count(len(d.Findings), "finding"), planned)))
}
