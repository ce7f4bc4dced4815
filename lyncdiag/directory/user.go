package directory

import (
	"slices"
	"sort"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// provisioning are the names of Microsoft.Online.Administration's
// ProvisioningStatus in the order of their numbers, validation those of
// ValidationStatus.
var (
	provisioning = []string{"none", "success", "error", "pendinginput", "disabled"}
	validation   = []string{"notavailable", "healthy", "error"}
)

// user reads an object about a user, whichever cmdlet wrote it: names that
// several have mean the same in all of them, but for those asked for here.
func (x *export) user(n *node, cmdlet string) bool {
	u := fact.DirectoryUser{
		Object: x.objects, Cmdlet: cmdlet,
		UserPrincipalName: n.get("userprincipalname").str(), DistinguishedName: n.get("distinguishedname", "onpremisesdistinguishedname").str(),
		SIPAddresses: []string{}, Plans: []fact.LyncPlan{}, UnknownPlans: []string{}, Errors: []string{}, Lost: []fact.Loss{},
	}
	for _, name := range []string{"userprincipalname", "distinguishedname", "identity", "samaccountname", "sipaddress", "displayname", "name"} {
		if u.Name == "" {
			u.Name = stripSIP(n.get(name).str())
		}
	}
	addresses(n, &u)
	state(n, cmdlet, &u)
	licences(n, cmdlet, &u)
	troubles(n, &u)
	u.Listed = cmdlet == "Get-CsOnlineUser" && hasAccount(n) && u.OnPremises.Answer != "yes"
	x.keep(u.Name, u.UserPrincipalName, u.DistinguishedName)
	x.keep(u.SIPAddresses...)
	x.keep(u.Errors...)
	x.keep(u.UnknownPlans...)
	x.users, x.held = append(x.users, u), append(x.held, holds(n))
	return true
}

// hasAccount: Get-CsOnlineUser lists guests and users without a licence, too,
// who have no account in Lync Online.
func hasAccount(n *node) bool {
	kind := n.get("accounttype").str()
	return (kind == "" || strings.EqualFold(kind, "User")) && n.get("sipaddress").str() != "" && n.get("softdeletiontimestamp").time().IsZero()
}

// lose notes a property that is there and not whole.
func lose(list *[]fact.Loss, name, why string) {
	if !slices.ContainsFunc(*list, func(l fact.Loss) bool { return l.Property == name }) {
		*list = append(*list, fact.Loss{Property: name, Why: why})
	}
}

// secondary puts the primary address first: it has its prefix in capitals (KB
// 3190357).
func secondary(address string) int {
	if strings.HasPrefix(address, "SIP:") {
		return 0
	}
	return 1
}

func stripSIP(address string) string {
	if len(address) > 4 && strings.EqualFold(address[:4], "sip:") {
		return address[4:]
	}
	return address
}

// addresses are the SIP addresses, the primary one first.
func addresses(n *node, u *fact.DirectoryUser) {
	add := func(address string) {
		address = stripSIP(strings.TrimSpace(address))
		known := func(a string) bool { return strings.EqualFold(a, address) }
		if address != "" && strings.Contains(address, "@") && !slices.ContainsFunc(u.SIPAddresses, known) {
			u.SIPAddresses = append(u.SIPAddresses, address)
		}
	}
	for _, name := range []string{"sipaddress", "msrtcsip-primaryuseraddress", "msrtcsipprimaryuseraddress", "onpremsipaddress"} {
		add(n.get(name).str())
	}
	for _, name := range []string{"ProxyAddresses", "ShadowProxyAddresses", "ImAddresses"} {
		v := n.get(strings.ToLower(name))
		words, cut := v.words()
		sort.SliceStable(words, func(i, j int) bool { return secondary(words[i]) < secondary(words[j]) })
		for _, word := range words {
			if name == "ImAddresses" || len(word) > 4 && strings.EqualFold(word[:4], "sip:") {
				add(word)
			}
		}
		if cut {
			lose(&u.Lost, name, lossOf(v))
		}
	}
}

// tells is a yes or no by the property that tells it.
func tells(name string, v *node, yes, no string) fact.Attribute {
	switch v.answer() {
	case "yes":
		return fact.Attribute{Answer: yes, By: name + " True"}
	case "no":
		return fact.Attribute{Answer: no, By: name + " False"}
	}
	return fact.Attribute{}
}

// state is what the account may do and where it lives.
func state(n *node, cmdlet string, u *fact.DirectoryUser) {
	tell := func(a *fact.Attribute, b fact.Attribute) {
		if a.Answer == "" {
			*a = b
		}
	}
	tell(&u.Enabled, tells("BlockCredential", n.get("blockcredential"), "no", "yes"))
	tell(&u.Enabled, tells("AccountEnabled", n.get("accountenabled"), "yes", "no"))
	if cmdlet == "Get-ADUser" {
		tell(&u.Enabled, tells("Enabled", n.get("enabled"), "yes", "no"))
	}

	enabled := n.get("msrtcsip-userenabled")
	tell(&u.SIPEnabled, tells("msRTCSIP-UserEnabled", enabled, "yes", "no"))
	// With -Properties * what is not there is not set.
	all := enabled.is(absent) && n.has("usnchanged") && n.has("whencreated") && n.has("objectclass")
	if enabled.is(null) || all {
		tell(&u.SIPEnabled, fact.Attribute{Answer: "yes", By: "msRTCSIP-UserEnabled is empty"})
	}
	if strings.HasPrefix(cmdlet, "Get-Cs") {
		tell(&u.SIPEnabled, tells("Enabled", n.get("enabled"), "yes", "no"))
	}

	for _, name := range []string{"msRTCSIP-DeploymentLocator", "MSRtcSipDeploymentLocator", "HostingProvider", "OnPremHostingProvider"} {
		switch v := n.get(strings.ToLower(name)).str(); {
		case strings.EqualFold(v, "SRV:"):
			tell(&u.OnPremises, fact.Attribute{Answer: "yes", By: name + " " + v})
		case strings.HasPrefix(strings.ToLower(v), "sipfed."):
			tell(&u.OnPremises, fact.Attribute{Answer: "no", By: name + " " + v})
		}
	}
	if v := n.get("accounttype").str(); strings.EqualFold(v, "SfBOnPremUser") {
		tell(&u.OnPremises, fact.Attribute{Answer: "yes", By: "AccountType " + v})
	}
	if v := n.get("interpretedusertype").str(); strings.Contains(strings.ToLower(v), "onprem") {
		tell(&u.OnPremises, fact.Attribute{Answer: "yes", By: "InterpretedUserType " + v})
	}
	if v := n.get("tenantid").str(); cmdlet == "Get-CsOnlineUser" && v == "00000000-0000-0000-0000-000000000000" {
		tell(&u.OnPremises, fact.Attribute{Answer: "yes", By: "TenantId " + v})
	}

	// "null if this object has never been synced", so that an empty one says no
	// if others of the properties that must be asked for are there.
	sync := n.get("onpremisessyncenabled", "dirsyncenabled")
	tell(&u.Synchronized, tells("OnPremisesSyncEnabled", sync, "yes", "no"))
	for _, name := range []string{"LastDirSyncTime", "OnPremisesLastSyncDateTime", "ImmutableId", "OnPremisesImmutableId"} {
		if v := n.get(strings.ToLower(name)); v.str() != "" {
			tell(&u.Synchronized, fact.Attribute{Answer: "yes", By: name})
		}
	}
	u.LastSync = n.get("lastdirsynctime", "onpremiseslastsyncdatetime").time()
	if cmdlet == "Get-ADUser" {
		u.Changed = n.get("whenchanged", "modified", "modifytimestamp").time()
	}
	asked := n.get("accountenabled").answer() != "" || n.get("blockcredential").answer() != ""
	if last := n.get("lastdirsynctime"); asked && (sync.is(null) || last.is(null)) {
		tell(&u.Synchronized, fact.Attribute{Answer: "no", By: "no time of a synchronization"})
	}
}

// troubles are the errors that the directory keeps at an object.
func troubles(n *node, u *fact.DirectoryUser) {
	add := func(name string, words ...string) {
		words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
		if len(u.Errors) < 20 {
			u.Errors = append(u.Errors, strings.Join(append([]string{name}, words...), ": "))
		}
	}
	for _, name := range []string{"Errors", "DirSyncProvisioningErrors", "IndirectLicenseErrors", "OnPremisesProvisioningErrors", "ServiceProvisioningErrors", "UserValidationErrors", "LicenseAssignmentStates"} {
		v := n.get(strings.ToLower(name))
		items, lost := v.elements()
		if lost && v.is(dropped) {
			lose(&u.Lost, name, lossOf(v))
			continue
		}
		if lost {
			items = []*node{v}
		}
		for _, item := range items {
			if item.is(dropped) {
				lose(&u.Lost, name, lossOf(item))
				continue
			}
			text := item.str()
			if item.is(object) {
				failed := item.get("error", "errorcode")
				if name == "LicenseAssignmentStates" && (failed.str() == "" || strings.EqualFold(failed.str(), "none")) {
					continue
				}
				if item.get("resolved", "isresolved").answer() == "yes" {
					continue
				}
				text = strings.Join(fieldsOf(item, "errorcategory", "category", "propertycausingerror", "value", "errorcode", "error", "errordescription", "message", "serviceinstance", "userfriendlymessage"), " ")
				if text == "" {
					text = "unnamed"
				}
			}
			if text != "" {
				add(name, text)
			}
		}
	}
	if n.get("overallprovisioningstatus").enumeration(provisioning...) == "error" {
		add("OverallProvisioningStatus", "Error")
	}
	if n.get("validationstatus").enumeration(validation...) == "error" && len(u.Errors) == 0 {
		add("ValidationStatus", "Error")
	}
}

func fieldsOf(n *node, names ...string) []string {
	var list []string
	for _, name := range names {
		if s := n.get(name).str(); s != "" {
			list = append(list, s)
		}
	}
	return list
}
