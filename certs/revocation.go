package certs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// questions are those about one way.
type questions struct {
	*Authorities
	ctx context.Context
	at  time.Time
	s   *search
	way *way
}

// status finds out whether a certificate is revoked: from the stapled answer,
// else by OCSP, else from lists. The first that knows is believed.
func (q *questions) status(c, issuer *x509.Certificate, staple []byte) (Revocation, []Request) {
	unknown := Revocation{Certificate: q.s.index(c), Subject: brief(c.Subject.String()), Status: statusUnchecked}
	var why []string
	var requests []Request
	if len(staple) > 0 {
		answer, err := q.readOCSP(staple, c, issuer)
		if err == nil {
			answer.By = "stapled"
			return answer, nil
		}
		why = append(why, "the stapled OCSP answer: "+err.Error())
		unknown.Status = statusUnknown
	}
	if q.HTTP != nil {
		defer q.fetchEarly(c, issuer)()
		for _, address := range firstOf(c.OCSPServer) {
			answer, request, err := q.askOCSP(c, issuer, address)
			if request.Problem != problemNotHTTP {
				unknown.Status = statusUnknown
			}
			requests = append(requests, request)
			if err == nil {
				return answer, requests
			}
			why = append(why, fmt.Sprintf("OCSP at %s: %v", brief(address), err))
		}
	}
	answer, fetched, reasons := q.fromLists(c, issuer, maxSigners)
	requests = append(requests, fetched...)
	if answer != nil {
		return *answer, requests
	}
	if slices.ContainsFunc(fetched, func(r Request) bool { return r.Problem != problemNotHTTP }) || len(q.CRLs) > 0 {
		unknown.Status = statusUnknown
	}
	why = append(why, reasons...)
	switch {
	case len(why) > 0:
		unknown.Detail = strings.Join(why, "; ")
	case len(c.OCSPServer) == 0 && len(c.CRLDistributionPoints) == 0:
		unknown.Detail = "the certificate names no revocation list and no OCSP responder"
	default:
		unknown.Detail = "nobody was asked"
	}
	return unknown, requests
}

// fetchEarly fetches what is still to be asked for when the addresses before it
// take long, so that silent hosts do not cost a time-out each: the next
// responder, and beside it the next list, each a quarter of a time-out later.
// stop ends that and waits for the end.
func (q *questions) fetchEarly(c, issuer *x509.Certificate) (stop func()) {
	ctx, cancel := context.WithCancel(q.ctx)
	var fetching sync.WaitGroup
	later := func(kind, address string, wait int, question []byte) {
		if wait == 0 {
			return // it is asked at once
		}
		fetching.Go(func() {
			if q.patient(ctx, wait) {
				q.get(ctx, kind, address, question)
			}
		})
	}
	question, err := ocsp.CreateRequest(c, issuer, nil)
	responders := firstOf(c.OCSPServer)
	for i, address := range responders {
		if err == nil {
			later("ocsp", address, i, question)
		}
	}
	for i, address := range firstOf(c.CRLDistributionPoints) {
		later("crl", address, i+min(len(responders), 1), nil)
	}
	return func() {
		cancel()
		fetching.Wait()
	}
}

func (q *questions) askOCSP(c, issuer *x509.Certificate, address string) (Revocation, Request, error) {
	question, err := ocsp.CreateRequest(c, issuer, nil)
	if err != nil {
		return Revocation{}, Request{URL: printable(address), Kind: "ocsp", Problem: problemMalformed, Detail: "no question can be made of the certificate"}, err
	}
	body, request := q.get(q.ctx, "ocsp", address, question)
	if request.Problem != "" {
		return Revocation{}, request, errors.New(request.Detail)
	}
	answer, err := q.readOCSP(body, c, issuer)
	if err != nil {
		request.Problem, request.Detail = problemMalformed, brief(err.Error())
		return Revocation{}, request, err
	}
	answer.By, answer.Source = "ocsp", printable(address)
	return answer, request, nil
}

