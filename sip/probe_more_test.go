package sip_test

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// answering serves one connection with what f makes of the request's head.
func answering(f func(head []byte) []byte) net.Conn {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		var head []byte
		b := make([]byte, 1)
		for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			if _, err := far.Read(b); err != nil {
				return
			}
			head = append(head, b...)
		}
		far.Write(f(head))
		io.Copy(io.Discard, far)
	}()
	return near
}

var callIDLine = regexp.MustCompile(`(?mi)^Call-ID:[^\r\n]*`)

// TestProbeReadsRealMessages: messages that real clients and servers wrote, with
// the probe's own Call-ID in the answer. What is a request is passed over.
func TestProbeReadsRealMessages(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus", "sip"), "*.sip"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	seen := map[string]int{}
	for _, file := range files {
		raw := readShared(t, "corpus", "sip", filepath.Base(file))
		m, err := sip.ParseMessage(raw)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			conn := answering(func(head []byte) []byte {
				out := raw
				if !m.Request && m.Get("Call-ID") == "" { // an excerpt
					start, rest, _ := bytes.Cut(bytes.TrimLeft(raw, "\r\n"), []byte("\n"))
					out = bytes.Join([][]byte{start, []byte("Call-ID: x\r\nCSeq: 1 x\r"), rest}, []byte("\n"))
				}
				if !m.Request {
					out = callIDLine.ReplaceAll(out, callIDLine.Find(head))
					out = regexp.MustCompile(`(?mi)^CSeq:[^\r\n]*`).ReplaceAll(out, []byte("CSeq: 1 REGISTER"))
				}
				return out
			})
			res := (&sip.Client{Timeout: time.Second}).Register(t.Context(), conn, "joe@contoso.com")
			conn.Close()
			switch {
			case m.Request:
				seen["request"]++
				if res.Problem != "no-answer" || res.Status != 0 {
					t.Errorf("%s: %+v", filepath.Base(file), res)
				}
			case res.Status != m.Status || res.Problem != "" || res.ServerHeader != m.Get("Server") || res.KeepAlive != m.Get("ms-keep-alive"):
				t.Errorf("%s: %+v", filepath.Base(file), res)
			default:
				seen["answer"]++
			}
		})
	}
	if seen["request"] == 0 || seen["answer"] == 0 {
		t.Errorf("read %v", seen)
	}
}

func TestProbeAnswersInTheMiddle(t *testing.T) {
	// An answer before the request is through belongs to nobody.
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		far.Read(make([]byte, 10))
		far.Write([]byte("SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	}()
	if res := (&sip.Client{Timeout: time.Second}).Register(t.Context(), near, "joe@contoso.com"); res.Status != 0 || res.Problem != "malformed" {
		t.Errorf("got %+v", res)
	}
	conn := answering(func(head []byte) []byte {
		return []byte("SIP/2.0 401 Unauthorized\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n")
	})
	if res := new(sip.Client).Register(t.Context(), conn, "joe@contoso.com"); res.Problem != "too-large" {
		t.Errorf("1 MB of headers: %+v", res)
	}
}

func TestOptions(t *testing.T) {
	both := func(t *testing.T, r *siptest.Registrar) (register, options *sip.ProbeResult) {
		near, far := net.Pipe()
		go func() { _ = r.Serve(t.Context(), far) }()
		defer near.Close()
		c := &sip.Client{Timeout: time.Second}
		return c.Register(t.Context(), near, "joe@contoso.com"), c.Options(t.Context(), near, "joe@contoso.com")
	}
	r := &siptest.Registrar{Anonymous: siptest.Answer{Body: "<a body between the answers/>", Headers: []string{"ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"}}}
	register, options := both(t, r)
	if register.Status != 401 || !strings.Contains(register.KeepAlive, "timeout=300") || register.Allow != nil {
		t.Errorf("REGISTER: %+v", register)
	}
	if options.Status != 200 || options.Problem != "" || len(options.Allow) != 6 || options.Allow[0] != "REGISTER" {
		t.Errorf("OPTIONS: %+v", options)
	}
	if got := r.Requests()[1]; got.Method != "OPTIONS" || got.Get("CSeq") != "1 OPTIONS" {
		t.Errorf("request %+v", got)
	}
	if register, options := both(t, &siptest.Registrar{Once: true}); register.Status != 401 || options.Problem != "closed" {
		t.Errorf("a server that closes: %+v, %+v", register, options)
	}
	// A body that stops short is the server's fault, and does not stand for another answer.
	synctest.Test(t, func(t *testing.T) {
		register, _ := both(t, &siptest.Registrar{Mangle: func(b []byte) []byte {
			return bytes.Replace(b, []byte("Content-Length: 0"), []byte("Content-Length: 5"), 1)
		}})
		if register.Status != 401 || register.Problem != "malformed" {
			t.Errorf("got %+v", register)
		}
	})
}

func TestRedirect(t *testing.T) {
	for contact, want := range map[string]string{
		"sip:pool2.contoso.com:443;transport=tls": "pool2.contoso.com 443", "sip:pool2.contoso.com;transport=TLS": "pool2.contoso.com 5061",
		"sips:Pool2.Contoso.com.": "pool2.contoso.com 5061", "sip:joe@pool2.contoso.com:5061": "pool2.contoso.com 5061", "sip:[::1]:443": "::1 443",
		"sip:pool2.contoso.com:443;transport=tcp": "", "sip:pool2.contoso.com:443;lr;transport=udp": "", "": "", "tel:5551234": "", "sip:": "", "sip:pool:0": "",
		"sip:pool:70000": "", "http://pool2.contoso.com": "", "sip:a b:443": "", "sip:pool2.contoso.com?x=y": "pool2.contoso.com 5061",
	} {
		got := ""
		if host, port, ok := (&sip.ProbeResult{Status: 301, Contact: contact}).Redirect(); ok {
			got = host + " " + map[uint16]string{443: "443", 5061: "5061"}[port]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", contact, got, want)
		}
	}
	if _, _, ok := (&sip.ProbeResult{Status: 401, Contact: "sip:a:443"}).Redirect(); ok {
		t.Error("a challenge redirects")
	}
}

func TestProduct(t *testing.T) {
	for header, want := range map[string]string{"RTC/5.0": "Lync Server 2013", " rtc/4.0 x": "Lync Server 2010", "RTC/9.0": "", "kamailio (5.6.3)": "", "": "", "RTCC/5.0.0.0 CoreServer": ""} {
		if got := sip.Product(header); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}
