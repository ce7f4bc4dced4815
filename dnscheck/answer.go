package dnscheck

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Status is what came of a question. Only [StatusOK], [StatusNoSuchName],
// [StatusNoData] and [StatusCNAMELoop] say something about the record; the others
// say why nothing is known about it.
type Status string

const (
	StatusOK            Status = "ok"             // records of the type asked for
	StatusNoSuchName    Status = "no-such-name"   // NXDOMAIN, of the last name of the CNAME chain (RFC 2308 2.1)
	StatusNoData        Status = "no-data"        // NOERROR: the name exists, but has nothing of the type
	StatusServerFailure Status = "server-failure" // SERVFAIL
	StatusRefused       Status = "refused"        // REFUSED, or a referral by a server that does not recurse
	StatusOtherRCode    Status = "other-rcode"    // any other response code; see Answer.RCode
	StatusNoAnswer      Status = "no-answer"      // nothing came back in time
	StatusNetworkError  Status = "network-error"  // the question was refused, or the connection broke
	StatusUnreachable   Status = "unreachable"    // there is no way from here to the server: no route, no network
	StatusMalformed     Status = "malformed"      // question or answer cannot be written or read
	StatusCNAMELoop     Status = "cname-loop"     // the CNAME chain returns to itself or exceeds 16 names
	StatusCancelled     Status = "cancelled"      // the caller's context ended first

	// Of Client.Authoritative.
	StatusLameDelegation Status = "lame-delegation" // name servers are named, and none serves the zone
	StatusNoServers      Status = "no-name-servers" // name servers are named, and none has an address
)

// Known reports whether the status says something about the record, rather than
// why nothing is known about it.
func (s Status) Known() bool {
	switch s {
	case StatusOK, StatusNoSuchName, StatusNoData, StatusCNAMELoop:
		return true
	}
	return false
}

// maxChain is how many CNAMEs are followed.
const maxChain = 16

// Answer is what one server said about one name and type. Names are in lower case
// and without a trailing dot.
type Answer struct {
	Name   string `json:"name"`
	Type   string `json:"type"`   // "A", "SRV"
	Server string `json:"server"` // Server.String of the server that answered
	Status Status `json:"status"`
	// RCode is the response code of the last message, "" if there was none.
	RCode string `json:"rcode"`
	// CNAMEs is the chain behind Name, hop by hop; the last one owns the records,
	// or is the name that Status is about.
	CNAMEs  []string `json:"cnames"`
	Records []Record `json:"records"`
	// TTL in seconds: the smallest of chain and records, or for how long the
	// absence may be remembered (RFC 2308 section 5). 0 when not known.
	TTL uint32 `json:"ttl"`
	// Authoritative, Recursion and AuthenticData are the AA, RA and AD bits of the
	// last message.
	Authoritative bool `json:"authoritative"`
	Recursion     bool `json:"recursion"`
	AuthenticData bool `json:"authenticData"`
	// Truncated: an answer did not fit into a datagram, so TCP was used.
	Truncated bool `json:"truncated"`
	// Ignored counts answers with another id or question that came before the right
	// one, or in its place: late ones, or somebody's attempt at forging.
	Ignored int `json:"ignored,omitempty"`
	// Detail explains the status to people; may be "".
	Detail  string        `json:"detail"`
	Elapsed time.Duration `json:"elapsed"`
}

// Record is one resource record of an answer.
type Record struct {
	Name string `json:"name"`
	Type string `json:"type"`
	TTL  uint32 `json:"ttl"` // seconds
	// Target is the host that an SRV, CNAME, NS, MX or PTR record points to, in
	// lower case, without the trailing dot, and with unusual characters escaped as in
	// zone files; "." for the root.
	Target   string     `json:"target"`
	Address  netip.Addr `json:"address"`  // A, AAAA
	Priority uint16     `json:"priority"` // SRV, MX
	Weight   uint16     `json:"weight"`   // SRV
	Port     uint16     `json:"port"`     // SRV
	// Text is the data in zone-file form: "100 1 443 sipdir.online.lync.com.".
	Text string `json:"text"`
}

