package lyncdiag

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever a proxy answers, a tunnel stands only after a 2xx, and no error
// tells the password.
func FuzzTunnel(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n", "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate TlRMTVNTUAACAAAA\r\n\r\n",
		"220 mail\r\n", "HTTP/1.1 403 No\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "",
	} {
		f.Add([]byte(s), []byte("HTTP/1.1 200 OK\r\n\r\n"))
	}
	const password = "h0rse-battery-staple"
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond) // an answer that breaks off is waited for
		defer cancel()
		var sent atomic.Int32
		answers := [][]byte{first, second}
		network := &Network{
			Proxy: &url.URL{Scheme: "http", User: url.UserPassword("joe", password), Host: "127.0.0.1:8080"},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					for readHead(far) {
						n := int(sent.Add(1))
						if n > len(answers) {
							return
						}
						if _, err := far.Write(answers[n-1]); err != nil {
							return
						}
					}
				}()
				return near, nil
			},
		}
		w := newWire(ctx, network, nil)
		defer w.close()
		conn, err := w.tunnel(ctx, "sipdir.online.lync.com", 443)
		if err != nil {
			if text := err.Error(); strings.Contains(text, password) {
				t.Fatalf("%q, %q: %s", first, second, text)
			}
			return
		}
		conn.Close()
		if !bytes.Contains(append(bytes.Clone(first), second...), []byte("HTTP/")) || !bytes.Contains(append(bytes.Clone(first), second...), []byte(" 2")) {
			t.Fatalf("%q, %q: a tunnel without a 2xx", first, second)
		}
	})
}

// readHead reads a request's head.
func readHead(r io.Reader) bool {
	var head []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := r.Read(b); err != nil {
			return false
		}
		head = append(head, b...)
	}
	return true
}
