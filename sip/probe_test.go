package sip_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// probe runs one probe against a registrar over a pipe.
func probe(t *testing.T, c *sip.Client, r *siptest.Registrar, address string) *sip.ProbeResult {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Serve(t.Context(), server)
	}()
	res := c.Register(t.Context(), client, address)
	client.Close()
	<-done
	roundTrip(t, *res)
	return res
}

func TestProbeHealthyRegistrar(t *testing.T) {
	date := time.Date(2013, 5, 31, 7, 0, 0, 0, time.UTC)
	r := &siptest.Registrar{Now: func() time.Time { return date }}
	mine := date.Add(90 * time.Second)
	res := probe(t, &sip.Client{UserAgent: "UCCAPI/4.0.7577.0\r\nX: y", Now: func() time.Time { return mine }}, r, "j\u00f6e o'x@contoso.com")
	if res.Problem != "bad-address" || len(r.Requests()) != 0 {
		t.Fatalf("an address with a blank: %+v", res)
	}
	res = probe(t, &sip.Client{UserAgent: "UCCAPI/4.0.7577.0\r\nX: y", Now: func() time.Time { return mine }}, r, "sip:j\u00f6e.o'x@contoso.com")
	const realm = "SIP Communications Service"
	want := []sip.Challenge{
		{Scheme: "NTLM", Realm: realm, TargetName: "sip.contoso.example", Version: 4},
		{Scheme: "Kerberos", Realm: realm, TargetName: "sip/sip.contoso.example", Version: 4},
		{Scheme: "TLS-DSK", Realm: realm, TargetName: "sip.contoso.example", Version: 4, STSURI: "https://sip.contoso.example:443/CertProv/CertProvisioningService.svc"},
	}
	if res.Problem != "" || res.Status != 401 || res.Reason != "Unauthorized" || res.ServerHeader != "RTC/5.0" || !reflect.DeepEqual(res.Challenges, want) {
		t.Errorf("got %+v", res)
	}
	if !res.Date.Equal(date) || !res.SentAt.Equal(mine) || !res.AnsweredAt.Equal(mine) {
		t.Errorf("times %v, %v, %v", res.Date, res.SentAt, res.AnsweredAt)
	}
	got := r.Requests()[0]
	if got.Method != "REGISTER" || got.URI != "sip:contoso.com" || got.Get("User-Agent") != "UCCAPI/4.0.7577.0X: y" || got.Get("X") != "" ||
		got.Get("To") != "<sip:j%C3%B6e.o'x@contoso.com>" || got.Get("CSeq") != "1 REGISTER" || got.Get("Authorization") != "" || got.Get("Event") != "registration" || got.Get("Expires") != "0" {
		t.Errorf("request %+v", got)
	}
}

func TestProbeAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		r      *siptest.Registrar
		status int
		want   sip.Problem
		check  func(*sip.ProbeResult) bool
	}{
		{"403", &siptest.Registrar{Anonymous: siptest.Answer{Status: 403, Diagnostics: []string{`17003;reason="Declined with URL"`}}}, 403, "",
			func(r *sip.ProbeResult) bool {
				return len(r.Diagnostics) == 1 && r.Diagnostics[0].ID == 17003 && r.Challenges == nil
			}},
		{"404 public", &siptest.Registrar{Anonymous: siptest.Answer{Status: 404, Diagnostics: []string{`4005;reason="x"`, `ms-diagnostics-public: 4005;reason="x"`}}}, 404, "",
			func(r *sip.ProbeResult) bool {
				return len(r.Diagnostics) == 2 && r.Diagnostics[1].Header == "ms-diagnostics-public"
			}},
		{"503", &siptest.Registrar{Anonymous: siptest.Answer{Status: 503}}, 503, "", nil},
		{"504", &siptest.Registrar{Anonymous: siptest.Answer{Status: 504, Diagnostics: []string{"1010"}}}, 504, "", nil},
		{"407 of a proxy", &siptest.Registrar{Anonymous: siptest.Answer{Status: 407, Schemes: []string{"NTLM"}}}, 407, "", func(r *sip.ProbeResult) bool { return len(r.Challenges) == 1 }},
		{"redirect", &siptest.Registrar{Anonymous: siptest.Answer{Status: 301, Contact: "<sip:pool2.contoso.com:443;transport=tls>"}}, 301, "",
			func(r *sip.ProbeResult) bool { return r.Contact == "sip:pool2.contoso.com:443;transport=tls" }},
		{"in pieces", &siptest.Registrar{Chunk: 7}, 401, "", func(r *sip.ProbeResult) bool { return len(r.Challenges) == 3 }},
		{"trying and keep-alives first", &siptest.Registrar{Trying: true, KeepAlives: 3, Chunk: 1}, 401, "", nil},
		{"with a body", &siptest.Registrar{Anonymous: siptest.Answer{Status: 500, Body: "<x/>"}}, 500, "", nil},
		{"no date", &siptest.Registrar{NoDate: true}, 401, "", func(r *sip.ProbeResult) bool { return r.Date.IsZero() }},
		{"date of no zone we know", &siptest.Registrar{NoDate: true, Anonymous: siptest.Answer{Headers: []string{"Date: Fri, 01 Jan 2010 16:00:00 EST"}}}, 401, "", func(r *sip.ProbeResult) bool { return r.Date.IsZero() }},
		{"closed", &siptest.Registrar{Close: true}, 0, "closed", nil},
		{"mail server", &siptest.Registrar{Banner: "220 mail.contoso.com ESMTP\r\n"}, 0, "not-sip", func(r *sip.ProbeResult) bool { return strings.Contains(r.Detail, "220 mail") }},
		{"web server", &siptest.Registrar{Banner: "HTTP/1.1 400 Bad Request\r\nServer: Microsoft-HTTPAPI/2.0\r\n\r\n"}, 0, "not-sip", nil},
		{"noise without lines", &siptest.Registrar{Banner: strings.Repeat("\x16\x03\x01", 40000)}, 0, "not-sip", nil},
		{"nothing but blank lines", &siptest.Registrar{Banner: strings.Repeat("\r\n", 40000)}, 0, "not-sip", nil},
		{"endless headers", &siptest.Registrar{Anonymous: siptest.Answer{Headers: []string{"X: " + strings.Repeat("x", 100<<10)}}}, 0, "too-large", nil},
		{"endless body", &siptest.Registrar{Mangle: func(b []byte) []byte {
			return bytes.Replace(b, []byte("Content-Length: 0"), []byte("Content-Length: 99999999"), 1)
		}}, 401, "too-large", nil},
		{"a body of ten digits", &siptest.Registrar{Mangle: func(b []byte) []byte {
			return bytes.Replace(b, []byte("Content-Length: 0"), []byte("Content-Length: 4000000000"), 1)
		}}, 401, "too-large", nil},
		{"a broken status line", &siptest.Registrar{Mangle: func(b []byte) []byte { return bytes.Replace(b, []byte(" 401 "), []byte(" four "), 1) }}, 0, "not-sip", nil},
		{"many provisional answers", &siptest.Registrar{Mangle: func(b []byte) []byte {
			return bytes.Repeat(bytes.Replace(b, []byte(" 401 "), []byte(" 180 "), 1), 40)
		}}, 0, "malformed", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := probe(t, &sip.Client{}, c.r, "joe@contoso.com")
			if res.Status != c.status || res.Problem != c.want || c.want != "" && res.Detail == "" || c.check != nil && !c.check(res) {
				t.Errorf("got %+v", res)
			}
		})
	}
}

