package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// NSLookup is a source of what the user's computer resolves: what Windows'
// nslookup printed there.
type NSLookup struct {
	path string
	list []dnscheck.NSLookup
}

// ReadNSLookup reads nslookup's output from a file, "-" for stdin.
func ReadNSLookup(path string, stdin io.Reader) (NSLookup, error) {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return NSLookup{}, fmt.Errorf("bundle: read nslookup output: %w", err)
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		return NSLookup{}, errors.New("bundle: read nslookup output: no standard input is connected")
	}
	list, err := dnscheck.ParseNSLookupFile(path, in)
	if err != nil {
		return NSLookup{}, fmt.Errorf("bundle: read nslookup output %s: %w", path, errors.Unwrap(err))
	}
	return NSLookup{path, list}, nil
}

// Name is the source's entry among the report's stages.
func (n NSLookup) Name() string { return "nslookup" }

// Collect puts what was read. Each file is an origin of its own.
func (n NSLookup) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	fact.Put(f, fact.NSLookupKey, n.list, fact.Origin{Kind: fact.Bundle, Where: n.path})
	return nil
}
