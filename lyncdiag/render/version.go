package render

import (
	"fmt"
	"runtime"
	"strings"
)

// versionDoc is lyncdiag.version/v1.
type versionDoc struct {
	Schema string `json:"schema"`
	Tool   tool   `json:"tool"`
	Commit string `json:"commit"`         // hash of the sources' commit
	Date   string `json:"date,omitempty"` // of that commit
	Go     string `json:"go"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
}

// About is lyncdiag.version/v1.
func (t Tool) About() Document {
	return Document{&versionDoc{"lyncdiag.version/v1", t.wire(), t.Commit, stamp(t.Date), runtime.Version(), runtime.GOOS, runtime.GOARCH}}
}

func (d *versionDoc) text(s *sheet) {
	s.line(fmt.Sprintf("%s %s (%s, %s/%s)", d.Tool.Name, d.Tool.Version, d.Go, d.OS, d.Arch))
	if d.Commit != "" {
		s.line(strings.TrimSpace("commit " + d.Commit + " " + d.Date))
	}
}

// schemasDoc is lyncdiag.schemas/v1.
type schemasDoc struct {
	Schema  string   `json:"schema"`
	Schemas []string `json:"schemas"` // names for lyncdiag schema NAME
}

// Schemas is lyncdiag.schemas/v1.
func (t Tool) Schemas() Document { return Document{&schemasDoc{"lyncdiag.schemas/v1", Schemas()}} }

func (d *schemasDoc) text(s *sheet) {
	for _, name := range d.Schemas {
		s.line(name)
	}
}