// Silence of every kind ends with the time-out, in the clock of the test.
func TestProbeSilence(t *testing.T) {
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	for _, c := range []struct {
		name string
		r    *siptest.Registrar
		want sip.Problem
	}{
		{"silent", &siptest.Registrar{Silent: true}, "no-answer"},
		{"only trying", &siptest.Registrar{Anonymous: siptest.Answer{Status: 100}}, "no-answer"},
		{"stops in the start line", &siptest.Registrar{Mangle: cut(6)}, "malformed"},
		{"stops in the headers", &siptest.Registrar{Mangle: cut(60)}, "malformed"},
		{"another call's answer", &siptest.Registrar{ForeignID: true}, "malformed"},
		{"a prompt", &siptest.Registrar{Banner: "login: "}, "not-sip"},
		{"keep-alives only", &siptest.Registrar{Mangle: func([]byte) []byte { return []byte("\r\n\r\n") }}, "no-answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				res := probe(t, &sip.Client{Timeout: 3 * time.Second}, c.r, "joe@contoso.com")
				if res.Problem != c.want || res.Status != 0 || res.Detail == "" || time.Since(start) != 3*time.Second {
					t.Errorf("after %v: %+v", time.Since(start), res)
				}
			})
		})
	}
	t.Run("nobody reads", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			defer server.Close()
			if res := new(sip.Client).Register(t.Context(), client, "joe@contoso.com"); res.Problem != "no-answer" {
				t.Errorf("got %+v", res)
			}
		})
	})
	t.Run("canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			client, server := net.Pipe()
			defer server.Close()
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			if res := new(sip.Client).Register(ctx, client, "joe@contoso.com"); res.Problem != "canceled" || time.Since(start) != time.Second {
				t.Errorf("got %+v", res)
			}
		})
	})
}

func TestProbeOverLoopback(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var r siptest.Registrar
	done := make(chan error)
	go func() { done <- r.ServeListener(ctx, ln) }()
	for range 2 {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		// The connection can be used again, without deadline.
		for range 2 {
			if res := new(sip.Client).Register(ctx, conn, "joe@contoso.com"); res.Status != 401 || res.Server != ln.Addr().String() {
				t.Errorf("got %+v", res)
			}
		}
		conn.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(r.Requests()); n != 4 {
		t.Errorf("%d requests", n)
	}
}

func TestProbeReset(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 1)
		_, _ = conn.Read(buf)
		_ = conn.(*net.TCPConn).SetLinger(0) // a close with unread data and no linger is a reset
		conn.Close()
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if res := new(sip.Client).Register(t.Context(), conn, "joe@contoso.com"); res.Problem != "reset" {
		t.Errorf("got %+v", res)
	}
}

// failing is a connection whose reads end in an error.
type failing struct {
	net.Conn
	err error
}

func (f failing) Read([]byte) (int, error)    { return 0, f.err }
func (f failing) Write(b []byte) (int, error) { return len(b), nil }

// TestProbeResetOfWindows holds the numbers of WSAECONNABORTED and WSAECONNRESET.
func TestProbeResetOfWindows(t *testing.T) {
	for err, want := range map[error]sip.Problem{
		syscall.Errno(10053): "reset", syscall.Errno(10054): "reset", syscall.ECONNABORTED: "reset", syscall.Errno(10051): "failed",
	} {
		near, far := net.Pipe()
		far.Close()
		conn := failing{near, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("wsarecv", err)}}
		if res := new(sip.Client).Register(t.Context(), conn, "joe@contoso.com"); res.Problem != want {
			t.Errorf("%v: got %+v, want %s", err, res, want)
		}
	}
}

func TestProbeAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"joe@contoso.com": true, "joe": false, "@contoso.com": false, "joe@": false, "joe@a@b": false, "joe@m\u00fcnchen.example": false, "joe@xn--mnchen-3ya.example": true,
		"joe\r\nX: y@contoso.com": false, "joe@contoso.com>;x": false, "<joe>@contoso.com": true, strings.Repeat("j", 2000) + "@contoso.com": false,
	} {
		r := &siptest.Registrar{}
		res := probe(t, &sip.Client{}, r, address)
		if (res.Problem == "") != ok || res.Problem == "bad-address" && len(r.Requests()) > 0 {
			t.Errorf("%q: %+v", address, res)
		}
	}
}
