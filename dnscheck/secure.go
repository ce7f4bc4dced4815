package dnscheck

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"

	"github.com/miekg/dns"
)

// messageType is the content type of DNS messages (RFC 8484 section 6).
const messageType = "application/dns-message"

// place returns the address to connect to, or why there is none. A host name is
// looked up without TLS: the certificate proves later that the place is right.
func (c *Client) place(ctx context.Context, s Server) (address string, obstacle reply) {
	host, port, err := net.SplitHostPort(s.hostPort())
	if err != nil {
		return "", reply{status: StatusNetworkError, detail: "the server has no address"}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(host, port), reply{}
	}
	for _, finder := range c.Servers {
		if !finder.plain() {
			continue
		}
		h := c.lookupHostAt(ctx, finder, host)
		if len(h.Addresses) == 0 {
			return "", reply{status: StatusNetworkError, detail: fmt.Sprintf("the server's name %s was not found through %s: %s", host, finder, h.Status)}
		}
		return net.JoinHostPort(h.Addresses[0].String(), port), reply{}
	}
	return "", reply{status: StatusNetworkError, detail: fmt.Sprintf("nothing finds the server's name %s: give its IP address with #%s behind it, or a further server by address", host, host)}
}

func (c *Client) tlsConfig(s Server) *tls.Config {
	name := s.TLSName
	if name == "" {
		name, _, _ = net.SplitHostPort(s.hostPort())
	}
	return &tls.Config{RootCAs: c.Roots, ServerName: name, Time: c.Now}
}

// post performs one exchange over HTTPS (RFC 8484).
func (c *Client) post(ctx, limited context.Context, s Server, address string, query *dns.Msg, wire []byte) reply {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.Dial(ctx, overTCP, address)
		},
		TLSClientConfig:        c.tlsConfig(s),
		DisableKeepAlives:      true, // nobody would close the connection
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(limited, http.MethodPost, s.URL, bytes.NewReader(wire))
	if err != nil {
		return reply{status: StatusNetworkError, detail: err.Error()}
	}
	req.Header.Set("Content-Type", messageType)
	req.Header.Set("Accept", messageType)
	resp, err := client.Do(req)
	if err != nil {
		return failed(ctx, limited, overHTTPS, err, 0)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return reply{status: StatusNetworkError, detail: "https: the server answers " + resp.Status}
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != messageType {
		return reply{status: StatusMalformed, detail: fmt.Sprintf("https: the answer is of type %.100q in place of %s", resp.Header.Get("Content-Type"), messageType)}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, dns.MaxMsgSize+1))
	if err != nil {
		return failed(ctx, limited, overHTTPS, err, 0)
	}
	if len(body) > dns.MaxMsgSize {
		return reply{status: StatusMalformed, detail: fmt.Sprintf("https: the answer is longer than %d octets", dns.MaxMsgSize)}
	}
	msg, verdict, detail := unpackAnswer(query, body)
	switch verdict {
	case answerRight:
		return reply{msg: msg}
	case answerBroken:
		return reply{status: StatusMalformed, detail: detail}
	}
	return reply{status: StatusMalformed, detail: "https: the answer is to another question"}
}
