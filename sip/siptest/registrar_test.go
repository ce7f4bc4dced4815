package siptest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// talk sends a text to the registrar and returns all it answers until it has been quiet for good.
func talk(t *testing.T, r *siptest.Registrar, text string) string {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- r.Serve(t.Context(), server) }()
	go func() {
		_, _ = io.WriteString(client, text)
	}()
	in := bufio.NewReader(client)
	var out strings.Builder
	for {
		line, err := in.ReadString('\n')
		out.WriteString(line)
		if err != nil || line == "\r\n" && out.Len() > 2 {
			break
		}
	}
	client.Close()
	<-done
	return out.String()
}

const register = "REGISTER sip:contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS a\r\nVia: SIP/2.0/TLS b\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nTo: <sip:joe@contoso.com>\r\nCall-ID: abc\r\nCSeq: 5 REGISTER\r\n"

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, request string
		r             *siptest.Registrar
		want          []string
	}{
		{"challenge", register + "\r\n", &siptest.Registrar{Name: "fe.contoso.com"}, []string{"SIP/2.0 401 Unauthorized\r\n", "\r\nWWW-Authenticate: NTLM realm=\"SIP Communications Service\", targetname=\"fe.contoso.com\", version=4\r\n",
			"\r\nWWW-Authenticate: TLS-DSK ", "\r\nVia: SIP/2.0/TLS a\r\nVia: SIP/2.0/TLS b\r\n", "\r\nCall-ID: abc\r\nCSeq: 5 REGISTER\r\n", "\r\nTo: <sip:joe@contoso.com>;tag="}},
		{"credentials", register + "Authorization: NTLM x\r\n\r\n", &siptest.Registrar{}, []string{"SIP/2.0 200 OK\r\n", "\r\nExpires: 7200\r\n"}},
		{"credentials refused", register + "Authorization: NTLM x\r\n\r\n", &siptest.Registrar{Credentialed: siptest.Answer{Status: 401, Diagnostics: []string{"1000;reason=\"x\""}}}, []string{"SIP/2.0 401 Unauthorized\r\n", "\r\nms-diagnostics: 1000;"}},
		{"keep-alive before", "\r\n\r\n" + register + "Content-Length: 0\r\n\r\n", &siptest.Registrar{}, []string{"SIP/2.0 401 "}},
		{"other method", "INVITE sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n", &siptest.Registrar{}, []string{"SIP/2.0 405 Method Not Allowed\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := talk(t, c.r, c.request)
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("answer lacks %q:\n%s", w, got)
				}
			}
			if n := len(c.r.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestHistoryIsBounded: a fake may serve for days.
func TestHistoryIsBounded(t *testing.T) {
	client, server := net.Pipe()
	var r siptest.Registrar
	done := make(chan error, 1)
	go func() { done <- r.Serve(t.Context(), server) }()
	for i := range 10_001 {
		if _, err := fmt.Fprintf(client, "ACK sip:%d SIP/2.0\r\n\r\n", i); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	<-done
	if got := r.Requests(); len(got) != 5001 || got[5000].URI != "sip:10000" || got[0].URI != "sip:5000" {
		t.Errorf("%d requests", len(got))
	}
}

func TestRefusesOtherProtocols(t *testing.T) {
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "REGISTER sip:a SIP/2.0\r\nno colon\r\n\r\n", "REGISTER sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", strings.Repeat("x", 70<<10)} {
		client, server := net.Pipe()
		go func() {
			_, _ = io.WriteString(client, text)
			client.Close()
		}()
		if err := new(siptest.Registrar).Serve(t.Context(), server); err == nil {
			t.Errorf("%.30q is accepted", text)
		}
	}
}
