package adfstest

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Endpoint is one port of the metadata exchange document.
type Endpoint struct {
	// Path below /adfs/services/trust/: the version, 2005 or 13, and one of
	// windowstransport, usernamemixed, certificatemixed, certificatetransport,
	// kerberosmixed, issuedtokenmixedasymmetricbasic256,
	// issuedtokenmixedsymmetricbasic256 and username (message security).
	Path string
	// Address is written as it stands in place of the genuine one.
	Address string
	// NoPolicy leaves the port's policy out, NoBinding its binding as well.
	NoPolicy, NoBinding bool
}

// DefaultEndpoints are those that AD FS lists as installed, in its order.
func DefaultEndpoints() []Endpoint {
	var all []Endpoint
	for _, p := range []string{
		"2005/windowstransport", "2005/certificatemixed", "2005/certificatetransport", "2005/usernamemixed", "2005/kerberosmixed",
		"2005/issuedtokenmixedasymmetricbasic256", "2005/issuedtokenmixedsymmetricbasic256",
		"13/kerberosmixed", "13/certificatemixed", "13/usernamemixed",
		"13/issuedtokenmixedasymmetricbasic256", "13/issuedtokenmixedsymmetricbasic256", "13/windowstransport",
	} {
		all = append(all, Endpoint{Path: p})
	}
	return all
}

// dialect is what differs between the two versions of WS-Trust.
type dialect struct {
	contract, operation, action, security string
	supporting                            string // element that holds a signed user name token
	trust, signingKey                     string
}

func dialectOf(p string) dialect {
	if strings.HasPrefix(p, "13/") {
		return dialect{
			contract: "IWSTrust13Async", operation: "Trust13IssueAsync",
			action:     "http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue",
			security:   "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702",
			supporting: "SignedEncryptedSupportingTokens",
			trust:      "Trust13",
			signingKey: `<sp:KeyValueToken sp:IncludeToken="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702/IncludeToken/Never" wsp:Optional="true"/>`,
		}
	}
	return dialect{
		contract: "IWSTrustFeb2005Async", operation: "TrustFeb2005IssueAsync",
		action:     "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue",
		security:   "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy",
		supporting: "SignedSupportingTokens",
		trust:      "Trust10",
		signingKey: `<mssp:RsaToken sp:IncludeToken="http://schemas.xmlsoap.org/ws/2005/07/securitypolicy/IncludeToken/Never" wsp:Optional="true" xmlns:mssp="http://schemas.microsoft.com/ws/2005/07/securitypolicy"/>`,
	}
}

// MEXDocument composes the metadata exchange document of a federation service
// on host: policies, bindings and one service with a port for each endpoint.
func MEXDocument(host string, endpoints []Endpoint) []byte {
	var policies, bindings, ports bytes.Buffer
	seen := map[string]int{}
	for _, e := range endpoints {
		d := dialectOf(e.Path)
		kind := path.Base(e.Path)
		// AD FS numbers the bindings of one kind: CustomBinding_IWSTrust13Async1.
		name := bindingKind(kind) + "_" + d.contract
		n := seen[name]
		seen[name]++
		if n > 0 {
			name = fmt.Sprintf("%s%d", name, n)
		}
		if !e.NoPolicy && !e.NoBinding {
			fmt.Fprintf(&policies, "<wsp:Policy wsu:Id=%q><wsp:ExactlyOne><wsp:All>%s<wsaw:UsingAddressing/></wsp:All></wsp:ExactlyOne></wsp:Policy>\n",
				name+"_policy", d.assertions(kind))
		}
		if !e.NoBinding {
			fmt.Fprintf(&bindings, `<wsdl:binding name=%q type="tns:%s"><wsp:PolicyReference URI="#%s_policy"/>`+
				`<soap12:binding transport="http://schemas.xmlsoap.org/soap/http"/>`+
				`<wsdl:operation name=%q><soap12:operation soapAction=%q style="document"/>`+
				`<wsdl:input><soap12:body use="literal"/></wsdl:input><wsdl:output><soap12:body use="literal"/></wsdl:output>`+
				"</wsdl:operation></wsdl:binding>\n", name, d.contract, name, d.operation, d.action)
		}
		address := e.Address
		if address == "" {
			scheme := "https"
			if kind == "username" {
				scheme = "http" // AD FS offers message security without TLS
			}
			address = scheme + "://" + host + "/adfs/services/trust/" + e.Path
		}
		identity := ""
		if kind == "windowstransport" {
			identity = `<Identity xmlns="http://schemas.xmlsoap.org/ws/2006/02/addressingidentity"><Spn>host/` + escape(host) + `</Spn></Identity>`
		}
		fmt.Fprintf(&ports, `<wsdl:port name=%q binding="tns:%s"><soap12:address location="%s"/>`+
			"<wsa10:EndpointReference><wsa10:Address>%s</wsa10:Address>%s</wsa10:EndpointReference></wsdl:port>\n",
			name, name, escape(address), escape(address), identity)
	}
	return fmt.Appendf(nil, mexTemplate, policies.Bytes(), bindings.Bytes(), ports.Bytes())
}

