package adfs

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// FederationMetadata is what a federation service says about itself and its
// keys (WS-Federation 1.2 section 3, SAML 2.0 metadata).
type FederationMetadata struct {
	// Exchange is how the document was asked for; zero for one that was parsed
	// only.
	Exchange Exchange `json:"exchange"`
	// EntityID is the service's name, which every token bears as its issuer.
	// AD FS writes it with http.
	EntityID string `json:"entityId"`
	// SigningCertificates and EncryptionCertificates are those of all roles,
	// each once, in document order. A key without a use is both.
	SigningCertificates    []KeyCertificate `json:"signingCertificates"`
	EncryptionCertificates []KeyCertificate `json:"encryptionCertificates"`
	// MEXURL is the one that the token service's endpoint refers to, ActiveURL
	// that endpoint's own address and PassiveURL the login page; "" if absent.
	MEXURL     string `json:"mexUrl"`
	ActiveURL  string `json:"activeUrl"`
	PassiveURL string `json:"passiveUrl"`
	// Problems has that of the exchange first.
	Problems []Problem `json:"problems"`
}

// KeyCertificate is a certificate of the metadata. It carries a key; nobody
// asks whether it chains to a root.
type KeyCertificate struct {
	// Thumbprint is the SHA-1 of the DER, in upper-case hexadecimal.
	Thumbprint string    `json:"thumbprint"`
	Subject    string    `json:"subject"` // distinguished name, RFC 2253
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
}

const (
	nsSAMLMetadata = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsFederation   = "http://docs.oasis-open.org/wsfed/federation/200706"
	nsSignature    = "http://www.w3.org/2000/09/xmldsig#"
	nsMEX          = "http://schemas.xmlsoap.org/ws/2004/09/mex"
	nsXSI          = "http://www.w3.org/2001/XMLSchema-instance"
)

// FetchFederationMetadata asks an https URL for the federation metadata and
// reads the answer. The result is never nil; what went wrong is in its
// Problems.
func (c *Client) FetchFederationMetadata(ctx context.Context, url string) *FederationMetadata {
	e, answer := c.exchange(ctx, http.MethodGet, url, http.Header{"Accept": {"application/samlmetadata+xml, text/xml, application/xml"}}, nil)
	m := &FederationMetadata{}
	if e.Problem == "" {
		parsed, err := parseFederationMetadata(answer)
		if err == nil {
			m = parsed
		} else {
			if isHTML(e.ContentType) && err.code != codeTooLarge {
				err.code = codeHTML
			}
			e.fail(err.code, "%s", err.detail)
		}
	}
	m.Exchange = e
	if e.Problem != "" {
		m.Problems = []Problem{{e.Problem, e.Detail}}
	}
	return m.complete()
}

// complete makes absent lists empty ones.
func (m *FederationMetadata) complete() *FederationMetadata {
	if m.SigningCertificates == nil {
		m.SigningCertificates = []KeyCertificate{}
	}
	if m.EncryptionCertificates == nil {
		m.EncryptionCertificates = []KeyCertificate{}
	}
	if m.Problems == nil {
		m.Problems = []Problem{}
	}
	return m
}

// ParseFederationMetadata reads a FederationMetadata.xml under the limits and
// in the encodings of [ParseMEX]. Of several entities the first one with a
// token service, else the first one, is read; an odd role or key costs itself
// alone. The document's signature is not verified.
//
// The result is never nil. If the document as a whole cannot be used, the
// error says why and Problems holds the same under its code.
func ParseFederationMetadata(r io.Reader) (*FederationMetadata, error) {
	b, err := readLimited(r, maxDocument)
	var de *documentError
	if err != nil && !errors.As(err, &de) {
		return new(FederationMetadata).complete(), fmt.Errorf("adfs: read federation metadata: %w", err)
	}
	var m *FederationMetadata
	if de == nil {
		m, de = parseFederationMetadata(b)
	}
	if de != nil {
		m = &FederationMetadata{Problems: []Problem{{de.code, de.detail}}}
		return m.complete(), fmt.Errorf("adfs: parse federation metadata: %w", de)
	}
	return m, nil
}

