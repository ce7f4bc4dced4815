package render

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// certDoc is lyncdiag.cert/v1.
type certDoc struct {
	Schema     string        `json:"schema"`
	Host       string        `json:"host"`    // host:port or file, as given
	Address    string        `json:"address"` // the other end, "" for a file
	TLSVersion string        `json:"tlsVersion"`
	Chain      []certificate `json:"chain"` // as sent, the server's own first
	Root       string        `json:"root"`  // of the trust store, "" when the chain leads to none
	Verified   bool          `json:"verified"`
	Problems   []chainFault  `json:"problems"`
	Handshake  string        `json:"handshake"` // why there is no TLS session, "" when there is
	Findings   []finding     `json:"findings"`

	CipherSuite                string            `json:"cipherSuite"`
	OCSPStapled                bool              `json:"ocspStapled"`
	ClientCertificateRequested bool              `json:"clientCertificateRequested"`
	WeakOnly                   bool              `json:"weakOnly"`    // SHA-1 alone keeps it from verifying, which Windows and the Lync clients take
	Alert                      string            `json:"alert"`       // that the server sent, RFC 8446's name
	FailureKind                string            `json:"failureKind"` // alert, reset, closed, timeout, not-tls, refused-by-client, canceled, other; "" for none
	Issuers                    []certificate     `json:"issuers"`     // that were missing and fetched
	Revocation                 []revocation      `json:"revocation"`
	Requests                   []authorityAnswer `json:"requests"` // what was fetched for issuers and revocation
	Expectations               []expectation     `json:"expectations"`
	Accepts                    *accepts          `json:"accepts,omitempty"` // left out where no server was surveyed
	Live                       *live             `json:"live,omitempty"`    // left out without --host
}

type revocation struct {
	Certificate *int   `json:"certificate,omitempty"` // index in chain; left out for one not sent
	Subject     string `json:"subject"`
	Status      string `json:"status" jsonschema:"enum=good,enum=revoked,enum=unknown,enum=unchecked"`
	By          string `json:"by" jsonschema:"enum=,enum=stapled,enum=ocsp,enum=crl"`
	Source      string `json:"source"`
	Signer      string `json:"signer"`
	Delegated   bool   `json:"delegated"` // the signer is not the issuer, and may sign
	ThisUpdate  string `json:"thisUpdate,omitempty" jsonschema:"format=date-time"`
	NextUpdate  string `json:"nextUpdate,omitempty" jsonschema:"format=date-time"`
	RevokedAt   string `json:"revokedAt,omitempty" jsonschema:"format=date-time"`
	Reason      string `json:"reason"`
	Detail      string `json:"detail"`
}

type authorityAnswer struct {
	URL        string `json:"url"`
	Kind       string `json:"kind" jsonschema:"enum=issuer,enum=crl,enum=ocsp"`
	Problem    string `json:"problem"` // "" when an answer came that can be used
	Detail     string `json:"detail"`
	Bytes      int64  `json:"bytes"`
	DurationMs int64  `json:"durationMs"`
}

type expectation struct {
	Role        string   `json:"role"`
	Requirement string   `json:"requirement"`
	Status      string   `json:"status" jsonschema:"enum=met,enum=unmet,enum=not-applicable"`
	Found       string   `json:"found"`
	Sources     []string `json:"sources"`
}

// accepts is what the server takes; the client's side is this program's.
type accepts struct {
	Versions          []versionAnswer `json:"versions"`
	WithoutServerName string          `json:"withoutServerName" jsonschema:"enum=,enum=same-certificate,enum=other-certificate,enum=refused,enum=unknown"` // "": an address has no name to leave out
	ALPN              string          `json:"alpn"`
	Client            *emulation      `json:"client,omitempty"` // left out without --client, or for one that offers what is current
}

// emulation is what a client of the past makes of the versions, approximately.
type emulation struct {
	Client   string `json:"client"`
	Newest   string `json:"newest"`   // version that it is taken to offer
	Accepted bool   `json:"accepted"` // the server takes that one, or an older one
	Answer   string `json:"answer" jsonschema:"enum=accepted,enum=refused,enum=unknown"`
	Basis    string `json:"basis"`
}

