package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// handshakeWith shakes hands with a server in memory.
func handshakeWith(t *testing.T, v *certs.Verifier, server *tls.Config) *certs.Result {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		s := tls.Server(far, server)
		if s.Handshake() == nil {
			io.Copy(io.Discard, s)
		}
	}()
	session, result := v.Handshake(t.Context(), near, host)
	if (session == nil) != (result.Handshake != nil) {
		t.Errorf("connection %v with failure %v", session, result.Handshake)
	}
	if session != nil {
		session.Close()
	}
	near.Close()
	<-done
	if (result.Err() == nil) != result.Verified {
		t.Errorf("verified %t, error %v", result.Verified, result.Err())
	}
	reload(t, result)
	return result
}

func TestHandshake(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	c := issue(t, below(t, ca, certtest.Options{}), certtest.Template{Staple: true})
	v := verifier(ca)
	v.NextProtos = []string{"http/1.1"}
	for version, name := range map[uint16]string{tls.VersionTLS10: "TLS 1.0", tls.VersionTLS11: "TLS 1.1", tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		result := handshakeWith(t, v, &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: version, MaxVersion: version, NextProtos: v.NextProtos})
		if !result.Verified || result.TLSVersion != name || result.CipherSuite == "" || result.ALPN != "http/1.1" || !result.OCSPStapled || len(result.Chain) != 2 || !result.At.Equal(epoch) {
			t.Errorf("%s: got %+v", name, result)
		}
	}
}

func TestHandshakeWithoutName(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	c := issue(t, ca, certtest.Template{})
	near, far := net.Pipe()
	server := tls.Server(far, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName != "" {
			t.Errorf("name indicated: %q", hello.ServerName)
		}
		return &c, nil
	}})
	go server.Handshake()
	session, result := verifier(ca).Handshake(t.Context(), near, "")
	if session == nil || result.Verified || verdict(result) != "name-mismatch" {
		t.Errorf("got %+v", result)
	}
	near.Close()
	far.Close()
}

func TestClientCertificateRequested(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	c := issue(t, ca, certtest.Template{})
	result := handshakeWith(t, verifier(ca), &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequestClientCert})
	if !result.Verified || !result.ClientCertificateRequested {
		t.Errorf("got %+v", result)
	}
	result = handshakeWith(t, verifier(ca), &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12})
	if result.Verified || len(result.Chain) != 1 || result.Handshake == nil || result.Handshake.Kind != "alert" || !result.ClientCertificateRequested {
		t.Errorf("got %+v", result)
	}
}

// scripted is a peer that answers the ClientHello as told.
type scripted struct {
	net.Conn
	fail error // what reads fail with once the answer is read
}

func (s scripted) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if errors.Is(err, io.EOF) && s.fail != nil {
		err = &net.OpError{Op: "read", Net: "tcp", Err: s.fail}
	}
	return n, err
}

func TestFailures(t *testing.T) {
	var record tls.RecordHeaderError
	tests := []struct {
		name   string
		answer string // after the ClientHello; then the server hangs up
		fail   error
		kind   string
		alert  string
		cause  error
	}{
		{"closed", "", nil, "closed", "", io.EOF},
		{"reset", "", syscall.ECONNRESET, "reset", "", syscall.ECONNRESET},
		{"Windows reset", "", syscall.Errno(10054), "reset", "", syscall.ECONNRESET},
		{"half a record", "\x16\x03\x03\x00", nil, "closed", "", io.EOF},
		{"plain HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", nil, "not-tls", "", nil},
		{"three letters", "no\n", nil, "not-tls", "", nil},
		{"handshake_failure", "\x15\x03\x03\x00\x02\x02\x28", nil, "alert", "handshake_failure", tls.AlertError(40)},
		{"protocol_version", "\x15\x03\x00\x00\x02\x02\x46", nil, "alert", "protocol_version", tls.AlertError(70)},
		{"unrecognized_name", "\x15\x03\x01\x00\x02\x02\x70", nil, "alert", "unrecognized_name", tls.AlertError(112)},
		{"unknown alert", "\x15\x03\x01\x00\x02\x02\x63", nil, "alert", "alert(99)", tls.AlertError(99)},
		// A ServerHello of SSL 3.0.
		{"SSL 3.0", "\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + string(make([]byte, 32)) + "\x00\x00\x2f\x00", nil, "refused-by-client", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			near, far := net.Pipe()
			go func() {
				far.Read(make([]byte, 4096))
				io.WriteString(far, test.answer)
				// An objecting client sends an alert, which must not block it.
				far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				if test.kind == "refused-by-client" || test.kind == "not-tls" {
					io.Copy(io.Discard, far)
				}
				far.Close()
			}()
			v := &certs.Verifier{Now: fixedClock}
			session, result := v.Handshake(t.Context(), scripted{near, test.fail}, host)
			if session != nil || result.Verified || result.Handshake == nil {
				t.Fatalf("got %+v", result)
			}
			if f := result.Handshake; f.Kind != test.kind || f.Alert != test.alert || f.Phase != "handshake" {
				t.Errorf("got %+v", f)
			}
			err := reload(t, result).Err()
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("got %v, want %v within", err, test.cause)
			}
			if test.kind == "not-tls" && !errors.As(err, &record) {
				t.Errorf("got %v", err)
			}
			if _, err := near.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("connection left open: %v", err)
			}
		})
	}
}

