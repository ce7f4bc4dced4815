package adfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// TrustAnswer is the answer of a token service: a token, a fault, or neither
// (WS-Trust 2005 and 1.3, SOAP 1.1 and 1.2).
type TrustAnswer struct {
	// Endpoint is whom a request was sent to, or would have been; the zero
	// value for an answer that was parsed only. Exchange is how that went.
	Endpoint Endpoint `json:"endpoint"`
	Exchange Exchange `json:"exchange"`
	// Anonymous: the request had no credentials in it.
	Anonymous bool `json:"anonymous,omitempty"`
	// Schemes are those of WWW-Authenticate, in lower case and in order.
	Schemes []string `json:"schemes"`

	// SOAP is the version of the envelope: "1.1", "1.2", or "" without one.
	SOAP string `json:"soap"`
	// Code and Subcodes are the fault's, without their prefixes, outermost
	// first. Reason is its text. Code is "" without a fault.
	Code     string   `json:"code"`
	Subcodes []string `json:"subcodes"`
	Reason   string   `json:"reason"`
	// Detail has the texts inside the fault's detail, and those that RST2.srf
	// puts into a header, by the names of the elements around them.
	Detail []FaultDetail `json:"detail"`
	// Error is the code that says most, as [LookupCode] or MS-OCER write it:
	// AADSTS50126, MSIS7068, ID3242, 0x80048821, 28020. "" if there is none.
	Error string `json:"error"`
	// HasToken: a token was issued, of whatever type.
	HasToken bool  `json:"hasToken"`
	Token    Token `json:"token"`
	// Classification is "ok" with a token; "no-token" with neither token nor
	// fault; for a fault bad-credentials, account-locked, password-expired,
	// user-unknown, mfa-required, access-denied, relying-party-unknown,
	// clock-skew, not-sip-enabled, request-failed or service-error; else
	// "unknown".
	Classification string `json:"classification"`
	// Problems has that of the exchange first, then the document's.
	Problems []Problem `json:"problems"`
}

