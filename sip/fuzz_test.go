package sip_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// seeds adds the test data of this package, and the corpus if it is there.
func seeds(f *testing.F) {
	for _, pattern := range []string{"testdata/*.uccapilog", "testdata/*.txt", "../../shared/corpus/sip/*", "../../shared/corpus/client-log/*",
		"../../shared/corpus/sipe-log/*", "../../shared/corpus/server-log/*", "../../shared/corpus/rfc4475/*/*.dat"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
}

// What was read, written and read again is the same message.
func FuzzParseMessage(f *testing.F) {
	seeds(f)
	f.Add([]byte("SIP/2.0 504 Server time-out CSeq: 1 INVITE Via: SIP/2.0/TLS x\n\\\nTo: <sip:a@b>\n"))
	f.Add([]byte("SIP/2.0 100 \rA-: \n0"))
	f.Add([]byte("SIP/2.0 100 x A-:\\ Via: y\n"))
	f.Add([]byte("REGISTER sip:a SIP/2.0\n A: b\n  c\n\nCSeq: 1 REGISTER"))
	f.Add([]byte("CSeq: 1 INVITE \"x To: y\" From: \"\\\" z\\"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := sip.ParseMessage(b)
		if err != nil {
			if _, ok := err.(*sip.ParseError); !ok {
				t.Fatalf("error %T", err)
			}
			return
		}
		written := m.Append(nil)
		again, err := sip.ParseMessage(written)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", b, written, err)
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("%q was written as %q:\n got %+v\nwant %+v", b, written, again, m)
		}
	})
}

// Records come in the order of their lines, one message a line, and attempts can be made of them.
func FuzzParseLog(f *testing.F) {
	seeds(f)
	f.Add([]byte("SIP/2.0 200 OK\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n> Contact: <sip:a@b.example>\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &once{t: t, r: bytes.NewReader(b)}
		log := sip.NewLog(in)
		log.MaxMessage = 4096
		line, messages := 0, 0
		var read []sip.Record
		records := func(yield func(sip.Record, error) bool) {
			for r, err := range log.Records() {
				if err == nil {
					read = append(read, r)
					if r.Line <= line && r.Message != nil || r.Line < line {
						t.Fatalf("line %d after %d", r.Line, line)
					}
					line = r.Line
					if r.Message != nil && r.Step != nil {
						t.Fatalf("record %+v", r)
					}
					if r.Message != nil {
						messages++
						// A byte of a Windows code page becomes up to three of UTF-8.
						if n := len(r.Message.Append(nil)); n > 3*4096+64 {
							t.Fatalf("message of %d bytes", n)
						}
					}
				}
				if !yield(r, err) {
					return
				}
			}
		}
		var all []sip.Attempt
		for a, err := range sip.Attempts(records) {
			if err != nil {
				break
			}
			all = append(all, a)
			if a.CallID == "" || len(a.Legs) == 0 || a.Outcome == "" || a.Duration < 0 {
				t.Fatalf("attempt %+v", a)
			}
			roundTrip(t, a)
			roundTrip(t, sip.Classify(a))
		}
		if brief, _ := briefly(t, bytes.NewReader(b), 4096); !reflect.DeepEqual(brief, all) {
			t.Fatalf("read briefly:\n got %+v\nwant %+v", brief, all)
		}
		// Packets that lie whole in a block are read another way than those whose lines come one by one. What the start of a text
		// says of its encoding and of marks around its lines differs then: no more than its first line is there when it is looked at.
		slow := sip.NewLog(iotest.OneByteReader(bytes.NewReader(b)))
		slow.MaxMessage = 4096
		var again []sip.Record
		for r, err := range slow.Records() {
			if err == nil {
				again = append(again, r)
			}
		}
		if got, want := slow.Summary(), log.Summary(); bytes.IndexByte(b, 0) < 0 && !sip.Marked(b) && got.Encoding == want.Encoding && (!reflect.DeepEqual(again, read) || !reflect.DeepEqual(got, want)) {
			t.Fatalf("read by the byte:\n got %+v, %+v\nwant %+v, %+v", again, got, read, want)
		}
		if s := log.Summary(); s.Messages != messages || s.Lines < line {
			t.Fatalf("summary %+v, %d messages to line %d", s, messages, line)
		}
	})
}

