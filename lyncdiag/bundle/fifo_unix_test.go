//go:build unix

package bundle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// A named pipe keeps who opens it waiting for a writer, and who reads it for
// what is written.
func TestNamedPipeEndsWithTheContext(t *testing.T) {
	for _, written := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "pipe.log")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skipf("needs a named pipe: %v", err)
		}
		if written {
			w, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := Logs{Paths: []string{path}}.Collect(ctx, fact.Subject{}, fact.New())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("writer %v: %v", written, err)
		}
	}
}
