package bundle

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// Limits of an archive of logs.
const (
	maxDirectory = 16 << 20 // bytes of a zip's list of members: about 200,000 of them
	maxUnpacked  = 64 << 30 // bytes that one member may unpack to
)

// part is one log to read.
type part struct {
	path    string // of a member of an archive after a "!"
	firstAt time.Time
	member  *zip.File       // nil for a file
	stdin   io.Reader       // for "-"
	archive *zip.ReadCloser // closed by closeAll; in the first part of an archive

	all        fs.FS // of a bundle's file: what it lies in, and where
	name       string
	size       int64
	unreadable error // why it is listed alone
}

// parts are the logs that a path names: a file, those in a folder or in a zip.
func (r *reading) parts(given string) ([]part, error) {
	if given == "-" {
		if r.Stdin == nil {
			return nil, fmt.Errorf("read log: %w", errNoStdin)
		}
		return []part{{path: given, stdin: r.Stdin}}, nil
	}
	info, err := os.Stat(given)
	if err != nil {
		return nil, fmt.Errorf("read log %s: %w", given, withoutCall(err))
	}
	if !info.IsDir() {
		if info.Mode().IsRegular() && isZip(given) {
			return zipParts(given, info.Size())
		}
		return []part{{path: given}}, nil
	}
	var parts []part
	err = filepath.WalkDir(root(given), func(path string, d fs.DirEntry, err error) error {
		if p := (part{path: path}); err == nil && d.Type().IsRegular() && (isLogName(d.Name()) || p.isLog()) {
			parts = append(parts, p)
		}
		return err
	})
	switch {
	case err != nil:
		err = fmt.Errorf("read log folder: %w", err)
	case len(parts) == 0:
		err = fmt.Errorf("read log folder %s: %w", given, errNoLog)
	}
	return parts, err
}

var errNoLog = errors.New("no .uccapilog, .log or .txt in it, and no other file that is a log")

// root names a folder so that walking it follows a link, which its name may be. Links
// within are not followed.
func root(dir string) string {
	if strings.HasSuffix(dir, string(filepath.Separator)) {
		return dir
	}
	return dir + string(filepath.Separator)
}

// headSize is how much of a file tells what it is.
const headSize = 64 << 10

// isLog tells by the start of a file, whatever its name, whether a log may go on there.
func (p part) isLog() bool {
	in, err := p.open()
	if err != nil {
		return false
	}
	defer in.Close()
	return isLog(io.LimitReader(in, headSize))
}

func isLog(r io.Reader) bool {
	log := sip.NewLog(r)
	for range log.Records() {
	}
	sum := log.Summary()
	return sum.Messages > 0 || sum.Format != "sip" && sum.Format != "unknown"
}

// withoutCall is what is wrong with a file, without its path and the system call.
func withoutCall(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func isLogName(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	name = strings.TrimSuffix(name, ".bak")
	for _, ext := range []string{".uccapilog", ".uccplog", ".log", ".txt", ".sip"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

func isZip(path string) bool { return begins(path, "PK\x03\x04") || begins(path, "PK\x05\x06") }

const gzipMagic = "\x1f\x8b"

func isGzipName(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".gz") }

// begins reports whether a file can be read and begins so.
func begins(path, magic string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, len(magic))
	_, err = io.ReadFull(file, head)
	return err == nil && string(head) == magic
}

// zipParts lists the logs of an archive. Names are shown and never used as
// paths, so what they point to does not matter.
func zipParts(path string, size int64) ([]part, error) {
	archive, err := openZip(path, size)
	if err != nil {
		return nil, fmt.Errorf("read log %s: %w", path, err)
	}
	var parts []part
	for _, member := range archive.File {
		p := part{path: path + "!" + member.Name, member: member}
		if !strings.HasSuffix(member.Name, "/") && (isLogName(member.Name) || p.isLog()) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		archive.Close()
		return nil, fmt.Errorf("read log %s: %w", path, errNoLog)
	}
	parts[0].archive = archive
	return parts, nil
}

func openZip(path string, size int64) (*zip.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := checkDirectory(file, size); err != nil {
		return nil, err
	}
	archive, err := zip.OpenReader(path)
	if err == nil {
		tidyNames(&archive.Reader)
	}
	return archive, err
}

// tidyNames gives the members names that [fs.FS] allows, so that a folder of an
// archive is read as one on disk is: older .NET separates with backslashes, and
// Explorer writes letters in a code page.
func tidyNames(archive *zip.Reader) {
	for _, member := range archive.File {
		member.Name = strings.ToValidUTF8(slashed(member.Name), "\uFFFD")
	}
}

// checkDirectory refuses an archive whose list of members alone would fill the
// memory: package zip reads it whole, from where it begins to the last member,
// whatever the archive says of its length.
func checkDirectory(file io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, 22+1<<16))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < 22 {
		return errors.New("the archive has no list of members; it may be cut")
	}
	end := size - int64(len(tail)-i)
	type list struct{ length, offset uint64 }
	lists := []list{{uint64(binary.LittleEndian.Uint32(tail[i+12:])), uint64(binary.LittleEndian.Uint32(tail[i+16:]))}}
	if locator := i - 20; locator >= 0 && bytes.HasPrefix(tail[locator:], []byte("PK\x06\x07")) {
		var end64 [56]byte
		if _, err := file.ReadAt(end64[:], int64(binary.LittleEndian.Uint64(tail[locator+8:])&(1<<62-1))); err == nil && bytes.HasPrefix(end64[:], []byte("PK\x06\x06")) {
			lists = append(lists, list{binary.LittleEndian.Uint64(end64[40:]), binary.LittleEndian.Uint64(end64[48:])})
		}
	}
	length := uint64(0)
	for k, l := range lists {
		if l.length != 1<<32-1 || k == len(lists)-1 { // else the 64-bit record says it
			length = max(length, l.length)
		}
		// Where members stand at the offset, they are read from there; else the list is what lies before the end.
		var magic [4]byte
		if _, err := file.ReadAt(magic[:], int64(l.offset&(1<<62-1))); err == nil && string(magic[:]) == "PK\x01\x02" && l.offset < uint64(end) {
			length = max(length, uint64(end)-l.offset)
		}
	}
	if length > maxDirectory {
		return fmt.Errorf("the archive's list of members takes %d bytes; extract what matters, and give the folder", length)
	}
	return nil
}

