package dnscheck

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzUnpackAnswer: whatever a server sends, reading it must not panic, and only
// records for the question that was asked may come of it.
func FuzzUnpackAnswer(f *testing.F) {
	query := new(dns.Msg)
	query.SetQuestion("_sip._tls.contoso.example.", dns.TypeSRV)
	query.Id = 0x1234
	right := new(dns.Msg)
	right.SetReply(query)
	for _, line := range []string{"_sip._tls.contoso.example. CNAME a.example.", "a.example. SRV 100 1 443 sipdir.online.lync.com."} {
		rr, err := dns.NewRR(line)
		if err != nil {
			f.Fatal(err)
		}
		right.Answer = append(right.Answer, rr)
	}
	wire, err := right.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Add(wire[:len(wire)-3])
	other := right.Copy()
	other.Question[0].Name = "other.example."
	if wire, err = other.Pack(); err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Add([]byte{0x12, 0x34, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x12, 0x34, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 0x0c, 0, 33, 0, 1})

	question, err := query.Pack()
	if err != nil {
		f.Fatal(err)
	}
	question = question[12:] // the question as it stands on the wire
	empty := append([]byte{0x12, 0x34, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0}, question...)
	empty = append(empty, 0xc0, 0x0c, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0)
	if _, v, _ := unpackAnswer(query, empty); v != answerBroken {
		f.Errorf("verdict %v on a record without data", v)
	}
	f.Add(empty)
	f.Fuzz(func(t *testing.T, wire []byte) {
		msg, v, _ := unpackAnswer(query, wire)
		if (v == answerRight) != (msg != nil) {
			t.Fatalf("verdict %v with message %v", v, msg)
		}
		if msg == nil {
			return
		}
		if binary.BigEndian.Uint16(wire) != 0x1234 {
			t.Error("another id was accepted")
		}
		// Read without the library: either our question in letters of any case, or a
		// failure.
		same := len(wire) >= 12+len(question) && strings.EqualFold(string(wire[12:12+len(question)]), string(question))
		if rcode := wire[3] & 15; !same && (rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError) && !strings.Contains(string(wire[12:]), "\xc0") {
			t.Errorf("another question was accepted: %x", wire)
		}
		a := Answer{}
		_, loop := a.follow(msg, query.Question[0].Name, dns.TypeSRV, map[string]bool{"_sip._tls.contoso.example.": true})
		if len(a.CNAMEs) > maxChain || (loop && len(a.Records) > 0) {
			t.Errorf("loop %v, answer %+v", loop, a)
		}
		owner := "_sip._tls.contoso.example"
		if len(a.CNAMEs) > 0 {
			owner = a.CNAMEs[len(a.CNAMEs)-1]
		}
		for _, r := range a.Records {
			if r.Name != owner || r.Type != "SRV" || r.Address != (netip.Addr{}) || r.Text == "" || r.Target == "" {
				t.Errorf("record %+v does not belong to %s", r, owner)
			}
		}
	})
}

