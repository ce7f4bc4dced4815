package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
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
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/collect"
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
	return saidOf(t, out)
}

// saidOf is what a report says, of the stages what they say without a bundle's.
func saidOf(t *testing.T, document string) string {
	t.Helper()
	var s said
	if err := json.Unmarshal([]byte(document), &s); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	s.Stages = slices.DeleteFunc(s.Stages, func(st struct{ ID, Status, Finding, Skip string }) bool { return st.ID == "" })
	return fmt.Sprintf("%+v", s)
}

// exports are the computers of the scenarios that show a client, by the finding.
func exports(t *testing.T) (names []string, folders map[string]string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "lyncdiag", "testdata", "scenarios", "client-*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	folders = map[string]string{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		folders[name] = t.TempDir()
		names = append(names, name)
		for _, f := range archive.Files {
			place, ok := strings.CutPrefix(f.Name, "client/")
			if !ok {
				continue
			}
			if plain, ok := strings.CutSuffix(place, ".base64"); ok {
				place = plain
				if f.Data, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(f.Data), "\n", "")); err != nil {
					t.Fatal(err)
				}
			}
			place = filepath.Join(folders[name], filepath.FromSlash(place))
			if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, f.Data, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return names, folders
}

// TestCollectEveryFault: a bundle is judged as the run that it holds, redacted or
// not, for every fault of the lab on the computer of a scenario, and so is the
// client's export in it, alone and among what somebody else collected.
func TestCollectEveryFault(t *testing.T) {
	names, computers := exports(t)
	shown := map[string]bool{}
	for i, f := range lab.Faults() {
		computer := computers[names[i%len(names)]]
		t.Run(f.Name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2013, 5, 31, 14, 5, 0, 0, time.UTC))) // when the scenarios are played
				code, out, errs := call(t, t.Context(), "check", "--lab="+f.Name, "--client-from", computer)
				var first said
				if err := json.Unmarshal([]byte(out), &first); err != nil {
					t.Fatal(err, errs)
				}
				want := fmt.Sprintf("%+v", first)
				for _, found := range first.Findings {
					shown[found.Name] = shown[found.Name] || found.Stage == "client"
				}
				clients := clientFindings(t, "check", "--offline", "joe@contoso.example", "--client-from", computer)
				for _, redact := range []string{"true", "false"} {
					file := filepath.Join(folder, redact+".zip")
					if got, _, errs := call(t, t.Context(), "collect", "--lab="+f.Name, "--client-from", computer, "--redact="+redact, "--file", file); got != code || errs != "" {
						t.Fatalf("collect: exit code %d, want %d: %s", got, code, errs)
					}
					if got := report(t, code, "bundle", file); got != want {
						t.Errorf("redacted %s: bundle says\n%s, want\n%s", redact, got, want)
					}
					if got := report(t, code, "check", "--bundle", file); got != want {
						t.Errorf("redacted %s: check --bundle says\n%s, want\n%s", redact, got, want)
					}
					alone := filepath.Join(folder, redact, "export")
					for name, text := range files(t, file) {
						if place, ok := strings.CutPrefix(name, "client/"); ok {
							place = filepath.Join(alone, filepath.FromSlash(place))
							if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, []byte(text), 0o600)); err != nil {
								t.Fatal(err)
							}
							text = strings.ReplaceAll(text, "\x00", "")
						}
						if left := told.FindAllString(name+text, -1); redact == "true" && len(left) > 0 {
							t.Errorf("left in %s are %q", name, left)
						}
						if strings.Contains(text, "saml:Assertion") || strings.Contains(text, "Assertion ") {
							t.Errorf("%s holds a token", name)
						}
					}
					var target struct{ Target struct{ Address string } }
					if err := json.Unmarshal([]byte(files(t, file)["report.json"]), &target); err != nil {
						t.Fatal(err)
					}
					address := target.Target.Address
					for _, args := range [][]string{{"bundle", filepath.Dir(alone), "--address", address}, {"check", "--offline", address, "--client-from", alone}} {
						if got := clientFindings(t, args...); !slices.Equal(got, clients) {
							t.Errorf("redacted %s: %s of the export says %q, want %q", redact, args[0], got, clients)
						}
					}
				}
			})
		})
	}
	clients := slices.DeleteFunc(slices.Collect(maps.Keys(shown)), func(name string) bool { return !shown[name] })
	if len(clients) < 8 {
		t.Errorf("the computers show %q alone", clients)
	}
}

// clientFindings are the findings that rest on what the client's computer shows.
func clientFindings(t *testing.T, args ...string) []string {
	t.Helper()
	_, out, errs := call(t, t.Context(), args...)
	var s said
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err, errs)
	}
	var names []string
	for _, f := range s.Findings {
		if f.Stage == "client" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
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

// canceller cancels at its nth write.
type canceller struct {
	left   int
	cancel context.CancelFunc
}

func (c *canceller) Write(b []byte) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return len(b), nil
}

