package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/go-multierror"
	"golang.org/x/term"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// sink is one place a document goes to.
type sink struct {
	w       io.Writer // an *output, perhaps behind a buffer
	format  render.Format
	options render.Options
}

// output is standard output, or the file of a -o FORMAT=FILE, which is written
// beside its place and moved there when it is whole.
type output struct {
	io.Writer
	file *os.File // nil: standard output
	path string   // its place; "" for what is no file, such as a pipe, and written directly
	err  error    // the first of writing; what comes after it is lost
	all  *[]*output
	mu   *sync.Mutex // of all: streams write in goroutines of their own
}

// errNoOutput ends a command whose outputs have all failed; each has kept why.
var errNoOutput = errors.New("nothing can be written")

// Write succeeds as long as anything that the command writes goes somewhere: a
// full disk or a reader that has left must not cost the other outputs.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = o.Writer.Write(b)
	}
	if o.err != nil && !slices.ContainsFunc(*o.all, func(other *output) bool { return other.err == nil }) {
		return 0, errNoOutput
	}
	return len(b), nil
}

// output opens a file to write to. One that is there must allow to be written, which a
// program that has it open on Windows may not, and its mode stays.
func (p *program) output(path string) (*output, error) {
	if link, err := filepath.EvalSymlinks(path); err == nil {
		path = link
	}
	o := &output{path: path, all: &p.written, mu: &p.writing}
	info, absent := os.Stat(path)
	if absent == nil {
		there, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			there.Close()
		} else {
			o.file, o.path = there, ""
		}
	}
	if o.file == nil {
		mode := os.FileMode(0o666)
		if absent == nil {
			mode = info.Mode().Perm()
		}
		var err error
		if o.file, err = os.OpenFile(path+"."+rand.Text()+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
			return nil, err
		}
		if absent == nil {
			o.file.Chmod(mode) // what the process masks
		}
	}
	o.Writer = o.file
	p.written = append(p.written, o)
	return o, nil
}

// keep closes the files of -o and moves them to their places. One that could
// not be written is dropped; after a failure of the command all are. It returns
// the failure together with those of the outputs.
func (p *program) keep(failed error) error {
	var all *multierror.Error
	if failed != nil && !errors.Is(failed, errNoOutput) {
		all = multierror.Append(all, failed)
	}
	drop := all != nil
	for _, o := range p.written {
		if o.file == nil {
			if o.err != nil && !readerLeft(o.err) {
				all = multierror.Append(all, fmt.Errorf("write output: %w", cli.Cause(o.err)))
			}
			continue
		}
		err := o.file.Close()
		if o.err == nil {
			o.err = err
		}
		if o.err == nil && o.path != "" && !drop {
			if err := os.Rename(o.file.Name(), o.path); err != nil {
				all = multierror.Append(all, fmt.Errorf("write %s: %w; what was written is in %s", o.path, cli.Cause(err), o.file.Name()))
			}
			continue
		}
		if o.path != "" {
			os.Remove(o.file.Name())
		}
		if o.err != nil && !drop {
			all = multierror.Append(all, fmt.Errorf("write %s: %w", cmp.Or(o.path, o.file.Name()), cli.Cause(o.err)))
		}
	}
	p.written = nil
	if all.ErrorOrNil() == nil && failed != nil {
		return errReaderLeft
	}
	return all.ErrorOrNil()
}

// errReaderLeft: there is nobody left to tell anything to, as behind "| head -1".
var errReaderLeft = errors.New("the reader of standard output has left")

// readerLeft reports whether a pipe was closed at its other end.
func readerLeft(err error) bool {
	var number syscall.Errno
	const brokenPipe, noData = 109, 232 // ERROR_BROKEN_PIPE and ERROR_NO_DATA
	return errors.As(err, &number) && (number == syscall.EPIPE || runtime.GOOS == "windows" && (number == brokenPipe || number == noData))
}

// sinks reads -o. It comes before the work, so that a bad format or file costs
// no run and leaves stdout empty. piped is the format for a stdout that is no
// terminal.
func (p *program) sinks(allowed []render.Format, piped render.Format) ([]sink, error) {
	var list []sink
	seen := false
	for _, given := range p.outputs {
		name, path, toFile := strings.Cut(given, "=")
		toFile = toFile && path != "-"
		if err := checkFormat(given, name, allowed); err != nil {
			return nil, err
		}
		format := render.Format(name)
		switch {
		case toFile && path == "":
			return nil, fmt.Errorf("read -o %s: no file name after the =", given)
		case toFile && p.reads(path):
			return nil, fmt.Errorf("write %s: %w", path, errRead)
		case toFile:
			file, err := p.output(path)
			if err != nil {
				return nil, fmt.Errorf("write %s: %w", path, cli.Cause(err))
			}
			list = append(list, sink{w: file, format: format, options: render.Options{Redact: p.redaction()}})
		case seen:
			return nil, fmt.Errorf("read -o %s: standard output takes one format; write the other as %s=FILE", given, name)
		default:
			seen = true
			list = append(list, p.stdoutSink(format))
		}
	}
	if len(list) == 0 {
		format := piped
		if isTerminal(p.stdout) {
			format = render.Text
		}
		list = append(list, p.stdoutSink(format))
	}
	return list, nil
}

func checkFormat(given, name string, allowed []render.Format) error {
	var names []string
	for _, f := range allowed {
		names = append(names, string(f))
	}
	if slices.Contains(names, name) {
		return nil
	}
	if slices.Contains(render.Formats("report"), render.Format(name)) || name == string(render.Mermaid) {
		return fmt.Errorf("read -o %s: %s is not written here; this command writes %s", given, name, strings.Join(names, ", "))
	}
	return fmt.Errorf("read -o %s: there is no format %q, want one of %s%s", given, name, strings.Join(names, ", "), cli.DidYouMean(name, names))
}

func (p *program) stdoutSink(f render.Format) sink {
	out := &output{Writer: p.stdout, all: &p.written, mu: &p.writing}
	p.written = append(p.written, out)
	s := sink{w: out, format: f, options: render.Options{Redact: p.redaction()}}
	if file, ok := p.stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.options.Color = p.color(file)
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.options.Width = width
		}
	}
	return s
}

// color is true unless it was asked not to colour, or the terminal takes no codes.
func (p *program) color(terminal *os.File) bool {
	if value, ok := p.env("NO_COLOR"); ok && value != "" {
		return false
	}
	name, _ := p.env("TERM")
	return name != "dumb" && takesCodes(terminal)
}

// write writes a document to every sink; further says that it is not the first
// one there.
func (p *program) write(sinks []sink, d render.Document, further bool) error {
	p.started = true
	for i := range sinks {
		s := &sinks[i]
		if further && s.format != render.NDJSON && s.format != render.CSV {
			if _, err := io.WriteString(s.w, "\n"); err != nil {
				return err
			}
		}
		if err := d.Write(s.w, s.format, s.options); err != nil {
			return err
		}
		s.options.Headless = true
	}
	return nil
}

// document writes what needs no work before; name is that of its schema.
func (p *program) document(name string, d func() render.Document) error {
	sinks, err := p.sinks(render.Formats(name), render.JSON)
	if err != nil {
		return err
	}
	return p.write(sinks, d(), false)
}

func isTerminal(v any) bool {
	if w, ok := v.(redactedWriter); ok {
		v = w.Writer
	}
	file, ok := v.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