// FaultDetail is one text of a fault's detail.
type FaultDetail struct {
	// Key is the name of the element, with those around it: error/internalerror/code.
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Token is what a token says about itself. The token is not kept.
type Token struct {
	// Type is "SAML 1.1", "SAML 2.0", or the name of the token's element.
	Type     string `json:"type"`
	Issuer   string `json:"issuer"`   // of an assertion, else ""
	Audience string `json:"audience"` // whom it is for; "" if it does not tell
	// NotBefore and NotAfter bound the time in which it is valid; zero if it
	// does not tell.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	// Signer is the thumbprint of the certificate that an assertion says it is
	// signed with; "" if it does not tell. The signature is not verified.
	Signer string `json:"signer,omitempty"`
}

// Classes of answers.
const (
	classOK           = "ok"
	classNoToken      = "no-token"
	classUnknown      = "unknown"
	classCredentials  = "bad-credentials"
	classLocked       = "account-locked"
	classExpired      = "password-expired"
	classUnknownUser  = "user-unknown"
	classMFA          = "mfa-required"
	classDenied       = "access-denied"
	classRelyingParty = "relying-party-unknown"
	classClock        = "clock-skew"
	classNotSIP       = "not-sip-enabled"
	classFailed       = "request-failed"
	classService      = "service-error"
)

// Bounds of what is kept of a fault: somebody else wrote it.
const (
	maxDetails = 50
	maxText    = 1000
)

// ParseTrustAnswer reads the answer of a token service or of the web-ticket
// service, under the limits and in the encodings of [ParseMEX]. Namespaces of
// WS-Trust are ignored, as products differ in them. A text that is no XML but
// names a known code, such as the JSON of the cloud's token service, is read
// for that code.
//
// The result is never nil. What is wrong with the document is in its
// Problems; the error is one of r.
func ParseTrustAnswer(r io.Reader) (*TrustAnswer, error) {
	b, err := readLimited(r, maxDocument)
	var de *documentError
	if err != nil && !errors.As(err, &de) {
		return newTrustAnswer(), fmt.Errorf("adfs: read answer of a token service: %w", err)
	}
	a := newTrustAnswer()
	if de == nil {
		a.parse(b)
		a.tidy("")
	} else {
		a.Problems = append(a.Problems, Problem{de.code, de.detail})
	}
	return a, nil
}

func newTrustAnswer() *TrustAnswer {
	return &TrustAnswer{Schemes: []string{}, Subcodes: []string{}, Detail: []FaultDetail{}, Problems: []Problem{}, Classification: classUnknown}
}

// parse fills in what the document says. Texts are as long as they are there,
// until tidy cuts them.
func (a *TrustAnswer) parse(b []byte) {
	root, err := loadXML(b)
	if err != nil {
		a.Problems = append(a.Problems, Problem{err.code, err.detail})
		switch err.code {
		case codeEmpty, codeHTML:
			a.Classification = classNoToken
		case codeMalformed:
			if codes := LookupCode(string(b[:min(len(b), 64<<10)])); len(codes) > 0 {
				a.Error = codes[0].Code
				a.Classification = a.classify()
			}
		}
		return
	}
	header, body := a.open(root)
	fault := first(body, "Fault")
	if root.Tag == "Fault" {
		fault = root
	}
	pp := first(header, "pp")
	if pp == nil {
		pp = first(body, "pp")
	}
	if pp != nil {
		a.details(pp, "pp")
	}
	switch {
	case fault != nil:
		a.readFault(fault)
		a.Error = a.errorCode()
		a.Classification = a.classify()
	case within(body, "RequestSecurityToken", 3) != nil:
		a.Problems = append(a.Problems, Problem{codeNotAnswer, "the document is a request for a token, not the answer to one"})
	default:
		a.readToken(body)
		switch {
		case a.HasToken:
			a.Classification = classOK
		case root.Tag == "Envelope" || strings.HasPrefix(root.Tag, "RequestSecurityTokenResponse"):
			a.Error = a.errorCode()
			a.Classification = cmp.Or(sureClass(a.Error), classNoToken) // RST2.srf may say why in its header alone
		default:
			a.Problems = append(a.Problems, Problem{codeNotAnswer, fmt.Sprintf("the document is no answer to a request for a token; its root is %.100q", root.FullTag())})
		}
	}
}

// open finds header and body of an envelope; without one the document is the
// body.
func (a *TrustAnswer) open(root *etree.Element) (header, body *etree.Element) {
	if root.Tag != "Envelope" {
		return nil, root
	}
	switch root.NamespaceURI() {
	case "http://www.w3.org/2003/05/soap-envelope":
		a.SOAP = "1.2"
	case "http://schemas.xmlsoap.org/soap/envelope/":
		a.SOAP = "1.1"
	}
	header, body = first(root, "Header"), first(root, "Body")
	if body == nil {
		body = root
	}
	return header, body
}

// first returns the first child of that name in any namespace; e may be nil.
func first(e *etree.Element, tag string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, c := range e.ChildElements() {
		if c.Tag == tag {
			return c
		}
	}
	return nil
}

// within returns the first element of that name in any namespace, e included,
// not deeper than depth.
func within(e *etree.Element, tag string, depth int) *etree.Element {
	if e == nil || e.Tag == tag {
		return e
	}
	if depth == 0 {
		return nil
	}
	for _, c := range e.ChildElements() {
		if found := within(c, tag, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// readFault reads SOAP 1.2 (Code, Reason, Detail) and SOAP 1.1 (faultcode,
// faultstring, detail).
func (a *TrustAnswer) readFault(fault *etree.Element) {
	if code := first(fault, "Code"); code != nil {
		a.Code = localName(textOf(first(code, "Value")))
		for sub := first(code, "Subcode"); sub != nil && len(a.Subcodes) < maxDetails; sub = first(sub, "Subcode") {
			if value := localName(textOf(first(sub, "Value"))); value != "" {
				a.Subcodes = append(a.Subcodes, value)
			}
		}
	} else {
		a.Code = localName(textOf(first(fault, "faultcode")))
	}
	if a.Reason = textOf(first(fault, "faultstring")); a.Reason == "" {
		a.Reason = reasonOf(first(fault, "Reason"))
	}
	detail := first(fault, "Detail")
	if detail == nil {
		detail = first(fault, "detail")
	}
	if detail != nil {
		for _, c := range detail.ChildElements() {
			a.details(c, c.Tag)
		}
		if t := textOf(detail); t != "" {
			a.addDetail("detail", t)
		}
	}
}

// reasonOf prefers English among several languages.
func reasonOf(reason *etree.Element) string {
	if reason == nil {
		return ""
	}
	text := ""
	for _, t := range reason.ChildElements() {
		value := textOf(t)
		for _, at := range t.Attr {
			if at.Key == "lang" && strings.HasPrefix(strings.ToLower(at.Value), "en") && value != "" {
				return value
			}
		}
		if text == "" {
			text = value
		}
	}
	return text
}

func textOf(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(content(e))
}

// clip trims and bounds a text.
func clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

func (a *TrustAnswer) addDetail(key, value string) {
	if value != "" && len(a.Detail) < maxDetails {
		a.Detail = append(a.Detail, FaultDetail{key, value})
	}
}

func (a *TrustAnswer) details(e *etree.Element, key string) {
	if len(a.Detail) >= maxDetails || len(key) > maxText {
		return
	}
	a.addDetail(key, textOf(e))
	for _, c := range e.ChildElements() {
		a.details(c, key+"/"+c.Tag)
	}
}

// readToken looks for what was requested, whose first child is the token.
func (a *TrustAnswer) readToken(body *etree.Element) {
	requested := within(body, "RequestedSecurityToken", 4)
	if requested == nil || len(requested.ChildElements()) == 0 {
		return
	}
	token := requested.ChildElements()[0]
	a.HasToken = true
	a.Token = Token{Type: token.Tag}
	response := requested.Parent()
	if life := first(response, "Lifetime"); life != nil {
		a.Token.NotBefore, a.Token.NotAfter = instant(textOf(first(life, "Created"))), instant(textOf(first(life, "Expires")))
	}
	if token.Tag != "Assertion" {
		return
	}
	conditions := first(token, "Conditions")
	switch {
	case attribute(token, "MajorVersion") == "1":
		a.Token.Type = "SAML 1.1"
		a.Token.Issuer = attribute(token, "Issuer")
	case strings.HasPrefix(attribute(token, "Version"), "2"):
		a.Token.Type = "SAML 2.0"
		a.Token.Issuer = textOf(first(token, "Issuer"))
	}
	if conditions != nil {
		a.Token.Audience = textOf(within(conditions, "Audience", 2))
		if t := instant(attribute(conditions, "NotBefore")); !t.IsZero() {
			a.Token.NotBefore = t
		}
		if t := instant(attribute(conditions, "NotOnOrAfter")); !t.IsZero() {
			a.Token.NotAfter = t
		}
	}
	if signature := child(token, nsSignature, "Signature"); signature != nil {
		for _, x := range certificatesIn(child(signature, nsSignature, "KeyInfo")) {
			if c, err := keyCertificate(content(x)); err == nil {
				a.Token.Signer = c.Thumbprint
				break
			}
		}
	}
}

// instant reads an xsd:dateTime; one without a zone is UTC, as WS-Security
// asks. Zero if it cannot be read.
func instant(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 && t.Year() < 10000 {
			return wall(t)
		}
	}
	return time.Time{}
}

// textual are codes that stand at the beginning of texts, or anywhere in those
// of the cloud.
var textual = regexp.MustCompile(`\b(AADSTS\d{5,7}|MSIS\d{4}|ID\d{4})\b`)

// errorCode returns the code that says most: one that a text names, else what
// RST2.srf puts into its elements, else the id of MS-OCER.
func (a *TrustAnswer) errorCode() string {
	texts := []string{clip(a.Reason)}
	for _, d := range a.Detail {
		texts = append(texts, clip(d.Value))
	}
	for _, t := range texts {
		if m := textual.FindString(t); m != "" {
			return m
		}
	}
	inner := a.hresultAt("internalerror/code")
	// 0x80041012 says the same as the value around it, and no more.
	if inner != "" && inner != "0x80041012" && len(LookupCode(inner)) > 0 {
		return inner
	}
	for _, key := range []string{"error/value", "pp/reqstatus", "internalerror/code", "pp/errorstatus", "pp/authstate"} {
		if code := a.hresultAt(key); code != "" {
			return code
		}
	}
	for _, d := range a.Detail {
		if strings.HasSuffix(d.Key, "ErrorId") && len(d.Value) < 8 {
			return d.Value
		}
	}
	for _, text := range append(texts[1:], texts[0]) {
		if codes := LookupCode(text); len(codes) > 0 {
			return codes[0].Code
		}
	}
	return ""
}

// hresultAt returns the number under a key that ends so, "" for none or zero.
func (a *TrustAnswer) hresultAt(key string) string {
	for _, d := range a.Detail {
		if d.Key != key && !strings.HasSuffix(d.Key, "/"+key) {
			continue
		}
		if names := codeNames(strings.ToUpper(d.Value), ""); len(names) == 1 && strings.HasPrefix(names[0], "0x") && names[0] != "0x00000000" {
			return names[0]
		}
	}
	return ""
}

// classes are codes whose class is sure. Codes of one meaning stand together.
var classes = []struct {
	class string
	codes []string
}{
	{classCredentials, []string{"AADSTS50126", "AADSTS50056", "AADSTS50064", "ID3242", "0x80048821", "0x80041012"}},
	{classLocked, []string{"AADSTS50053", "0x80048823", "0x80048824"}},
	{classExpired, []string{"AADSTS50055", "AADSTS50142", "AADSTS50144", "0x80048827"}},
	{classUnknownUser, []string{"AADSTS50034", "AADSTS51004", "0x80041034"}},
	{classMFA, []string{
		"AADSTS50072", "AADSTS50074", "AADSTS50076", "AADSTS50079", "AADSTS50097", "AADSTS50129", "AADSTS50158",
		"AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53004", "MSIS7102",
	}},
	{classDenied, []string{"MSIS7068", "AADSTS50020", "AADSTS50057", "AADSTS50105", "AADSTS50131", "AADSTS53003", "AADSTS530034"}},
	{classRelyingParty, []string{"ID3082", "MSIS3020", "MSIS3055", "MSIS7007", "0x8004882A"}},
	{classClock, []string{"AADSTS500133"}},
	{classNotSIP, []string{"28000"}},
	{classService, []string{"AADSTS50000", "0x80048820", "28001"}},
	{classFailed, []string{"MSIS3127"}},
}

// subcodeClasses are for faults without a code of a sure class.
var subcodeClasses = []struct {
	class    string
	subcodes []string
}{
	// WCF says InvalidSecurity when the time of a message is off, and when its
	// security header is malformed.
	{classClock, []string{"InvalidSecurity", "MessageExpired", "ExpiredData", "InvalidTimeRange"}},
	{classCredentials, []string{"FailedAuthentication"}},
	{classRelyingParty, []string{"InvalidScope"}},
	{classService, []string{"InternalServiceFault", "EndpointUnavailable"}},
}

// sureClass is the class of a code, "" if it is not sure.
func sureClass(code string) string {
	for _, c := range classes {
		if slices.Contains(c.codes, code) {
			return c.class
		}
	}
	return ""
}

func (a *TrustAnswer) classify() string {
	if class := sureClass(a.Error); class != "" {
		return class
	}
	// AD FS says FailedAuthentication and its code beside it, which may not be
	// known here. RST2.srf says so whatever the reason is.
	if a.Error != "" && !strings.HasPrefix(a.Error, "MSIS") && !strings.HasPrefix(a.Error, "ID") {
		return classFailed
	}
	names := append([]string{a.Code}, a.Subcodes...)
	for _, c := range subcodeClasses {
		for _, name := range names {
			if slices.Contains(c.subcodes, name) {
				return c.class
			}
		}
	}
	switch {
	case strings.Contains(a.Reason, "Timestamp is invalid"):
		return classClock
	case a.Code == "Receiver" || a.Code == "Server":
		return classService
	}
	return classFailed
}
