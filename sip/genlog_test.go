package sip_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestGeneratedLog compares what is read with the manifest of an independent generator, in each of its layouts.
func TestGeneratedLog(t *testing.T) {
	generator := shared(t, "bench", "genlog")
	for _, layout := range []struct {
		name string
		args []string
	}{
		{"stamp on first line", []string{"-prefix", "first"}},
		{"stamp on every line", []string{"-prefix", "all"}},
		{"threads interleaved", []string{"-prefix", "all", "-interleave", "0.2"}},
		{"another seed", []string{"-prefix", "first", "-seed", "1"}},
		{"another seed, interleaved", []string{"-prefix", "all", "-interleave", "0.05", "-seed", "2"}},
	} {
		t.Run(layout.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "Communicator-uccapi-0.uccapilog")
			args := append([]string{"run", "-C", generator, ".", "-size", strconv.Itoa(4 << 20), "-o", file}, layout.args...)
			cmd := exec.Command("go", args...)
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("generate: %v\n%s", err, out)
			}
			var truth struct {
				Bytes, Lines, Messages, Sent, Received int64
				Start, Diag, Sessions                  map[string]int64
			}
			b, err := os.ReadFile(file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &truth); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()

			log := sip.NewLog(f)
			start, diag := map[string]int64{}, map[string]int64{}
			var sent, received int64
			line := 0
			attempts := map[string]int64{}
			records := func(yield func(sip.Record, error) bool) {
				for r, err := range log.Records() {
					if err != nil {
						t.Fatal(err)
					}
					if r.Line <= line {
						t.Fatalf("line %d after line %d", r.Line, line)
					}
					line = r.Line
					key := r.Message.Method
					if !r.Message.Request {
						key = strconv.Itoa(r.Message.Status)
					}
					switch r.Direction {
					case "out":
						sent++
						key = "sent " + key
					case "in":
						received++
						key = "recv " + key
					}
					start[key]++
					for _, d := range sip.Diagnostics(r.Message) {
						if d.Header == "ms-diagnostics" {
							diag[strconv.Itoa(d.ID)]++
						}
					}
					if n, err := strconv.Atoi(r.Message.Get("Content-Length")); err != nil || n != len(r.Message.Body) {
						t.Fatalf("line %d: body of %d bytes, Content-Length %q", r.Line, len(r.Message.Body), r.Message.Get("Content-Length"))
					}
					if r.Remote == "" || r.Local == "" || r.Thread == "" || r.At.IsZero() || r.Truncated {
						t.Fatalf("line %d: incomplete record %+v", r.Line, r)
					}
					if !yield(r, nil) {
						return
					}
				}
			}
			var all []sip.Attempt
			for a, err := range sip.Attempts(records) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, a)
				switch a.Outcome {
				case "succeeded":
					attempts["ok"]++
				case "failed":
					attempts["fail "+strconv.Itoa(a.Diagnostics[0].ID)]++
				default:
					attempts[a.Outcome]++
				}
			}
			if want := attempts["incomplete"]; want > 1 {
				t.Errorf("%d attempts are incomplete; only the last one can be", want)
			}
			if attempts["incomplete"] > 0 {
				attempts["no-answer"] += attempts["incomplete"]
				delete(attempts, "incomplete")
			}
			s := log.Summary()
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if brief, summary := briefly(t, f, 0); !reflect.DeepEqual(brief, all) || !reflect.DeepEqual(summary, s) {
				t.Errorf("brief reading differs: %d attempts, want %d; %+v, want %+v", len(brief), len(all), summary, s)
			}
			for _, c := range []struct {
				what      string
				got, want any
			}{
				{"bytes", s.Bytes, truth.Bytes}, {"lines", int64(s.Lines), truth.Lines}, {"messages", int64(s.Messages), truth.Messages},
				{"sent", sent, truth.Sent}, {"received", received, truth.Received}, {"start lines", start, truth.Start},
				{"diagnostics", diag, truth.Diag}, {"attempts", attempts, truth.Sessions},
				{"format", s.Format, "uccapilog"}, {"encoding", s.Encoding, "utf-8"}, {"truncated", s.Truncated, false},
			} {
				if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
					t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
				}
			}
		})
	}
}

// briefly reads the attempts of a log the short way.
func briefly(t *testing.T, r io.Reader, limit int) ([]sip.Attempt, sip.Summary) {
	t.Helper()
	log := sip.NewLog(r)
	log.Brief, log.MaxMessage = true, limit
	var all []sip.Attempt
	for a, err := range sip.Attempts(log.Records()) {
		if err != nil {
			break
		}
		all = append(all, a)
	}
	return all, log.Summary()
}