// TestAlerts sends every alert there can be, and compares the names with the
// words of crypto/tls, leaving out those it words in its own way.
func TestAlerts(t *testing.T) {
	words := func(s string) string {
		list := strings.Fields(strings.ToLower(s))
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	own := map[int]bool{41: true, 48: true, 50: true, 51: true, 70: true, 71: true, 121: true}
	for n := 1; n < 256; n++ {
		near, far := net.Pipe()
		go func() {
			far.Read(make([]byte, 4096))
			far.Write([]byte{21, 3, 3, 0, 2, 2, byte(n)})
			far.Close()
		}()
		_, result := new(certs.Verifier).Handshake(t.Context(), near, host)
		f := result.Handshake
		if f == nil || f.Kind != "alert" {
			t.Fatalf("%d: got %+v", n, f)
		}
		if err := result.Err(); !errors.Is(err, tls.AlertError(n)) {
			t.Errorf("%d: got %v", n, err)
		}
		name := strings.ReplaceAll(strings.TrimSuffix(f.Alert, "_RESERVED"), "_", " ")
		text := strings.TrimPrefix(tls.AlertError(n).Error(), "tls: ")
		if !own[n] && words(name) != words(text) {
			t.Errorf("%d: %q, crypto/tls calls it %q", n, name, text)
		}
	}
}

// deaf is a connection whose Close interrupts nothing, as some wrappers'.
type deaf struct{ net.Conn }

func (deaf) Close() error { return nil }

func TestSilence(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			go func() {
				io.Copy(io.Discard, far)
			}()
			var conn net.Conn = near
			if wrapped {
				conn = deaf{near}
			}
			started := time.Now()
			_, result := (&certs.Verifier{}).Handshake(t.Context(), conn, host)
			if f := result.Handshake; f == nil || f.Kind != "timeout" {
				t.Errorf("got %+v", f)
			}
			if got := time.Since(started); got != 5*time.Second || result.Elapsed != got {
				t.Errorf("took %v, said %v", got, result.Elapsed)
			}
			if err := result.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			far.Close()
		})
	}
}

func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			io.Copy(io.Discard, far)
		}()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, result := (&certs.Verifier{}).Handshake(ctx, near, host)
		if f := result.Handshake; f == nil || f.Kind != "canceled" || result.Elapsed != time.Second {
			t.Errorf("got %+v after %v", f, result.Elapsed)
		}
		if err := result.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		far.Close()
	})
}