// readOCSP reads an answer about a certificate and checks who signed it (RFC
// 6960 section 4.2.2.2) and that it is of now.
func (q *questions) readOCSP(der []byte, c, issuer *x509.Certificate) (Revocation, error) {
	if len(der) > maxOCSP {
		return Revocation{}, fmt.Errorf("it has %d bytes; at most %d are read", len(der), maxOCSP)
	}
	if err := ocspForm(der); err != nil {
		return Revocation{}, err
	}
	response, err := ocsp.ParseResponseForCert(der, c, issuer)
	if err != nil {
		// An issuer may put its own certificate beside its signature, which its
		// own key did not make.
		own, again := ocsp.ParseResponseForCert(der, c, nil)
		if again != nil || own.Certificate == nil || !own.Certificate.Equal(issuer) {
			return Revocation{}, inOCSP(err)
		}
		response = own
	}
	if !about(response, issuer) {
		return Revocation{}, errors.New("it is about a certificate of another issuer")
	}
	r := Revocation{
		Certificate: q.s.index(c), Subject: brief(c.Subject.String()), Signer: brief(issuer.Subject.String()),
		ThisUpdate: response.ThisUpdate.UTC(), NextUpdate: response.NextUpdate.UTC(),
	}
	if signer := response.Certificate; signer != nil && !signer.Equal(issuer) {
		r.Signer, r.Delegated = brief(signer.Subject.String()), true
		switch {
		case !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
			return Revocation{}, fmt.Errorf("its signer, %s, is not allowed to sign OCSP answers", r.Signer)
		case q.at.Before(signer.NotBefore) || q.at.After(signer.NotAfter):
			return Revocation{}, fmt.Errorf("the certificate of its signer, %s, is not valid now", r.Signer)
		}
	}
	stale := q.fresh(response.ThisUpdate, response.NextUpdate)
	if response.Status == ocsp.Revoked {
		r.Status, r.RevokedAt, r.Reason = statusRevoked, response.RevokedAt.UTC(), reasonName(response.RevocationReason)
		if stale == nil {
			return r, nil
		}
		r.Detail = stale.Error()
		return r, q.lasting(response.ThisUpdate, response.RevocationReason, stale)
	}
	if stale != nil {
		return Revocation{}, stale
	}
	if response.Status != ocsp.Good {
		return Revocation{}, errors.New("the responder does not know the certificate")
	}
	r.Status = statusGood
	return r, nil
}

// ocspForm says what came in place of an OCSP answer, which begins with a
// status (RFC 6960 section 4.2.1); nil: it has that form.
func ocspForm(der []byte) error {
	s, rest := cryptobyte.String(der), cryptobyte.String(nil)
	switch {
	case len(der) == 0:
		return errors.New("it is empty, and not an OCSP answer")
	case !s.ReadASN1(&rest, cryptobyte_asn1.SEQUENCE) || !s.Empty() || !rest.SkipASN1(cryptobyte_asn1.ENUM):
		return fmt.Errorf("it is not an OCSP answer (it begins with %q)", printable(string(der[:min(len(der), 40)])))
	}
	return nil
}

// inOCSP puts an error of the library into words; that of encoding/asn1 names
// fields of Go.
func inOCSP(err error) error {
	if _, ok := errors.AsType[asn1.StructuralError](err); ok {
		return errors.New("it is a damaged OCSP answer")
	}
	if _, ok := errors.AsType[asn1.SyntaxError](err); ok {
		return errors.New("it is a damaged OCSP answer")
	}
	return errors.New(brief(strings.TrimPrefix(err.Error(), "ocsp: ")))
}

// maxOCSP bounds an answer; one with its signer's certificate has 2 kB.
const maxOCSP = 1 << 20

// about reports whether an answer names the issuer by its hashes: the library
// looks at the serial number alone.
func about(response *ocsp.Response, issuer *x509.Certificate) bool {
	if !response.IssuerHash.Available() {
		return false
	}
	hash := func(b []byte) []byte {
		h := crypto.Hash(response.IssuerHash).New()
		h.Write(b)
		return h.Sum(nil)
	}
	return bytes.Contains(response.TBSResponseData, hash(issuer.RawSubject))
}

