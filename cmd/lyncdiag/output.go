package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// sink is one place a document goes to.
type sink struct {
	w       io.Writer
	file    *os.File // to close; nil for stdout
	format  render.Format
	options render.Options
}

// What a kind of document can be written as.
func documents() []render.Format { return []render.Format{render.Text, render.JSON, render.NDJSON} }
func reports() []render.Format   { return append(documents(), render.Short) }

// sinks reads -o. It comes before the work, so that a bad format or file costs
// no run and leaves stdout empty. piped is the format for a stdout that is no
// terminal.
func (p *program) sinks(allowed []render.Format, piped render.Format) ([]sink, error) {
	var list []sink
	seen := false
	for _, given := range p.outputs {
		name, path, toFile := strings.Cut(given, "=")
		if err := checkFormat(given, name, allowed); err != nil {
			closeAll(list)
			return nil, err
		}
		format := render.Format(name)
		switch {
		case toFile && path == "":
			closeAll(list)
			return nil, fmt.Errorf("read -o %s: no file name after the =", given)
		case toFile:
			file, err := os.Create(path)
			if err != nil {
				closeAll(list)
				return nil, fmt.Errorf("write %s: %w", path, cause(err))
			}
			list = append(list, sink{w: file, file: file, format: format})
		case seen:
			closeAll(list)
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
	if slices.Contains([]string{"markdown", "csv", "html", "junit", string(render.Short)}, name) {
		return fmt.Errorf("read -o %s: %s is not written here; this command writes %s", given, name, strings.Join(names, ", "))
	}
	return fmt.Errorf("read -o %s: there is no format %q, want one of %s%s", given, name, strings.Join(names, ", "), didYouMean(name, names))
}

func (p *program) stdoutSink(f render.Format) sink {
	s := sink{w: p.stdout, format: f}
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
	for _, s := range sinks {
		if further && s.format != render.NDJSON {
			if _, err := io.WriteString(s.w, "\n"); err != nil {
				return fmt.Errorf("write output: %w", cause(err))
			}
		}
		if err := d.Write(s.w, s.format, s.options); err != nil {
			return err
		}
	}
	return nil
}

func closeAll(sinks []sink) {
	for _, s := range sinks {
		if s.file != nil {
			s.file.Close()
		}
	}
}

// document writes what needs no work before.
func (p *program) document(d func() render.Document) error {
	sinks, err := p.sinks(documents(), render.JSON)
	if err != nil {
		return err
	}
	defer closeAll(sinks)
	return p.write(sinks, d(), false)
}

func isTerminal(v any) bool {
	file, ok := v.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
