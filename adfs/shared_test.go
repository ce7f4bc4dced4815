package adfs_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
)

// shared returns a path below the reference material that lies beside the
// repository, and skips the test where that is absent.
func shared(t testing.TB, path string) string {
	t.Helper()
	p := filepath.Join("..", "..", "shared", filepath.FromSlash(path))
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("reference material is required: %v", err)
		}
		t.Skipf("no reference material beside the repository: %v", err)
	}
	return p
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// insecureTLS is what a careless caller sets.
func insecureTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }
