// Package client looks at a computer's Lync client: this one's, on Windows, or
// another's by an export of it. It observes and judges nothing; [Computer.Plan] and
// [Reset] delete saved sign-in information as KB 2541980 and the articles it names
// say.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Computer is a computer that can be looked at.
type Computer struct {
	where    string // the export's folder; "" for this computer
	registry registryView
	profile  fs.FS  // the user's profile: AppData/Local, AppData/Roaming, Tracing
	system   system // what a reset changes; nil for an export
	noted    noted
	gaps     []fact.ClientSwitch
	seen     *seen // what was looked at, for an export; nil: nobody asks
}

// noted is what stands neither in the registry nor in files: noted.json of an export.
type noted struct {
	Schema      string      `json:"schema"` // lyncdiag.client-export/v1
	At          time.Time   `json:"at"`
	Services    []service   `json:"services"`
	Processes   []string    `json:"processes"` // of Lync clients
	Versions    []version   `json:"versions"`  // of files
	Credentials []string    `json:"credentials"`
	Files       []notedFile `json:"files"` // of the profile, with times that copying loses
	Folders     []string    `json:"folders"`

	ServicesRead    bool `json:"servicesRead"`
	ProcessesRead   bool `json:"processesRead"`
	CredentialsRead bool `json:"credentialsRead"`

	Gaps []fact.ClientSwitch `json:"gaps"`
}

type service struct {
	Name  string `json:"name"`
	State string `json:"state"` // running, stopped; missing
}

type version struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

type notedFile struct {
	Path string    `json:"path"` // below the profile, with slashes
	Size int64     `json:"size"` // -1: it is a folder
	At   time.Time `json:"at"`
}

const exportSchema = "lyncdiag.client-export/v1"

// NotedName is the file of an export that this project wrote.
const NotedName = "noted.json"

// Names within an export.
const (
	registryName = "registry.reg"
	profileName  = "profile"
	cmdkeyName   = "cmdkey.txt"
)

// Bounds of an export's folder.
const (
	maxNoted   = 4 << 20
	maxEntries = 10_000 // of one folder
)

// Open opens an export: a folder that Export wrote, or one that somebody put
// together from .reg files of regedit or reg.exe, a folder "profile" with parts of the
// user's profile (AppData\Local\..., Tracing\...) and cmdkey.txt, the output of
// "cmdkey /list". Any of them may be missing; files that cannot be read are told as
// gaps of the client. Where the folder holds nothing of all that, its folder "client",
// as in a bundle, or its only folder is read. The error says that nothing was there.
func Open(dir string) (*Computer, error) {
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		return nil, fmt.Errorf("client: open export %s: it is a file; unpack an archive, or put a .reg file into a folder of its own", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("client: open export %s: %w", dir, plainly(err))
	}
	c, err := OpenFS(dir, root.FS())
	if err != nil {
		root.Close()
	}
	return c, err
}

// plainly is an error without the name of the system call.
func plainly(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

var errNoExport = errors.New("it holds neither .reg files nor a folder profile nor " + NotedName + "; see lyncdiag client inspect --help")

// OpenFS is Open of a folder that lies elsewhere, such as in an archive, which where
// names for people. Files are read when they are asked for, so that all has to stay open.
func OpenFS(where string, all fs.FS) (*Computer, error) { return openFS(where, all, 2) }

// openFS looks so many folders deep for the export.
func openFS(where string, all fs.FS, depth int) (*Computer, error) {
	c := &Computer{where: where}
	entries, err := fs.ReadDir(all, ".")
	if err != nil {
		return nil, fmt.Errorf("client: open export %s: %w", where, plainly(err))
	}
	x := &exported{}
	var folders []string
	found := false
	for _, e := range entries {
		name := e.Name()
		var failed error
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, ".reg") && !e.IsDir():
			failed = readFile(all, name, x.readReg)
		case lower == NotedName:
			failed = readFile(all, name, c.readNoted)
		case lower == cmdkeyName:
			failed = readFile(all, name, c.readCmdkey)
		case e.IsDir() && lower == profileName:
			c.profile, failed = fs.Sub(all, name)
		default:
			if e.IsDir() {
				folders = append(folders, name)
			}
			continue
		}
		found = true
		if failed != nil {
			c.gap(name, failed)
		}
	}
	if i := slices.Index(folders, "client"); i >= 0 {
		folders = folders[i : i+1]
	}
	switch {
	case found:
	case len(folders) == 1 && depth > 0:
		below, err := fs.Sub(all, folders[0])
		if err != nil {
			return nil, fmt.Errorf("client: open export %s: %w", where, err)
		}
		return openFS(where, below, depth-1)
	default:
		return nil, fmt.Errorf("client: open export %s: %w", where, errNoExport)
	}
	if err := x.oneUser(); err != nil {
		c.gap("HKEY_USERS", err)
	}
	x.link()
	c.registry = x
	c.gaps = append(c.gaps, c.noted.Gaps...)
	return c, nil
}