// FuzzAutodiscoverDocument: every document is either understood, with what its kind
// promises, or has a problem and a reason.
func FuzzAutodiscoverDocument(f *testing.F) {
	for _, text := range []string{
		"", "<", "{", "{}", "[]", "\xef\xbb\xbf <a/>", "plain",
		`<?xml version="1.0" encoding="utf-8"?><AutodiscoverResponse AccessLocation="External"><Root><Link token="Redirect" href="https://a.example/"/></Root></AutodiscoverResponse>`,
		`<AutodiscoverResponse><User><SipClientExternalAccess fqdn="sip.contoso.example" port="443"/></User></AutodiscoverResponse>`,
		`{"_links":{"self":{"href":"a"},"user":{"href":"https://a.example/user"},"xframe":[{"href":"x"}]}}`,
		`{"AccessLocation":"Internal","Root":{"Links":[{"href":"https://a.example/","token":"User"}]}}`,
		`{"User":{"SipClientInternalAccess":{"fqdn":"pool.contoso.example","port":5061}}}`,
		`<!DOCTYPE html><html><body><br></html>`, `<soap:Envelope/>`, `<!DOCTYPE x [<!ENTITY a "b">]><AutodiscoverResponse>&a;</AutodiscoverResponse>`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := parseDocument(body)
		if (d.problem == "") != (d.detail == "") {
			t.Errorf("problem %q, detail %q", d.problem, d.detail)
		}
		switch d.kind {
		case KindRedirect, KindRoot:
			if d.link == "" || d.problem != "" {
				t.Errorf("%s leads to %q, problem %q", d.kind, d.link, d.problem)
			}
		case KindUser:
			if d.problem != "" {
				t.Errorf("user document with problem %q", d.problem)
			}
		case KindHTML, KindError:
			if d.problem == "" {
				t.Errorf("%s without a problem", d.kind)
			}
		default:
			t.Errorf("kind %q", d.kind)
		}
		for _, s := range d.servers {
			if s.Host == "" || (s.Access != "internal" && s.Access != "external") {
				t.Errorf("server %+v", s)
			}
		}
	})
}

// TestParseDocument holds both notations: the XML of MS-OCDISCWS section 2.2, the
// JSON of the UCWA documentation, and the JSON that mirrors the XML.
func TestParseDocument(t *testing.T) {
	servers := []SIPServer{{"internal", "pool.contoso.example", 5061}, {"external", "sip.contoso.example", 443}}
	tests := []struct {
		text    string
		kind    Kind
		link    string
		servers []SIPServer
		problem Problem
	}{
		{`<AutodiscoverResponse AccessLocation="External"><Root><Link token="Redirect" href=" https://a.example/ "/></Root></AutodiscoverResponse>`, KindRedirect, "https://a.example/", nil, ""},
		{`<x:autodiscoverresponse xmlns:x="urn:x"><x:Root><x:Link Token="user" Href="u"/><x:Link token="Domain" href="d"/></x:Root></x:autodiscoverresponse>`, KindRoot, "u", nil, ""},
		{`<AutodiscoverResponse><User><SipServerInternalAccess fqdn="x" port="5061"/><SipClientInternalAccess fqdn="Pool.contoso.example" port="5061"/><SipClientExternalAccess fqdn="sip.contoso.example" port="443"/><Link token="Internal/Ucwa" href="x"/></User></AutodiscoverResponse>`, KindUser, "", servers, ""},
		{`<AutodiscoverResponse><User><Link token="Redirect" href="r"/></User></AutodiscoverResponse>`, KindRedirect, "r", nil, ""},
		{`<AutodiscoverResponse><Root/></AutodiscoverResponse>`, KindError, "", nil, ProblemMalformed},
		{`<AutodiscoverResponse><Root><Link token="User" href="u"/>`, KindError, "", nil, ProblemMalformed},
		{`{"_links":{"self":{"href":"s"},"redirect":{"href":"https://a.example/"}}}`, KindRedirect, "https://a.example/", nil, ""},
		{`{"_links":{"self":{"href":"s"},"user":{"href":"u"},"xframe":{"href":"x"}}}`, KindRoot, "u", nil, ""},
		{`{"_links":{"self":{"href":"s"},"applications":{"href":"a"},"xframe":{"href":"x"}}}`, KindUser, "", nil, ""},
		{`{"AccessLocation":"External","Root":{"Links":[{"href":"d","token":"Domain"},{"href":"u","token":"User"}]}}`, KindRoot, "u", nil, ""},
		{`{"User":{"SipClientInternalAccess":{"fqdn":"pool.contoso.example","port":"5061"},"SipClientExternalAccess":{"fqdn":"sip.contoso.example","port":443}}}`, KindUser, "", servers, ""},
		{`{"_links":{"self":{"href":"s"}}}`, KindError, "", nil, ProblemNotAutodiscover},
		{`{"_links":`, KindError, "", nil, ProblemMalformed},
		{`{"error":"x"}`, KindError, "", nil, ProblemNotAutodiscover},
		{`<html><body>hello<br></body></html>`, KindHTML, "", nil, ProblemNotAutodiscover},
		{`<s:Envelope xmlns:s="urn:x"/>`, KindError, "", nil, ProblemNotAutodiscover},
		{` `, KindError, "", nil, ProblemNotAutodiscover},
	}
	for _, test := range tests {
		d := parseDocument([]byte(test.text))
		if d.kind != test.kind || d.link != test.link || d.problem != test.problem || len(d.servers) != len(test.servers) {
			t.Errorf("%s:\n%+v, want %s %q %q", test.text, d, test.kind, test.link, test.problem)
			continue
		}
		for i, s := range test.servers {
			if d.servers[i] != s {
				t.Errorf("%s: server %+v, want %+v", test.text, d.servers[i], s)
			}
		}
	}
}

