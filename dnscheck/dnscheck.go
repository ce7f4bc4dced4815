// Package dnscheck answers "where is my server?" the way a Lync client asks it:
// through the DNS records of the sign-in domain and through the Autodiscover
// walk that starts at lyncdiscover.
//
// The package observes. A [Client] asks resolvers and keeps what they said, with
// the response code apart from "there is no such record"; a [Discoverer] walks
// Autodiscover and keeps every hop. [Evaluate] compares the records found with
// the ones a deployment needs. What that means for a person who cannot sign in is
// for package lyncdiag to say.
//
// Nothing is dialled except through [Client.Dial] and [Discoverer.HTTP].
package dnscheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// defaultTimeout is what one question may take when Client.Timeout is zero.
const defaultTimeout = 5 * time.Second

// udpSize is the EDNS0 payload size offered: the largest that crosses common
// paths without fragments (DNS flag day 2020).
const udpSize = 1232

// maxIgnored bounds the stray answers that are read past while waiting for the
// right one, so that a flood ends the exchange instead of keeping it busy.
const maxIgnored = 1000

// Client asks resolvers. The zero value is usable but answers everything with
// [StatusNetworkError], because it has neither a way to dial nor a server to ask.
// A Client is safe for concurrent use as long as its fields are not changed.
type Client struct {
	// Dial opens a connection to a server. Framing follows the network that was
	// asked for, whatever type comes back: "udp" carries one message in each Read
	// and Write, "tcp" carries messages behind two bytes of length (RFC 1035 4.2.2).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Servers are the resolvers. Lookup and LookupHost ask them in this order until
	// one can answer; Ask asks each of them. A server over TLS or HTTPS that is known
	// by host name is found through the first server that has an address and is asked
	// without TLS; when there is none, it cannot be asked.
	Servers []Server
	// Roots are the certificate authorities to trust over TLS and HTTPS; nil means the
	// system's. Certificates are always verified.
	Roots *x509.CertPool
	// Timeout bounds one exchange; zero means five seconds. The question is sent
	// once, and over UDP once more half-way. Nothing else is retried.
	Timeout time.Duration
	// Cache, when set, shares answers between lookups, also between Clients.
	Cache *Cache
	// Now gives the times in results; nil means time.Now.
	Now func() time.Time

	pipe *pipe  // in place of a socket for each question over UDP
	own  string // ".contoso.com.": names under it are asked for once, Cache need not keep them
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now().UTC()
	}
	return time.Now().UTC()
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return defaultTimeout
}

// reply is what came of one question to one server: a message, or the status that
// stands in its place.
type reply struct {
	msg       *dns.Msg
	status    Status // "" when msg is set
	detail    string
	truncated bool // the UDP answer did not fit and TCP was used
	ignored   int  // answers to other questions that were read past
}

// ask sends one question to one server, through the cache if there is one.
func (c *Client) ask(ctx context.Context, s Server, name string, qtype uint16) reply {
	if c.Cache == nil || c.own != "" && strings.HasSuffix(name, c.own) {
		return c.exchange(ctx, s, newQuery(name, qtype))
	}
	key := question{server: s.Address(), name: name, qtype: qtype}
	return c.Cache.do(ctx, key, func() reply { return c.exchange(ctx, s, newQuery(name, qtype)) })
}

func newQuery(name string, qtype uint16) *dns.Msg {
	query := new(dns.Msg)
	query.SetQuestion(name, qtype)
	// RFC 6840 5.7: asks for the AD bit without asking for signatures.
	query.AuthenticatedData = true
	query.SetEdns0(udpSize, false)
	return query
}

// exchange asks over the server's network, and over TCP if an answer over UDP was
// cut.
func (c *Client) exchange(ctx context.Context, s Server, query *dns.Msg) reply {
	network := s.Network
	switch network {
	case overHTTPS:
		query.Id = 0 // RFC 8484 4.1
	case "":
		network = overUDP
	}
	r := c.over(ctx, network, s, query)
	if r.msg != nil && r.msg.IsEdns0() == nil &&
		(r.msg.Rcode == dns.RcodeFormatError || r.msg.Rcode == dns.RcodeNotImplemented) {
		// A server from before RFC 6891 refuses the option, not the question; clients
		// that send none get an answer from it.
		query.Extra = nil
		r = c.over(ctx, network, s, query)
	}
	if r.msg == nil || !r.msg.Truncated {
		return r
	}
	if network != overUDP {
		return reply{status: StatusMalformed, detail: "the answer is cut short over " + network}
	}
	r = c.over(ctx, overTCP, s, query)
	r.truncated = true
	if r.msg != nil && r.msg.Truncated {
		return reply{status: StatusMalformed, detail: "the answer is cut short over TCP, too", truncated: true}
	}
	if r.msg == nil {
		r.detail = "the answer did not fit into a datagram, and over TCP: " + r.detail
	}
	return r
}

