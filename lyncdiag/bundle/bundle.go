// Package bundle reads what a user sent: client logs, what nslookup and PortQry
// printed, and support bundles that hold them. It writes facts and judges nothing.
package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Limits of a bundle.
const (
	maxEntries = 100_000  // files that are looked at
	maxText    = 1 << 20  // bytes of a text that is no log: nslookup's and PortQry's output is small
	maxNested  = 32 << 20 // bytes of all archives within an archive: they are unpacked in memory
	maxOffered = 64 << 20 // bytes of an export
)

// Bundle is a support bundle: MOSDALREPORT.zip, its folder, or any other folder
// or archive of what was collected on the user's computer. Texts are known by
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

	open    []io.Closer // archives
	parts   []part      // of Contents, in their order
	nested  int64       // bytes of archives within
	prefix  string      // of the files in one of our own bundles
	clients []export
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
	more := false // than are read
	switch {
	case info.IsDir():
		more, err = b.folder(ctx)
	case info.Mode().IsRegular() && isZip(name):
		more, err = b.archive(info.Size())
	default:
		err = errors.New("it is neither a folder nor a zip archive; a log is given with --log")
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("open bundle %s: %w", name, err)
	}
	sort.SliceStable(b.parts, func(i, j int) bool { return b.parts[i].path < b.parts[j].path })
	if b.Manifest, err = b.readManifest(); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bundle %s: %w", name, err)
	}
	if b.Manifest != nil {
		return b, nil
	}
	for _, p := range b.parts {
		if ctx.Err() != nil {
			b.Close()
			return nil, fmt.Errorf("open bundle %s: %w", name, context.Cause(ctx))
		}
		b.Contents = append(b.Contents, b.look(p))
	}
	b.computers()
	if more {
		b.parts = append(b.parts, part{path: name})
		b.Contents = append(b.Contents, fact.BundleFile{Path: name, Kind: "other", Note: fmt.Sprintf("it holds more than %d files; the others are not read: extract what matters, and give that", maxEntries)})
	}
	return b, nil
}

// Close closes the archives.
func (b *Bundle) Close() error {
	var errs *multierror.Error
	for _, c := range b.open {
		if err := c.Close(); err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	b.open = nil
	return errs.ErrorOrNil()
}

var errMore = errors.New("too many files")

// folder lists the files of a folder, and of archives in it. Links within are not followed.
func (b *Bundle) folder(ctx context.Context) (more bool, err error) {
	inside, err := os.OpenRoot(b.Path) // so that no link leads out of it
	if err != nil {
		return false, err
	}
	b.open = append(b.open, inside)
	top := root(b.Path)
	err = filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && file == top:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && !d.Type().IsRegular():
			return nil
		case len(b.parts) >= maxEntries:
			return errMore
		case err != nil: // a folder without the right to look into it
			b.parts = append(b.parts, part{path: file, unreadable: err})
			return nil
		}
		p := part{path: file, all: inside.FS()}
		if name, err := filepath.Rel(b.Path, file); err == nil {
			p.name = filepath.ToSlash(name)
		}
		if info, err := d.Info(); err == nil {
			p.size = info.Size()
		}
		if !isArchiveName(file) || !isZip(file) {
			b.parts = append(b.parts, p)
			return nil
		}
		archive, err := openZip(file, p.size)
		if err != nil {
			p.unreadable = err
			b.parts = append(b.parts, p)
			return nil
		}
		b.open = append(b.open, archive)
		if b.members(&archive.Reader, file+"!", false) {
			return errMore
		}
		return nil
	})
	if errors.Is(err, errMore) {
		return true, nil
	}
	return false, err
}

func (b *Bundle) archive(size int64) (more bool, err error) {
	archive, err := openZip(b.Path, size)
	if err != nil {
		return false, err
	}
	b.open = append(b.open, archive)
	return b.members(&archive.Reader, b.Path+"!", true), nil
}

// members lists the files of an archive, and with deeper those of archives in
// it. Their names are shown and never used as paths, so what they point to does
// not matter.
func (b *Bundle) members(archive *zip.Reader, prefix string, deeper bool) (more bool) {
	for _, member := range archive.File {
		if member.FileInfo().IsDir() {
			continue
		}
		if len(b.parts) >= maxEntries {
			return true
		}
		p := part{path: prefix + member.Name, member: member, all: archive, name: member.Name, size: int64(min(member.UncompressedSize64, 1<<62))}
		if member.Flags&1 != 0 {
			p.unreadable = errors.New("it is encrypted; extract it with its password and give the folder")
		}
		if deeper && p.unreadable == nil && isArchiveName(p.name) {
			within, err := b.within(p)
			if err == nil {
				if b.members(within, p.path+"!", false) {
					return true
				}
				continue
			}
			p.unreadable = err
		}
		b.parts = append(b.parts, p)
	}
	return false
}

