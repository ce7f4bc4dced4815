package adfstest_test

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

const soapType = "application/soap+xml; charset=utf-8"

// missing skips a test, or fails it where nothing may be missing.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// TestRecordedRequests sends what ADAL and Microsoft's AD FS toolbox send, as
// recorded: the fake must understand its clients' like, not our client alone.
func TestRecordedRequests(t *testing.T) {
	const base = "https://sts.contoso.example/adfs/services/trust/"
	at := time.Date(2015, 7, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ file, path, token string }{
		{"rst-13-adal.xml", "13/usernamemixed", "RequestSecurityTokenResponseCollection"},
		{"rst-2005-adal.xml", "2005/usernamemixed", "<saml:Assertion"},
		{"rst-2005-usernamemixed-adfstoolbox.xml", "2005/usernamemixed", "<saml:Assertion"},
	} {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "corpus", "trust", tt.file))
		if err != nil {
			missing(t, "no reference material beside the repository: "+err.Error())
		}
		fill := func(password string, created time.Time) string {
			const layout = "2006-01-02T15:04:05.000Z"
			return strings.NewReplacer("%MESSAGE_ID%", "urn:uuid:1", "%WSTRUST_ENDPOINT%", base+tt.path, "%CREATED%", created.Format(layout), "%EXPIRES%", created.Add(10*time.Minute).Format(layout),
				"%USERNAME%", "joe@contoso.example", "%PASSWORD%", password, "%APPLIES_TO%", "urn:federation:MicrosoftOnline",
				"{0}", base+tt.path, "{1}", "joe@contoso.example", "{2}", password, "{3}", "urn:federation:MicrosoftOnline").Replace(strings.TrimPrefix(string(b), "\ufeff"))
		}
		s := &adfstest.Service{Password: "right", Now: func() time.Time { return at }}
		if w := do(s, "POST", base+tt.path, soapType, fill("right", at)); w.Code != 200 || !strings.Contains(w.Body.String(), tt.token) {
			t.Errorf("%s: %d %.400s", tt.file, w.Code, w.Body)
		}
		if w := do(s, "POST", base+tt.path, soapType, fill("wrong", at)); w.Code != 500 || !strings.Contains(w.Body.String(), "ID3242") {
			t.Errorf("%s, wrong password: %d %.400s", tt.file, w.Code, w.Body)
		}
		if w := do(s, "POST", base+tt.path, soapType, fill("right", at.Add(-time.Hour))); strings.Contains(string(b), "Timestamp") != strings.Contains(w.Body.String(), "InvalidSecurity") {
			t.Errorf("%s, an hour old: %d %.400s", tt.file, w.Code, w.Body)
		}
	}
}

func TestTokenServiceRefuses(t *testing.T) {
	const path = "https://sts.contoso.example/adfs/services/trust/2005/usernamemixed"
	var s adfstest.Service
	for _, tt := range []struct {
		name, method, contentType, body string
		status                          int
	}{
		{"GET", "GET", "", "", 405},
		{"SOAP 1.1", "POST", "text/xml", "<a/>", 415},
		{"not SOAP", "POST", soapType, "<a/>", 400},
		{"entity bomb", "POST", soapType, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, 400},
		{"nothing in it", "POST", soapType, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body/></s:Envelope>`, 500},
	} {
		if w := do(&s, tt.method, path, tt.contentType, tt.body); w.Code != tt.status {
			t.Errorf("%s: %d %.300s", tt.name, w.Code, w.Body)
		}
	}
	for _, path := range []string{"2005/windowstransport", "13/kerberosmixed", "nothing"} {
		if w := do(&s, "POST", "https://sts.contoso.example/adfs/services/trust/"+path, soapType, "<a/>"); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestNTLMWithCurl: curl's NTLM is nobody's of ours.
func TestNTLMWithCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		missing(t, "curl is not installed")
	}
	if out, _ := exec.Command(curl, "--version").Output(); !strings.Contains(string(out), "NTLM") {
		missing(t, "curl has no NTLM")
	}
	service := &adfstest.Service{Host: "sts.contoso.example", Password: "Right & <1>", Windows: true}
	server := httptest.NewServer(service)
	defer server.Close()
	for password, want := range map[string]string{"Right & <1>": "400", "wrong": "401"} { // 400: who is known, and sends no request
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := exec.CommandContext(ctx, curl, "--silent", "--ntlm", "--user", `CONTOSO\joe:`+password, "--header", "Content-Type: "+soapType, "--data", "<a/>",
			"--output", os.DevNull, "--write-out", "%{http_code}", server.URL+"/adfs/services/trust/2005/windowstransport")
		out, err := cmd.Output()
		cancel()
		if err != nil || string(out) != want {
			t.Errorf("%s: %s, %v", password, out, err)
		}
	}
}

func TestRST2(t *testing.T) {
	s := adfstest.LoginService{Domains: map[string]adfstest.Domain{"m.example": {}}}
	const rst2 = "https://login.microsoftonline.com/RST2.srf"
	for _, tt := range []struct {
		method, body string
		status       int
		want         string
	}{
		{"GET", "", 400, ""},
		{"POST", "<a/>", 400, ""},
		{"POST", `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body/></s:Envelope>`, 200, "0x80041000"},
	} {
		r := httptest.NewRequest(tt.method, rst2, strings.NewReader(tt.body))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Body)
		if w.Code != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s %q: %d %s", tt.method, tt.body, w.Code, body)
		}
	}
}
