package sip_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func TestTortureMessages(t *testing.T) {
	// What RFC 4475 says the message means, for those whose meaning is easily lost.
	want := map[string]func(*sip.Message) string{
		"wsinv":    headers("To", "sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n", "CSeq", "0009 INVITE", "Subject", "", "NewFangledHeader", "newfangled value continued newfangled value", "Contact", `"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33`),
		"intmeth":  headers("CSeq", "139122385 !interesting-Method0123456789_*+`.%indeed'~", "extensionHeader-!.%*+_`'~", "\ufeff\u5927\u505c\u96fb"),
		"esc01":    headers("Call-ID", "esc01.239409asdfakjkn23onasd0-3234", "Contact", "<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>", "Content-Type", "application/sdp"),
		"esc02":    headers("Contact", "<sip:alias1@host1.example.com>", "C%6Fntact", "<sip:alias2@host2.example.com>"),
		"semiuri":  headers("Accept", "application/sdp, application/pkcs7-mime, multipart/mixed, multipart/signed, message/sip, message/sipfrag"),
		"noreason": headers("CSeq", "35 INVITE"),
		"multi01":  headers("CSeq", "5 INVITE", "Call-ID", "multi01.98asdh@192.0.2.1"),
		"lwsruri": func(m *sip.Message) string {
			if m.URI != "sip:user@example.com; lr" {
				return "URI " + m.URI
			}
			return ""
		},
		"longreq": func(m *sip.Message) string {
			if n := len(m.Values("Via")); n != 34 {
				return fmt.Sprint(n, " Vias")
			}
			return ""
		},
	}
	for _, dir := range []string{"valid", "invalid"} {
		files, err := filepath.Glob(filepath.Join(shared(t, "corpus", "rfc4475", dir), "*.dat"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no messages in %s: %v", dir, err)
		}
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), ".dat")
			t.Run(dir+"/"+name, func(t *testing.T) {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				// None is refused: even the invalid ones are wrong inside a value only.
				m, err := sip.ParseMessage(b)
				if err != nil {
					t.Fatal(err)
				}
				again, err := sip.ParseMessage(m.Append(nil))
				if err != nil || !reflect.DeepEqual(m, again) {
					t.Errorf("written and read again: %v\n got %+v\nwant %+v", err, again, m)
				}
				if m.Get("Call-ID") == "" && name != "insuf" {
					t.Error("no Call-ID")
				}
				if check := want[name]; check != nil {
					if wrong := check(m); wrong != "" {
						t.Error(wrong)
					}
				}
				n := 0
				for r, err := range sip.ParseLog(bytes.NewReader(b)) {
					if err != nil {
						t.Fatal(err)
					}
					if n++; n == 1 && r.Message.Get("Call-ID") != m.Get("Call-ID") {
						t.Errorf("as a log: %+v", r.Message)
					}
				}
				if wantN := 1 + strings.Count(name, "dblreq"); n != wantN {
					t.Errorf("as a log: %d messages, want %d", n, wantN)
				}
			})
		}
	}
}

func headers(pairs ...string) func(*sip.Message) string {
	return func(m *sip.Message) string {
		for i := 0; i < len(pairs); i += 2 {
			if got := m.Get(pairs[i]); got != pairs[i+1] {
				return fmt.Sprintf("%s: %q, want %q", pairs[i], got, pairs[i+1])
			}
		}
		return ""
	}
}

