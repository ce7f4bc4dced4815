package lab

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// token is a fault in how AD FS answers token requests.
func token(name, description string, change func(*adfstest.Service)) Fault {
	return Fault{Name: name, Description: description, parts: []string{partToken}, apply: func(w *world) { change(w.sts) }}
}

// refusedToken is a token request that AD FS refuses.
func refusedToken(name, description, refusal string) Fault {
	return token(name, description, func(s *adfstest.Service) { s.Refuse = refusal })
}

// refusedByCloud is a token request that the login service refuses, of a user
// whose password it checks.
func refusedByCloud(name, description, code string) Fault {
	return Fault{Name: name, Description: description, Base: "healthy-managed", parts: []string{partToken}, apply: func(w *world) { w.login.Refuse = code }}
}

func tokenFaults() []Fault {
	return []Fault{
		{Name: "adfs-windows-endpoint-exposed", Description: "the proxy publishes windowstransport", parts: []string{partLocation, partToken}, apply: func(w *world) {
			w.sts.Windows = true
		}},
		{Name: "adfs-windows-endpoint-missing", Description: "AD FS lists no windowstransport, and the client is inside", parts: []string{partLocation, partMEX}, apply: func(w *world) {
			w.setting.Location = "inside"
			w.sts.Endpoints = slices.DeleteFunc(adfstest.DefaultEndpoints(), func(e adfstest.Endpoint) bool { return strings.HasSuffix(e.Path, "/windowstransport") })
		}},
		federationHost("adfs-sni-required", "AD FS hangs up on clients that do not send its name in the handshake", func(h *host) { h.sni = true }),
		token("adfs-trust-endpoint-unavailable", "MEX lists usernamemixed, and both of its addresses answer 503", func(s *adfstest.Service) {
			down := adfstest.Answer{Status: http.StatusServiceUnavailable}
			s.Trust = map[string]adfstest.Answer{"2005/usernamemixed": down, "13/usernamemixed": down}
		}),
		token("adfs-clock-skew", "the clock of AD FS is 11 minutes behind", func(s *adfstest.Service) {
			now := s.Now
			s.Now = func() time.Time { return now().Add(-11 * time.Minute) }
		}),
		{Name: "adfs-signing-certificate-expired", Description: "the token-signing certificate of AD FS expired yesterday", parts: []string{partMetadata}, apply: func(w *world) {
			w.sts.SigningExpires = w.sts.Now().AddDate(0, 0, -1)
		}},
		{Name: "adfs-metadata-mismatch", Description: "the tenant knows AD FS by a signing certificate that it no longer has", parts: []string{partMetadata}, apply: func(w *world) {
			old := adfstest.Service{Host: sts, Now: w.sts.Now}
			base := "https://" + sts + "/adfs/"
			w.settings = []fact.FederationSettings{{
				Domain: domain, IssuerURI: "http://" + sts + "/adfs/services/trust",
				MEXURL: base + "services/trust/mex", ActiveURL: base + "services/trust/2005/usernamemixed", PassiveURL: base + "ls/",
				SigningCertificate: base64.StdEncoding.EncodeToString(old.SigningCertificate()),
			}}
		}},
		token("trust-bad-credentials", "AD FS does not take the user's password", func(s *adfstest.Service) { s.Password = "another " + Password }),
		refusedByCloud("trust-mfa-required", "the login service asks for a second factor", "AADSTS50076"),
		refusedByCloud("trust-account-locked", "the login service says that the account is locked", "AADSTS50053"),
		refusedByCloud("trust-password-expired", "the login service says that the password has expired", "AADSTS50055"),
		refusedByCloud("trust-user-unknown", "the login service does not know the user", "AADSTS50034"),
		refusedToken("trust-access-denied", "a rule of AD FS denies the user", "access-denied"),
		refusedToken("trust-relying-party-unknown", "AD FS does not know Office 365 as a relying party", "relying-party"),
		refusedToken("trust-request-failed", "AD FS fails to process token requests", "failed"),
		refusedToken("trust-no-token", "AD FS answers token requests with neither token nor fault", "no-token"),
	}
}
