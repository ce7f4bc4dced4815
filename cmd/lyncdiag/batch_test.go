package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// list writes an input of n addresses.
func list(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "user%d@contoso.example\n", i)
	}
	path := filepath.Join(t.TempDir(), "users.txt")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// entries are the keys of a journal's whole lines, each of which must be there
// once.
func entries(t *testing.T, path string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for i, line := range bytes.SplitAfter(b, []byte("\n")) {
		if i == 0 || !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		var entry struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(line, &entry); err != nil || entry.Key == "" {
			t.Fatalf("line %d of the journal: %v: %.100s", i+1, err, line)
		}
		if keys[entry.Key] {
			t.Fatalf("%s is in the journal twice", entry.Key)
		}
		keys[entry.Key] = true
	}
	return keys
}

// TestKilled kills the real program again and again. Nothing that was printed
// is missing from the journal, no target is looked at after it was finished,
// and the last run prints every one once.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	binary := filepath.Join(t.TempDir(), "lyncdiag.exe")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	const n = 40
	input, journal := list(t, n), filepath.Join(t.TempDir(), "journal")
	command := func(more ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.Command(binary, append([]string{"check", "--lab", "--lab-rtt", "10ms", "--input", input, "--resume", journal, "--concurrency", "3", "-o", "ndjson"}, more...)...)
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		return cmd, out
	}
	kills, first := 0, map[string]string{} // what was printed of a target the first time
	note := func(line string) {
		var report struct {
			Target struct {
				Address string `json:"address"`
			} `json:"target"`
		}
		if err := json.Unmarshal([]byte(line), &report); err != nil {
			t.Fatalf("%v: %.100s", err, line)
		}
		if before, ok := first[report.Target.Address]; ok && before != line {
			t.Fatalf("%s was looked at twice", report.Target.Address)
		}
		first[report.Target.Address] = line
	}
	for have := 0; have < n*3/4; kills++ {
		cmd, out := command("--unordered")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); len(entries(t, journal)) < have+3; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the journal does not grow")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		kept := entries(t, journal)
		have = len(kept)
		for line := range strings.Lines(out.String()) {
			if strings.HasSuffix(line, "\n") {
				note(line)
			}
		}
		for address := range first {
			if !kept[address] {
				t.Fatalf("%s was printed and is not in the journal", address)
			}
		}
		// What the machine may leave of a line when it stops.
		if kills%2 == 0 {
			file, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteString(`{"key":"user39@contoso.example","line":40,"outco`); err != nil {
				t.Fatal(err)
			}
			file.Close()
		}
	}
	cmd, out := command()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(out.String(), "\n")
	if len(lines) != n+1 || len(entries(t, journal)) != n {
		t.Fatalf("after %d kills: %d lines, %d entries", kills, len(lines)-1, len(entries(t, journal)))
	}
	for i, line := range lines[:n] {
		if !strings.Contains(line, fmt.Sprintf(`"address":"user%d@contoso.example"`, i)) {
			t.Fatalf("line %d is not user%d's: %.120s", i, i, line)
		}
		note(line)
	}
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
}

// TestInterruptedBatch: what is finished is written in every format, and the
// journal goes on from there.
func TestInterruptedBatch(t *testing.T) {
	const n = 60
	input, journal := list(t, n), filepath.Join(t.TempDir(), "journal")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if b, _ := os.ReadFile(journal); bytes.Count(b, []byte("\n")) > 5 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	rows := filepath.Join(t.TempDir(), "rows.csv")
	args := []string{"check", "--lab", "--lab-rtt", "20ms", "--input", input, "--resume", journal, "-o", "json", "-o", "csv=" + rows}
	code, out, errs := call(t, ctx, args...)
	if code != exitInterrupted || errs != "" {
		t.Fatalf("exit code %d, stderr %q", code, errs)
	}
	validate(t, "batch", out)
	finished := strings.Count(out, `"schema": "lyncdiag.report/v1"`)
	table, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	if finished == 0 || finished == n || len(entries(t, journal)) != finished || strings.Count(string(table), "\n") != finished+1 {
		t.Errorf("%d reports, %d entries, table:\n%s", finished, len(entries(t, journal)), table)
	}
	if strings.Contains(out, `"complete": false`) || !strings.Contains(out, `"exitCode": 130`) {
		t.Error("an unfinished report is among them, or the summary does not say 130")
	}
	code, out, errs = call(t, t.Context(), "check", "--lab", "--lab-rtt", "20ms", "--input", input, "--resume", journal)
	if code != 0 || errs != "" || strings.Count(out, "\n") != n || strings.Contains(out, `"exitCode":130`) {
		t.Errorf("exit code %d, stderr %q, %d lines", code, errs, strings.Count(out, "\n"))
		for line := range strings.Lines(out) {
			if !strings.Contains(line, `"exitCode":0`) {
				t.Log(line)
			}
		}
	}
}
