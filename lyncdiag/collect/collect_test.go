package collect

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// offline is a diagnosis that looks at nothing.
func offline() *lyncdiag.Diagnoser { return &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Offline: true} }

// write collects, and returns the files of the bundle beside what is said of them.
func write(t *testing.T, c *Collector) (map[string]string, bundle.Manifest) {
	t.Helper()
	c.Diagnoser = offline()
	var out bytes.Buffer
	m, _, err := c.Write(t.Context(), &out, lyncdiag.Target{Address: "joe@contoso.example", Domain: "contoso.example"})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		list[f.Name] = string(text)
	}
	var written bundle.Manifest
	if err := json.Unmarshal([]byte(list["manifest.json"]), &written); err != nil || len(written.Entries) != len(list)-1 {
		t.Fatalf("%d entries of %d files: %v", len(written.Entries), len(list), err)
	}
	for i, e := range written.Entries {
		if text, ok := list[e.Name]; !ok || int64(len(text)) != e.Bytes || e != m.Entries[i] {
			t.Errorf("the manifest has %+v", e)
		}
	}
	return list, m
}

func why(m bundle.Manifest, what string) string {
	i := slices.IndexFunc(m.Missing, func(x bundle.Missing) bool { return x.What == what })
	if i < 0 {
		return ""
	}
	return m.Missing[i].Why
}

// TestUnreadable: a file that cannot be read, or not to its end, costs that file
// alone, and the manifest says why.
func TestUnreadable(t *testing.T) {
	locked := errors.New("another process has locked a portion of the file")
	reading := func(text string, end error) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(end))), nil
		}
	}
	items := func() []item {
		return []item{
			{entry: bundle.Entry{Name: "refused"}, open: func() (io.ReadCloser, error) { return nil, locked }},
			{entry: bundle.Entry{Name: "first"}, open: reading("", locked)},
			{entry: bundle.Entry{Name: "later"}, open: reading("a line\n", locked)},
			{entry: bundle.Entry{Name: "binary"}, open: reading(strings.Repeat("\x01\x02\x03\xff", 100), io.EOF)},
			{entry: bundle.Entry{Name: "empty"}, open: reading("", io.EOF)},
			{entry: bundle.Entry{Name: "text"}, open: reading("text\n", io.EOF)},
		}
	}
	for _, c := range []struct {
		redactor *redact.Redactor
		want     string
		missing  string
	}{
		{nil, "later 7, binary 400, empty 0, text 5", "refused: it cannot be read, first: it cannot be read, later: it was not read to its end"},
		{redact.New(), "later 7, empty 0, text 5", "refused: it cannot be read, first: it cannot be read, later: it was not read to its end, binary: it is left out"},
	} {
		w := bundle.NewWriter(io.Discard, time.Now())
		if err := (&Collector{Redactor: c.redactor}).add(t.Context(), w, lyncdiag.Target{}, items()); err != nil {
			t.Fatal(err)
		}
		var entries, missing []string
		for _, e := range w.Manifest.Entries {
			entries = append(entries, fmt.Sprintf("%s %d", e.Name, e.Bytes))
		}
		for _, m := range w.Manifest.Missing {
			before, after, _ := strings.Cut(m.Why, ":")
			missing = append(missing, m.What+": "+before)
			if after = strings.TrimSpace(after); m.What != "binary" && after != locked.Error() {
				t.Errorf("%s: %q", m.What, m.Why)
			}
		}
		if got := strings.Join(entries, ", "); got != c.want {
			t.Errorf("taken are %s, want %s", got, c.want)
		}
		if got := strings.Join(missing, ", "); got != c.missing {
			t.Errorf("missing are %s, want %s", got, c.missing)
		}
	}
}

// TestUnreadableLogs: of a folder without rights the rest is taken.
func TestUnreadableLogs(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a.uccapilog", "b.uccapilog"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("text\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{folder, filepath.Join(folder, "gone.uccapilog")}
	denied := runtime.GOOS != "windows" && os.Getuid() != 0
	if denied {
		if err := os.Chmod(filepath.Join(folder, "a.uccapilog"), 0); err != nil {
			t.Fatal(err)
		}
	}
	files, m := write(t, &Collector{Logs: paths})
	if files["logs/b.uccapilog"] != "text\n" || !strings.Contains(why(m, "logs/"), "gone.uccapilog") {
		t.Errorf("missing are %+v", m.Missing)
	}
	if _, taken := files["logs/a.uccapilog"]; taken == denied || denied && !strings.Contains(why(m, "logs/a.uccapilog"), "denied") {
		t.Errorf("missing are %+v", m.Missing)
	}
}

