package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// said is what a report says, without who it is about.
type said struct {
	Verdict struct {
		Outcome, Primary string
		Types            []string
	}
	Findings []struct{ Name, Severity, Confidence, Stage, CausedBy string }
	Stages   []struct{ ID, Status, Finding, Skip string }
	ExitCode int
}

func report(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, out, errs := call(t, t.Context(), args...)
	if code != want || errs != "" {
		t.Fatalf("%q: exit code %d, want %d: %s", args, code, want, errs)
	}
	var s said
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	s.Stages = slices.DeleteFunc(s.Stages, func(st struct{ ID, Status, Finding, Skip string }) bool { return st.ID == "" })
	return fmt.Sprintf("%+v", s)
}

// TestCollectEveryFault: a bundle is judged as the run that it holds, redacted or
// not, for every fault of the lab.
func TestCollectEveryFault(t *testing.T) {
	for _, f := range lab.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				code, out, errs := call(t, t.Context(), "check", "--lab="+f.Name)
				var first said
				if err := json.Unmarshal([]byte(out), &first); err != nil {
					t.Fatal(err, errs)
				}
				want := fmt.Sprintf("%+v", first)
				for _, redact := range []string{"true", "false"} {
					file := filepath.Join(folder, redact+".zip")
					if got, _, errs := call(t, t.Context(), "collect", "--lab="+f.Name, "--redact="+redact, "--file", file); got != code || errs != "" {
						t.Fatalf("collect: exit code %d, want %d: %s", got, code, errs)
					}
					if got := report(t, code, "bundle", file); got != want {
						t.Errorf("redacted %s: bundle says\n%s, want\n%s", redact, got, want)
					}
					if got := report(t, code, "check", "--bundle", file); got != want {
						t.Errorf("redacted %s: check --bundle says\n%s, want\n%s", redact, got, want)
					}
					for name, text := range files(t, file) {
						if left := told.FindAllString(name+text, -1); redact == "true" && len(left) > 0 {
							t.Errorf("left in %s are %q", name, left)
						}
						if strings.Contains(text, "saml:Assertion") || strings.Contains(text, "Assertion ") {
							t.Errorf("%s holds a token", name)
						}
					}
				}
			})
		})
	}
}

// files are the contents of a zip by name; their hashes must be the manifest's.
func files(t *testing.T, path string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	list := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		list[f.Name] = string(text)
	}
	return list
}

