package sip_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// kamailioConfig answers by the user part of the To address, so that one server
// shows every answer.
const kamailioConfig = `
children=1
tcp_children=1
disable_tcp=no
enable_tls=yes
fork=no
log_stderror=yes
debug=1
auto_aliases=no
tcp_connection_lifetime=60
mpath="%[1]s"
listen=tls:127.0.0.1:%[2]d
listen=tcp:127.0.0.1:%[4]d
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
modparam("tls", "config", "%[3]s/tls.cfg")
request_route {
	if (is_method("OPTIONS")) {
		append_to_reply("Allow: REGISTER, OPTIONS\r\n");
		sl_send_reply("200", "OK");
		exit;
	}
	switch ($tU) {
	case "challenged":
		append_to_reply("WWW-Authenticate: NTLM realm=\"SIP Communications Service\", targetname=\"kamailio.contoso.example\", version=4\r\n");
		append_to_reply("WWW-Authenticate: TLS-DSK realm=\"SIP Communications Service\", targetname=\"kamailio.contoso.example\", version=4, sts-uri=\"https://kamailio.contoso.example:443/CertProv/CertProvisioningService.svc\"\r\n");
		sl_send_reply("401", "Unauthorized");
		break;
	case "blocked":
		append_to_reply("ms-diagnostics: 17002;reason=\"Invalid protocol client version\";source=\"kamailio.contoso.example\"\r\n");
		append_to_reply("ms-diagnostics-public: 17002;reason=\"Invalid protocol client version\"\r\n");
		sl_send_reply("403", "Forbidden");
		break;
	case "unknown":
		sl_send_reply("404", "Not Found");
		break;
	case "down":
		sl_send_reply("503", "Service Unavailable");
		break;
	case "moved":
		append_to_reply("Contact: <sip:pool2.contoso.example:5061;transport=tls>\r\n");
		sl_send_reply("302", "Moved Temporarily");
		break;
	case "silent":
		drop;
	}
}
`

// kamailio runs a real SIP server on loopback and returns its addresses for TLS
// and for TCP, and the pool that trusts it.
func kamailio(t *testing.T) (address, plain string, roots *x509.CertPool) {
	t.Helper()
	program := debianProgram(t, "kamailio")
	modules, _ := filepath.Glob("/usr/lib/*/kamailio/modules/tls.so")
	if len(modules) == 0 {
		missing(t, "kamailio has no tls.so (package kamailio-tls-modules)")
	}
	authority, err := certtest.New(certtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := authority.Issue(certtest.Template{DNSNames: []string{"kamailio.contoso.example"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain []byte
	for _, der := range certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	ports := freePorts(t, 2)
	for name, content := range map[string][]byte{
		filepath.Join(dir, "chain.pem"): chain,
		filepath.Join(dir, "key.pem"):   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		filepath.Join(dir, "tls.cfg"): fmt.Appendf(nil, "[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\nprivate_key = %[1]s/key.pem\ncertificate = %[1]s/chain.pem\n[client:default]\nverify_certificate = no\n",
			dir),
		filepath.Join(dir, "kamailio.cfg"): fmt.Appendf(nil, kamailioConfig, filepath.Dir(modules[0])+"/", ports[0], dir, ports[1]),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := exec.Command(program, "-f", filepath.Join(dir, "kamailio.cfg"), "-DD", "-E", "-Y", dir, "-w", dir, "-m", "64", "-M", "8")
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		ended := make(chan struct{})
		go func() { _ = server.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = server.Process.Kill()
			<-ended
		}
	})
	address, plain = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("kamailio does not start: %v", err)
		}
	}
	return address, plain, authority.Pool()
}

// freePorts are ports of loopback that nobody has yet.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close() // all at once, so that they differ
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func debianProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		missing(t, "%s is not installed", name)
	}
	return path
}

// missing ends a test for want of something that only some machines have.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// TestKamailio asks a registrar that nobody here wrote.
func TestKamailio(t *testing.T) {
	address, plain, roots := kamailio(t)
	dial := func(t *testing.T) net.Conn {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "kamailio.contoso.example", RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for user, tt := range map[string]struct {
		status  int
		problem sip.Problem
		check   func(*sip.ProbeResult) bool
	}{
		"challenged": {401, "", func(r *sip.ProbeResult) bool {
			return len(r.Challenges) == 2 && r.Challenges[0].Scheme == "NTLM" && r.Challenges[1].Scheme == "TLS-DSK" && r.Challenges[1].TargetName == "kamailio.contoso.example" &&
				r.Challenges[1].Version == 4 && strings.HasSuffix(r.Challenges[1].STSURI, "CertProvisioningService.svc") && strings.HasPrefix(r.ServerHeader, "kamailio")
		}},
		"blocked": {403, "", func(r *sip.ProbeResult) bool {
			return len(r.Diagnostics) == 2 && r.Diagnostics[0].ID == 17002 && r.Diagnostics[1].Header == "ms-diagnostics-public"
		}},
		"unknown": {404, "", nil},
		"down":    {503, "", nil},
		"moved": {302, "", func(r *sip.ProbeResult) bool {
			host, port, ok := r.Redirect()
			return ok && host == "pool2.contoso.example" && port == 5061
		}},
		"silent": {0, "no-answer", nil},
	} {
		t.Run(user, func(t *testing.T) {
			client := &sip.Client{Timeout: 2 * time.Second}
			conn := dial(t)
			res := client.Register(t.Context(), conn, user+"@contoso.example")
			if res.Status != tt.status || res.Problem != tt.problem || tt.check != nil && !tt.check(res) {
				t.Errorf("got %+v", res)
			}
			if res.Server != "kamailio.contoso.example" {
				t.Errorf("server %q", res.Server)
			}
			// OPTIONS goes over the same connection, also after silence.
			if res := client.Options(t.Context(), conn, user+"@contoso.example"); res.Status != 200 || strings.Join(res.Allow, " ") != "REGISTER OPTIONS" {
				t.Errorf("OPTIONS: %+v", res)
			}
		})
	}
	// A second opinion on the same server. The TLS of Debian's sipsak breaks off, so it asks over TCP.
	t.Run("sipsak", func(t *testing.T) {
		program := debianProgram(t, "sipsak")
		for user, want := range map[string]string{"unknown": "SIP/2.0 404 ", "down": "SIP/2.0 503 ", "blocked": "ms-diagnostics: 17002;"} {
			request := filepath.Join(t.TempDir(), "request")
			text := "REGISTER sip:contoso.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:" + user + "@contoso.example>;tag=1\r\n" +
				"To: <sip:" + user + "@contoso.example>\r\nCall-ID: sipsak-" + user + "\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
			if err := os.WriteFile(request, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(program, "-E", "tcp", "-f", request, "-L", "-s", "sip:"+user+"@"+plain, "-vvv").CombinedOutput()
			if !strings.Contains(string(out), want) {
				t.Errorf("sipsak gets another answer for %s: %v\n%s", user, err, out)
			}
		}
	})
}
