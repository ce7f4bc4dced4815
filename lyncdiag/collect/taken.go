package collect

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
)

// clientFolder is where a bundle keeps the client's export.
const clientFolder = bundle.ClientFolder + "/"

// maxLogs bounds the logs of a bundle.
const maxLogs = 1000

// taken are the files of the computer: the client's export and the logs, as far as
// the limits let them in, and what is left out.
func (c *Collector) taken() ([]item, []bundle.Missing) {
	left := orDefault(c.TotalBytes, DefaultTotalBytes)
	list, missing := c.export(&left)
	logs, absent := c.logs(left)
	return append(list, logs...), append(missing, absent...)
}

func orDefault(n, otherwise int64) int64 {
	if n <= 0 {
		return otherwise
	}
	return n
}

// export is what the client's export holds.
func (c *Collector) export(left *int64) (list []item, missing []bundle.Missing) {
	if c.Client == nil {
		return nil, []bundle.Missing{{What: clientFolder, Why: "no computer with a Lync client was looked at; give an export of one"}}
	}
	err := c.Client.ExportTo(func(name string, content []byte) error {
		name = clientFolder + name
		if int64(len(content)) > *left {
			missing = append(missing, bundle.Missing{What: name, Why: fmt.Sprintf("it has %d bytes, and the bundle takes no more of the computer", len(content))})
			return nil
		}
		*left -= int64(len(content))
		list = append(list, document(name, cmp.Or(c.Client.Where(), thisComputer), content))
		return nil
	})
	if err != nil {
		missing = append(missing, bundle.Missing{What: clientFolder, Why: oneLine(err)})
	}
	return list, missing
}

// logs are the client's logs, the newest first.
func (c *Collector) logs(left int64) (list []item, missing []bundle.Missing) {
	if len(c.Logs) == 0 {
		missing = append(missing, bundle.Missing{What: logFolder, Why: "no log of the client was found on this computer"})
	}
	if slices.Contains(c.Logs, "-") {
		missing = append(missing, bundle.Missing{What: logFolder, Why: "standard input was read once, for the report"})
	}
	texts, err := bundle.Logs{Paths: c.Logs}.Texts()
	if err != nil {
		missing = append(missing, bundle.Missing{What: logFolder, Why: oneLine(err)})
	}
	sort.SliceStable(texts, func(i, j int) bool { return texts[i].At.After(texts[j].At) })
	each := orDefault(c.LogBytes, DefaultLogBytes)
	still := make([]bool, len(c.Since))
	for _, t := range texts {
		name := logFolder + logName(t.Path)
		limit := min(each, left)
		start := int64(0)
		if i := endIn(t, c.Since); i >= 0 {
			start, still[i] = c.Since[i].offset, true
		}
		length := t.Bytes - start
		if start > 0 && length == 0 {
			missing = append(missing, bundle.Missing{What: name, Why: "nothing was logged there meanwhile"})
			continue
		}
		if limit == 0 || len(list) >= maxLogs {
			missing = append(missing, bundle.Missing{What: name, Why: "newer files fill what the bundle takes of the computer"})
			continue
		}
		note := ""
		switch {
		case t.Bytes < 0:
			left -= limit
		case length > limit:
			note = fmt.Sprintf("the last %s of %s", megabytes(limit), megabytes(length))
			left -= limit
		default:
			left -= length
		}
		list = append(list, item{entry: bundle.Entry{Name: name, Source: t.Path, Note: note}, open: func() (io.ReadCloser, error) { return window(t, start, limit) }})
	}
	for i, e := range c.Since {
		if !still[i] && e.offset >= telling {
			missing = append(missing, bundle.Missing{What: logFolder + logName(e.path), Why: "what it ended with before is in none of the logs: if it was renamed or begun anew meanwhile, what was logged until then is not here"})
		}
	}
	return list, missing
}

const logFolder = "logs/"

func megabytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MB", n>>20)
}

func logName(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	return strings.TrimSuffix(path.Base(p[strings.LastIndexByte(p, '!')+1:]), ".gz")
}

var errLonger = errors.New("it is longer than what is taken of a log")

// window opens the end of a log: from where its window begins, or as much as is taken
// of it. Of a log whose length nobody knows it is the beginning.
func window(t bundle.Text, from, limit int64) (io.ReadCloser, error) {
	in, err := t.Open()
	if err != nil {
		return nil, err
	}
	if t.Bytes < 0 {
		return reader{&limited{in, limit}, in}, nil
	}
	start := max(from, t.Bytes-limit)
	if err := skip(in, start); err != nil {
		in.Close()
		return nil, err
	}
	text := bufio.NewReader(io.LimitReader(in, t.Bytes-start))
	if start > from {
		line, _ := text.ReadSlice('\n') // what is left of one
		// In UTF-16LE a zero follows, and then begins the next unit.
		if next, err := text.Peek(1); err == nil && next[0] == 0 && (start+int64(len(line)))%2 == 1 {
			text.Discard(1)
		}
	}
	return reader{text, in}, nil
}

// skip goes to an offset of what was just opened.
func skip(in io.Reader, offset int64) error {
	if file, ok := in.(io.Seeker); ok {
		_, err := file.Seek(offset, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, in, offset)
	return err
}

// limited is an io.LimitedReader that tells where something is left.
type limited struct {
	in   io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		if n, err := l.in.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, errLonger
	}
	n, err := l.in.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

// ClientLogs are the logs of this computer's Lync client, where its versions keep
// them (KB 2604292). env is the environment; nil: os.LookupEnv.
func ClientLogs(env func(string) (string, bool)) []string {
	if env == nil {
		env = os.LookupEnv
	}
	var list []string
	for _, place := range []struct{ variable, below string }{
		{"USERPROFILE", "Tracing"},
		{"LOCALAPPDATA", filepath.Join("Microsoft", "Office", "15.0", "Lync", "Tracing")},
		{"LOCALAPPDATA", filepath.Join("Microsoft", "Office", "16.0", "Lync", "Tracing")},
	} {
		folder, ok := env(place.variable)
		if !ok || folder == "" {
			continue
		}
		folder = filepath.Join(folder, place.below)
		files, _ := os.ReadDir(folder)
		for _, f := range files {
			name := strings.TrimSuffix(strings.ToLower(f.Name()), ".bak")
			if f.Type().IsRegular() && (strings.HasSuffix(name, ".uccapilog") || strings.HasSuffix(name, ".uccplog")) {
				list = append(list, filepath.Join(folder, f.Name()))
			}
		}
	}
	return list
}
