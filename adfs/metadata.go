package adfs

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/beevik/etree"
)

// Metadata is what a MEX document says.
type Metadata struct {
	// Endpoints has every port of every service, in document order.
	Endpoints []Endpoint `json:"endpoints"`
	Selected  Selected   `json:"selected"`
	Problems  []Problem  `json:"problems"`
}

// Endpoint is one wsdl:port.
type Endpoint struct {
	// Name is the port's name, else that of its binding.
	Name string `json:"name"`
	// Address is the trimmed wsa10:Address; "" if there is none. The
	// soap12:address beside it is ignored, as sign-in clients do.
	Address string `json:"address"`
	// Version of WS-Trust that the port's binding speaks: "1.3", "2005", or
	// "" for none of the two or unknown.
	Version string `json:"version"`
	// Authentication is "username", "windows", "certificate", "kerberos",
	// "issued-token", or "other" for anything else or unknown.
	Authentication string `json:"authentication"`
	// Usable means: an https address, and a complete binding and policy that
	// a client with the credentials named by Authentication can satisfy. It
	// does not mean that the endpoint was tried.
	Usable bool `json:"usable"`
	// Reason is "" for a usable port, else a sentence that says what is wrong
	// with it, and Code the same in one word: insecure-endpoint,
	// port-address, policy-missing, unsupported-binding or unsupported-policy.
	Reason string `json:"reason"`
	Code   string `json:"code,omitempty"`
}

// Selected holds, for each authentication and version, the address of the
// first usable port in document order, or "".
//
// Clients differ in the version they prefer: most take 1.3, the Sign-In
// Assistant and MSAL .NET take 2005, so there is no such thing as "the"
// endpoint of a federation service.
type Selected struct {
	Username13   string `json:"username13"`
	Username2005 string `json:"username2005"`
	Windows13    string `json:"windows13"`
	Windows2005  string `json:"windows2005"`
}

// Namespaces and identifiers that sign-in clients look for.
const (
	nsWSDL     = "http://schemas.xmlsoap.org/wsdl/"
	nsSOAP12   = "http://schemas.xmlsoap.org/wsdl/soap12/"
	nsPolicy   = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsUtility  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsSP2005   = "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"
	nsSP12     = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
	nsHTTP     = "http://schemas.microsoft.com/ws/06/2004/policy/http"
	nsWSA10    = "http://www.w3.org/2005/08/addressing"
	soapHTTP   = "http://schemas.xmlsoap.org/soap/http"
	issue13    = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue"
	issue2005  = "http://schemas.xmlsoap.org/ws/2005/02/trust/RST/Issue"
	version13  = "1.3"
	version05  = "2005"
	authUser   = "username"
	authWin    = "windows"
	authCert   = "certificate"
	authKrb    = "kerberos"
	authIssued = "issued-token"
	authOther  = "other"
)

// ParseMEX reads a metadata exchange document: wsdl:definitions, alone or at
// any depth inside wsx:Metadata and a SOAP envelope, under any prefix, in any
// encoding. At most 4 MiB are read, and a document that is nested too deep,
// has too many elements or a document type declaration is refused unparsed.
//
// Ports are found as the sign-in clients do, from policy to binding to port
// (WS-SecurityPolicy 1.2 and its 2005 draft, WSDL 1.1); one odd node costs the
// port it belongs to and no other.
//
// The result is never nil. If the document as a whole cannot be used, the
// error says why and Problems holds the same under its code. An error of r is
// returned with an empty result.
func ParseMEX(r io.Reader) (*Metadata, error) {
	b, err := readLimited(r, maxDocument)
	var de *documentError
	if err != nil && !errors.As(err, &de) {
		return &Metadata{Endpoints: []Endpoint{}, Problems: []Problem{}}, fmt.Errorf("adfs: read MEX document: %w", err)
	}
	var m *Metadata
	if de == nil {
		m, de = parseMEX(b)
	}
	if de != nil {
		m = &Metadata{Endpoints: []Endpoint{}, Problems: []Problem{{de.code, de.detail}}}
		return m, fmt.Errorf("adfs: parse MEX document: %w", de)
	}
	return m, nil
}

