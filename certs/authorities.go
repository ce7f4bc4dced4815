package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Authorities asks those who issued a chain about it: for issuers that the
// server did not send (authority information access, RFC 5280 section 4.2.2.1)
// and whether a certificate was revoked (RFC 5280 section 6.3, RFC 6960). The
// zero value asks nobody and judges by what it has at hand. It may be used by
// several goroutines at once; what it fetched it keeps.
type Authorities struct {
	// Verifier has the roots and the clock. nil: the zero Verifier.
	Verifier *Verifier
	// HTTP sends the requests, to http addresses only: what is fetched is signed,
	// and TLS would ask the same question again. The addresses are those that the
	// certificates name, of whom nobody need be trusted, and redirections come
	// here too: who must not be led to hosts of his own network refuses them
	// here, after they are resolved. nil: nothing is fetched.
	HTTP interface {
		Do(*http.Request) (*http.Response, error)
	}
	// CRLs are lists at hand, in DER.
	CRLs [][]byte
	// Timeout bounds one request with its answer, and twice as much all that one
	// Ask asks for. 0: 5 seconds.
	Timeout time.Duration
	// MaxBytes bounds a revocation list; other answers have lower bounds of their
	// own, and all that is kept together has twice this. 0: 32 MiB, more than any
	// list of a public authority has.
	MaxBytes int64

	mu      sync.Mutex
	fetched map[string]*fetch
	held    int64 // bytes of answers, those on their way included
	lists   []*crl
	parsed  bool
}

// Standing is what the authorities say of a chain. It holds nothing but values
// that survive JSON.
type Standing struct {
	// Completed says that issuers were missing, and that the chain leads to a
	// trusted root with those that were fetched.
	Completed bool `json:"completed"`
	// Issuers are those that were fetched, the nearest first.
	Issuers []Certificate `json:"issuers"`
	// Revocation is the status of each certificate of the way to the root, the
	// server's first, without the root. It is empty for a chain that leads to no
	// trusted root: nobody vouches for its authorities.
	Revocation []Revocation `json:"revocation"`
	// Requests are what was asked for, in the order of Revocation.
	Requests []Request `json:"requests"`
	// Problems are what this adds to those of the chain: incomplete-chain or
	// untrusted-root when issuers were fetched, revoked, revocation-unknown. An
	// incomplete chain that is proved takes the place of the one suspected.
	Problems []Problem `json:"problems"`
}

// Revocation is the status of one certificate.
type Revocation struct {
	// Certificate is the index in the chain; -1: not sent.
	Certificate int    `json:"certificate"`
	Subject     string `json:"subject"`
	// Status is good, revoked, unknown (it could not be found out) or unchecked
	// (the certificate names nobody who could be asked, or nobody was to be).
	Status string `json:"status"`
	// By is what said so: stapled, ocsp or crl; "" when nothing did.
	By string `json:"by"`
	// Source is the address asked; "" for a stapled answer or a list at hand.
	Source string `json:"source"`
	// Signer is the subject of who signed the answer, Delegated whether that is
	// another than the certificate's issuer.
	Signer    string `json:"signer"`
	Delegated bool   `json:"delegated"`
	// ThisUpdate and NextUpdate bound the answer's life; zero: not said.
	ThisUpdate time.Time `json:"thisUpdate"`
	NextUpdate time.Time `json:"nextUpdate"`
	RevokedAt  time.Time `json:"revokedAt"` // zero unless revoked
	Reason     string    `json:"reason"`    // RFC 5280's word; "" unless revoked
	Detail     string    `json:"detail"`    // why the status is unknown or unchecked, or what is wrong with an answer that says revoked
}

// Request is one thing that was fetched, or should have been.
type Request struct {
	URL  string `json:"url"`
	Kind string `json:"kind"` // issuer, crl, ocsp
	// Problem is "" when an answer came that can be used, and else one of
	// unreachable, timeout, http-error, too-large, malformed, not-http (an
	// address that is not asked, such as ldap) and canceled.
	Problem string        `json:"problem"`
	Detail  string        `json:"detail"`
	Bytes   int64         `json:"bytes"` // of the answer
	Elapsed time.Duration `json:"elapsed"`
}

const (
	statusGood      = "good"
	statusRevoked   = "revoked"
	statusUnknown   = "unknown"
	statusUnchecked = "unchecked"
)

// Limits of one question; a certificate can name as many addresses as its
// maker likes.
const (
	maxIssuers   = 4 // fetched for one chain
	maxAddresses = 4 // asked for one thing
	maxSigners   = 2 // certificates between a list and a way
)

