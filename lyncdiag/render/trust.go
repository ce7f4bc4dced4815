package render

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// federationMetadataDoc is lyncdiag.federation-metadata/v1.
type federationMetadataDoc struct {
	Schema                 string           `json:"schema"`
	URL                    string           `json:"url"` // as given; a file's name
	EntityID               string           `json:"entityId"`
	SigningCertificates    []keyCertificate `json:"signingCertificates"`
	EncryptionCertificates []keyCertificate `json:"encryptionCertificates"`
	MEXURL                 string           `json:"mexUrl"`
	ActiveURL              string           `json:"activeUrl"` // of the token service's endpoint
	PassiveURL             string           `json:"passiveUrl"`
	Status                 *int             `json:"status,omitempty"` // of HTTP; left out without an answer
	Problems               []problem        `json:"problems"`
	Findings               []finding        `json:"findings"`
}

type keyCertificate struct {
	Thumbprint string `json:"thumbprint"` // SHA-1, as Windows shows it
	Subject    string `json:"subject"`
	NotBefore  string `json:"notBefore" jsonschema:"format=date-time"`
	NotAfter   string `json:"notAfter"  jsonschema:"format=date-time"`
}

// FederationMetadata is lyncdiag.federation-metadata/v1. source is the URL or
// file asked for.
func (t Tool) FederationMetadata(source string, f *fact.Facts, r *lyncdiag.Report) Document {
	doc := federationMetadataDoc{Schema: "lyncdiag.federation-metadata/v1", URL: source, SigningCertificates: []keyCertificate{}, EncryptionCertificates: []keyCertificate{}, Problems: []problem{}, Findings: findings(r)}
	if m, _, ok := fact.Get(f, fact.FederationMetadataKey); ok {
		doc.EntityID, doc.MEXURL, doc.ActiveURL, doc.PassiveURL = m.EntityID, m.MEXURL, m.ActiveURL, m.PassiveURL
		doc.SigningCertificates, doc.EncryptionCertificates = each(m.SigningCertificates, wireKey), each(m.EncryptionCertificates, wireKey)
		doc.Status = known(m.Exchange.Status, m.Exchange.Status > 0)
		doc.Problems = each(m.Problems, func(p adfs.Problem) problem { return problem(p) })
	}
	return Document{&doc}
}

func wireKey(c adfs.KeyCertificate) keyCertificate {
	return keyCertificate{c.Thumbprint, c.Subject, stamp(c.NotBefore), stamp(c.NotAfter)}
}

func (d *federationMetadataDoc) text(s *sheet) {
	failures := roots(d.Findings, kb.Failure)
	switch {
	case len(failures) > 0:
		s.head(d.URL+": "+failures[0].Title, bad)
	case d.EntityID != "":
		s.head(d.URL+": the metadata of "+d.EntityID, good)
	default:
		s.head(d.URL+": no federation metadata could be read", bad)
	}
	s.blank()
	s.item("Entity", d.EntityID)
	s.item("MEX", d.MEXURL)
	s.item("Active", d.ActiveURL)
	s.item("Passive", d.PassiveURL)
	for _, c := range d.SigningCertificates {
		s.item("Signing", c.words())
	}
	for _, c := range d.EncryptionCertificates {
		s.item("Encrypts", c.words())
	}
	s.problems(d.Problems)
	s.findings(d.Findings, len(failures) > 0)
}

func (c keyCertificate) words() string {
	return fmt.Sprintf("%s, %s to %s, %s", c.Subject, day(c.NotBefore), day(c.NotAfter), c.Thumbprint)
}

func day(stamp string) string {
	date, _, _ := strings.Cut(stamp, "T")
	return date
}

// faultDoc is lyncdiag.fault/v1.
type faultDoc struct {
	Schema string `json:"schema"`
	File   string `json:"file"` // "-" is standard input
	answerDoc
}

// answerDoc is the answer of a token service.
type answerDoc struct {
	SOAP           string        `json:"soap" jsonschema:"enum=1.1,enum=1.2,enum="`
	Code           string        `json:"code"`
	Subcodes       []string      `json:"subcodes"`
	Reason         string        `json:"reason"`
	Detail         []faultDetail `json:"detail"`
	Error          string        `json:"error"` // the code that says most
	Meaning        string        `json:"meaning"`
	HasToken       bool          `json:"hasToken"`
	Token          token         `json:"token"`
	Classification string        `json:"classification" jsonschema:"enum=bad-credentials,enum=account-locked,enum=password-expired,enum=user-unknown,enum=mfa-required,enum=access-denied,enum=relying-party-unknown,enum=clock-skew,enum=not-sip-enabled,enum=request-failed,enum=service-error,enum=no-token,enum=ok,enum=unknown"`
	Problems       []problem     `json:"problems"`
	Findings       []finding     `json:"findings"`
}

type faultDetail struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// token is what a token says about itself; the token is never printed.
type token struct {
	Type      string `json:"type"`
	Issuer    string `json:"issuer"`
	Audience  string `json:"audience"`
	NotBefore string `json:"notBefore,omitempty" jsonschema:"format=date-time"`
	NotAfter  string `json:"notAfter,omitempty"  jsonschema:"format=date-time"`
	Signer    string `json:"signer"` // thumbprint of the certificate it says it is signed with
}

