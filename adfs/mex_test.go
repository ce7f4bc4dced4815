package adfs_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

const (
	stsHost = "sts.contoso.example"
	mexURL  = "https://sts.contoso.example/adfs/services/trust/mex"
)

// memory is a transport without a network: each host is a handler.
type memory map[string]http.Handler

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := m[r.URL.Host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
	}
	in := r.Clone(r.Context())
	in.Host, in.RequestURI = r.URL.Host, r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func client(m memory) *adfs.Client {
	return &adfs.Client{HTTP: &http.Client{Transport: m}, UserAgent: "OC/15.0"}
}

func checkMEX(t *testing.T, s *adfstest.Service) *adfs.MEX {
	t.Helper()
	m := client(memory{stsHost: s}).CheckMEX(t.Context(), mexURL)
	roundTrip(t, m)
	return m
}

func without(paths ...string) []adfstest.Endpoint {
	return slices.DeleteFunc(adfstest.DefaultEndpoints(), func(e adfstest.Endpoint) bool { return slices.Contains(paths, e.Path) })
}

func TestCheckMEXHealthy(t *testing.T) {
	now := time.Date(2013, 5, 31, 12, 0, 0, 0, time.FixedZone("", 3600))
	service := &adfstest.Service{Now: func() time.Time { return now.Add(7 * time.Minute) }}
	c := client(memory{stsHost: service})
	c.Now = func() time.Time { return now }
	m := c.CheckMEX(t.Context(), mexURL)
	roundTrip(t, m)
	if len(m.Problems) != 0 || m.URL != mexURL || len(m.Endpoints) != len(adfstest.DefaultEndpoints()) {
		t.Fatalf("result %+v", m)
	}
	base := "https://sts.contoso.example/adfs/services/trust/"
	want := adfs.Selected{
		Username13: base + "13/usernamemixed", Username2005: base + "2005/usernamemixed",
		Windows13: base + "13/windowstransport", Windows2005: base + "2005/windowstransport",
	}
	if m.Selected != want {
		t.Errorf("selected %+v", m.Selected)
	}
	for i, e := range m.Endpoints {
		if !strings.HasSuffix(e.Address, adfstest.DefaultEndpoints()[i].Path) {
			t.Errorf("endpoint %d is %s", i, e.Address)
		}
	}
	for _, e := range []adfs.Exchange{m.Get, m.Post} {
		if !e.Asked || e.URL != mexURL || e.Status != 200 || e.Problem != "" || !e.SentAt.Equal(now) || !e.AnsweredAt.Equal(now) || e.Date.Sub(e.AnsweredAt) != 7*time.Minute {
			t.Errorf("exchange %+v", e)
		}
		if e.SentAt.Location() != time.UTC || e.Date.Location() != time.UTC {
			t.Errorf("times are not UTC: %+v", e)
		}
	}
	requests := service.Requests()
	slices.SortFunc(requests, func(a, b adfstest.Request) int { return strings.Compare(a.Method, b.Method) })
	if len(requests) != 2 || requests[0].Method != "GET" || requests[1].Method != "POST" {
		t.Fatalf("requests %+v", requests)
	}
	for _, r := range requests {
		if r.UserAgent != "OC/15.0" {
			t.Errorf("User-Agent %q", r.UserAgent)
		}
	}
	if r := requests[1]; r.ContentType != "application/soap+xml; charset=utf-8" || xml.Unmarshal([]byte(r.Body), new(struct{})) != nil {
		t.Errorf("SOAP request %+v", r)
	}
}

