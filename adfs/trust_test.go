package adfs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

const (
	trustBase  = "https://sts.contoso.example/adfs/services/trust/"
	passphrase = `pass<&>"word`
)

func endpoint(path string) adfs.Endpoint {
	e := adfs.Endpoint{Name: path, Address: trustBase + path, Version: "2005", Authentication: "username", Usable: true}
	if strings.HasPrefix(path, "13/") {
		e.Version = "1.3"
	}
	if strings.HasSuffix(path, "/windowstransport") {
		e.Authentication = "windows"
	}
	return e
}

func joe(password string) adfs.Credentials {
	return func(context.Context, string) (string, adfs.Secret, error) {
		return "joe@contoso.example", adfs.NewSecret(password), nil
	}
}

func TestRequestToken(t *testing.T) {
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, class, code string
		service           *adfstest.Service
		password          string
		appliesTo         string
		skew              time.Duration
	}{
		{name: "token", class: "ok"},
		{name: "any password", class: "ok", service: &adfstest.Service{}, password: "x"},
		{name: "wrong password", class: "bad-credentials", code: "ID3242", password: "wrong"},
		{name: "no password", class: "bad-credentials", code: "ID3242", password: "-"},
		{name: "rule denies", class: "access-denied", code: "MSIS7068", service: &adfstest.Service{Refuse: "access-denied"}},
		{name: "relying party", class: "relying-party-unknown", code: "ID3082", service: &adfstest.Service{Refuse: "relying-party"}},
		{name: "another relying party", class: "relying-party-unknown", code: "ID3082", appliesTo: "urn:other&"},
		{name: "failed", class: "request-failed", code: "MSIS3127", service: &adfstest.Service{Refuse: "failed"}},
		{name: "neither", class: "no-token", service: &adfstest.Service{Refuse: "no-token"}},
		{name: "four minutes behind", class: "ok", skew: -4 * time.Minute},
		{name: "four minutes ahead", class: "ok", skew: 4 * time.Minute},
		{name: "an hour behind", class: "clock-skew", skew: -time.Hour},
		{name: "six minutes ahead", class: "clock-skew", skew: 6 * time.Minute},
	} {
		for _, path := range []string{"2005/usernamemixed", "13/usernamemixed"} {
			t.Run(tt.name+" "+path, func(t *testing.T) {
				service := tt.service
				if service == nil {
					service = &adfstest.Service{Password: passphrase}
				}
				service = &adfstest.Service{Now: func() time.Time { return at }, Password: service.Password, Refuse: service.Refuse}
				c := client(memory{stsHost: service})
				c.Now = func() time.Time { return at.Add(tt.skew) }
				password := tt.password
				switch password {
				case "":
					password = passphrase
				case "-":
					password = ""
				}
				a := c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint(path), Hosts: []string{"STS.contoso.example."}, AppliesTo: tt.appliesTo}, joe(password))
				roundTrip(t, a)
				if a.Classification != tt.class || a.Error != tt.code || a.HasToken != (tt.class == "ok") || a.SOAP != "1.2" || len(a.Problems) != 0 {
					t.Fatalf("answer %+v", a)
				}
				if a.HasToken && (a.Token.Type != "SAML 1.1" || a.Token.Issuer != "http://sts.contoso.example/adfs/services/trust" || a.Token.Audience != adfs.MicrosoftOnline ||
					!a.Token.NotBefore.Equal(at) || !a.Token.NotAfter.Equal(at.Add(time.Hour))) {
					t.Errorf("token %+v", a.Token)
				}
				if n := len(service.Requests()); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// TestCredentialsAreSentOnce: whatever a service answers, it sees the password
// once, and nobody else does.
func TestCredentialsAreSentOnce(t *testing.T) {
	type answer = adfstest.Answer
	for _, tt := range []struct {
		name           string
		answer         answer
		problem, class string
	}{
		{"500", answer{Status: 500}, "http-500", "service-error"},
		{"503", answer{Status: 503}, "http-503", "service-error"},
		{"404", answer{Status: 404}, "not-found", "unknown"},
		{"401", answer{Status: 401}, "http-error", "unknown"},
		{"page", answer{Kind: "html"}, "html", "no-token"},
		{"empty", answer{Kind: "empty"}, "empty", "no-token"},
		{"half", answer{Kind: "truncated"}, "malformed", "unknown"},
		{"5 MiB", answer{Kind: "raw", Raw: make([]byte, 5<<20)}, "too-large", "unknown"},
		{"other host", answer{Status: 307, Location: "https://evil.example/adfs/services/trust/2005/usernamemixed"}, "redirect-refused", "unknown"},
		{"same host", answer{Status: 307, Location: trustBase + "13/usernamemixed"}, "redirect-refused", "unknown"},
		{"http", answer{Status: 308, Location: "http://sts.contoso.example/"}, "redirect-refused", "unknown"},
		{"found", answer{Location: "/adfs/ls/"}, "redirect-refused", "unknown"},
		{"bomb", answer{Kind: "raw", Raw: []byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)}, "dtd", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &adfstest.Service{Password: passphrase, Trust: map[string]answer{"2005/usernamemixed": tt.answer}}
			evil := &adfstest.Service{}
			called := 0
			a := client(memory{stsHost: service, "evil.example": evil}).RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("2005/usernamemixed"), Hosts: []string{stsHost}},
				func(_ context.Context, to string) (string, adfs.Secret, error) {
					called++
					if to != trustBase+"2005/usernamemixed" {
						t.Errorf("told to send to %s", to)
					}
					return "joe@contoso.example", adfs.NewSecret(passphrase), nil
				})
			roundTrip(t, a)
			if a.Exchange.Problem != tt.problem || a.Classification != tt.class || a.HasToken || !slices.Equal(codes(a.Problems), []string{tt.problem}) {
				t.Errorf("answer %+v", a)
			}
			if n := len(service.Requests()); n != 1 || len(evil.Requests()) != 0 || called != 1 {
				t.Errorf("%d requests, %d to another host, credentials taken %d times", n, len(evil.Requests()), called)
			}
		})
	}
}