type versionAnswer struct {
	Version     string `json:"version"`
	Accepted    bool   `json:"accepted"`
	Answer      string `json:"answer" jsonschema:"enum=accepted,enum=refused,enum=unknown"` // unknown: no connection, or no answer in time
	CipherSuite string `json:"cipherSuite"`
	Failure     string `json:"failure"`
}

// live is a server that a file is compared with.
type live struct {
	Host            string        `json:"host"`
	Address         string        `json:"address"`
	TLSVersion      string        `json:"tlsVersion"`
	Chain           []certificate `json:"chain"`
	Verified        bool          `json:"verified"`
	Problems        []chainFault  `json:"problems"`
	Handshake       string        `json:"handshake"`
	SameCertificate bool          `json:"sameCertificate"` // as the file's first
	SameKey         bool          `json:"sameKey"`
	NotSent         []string      `json:"notSent"` // subjects of the file's certificates that the server leaves out
	Detail          string        `json:"detail"`
}

// CertDetails are what a document about a chain may hold besides. The zero
// value adds nothing.
type CertDetails struct {
	Standing     *certs.Standing
	Survey       *certs.Survey
	Expectations []lyncdiag.CertificateCheck
	Live         *certs.Result // of the server that a file is compared with
	LiveHost     string
	Client       string // of fact.Setting, to compare the versions with
}

type certificate struct {
	Subject            string   `json:"subject"`
	Issuer             string   `json:"issuer"`
	NotBefore          string   `json:"notBefore,omitempty" jsonschema:"format=date-time"`
	NotAfter           string   `json:"notAfter,omitempty"  jsonschema:"format=date-time"`
	DNSNames           []string `json:"dnsNames"`
	IPAddresses        []string `json:"ipAddresses"`
	Thumbprint         string   `json:"thumbprint"` // SHA-1, as Windows shows it
	SerialNumber       string   `json:"serialNumber"`
	SignatureAlgorithm string   `json:"signatureAlgorithm"`
	KeyAlgorithm       string   `json:"keyAlgorithm"`
	KeyBits            *int     `json:"keyBits,omitempty"`
	DaysLeft           *int     `json:"daysLeft,omitempty"` // until notAfter, below 0 after it; whole days
	SelfSigned         bool     `json:"selfSigned"`
	IsCA               bool     `json:"isCa"`
	Usages             []string `json:"usages"`     // extended key usages
	CRLs               []string `json:"crls"`       // addresses of its revocation lists
	OCSP               []string `json:"ocsp"`       // addresses of its OCSP responders
	IssuerURLs         []string `json:"issuerUrls"` // where its issuer's certificate is
}

type chainFault struct {
	Code        string `json:"code" jsonschema:"enum=expired,enum=not-yet-valid,enum=name-mismatch,enum=untrusted-root,enum=incomplete-chain,enum=self-signed,enum=revoked,enum=revocation-unknown,enum=weak-signature,enum=weak-key,enum=wrong-usage,enum=constraint-violation,enum=unknown-critical-extension,enum=unsupported-signature,enum=malformed"`
	Detail      string `json:"detail"`
	Certificate *int   `json:"certificate,omitempty"` // index in chain; left out when it is about none of those sent
	Warning     bool   `json:"warning"`               // a weakness that does not keep the chain from verifying
	Effect      string `json:"effect"`                // what clients do about it
}

