package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// full has room for some bytes.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, syscall.ENOSPC
	}
	return len(b), nil
}

// TestFailingOutputs: one that fails costs no other, and each failure is said once.
func TestFailingOutputs(t *testing.T) {
	dir := t.TempDir()
	p := &program{}
	var list []sink
	for _, name := range []string{"a", "b", "c"} {
		o, err := p.output(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sink{w: o, format: render.JSON})
	}
	p.written[0].Writer, p.written[1].Writer = &full{}, &full{room: 1 << 20}
	p.written[1].file.Close() // so that closing it fails
	for further := range 3 {
		if err := p.write(list, tool().About(), further > 0); err != nil {
			t.Fatal(err)
		}
	}
	err := p.keep(nil)
	if err == nil {
		t.Fatal("no failure")
	}
	text := cli.OneLine(err)
	for _, name := range []string{"a", "b"} {
		if strings.Count(text, "write "+filepath.Join(dir, name)+": ") != 1 {
			t.Errorf("%s: %s", name, text)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "c" {
		t.Errorf("left: %v %v", entries, err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "c")); bytes.Count(b, []byte("lyncdiag.version/v1")) != 3 {
		t.Errorf("c is not whole: %s", b)
	}
}

// TestNoOutputIsLeft: work ends when nobody takes its results.
func TestNoOutputIsLeft(t *testing.T) {
	p := &program{stdout: &full{}, env: func(string) (string, bool) { return "", false }}
	list := []sink{p.stdoutSink(render.JSON)}
	failed := p.write(list, tool().About(), false)
	if !errors.Is(failed, errNoOutput) {
		t.Fatalf("%v, want that the work ends", failed)
	}
	if err := p.keep(failed); err == nil || !strings.Contains(err.Error(), "write output: "+syscall.ENOSPC.Error()) || strings.Contains(err.Error(), errNoOutput.Error()) {
		t.Errorf("%v", err)
	}
}

// TestPlaceTaken: what cannot be put in its place is kept beside it, and said. What is
// replaced keeps its rights.
func TestPlaceTaken(t *testing.T) {
	dir := t.TempDir()
	taken, open := filepath.Join(dir, "taken"), filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o660); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o660); err != nil {
		t.Fatal(err)
	}
	p := &program{}
	for _, path := range []string{taken, open} {
		o, err := p.output(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Write([]byte("whole")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	err := p.keep(nil)
	kept, globbed := filepath.Glob(taken + ".*.tmp")
	if globbed != nil || len(kept) != 1 || err == nil || !strings.Contains(err.Error(), "what was written is in "+kept[0]) {
		t.Fatalf("%v, kept are %q", err, kept)
	}
	for _, path := range []string{kept[0], open} {
		if b, err := os.ReadFile(path); err != nil || string(b) != "whole" {
			t.Errorf("%s holds %q, %v", path, b, err)
		}
	}
	if info, err := os.Stat(open); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestReaderLeft runs the program as "lyncdiag ... | true" does.
func TestReaderLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("os.Pipe is not what a console makes of |")
	}
	dir := t.TempDir()
	run := func(args ...string) (code int, stderr string) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		defer w.Close()
		var errs bytes.Buffer
		c := exec.CommandContext(t.Context(), "lyncdiag", args...) // TestMain put it there
		c.Stdout, c.Stderr = w, &errs
		err = c.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), errs.String()
	}
	for _, args := range [][]string{{"catalogue"}, {"check", "--lab"}, {"schema", "report"}, {"check", "--lab", "a@contoso.example", "b@contoso.example"}} {
		if code, errs := run(args...); code != exitUnfinished || errs != "" {
			t.Errorf("%q: exit code %d, stderr %q", args, code, errs)
		}
	}
	for _, args := range [][]string{{"--help"}, {"check", "--help"}} {
		if _, errs := run(args...); errs != "" {
			t.Errorf("%q: stderr %q", args, errs)
		}
	}
	// Whoever reads the file has not left.
	file := filepath.Join(dir, "report.json")
	if code, errs := run("check", "--lab=adfs-mex-http-500", "-o", "text", "-o", "json="+file); code != 1 || errs != "" {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.HasSuffix(b, []byte("}\n")) {
		t.Errorf("%v: %.80s", err, b)
	}
}

// TestFolderThatTakesNoFile is told before anything is looked at.
func TestFolderThatTakesNoFile(t *testing.T) {
	dir := t.TempDir()
	plain, closed := filepath.Join(dir, "plain"), filepath.Join(dir, "closed")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	folders := map[string]error{plain: syscall.ENOTDIR}
	if os.Getuid() > 0 { // root and Windows write to any folder
		folders[closed] = syscall.EACCES
	}
	if runtime.GOOS == "windows" {
		folders[plain] = syscall.ENOENT
	}
	for folder, why := range folders {
		file := filepath.Join(folder, "report.json")
		code, out, errs := call(t, t.Context(), "check", "--lab", "--progress", "plain", "-o", "text", "-o", "json="+file)
		if want := "lyncdiag: write " + file + ": " + why.Error() + "\n"; code != exitUsage || out != "" || errs != want {
			t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, out, errs, want)
		}
	}
}

// TestFailingOutputsOfStreams: two that are written at the same time keep apart.
func TestFailingOutputsOfStreams(t *testing.T) {
	dir := t.TempDir()
	p := &program{}
	var streams []*render.LogStream
	for _, format := range []render.Format{render.JSON, render.NDJSON} {
		o, err := p.output(filepath.Join(dir, string(format)))
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, render.NewLogStream(o, format))
	}
	p.written[0].Writer = &full{room: 100 << 10}
	for i := range 1000 {
		for _, s := range streams {
			s.Attempt(&sip.Attempt{ID: strconv.Itoa(i), From: "sip:joe@contoso.com", Legs: []sip.Leg{{CSeq: 1, Status: 404}}})
		}
	}
	for _, s := range streams {
		if err := s.Close(tool().Log(fact.New(), &render.Tally{}, &lyncdiag.Report{})); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.keep(nil); err == nil || !strings.Contains(err.Error(), string(render.JSON)) {
		t.Errorf("the full disk: %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, string(render.NDJSON))); !json.Valid(b) || bytes.Count(b, []byte(`"callId"`)) != 1000 {
		t.Errorf("%d bytes with %d attempts", len(b), bytes.Count(b, []byte(`"callId"`)))
	}
}