// TestCollectInterrupted: whenever it is interrupted, no file is left, and one that
// was there stays.
func TestCollectInterrupted(t *testing.T) {
	folder := t.TempDir()
	log := filepath.Join(t.TempDir(), "a.uccapilog")
	if err := os.WriteFile(log, []byte(register), 0o600); err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(folder, "x.zip")
	if err := os.WriteFile(place, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		whole := false
		for n := 1; !whole; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			progress := &canceller{left: n, cancel: cancel}
			if n == 1 {
				cancel()
			}
			var out strings.Builder
			code := run(ctx, []string{"collect", "--lab", "--log", log, "--progress", "plain", "--file", place}, strings.NewReader(""), &out, progress, func(string) (string, bool) { return "", false })
			text, err := os.ReadFile(place)
			left, _ := os.ReadDir(folder)
			if err != nil || len(left) != 1 {
				t.Fatalf("at %d: left are %v, %v", n, left, err)
			}
			if whole = progress.left > 0; whole {
				if code != 0 && code != 1 || string(text) == "before" || out.Len() == 0 {
					t.Errorf("whole: exit code %d, %d bytes", code, len(text))
				}
				if n < 30 {
					t.Errorf("it was interrupted at %d places alone", n)
				}
				files(t, place)
			} else if code != exitInterrupted || string(text) != "before" || out.Len() > 0 {
				t.Errorf("at %d: exit code %d, %q, %s", n, code, text[:min(len(text), 10)], out.String())
			}
			cancel()
		}
	})
}

// TestCollectCannotWrite: what cannot be written is said before the run where that is
// known, and leaves nothing.
func TestCollectCannotWrite(t *testing.T) {
	folder := t.TempDir()
	log := filepath.Join(folder, "a.uccapilog")
	if err := os.WriteFile(log, []byte(register), 0o600); err != nil {
		t.Fatal(err)
	}
	type refused struct {
		place, says string
		code        int
	}
	cases := []refused{
		{filepath.Join(folder, "missing", "x.zip"), "no such", exitUsage},
		{filepath.Join(log, "x.zip"), "not a directory", exitUsage},
		{log, "it is one of the files to read", exitUsage},
	}
	if runtime.GOOS == "windows" {
		cases[0].says, cases[1].says = "cannot find the path", "cannot find the path"
	}
	if _, err := os.Stat("/sys/kernel"); err == nil { // not even root may write there
		cases = append(cases, refused{"/sys/kernel/x.zip", "denied", exitUsage})
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		cases = append(cases, refused{"/dev/full", "no space left on device", exitUnfinished})
	}
	if small := smallDisk(t); small != "" {
		cases = append(cases, refused{filepath.Join(small, "x.zip"), "no space left on device", exitUnfinished})
	}
	for _, c := range cases {
		code, out, errs := call(t, t.Context(), "collect", "--lab", "--log", log, "--file", c.place)
		if code != c.code || out != "" || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d, %s%s", c.place, code, out, errs)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(c.place), "*x.zip*")); len(left) > 0 {
			t.Errorf("%s: left are %v", c.place, left)
		}
	}
	if text, err := os.ReadFile(log); err != nil || string(text) != register {
		t.Errorf("the log has changed: %v", err)
	}
}