// Cert is lyncdiag.cert/v1. host is what was asked for; r may be nil, as a
// chain alone has no findings.
func (t Tool) Cert(host string, seen *certs.Result, more CertDetails, r *lyncdiag.Report) Document {
	result := seen.With(more.Standing)
	doc := certDoc{
		Schema: "lyncdiag.cert/v1", Host: host, Address: result.Address, TLSVersion: result.TLSVersion,
		Root: result.Root, Verified: result.Verified, Findings: []finding{},
		Chain: each(result.Chain, wireCertificate(result.At)), Problems: each(result.Problems, wireProblem), Handshake: failure(result),
		WeakOnly: result.WeakOnly, CipherSuite: result.CipherSuite, OCSPStapled: result.OCSPStapled, ClientCertificateRequested: result.ClientCertificateRequested,
		Issuers: []certificate{}, Revocation: []revocation{}, Requests: []authorityAnswer{},
		Expectations: each(more.Expectations, func(c lyncdiag.CertificateCheck) expectation {
			return expectation{c.Role, c.Requirement, c.Status, c.Found, list(c.Sources)}
		}),
	}
	if len(more.Expectations) > 0 && more.Expectations[0].Role == "client" {
		for i, p := range doc.Problems {
			doc.Problems[i].Effect = personalEffect(p)
		}
	}
	if result.Handshake != nil {
		doc.Alert, doc.FailureKind = result.Handshake.Alert, result.Handshake.Kind
	}
	if s := more.Standing; s != nil {
		doc.Issuers = each(s.Issuers, wireCertificate(result.At))
		doc.Revocation = each(s.Revocation, func(r certs.Revocation) revocation {
			return revocation{known(r.Certificate, r.Certificate >= 0), r.Subject, r.Status, r.By, r.Source, r.Signer, r.Delegated, stamp(r.ThisUpdate), stamp(r.NextUpdate), stamp(r.RevokedAt), r.Reason, r.Detail}
		})
		doc.Requests = each(s.Requests, func(q certs.Request) authorityAnswer {
			return authorityAnswer{q.URL, q.Kind, q.Problem, q.Detail, q.Bytes, q.Elapsed.Milliseconds()}
		})
	}
	if more.Survey != nil {
		doc.Accepts = wireSurvey(more.Survey, result)
		doc.Accepts.Client = emulate(more.Survey, more.Client)
		doc.ClientCertificateRequested = doc.ClientCertificateRequested || more.Survey.ClientCertificateRequested
	}
	if more.Live != nil {
		doc.Live = compareLive(result, more.Live, more.LiveHost)
	}
	if r != nil {
		doc.Findings = findings(r)
	}
	return Document{&doc}
}

func wireCertificate(at time.Time) func(certs.Certificate) certificate {
	return func(c certs.Certificate) certificate { return oneCertificate(c, at) }
}

func oneCertificate(c certs.Certificate, at time.Time) certificate {
	left := int(math.Floor(c.NotAfter.Sub(at).Hours() / 24))
	return certificate{
		c.Subject, c.Issuer, stamp(c.NotBefore), stamp(c.NotAfter), list(c.DNSNames), list(c.IPAddresses), c.Thumbprint, c.SerialNumber, c.SignatureAlgorithm, c.KeyAlgorithm, known(c.KeyBits, c.KeyBits > 0), known(left, !at.IsZero() && !c.NotAfter.IsZero()),
		c.SelfSigned, c.IsCA, list(c.Usages), list(c.CRLs), list(c.OCSP), list(c.IssuerURLs),
	}
}

// personalEffect is what comes of a problem of a client's own certificate, which
// servers look at.
func personalEffect(p chainFault) string {
	switch {
	case p.Warning && p.Code == "untrusted-root":
		return "none: a client does not look at the issuer of its own certificate"
	case p.Warning:
		return "a server may take it or not"
	}
	return "a server refuses it; the client has to sign in by other means before it gets another"
}

func wireProblem(p certs.Problem) chainFault {
	return chainFault{string(p.Code), p.Detail, known(p.Certificate, p.Certificate >= 0), p.Warning, p.Effect()}
}

func failure(r *certs.Result) string {
	if r.Handshake == nil {
		return ""
	}
	return r.Handshake.String()
}

// answerOf tells what a server refused from what is not known.
func answerOf(accepted, known bool) string {
	switch {
	case accepted:
		return "accepted"
	case known:
		return "refused"
	}
	return "unknown"
}