func (a *Authorities) verifier() *Verifier {
	if a.Verifier == nil {
		return &Verifier{}
	}
	return a.Verifier
}

func (a *Authorities) maxBytes() int64 {
	if a.MaxBytes == 0 {
		return 32 << 20
	}
	return a.MaxBytes
}

// maxIssuer bounds what an issuer's address answers: a certificate, or a few in
// PKCS #7, have some kB.
const maxIssuer = 256 << 10

// limit bounds an answer of one kind. What a server names must not cost more
// than what it can be good for.
func (a *Authorities) limit(kind string) int64 {
	switch kind {
	case "issuer":
		return min(maxIssuer, a.maxBytes())
	case "ocsp":
		return min(maxOCSP, a.maxBytes())
	}
	return a.maxBytes()
}

// hold counts bytes that are kept, or with a negative number no longer are. It
// reports whether there is room for them.
func (a *Authorities) hold(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n > 0 && a.held+n > 2*a.maxBytes() {
		return false
	}
	a.held += n
	return true
}

// errFull is the error of a keeper that found no room.
var errFull = errors.New("the answers fetched so far leave no room for it")

// keeper reads an answer and counts what it read as kept.
type keeper struct {
	io.Reader
	a    *Authorities
	kept int64
}

func (k *keeper) Read(b []byte) (int, error) {
	n, err := k.Reader.Read(b)
	if n > 0 && !k.a.hold(int64(n)) {
		return 0, errFull
	}
	k.kept += int64(n)
	return n, err
}

func (a *Authorities) timeout() time.Duration {
	if a.Timeout == 0 {
		return 5 * time.Second
	}
	return a.Timeout
}

// Ask asks about a chain, the server's certificate first, as Verify takes it.
// staple is the OCSP answer that the server sent along; nil: none. Certificates
// are asked about at the same time.
func (a *Authorities) Ask(ctx context.Context, chain []*x509.Certificate, serverName string, staple []byte) *Standing {
	standing := &Standing{}
	if len(chain) == 0 || slices.ContainsFunc(chain, isDamaged) {
		return standing
	}
	ctx, cancel := context.WithTimeout(ctx, 2*a.timeout())
	defer cancel()
	v := *a.verifier()
	at := v.now().Round(0).UTC()
	s := newSearch(&v, chain, serverName, at)
	best := s.run()
	if !best.trusted && a.HTTP != nil {
		s, best = a.complete(ctx, &v, s, best, standing)
	}
	if !best.trusted || best.root == nil && len(best.certs) < 2 {
		return standing
	}
	q := &questions{Authorities: a, ctx: ctx, at: at, s: s, way: best}
	answers := make([]Revocation, len(best.certs)-1)
	requests := make([][]Request, len(best.certs)-1)
	var all sync.WaitGroup
	for k := range answers {
		all.Go(func() {
			var own []byte
			if k == 0 {
				own = staple
			}
			answers[k], requests[k] = q.status(best.certs[k], best.certs[k+1], own)
		})
	}
	all.Wait()
	standing.Revocation = answers
	for k, r := range answers {
		for _, request := range requests[k] {
			if !slices.ContainsFunc(standing.Requests, func(o Request) bool { return o.URL == request.URL && o.Kind == request.Kind }) {
				standing.Requests = append(standing.Requests, request)
			}
		}
		who := s.who(best.certs[k])
		switch r.Status {
		case statusRevoked:
			said := "a revocation list of " + r.Signer
			if r.By != "crl" {
				said = "an OCSP answer of " + r.Signer
			}
			said += " of " + stamp(r.ThisUpdate)
			if r.Detail != "" {
				said += ", and " + r.Detail
			}
			standing.Problems = append(standing.Problems, Problem{Code: revoked, Certificate: r.Certificate,
				Detail: fmt.Sprintf("%s was revoked at %s (%s), says %s; clients that check revocation refuse it", who, stamp(r.RevokedAt), r.Reason, said)})
		case statusUnknown:
			standing.Problems = append(standing.Problems, Problem{Code: revocationUnknown, Certificate: r.Certificate, Warning: true,
				Detail: fmt.Sprintf("whether %s is revoked could not be found out: %s; clients that check revocation wait for it, and some then refuse the certificate", who, r.Detail)})
		}
	}
	return standing
}

