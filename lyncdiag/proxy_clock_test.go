package lyncdiag_test

import (
	"bufio"
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
			now := d.Network.Now
			atGateway(func(c net.Conn, in *bufio.Reader) {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				refused.Add(1)
				fmt.Fprintf(c, "HTTP/1.1 403 Forbidden\r\nDate: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			})(d)
		})
		if refused.Load() < 2 {
			t.Fatalf("%d requests were refused:\n%s", refused.Load(), describe(report))
		}
		if slices.ContainsFunc(report.Findings, func(x lyncdiag.Finding) bool { return strings.HasSuffix(x.Name, "clock-skew") }) {
			t.Errorf("a clock is said to be wrong:\n%s", describe(report))
		}
	})
}
