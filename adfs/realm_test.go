package adfs_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

func TestRealmCorpus(t *testing.T) {
	federated := adfs.Realm{
		NamespaceType: "federated", Domain: "company.com", Protocol: "wstrust", Cloud: "microsoftonline.com",
		MEXURL: "https://sts.company.com/adfs/services/trust/mex", ActiveAuthURL: "https://sts.company.com/adfs/services/trust/2005/usernamemixed",
	}
	brand := adfs.Realm{NamespaceType: "managed", Domain: "example.com", Brand: "Example Corp", Cloud: "microsoftonline.com"}
	want := map[string]adfs.Realm{
		"userrealm1-federated.json": federated,
		"userrealm1-federated-adal.json": {NamespaceType: "federated", Protocol: "wstrust",
			MEXURL: "https://adfs.federatedtenant.com/adfs/services/trust/mex", ActiveAuthURL: "https://adfs.federatedtenant.com/adfs/services/trust/2005/usernamemixed"},
		"userrealm1-managed.json":   {NamespaceType: "managed", Domain: "company.com", Cloud: "microsoftonline.com"},
		"userrealm1-unknown.json":   {NamespaceType: "unknown"},
		"getuserrealm-managed.json": brand,
		"getuserrealm-managed.xml":  brand,
		"getuserrealm-federated.json": {NamespaceType: "federated", Domain: "company.com", Brand: "Company Ltd", Cloud: "microsoftonline.com",
			PassiveAuthURL: "https://sts.company.com/adfs/ls/?username=user%40company.com&wa=wsignin1.0&wtrealm=urn%3afederation%3aMicrosoftOnline&wctx="},
		"getcredentialtype-adfs.json": {NamespaceType: "federated", PassiveAuthURL: "{{.UrlFederationRedirect}}"},
	}
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus/realm"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		w, ok := want[name]
		if !ok {
			t.Errorf("nothing is expected of %s", name)
			continue
		}
		b := read(t, f)
		for how, b := range map[string][]byte{
			"as is": b, "byte order mark": append([]byte("\ufeff"), b...), "utf-16": utf16Bytes(b, false, true),
		} {
			r, err := adfs.ParseRealm(b)
			if err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
				continue
			}
			if bytes.Contains(read(t, f), []byte("urn:federation:MicrosoftOnline")) != (r.Audience == adfs.MicrosoftOnline) {
				t.Errorf("%s, %s: audience %q", name, how, r.Audience)
			}
			r.Audience = ""
			if *r != w {
				t.Errorf("%s, %s:\n%+v\nwant\n%+v", name, how, *r, w)
			}
		}
	}
}

func TestParseRealm(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       adfs.Realm
	}{
		{"case of names and values", `{"ACCOUNT_TYPE":"FEDERATED","Federation_Protocol":"SAML20","Cloud_Instance_Name":"x"}`,
			adfs.Realm{NamespaceType: "federated", Protocol: "saml20", Cloud: "x"}},
		{"2.1", `{"NameSpaceType":"Federated","federation_protocol":"WSTrust","Login":"a@b.example","AuthURL":" https://sts.b.example/adfs/ls/?q=1 ","DomainName":"B.example","FederationBrandName":"B","TenantBrandingInfo":null,"cloudinstancename":"microsoftonline.com"}`,
			adfs.Realm{NamespaceType: "federated", Protocol: "wstrust", PassiveAuthURL: "https://sts.b.example/adfs/ls/?q=1", Domain: "b.example", Brand: "B", Cloud: "microsoftonline.com"}},
		{"query of a MEX URL", `{"account_type":"federated","federation_metadata_url":"https://fam.contoso.example/pf/sts_mex.ping?PartnerSpId=urn:federation:MicrosoftOnline"}`,
			adfs.Realm{NamespaceType: "federated", MEXURL: "https://fam.contoso.example/pf/sts_mex.ping?PartnerSpId=urn:federation:MicrosoftOnline"}},
		{"XML of a federation", `<?xml version="1.0"?><RealmInfo Success="true"><NameSpaceType>Federated</NameSpaceType><AuthURL>https://s/ls/?a=1&amp;b=2</AuthURL><STSAuthURL>https://s/2005/usernamemixed</STSAuthURL><MEXURL>https://s/mex</MEXURL></RealmInfo>`,
			adfs.Realm{NamespaceType: "federated", PassiveAuthURL: "https://s/ls/?a=1&b=2", ActiveAuthURL: "https://s/2005/usernamemixed", MEXURL: "https://s/mex"}},
		{"consumer by domain", `{"account_type":"Federated","domain_name":"live.com"}`, adfs.Realm{NamespaceType: "consumer", Domain: "live.com"}},
		{"consumer by metadata", `{"account_type":"Federated","federation_metadata_url":"https://Nexus.passport.com/FederationMetadata/2007-06/FederationMetadata.xml"}`,
			adfs.Realm{NamespaceType: "consumer", MEXURL: "https://Nexus.passport.com/FederationMetadata/2007-06/FederationMetadata.xml"}},
		{"other protocol", `{"account_type":"federated","federation_protocol":"WSFed"}`, adfs.Realm{NamespaceType: "federated", Protocol: "wsfed"}},
		{"numbers where text is usual", `{"account_type":"managed","domain_name":7,"ver":1}`, adfs.Realm{NamespaceType: "managed"}},
	} {
		r, err := adfs.ParseRealm([]byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if *r != tt.want {
			t.Errorf("%s:\n%+v\nwant\n%+v", tt.name, *r, tt.want)
		}
	}
}

func TestParseRealmRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "null", "[]", `"managed"`, "{", `{"account_type":"Managed"`, `{"account_type":"Managed"}}`, "{}", `{"account_type":null}`, `{"account_type":"Other"}`, `{"Credentials":{"HasPassword":true}}`,
		"<RealmInfo/>", "<RealmInfo><NameSpaceType>Managed</NameSpaceType>", "<!DOCTYPE a><RealmInfo><NameSpaceType>Managed</NameSpaceType></RealmInfo>",
		"<html><body>Managed", "Service Unavailable", strings.Repeat(" ", 4<<20+1),
	} {
		r, err := adfs.ParseRealm([]byte(text))
		if r != nil || err == nil || !strings.HasPrefix(err.Error(), "adfs: parse realm answer: ") {
			t.Errorf("%.40q: %+v, %v", text, r, err)
		}
	}
}

func loginService() *adfstest.LoginService {
	return &adfstest.LoginService{
		Now: func() time.Time { return time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC) },
		Domains: map[string]adfstest.Domain{
			"contoso.example":     {Type: "federated", Brand: "Contoso", Host: "sts.contoso.example"},
			"saml.example":        {Type: "federated", Protocol: "SAML20", Brand: "Saml"},
			"ping.example":        {Type: "federated", MEXURL: "https://fam.ping.example/pf/sts_mex.ping?PartnerSpId=urn:federation:MicrosoftOnline"},
			"fabrikam.example":    {Brand: "Fabrikam & Sons"},
			"outlook.example":     {Type: "consumer"},
			"contoso.example.gov": {Cloud: "microsoftonline.us"},
		},
	}
}

func TestDiscoverRealm(t *testing.T) {
	const login = "login.microsoftonline.com"
	type want struct{ kind, domain, brand, protocol, mex, active, passive, cloud string }
	sts := "https://sts.contoso.example/adfs/"
	for address, w := range map[string]want{
		"joe@contoso.example": {"federated", "contoso.example", "", "wstrust", sts + "services/trust/mex", sts + "services/trust/2005/usernamemixed", "", "microsoftonline.com"},
		"contoso.example":     {"federated", "contoso.example", "", "wstrust", sts + "services/trust/mex", sts + "services/trust/2005/usernamemixed", "", "microsoftonline.com"},
		"a/b+c%@saml.example": {"federated", "saml.example", "", "saml20", "", "", "", "microsoftonline.com"},
		"joe@PING.example": {"federated", "ping.example", "", "wstrust", "https://fam.ping.example/pf/sts_mex.ping?PartnerSpId=urn:federation:MicrosoftOnline",
			"https://sts.ping.example/adfs/services/trust/2005/usernamemixed", "", "microsoftonline.com"},
		"joe@fabrikam.example": {"managed", "fabrikam.example", "", "", "", "", "", "microsoftonline.com"},
		"joe@nobody.example":   {"unknown", "", "", "", "", "", "", ""},
		"joe@outlook.example": {"consumer", "live.com", "", "wstrust", "https://nexus.passport.com/FederationMetadata/2007-06/FederationMetadata.xml",
			"https://login.live.com/rst2.srf", "", "microsoftonline.com"},
		"joe@contoso.example.gov": {"managed", "contoso.example.gov", "", "", "", "", "", "microsoftonline.us"},
	} {
		service := loginService()
		r := client(memory{login: service}).DiscoverRealm(t.Context(), " "+address+"\n")
		roundTrip(t, r)
		got := want{r.NamespaceType, r.Domain, r.Brand, r.Protocol, r.MEXURL, r.ActiveAuthURL, r.PassiveAuthURL, r.Cloud}
		if got != w || r.Problem != "" || r.Status != 200 || !r.Date.Equal(service.Now()) {
			t.Errorf("%s: %+v", address, r)
		}
		if req := service.Requests(); len(req) != 1 || req[0].Path != "/common/UserRealm/"+address || req[0].RawQuery != "api-version=1.0" {
			t.Errorf("%s: requests %+v", address, req)
		}

		// The other endpoint tells the same, and the brand and login page too.
		service = loginService()
		service.UserRealm.Status = 503
		r = client(memory{login: service}).DiscoverRealm(t.Context(), address)
		roundTrip(t, r)
		if r.NamespaceType != w.kind || r.Domain != w.domain || r.MEXURL != w.mex || r.ActiveAuthURL != w.active || r.Problem != "" ||
			!strings.Contains(r.Source, "/getuserrealm.srf?login=") || !strings.Contains(r.Detail, "503") {
			t.Errorf("%s by getuserrealm.srf: %+v", address, r)
		}
		if (w.kind == "federated") != (r.PassiveAuthURL != "" && w.kind != "consumer") {
			t.Errorf("%s: login page %q", address, r.PassiveAuthURL)
		}
	}
}

