package dnscheck

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// four are the questions of a Batch about one domain.
type four struct {
	run       *batchRun
	res       *Result
	left      int // questions under way
	questions [4]oneOfFour
	wires     []byte // of the questions
	failed    bool   // a question failed, perhaps before it was written
}

// oneOfFour is one question. Answers of the common kinds are read here, without a
// message being built; all others are left to the general way, which asks again.
type oneOfFour struct {
	flight
	d      *four
	index  int
	name   string
	again  bool   // to be asked in the general way
	beyond string // a host outside the domain whose addresses are missing
}

// fourNames are the names asked for, SRV records first.
var fourNames = [4]string{"_sip._tls.", "_sipfederationtls._tcp.", "sip.", "lyncdiscover."}

// questionStart is where the question follows the header; ednsSize is the size of the
// option record that ends it.
const (
	questionStart = 12
	ednsSize      = 11
)

func newFour(r *batchRun, res *Result) *four {
	res.Answers = make([]Answer, 2)
	res.Hosts = make([]Host, 2, 4+len(r.hosts))
	d, ok := r.fours.Get().(*four)
	if !ok {
		d = new(four)
	}
	d.run, d.res, d.left, d.failed = r, res, len(fourNames), false
	size := 0
	for _, prefix := range fourNames {
		size += questionStart + 1 + len(prefix) + len(res.Domain) + 1 + 4 + ednsSize
	}
	buf := slices.Grow(d.wires[:0], size)
	for i, prefix := range fourNames {
		start := len(buf)
		name := prefix + res.Domain
		q := &d.questions[i]
		*q = oneOfFour{d: d, index: i, name: name}
		buf = appendQuestion(buf, name, q.qtype())
		q.flight = flight{asker: q, wire: buf[start:len(buf):len(buf)]}
	}
	d.wires = buf
	return d
}

func (q *oneOfFour) qtype() uint16 {
	if q.index < 2 {
		return dns.TypeSRV
	}
	return dns.TypeA
}

// appendQuestion writes what newQuery makes. name is one that ASCII let through, with
// a prefix of ours.
func appendQuestion(buf []byte, name string, qtype uint16) []byte {
	buf = append(buf,
		0, 0, // id
		1, 1<<5, // RD; AD
		0, 1, 0, 0, 0, 0, 0, 1) // one question, one additional record
	for label := range strings.SplitSeq(name, ".") {
		buf = append(buf, byte(len(label)))
		buf = append(buf, label...)
	}
	buf = append(buf, 0)
	buf = binary.BigEndian.AppendUint16(buf, qtype)
	buf = binary.BigEndian.AppendUint16(buf, dns.ClassINET)
	return append(buf, 0, 0, byte(dns.TypeOPT), udpSize>>8, udpSize&0xff, 0, 0, 0, 0, 0, 0)
}

func (d *four) owns(name string) bool {
	below, ok := strings.CutSuffix(name, d.res.Domain)
	return ok && (below == "" || strings.HasSuffix(below, "."))
}

// fail implements asker.
func (q *oneOfFour) fail(s *pipeSocket, f *flight, r reply) {
	a := Answer{Name: q.name, Type: dns.TypeToString[q.qtype()], Server: q.d.run.servers[0].String(), Status: r.status, Detail: r.detail, Ignored: f.ignored}
	q.d.failed = true
	q.put(a)
	q.end(s)
}

// put keeps an answer that is complete.
func (q *oneOfFour) put(a Answer) {
	if q.index < 2 {
		q.d.res.Answers[q.index] = a
		return
	}
	h := &q.d.res.Hosts[q.index-2]
	h.A = a
	h.sumUp()
}

// end counts the answer, and passes the domain on after the last.
func (q *oneOfFour) end(s *pipeSocket) {
	d := q.d
	d.left--
	if d.left > 0 {
		return
	}
	<-s.slots
	if d.complete() {
		d.res.Elapsed = d.run.c.now().Sub(d.res.At)
		d.run.put(d)
		return
	}
	d.run.slow <- d
}

// complete reports whether nothing is left to ask, once what is known of hosts
// outside the domain is filled in.
func (d *four) complete() bool {
	for i := range d.questions {
		q := &d.questions[i]
		if q.again {
			return false
		}
		if q.beyond == "" {
			continue
		}
		target := d.run.known(q.beyond)
		if target == nil {
			return false
		}
		d.res.Hosts[i-2].continueAt(target)
		q.beyond = ""
	}
	server := d.run.servers[0].String()
	for _, a := range d.res.Answers {
		if len(a.Records) > maxTargets {
			return false
		}
		for _, r := range a.Records {
			if _, ok := d.res.Host(server, r.Target); ok || r.Target == "." {
				continue
			}
			if d.owns(r.Target) {
				return false
			}
			target := d.run.known(r.Target)
			if target == nil {
				return false
			}
			d.res.Hosts = append(d.res.Hosts, *target)
		}
	}
	for _, name := range d.run.hosts {
		if _, ok := d.res.Host(server, name); ok {
			continue
		}
		target := d.run.known(name)
		if target == nil {
			return false
		}
		d.res.Hosts = append(d.res.Hosts, *target)
	}
	return !d.homeless() && !d.strange()
}

