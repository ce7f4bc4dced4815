package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkManyDomains runs "dns --input" over 20,000 domains of the zone generator,
// against Knot DNS on loopback, and dnsperf with the same questions after each run.
// It reports domains per second and the ratio of the two.
func BenchmarkManyDomains(b *testing.B) {
	const n, server = 20_000, "127.0.0.1:5300"
	generator, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "bench", "dns", "genzone.py"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(generator); err != nil {
		b.Skipf("the zone generator is not here: %v", err)
	}
	for _, name := range []string{"knotd", "dnsperf", "python3"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Skip(err)
		}
	}
	dir := b.TempDir()
	if out, err := exec.Command("python3", generator, strconv.Itoa(n), dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	knot := exec.Command("knotd", "-c", filepath.Join(dir, "knot.conf"))
	if err := knot.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = knot.Process.Kill()
		_ = knot.Wait()
	}()
	output := filepath.Join(dir, "out.ndjson")
	once := func() time.Duration {
		start := time.Now()
		code := run(b.Context(), []string{"dns", "--input", filepath.Join(dir, "domains.txt"), "--dns", server, "-o", "ndjson=" + output}, os.Stdin, io.Discard, io.Discard, os.LookupEnv)
		took := time.Since(start)
		if text, err := os.ReadFile(output); err != nil || code != 1 || strings.Count(string(text), "\n") != n || strings.Contains(string(text), `"status":"error","problem":""`) {
			b.Fatalf("exit code %d, %v, or not every domain was answered for", code, err)
		}
		return took
	}
	for deadline := time.Now().Add(time.Minute); exec.Command("dnsperf", "-s", "127.0.0.1", "-p", "5300", "-d", filepath.Join(dir, "queries.dnsperf"), "-Q", "1", "-l", "1").Run() != nil; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			b.Fatal("knotd does not answer")
		}
	}
	var ratios, rates []float64
	for b.Loop() {
		rate := n / once().Seconds()
		out, err := exec.Command("dnsperf", "-s", "127.0.0.1", "-p", "5300", "-d", filepath.Join(dir, "queries.dnsperf"), "-n", "3", "-c", "4", "-T", "1", "-q", "200").CombinedOutput()
		found := regexp.MustCompile(`Queries per second:\s+([0-9.]+)`).FindSubmatch(out)
		if err != nil || found == nil {
			b.Fatalf("dnsperf: %v\n%s", err, out)
		}
		theirs, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		rates, ratios = append(rates, rate), append(ratios, rate/(theirs/4))
	}
	slices.Sort(rates)
	slices.Sort(ratios)
	b.ReportMetric(rates[len(rates)/2], "domains/s")
	b.ReportMetric(ratios[len(ratios)/2], "x-dnsperf")
	b.Logf("ratios %.2f", ratios)
}
