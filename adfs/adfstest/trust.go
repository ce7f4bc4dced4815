package adfstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// maxSkew is how far the time of a message may be off, the default of WCF.
const maxSkew = 5 * time.Minute

const (
	relyingParty = "urn:federation:MicrosoftOnline"
	secext       = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	utility      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	trust13      = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	trust2005    = "http://schemas.xmlsoap.org/ws/2005/02/trust"
)

// tokenRequest is a RequestSecurityToken in either version of WS-Trust, as far
// as a token service looks into it.
type tokenRequest struct {
	XMLName xml.Name `xml:"http://www.w3.org/2003/05/soap-envelope Envelope"`
	Header  struct {
		Action    string    `xml:"http://www.w3.org/2005/08/addressing Action"`
		To        string    `xml:"http://www.w3.org/2005/08/addressing To"`
		MessageID string    `xml:"http://www.w3.org/2005/08/addressing MessageID"`
		Security  *security `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd Security"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
	Body struct {
		Request struct {
			XMLName     xml.Name
			RequestType string `xml:"RequestType"`
			KeyType     string `xml:"KeyType"`
			AppliesTo   struct {
				Address string `xml:"http://www.w3.org/2005/08/addressing EndpointReference>Address"`
			} `xml:"http://schemas.xmlsoap.org/ws/2004/09/policy AppliesTo"`
		} `xml:"RequestSecurityToken"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Body"`
}

type security struct {
	Timestamp *struct {
		Created string `xml:"Created"`
		Expires string `xml:"Expires"`
	} `xml:"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd Timestamp"`
	User *struct {
		Username string `xml:"Username"`
		Password string `xml:"Password"`
	} `xml:"UsernameToken"`
}

// fault is what a token service answers in place of a token.
type fault struct {
	namespace, subcode, reason string
}

// Faults of AD FS in the wording that clients of it have recorded.
func faultOf(name, trust string) fault {
	switch name {
	case "access-denied":
		return fault{trust, "FailedAuthentication", "MSIS7068: Access denied."}
	case "relying-party":
		return fault{trust, "InvalidScope", "ID3082: The request scope is not valid or is unsupported."}
	case "credentials":
		return fault{trust, "FailedAuthentication", "ID3242: The security token could not be authenticated or authorized."}
	case "security":
		return fault{secext, "InvalidSecurity", "An error occurred when verifying security for the message."}
	}
	return fault{trust, "RequestFailed", "MSIS3127: The specified request failed."}
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// trustPath serves what is below /adfs/services/trust/. A path that is not
// served is answered as by a server that has nothing there.
func (s *Service) trustPath(w http.ResponseWriter, r *http.Request, host, path string, body []byte) {
	answer, windows := s.Trust[path], strings.HasSuffix(path, "/windowstransport")
	if answer.Status != 0 || answer.Kind != "" || answer.Location != "" {
		answer.write(w, r, "application/soap+xml; charset=utf-8", []byte(actionFault))
		return
	}
	if windows && !s.Windows || !windows && !strings.HasSuffix(path, "/usernamemixed") {
		http.NotFound(w, r)
		return
	}
	user := ""
	if windows {
		var ok bool
		if user, ok = s.ntlm.authenticate(w, r, s.password); !ok {
			return
		}
	}
	if r.Method != http.MethodPost {
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/soap+xml") {
		http.Error(w, "415 Unsupported Media Type", http.StatusUnsupportedMediaType)
		return
	}
	var request tokenRequest
	if err := xml.Unmarshal(body, &request); err != nil {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	version := trust2005
	if strings.HasPrefix(path, "13/") {
		version = trust13
	}
	if f, refused := s.examine(&request, version, "https://"+host+"/adfs/services/trust/"+path, windows); refused {
		writeFault(w, request.Header.MessageID, f)
		return
	}
	if !windows {
		user = request.Header.Security.User.Username
	}
	answer.write(w, r, "application/soap+xml; charset=utf-8", s.token(request.Header.MessageID, version, host, user))
}

// password is the right one of a user.
func (s *Service) password(string) string { return s.Password }

// examine checks a request as AD FS does: addressing, time, credentials, then
// what is asked for.
func (s *Service) examine(r *tokenRequest, version, to string, windows bool) (fault, bool) {
	body := r.Body.Request
	switch {
	case r.Header.Action != version+"/RST/Issue":
		return fault{"http://www.w3.org/2005/08/addressing", "ActionNotSupported", "The message cannot be processed at the receiver, due to an Action mismatch."}, true
	case !strings.EqualFold(r.Header.To, to):
		return fault{"http://www.w3.org/2005/08/addressing", "DestinationUnreachable", "The message cannot be processed at the receiver, due to an AddressFilter mismatch."}, true
	}
	if !windows {
		if r.Header.Security == nil || r.Header.Security.User == nil || !s.inTime(r.Header.Security) {
			return faultOf("security", version), true
		}
		user := r.Header.Security.User
		if user.Username == "" || user.Password == "" || s.Password != "" && subtle.ConstantTimeCompare([]byte(user.Password), []byte(s.Password)) == 0 {
			return faultOf("credentials", version), true
		}
	}
	keyType := map[string]string{trust13: trust13 + "/Bearer", trust2005: "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey"}[version]
	switch {
	case body.XMLName.Space != version || body.RequestType != version+"/Issue" || body.KeyType != keyType:
		return faultOf("failed", version), true
	case body.AppliesTo.Address != relyingParty || s.Refuse == "relying-party":
		return faultOf("relying-party", version), true
	case s.Refuse != "" && s.Refuse != "no-token":
		return faultOf(s.Refuse, version), true
	}
	return fault{}, false
}

// inTime: a time stamp need not be there.
func (s *Service) inTime(h *security) bool {
	if h.Timestamp == nil {
		return true
	}
	created, err := time.Parse(time.RFC3339Nano, h.Timestamp.Created)
	if err != nil || created.After(s.now().Add(maxSkew)) {
		return false
	}
	expires, err := time.Parse(time.RFC3339Nano, h.Timestamp.Expires)
	return err == nil && expires.After(created) && !s.now().After(expires.Add(maxSkew))
}

func writeFault(w http.ResponseWriter, messageID string, f fault) {
	w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	relates := ""
	if messageID != "" {
		relates = "<a:RelatesTo>" + escape(messageID) + "</a:RelatesTo>"
	}
	fmt.Fprintf(w, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>`+
		`<a:Action s:mustUnderstand="1">http://www.w3.org/2005/08/addressing/soap/fault</a:Action>%s</s:Header><s:Body><s:Fault>`+
		`<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value xmlns:f="%s">f:%s</s:Value></s:Subcode></s:Code>`+
		`<s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`, relates, f.namespace, f.subcode, f.reason)
}

// token is the answer with a SAML 1.1 assertion, which is not signed: nobody
// at the other end verifies signatures.
func (s *Service) token(messageID, version, host, user string) []byte {
	issued := s.now().UTC()
	const layout = "2006-01-02T15:04:05.000Z"
	from, until := issued.Format(layout), issued.Add(time.Hour).Format(layout)
	assertion := fmt.Sprintf(`<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="_1" Issuer="%s" IssueInstant="%s" xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion">`+
		`<saml:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml:AudienceRestrictionCondition><saml:Audience>%s</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions>`+
		`<saml:AttributeStatement><saml:Subject><saml:NameIdentifier>1</saml:NameIdentifier></saml:Subject><saml:Attribute AttributeName="UPN" AttributeNamespace="http://schemas.xmlsoap.org/claims">`+
		`<saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>`, escape(s.entity(host)), from, from, until, relyingParty, escape(user))
	requested := "<t:RequestedSecurityToken>" + assertion + "</t:RequestedSecurityToken>"
	if s.Refuse == "no-token" {
		requested = ""
	}
	response := fmt.Sprintf(`<t:RequestSecurityTokenResponse xmlns:t="%s"><t:Lifetime><u:Created xmlns:u="%s">%s</u:Created><u:Expires xmlns:u="%s">%s</u:Expires></t:Lifetime>%s</t:RequestSecurityTokenResponse>`,
		version, utility, from, utility, until, requested)
	action := version + "/RSTR/Issue"
	if version == trust13 {
		action = version + "/RSTRC/IssueFinal"
		response = `<t:RequestSecurityTokenResponseCollection xmlns:t="` + version + `">` + response + `</t:RequestSecurityTokenResponseCollection>`
	}
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>`+
		`<a:Action s:mustUnderstand="1">%s</a:Action><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>%s</s:Body></s:Envelope>`, action, escape(messageID), response)
}

func (s *Service) entity(host string) string {
	if s.EntityID != "" {
		return s.EntityID
	}
	return "http://" + host + "/adfs/services/trust" // AD FS writes http
}

// SigningCertificate is the token-signing certificate in the metadata, in DER.
func (s *Service) SigningCertificate() []byte {
	s.once.Do(func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // no randomness
		}
		until := s.SigningExpires
		if until.IsZero() {
			until = s.now().AddDate(1, 0, 0)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ADFS Signing - " + s.Host},
			NotBefore: until.AddDate(-1, 0, -1), NotAfter: until,
		}
		if s.signing, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
			panic(err) // nothing in it depends on the caller
		}
	})
	return s.signing
}

// metadata is the federation metadata, in the form of AD FS without its claim
// types and its signature.
func (s *Service) metadata(host string) []byte {
	key := func(use string) string {
		return `<KeyDescriptor use="` + use + `"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(s.SigningCertificate()) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
	}
	base := "https://" + escape(host) + "/adfs/"
	passive := `<fed:PassiveRequestorEndpoint><EndpointReference xmlns="http://www.w3.org/2005/08/addressing"><Address>` + base + `ls/</Address></EndpointReference></fed:PassiveRequestorEndpoint>`
	protocols := ` protocolSupportEnumeration="http://docs.oasis-open.org/ws-sx/ws-trust/200512 http://schemas.xmlsoap.org/ws/2005/02/trust http://docs.oasis-open.org/wsfed/federation/200706"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706"`
	return fmt.Appendf(nil, `<EntityDescriptor ID="_1" entityID="%s" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">`+
		`<RoleDescriptor xsi:type="fed:ApplicationServiceType"%s>%s%s</RoleDescriptor>`+
		`<RoleDescriptor xsi:type="fed:SecurityTokenServiceType"%s>%s<fed:SecurityTokenServiceEndpoint><EndpointReference xmlns="http://www.w3.org/2005/08/addressing">`+
		`<Address>%sservices/trust/2005/certificatemixed</Address><Metadata><Metadata xmlns="http://schemas.xmlsoap.org/ws/2004/09/mex" xmlns:wsx="http://schemas.xmlsoap.org/ws/2004/09/mex">`+
		`<wsx:MetadataSection Dialect="http://schemas.xmlsoap.org/ws/2004/09/mex" xmlns=""><wsx:MetadataReference><Address xmlns="http://www.w3.org/2005/08/addressing">%sservices/trust/mex</Address>`+
		`</wsx:MetadataReference></wsx:MetadataSection></Metadata></Metadata></EndpointReference></fed:SecurityTokenServiceEndpoint>%s</RoleDescriptor></EntityDescriptor>`,
		escape(s.entity(host)), protocols, key("encryption"), passive, protocols, key("signing"), base, base, passive)
}