// once is a reader of which nothing may be asked after its end.
type once struct {
	t     *testing.T
	r     *bytes.Reader
	ended int
}

func (o *once) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil {
		if o.ended++; o.ended > 8 {
			o.t.Fatal("the reader goes on after the end")
		}
	}
	return n, err
}

// A number that is read stands at the start of the value; its canonical form reads as the same.
func FuzzDiagnostics(f *testing.F) {
	for _, s := range []string{`4005;reason="Destination URI";source="pool.contoso.com"`, `1009; reason ="No match"; domain =" cms.steven.lab "`,
		`24083;Component="RTCC/4.0.0.0_App";Reason="x";request=BENOTIFY;Source= host`, `ErrorCode=1008,Source=a.b,Reason=c d`, "23;a=\u201cb\u201d", `1.2;a="\"";b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := sip.ParseDiagnostic("ms-diagnostics", s)
		if !ok {
			return
		}
		if !strings.ContainsAny(s, "0123456789") || d.ID < 0 {
			t.Fatalf("%q has the id %d", s, d.ID)
		}
		roundTrip(t, d)
		if sip.LookupCode(s); !utf8.ValidString(d.Reason + d.Source) {
			t.Fatalf("%q: texts are not UTF-8: %+v", s, d)
		}
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		plain := fmt.Sprintf(`%d;reason="%s";source="%s"`, d.ID, quote.Replace(d.Reason), quote.Replace(d.Source))
		again, ok := sip.ParseDiagnostic("ms-diagnostics", plain)
		if !ok || again.ID != d.ID || again.Reason != d.Reason || again.Source != d.Source || len(again.Params) != 0 {
			t.Fatalf("%q, written as %q:\n got %+v\nwant %+v", s, plain, again, d)
		}
	})
}

// Whatever a peer sends, the probe ends, has a status or a problem, and its result survives JSON.
func FuzzProbeAnswer(f *testing.F) {
	for _, s := range []string{"SIP/2.0 401 Unauthorized\r\nCall-ID: %\r\nCSeq: 1 REGISTER\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n",
		"\r\n\r\nSIP/2.0 100 Trying\r\nCall-ID: %\r\nCSeq: 1 REGISTER\r\nContent-Length: 2\r\n\r\nab", "SIP/2.0 404", "SIP/2.0 302 Moved\r\nCall-ID: %\r\nCSeq: 1 REGISTER\r\nContact: <sip:[::1]:443;transport=tls>\r\nContent-Length: 9\r\n\r\nab"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			buf := make([]byte, 4096)
			n, _ := server.Read(buf)
			_, callID, _ := strings.Cut(string(buf[:n]), "Call-ID: ")
			callID, _, _ = strings.Cut(callID, "\r\n")
			server.SetWriteDeadline(time.Now().Add(5 * time.Second))
			_, _ = server.Write(bytes.ReplaceAll(b, []byte("%"), []byte(callID)))
		}()
		res := (&sip.Client{Timeout: 5 * time.Second}).Register(context.Background(), client, "joe@contoso.com")
		client.Close()
		if res.Status == 0 && res.Problem == "" || res.Problem == "no-answer" || res.Status != 0 && (res.Status < 200 || res.Status > 999) {
			t.Fatalf("%q: %+v", b, res)
		}
		if host, port, ok := res.Redirect(); ok && (host == "" || port == 0 || res.Status/100 != 3 || strings.ContainsAny(host, " /@<>;\r\n")) {
			t.Fatalf("%q leads to %q %d", b, host, port)
		}
		roundTrip(t, *res)
	})
}

func roundTrip[T any](t *testing.T, v T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again T
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, again) {
		t.Fatalf("JSON changes it:\n got %+v\nwant %+v", again, v)
	}
}
