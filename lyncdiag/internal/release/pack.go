package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// entry is a file of an archive.
type entry struct {
	Name       string // with slashes
	Text       []byte
	Executable bool
}

func (f entry) mode() fs.FileMode {
	if f.Executable {
		return 0o755
	}
	return 0o644
}

// parts are what a program is published with, and its bill of materials.
type parts struct {
	Files []entry // the program first
	Bill  *cdx.BOM
}

// partsOf reads what belongs to the program for t.
func partsOf(root, exe string, p program, t target, e edition, info *buildinfo.BuildInfo, modules []module) (parts, error) {
	linked, err := os.ReadFile(exe)
	if err != nil {
		return parts{}, err
	}
	all := parts{Files: []entry{{Name: p.file(t), Text: linked, Executable: true}}}
	for _, name := range []string{"LICENSE", "README.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return parts{}, err
		}
		all.Files = append(all.Files, entry{Name: name, Text: text})
	}
	notices, err := noticesOf(p, modules)
	if err != nil {
		return parts{}, err
	}
	all.Files = append(all.Files, entry{Name: "NOTICES.txt", Text: notices})
	all.Bill, err = billOf(p, t, e, linked, info, modules)
	return all, err
}

// pack writes the archive for t into dir, and its bill of materials beside it.
func pack(dir string, p program, t target, e edition, all parts) (one built, err error) {
	var b bytes.Buffer
	files := all.Files
	base := fmt.Sprintf("%s-%s-%s-%s", p.Name, e.Version, t.OS, t.Arch)
	one = built{Target: t}
	if t.OS == "windows" {
		one.Archive = base + ".zip"
		err = writeZip(&b, files, e.Time)
	} else {
		one.Archive = base + ".tar.gz"
		err = writeTar(&b, files, e.Time)
	}
	if err != nil {
		return built{}, fmt.Errorf("%s: %w", one.Archive, err)
	}
	one.SHA256 = fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
	if err := os.WriteFile(filepath.Join(dir, one.Archive), b.Bytes(), 0o644); err != nil {
		return built{}, err
	}
	bill, err := encode(all.Bill)
	if err != nil {
		return built{}, err
	}
	return one, os.WriteFile(filepath.Join(dir, base+".cdx.json"), bill, 0o644)
}

// writeZip writes an archive of which every byte follows from its arguments.
func writeZip(w io.Writer, files []entry, at time.Time) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, f := range files {
		h := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(f.mode())
		part, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.Text); err != nil {
			return err
		}
	}
	return z.Close()
}

// writeTar writes an archive of which every byte follows from its arguments.
func writeTar(w io.Writer, files []entry, at time.Time) error {
	g, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(g)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: int64(len(f.Text)), Mode: int64(f.mode()), ModTime: at.UTC(), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.Text); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), g.Close())
}

// noticesOf joins the licences of what is linked in, as most of them ask whoever
// publishes the program to pass them on.
func noticesOf(p program, modules []module) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(p.Name + " contains the following software.\n")
	for _, m := range modules[1:] {
		found := false
		entries, err := os.ReadDir(m.Dir)
		if err != nil {
			return nil, err
		}
		for _, f := range entries {
			name, _, _ := strings.Cut(strings.ToUpper(f.Name()), ".")
			if f.IsDir() || name != "LICENSE" && name != "LICENCE" && name != "COPYING" && name != "NOTICE" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(m.Dir, f.Name()))
			if err != nil {
				return nil, err
			}
			title := strings.TrimSpace(m.Path + " " + m.Version)
			if m.Path == "std" {
				title = "The Go standard library and runtime"
			}
			fmt.Fprintf(&b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 72), title, f.Name(), bytes.TrimSpace(text))
			found = found || name != "NOTICE"
		}
		if !found {
			return nil, fmt.Errorf("%s %s has no licence in its folder", m.Path, m.Version)
		}
	}
	return b.Bytes(), nil
}

// writeSums writes SHA256SUMS as sha256sum -c reads it, of the files that are
// published beside it.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir) // in the order of names
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, f := range entries {
		if f.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(text), f.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), b.Bytes(), 0o644)
}
