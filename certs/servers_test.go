package certs_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// serverProgram finds a server, below /usr/sbin too, where Debian has them and
// an ordinary user's PATH does not lead.
func serverProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err != nil {
		missing(t, name)
	}
	return path
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// spawn runs a program until the test ends.
func spawn(t testing.TB, dir, program string, args ...string) *bytes.Buffer {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	complaint := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = complaint, complaint, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return complaint
}

// background runs a server until the test ends, and waits until it listens.
func background(t testing.TB, dir, address, program string, args ...string) {
	t.Helper()
	complaint := spawn(t, dir, program, args...)
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not listen: %s", filepath.Base(program), complaint.String())
}

func writeText(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func writeKey(t testing.TB, dir, name string, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// behaviour is what a TLS server does beside showing a chain.
type behaviour struct {
	versions string // "1.2" alone, "1.3" alone; "": both
	sni      bool   // no certificate without the name
	client   bool   // a client's certificate is required
}

func startNginx(t *testing.T, dir string, b behaviour) string {
	address := freeAddress(t)
	protocols := "TLSv1.2 TLSv1.3"
	if b.versions != "" {
		protocols = "TLSv" + b.versions
	}
	extra, other := "", ""
	if b.client {
		extra = "ssl_verify_client on; ssl_client_certificate root.pem;"
	}
	name := "server_name _;"
	if b.sni {
		name = "server_name " + host + ";"
		other = fmt.Sprintf("server { listen %s ssl default_server; ssl_reject_handshake on; }", address)
	}
	writeText(t, dir, "nginx.conf", fmt.Sprintf(`daemon off; master_process off; pid nginx.pid; error_log stderr; worker_processes 1; user root;
events { worker_connections 64; }
http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
ssl_protocols %s;
%s
server { listen %s ssl; %s ssl_certificate chain.pem; ssl_certificate_key key.pem; %s return 200; } }
`, protocols, other, address, name, extra))
	background(t, dir, address, serverProgram(t, "nginx"), "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	return address
}

func startHAProxy(t *testing.T, dir string, b behaviour) string {
	address := freeAddress(t)
	bind := "bind " + address + " ssl crt " + filepath.Join(dir, "both.pem")
	if b.versions != "" {
		bind += fmt.Sprintf(" ssl-min-ver TLSv%s ssl-max-ver TLSv%s", b.versions, b.versions)
	}
	if b.sni {
		bind += " strict-sni"
	}
	if b.client {
		bind += " verify required ca-file " + filepath.Join(dir, "root.pem")
	}
	writeText(t, dir, "haproxy.cfg", "global\n  maxconn 64\ndefaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s\nfrontend f\n  "+bind+"\n  http-request return status 200\n")
	background(t, dir, address, serverProgram(t, "haproxy"), "-db", "-f", filepath.Join(dir, "haproxy.cfg"))
	return address
}

// TestServers: each fault, as nginx and as haproxy show it.
func TestServers(t *testing.T) {
	ca := newCA(t, certtest.Options{Now: time.Now})
	sub := below(t, ca, certtest.Options{})
	dials := func(address string) func(context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	tests := []struct {
		name string
		tmpl certtest.Template
		behaviour
		want string // verdict, or the failure
		sni  string // what is shown without a name
	}{
		{"sound", certtest.Template{}, behaviour{}, "verified", "accepted"},
		{"missing intermediate", certtest.Template{WithoutChain: true}, behaviour{}, "incomplete-chain", "accepted"},
		{"expired", certtest.Template{NotAfter: time.Now().Add(-time.Minute)}, behaviour{}, "expired", "accepted"},
		{"other name", certtest.Template{DNSNames: []string{"www.contoso.example"}}, behaviour{}, "name-mismatch", "accepted"},
		{"only with SNI", certtest.Template{}, behaviour{sni: true}, "verified", "refused"},
		{"TLS 1.2 only", certtest.Template{}, behaviour{versions: "1.2"}, "verified", "accepted"},
		{"TLS 1.3 only", certtest.Template{}, behaviour{versions: "1.3"}, "verified", "accepted"},
		{"client certificate required", certtest.Template{}, behaviour{client: true, versions: "1.2"}, "", ""},
	}
	servers := []struct {
		name  string
		start func(*testing.T, string, behaviour) string
	}{{"nginx", startNginx}, {"haproxy", startHAProxy}}
	for _, server := range servers {
		for _, test := range tests {
			t.Run(server.name+" "+test.name, func(t *testing.T) {
				dir := t.TempDir()
				c := issue(t, sub, test.tmpl)
				write(t, dir, "chain.pem", c.Certificate...)
				write(t, dir, "root.pem", ca.Certificate.Raw)
				key := writeKey(t, dir, "key.pem", c.PrivateKey)
				chain, err := os.ReadFile(filepath.Join(dir, "chain.pem"))
				if err != nil {
					t.Fatal(err)
				}
				writeText(t, dir, "both.pem", string(chain)+string(key))
				address := server.start(t, dir, test.behaviour)
				v := &certs.Verifier{Roots: ca.Pool()}
				result := v.Probe(t.Context(), address, host)
				survey := v.Survey(t.Context(), dials(address), host)
				if test.client {
					if !result.ClientCertificateRequested || !survey.ClientCertificateRequested || len(result.Chain) == 0 {
						t.Errorf("a client certificate is required, and that is not seen: %+v", result)
					}
					return
				}
				got := verdict(result)
				if result.Handshake != nil {
					got = strings.TrimSpace(result.Handshake.Kind + " " + result.Handshake.Alert)
				}
				if got != test.want {
					t.Errorf("got %q, want %q: %+v", got, test.want, result)
				}
				sni := "refused"
				if survey.WithoutServerName.Accepted {
					sni = "accepted"
				}
				if sni != test.sni {
					t.Errorf("without a name %s: %+v", sni, survey.WithoutServerName)
				}
				for i, version := range []string{"1.0", "1.1", "1.2", "1.3"} {
					a := survey.Versions[i]
					want := i >= 2 && (test.versions == "" || test.versions == version)
					if a.Accepted != want || a.Accepted == (a.Failure != nil) {
						t.Errorf("TLS %s accepted %t: %+v", version, a.Accepted, a.Failure)
					}
					if !want && a.Failure != nil && a.Failure.Alert != "protocol_version" && a.Failure.Kind == "other" {
						t.Errorf("TLS %s refused without a reason: %+v", version, a.Failure)
					}
				}
			})
		}
	}
}

// TestOpenSSLResponder asks openssl ocsp, which has its own authority's list.
func TestOpenSSLResponder(t *testing.T) {
	dir := t.TempDir()
	openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=openssl authority", "-days", "30",
		"-addext", "keyUsage=critical,keyCertSign,cRLSign")
	address, lists := freeAddress(t), freeAddress(t)
	writeText(t, dir, "ca.cnf", fmt.Sprintf(`[ca]
default_ca = d
[d]
dir = .
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
policy = p
default_days = 10
default_crl_days = 10
unique_subject = no
[p]
commonName = supplied
[leaf]
subjectAltName = DNS:%s
authorityInfoAccess = OCSP;URI:http://%s,caIssuers;URI:http://%s/ca.pem
crlDistributionPoints = URI:http://%s/list.crl
[listed]
subjectAltName = DNS:%s
crlDistributionPoints = URI:http://%s/list.crl
[responder]
extendedKeyUsage = OCSPSigning
`, host, address, lists, lists, host, lists))
	writeText(t, dir, "index.txt", "")
	writeText(t, dir, "serial", "01\n")
	sign := func(name, section string) []*x509.Certificate {
		openssl(t, dir, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/CN="+name)
		openssl(t, dir, "ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", section, "-cert", "ca.pem", "-keyfile", "ca.key", "-in", name+".csr", "-out", name+".pem")
		return readFile(t, dir, name+".pem")
	}
	good, bad, listedGood, listedBad := sign("good", "leaf"), sign("bad", "leaf"), sign("listedgood", "listed"), sign("listedbad", "listed")
	sign("responder", "responder")
	for _, name := range []string{"bad", "listedbad"} {
		openssl(t, dir, "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-revoke", name+".pem", "-crl_reason", "keyCompromise")
	}
	openssl(t, dir, "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-gencrl", "-out", "list.pem")
	openssl(t, dir, "crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")
	_, port, _ := net.SplitHostPort(address)
	// It takes one connection after the other, so nobody may knock without asking.
	spawn(t, dir, serverProgram(t, "openssl"), "ocsp", "-index", "index.txt", "-port", port, "-rsigner", "responder.pem", "-rkey", "responder.key", "-CA", "ca.pem", "-nmin", "60")
	l, err := net.Listen("tcp", lists)
	if err != nil {
		t.Fatal(err)
	}
	files := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	t.Cleanup(func() { files.Close() })
	go func() { _ = files.Serve(l) }()

	root := readFile(t, dir, "ca.pem")[0]
	v := &certs.Verifier{Roots: x509.NewCertPool()}
	v.Roots.AddCert(root)
	for _, test := range []struct {
		name       string
		chain      []*x509.Certificate
		status, by string
	}{
		{"good by openssl ocsp", good, "good", "ocsp"},
		{"revoked by openssl ocsp", bad, "revoked", "ocsp"},
		{"good by openssl's list", listedGood, "good", "crl"},
		{"revoked by openssl's list", listedBad, "revoked", "crl"},
	} {
		ask := func() *certs.Standing {
			return (&certs.Authorities{Verifier: v, HTTP: http.DefaultClient}).Ask(t.Context(), test.chain, host, nil)
		}
		standing := ask()
		for range 100 { // until the responder listens
			if len(standing.Requests) == 0 || standing.Requests[0].Problem != "unreachable" {
				break
			}
			time.Sleep(20 * time.Millisecond)
			standing = ask()
		}
		if len(standing.Revocation) != 1 || standing.Revocation[0].Status != test.status || standing.Revocation[0].By != test.by {
			t.Errorf("%s: got %+v; requests %+v", test.name, standing.Revocation, standing.Requests)
			continue
		}
		r := standing.Revocation[0]
		if test.by == "ocsp" && (!r.Delegated || r.Signer != "CN=responder") {
			t.Errorf("%s: signed by %q, delegated %t", test.name, r.Signer, r.Delegated)
		}
		if test.status == "revoked" && (r.Reason != "keyCompromise" || r.RevokedAt.IsZero()) {
			t.Errorf("%s: %q at %s", test.name, r.Reason, r.RevokedAt)
		}
	}
}

// TestListHosts has hosts of revocation lists that are dead, slow, huge, wrong,
// or that drip, on loopback: none holds the caller up for longer than a request
// may take, or takes more memory than an answer may have.
func TestListHosts(t *testing.T) {
	root := newCA(t, certtest.Options{Now: time.Now})
	list, err := root.CRL()
	if err != nil {
		t.Fatal(err)
	}
	zeros := func(w io.Writer, n int64) {
		block := make([]byte, 1<<16)
		for ; n > 0; n -= int64(len(block)) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc // nil: nobody listens
		problem string
	}{
		{"dead", nil, "unreachable"},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "timeout"},
		{"drips", func(w http.ResponseWriter, r *http.Request) {
			for _, b := range list {
				if _, err := w.Write([]byte{b}); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-time.After(50 * time.Millisecond):
				case <-r.Context().Done():
					return
				}
			}
		}, "timeout"},
		{"200 MB, announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(200<<20))
			zeros(w, 200<<20)
		}, "too-large"},
		{"200 MB, not announced", func(w http.ResponseWriter, _ *http.Request) { zeros(w, 200<<20) }, "too-large"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Sign in to the network</html>") }, "malformed"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) { w.Write(list[:len(list)/2]) }, "malformed"},
		{"hangs up in the middle", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(list)))
			w.Write(list[:len(list)/2])
		}, "unreachable"},
		{"moved", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/new.crl" {
				http.Redirect(w, r, "/new.crl", http.StatusMovedPermanently)
				return
			}
			w.Write(list)
		}, ""},
		{"moves in a circle", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "http-error"},
		{"moved to https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1/list.crl", http.StatusFound)
		}, "http-error"},
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "http-error"},
		{"the list", func(w http.ResponseWriter, _ *http.Request) { w.Write(list) }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			if test.handler != nil {
				l, err := net.Listen("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				server := &http.Server{Handler: test.handler}
				t.Cleanup(func() { server.Close() })
				go func() { _ = server.Serve(l) }()
			}
			leaf := issue(t, root, certtest.Template{Site: "http://" + address})
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			a := &certs.Authorities{Verifier: &certs.Verifier{Roots: root.Pool()}, HTTP: client, Timeout: 3 * time.Second, MaxBytes: 4 << 20}
			start := time.Now()
			standing := a.Ask(t.Context(), parse(t, leaf), host, nil)
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
			i := slices.IndexFunc(standing.Requests, func(r certs.Request) bool { return r.Kind == "crl" })
			if i < 0 || standing.Requests[i].Problem != test.problem {
				t.Fatalf("got %+v, want %q", standing.Requests, test.problem)
			}
			want := "unknown"
			if test.problem == "" {
				want = "good"
			}
			if standing.Revocation[0].Status != want {
				t.Errorf("got %+v", standing.Revocation[0])
			}
		})
	}
}

// TestSurveyLoopback: what a survey says of servers made with crypto/tls.
func TestSurveyLoopback(t *testing.T) {
	root := newCA(t, certtest.Options{Now: time.Now})
	c := issue(t, root, certtest.Template{})
	other := issue(t, root, certtest.Template{DNSNames: []string{"other.example"}})
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "" {
				return &other, nil
			}
			return &c, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake()
				conn.Close()
			}()
		}
	}()
	s := (&certs.Verifier{Roots: root.Pool()}).Survey(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}, host)
	var accepted []bool
	for _, a := range s.Versions {
		accepted = append(accepted, a.Accepted)
	}
	if !slices.Equal(accepted, []bool{false, true, true, false}) || s.ALPN != "h2" || s.WithoutServerName.Thumbprint == s.Versions[2].Thumbprint {
		t.Errorf("got %+v", s)
	}
	dead := (&certs.Verifier{}).Survey(t.Context(), func(context.Context) (net.Conn, error) { return nil, os.ErrDeadlineExceeded }, "127.0.0.1")
	if dead.WithoutServerName != nil || dead.Versions[0].Failure == nil || dead.Versions[0].Failure.Phase != "connect" {
		t.Errorf("got %+v", dead)
	}
}
