// Package bundle reads what a user sent: client logs, what nslookup and PortQry
// printed, and support bundles that hold them. It writes facts and judges nothing.
package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Limits of a bundle.
const (
	maxEntries = 100_000 // files that are looked at
	maxText    = 1 << 20 // bytes of a text that is no log: nslookup's and PortQry's output is small
)

// Bundle is a support bundle: MOSDALREPORT.zip, its folder, or any other folder
// or archive of what was collected on the user's computer. Files are known by
// what is in them, so it does not matter where in the tree they lie; of the
// tree, only the places that KB 2541980 names are documented.
type Bundle struct {
	Path string
	// Contents are all files, in the order of their names. Collect fills in
	// what could not be read.
	Contents []fact.BundleFile
	// Manifest is that of a bundle that this project wrote; nil: it is another's.
	// Then it holds a recorded run, and Collect puts nothing of it.
	Manifest *Manifest

	parts   []part
	prefix  string          // of the files in one of our own bundles
	archive *zip.ReadCloser // nil for a folder
	logs    []part
	lookups map[string][]dnscheck.NSLookup // by place
	queries map[string][]fact.PortQuery
}

// Open reads the list of a bundle's files and what is small of them. Close it.
// A file that is neither a folder nor a zip archive is an error, and so is an
// archive whose list alone would fill the memory. Files within that cannot be
// read are no error; they are noted in Contents.
func Open(ctx context.Context, name string) (*Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b := &Bundle{Path: name, lookups: map[string][]dnscheck.NSLookup{}, queries: map[string][]fact.PortQuery{}}
	var parts []part
	switch {
	case info.IsDir():
		parts, err = b.folder(ctx)
	case info.Mode().IsRegular() && isZip(name):
		parts, err = b.unzip(info.Size())
	default:
		err = errors.New("it is neither a folder nor a zip archive; a log is given with --log")
	}
	if err != nil {
		return nil, fmt.Errorf("open bundle %s: %w", name, err)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return strings.Compare(a.path, b.path) })
	if b.Manifest, err = b.readManifest(parts); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bundle %s: %w", name, err)
	}
	if b.Manifest != nil {
		return b, nil
	}
	for _, p := range parts {
		if ctx.Err() != nil {
			b.Close()
			return nil, fmt.Errorf("open bundle %s: %w", name, context.Cause(ctx))
		}
		b.Contents = append(b.Contents, b.look(p))
	}
	return b, nil
}

// Close closes the archive.
func (b *Bundle) Close() error {
	if b.archive == nil {
		return nil
	}
	return b.archive.Close()
}

// folder lists the files of a folder. Links are not followed.
func (b *Bundle) folder(ctx context.Context) ([]part, error) {
	var parts []part
	err := filepath.WalkDir(b.Path, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && file == b.Path:
			return err
		case err != nil: // a folder without the right to look into it
			parts = append(parts, part{path: file, unreadable: err})
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !d.Type().IsRegular():
			return nil
		case len(parts) == maxEntries:
			return fmt.Errorf("it holds more than %d files", maxEntries)
		}
		p := part{path: file}
		if info, err := d.Info(); err == nil {
			p.size = info.Size()
		}
		parts = append(parts, p)
		return nil
	})
	return parts, err
}

