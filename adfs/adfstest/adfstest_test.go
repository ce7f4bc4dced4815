package adfstest_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

func do(h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestMEXDocument holds the document against WSDL 1.1 and WS-Policy by means
// of their own rules: names are unique, and whatever is referred to exists.
func TestMEXDocument(t *testing.T) {
	type binding struct {
		Name      string `xml:"name,attr"`
		Type      string `xml:"type,attr"`
		Reference struct {
			URI string `xml:"URI,attr"`
		} `xml:"http://schemas.xmlsoap.org/ws/2004/09/policy PolicyReference"`
	}
	var d struct {
		XMLName  xml.Name `xml:"http://schemas.xmlsoap.org/wsdl/ definitions"`
		Policies []struct {
			ID string `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd Id,attr"`
		} `xml:"http://schemas.xmlsoap.org/ws/2004/09/policy Policy"`
		PortTypes []struct {
			Name string `xml:"name,attr"`
		} `xml:"http://schemas.xmlsoap.org/wsdl/ portType"`
		Bindings []binding `xml:"http://schemas.xmlsoap.org/wsdl/ binding"`
		Ports    []struct {
			Name    string `xml:"name,attr"`
			Binding string `xml:"binding,attr"`
			Address string `xml:"EndpointReference>Address"`
			SOAP    struct {
				Location string `xml:"location,attr"`
			} `xml:"http://schemas.xmlsoap.org/wsdl/soap12/ address"`
		} `xml:"service>port"`
	}
	doc := adfstest.MEXDocument("sts.contoso.example", adfstest.DefaultEndpoints())
	if err := xml.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, p := range d.Policies {
		names["policy #"+p.ID]++
	}
	for _, p := range d.PortTypes {
		names["type tns:"+p.Name]++
	}
	for _, b := range d.Bindings {
		names["binding tns:"+b.Name]++
		if names["policy "+b.Reference.URI] != 1 || names["type "+b.Type] != 1 {
			t.Errorf("binding %+v refers to nothing", b)
		}
	}
	if len(d.Ports) != 13 {
		t.Errorf("%d ports", len(d.Ports))
	}
	for i, p := range d.Ports {
		names["port "+p.Name]++
		if names["binding "+p.Binding] != 1 || p.Address != p.SOAP.Location ||
			p.Address != "https://sts.contoso.example/adfs/services/trust/"+adfstest.DefaultEndpoints()[i].Path {
			t.Errorf("port %+v", p)
		}
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}

// TestMEXDocumentXmllint asks another XML implementation, where there is one.
func TestMEXDocumentXmllint(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed")
	}
	cmd := exec.Command(lint, "--noout", "--nonet", "-")
	cmd.Stdin = strings.NewReader(string(adfstest.MEXDocument("a&b", append(adfstest.DefaultEndpoints(), adfstest.Endpoint{Path: "13/username", Address: "<"}))))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestServicePost(t *testing.T) {
	const soap = "application/soap+xml; charset=utf-8"
	const get = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://www.w3.org/2005/08/addressing"><e:Header>` +
		`<w:Action>http://schemas.xmlsoap.org/ws/2004/09/transfer/Get</w:Action><w:MessageID>urn:uuid:1</w:MessageID><w:To>https://sts/</w:To></e:Header><e:Body/></e:Envelope>`
	var s adfstest.Service
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"WS-Transfer Get", soap, get, 200, "<a:RelatesTo>urn:uuid:1</a:RelatesTo>"},
		{"SOAP 1.1", "text/xml", get, 415, ""},
		{"not SOAP", soap, "<a/>", 400, ""},
		{"another action", soap, strings.Replace(get, "transfer/Get", "transfer/Put", 1), 500, "ActionNotSupported"},
		{"no message id", soap, strings.Replace(get, "MessageID>", "X>", 2), 500, "ActionNotSupported"},
	} {
		w := do(&s, "POST", "https://sts.contoso.example/adfs/services/trust/mex", tt.contentType, tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %.300s", tt.name, w.Code, w.Body)
		}
	}
	if n := len(s.Requests()); n != 5 || s.Requests()[0].Body != get {
		t.Errorf("history %+v", s.Requests())
	}
}

func TestServicePaths(t *testing.T) {
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	s := adfstest.Service{Now: func() time.Time { return at }}
	for path, want := range map[string]int{
		"/adfs/services/trust/mex": 200, "/ADFS/Services/Trust/MEX": 200, "/adfs/ls/": 200, "/adfs/ls/?wa=wsignin1.0": 200, "/adfs/lsx": 404, "/": 404,
	} {
		w := do(&s, "GET", "https://sts.contoso.example"+path, "", "")
		if w.Code != want || w.Header().Get("Date") != "Fri, 31 May 2013 12:00:00 GMT" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestLoginService(t *testing.T) {
	s := adfstest.LoginService{Domains: map[string]adfstest.Domain{"contoso.example": {Type: "federated", Brand: "C & S"}, "m.example": {}}}
	for _, tt := range []struct{ target, want string }{
		{"/common/UserRealm/joe@contoso.example?api-version=1.0", `"account_type":"Federated"`},
		{"/COMMON/userrealm/joe%40Contoso.example?api-version=1.0", `"federation_metadata_url":"https://sts.contoso.example/adfs/services/trust/mex"`},
		{"/common/userrealm/joe@contoso.example?api-version=2.1", `"NameSpaceType":"Federated"`},
		{"/common/userrealm/joe@m.example?api-version=2.1", `"NameSpaceType":"Managed"`},
		{"/common/userrealm/joe@x.example?api-version=1.0", `{"ver":"1.0","account_type":"Unknown"}`},
		{"/common/userrealm/joe@contoso.example", "invalid_request"},
		{"/getuserrealm.srf?login=joe@contoso.example", `"State":3,"UserState":2`},
		{"/GetUserRealm.srf?login=joe@contoso.example&xml=1", "<FederationBrandName>C &amp; S</FederationBrandName>"},
		{"/getuserrealm.srf?login=joe@x.example&xml=1", "<NameSpaceType>Unknown</NameSpaceType></RealmInfo>"},
	} {
		w := do(&s, "GET", "https://login.microsoftonline.com"+tt.target, "", "")
		body, _ := io.ReadAll(w.Body)
		if !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %s", tt.target, body)
		}
		switch ct := w.Header().Get("Content-Type"); {
		case strings.HasPrefix(ct, "application/json") && !json.Valid(body):
			t.Errorf("%s: not JSON: %s", tt.target, body)
		case strings.HasPrefix(ct, "text/xml") && xml.Unmarshal(body, new(struct{})) != nil:
			t.Errorf("%s: not XML: %s", tt.target, body)
		}
	}
}

// TestHistoryIsBounded: a fake may serve for days.
func TestHistoryIsBounded(t *testing.T) {
	var s adfstest.Service
	for range 10_000 {
		do(&s, "GET", "https://sts.contoso.example/", "", "")
	}
	do(&s, "POST", "https://sts.contoso.example/last", "", strings.Repeat("x", 100<<10))
	got := s.Requests()
	if len(got) != 5001 {
		t.Fatalf("%d requests", len(got))
	}
	if last := got[5000]; last.Path != "/last" || len(last.Body) != 64<<10 {
		t.Errorf("%s with %d bytes", last.Path, len(last.Body))
	}
}
