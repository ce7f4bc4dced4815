// Package collect puts a support bundle together: the run of a Diagnoser, what it
// saw, the client's export and the client's logs, in one archive. Package bundle reads
// it back to the same verdict.
package collect

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// The limits of a Collector that sets none.
const (
	DefaultLogBytes   = 100 << 20
	DefaultTotalBytes = 500 << 20
)

// Collector collects bundles. What it takes beside the run, Client and Logs, is not
// judged unless it is among the Diagnoser's Sources, too.
type Collector struct {
	Diagnoser *lyncdiag.Diagnoser // nil: the zero Diagnoser; its Keep is told as well
	Tool      render.Tool         // signs the documents
	FailOn    string              // of the exit code that the report names; "": failure
	// Redactor replaces by pseudonyms what goes into the bundle; what it cannot read is
	// left out. nil: everything is taken as it is.
	Redactor *redact.Redactor

	Client *client.Computer // its export is taken; nil: there is none
	Logs   []string         // the client's logs: files, folders and archives, as in bundle.Logs
	// Since says where the logs ended before what is to be taken of them; see LogEnds.
	// nil: the logs are taken from their beginning.
	Since      []LogEnd
	LogBytes   int64 // of each log no more than its end is taken; 0: DefaultLogBytes
	TotalBytes int64 // of the export and all logs, the newest first; 0: DefaultTotalBytes

	Missing  []bundle.Missing            // what the caller could not have; the manifest repeats it
	Progress func(name string)           // told of each file before it is written; nil: nobody is
	Env      func(string) (string, bool) // the environment, for the proxies; nil: os.LookupEnv
}

// errInterrupted is all that there is to say once the context has ended.
var errInterrupted = errors.New("collect: interrupted; no bundle was written")

// planned are the files of every bundle, and what they are.
var planned = []bundle.Entry{
	{Name: "report.json", Source: thisRun}, {Name: "report.txt", Source: thisRun}, {Name: "facts.json", Source: thisRun},
	{Name: "system.json", Source: thisComputer}, {Name: "dns.json", Source: "the resolvers"}, {Name: "autodiscover.json", Source: "the Autodiscover services"},
	{Name: "ports.json", Source: "the hosts of the chain"}, {Name: "registrars/", Source: "the registrars, without signing in"}, {Name: "tls/", Source: "the chains that hosts show"},
	{Name: "autodiscover/", Source: "the answers of the Autodiscover services"}, {Name: "mex/", Source: "the metadata exchange of AD FS"}, {Name: "metadata/", Source: "the federation metadata of AD FS"},
}

const (
	thisRun      = "this run"
	thisComputer = "this computer"
)

// Plan is the manifest of the bundle that Write would write. Nothing is sent, and no
// entry has a size or a hash.
func (c *Collector) Plan() bundle.Manifest {
	m := bundle.Manifest{Redacted: c.Redactor != nil, Missing: append([]bundle.Missing{}, c.Missing...)}
	for _, e := range planned {
		if c.Diagnoser == nil || !c.Diagnoser.Offline || e.Source == thisRun || e.Source == thisComputer {
			m.Entries = append(m.Entries, e)
		}
	}
	taken, missing := c.taken()
	m.Missing = append(m.Missing, missing...)
	for _, i := range taken {
		if err := c.learn(context.Background(), &i, strings.HasPrefix(i.entry.Name, clientFolder)); err != nil {
			m.Missing = append(m.Missing, bundle.Missing{What: i.entry.Name, Why: leftOut(err)})
			continue
		}
		m.Entries = append(m.Entries, i.entry)
	}
	return m
}

// Write diagnoses t and writes the bundle to w. The manifest says what is in it, and
// what could not be had: a file that cannot be read costs that file alone. After an
// error, which is the one of w or says that ctx has ended, what was written is no
// bundle.
func (c *Collector) Write(ctx context.Context, w io.Writer, t lyncdiag.Target) (bundle.Manifest, *lyncdiag.Report, error) {
	d := lyncdiag.Diagnoser{}
	if c.Diagnoser != nil {
		d = *c.Diagnoser
	}
	var mu sync.Mutex
	var kept []lyncdiag.Kept
	also := d.Keep
	d.Keep = func(k lyncdiag.Kept) {
		if also != nil {
			also(k)
		}
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, k)
	}
	facts, report, err := d.Facts(ctx, t)
	if err != nil {
		return bundle.Manifest{}, nil, fmt.Errorf("collect: %w", err)
	}
	if ctx.Err() != nil {
		return bundle.Manifest{}, nil, errInterrupted
	}
	out := bundle.NewWriter(w, clock(d.Network)())
	out.Manifest.Tool, out.Manifest.Redacted = bundle.Tool{Name: "lyncdiag", Version: cmp.Or(c.Tool.Version, "devel")}, c.Redactor != nil
	items, missing, err := c.ofRun(&d, facts, report)
	if err != nil {
		return bundle.Manifest{}, nil, fmt.Errorf("collect: %w", err)
	}
	mu.Lock()
	items = append(items, seen(kept)...)
	mu.Unlock()
	taken, absent := c.taken()
	out.Manifest.Missing = append(append(append(out.Manifest.Missing, c.Missing...), missing...), absent...)
	if err := c.add(ctx, out, t, append(items, taken...)); err != nil {
		return bundle.Manifest{}, nil, err
	}
	if err := out.Close(); err != nil {
		return bundle.Manifest{}, nil, err
	}
	return out.Manifest, report, nil
}