// complete fetches the issuers that a chain lacks and looks for a way once more.
func (a *Authorities) complete(ctx context.Context, v *Verifier, s *search, best *way, standing *Standing) (*search, *way) {
	var from string
	for range maxIssuers {
		top := best.certs[len(best.certs)-1]
		if s.isSelfSigned(top) || len(best.certs) > maxPath {
			break
		}
		issuer, url, requests := a.issuer(ctx, top)
		standing.Requests = append(standing.Requests, requests...)
		if issuer == nil {
			break
		}
		if from == "" {
			from = url
		}
		standing.Issuers = append(standing.Issuers, describe(issuer))
		v.Issuers = append(slices.Clip(v.Issuers), issuer)
		s = newSearch(v, s.chain, s.name, s.at)
		if best = s.run(); best.trusted {
			break
		}
	}
	if len(standing.Issuers) == 0 {
		return s, best
	}
	first := standing.Issuers[0]
	switch {
	case best.trusted:
		standing.Completed = true
		standing.Problems = append(standing.Problems, Problem{Code: incompleteChain, Certificate: s.index(s.chain[0]),
			Detail: fmt.Sprintf("the server does not send the intermediate certificate %s; fetched from %s, it completes the chain up to the trusted root %s: browsers fetch it by themselves, Lync does not and refuses the chain",
				brief(first.Subject), brief(from), brief(rootName(best)))})
	default:
		last := standing.Issuers[len(standing.Issuers)-1]
		standing.Problems = append(standing.Problems, Problem{Code: untrustedRoot, Certificate: -1,
			Detail: fmt.Sprintf("the server does not send the intermediate certificate %s, and with those fetched from %s on the chain ends at %s, which is not trusted here", brief(first.Subject), brief(from), brief(last.Subject))})
	}
	return s, best
}

func rootName(w *way) string {
	if w.root == nil {
		return "of this computer"
	}
	return w.root.Subject.String()
}

// patient waits some quarters of a time-out; it reports false when ctx ended
// before that.
func (a *Authorities) patient(ctx context.Context, quarters int) bool {
	timer := time.NewTimer(a.timeout() / 4 * time.Duration(quarters))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// issuer fetches the issuer of a certificate from the addresses that the
// certificate gives for it. Those further down are asked early when the ones
// before them take long.
func (a *Authorities) issuer(ctx context.Context, c *x509.Certificate) (issuer *x509.Certificate, from string, requests []Request) {
	early, cancel := context.WithCancel(ctx)
	var fetching sync.WaitGroup
	defer fetching.Wait()
	defer cancel()
	for i, address := range firstOf(c.IssuingCertificateURL) {
		if i > 0 {
			fetching.Go(func() {
				if a.patient(early, i) {
					a.get(early, "issuer", address, nil)
				}
			})
		}
	}
	for _, address := range firstOf(c.IssuingCertificateURL) {
		if ctx.Err() != nil {
			break
		}
		body, request := a.get(ctx, "issuer", address, nil)
		if request.Problem == "" {
			list, _ := ParseFile(body) // readable saw it
			i := slices.IndexFunc(list, func(p *x509.Certificate) bool {
				return bytes.Equal(p.RawSubject, c.RawIssuer) && signedBy(c, p) != broken
			})
			if i >= 0 {
				return list[i], address, append(requests, request)
			}
			request.Problem, request.Detail = problemMalformed, "what is there is not the issuer"
		}
		requests = append(requests, request)
	}
	return nil, "", requests
}

func firstOf(addresses []string) []string { return addresses[:min(len(addresses), maxAddresses)] }

const (
	problemUnreachable = "unreachable"
	problemTimeout     = "timeout"
	problemHTTPError   = "http-error"
	problemTooLarge    = "too-large"
	problemMalformed   = "malformed"
	problemNotHTTP     = "not-http"
	problemCanceled    = "canceled"
)

// fetch is one address, asked once.
type fetch struct {
	done    chan struct{}
	body    []byte
	request Request
	cut     bool // who asked had no more time, so that nothing is known
}

// get fetches an address, or takes what was fetched before.
func (a *Authorities) get(ctx context.Context, kind, address string, question []byte) ([]byte, Request) {
	key := kind + " " + address + " " + string(question)
	for {
		a.mu.Lock()
		if a.fetched == nil {
			a.fetched = map[string]*fetch{}
		}
		f, known := a.fetched[key]
		if !known {
			f = &fetch{done: make(chan struct{}), request: Request{URL: printable(address), Kind: kind}}
			a.fetched[key] = f
		}
		a.mu.Unlock()
		if !known {
			a.fetch(ctx, f, key, address, question)
			return f.body, f.request
		}
		select {
		case <-f.done:
			if !f.cut || ctx.Err() != nil {
				return f.body, f.request
			}
			// Who asked first had no more time; this caller has.
		case <-ctx.Done():
			request := Request{URL: printable(address), Kind: kind}
			request.Problem, request.Detail = over(ctx)
			return nil, request
		}
	}
}

// over says how a context ended.
func over(ctx context.Context) (problem, detail string) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return problemTimeout, "no time is left for an answer"
	}
	return problemCanceled, "the caller gave up"
}

