package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

func ExampleVerifier_Verify() {
	now := func() time.Time { return time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC) }
	ca, err := certtest.New(certtest.Options{Name: "Contoso Root", Now: now})
	if err != nil {
		log.Fatal(err)
	}
	server, err := ca.Issue(certtest.Template{
		DNSNames: []string{"adfs.contoso.example"},
		NotAfter: time.Date(2013, 5, 30, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}

	v := &certs.Verifier{Roots: ca.Pool(), Now: now}
	result := v.Verify([]*x509.Certificate{server.Leaf}, "sts.contoso.example")
	fmt.Println("verified:", result.Verified)
	for _, p := range result.Problems {
		fmt.Printf("%s: %s\n", p.Code, p.Detail)
	}
	// Output:
	// verified: false
	// expired: the server's certificate (CN=adfs.contoso.example) expired at 2013-05-30T00:00:00Z, and it is 2013-06-01T00:00:00Z now (2 days later)
	// name-mismatch: the server's certificate (CN=adfs.contoso.example) does not name sts.contoso.example; it names adfs.contoso.example
}

func ExampleVerifier_Probe() {
	ca, err := certtest.New(certtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server, err := ca.Issue(certtest.Template{DNSNames: []string{"sip.contoso.example"}})
	if err != nil {
		log.Fatal(err)
	}

	v := &certs.Verifier{
		Roots: ca.Pool(),
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server}}).Handshake()
			return near, nil
		},
	}
	result := v.Probe(context.Background(), "sip.contoso.example:443", "")
	fmt.Println(result.TLSVersion, result.Verified, result.Chain[0].DNSNames)
	// Output: TLS 1.3 true [sip.contoso.example]
}

func ExampleParseFile() {
	ca, err := certtest.New(certtest.Options{Name: "Contoso Root"})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := certs.ParseFile(ca.PEM())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(chain[0].Subject)
	// Output: CN=Contoso Root
}

func ExampleAuthorities_Ask() {
	now := func() time.Time { return time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC) }
	root, err := certtest.New(certtest.Options{Name: "Contoso Root", Now: now})
	if err != nil {
		log.Fatal(err)
	}
	server, err := root.Issue(certtest.Template{DNSNames: []string{"sts.contoso.example"}})
	if err != nil {
		log.Fatal(err)
	}
	list, err := root.CRL(server.Leaf)
	if err != nil {
		log.Fatal(err)
	}

	// With HTTP, the addresses that the certificate names would be asked too.
	a := &certs.Authorities{Verifier: &certs.Verifier{Roots: root.Pool(), Now: now}, CRLs: [][]byte{list}}
	standing := a.Ask(context.Background(), []*x509.Certificate{server.Leaf}, "sts.contoso.example", nil)
	for _, r := range standing.Revocation {
		fmt.Println(r.Subject, r.Status, "by", r.By, "of", r.Signer, "for", r.Reason)
	}
	// Output:
	// CN=sts.contoso.example revoked by crl of CN=Contoso Root for keyCompromise
}