// within unpacks an archive in an archive.
func (b *Bundle) within(p part) (*zip.Reader, error) {
	if p.size > maxNested-b.nested {
		return nil, errors.New("it is an archive, too large to look into where it is; extract it and give it as well")
	}
	in, err := p.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	packed, err := io.ReadAll(io.LimitReader(in, p.size+1))
	if err != nil {
		return nil, err
	}
	b.nested += int64(len(packed))
	if err := checkDirectory(bytes.NewReader(packed), int64(len(packed))); err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err == nil {
		tidyNames(archive)
	}
	return archive, err
}

func isArchiveName(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".zip") }

// look says what a file is, reads it where it is small, and keeps logs for later.
func (b *Bundle) look(p part) fact.BundleFile {
	f := fact.BundleFile{Path: p.path, Kind: "other", Bytes: p.size}
	name := strings.ToLower(path.Base(strings.ReplaceAll(p.path, `\`, "/")))
	extension := path.Ext(name)
	switch {
	case p.unreadable != nil:
		f.Note = "it cannot be read: " + oneLine(p.unreadable)
	case extension == ".etl":
		f.Note = "a trace of Windows, which only Microsoft can read; the client's log is the .uccapilog beside it"
	case extension == ".zip", extension == ".cab", extension == ".7z", extension == ".rar":
		f.Note = "an archive within; extract it and give it as well"
	case strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".bak"), ".uccapilog"):
		f.Kind = "log"
	case isLogName(name):
		f.Kind, f.Note = b.read(p)
	case p.size > 0 && !isExportName(name) && p.isText():
		// Programs and people give files other names: .old, .1, none.
		f.Kind, f.Note = b.read(p)
		if f.Kind == "log" && !p.isLog() {
			f.Kind = "other"
		}
	}
	return f
}

// isText reports whether a file begins as text of any encoding.
func (p part) isText() bool {
	in, err := p.open()
	if err != nil {
		return false
	}
	defer in.Close()
	for _, err := range sip.ParseLog(io.LimitReader(in, 4<<10)) {
		if notText := (*sip.FormatError)(nil); errors.As(err, &notText) {
			return false
		}
	}
	return true
}

// read tells by its content what a text is.
func (b *Bundle) read(p part) (kind, note string) {
	in, err := p.open()
	if err != nil {
		return "other", "it cannot be read: " + oneLine(err)
	}
	defer in.Close()
	unpacked, err := gunzip(in)
	if err != nil {
		return "other", "it cannot be read: " + oneLine(err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxText))
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

// isExportName reports whether files of such a name hold exports or answers.
func isExportName(name string) bool {
	switch path.Ext(strings.TrimSuffix(name, ".gz")) {
	case ".json", ".xml", ".clixml", ".csv":
		return true
	}
	return false
}

// gunzip unpacks what is gzip.
func gunzip(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(2); string(head) == gzipMagic {
		return gzip.NewReader(in)
	}
	return in, nil
}

// Offer shows read the files that nothing here knows and that may hold exports
// or answers, in the order of Contents, each at most once. What read
// returns is noted there: a kind, and what there is to say, or "" for a file that
// it does not know either. Call it before Collect.
func (b *Bundle) Offer(read func(name string, r io.Reader) (kind, note string)) {
	for i, p := range b.parts {
		f := &b.Contents[i]
		if f.Kind != "other" || f.Note != "" || f.Bytes == 0 || f.Bytes > maxOffered {
			continue
		}
		if name := strings.ToLower(p.path); !isExportName(name) && path.Ext(strings.TrimSuffix(name, ".gz")) != ".txt" {
			continue
		}
		in, err := p.open()
		if err != nil {
			f.Note = "it cannot be read: " + oneLine(err)
			continue
		}
		unpacked, err := gunzip(in)
		if err == nil {
			if kind, note := read(p.path, io.LimitReader(unpacked, maxOffered)); kind != "" {
				f.Kind, f.Note = kind, note
			}
		}
		in.Close()
	}
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
	var listed []part
	for i, p := range b.parts {
		if b.Contents[i].Kind == "log" {
			listed = append(listed, p)
		}
	}
	if len(listed) > 0 {
		logs := Logs{listed: listed, origin: fact.Origin{Kind: fact.Bundle, Where: b.Path}, refused: b.note}
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
	for _, e := range b.clients {
		seen, err := e.inspect()
		if err != nil {
			errs = multierror.Append(errs, err)
			continue
		}
		fact.Put(f, fact.ClientKey, seen, fact.Origin{Kind: fact.Bundle, Where: e.where})
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
