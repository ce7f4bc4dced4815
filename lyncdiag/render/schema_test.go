package render_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// everything is each document twice: with nothing in it, and with something.
func everything(t testing.TB) map[string][]render.Document {
	tool := render.Tool{}
	none, some := fact.New(), fact.New()
	origin := fact.Origin{Kind: fact.Lab}
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	empty := &lyncdiag.Report{Started: at, Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Undecided}}
	report := broken(t)
	fact.Put(some, fact.TargetKey, report.Target, origin)
	fact.Put(some, fact.DNSKey, &dnscheck.Result{Domain: "contoso.com", Servers: []dnscheck.Server{{Name: "lab"}}}, origin)
	fact.Put(some, fact.WalkKey, &dnscheck.Walk{Domain: "contoso.com", Hops: []dnscheck.Hop{{URL: "http://lyncdiscover.contoso.com/", Kind: dnscheck.KindError}}, SIPServers: []dnscheck.SIPServer{{Access: "internal", Host: "sip.contoso.com"}}, Outcome: dnscheck.OutcomeFailed}, origin)
	fact.Put(some, fact.RealmKey, &adfs.Realm{NamespaceType: "federated", Domain: "contoso.com"}, origin)
	fact.Put(some, fact.MEXKey, &adfs.MEX{URL: "https://sts.contoso.com/mex", Get: adfs.Exchange{Asked: true, URL: "https://sts.contoso.com/mex", Status: 200}, Post: adfs.Exchange{Asked: true, URL: "https://sts.contoso.com/mex", Problem: "unreachable"}, Endpoints: []adfs.Endpoint{{Authentication: "username", Version: "2005"}}, Problems: []adfs.Problem{{Code: "host-mismatch", Detail: "other host"}}}, origin)
	fact.Put(some, fact.FederationMetadataKey, &adfs.FederationMetadata{Exchange: adfs.Exchange{Asked: true, Status: 200}, EntityID: "http://sts.contoso.com/adfs/services/trust", SigningCertificates: []adfs.KeyCertificate{{Thumbprint: "A", NotBefore: at, NotAfter: at}}, Problems: []adfs.Problem{{Code: "key-unreadable", Detail: "x"}}}, origin)
	fact.Put(some, fact.TokenKey, &adfs.TrustAnswer{Exchange: adfs.Exchange{Asked: true, Status: 500}, SOAP: "1.2", Code: "Sender", Subcodes: []string{"FailedAuthentication"}, Reason: "ID3242: x", Detail: []adfs.FaultDetail{{Key: "a", Value: "b"}}, Error: "ID3242", Classification: "bad-credentials"}, origin)
	inspected, skew := fact.New(), int64(300)
	fact.Put(inspected, fact.ClientKey, &fact.Client{At: at, OS: "Windows 7", Products: []fact.ClientProduct{{Generation: "lync2010", Version: "4.0.7577.0", From: "file"}}, Running: "no", Assistant: "yes", AssistantSkew: &skew,
		Profiles: []fact.ClientProfile{{Generation: "lync2010", Mode: "manual", LogAt: at, Switches: []fact.ClientSwitch{{Name: "Transport", Value: "2"}}}}, Accounts: []fact.ClientAccount{{Address: "joe@contoso.com", Folder: "a", CacheAt: at}},
		Certificates: []fact.ClientCertificate{{Subject: "CN=joe@contoso.com", NotBefore: at, NotAfter: at, Key: "yes"}}, Credentials: []string{"Microsoft_OC1:uri=joe@contoso.com:specific:OCS:1"}, CredentialsRead: true, CertificatesRead: true,
		WinHTTP: []fact.ClientSwitch{{Name: "ProxyServer"}}, Gaps: []fact.ClientSwitch{{Name: "a.reg", Value: "line 3: x"}}}, fact.Origin{Kind: fact.Bundle, Where: "export"})
	issued := fact.New()
	fact.Put(issued, fact.CloudTokenKey, &adfs.TrustAnswer{Endpoint: adfs.Endpoint{Address: "https://sts.contoso.com/", Version: "2005", Authentication: "username"}, Exchange: adfs.Exchange{Asked: true, Status: 200}, HasToken: true, Token: adfs.Token{Type: "SAML 1.1", NotBefore: at, NotAfter: at}, Classification: "ok"}, origin)
	fact.Put(some, fact.LogFilesKey, []fact.LogFile{{Path: "client.uccapilog", Summary: sip.Summary{Format: "uccapilog", FirstAt: at, LastAt: at}}}, origin)
	fact.Put(some, fact.AttemptsKey, []sip.Attempt{{ID: "1", Outcome: "failed", FinalStatus: 404, StartedAt: at, Legs: []sip.Leg{{CSeq: 1}}, Diagnostics: []sip.Diagnostic{{Header: "ms-diagnostics", ID: 4005, Params: []sip.Param{{Name: "a", Value: "b"}}}}}, {ID: "2", Outcome: "no-answer"}}, origin)
	var tally render.Tally
	tally.Add(sip.Record{File: "client.uccapilog", Line: 3, At: at, Step: &sip.Step{Kind: "dns", Target: "contoso.com"}})
	tally.Add(sip.Record{Message: &sip.Message{Status: 404, Headers: []sip.Header{{Name: "ms-diagnostics", Value: "4005;reason=\"x\""}}}})
	chain := &certs.Result{Chain: []certs.Certificate{{Subject: "CN=a", NotBefore: at, NotAfter: at}, {}}, Problems: []certs.Problem{{Code: "expired", Certificate: 0}, {Code: "malformed", Certificate: -1}}, Handshake: &certs.Failure{Phase: "handshake", Kind: "reset", Detail: "reset"}}
	clock := fact.Clock{Samples: []fact.ClockSample{{Host: "a", SkewMillis: 1500}}}
	registrar := fact.Candidate{Endpoint: fact.Endpoint{Host: "a", TLS: chain}, SIP: &sip.ProbeResult{Status: 401, Date: at, SentAt: at, AnsweredAt: at.Add(time.Second), Challenges: []sip.Challenge{{Scheme: "NTLM"}}, Diagnostics: []sip.Diagnostic{{ID: 1}}}}
	return map[string][]render.Document{
		"report":       {tool.Report(empty, 3), tool.Report(report, 1), tool.Report(healthy(), 3), tool.Report(silenced(t), 0)},
		"batch":        {tool.Batch(nil, 0), tool.Batch([]render.Document{tool.Report(report, 1), tool.Report(empty, 3)}, 1)},
		"diff":         {changes(t, empty, empty), changes(t, report, healthy()), changes(t, healthy(), report), changes(t, report, later(t))},
		"dns":          {tool.DNS(none, empty), tool.DNS(some, report)},
		"autodiscover": {tool.Autodiscover(none, empty), tool.Autodiscover(some, report)},
		"realm":        {tool.Realm(none, empty), tool.Realm(some, report)},
		"mex":          {tool.MEX("", none, empty), tool.MEX("https://sts.contoso.com/mex", some, report)},
		"cert":         {tool.Cert("", &certs.Result{}, render.CertDetails{}, nil), tool.Cert("a:443", chain, certDetails(chain), report)},
		"port": {tool.Port(nil), tool.Port([]render.PortResult{{Endpoint: fact.Endpoint{Host: "a", Port: 443}}, {Endpoint: fact.Endpoint{Host: "sip.lync.com", Port: 1, Reach: fact.Reach{Status: fact.Filtered, Address: "192.0.2.1"}},
			Families: []fact.Reach{{Address: "192.0.2.1", Status: fact.Filtered}, {Address: "2001:db8::1", Status: fact.Listening}}}, {UDP: true}}), tool.PortPlan(lyncdiag.Requirements(fact.Setting{}, "contoso.com"))},
		"proxy": {tool.Proxy(render.ProxySettings{}, empty), tool.Proxy(render.ProxySettings{Windows: true, Used: fact.Proxy{Endpoint: fact.Endpoint{Host: "proxy", Port: 8080}, From: proxy.WinINET},
			Settings: []render.ProxySetting{{Setting: proxy.Setting{Source: proxy.WinINET, Server: &url.URL{Host: "proxy:8080", User: url.UserPassword("joe", "h0rse")}, Bypass: []string{"<local>"}, PAC: "http://wpad/proxy.pac"}, Script: "function FindProxyForURL(u, h) {\n\treturn \"DIRECT\";\n}\n"}}}, report)},
		"sip":          {tool.SIP("", fact.Candidate{}, fact.Clock{}, empty), tool.SIP("a:443", registrar, clock, report)},
		"log":          {tool.Log(none, &render.Tally{}, empty), tool.Log(some, &tally, report)},
		"client-reset": {tool.ClientReset(&client.Reset{}, true, nil), tool.ClientReset(&client.Reset{Address: "joe@contoso.com", Items: []client.Item{{Kind: client.DNSCache, Status: "kept"}}, Running: []string{"lync.exe"}}, false, client.ErrRunning)},
		"client":       {tool.Client(none, empty), tool.Client(inspected, report)},
		"explain":      {tool.Explain("", nil), tool.Explain("adfs-mex-http-500", lyncdiag.Explain("adfs-mex-http-500")), tool.Explain("das ist nicht die Anmeldung der Benutzer", nil)},
		"scope":        {tool.Scope("", "", ""), tool.Scope("lync", "one", "many"), tool.Scope("nonsense", "", "")},
		"message":      {tool.Message(sip.Record{Message: &sip.Message{Request: true, Method: "REGISTER"}, Direction: "out"}), tool.Message(sip.Record{File: "a.log", Line: 3, At: at, Direction: "in", Message: &sip.Message{Status: 404, Headers: []sip.Header{{Name: "ms-diagnostics", Value: "4005;a=b"}}}})},
		"answers": {tool.Answers(nil, nil, kb.Edge{}, nil, nil), tool.Answers([]fact.Answer{{ID: "licensed", Value: "yes", At: "2013-05-31T12:00:00.000Z"}, {ID: "message", Value: "couldn\u2019t"}},
			broken(t).Verdict.Path, kb.Edge{Finding: "escalate", Section: "next-steps"}, broken(t).Verdict.Questions, broken(t).Verdict.Next)},
		"catalogue": {tool.Catalogue(nil), tool.Catalogue(kb.Catalogue())},
		"faults":    {tool.Faults(nil), tool.Faults([]render.Fault{{Name: "a"}})},
		"lab":       {tool.Lab(nil), tool.Lab([]string{"--dns", "127.0.0.1:5353"})},
		"schemas":   {tool.Schemas()},
		"version":   {tool.About(), render.Tool{Version: "1.2.3", Commit: "0123abc", Date: at}.About()},

		"collect": {tool.Collection("", bundle.Manifest{}, nil), tool.Collection("b.zip", bundle.Manifest{Redacted: true, Entries: []bundle.Entry{{Name: "report.json", Bytes: 1, SHA256: "00", Note: "x"}}, Missing: []bundle.Missing{{What: "logs", Why: "none"}}}, report)},
		"system":  {tool.System("", time.Time{}, nil, nil), tool.System("pc", at, []string{"192.0.2.53:53"}, []string{"environment: http://proxy:8080"})},

		"federation-metadata": {tool.FederationMetadata("", none, empty), tool.FederationMetadata("x.xml", some, report)},
		"fault":               {tool.Fault("", none, empty), tool.Fault("x.xml", some, report)},
		"token":               {tool.Token(none, empty), tool.Token(some, report), tool.Token(issued, healthy())},
	}
}