// strange reports whether a host leads elsewhere than to the online service, which a
// wildcard record may do for any name.
func (d *four) strange() bool {
	for _, h := range d.res.Hosts[:len(fourNames)-2] {
		online := false
		if n := len(h.CNAMEs); n > 0 {
			_, online = IsOnlineHost(h.CNAMEs[n-1])
		}
		if h.Status == StatusOK && !online {
			return true
		}
	}
	return false
}

// homeless reports whether the domain may not exist: some of its names do not, and
// nothing that came shows otherwise.
func (d *four) homeless() bool {
	absent := false
	exists := func(s Status) bool {
		absent = absent || s == StatusNoSuchName
		return s.Known() && s != StatusNoSuchName
	}
	for _, a := range d.res.Answers {
		if exists(a.Status) {
			return false
		}
	}
	for _, h := range d.res.Hosts[:len(fourNames)-2] {
		if exists(h.Status) || len(h.CNAMEs) > 0 {
			return false
		}
	}
	return absent
}

// take implements asker.
func (q *oneOfFour) take(s *pipeSocket, f *flight, wire []byte) bool {
	question := f.wire[questionStart : len(f.wire)-ednsSize]
	if len(wire) < questionStart+len(question) || wire[2]&0x80 == 0 ||
		!bytes.Equal(wire[questionStart:questionStart+len(question)], question) {
		// Not the question in the octets it was asked with. The general way knows letter
		// case and bare refusals.
		query := newQuery(dns.Fqdn(q.name), q.qtype())
		query.Id = binary.BigEndian.Uint16(f.wire)
		if _, verdict, _ := unpackAnswer(query, wire); verdict == answerOther {
			return false
		}
		q.again = true
		q.end(s)
		return true
	}
	a := Answer{
		Name: q.name, Type: dns.TypeToString[q.qtype()], Server: q.d.run.servers[0].String(), Ignored: f.ignored,
		Elapsed: q.d.run.c.now().Sub(q.d.res.At),
	}
	m := fastReader{wire: wire, at: questionStart + len(question), names: &s.names}
	last, ok := m.read(&a)
	switch {
	case !ok || a.Status == StatusNoData && q.index >= 2: // there may be an IPv6 address
		q.again = true
	case a.Status == StatusOK && len(a.Records) == 0: // a CNAME only
		q.beyond = last
		q.again = q.d.owns(last)
		q.d.res.Hosts[q.index-2].A = a
	default:
		q.put(a)
	}
	q.end(s)
	return true
}

// interned keeps strings that come again and again.
type interned map[string]string

func (n *interned) text(b []byte) string {
	if s, ok := (*n)[string(b)]; ok {
		return s
	}
	s := string(b)
	if *n == nil {
		*n = make(interned)
	}
	if len(*n) < maxCached {
		(*n)[s] = s
	}
	return s
}

// fastReader reads answers of the common kinds from the wire: SRV records of the name
// asked for; its address; a CNAME chain in order, with or without the address at the
// end; and absences with the SOA. It gives up on everything else, and on names with
// characters that need escaping or have capitals, which it would have to show as they
// came.
type fastReader struct {
	wire  []byte
	at    int
	names *interned
}

// read fills an answer in which Name and Type are set, and returns the last name of
// the chain.
func (m *fastReader) read(a *Answer) (last string, ok bool) {
	flags := binary.BigEndian.Uint16(m.wire[2:])
	const truncated = 1 << 9
	rcode := int(flags & 15)
	if flags&truncated != 0 || rcode != dns.RcodeSuccess && rcode != dns.RcodeNameError || binary.BigEndian.Uint16(m.wire[4:]) != 1 {
		return "", false
	}
	a.RCode = rcodeName(rcode)
	a.Authoritative, a.Recursion, a.AuthenticData = flags&(1<<10) != 0, flags&(1<<7) != 0, flags&(1<<5) != 0
	last = a.Name
	answers, authorities := int(binary.BigEndian.Uint16(m.wire[6:])), int(binary.BigEndian.Uint16(m.wire[8:]))
	for range answers {
		if !m.record(a, &last) {
			return "", false
		}
	}
	a.Status = statusOf(rcode)
	switch {
	case len(a.Records) > 0:
		return last, rcode == dns.RcodeSuccess
	case rcode == dns.RcodeSuccess && len(a.CNAMEs) > 0 && authorities == 0:
		return last, true
	}
	ttl, ok := m.absent(authorities)
	if !ok {
		return "", false
	}
	a.lowerTTL(ttl)
	if rcode == dns.RcodeSuccess {
		a.Status = StatusNoData
	} else if len(a.CNAMEs) > 0 {
		a.Detail = last + " does not exist"
	}
	return last, true
}

