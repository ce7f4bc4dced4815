// Command release builds what is published: an archive of each program for each
// system, the PowerShell module, checksums, bills of materials, and the manifests
// for winget and Scoop. The flags of a released build live here and nowhere else.
//
//	go run ./lyncdiag/internal/release [-version vX.Y.Z] [-out DIR] [-target OS/ARCH,…]
//
// Two runs from one commit with one version of Go give the same bytes. All
// times are those of the commit, or SOURCE_DATE_EPOCH.
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.LookupEnv); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// edition is what all files of a release say of themselves.
type edition struct {
	Version string    // "1.2.0"
	Commit  string    // hash; "" is unknown
	Time    time.Time // of the commit, or of SOURCE_DATE_EPOCH
}

// built is one archive of a release.
type built struct {
	Target  target
	Archive string // file name
	SHA256  string // of the archive
}

func run(args []string, stdout io.Writer, env func(string) (string, bool)) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "version of the release, vX.Y.Z; without it, what Go makes of tag and commit")
	out := flags.String("out", "dist", "new or empty `folder` for the files")
	list := flags.String("target", strings.Join(names(targets), ","), "systems to build for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("arguments are not understood: %q", flags.Args())
	}
	if *version != "" && (semver.Canonical(*version) != *version) {
		return fmt.Errorf("-version %s: want vX.Y.Z or vX.Y.Z-PRERELEASE", *version)
	}
	var chosen []target
	for name := range strings.SplitSeq(*list, ",") {
		t, err := parseTarget(name)
		if err != nil {
			return err
		}
		chosen = append(chosen, t)
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	// Nothing is left behind by a release that failed, and nothing mixed with an
	// older one.
	if err := os.Remove(*out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("-out %s: delete it, or name another folder: %w", *out, err)
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(*out), ".release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	files := filepath.Join(work, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return err
	}

	var e edition
	var archives []built
	for _, t := range chosen {
		for _, p := range []program{diagnosis, exporter} {
			exe := filepath.Join(work, t.OS+"-"+t.Arch, p.file(t))
			if err := build(root, p, t, *version, exe); err != nil {
				return err
			}
			info, err := buildinfo.ReadFile(exe)
			if err != nil {
				return err
			}
			if e, err = editionOf(info, *version, env); err != nil {
				return err
			}
			modules, err := linked(root, p, t)
			if err != nil {
				return err
			}
			if t.OS == "windows" {
				if err := addResources(exe, p, e); err != nil {
					return err
				}
			}
			all, err := partsOf(root, exe, p, t, e, info, modules)
			if err != nil {
				return err
			}
			one, err := pack(files, p, t, e, all)
			if err != nil {
				return err
			}
			name := t.String()
			if p == diagnosis {
				archives = append(archives, one)
			} else {
				name = p.Name + " " + name
			}
			fmt.Fprintf(stdout, "%s %d bytes, in %s\n", name, len(all.Files[0].Text), one.Archive)
			if p == diagnosis && t == moduleTarget {
				name, err := packModule(root, files, e, all)
				if err != nil {
					return err
				}
				fmt.Fprintf(stdout, "PowerShell module, in %s\n", name)
			}
		}
	}
	if err := writeManifests(files, e, archives); err != nil {
		return err
	}
	if err := writeSums(files); err != nil {
		return err
	}
	return os.Rename(files, *out)
}

// editionOf reads what Go stamped into a program.
func editionOf(info *buildinfo.BuildInfo, version string, env func(string) (string, bool)) (edition, error) {
	e := edition{Version: strings.TrimPrefix(info.Main.Version, "v")}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			e.Commit = s.Value
		case "vcs.time":
			at, err := time.Parse(time.RFC3339, s.Value)
			if err != nil {
				return edition{}, fmt.Errorf("time of the commit: %w", err)
			}
			e.Time = at.UTC()
		case "vcs.modified":
			if s.Value == "true" && version != "" {
				return edition{}, fmt.Errorf("%s would not be what is committed: commit or undo the changes that git status shows", version)
			}
		}
	}
	if version != "" {
		e.Version = strings.TrimPrefix(version, "v")
	}
	if text, ok := env("SOURCE_DATE_EPOCH"); ok {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return edition{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", text)
		}
		e.Time = time.Unix(seconds, 0).UTC()
	}
	if e.Commit == "" {
		// Go stamps nothing in a linked worktree or an archive of the sources. That
		// will do for a look, and not for what is published.
		if version != "" {
			return edition{}, fmt.Errorf("%s needs the commit: build in a clone of the repository, not in a linked worktree, with git installed", version)
		}
		e.Version = "0.0.0-devel"
		if e.Time.IsZero() {
			e.Time = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	// A ZIP's times begin in 1980.
	if y := e.Time.Year(); y < 1980 || y > 2107 {
		return edition{}, fmt.Errorf("the year of the release is %d", y)
	}
	return e, nil
}