// FuzzFastReader: what the short way reads must be what the general way reads.
func FuzzFastReader(f *testing.F) {
	query := newQuery("sip.contoso.example.", dns.TypeA)
	query.Id = 0x1234
	services := newQuery("_sip._tls.contoso.example.", dns.TypeSRV)
	services.Id = 0x1234
	for _, q := range []*dns.Msg{query, services} {
		for _, lines := range [][]string{
			{"sip.contoso.example. 60 CNAME sipdir.online.lync.com.", "sipdir.online.lync.com. 30 A 127.0.0.1"},
			{"sip.contoso.example. CNAME sip.contoso.example."},
			{"_sip._tls.contoso.example. 9 SRV 100 1 443 sipdir.online.lync.com."},
			{"sip.contoso.example. A 127.0.0.1", "sip.contoso.example. A 127.0.0.2"},
			nil,
		} {
			m := new(dns.Msg)
			m.SetReply(q)
			m.Compress = true
			for _, line := range lines {
				rr, err := dns.NewRR(line)
				if err != nil {
					f.Fatal(err)
				}
				m.Answer = append(m.Answer, rr)
			}
			if lines == nil {
				soa, err := dns.NewRR("contoso.example. 60 SOA a. b. 1 2 3 4 30")
				if err != nil {
					f.Fatal(err)
				}
				m.Ns = append(m.Ns, soa)
			}
			wire, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(wire, q == services)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, srv bool) {
		q := query
		if srv {
			q = services
		}
		question := appendQuestion(nil, display(q.Question[0].Name), q.Question[0].Qtype)
		question = question[questionStart : len(question)-ednsSize]
		if len(wire) < questionStart+len(question) || wire[2]&0x80 == 0 || string(wire[questionStart:questionStart+len(question)]) != string(question) {
			return
		}
		wire[0], wire[1] = 0x12, 0x34
		a := Answer{Name: display(q.Question[0].Name), Type: dns.TypeToString[q.Question[0].Qtype]}
		m := fastReader{wire: wire, at: questionStart + len(question), names: new(interned)}
		last, ok := m.read(&a)
		if !ok {
			return
		}
		msg, v, detail := unpackAnswer(q, wire)
		if v != answerRight {
			// The general way reads the sections behind the answer as well.
			if !strings.Contains(detail, "cannot be read") {
				t.Errorf("read %+v of what is refused: %s", a, detail)
			}
			return
		}
		want := Answer{Name: a.Name, Type: a.Type, Status: a.Status, RCode: a.RCode, Detail: a.Detail,
			Authoritative: msg.Authoritative, Recursion: msg.RecursionAvailable, AuthenticData: msg.AuthenticatedData}
		name := q.Question[0].Name
		wantLast, loop := want.follow(msg, name, q.Question[0].Qtype, map[string]bool{name: true})
		if len(want.Records) == 0 && (a.Status != StatusOK) {
			want.absentFor(msg)
		}
		if loop || display(wantLast) != last || !reflect.DeepEqual(a, want) {
			t.Errorf("the short way reads\n%+v, %s\nthe general way\n%+v, %s, loop %v", a, last, want, wantLast, loop)
		}
	})
}
