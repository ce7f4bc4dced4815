package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkLogCommand runs the command on a generated log of 1 GB, and what
// else people have for it on the same file in turn: grep for one header, and
// the Python script and the full reader of the reference material; tshark and
// sngrep, where they are installed, read the same messages out of a capture.
// It reports medians of CPU and of wall time against each.
func BenchmarkLogCommand(b *testing.B) {
	peers := filepath.Join("..", "..", "..", "shared", "bench")
	if _, err := os.Stat(peers); err != nil {
		b.Skipf("no reference material beside the repository: %v", err)
	}
	dir := b.TempDir()
	run := func(name string, args ...string) (cpu, wall time.Duration, peak int64) {
		out, err := os.Create(filepath.Join(dir, "out")) // grep stops at its first match when it writes to the null device
		if err != nil {
			b.Fatal(err)
		}
		defer out.Close()
		cmd := exec.Command(name, args...)
		cmd.Stdout = out
		cmd.Env = append(os.Environ(), "LC_ALL=C", "TERM=xterm", "GOFLAGS=-mod=mod", "GOWORK=off")
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Skipf("%s: %v", name, err)
		}
		wall = time.Since(start)
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall, peakMemory(cmd.ProcessState)
	}
	log, ours, full := filepath.Join(dir, "client.uccapilog"), filepath.Join(dir, "lyncdiag"), filepath.Join(dir, "logbench")
	if err := os.CopyFS(full+".src", os.DirFS(filepath.Join(peers, "logbench"))); err != nil {
		b.Fatal(err)
	}
	run("go", "build", "-o", ours, ".")
	run("go", "build", "-C", full+".src", "-o", full, ".")
	run("go", "run", "-C", filepath.Join(peers, "genlog"), ".", "-size", strconv.Itoa(1<<30), "-prefix", "all", "-o", log)
	tasks := []struct {
		name string
		args []string
	}{
		{"lyncdiag", []string{ours, "log", "--fail-on", "never", log}},
		{"grep", []string{"grep", "-c", "ms-diagnostics:", log}},
		{"full-reader", []string{full, "full", "1", log}},
		{"python", []string{"python3", filepath.Join(peers, "logbench", "admin.py"), log}},
	}
	frames, capture := filepath.Join(dir, "frames"), filepath.Join(dir, "pcap")
	run(full, "extract", log, frames)
	run(full, "pcap", frames, capture)
	for name, args := range map[string][]string{
		"tshark": {"tshark", "-n", "-r", capture, "-Y", "sip", "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sip.Call-ID", "-e", "sip.CSeq"},
		"sngrep": {"sngrep", "-N", "-q", "-l", "1000000", "-I", capture},
	} {
		if _, err := exec.LookPath(name); err == nil {
			tasks = append(tasks, struct {
				name string
				args []string
			}{name, args})
		}
	}
	cpus, walls := map[string][]time.Duration{}, map[string][]time.Duration{}
	var most int64
	b.ResetTimer()
	for range b.N {
		for _, t := range tasks {
			cpu, wall, peak := run(t.args[0], t.args[1:]...)
			cpus[t.name], walls[t.name] = append(cpus[t.name], cpu), append(walls[t.name], wall)
			if t.name == "lyncdiag" {
				most = max(most, peak)
			}
		}
	}
	b.StopTimer()
	median := func(times []time.Duration) float64 {
		slices.Sort(times)
		return times[len(times)/2].Seconds()
	}
	for _, t := range tasks[1:] {
		b.ReportMetric(median(cpus["lyncdiag"])/median(cpus[t.name]), "x-cpu-"+t.name)
		b.ReportMetric(median(walls["lyncdiag"])/median(walls[t.name]), "x-wall-"+t.name)
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB-peak")
	if testing.Verbose() {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(fmt.Sprint("cpu ", cpus, "\nwall ", walls)))
	}
}