// TestLimits: of a folder with a log of 5 GB the newest are taken, each its end, until
// the limit; the manifest says what that leaves out.
func TestLimits(t *testing.T) {
	folder := t.TempDir()
	const huge = 5 << 30
	for i, name := range []string{"newest", "huge", "long", "oldest"} {
		file, err := os.Create(filepath.Join(folder, name+".uccapilog"))
		if err != nil {
			t.Fatal(err)
		}
		size := int64(900 << 10)
		if name == "huge" {
			size = huge
		}
		err = errors.Join(file.Truncate(size-9), func() error { _, err := file.WriteAt([]byte("\nthe end\n"), size-9); return err }(), file.Close())
		at := time.Date(2013, 5, 31-i, 0, 0, 0, 0, time.UTC)
		if err := errors.Join(err, os.Chtimes(file.Name(), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	c := &Collector{Logs: []string{folder}, LogBytes: 1 << 20, TotalBytes: 2 << 20}
	files, m := write(t, c)
	var got []string
	for _, e := range m.Entries {
		if name, ok := strings.CutPrefix(e.Name, "logs/"); ok {
			got = append(got, name+": "+e.Note)
			if !strings.HasSuffix(files[e.Name], "the end\n") || e.Bytes > 1<<20 {
				t.Errorf("%s has %d bytes", e.Name, e.Bytes)
			}
		}
	}
	want := []string{"newest.uccapilog: ", "huge.uccapilog: the last 1 MB of 5120 MB", "long.uccapilog: the last 126976 bytes of 921600 bytes"}
	if !slices.Equal(got, want) {
		t.Errorf("taken are %q, want %q", got, want)
	}
	if !strings.Contains(why(m, "logs/oldest.uccapilog"), "newer files fill") {
		t.Errorf("missing are %+v", m.Missing)
	}
	plan := c.Plan()
	if why(plan, "logs/oldest.uccapilog") == "" || !slices.ContainsFunc(plan.Entries, func(e bundle.Entry) bool { return e.Note == "the last 1 MB of 5120 MB" }) {
		t.Errorf("the plan is %+v", plan)
	}
}

// TestEndOfUTF16: the end of a log in UTF-16 begins with a whole line of it.
func TestEndOfUTF16(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"LE": binary.LittleEndian, "BE": binary.BigEndian} {
		var log []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + strings.Repeat("05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: a line\r\n", 100))) {
			log = order.AppendUint16(log, u)
		}
		path := filepath.Join(t.TempDir(), "client.uccapilog")
		if err := os.WriteFile(path, log, 0o600); err != nil {
			t.Fatal(err)
		}
		for limit := range int64(8) {
			files, _ := write(t, &Collector{Logs: []string{path}, LogBytes: 1000 + limit})
			got := files["logs/client.uccapilog"]
			want := order.AppendUint16(order.AppendUint16(nil, '0'), '5')
			if len(got)%2 != 0 || !strings.HasPrefix(got, string(want)) {
				t.Errorf("%s, the last %d bytes begin with %q", name, 1000+limit, got[:min(len(got), 20)])
			}
		}
	}
}

// TestClientCounts: the client's export counts against the limit, before the logs.
func TestClientCounts(t *testing.T) {
	computer, err := client.OpenFS("an export", fstest.MapFS{"a.reg": {Data: []byte("Windows Registry Editor Version 5.00\n")}})
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "a.uccapilog")
	if err := os.WriteFile(log, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, m := write(t, &Collector{Client: computer, Logs: []string{log}, TotalBytes: 64})
	if files["client/noted.json"] != "" || files["client/registry.reg"] != "" || files["logs/a.uccapilog"] == "" || !strings.Contains(why(m, "client/noted.json"), "takes no more") {
		t.Errorf("missing are %+v", m.Missing)
	}
	files, m = write(t, &Collector{Client: computer, Logs: []string{log}})
	if files["client/noted.json"] == "" || files["client/registry.reg"] == "" || files["logs/a.uccapilog"] == "" {
		t.Errorf("missing are %+v", m.Missing)
	}
}

// full is a disk that has room for some bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, syscall.ENOSPC
	}
	f.left -= len(b)
	return len(b), nil
}

