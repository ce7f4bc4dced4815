package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// BenchmarkHosts probes 1,000 TLS servers on as many addresses of 127.0.0.0/8,
// with a full verdict of each chain, and a bare loop of crypto/tls that
// verifies the same, in turns. The servers share the machine with both. With
// LYNCDIAG_TLSX, the path of a tlsx, that looks at the list as well.
func BenchmarkHosts(b *testing.B) {
	for _, key := range []string{"rsa2048", "ecdsa"} {
		b.Run(key, func(b *testing.B) { benchmarkHosts(b, key, 1000, 50) })
	}
}

func benchmarkHosts(b *testing.B, key string, hosts, workers int) {
	root := newCA(b, certtest.Options{Key: key, Now: time.Now})
	sub := below(b, root, certtest.Options{Key: key})
	c := issue(b, sub, certtest.Template{Key: key})
	config := &tls.Config{Certificates: []tls.Certificate{c}, SessionTicketsDisabled: true}
	var addresses []string
	for i := range hosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.7.%d.%d:0", i/250, i%250+1))
		if err != nil {
			b.Skipf("this system has one loopback address: %v", err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					server := tls.Server(conn, config)
					_ = server.Handshake()
					_, _ = server.Read(make([]byte, 1))
					server.Close()
				}()
			}
		}()
	}
	round := func(probe func(address string) error) time.Duration {
		start := time.Now()
		var next atomic.Int64
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for {
					i := int(next.Add(1)) - 1
					if i >= len(addresses) {
						return
					}
					if err := probe(addresses[i]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	pool := root.Pool()
	v := &certs.Verifier{Roots: pool}
	ours := func(address string) error { return v.Probe(context.Background(), address, host).Err() }
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{RootCAs: pool, ServerName: host}}
	bare := func(address string) error {
		conn, err := dialer.DialContext(context.Background(), "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	round(ours)
	round(bare)
	tlsx := os.Getenv("LYNCDIAG_TLSX")
	var mine, theirs, scanned time.Duration
	for b.Loop() {
		mine += round(ours)
		theirs += round(bare)
		if tlsx != "" {
			scanned += scan(b, tlsx, addresses)
		}
	}
	n := float64(hosts * b.N)
	b.ReportMetric(n/mine.Seconds(), "probes/s")
	b.ReportMetric(n/theirs.Seconds(), "crypto-tls/s")
	b.ReportMetric(theirs.Seconds()/mine.Seconds(), "ratio")
	if tlsx != "" {
		b.ReportMetric(n/scanned.Seconds(), "tlsx/s")
		b.ReportMetric(scanned.Seconds()/mine.Seconds(), "ratio-tlsx")
	}
}

// scan has tlsx look at the same servers, as many at a time.
func scan(b *testing.B, tlsx string, addresses []string) time.Duration {
	dir := b.TempDir()
	list := filepath.Join(dir, "list")
	if err := os.WriteFile(list, []byte(strings.Join(addresses, "\n")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(tlsx, "-l", list, "-sm", "ctls", "-c", "50", "-sni", host, "-tc", "-un", "-retry", "1", "-duc", "-json", "-silent")
	cmd.Env = append(os.Environ(), "HOME="+dir)
	start := time.Now()
	out, err := cmd.Output()
	took := time.Since(start)
	if lines := bytes.Count(out, []byte("\n")); err != nil || lines < len(addresses) {
		b.Errorf("tlsx saw %d of %d: %v", lines, len(addresses), err)
	}
	return took
}

// BenchmarkVerify verifies a chain and has crypto/x509 do the same, in turns.
func BenchmarkVerify(b *testing.B) {
	for _, key := range []string{"rsa2048", "ecdsa"} {
		b.Run(key, func(b *testing.B) {
			root := newCA(b, certtest.Options{Key: key})
			chain := parse(b, issue(b, below(b, root, certtest.Options{Key: key}), certtest.Template{Key: key}))
			v := verifier(root)
			turn := func(verify func() bool) time.Duration {
				start := time.Now()
				for range 20 {
					if !verify() {
						b.Fatal("not verified")
					}
				}
				return time.Since(start)
			}
			var mine, theirs time.Duration
			for b.Loop() {
				mine += turn(func() bool { return v.Verify(chain, host).Verified })
				theirs += turn(func() bool { return libraryAccepts(v, chain, host) })
			}
			b.ReportMetric(mine.Seconds()/theirs.Seconds(), "x-crypto/x509")
			b.ReportMetric(float64(20*b.N)/mine.Seconds(), "chains/s")
		})
	}
}
