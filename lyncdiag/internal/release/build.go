package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// target is a system that the program is published for.
type target struct{ OS, Arch string }

var targets = []target{
	{"windows", "amd64"}, {"windows", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
}

func (t target) String() string { return t.OS + "/" + t.Arch }

// program is one of those that are published, each in archives of its own.
type program struct {
	Name        string
	Package     string // that go build links
	Description string // without a full stop
}

var (
	diagnosis = program{"lyncdiag", "./cmd/lyncdiag", "Diagnoses why a user cannot sign in to Lync or Skype for Business"}
	exporter  = program{"lyncdiag-exporter", "./cmd/lyncdiag-exporter", "Probes sign-in to Lync or Skype for Business for Prometheus"}
)

// file is the name of the executable.
func (p program) file(t target) string {
	if t.OS == "windows" {
		return p.Name + ".exe"
	}
	return p.Name
}

func names(list []target) []string {
	var all []string
	for _, t := range list {
		all = append(all, t.String())
	}
	return all
}

func parseTarget(name string) (target, error) {
	for _, t := range targets {
		if t.String() == name {
			return t, nil
		}
	}
	return target{}, fmt.Errorf("-target %q: there are %s", name, strings.Join(names(targets), ", "))
}

// Lync's services speak HTTP/1.1, and the code for HTTP/2 has half a megabyte.
const tags = "nethttpomithttp2"

// Inlined calls take 1.3 MB of the program. Only the packages that a log or a
// flood of DNS answers passes through are worth it. Cryptography is not, as its
// inner loops are assembly: a check of the lab, both ends of its connections,
// takes a twentieth more of the processor.
var inlined = []string{
	"runtime", "internal/runtime/...", "internal/bytealg", "internal/abi", "bytes", "strings", "unicode/utf8", "encoding/binary",
	"github.com/lyncdiag/go-lyncdiag/sip",
}

// buildFlags are those of go build for a release.
func buildFlags(version string) []string {
	// Stripped. Functions begin at multiples of 8 bytes instead of 32, which is a sixth
	// of a megabyte; reading a log takes no longer by it.
	link := "-s -w -funcalign=8"
	if version != "" {
		link += " -X main.release=" + strings.TrimPrefix(version, "v")
	}
	flags := []string{"-trimpath", "-buildvcs=auto", "-tags=" + tags, "-ldflags=" + link, "-gcflags=all=-l"}
	for _, p := range inlined {
		flags = append(flags, "-gcflags="+p+"=")
	}
	return flags
}

// build writes the stripped program for t to exe.
func build(root string, p program, t target, version, exe string) error {
	args := append([]string{"build", "-o", exe}, buildFlags(version)...)
	_, err := goCommand(root, t, append(args, p.Package)...)
	return err
}

// goCommand runs go for t in root, with nothing of the environment that would
// make another program of the same sources.
func goCommand(root string, t target, args ...string) ([]byte, error) {
	c := exec.Command("go", args...)
	c.Dir = root
	c.Env = append(os.Environ(), "GOOS="+t.OS, "GOARCH="+t.Arch, "CGO_ENABLED=0",
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off", "GOFLAGS=-mod=readonly")
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s for %s: %w\n%s", args[0], t, err, bytes.TrimSpace(failure.Bytes()))
	}
	return out, nil
}

// moduleRoot is the folder of go.mod, wherever below it the command runs.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	file := strings.TrimSpace(string(out))
	if filepath.Base(file) != "go.mod" {
		return "", errors.New("run this inside the repository")
	}
	return filepath.Dir(file), nil
}

// module is one whose packages are in the program. The standard library is the
// module "std", as in the Go vulnerability database.
type module struct {
	Path, Version string
	Dir           string   // its files
	Needs         []string // modules whose packages its packages import
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	ImportMap  map[string]string
	Module     *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// linked lists the modules that go into the program for t, the main one first.
func linked(root string, p program, t target) ([]module, error) {
	goroot, err := goCommand(root, t, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	out, err := goCommand(root, t, "list", "-deps", "-tags="+tags, "-json=ImportPath,Standard,Imports,ImportMap,Module", p.Package)
	if err != nil {
		return nil, err
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
	owner, modules := map[string]string{}, map[string]*module{}
	var main string
	for _, p := range packages {
		m := &module{Path: "std", Dir: strings.TrimSpace(string(goroot))}
		if !p.Standard {
			m = &module{Path: p.Module.Path, Version: p.Module.Version, Dir: p.Module.Dir}
			if p.Module.Main {
				main = m.Path
			}
		}
		owner[p.ImportPath] = m.Path
		if modules[m.Path] == nil {
			modules[m.Path] = m
		}
	}
	for _, p := range packages {
		m := modules[owner[p.ImportPath]]
		for _, name := range p.Imports {
			if real := p.ImportMap[name]; real != "" {
				name = real
			}
			if other := owner[name]; other != "" && other != m.Path && !slices.Contains(m.Needs, other) {
				m.Needs = append(m.Needs, other)
			}
		}
	}
	var all []module
	for _, m := range modules {
		slices.Sort(m.Needs)
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b module) int {
		if (a.Path == main) != (b.Path == main) {
			return map[bool]int{true: -1, false: 1}[a.Path == main]
		}
		return strings.Compare(a.Path, b.Path)
	})
	return all, nil
}
