package certs_test

import (
	"bytes"
	"context"
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

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// missing skips a test for want of an outside peer, where that is allowed.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
		t.Fatal("not here: " + what)
	}
	t.Skip("not here: " + what)
}

func openssl(t testing.TB, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t testing.TB, dir, name string, ders ...[]byte) {
	t.Helper()
	var b bytes.Buffer
	for _, der := range ders {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeServer writes what s_server needs and returns the flags that name it.
func writeServer(t testing.TB, dir string, c tls.Certificate) []string {
	t.Helper()
	write(t, dir, "leaf.pem", c.Certificate[0])
	flags := []string{"-cert", "leaf.pem", "-key", "key.pem"}
	if len(c.Certificate) > 1 {
		write(t, dir, "chain.pem", c.Certificate[1:]...)
		flags = append(flags, "-cert_chain", "chain.pem")
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return flags
}

// startServer runs openssl s_server on loopback until the test ends.
func startServer(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		missing(t, "openssl")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	cmd := exec.Command("openssl", append([]string{"s_server", "-accept", address, "-quiet"}, flags...)...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		time.Sleep(20 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	t.Fatalf("openssl s_server did not start: %s", complaint.String())
	return ""
}

func TestOpenSSLServer(t *testing.T) {
	ca := newCA(t, certtest.Options{Now: time.Now})
	sub := below(t, ca, certtest.Options{})
	sound := certtest.Template{}
	tests := []struct {
		name  string
		tmpl  certtest.Template
		flags []string
		want  string // verdict, or the failure
		tls   string
	}{
		{"sound", sound, nil, "verified", "TLS 1.3"},
		{"missing intermediate", certtest.Template{WithoutChain: true}, nil, "incomplete-chain", "TLS 1.3"},
		{"expired", certtest.Template{NotAfter: time.Now().Add(-time.Minute)}, nil, "expired", "TLS 1.3"},
		{"other name", certtest.Template{DNSNames: []string{"www.contoso.example"}}, nil, "name-mismatch", "TLS 1.3"},
		{"TLS 1.0", sound, []string{"-tls1", "-cipher", "DEFAULT@SECLEVEL=0"}, "verified", "TLS 1.0"},
		{"TLS 1.1", sound, []string{"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}, "verified", "TLS 1.1"},
		{"TLS 1.2", sound, []string{"-tls1_2"}, "verified", "TLS 1.2"},
		{"TLS 1.3", sound, []string{"-tls1_3"}, "verified", "TLS 1.3"},
		{"RSA key exchange", certtest.Template{Key: "rsa2048"}, []string{"-tls1_2", "-cipher", "AES128-SHA"}, "verified", "TLS 1.2"},
		{"client certificate required", sound, []string{"-Verify", "1", "-tls1_2"}, "alert handshake_failure", "TLS 1.2"},
		{"no cipher suite in common", sound, []string{"-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"}, "alert handshake_failure", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			address := startServer(t, dir, append(writeServer(t, dir, issue(t, sub, test.tmpl)), test.flags...)...)
			v := &certs.Verifier{Roots: ca.Pool()}
			result := v.Probe(t.Context(), address, host)
			got := verdict(result)
			if result.Handshake != nil {
				got = strings.TrimSpace(result.Handshake.Kind + " " + result.Handshake.Alert)
			}
			if got != test.want || result.TLSVersion != test.tls {
				t.Errorf("got %q with %q, want %q with %q: %+v", got, result.TLSVersion, test.want, test.tls, result)
			}
			if test.tls != "" && len(result.Chain) == 0 {
				t.Error("no chain seen")
			}
		})
	}
}

// TestLoopback has servers that crypto/tls and OpenSSL would not play.
func TestLoopback(t *testing.T) {
	tests := []struct {
		name string
		kind string
		play func(conn *net.TCPConn)
	}{
		{"reset after the ClientHello", "reset", func(conn *net.TCPConn) {
			conn.Read(make([]byte, 4096))
			conn.SetLinger(0)
		}},
		{"reset at once", "reset", func(conn *net.TCPConn) { conn.SetLinger(0) }},
		{"closed after the ClientHello", "closed", func(conn *net.TCPConn) { conn.Read(make([]byte, 4096)) }},
		{"banner", "not-tls", func(conn *net.TCPConn) {
			conn.Write([]byte("220 mail.contoso.example ESMTP\r\n"))
			conn.Read(make([]byte, 4096))
		}},
		{"silent", "timeout", func(conn *net.TCPConn) {
			for _, err := conn.Read(make([]byte, 4096)); err == nil; {
				_, err = conn.Read(make([]byte, 4096))
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if conn, err := listener.AcceptTCP(); err == nil {
					test.play(conn)
					conn.Close()
				}
			}()
			v := &certs.Verifier{Timeout: 200 * time.Millisecond}
			if test.kind != "timeout" {
				v.Timeout = 0
			}
			result := v.Probe(context.Background(), listener.Addr().String(), host)
			if f := result.Handshake; f == nil || f.Kind != test.kind {
				t.Errorf("got %+v", f)
			}
			listener.Close()
			<-done
		})
	}
}

// TestOpenSSLVerify compares with the verdict of openssl verify, told to check
// as a TLS client does.
func TestOpenSSLVerify(t *testing.T) {
	ca := newCA(t, certtest.Options{Now: time.Now})
	for _, d := range certtest.Defects() {
		if d.Code == "malformed" {
			continue
		}
		t.Run(d.Code, func(t *testing.T) {
			c, err := d.Issue(ca, certtest.Template{DNSNames: []string{host}})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, dir, "leaf.pem", c.Certificate[0])
			write(t, dir, "rest.pem", c.Certificate...)
			write(t, dir, "root.pem", ca.Certificate.Raw)
			if _, err := exec.LookPath("openssl"); err != nil {
				missing(t, "openssl")
			}
			cmd := exec.Command("openssl", "verify", "-auth_level", "1", "-no-CAfile", "-no-CApath", "-no-CAstore",
				"-trusted", "root.pem", "-untrusted", "rest.pem", "-purpose", "sslserver", "-verify_hostname", host, "leaf.pem")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if (err == nil) != d.Warning {
				t.Errorf("openssl accepts %t, we accept %t:\n%s", err == nil, d.Warning, out)
			}
		})
	}
}

// TestOpenSSLMade verifies chains that Go cannot make.
func TestOpenSSLMade(t *testing.T) {
	tests := []struct {
		name         string
		rootKey, key []string // arguments of genpkey
		digest       string
		want         string
	}{
		{"MD5", rsaKey(2048), rsaKey(2048), "-md5", "weak-signature"},
		{"SHA-1", rsaKey(2048), rsaKey(2048), "-sha1", "weak-signature"},
		{"RSA 512", rsaKey(2048), rsaKey(512), "-sha256", "weak-key verified"},
		{"under RSA 512", rsaKey(512), rsaKey(2048), "-sha256", "weak-key"},
		{"P-224", rsaKey(2048), curveKey("P-224"), "-sha256", "weak-key verified"},
		{"under Ed448", []string{"-algorithm", "ed448"}, rsaKey(2048), "", "unsupported-signature"},
		{"Ed25519", []string{"-algorithm", "ed25519"}, []string{"-algorithm", "ed25519"}, "", "verified"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			openssl(t, dir, append([]string{"genpkey", "-out", "root.key"}, test.rootKey...)...)
			openssl(t, dir, append([]string{"genpkey", "-out", "leaf.key"}, test.key...)...)
			digest := []string{test.digest}
			if test.digest == "" {
				digest = nil
			}
			openssl(t, dir, append([]string{"req", "-x509", "-new", "-key", "root.key", "-subj", "/CN=root", "-out", "root.pem"}, digest...)...)
			openssl(t, dir, append([]string{"req", "-x509", "-new", "-CA", "root.pem", "-CAkey", "root.key", "-key", "leaf.key", "-subj", "/CN=leaf",
				"-addext", "subjectAltName=DNS:" + host, "-addext", "basicConstraints=critical,CA:FALSE", "-out", "leaf.pem"}, digest...)...)
			chain := append(readFile(t, dir, "leaf.pem"), readFile(t, dir, "root.pem")...)
			roots := x509.NewCertPool()
			roots.AddCert(chain[1])
			v := &certs.Verifier{Roots: roots, Now: time.Now}
			result := v.Verify(chain, host)
			// A short root key is a second weak key.
			if got := strings.ReplaceAll(verdict(result), "weak-key weak-key", "weak-key"); got != test.want {
				t.Errorf("got %q, want %q: %+v", got, test.want, result.Problems)
			}
			if result.Verified && !acceptable(v, chain, host) {
				t.Error("verified where crypto/x509 refuses")
			}
			print := openssl(t, dir, "x509", "-in", "leaf.pem", "-noout", "-fingerprint", "-sha1", "-serial")
			print = strings.ReplaceAll(print, ":", "")
			leaf := result.Chain[0]
			if !strings.Contains(print, "="+leaf.Thumbprint+"\n") || !strings.Contains(print, "serial="+strings.ToUpper(leaf.SerialNumber)+"\n") {
				t.Errorf("thumbprint %s, serial %s; openssl says\n%s", leaf.Thumbprint, leaf.SerialNumber, print)
			}
		})
	}
}

func rsaKey(bits int) []string {
	return []string{"-algorithm", "RSA", "-pkeyopt", fmt.Sprintf("rsa_keygen_bits:%d", bits)}
}

func curveKey(name string) []string {
	return []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + name}
}

func readFile(t testing.TB, dir, name string) []*x509.Certificate {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := certs.ParseFile(b)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// TestOpenSSLFiles reads what openssl writes.
func TestOpenSSLFiles(t *testing.T) {
	dir := t.TempDir()
	ca := newCA(t, certtest.Options{Now: time.Now})
	c := issue(t, below(t, ca, certtest.Options{}), certtest.Template{})
	writeServer(t, dir, c)
	openssl(t, dir, "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der")
	openssl(t, dir, "x509", "-in", "leaf.pem", "-text", "-out", "text.pem")
	openssl(t, dir, "x509", "-in", "leaf.pem", "-trustout", "-addtrust", "serverAuth", "-out", "trusted.pem")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "chain.pem", "-out", "chain.p7b")
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "chain.pem", "-outform", "DER", "-out", "chain.p7c")
	openssl(t, dir, "pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem", "-certfile", "chain.pem", "-passout", "pass:x", "-out", "chain.pfx")
	for _, name := range []string{"leaf.pem", "leaf.der", "text.pem", "trusted.pem"} {
		chain := readFile(t, dir, name)
		if len(chain) != 1 || !chain[0].Equal(c.Leaf) {
			t.Errorf("%s: got %d certificates", name, len(chain))
		}
	}
	for _, name := range []string{"chain.p7b", "chain.p7c"} {
		if chain := readFile(t, dir, name); len(chain) != 1 || !bytes.Equal(chain[0].Raw, c.Certificate[1]) {
			t.Errorf("%s: got %d certificates", name, len(chain))
		}
	}
	for name, advice := range map[string]string{"chain.pfx": "openssl pkcs12 ", "key.pem": "PRIVATE KEY"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certs.ParseFile(b); err == nil || !strings.Contains(err.Error(), advice) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The advice is worth something only if it works.
	openssl(t, dir, "pkcs7", "-print_certs", "-in", "chain.p7b", "-out", "a.pem")
	openssl(t, dir, "pkcs7", "-print_certs", "-in", "chain.p7c", "-inform", "DER", "-out", "b.pem")
	openssl(t, dir, "pkcs12", "-nokeys", "-in", "chain.pfx", "-passin", "pass:x", "-out", "c.pem")
	for name, want := range map[string]int{"a.pem": 1, "b.pem": 1, "c.pem": 2} {
		if chain := readFile(t, dir, name); len(chain) != want {
			t.Errorf("%s: got %d certificates, want %d", name, len(chain), want)
		}
	}
}

// TestOpenSSLStaple has OpenSSL read the stapled response.
func TestOpenSSLStaple(t *testing.T) {
	ca := newCA(t, certtest.Options{Now: time.Now})
	sub := below(t, ca, certtest.Options{})
	c := issue(t, sub, certtest.Template{Staple: true})
	dir := t.TempDir()
	write(t, dir, "leaf.pem", c.Certificate[0])
	write(t, dir, "issuer.pem", sub.Certificate.Raw)
	write(t, dir, "root.pem", ca.Certificate.Raw)
	if err := os.WriteFile(filepath.Join(dir, "response"), c.OCSPStaple, 0o600); err != nil {
		t.Fatal(err)
	}
	out := openssl(t, dir, "ocsp", "-respin", "response", "-issuer", "issuer.pem", "-cert", "leaf.pem", "-CAfile", "root.pem", "-verify_other", "issuer.pem", "-no_nonce")
	if !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "leaf.pem: good") {
		t.Error(out)
	}
}