// Lookup asks for one absolute name; no search suffix is added, and a trailing dot
// does not matter. qtype is a type's name, such as "SRV". CNAMEs are followed,
// with further questions where the server returned only the CNAME.
//
// With several servers, the next one is asked when a server cannot answer; a
// server that says the record is not there has answered.
func (c *Client) Lookup(ctx context.Context, name, qtype string) Answer {
	if len(c.Servers) == 0 {
		return Answer{Name: display(name), Type: strings.ToUpper(qtype), Status: StatusNetworkError, Detail: "no DNS server was given"}
	}
	var a Answer
	for _, s := range c.Servers {
		a = c.lookup(ctx, s, name, qtype)
		if a.Status.Known() || a.Status == StatusCancelled {
			break
		}
	}
	return a
}

// lookup asks one server.
func (c *Client) lookup(ctx context.Context, s Server, name, qtype string) Answer {
	start := c.now()
	a := Answer{Name: display(name), Type: strings.ToUpper(qtype), Server: s.String()}
	code, ok := dns.StringToType[a.Type]
	question, err := questionName(name)
	switch {
	case !ok:
		a.Status, a.Detail = StatusMalformed, "unknown record type "+qtype
	case err != nil:
		a.Status, a.Detail = StatusMalformed, err.Error()
	default:
		a.Name = display(question)
		c.resolve(ctx, s, question, code, &a)
	}
	a.Elapsed = c.now().Sub(start)
	return a
}

// resolve follows name through its CNAMEs until records, an absence or a failure.
func (c *Client) resolve(ctx context.Context, s Server, name string, qtype uint16, a *Answer) {
	seen := map[string]bool{dns.CanonicalName(name): true}
	for {
		r := c.ask(ctx, s, name, qtype)
		a.Truncated = a.Truncated || r.truncated
		a.Ignored += r.ignored
		if r.msg == nil {
			a.Status, a.Detail = r.status, r.detail
			return
		}
		a.RCode = rcodeName(r.msg.Rcode)
		a.Authoritative, a.Recursion, a.AuthenticData = r.msg.Authoritative, r.msg.RecursionAvailable, r.msg.AuthenticatedData

		last, loop := a.follow(r.msg, name, qtype, seen)
		if loop {
			a.Status = StatusCNAMELoop
			return
		}
		a.Status = statusOf(r.msg.Rcode)
		if a.Status == StatusServerFailure && qtype != dns.TypeCNAME {
			c.chainByHand(ctx, s, last, a, seen)
			return
		}
		if a.Status != StatusOK {
			if a.Status == StatusNoSuchName && len(a.CNAMEs) > 0 {
				a.Detail = display(last) + " does not exist"
			}
			a.absentFor(r.msg)
			return
		}
		if len(a.Records) > 0 {
			return
		}
		soa := authority(r.msg)
		if soa == nil && last != name {
			name = last // only the CNAME came: the target is a question of its own
			continue
		}
		if soa == nil && referral(r.msg) {
			a.Status, a.Detail = StatusRefused, "the server refers to another one and does not recurse"
			return
		}
		a.Status = StatusNoData
		a.absentFor(r.msg)
		return
	}
}

// follow takes the CNAME chain from name and the records at its end out of a
// message, in whatever order they stand. It returns the last name of the chain.
func (a *Answer) follow(msg *dns.Msg, name string, qtype uint16, seen map[string]bool) (last string, loop bool) {
	next := make(map[string]*dns.CNAME)
	for _, rr := range msg.Answer {
		if cname, ok := rr.(*dns.CNAME); ok {
			owner := dns.CanonicalName(cname.Hdr.Name)
			if next[owner] == nil {
				next[owner] = cname
			}
		}
	}
	last = name
	for qtype != dns.TypeCNAME {
		cname := next[dns.CanonicalName(last)]
		if cname == nil {
			break
		}
		if a.hop(cname, seen) {
			return last, true
		}
		last = cname.Target
	}
	owner := dns.CanonicalName(last)
	for _, rr := range msg.Answer {
		if h := rr.Header(); h.Rrtype == qtype && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == owner {
			a.lowerTTL(h.Ttl)
			a.Records = append(a.Records, record(rr))
		}
	}
	return last, false
}

