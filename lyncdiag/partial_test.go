package lyncdiag_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// What is seen in part must not be told as seen in full.

// TestCutRunsClaimNothing cuts a healthy check at every tenth of a round trip:
// whatever was still under way is unknown, never a failure.
func TestCutRunsClaimNothing(t *testing.T) {
	for cut := 50 * time.Millisecond; cut < 9*time.Second; cut += 100 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{RTT: time.Second}, func(d *lyncdiag.Diagnoser) { d.Timeout = cut })
			for _, f := range report.Findings {
				if f.Severity == "failure" {
					t.Errorf("cut after %v: %s\n%s", cut, f.Name, describe(report))
				}
			}
			if !report.Complete && report.Verdict.Outcome == lyncdiag.Healthy {
				t.Errorf("cut after %v and healthy:\n%s", cut, describe(report))
			}
		})
	}
}

// TestCutWithinTokenAnswer ends a run between the status of the token's answer
// and its body.
func TestCutWithinTokenAnswer(t *testing.T) {
	ca, err := certtest.New(certtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(certtest.Template{DNSNames: []string{"sts.contoso.example"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !bytes.Contains(body, []byte("Password>")) {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
		d.Timeout, d.Sources = 2*time.Second, append(d.Sources, passwordEndpoint("https://sts.contoso.example/adfs/services/trust/13/usernamemixed"))
		d.Network.Roots = d.Network.Roots.Clone()
		d.Network.Roots.AddCert(ca.Certificate)
		dial := d.Network.Dial
		d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "127.0.3.1:443" {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}
			return dial(ctx, network, address)
		}
	})
	if report.Complete || slices.ContainsFunc(report.Stages, func(s lyncdiag.StageResult) bool { return s.ID == "adfs.token" && s.Status == lyncdiag.Passed }) {
		t.Error(describe(report))
	}
}

// passwordEndpoint is a source that knows where the federation service takes a password.
type passwordEndpoint string

func (passwordEndpoint) Name() string { return "endpoint" }

func (p passwordEndpoint) Collect(_ context.Context, _ lyncdiag.Target, f *fact.Facts) error {
	from := fact.Origin{Kind: fact.Bundle}
	fact.Put(f, fact.RealmKey, &adfs.Realm{NamespaceType: "federated", Domain: "contoso.example", MEXURL: string(p), ActiveAuthURL: string(p)}, from)
	fact.Put(f, fact.MEXKey, &adfs.MEX{URL: string(p), Endpoints: []adfs.Endpoint{{Address: string(p), Version: "1.3", Authentication: "username", Usable: true}}}, from)
	return nil
}

// TestQuestionsNotSent: where this computer sends no question, that the resolver
// fails is not confirmed.
func TestQuestionsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			dial := d.Network.Dial
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasSuffix(address, ":53") {
					return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EACCES)}
				}
				return dial(ctx, network, address)
			}
		})
		i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "dns-server-failure" })
		if i < 0 || report.Findings[i].Confidence != lyncdiag.Probable {
			t.Error(describe(report))
		}
	})
}

// TestSilentFederationService: TLS stands, and no request is ever answered.
func TestSilentFederationService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			d.Plan = lyncdiag.DefaultPlan()
			d.Network.Exchange = 2 * time.Second
			dial := d.Network.Dial
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if err == nil && address == "127.0.3.1:443" {
					conn = &mute{Conn: conn}
				}
				return conn, err
			}
		})
		if report.Verdict.Primary != "adfs-mex-http-error" {
			t.Errorf("primary %q:\n%s", report.Verdict.Primary, describe(report))
		}
		for _, v := range report.Verdict.Path {
			if v.Step == 8 {
				t.Errorf("step 8 is answered %q without an answer", v.Answer)
			}
		}
	})
}

// TestNotReachedAgain: a host that answers once and no more was not asked what
// only a second connection shows.
func TestNotReachedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			d.Plan, d.Setting.Client = lyncdiag.DefaultPlan(), "lync2010"
			var mu sync.Mutex
			seen := map[string]bool{}
			dial := d.Network.Dial
			d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				mu.Lock()
				again := seen[address] && strings.HasSuffix(address, ":443")
				seen[address] = true
				mu.Unlock()
				if again {
					return nil, errors.New("refused")
				}
				return dial(ctx, network, address)
			}
		})
		for _, s := range report.Stages {
			if s.ID == "tls.client" && (s.Status != lyncdiag.Warned || !strings.Contains(s.Reason, "was not reached again")) {
				t.Errorf("%s: %s, %s", s.ID, s.Status, s.Reason)
			}
		}
	})
}

// mute lets a TLS handshake through (the client's second flight ends it) and
// swallows what is written after.
type mute struct {
	net.Conn
	written int
}

