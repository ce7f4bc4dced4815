package certs_test

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// TestAnswerLimits: what is asked for bounds what is read, and what has not
// the form of it is not kept.
func TestAnswerLimits(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	sub := below(t, root, certtest.Options{Name: "sub"})
	var sent atomic.Int64
	flood := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n, _ := w.Write(make([]byte, 8<<20))
		sent.Add(int64(n))
	})
	a := &certs.Authorities{Verifier: verifier(root), HTTP: sites{"pki.contoso.example": flood}}
	missing := a.Ask(t.Context(), parse(t, issue(t, sub, certtest.Template{Site: site, WithoutChain: true})), host, nil)
	whole := a.Ask(t.Context(), parse(t, issue(t, sub, certtest.Template{Site: site})), host, nil)
	problems := map[string]string{}
	for _, r := range slices.Concat(missing.Requests, whole.Requests) {
		problems[r.Kind] = r.Problem
		if r.Bytes > 8<<20 {
			t.Errorf("%d bytes were read: %+v", r.Bytes, r)
		}
	}
	if problems["issuer"] != "too-large" || problems["ocsp"] != "too-large" || problems["crl"] != "malformed" {
		t.Errorf("got %v", problems)
	}

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 20 {
		a.Ask(t.Context(), parse(t, issue(t, sub, certtest.Template{Site: fmt.Sprintf("%s/%d", site, i)})), host, nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes are kept of answers that are no lists", grown)
	}
	runtime.KeepAlive(a)
}

// TestAllAnswersTogether: lists that are read, but are many, are not all kept.
func TestAllAnswersTogether(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	list, err := root.CRL()
	if err != nil {
		t.Fatal(err)
	}
	web := sites{"pki.contoso.example": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/list.crl") {
			_, _ = w.Write(list)
			return
		}
		http.NotFound(w, r)
	})}
	a := &certs.Authorities{Verifier: verifier(root), HTTP: web, MaxBytes: int64(len(list))}
	var said []string
	for i := range 3 {
		standing := a.Ask(t.Context(), parse(t, issue(t, root, certtest.Template{Site: fmt.Sprintf("%s/%d", site, i)})), host, nil)
		said = append(said, standing.Revocation[0].Status)
	}
	if !slices.Equal(said, []string{"good", "good", "unknown"}) {
		t.Errorf("got %v", said)
	}
}

// TestWhatCameInstead: an answer of another form is named by what it is.
func TestWhatCameInstead(t *testing.T) {
	root := newCA(t, certtest.Options{})
	leaf := issue(t, root, certtest.Template{Staple: true})
	tests := []struct {
		name   string
		staple []byte
		detail string
	}{
		{"a login page", []byte("<html>sign in</html>"), `it is not an OCSP answer (it begins with "<html>sign in</html>")`},
		{"a certificate", leaf.Certificate[0], "it is not an OCSP answer"},
		{"cut off", leaf.OCSPStaple[:len(leaf.OCSPStaple)/2], "it is not an OCSP answer"},
		{"damaged", bytes.Replace(leaf.OCSPStaple, []byte{0x18, 0x0f}, []byte{0x04, 0x0f}, 1), "it is a damaged OCSP answer"},
		{"try later", []byte{0x30, 0x03, 0x0a, 0x01, 0x03}, "try later"},
	}
	for _, test := range tests {
		a := &certs.Authorities{Verifier: verifier(root)}
		r := a.Ask(t.Context(), parse(t, leaf), host, test.staple).Revocation[0]
		if r.Status != "unknown" || !strings.Contains(r.Detail, test.detail) || strings.Contains(r.Detail, "asn1") {
			t.Errorf("%s: %s: %s", test.name, r.Status, r.Detail)
		}
	}
}