func wireSurvey(s *certs.Survey, r *certs.Result) *accepts {
	out := &accepts{ALPN: s.ALPN, Versions: each(s.Versions, func(a certs.Attempt) versionAnswer {
		answer := versionAnswer{Version: a.Version, Accepted: a.Accepted, Answer: answerOf(a.Accepted, a.Known()), CipherSuite: a.CipherSuite}
		if a.Failure != nil {
			answer.Failure = a.Failure.String()
		}
		return answer
	})}
	if w := s.WithoutServerName; w != nil {
		switch {
		case !w.Accepted:
			out.WithoutServerName = answerOf(false, w.Known())
		case len(r.Chain) > 0 && w.Thumbprint == r.Chain[0].Thumbprint:
			out.WithoutServerName = "same-certificate"
		default:
			out.WithoutServerName = "other-certificate"
		}
	}
	return out
}

func emulate(s *certs.Survey, client string) *emulation {
	newest, basis, ok := lyncdiag.ClientTLSVersion(client)
	if !ok {
		return nil
	}
	out := &emulation{Client: client, Newest: newest, Basis: basis}
	known := true
	for _, a := range s.Versions { // the oldest first
		out.Accepted = out.Accepted || a.Accepted
		known = known && a.Known()
		if a.Version == newest {
			break
		}
	}
	out.Answer = answerOf(out.Accepted, known)
	return out
}

// compareLive says how a server's chain differs from a file's.
func compareLive(file, server *certs.Result, host string) *live {
	out := &live{Host: host, Address: server.Address, TLSVersion: server.TLSVersion, Chain: each(server.Chain, wireCertificate(server.At)), Verified: server.Verified,
		Problems: each(server.Problems, wireProblem), Handshake: failure(server), NotSent: []string{}}
	if len(server.Chain) == 0 || len(file.Chain) == 0 {
		out.Detail = "the server showed no certificate, so nothing could be compared"
		return out
	}
	ours, theirs := file.Chain[0], server.Chain[0]
	out.SameCertificate = ours.Thumbprint == theirs.Thumbprint
	out.SameKey = ours.KeyThumbprint != "" && ours.KeyThumbprint == theirs.KeyThumbprint
	for _, c := range file.Chain[1:] {
		sent := slices.ContainsFunc(server.Chain, func(o certs.Certificate) bool { return o.Thumbprint == c.Thumbprint })
		if !sent && !c.SelfSigned { // a root need not be sent
			out.NotSent = append(out.NotSent, c.Subject)
		}
	}
	switch {
	case out.SameCertificate && len(out.NotSent) == 0:
		out.Detail = "the server shows the certificate of the file"
	case out.SameCertificate:
		out.Detail = "the server shows the certificate of the file, and leaves out others that the file has"
	case ours.NotAfter.After(theirs.NotAfter):
		out.Detail = "the server shows an older certificate than the file's: the new one is not bound there, or not on this server"
	case ours.NotAfter.Before(theirs.NotAfter):
		out.Detail = "the server shows a newer certificate than the file's"
	default:
		out.Detail = "the server shows another certificate than the file's"
	}
	return out
}

// soon is the days left below which a certificate should have been renewed: half of
// what a public one of 90 days has when software renews it.
const soon = 15

// sound reports a client's own certificate that has no fault, whoever trusts its
// issuer here.
func (d *certDoc) sound() bool {
	return len(d.Expectations) > 0 && d.Expectations[0].Role == "client" && len(d.Chain) > 0 &&
		!slices.ContainsFunc(d.Problems, func(p chainFault) bool { return !p.Warning }) &&
		!slices.ContainsFunc(d.Expectations, func(e expectation) bool { return e.Status == "unmet" })
}

