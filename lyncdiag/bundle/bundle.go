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
	"sort"
	"strconv"
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
	// Max bounds the attempts kept of all logs together; 0: 100,000. Whoever
	// needs all of a larger log streams them with sip.Attempts.
	Max int
	// Record is told of every record as it is read; may be nil.
	Record func(sip.Record)
}

// Name is the source's entry among the report's stages.
func (l Logs) Name() string { return "log" }

// Collect reads every log and puts the attempts in the order of their times,
// numbered from 1. A log that cannot be read is an error, and the others are
// read all the same. When ctx ends, what was read until then is put.
func (l Logs) Collect(ctx context.Context, _ fact.Subject, f *fact.Facts) error {
	r := reading{Logs: l, room: l.Max}
	if r.room == 0 {
		r.room = 100_000
	}
	var errs *multierror.Error
	for _, given := range l.Paths {
		paths, err := logPaths(given)
		if err != nil {
			errs = multierror.Append(errs, err)
		}
		for _, path := range paths {
			if r.full || ctx.Err() != nil {
				break
			}
			if err := r.read(ctx, path); err != nil {
				errs = multierror.Append(errs, err)
			}
		}
	}
	if len(r.files) > 0 {
		sort.SliceStable(r.attempts, func(i, j int) bool { return r.attempts[i].StartedAt.Compare(r.attempts[j].StartedAt) < 0 })
		for i := range r.attempts {
			r.attempts[i].ID = strconv.Itoa(i + 1) // each log numbers its own from 1
		}
		fact.Put(f, fact.LogFilesKey, r.files, fact.Origin{Kind: fact.Log})
		fact.Put(f, fact.AttemptsKey, r.attempts, fact.Origin{Kind: fact.Log})
	}
	return errs.ErrorOrNil()
}

// reading is one Collect.
type reading struct {
	Logs
	room     int // for so many attempts more
	full     bool
	files    []fact.LogFile
	attempts []sip.Attempt
}

func (r *reading) read(ctx context.Context, path string) error {
	in, err := r.open(ctx, path)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer in.Close()
	log := sip.NewLog(in)
	log.File = path
	records := func(yield func(sip.Record, error) bool) {
		for record, err := range log.Records() {
			if ctx.Err() != nil {
				yield(sip.Record{}, context.Cause(ctx))
				return
			}
			if err == nil && r.Record != nil {
				r.Record(record)
			}
			if !yield(record, err) {
				return
			}
		}
	}
	var failed error
	for a, err := range sip.Attempts(records) {
		if err != nil {
			failed = err
			break
		}
		if r.full = r.room == 0; r.full {
			failed = errors.New("there are too many attempts; from here on nothing was read")
			break
		}
		r.attempts = append(r.attempts, a)
		r.room--
	}
	if failed != nil {
		failed = fmt.Errorf("read log %s: %w", path, failed)
	}
	summary := log.Summary()
	if failed != nil && ctx.Err() == nil && summary.Lines == 0 {
		return failed // no text, or none that can be reached
	}
	r.files = append(r.files, fact.LogFile{Path: path, Summary: summary})
	return failed
}

// open opens a log, or takes Stdin. A named pipe that nobody writes to keeps
// open and read waiting, and a silent standard input does even when it is
// closed; so both happen beside, and end for the reader with ctx.
func (r *reading) open(ctx context.Context, path string) (io.ReadCloser, error) {
	out, in := io.Pipe()
	opened := make(chan error, 1)
	go func() {
		file, err := r.file(path)
		opened <- err
		if err != nil {
			return
		}
		defer file.Close()
		stop := context.AfterFunc(ctx, func() {
			in.CloseWithError(context.Cause(ctx))
			file.Close()
		})
		defer stop()
		_, err = io.Copy(in, file)
		in.CloseWithError(err)
	}()
	select {
	case err := <-opened:
		return out, err
	case <-ctx.Done():
		out.Close()
		return nil, context.Cause(ctx)
	}
}

func (r *reading) file(path string) (io.ReadCloser, error) {
	if path != "-" {
		return os.Open(path)
	}
	if r.Stdin == nil {
		return nil, errors.New("no standard input is connected")
	}
	return io.NopCloser(r.Stdin), nil
}

// logPaths are the logs in a folder, or the file itself. The extension is
// known in several cases and with ".bak" behind it (a full log).
func logPaths(given string) ([]string, error) {
	if given == "-" {
		return []string{given}, nil
	}
	info, err := os.Stat(given)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
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
	switch {
	case err != nil:
		err = fmt.Errorf("read log folder: %w", err)
	case len(paths) == 0:
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