func TestCredentialsStayHome(t *testing.T) {
	with := func(change func(*adfs.Endpoint)) adfs.Endpoint {
		e := endpoint("2005/usernamemixed")
		change(&e)
		return e
	}
	for name, e := range map[string]adfs.Endpoint{
		"http":             with(func(e *adfs.Endpoint) { e.Address = "http://" + stsHost + "/" }),
		"another host":     with(func(e *adfs.Endpoint) { e.Address = "https://evil.example/" }),
		"host below":       with(func(e *adfs.Endpoint) { e.Address = "https://" + stsHost + ".evil.example/" }),
		"user name in URL": with(func(e *adfs.Endpoint) { e.Address = "https://" + stsHost + "@evil.example/" }),
		"file":             with(func(e *adfs.Endpoint) { e.Address = "file:///etc/passwd" }),
		"javascript":       with(func(e *adfs.Endpoint) { e.Address = "javascript:alert(1)" }),
		"another port":     with(func(e *adfs.Endpoint) { e.Address = "https://" + stsHost + ":8443/adfs/" }),
		"no such port":     with(func(e *adfs.Endpoint) { e.Address = "https://" + stsHost + ":99999/adfs/" }),
		"control":          with(func(e *adfs.Endpoint) { e.Address = "https://" + stsHost + "/\r\nX: y" }),
		"unusable":         with(func(e *adfs.Endpoint) { e.Usable, e.Reason = false, "no" }),
		"certificate":      with(func(e *adfs.Endpoint) { e.Authentication = "certificate" }),
		"no version":       with(func(e *adfs.Endpoint) { e.Version = "" }),
	} {
		c := &adfs.Client{HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			t.Errorf("%s: asked %s", name, r.URL)
			return nil, errors.New("no")
		})}}
		a := c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: e, Hosts: []string{stsHost}}, func(context.Context, string) (string, adfs.Secret, error) {
			t.Errorf("%s: credentials were taken", name)
			return "", adfs.Secret{}, nil
		})
		if a.Exchange.Asked || !slices.Equal(codes(a.Problems), []string{"endpoint-refused"}) || a.Exchange.Detail == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	insecure := &http.Transport{}
	insecure.TLSClientConfig = insecureTLS()
	for name, tt := range map[string]struct {
		c    *adfs.Client
		cred adfs.Credentials
		code string
	}{
		"unverified":         {&adfs.Client{HTTP: &http.Client{Transport: insecure}}, joe("x"), "endpoint-refused"},
		"nobody":             {client(memory{}), nil, "no-credentials"},
		"withdrawn":          {client(memory{}), func(context.Context, string) (string, adfs.Secret, error) { return "", adfs.Secret{}, errors.New("no") }, "no-credentials"},
		"control characters": {client(memory{}), joe("a\x01b"), "no-credentials"},
		"not UTF-8":          {client(memory{}), joe("a\xffb"), "no-credentials"},
		"no transport":       {&adfs.Client{}, joe("x"), "unreachable"},
		"no host":            {client(memory{}), joe("x"), "unreachable"},
	} {
		a := tt.c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("2005/usernamemixed"), Hosts: []string{stsHost}}, tt.cred)
		if !slices.Equal(codes(a.Problems), []string{tt.code}) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestAnswerForgetsThePassword: a service that sends back what it was sent