func (a *Authorities) fetch(ctx context.Context, f *fetch, key, address string, question []byte) {
	start := a.verifier().now()
	f.body, f.request.Problem, f.request.Detail = a.ask(ctx, f.request.Kind, address, question)
	f.request.Bytes = int64(len(f.body))
	f.request.Elapsed = a.verifier().now().Sub(start)
	if f.request.Problem == "" {
		if err := readable(f.request.Kind, f.body); err != nil {
			f.request.Problem, f.request.Detail = problemMalformed, brief(err.Error())
			a.hold(-f.request.Bytes)
		}
	}
	if f.request.Problem != "" {
		f.body = nil
	}
	if f.cut = f.request.Problem != "" && ctx.Err() != nil; f.cut {
		a.mu.Lock()
		delete(a.fetched, key)
		a.mu.Unlock()
	}
	close(f.done)
}

// readable reports whether an answer has the form of what was asked for; what
// has not is not kept.
func readable(kind string, body []byte) (err error) {
	switch kind {
	case "issuer":
		_, err = ParseFile(body)
	case "ocsp":
		err = ocspForm(body)
	case "crl":
		_, err = parseCRL(body)
	}
	return err
}

// maxRedirects is how often a list or an issuer may have moved.
const maxRedirects = 3

func (a *Authorities) ask(ctx context.Context, kind, address string, question []byte) (body []byte, problem, detail string) {
	timed, cancel := context.WithTimeout(ctx, a.timeout())
	defer cancel()
	for hop := 0; ; hop++ {
		response, problem, detail := a.send(ctx, timed, address, question)
		if response == nil {
			return nil, problem, detail
		}
		to, err := response.Location()
		if question != nil || err != nil || response.StatusCode/100 != 3 {
			return a.receive(ctx, timed, response, a.limit(kind))
		}
		response.Body.Close()
		if to.Scheme != "http" || hop == maxRedirects {
			return nil, problemHTTPError, fmt.Sprintf("it answers %d and leads to %s", response.StatusCode, brief(to.Redacted()))
		}
		address = to.String()
	}
}

// send sends one request; a nil response comes with what is wrong.
func (a *Authorities) send(ctx, timed context.Context, address string, question []byte) (response *http.Response, problem, detail string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, problemNotHTTP, "it is not an http address"
	}
	method, reader := http.MethodGet, io.Reader(http.NoBody)
	if question != nil {
		method, reader = http.MethodPost, bytes.NewReader(question)
	}
	request, err := http.NewRequestWithContext(timed, method, address, reader)
	if err != nil {
		return nil, problemNotHTTP, brief(err.Error())
	}
	if question != nil {
		request.Header.Set("Content-Type", "application/ocsp-request")
		request.Header.Set("Accept", "application/ocsp-response")
	}
	if response, err = a.HTTP.Do(request); err != nil {
		problem, detail = unreached(ctx, timed, err)
		return nil, problem, detail
	}
	return response, "", ""
}

// receive reads an answer, no more of it than limit; what it returns is held.
func (a *Authorities) receive(ctx, timed context.Context, response *http.Response, limit int64) (body []byte, problem, detail string) {
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, problemHTTPError, fmt.Sprintf("it answers %d", response.StatusCode)
	}
	if response.ContentLength > limit {
		return nil, problemTooLarge, fmt.Sprintf("it has %d bytes; at most %d are read", response.ContentLength, limit)
	}
	reader := &keeper{Reader: io.LimitReader(response.Body, limit+1), a: a}
	body, err := io.ReadAll(reader)
	switch {
	case errors.Is(err, errFull):
		problem, detail = problemTooLarge, errFull.Error()
	case err != nil:
		problem, detail = unreached(ctx, timed, err)
		detail = fmt.Sprintf("%s, after %d bytes", detail, len(body))
	case int64(len(body)) > limit:
		problem, detail = problemTooLarge, fmt.Sprintf("it has more than %d bytes, which are not read", limit)
	default:
		return body, "", ""
	}
	a.hold(-reader.kept)
	return nil, problem, detail
}

func unreached(ctx, timed context.Context, err error) (problem, detail string) {
	var late net.Error
	switch {
	case ctx.Err() != nil:
		return over(ctx)
	case timed.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return problemTimeout, "no whole answer in time"
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address, which stands beside it
	}
	return problemUnreachable, brief(strings.TrimSpace(err.Error()))
}
