package dnscheck_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
)

// said is what a reading must hold: name, type, status, server, data.
func said(n dnscheck.NSLookup) string {
	var data []string
	for _, r := range n.Records {
		data = append(data, r.Text)
	}
	text := fmt.Sprintf("%s %s %s @%s", n.Name, n.Type, n.Status, n.Server)
	if n.ServerAddr.IsValid() {
		text += "/" + n.ServerAddr.String()
	}
	if len(n.CNAMEs) > 0 {
		text += " via " + strings.Join(n.CNAMEs, " ")
	}
	return text + " " + strings.Join(data, ",")
}

func readings(t *testing.T, text []byte) []string {
	t.Helper()
	list, err := dnscheck.ParseNSLookup(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range list {
		all = append(all, said(n))
	}
	return all
}

// TestNSLookupCorpus holds the meaning that SOURCES.tsv notes for each file.
func TestNSLookupCorpus(t *testing.T) {
	for file, want := range map[string]string{
		"nslookup_de_mx.txt":                  "tbz.ch MX ok @STBZDC12.tbz.local/10.62.99.8 10 tbz-ch.mail.protection.outlook.com.",
		"nslookup_en_nxdomain_short.txt":      "dc01  no-such-name @ ",
		"nslookup_en_srv_interactive.txt":     "_sip._tcp.home.mattkeys.net SRV ok @UnKnown/192.168.1.14 30 10 5060 sipx.home.mattkeys.net.",
		"nslookup_en_srv_two_records.txt":     "_proxy._tcp.packetflagon.is SRV ok @google-public-dns-a.google.com/2001:4860:4860::8888 0 5 8080 proxy-1-1.packetflagon.is.,0 15 8080 proxy-1-2.packetflagon.is.",
		"nslookup_en_timeout_then_answer.txt": "www.fakelogin.net A ok @UnKnown/192.168.88.1 192.168.88.226",
		"nslookup_es_success.txt":             "tokioschool.com A ok @UnKnown/192.168.18.1 99.84.9.39,99.84.9.101,99.84.9.3,99.84.9.70",
		"nslookup_fr_nxdomain.txt":            "22.146.54.58  no-such-name @dns.google/8.8.8.8 ",
		"nslookup_ja_success.txt":             "www.kobedenshi.ac.jp A ok @dns.google/8.8.8.8 35.76.177.158",
	} {
		text := []byte(shared(t, "corpus/nslookup/"+file))
		var wide []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + string(text))) {
			wide = binary.LittleEndian.AppendUint16(wide, unit)
		}
		for form, text := range map[string][]byte{
			"as it is": text, "CRLF": bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), "UTF-16": wide,
			"labels unreadable": unreadable(text),
		} {
			got := readings(t, text)
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s, %s:\n%q\nwant %q", file, form, got, want)
			}
		}
	}
}

// TestNSLookupResult: the question that was answered stands, whatever failed before
// it, and addresses beside SRV records belong to their hosts.
func TestNSLookupResult(t *testing.T) {
	const text = `C:\>nslookup -type=SRV _sip._tls.contoso.example
Server:  UnKnown
Address:  10.0.0.53

*** UnKnown can't find _sip._tls.contoso.example: Server failed
C:\>nslookup -type=SRV _sip._tls.contoso.example
Server:  UnKnown
Address:  10.0.0.53

_sip._tls.contoso.example	SRV service location:
	  priority       = 100
	  weight         = 1
	  port           = 443
	  svr hostname   = sipdir.online.lync.com
sipdir.online.lync.com	internet address = 127.0.1.1
C:\>nslookup lyncdiscover.contoso.example 10.0.0.54
Server:  dc2.corp.example
Address:  10.0.0.54

Non-authoritative answer:
Name:    webdir.online.lync.com
Address:  127.0.1.2
Aliases:  lyncdiscover.contoso.example
`
	list, err := dnscheck.ParseNSLookup(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	res := dnscheck.NSLookupResult("contoso.example", list)
	var got []string
	for _, c := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "")) {
		if c.Answer != "" {
			got = append(got, fmt.Sprint(c.Server, " ", c.Name, " ", c.Status, " ", c.Found))
		}
	}
	want := []string{
		"nslookup at 10.0.0.53 _sip._tls.contoso.example ok [100 1 443 sipdir.online.lync.com.]",
		"nslookup at dc2.corp.example lyncdiscover.contoso.example ok [webdir.online.lync.com.]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestNSLookupSaysNothing: what was not asked of a name is not known of it.
func TestNSLookupSaysNothing(t *testing.T) {
	const server = "Server:  dns.contoso.example\nAddress:  10.0.0.1\n\n"
	for label, test := range map[string]struct {
		text string
		want dnscheck.Status // of the host, "" for none
	}{
		"no IPv6 address": {"C:\\>nslookup -type=AAAA sip.contoso.example\n" + server + "contoso.example\n\tprimary name server = ns1.contoso.example\n", ""},
		"no alias":        {"C:\\>nslookup -type=CNAME sip.contoso.example\n" + server + "contoso.example\n\tprimary name server = ns1.contoso.example\n", ""},
		"no SRV record":   {"C:\\>nslookup -q=srv sip.contoso.example\n" + server + "contoso.example\n\tprimary name server = ns1.contoso.example\n", ""},
		"a search suffix": {"C:\\>nslookup sip.contoso.example\n" + server + "Name:    sip.contoso.example.corp.example\nAddress:  127.0.0.1\n", dnscheck.StatusOtherRCode},
		"an address":      {"C:\\>nslookup sip.contoso.example\n" + server + "Name:    sip.contoso.example\nAddress:  127.0.0.1\n", dnscheck.StatusOK},
	} {
		list, err := dnscheck.ParseNSLookup(strings.NewReader(test.text))
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		h, _ := dnscheck.NSLookupResult("contoso.example", list).Host("nslookup at dns.contoso.example", "sip.contoso.example")
		if h.Status != test.want {
			t.Errorf("%s: %q, want %q", label, h.Status, test.want)
		}
	}
	list, err := dnscheck.ParseNSLookupFile(`O365_NSLookup\nslookup sipdir.online.lync.com.txt`, strings.NewReader(server+"DNS request timed out.\n    timeout was 2 seconds.\n*** Request to dns.contoso.example timed-out\n"))
	if err != nil || len(list) != 1 || list[0].Name != "sipdir.online.lync.com" || list[0].Status != dnscheck.StatusNoAnswer {
		t.Errorf("a file named after its command: %+v, %v", list, err)
	}
}

// unreadable makes one octet of each character that is not ASCII, as in an OEM code
// page.
func unreadable(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		if r < 0x80 {
			out = append(out, byte(r))
		} else {
			out = append(out, 0x80|byte(r))
		}
	}
	return out
}

