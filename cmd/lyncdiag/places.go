package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// A place is a file that a run writes.
type place struct {
	flag string // that asks for it
	path string // as it was given
}

// places are the files that a command writes at its end or meanwhile.
func places(cmd *cobra.Command, outputs []string) []place {
	var list []place
	for _, given := range outputs {
		if _, path, _ := strings.Cut(given, "="); path != "-" {
			list = append(list, place{"-o", path})
		}
	}
	names := []string{"metrics", "resume", "file", "redact-map"}
	if cmd.Name() == "ask" {
		names = append(names, "answers") // elsewhere they are only read
	}
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f != nil && f.Value.String() != "-" {
			list = append(list, place{"--" + name, f.Value.String()})
		}
	}
	return slices.DeleteFunc(list, func(p place) bool { return p.path == "" })
}

// apart refuses a file that two flags write, by whatever name.
func apart(list []place) error {
	for i, later := range list {
		for _, earlier := range list[:i] {
			if !sameFile(earlier.path, later.path) {
				continue
			}
			if earlier.flag == later.flag {
				return fmt.Errorf("write %s: another %s writes this file", later.path, later.flag)
			}
			return fmt.Errorf("write %s: %s writes this file, and %s too; name another", later.path, earlier.flag, later.flag)
		}
	}
	return nil
}

// sameFile reports whether two names are those of one file, that need not be there
// yet. What is there and no file, such as a device, takes what several write.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	switch {
	case err == nil && err2 == nil:
		return first.Mode().IsRegular() && os.SameFile(first, second)
	case err == nil, err2 == nil:
		return false
	}
	a, b = resolved(a), resolved(b)
	return a == b || (runtime.GOOS == "windows" || runtime.GOOS == "darwin") && strings.EqualFold(a, b)
}

// resolved is the name of a file that is not there, without links.
func resolved(path string) string {
	path, _ = filepath.Abs(path)
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	return path
}

// inputs are the files of a command that hold what somebody sent, under whatever
// flag. Answers, a journal and a baseline are not among them: they may be written
// anew where they were read.
func inputs(flags *pflag.FlagSet, args []string) []string {
	list := slices.Clone(args)
	for _, name := range []string{"log", "bundle", "user", "domain", "nslookup", "input", "ca", "client-from", "from"} {
		switch f := flags.Lookup(name); {
		case f == nil:
		case f.Value.Type() == "string":
			list = append(list, f.Value.String())
		default:
			if several, ok := f.Value.(pflag.SliceValue); ok {
				list = append(list, several.GetSlice()...)
			}
		}
	}
	return list
}

// reads reports whether an input is this file, or a folder with this log or export in
// it, by whatever name. Other files in a folder may be last week's page.
func (p *program) reads(path string) bool {
	existing, err := os.Stat(path)
	if err != nil || !existing.Mode().IsRegular() {
		return false
	}
	below := func(input string) bool {
		info, err := os.Stat(input)
		return err == nil && info.IsDir() && within(input, path)
	}
	return sameAsAny(existing, p.inputs) || slices.ContainsFunc(p.inputs, below) && (client.IsExported(filepath.Base(path)) || hasMessages(path))
}

// hasMessages reports whether a file begins as a log with SIP in it does.
func hasMessages(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	log := sip.NewLog(io.LimitReader(file, 1<<20))
	for range log.Records() {
	}
	return log.Summary().Messages > 0
}

// within reports whether a file is below a folder.
func within(folder, path string) bool {
	rest, err := filepath.Rel(resolved(folder), resolved(path))
	return err == nil && filepath.IsLocal(rest)
}

func sameAsAny(existing os.FileInfo, paths []string) bool {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && os.SameFile(existing, info) {
			return true
		}
	}
	return false
}

var errRead = errors.New("it is the file to read; name another")
