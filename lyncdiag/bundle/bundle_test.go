package bundle

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// refused is a client's log of one REGISTER at a time of day, answered with 404.
func refused(user, at string) string {
	head := "From: <sip:" + user + ">;tag=1\r\nTo: <sip:" + user + ">\r\nCall-ID: " + user + at + "\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
	stamp := "05/31/2013|" + at + ".000 1234:5678 INFO  :: "
	return stamp + "Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
		stamp + "REGISTER sip:contoso.com SIP/2.0\r\n" + head +
		stamp + "End of Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes\r\n" +
		stamp + "Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
		stamp + "SIP/2.0 404 Not Found\r\n" + head +
		stamp + "End of Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes\r\n"
}

// folder writes files and returns where.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// collect reads logs and returns the names of the files that were read and the
// attempts as "id user".
func collect(t *testing.T, l Logs) (files, attempts []string, err error) {
	t.Helper()
	f := fact.New()
	err = l.Collect(t.Context(), fact.Subject{}, f)
	read, origin, ok := fact.Get(f, fact.LogFilesKey)
	found, _, both := fact.Get(f, fact.AttemptsKey)
	if ok != both || ok && origin.Kind != fact.Log {
		t.Errorf("files %v, attempts %v, origin %+v", ok, both, origin)
	}
	for _, file := range read {
		files = append(files, filepath.Base(file.Path))
	}
	for _, a := range found {
		user, _, _ := strings.Cut(strings.TrimPrefix(a.From, "sip:"), "@")
		attempts = append(attempts, a.ID+" "+user)
	}
	return files, attempts, err
}