// over performs one exchange over one connection. The connection is closed when
// time is up: no deadline is set, because a caller's conn need not support one.
func (c *Client) over(ctx context.Context, network string, s Server, query *dns.Msg) reply {
	if c.Dial == nil {
		return reply{status: StatusNetworkError, detail: "no way to dial was given"}
	}
	if err := ctx.Err(); err != nil {
		return reply{status: StatusCancelled, detail: err.Error()}
	}
	if c.pipe != nil && network == overUDP {
		return c.pipe.exchange(ctx, query)
	}
	wire, err := query.Pack()
	if err != nil {
		return reply{status: StatusMalformed, detail: "the question cannot be written: " + err.Error()}
	}
	address, obstacle := c.place(ctx, s)
	if address == "" {
		return obstacle
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	if network == overHTTPS {
		return c.post(ctx, limited, s, address, query, wire)
	}
	transport := network
	if network != overUDP {
		transport = overTCP
		wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	}
	raw, err := c.Dial(limited, transport, address)
	if err != nil {
		return failed(ctx, limited, network, err, 0)
	}
	defer raw.Close()
	stop := context.AfterFunc(limited, func() { raw.Close() })
	defer stop()
	conn := raw
	if network == overTLS {
		conn = tls.Client(raw, c.tlsConfig(s))
	}
	if network == overUDP {
		again := time.AfterFunc(c.timeout()/2, func() {
			// A failure shows at the reader, which is waiting on the same conn.
			_, _ = conn.Write(wire)
		})
		defer again.Stop()
	}
	if _, err := conn.Write(wire); err != nil {
		return failed(ctx, limited, network, err, 0)
	}
	buf := make([]byte, dns.MaxMsgSize)
	for ignored := 0; ignored <= maxIgnored; ignored++ {
		n, err := readMessage(conn, transport, buf)
		if err != nil {
			return failed(ctx, limited, network, err, ignored)
		}
		msg, verdict, detail := unpackAnswer(query, buf[:n])
		switch verdict {
		case answerRight:
			return reply{msg: msg, ignored: ignored}
		case answerBroken:
			return reply{status: StatusMalformed, detail: detail, ignored: ignored}
		}
	}
	return reply{status: StatusMalformed, detail: fmt.Sprintf("more than %d answers to other questions", maxIgnored), ignored: maxIgnored}
}

// failed names why no answer was read. ctx is the caller's context, limited the
// one that also holds our own time-out.
func failed(ctx, limited context.Context, network string, err error, ignored int) reply {
	r := reply{ignored: ignored}
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch cause := ctx.Err(); {
	case cause != nil:
		r.status, r.detail = StatusCancelled, cause.Error()
	case limited.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()):
		r.status, r.detail = StatusNoAnswer, "no answer over "+network
	case unreachable(err):
		r.status, r.detail = StatusUnreachable, network+": "+err.Error()
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		r.status, r.detail = StatusNetworkError, "the server closed the "+network+" connection without an answer"
	case errors.As(err, &certificate):
		r.status, r.detail = StatusNetworkError, network+": the server's certificate is not accepted: "+certificate.Err.Error()
	default:
		r.status, r.detail = StatusNetworkError, network+": "+err.Error()
	}
	r.detail += strays(ignored)
	return r
}

// unreachable reports whether an error says that nothing can be sent from here at
// all, which EHOSTUNREACH does not: it is what one dead neighbour gives. Go does not
// map Winsock's numbers (WSAENETDOWN and WSAENETUNREACH).
func unreachable(err error) bool {
	for _, no := range []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.Errno(10050), syscall.Errno(10051)} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func strays(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d answers with another id or question were ignored", n)
}

func readMessage(r io.Reader, network string, buf []byte) (int, error) {
	if network == overUDP {
		return r.Read(buf)
	}
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return 0, err
	}
	return io.ReadFull(r, buf[:binary.BigEndian.Uint16(length[:])])
}

type verdict int

const (
	answerOther  verdict = iota // to somebody else's question: keep waiting
	answerRight                 // to our question, readable
	answerBroken                // to our question, but not readable
)

// unpackAnswer reads one message and says whether it answers query (RFC 5452
// section 9.1: id and question must match).
func unpackAnswer(query *dns.Msg, wire []byte) (*dns.Msg, verdict, string) {
	const headerSize = 12
	if len(wire) < headerSize || binary.BigEndian.Uint16(wire) != query.Id {
		return nil, answerOther, ""
	}
	msg := new(dns.Msg)
	if err := msg.Unpack(wire); err != nil {
		// A cut message may end anywhere; TCP brings the whole.
		if msg.Response && msg.Truncated && asks(msg, query) {
			return msg, answerRight, ""
		}
		return nil, answerBroken, "the answer cannot be read: " + err.Error()
	}
	if !msg.Response {
		return nil, answerOther, ""
	}
	// Some servers refuse with a bare header.
	bare := len(msg.Question) == 0 && len(msg.Answer) == 0 && msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
	if !bare && !asks(msg, query) {
		return nil, answerOther, ""
	}
	if counted := int(binary.BigEndian.Uint16(wire[6:])); counted != len(msg.Answer) && !msg.Truncated {
		// The reader stops quietly where a message ends early; "no such record" must
		// not be made of that.
		return nil, answerBroken, fmt.Sprintf("the answer announces %d records and holds %d", counted, len(msg.Answer))
	}
	for _, rr := range msg.Answer {
		// The reader makes an empty record of this; no type that is asked for has one.
		if h := rr.Header(); h.Rdlength == 0 {
			return nil, answerBroken, fmt.Sprintf("the answer holds an empty %s record", dns.TypeToString[h.Rrtype])
		}
	}
	return msg, answerRight, ""
}

func asks(msg, query *dns.Msg) bool {
	if len(msg.Question) != 1 {
		return false
	}
	got, want := msg.Question[0], query.Question[0]
	return strings.EqualFold(got.Name, want.Name) && got.Qtype == want.Qtype && got.Qclass == want.Qclass
}