func bindingKind(kind string) string {
	switch {
	case strings.HasPrefix(kind, "username"):
		return "UserNameWSTrustBinding"
	case strings.HasPrefix(kind, "certificate"):
		return "CertificateWSTrustBinding"
	case strings.HasPrefix(kind, "issuedtoken"):
		return "IssuedTokenWSTrustBinding"
	}
	return "CustomBinding"
}

// assertions returns what the policy of such an endpoint asks for.
func (d dialect) assertions(kind string) string {
	sp := ` xmlns:sp="` + d.security + `"`
	always := `sp:IncludeToken="` + d.security + `/IncludeToken/AlwaysToRecipient"`
	once := `sp:IncludeToken="` + d.security + `/IncludeToken/Once"`
	tls := d.transport(sp, kind == "certificatetransport")
	user := `<sp:` + d.supporting + sp + `><wsp:Policy><sp:UsernameToken ` + always + `><wsp:Policy><sp:WssUsernameToken10/></wsp:Policy></sp:UsernameToken></wsp:Policy></sp:` + d.supporting + `>`
	endorsed := func(token string) string {
		return `<sp:EndorsingSupportingTokens` + sp + `><wsp:Policy>` + token + d.signingKey + `</wsp:Policy></sp:EndorsingSupportingTokens>`
	}
	tail := `<sp:Wss11` + sp + `><wsp:Policy/></sp:Wss11>` +
		`<sp:` + d.trust + sp + `><wsp:Policy><sp:MustSupportIssuedTokens/><sp:RequireClientEntropy/><sp:RequireServerEntropy/></wsp:Policy></sp:` + d.trust + `>`
	switch {
	case kind == "windowstransport":
		// WCF writes the 2005 namespace here whatever the version of WS-Trust.
		return `<http:NegotiateAuthentication xmlns:http="http://schemas.microsoft.com/ws/06/2004/policy/http"/>` +
			dialectOf("2005/").transport(` xmlns:sp="http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"`, false)
	case kind == "certificatetransport":
		return tls
	case kind == "usernamemixed":
		return tls + user + endorsed("") + tail
	case kind == "username":
		return `<sp:SymmetricBinding` + sp + `><wsp:Policy><sp:OnlySignEntireHeadersAndBody/></wsp:Policy></sp:SymmetricBinding>` + user + endorsed("") + tail
	case kind == "certificatemixed":
		return tls + endorsed(`<sp:X509Token `+always+`><wsp:Policy><sp:WssX509V3Token10/></wsp:Policy></sp:X509Token>`) + tail
	case kind == "kerberosmixed":
		return tls + endorsed(`<sp:KerberosToken `+once+`><wsp:Policy><sp:WssGssKerberosV5ApReqToken11/></wsp:Policy></sp:KerberosToken>`) + tail
	case strings.HasPrefix(kind, "issuedtokenmixed"):
		return tls + endorsed(`<sp:IssuedToken `+always+`><sp:RequestSecurityTokenTemplate/><wsp:Policy><sp:RequireInternalReference/></wsp:Policy></sp:IssuedToken>`) + tail
	}
	return tls
}

