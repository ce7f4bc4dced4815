package lyncdiag_test

import (
	"bufio"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// ntlmChallenge is a CHALLENGE_MESSAGE as a proxy of the domain SERVER sends it.
const ntlmChallenge = "TlRMTVNTUAACAAAADAAMADgAAAAFgogAAQIDBAUGBwgAAAAAAAAAABQAFABEAAAABgGxHQAAAA9TAEUAUgBWAEUAUgACAAwAUwBFAFIAVgBFAFIAAAAAAA=="

// rejecting is a proxy that takes no password, and counts those it is sent.
func rejecting(scheme string, passwords *atomic.Int32, after time.Duration) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, in *bufio.Reader) {
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			challenge := scheme
			if _, token, ok := strings.Cut(r.Header.Get("Proxy-Authorization"), " "); ok {
				message, _ := base64.StdEncoding.DecodeString(token)
				if scheme == "NTLM" && len(message) > 8 && message[8] == 1 {
					challenge += " " + ntlmChallenge
				} else {
					passwords.Add(1)
					time.Sleep(after)
				}
			}
			if scheme == "Basic" {
				challenge += ` realm="x"`
			}
			if _, err := c.Write([]byte("HTTP/1.1 407 No\r\nProxy-Authenticate: " + challenge + "\r\nContent-Length: 0\r\n\r\n")); err != nil {
				return
			}
		}
	}
}

// TestWrongProxyPassword is sent once: directories lock accounts out.
func TestWrongProxyPassword(t *testing.T) {
	for _, scheme := range []string{"Basic", "NTLM"} {
		for _, after := range []time.Duration{0, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				var passwords atomic.Int32
				_, report := diagnose(t, lab.Config{Proxy: true}, atGateway(rejecting(scheme, &passwords, after)), func(d *lyncdiag.Diagnoser) {
					d.Network.Proxy.User = url.UserPassword("joe", "h0rse-battery")
				})
				if n := passwords.Load(); n != 1 {
					t.Errorf("%s, %v: the password is sent %d times", scheme, after, n)
				}
				i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "proxy-authentication-required" })
				if i < 0 || !strings.Contains(report.Findings[i].Title, "does not accept") || len(rootNames(report)) != 1 {
					t.Errorf("%s, %v:\n%s", scheme, after, describe(report))
				}
			})
		}
	}
}

// TestWrongProxyPasswordOfFleet: nor once for each target.
func TestWrongProxyPasswordOfFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := lab.Start(t.Context(), lab.Config{Proxy: true})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := &lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}
		d.Network.Proxy.User = url.UserPassword("joe", "h0rse-battery")
		var passwords atomic.Int32
		atGateway(rejecting("Basic", &passwords, time.Second))(d)
		jobs := func(yield func(fleet.Job, error) bool) {
			for _, address := range []string{joe, "ann@contoso.example", "max@contoso.example"} {
				if !yield(fleet.Job{Target: target(t, address)}, nil) {
					return
				}
			}
		}
		n := 0
		for result, err := range (&fleet.Fleet{Diagnoser: d}).Run(t.Context(), jobs) {
			if err != nil {
				t.Fatal(err)
			}
			if primary := result.Primary; primary != "proxy-authentication-required" {
				t.Errorf("%s: %q", result.Key, primary)
			}
			n++
		}
		if passwords.Load() != 1 || n != 3 {
			t.Errorf("the password is sent %d times for %d targets", passwords.Load(), n)
		}
	})
}

// TestProxyPasswordAndSilentHosts: the first login may end in the silence of a
// host behind the proxy, and those that waited for it still get their answer.
func TestProxyPasswordAndSilentHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var once sync.Once
		_, report := diagnose(t, lab.Config{Proxy: true}, func(d *lyncdiag.Diagnoser) {
			d.Network.Proxy.User = url.UserPassword("joe", "h0rse-battery")
			d.Timeout = time.Minute
		}, atGateway(func(c net.Conn, in *bufio.Reader) {
			for {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				if r.Header.Get("Proxy-Authorization") == "" {
					c.Write([]byte("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"))
					continue
				}
				silent := false
				once.Do(func() { silent = true })
				if silent {
					in.ReadByte()
					return
				}
				c.Write([]byte("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"))
			}
		}))
		if report.Verdict.Primary != "proxy-refuses-connect" {
			t.Errorf("got\n%s", describe(report))
		}
	})
}

// TestProxyLoginUnknown: credentials that were not sent are not called wrong.
func TestProxyLoginUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Proxy: true}, func(d *lyncdiag.Diagnoser) {
			d.Network.Proxy.User = url.UserPassword("joe", "h0rse-battery")
		}, atGateway(func(c net.Conn, in *bufio.Reader) {
			for {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				c.Write([]byte("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"x\", nonce=\"a\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n"))
			}
		}))
		i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "proxy-authentication-required" })
		if i < 0 || strings.Contains(report.Findings[i].Title, "does not accept") || !strings.Contains(report.Findings[i].Cause, "were not sent") {
			t.Errorf("got %+v\n%s", report.Findings, describe(report))
		}
	})
}

// TestInterimAnswers of a proxy are no answer (RFC 9110 section 15.2).
func TestInterimAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Proxy: true}, toGateway(func(c net.Conn) net.Conn { return &hesitant{Conn: c} }))
		if report.Verdict.Outcome != lyncdiag.Healthy {
			t.Errorf("got\n%s", describe(report))
		}
	})
}

// hesitant is a connection to a proxy that says twice that it is at work.
type hesitant struct {
	net.Conn
	said bool
}

func (h *hesitant) Read(b []byte) (int, error) {
	if !h.said {
		h.said = true
		return copy(b, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"), nil
	}
	return h.Conn.Read(b)
}
