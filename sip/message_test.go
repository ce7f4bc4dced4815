package sip_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func TestParseMessageShapes(t *testing.T) {
	plain := "SIP/2.0 404 Not Found\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\nms-diagnostics: 4005;reason=\"a b\"\r\n\r\n"
	want, err := sip.ParseMessage([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	if want.Request || want.Status != 404 || want.Reason != "Not Found" || want.Version != "SIP/2.0" || len(want.Headers) != 3 || want.Body != nil {
		t.Fatalf("got %+v", want)
	}
	for name, text := range map[string]string{
		"line feeds":            strings.ReplaceAll(plain, "\r\n", "\n"),
		"carriage returns":      strings.ReplaceAll(plain, "\r\n", "\r"),
		"keep-alives before":    "\r\n\r\n" + plain,
		"byte order mark":       "\ufeff" + plain,
		"indented by one":       strings.Replace(strings.TrimRight(strings.ReplaceAll(plain, "\r\n", "\r\n "), " "), " \r\n", "\r\n", 1),
		"indented by a tab":     strings.ReplaceAll(plain, "\r\n", "\r\n\t"),
		"all indented":          "  " + strings.ReplaceAll(plain, "\r\n", "\r\n  "),
		"folded":                strings.Replace(plain, "\"a b", "\r\n  \"a\r\n\tb", 1),
		"no blank line":         strings.TrimRight(plain, "\r\n"),
		"blank line in between": strings.Replace(plain, "CSeq", "\r\nCSeq", 1),
		"backslashes":           strings.ReplaceAll(plain, "\r\n", "\\\r\n"),
		"start line swallowed":  strings.Replace(plain, "Found\r\n", "Found ", 1),
		"one line":              strings.ReplaceAll(plain, "\r\n", " "),
		"CSeq swallowed":        strings.Replace(plain, "REGISTER\r\n", "REGISTER ", 1),
	} {
		got, err := sip.ParseMessage([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range got.Headers { // folding leaves a space where the quoted text has none
			got.Headers[i].Value = strings.ReplaceAll(got.Headers[i].Value, "= ", "=")
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q\n got %+v\nwant %+v", name, text, got, want)
		}
	}
}

func TestBody(t *testing.T) {
	for _, c := range []struct{ name, text, body string }{
		{"as announced", "SIP/2.0 200 OK\r\nl: 3\r\n\r\nabc", "abc"},
		{"line end after it", "SIP/2.0 200 OK\r\nl: 3\r\n\r\nabc\r\n", "abc"},
		{"longer than announced", "SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abcdef"},
		{"shorter than announced", "SIP/2.0 200 OK\r\nContent-Length: 30\r\n\r\nabc", "abc"},
		{"none announced", "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\nthe rest of a mail", ""},
		{"no length", "SIP/2.0 200 OK\r\nServer: x\r\n\r\nabc\r\n", "abc\r\n"},
		{"blank lines inside", "SIP/2.0 200 OK\r\nContent-Type: text/plain\r\n\r\na\r\n\r\nTo: b", "a\r\n\r\nTo: b"},
		{"XML without a blank line", "SIP/2.0 200 OK\nServer: x\n<a>\n</a>", "<a>\n</a>"},
		{"XML copied from a tree", "SIP/2.0 200 OK\n Server: x\n- <Fault>\n", "- <Fault>\n"},
	} {
		m, err := sip.ParseMessage([]byte(c.text))
		if err != nil || string(m.Body) != c.body {
			t.Errorf("%s: body %q, want %q (%v)", c.name, m.Body, c.body, err)
		}
	}
}

func TestNotSIP(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
	}{
		{"", 1}, {"\r\n\r\n", 3}, {"HTTP/1.1 200 OK\r\n", 1}, {"\nGET / HTTP/1.1\n", 2}, {"SIP/2.0 OK\n", 1}, {"SIP/2.0 4294967301 x\n", 1},
		{"To: joe@contoso.com\nFrom: you\n", 1}, {"From: <sip:a@b>", 0}, {"REGISTER contoso SIP/2.0", 1}, {"\x16\x03\x01", 1}, {"220 mail ESMTP", 1},
	} {
		m, err := sip.ParseMessage([]byte(c.text))
		var pe *sip.ParseError
		if c.line == 0 {
			if err != nil || m.Get("f") != "<sip:a@b>" {
				t.Errorf("%q: %v", c.text, err)
			}
		} else if !errors.As(err, &pe) || pe.Line != c.line || pe.Detail == "" {
			t.Errorf("%q: error %v, want one of line %d", c.text, err, c.line)
		}
	}
}

// Text made to look like many lost line breaks must not cost more than its length.
func TestHostileTextIsLinear(t *testing.T) {
	const size = 1 << 20
	for _, part := range []string{`A-:\ `, "A-: \" ", "A-: ", "\"", "x\n", " x\n", "A:\n", "\\\n", "#015", "\n\nTo: x\n", "v=0 ", "\"\\"} {
		for _, start := range []string{"SIP/2.0 200 ", "SIP/2.0 200 x\r\nCSeq: ", "REGISTER sip:a SIP/2.0 To: "} {
			text := start + strings.Repeat(part, size/len(part))
			begin := time.Now()
			if _, err := sip.ParseMessage([]byte(text)); err != nil {
				t.Errorf("%q after %q: %v", part, start, err)
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("%q after %q took %v", part, start, d)
			}
		}
	}
}

func TestHeaderNames(t *testing.T) {
	m, err := sip.ParseMessage([]byte("SIP/2.0 200 OK\r\nI: 1\r\nv: a\r\nVIA: b\r\nVia : c\r\nCSEQ: 7  REGISTER\r\nk: x\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Values("via"); !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Errorf("Via: %q", got)
	}
	if m.Get("call-id") != "1" || m.Get("i") != "1" || m.Get("SUPPORTED") != "x" || m.Get("To") != "" || m.Headers[0].Name != "I" {
		t.Errorf("got %+v", m.Headers)
	}
	if n, method, ok := m.CSeq(); n != 7 || method != "REGISTER" || !ok {
		t.Errorf("CSeq %d %q %v", n, method, ok)
	}
	for _, s := range []string{"x REGISTER", "7", "36893488147419103232 REGISTER", "-1 REGISTER"} {
		if _, _, ok := (&sip.Message{Headers: []sip.Header{{Name: "CSeq", Value: s}}}).CSeq(); ok {
			t.Errorf("CSeq %q is accepted", s)
		}
	}
}

func TestParseDiagnostic(t *testing.T) {
	p := func(pairs ...string) (out []sip.Param) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, sip.Param{Name: pairs[i], Value: pairs[i+1]})
		}
		return out
	}
	for _, c := range []struct {
		header, value string
		want          sip.Diagnostic // ID 0: refused
	}{
		{"ms-diagnostics", `4005;reason="Destination URI";source="pool.contoso.com"`, sip.Diagnostic{ID: 4005, Reason: "Destination URI", Source: "pool.contoso.com"}},
		{"MS-Diagnostics-Public", ` 4003 ; reason="x" `, sip.Diagnostic{ID: 4003, Reason: "x"}},
		{"X-Ms-diagnostics", `2000004;reason="The tenant for tenant guid 'contoso.com' does not exist.";error_category="invalid_tenant"`,
			sip.Diagnostic{ID: 2000004, Reason: "The tenant for tenant guid 'contoso.com' does not exist.", Params: p("error_category", "invalid_tenant")}},
		{"ms-diagnostics", `1009; reason ="No match for domain in DNS SRV results"; domain =" cms.contoso.lab "; fqdn1 =" vcse.contoso.lab :5061";source="sip.contoso.lab"`,
			sip.Diagnostic{ID: 1009, Reason: "No match for domain in DNS SRV results", Source: "sip.contoso.lab", Params: p("domain", "cms.contoso.lab", "fqdn1", "vcse.contoso.lab :5061")}},
		{"ms-client-diagnostics", `24083;Component="RTCC/4.0.0.0_App";Reason="Message was received out of dialog.";request=BENOTIFY;Source= host.contoso.com`,
			sip.Diagnostic{ID: 24083, Reason: "Message was received out of dialog.", Source: "host.contoso.com", Params: p("Component", "RTCC/4.0.0.0_App", "request", "BENOTIFY")}},
		{"ms-client-diagnostics", `23; reason="a, b: c=d; e";CallerMediaDebug="audio:ICEWarn=0x80012b,LocalSite=192.0.2.1:50000;x"`,
			sip.Diagnostic{ID: 23, Reason: "a, b: c=d; e", Params: p("CallerMediaDebug", "audio:ICEWarn=0x80012b,LocalSite=192.0.2.1:50000;x")}},
		{"ms-diagnostics", "1027;reason=\u201dCannot route\u201d;source=\u201csip.contoso.com\u201d", sip.Diagnostic{ID: 1027, Reason: "Cannot route", Source: "sip.contoso.com"}},
		{"ms-diagnostics", `1000;reason="Final "handshake" failed";HRESULT="0xC3E93EC3(SIP_E_AUTH_UNAUTHORIZED)"`, sip.Diagnostic{ID: 1000, Reason: `Final "handshake" failed`, Params: p("HRESULT", "0xC3E93EC3(SIP_E_AUTH_UNAUTHORIZED)")}},
		{"ms-diagnostics", `1000;reason="cut off`, sip.Diagnostic{ID: 1000, Reason: "cut off"}},
		{"ms-diagnostics", `5003.17;reason="old";reason="new";flag`, sip.Diagnostic{ID: 5003, SubError: "17", Reason: "old", Params: p("reason", "new", "flag", "")}},
		{"ms-diagnostics", "ErrorCode=1008,Source=accessproxy.contoso.com,Reason=Unable to resolve DNS SRV record", sip.Diagnostic{ID: 1008, Source: "accessproxy.contoso.com", Reason: "Unable to resolve DNS SRV record"}},
		{"ms-diagnostics", "4005", sip.Diagnostic{ID: 4005}},
		{"ms-diagnostics", `reason="no number"`, sip.Diagnostic{}},
		{"ms-diagnostics", "99999999999999999999;x", sip.Diagnostic{}},
		{"ms-diagnostics", "4005abc", sip.Diagnostic{}},
		{"ms-keep-alive", "4005", sip.Diagnostic{}},
	} {
		got, ok := sip.ParseDiagnostic(c.header, c.value)
		if c.want.ID != 0 {
			c.want.Header = strings.ToLower(c.header)
		}
		if ok != (c.want.ID != 0) || ok && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %s\n got %+v %v\nwant %+v", c.header, c.value, got, ok, c.want)
		}
	}
	m, err := sip.ParseMessage([]byte("SIP/2.0 404 x\r\nms-diagnostics: 2;reason=\"a\"\r\nTo: <sip:a@b>\r\nMS-DIAGNOSTICS: 1003\r\nms-diagnostics-public: 1003\r\nms-diagnostics: none\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, d := range sip.Diagnostics(m) {
		ids = append(ids, d.ID)
	}
	if !reflect.DeepEqual(ids, []int{2, 1003, 1003}) {
		t.Errorf("ids %v", ids)
	}
}

func TestChallenges(t *testing.T) {
	m, err := sip.ParseMessage([]byte("SIP/2.0 401 Unauthorized\r\n" +
		"WWW-Authenticate: ntlm realm=\"SIP Communications Service\", targetname=\"fe01.contoso.com\", version=4\r\n" +
		"WWW-Authenticate: Kerberos realm=\"SIP Communications Service\",targetname=\"sip/fe01.contoso.com\",version=3\r\n" +
		"Proxy-Authenticate: TLS-DSK realm = \"SIP Communications Service\", version=4, sts-uri=\"https://fe01.contoso.com:443/CertProv/CertProvisioningService.svc\", opaque=\"A1\", gssapi-data=\"FgMB\"\r\n" +
		"WWW-Authenticate: Digest realm=\"a, b\", Negotiate\r\nAuthorization: NTLM realm=\"no\"\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	const realm = "SIP Communications Service"
	want := []sip.Challenge{
		{Scheme: "NTLM", Realm: realm, TargetName: "fe01.contoso.com", Version: 4},
		{Scheme: "Kerberos", Realm: realm, TargetName: "sip/fe01.contoso.com", Version: 3},
		{Scheme: "TLS-DSK", Realm: realm, Version: 4, STSURI: "https://fe01.contoso.com:443/CertProv/CertProvisioningService.svc", Opaque: "A1", Continues: true},
		{Scheme: "Digest", Realm: "a, b"},
		{Scheme: "Negotiate"},
	}
	if got := sip.Challenges(m); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
