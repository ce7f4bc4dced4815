package certtest

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"golang.org/x/crypto/ocsp"
)

// CRL is a revocation list of this authority, a quarter of an hour old and good
// for a week, with the given certificates in it.
func (ca *CA) CRL(revoked ...*x509.Certificate) ([]byte, error) {
	now := ca.now()
	list := &x509.RevocationList{Number: big.NewInt(now.Unix()), ThisUpdate: now.Add(-15 * time.Minute), NextUpdate: now.AddDate(0, 0, 7)}
	for _, c := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.SerialNumber, RevocationTime: now.Add(-30 * time.Minute), ReasonCode: ocsp.KeyCompromise,
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.Certificate, ca.key)
	if err != nil {
		return nil, fmt.Errorf("certtest: make revocation list: %w", err)
	}
	return der, nil
}

// Site serves what an authority publishes: its list at /list.crl, its own
// certificate at /issuer.crt, and OCSP at /ocsp by POST (RFC 6960 appendix A).
// The given certificates are revoked.
func (ca *CA) Site(revoked ...*x509.Certificate) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /list.crl", func(w http.ResponseWriter, _ *http.Request) {
		list, err := ca.CRL(revoked...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/pkix-crl")
		_, _ = w.Write(list)
	})
	mux.HandleFunc("GET /issuer.crt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-cert")
		_, _ = w.Write(ca.Certificate.Raw)
	})
	mux.HandleFunc("POST /ocsp", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(ca.answer(r, revoked))
	})
	return mux
}

// answer is an OCSP answer, or the error that RFC 6960 has for it.
func (ca *CA) answer(r *http.Request, revoked []*x509.Certificate) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return ocsp.InternalErrorErrorResponse
	}
	question, err := ocsp.ParseRequest(body)
	if err != nil {
		return ocsp.MalformedRequestErrorResponse
	}
	now := ca.now()
	answer := ocsp.Response{Status: ocsp.Good, SerialNumber: question.SerialNumber, IssuerHash: question.HashAlgorithm, ThisUpdate: now.Add(-15 * time.Minute), NextUpdate: now.AddDate(0, 0, 7)}
	for _, c := range revoked {
		if c.SerialNumber.Cmp(question.SerialNumber) == 0 {
			answer.Status, answer.RevokedAt, answer.RevocationReason = ocsp.Revoked, now.Add(-30*time.Minute), ocsp.KeyCompromise
		}
	}
	der, err := ocsp.CreateResponse(ca.Certificate, ca.Certificate, answer, ca.key)
	if err != nil {
		return ocsp.InternalErrorErrorResponse
	}
	return der
}