// IsExported reports whether a file of this name, at the root of an export, is read.
func IsExported(name string) bool {
	name = strings.ToLower(name)
	return name == NotedName || name == cmdkeyName || strings.HasSuffix(name, ".reg")
}

func readFile(all fs.FS, name string, read func(io.Reader) error) error {
	// A pipe would be waited for. What Windows has in a cloud is not regular either.
	if info, err := fs.Stat(all, name); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 {
		return errNoFile
	}
	file, err := all.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return read(file)
}

func (c *Computer) gap(name string, err error) {
	g := fact.ClientSwitch{Name: name, Value: plainly(err).Error()}
	if !slices.Contains(c.gaps, g) {
		c.gaps = append(c.gaps, g)
	}
}

func (c *Computer) readNoted(r io.Reader) error {
	in, err := decodeText(r)
	if err != nil {
		return err
	}
	var n noted
	if err := json.NewDecoder(io.LimitReader(in, maxNoted)).Decode(&n); err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	if n.Schema != exportSchema {
		return fmt.Errorf("its schema is %q, want %s", n.Schema, exportSchema)
	}
	n.Credentials = append(n.Credentials, c.noted.Credentials...)
	n.CredentialsRead = n.CredentialsRead || c.noted.CredentialsRead
	c.noted = n
	return nil
}