// TestNSLookupForms holds the forms of Windows' nslookup that the corpus lacks.
func TestNSLookupForms(t *testing.T) {
	const server = "Server:  dns.contoso.example\nAddress:  10.0.0.1\n\n"
	const at = "@dns.contoso.example/10.0.0.1"
	for _, test := range []struct {
		label, text string
		want        []string
	}{
		{"alias chain", server + "Non-authoritative answer:\nName:    a.infra.lync.example\nAddresses:  ::1\n\t  127.0.0.1\nAliases:  sip.contoso.example\n\t  sipdir.lync.example\n\n",
			[]string{"sip.contoso.example A ok " + at + " via sipdir.lync.example a.infra.lync.example ::1,127.0.0.1"}},
		{"no address", "C:\\>nslookup -q=aaaa contoso.example\n" + server + "Name:    contoso.example\n\n", []string{"contoso.example AAAA no-data " + at + " "}},
		{"zone in place of records", "nslookup -type=SRV _sip._tls.contoso.example\n" + server + "contoso.example\n\tprimary name server = ns1.contoso.example\n\tserial  = 7\n", []string{"_sip._tls.contoso.example SRV no-data " + at + " "}},
		{"time-out", server + "DNS request timed out.\n    timeout was 2 seconds.\nDNS request timed out.\n    timeout was 2 seconds.\n*** Request to dns.contoso.example timed-out\n", []string{"  no-answer " + at + " "}},
		{"server failed", server + "*** dns.contoso.example can't find sip.contoso.example: Server failed\n", []string{"sip.contoso.example  server-failure " + at + " "}},
		{"refused", server + "*** dns.contoso.example can't find sip.contoso.example: Query refused\n", []string{"sip.contoso.example  refused " + at + " "}},
		{"silent server", "*** UnKnown can't find sip.contoso.example: No response from server\n", []string{"sip.contoso.example  no-answer @ "}},
		{"no records", server + "*** No internal type for both IPv4 and IPv6 Addresses (A+AAAA) records available for _tls.contoso.example\n", []string{"_tls.contoso.example  no-data " + at + " "}},
		{"server without a name", "*** Can't find server name for address 10.0.0.1: Non-existent domain\nServer:  UnKnown\nAddress:  10.0.0.1\n\nName:    a.example\nAddress:  127.0.0.1\n\n", []string{"a.example A ok @UnKnown/10.0.0.1 127.0.0.1"}},
		{"error before the server", "*** dns.contoso.example can't find nothing.example: Non-existent domain\n" + server, []string{"nothing.example  no-such-name " + at + " "}},
		{"label before the server", "\xb7\xc7\xc8\xa8\xcd\xfe\xd3\xa6\xb4\xf0:\n\xb7\xfe\xce\xf1\xc6\xf7:  dns.contoso.example\nAddress:  10.0.0.1\n\n\xc3\xfb\xb3\xc6:    a.example\nAddress:  127.0.0.1\n\n", []string{"a.example A ok " + at + " 127.0.0.1"}},
		{"one after another", "\xd1\xe5:  d.example\nAddress:  10.0.0.1\n\nX:    a.example\nAddress:  127.0.0.1\n\n\xd1\xe5:  d.example\nAddress:  10.0.0.1\n\nX:    b.example\nAddress:  127.0.0.2\n\n",
			[]string{"a.example A ok @d.example/10.0.0.1 127.0.0.1", "b.example A ok @d.example/10.0.0.1 127.0.0.2"}},
		{"session", "> set q=srv\n> _sip._tls.a.example\n" + server + "_sip._tls.a.example\tSRV service location:\n\t  priority       = 100\n\t  weight         = 1\n\t  port           = 443\n\t  svr hostname   = sipdir.online.lync.com\n> _sip._tls.b.example\n" + server + "*** dns.contoso.example can't find _sip._tls.b.example: Non-existent domain\n> exit\n",
			[]string{"_sip._tls.a.example SRV ok " + at + " 100 1 443 sipdir.online.lync.com.", "_sip._tls.b.example SRV no-such-name " + at + " "}},
		{"session from a file", "Default Server:  dns.contoso.example\nAddress:  10.0.0.1\n\n> > " + server + "Name:    a.example\nAddress:  127.0.0.1\n\n> *** dns.contoso.example can't find b.example: Non-existent domain\n> ",
			[]string{"a.example A ok " + at + " 127.0.0.1", "b.example  no-such-name @ "}},
		{"words in another order", "*** dns.contoso.example kann nothing.example nicht finden: Non-existent domain\n" + server, []string{"nothing.example  no-such-name " + at + " "}},
		{"another order behind the server", server + "*** dns.contoso.example kan nothing.example niet vinden: Non-existent domain\n", []string{"nothing.example  no-such-name " + at + " "}},
		{"another order behind the command", "C:\\>nslookup dc01\n" + server + "*** dns.contoso.example kann dc01 nicht finden: Non-existent domain\n", []string{"dc01  no-such-name " + at + " "}},
		{"canonical name", "nslookup -type=CNAME sip.contoso.example\n" + server + "sip.contoso.example\tcanonical name = sipdir.online.lync.com\n", []string{"sip.contoso.example CNAME ok " + at + " sipdir.online.lync.com."}},
		{"search suffix", "nslookup dc01\n" + server + "Name:    dc01.contoso.example\nAddress:  127.0.0.1\n", []string{"dc01.contoso.example A ok " + at + " 127.0.0.1"}},
	} {
		if got := readings(t, []byte(test.text)); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%q, want\n%q", test.label, got, test.want)
		}
	}
}