// add writes the items, once all names in them are known.
func (c *Collector) add(ctx context.Context, out *bundle.Writer, t lyncdiag.Target, items []item) error {
	if c.Redactor != nil {
		c.Redactor.Learn(t.Address, t.UserName, t.Domain)
	}
	for n := range items {
		if items[n].unusable = c.learn(ctx, &items[n], true); ctx.Err() != nil {
			return errInterrupted
		}
	}
	names := map[string]bool{}
	for _, i := range items {
		i.entry.Name, i.entry.Source, i.entry.Note = c.redacted(i.entry.Name), c.redacted(i.entry.Source), c.redacted(i.entry.Note)
		failed := i.unusable
		if failed == nil {
			i.entry.Name = unused(names, i.entry.Name)
			if c.Progress != nil {
				c.Progress(i.entry.Name)
			}
			err := i.write(ctx, out, c.Redactor, &failed)
			switch {
			case ctx.Err() != nil:
				return errInterrupted
			case err != nil:
				return err
			case failed == nil:
				continue
			}
		}
		out.Manifest.Missing = append(out.Manifest.Missing, bundle.Missing{What: i.entry.Name, Why: leftOut(failed)})
	}
	for n := range out.Manifest.Missing {
		m := &out.Manifest.Missing[n]
		m.What, m.Why = c.redacted(m.What), c.redacted(m.Why)
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return nil
}

func (c *Collector) redacted(text string) string {
	if c.Redactor == nil {
		return text
	}
	return c.Redactor.Text(text)
}

// learn looks into an item before it is taken: at its beginning, or with whole, where
// names have to be known first, at all of it. The error says why it is left out.
func (c *Collector) learn(ctx context.Context, i *item, whole bool) error {
	in, err := i.begin(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	if c.Redactor == nil || !whole {
		return nil
	}
	err = c.Redactor.LearnFrom(in)
	if errors.Is(err, redact.ErrBinary) || errors.Is(err, redact.ErrCompressed) {
		return err
	}
	return nil // what can be read of it is taken
}

// item is one file that goes into the bundle, before it is redacted.
type item struct {
	entry    bundle.Entry
	open     func() (io.ReadCloser, error)
	unusable error // why it is left out
}

func document(name, source string, content []byte) item {
	return item{entry: bundle.Entry{Name: name, Source: source}, open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

type reader struct {
	io.Reader
	io.Closer
}

// begin opens the item, and fails where not even its beginning can be read.
func (i *item) begin(ctx context.Context) (io.ReadCloser, error) {
	in, err := i.open()
	if err != nil {
		return nil, err
	}
	head := bufio.NewReader(interruptible{ctx, in})
	if _, err := head.Peek(1); err != nil && err != io.EOF {
		in.Close()
		return nil, err
	}
	return reader{head, in}, nil
}

// write adds the item. failed is why it was not read to its end; the error is that of
// the bundle.
func (i *item) write(ctx context.Context, out *bundle.Writer, r *redact.Redactor, failed *error) error {
	in, err := i.begin(ctx)
	if err != nil {
		*failed = err
		return nil
	}
	defer in.Close()
	return out.Add(i.entry, func(w io.Writer) error {
		kept := &failing{w: w}
		if r != nil {
			err = r.Copy(kept, in)
		} else {
			_, err = io.Copy(kept, in)
		}
		if err != nil && kept.err == nil {
			*failed = &partly{err}
		}
		return kept.err
	})
}

// partly says that the beginning of an item is in the bundle.
type partly struct{ error }

// failing remembers that writing failed, as reading may fail too.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.err = cmp.Or(f.err, err)
	return n, err
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

// leftOut says why something is not in the bundle, in a line.
func leftOut(err error) string {
	switch part := (*partly)(nil); {
	case errors.Is(err, redact.ErrBinary), errors.Is(err, redact.ErrCompressed):
		return "it is left out: nobody can tell what is in it, so that it cannot be redacted"
	case errors.As(err, &part):
		return "it was not read to its end: " + oneLine(part.error)
	}
	return "it cannot be read: " + oneLine(err)
}

// oneLine is an error without line breaks and without the name of a file, which stands
// beside it; several errors are joined.
func oneLine(err error) string {
	var several *multierror.Error
	if errors.As(err, &several) {
		var parts []string
		for _, e := range several.Errors {
			parts = append(parts, e.Error())
		}
		return strings.Join(strings.Fields(strings.Join(parts, "; ")), " ")
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// unused is a name that no other file in the bundle has.
func unused(taken map[string]bool, name string) string {
	extension := path.Ext(name)
	free := name
	for n := 2; taken[strings.ToLower(free)]; n++ {
		free = strings.TrimSuffix(name, extension) + "-" + strconv.Itoa(n) + extension
	}
	taken[strings.ToLower(free)] = true
	return free
}
