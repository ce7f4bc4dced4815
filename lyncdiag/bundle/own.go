package bundle

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/asciijson"
)

// ManifestSchema names the manifest of the bundles that this project writes; its
// name in the archive is manifest.json.
const ManifestSchema = "lyncdiag.bundle/v1"

// ClientFolder is where a bundle of this project keeps the export of the computer's
// client.
const ClientFolder = "client"

const (
	manifestName = "manifest.json"
	maxRecord    = 64 << 20 // bytes of a manifest, a report, a record of facts
)

// Manifest says what is in a bundle, and what could not be had.
type Manifest struct {
	Schema    string    `json:"schema"`    // ManifestSchema
	Tool      Tool      `json:"tool"`      // that wrote the bundle
	CreatedAt string    `json:"createdAt"` // RFC 3339, UTC
	Redacted  bool      `json:"redacted"`  // pseudonyms stand for users, hosts and addresses
	Entries   []Entry   `json:"entries"`   // every other file, in the order of the archive
	Missing   []Missing `json:"missing"`   // what was looked for and is not there
}

// Tool is a program.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Entry is a file of a bundle.
type Entry struct {
	Name   string `json:"name"` // with forward slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hexadecimal
	Source string `json:"source"` // where it comes from: a host, a file, this run
	Note   string `json:"note"`   // such as that it is the end of a longer file; "" for none
}

// Missing is what could not be had.
type Missing struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Writer writes a bundle. Add its files, then Close it.
type Writer struct {
	Manifest Manifest // Tool, Redacted and Missing are the caller's

	out *zip.Writer
}

// NewWriter begins a bundle on w, which is made at a time.
func NewWriter(w io.Writer, at time.Time) *Writer {
	return &Writer{out: zip.NewWriter(w), Manifest: Manifest{
		Schema: ManifestSchema, CreatedAt: at.UTC().Format("2006-01-02T15:04:05.000Z"), Entries: []Entry{}, Missing: []Missing{},
	}}
}

// Add writes one file with what write writes. The entry needs Name, Source and
// Note.
func (w *Writer) Add(e Entry, write func(io.Writer) error) error {
	out, err := w.out.Create(e.Name)
	if err != nil {
		return fmt.Errorf("bundle: add %s: %w", e.Name, err)
	}
	hash := sha256.New()
	var count counter
	if err := write(io.MultiWriter(out, hash, &count)); err != nil {
		return fmt.Errorf("bundle: add %s: %w", e.Name, err)
	}
	e.Bytes, e.SHA256 = int64(count), hex.EncodeToString(hash.Sum(nil))
	w.Manifest.Entries = append(w.Manifest.Entries, e)
	return nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// Close writes the manifest and ends the archive.
func (w *Writer) Close() error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(w.Manifest); err != nil {
		return fmt.Errorf("bundle: write manifest: %w", err)
	}
	out, err := w.out.Create(manifestName)
	if err == nil {
		_, err = out.Write(asciijson.Append(nil, text.Bytes()))
	}
	if err == nil {
		err = w.out.Close()
	}
	if err != nil {
		return fmt.Errorf("bundle: write manifest: %w", err)
	}
	return nil
}

// readManifest reads that of one of our bundles; nil: it is none.
func (b *Bundle) readManifest() (*Manifest, error) {
	for _, p := range b.parts {
		name := slashed(p.path)
		if path.Base(name[strings.LastIndexByte(name, '!')+1:]) != manifestName || p.unreadable != nil {
			continue
		}
		text, err := p.whole(maxRecord)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, err)
		}
		var m Manifest
		if json.Unmarshal(text, &m) != nil || !strings.HasPrefix(m.Schema, "lyncdiag.bundle/") {
			continue
		}
		if m.Schema != ManifestSchema {
			return nil, fmt.Errorf("%s: its schema is %s, and this version reads %s; use a newer lyncdiag", p.path, m.Schema, ManifestSchema)
		}
		b.prefix = strings.TrimSuffix(p.path, manifestName)
		return &m, nil
	}
	return nil, nil
}

