package lyncdiag_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// TestRealServers diagnoses a tenant on loopback sockets: Knot DNS serves the
// zones, nginx terminates TLS for the login service and for AD FS, crypto/tls
// for Lync Online. Names and ports are the real ones.
func TestRealServers(t *testing.T) {
	knotd, nginx := peer(t, "knotd"), peer(t, "nginx")
	for _, tt := range []struct {
		name    string
		change  func(*tenant)
		primary string
	}{
		{"healthy", func(*tenant) {}, ""},
		{"SRV record removed", func(s *tenant) {
			delete(s.records, "_sip._tls.contoso.example")
			s.setting.Client = "lync2010-rtm" // knows no Autodiscover
		}, "dns-sip-tls-srv-missing"},
		{"all records that a client looks for removed", func(s *tenant) {
			for _, name := range []string{"_sip._tls", "sip", "lyncdiscover"} {
				delete(s.records, name+".contoso.example")
			}
		}, "dns-autoconfiguration-broken"},
		{"nginx serves an expired certificate for AD FS", func(s *tenant) { s.defects["sts.contoso.example"] = "expired" }, "adfs-certificate-expired"},
		{"nginx serves another host's certificate for AD FS", func(s *tenant) { s.defects["sts.contoso.example"] = "name-mismatch" }, "adfs-certificate-name-mismatch"},
		{"nginx serves an expired certificate for the login service", func(s *tenant) { s.defects["login.microsoftonline.com"] = "expired" }, "login-service-unavailable"},
		{"AD FS behind nginx fails at SOAP only", func(s *tenant) { s.sts.MEXPost.Status = http.StatusInternalServerError }, "adfs-mex-http-500"},
		{"AD FS behind nginx is overloaded", func(s *tenant) {
			s.sts.MEXGet.Status, s.sts.MEXPost.Status = http.StatusServiceUnavailable, http.StatusServiceUnavailable
		}, "adfs-mex-http-503"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := healthyTenant()
			tt.change(s)
			s.serve(t, knotd, nginx)
			d := &lyncdiag.Diagnoser{Setting: s.setting, Network: &lyncdiag.Network{
				Dial:  loopbackOnly(new(net.Dialer).DialContext),
				DNS:   []dnscheck.Server{{Name: "knot", Addr: knotAddress}},
				Roots: s.roots,
			}}
			report, err := d.Run(t.Context(), target(t, joe))
			if err != nil {
				t.Fatal(err)
			}
			outcome := lyncdiag.Problem
			if tt.primary == "" {
				outcome = lyncdiag.Healthy
			}
			if report.Verdict.Outcome != outcome || report.Verdict.Primary != tt.primary || !report.Complete {
				t.Errorf("want %s with %q:\n%s", outcome, tt.primary, describe(report))
			}
			for _, f := range report.Findings {
				if f.CausedBy == "" && f.Name != tt.primary && f.Severity != kb.Info {
					t.Errorf("%s has nothing to do with it:\n%s", f.Name, describe(report))
				}
			}
			if tt.primary == "" && (len(s.login.Requests()) == 0 || len(s.sts.Requests()) == 0 || len(s.registrar.Requests()) == 0) {
				t.Errorf("a service was not asked at all:\n%s", describe(report))
			}
		})
	}
}

// peer finds a program that this test needs, below /usr/sbin too, where
// Debian has servers and an ordinary user's PATH does not lead.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err != nil {
		without(t, "%s is not installed", name)
	}
	return path
}