func TestDiscoverRealmFailures(t *testing.T) {
	type answer = adfstest.Answer
	for _, tt := range []struct {
		name          string
		first, second answer
		problem       string
		status        int
		source        string
	}{
		{"503 of both", answer{Status: 503}, answer{Status: 503}, "http-error", 503, "/common/UserRealm/"},
		{"429, then a page", answer{Status: 429}, answer{Kind: "html"}, "http-error", 429, "/common/UserRealm/"},
		{"page of both", answer{Kind: "html"}, answer{Kind: "html"}, "html", 200, "/common/UserRealm/"},
		{"truncated", answer{Kind: "truncated"}, answer{Kind: "truncated"}, "malformed", 200, "/common/UserRealm/"},
		{"text called page", answer{Kind: "text", ContentType: "text/html"}, answer{Kind: "empty"}, "html", 200, "/common/UserRealm/"},
		{"empty", answer{Kind: "empty"}, answer{Kind: "empty"}, "empty", 200, "/common/UserRealm/"},
		{"portal", answer{Location: "http://portal.example/"}, answer{Location: "http://portal.example/"}, "redirect-refused", 302, "/common/UserRealm/"},
		{"page, then well", answer{Kind: "html"}, answer{}, "", 200, "/getuserrealm.srf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := loginService()
			service.UserRealm, service.GetUserRealm = tt.first, tt.second
			c := client(memory{"login.microsoftonline.us": service})
			c.LoginHost = "login.microsoftonline.us"
			r := c.DiscoverRealm(t.Context(), "joe@contoso.example")
			roundTrip(t, r)
			if r.Problem != tt.problem || r.Status != tt.status || !strings.Contains(r.Source, tt.source) || (r.NamespaceType == "") != (tt.problem != "") || r.Detail == "" {
				t.Errorf("result %+v", r)
			}
			if r.Problem != "" && !slices.Contains(adfs.Codes(), r.Problem) {
				t.Errorf("code %s is not among Codes", r.Problem)
			}
			if n := len(service.Requests()); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestDiscoverRealmNoAnswer(t *testing.T) {
	asked := 0
	c := &adfs.Client{HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		return memory{}.RoundTrip(r)
	})}}
	r := c.DiscoverRealm(t.Context(), "joe@contoso.example")
	if r.Problem != "unreachable" || r.Status != 0 || !strings.Contains(r.Detail, "no such host") || r.SentAt.IsZero() || !r.AnsweredAt.IsZero() {
		t.Errorf("result %+v", r)
	}
	if asked != 1 {
		t.Errorf("a host without an answer was asked %d times", asked)
	}
	for _, bad := range []string{"", " ", "joe user@contoso.example", "joe\x00@contoso.example"} {
		if r := c.DiscoverRealm(t.Context(), bad); r.Problem != "bad-address" || r.Source != "" {
			t.Errorf("%q: %+v", bad, r)
		}
	}
	if r := new(adfs.Client).DiscoverRealm(t.Context(), "joe@contoso.example"); r.Problem != "unreachable" {
		t.Errorf("zero client: %+v", r)
	}
	if r := (&adfs.Client{LoginHost: "a b"}).DiscoverRealm(t.Context(), "joe@contoso.example"); r.Problem != "bad-url" {
		t.Errorf("bad login host: %+v", r)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
