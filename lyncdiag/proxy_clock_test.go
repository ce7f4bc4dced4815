package lyncdiag_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestClockOfProxy: a proxy that refuses everything, and whose clock is an hour
// behind, answers in the name of several hosts and proves no clock wrong.
func TestClockOfProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int32
		_, report := diagnose(t, lab.Config{Proxy: true}, func(d *lyncdiag.Diagnoser) {
			dial, now := d.Network.Dial, d.Network.Now
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if address != "127.0.3.8:8080" {
					return dial(ctx, network, address)
				}
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					if _, err := http.ReadRequest(bufio.NewReader(far)); err != nil {
						return
					}
					refused.Add(1)
					fmt.Fprintf(far, "HTTP/1.1 403 Forbidden\r\nDate: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", now().Add(-time.Hour).UTC().Format(http.TimeFormat))
				}()
				return near, nil
			}
		})
		if refused.Load() < 2 {
			t.Fatalf("%d requests were refused:\n%s", refused.Load(), describe(report))
		}
		if slices.ContainsFunc(report.Findings, func(x lyncdiag.Finding) bool { return strings.HasSuffix(x.Name, "clock-skew") }) {
			t.Errorf("a clock is said to be wrong:\n%s", describe(report))
		}
	})
}