// does not get it into the result.
func TestAnswerForgetsThePassword(t *testing.T) {
	const fault = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>x:hunter2</s:Value><s:Subcode><s:Value>hunter2</s:Value></s:Subcode></s:Code>` +
		`<s:Reason><s:Text>the password hunter2 is wrong</s:Text></s:Reason><s:Detail><hunter2>hunter2 <a b="hunter2">xhunter2x</a></hunter2></s:Detail></s:Fault></s:Body></s:Envelope>`
	service := &adfstest.Service{Trust: map[string]adfstest.Answer{"13/usernamemixed": {Kind: "raw", Raw: []byte(fault), Status: 500}}}
	a := client(memory{stsHost: service}).RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("13/usernamemixed"), Hosts: []string{stsHost}}, joe("hunter2"))
	b, err := json.Marshal(a)
	if err != nil || a.Code == "" || strings.Contains(string(b), "hunter2") || strings.Contains(fmt.Sprintf("%+v", a), "hunter2") {
		t.Errorf("%s, %v", b, err)
	}
}

// TestAnswerForgetsPiecesOfThePassword: neither the blanks around a password nor
// the end of what is kept leaves one behind.
func TestAnswerForgetsPiecesOfThePassword(t *testing.T) {
	for _, password := range []string{"  hunter2 hunter2  ", strings.Repeat("hunter2 ", 200), strings.Repeat("x", 900) + "hunter2" + strings.Repeat("y", 500)} {
		for _, before := range []string{"", strings.Repeat("a", 980)} {
			service := &adfstest.Service{Trust: map[string]adfstest.Answer{"13/usernamemixed": {Kind: "raw", Status: 500, Raw: []byte(
				`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>Sender</s:Value></s:Code><s:Reason><s:Text>` + before + password +
					`</s:Text></s:Reason><s:Detail><ErrorId>` + password + `</ErrorId></s:Detail></s:Fault></s:Body></s:Envelope>`)}}}
			a := client(memory{stsHost: service}).RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("13/usernamemixed"), Hosts: []string{stsHost}}, joe(password))
			b, err := json.Marshal(a)
			if err != nil || a.Code != "Sender" || strings.Contains(string(b), "hunter") || strings.Contains(string(b), "xxx") || len(a.Reason) > 1000 {
				t.Errorf("%s, %v", b, err)
			}
		}
	}
}

// TestHostsWithPorts: a port that discovery named is asked, and no other.
func TestHostsWithPorts(t *testing.T) {
	e := endpoint("13/usernamemixed")
	for _, tt := range []struct {
		host, address string
		sent          bool
	}{
		{stsHost, "https://" + stsHost + ":443/x", true},
		{stsHost + ":443", "https://" + stsHost + "/x", true},
		{stsHost + ":8443", "https://" + stsHost + ":8443/x", true},
		{stsHost + ":8443", "https://" + stsHost + "/x", false},
		{"", "https://" + stsHost + "/x", false},
	} {
		e.Address = tt.address
		asked := false
		c := &adfs.Client{HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			asked = true
			return nil, errors.New("no")
		})}}
		c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: e, Hosts: []string{tt.host}}, joe("x"))
		if asked != tt.sent {
			t.Errorf("%+v: asked %t", tt, asked)
		}
	}
}

// TestEndlessAnswers: however much a service sends, 4 MiB are read of it.
func TestEndlessAnswers(t *testing.T) {
	for name, ask := range map[string]func(c *adfs.Client) []adfs.Problem{
		"token": func(c *adfs.Client) []adfs.Problem {
			return c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("2005/usernamemixed"), Hosts: []string{stsHost}}, joe("x")).Problems
		},
		"probe": func(c *adfs.Client) []adfs.Problem {
			return c.ProbeTrust(t.Context(), endpoint("2005/usernamemixed")).Problems
		},
		"metadata": func(c *adfs.Client) []adfs.Problem {
			return c.FetchFederationMetadata(t.Context(), metadataURL).Problems
		},
	} {
		body := &endless{text: "<a>"}
		c := &adfs.Client{HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.LimitReader(body, 1<<30)), Request: r}, nil
		})}}
		if p := ask(c); !slices.Equal(codes(p), []string{"too-large"}) || body.taken > 4<<20+1 {
			t.Errorf("%s: %v, %d bytes read", name, p, body.taken)
		}
	}
}

func TestSecret(t *testing.T) {
	s := adfs.NewSecret("hunter2")
	inside := struct{ unexported adfs.Secret }{s}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "password", s, "struct", inside)
	encoded, _ := json.Marshal(map[string]any{"a": s, "b": &s})
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v", s, s, s, s, s, s, s, inside, inside, &inside) + log.String() + string(encoded)
	if strings.Contains(all, "hunter2") || strings.Contains(all, "68756e74657232") || s.Reveal() != "hunter2" || (adfs.Secret{}).Reveal() != "" {
		t.Error(all)
	}
}

func TestProbeTrust(t *testing.T) {
	service := &adfstest.Service{Windows: true, Trust: map[string]adfstest.Answer{"13/usernamemixed": {Status: 503}}}
	c := client(memory{stsHost: service})
	for path, want := range map[string]struct {
		problem, schemes string
		status           int
	}{
		"2005/usernamemixed":    {"", "", 500},
		"13/usernamemixed":      {"http-503", "", 503},
		"2005/windowstransport": {"http-error", "negotiate ntlm", 401},
		"2005/kerberosmixed":    {"not-found", "", 404},
	} {
		a := c.ProbeTrust(t.Context(), endpoint(path))
		roundTrip(t, a)
		if !a.Anonymous || a.Exchange.Problem != want.problem || a.Exchange.Status != want.status || strings.Join(a.Schemes, " ") != want.schemes || a.HasToken {
			t.Errorf("%s: %+v", path, a)
		}
	}
	for _, r := range service.Requests() {
		if strings.Contains(r.Body, "Username") || strings.Contains(r.Body, "Password") {
			t.Errorf("request %s", r.Body)
		}
	}
	if a := c.ProbeTrust(t.Context(), adfs.Endpoint{Address: "http://x/"}); a.Exchange.Problem != "bad-url" {
		t.Errorf("%+v", a)
	}
}

// TestWindows goes over real connections, as NTLM depends on them.
func TestWindows(t *testing.T) {
	for _, tt := range []struct {
		name, password, class string
		windows               bool
		status                int
	}{
		{"token", passphrase, "ok", true, 200},
		{"wrong password", "wrong", "bad-credentials", true, 401},
		{"not published", passphrase, "unknown", false, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &adfstest.Service{Host: stsHost, Password: passphrase, Windows: tt.windows}
			var mu sync.Mutex
			proofs := 0
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Header.Get("Authorization"), "Negotiate TlRMTVNTUAAD") { // NTLM, message 3
					mu.Lock()
					proofs++
					mu.Unlock()
				}
				service.ServeHTTP(w, r)
			}))
			defer server.Close()
			transport := server.Client().Transport.(*http.Transport)
			transport.MaxConnsPerHost = 1
			transport.TLSClientConfig.ServerName = "example.com"
			transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
			}
			c := &adfs.Client{HTTP: server.Client()}
			for _, path := range []string{"2005/windowstransport", "13/windowstransport"} {
				proofs = 0
				a := c.RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint(path), Hosts: []string{stsHost}}, joe(tt.password))
				roundTrip(t, a)
				if a.Classification != tt.class || a.Exchange.Status != tt.status || a.HasToken != (tt.class == "ok") {
					t.Errorf("%s: %+v", path, a)
				}
				if want := map[bool]int{true: 1, false: 0}[tt.windows]; proofs != want {
					t.Errorf("%s: the password was proved %d times", path, proofs)
				}
			}
			for _, r := range service.Requests() {
				if strings.Contains(r.Body, "Password") {
					t.Errorf("request %s", r.Body)
				}
			}
		})
	}
	// A service that offers only Basic gets nothing.
	a := client(memory{stsHost: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent")
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
	})}).RequestToken(t.Context(), adfs.TokenRequest{Endpoint: endpoint("2005/windowstransport"), Hosts: []string{stsHost}}, joe("x"))
	if a.Exchange.Problem != "endpoint-refused" {
		t.Errorf("%+v", a)
	}
}

// TestRST2 asks the cloud's token service about users of a managed domain.
func TestRST2(t *testing.T) {
	cloud := adfs.Endpoint{Address: "https://login.microsoftonline.com/RST2.srf", Version: "2005", Authentication: "username", Usable: true}
	for refuse, want := range map[string]string{
		"": "ok", "AADSTS50126": "bad-credentials", "AADSTS50053": "account-locked", "AADSTS50055": "password-expired", "AADSTS50034": "user-unknown", "AADSTS50076": "mfa-required",
	} {
		service := loginService()
		service.Refuse = refuse
		c := client(memory{"login.microsoftonline.com": service})
		c.Now = service.Now
		r := adfs.TokenRequest{Endpoint: cloud, Hosts: []string{"login.microsoftonline.com"}, AppliesTo: "https://webdir.online.lync.com/WebTicket/WebTicketService.svc/WsFed_bearer"}
		a := c.RequestToken(t.Context(), r, func(context.Context, string) (string, adfs.Secret, error) {
			return "ann@fabrikam.example", adfs.NewSecret("x"), nil
		})
		roundTrip(t, a)
		if a.Classification != want || a.Error != refuse || a.HasToken != (refuse == "") {
			t.Errorf("%s: %+v", refuse, a)
		}
		if refuse == "" && (a.Token.Type != "BinarySecurityToken" || a.Token.NotAfter.Sub(a.Token.NotBefore) != 24*time.Hour) {
			t.Errorf("token %+v", a.Token)
		}
	}
	// A federated user's password is none of its business.
	a := client(memory{"login.microsoftonline.com": &adfstest.LoginService{Domains: loginService().Domains}}).RequestToken(t.Context(), adfs.TokenRequest{Endpoint: cloud, Hosts: []string{"login.microsoftonline.com"}}, joe("x"))
	if a.Error != "0x80047860" || a.Classification != "request-failed" {
		t.Errorf("%+v", a)
	}
}

// TestTrustCorpus reads answers of real token services.
func TestTrustCorpus(t *testing.T) {
	type want struct{ class, code, soap, faultCode, subcodes, token string }
	wants := map[string]want{
		"fault-adal-py-MSIS3127.xml": {"request-failed", "MSIS3127", "1.2", "Sender", "RequestFailed", ""},
		"fault-java-token-error.xml": {"request-failed", "MSIS3127", "1.2", "Sender", "RequestFailed", ""},
		"rstr-13-adal.xml":           {"ok", "", "1.2", "", "", "SAML 1.1"},
		"rstr-13-common.xml":         {"ok", "", "1.2", "", "", "SAML 1.1"},
		"rstr-2005-adal.xml":         {"ok", "", "1.2", "", "", "SAML 1.1"},
		"rstr-rst2-compact-ok.xml":   {"ok", "", "1.2", "", "", "BinarySecurityToken"},
		"rstr-keycloak-complete.xml": {"ok", "", "", "", "", "AnyContent"},
		"rstr-keycloak-minimum.xml":  {"no-token", "", "", "", "", ""},
		"rstr-keycloak-empty.xml":    {"no-token", "", "", "", "", ""},
	}
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus/trust"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		w, ok := wants[name]
		switch {
		case !ok && strings.HasPrefix(name, "rst-"):
			w = want{class: "unknown", soap: "1.2"} // requests
		case !ok:
			t.Errorf("nothing is expected of %s", name)
			continue
		}
		b := read(t, f)
		for how, b := range map[string][]byte{"as is": b, "utf-16": utf16Bytes(bytes.TrimPrefix(b, []byte("\ufeff")), false, true)} {
			a, err := adfs.ParseTrustAnswer(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, a)
			got := want{a.Classification, a.Error, a.SOAP, a.Code, strings.Join(a.Subcodes, " "), a.Token.Type}
			if got != w || a.HasToken != (w.token != "") {
				t.Errorf("%s, %s:\n%+v\nwant\n%+v", name, how, got, w)
			}
			if w.token == "SAML 1.1" && (a.Token.Issuer == "" || a.Token.Audience == "" || a.Token.NotAfter.Sub(a.Token.NotBefore) != time.Hour || len(a.Token.Signer) != 40) {
				t.Errorf("%s: token %+v", name, a.Token)
			}
		}
	}
}

func TestParseTrustAnswer(t *testing.T) {
	const s12 = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">`
	fault := func(subcode, reason, detail string) string {
		return s12 + `<s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>x:` + subcode + `</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="de">nein</s:Text><s:Text xml:lang="en">` +
			reason + `</s:Text></s:Reason><s:Detail>` + detail + `</s:Detail></s:Fault></s:Body></s:Envelope>`
	}
	soap11 := func(code, text, detail string) string {
		return `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault><faultcode>` + code + `</faultcode><faultstring>` + text + `</faultstring><detail>` + detail + `</detail></S:Fault></S:Body></S:Envelope>`
	}
	psf := func(value, code, text string) string {
		return `<p:error xmlns:p="p"><p:value>` + value + `</p:value><p:internalerror><p:code>` + code + `</p:code><p:text>` + text + `&#x0D;&#x0A;</p:text></p:internalerror></p:error>`
	}
	ms := func(id, reason string) string {
		return `<OCSDiagnosticsFault xmlns="urn:component:Microsoft.Rtc.WebAuthentication.2010"><Ms-Diagnostics-Fault><ErrorId>` + id + `</ErrorId><Reason>` + reason + `</Reason></Ms-Diagnostics-Fault></OCSDiagnosticsFault>`
	}
	for _, tt := range []struct{ name, text, class, code, soap, reason string }{
		{"wrong password", fault("FailedAuthentication", "ID3242: The security token could not be authenticated or authorized.", ""), "bad-credentials", "ID3242", "1.2", "ID3242: The security token could not be authenticated or authorized."},
		{"old wording", fault("FailedAuthentication", "At least one security token in the message could not be validated.", ""), "bad-credentials", "", "1.2", "At least one security token in the message could not be validated."},
		{"denied", fault("FailedAuthentication", "MSIS7068: Access denied.", ""), "access-denied", "MSIS7068", "1.2", "MSIS7068: Access denied."},
		{"scope", fault("InvalidScope", "x", ""), "relying-party-unknown", "", "1.2", "x"},
		{"security", fault("InvalidSecurity", "An error occurred when verifying security for the message.", ""), "clock-skew", "", "1.2", "An error occurred when verifying security for the message."},
		{"expired", fault("MessageExpired", "", ""), "clock-skew", "", "1.2", "nein"},
		{"request", fault("InvalidRequest", "x", ""), "request-failed", "", "1.2", "x"},
		{"an unknown code", fault("FailedAuthentication", "MSIS9999: something", ""), "bad-credentials", "MSIS9999", "1.2", "MSIS9999: something"},
		{"a code of the log", fault("FailedAuthentication", "ID4063: LogonUser failed", ""), "bad-credentials", "ID4063", "1.2", "ID4063: LogonUser failed"},
		{"an unknown code about security", fault("InvalidSecurity", "ID9999: x", ""), "clock-skew", "ID9999", "1.2", "ID9999: x"},
		{"another relying party's code", fault("BadRequest", "MSIS3055: x", ""), "relying-party-unknown", "MSIS3055", "1.2", "MSIS3055: x"},
		{"an unknown code alone", fault("BadRequest", "MSIS9999: x", ""), "request-failed", "MSIS9999", "1.2", "MSIS9999: x"},
		{"a code of its own beside a subcode", fault("FailedAuthentication", "MSIS3127: x", ""), "request-failed", "MSIS3127", "1.2", "MSIS3127: x"},
		{"another method", fault("FailedAuthentication", "MSIS7102: x", ""), "mfa-required", "MSIS7102", "1.2", "MSIS7102: x"},
		{"device", fault("FailedAuthentication", "x", psf("0x80048821", "0x80041012", "AADSTS53000: x")), "mfa-required", "AADSTS53000", "1.2", "x"},
		{"risk", fault("FailedAuthentication", "x", psf("0x80048821", "0x80041012", "AADSTS530034: x")), "access-denied", "AADSTS530034", "1.2", "x"},
		{"busy", strings.Replace(fault("ServerTooBusy", "x", ""), "s:Sender", "s:Receiver", 1), "service-error", "", "1.2", "x"},
		{"rst2", fault("FailedAuthentication", "Authentication Failure", psf("0x80048821", "0x80041012", "AADSTS50126: Error validating credentials.")), "bad-credentials", "AADSTS50126", "1.2", "Authentication Failure"},
		{"rst2 without text", fault("FailedAuthentication", "Authentication Failure", psf("0x80048821", "0x80041012", "")), "bad-credentials", "0x80048821", "1.2", "Authentication Failure"},
		{"rst2, decimal", fault("FailedAuthentication", "Authentication Failure", psf("-2147186655", "", "")), "bad-credentials", "0x80048821", "1.2", "Authentication Failure"},
		{"rst2 locked", fault("FailedAuthentication", "Authentication Failure", psf("0x80048823", "0x80041012", "")), "account-locked", "0x80048823", "1.2", "Authentication Failure"},
		{"rst2 of a federated user", fault("FailedAuthentication", "Authentication Failure", psf("0x80048821", "0x80047860", "Direct login")), "request-failed", "0x80047860", "1.2", "Authentication Failure"},
		{"federation settings", fault("FailedAuthentication", "Authentication Failure", psf("0x80048820", "0x80041317", "")), "request-failed", "0x80041317", "1.2", "Authentication Failure"},
		{"not SIP enabled", soap11("wsse:FailedAuthentication", "no", ms("28000", "User is not SIP enabled.")), "not-sip-enabled", "28000", "1.1", "no"},
		{"no valid security token", soap11("wsse:InvalidSecurityToken", "no", ms("28020", "No valid security token.")), "request-failed", "28020", "1.1", "no"},
		{"internal error", soap11("s:Server", "no", ms("28001", "Internal error")), "service-error", "28001", "1.1", "no"},
		{"receiver", strings.Replace(strings.Replace(fault("", "", ""), "<s:Subcode><s:Value>x:</s:Value></s:Subcode>", "", 1), "s:Sender", "s:Receiver", 1), "service-error", "", "1.2", "nein"},
		{"fault alone", `<Fault><Code><Value>Sender</Value></Code></Fault>`, "request-failed", "", "", ""},
		{"neither, but a header", s12 + `<s:Header><p:pp xmlns:p="p"><p:authstate>0x80048800</p:authstate><p:reqstatus>0x8004882C</p:reqstatus></p:pp></s:Header><s:Body><RequestSecurityTokenResponse/></s:Body></s:Envelope>`, "no-token", "0x8004882C", "1.2", ""},
		{"password refused in a header", s12 + `<s:Header><p:pp xmlns:p="p"><p:reqstatus>0x80048821</p:reqstatus></p:pp></s:Header><s:Body/></s:Envelope>`, "bad-credentials", "0x80048821", "1.2", ""},
		{"locked, in a header", s12 + `<s:Header><p:pp xmlns:p="p"><p:reqstatus>0x80048823</p:reqstatus></p:pp></s:Header><s:Body/></s:Envelope>`, "account-locked", "0x80048823", "1.2", ""},
		{"another document", `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>`, "unknown", "", "", ""},
		{"security context", s12 + `<s:Body><t:RequestSecurityTokenResponse xmlns:t="t"><t:TokenType>SAMLV2.0</t:TokenType><t:RequestedSecurityToken><c:SecurityContextToken xmlns:c="c"/></t:RequestedSecurityToken></t:RequestSecurityTokenResponse></s:Body></s:Envelope>`, "ok", "", "1.2", ""},
		{"empty token", s12 + `<s:Body><RequestSecurityTokenResponse><RequestedSecurityToken/></RequestSecurityTokenResponse></s:Body></s:Envelope>`, "no-token", "", "1.2", ""},
		{"page", "<!doctype html><p>", "no-token", "", "", ""},
		{"nothing", "", "no-token", "", "", ""},
		{"JSON", `{"error":"invalid_grant","error_description":"AADSTS50053: The account is locked"}`, "account-locked", "AADSTS50053", "", ""},
		{"words", "Service Unavailable", "unknown", "", "", ""},
		{"document type", "<!DOCTYPE x><x/>", "unknown", "", "", ""},
		{"deep", strings.Repeat("<a>", 200_000), "unknown", "", "", ""},
	} {
		a, err := adfs.ParseTrustAnswer(strings.NewReader(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, a)
		if a.Classification != tt.class || a.Error != tt.code || a.SOAP != tt.soap || a.Reason != tt.reason {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
	if _, err := adfs.ParseTrustAnswer(iotest.ErrReader(io.ErrClosedPipe)); err == nil {
		t.Error("no error of the reader")
	}
}
