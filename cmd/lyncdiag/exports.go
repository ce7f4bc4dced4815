package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
)

// readExports reads --user and --domain. Either takes any export: what is in a
// file says what it is.
func (e *evidenceFlags) readExports(p *program) (*directory.Exports, error) {
	exports := &directory.Exports{}
	for _, given := range []struct {
		flag  string
		paths []string
	}{{"user", e.users}, {"domain", e.domains}} {
		for _, path := range given.paths {
			if err := readExport(p, exports, path); err != nil {
				return nil, fmt.Errorf("read --%s %s: %w", given.flag, path, cli.Cause(err))
			}
		}
	}
	return exports, nil
}

func readExport(p *program, exports *directory.Exports, path string) error {
	var in io.Reader = p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return errors.New("it is a folder; name the files in it")
		}
		in = file
	}
	return exports.Add(path, in)
}

// bind ties a journal to what is in the exports, and refuses what could be of
// any of several users or domains.
func (e *evidence) bind(t *targets) error {
	const advice = "docs/powershell.md has a line that names it"
	domains := map[string]bool{}
	for _, s := range t.named {
		domains[s.Domain] = true
	}
	user, domain := e.exports.Anonymous()
	switch {
	case user && t.len() > 1:
		return errors.New("read --user: an export does not say whose licences it holds, and there are several users; " + advice)
	case domain && (len(domains) > 1 || t.input != nil):
		return errors.New("read --domain: an export does not say whose federation settings it holds, and there are several domains; " + advice)
	}
	if sum := e.exports.Sum(); sum != "" {
		t.binding.Input += " exports sha256:" + sum
	}
	return nil
}