// hop appends one CNAME and reports whether the chain ends in a loop there.
func (a *Answer) hop(cname *dns.CNAME, seen map[string]bool) (loop bool) {
	a.lowerTTL(cname.Hdr.Ttl)
	target := dns.CanonicalName(cname.Target)
	a.CNAMEs = append(a.CNAMEs, display(target))
	if seen[target] {
		a.Detail = "the chain returns to " + display(target)
		return true
	}
	seen[target] = true
	if len(a.CNAMEs) >= maxChain {
		a.Detail = fmt.Sprintf("the chain is longer than %d names", maxChain)
		return true
	}
	return false
}

// chainByHand looks for the chain behind a server failure: a recursive server
// gives up on a loop or a dead target with SERVFAIL, but answers for each CNAME
// when that is all it is asked for. The status stays what it was unless a loop
// shows.
func (c *Client) chainByHand(ctx context.Context, s Server, name string, a *Answer, seen map[string]bool) {
	for {
		r := c.ask(ctx, s, name, dns.TypeCNAME)
		if r.msg == nil {
			return
		}
		var found *dns.CNAME
		for _, rr := range r.msg.Answer {
			if cname, ok := rr.(*dns.CNAME); ok && dns.CanonicalName(cname.Hdr.Name) == dns.CanonicalName(name) {
				found = cname
				break
			}
		}
		if found == nil {
			return
		}
		if a.hop(found, seen) {
			a.Status = StatusCNAMELoop
			return
		}
		name = found.Target
	}
}

func (a *Answer) lowerTTL(ttl uint32) {
	if first := len(a.CNAMEs)+len(a.Records) == 0; first || ttl < a.TTL {
		a.TTL = ttl
	}
}

func (a *Answer) absentFor(msg *dns.Msg) {
	if soa := authority(msg); soa != nil {
		a.lowerTTL(min(soa.Hdr.Ttl, soa.Minttl))
	}
}

func authority(msg *dns.Msg) *dns.SOA {
	for _, rr := range msg.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

func referral(msg *dns.Msg) bool {
	if msg.Authoritative || msg.RecursionAvailable {
		return false
	}
	for _, rr := range msg.Ns {
		if rr.Header().Rrtype == dns.TypeNS {
			return true
		}
	}
	return false
}

func statusOf(rcode int) Status {
	switch rcode {
	case dns.RcodeSuccess:
		return StatusOK
	case dns.RcodeNameError:
		return StatusNoSuchName
	case dns.RcodeServerFailure:
		return StatusServerFailure
	case dns.RcodeRefused:
		return StatusRefused
	}
	return StatusOtherRCode
}

func rcodeName(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", rcode)
}

func record(rr dns.RR) Record {
	h := rr.Header()
	r := Record{
		Name: display(h.Name),
		Type: dns.TypeToString[h.Rrtype],
		TTL:  h.Ttl,
		Text: strings.TrimPrefix(rr.String(), h.String()),
	}
	switch rr := rr.(type) {
	case *dns.A:
		r.Address, _ = netip.AddrFromSlice(rr.A)
		r.Address = r.Address.Unmap()
	case *dns.AAAA:
		r.Address, _ = netip.AddrFromSlice(rr.AAAA)
	case *dns.SRV:
		r.Priority, r.Weight, r.Port, r.Target = rr.Priority, rr.Weight, rr.Port, display(rr.Target)
	case *dns.CNAME:
		r.Target = display(rr.Target)
	case *dns.NS:
		r.Target = display(rr.Ns)
	case *dns.MX:
		r.Priority, r.Target = rr.Preference, display(rr.Mx)
	case *dns.PTR:
		r.Target = display(rr.Ptr)
	}
	return r
}

// display is the form of names in results.
func display(name string) string {
	if displayed(name) {
		return name
	}
	name = dns.CanonicalName(name)
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// displayed reports whether a name has that form already, as nearly all do.
func displayed(name string) bool {
	if name == "" || name[len(name)-1] == '.' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' || c >= 0x80 || c == '\\' {
			return false
		}
	}
	return true
}

