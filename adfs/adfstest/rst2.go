package adfstest

import (
	"crypto/subtle"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// refusals are the numbers around the codes of the cloud's token service.
var refusals = map[string]struct{ value, text string }{
	"AADSTS50126": {"0x80048821", "Error validating credentials due to invalid username or password."},
	"AADSTS50053": {"0x80048823", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},
	"AADSTS50055": {"0x80048827", "The password is expired."},
	"AADSTS50034": {"0x80048821", "The user account does not exist in the directory."},
	"AADSTS50076": {"0x80048821", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication."},
}

// rst2 is /RST2.srf: WS-Trust 2005 for users whose passwords the cloud checks.
// Its faults come with status 200.
func (s *LoginService) rst2(w http.ResponseWriter, r *http.Request, body []byte) {
	now := time.Now()
	if s.Now != nil {
		now = s.Now()
	}
	const soap = "application/soap+xml; charset=utf-8"
	if s.RST2.Status != 0 || s.RST2.Kind != "" || s.RST2.Location != "" {
		s.RST2.write(w, r, soap, []byte(loginPage))
		return
	}
	var request tokenRequest
	if r.Method != http.MethodPost || xml.Unmarshal(body, &request) != nil {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", soap)
	h := request.Header
	federation := Service{Now: func() time.Time { return now }}
	if h.Action != trust2005+"/RST/Issue" || request.Body.Request.AppliesTo.Address == "" || h.Security == nil || h.Security.User == nil || !federation.inTime(h.Security) {
		rst2Fault(w, "0x80048800", "0x80041000", "The request is invalid.")
		return
	}
	user := h.Security.User
	domain, name := s.lookup(user.Username)
	code := s.Refuse
	if code == "" && s.Password != "" && subtle.ConstantTimeCompare([]byte(user.Password), []byte(s.Password)) == 0 {
		code = "AADSTS50126"
	}
	switch {
	case domain.Type == "federated":
		rst2Fault(w, "0x80048821", "0x80047860", "Direct login to WLID is not allowed for this federated namespace")
		return
	case domain.Type != "managed":
		code = "AADSTS50034"
	}
	if code != "" {
		known := refusals[code]
		rst2Fault(w, known.value, "0x80041012", code+": "+known.text)
		return
	}
	const layout = "2006-01-02T15:04:05Z"
	_, _ = fmt.Fprintf(w, `<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:wsu="%s"><S:Body><wst:RequestSecurityTokenResponse xmlns:wst="%s"><wst:TokenType>urn:passport:compact</wst:TokenType>`+
		`<wst:Lifetime><wsu:Created>%s</wsu:Created><wsu:Expires>%s</wsu:Expires></wst:Lifetime><wst:RequestedSecurityToken><wsse:BinarySecurityToken Id="Compact0" xmlns:wsse="%s">t=%s</wsse:BinarySecurityToken>`+
		`</wst:RequestedSecurityToken></wst:RequestSecurityTokenResponse></S:Body></S:Envelope>`, utility, trust2005, now.UTC().Format(layout), now.Add(24*time.Hour).UTC().Format(layout), secext, escape(strings.ToUpper(name)))
}

func rst2Fault(w http.ResponseWriter, value, inner, text string) {
	_, _ = fmt.Fprintf(w, `<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:psf="http://schemas.microsoft.com/Passport/SoapServices/SOAPFault" xmlns:wst="%s">`+
		`<S:Header><psf:pp><psf:serverVersion>1</psf:serverVersion><psf:authstate>0x80048800</psf:authstate><psf:reqstatus>%s</psf:reqstatus></psf:pp></S:Header>`+
		`<S:Body><S:Fault><S:Code><S:Value>S:Sender</S:Value><S:Subcode><S:Value>wst:FailedAuthentication</S:Value></S:Subcode></S:Code>`+
		`<S:Reason><S:Text xml:lang="en-US">Authentication Failure</S:Text></S:Reason>`+
		`<S:Detail><psf:error><psf:value>%s</psf:value><psf:internalerror><psf:code>%s</psf:code><psf:text>%s&#x0D;&#x0A;</psf:text></psf:internalerror></psf:error></S:Detail>`+
		`</S:Fault></S:Body></S:Envelope>`, trust2005, value, value, inner, escape(text))
}
