package directory

import (
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// The names of Microsoft.Online.Administration's enumerations in the order of
// their numbers.
var (
	domainStatus         = []string{"unverified", "verified", "pendingdeletion"}
	domainAuthentication = []string{"managed", "federated"}
)

// communications is the bit of OfficeCommunicationsOnline in a domain's
// Capabilities.
const communications = 4

// domain reads an object of Get-MsolDomain or Get-MgDomain.
func (x *export) domain(n *node, cmdlet string) bool {
	name := n.get("name", "id").str()
	if cmdlet == "Get-MgDomain" {
		name = n.get("id").str()
	}
	ascii, err := fact.ParseDomain(name)
	if err != nil {
		return false
	}
	d := fact.DirectoryDomain{Object: x.objects, Cmdlet: cmdlet, Name: ascii, Lost: []fact.Loss{}}
	d.Verified = tells("IsVerified", n.get("isverified"), "yes", "no")
	switch status := n.get("status").enumeration(domainStatus...); status {
	case "verified":
		d.Verified = fact.Attribute{Answer: "yes", By: "Status Verified"}
	case "unverified", "pendingdeletion":
		d.Verified = fact.Attribute{Answer: "no", By: "Status " + status}
	}
	switch kind := n.get("authentication", "authenticationtype").enumeration(domainAuthentication...); kind {
	case "federated":
		d.Federated = fact.Attribute{Answer: "yes", By: "authentication " + kind}
	case "managed":
		d.Federated = fact.Attribute{Answer: "no", By: "authentication " + kind}
	}
	if cmdlet == "Get-MgDomain" {
		d.Lync = services("SupportedServices", n.get("supportedservices"), &d.Lost)
	} else {
		d.Lync = capabilities(n.get("capabilities"), &d.Lost)
	}
	x.keep(d.Name, d.Lync.By)
	x.domains = append(x.domains, d)
	return true
}

// services looks for Lync in a list of services.
func services(name string, v *node, lost *[]fact.Loss) fact.Attribute {
	if v.is(absent) || v.is(null) {
		return fact.Attribute{}
	}
	words, cut := v.words()
	for _, w := range words {
		if strings.EqualFold(w, "OfficeCommunicationsOnline") {
			return fact.Attribute{Answer: "yes", By: name + " " + w}
		}
	}
	if cut {
		lose(lost, name, lossOf(v))
		return fact.Attribute{}
	}
	return fact.Attribute{Answer: "no", By: strings.TrimSpace(name + " " + strings.Join(words, ","))}
}

// capabilities are flags: a number, or the names of those that are set.
func capabilities(v *node, lost *[]fact.Loss) fact.Attribute {
	text := v.str()
	if v != nil && v.enum != "" {
		text = v.enum
	}
	bits, err := strconv.Atoi(text)
	switch {
	case err == nil && bits&communications != 0:
		return fact.Attribute{Answer: "yes", By: "Capabilities " + text}
	case err == nil:
		return fact.Attribute{Answer: "no", By: "Capabilities " + text}
	case strings.EqualFold(text, "All"):
		return fact.Attribute{Answer: "yes", By: "Capabilities All"}
	case v != nil && v.enum != "":
		v = &node{form: scalar, text: v.enum}
	}
	return services("Capabilities", v, lost)
}

// federation reads a domain's federation settings. The cmdlets do not say
// whose they are; an export may.
func (x *export) federation(n *node, cmdlet string) bool {
	name, err := fact.ParseDomain(n.get("domain", "domainname", "domainid").str())
	if err != nil {
		name = ""
	}
	mex, active := n.get("metadataexchangeuri"), n.get("activelogonuri", "activesigninuri")
	x.settings = append(x.settings, fact.FederationSettings{
		Domain: name, IssuerURI: n.get("issueruri").str(), MEXURL: mex.str(), ActiveURL: active.str(),
		PassiveURL:             n.get("passivelogonuri", "passivesigninuri").str(),
		SigningCertificate:     certificate(n.get("signingcertificate")),
		NextSigningCertificate: certificate(n.get("nextsigningcertificate")),
	})
	for _, v := range n.props {
		x.keep(v.str())
	}
	d := fact.DirectoryDomain{Object: x.objects, Cmdlet: cmdlet, Name: name, Lost: []fact.Loss{}}
	d.Federated = fact.Attribute{Answer: "yes", By: "federation settings"}
	d.MEX = present("MetadataExchangeUri", mex)
	d.Active = present("ActiveLogOnUri", active)
	x.domains = append(x.domains, d)
	return true
}

// present: an address that the object has as empty is not there; one that the
// export left out is unknown.
func present(name string, v *node) fact.Attribute {
	switch {
	case v.str() != "":
		return fact.Attribute{Answer: "yes", By: name + " " + v.str()}
	case v.is(null):
		return fact.Attribute{Answer: "no", By: name + " is empty"}
	}
	return fact.Attribute{}
}

// certificate is base64 without the line breaks of the screen.
func certificate(v *node) string { return strings.Join(strings.Fields(v.str()), "") }

// company reads what a tenant says of itself.
func (x *export) company(n *node, cmdlet string) bool {
	x.organization = fact.Organization{
		Cmdlet:       cmdlet,
		Synchronized: tells("directory synchronization", n.get("directorysynchronizationenabled", "onpremisessyncenabled"), "yes", "no"),
		LastSync:     n.get("lastdirsynctime", "onpremiseslastsyncdatetime").time(),
	}
	if n.get("onpremisessyncenabled").is(null) && cmdlet == "Get-MgOrganization" {
		x.organization.Synchronized = fact.Attribute{Answer: "no", By: "onPremisesSyncEnabled is empty"}
	}
	return true
}

// service reads a line of the service health dashboard.
func (x *export) service(n *node, _ string) bool {
	name, status := n.get("service").str(), n.get("status").str()
	if name == "" || status == "" || !n.has("id") && !strings.Contains(strings.ToLower(status), "service") {
		return false
	}
	x.keep(name, status, n.get("id").str())
	x.health = append(x.health, fact.ServiceHealth{ID: n.get("id").str(), Service: name, Status: status})
	return true
}

// idfix reads a line of an IdFix report.
func (x *export) idfix(n *node, cmdlet string) bool {
	e := fact.DirectoryError{
		Object: x.objects, Tool: cmdlet, Name: n.get("distinguishedname").str(),
		Attribute: n.get("attribute").str(), Error: n.get("error").str(), Value: n.get("value").str(),
	}
	x.keep(e.Name, e.Attribute, e.Error, e.Value)
	x.errors = append(x.errors, e)
	return true
}

// results are the names of adfsToolbox's ResultType in the order of their
// numbers.
var results = []string{"pass", "not-run", "fail", "error", "warning"}

// diagnostics reads the file of Export-AdfsDiagnosticsFile.
func (x *export) diagnostics(n *node, cmdlet string) bool {
	health := n.get("adfstoolbox").get("test-adfsserverhealth")
	return x.tested(health, cmdlet)
}

// tested reads all tests of some servers.
func (x *export) tested(n *node, cmdlet string) bool {
	items, lost := n.get("alltests").elements()
	if lost || n.is(absent) {
		return false
	}
	for _, item := range items {
		x.test(item, cmdlet)
	}
	return true
}

func (x *export) test(n *node, _ string) bool {
	t := fact.ServerTest{Name: n.get("name").str(), Computer: n.get("computername").str()}
	t.Result = n.get("result").enumeration(results...)
	if t.Result == "notrun" {
		t.Result = "not-run"
	}
	if t.Name == "" || t.Result == "" {
		return false
	}
	t.Detail = strings.Join(fieldsOf(n, "detail", "exceptionmessage"), " ")
	x.keep(t.Name, t.Computer, t.Detail)
	x.tests = append(x.tests, t)
	return true
}