func parseMEX(b []byte) (*Metadata, *documentError) {
	root, err := loadXML(b)
	if err != nil {
		return nil, err
	}
	d := document{bindings: map[string]*etree.Element{}, policies: map[string]*etree.Element{}, known: map[string]bindingFacts{}, asked: map[string]policyFacts{}}
	d.collect(root, false)
	if !d.wsdl {
		return nil, &documentError{codeNotWSDL, fmt.Sprintf("the document has no wsdl:definitions; its root is %.100q", root.FullTag())}
	}
	m := &Metadata{Endpoints: []Endpoint{}, Problems: []Problem{}}
	for _, port := range d.ports {
		e := d.endpoint(port)
		m.Endpoints = append(m.Endpoints, e)
		m.Selected.offer(e)
		if p, ok := e.problem(); ok {
			m.Problems = append(m.Problems, p)
		}
	}
	if p, ok := m.Selected.problem(); ok {
		m.Problems = append(m.Problems, p)
	}
	return m, nil
}

// document indexes the parts of a MEX document that refer to each other.
type document struct {
	wsdl     bool
	policies map[string]*etree.Element // by "#" + wsu:Id
	bindings map[string]*etree.Element // by name
	ports    []*etree.Element

	// Each binding and policy is read once, however many refer to it: a
	// hostile document would make the work quadratic otherwise.
	known map[string]bindingFacts // by name
	asked map[string]policyFacts  // by "#" + wsu:Id
}

// bindingFacts is what a binding says.
type bindingFacts struct {
	version, action string
	soap12          bool
	transport       string
	policy          policyFacts
	missing         string // why there is no policy, or ""
}

// collect walks the whole document: a policy may stand in a metadata section
// of its own. Of several with one name the first counts.
func (d *document) collect(e *etree.Element, inWSDL bool) {
	switch e.Tag {
	case "definitions":
		inWSDL = inWSDL || is(e, nsWSDL, "definitions")
		d.wsdl = d.wsdl || inWSDL
	case "Policy":
		if id := policyID(e); id != "" && d.policies["#"+id] == nil && is(e, nsPolicy, "Policy") {
			d.policies["#"+id] = e
		}
	case "binding":
		if name := attribute(e, "name"); inWSDL && name != "" && d.bindings[name] == nil && is(e, nsWSDL, "binding") {
			d.bindings[name] = e
		}
	case "port":
		if inWSDL && is(e, nsWSDL, "port") && is(e.Parent(), nsWSDL, "service") {
			d.ports = append(d.ports, e)
		}
	}
	for _, c := range e.ChildElements() {
		d.collect(c, inWSDL)
	}
}