// Recorded returns the facts of one of our bundles and its report, as they were
// recorded; the client is read anew from its export, where that is in the bundle.
// Hashes are compared with the manifest's.
func (b *Bundle) Recorded() (f *fact.Facts, report []byte, err error) {
	if b.Manifest == nil {
		return nil, nil, errors.New("bundle: it holds no recorded run")
	}
	record, err := b.file("facts.json")
	if err == nil {
		report, err = b.file("report.json")
	}
	if err == nil {
		f, err = fact.Decode(bytes.NewReader(record))
	}
	if err == nil {
		err = b.recordedClient(f)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bundle: read recorded run of %s: %w", b.Path, err)
	}
	return f, report, nil
}

// part finds a file of our own bundle by its name in the manifest.
func (b *Bundle) part(name string) (part, bool) {
	i := slices.IndexFunc(b.parts, func(p part) bool { return slashed(p.path) == slashed(b.prefix)+name })
	if i < 0 {
		return part{}, false
	}
	return b.parts[i], true
}

// file reads one file of our own bundle whole.
func (b *Bundle) file(name string) ([]byte, error) {
	p, ok := b.part(name)
	if !ok {
		return nil, fmt.Errorf("%s is not in it", name)
	}
	text, err := p.whole(maxRecord)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	for _, e := range b.Manifest.Entries {
		if e.Name == name && e.SHA256 == hex.EncodeToString(sum[:]) {
			return text, nil
		}
	}
	return nil, fmt.Errorf("%s is not what the manifest says it is: it was changed, or cut", name)
}

// whole reads a part that is small.
func (p part) whole(limit int64) ([]byte, error) {
	in, err := p.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}

// Text is one log as text.
type Text struct {
	Path  string    // of a member of an archive after a "!"
	Bytes int64     // its length; -1 unknown, as of what is packed with gzip
	At    time.Time // when it was last written; zero unknown
	// Open opens it, unpacked. What is no archive's and not packed is an io.Seeker.
	Open func() (io.ReadCloser, error)
}

// Texts lists the logs that the paths name, without those of standard input.
func (l Logs) Texts() ([]Text, error) {
	r := reading{Logs: l}
	var list []Text
	var errs *multierror.Error
	for _, given := range l.Paths {
		if given == "-" {
			continue
		}
		found, err := r.parts(given)
		if err != nil {
			errs = multierror.Append(errs, err)
		}
		closeAll(found)
		for _, p := range found {
			t := Text{Path: p.path, Bytes: -1, Open: func() (io.ReadCloser, error) { return l.openText(given, p.path) }}
			if p.member != nil {
				t.At = p.member.Modified
				if !isGzipName(p.path) {
					t.Bytes = int64(min(p.member.UncompressedSize64, 1<<62))
				}
			} else if info, err := os.Stat(p.path); err == nil && info.Mode().IsRegular() {
				t.At = info.ModTime()
				if !isGzipName(p.path) && !begins(p.path, gzipMagic) {
					t.Bytes = info.Size()
				}
			}
			list = append(list, t)
		}
	}
	return list, errs.ErrorOrNil()
}

// openText opens one of the logs that a path names.
func (l Logs) openText(given, name string) (io.ReadCloser, error) {
	r := reading{Logs: l}
	found, err := r.parts(given)
	if err != nil {
		return nil, err
	}
	for _, p := range found {
		if p.path != name {
			continue
		}
		in, err := p.open()
		if err != nil {
			closeAll(found)
			return nil, err
		}
		if file, ok := in.(*os.File); ok && !begins(p.path, gzipMagic) {
			return file, nil
		}
		text := &unpackedText{Reader: in, closers: func() { in.Close(); closeAll(found) }}
		head := bufio.NewReader(in)
		text.Reader = head
		if magic, _ := head.Peek(2); string(magic) == gzipMagic {
			packed, err := gzip.NewReader(head)
			if err != nil {
				text.Close()
				return nil, err
			}
			text.Reader = &unpacked{packed, maxUnpacked}
		}
		return text, nil
	}
	closeAll(found)
	return nil, fmt.Errorf("%s is gone", name)
}

type unpackedText struct {
	io.Reader
	closers func()
}

func (u *unpackedText) Close() error {
	u.closers()
	return nil
}
