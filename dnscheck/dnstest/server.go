package dnstest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Behaviour is how a server misbehaves for a question.
type Behaviour string

const (
	Drop            Behaviour = "drop"             // no answer
	Truncate        Behaviour = "truncate"         // over UDP only the TC bit, no records
	TruncateAlways  Behaviour = "truncate-always"  // the TC bit over TCP, too
	WrongID         Behaviour = "wrong-id"         // the answer has another id
	WrongQuestion   Behaviour = "wrong-question"   // the answer is to another name
	CompressionLoop Behaviour = "compression-loop" // a name in the answer points to itself
	Garbage         Behaviour = "garbage"          // the answer breaks off inside a record
	NoRecursion     Behaviour = "no-recursion"     // a CNAME comes without its target's records
	Referral        Behaviour = "referral"         // name servers in place of an answer
	BareRefusal     Behaviour = "bare-refusal"     // REFUSED as a header without question
	NoEDNS          Behaviour = "no-edns"          // FORMERR to a question with EDNS0, as before RFC 6891
)

// Override changes the answers for some questions.
type Override struct {
	// Name, Type and Network choose the questions; "" is any. Name may begin with
	// "*.", for all names below. Network is "udp" or "tcp".
	Name, Type, Network string
	// RCode answers with a response code, "SERVFAIL", and nothing else.
	RCode string
	// Records, zone-file lines, are answered in place of what the zones hold.
	Records []string
	// Behaviour is applied to the answer; "" for none.
	Behaviour Behaviour
	// ThenRight sends the right answer after the one that Behaviour spoilt.
	ThenRight bool
	// Delay passes before the answer is sent.
	Delay time.Duration
	// Times is how many of the chosen questions are affected, from the first; 0 is all.
	Times int
}

// Query is a question that a server was asked.
type Query struct {
	Name, Type, Network string
	At                  time.Time
}

// Server answers from zones: authoritatively, with NXDOMAIN and SOA for names that
// are not there, and following CNAMEs from one of its zones into the others. Set
// the fields before use. The zero value refuses everything.
type Server struct {
	Zones []*Zone
	// Overrides are tried in order; the first that fits a question applies.
	Overrides []Override
	// Recursive makes it a resolver, for which the zones are all there is: the RA
	// bit is set, and names outside give NXDOMAIN rather than REFUSED.
	Recursive bool
	// Now dates the queries; nil means time.Now.
	Now func() time.Time

	mu      sync.Mutex
	queries []Query
	used    map[int]int
}

// Queries returns what was asked so far, in order of arrival; of more than 10,000
// questions the oldest are missing.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

// Dial connects to the server in memory, whatever the address: network is "udp"
// (one message in each Read and Write) or "tcp".
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if network != "udp" && network != "tcp" {
		return nil, fmt.Errorf("dnstest: dial %s: unknown network %s", address, network)
	}
	near, far := net.Pipe()
	go s.ServeConn(network, far)
	return near, nil
}

// ServeConn answers on one connection until it ends, and closes it. Over "udp" a
// Read and a Write carry one message each, over "tcp" two bytes of length lead.
func (s *Server) ServeConn(network string, conn net.Conn) {
	defer conn.Close()
	var write sync.Mutex
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := read(conn, network, buf)
		if err != nil {
			return
		}
		query := slices.Clone(buf[:n])
		go s.answer(network, query, func(wire []byte) error {
			if network == "tcp" {
				wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
			}
			write.Lock()
			defer write.Unlock()
			_, err := conn.Write(wire)
			return err
		})
	}
}

func read(r io.Reader, network string, buf []byte) (int, error) {
	if network != "tcp" {
		return r.Read(buf)
	}
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return 0, err
	}
	return io.ReadFull(r, buf[:binary.BigEndian.Uint16(length[:])])
}

// ServePacket answers datagrams until the socket is closed, which gives nil.
func (s *Server) ServePacket(socket net.PacketConn) error {
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, from, err := socket.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dnstest: read datagram: %w", err)
		}
		query := slices.Clone(buf[:n])
		go s.answer("udp", query, func(wire []byte) error {
			_, err := socket.WriteTo(wire, from)
			return err
		})
	}
}

// ServeListener answers TCP connections until the listener is closed, which gives
// nil.
func (s *Server) ServeListener(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dnstest: accept: %w", err)
		}
		go s.ServeConn("tcp", conn)
	}
}

// answer sends what is due for one message.
func (s *Server) answer(network string, wire []byte, send func([]byte) error) {
	query := new(dns.Msg)
	if err := query.Unpack(wire); err != nil || len(query.Question) != 1 || query.Response {
		return
	}
	q := query.Question[0]
	o := s.record(network, q)
	if o.Delay > 0 {
		time.Sleep(o.Delay)
	}
	right := s.reply(query, o)
	if spoilt := spoil(network, query, right, o.Behaviour); spoilt != nil {
		if send(spoilt) != nil || !o.ThenRight {
			return
		}
	} else if o.Behaviour == Drop {
		return
	}
	_ = send(pack(network, query, right)) // the asker may be gone
}

// record notes the question and returns the override that applies.
func (s *Server) record(network string, q dns.Question) Override {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	name, kind := strings.TrimSuffix(dns.CanonicalName(q.Name), "."), dns.TypeToString[q.Qtype]
	s.queries = remember(s.queries, Query{Name: name, Type: kind, Network: network, At: now()})
	for i, o := range s.Overrides {
		if !fits(o.Name, name) || (o.Type != "" && o.Type != kind) || (o.Network != "" && o.Network != network) {
			continue
		}
		if o.Times > 0 && s.used[i] >= o.Times {
			continue
		}
		if s.used == nil {
			s.used = make(map[int]int)
		}
		s.used[i]++
		return o
	}
	return Override{}
}

