package certtest_test

import (
	"crypto/x509"
	"fmt"
	"log"

	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

func ExampleCA_Issue() {
	root, err := certtest.New(certtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	issuing, err := root.Intermediate(certtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server, err := issuing.Issue(certtest.Template{DNSNames: []string{"sip.contoso.example"}, Staple: true})
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(issuing.Certificate)
	_, err = server.Leaf.Verify(x509.VerifyOptions{Roots: root.Pool(), Intermediates: pool, DNSName: "sip.contoso.example"})
	fmt.Println(len(server.Certificate), len(server.OCSPStaple) > 0, err)
	// Output: 2 true <nil>
}

func ExampleDefects() {
	for _, d := range certtest.Defects()[:3] {
		fmt.Printf("%s: %s\n", d.Code, d.Doc)
	}
	// Output:
	// expired: the certificate expired yesterday
	// not-yet-valid: the certificate is valid from tomorrow on
	// name-mismatch: the certificate names another server
}