// TestCorpusLogs reads every text of the corpus as a log: what it is taken for, how many messages it has, and what stands in the first.
func TestCorpusLogs(t *testing.T) {
	for _, c := range []struct {
		file, format string
		messages     int
		steps        int
		check        func(*sip.Message) string
	}{
		{"client-log/client_lync_msdiag_4005_line.txt", "sip", 1, 0, diagnostic(4005, "Destination URI either not enabled for SIP or does not exist", "Lyncpool.domainname.com", 0)},
		{"client-log/client_sfb_msdiag_1017_line.txt", "sip", 1, 0, diagnostic(1017, "Cannot route From and To domains in this combination", "", 1)},
		{"client-log/client_sfb2016_500_exum_15000_indented.txt", "sip", 1, 0, both(
			diagnostic(15000, "Unable to read the user properties publication for the user or contact object.", "NASEAPOOLFE01.CONTOSO.COM", 1),
			headers("Call-ID", "fd8c35c4bf9c41999f72bac2ddbacec4", "CSeq", "1 INVITE", "Server", "ExumRouting/7.0.0.0"))},
		{"client-log/client_sfb2016_504_1009_tlsdsk.txt", "sip", 1, 0, both(
			diagnostic(1009, "No match for domain in DNS SRV results", "sip.skype.lab", 2),
			headers("CSeq", "1 INVITE", "Via", "SIP/2.0/TLS 10.55.186.71:62937;ms-received-port=62937;ms-received-cid=6DA00", "Server", "RTC/6.0"))},
		{"client-log/openspecs_flattened_200ok_tlsdsk.txt", "sip", 1, 0, both(
			func(m *sip.Message) string {
				if m.Reason != "OK" || len(m.Values("Supported")) != 7 || len(m.Body) > 0 {
					return fmt.Sprintf("%q, %d Supported", m.Reason, len(m.Values("Supported")))
				}
				return ""
			},
			headers("CSeq", "1 INVITE", "Server", "Mediation Server", "Content-Length", "422", "Allow", "ACK",
				"ms-trunking-peer", `gateway.company1.com;trunk=trunk1;User-Agent="Gateway 1.0"`))},
		{"sip/sip_200ok_ocs2007r2_register.sip", "sip", 1, 0, headers("CSeq", "3 REGISTER", "Server", "RTC/3.5", "Expires", "7200")},
		{"sip/sip_200ok_sloppy_from_params.sip", "sip", 1, 0, headers("From", "sip:foo.bar@company.com;something else", "X-Some-Header", "SiP:joe.header@test.com")},
		{"sip/sip_register_ocs2007r2_ntlm_phase3.sip", "sip", 1, 0, headers("CSeq", "3 REGISTER", "Event", "registration")},
		{"sip/sip_subscribe_mssip_folded.txt", "sip", 1, 0, headers("Call-ID", "72558074992e4f2cafb48c6e44b90a0c",
			"Contact", "<sip:samtest1@pstntest.rtmp.selfhost.corp.microsoft.com:16577; maddr=172.24.34.1;transport=tcp>; proxy=replace",
			"Proxy-Authorization", `NTLM qop="auth", realm="SIP Communications Service",`)},
		{"sipe-log/pidgin_pastebin_wb0WpJg8_head.txt", "sipe", 0, 1, nil},
		{"sipe-log/sipe_issue109_dns_line.txt", "sipe", 0, 1, nil},
		{"sipe-log/sipe_issue165_webticket_o365.txt", "sipe", 0, 2, nil},
		{"server-log/server_ocs2007r2_sipstack_protocol_record.txt", "sipstack", 1, 0, headers("CSeq", "1 OPTIONS", "Max-Forwards", "70", "User-Agent", "RTCC/4.0.0.0", "Message-Body", "")},
		// A diagnostic record speaks of a message that is traced elsewhere.
		{"server-log/server_sfb2015_edge_tfdiag_warn_no_srv_match.txt", "sipstack", 0, 1, nil},
	} {
		t.Run(c.file, func(t *testing.T) {
			log := sip.NewLog(bytes.NewReader(readShared(t, "corpus", filepath.FromSlash(c.file))))
			messages, steps := 0, 0
			for r, err := range log.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if r.Step != nil {
					steps++
					continue
				}
				if messages++; messages > 1 || c.check == nil {
					continue
				}
				if wrong := c.check(r.Message); wrong != "" {
					t.Error(wrong)
				}
				if r.Truncated && !strings.Contains(c.file, "openspecs") {
					t.Error("truncated")
				}
			}
			if s := log.Summary(); s.Format != c.format || messages != c.messages || s.Messages != c.messages || steps != c.steps {
				t.Errorf("format %s, %d messages, %d steps; want %s, %d, %d", s.Format, messages, steps, c.format, c.messages, c.steps)
			}
		})
	}
}

func diagnostic(id int, reason, source string, params int) func(*sip.Message) string {
	return func(m *sip.Message) string {
		d := sip.Diagnostics(m)
		if len(d) != 1 || d[0].ID != id || d[0].Reason != reason || d[0].Source != source || len(d[0].Params) != params {
			return fmt.Sprintf("diagnostics %+v", d)
		}
		return ""
	}
}

func both(a, b func(*sip.Message) string) func(*sip.Message) string {
	return func(m *sip.Message) string { return a(m) + b(m) }
}

func TestCorpusServerRecord(t *testing.T) {
	b := readShared(t, "corpus", "server-log", "server_ocs2007r2_sipstack_protocol_record.txt")
	for r, err := range sip.ParseLog(bytes.NewReader(b)) {
		if err != nil {
			t.Fatal(err)
		}
		if got := r.At.Format("2006-01-02 15:04:05.000"); got != "2012-01-18 05:00:43.101" || r.Direction != "in" || r.Remote != "lyncservr.contoso.com:61182" || r.Thread != "06E4.0EB4" {
			t.Errorf("got %+v", r)
		}
		if r.Message.Method != "OPTIONS" || r.Message.URI != "sip:Options_User@fabrikam.com" || r.Message.Body != nil {
			t.Errorf("got %+v", r.Message)
		}
	}
}