func policyID(e *etree.Element) string {
	for i := range e.Attr {
		if a := &e.Attr[i]; a.Key == "Id" && a.NamespaceURI() == nsUtility {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (d *document) endpoint(port *etree.Element) Endpoint {
	e := Endpoint{Name: attribute(port, "name"), Authentication: authOther}
	if a := child(child(port, nsWSA10, "EndpointReference"), nsWSA10, "Address"); a != nil {
		e.Address = strings.TrimSpace(content(a))
	}
	given := e.Address
	e.Address = withoutUser(given)
	bindingName := localName(attribute(port, "binding"))
	if e.Name == "" {
		e.Name = bindingName
	}
	if d.bindings[bindingName] == nil {
		return e.unusable(codePolicy, "The document has no binding %.100q for this port.", bindingName)
	}
	b := d.binding(bindingName)
	e.Version = b.version
	if b.missing != "" {
		return e.unusable(codePolicy, "%s", b.missing)
	}
	e.Authentication = b.policy.authentication

	u, err := url.Parse(given)
	switch {
	case e.Address != given:
		return e.unusable(codePortAddress, "The address has a user name or password in it.")
	case e.Address == "":
		return e.unusable(codePortAddress, "The port has no wsa10:EndpointReference with an address.")
	case err != nil:
		return e.unusable(codePortAddress, "The address cannot be read: %s.", cause(err))
	case !u.IsAbs():
		return e.unusable(codePortAddress, "The address is relative.")
	case !printable(given):
		return e.unusable(codePortAddress, "The address has blanks or invisible characters in it.")
	case !validPort(u):
		return e.unusable(codePortAddress, "The port of the address is not between 1 and 65535.")
	case u.Scheme == "http":
		return e.unusable(codeInsecure, "The address is http, where only https protects the credentials.")
	case u.Scheme != "https" || u.Hostname() == "":
		return e.unusable(codePortAddress, "The address is not an https URL.")
	}
	switch {
	case !b.soap12:
		return e.unusable(codeUnsupportedBinding, "The binding is not for SOAP 1.2.")
	case b.transport != soapHTTP:
		return e.unusable(codeUnsupportedBinding, "The binding's transport is %.100q, not SOAP over HTTP.", b.transport)
	case e.Version == "" && b.action == "":
		return e.unusable(codeUnsupportedBinding, "The binding names no SOAP action.")
	case e.Version == "":
		return e.unusable(codeUnsupportedBinding, "The binding's SOAP action %.100q is not a WS-Trust issue request.", b.action)
	case b.policy.empty:
		return e.unusable(codeUnsupportedPolicy, "The policy's assertions are not inside wsp:ExactlyOne and wsp:All, where clients look.")
	case !b.policy.transport:
		return e.unusable(codeUnsupportedPolicy, "The policy has no TransportBinding: the message itself must be encrypted or signed, which sign-in clients do not do.")
	case e.Authentication == authUser && !b.policy.plainUsername:
		return e.unusable(codeUnsupportedPolicy, "The policy asks for another user name token than WssUsernameToken10.")
	case e.Authentication == authOther:
		return e.unusable(codeUnsupportedPolicy, "The policy asks for no known kind of credentials.")
	}
	e.Usable = true
	return e
}

// printable reports whether a URL has neither blanks nor characters that do
// not show, such as those that turn the direction of writing.
func printable(url string) bool {
	return !strings.ContainsFunc(url, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
}

// validPort reports whether a URL names no port or one that there is.
func validPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && n > 0
}

func (e Endpoint) unusable(code, format string, args ...any) Endpoint {
	e.Code, e.Reason = code, fmt.Sprintf(format, args...)
	return e
}

// problem tells whether an unusable port deserves to be reported: one without
// binding or policy always (clients skip it in silence), a bad address only
// where sign-in clients would have used it.
func (e Endpoint) problem() (Problem, bool) {
	signIn := e.Authentication == authUser || e.Authentication == authWin
	switch {
	case e.Code == codePolicy,
		e.Code == codeInsecure && e.Authentication == authUser,
		e.Code == codePortAddress && signIn:
		return Problem{e.Code, fmt.Sprintf("port %.100q (%.200s): %s", e.Name, e.Address, e.Reason)}, true
	}
	return Problem{}, false
}

// trustVersion looks at the first SOAP 1.2 operation alone, as clients do.
func trustVersion(binding *etree.Element) (version, action string) {
	for _, op := range children(binding, nsWSDL, "operation") {
		soap := child(op, nsSOAP12, "operation")
		if soap == nil {
			continue
		}
		action = strings.TrimSpace(attribute(soap, "soapAction"))
		switch action {
		case issue13:
			return version13, action
		case issue2005:
			return version05, action
		}
		return "", action
	}
	return "", ""
}

// binding reads a binding that the document holds.
func (d *document) binding(name string) bindingFacts {
	if b, ok := d.known[name]; ok {
		return b
	}
	var b bindingFacts
	binding := d.bindings[name]
	b.version, b.action = trustVersion(binding)
	if soap := child(binding, nsSOAP12, "binding"); soap != nil {
		b.soap12, b.transport = true, strings.TrimSpace(attribute(soap, "transport"))
	}
	b.policy, b.missing = d.policy(binding)
	d.known[name] = b
	return b
}

// policy reads the first policy that the binding refers to and the document
// holds, else says why there is none.
func (d *document) policy(binding *etree.Element) (p policyFacts, missing string) {
	missing = "The port's binding refers to no policy."
	for _, ref := range children(binding, nsPolicy, "PolicyReference") {
		uri := strings.TrimSpace(attribute(ref, "URI"))
		policy := d.policies[uri]
		if policy == nil {
			missing = fmt.Sprintf("The document has no policy %.100q, to which the port's binding refers.", uri)
			continue
		}
		p, ok := d.asked[uri]
		if !ok {
			p.read(policy)
			d.asked[uri] = p
		}
		return p, ""
	}
	for _, ref := range binding.ChildElements() {
		if ns := ref.NamespaceURI(); ref.Tag == "PolicyReference" && ns != nsPolicy {
			return policyFacts{}, fmt.Sprintf("The port's binding refers to a policy in the namespace %.100q, which clients do not read.", ns)
		}
	}
	return policyFacts{}, missing
}

// policyFacts is what a policy asks of a client.
type policyFacts struct {
	authentication string
	transport      bool // TransportBinding: TLS protects the message
	plainUsername  bool // WssUsernameToken10, the only kind that clients send
	empty          bool // there is no alternative
}

// read takes the first alternative (wsp:All) that asks for known credentials.
func (p *policyFacts) read(policy *etree.Element) {
	p.authentication, p.empty = authOther, true
	for _, one := range children(policy, nsPolicy, "ExactlyOne") {
		for _, all := range children(one, nsPolicy, "All") {
			var q policyFacts
			q.readAlternative(all)
			p.empty = false
			if q.authentication != authOther {
				*p = q
				return
			}
			p.transport = p.transport || q.transport
		}
	}
}

func (p *policyFacts) readAlternative(all *etree.Element) {
	p.authentication = authOther
	binding := secChild(all, "TransportBinding")
	p.transport = binding != nil
	for _, holder := range []string{"SignedEncryptedSupportingTokens", "SignedSupportingTokens"} {
		inner := child(secChild(all, holder), nsPolicy, "Policy")
		if token := secChild(inner, "UsernameToken"); token != nil {
			p.authentication = authUser
			p.plainUsername = secChild(child(token, nsPolicy, "Policy"), "WssUsernameToken10") != nil
			return
		}
	}
	if child(all, nsHTTP, "NegotiateAuthentication") != nil {
		p.authentication = authWin
		return
	}
	endorsing := child(secChild(all, "EndorsingSupportingTokens"), nsPolicy, "Policy")
	switch {
	case secChild(endorsing, "X509Token") != nil || clientCertificate(binding):
		p.authentication = authCert
	case secChild(endorsing, "KerberosToken") != nil:
		p.authentication = authKrb
	case secChild(endorsing, "IssuedToken") != nil:
		p.authentication = authIssued
	}
}

// clientCertificate reports whether TLS itself asks for a certificate: an
// attribute in the 2005 draft, an element in version 1.2.
func clientCertificate(binding *etree.Element) bool {
	token := secChild(child(binding, nsPolicy, "Policy"), "TransportToken")
	https := secChild(child(token, nsPolicy, "Policy"), "HttpsToken")
	if https == nil {
		return false
	}
	if strings.EqualFold(strings.TrimSpace(attribute(https, "RequireClientCertificate")), "true") {
		return true
	}
	return secChild(child(https, nsPolicy, "Policy"), "RequireClientCertificate") != nil
}

// offer takes the endpoint's address where none was taken yet.
func (s *Selected) offer(e Endpoint) {
	if !e.Usable {
		return
	}
	var slot *string
	switch e.Authentication + " " + e.Version {
	case authUser + " " + version13:
		slot = &s.Username13
	case authUser + " " + version05:
		slot = &s.Username2005
	case authWin + " " + version13:
		slot = &s.Windows13
	case authWin + " " + version05:
		slot = &s.Windows2005
	}
	if slot != nil && *slot == "" {
		*slot = e.Address
	}
}

func (s Selected) problem() (Problem, bool) {
	switch {
	case s.Username13 == "" && s.Username2005 == "":
		return Problem{codeNoUsername, "no usable port takes a user name and password, in either version of WS-Trust"}, true
	case s.Username2005 == "":
		return Problem{code13Only, "user name and password are taken by WS-Trust 1.3 alone"}, true
	case s.Username13 == "":
		return Problem{code2005Only, "user name and password are taken by WS-Trust 2005 alone"}, true
	}
	return Problem{}, false
}

// is asks for the tag first: a namespace costs a walk up the tree.
func is(e *etree.Element, space, tag string) bool {
	return e != nil && e.Tag == tag && e.NamespaceURI() == space
}

// child returns the first such child; e may be nil.
func child(e *etree.Element, space, tag string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, c := range e.ChildElements() {
		if is(c, space, tag) {
			return c
		}
	}
	return nil
}

// secChild is child for either version of WS-SecurityPolicy.
func secChild(e *etree.Element, tag string) *etree.Element {
	if c := child(e, nsSP12, tag); c != nil {
		return c
	}
	return child(e, nsSP2005, tag)
}

func children(e *etree.Element, space, tag string) []*etree.Element {
	var out []*etree.Element
	for _, c := range e.ChildElements() {
		if is(c, space, tag) {
			out = append(out, c)
		}
	}
	return out
}

// attribute returns an attribute without namespace, untrimmed.
func attribute(e *etree.Element, name string) string {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value
		}
	}
	return ""
}

// localName drops the prefix of a QName.
func localName(qname string) string {
	qname = strings.TrimSpace(qname)
	return qname[strings.LastIndexByte(qname, ':')+1:]
}
