package lyncdiag_test

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// pageFor is a connection to the lab's proxy that answers plain HTTP itself.
type pageFor struct {
	net.Conn
	page  string
	asked bool
}

func (p *pageFor) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "GET http://") {
		p.asked = true
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *pageFor) Read(b []byte) (int, error) {
	if p.asked {
		p.asked = false
		return copy(b, p.page), nil
	}
	return p.Conn.Read(b)
}

// TestErrorPageOfProxy: what a proxy says to plain HTTP is not said of Autodiscover.
func TestErrorPageOfProxy(t *testing.T) {
	for _, status := range []string{"500 No", "502 No", "503 No", "403 No", "404 No"} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{Proxy: true}, toGateway(func(c net.Conn) net.Conn {
				return &pageFor{Conn: c, page: "HTTP/1.1 " + status + "\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno"}
			}))
			for _, f := range report.Findings {
				if f.CausedBy == "" && f.Severity == "failure" {
					t.Errorf("%s: %s, and clients sign in by the SRV record\n%s", status, f.Name, describe(report))
				}
			}
			says := slices.ContainsFunc(report.Findings, func(f lyncdiag.Finding) bool {
				return f.Name == "proxy-refuses-connect" && f.Confidence == lyncdiag.Probable && f.Host() == "lyncdiscover.contoso.example"
			})
			if want := !strings.HasPrefix(status, "502"); says != want { // 502 is the proxy's word for a host that does not answer
				t.Errorf("%s: said of the proxy %t\n%s", status, says, describe(report))
			}
		})
	}
}

// TestErrorPageForEverything: nothing but the proxy is to blame.
func TestErrorPageForEverything(t *testing.T) {
	for _, status := range []string{"500 No", "503 No", "403 No", "404 No"} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{Proxy: true}, atGateway(func(c net.Conn, in *bufio.Reader) {
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					c.Write([]byte("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"))
				}
			}))
			for _, name := range rootNames(report) {
				if name != "proxy-refuses-connect" {
					t.Errorf("%s: %s\n%s", status, name, describe(report))
				}
			}
		})
	}
}

// TestProxyAndFirewall: the 502 to lyncdiscoverinternal, which exists inside
// only, is no error of Autodiscover.
func TestProxyAndFirewall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Faults: []string{"firewall-blocks-lync-online", "proxy-refuses-connect"}})
		if names := rootNames(report); slices.Contains(names, "autodiscover-http-error") || report.Verdict.Primary != "proxy-refuses-connect" {
			t.Errorf("%v\n%s", names, describe(report))
		}
	})
}

// TestOneRootAtProxy: a proxy that sends to its login page, and one that talks
// without end whatever it is asked, are each one trouble.
func TestOneRootAtProxy(t *testing.T) {
	for name, tt := range map[string]struct{ answer, want string }{
		"login page": {"HTTP/1.1 302 Found\r\nLocation: http://portal.contoso.example/login\r\nContent-Length: 0\r\n\r\n", "captive-portal"},
		"endless":    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("x", 4<<20), "captive-portal"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Proxy: true}, atGateway(func(c net.Conn, in *bufio.Reader) {
					for {
						if _, err := http.ReadRequest(in); err != nil {
							return
						}
						if _, err := c.Write([]byte(tt.answer)); err != nil {
							return
						}
					}
				}))
				if names := rootNames(report); len(names) != 1 || names[0] != tt.want {
					t.Errorf("%s: %v\n%s", name, names, describe(report))
				}
				for _, f := range report.Findings {
					if f.Name == "proxy-unreachable" {
						if !strings.Contains(f.Cause, "tunnel") {
							t.Errorf("%s is not what was seen: %s", f.Title, f.Cause)
						}
					}
				}
			})
		})
	}
}
