package redact_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// BenchmarkCopy learns and copies the logs of the scenarios, over and over.
func BenchmarkCopy(b *testing.B) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "logs", "*.txtar"))
	if err != nil || len(files) == 0 {
		b.Fatalf("%d logs: %v", len(files), err)
	}
	var text []byte
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			b.Fatal(err)
		}
		text = append(text, archive.Files[0].Data...)
	}
	text = bytes.Repeat(text, 1+(4<<20)/len(text))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := redact.New()
		if err := r.LearnFrom(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		if err := r.Copy(io.Discard, bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostileLines reads lines that repeat a word which makes the scanner look
// ahead: a line of eight times the length is to take eight times as long.
func BenchmarkHostileLines(b *testing.B) {
	for _, unit := range []string{"host=a;", "PASS:A ", "/user:a b ", "name=a ", "&lt;pin&", "<password><![CDATA[\n", "http://a:", "-u a:", "Password\t"} {
		for _, size := range []int{20_000, 160_000} {
			b.Run(fmt.Sprintf("%q/%d", unit, size), func(b *testing.B) {
				text := strings.Repeat(unit, size/len(unit)) + "@"
				for b.Loop() {
					redact.New().Text(text)
				}
			})
		}
	}
}
