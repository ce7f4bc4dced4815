package lyncdiag_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestHealthyThroughProxy: a proxy that lets everybody through changes nothing
// but the way, and each service is asked by its name.
func TestHealthyThroughProxy(t *testing.T) {
	for _, base := range []string{"healthy", "healthy-managed", "healthy-hybrid", "healthy-server"} {
		synctest.Test(t, func(t *testing.T) {
			facts, report := diagnose(t, lab.Config{Faults: []string{base}, Proxy: true})
			if report.Verdict.Outcome != lyncdiag.Healthy {
				t.Errorf("%s: not healthy:\n%s", base, describe(report))
			}
			if proxy, _, _ := fact.Get(facts, fact.ProxyKey); proxy.Host != "gateway.contoso.example" || proxy.Reach.Status != fact.Listening {
				t.Errorf("%s: proxy %+v", base, proxy)
			}
			checkRecorded(t, facts, report)
		})
	}
}

// TestFaultsBehindProxy: what is wrong behind the proxy is found through it.
func TestFaultsBehindProxy(t *testing.T) {
	for _, fault := range []string{"tcp-443-filtered", "tcp-443-not-listening", "tls-handshake-failed", "adfs-mex-http-500", "adfs-tcp-filtered", "adfs-certificate-expired",
		"autodiscover-http-error", "login-service-unavailable", "sip-service-unavailable", "client-clock-skew"} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{Faults: []string{fault}, Proxy: true})
			want := fault
			if fault == "tcp-443-not-listening" { // the proxy's 502 does not tell it from silence
				want = "tcp-443-filtered"
				i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == want })
				if i < 0 || !strings.Contains(report.Findings[i].Cause, "answers 502") {
					t.Errorf("not said by its 502:\n%s", describe(report))
				}
			}
			if report.Verdict.Primary != want {
				t.Errorf("%s: primary %q\n%s", fault, report.Verdict.Primary, describe(report))
			}
			for _, name := range rootNames(report) {
				if strings.HasPrefix(name, "proxy-") {
					t.Errorf("%s: %s is said of a proxy that does its work\n%s", fault, name, describe(report))
				}
			}
		})
	}
}

// TestDirectHosts go past the proxy.
func TestDirectHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Faults: []string{"proxy-refuses-connect"}}, func(d *lyncdiag.Diagnoser) {
			d.Network.Direct = func(host string) bool { return host == "sipdir.online.lync.com" }
		})
		if report.Verdict.Outcome != lyncdiag.Healthy {
			t.Errorf("the host that the proxy refuses is asked directly:\n%s", describe(report))
		}
	})
}

// TestDirectHostsProveNothing: TLS that fails on the way past the proxy, where the
// address is seen, is not the proxy's.
func TestDirectHostsProveNothing(t *testing.T) {
	for address, blamed := range map[string]bool{"": true, "127.0.2.1": false} {
		var hosts []fact.Candidate
		for _, name := range []string{"sipdir.online.lync.com", "sipfed.online.lync.com"} {
			c := fact.Candidate{Endpoint: endpoint(name), Via: []fact.Via{fact.ViaManual}}
			c.Reach = fact.Reach{Status: fact.Listening, Address: address}
			c.TLS = &certs.Result{Handshake: &certs.Failure{Phase: "handshake", Kind: "reset", Detail: "reset"}}
			hosts = append(hosts, c)
		}
		proxy := fact.Proxy{Endpoint: endpoint("gateway.contoso.example")}
		proxy.Reach.Status = fact.Listening
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, joe), live)
		fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
		fact.Put(f, fact.ProxyKey, proxy, live)
		fact.Put(f, fact.CandidatesKey, hosts, live)
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		if slices.ContainsFunc(report.Findings, func(x lyncdiag.Finding) bool { return strings.HasPrefix(x.Title, "The proxy") }) != blamed {
			t.Errorf("hosts at %q, the proxy is to be blamed: %v\n%s", address, blamed, describe(report))
		}
	}
}

// TestStrangeProxies: whatever a proxy does ends in time, in its own finding,
// and with its credentials in no text.
func TestStrangeProxies(t *testing.T) {
	const secret = "h0rse-battery"
	answer := func(text string) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, in *bufio.Reader) {
			for {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				if _, err := c.Write([]byte(text)); err != nil {
					return
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		serve func(net.Conn, *bufio.Reader)
		want  string
	}{
		"mail server":            {answer("220 mail.contoso.com ESMTP\r\n"), "proxy-unreachable"},
		"hangs up":               {func(net.Conn, *bufio.Reader) {}, "proxy-unreachable"},
		"speaks into the tunnel": {answer("HTTP/1.1 200 OK\r\n\r\nwelcome"), "captive-portal"},
		"asks for ever":          {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"), "proxy-authentication-required"},
		"basic for ever":         {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n"), "proxy-authentication-required"},
		"broken NTLM":            {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM AAAA\r\nContent-Length: 0\r\n\r\n"), "proxy-authentication-required"},
		"unknown scheme":         {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: Hawk\r\nContent-Length: 0\r\n\r\n"), "proxy-authentication-required"},
		"body without end":       {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n" + strings.Repeat("x", 200<<10)), "proxy-authentication-required"},
		"body that never comes":  {answer("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 10\r\n\r\n"), ""},
		"redirects":              {answer("HTTP/1.1 302 Found\r\nLocation: http://gateway.contoso.example:8080/\r\nContent-Length: 0\r\n\r\n"), "captive-portal"},
		"refuses":                {answer("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), "proxy-refuses-connect"},
		"endless headers":        {answer("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20)), "proxy-unreachable"},
		"breaks TLS": {func(c net.Conn, in *bufio.Reader) {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if r.Method != http.MethodConnect {
				c.Write([]byte("HTTP/1.1 301 Moved\r\nLocation: https://" + r.Host + "/\r\nContent-Length: 0\r\n\r\n"))
				return
			}
			c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			in.ReadByte() // the ClientHello
		}, "tls-handshake-failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Proxy: true}, func(d *lyncdiag.Diagnoser) {
					d.Network.Proxy.User = url.UserPassword(`CONTOSO\joe`, secret)
					atGateway(tt.serve)(d)
				})
				if !report.Complete || tt.want != "" && !slices.Contains(rootNames(report), tt.want) {
					t.Errorf("%s is not found:\n%s", tt.want, describe(report))
				}
				if strings.Contains(describe(report), secret) {
					t.Error("the password is in the report")
				}
			})
		})
	}
}

// TestUnaskedScript: where a PAC file decides for the client, what fails on the
// direct way is no proof.
func TestUnaskedScript(t *testing.T) {
	for _, fault := range []string{"firewall-blocks-lync-online", "tcp-443-filtered", "network-offline"} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{Faults: []string{fault}}, func(d *lyncdiag.Diagnoser) { d.Network.PAC = "http://wpad.contoso.example/proxy.pac" })
			i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == fault })
			if i < 0 || report.Findings[i].Confidence != lyncdiag.Possible {
				t.Errorf("%s is taken for sure:\n%s", fault, describe(report))
			}
		})
	}
}