// without ends a test for want of something that only some machines have.
func without(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

var knotAddress = netip.MustParseAddrPort("127.77.0.53:10053")

// tenant is a federated customer of Lync Online, as data. Its addresses are in
// a part of 127.0.0.0/8 that no other test uses.
type tenant struct {
	records   map[string]string // owner to "TYPE data"
	defects   map[string]string // host to a defect of certtest
	login     *adfstest.LoginService
	sts       *adfstest.Service
	registrar *siptest.Registrar
	setting   fact.Setting
	roots     *x509.CertPool
}

func healthyTenant() *tenant {
	return &tenant{
		records: map[string]string{
			"lyncdiscover.contoso.example":           "CNAME webdir.online.lync.com.",
			"sip.contoso.example":                    "CNAME sipdir.online.lync.com.",
			"_sip._tls.contoso.example":              "SRV 100 1 443 sipdir.online.lync.com.",
			"_sipfederationtls._tcp.contoso.example": "SRV 100 1 5061 sipfed.online.lync.com.",
			"sts.contoso.example":                    "A 127.77.3.1",
			"sipdir.online.lync.com":                 "A 127.77.1.1",
			"webdir.online.lync.com":                 "A 127.77.1.2",
			"sipfed.online.lync.com":                 "A 127.77.1.3",
			"login.microsoftonline.com":              "A 127.77.2.1",
		},
		defects:   map[string]string{},
		login:     &adfstest.LoginService{Domains: map[string]adfstest.Domain{"contoso.example": {Type: "federated", Brand: "Contoso Ltd"}}},
		sts:       &adfstest.Service{Host: "sts.contoso.example"},
		registrar: &siptest.Registrar{Name: "sipdir.online.lync.com"},
		setting:   fact.Setting{Location: "outside"},
	}
}

// serve runs everything until the test ends.
func (s *tenant) serve(t *testing.T, knotd, nginx string) {
	t.Helper()
	ca, err := certtest.New(certtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.roots = ca.Pool()
	online := s.certificate(t, ca, "sipdir.online.lync.com", "*.online.lync.com")
	for _, address := range []string{"127.77.1.1:443", "127.77.1.3:5061"} {
		go s.registrar.ServeListener(t.Context(), tls.NewListener(listen(t, address), online))
	}
	discover := &dnstest.Autodiscover{Web: "webdir.online.lync.com", SIPInternal: "sipdir.online.lync.com:443", SIPExternal: "sipdir.online.lync.com:443"}
	serveHTTP(t, listen(t, "127.77.1.2:80"), discover)
	serveHTTP(t, tls.NewListener(listen(t, "127.77.1.2:443"), online), discover)

	loginBehind, stsBehind := listen(t, "127.77.2.1:0"), listen(t, "127.77.3.1:0")
	serveHTTP(t, loginBehind, s.login)
	serveHTTP(t, stsBehind, s.sts)
	dir := t.TempDir()
	var sites strings.Builder
	for host, site := range map[string]struct{ address, behind string }{
		"login.microsoftonline.com": {"127.77.2.1", loginBehind.Addr().String()},
		"sts.contoso.example":       {"127.77.3.1", stsBehind.Addr().String()},
	} {
		listen(t, site.address+":443").Close() // a clear reason when nginx could not either
		listen(t, site.address+":80").Close()
		writeCertificate(t, filepath.Join(dir, host+".pem"), s.certificate(t, ca, host).Certificates[0])
		fmt.Fprintf(&sites, `
	server {
		listen %[2]s:443 ssl;
		server_name %[1]s;
		ssl_certificate %[1]s.pem;
		ssl_certificate_key %[1]s.pem;
		location / { proxy_pass http://%[3]s; proxy_set_header Host $host; }
	}
	server {
		listen %[2]s:80;
		return 301 https://%[1]s$request_uri;
	}
`, host, site.address, site.behind)
	}
	writeFile(t, filepath.Join(dir, "nginx.conf"), `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
`+sites.String()+"}\n")
	run(t, nginx, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	s.serveZones(t, knotd)

	awaited := []string{knotAddress.String(), "127.77.2.1:443", "127.77.2.1:80", "127.77.3.1:443"}
	for deadline := time.Now().Add(20 * time.Second); len(awaited) > 0; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", awaited[0]); err == nil {
			c.Close()
			awaited = awaited[1:]
		} else if time.Now().After(deadline) {
			t.Fatalf("nothing answers at %s: %v", awaited[0], err)
		}
	}
}

// serveZones has Knot DNS serve the records, each in the zone it belongs to.
func (s *tenant) serveZones(t *testing.T, knotd string) {
	t.Helper()
	dir := t.TempDir()
	conf := fmt.Sprintf("server:\n    rundir: %q\n    listen: %s@%d\ndatabase:\n    storage: %q\ntemplate:\n  - id: default\n    storage: %q\n    file: \"%%s.zone\"\nlog:\n  - target: stderr\n    any: warning\nzone:\n",
		dir, knotAddress.Addr(), knotAddress.Port(), dir, dir)
	for _, zone := range []string{"contoso.example", "lync.com", "microsoftonline.com"} {
		text := fmt.Sprintf("$TTL 300\n%s. SOA ns1 hostmaster 1 3600 600 86400 60\n%[1]s. NS ns1.%[1]s.\nns1.%[1]s. A %s\n", zone, knotAddress.Addr())
		for _, owner := range slices.Sorted(maps.Keys(s.records)) {
			if strings.HasSuffix(owner, "."+zone) {
				text += owner + ". " + s.records[owner] + "\n"
			}
		}
		writeFile(t, filepath.Join(dir, zone+".zone"), text)
		conf += "  - domain: " + zone + "\n"
	}
	writeFile(t, filepath.Join(dir, "knot.conf"), conf)
	run(t, knotd, "-c", filepath.Join(dir, "knot.conf"))
}

// certificate is for the names, with the first one's defect.
func (s *tenant) certificate(t *testing.T, ca *certtest.CA, names ...string) *tls.Config {
	t.Helper()
	issue := ca.Issue
	if code := s.defects[names[0]]; code != "" {
		i := slices.IndexFunc(certtest.Defects(), func(d certtest.Defect) bool { return d.Code == code })
		if i < 0 {
			t.Fatalf("certtest has no defect %q", code)
		}
		issue = func(wanted certtest.Template) (tls.Certificate, error) {
			return certtest.Defects()[i].Issue(ca, wanted)
		}
	}
	made, err := issue(certtest.Template{DNSNames: names})
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{made}}
}

func writeCertificate(t *testing.T, file string, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, der := range c.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	writeFile(t, file, string(text))
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		without(t, "cannot bind the real ports (it takes Linux, root and nobody else at them): %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func serveHTTP(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)} // what goes wrong shows at the client
	t.Cleanup(func() { server.Close() })
	go server.Serve(l)
}

// run starts a server in the foreground and ends it with the test.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	server := exec.Command(program, args...)
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
}