// TestFullDisk: wherever the disk is full, Write says so.
func TestFullDisk(t *testing.T) {
	var whole bytes.Buffer
	if _, _, err := (&Collector{Diagnoser: offline()}).Write(t.Context(), &whole, lyncdiag.Target{}); err != nil {
		t.Fatal(err)
	}
	for room := 0; room < whole.Len()-200; room += 97 { // times in it differ in length
		_, _, err := (&Collector{Diagnoser: offline()}).Write(t.Context(), &full{room}, lyncdiag.Target{})
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room for %d of %d bytes: %v", room, whole.Len(), err)
		}
	}
}

// TestInterrupted: whenever the context ends, Write ends and says so.
func TestInterrupted(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.uccapilog")
	if err := os.WriteFile(log, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		stop := func(string) {
			if seen++; seen == n {
				cancel()
			}
		}
		if n == 0 {
			cancel()
		}
		_, _, err := (&Collector{Diagnoser: offline(), Logs: []string{log}, Progress: stop, Redactor: redact.New()}).Write(ctx, io.Discard, lyncdiag.Target{})
		if n > seen {
			if err != nil || n < 6 {
				t.Errorf("%d files: %v", n, err)
			}
			cancel()
			return
		}
		if !errors.Is(err, errInterrupted) {
			t.Errorf("interrupted at %d: %v", n, err)
		}
		cancel()
	}
}

// TestReproduce: what was raised is restored, whatever happens.
func TestReproduce(t *testing.T) {
	failed := errors.New("no")
	for name, c := range map[string]struct {
		refuse string // what cannot be set
		tried  func() error
		want   string
		says   string
	}{
		"tried":    {"", func() error { return nil }, "a=Full c=1 a=Off c=", ""},
		"not":      {"", func() error { return failed }, "a=Full c=1 a=Off c=", "no"},
		"panic":    {"", func() error { panic(failed) }, "a=Full c=1 a=Off c=", "panic"},
		"half":     {"c=1", nil, "a=Full c=1 a=Off c=", "raise setting c of client c: no"},
		"restored": {"a=Off", func() error { return nil }, "a=Full c=1 a=Off c=", "restore setting a of client a to Off by hand: no"},
	} {
		var steps []string
		var levels []TraceLevel
		for _, l := range [][3]string{{"a", "Off", "Full"}, {"b", "Full", "Full"}, {"c", "", "1"}} {
			levels = append(levels, TraceLevel{Client: "client " + l[0], Setting: "setting " + l[0], Now: l[1], Full: l[2], Set: func(v string) error {
				steps = append(steps, l[0]+"="+v)
				if steps[len(steps)-1] == c.refuse {
					return failed
				}
				return nil
			}})
		}
		err := func() (err error) {
			defer func() {
				if recover() != nil {
					err = errors.New("panic")
				}
			}()
			return Reproduce(levels, c.tried)
		}()
		if got := strings.Join(steps, " "); got != c.want {
			t.Errorf("%s: set %s, want %s", name, got, c.want)
		}
		if (err == nil) != (c.says == "") || err != nil && err.Error() != c.says {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
}

// TestLogEnds: a log is known again by its content, one with an end of its own by that.
func TestLogEnds(t *testing.T) {
	dir := t.TempDir()
	lines := func(word string, n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "05/31/2013|01:00:00.%03d 1:1 INFO  :: %s\r\n", i, word)
		}
		return text.String()
	}
	log := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// A copy of the beginning of another log has an end of its own, so has one whose
	// beginning is in every log of its kind.
	paths := []string{log("a.uccapilog", lines("a", 300)), log("copy.uccapilog", lines("a", 100)), log("mark.uccapilog", "\xff\xfe"), log("new.uccapilog", "")}
	ends := LogEnds(paths)
	for name, content := range map[string]string{
		"a.uccapilog": lines("a", 301), "copy.uccapilog": lines("a", 300) + "more", "new.uccapilog": "\xff\xfenew", "renamed.uccapilog": lines("a", 302),
		"other.uccapilog": lines("b", 400), "short.uccapilog": lines("a", 99),
	} {
		paths = append(paths, log(name, content))
	}
	texts, err := bundle.Logs{Paths: []string{dir}}.Texts()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, text := range texts {
		if i := endIn(text, ends); i >= 0 {
			got[filepath.Base(text.Path)] = ends[i].offset
		}
	}
	want := map[string]int64{"a.uccapilog": int64(len(lines("a", 300))), "copy.uccapilog": int64(len(lines("a", 100))), "mark.uccapilog": 2, "renamed.uccapilog": int64(len(lines("a", 300)))}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
