// Package bundle reads what a user sent: client logs now, whole support
// bundles beside them later. It writes facts and judges nothing.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Logs is a source of sign-in attempts: client logs by path, a folder for the
// logs in it, "-" for Stdin.
type Logs struct {
	Paths []string
	Stdin io.Reader // read for "-"; nil: such a path is an error
	// Max bounds the attempts kept; 0: 100,000. Whoever needs all of a larger
	// log streams them with sip.Attempts.
	Max int
	// Record is told of every record as it is read; may be nil.
	Record func(sip.Record)
}

// Name is the source's entry among the report's stages.
func (l Logs) Name() string { return "log" }

// Collect reads every log. One that cannot be read is an error, and the others
// are read all the same.
func (l Logs) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	var errs *multierror.Error
	files := []fact.LogFile{}
	attempts := []sip.Attempt{}
	for _, given := range l.Paths {
		paths, err := logPaths(given)
		if err != nil {
			errs = multierror.Append(errs, err)
			continue
		}
		for _, path := range paths {
			file, found, err := l.read(path)
			if err != nil {
				errs = multierror.Append(errs, fmt.Errorf("read log %s: %w", path, err))
			}
			if file.Path != "" {
				files = append(files, file)
			}
			attempts = append(attempts, found...)
		}
	}
	if len(files) > 0 {
		slices.SortStableFunc(attempts, func(a, b sip.Attempt) int { return a.StartedAt.Compare(b.StartedAt) })
		fact.Put(f, fact.LogFilesKey, files, fact.Origin{Kind: fact.Log})
		fact.Put(f, fact.AttemptsKey, attempts, fact.Origin{Kind: fact.Log})
	}
	return errs.ErrorOrNil()
}

func (l Logs) read(path string) (fact.LogFile, []sip.Attempt, error) {
	var in io.Reader = l.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fact.LogFile{}, nil, unwrapPath(err)
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		return fact.LogFile{}, nil, errors.New("no standard input is connected")
	}
	limit := l.Max
	if limit == 0 {
		limit = 100_000
	}
	log := sip.NewLog(in)
	log.File = path
	records := func(yield func(sip.Record, error) bool) {
		for r, err := range log.Records() {
			if err == nil && l.Record != nil {
				l.Record(r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
	var attempts []sip.Attempt
	var failed error
	for a, err := range sip.Attempts(records) {
		if err != nil {
			failed = err
			break
		}
		if len(attempts) == limit {
			failed = fmt.Errorf("more than %d attempts; the rest was not read", limit)
			break
		}
		attempts = append(attempts, a)
	}
	if format := new(sip.FormatError); errors.As(failed, &format) {
		return fact.LogFile{}, nil, failed
	}
	return fact.LogFile{Path: path, Summary: log.Summary()}, attempts, failed
}

// logPaths are the logs in a folder, or the file itself. The extension is
// known in several cases and with ".bak" behind it (a full log).
func logPaths(given string) ([]string, error) {
	if given == "-" {
		return []string{given}, nil
	}
	info, err := os.Stat(given)
	if err != nil {
		return nil, fmt.Errorf("read log %s: %w", given, unwrapPath(err))
	}
	if !info.IsDir() {
		return []string{given}, nil
	}
	var paths []string
	err = filepath.WalkDir(given, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && isLogName(d.Name()) {
			paths = append(paths, path)
		}
		return err
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("read log folder %s: no .uccapilog, .log or .txt in it", given)
	}
	return paths, err
}

func isLogName(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".bak")
	for _, ext := range []string{".uccapilog", ".uccplog", ".uccapilog.gz", ".log", ".txt", ".sip"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

// unwrapPath drops the operation and path that os puts into its errors, as the
// caller names the path already.
func unwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
