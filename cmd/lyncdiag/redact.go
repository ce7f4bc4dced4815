package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) redactCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "redact FILE|-...",
		Example: "  lyncdiag redact Lync-UccApi-0.UccApilog\n" +
			"  lyncdiag redact Lync-UccApi-0.UccApilog user.json --output-dir redacted --redact-map map.json",
		Short: "Replace users, hosts, addresses and secrets in logs and exports by pseudonyms",
		Long: `Replace users, hosts, addresses and secrets in logs and exports by pseudonyms.

The same original has the same pseudonym in all files of one run, so that the
result can still be followed and is read to the same sign-in attempts. Passwords,
PINs, tokens and media keys are dropped. Microsoft's own hosts, codes, times and
versions stay, and so do everyday words that are somebody's name, where they do not
stand as names. Files are never changed in place: one is written to standard output,
several go to --output-dir. Text in UTF-8, UTF-16 and Windows code pages is read;
archives have to be unpacked first.

With --redact-map the pseudonyms are written to a file of their own, and taken up
again where that file exists. Whoever has it can undo all of this: keep it.

What standard input names late stays where it stood alone before; a file is read
twice, and has no such place.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("read arguments: no file is given")
			}
			if folder == "" && len(args) > 1 {
				return errors.New("read arguments: several files go to a folder; name it with --output-dir")
			}
			if folder != "" && len(p.outputs) > 0 {
				return errors.New("read -o: with --output-dir the files keep their names")
			}
			return p.redactFiles(cmd.Context(), args, folder)
		},
	}
	cmd.Flags().StringVar(&folder, "output-dir", "", "write the files to `DIR`, under their names as far as these tell nothing")
	return cmd
}

func (p *program) redactFiles(ctx context.Context, paths []string, folder string) error {
	for _, path := range paths {
		if info, err := os.Stat(path); path != "-" && err != nil {
			return fmt.Errorf("read %s: %w", path, cli.Cause(err))
		} else if path != "-" && info.IsDir() {
			return fmt.Errorf("read %s: it is a folder; name the files in it", path)
		}
	}
	r := p.redactor()
	for _, path := range paths {
		if err := learnFile(ctx, r, path); err != nil {
			return fmt.Errorf("read %s: %w", path, plainly(err))
		}
	}
	if folder == "" {
		sinks, err := p.sinks([]render.Format{render.Text}, render.Text)
		if err != nil {
			return err
		}
		writers := make([]io.Writer, len(sinks))
		for i, s := range sinks {
			writers[i] = s.w
		}
		// Bytes written before a failure are no document that lacks something: say so.
		return p.redactFile(ctx, r, io.MultiWriter(writers...), paths[0])
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("write --output-dir: %w", cli.Cause(err))
	}
	taken := map[string]bool{}
	for _, path := range paths {
		name := "stdin.txt"
		if path != "-" {
			name = r.Text(filepath.Base(path))
		}
		extension := filepath.Ext(name)
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = strings.TrimSuffix(r.Text(filepath.Base(path)), extension) + "-" + strconv.Itoa(n) + extension
		}
		taken[strings.ToLower(name)] = true
		place := filepath.Join(folder, name)
		if existing, err := os.Stat(place); err == nil && sameAsAny(existing, paths) {
			return fmt.Errorf("write %s: it is one of the files to read; name another --output-dir", place)
		}
		if p.redactMap != "" && sameFile(place, p.redactMap) {
			return fmt.Errorf("write %s: --redact-map writes this file too; name another", place)
		}
		file, err := p.output(place)
		if err != nil {
			return fmt.Errorf("write %s: %w", place, cli.Cause(err))
		}
		if err := p.redactFile(ctx, r, file, path); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) redactFile(ctx context.Context, r *redact.Redactor, w io.Writer, path string) error {
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, cli.Cause(err))
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		return errors.New("read -: no standard input is connected")
	}
	if err := r.Copy(w, interruptible{ctx, in}); err != nil {
		return fmt.Errorf("redact %s: %w", path, plainly(err))
	}
	return nil
}

// learnFile reads what can be read twice.
func learnFile(ctx context.Context, r *redact.Redactor, path string) error {
	if path == "-" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return r.LearnFrom(interruptible{ctx, file})
}

// interruptible ends reading with its context.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	if err := context.Cause(i.ctx); err != nil {
		return 0, err
	}
	return i.in.Read(b)
}

// plainly is the cause of an error without the names of package and path.
func plainly(err error) error {
	if errors.Is(err, redact.ErrBinary) || errors.Is(err, redact.ErrCompressed) {
		return errors.New(strings.TrimPrefix(err.Error(), "redact: "))
	}
	return cli.Cause(err)
}

// redactor is the one of this run.
func (p *program) redactor() *redact.Redactor {
	if p.pseudonyms == nil {
		p.pseudonyms = redact.New()
	}
	return p.pseudonyms
}

// openRedaction lets everything that is written go through the pseudonyms, where
// a flag asks for it.
func (p *program) openRedaction() error {
	if err := p.openMap(); err != nil {
		return err
	}
	if p.redactMap != "" {
		p.redact = true
	}
	if p.redact {
		p.stderr = redactedWriter{p.stderr, p.redactor()}
	}
	return nil
}

// redactedWriter redacts each write. What this program says on stderr goes out in
// whole phrases.
type redactedWriter struct {
	io.Writer
	r *redact.Redactor
}

func (w redactedWriter) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, w.r.Text(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// redaction is what documents go through; nil: nothing is redacted.
func (p *program) redaction() func(any) any {
	if !p.redact {
		return nil
	}
	r := p.redactor()
	return func(v any) any {
		r.Value(v) // so that a name is known also where it stands before what tells that it is one
		return r.Value(v)
	}
}

// learnLogs makes the names in logs known before anything of them is written.
func (p *program) learnLogs(ctx context.Context, paths []string) {
	if !p.redact {
		return
	}
	r := p.redactor()
	files := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0
	})
	for record, err := range (bundle.Logs{Paths: files}).Records(ctx) {
		if err == nil {
			r.Value(record)
		}
	}
}

// openMap takes up the pseudonyms of an earlier run.
func (p *program) openMap() error {
	if p.redactMap == "" {
		return nil
	}
	file, err := os.Open(p.redactMap)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer file.Close()
		p.pseudonyms, err = redact.ReadMap(file)
	}
	if err != nil {
		return fmt.Errorf("read --redact-map %s: %w", p.redactMap, cli.Cause(err))
	}
	return nil
}

// keepMap writes the pseudonyms to the file of --redact-map, which only its owner
// may read.
func (p *program) keepMap() error {
	if p.redactMap == "" || p.pseudonyms == nil {
		return nil
	}
	place := p.redactMap
	if link, err := filepath.EvalSymlinks(place); err == nil {
		place = link
	}
	file, err := os.CreateTemp(filepath.Dir(place), filepath.Base(place)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write --redact-map: %w", cli.Cause(err))
	}
	err = p.pseudonyms.WriteMap(file)
	err = cmp.Or(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), place)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("write --redact-map: %w", cli.Cause(err))
	}
	return nil
}
