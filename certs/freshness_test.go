package certs_test

import (
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/lyncdiag/go-lyncdiag/certs"
)

// TestFreshness: what is to come says nothing, what is out of date says only
// what is for good, and what names no end does not count for ever.
func TestFreshness(t *testing.T) {
	const day = 24 * time.Hour
	type period struct{ from, until time.Duration } // from now; until 0: not said
	fresh, stale, coming := period{-time.Hour, day}, period{-9 * day, -2 * day}, period{day, 8 * day}
	root, leaf := newParty(t, "root"), newParty(t, "leaf")
	anchor := root.certify(t, root, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign })
	chain := []*x509.Certificate{root.certify(t, leaf, asServer)}
	const revoked, hold, good = ocsp.KeyCompromise, ocsp.CertificateHold, -1
	list := func(p period, reason int) []byte {
		t.Helper()
		template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: epoch.Add(p.from), NextUpdate: epoch.Add(p.until)}
		if reason != good {
			template.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: chain[0].SerialNumber, RevocationTime: epoch.Add(-20 * day), ReasonCode: reason}}
		}
		der, err := x509.CreateRevocationList(rand.Reader, template, anchor, root.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	answer := func(p period, reason int) []byte {
		t.Helper()
		template := ocsp.Response{Status: ocsp.Good, SerialNumber: chain[0].SerialNumber, ThisUpdate: epoch.Add(p.from)}
		if p.until != 0 {
			template.NextUpdate = epoch.Add(p.until)
		}
		if reason != good {
			template.Status, template.RevokedAt, template.RevocationReason = ocsp.Revoked, epoch.Add(-20*day), reason
		}
		der, err := ocsp.CreateResponse(anchor, anchor, template, root.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	tests := []struct {
		name   string
		lists  [][]byte
		staple []byte
		status string
		detail string
	}{
		{"list: revoked", [][]byte{list(fresh, revoked)}, nil, "revoked", ""},
		{"list: on hold", [][]byte{list(fresh, hold)}, nil, "revoked", ""},
		{"list: revoked, out of date", [][]byte{list(stale, revoked)}, nil, "revoked", "out of date"},
		{"list: revoked, to come", [][]byte{list(coming, revoked)}, nil, "unknown", "to come"},
		{"list: on hold, out of date", [][]byte{list(stale, hold)}, nil, "unknown", "out of date"},
		{"list: on hold, out of date, and one of now", [][]byte{list(stale, hold), list(fresh, good)}, nil, "good", ""},
		{"OCSP: revoked", nil, answer(fresh, revoked), "revoked", ""},
		{"OCSP: revoked, out of date", nil, answer(stale, revoked), "revoked", "out of date"},
		{"OCSP: revoked, to come", nil, answer(coming, revoked), "unknown", "to come"},
		{"OCSP: on hold, out of date", nil, answer(stale, hold), "unknown", "out of date"},
		{"OCSP: on hold, out of date, and a list of now", [][]byte{list(fresh, good)}, answer(stale, hold), "good", ""},
		{"OCSP: no end, of today", nil, answer(period{-time.Hour, 0}, good), "good", ""},
		{"OCSP: no end, a year old", nil, answer(period{-365 * day, 0}, good), "unknown", "does not say until when"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := &certs.Verifier{Roots: x509.NewCertPool(), Now: fixedClock}
			v.Roots.AddCert(anchor)
			standing := (&certs.Authorities{Verifier: v, CRLs: test.lists}).Ask(t.Context(), chain, host, test.staple)
			if r := standing.Revocation[0]; r.Status != test.status || !strings.Contains(r.Detail, test.detail) || test.detail == "" && r.Detail != "" {
				t.Errorf("got %s (%s)", r.Status, r.Detail)
			}
			if test.status == "revoked" && !strings.Contains(standing.Problems[0].Detail, test.detail) {
				t.Errorf("got %+v", standing.Problems)
			}
		})
	}
}
