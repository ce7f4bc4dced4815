package stun_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/stun"
)

// TestCoturn asks a server that nobody here wrote.
func TestCoturn(t *testing.T) {
	program, err := exec.LookPath("turnserver")
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skipf("coturn is not installed: %v", err)
	}
	probe, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := probe.LocalAddr().(*net.UDPAddr).Port
	probe.Close()
	dir := t.TempDir()
	server := exec.Command(program, "-n", "-L", "127.0.0.1", "-p", fmt.Sprint(port), "--no-tls", "--no-dtls", "--no-cli", "--no-auth",
		"--pidfile", filepath.Join(dir, "pid"), "--userdb", filepath.Join(dir, "db"), "--log-file", "stdout", "--simple-log")
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	var last error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		mapped, err := stun.Bind(ctx, conn)
		cancel()
		conn.Close()
		if last = err; err != nil {
			continue // it may not listen yet
		}
		if mapped.String() != conn.LocalAddr().String() {
			t.Errorf("coturn sees %v, the socket is %v", mapped, conn.LocalAddr())
		}
		return
	}
	t.Fatalf("no binding: %v", last)
}