// TestProbeCost: one registrar costs a lookup, TCP, TLS and one request; a
// redirect the same again.
func TestProbeCost(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for name, tt := range map[string]struct {
		config lab.Config
		trips  float64
	}{
		"direct":   {lab.Config{RTT: rtt}, 4},
		"IPv6":     {lab.Config{RTT: rtt, IPv6: true}, 4},
		"proxy":    {lab.Config{RTT: rtt, Proxy: true}, 10}, // two lookups, TCP, CONNECT, the proxy's own lookup and TCP; behind it TLS and REGISTER go two ways each
		"redirect": {lab.Config{RTT: rtt, Faults: []string{"sip-redirect-loop"}}, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, tt.config, func(d *lyncdiag.Diagnoser) {
				d.Plan = lyncdiag.Plan{{ID: "one", Title: "One", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
					c, err := env.Look(ctx, "sipdir.online.lync.com", 443, lyncdiag.ToSIP)
					if c.SIP == nil || c.SIP.Status == 0 {
						t.Errorf("%s: %+v", name, c)
					}
					return err
				}}}
			})
			trips := float64(report.Duration) / float64(rtt)
			t.Logf("%s: %.2f round trips", name, trips)
			if trips > tt.trips+0.5 {
				t.Errorf("%s: %.2f round trips, want %.0f", name, trips, tt.trips)
			}
		})
	}
}

// TestProxyWithoutDNS: many networks with a proxy have no DNS of the outside.
// The proxy looks names up, and what answers through it is not said to have no
// name.
func TestProxyWithoutDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts, report := diagnose(t, lab.Config{Proxy: true}, func(d *lyncdiag.Diagnoser) {
			d.Network.Proxy = &url.URL{Scheme: "http", Host: gateway}
		}, unroutable(func(a netip.AddrPort) bool { return a.Port() == 53 }, syscall.ENETUNREACH))
		for _, f := range report.Findings {
			if f.CausedBy == "" && !strings.HasPrefix(f.Name, "dns-") && f.Severity == "failure" {
				t.Errorf("%s is said of hosts that answer through the proxy:\n%s", f.Name, describe(report))
			}
		}
		candidates, _, _ := fact.Get(facts, fact.CandidatesKey)
		if federation, _, ok := fact.Get(facts, fact.FederationKey); !ok || !federation.Up() || len(candidates) != 1 || !candidates[0].Works() {
			t.Errorf("not reached through the proxy:\n%s", describe(report))
		}
	})
}

// TestProxyRefusesFederation: the host of AD FS behind a proxy that refuses it.
func TestProxyRefusesFederation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Proxy: true}, toGateway(func(c net.Conn) net.Conn { return &refusing{Conn: c, host: "sts.contoso.example:443"} }))
		if names := rootNames(report); report.Verdict.Primary != "proxy-refuses-connect" || slices.Contains(names, "adfs-tcp-filtered") {
			t.Errorf("%v:\n%s", names, describe(report))
		}
	})
}

// TestProxyHangsUpOnOneHost: the others show that it is a proxy.
func TestProxyHangsUpOnOneHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Proxy: true}, toGateway(func(c net.Conn) net.Conn { return &refusing{Conn: c, host: "sipdir.online.lync.com:443", hangUp: true} }))
		i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "proxy-refuses-connect" })
		if i < 0 || report.Findings[i].Confidence != lyncdiag.Probable || slices.Contains(rootNames(report), "proxy-unreachable") {
			t.Errorf("got\n%s", describe(report))
		}
	})
}

// refusing is a connection to a proxy that does not let one host's name pass.
type refusing struct {
	net.Conn
	host    string
	hangUp  bool
	refused bool
}

func (r *refusing) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "CONNECT "+r.host+" ") {
		r.refused = true
		return len(b), nil
	}
	return r.Conn.Write(b)
}

func (r *refusing) Read(b []byte) (int, error) {
	if r.refused && r.hangUp {
		return 0, io.EOF
	}
	if r.refused {
		r.refused = false
		return copy(b, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), nil
	}
	return r.Conn.Read(b)
}