func (d *certDoc) text(s *sheet) {
	switch {
	case d.Verified:
		s.head(d.Host+": the chain verifies", good)
	case d.sound():
		s.head(d.Host+": nothing is wrong with this certificate of a client", good)
	case d.Handshake != "" && len(d.Chain) == 0:
		s.head(d.Host+": no certificate was seen", bad)
	default:
		s.head(d.Host+": the chain does not verify", bad)
	}
	s.blank()
	s.item("Address", d.Address)
	s.item("TLS", d.TLSVersion)
	s.item("Root", d.Root)
	s.item("Failure", d.Handshake)
	for i, c := range d.Chain {
		s.blank()
		s.hang(fmt.Sprintf("  %d. ", i+1), margin+3, c.Subject)
		s.item("Issuer", c.Issuer)
		valid := c.NotBefore + " to " + c.NotAfter
		if c.DaysLeft != nil {
			left := fmt.Sprintf("%d days left", *c.DaysLeft)
			if *c.DaysLeft == 1 {
				left = "1 day left"
			}
			valid += " (" + left + ")"
		}
		s.item("Valid", valid)
		if c.DaysLeft != nil && *c.DaysLeft >= 0 && *c.DaysLeft < soon {
			s.mark(mark{"WARNED", dubio}, "it expires soon: have it renewed")
		}
		s.item("Names", strings.Join(append(append([]string{}, c.DNSNames...), c.IPAddresses...), ", "))
		key := c.KeyAlgorithm
		if c.KeyBits != nil {
			key += fmt.Sprintf(" %d bits", *c.KeyBits)
		}
		s.item("Key", key+", signed with "+c.SignatureAlgorithm)
		s.item("Print", c.Thumbprint)
	}
	if len(d.Problems) > 0 {
		s.blank()
		s.line("Problems")
		s.chainProblems(d.Problems)
	}
	d.textBeyond(s)
	s.findings(d.Findings, false)
}

func (s *sheet) chainProblems(list []chainFault) {
	for _, p := range list {
		m := mark{"FAILED", bad}
		if p.Warning {
			m = mark{"WARNED", dubio}
		}
		s.mark(m, p.Code+": "+p.Detail+". Effect: "+p.Effect)
	}
}

// textBeyond is what was found out besides the chain.
func (d *certDoc) textBeyond(s *sheet) {
	if len(d.Revocation) > 0 {
		s.blank()
		s.line("Revocation")
		for _, r := range d.Revocation {
			m := map[string]mark{"good": {"good", good}, "revoked": {"REVOKED", bad}, "unknown": {"UNKNOWN", dubio}, "unchecked": {"not asked", dubio}}[r.Status]
			text := r.Subject
			if r.By != "" {
				text += fmt.Sprintf(", by %s of %s", map[string]string{"stapled": "the stapled answer", "ocsp": "OCSP", "crl": "a list"}[r.By], r.Signer)
			}
			if r.Detail != "" {
				text += ": " + r.Detail
			}
			s.mark(m, text)
		}
	}
	if a := d.Accepts; a != nil {
		s.blank()
		s.line("The server accepts")
		for _, v := range a.Versions {
			switch v.Answer {
			case "accepted":
				s.item(v.Version, v.CipherSuite)
			case "refused":
				s.item(v.Version, "no: "+v.Failure)
			default:
				s.item(v.Version, "not known: "+v.Failure)
			}
		}
		s.item("No SNI", map[string]string{"same-certificate": "the same certificate", "other-certificate": "another certificate", "refused": "refused", "unknown": "not known"}[a.WithoutServerName])
		s.item("ALPN", a.ALPN)
		if c := a.Client; c != nil {
			verdict := map[string]string{"accepted": "has a version in common with it", "refused": "has no version in common with it", "unknown": "may have a version in common with it"}[c.Answer]
			s.item(c.Client, fmt.Sprintf("%s (approximately: %s at the newest; %s)", verdict, c.Newest, c.Basis))
		}
		if d.ClientCertificateRequested {
			s.item("Client", "is asked for a certificate")
		}
	}
	if len(d.Expectations) > 0 {
		s.blank()
		s.line("Expected of: " + d.Expectations[0].Role)
		for _, e := range d.Expectations {
			m := map[string]mark{"met": {"met", good}, "unmet": {"UNMET", dubio}, "not-applicable": {"not there", dubio}}[e.Status]
			s.mark(m, e.Requirement)
		}
	}
	if l := d.Live; l != nil {
		s.blank()
		s.line("Compared with " + l.Host)
		s.item("Result", l.Detail)
		s.item("Failure", l.Handshake)
		s.item("Not sent", strings.Join(l.NotSent, "; "))
		s.chainProblems(l.Problems)
	}
}