func wireAnswer(a *adfs.TrustAnswer, r *lyncdiag.Report) answerDoc {
	doc := answerDoc{
		SOAP: a.SOAP, Code: a.Code, Subcodes: list(a.Subcodes), Reason: a.Reason, Error: a.Error, HasToken: a.HasToken, Classification: a.Classification,
		Detail:   each(a.Detail, func(d adfs.FaultDetail) faultDetail { return faultDetail(d) }),
		Token:    token{a.Token.Type, a.Token.Issuer, a.Token.Audience, stamp(a.Token.NotBefore), stamp(a.Token.NotAfter), a.Token.Signer},
		Problems: each(a.Problems, func(p adfs.Problem) problem { return problem(p) }),
		Findings: findings(r),
	}
	if codes := adfs.LookupCode(a.Error); len(codes) > 0 {
		doc.Meaning = codes[0].Meaning
	}
	return doc
}

// Fault is lyncdiag.fault/v1: an answer that was kept in a file.
func (t Tool) Fault(source string, f *fact.Facts, r *lyncdiag.Report) Document {
	a, _, ok := fact.Get(f, fact.TokenKey)
	if !ok {
		a = &adfs.TrustAnswer{Classification: "unknown"}
	}
	return Document{&faultDoc{"lyncdiag.fault/v1", source, wireAnswer(a, r)}}
}

func (d *faultDoc) text(s *sheet) { d.answerDoc.text(s, d.File, func() {}) }

func (d *answerDoc) text(s *sheet, subject string, first func()) {
	failures := roots(d.Findings, kb.Failure)
	switch {
	case len(failures) > 0:
		s.head(subject+": "+failures[0].Title, bad)
	case d.HasToken:
		s.head(subject+": a token was issued", good)
	default:
		s.head(subject+": no token", dubio)
	}
	s.blank()
	first()
	s.item("Class", d.Classification)
	s.item("Error", strings.TrimSuffix(d.Error+": "+d.Meaning, ": "))
	if d.Code != "" {
		s.item("Fault", strings.Join(append([]string{"SOAP " + d.SOAP, d.Code}, d.Subcodes...), ", "))
	}
	s.item("Reason", d.Reason)
	for _, x := range d.Detail {
		s.item("Detail", x.Key+": "+x.Value)
	}
	if d.HasToken {
		s.item("Token", d.Token.Type)
		s.item("Issuer", d.Token.Issuer)
		s.item("For", d.Token.Audience)
		if d.Token.NotAfter != "" {
			s.item("Valid", strings.TrimPrefix(d.Token.NotBefore+" to ", " to ")+d.Token.NotAfter)
		}
		s.item("Signer", d.Token.Signer)
	}
	s.problems(d.Problems)
	s.findings(d.Findings, len(failures) > 0)
}

// tokenDoc is lyncdiag.token/v1.
type tokenDoc struct {
	Schema         string `json:"schema"`
	Address        string `json:"address"`
	UserName       string `json:"userName"` // where it differs from the address
	Endpoint       string `json:"endpoint"` // whom the password was sent to, or would have been; "" when it is not known
	Version        string `json:"version" jsonschema:"enum=1.3,enum=2005,enum="`
	Authentication string `json:"authentication"`
	Sent           bool   `json:"sent"`             // the password left this computer
	Status         *int   `json:"status,omitempty"` // of HTTP; left out without an answer
	DurationMs     *int64 `json:"durationMs,omitempty"`
	Why            string `json:"why"` // nothing was sent; "" when it was
	answerDoc
}

// Token is lyncdiag.token/v1: what became of the one request for a token.
func (t Tool) Token(f *fact.Facts, r *lyncdiag.Report) Document {
	doc := tokenDoc{Schema: "lyncdiag.token/v1", Address: r.Target.Address, UserName: r.Target.UserName}
	a, _, ok := fact.Get(f, fact.TokenKey)
	if !ok {
		a, _, ok = fact.Get(f, fact.CloudTokenKey)
	}
	if !ok {
		a = &adfs.TrustAnswer{Classification: "unknown"}
	}
	x := a.Exchange
	doc.Endpoint, doc.Version, doc.Authentication, doc.Sent = a.Endpoint.Address, a.Endpoint.Version, a.Endpoint.Authentication, x.Asked
	doc.Status, doc.DurationMs = known(x.Status, x.Status > 0), known(x.Elapsed.Milliseconds(), x.Asked)
	doc.answerDoc = wireAnswer(a, r)
	if !doc.Sent {
		doc.Why = x.Detail
		applies := ""
		for _, s := range r.Stages {
			// The first stage that did not pass is why the others did not run. DNS
			// tells the deployment, and nothing else waits for it.
			if applies == "" && s.Skip == lyncdiag.SkipNotApplicable {
				applies = s.Title + ": " + s.Reason
			}
			if doc.Why == "" && s.ID != "dns" && s.Skip != lyncdiag.SkipNotApplicable && s.Status != lyncdiag.Passed && s.Status != lyncdiag.Warned {
				doc.Why = strings.TrimSuffix(s.Title+": "+s.Reason, ": ")
			}
		}
		doc.Why = cmp.Or(doc.Why, applies)
	}
	return Document{&doc}
}

func (d *tokenDoc) text(s *sheet) {
	d.answerDoc.text(s, d.Address, func() {
		s.item("Sent to", map[bool]string{true: d.Endpoint}[d.Sent])
		s.item("Not sent", d.Why)
		if d.Status != nil {
			s.item("Status", fmt.Sprintf("%d, %d ms", *d.Status, *d.DurationMs))
		}
	})
}