func TestNSLookupRefuses(t *testing.T) {
	for label, text := range map[string]string{
		"empty": "", "another text": "hello\nworld: x\n", "too long": strings.Repeat("Server: x\n", 1<<17),
		"a request to run it": "Please run nslookup sip.contoso.example and send me what it says.\n",
		"another program":     "Windows IP Configuration\n\nEthernet adapter:\n   IPv4 Address: 10.0.0.5\n   Address: 10.0.0.5\n",
		"only a greeting":     "DNS request timed out.\n    timeout was 2 seconds.\nDefault Server:  UnKnown\nAddress:  10.0.0.1\n\n> ",
	} {
		if list, err := dnscheck.ParseNSLookup(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", label, list)
		}
	}
}

// FuzzParseNSLookup: a reading has a status that it can have, ok only with records,
// and no more readings than lines come out.
func FuzzParseNSLookup(f *testing.F) {
	f.Add([]byte("> set q=srv\n> a.example\nServer:  x\nAddress:  10.0.0.1\n\na.example\tSRV service location:\npriority = 1\nsvr hostname = b.example\n"))
	f.Add([]byte("*** Can't find server name for address ::1: Timed out\nServer: u\nAddress: ::1\n\nName: a\nAddresses: 1.2.3.4\n 1.2.3.5\nAliases: b\n c\n"))
	f.Add([]byte("\xff\xfen\x00s\x00l\x00"))
	f.Add([]byte("nslookup -q=mx a\na MX preference = 10, mail exchanger = b\nprimary name server = x\nDNS request timed out.\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := dnscheck.ParseNSLookup(bytes.NewReader(text))
		if err != nil && list != nil {
			t.Errorf("%v with an error", list)
		}
		if len(list) > len(text)/3+1 {
			t.Errorf("%d readings of %d octets", len(list), len(text))
		}
		res := dnscheck.NSLookupResult("contoso.example", list)
		for _, c := range dnscheck.Evaluate(res, dnscheck.LyncOnline("contoso.example", "")) {
			if c.Status == dnscheck.CheckOK && len(c.Found) == 0 || c.Status == dnscheck.CheckMissing && len(c.Found) > 0 {
				t.Errorf("%s: %s with %q", c.Name, c.Status, c.Found)
			}
		}
		for _, n := range list {
			switch n.Status {
			case dnscheck.StatusOK:
				if len(n.Records) == 0 || n.Type == "" || n.Name == "" {
					t.Errorf("ok: %+v", n)
				}
			case dnscheck.StatusNoSuchName, dnscheck.StatusNoData, dnscheck.StatusServerFailure, dnscheck.StatusRefused, dnscheck.StatusNoAnswer, dnscheck.StatusOtherRCode:
				if len(n.Records) > 0 {
					t.Errorf("%s with records: %+v", n.Status, n)
				}
			default:
				t.Errorf("status %q", n.Status)
			}
		}
	})
}