// readCmdkey reads the output of cmdkey /list in any language: the targets are those
// behind "target=".
func (c *Computer) readCmdkey(r io.Reader) error {
	in, err := decodeText(r)
	if err != nil {
		return err
	}
	for err == nil {
		var line string
		line, err = readLine(in)
		if _, target, ok := strings.Cut(line, "target="); ok && ofLync(strings.TrimSpace(target)) {
			c.noted.Credentials = append(c.noted.Credentials, strings.TrimSpace(target))
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	c.noted.CredentialsRead = true
	return nil
}

// oneUser takes the hive of the only user for HKEY_CURRENT_USER, where somebody
// exported HKEY_USERS.
func (e *exported) oneUser() error {
	const users = `hkey_users\`
	sids := map[string]bool{}
	for path := range e.keys {
		if strings.HasPrefix(path, `hkey_current_user`) {
			return nil
		}
		sid, _, _ := strings.Cut(strings.TrimPrefix(path, users), `\`)
		// An account of a domain or of this computer, and one of Entra ID.
		if strings.HasPrefix(path, users) && (strings.HasPrefix(sid, "s-1-5-21-") || strings.HasPrefix(sid, "s-1-12-1-")) && !strings.HasSuffix(sid, "_classes") {
			sids[sid] = true
		}
	}
	list := slices.Sorted(maps.Keys(sids))
	switch len(list) {
	case 0:
		return nil
	case 1:
	default:
		return fmt.Errorf("it holds %d users (%s); export the key of the one alone", len(list), strings.ToUpper(strings.Join(list, ", ")))
	}
	own := map[string]*exportedKey{}
	for path, k := range e.keys {
		if rest, ok := strings.CutPrefix(path, users+list[0]); ok {
			own["hkey_current_user"+rest] = &exportedKey{key: k.key, path: "HKEY_CURRENT_USER" + k.path[len(path)-len(rest):], absent: k.absent}
		}
	}
	maps.Copy(e.keys, own)
	return nil
}

// key reads a key of the registry: nil where there is none or nothing is known.
// looked is false in the latter case.
func (c *Computer) key(path string) (k *key, looked bool) {
	k, err := c.registry.read(path)
	c.seen.key(path, k, err)
	switch {
	case err == nil:
		return k, true
	case errors.Is(err, fs.ErrNotExist):
		return nil, true
	case !errors.Is(err, errUnknown):
		c.gap(path, err)
	}
	return nil, false
}

// dir lists a folder of the profile; looked is false where nothing is known of it.
// Links are listed and not followed.
func (c *Computer) dir(name string) (list []fs.FileInfo, looked bool) {
	if c.profile != nil {
		entries, err := readDir(c.profile, name)
		switch {
		case err == nil:
			looked = true
			for _, e := range entries {
				if info, err := e.Info(); err == nil {
					list = append(list, info)
				}
			}
		case errors.Is(err, fs.ErrNotExist):
			looked = c.where == ""
		default:
			c.gap(name, err)
		}
	}
	// Times of an export are the noted ones.
	for _, n := range c.noted.Files {
		if rest, ok := strings.CutPrefix(n.Path, name+"/"); ok && !strings.Contains(rest, "/") {
			list = slices.DeleteFunc(list, func(i fs.FileInfo) bool { return i.Name() == rest })
			list = append(list, notedInfo{n})
			looked = true
		}
	}
	for _, folder := range c.noted.Folders {
		looked = looked || folder == name
		if path.Dir(folder) == name && !slices.ContainsFunc(list, func(i fs.FileInfo) bool { return i.Name() == path.Base(folder) }) {
			list = append(list, notedInfo{notedFile{Path: folder, Size: -1}})
			looked = true
		}
	}
	c.seen.dir(name, list, looked)
	return list, looked
}

// readDir reads a folder of at most maxEntries.
func readDir(all fs.FS, name string) ([]fs.DirEntry, error) {
	file, err := all.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d, ok := file.(fs.ReadDirFile)
	if !ok {
		return nil, errors.New("it is no folder")
	}
	list, err := d.ReadDir(maxEntries)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, err
}

// notedInfo is a file as an export noted it; a folder has the size -1.
type notedInfo struct{ notedFile }

func (n notedInfo) Name() string       { return path.Base(n.Path) }
func (n notedInfo) Size() int64        { return n.notedFile.Size }
func (n notedInfo) ModTime() time.Time { return n.At }
func (n notedInfo) IsDir() bool        { return n.notedFile.Size < 0 }
func (n notedInfo) Sys() any           { return nil }
func (n notedInfo) Mode() fs.FileMode {
	if n.IsDir() {
		return fs.ModeDir
	}
	return 0
}

// file reads a small file of the profile.
func (c *Computer) file(name string) ([]byte, error) {
	if c.profile == nil {
		return nil, fs.ErrNotExist
	}
	var b []byte
	err := readFile(c.profile, name, func(r io.Reader) (err error) {
		b, err = io.ReadAll(io.LimitReader(r, maxFile+1))
		if err == nil && len(b) > maxFile {
			err = fmt.Errorf("it has more than %d bytes", maxFile)
		}
		return err
	})
	c.seen.file(name, b, err)
	return b, err
}

var errNoFile = errors.New("it is no file, but a pipe or a device")

const maxFile = 1 << 20

// Where is the export's place; "" for this computer.
func (c *Computer) Where() string { return c.where }

// Name is the source's entry among the report's stages.
func (c *Computer) Name() string { return "client" }

// Collect puts the client as it was found.
func (c *Computer) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	origin := fact.Origin{Kind: fact.Live}
	if c.where != "" {
		origin = fact.Origin{Kind: fact.Bundle, Where: c.where}
	}
	fact.Put(f, fact.ClientKey, c.Inspect(), origin)
	return nil
}