func TestProbe(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	c := issue(t, ca, certtest.Template{})
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name, address, serverName string
		dial                      error
		kind, phase               string // "": verified
	}{
		{"name from address", host + ":443", "", nil, "", ""},
		{"name given", "192.0.2.1:5061", host, nil, "", ""},
		{"no port", host, "", nil, "other", "connect"},
		{"refused", host + ":443", "", refused, "other", "connect"},
		{"silent", host + ":443", "", context.DeadlineExceeded, "timeout", "connect"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := verifier(ca)
			v.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
				if network != "tcp" || address != test.address {
					t.Errorf("dialled %s %s", network, address)
				}
				if test.dial != nil {
					return nil, test.dial
				}
				near, far := net.Pipe()
				go tls.Server(far, &tls.Config{Certificates: []tls.Certificate{c}}).Handshake()
				return near, nil
			}
			result := reload(t, v.Probe(t.Context(), test.address, test.serverName))
			if result.Address != test.address {
				t.Errorf("address %q", result.Address)
			}
			if test.kind == "" {
				if !result.Verified || result.ServerName != host {
					t.Errorf("got %+v", result)
				}
				return
			}
			if f := result.Handshake; f == nil || f.Kind != test.kind || f.Phase != test.phase || result.Verified || result.Err() == nil {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// TestWeakOnlyNeedsAHandshake: a handshake that breaks off after the chain was
// seen proves nothing about who holds its key.
func TestWeakOnlyNeedsAHandshake(t *testing.T) {
	root := newCA(t, certtest.Options{})
	c := issue(t, root, certtest.Template{Signature: x509.ECDSAWithSHA1})
	other := issue(t, root, certtest.Template{})
	c.PrivateKey = other.PrivateKey // not the certificate's
	r := handshakeWith(t, verifier(root), &tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: tls.VersionTLS12})
	if r.Handshake == nil || r.Verified || r.WeakOnly || len(r.Chain) == 0 {
		t.Errorf("got %+v", r)
	}
	near, far := net.Pipe()
	go func() {
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{issue(t, root, certtest.Template{Signature: x509.ECDSAWithSHA1})}, Time: fixedClock}).Handshake()
	}()
	session, r := verifier(root).Handshake(t.Context(), near, "")
	if session == nil || r.Verified || r.WeakOnly {
		t.Errorf("nobody was named: %+v", r)
	}
	near.Close()
}

// TestHugeChain: a chain that crypto/tls does not read is named as what it is,
// and what came in the clear is shown. A pipe would not do: the alert waits
// there for the server to stop writing.
func TestHugeChain(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	many := issue(t, below(t, ca, certtest.Options{}), certtest.Template{})
	for range 1000 {
		many.Certificate = append(many.Certificate, many.Certificate[1])
	}
	fat := issue(t, ca, certtest.Template{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 99}, Value: make([]byte, 350<<10)}}})
	for version, name := range map[uint16]string{tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		for _, c := range []tls.Certificate{many, fat} {
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: version, MaxVersion: version})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_ = conn.(*tls.Conn).Handshake()
				conn.Close()
			}()
			result := verifier(ca).Probe(t.Context(), listener.Addr().String(), host)
			listener.Close()
			if len(result.Problems) != 1 || result.Problems[0].Code != "malformed" || !strings.Contains(result.Problems[0].Detail, "too large") || !strings.Contains(result.Problems[0].Detail, "262144") {
				t.Errorf("%s: got %+v", name, result.Problems)
			}
			if len(c.Certificate) > 1 && version == tls.VersionTLS12 && (len(result.Chain) < 10 || result.Chain[0].Subject == "" || result.Chain[0].Thumbprint == result.Chain[1].Thumbprint) {
				t.Errorf("%s: %d certificates are shown", name, len(result.Chain))
			}
		}
	}
}

// TestSurveyUnknown: a server that was not reached, or said nothing in time,
// refused nothing; one that wants a certificate of the client refuses in every
// version, in TLS 1.3 after the client's side of the handshake.
func TestSurveyUnknown(t *testing.T) {
	ca := newCA(t, certtest.Options{})
	c := issue(t, ca, certtest.Template{})
	serve := func(config *tls.Config) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				s := tls.Server(far, config)
				if s.Handshake() == nil {
					io.Copy(io.Discard, s)
				}
				far.Close()
			}()
			return near, nil
		}
	}
	tests := []struct {
		name            string
		dial            func(context.Context) (net.Conn, error)
		accepted, known bool // TLS 1.3
	}{
		{"not reached", func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, false, false},
		{"silent", func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far)
			return near, nil
		}, false, false},
		{"hangs up", func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				_, _ = far.Read(make([]byte, 1000))
				far.Close()
			}()
			return near, nil
		}, false, true},
		{"older only", serve(&tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: tls.VersionTLS12}), false, true},
		{"accepts", serve(&tls.Config{Certificates: []tls.Certificate{c}}), true, true},
		{"asks for a certificate", serve(&tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequestClientCert}), true, true},
		{"needs a certificate", serve(&tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAnyClientCert}), false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := verifier(ca)
				newest := v.Survey(t.Context(), test.dial, host).Versions[3]
				if newest.Accepted != test.accepted || newest.Known() != test.known || test.accepted != (newest.Failure == nil) {
					t.Errorf("got %+v, known %t (%v)", newest, newest.Known(), newest.Failure)
				}
				if test.name == "needs a certificate" && newest.Failure.Alert != "certificate_required" {
					t.Errorf("got %v", newest.Failure)
				}
			})
		})
	}
}
