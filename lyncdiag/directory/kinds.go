package directory

import (
	"slices"
	"strings"
)

// kind is what an object may be, told by its properties: the formats keep the
// name of its type only sometimes.
type kind struct {
	cmdlet string
	// all must be there, and of any at least one, unless it is empty.
	all, any []string
	read     func(x *export, n *node, cmdlet string) bool // false: it is something else after all
}

func (k kind) has(n *node) bool {
	for _, name := range k.all {
		if !n.has(name) {
			return false
		}
	}
	return len(k.any) == 0 || slices.ContainsFunc(k.any, func(name string) bool { return n.has(name) })
}

// kinds in the order in which they are tried: the more particular first.
var kinds = []kind{
	{"Export-AdfsDiagnosticsFile", []string{"adfstoolbox"}, nil, (*export).diagnostics},
	{"Test-AdfsServerHealth", []string{"alltests"}, nil, (*export).tested},
	{"Test-AdfsServerHealth", []string{"name", "result"}, []string{"computername", "detail"}, (*export).test},
	{"IdFix", []string{"distinguishedname", "attribute", "error"}, []string{"value", "update", "objectclass"}, (*export).idfix},
	{"Get-MgServiceAnnouncementHealthOverview", []string{"service", "status"}, nil, (*export).service},

	{"Get-MsolDomainFederationSettings", []string{"issueruri"}, []string{"activelogonuri", "passivelogonuri", "metadataexchangeuri"}, (*export).federation},
	{"Get-MgDomainFederationConfiguration", []string{"issueruri"}, []string{"activesigninuri", "passivesigninuri"}, (*export).federation},
	{"Get-MsolDomain", []string{"name", "authentication"}, []string{"status", "capabilities", "verificationmethod", "rootdomain"}, (*export).domain},
	{"Get-MgDomain", []string{"id"}, []string{"authenticationtype", "isverified", "supportedservices"}, (*export).domain},
	{"Get-MsolCompanyInformation", []string{"directorysynchronizationenabled"}, nil, (*export).company},
	{"Get-MgOrganization", []string{"onpremisessyncenabled", "verifieddomains"}, nil, (*export).company},

	{"Get-MgSubscribedSku", []string{"skupartnumber", "serviceplans"}, []string{"capabilitystatus", "consumedunits", "prepaidunits"}, (*export).sku},
	{"Get-MsolAccountSku", []string{"accountskuid"}, []string{"activeunits", "consumedunits", "servicestatus"}, (*export).sku},
	{"Get-MgUserLicenseDetail", []string{"serviceplans"}, []string{"skupartnumber", "skuid"}, (*export).licence},

	{"Get-MsolUser", []string{"userprincipalname", "islicensed"}, nil, (*export).user},
	{"Get-MsolUser", []string{"userprincipalname"}, []string{"blockcredential", "licenses", "overallprovisioningstatus"}, (*export).user},
	{"Get-CsOnlineUser", []string{"sipaddress"}, []string{"assignedplan", "interpretedusertype", "accounttype", "featuretypes", "onpremsipaddress", "uservalidationerrors", "shadowproxyaddresses", "tenantid"}, (*export).user},
	{"Get-CsOnlineUser", []string{"userprincipalname"}, []string{"interpretedusertype", "featuretypes", "onpremhostingprovider", "uservalidationerrors"}, (*export).user},
	{"Get-CsUser", []string{"sipaddress"}, []string{"hostingprovider", "registrarpool", "enabled", "samaccountname"}, (*export).user},
	{"Get-ADUser", nil, []string{"msrtcsip-userenabled", "msrtcsip-primaryuseraddress", "msrtcsip-deploymentlocator"}, (*export).user},
	{"Get-ADUser", []string{"distinguishedname", "samaccountname"}, nil, (*export).user},
	{"Get-MgUser", []string{"userprincipalname"}, []string{"accountenabled", "assignedlicenses", "assignedplans", "onpremisessyncenabled", "businessphones", "proxyaddresses", "mailnickname"}, (*export).user},
	{"", []string{"userprincipalname"}, nil, (*export).user},
	{"", []string{"sipaddress"}, nil, (*export).user},
}

// Cmdlets are the commands whose exports are read, each once, in alphabetical
// order. IdFix is a program with a CSV report.
func Cmdlets() []string {
	var list []string
	for _, k := range kinds {
		if k.cmdlet != "" && !slices.Contains(list, k.cmdlet) {
			list = append(list, k.cmdlet)
		}
	}
	slices.Sort(list)
	return list
}

// lossOf says how a property that is not what it should be was lost.
func lossOf(v *node) string {
	switch {
	case v.is(dropped) && strings.HasPrefix(strings.TrimSpace(v.text), "@{"):
		return "written as text; ConvertTo-Json went no deeper (-Depth)"
	case v.is(dropped):
		return "written as the name of its type"
	case v.is(scalar):
		return "written as text"
	}
	return "incomplete"
}
