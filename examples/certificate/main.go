// Certificate says everything that is wrong with a certificate chain.
//
//	go run ./examples/certificate                           the chain of a host in the lab
//	go run ./examples/certificate chain.pem sip.contoso.com the chain in a file, for this server
//
// It prints the chain, the server's certificate first, then whether it can be
// trusted here, and a line for each problem.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab" // for a host to shake hands with
)

func main() {
	result, err := look(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "certificate:", err)
		os.Exit(1)
	}
	for _, c := range result.Chain {
		fmt.Printf("%s\n  issued by %s\n", c.Subject, c.Issuer)
	}
	fmt.Println("verified:", result.Verified)
	for _, p := range result.Problems {
		fmt.Printf("  %s: %s\n", p.Code, p.Detail)
	}
}

func look(ctx context.Context, args []string) (*certs.Result, error) {
	if len(args) < 2 {
		return probe(ctx, "sts.contoso.example")
	}
	file, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	chain, err := certs.ParseFile(file)
	if err != nil {
		return nil, err
	}
	return new(certs.Verifier).Verify(chain, args[1]), nil
}

// probe looks at a host of the lab.
func probe(ctx context.Context, host string) (*certs.Result, error) {
	l, err := lab.Start(ctx, lab.Config{Faults: []string{"adfs-certificate-name-mismatch"}})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Network().Verifier().Probe(ctx, host+":443", host), nil
}
