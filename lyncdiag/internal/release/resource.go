package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
	"golang.org/x/mod/semver"
)

// addResources puts version information and a manifest into a Windows program,
// after it was linked: a .syso file would have to lie among the sources, where
// every other build would see it.
func addResources(exe string, p program, e edition) error {
	number, err := numbers(e.Version)
	if err != nil {
		return err
	}
	info := version.Info{FileVersion: number, ProductVersion: number}
	info.Flags.Prerelease = semver.Prerelease("v"+e.Version) != ""
	for _, text := range [][2]string{
		{version.CompanyName, "The lyncdiag authors"},
		{version.FileDescription, p.Description},
		{version.FileVersion, e.Version},
		{version.InternalName, p.Name},
		{version.LegalCopyright, "MIT licence"},
		{version.OriginalFilename, p.file(target{OS: "windows"})},
		{version.ProductName, "lyncdiag"},
		{version.ProductVersion, strings.TrimSpace(e.Version + " " + e.Commit)},
	} {
		if err := info.Set(version.LangDefault, text[0], text[1]); err != nil {
			return err
		}
	}
	var all winres.ResourceSet
	all.SetVersionInfo(info)
	// No active code page: the program calls the W functions alone, and reads what
	// others print in the console's code page, which it must not change.
	all.SetManifest(winres.AppManifest{
		Identity:       winres.AssemblyIdentity{Name: p.Name, Version: number},
		Description:    p.Description,
		Compatibility:  winres.Win10AndAbove, // as Go's runtime
		ExecutionLevel: winres.AsInvoker,
		LongPathAware:  true,
	})
	plain, err := os.ReadFile(exe)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := all.WriteToEXE(&b, bytes.NewReader(plain)); err != nil {
		return fmt.Errorf("resources of %s: %w", exe, err)
	}
	return os.WriteFile(exe, b.Bytes(), 0o755)
}

// numbers is a semantic version as Windows compares them: 1.2.3-rc.1 is 1.2.3.0.
func numbers(text string) ([4]uint16, error) {
	var n [4]uint16
	core, _, _ := strings.Cut(text, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return n, fmt.Errorf("version %s is not X.Y.Z", text)
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return n, fmt.Errorf("version %s: Windows takes numbers up to 65535", text)
		}
		n[i] = uint16(v)
	}
	return n, nil
}
