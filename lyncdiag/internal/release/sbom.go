package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

const home = "https://github.com/lyncdiag/go-lyncdiag"

// billOf is the CycloneDX bill of materials of one program: the modules that
// the linker recorded in it, and which of them imports which.
func billOf(p program, t target, e edition, linked []byte, info *buildinfo.BuildInfo, modules []module) (*cdx.BOM, error) {
	recorded := map[string]*debug.Module{}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced: a release is made of published modules", m.Path)
		}
		recorded[m.Path] = m
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	refs := map[string]string{info.Main.Path: purl(info.Main.Path, "v"+e.Version)}
	main := cdx.Component{
		BOMRef: refs[info.Main.Path], Type: cdx.ComponentTypeApplication, Name: p.Name, Version: e.Version, Description: p.Description,
		PackageURL:         refs[info.Main.Path],
		Supplier:           &cdx.OrganizationalEntity{Name: "The lyncdiag authors", URL: &[]string{home}},
		Licenses:           &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}},
		Hashes:             &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(linked))}},
		ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeVCS, URL: home, Comment: "commit " + cmp.Or(e.Commit, "unknown")}},
		Properties:         &[]cdx.Property{{Name: "cdx:gomod:build:env:GOOS", Value: t.OS}, {Name: "cdx:gomod:build:env:GOARCH", Value: t.Arch}},
	}
	var components []cdx.Component
	for _, m := range modules[1:] {
		c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version}
		if m.Path == "std" {
			c.Version = goVersion
		} else {
			r := recorded[m.Path]
			if r == nil || r.Version != m.Version {
				return nil, fmt.Errorf("%s %s is not recorded in the program", m.Path, m.Version)
			}
			delete(recorded, m.Path)
			// The sum of go.sum: a SHA-256 over the names and hashes of all files.
			sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Sum, "h1:"))
			if err != nil || len(sum) != sha256.Size {
				return nil, fmt.Errorf("%s has the sum %q", m.Path, r.Sum)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sum)}}
		}
		c.PackageURL = purl(c.Name, c.Version)
		c.BOMRef, refs[m.Path] = c.PackageURL, c.PackageURL
		components = append(components, c)
	}
	for path := range recorded {
		return nil, fmt.Errorf("%s is in the program, and go list does not say so", path)
	}
	var dependencies []cdx.Dependency
	for _, m := range modules {
		d := cdx.Dependency{Ref: refs[m.Path]}
		if len(m.Needs) > 0 {
			var needs []string
			for _, n := range m.Needs {
				needs = append(needs, refs[n])
			}
			d.Dependencies = &needs
		}
		dependencies = append(dependencies, d)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = uuid(p.Name, e.Version, e.Commit, t.String(), e.Time.String())
	bom.Metadata = &cdx.Metadata{
		Timestamp: e.Time.Format(time.RFC3339),
		Authors:   &[]cdx.OrganizationalContact{{Name: "The lyncdiag authors"}},
		Component: &main,
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{
			{Type: cdx.ComponentTypeApplication, Name: "go", Version: goVersion},
			{Type: cdx.ComponentTypeApplication, Name: "lyncdiag/internal/release", Version: e.Version},
		}},
	}
	bom.Components, bom.Dependencies = &components, &dependencies
	return bom, nil
}

// encode writes a bill as CycloneDX 1.6.
func encode(bom *cdx.BOM) ([]byte, error) {
	var b bytes.Buffer
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
	return b.Bytes(), err
}

// purl is the package URL of a Go module, in lower case as its type demands.
// Neither path nor version holds more than a plus sign to be escaped.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// uuid is a name-based one (RFC 9562, version 8): the same input has the same.
func uuid(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