func closeAll(parts []part) {
	for _, p := range parts {
		if p.archive != nil {
			p.archive.Close()
		}
	}
}

// inOrder puts logs in the order of their first stamps: the numbers in the
// names of a rotated log are not in that order. Logs without one come last,
// and standard input and pipes, which are read once, after them.
func inOrder(parts []part) []part {
	if len(parts) < 2 {
		return parts
	}
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].firstAt = parts[i].begins()
	}
	order := func(a, b part) int {
		return cmp.Or(compareBool(a.firstAt.IsZero(), b.firstAt.IsZero()), a.firstAt.Compare(b.firstAt))
	}
	sort.SliceStable(parts, func(i, j int) bool { return order(parts[i], parts[j]) < 0 })
	return parts
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// begins returns the first stamp near the log's start; zero if there is none.
func (p part) begins() time.Time {
	if p.stdin != nil {
		return time.Time{}
	}
	if p.member == nil {
		if info, err := os.Stat(p.path); err != nil || !info.Mode().IsRegular() {
			return time.Time{}
		}
	}
	in, err := p.open()
	if err != nil {
		return time.Time{}
	}
	defer in.Close()
	log := sip.NewLog(io.LimitReader(in, headSize))
	for range log.Records() {
	}
	return log.Summary().FirstAt
}

func (p part) open() (io.ReadCloser, error) {
	switch {
	case p.stdin != nil:
		return io.NopCloser(p.stdin), nil
	case p.member == nil:
		return os.Open(p.path)
	}
	in, err := p.member.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{&unpacked{in, unpacksTo(p.member)}, in}, nil
}

// unpacksTo bounds what a member may unpack to. Logs of the longest kind, the
// same line again and again, come to some 350 times their packed size.
func unpacksTo(member *zip.File) int64 {
	const least, ratio = 64 << 20, 400
	packed := int64(min(member.CompressedSize64, maxUnpacked/ratio))
	return max(least, packed*ratio)
}

// unpacked ends a member that unpacks without end.
type unpacked struct {
	in   io.Reader
	left int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.left <= 0 {
		return 0, errors.New("it unpacks to more than can be a log")
	}
	n, err := u.in.Read(p[:min(int64(len(p)), u.left)])
	u.left -= int64(n)
	return n, err
}

// reader opens the log for reading once. Regular files and members of archives
// are read straight; what may keep a reader waiting ends with ctx.
func (p part) reader(ctx context.Context, follow bool) (io.ReadCloser, error) {
	if p.member != nil {
		return p.open()
	}
	if p.stdin == nil {
		if info, err := os.Stat(p.path); err != nil {
			return nil, err
		} else if info.Mode().IsRegular() {
			if !follow {
				return os.Open(p.path)
			}
			file, err := openShared(p.path)
			if err != nil {
				return nil, err
			}
			return &followed{ctx: ctx, file: file}, nil
		}
	}
	return p.patient(ctx)
}

// patient opens and reads beside: a named pipe that nobody writes to keeps
// open and read waiting, and a silent standard input does even when it is
// closed.
func (p part) patient(ctx context.Context) (io.ReadCloser, error) {
	out, in := io.Pipe()
	opened := make(chan error, 1)
	go func() {
		file, err := p.open()
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
		_, err = io.CopyBuffer(struct{ io.Writer }{in}, file, make([]byte, 256<<10))
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

// followed is a file that is still being written. It ends with its context, or when
// its name leads to another file, or it was begun anew; then rotated is set.
type followed struct {
	ctx     context.Context
	file    *os.File
	rotated bool
}

// pollEvery is how often a followed file is looked at for more.
const pollEvery = 250 * time.Millisecond

func (f *followed) Read(p []byte) (int, error) {
	for {
		if f.ctx.Err() != nil {
			return 0, context.Cause(f.ctx)
		}
		// Who renames a file may have written to it until then, so it is looked at before it is read.
		f.rotated = f.replaced()
		n, err := f.file.Read(p)
		if n > 0 || f.rotated || err != nil && err != io.EOF {
			return n, err
		}
		select {
		case <-f.ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

// replaced reports whether the name leads to another file, or the file is shorter
// than what was read of it. Between two files of a name there is none.
func (f *followed) replaced() bool {
	open, err := f.file.Stat()
	if err != nil {
		return false
	}
	if at, err := f.file.Seek(0, io.SeekCurrent); err == nil && open.Size() < at {
		return true
	}
	named, err := os.Stat(f.file.Name())
	return err == nil && named.Mode().IsRegular() && !os.SameFile(open, named)
}

func (f *followed) Close() error { return f.file.Close() }