// maxHistory bounds what a fake remembers, so that it can serve for days.
const maxHistory = 10000

// remember appends to a history; a full one loses its older half.
func remember[T any](past []T, next T) []T {
	if len(past) >= maxHistory {
		past = slices.Delete(past, 0, len(past)/2)
	}
	return append(past, next)
}

func fits(pattern, name string) bool {
	pattern = strings.ToLower(strings.TrimSuffix(pattern, "."))
	if below, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, below)
	}
	return pattern == "" || pattern == name
}

func (s *Server) reply(query *dns.Msg, o Override) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(query)
	m.RecursionAvailable = s.Recursive
	if o.RCode != "" {
		m.Rcode = dns.StringToRcode[o.RCode]
		return m
	}
	q := query.Question[0]
	if o.Behaviour == Referral {
		m.RecursionAvailable = false
		m.Ns = []dns.RR{&dns.NS{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 3600},
			Ns:  "a.root-servers.example.",
		}}
		return m
	}
	if len(o.Records) > 0 {
		for _, line := range o.Records {
			if rr, err := dns.NewRR(line); err == nil && rr != nil {
				m.Answer = append(m.Answer, rr)
			}
		}
		return m
	}
	s.lookup(m, q, o.Behaviour == NoRecursion)
	return m
}

// lookup fills the sections from the zones.
func (s *Server) lookup(m *dns.Msg, q dns.Question, oneStep bool) {
	name := q.Name
	m.Authoritative = !s.Recursive
	for range 20 { // a loop in the zones must end
		zone := s.zone(name)
		if zone == nil {
			switch {
			case s.Recursive:
				m.Rcode = dns.RcodeNameError
			case name == q.Name:
				m.Authoritative, m.Rcode = false, dns.RcodeRefused
			}
			return
		}
		if ns := zone.cut(name); ns != nil {
			if s.Recursive { // the servers below the cut are out of reach
				m.Rcode = dns.RcodeServerFailure
				return
			}
			m.Authoritative = len(m.Answer) > 0
			m.Ns, m.Extra = ns, zone.glue(ns)
			return
		}
		records, exists := zone.find(name)
		if !exists {
			m.Rcode = dns.RcodeNameError
			m.Ns = []dns.RR{zone.soa()}
			return
		}
		next := ""
		before := len(m.Answer)
		for _, rr := range records {
			if rr.Header().Rrtype == q.Qtype {
				m.Answer = append(m.Answer, rr)
			} else if cname, ok := rr.(*dns.CNAME); ok {
				m.Answer = append(m.Answer, cname)
				next = cname.Target
			}
		}
		if len(m.Answer) == before {
			m.Ns = []dns.RR{zone.soa()}
			return
		}
		if next == "" || oneStep {
			return
		}
		name = next
	}
	if s.Recursive { // as recursive servers give up on a loop
		m.Answer, m.Rcode = nil, dns.RcodeServerFailure
	}
}

// zone returns the closest zone around a name.
func (s *Server) zone(name string) *Zone {
	var best *Zone
	for _, z := range s.Zones {
		if dns.IsSubDomain(dns.Fqdn(z.Origin), name) && (best == nil || dns.CountLabel(dns.Fqdn(z.Origin)) > dns.CountLabel(dns.Fqdn(best.Origin))) {
			best = z
		}
	}
	return best
}

// spoil returns the message that a behaviour sends in place of the right one, nil
// for none.
func spoil(network string, query, right *dns.Msg, b Behaviour) []byte {
	m := right.Copy()
	switch b {
	case Truncate, TruncateAlways:
		if network != "udp" && b == Truncate {
			return nil
		}
		m.Answer, m.Ns, m.Extra, m.Truncated = nil, nil, nil, true
	case WrongID:
		m.Id++
	case WrongQuestion:
		m.Question[0].Name = "other." + m.Question[0].Name
	case BareRefusal:
		m.Question, m.Answer, m.Ns, m.Extra = nil, nil, nil, nil
		m.Rcode = dns.RcodeRefused
	case NoEDNS:
		if query.IsEdns0() == nil {
			return nil
		}
		return pack(network, new(dns.Msg), new(dns.Msg).SetRcode(query, dns.RcodeFormatError))
	case CompressionLoop, Garbage:
		m.Answer, m.Ns, m.Extra = nil, nil, nil
		wire := pack(network, new(dns.Msg), m)  // no EDNS, so that the answer comes last
		binary.BigEndian.PutUint16(wire[6:], 1) // one answer, which follows:
		if b == Garbage {
			return append(wire, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0)
		}
		at := len(wire)
		wire = append(wire, 0xc0|byte(at>>8), byte(at))
		return append(wire, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	default:
		return nil
	}
	return pack(network, query, m)
}

// pack writes an answer, cut to the size the asker takes.
func pack(network string, query, m *dns.Msg) []byte {
	m = m.Copy()
	size := dns.MinMsgSize
	if opt := query.IsEdns0(); opt != nil && len(m.Question) > 0 {
		m.SetEdns0(1232, false)
		size = int(opt.UDPSize())
	}
	if network == "tcp" {
		size = dns.MaxMsgSize
	}
	m.Compress = true
	cut := m.Truncated
	m.Truncate(size)
	m.Truncated = m.Truncated || cut
	wire, err := m.Pack()
	if err != nil {
		// A record that cannot be written: the server fails, as real ones do.
		failure := new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
		wire, _ = failure.Pack()
	}
	return wire
}