func TestCheckMEXAnswers(t *testing.T) {
	type answer = adfstest.Answer
	for _, tt := range []struct {
		name      string
		service   *adfstest.Service
		get, post string // problems of the exchanges
		problems  string
		document  bool
	}{
		{"healthy", &adfstest.Service{}, "", "", "", true},
		{"GET 500", &adfstest.Service{MEXGet: answer{Status: 500}}, "http-500", "", "http-500", true},
		{"POST 500, KB 2254265", &adfstest.Service{MEXPost: answer{Status: 500}}, "", "http-500", "http-500", true},
		{"both 500", &adfstest.Service{MEXGet: answer{Status: 500}, MEXPost: answer{Status: 500}}, "http-500", "http-500", "http-500 http-500", false},
		{"503", &adfstest.Service{MEXGet: answer{Status: 503}, MEXPost: answer{Status: 503}}, "http-503", "http-503", "http-503 http-503", false},
		{"404", &adfstest.Service{MEXGet: answer{Status: 404}, MEXPost: answer{Status: 404}}, "not-found", "not-found", "not-found not-found", false},
		{"403", &adfstest.Service{MEXGet: answer{Status: 403}}, "http-error", "", "http-error", true},
		{"POST 405", &adfstest.Service{MEXPost: answer{Status: 405}}, "", "http-error", "http-error", true},
		{"login page", &adfstest.Service{MEXGet: answer{Kind: "html"}, MEXPost: answer{Kind: "html"}}, "html", "html", "html html", false},
		{"not even a page", &adfstest.Service{MEXGet: answer{Kind: "text", ContentType: "text/html"}}, "html", "", "html", true},
		{"genuine, said to be a page", &adfstest.Service{MEXGet: answer{ContentType: "text/html"}}, "", "", "", true},
		{"plain text", &adfstest.Service{MEXGet: answer{Kind: "text"}}, "malformed", "", "malformed", true},
		{"truncated", &adfstest.Service{MEXGet: answer{Kind: "truncated"}, MEXPost: answer{Kind: "truncated"}}, "malformed", "malformed", "malformed malformed", false},
		{"empty", &adfstest.Service{MEXGet: answer{Kind: "empty"}}, "empty", "", "empty", true},
		{"not WSDL", &adfstest.Service{MEXGet: answer{Kind: "raw", Raw: []byte("<a/>")}}, "not-wsdl", "", "not-wsdl", true},
		{"document type", &adfstest.Service{MEXGet: answer{Kind: "raw", Raw: []byte("<!DOCTYPE a><a/>")}}, "dtd", "", "dtd", true},
		{"5 MiB", &adfstest.Service{MEXGet: answer{Kind: "raw", Raw: make([]byte, 5<<20)}}, "too-large", "", "too-large", true},
		{"login redirect", &adfstest.Service{MEXGet: answer{Location: "/adfs/ls/?wa=wsignin1.0"}, MEXPost: answer{Location: "/adfs/ls/?wa=wsignin1.0"}},
			"html", "redirect-refused", "html redirect-refused", false},
		{"circle", &adfstest.Service{MEXGet: answer{Location: "mex"}}, "redirect-loop", "", "redirect-loop", true},
		{"circle of a kept POST", &adfstest.Service{MEXPost: answer{Status: 307, Location: mexURL}}, "", "redirect-loop", "redirect-loop", true},
		{"down to http", &adfstest.Service{MEXGet: answer{Location: "http://sts.contoso.example/adfs/services/trust/mex"}}, "redirect-refused", "", "redirect-refused", true},
		{"to nowhere", &adfstest.Service{MEXGet: answer{Status: 302}}, "redirect-refused", "", "redirect-refused", true},
		{"to an unknown host", &adfstest.Service{MEXGet: answer{Location: "https://gone.contoso.example/"}}, "unreachable", "", "unreachable", true},
		{"no user name", &adfstest.Service{Endpoints: without("2005/usernamemixed", "13/usernamemixed")}, "", "", "no-username-endpoint", true},
		{"1.3 only", &adfstest.Service{Endpoints: without("2005/usernamemixed")}, "", "", "username-13-only", true},
		{"2005 only", &adfstest.Service{Endpoints: without("13/usernamemixed")}, "", "", "username-2005-only", true},
		{"no ports", &adfstest.Service{Endpoints: []adfstest.Endpoint{}}, "", "", "no-username-endpoint", true},
		{"message security on http beside it", &adfstest.Service{Endpoints: append(without(), adfstest.Endpoint{Path: "13/username"})}, "", "", "insecure-endpoint", true},
		{"orphan", &adfstest.Service{Endpoints: append(without("13/usernamemixed"), adfstest.Endpoint{Path: "13/usernamemixed", NoPolicy: true})},
			"", "", "policy-missing username-2005-only", true},
		{"port without binding", &adfstest.Service{Endpoints: append(without(), adfstest.Endpoint{Path: "13/usernamemixed", NoBinding: true})},
			"", "", "policy-missing", true},
		{"relative", &adfstest.Service{Endpoints: append(without(), adfstest.Endpoint{Path: "2005/usernamemixed", Address: "/adfs"})}, "", "", "port-address", true},
		{"white space around", &adfstest.Service{Endpoints: append(without("13/usernamemixed"), adfstest.Endpoint{Path: "13/usernamemixed", Address: "\n https://STS.contoso.example:443/x \t"})}, "", "", "", true},
		{"another host", &adfstest.Service{Host: "adfs.fabrikam.example"}, "", "", "host-mismatch", true},
		{"certificates on another host", &adfstest.Service{Endpoints: append(without("2005/certificatetransport"),
			adfstest.Endpoint{Path: "2005/certificatetransport", Address: "https://certauth.sts.contoso.example/adfs"})}, "", "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := checkMEX(t, tt.service)
			if m.Get.Problem != tt.get || m.Post.Problem != tt.post {
				t.Errorf("GET %q (%s), POST %q (%s)", m.Get.Problem, m.Get.Detail, m.Post.Problem, m.Post.Detail)
			}
			if got := strings.Join(codes(m.Problems), " "); got != tt.problems {
				t.Errorf("problems %v, want %s", m.Problems, tt.problems)
			}
			wantPorts := len(tt.service.Endpoints)
			if tt.service.Endpoints == nil {
				wantPorts = len(adfstest.DefaultEndpoints())
			}
			if !tt.document {
				wantPorts = 0
			}
			if len(m.Endpoints) != wantPorts {
				t.Errorf("%d endpoints, want %d", len(m.Endpoints), wantPorts)
			}
			for _, code := range codes(m.Problems) {
				if !slices.Contains(adfs.Codes(), code) {
					t.Errorf("code %s is not among Codes", code)
				}
			}
		})
	}
}