func TestFolder(t *testing.T) {
	dir := folder(t, map[string]string{
		"Lync-UccApi-0.UccApilog":     refused("d@contoso.com", "14:03:00"),
		"Lync-UccApi-0.UccApilog.bak": refused("b@contoso.com", "14:01:00"),
		"old/server.LOG":              refused("c@contoso.com", "14:02:00"),
		"old/c.uccapilog.gz":          packed(t, refused("a@contoso.com", "14:00:00")),
		"old/picture.png":             "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00",
		"Lync-UccApi-0.etl":           "\x00\x00\x01\x00" + strings.Repeat("\x00\x01\xff", 100),
		"old/letter":                  "Dear Joe,\r\n\r\nsee the log.\r\n",
	})
	files, attempts, err := collect(t, Logs{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"c.uccapilog.gz", "Lync-UccApi-0.UccApilog.bak", "server.LOG", "Lync-UccApi-0.UccApilog"}; !slices.Equal(files, want) {
		t.Errorf("read %q, want %q", files, want)
	}
	// In the order of time, and numbered over all files.
	if want := []string{"1 a", "2 b", "3 c", "4 d"}; !slices.Equal(attempts, want) {
		t.Errorf("attempts %q, want %q", attempts, want)
	}
	_, _, err = collect(t, Logs{Paths: []string{filepath.Join(dir, "nothing")}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, _, err := collect(t, Logs{Paths: []string{t.TempDir()}}); err == nil || !strings.Contains(err.Error(), "no .uccapilog") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestBadLogsHideNoGoodOnes(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.log": strings.Repeat("\x00", 4096),
		"b.log": refused("b@contoso.com", "14:00:00"),
		"c.log": "\x1f\x8bdamaged",
		"d.log": packed(t, strings.Repeat(refused("d@contoso.com", "14:01:00"), 100))[:300], // ends early
	})
	paths := []string{filepath.Join(dir, "missing.log")}
	for _, name := range []string{"a.log", "b.log", "c.log", "d.log"} {
		paths = append(paths, filepath.Join(dir, name))
	}
	files, attempts, err := collect(t, Logs{Paths: paths})
	if want := []string{"b.log", "d.log"}; !slices.Equal(files, want) {
		t.Errorf("read %q, want %q", files, want)
	}
	if len(attempts) == 0 || attempts[0] != "1 b" {
		t.Errorf("attempts %q", attempts)
	}
	for _, name := range []string{"missing.log", "a.log", "c.log", "d.log"} {
		if err == nil || strings.Count(err.Error(), name) != 1 {
			t.Errorf("%s is not named once: %v", name, err)
		}
	}
	if files, attempts, err := collect(t, Logs{Paths: paths[:2]}); err == nil || files != nil || attempts != nil {
		t.Errorf("nothing can be read: %q, %q, %v", files, attempts, err)
	}
}

// The segments of one log are one log: an attempt may begin in one and be
// answered in the next, whatever their names.
func TestSegmentsOfOneLog(t *testing.T) {
	whole := refused("a@contoso.com", "14:00:00")
	cut := strings.Index(whole, "05/31/2013|14:00:00.000 1234:5678 INFO  :: Data")
	later := strings.ReplaceAll(whole[cut:], "14:00:00.000", "14:00:00.500")
	dir := folder(t, map[string]string{"Lync-UccApi-0.UccApilog": later, "Lync-UccApi-1.UccApilog": whole[:cut]})
	files, attempts, err := collect(t, Logs{Paths: []string{dir}})
	if err != nil || !slices.Equal(files, []string{"Lync-UccApi-1.UccApilog", "Lync-UccApi-0.UccApilog"}) || !slices.Equal(attempts, []string{"1 a"}) {
		t.Errorf("files %q, attempts %q, %v", files, attempts, err)
	}
}

// However often a user fails alike, it is one attempt with repeats; a success
// makes what was before it history.
func TestAttemptsAreCondensed(t *testing.T) {
	text := ""
	for i := range 50 {
		text += refused("a@contoso.com", fmt.Sprintf("14:%02d:00", i))
	}
	text += refused("b@contoso.com", "14:50:00") + strings.ReplaceAll(refused("b@contoso.com", "14:51:00"), "404 Not Found", "200 OK")
	dir := folder(t, map[string]string{"1.log": text})
	told := 0
	f := fact.New()
	if err := (Logs{Paths: []string{dir}, Attempt: func(sip.Attempt) { told++ }}).Collect(t.Context(), fact.Subject{}, f); err != nil {
		t.Fatal(err)
	}
	kept, _, _ := fact.Get(f, fact.AttemptsKey)
	if told != 52 || len(kept) != 2 || kept[0].Repeats != 49 || kept[0].LastAt.Minute() != 49 || kept[1].Outcome != "succeeded" || kept[1].ID != "52" {
		t.Errorf("%d told, kept %+v", told, kept)
	}
}

// A followed log, however short, goes on when more is written, also after it was begun anew,
// and ends with the context, without an error.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.uccapilog")
	write := func(flags int, text string) {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(0, refused("a@contoso.com", "14:00:00"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := make(chan string, 10)
	done := make(chan error)
	go func() {
		done <- Logs{Paths: []string{path}, Follow: true, Attempt: func(a sip.Attempt) { told <- a.From }}.Collect(ctx, fact.Subject{}, fact.New())
	}()
	// An attempt is told when the log's clock has left it behind.
	write(os.O_APPEND, refused("b@contoso.com", "14:01:00"))
	if got := <-told; got != "sip:a@contoso.com" {
		t.Errorf("first %q", got)
	}
	write(os.O_TRUNC, refused("c@contoso.com", "14:02:00"))
	if got := <-told; got != "sip:b@contoso.com" {
		t.Errorf("then %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A log that gets another name while it is followed, as Lync does it, is read to its
// end, and then what is begun under its name: an attempt may go from one into the
// other, and each is a file of its own, whatever its encoding.
func TestFollowByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.uccapilog")
	put := func(name string, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	both := refused("c@contoso.com", "14:02:00")
	cut := strings.Index(both, "Data Received") - len("05/31/2013|14:02:00.000 1234:5678 INFO  :: ")
	request, answer := both[:cut], both[cut:]
	put(path, []byte(refused("a@contoso.com", "14:00:00")))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := make(chan string, 10)
	done := make(chan error)
	f := fact.New()
	go func() {
		done <- Logs{Paths: []string{path}, Follow: true, Attempt: func(a sip.Attempt) { told <- a.From + " " + a.Outcome }}.Collect(ctx, fact.Subject{}, f)
	}()
	if err := appendTo(path, refused("b@contoso.com", "14:01:00")+request); err != nil {
		t.Fatal(err)
	}
	want := func(attempt string) {
		t.Helper()
		select {
		case got := <-told:
			if got != attempt {
				t.Errorf("told %q, want %q", got, attempt)
			}
		case <-ctx.Done():
			t.Fatalf("%s is not told", attempt)
		}
	}
	want("sip:a@contoso.com failed")
	if err := os.Rename(path, path+".bak"); err != nil {
		t.Fatal(err)
	}
	// New, in another encoding, and in one step, so that no half of it is seen.
	units := utf16.Encode([]rune("\ufeff" + answer + refused("d@contoso.com", "14:03:00") + refused("e@contoso.com", "14:04:00")))
	wide, _ := binary.Append(nil, binary.LittleEndian, units)
	put(path+".new", wide)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	want("sip:b@contoso.com failed")
	want("sip:c@contoso.com failed")
	want("sip:d@contoso.com failed")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	files, _, _ := fact.Get(f, fact.LogFilesKey)
	var got []string
	for _, file := range files {
		got = append(got, fmt.Sprintf("%s %s %d %t", filepath.Base(file.Path), file.Encoding, file.Messages, file.Rotated))
	}
	if want := []string{"a.uccapilog utf-8 5 true", "a.uccapilog utf-16le 5 false"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func TestStandardInput(t *testing.T) {
	if _, _, err := collect(t, Logs{Paths: []string{"-"}}); err == nil || !strings.Contains(err.Error(), "no standard input") {
		t.Errorf("without one: %v", err)
	}
	records := 0
	files, attempts, err := collect(t, Logs{Paths: []string{"-"}, Stdin: strings.NewReader(refused("a@contoso.com", "14:00:00")), Record: func(sip.Record) { records++ }})
	if err != nil || !slices.Equal(files, []string{"-"}) || !slices.Equal(attempts, []string{"1 a"}) || records != 2 {
		t.Errorf("files %q, attempts %q, %d records, %v", files, attempts, records, err)
	}
}

// A standard input that stays silent ends with the context, and what it said
// before is kept.
func TestSilentInputEndsWithTheContext(t *testing.T) {
	in, silent := io.Pipe()
	t.Cleanup(func() { silent.Close() })
	ctx, cancel := context.WithCancelCause(t.Context())
	broken := errors.New("interrupted")
	seen := make(chan sip.Record, 1000)
	go func() {
		// More than a reader takes to tell the encoding.
		io.WriteString(silent, strings.Repeat(refused("a@contoso.com", "14:00:00"), 100))
		<-seen
		cancel(broken)
	}()
	f := fact.New()
	other := filepath.Join(folder(t, map[string]string{"a.log": refused("c@contoso.com", "14:00:00")}), "a.log")
	err := Logs{Paths: []string{"-", other}, Stdin: in, Record: func(r sip.Record) {
		if r.File == "-" { // read last
			seen <- r
		}
	}}.Collect(ctx, fact.Subject{}, f)
	files, _, _ := fact.Get(f, fact.LogFilesKey)
	if !errors.Is(err, broken) || len(files) != 2 {
		t.Errorf("read %+v, %v", files, err)
	}
}

// The context is looked at for each record, however much is there to read.
func TestRecordsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	records := 0
	log := strings.Repeat(refused("a@contoso.com", "14:00:00"), 1000)
	err := Logs{Paths: []string{"-"}, Stdin: strings.NewReader(log), Record: func(sip.Record) { records++; cancel() }}.Collect(ctx, fact.Subject{}, fact.New())
	if !errors.Is(err, context.Canceled) || records != 1 {
		t.Errorf("%d records, %v", records, err)
	}
}