func compiled(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	raw, err := render.Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestDocumentsKeepTheContract(t *testing.T) {
	documents := everything(t)
	written := slices.DeleteFunc(render.Schemas(), func(name string) bool { return name == "redaction-map" || name == "bundle" }) // by other packages
	if have, want := slices.Sorted(maps.Keys(documents)), written; !slices.Equal(have, want) {
		t.Fatalf("documents %v, schemas %v", have, want)
	}
	for name, list := range documents {
		schema := compiled(t, name)
		for i, d := range list {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				var b bytes.Buffer
				if err := d.Write(&b, render.JSON, render.Options{}); err != nil {
					t.Fatal(err)
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(value); err != nil {
					t.Errorf("%v\n%s", err, b.Bytes())
				}
				if want := "{\n  \"schema\": \"lyncdiag." + name + "/v1\""; !strings.HasPrefix(b.String(), want) {
					t.Errorf("begins with %.60q, want %q", b.String(), want)
				}
				checkASCII(t, b.Bytes())
				checkKeys(t, name, value)
				var text, lines bytes.Buffer
				if err := d.Write(&text, render.Text, render.Options{}); err != nil {
					t.Error(err)
				}
				if !utf8.Valid(text.Bytes()) || !bytes.HasSuffix(text.Bytes(), []byte("\n")) && text.Len() > 0 {
					t.Errorf("text is not whole lines of UTF-8: %q", text.String())
				}
				if err := d.Write(&lines, render.NDJSON, render.Options{}); err != nil {
					t.Error(err)
				}
				for line := range bytes.Lines(lines.Bytes()) {
					if !json.Valid(line) {
						t.Errorf("ndjson line is no JSON: %s", line)
					}
				}
			})
		}
	}
}