// skew is how far the clock of an authority may be ahead.
const skew = 5 * time.Minute

// maxAge is how long an answer counts that does not say when the next one
// comes: that of a public authority may be ten days old (CA/Browser Forum,
// Baseline Requirements, sections 4.9.7 and 4.9.10).
const maxAge = 10 * 24 * time.Hour

func (q *questions) fresh(from, until time.Time) error {
	switch {
	case q.at.Add(skew).Before(from):
		return fmt.Errorf("it is of %s, which is to come", stamp(from))
	case !until.IsZero() && q.at.After(until):
		return fmt.Errorf("it is out of date since %s", stamp(until))
	case until.IsZero() && q.at.After(from.Add(maxAge)):
		return fmt.Errorf("it is of %s and does not say until when it counts", stamp(from))
	}
	return nil
}

// lasting is what is wrong with a revocation in an answer that is not of now;
// nil: nothing, as a revocation is for good. One that was only on hold may have
// been taken back (RFC 5280 section 5.3.1), and what is to come says nothing.
func (q *questions) lasting(from time.Time, reason int, stale error) error {
	if stale != nil && (reason == certificateHold || q.at.Add(skew).Before(from)) {
		return stale
	}
	return nil
}

// fromLists looks a certificate up in the lists that speak of it (RFC 5280
// section 6.3.3). nil: they do not say; why says what is wrong with them.
func (q *questions) fromLists(c, issuer *x509.Certificate, depth int) (answer *Revocation, requests []Request, why []string) {
	lists := q.atHand()
	complain := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	covered := reasons(0)
	left := maxAddresses
	var good Revocation
	for _, p := range distributionPoints(c) {
		usable := lists
		sources := map[*crl]string{}
		if q.HTTP != nil {
			for _, address := range p.urls {
				if left--; left < 0 {
					complain("only %d of its addresses are asked", maxAddresses)
					break
				}
				body, request := q.get(q.ctx, "crl", address, nil)
				if list, err := parseCRL(body); request.Problem == "" && err == nil { // readable saw it
					usable = append(slices.Clip(usable), list)
					sources[list] = printable(address)
				}
				requests = append(requests, request)
				if request.Problem == "" {
					break
				}
				complain("the list at %s: %s", brief(address), request.Detail)
			}
		}
		for _, list := range usable {
			scope, ok := list.covers(c, p)
			if !ok || list.base != nil || scope&^covered == 0 {
				continue
			}
			signer, err := q.signer(list, c, issuer, depth)
			if err != nil {
				complain("a list of %s: %v", stamp(list.thisUpdate), err)
				continue
			}
			if len(list.critical) > 0 {
				complain("a list has critical extensions that are not understood here: %s", enumerate(list.critical))
				continue
			}
			entry, err := list.find(c)
			if err != nil {
				complain("a list: %v", err)
				continue
			}
			r := Revocation{
				Certificate: q.s.index(c), Subject: brief(c.Subject.String()), By: "crl", Source: sources[list],
				Signer: brief(signer.Subject.String()), Delegated: !bytes.Equal(signer.RawSubject, issuer.RawSubject),
				ThisUpdate: list.thisUpdate.UTC(), NextUpdate: list.nextUpdate.UTC(),
			}
			latest := list
			for _, delta := range usable {
				if !list.sameScope(delta) || len(delta.critical) > 0 || q.fresh(delta.thisUpdate, delta.nextUpdate) != nil {
					continue
				}
				if by, err := q.signer(delta, c, issuer, depth); err != nil || !by.Equal(signer) {
					continue
				}
				change, err := delta.find(c)
				if err != nil {
					complain("a delta list: %v", err)
					continue
				}
				if change != nil && change.reason == removeFromCRL {
					entry = nil
				} else if change != nil {
					entry = change
				}
				latest = delta
			}
			r.NextUpdate = latest.nextUpdate.UTC()
			stale := q.fresh(latest.thisUpdate, latest.nextUpdate)
			if entry != nil && len(entry.unknown) > 0 {
				complain("a list has an entry for it with critical extensions that are not understood here: %s", enumerate(entry.unknown))
				continue
			}
			if entry != nil {
				if err := q.lasting(latest.thisUpdate, entry.reason, stale); err != nil {
					complain("a list: %v", err)
					continue
				}
				r.Status, r.RevokedAt, r.Reason = statusRevoked, entry.at.UTC(), reasonName(entry.reason)
				if stale != nil {
					r.Detail = stale.Error()
				}
				return &r, requests, nil
			}
			if stale != nil {
				complain("a list: %v", stale)
				continue
			}
			covered |= scope
			good = r
		}
	}
	if covered == allReasons {
		good.Status = statusGood
		return &good, requests, nil
	}
	if covered != 0 {
		complain("the lists do not cover all reasons for revocation")
	}
	return nil, requests, why
}