// questionName is the absolute form of a name to ask for. Unicode goes through
// ASCII; other names are taken as in zone files, so that what an answer showed
// can be asked for again.
func questionName(name string) (string, error) {
	for _, r := range name {
		if r >= 0x80 {
			ascii, err := ASCII(name)
			if err != nil {
				return "", err
			}
			name = ascii
			break
		}
	}
	fqdn := dns.Fqdn(name)
	if _, ok := dns.IsDomainName(fqdn); !ok || name == "" {
		return "", fmt.Errorf("dnscheck: ask for %.300q: not a domain name", name)
	}
	return dns.CanonicalName(fqdn), nil
}

// Host is what one server said about the addresses of one host.
type Host struct {
	Name   string `json:"name"`
	Server string `json:"server"`
	// Status sums up A and AAAA: ok when either has addresses, no-such-name when
	// either says so, else the failure if one failed, else no-data.
	Status    Status        `json:"status"`
	CNAMEs    []string      `json:"cnames"`
	Addresses []netip.Addr  `json:"addresses"` // IPv4 first, each in the server's order
	A         Answer        `json:"a"`
	AAAA      Answer        `json:"aaaa"`
	Elapsed   time.Duration `json:"elapsed"`
}

// LookupHost asks for the IPv4 and IPv6 addresses of a host at the same time. An
// IP address, with or without brackets, is its own answer and is not asked for.
func (c *Client) LookupHost(ctx context.Context, host string) Host {
	if h, ok := literal(host); ok {
		return h
	}
	return c.lookupHost(host, func(qtype string) Answer { return c.Lookup(ctx, host, qtype) })
}

func (c *Client) lookupHostAt(ctx context.Context, s Server, host string) Host {
	if h, ok := literal(host); ok {
		h.Server = s.String()
		return h
	}
	return c.lookupHost(host, func(qtype string) Answer { return c.lookup(ctx, s, host, qtype) })
}

func literal(host string) (Host, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return Host{}, false
	}
	return Host{Name: addr.String(), Status: StatusOK, Addresses: []netip.Addr{addr.Unmap()}}, true
}

func (c *Client) lookupHost(host string, ask func(qtype string) Answer) Host {
	start := c.now()
	h := Host{Name: display(host)}
	var wait sync.WaitGroup
	wait.Go(func() { h.AAAA = ask("AAAA") })
	h.A = ask("A")
	wait.Wait()

	h.Name, h.Server, h.CNAMEs = h.A.Name, h.A.Server, h.A.CNAMEs
	if len(h.AAAA.CNAMEs) > len(h.CNAMEs) {
		h.CNAMEs = h.AAAA.CNAMEs
	}
	for _, answer := range []Answer{h.A, h.AAAA} {
		for _, r := range answer.Records {
			h.Addresses = append(h.Addresses, r.Address)
		}
	}
	h.Status = hostStatus(h.A.Status, h.AAAA.Status)
	h.Elapsed = c.now().Sub(start)
	return h
}

func hostStatus(a, aaaa Status) Status {
	// NXDOMAIN speaks of the name, so one of the two is enough for it.
	for _, s := range []Status{StatusOK, StatusCNAMELoop, StatusNoSuchName} {
		if a == s || aaaa == s {
			return s
		}
	}
	if !a.Known() {
		return a
	}
	return aaaa
}
