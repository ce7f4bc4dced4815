package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

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

// TestDrippingAuthorities: however many hosts a certificate names that answer
// too slowly, there is an answer after two time-outs, and what came counts.
func TestDrippingAuthorities(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	sub := below(t, root, certtest.Options{Name: "sub", Site: "http://root.example"})
	var many []string
	for i := range 4 {
		many = append(many, fmt.Sprintf("%s/%d", site, i))
	}
	slow := http.HandlerFunc(silent)
	list, err := sub.CRL()
	if err != nil {
		t.Fatal(err)
	}
	lastAnswers := http.NewServeMux()
	lastAnswers.HandleFunc("/", silent)
	lastAnswers.HandleFunc("/3/list.crl", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) })
	leaf := issue(t, sub, certtest.Template{Extensions: []pkix.Extension{pointsTo(many), accessTo(many)}})
	incomplete := issue(t, sub, certtest.Template{WithoutChain: true, Extensions: []pkix.Extension{pointsTo(many), accessTo(many)}})
	tests := []struct {
		name   string
		chain  tls.Certificate
		web    http.Handler
		status string
	}{
		{"all are slow", leaf, slow, "unknown"},
		{"the last list answers", leaf, lastAnswers, "good"},
		{"the issuer is missing too", incomplete, slow, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &certs.Authorities{Verifier: verifier(root), HTTP: sites{"pki.contoso.example": test.web, "root.example": root.Site()}}
				start := time.Now()
				standing := a.Ask(t.Context(), parse(t, test.chain), host, nil)
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				if test.status == "" {
					if len(standing.Requests) != 4 {
						t.Errorf("asked: %+v", standing.Requests)
					}
					return
				}
				if len(standing.Revocation) != 2 || standing.Revocation[0].Status != test.status || standing.Revocation[1].Status != "good" {
					t.Fatalf("got %+v", standing.Revocation)
				}
				for _, r := range standing.Requests {
					if r.Problem == "canceled" {
						t.Errorf("nobody gave up: %+v", r)
					}
				}
			})
		})
	}
}

// pointsTo is an extension with a list at each of the addresses.
func pointsTo(addresses []string) pkix.Extension {
	var list cryptobyte.Builder
	list.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, address := range addresses {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyte_asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(cryptobyte_asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1(cryptobyte_asn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(address + "/list.crl")) })
					})
				})
			})
		}
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 31}, Value: list.BytesOrPanic()}
}

// accessTo is an extension with a responder and an issuer at each of them.
func accessTo(addresses []string) pkix.Extension {
	var list cryptobyte.Builder
	list.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, address := range addresses {
			for method, path := range map[int]string{1: "/ocsp", 2: "/issuer.cer"} {
				b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, method})
					b.AddASN1(cryptobyte_asn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(address + path)) })
				})
			}
		}
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}, Value: list.BytesOrPanic()}
}

// TestManyBlocks: a file of nothing but other things costs what its length
// does, and each is named once.
func TestManyBlocks(t *testing.T) {
	block := "-----BEGIN X-----\n-----END X-----\n"
	file := []byte(strings.Repeat(block, 4<<20/len(block)-2) + "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := certs.ParseFile(file)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.HasSuffix(err.Error(), "no certificate in it, but X, EC PRIVATE KEY") {
		t.Errorf("got %.200v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
		t.Errorf("%d bytes were allocated for a file of %d", n, len(file))
	}
}
