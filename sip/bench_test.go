package sip_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// outside runs a Go program of the reference material.
func outside(b *testing.B, dir string, args ...string) string {
	b.Helper()
	cmd := exec.Command("go", append([]string{"run", "-C", dir, "."}, args...)...)
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Skipf("%s: %v\n%s", dir, err, out)
	}
	return string(out)
}

// BenchmarkParseMessage parses the messages of a generated log, and sipgo the same ones in its own process.
func BenchmarkParseMessage(b *testing.B) {
	dir := b.TempDir()
	log, frames := filepath.Join(dir, "log"), filepath.Join(dir, "frames")
	outside(b, shared(b, "bench", "genlog"), "-size", strconv.Itoa(32<<20), "-prefix", "all", "-o", log)
	peer := filepath.Join(dir, "logbench")
	if err := os.CopyFS(peer, os.DirFS(shared(b, "bench", "logbench"))); err != nil {
		b.Fatal(err)
	}
	outside(b, peer, "extract", log, frames)
	text, err := os.ReadFile(frames)
	if err != nil {
		b.Fatal(err)
	}
	var messages [][]byte
	size := 0
	for len(text) > 4 {
		n := binary.BigEndian.Uint32(text)
		messages = append(messages, text[4:4+n])
		text = text[4+n:]
		size += int(n)
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for b.Loop() {
		if _, err := sip.ParseMessage(messages[n%len(messages)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.StopTimer()
	rate := float64(n) / b.Elapsed().Seconds()
	b.SetBytes(int64(size / len(messages)))
	b.ReportMetric(rate, "messages/s")
	best := 0.0
	for _, m := range regexp.MustCompile(`(\d+) msgs/s`).FindAllStringSubmatch(outside(b, peer, "sipgo", frames, "3"), -1) {
		if v, err := strconv.ParseFloat(m[1], 64); err == nil && v > best {
			best = v
		}
	}
	b.ReportMetric(rate/best, "x-sipgo")
}

// BenchmarkLog reads a log whole, and briefly as the command does.
func BenchmarkLog(b *testing.B) {
	file := filepath.Join(b.TempDir(), "log")
	outside(b, shared(b, "bench", "genlog"), "-size", strconv.Itoa(32<<20), "-prefix", "all", "-o", file)
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for _, brief := range []bool{false, true} {
		b.Run("brief="+strconv.FormatBool(brief), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				log := sip.NewLog(bytes.NewReader(text))
				log.Brief = brief
				for _, err := range sip.Attempts(log.Records()) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
