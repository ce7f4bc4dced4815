package kb

import "slices"

// Export is how to export what a cmdlet knows so that nothing is lost.
type Export struct {
	Cmdlet string
	Line   string // to type in PowerShell; {address} and {domain} as in a [Spec]
	Tells  string // what lyncdiag takes from it
}

// Exports lists the cmdlets whose exports are read, in the order in which they
// are of use.
func Exports() []Export {
	const file = " -Encoding utf8"
	return []Export{
		{"Get-MgUser", "Get-MgUser -UserId {address} -Property Id,UserPrincipalName,AccountEnabled,AssignedLicenses,AssignedPlans,ProvisionedPlans,LicenseAssignmentStates,ProxyAddresses,ImAddresses,OnPremisesSyncEnabled,OnPremisesLastSyncDateTime,OnPremisesImmutableId,OnPremisesProvisioningErrors,ServiceProvisioningErrors | ConvertTo-Json -Depth 6 | Out-File user.json" + file,
			"licence and when it was assigned, account blocked, addresses, synchronization and its errors"},
		{"Get-MgUserLicenseDetail", "Get-MgUserLicenseDetail -UserId {address} | Select-Object @{n='userPrincipalName';e={'{address}'}},* | ConvertTo-Json -Depth 6 | Out-File licences.json" + file,
			"the plan for Lync in each licence and how far it is provisioned"},
		{"Get-MgSubscribedSku", "Get-MgSubscribedSku -All | ConvertTo-Json -Depth 6 | Out-File skus.json" + file,
			"which licences of the tenant hold a plan for Lync, where the user's export names the licence only"},
		{"Get-MsolUser", "Get-MsolUser -UserPrincipalName {address} | Export-Clixml -Depth 6 user.xml",
			"the same as Get-MgUser, but for when a licence was assigned"},
		{"Get-MsolAccountSku", "Get-MsolAccountSku | Export-Clixml -Depth 6 skus.xml",
			"the same as Get-MgSubscribedSku"},
		{"Get-CsOnlineUser", "Get-CsOnlineUser -Identity {address} | ConvertTo-Json -Depth 6 | Out-File online.json" + file,
			"that Lync Online has an account of the user, SIP address, where the user is homed"},
		{"Get-CsUser", "Get-CsUser -Identity sip:{address} | ConvertTo-Json -Depth 4 | Out-File server.json" + file,
			"the user on the company's own Lync Server"},
		{"Get-ADUser", "Get-ADUser -Filter \"UserPrincipalName -eq '{address}'\" -Properties msRTCSIP-UserEnabled,msRTCSIP-PrimaryUserAddress,msRTCSIP-DeploymentLocator,proxyAddresses,whenChanged | Select-Object UserPrincipalName,SamAccountName,DistinguishedName,Enabled,msRTCSIP-UserEnabled,msRTCSIP-PrimaryUserAddress,msRTCSIP-DeploymentLocator,proxyAddresses,whenChanged | ConvertTo-Json -Depth 4 | Out-File ad.json" + file,
			"msRTCSIP-UserEnabled (an empty value is kept by Select-Object), SIP address, where the user is homed, whether the last change has been synchronized"},
		{"Get-MgDomain", "Get-MgDomain -All | ConvertTo-Json -Depth 4 | Out-File domains.json" + file,
			"domain verified, used for Lync, managed or federated"},
		{"Get-MgDomainFederationConfiguration", "Get-MgDomainFederationConfiguration -DomainId {domain} | Select-Object @{n='Domain';e={'{domain}'}},* | ConvertTo-Json -Depth 4 | Out-File federation.json" + file,
			"issuer, addresses and signing certificates that the tenant has of AD FS"},
		{"Get-MgOrganization", "Get-MgOrganization | ConvertTo-Json -Depth 4 | Out-File organization.json" + file,
			"directory synchronization and its last time"},
		{"Get-MsolDomain", "Get-MsolDomain | Export-Clixml -Depth 4 domains.xml",
			"the same as Get-MgDomain"},
		{"Get-MsolDomainFederationSettings", "Get-MsolDomainFederationSettings -DomainName {domain} | Select-Object @{n='Domain';e={'{domain}'}},* | ConvertTo-Json -Depth 4 | Out-File federation.json" + file,
			"the same as Get-MgDomainFederationConfiguration"},
		{"Get-MsolCompanyInformation", "Get-MsolCompanyInformation | Export-Clixml -Depth 4 company.xml",
			"the same as Get-MgOrganization"},
		{"Get-MgServiceAnnouncementHealthOverview", "Get-MgServiceAnnouncementHealthOverview -All | Select-Object Id,Service,Status | ConvertTo-Json -Depth 4 | Out-File health.json" + file,
			"the service health dashboard of step 6: Lync Online and the login service"},
		{"Export-AdfsDiagnosticsFile", "Export-AdfsDiagnosticsFile -FilePath adfs.json",
			"Microsoft's tests of the AD FS servers (module ADFSToolbox, on an AD FS server)"},
		{"Test-AdfsServerHealth", "Test-AdfsServerHealth | ConvertTo-Json -Depth 4 | Out-File adfs.json" + file,
			"the same tests without the rest"},
	}
}

// ExportLine is the line of a cmdlet, "" for one that is not in [Exports].
func ExportLine(cmdlet string) string {
	exports := Exports()
	i := slices.IndexFunc(exports, func(e Export) bool { return e.Cmdlet == cmdlet })
	if i < 0 {
		return ""
	}
	return exports[i].Line
}
