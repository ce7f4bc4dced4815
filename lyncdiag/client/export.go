package client

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"
)

// seen records what Inspect looks at, so that an export holds that and nothing else.
// A nil one records nothing.
type seen struct {
	keys    map[string]*key // nil: it was not there
	folders []string
	files   []notedFile
	content map[string][]byte
}

func (s *seen) key(path string, k *key, err error) {
	if s == nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		k = nil
	}
	s.keys[path] = k
}

func (s *seen) dir(name string, list []fs.FileInfo, looked bool) {
	if s == nil || !looked {
		return
	}
	s.folders = append(s.folders, name)
	if name == certificateFolder {
		return // other certificates of the user are nobody's business
	}
	for _, f := range list {
		size := f.Size()
		switch {
		case f.IsDir():
			size = -1
		case !f.Mode().IsRegular():
			continue
		}
		s.files = append(s.files, notedFile{name + "/" + f.Name(), size, f.ModTime().UTC()})
	}
}

func (s *seen) file(name string, b []byte, err error) {
	if s != nil && err == nil {
		s.content[name] = b
	}
}

// Export writes what Inspect looks at to a folder, which Open reads on any system; see
// [Computer.ExportTo]. The folder is made; it must be empty. The result names the files.
func (c *Computer) Export(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("client: write export: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("client: write export: %w", err)
	}
	defer root.Close()
	if entries, err := readDir(root.FS(), "."); err != nil || len(entries) > 0 {
		return nil, fmt.Errorf("client: write export: %s is not empty", dir)
	}
	var written []string
	err = c.ExportTo(func(name string, content []byte) error {
		written = append(written, name)
		name = filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return root.WriteFile(name, content, 0o600)
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// ExportTo hands out the files of an export, in the order of their names, which have
// forward slashes: the keys of the registry, the endpoint caches, the certificates of
// Communications Server without their keys, and noted.json. It holds no password, and of
// the installed programs, files and credentials only those that are Lync's, also where
// the computer is an export that holds more. The first error of write ends it.
func (c *Computer) ExportTo(write func(name string, content []byte) error) error {
	c.seen = &seen{keys: map[string]*key{}, content: map[string][]byte{}}
	defer func() { c.seen = nil }()
	x := c.Inspect()
	n := c.noted
	n.Schema, n.At, n.Files, n.Folders, n.Gaps = exportSchema, x.At, c.seen.files, c.seen.folders, x.Gaps
	// A document has no null.
	n.Services, n.Processes, n.Versions, n.Credentials = listed(n.Services), listed(n.Processes), listed(n.Versions), listed(n.Credentials)
	n.Files, n.Folders, n.Gaps = listed(n.Files), listed(n.Folders), listed(n.Gaps)
	document, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return fmt.Errorf("client: write export: %w", err)
	}
	files := map[string][]byte{NotedName: append(document, '\n'), registryName: c.seen.reg()}
	for name, b := range c.seen.content {
		files[profileName+"/"+name] = b
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := write(name, files[name]); err != nil {
			return fmt.Errorf("client: write export: %w", err)
		}
	}
	return nil
}

func listed[T any](s []T) []T { return append([]T{}, s...) }

// reg is a .reg file in UTF-16, as regedit writes it. Whoever imports it sets what
// was set before; what is not there stands in comments.
func (s *seen) reg() []byte {
	var w strings.Builder
	w.WriteString(regHeader + "\r\n\r\n" + chosenComment + ", to be read by lyncdiag client inspect --from\r\n")
	paths := make([]string, 0, len(s.keys))
	for path := range s.keys {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		k := s.keys[path]
		if k == nil {
			w.WriteString("\r\n" + absentComment + path + "\r\n")
			continue
		}
		writeReg(&w, path, discreet(k))
	}
	return utf16Text(w.String())
}

// utf16Text is a text as regedit writes it. Without the mark regedit would take it to
// be in the code page of the computer.
func utf16Text(text string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// secretName tells a value by its name, in lower case, that may be a password. Numbers
// of such names are switches, as SavePassword is.
func secretName(name string) bool {
	name = strings.ReplaceAll(name, "bypass", "")
	return slices.ContainsFunc([]string{"pass", "pwd", "secret", "token"}, func(word string) bool { return strings.Contains(name, word) })
}

// discreet leaves out what may be a secret or names the computer.
func discreet(k *key) *key {
	out := &key{}
	for _, v := range k.values {
		lower := strings.ToLower(v.name)
		isNumber := v.kind == typeNumber || v.kind == typeLong || v.text() == "0" || v.text() == "1"
		switch {
		case secretName(lower) && !isNumber, strings.Contains(lower, "productid"), len(v.data) > 4096:
			continue
		case lower == "machineguid":
			mask := func(r rune) rune {
				if strings.ContainsRune("{}-", r) {
					return r
				}
				return '0'
			}
			v = textValue(v.name, typeString, strings.Map(mask, v.text()))
		case lower == "defaultconnectionsettings":
			v.data = v.data[:min(len(v.data), connectionFlags+1)] // what follows are addresses
		case lower == "winhttpsettings":
			v = discreetWinHTTP(v)
		case v.kind == typeBinary:
			continue // nothing else of that kind is looked at
		case lower == "proxyserver", lower == "proxyoverride", lower == "autoconfigurl":
			v = textValue(v.name, typeString, withoutLogin(v.name, v.text()))
		case strings.HasPrefix(lower, "digitalproductid"), lower == "registeredowner", lower == "registeredorganization":
			continue
		}
		out.values = append(out.values, v)
	}
	return out
}
