package directory_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func ExampleExports() {
	// Get-MsolUser -UserPrincipalName joe@contoso.com | ConvertTo-Json
	export := `{
		"UserPrincipalName": "joe@contoso.com", "BlockCredential": false, "IsLicensed": true,
		"Licenses": [{"AccountSkuId": "contoso:ENTERPRISEPACK", "ServiceStatus": "Microsoft.Online.Administration.ServiceStatus"}]
	}`
	exports := &directory.Exports{} // is a lyncdiag.Source
	if err := exports.Add("user.json", strings.NewReader(export)); err != nil {
		fmt.Println(err)
		return
	}
	facts := fact.New()
	for _, who := range exports.Users() {
		if err := exports.Collect(context.Background(), who, facts); err != nil {
			fmt.Println(err)
		}
	}
	for origin, users := range fact.All(facts, fact.DirectoryUsersKey) {
		for _, u := range users {
			fmt.Println(origin.Where, u.Cmdlet, u.Name)
			fmt.Printf("has licences: %s, a plan for Lync: unknown\n", u.Licensed.Answer)
			fmt.Println("lost:", u.Lost[0].Property, u.Lost[0].Why)
		}
	}
	// Output:
	// user.json Get-MsolUser joe@contoso.com
	// has licences: yes, a plan for Lync: unknown
	// lost: Licenses.ServiceStatus written as the name of its type
}
