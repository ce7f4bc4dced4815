package adfs_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

// The whole way from an address to the endpoints of its federation service,
// which here suffers from what KB 2254265 describes: a browser gets the
// metadata, the Sign-In Assistant does not.
func Example() {
	network := memory{
		"login.microsoftonline.com": &adfstest.LoginService{Domains: map[string]adfstest.Domain{"contoso.example": {Type: "federated"}}},
		"sts.contoso.example":       &adfstest.Service{MEXPost: adfstest.Answer{Status: 500}},
	}
	c := &adfs.Client{HTTP: &http.Client{Transport: network}}
	ctx := context.Background()

	realm := c.DiscoverRealm(ctx, "joe@contoso.example")
	fmt.Println(realm.NamespaceType, realm.Protocol)

	mex := c.CheckMEX(ctx, realm.MEXURL)
	fmt.Println("GET", mex.Get.Status, "POST", mex.Post.Status)
	for _, p := range mex.Problems {
		fmt.Println(p.Code+":", p.Detail)
	}
	fmt.Println(mex.Selected.Username2005)
	// Output:
	// federated wstrust
	// GET 200 POST 500
	// http-500: SOAP POST: status 500 Internal Server Error
	// https://sts.contoso.example/adfs/services/trust/2005/usernamemixed
}

func ExampleParseMEX() {
	doc := adfstest.MEXDocument("sts.contoso.example", []adfstest.Endpoint{
		{Path: "2005/username"},
		{Path: "2005/usernamemixed", Address: "\n  https://sts.contoso.example/adfs/services/trust/2005/usernamemixed\n"},
		{Path: "13/usernamemixed", NoPolicy: true},
	})
	m, err := adfs.ParseMEX(strings.NewReader(string(doc)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range m.Endpoints {
		if e.Usable {
			fmt.Println(e.Version, e.Authentication, e.Address)
			continue
		}
		fmt.Println(e.Version, e.Authentication, "unusable:", e.Reason)
	}
	fmt.Println("1.3:", m.Selected.Username13 != "", "2005:", m.Selected.Username2005 != "")
	// Output:
	// 2005 username unusable: The address is http, where only https protects the credentials.
	// 2005 username https://sts.contoso.example/adfs/services/trust/2005/usernamemixed
	// 1.3 other unusable: The document has no policy "#UserNameWSTrustBinding_IWSTrust13Async_policy", to which the port's binding refers.
	// 1.3: false 2005: true
}

func ExampleLookupCode() {
	for _, c := range adfs.LookupCode("AADSTS50126: Error validating credentials (0x80048821)") {
		fmt.Println(c.Category, c.Code, c.Meaning)
	}
	// Output:
	// identity AADSTS50126 InvalidUserNameOrPassword: wrong user name or password
	// identity 0x80048821 PPCRL_REQUEST_E_BAD_MEMBER_NAME_OR_PASSWORD: wrong user name or password
}

// ExampleClient_RequestToken asks a federation service for a token, once. The
// credentials are taken when it is certain where they go.
func ExampleClient_RequestToken() {
	network := memory{"sts.contoso.example": &adfstest.Service{Password: "right"}}
	client := &adfs.Client{HTTP: &http.Client{Transport: network}}
	ctx := context.Background()

	mex := client.CheckMEX(ctx, "https://sts.contoso.example/adfs/services/trust/mex")
	for _, e := range mex.Endpoints {
		if e.Address != mex.Selected.Username13 {
			continue
		}
		answer := client.RequestToken(ctx, adfs.TokenRequest{Endpoint: e, Hosts: []string{"sts.contoso.example"}},
			func(_ context.Context, to string) (string, adfs.Secret, error) {
				return "joe@contoso.example", adfs.NewSecret("wrong"), nil
			})
		fmt.Println(answer.HasToken, answer.Classification, answer.Error)
		fmt.Println(answer.Reason)
	}
	// Output:
	// false bad-credentials ID3242
	// ID3242: The security token could not be authenticated or authorized.
}