// atHand are the lists that were given.
func (q *questions) atHand() []*crl {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.parsed {
		q.parsed = true
		for _, der := range q.CRLs {
			if list, err := parseCRL(der); err == nil {
				q.lists = append(q.lists, list)
			}
		}
	}
	return q.lists
}

// signer is who signed a list: the certificate's issuer, or another one of the
// list's issuer's name that leads to a trusted root and is not revoked itself.
func (q *questions) signer(list *crl, c, issuer *x509.Certificate, depth int) (*x509.Certificate, error) {
	trouble := errors.New("nobody who may sign it is known")
	candidates := slices.Concat([]*x509.Certificate{issuer}, q.way.certs, q.s.chain, q.s.v.Issuers)
	for i, signer := range candidates {
		if !bytes.Equal(signer.RawSubject, list.issuer) || slices.ContainsFunc(candidates[:i], signer.Equal) {
			continue
		}
		if err := signer.CheckSignature(list.algorithm, list.raw, list.signature); err != nil {
			trouble = errors.New("its signature is not that of its issuer")
			continue
		}
		if signer.KeyUsage != 0 && signer.KeyUsage&x509.KeyUsageCRLSign == 0 {
			trouble = errors.New("its issuer has a key usage without cRLSign")
			continue
		}
		if slices.ContainsFunc(q.way.certs, signer.Equal) {
			return signer, nil
		}
		if err := q.vouched(signer, c, depth); err != nil {
			trouble = err
			continue
		}
		return signer, nil
	}
	return nil, trouble
}

// vouched checks a signer that is on no way of its own.
func (q *questions) vouched(signer, c *x509.Certificate, depth int) error {
	if depth == 0 {
		return errors.New("too many certificates stand between it and a root")
	}
	pool := x509.NewCertPool()
	for _, other := range slices.Concat(q.way.certs, q.s.chain, q.s.v.Issuers) {
		pool.AddCert(other)
	}
	ways, err := signer.Verify(x509.VerifyOptions{Roots: q.s.v.Roots, Intermediates: pool, CurrentTime: q.at, KeyUsages: anyUsage()})
	if err != nil {
		return fmt.Errorf("its signer, %s, leads to no trusted root", brief(signer.Subject.String()))
	}
	// One authority, one root: another that is trusted here must not speak for it.
	root := q.way.certs[len(q.way.certs)-1]
	i := slices.IndexFunc(ways, func(w []*x509.Certificate) bool { return w[len(w)-1].Equal(root) })
	if i < 0 || len(ways[i]) < 2 {
		return fmt.Errorf("its signer, %s, leads to another root", brief(signer.Subject.String()))
	}
	if signer.Equal(c) {
		return nil
	}
	if own, _, _ := q.fromLists(signer, ways[i][1], depth-1); own == nil || own.Status != statusGood {
		return fmt.Errorf("its signer, %s, is revoked or not known to be good", brief(signer.Subject.String()))
	}
	return nil
}