func parseFederationMetadata(b []byte) (*FederationMetadata, *documentError) {
	root, err := loadXML(b)
	if err != nil {
		return nil, err
	}
	entity := entityOf(root)
	if entity == nil {
		return nil, &documentError{codeNotMetadata, fmt.Sprintf("the document has no EntityDescriptor; its root is %.100q", root.FullTag())}
	}
	m := new(FederationMetadata).complete()
	m.EntityID = strings.TrimSpace(attribute(entity, "entityID"))
	for _, role := range entity.ChildElements() {
		if role.NamespaceURI() != nsSAMLMetadata {
			continue
		}
		for _, key := range children(role, nsSAMLMetadata, "KeyDescriptor") {
			m.readKey(key)
		}
		if isTokenService(role) {
			m.readEndpoints(role)
		}
	}
	return m, nil
}

// entityOf returns the entity to read, nil if there is none.
func entityOf(root *etree.Element) *etree.Element {
	if is(root, nsSAMLMetadata, "EntityDescriptor") {
		return root
	}
	if !is(root, nsSAMLMetadata, "EntitiesDescriptor") {
		return nil
	}
	all := children(root, nsSAMLMetadata, "EntityDescriptor")
	for _, e := range all {
		for _, role := range children(e, nsSAMLMetadata, "RoleDescriptor") {
			if isTokenService(role) {
				return e
			}
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

// isTokenService tells by xsi:type, a QName.
func isTokenService(role *etree.Element) bool {
	for i := range role.Attr {
		if a := &role.Attr[i]; a.Key == "type" && a.NamespaceURI() == nsXSI {
			return localName(a.Value) == "SecurityTokenServiceType"
		}
	}
	return false
}

func (m *FederationMetadata) readEndpoints(role *etree.Element) {
	sts := child(child(role, nsFederation, "SecurityTokenServiceEndpoint"), nsWSA10, "EndpointReference")
	take(&m.ActiveURL, addressOf(sts))
	inner := child(child(child(sts, nsWSA10, "Metadata"), nsMEX, "Metadata"), nsMEX, "MetadataSection")
	take(&m.MEXURL, addressOf(child(inner, nsMEX, "MetadataReference")))
	take(&m.PassiveURL, addressOf(child(child(role, nsFederation, "PassiveRequestorEndpoint"), nsWSA10, "EndpointReference")))
}

func addressOf(e *etree.Element) string {
	if a := child(e, nsWSA10, "Address"); a != nil {
		return strings.TrimSpace(content(a))
	}
	return ""
}

// take keeps the first value that is not empty.
func take(slot *string, value string) {
	if *slot == "" {
		*slot = value
	}
}

func (m *FederationMetadata) readKey(key *etree.Element) {
	use := strings.TrimSpace(attribute(key, "use"))
	for _, x := range certificatesIn(child(key, nsSignature, "KeyInfo")) {
		certificate, err := keyCertificate(content(x))
		if err != nil {
			m.Problems = append(m.Problems, Problem{codeKeyUnreadable, fmt.Sprintf("a certificate for %.40q cannot be read: %v", use, err)})
			continue
		}
		if use != "encryption" {
			m.SigningCertificates = addOnce(m.SigningCertificates, certificate)
		}
		if use != "signing" {
			m.EncryptionCertificates = addOnce(m.EncryptionCertificates, certificate)
		}
	}
}

// certificatesIn returns the certificates of a ds:KeyInfo, which may be nil.
func certificatesIn(keyInfo *etree.Element) []*etree.Element {
	if keyInfo == nil {
		return nil
	}
	var out []*etree.Element
	for _, data := range children(keyInfo, nsSignature, "X509Data") {
		out = append(out, children(data, nsSignature, "X509Certificate")...)
	}
	return out
}

func addOnce(list []KeyCertificate, c KeyCertificate) []KeyCertificate {
	for _, seen := range list {
		if seen.Thumbprint == c.Thumbprint {
			return list
		}
	}
	return append(list, c)
}

// keyCertificate reads base64 with white space in it, as XML Signature has it.
func keyCertificate(text string) (KeyCertificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return KeyCertificate{}, errors.New("it is not base64")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return KeyCertificate{}, errors.New(strings.TrimPrefix(err.Error(), "x509: "))
	}
	return KeyCertificate{
		Thumbprint: fmt.Sprintf("%X", sha1.Sum(der)),
		Subject:    c.Subject.String(),
		NotBefore:  wall(c.NotBefore),
		NotAfter:   wall(c.NotAfter),
	}, nil
}
