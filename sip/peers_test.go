package sip_test

import (
	"os"
	"path/filepath"
	"testing"
)

// shared returns a path inside the folder of reference material beside the repository and skips the test without it.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("reference material is required: %v", err)
		}
		t.Skipf("no reference material beside the repository: %v", err)
	}
	return path
}

func readShared(t testing.TB, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(shared(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