// unzip lists the files of an archive. Their names are shown and never used as
// paths, so what they point to does not matter.
func (b *Bundle) unzip(size int64) ([]part, error) {
	if err := checkDirectory(b.Path, size); err != nil {
		return nil, err
	}
	archive, err := zip.OpenReader(b.Path)
	if err != nil {
		return nil, err
	}
	b.archive = archive
	var parts []part
	for _, member := range archive.File {
		if member.FileInfo().IsDir() || strings.HasSuffix(member.Name, `\`) {
			continue
		}
		if len(parts) == maxEntries {
			archive.Close()
			return nil, fmt.Errorf("it holds more than %d files", maxEntries)
		}
		name := strings.ToValidUTF8(strings.ReplaceAll(member.Name, `\`, "/"), "\uFFFD")
		p := part{path: b.Path + "!" + name, member: member, size: int64(min(member.UncompressedSize64, 1<<62))}
		if member.Flags&1 != 0 {
			p.unreadable = errors.New("it is encrypted; extract it with its password and give the folder")
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// look says what a file is, reads it where it is small, and keeps logs for later.
func (b *Bundle) look(p part) fact.BundleFile {
	f := fact.BundleFile{Path: p.path, Kind: "other", Bytes: p.size}
	name := strings.ToLower(path.Base(strings.ReplaceAll(p.path, `\`, "/")))
	extension := path.Ext(name)
	switch {
	case p.unreadable != nil:
		f.Note = oneLine(p.unreadable)
	case extension == ".etl":
		f.Note = "a trace of Windows, which only Microsoft can read; the client's log is the .uccapilog beside it"
	case extension == ".zip" || extension == ".cab" || extension == ".7z":
		f.Note = "an archive within; extract it and give it as well"
	case strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".bak"), ".uccapilog"):
		f.Kind = "log"
	case isLogName(name):
		f.Kind, f.Note = b.read(p)
	}
	if f.Kind == "log" {
		b.logs = append(b.logs, p)
	}
	return f
}

// read tells by its content what a text is.
func (b *Bundle) read(p part) (kind, note string) {
	in, err := p.open()
	if err != nil {
		return "other", "it cannot be read: " + oneLine(err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxText))
	if err != nil && len(text) == 0 {
		return "other", "it cannot be read: " + oneLine(err)
	}
	named := strings.ToLower(p.path)
	if queries := ParsePortQry(p.path, bytes.NewReader(text)); len(queries) > 0 {
		b.queries[p.path] = queries
		return "portqry", ""
	}
	if strings.Contains(named, "nslookup") || looksLikeLookup(text) {
		list, err := dnscheck.ParseNSLookupFile(p.path, bytes.NewReader(text))
		if err == nil {
			b.lookups[p.path] = list
			return "nslookup", ""
		}
		if strings.Contains(named, "nslookup") {
			return "nslookup", "no question that came to something could be read in it"
		}
	}
	if strings.Contains(named, "portqry") {
		return "portqry", "no line that says what became of a port could be read in it"
	}
	log := sip.NewLog(bytes.NewReader(text))
	for range log.Records() {
	}
	switch sum := log.Summary(); {
	case sum.Format != "unknown":
		return "log", ""
	case sum.Advice != "":
		return "other", sum.Advice
	}
	return "other", ""
}

// looksLikeLookup: what nslookup never translates, and names its server with.
func looksLikeLookup(text []byte) bool {
	text = bytes.ReplaceAll(text[:min(len(text), 64<<10)], []byte{0}, nil)
	return bytes.Contains(text, []byte("Address")) && (bytes.Contains(text, []byte("can't find")) ||
		bytes.Contains(text, []byte("SRV service location")) || bytes.Count(text, []byte("Address")) > 1)
}

// Name is the source's entry among the report's stages.
func (b *Bundle) Name() string { return "bundle" }

// Collect puts what the bundle holds. Its logs are read now, as Logs reads them;
// one that cannot be read is noted in Contents and an error, and the rest is put
// all the same.
func (b *Bundle) Collect(ctx context.Context, s fact.Subject, f *fact.Facts) error {
	if b.Manifest != nil {
		return nil
	}
	var errs *multierror.Error
	if len(b.logs) > 0 {
		logs := Logs{listed: b.logs, origin: fact.Origin{Kind: fact.Bundle, Where: b.Path}, refused: b.note}
		if err := logs.Collect(ctx, s, f); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	for place, list := range b.lookups {
		fact.Put(f, fact.NSLookupKey, list, fact.Origin{Kind: fact.Bundle, Where: place})
	}
	for place, list := range b.queries {
		fact.Put(f, fact.PortQueriesKey, list, fact.Origin{Kind: fact.Bundle, Where: place})
	}
	fact.Put(f, fact.BundleKey, b.Contents, fact.Origin{Kind: fact.Bundle, Where: b.Path})
	return errs.ErrorOrNil()
}

// note says at a file what became of it.
func (b *Bundle) note(file string, err error) {
	for i := range b.Contents {
		if b.Contents[i].Path == file {
			b.Contents[i].Note = "it cannot be read to its end: " + oneLine(err)
		}
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