func TestCollectLogs(t *testing.T) {
	folder := t.TempDir()
	tracing := filepath.Join(folder, "Tracing")
	if err := os.Mkdir(tracing, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(tracing, "Communicator-uccapi-0.uccapilog")
	if err := os.WriteFile(log, []byte(register), 0o600); err != nil {
		t.Fatal(err)
	}
	file, keep := filepath.Join(folder, "b.zip"), filepath.Join(folder, "map.json")
	var out, errs strings.Builder
	code := run(t.Context(), []string{"collect", "--lab", "--file", file, "--redact-map", keep}, strings.NewReader(""), &out, &errs,
		func(name string) (string, bool) { return folder, name == "USERPROFILE" })
	if code != 1 || errs.String() != "" {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	validate(t, "collect", out.String())
	list := files(t, file)
	validate(t, "bundle", list["manifest.json"])
	validate(t, "system", list["system.json"])
	if got := list["logs/Communicator-uccapi-0.uccapilog"]; !strings.Contains(got, "From: <sip:user-r1@") || told.MatchString(got) {
		t.Errorf("the log in the bundle: %s", got)
	}
	if _, ok := list["map.json"]; ok || strings.Contains(list["manifest.json"], "contoso") {
		t.Error("the map, or an original, is in the bundle")
	}
	if text, err := os.ReadFile(keep); err != nil || !strings.Contains(string(text), "contoso") {
		t.Errorf("the map: %v %s", err, text)
	}
	if got := report(t, 1, "bundle", file); !strings.Contains(got, "sip-user-not-found") {
		t.Errorf("the log is not judged: %s", got)
	}

	// A file that was changed is not judged.
	changed := filepath.Join(folder, "changed.zip")
	rewrite(t, file, changed, func(name, text string) string {
		if name == "facts.json" {
			return strings.Replace(text, "listening", "filtered", 1)
		}
		return text
	})
	if code, out, errs := call(t, t.Context(), "bundle", changed); code != exitUsage || out != "" || !strings.Contains(errs, "not what the manifest says") {
		t.Errorf("changed: exit code %d, %s%s", code, out, errs)
	}
	newer := filepath.Join(folder, "newer.zip")
	rewrite(t, file, newer, func(name, text string) string {
		return strings.Replace(text, "lyncdiag.bundle/v1", "lyncdiag.bundle/v9", 1)
	})
	if code, _, errs := call(t, t.Context(), "bundle", newer); code != exitUsage || !strings.Contains(errs, "use a newer lyncdiag") {
		t.Errorf("newer: exit code %d, %s", code, errs)
	}
	// A folder that it was extracted to is the same.
	extracted := filepath.Join(folder, "extracted")
	for name, text := range list {
		place := filepath.Join(extracted, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := report(t, 1, "bundle", extracted), report(t, 1, "bundle", file); got != want {
		t.Errorf("extracted: %s, want %s", got, want)
	}
}

func rewrite(t *testing.T, from, to string, change func(name, text string) string) {
	t.Helper()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	for name, text := range files(t, from) {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, change(name, text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCollectLeavesNoHalf: whatever stops it, no file is left.
func TestCollectLeavesNoHalf(t *testing.T) {
	folder := t.TempDir()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if code, out, errs := call(t, stopped, "collect", "--lab", "--file", filepath.Join(folder, "x.zip")); code != exitInterrupted || out != "" {
		t.Errorf("interrupted: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := call(t, t.Context(), "collect", "--lab", "--file", filepath.Join(folder, "missing", "x.zip")); code != exitUsage || !strings.Contains(errs, "write --file") {
		t.Errorf("no folder: exit code %d, %s", code, errs)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

func TestCollectPlan(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.uccapilog")
	if err := os.WriteFile(log, []byte(register), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, t.Context(), "collect", "--plan", "--log", log)
	if code != 0 || errs != "" || !strings.Contains(out, "logs/a.uccapilog") || !strings.Contains(out, `"planned": true`) {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	validate(t, "collect", out)
}

// TestReproduce: the level is raised for as long as it takes, and restored
// whatever happens.
func TestReproduce(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		fails string
	}{
		"tried": {"\n", ""},
		"ended": {"", "standard input ended"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			log := filepath.Join(folder, "Tracing", "Communicator-uccapi-0.uccapilog")
			if err := errors.Join(os.Mkdir(filepath.Dir(log), 0o700), os.WriteFile(log, []byte("05/31/2013|01:00:00.000 1:1 INFO  :: before\r\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
			var steps []string
			p := &program{stdin: strings.NewReader(c.input), stdout: io.Discard, stderr: io.Discard, env: func(name string) (string, bool) { return folder, name == "USERPROFILE" }}
			run := &collection{check: check{program: p}, yes: true, logSize: 1}
			run.logPaths = clientLogs(p.env)
			run.levels = func() ([]traceLevel, error) {
				return []traceLevel{{client: "Lync", now: "Off", full: "Full", set: func(v string) error {
					steps = append(steps, v)
					if v == "Full" {
						f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
						if err != nil {
							return err
						}
						defer f.Close()
						_, err = f.WriteString("05/31/2013|02:00:00.000 1:1 INFO  :: during\r\n")
						return err
					}
					return nil
				}}}, nil
			}
			err := run.tryAgain(t.Context())
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Fatal(err)
			}
			if !slices.Equal(steps, []string{"Full", "Off"}) {
				t.Errorf("set %q", steps)
			}
			if err != nil {
				return
			}
			logs, _ := run.logs()
			var text []byte
			if err := logs[0].read(t.Context(), func(in io.Reader) (err error) { text, err = io.ReadAll(in); return err }); err != nil || string(text) != "05/31/2013|02:00:00.000 1:1 INFO  :: during\r\n" {
				t.Errorf("%v: the window holds %q", err, text)
			}
		})
	}
}