// TestCollectClient: the plan shows the client's export, and what is binary in it is
// left out of a redacted bundle alone.
func TestCollectClient(t *testing.T) {
	const cache = "client/profile/AppData/Local/Microsoft/Office/15.0/Lync/sip_joe@contoso.example/EndpointConfiguration.cache"
	folder := t.TempDir()
	for name, text := range map[string]string{
		"hkcu.reg":                           "Windows Registry Editor Version 5.00\n\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Office\\15.0\\Lync]\n\"ServerSipUri\"=\"joe@contoso.example\"\n",
		"cmdkey.txt":                         "    Target: LegacyGeneric:target=MicrosoftOffice15_Data:SSPI:joe@contoso.example\r\n    Target: LegacyGeneric:target=nobody's business\r\n",
		strings.TrimPrefix(cache, "client/"): "\x00\x01\x02\x03\xff" + strings.Repeat("\x07\x00joe", 40),
	} {
		place := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, redact := range []bool{true, false} {
		args := []string{"collect", "--lab", "--client-from", folder}
		if !redact {
			args = append(args, "--redact=false")
		}
		_, plan, errs := call(t, t.Context(), append(args, "--plan", "-o", "text")...)
		before, absent, _ := strings.Cut(plan, "Not in it")
		if errs != "" || !strings.Contains(before, "client/registry.reg") || !strings.Contains(before, "client/noted.json") || strings.Contains(before, cache) == redact || strings.Contains(absent, cache) != redact {
			t.Errorf("redacted %t: the plan is %s%s", redact, plan, errs)
		}
		file := filepath.Join(t.TempDir(), "x.zip")
		if code, _, errs := call(t, t.Context(), append(args, "--file", file)...); code > 1 || errs != "" {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		all := files(t, file)
		for name, text := range all {
			text = strings.ReplaceAll(text, "\x00", "")
			if strings.Contains(text, "nobody's business") || redact && told.MatchString(name+text) {
				t.Errorf("redacted %t: %s holds %s", redact, name, text)
			}
		}
		if _, taken := all[cache]; taken == redact || !strings.Contains(all["client/noted.json"], "MicrosoftOffice15_Data") {
			t.Errorf("redacted %t: it holds %v", redact, slices.Sorted(maps.Keys(all)))
		}
		if said := strings.Contains(all["manifest.json"], "it cannot be redacted"); said != redact {
			t.Errorf("redacted %t: the manifest says %s", redact, all["manifest.json"])
		}
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
	if !strings.Contains(out, "ports.json") {
		t.Errorf("ports are not planned: %s", out)
	}
	// What is not asked of the network is not promised.
	if _, out, _ = call(t, t.Context(), "collect", "--plan", "--offline", "--log", log); strings.Contains(out, "ports.json") || !strings.Contains(out, "report.json") {
		t.Errorf("offline, planned are %s", out)
	}
	if code, out, _ := call(t, t.Context(), "collect", "--plan", "nobody"); code != exitUsage || out != "" {
		t.Errorf("a plan for no address: exit code %d, %s", code, out)
	}
}

// TestReproduce: the level is raised for as long as it takes, and restored
// whatever happens.
func TestReproduce(t *testing.T) {
	const during = "05/31/2013|02:00:00.000 1:1 INFO  :: during\r\n"
	before := strings.Repeat("05/31/2013|01:00:00.000 1:1 INFO  :: before\r\n", 10)
	rename := func(log string) error { return os.Rename(log, log+".bak") }
	for name, c := range map[string]struct {
		input   string
		fails   string
		rotates func(log string) error // what the client does before it logs on
		want    map[string]string      // by the end of the name
		missing string
	}{
		"tried":   {input: "\n", want: map[string]string{"": during}},
		"renamed": {"\n", "", rename, map[string]string{"": during}, "nothing was logged there meanwhile"}, // in the .bak
		"begun anew": {"\n", "", func(log string) error {
			return os.WriteFile(log, []byte(strings.Repeat(during, 20)), 0o600)
		}, map[string]string{"": strings.Repeat(during, 21)}, "in none of the logs"},
		"went on": {"\n", "", func(log string) error {
			return errors.Join(os.WriteFile(log, []byte(before+during), 0o600), rename(log), os.WriteFile(log, []byte(strings.Repeat(during, 20)), 0o600))
		}, map[string]string{"": strings.Repeat(during, 21), ".bak": during}, ""},
		"ended":       {input: "", fails: "standard input ended"},
		"interrupted": {input: "", fails: "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			log := filepath.Join(folder, "Tracing", "Communicator-uccapi-0.uccapilog")
			if err := errors.Join(os.Mkdir(filepath.Dir(log), 0o700), os.WriteFile(log, []byte(before), 0o600)); err != nil {
				t.Fatal(err)
			}
			var steps []string
			p := &program{stdin: strings.NewReader(c.input), stdout: io.Discard, stderr: io.Discard, env: func(name string) (string, bool) { return folder, name == "USERPROFILE" }}
			run := &collection{check: check{program: p}, yes: true, logSize: 1, totalSize: 1}
			run.logPaths = collect.ClientLogs(p.env)
			run.levels = func() ([]collect.TraceLevel, error) {
				return []collect.TraceLevel{{Client: "Lync", Now: "Off", Full: "Full", Set: func(v string) error {
					steps = append(steps, v)
					if v == "Full" {
						if c.rotates != nil {
							if err := c.rotates(log); err != nil {
								return err
							}
						}
						f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
						if err != nil {
							return err
						}
						defer f.Close()
						_, err = f.WriteString(during)
						return err
					}
					return nil
				}}}, nil
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "interrupted" {
				silent, w := io.Pipe() // until it ends
				defer w.Close()
				p.stdin = silent
				raise := run.levels
				run.levels = func() ([]collect.TraceLevel, error) {
					levels, err := raise()
					set := levels[0].Set
					levels[0].Set = func(v string) error {
						cancel()
						return set(v)
					}
					return levels, err
				}
			}
			err := run.tryAgain(ctx)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Fatal(err)
			}
			if !slices.Equal(steps, []string{"Full", "Off"}) {
				t.Errorf("set %q", steps)
			}
			if err != nil {
				return
			}
			var bundle bytes.Buffer
			run.findLogs()
			from := run.collector(nil)
			from.Diagnoser = &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{}, Offline: true}
			m, _, err := from.Write(t.Context(), &bundle, lyncdiag.Target{})
			if err != nil {
				t.Fatal(err)
			}
			var missing []string
			for _, absent := range m.Missing {
				if strings.HasPrefix(absent.What, "logs/") {
					missing = append(missing, absent.Why)
				}
			}
			if len(missing) != min(len(c.missing), 1) || !strings.Contains(strings.Join(missing, ""), c.missing) {
				t.Errorf("missing are %q, want %q", missing, c.missing)
			}
			file := filepath.Join(folder, "x.zip")
			if err := os.WriteFile(file, bundle.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, text := range files(t, file) {
				if end, ok := strings.CutPrefix(name, "logs/Communicator-uccapi-0.uccapilog"); ok {
					got[end] = text
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("the windows hold %q, want %q", got, c.want)
			}
		})
	}
}
