package adfs

// Problem is one oddity of a document or of an exchange.
type Problem struct {
	// Code is one of [Codes].
	Code string `json:"code"`
	// Detail says in words what was seen and where.
	Detail string `json:"detail"`
}

// Codes of exchanges: what came back instead of a usable answer.
const (
	codeBadAddress      = "bad-address"      // the user's address given by the caller cannot be asked about
	codeBadURL          = "bad-url"          // the URL given by the caller is no absolute https URL, or has a user name in it
	codeUnreachable     = "unreachable"      // no answer, or it broke off: name, connection, TLS, time-out
	codeHTTP500         = "http-500"         // status 500
	codeHTTP503         = "http-503"         // status 503
	codeNotFound        = "not-found"        // status 404 or 410
	codeHTTPError       = "http-error"       // any other status that is no success
	codeRedirectLoop    = "redirect-loop"    // redirects in a circle, or more than maxRedirects of them
	codeRedirectRefused = "redirect-refused" // a redirect that must not be followed: not https, with a user name in it, or without a target
)

// Codes of documents that cannot be used at all.
const (
	codeEmpty       = "empty"        // no content
	codeHTML        = "html"         // a web page
	codeMalformed   = "malformed"    // not well-formed, or text in a character set that cannot be read
	codeDTD         = "dtd"          // has a document type declaration; refused unread
	codeTooLarge    = "too-large"    // over the limit in bytes, depth, elements or attributes
	codeNotWSDL     = "not-wsdl"     // well-formed, but without wsdl:definitions
	codeNotMetadata = "not-metadata" // well-formed, but without an EntityDescriptor
)

// Codes of MEX documents that can be read.
const (
	codeNoUsername   = "no-username-endpoint" // no usable username port in either version
	code13Only       = "username-13-only"     // usable username ports for WS-Trust 1.3 alone
	code2005Only     = "username-2005-only"   // usable username ports for WS-Trust 2005 alone
	codeInsecure     = "insecure-endpoint"    // a username port on http
	codePolicy       = "policy-missing"       // a port whose binding or policy the document does not hold
	codePortAddress  = "port-address"         // a username or windows port without an absolute https address
	codeHostMismatch = "host-mismatch"        // usable ports on another host than the document's
)

// Codes of federation metadata that can be read.
const (
	codeKeyUnreadable = "key-unreadable" // a certificate that is none
)

// Codes of token requests: what kept one from being sent, and what is no
// answer to one.
const (
	codeEndpointRefused = "endpoint-refused" // credentials may not go there
	codeNoCredentials   = "no-credentials"   // none were given, or none that can be sent
	codeNotAnswer       = "not-an-answer"    // a well-formed document, but no answer to a token request
)

// Codes that only [Endpoint] uses: a port may have them in a healthy document.
const (
	codeUnsupportedBinding = "unsupported-binding" // not SOAP 1.2 over HTTP, or no issue request of WS-Trust
	codeUnsupportedPolicy  = "unsupported-policy"  // a policy that sign-in clients cannot satisfy
)

// Codes returns the code of every problem that a [Realm], an [Exchange], a
// [Metadata], a [FederationMetadata] or a [TrustAnswer] can carry, in a fixed order.
func Codes() []string {
	return []string{
		codeBadAddress, codeBadURL, codeUnreachable,
		codeHTTP500, codeHTTP503, codeNotFound, codeHTTPError,
		codeRedirectLoop, codeRedirectRefused,
		codeEmpty, codeHTML, codeMalformed, codeDTD, codeTooLarge, codeNotWSDL, codeNotMetadata,
		codeNoUsername, code13Only, code2005Only,
		codeInsecure, codePolicy, codePortAddress, codeHostMismatch,
		codeKeyUnreadable,
		codeEndpointRefused, codeNoCredentials, codeNotAnswer,
	}
}

// documentError is a document that cannot be used, with its problem code.
type documentError struct{ code, detail string }

func (e *documentError) Error() string { return e.detail }
