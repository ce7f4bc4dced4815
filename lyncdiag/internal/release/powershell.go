package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/semver"
)

// moduleName is the name of the PowerShell module and of its folder.
const moduleName = "LyncDiag"

// moduleTarget is the system of the program in the module. Windows on ARM runs it
// too.
var moduleTarget = target{"windows", "amd64"}

// packModule writes the PowerShell module with the program inside, as it is
// unpacked into a folder of PSModulePath, and its bill of materials. It returns the
// archive's file name.
func packModule(root, dir string, e edition, all parts) (string, error) {
	from := filepath.Join(root, "examples", "powershell", moduleName)
	var files []entry
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "bin": // whoever tries the module has put a program there
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".psd1" {
			if text, err = versioned(text, e.Version); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		files = append(files, entry{Name: moduleName + "/" + filepath.ToSlash(name), Text: text})
		return nil
	})
	if err != nil {
		return "", err
	}
	for i, f := range all.Files {
		if i == 0 {
			f.Name = "bin/" + f.Name
		}
		f.Name = moduleName + "/" + f.Name
		files = append(files, f)
	}
	var b bytes.Buffer
	if err := writeZip(&b, files, e.Time); err != nil {
		return "", err
	}
	base := moduleName + "-" + e.Version
	if err := os.WriteFile(filepath.Join(dir, base+".zip"), b.Bytes(), 0o644); err != nil {
		return "", err
	}
	bill, err := encode(moduleBill(all.Bill, e, b.Bytes()))
	if err != nil {
		return "", err
	}
	return base + ".zip", os.WriteFile(filepath.Join(dir, base+".cdx.json"), bill, 0o644)
}

var (
	moduleVersion = regexp.MustCompile(`(?m)^(\s*ModuleVersion\s*=\s*)'[^']*'`)
	galleryData   = regexp.MustCompile(`(?m)^(\s*)PSData\s*=\s*@\{`)
	notInLabel    = regexp.MustCompile(`[^0-9A-Za-z]`)
)

// versioned is the module's manifest for a release. Its version has numbers alone;
// what makes a pre-release is a label of letters and digits beside it
// (about_Module_Manifests, PrereleaseVersion of PowerShellGet).
func versioned(manifest []byte, version string) ([]byte, error) {
	core, _, _ := strings.Cut(version, "+")
	core, _, _ = strings.Cut(core, "-")
	if len(moduleVersion.FindAll(manifest, -1)) != 1 || len(galleryData.FindAll(manifest, -1)) != 1 {
		return nil, fmt.Errorf("want one line ModuleVersion = '...' and one PSData = @{")
	}
	manifest = moduleVersion.ReplaceAll(manifest, []byte("${1}'"+core+"'"))
	if label := notInLabel.ReplaceAllString(semver.Prerelease("v"+version), ""); label != "" {
		manifest = galleryData.ReplaceAll(manifest, []byte("${0}\n${1}    Prerelease = '"+label+"'"))
	}
	return manifest, nil
}

// moduleBill is the bill of the program with the module around it.
func moduleBill(program *cdx.BOM, e edition, archive []byte) *cdx.BOM {
	bom, about, inside := *program, *program.Metadata, *program.Metadata.Component
	about.Component = &cdx.Component{
		BOMRef: moduleName + "@" + e.Version, Type: cdx.ComponentTypeApplication, Name: moduleName, Version: e.Version,
		Description: "PowerShell module around " + inside.Name, Supplier: inside.Supplier, Licenses: inside.Licenses, ExternalReferences: inside.ExternalReferences,
		Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(archive))}},
	}
	components := append([]cdx.Component{inside}, *program.Components...)
	dependencies := append([]cdx.Dependency{{Ref: about.Component.BOMRef, Dependencies: &[]string{inside.BOMRef}}}, *program.Dependencies...)
	bom.SerialNumber = uuid(moduleName, e.Version, e.Commit, e.Time.String())
	bom.Metadata, bom.Components, bom.Dependencies = &about, &components, &dependencies
	return &bom
}