func TestCheckMEXRedirects(t *testing.T) {
	hop := func(to string) http.Handler {
		return &adfstest.Service{MEXGet: adfstest.Answer{Location: to}, MEXPost: adfstest.Answer{Status: 308, Location: to}}
	}
	at := func(n string) string { return "https://" + n + "/adfs/services/trust/mex" }
	hosts := memory{stsHost: &adfstest.Service{}, "a": hop(at("b")), "b": hop(at("c")), "c": hop(at("d")), "d": hop(at("e")), "e": hop(mexURL), "z": hop(at("a"))}

	m := client(hosts).CheckMEX(t.Context(), at("a"))
	if len(m.Problems) != 0 || m.Selected.Username13 == "" {
		t.Errorf("five redirects: %+v", m)
	}
	for _, e := range []adfs.Exchange{m.Get, m.Post} {
		if want := []string{at("a"), at("b"), at("c"), at("d"), at("e")}; !slices.Equal(e.Redirects, want) || e.URL != mexURL || e.Status != 200 {
			t.Errorf("exchange %+v", e)
		}
	}
	m = client(hosts).CheckMEX(t.Context(), at("z"))
	if got := codes(m.Problems); !slices.Equal(got, []string{"redirect-loop", "redirect-loop"}) {
		t.Errorf("six redirects: %v", m.Problems)
	}
}

func TestCheckMEXNotAsked(t *testing.T) {
	for _, bad := range []string{"", "sts.contoso.example", "/adfs", "http://sts.contoso.example/adfs/services/trust/mex", "https://", "https://a b/", "https://sts.contoso.example/%zz"} {
		m := client(memory{}).CheckMEX(t.Context(), bad)
		if m.Get.Asked || m.Post.Asked || !slices.Equal(codes(m.Problems), []string{"bad-url", "bad-url"}) {
			t.Errorf("%q: %+v", bad, m)
		}
		roundTrip(t, m)
	}
	m := new(adfs.Client).CheckMEX(t.Context(), mexURL)
	if got := codes(m.Problems); !slices.Equal(got, []string{"unreachable", "unreachable"}) {
		t.Errorf("zero client: %v", m.Problems)
	}
}

func TestCheckMEXKeepsTheQuery(t *testing.T) {
	var queries []string
	recorder := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			queries = append(queries, r.URL.RawQuery)
		}
	})
	client(memory{stsHost: recorder}).CheckMEX(t.Context(), "https://sts.contoso.example/pf/sts_mex.ping?PartnerSpId=urn:federation:MicrosoftOnline#x")
	if !slices.Equal(queries, []string{"PartnerSpId=urn:federation:MicrosoftOnline"}) {
		t.Errorf("queries %q", queries)
	}
}

// TestCheckMEXAtTheSameTime proves that a slow service costs one delay, not two.
func TestCheckMEXAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := adfstest.Answer{Delay: 4 * time.Second}
		c := client(memory{stsHost: &adfstest.Service{MEXGet: slow, MEXPost: slow}})
		start := time.Now()
		m := c.CheckMEX(t.Context(), mexURL)
		if took := time.Since(start); took != 4*time.Second || len(m.Problems) != 0 {
			t.Errorf("took %v, problems %v", took, m.Problems)
		}
		if m.Get.Elapsed != 4*time.Second || m.Get.AnsweredAt.Sub(m.Get.SentAt) != 4*time.Second {
			t.Errorf("exchange %+v", m.Get)
		}
	})
}

func TestCheckMEXTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(memory{stsHost: &adfstest.Service{MEXPost: adfstest.Answer{Delay: time.Hour}}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		m := c.CheckMEX(ctx, mexURL)
		if m.Get.Problem != "" || m.Post.Problem != "unreachable" || !m.Post.Asked || m.Post.Status != 0 || m.Post.Elapsed != 5*time.Second {
			t.Errorf("GET %+v\nPOST %+v", m.Get, m.Post)
		}
		if m.Post.Detail != context.DeadlineExceeded.Error() {
			t.Errorf("detail %q", m.Post.Detail)
		}
	})
}

