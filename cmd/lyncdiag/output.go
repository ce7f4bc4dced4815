package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// sink is one place a document goes to.
type sink struct {
	w       io.Writer
	format  render.Format
	options render.Options
}

// outputFile is the file of a -o FORMAT=FILE. It is written beside its place
// and moved there when it is whole.
type outputFile struct {
	*os.File
	path string // its place; "" for what is no file, such as a pipe, and written directly
}

func createOutput(path string) (outputFile, error) {
	if link, err := filepath.EvalSymlinks(path); err == nil {
		path = link
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return outputFile{File: file}, err
	}
	file, err := os.OpenFile(path+"."+rand.Text()+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	return outputFile{file, path}, err
}

// keep closes the files of -o and moves them to their places; after a failure
// they are dropped. It returns the failure, or its own.
func (p *program) keep(failed error) error {
	for _, f := range p.files {
		if err := f.Close(); err != nil && failed == nil {
			failed = fmt.Errorf("write %s: %w", cmp.Or(f.path, f.Name()), cause(err))
		}
		if f.path == "" {
			continue
		}
		if failed == nil {
			if err := os.Rename(f.Name(), f.path); err != nil {
				failed = fmt.Errorf("write output: %w", err)
			}
		}
		if failed != nil {
			os.Remove(f.Name())
		}
	}
	p.files = nil
	return failed
}

// sinks reads -o. It comes before the work, so that a bad format or file costs
// no run and leaves stdout empty. piped is the format for a stdout that is no
// terminal.
func (p *program) sinks(allowed []render.Format, piped render.Format) ([]sink, error) {
	var list []sink
	seen := false
	for _, given := range p.outputs {
		name, path, toFile := strings.Cut(given, "=")
		if err := checkFormat(given, name, allowed); err != nil {
			return nil, err
		}
		format := render.Format(name)
		switch {
		case toFile && path == "":
			return nil, fmt.Errorf("read -o %s: no file name after the =", given)
		case toFile && p.writes(path):
			return nil, fmt.Errorf("write %s: another -o writes this file", path)
		case toFile:
			file, err := createOutput(path)
			if err != nil {
				return nil, fmt.Errorf("write %s: %w", path, cause(err))
			}
			p.files = append(p.files, file)
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

// writes reports whether a file of -o is this one, by whatever name.
func (p *program) writes(path string) bool {
	if link, err := filepath.EvalSymlinks(path); err == nil {
		path = link
	}
	path, _ = filepath.Abs(path)
	return slices.ContainsFunc(p.files, func(f outputFile) bool {
		other, _ := filepath.Abs(f.path)
		return f.path != "" && (other == path || runtime.GOOS == "windows" && strings.EqualFold(other, path))
	})
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
	return fmt.Errorf("read -o %s: there is no format %q, want one of %s%s", given, name, strings.Join(names, ", "), didYouMean(name, names))
}

func (p *program) stdoutSink(f render.Format) sink {
	s := sink{w: p.stdout, format: f, options: render.Options{Redact: p.redaction()}}
	if file, ok := p.stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		s.options.Color = p.color()
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.options.Width = width
		}
	}
	return s
}

// color asks for no colour where it was asked not to, and where the console
// may print its codes.
func (p *program) color() bool {
	if value, ok := p.env("NO_COLOR"); ok && value != "" {
		return false
	}
	name, _ := p.env("TERM")
	if runtime.GOOS == "windows" {
		_, modern := p.env("WT_SESSION")
		return modern || name != "" && name != "dumb"
	}
	return name != "dumb"
}

// write writes a document to every sink; further says that it is not the first
// one there.
func (p *program) write(sinks []sink, d render.Document, further bool) error {
	p.started = true
	for i := range sinks {
		s := &sinks[i]
		if further && s.format != render.NDJSON && s.format != render.CSV {
			if _, err := io.WriteString(s.w, "\n"); err != nil {
				return fmt.Errorf("write output: %w", cause(err))
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