func (m *mute) Write(b []byte) (int, error) {
	m.written++
	if m.written > 2 {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// TestTwoFaults: of two independent faults each is found, and neither explains
// the other.
func TestTwoFaults(t *testing.T) {
	for _, c := range []struct {
		faults  []string
		primary string
		also    []string
	}{
		{[]string{"client-clock-skew", "adfs-certificate-expired"}, "", []string{"client-clock-skew", "adfs-certificate-expired"}},
		{[]string{"client-clock-skew", "sip-server-certificate-expired"}, "", []string{"client-clock-skew", "sip-server-certificate-expired"}},
		{[]string{"dns-lyncdiscover-wrong", "dns-sip-tls-srv-missing", "dns-sip-cname-missing", "dns-federation-srv-missing", "adfs-mex-http-500"}, "", []string{"adfs-mex-http-500", "dns-lyncdiscover-wrong"}},
		{[]string{"firewall-blocks-lync-online", "login-service-unavailable"}, "", []string{"login-service-unavailable"}},
		{[]string{"dns-sip-cname-wrong", "adfs-mex-http-500"}, "adfs-mex-http-500", []string{"dns-sip-cname-wrong"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{Faults: c.faults})
			roots := rootNames(report)
			for _, name := range c.also {
				if !slices.Contains(roots, name) {
					t.Errorf("%v: %s is no root:\n%s", c.faults, name, describe(report))
				}
			}
			if c.primary != "" && report.Verdict.Primary != c.primary {
				t.Errorf("%v: primary %q, want %q", c.faults, report.Verdict.Primary, c.primary)
			}
		})
	}
}

// TestUnicodeDomain: a domain outside the lab is missing there, and nothing
// else is made of its letters.
func TestUnicodeDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := lab.Start(t.Context(), lab.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := &lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}
		report, err := d.Run(t.Context(), target(t, "jörg@bücher.example"))
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict.Primary != "dns-domain-missing" {
			t.Errorf("primary %q:\n%s", report.Verdict.Primary, describe(report))
		}
		i := slices.IndexFunc(report.Stages, func(s lyncdiag.StageResult) bool { return s.ID == "sip" })
		if report.Stages[i].Status != lyncdiag.Passed {
			t.Errorf("the registrar was not asked: %+v", report.Stages[i])
		}
	})
}

// TestManualAddressNobodyNeeds: where automatic configuration works, a manual
// address that does not is worth knowing and stops nobody.
func TestManualAddressNobodyNeeds(t *testing.T) {
	for _, manual := range []string{"sip.contoso.example:443", "sts.contoso.example:443", "sipfed.online.lync.com:443"} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) { d.Setting.ManualServer = manual })
			if report.Verdict.Outcome != lyncdiag.Healthy || !slices.Contains(rootNames(report), "manual-address-blocked") {
				t.Errorf("%s:\n%s", manual, describe(report))
			}
		})
	}
}

// TestInternalOnlyResolver: a resolver that does not know public names proves
// nothing about the domain.
func TestInternalOnlyResolver(t *testing.T) {
	f := fact.New()
	fact.Put(f, fact.TargetKey, target(t, "joe@contoso.com"), live)
	fact.Put(f, fact.SettingKey, fact.Setting{}, live)
	server := dnscheck.Server{Name: "r"}
	fact.Put(f, fact.DNSKey, &dnscheck.Result{Domain: "contoso.com", Servers: []dnscheck.Server{server},
		Answers: []dnscheck.Answer{{Name: "contoso.com", Type: "SOA", Server: "r", Status: dnscheck.StatusNoSuchName, RCode: "NXDOMAIN"}},
		Hosts:   []dnscheck.Host{{Name: "login.microsoftonline.com", Server: "r", Status: dnscheck.StatusNoSuchName}}}, live)
	report := &lyncdiag.Report{Complete: true}
	lyncdiag.Judge(report, f, nil)
	for _, x := range report.Findings {
		if x.Confidence != lyncdiag.Possible {
			t.Errorf("%s is %s", x.Name, x.Confidence)
		}
	}
	if len(report.Findings) == 0 {
		t.Error("nothing is said at all")
	}
}

// TestProxyTroubleIsTheProxys: what a proxy refuses says nothing of the host
// behind it.
func TestProxyTroubleIsTheProxys(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					conn.Write([]byte("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
				}
			}()
		}
	}()
	l, err := lab.Start(t.Context(), lab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	network := l.Network()
	dial := network.Dial
	network.Dial = loopbackOnly(func(ctx context.Context, n, address string) (net.Conn, error) {
		if address == listener.Addr().String() {
			return new(net.Dialer).DialContext(ctx, n, address)
		}
		return dial(ctx, n, address)
	})
	network.Proxy = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	report, err := (&lyncdiag.Diagnoser{Network: network, Setting: l.Setting()}).Run(t.Context(), target(t, joe))
	if err != nil {
		t.Fatal(err)
	}
	if names := rootNames(report); !slices.Equal(names, []string{"proxy-authentication-required"}) {
		t.Errorf("%v: the proxy refused, the hosts were never asked\n%s", names, describe(report))
	}
}

// TestLogOfAnotherUser says nothing about the target.
func TestLogOfAnotherUser(t *testing.T) {
	for _, address := range []string{"joe@contoso.com", "ann@contoso.com"} {
		f := fact.New()
		fact.Put(f, fact.TargetKey, target(t, address), live)
		a := attemptOf(t, "user-not-found")
		a.From = "sip:joe@contoso.com"
		fact.Put(f, fact.AttemptsKey, []sip.Attempt{a}, fact.Origin{Kind: fact.Log})
		fact.Put(f, fact.LogFilesKey, []fact.LogFile{{Path: "a.log"}}, fact.Origin{Kind: fact.Log})
		report := &lyncdiag.Report{Complete: true}
		lyncdiag.Judge(report, f, nil)
		want := map[string]string{"joe@contoso.com": "sip-user-not-found", "ann@contoso.com": "log-no-attempt"}[address]
		if names := rootNames(report); !slices.Equal(names, []string{want}) {
			t.Errorf("%s: %v, want %s", address, names, want)
		}
	}
}

// TestRetiredServiceIsSaidOfRealRunsOnly: the same answers, from a network that
// is no lab, carry the note that Lync Online was retired.
func TestRetiredServiceIsSaidOfRealRunsOnly(t *testing.T) {
	for _, real := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) { d.Network.Simulated = !real })
			if said := slices.Contains(rootNames(report), "lync-online-retired"); said != real {
				t.Errorf("real run %t: said %t\n%s", real, said, describe(report))
			}
			if report.Verdict.Outcome != lyncdiag.Healthy {
				t.Errorf("an info changes the verdict to %s", report.Verdict.Outcome)
			}
		})
	}
}