// TestSchemaRefuses: a document without one of its keys, with an unknown word
// in an enumeration or with another schema's name is not valid.
func TestSchemaRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := (render.Tool{}).Report(broken(t), 1).Write(&b, render.JSON, render.Options{}); err != nil {
		t.Fatal(err)
	}
	schema := compiled(t, "report")
	for _, edit := range []func(map[string]any){
		func(m map[string]any) { delete(m, "exitCode") },
		func(m map[string]any) { delete(m["verdict"].(map[string]any), "questions") },
		func(m map[string]any) { m["schema"] = "lyncdiag.report/v2" },
		func(m map[string]any) { m["stages"] = nil },
		func(m map[string]any) { m["stages"].([]any)[0].(map[string]any)["status"] = "fine" },
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		edit(value.(map[string]any))
		if schema.Validate(value) == nil {
			t.Error("an edited report is still valid")
		}
	}
	value, _ := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
	value.(map[string]any)["addedLater"] = 1
	if err := schema.Validate(value); err != nil {
		t.Errorf("a key added later is refused: %v", err)
	}
}

func checkASCII(t testing.TB, b []byte) {
	t.Helper()
	for i, c := range b {
		if c >= 0x7f {
			t.Fatalf("byte %d is %#x", i, c)
		}
	}
}