func (d dialect) transport(sp string, certificate bool) string {
	token := `<sp:HttpsToken RequireClientCertificate="false"/>`
	switch {
	case certificate && d.trust == "Trust13":
		token = `<sp:HttpsToken><wsp:Policy><sp:RequireClientCertificate/></wsp:Policy></sp:HttpsToken>`
	case certificate:
		token = `<sp:HttpsToken RequireClientCertificate="true"/>`
	case d.trust == "Trust13":
		token = `<sp:HttpsToken><wsp:Policy/></sp:HttpsToken>`
	}
	return `<sp:TransportBinding` + sp + `><wsp:Policy><sp:TransportToken><wsp:Policy>` + token + `</wsp:Policy></sp:TransportToken>` +
		`<sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite>` +
		`<sp:Layout><wsp:Policy><sp:Strict/></wsp:Policy></sp:Layout></wsp:Policy></sp:TransportBinding>`
}

const mexTemplate = `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions name="SecurityTokenService" targetNamespace="http://schemas.microsoft.com/ws/2008/06/identity/securitytokenservice"
 xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:tns="http://schemas.microsoft.com/ws/2008/06/identity/securitytokenservice"
 xmlns:t="http://schemas.xmlsoap.org/ws/2005/02/trust" xmlns:trust="http://docs.oasis-open.org/ws-sx/ws-trust/200512"
 xmlns:wsa10="http://www.w3.org/2005/08/addressing" xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl"
 xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
 xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy">
%s<wsdl:types><xsd:schema targetNamespace="http://schemas.microsoft.com/ws/2008/06/identity/securitytokenservice/Imports"><xsd:import namespace="http://schemas.xmlsoap.org/ws/2005/02/trust"/><xsd:import namespace="http://docs.oasis-open.org/ws-sx/ws-trust/200512"/></xsd:schema></wsdl:types>
<wsdl:message name="IWSTrustFeb2005Async_TrustFeb2005IssueAsync_InputMessage"><wsdl:part name="request" element="t:RequestSecurityToken"/></wsdl:message>
<wsdl:message name="IWSTrustFeb2005Async_TrustFeb2005IssueAsync_OutputMessage"><wsdl:part name="TrustFeb2005IssueAsyncResult" element="t:RequestSecurityTokenResponse"/></wsdl:message>
<wsdl:message name="IWSTrust13Async_Trust13IssueAsync_InputMessage"><wsdl:part name="request" element="trust:RequestSecurityToken"/></wsdl:message>
<wsdl:message name="IWSTrust13Async_Trust13IssueAsync_OutputMessage"><wsdl:part name="Trust13IssueAsyncResult" element="trust:RequestSecurityTokenResponseCollection"/></wsdl:message>
<wsdl:portType name="IWSTrustFeb2005Async"><wsdl:operation name="TrustFeb2005IssueAsync"><wsdl:input wsaw:Action="http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue" message="tns:IWSTrustFeb2005Async_TrustFeb2005IssueAsync_InputMessage"/><wsdl:output wsaw:Action="http://schemas.xmlsoap.org/ws/2005/02/trust/RSTR/Issue" message="tns:IWSTrustFeb2005Async_TrustFeb2005IssueAsync_OutputMessage"/></wsdl:operation></wsdl:portType>
<wsdl:portType name="IWSTrust13Async"><wsdl:operation name="Trust13IssueAsync"><wsdl:input wsaw:Action="http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue" message="tns:IWSTrust13Async_Trust13IssueAsync_InputMessage"/><wsdl:output wsaw:Action="http://docs.oasis-open.org/ws-sx/ws-trust/200512/RSTRC/IssueFinal" message="tns:IWSTrust13Async_Trust13IssueAsync_OutputMessage"/></wsdl:operation></wsdl:portType>
%s<wsdl:service name="SecurityTokenService">
%s</wsdl:service>
</wsdl:definitions>
`
