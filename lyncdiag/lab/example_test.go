package lab_test

import (
	"context"
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// A diagnosis in the lab needs no network and no rights.
func Example() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Faults: []string{"adfs-mex-http-500"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	target, err := fact.ParseAddress("joe@contoso.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	d := lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}
	report, err := d.Run(ctx, target)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict.Primary)
	// Output: adfs-mex-http-500
}

func ExampleFaults() {
	for _, f := range lab.Faults()[:6] {
		fmt.Printf("%-20s %s\n", f.Name, f.Description)
	}
	// Output:
	// healthy              Lync Online, with a domain federated by AD FS
	// healthy-managed      Lync Online, with passwords checked in the cloud
	// healthy-hybrid       users moved to Lync Online, records leading to the company's own servers
	// healthy-server       Lync Server of the company's own, and nothing in the cloud
	// dns-domain-missing   the domain is not in DNS
	// dns-server-failure   the resolver answers SERVFAIL to everything
}