// TestCheckMEXOverTLS goes through the real transport on loopback.
func TestCheckMEXOverTLS(t *testing.T) {
	service := &adfstest.Service{Host: stsHost}
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake below
	server.StartTLS()
	defer server.Close()
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "sts.contoso.example:443" {
			return nil, errors.New("dial of " + address)
		}
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	transport.TLSClientConfig.ServerName = "example.com" // what the test certificate names
	defer transport.CloseIdleConnections()
	c := &adfs.Client{HTTP: &http.Client{Transport: transport}}
	m := c.CheckMEX(t.Context(), mexURL)
	if len(m.Problems) != 0 || m.Selected.Windows2005 == "" || m.Get.Date.IsZero() {
		t.Errorf("result %+v", m)
	}

	transport2 := transport.Clone()
	transport2.TLSClientConfig = &tls.Config{ServerName: stsHost, RootCAs: transport.TLSClientConfig.RootCAs}
	defer transport2.CloseIdleConnections()
	m = (&adfs.Client{HTTP: &http.Client{Transport: transport2}}).CheckMEX(t.Context(), mexURL)
	if m.Get.Problem != "unreachable" || !strings.Contains(m.Get.Detail, "certificate") || strings.Contains(m.Get.Detail, mexURL) {
		t.Errorf("GET %+v", m.Get)
	}
}

func TestCheckMEXBrokenOff(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("<wsdl:definitions"))
	}))
	defer server.Close()
	m := (&adfs.Client{HTTP: server.Client()}).CheckMEX(t.Context(), server.URL)
	if m.Get.Problem != "unreachable" || m.Get.Status != 200 || !strings.Contains(m.Get.Detail, "broke off") {
		t.Errorf("GET %+v", m.Get)
	}
}

func TestCheckMEXMaxBytes(t *testing.T) {
	c := client(memory{stsHost: &adfstest.Service{}})
	c.MaxBytes = 1000
	if got := codes(c.CheckMEX(t.Context(), mexURL).Problems); !slices.Equal(got, []string{"too-large", "too-large"}) {
		t.Errorf("problems %v", got)
	}
}

// TestPasswordsInURLs: a URL with a user name in it is not asked, and neither
// name nor password is sent or shown.
func TestPasswordsInURLs(t *testing.T) {
	basic := func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }
	check := func(name string, m *adfs.MEX, problem string) {
		t.Helper()
		roundTrip(t, m)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"joe", "sec", "ret", "REDACTED", "xxxxx"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s: %q is shown: %s", name, secret, text)
			}
		}
		if m.Get.Problem != problem || m.Get.Detail == "" {
			t.Errorf("%s: %q (%s), want %s", name, m.Get.Problem, m.Get.Detail, problem)
		}
	}
	asked := 0
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ })
	for _, c := range []struct{ url, kept string }{
		{"https://joe:secret@sts.contoso.example/mex", "https://sts.contoso.example/mex"},
		{"https://joe@sts.contoso.example/mex", "https://sts.contoso.example/mex"},
		{"http://joe:secret@sts.contoso.example/mex", "http://sts.contoso.example/mex"},
		{"https://joe:sec%zzret@sts.contoso.example/mex", "https://sts.contoso.example/mex"},
		{"https://joe:sec#ret@sts.contoso.example/mex", "https://sts.contoso.example/mex"},
		{"joe:secret@sts.contoso.example", "sts.contoso.example"},
	} {
		m := client(memory{stsHost: never}).CheckMEX(t.Context(), c.url)
		check(c.url, m, "bad-url")
		if m.URL != c.kept || m.Get.Asked || m.Post.Asked || asked > 0 {
			t.Errorf("%s: %+v after %d requests", c.url, m, asked)
		}
	}
	for _, location := range []string{
		"https://joe:secret@other.contoso.example/mex", "//joe:secret@other.contoso.example/mex", "http://joe:secret@other.contoso.example/mex",
		"joe:secret@other.contoso.example", "https://joe:sec%zzret@other.contoso.example/mex", "https://joe:sec#ret@other.contoso.example/mex",
	} {
		sent := false
		other := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = sent || basic(r) })
		service := &adfstest.Service{MEXGet: adfstest.Answer{Location: location}, MEXPost: adfstest.Answer{Status: 307, Location: location}}
		check(location, client(memory{stsHost: service, "other.contoso.example": other}).CheckMEX(t.Context(), mexURL), "redirect-refused")
		if sent {
			t.Errorf("%s: a password was sent", location)
		}
	}
	c := client(memory{})
	c.LoginHost = "joe:secret@login.contoso.example"
	if r := c.DiscoverRealm(t.Context(), "ann@contoso.example"); r.Problem != "bad-url" || strings.Contains(r.Source+r.Detail, "joe") || strings.Contains(r.Source+r.Detail, "secret") {
		t.Errorf("%+v", r)
	}
}