// header reads the fixed part of a record; data ends at end.
func (m *fastReader) header() (qtype uint16, ttl uint32, end int, ok bool) {
	const size = 10
	if m.at+size > len(m.wire) {
		return 0, 0, 0, false
	}
	fixed := m.wire[m.at:]
	m.at += size
	end = m.at + int(binary.BigEndian.Uint16(fixed[8:]))
	ok = binary.BigEndian.Uint16(fixed[2:]) == dns.ClassINET && end <= len(m.wire) && end > m.at
	return binary.BigEndian.Uint16(fixed), binary.BigEndian.Uint32(fixed[4:]), end, ok
}

// owner reads a record's name. Most records point to the question for it.
func (m *fastReader) owner(question string) (string, bool) {
	if m.at+1 < len(m.wire) && m.wire[m.at] == 0xc0 && m.wire[m.at+1] == questionStart {
		m.at += 2
		return question, true
	}
	return m.name()
}

// skip passes over a name that does not matter.
func (m *fastReader) skip() {
	for m.at < len(m.wire) {
		length := int(m.wire[m.at])
		switch {
		case length == 0:
			m.at++
			return
		case length >= 0xc0:
			m.at += 2
			return
		}
		m.at += 1 + length
	}
}

// record reads one record of the answer section.
func (m *fastReader) record(a *Answer, last *string) bool {
	owner, ok := m.owner(a.Name)
	if !ok || owner != *last {
		return false
	}
	qtype, ttl, end, ok := m.header()
	if !ok {
		return false
	}
	switch {
	case qtype == dns.TypeCNAME && a.Type == "A" && len(a.Records) == 0:
		target, ok := m.name()
		// Loops and long chains are for the general way.
		if !ok || m.at != end || target == a.Name || len(a.CNAMEs) >= maxChain/2 {
			return false
		}
		for _, earlier := range a.CNAMEs {
			if earlier == target {
				return false
			}
		}
		a.lowerTTL(ttl)
		a.CNAMEs = append(a.CNAMEs, target)
		*last = target
	case qtype == dns.TypeA && a.Type == "A" && end == m.at+4:
		addr := netip.AddrFrom4([4]byte(m.wire[m.at:]))
		m.at = end
		a.lowerTTL(ttl)
		a.Records = append(a.Records, Record{Name: owner, Type: "A", TTL: ttl, Address: addr, Text: addr.String()})
	case qtype == dns.TypeSRV && a.Type == "SRV" && end > m.at+6:
		r := Record{
			Name: owner, Type: "SRV", TTL: ttl,
			Priority: binary.BigEndian.Uint16(m.wire[m.at:]), Weight: binary.BigEndian.Uint16(m.wire[m.at+2:]), Port: binary.BigEndian.Uint16(m.wire[m.at+4:]),
		}
		m.at += 6
		if r.Target, ok = m.name(); !ok || m.at != end || r.Target == "." {
			return false
		}
		var buf [300]byte
		text := strconv.AppendUint(buf[:0], uint64(r.Priority), 10)
		text = strconv.AppendUint(append(text, ' '), uint64(r.Weight), 10)
		text = strconv.AppendUint(append(text, ' '), uint64(r.Port), 10)
		text = append(append(append(text, ' '), r.Target...), '.')
		r.Text = m.names.text(text)
		a.lowerTTL(ttl)
		a.Records = append(a.Records, r)
	default:
		return false
	}
	return true
}

// absent reads the SOA of the authority section: for how long an absence may be
// remembered.
func (m *fastReader) absent(authorities int) (ttl uint32, ok bool) {
	for range authorities {
		m.skip()
		qtype, ttl, end, ok := m.header()
		if !ok {
			return 0, false
		}
		if qtype == dns.TypeSOA {
			const numbers = 20 // serial, refresh, retry, expire and minimum
			m.skip()           // MNAME
			m.skip()           // RNAME
			if m.at+numbers != end {
				return 0, false
			}
			return min(ttl, binary.BigEndian.Uint32(m.wire[end-4:])), true
		}
		m.at = end
	}
	return 0, false
}

// name reads a name as display shows it.
func (m *fastReader) name() (string, bool) {
	var buf [256]byte
	out := buf[:0]
	at, jumped := m.at, false
	for {
		if at >= len(m.wire) {
			return "", false
		}
		length := int(m.wire[at])
		switch {
		case length == 0:
			if !jumped {
				m.at = at + 1
			}
			if len(out) == 0 {
				return ".", true
			}
			return m.names.text(out[:len(out)-1]), true
		case length >= 0xc0:
			if at+1 >= len(m.wire) {
				return "", false
			}
			to := (length&0x3f)<<8 | int(m.wire[at+1])
			if !jumped {
				m.at = at + 2
			}
			// Backwards only, so that no loop is possible.
			if to >= at {
				return "", false
			}
			at, jumped = to, true
		case length > 63 || at+1+length > len(m.wire) || len(out)+length+1 > 254:
			return "", false
		default:
			for _, b := range m.wire[at+1 : at+1+length] {
				if notHost(rune(b)) && b != '_' || b == '.' {
					return "", false
				}
			}
			out = append(append(out, m.wire[at+1:at+1+length]...), '.')
			at += 1 + length
		}
	}
}