// checkKeys: no null, no two keys that differ in case alone, camelCase.
func checkKeys(t testing.TB, path string, value any) {
	t.Helper()
	switch v := value.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case []any:
		for i, x := range v {
			checkKeys(t, fmt.Sprintf("%s[%d]", path, i), x)
		}
	case map[string]any:
		seen := map[string]string{}
		for key, x := range v {
			if other, ok := seen[strings.ToLower(key)]; ok {
				t.Errorf("%s has %s and %s", path, key, other)
			}
			seen[strings.ToLower(key)] = key
			if key == "" || key[0] < 'a' || key[0] > 'z' || strings.ContainsAny(key, "-_. ") {
				t.Errorf("%s.%s is not camelCase", path, key)
			}
			checkKeys(t, path+"."+key, x)
		}
	}
}

// FuzzJSON: what is written is ASCII and reads as what went in; a byte that is
// no UTF-8 reads as U+FFFD.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{"", "joe@contoso.com", "couldn\u2019t", "\U0001F600", "\x7f\x00\u2028<&>", "\xff\xfe", "couldn\x92t", "\xed\xa0\x80", "\xf0\x9f\x98", "m\u00fcller@b\u00fccher.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		if err := (render.Tool{}).Explain(text, nil).Write(&b, render.NDJSON, render.Options{}); err != nil {
			t.Fatal(err)
		}
		checkASCII(t, b.Bytes())
		var got struct {
			Query string `json:"query"`
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(text)); got.Query != want {
			t.Errorf("%q became %q, want %q", text, got.Query, want)
		}
	})
}

// certDetails fills every part of a document about a chain.
func certDetails(live *certs.Result) render.CertDetails {
	at := time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC)
	failure := &certs.Failure{Phase: "handshake", Kind: "alert", Alert: "protocol_version"}
	return render.CertDetails{
		Standing: &certs.Standing{Issuers: live.Chain,
			Revocation: []certs.Revocation{{Subject: "CN=a", Status: "revoked", By: "crl", ThisUpdate: at, RevokedAt: at}, {Certificate: -1, Status: "unknown", Detail: "no answer"}},
			Requests:   []certs.Request{{URL: "http://crl.example/a.crl", Kind: "crl", Problem: "timeout"}},
			Problems:   []certs.Problem{{Code: "revoked", Detail: "it was revoked"}}},
		Survey:       &certs.Survey{Versions: []certs.Attempt{{Version: "TLS 1.0", Failure: failure}, {Version: "TLS 1.2", Accepted: true}}, WithoutServerName: &certs.Attempt{Failure: failure}},
		Expectations: []lyncdiag.CertificateCheck{{Role: "adfs", Requirement: "a name", Status: "unmet"}},
		Live:         live, LiveHost: "b:443", Client: "lync2010",
	}
}
