package fleet_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// Two users and a slip, against the lab in place of the network.
func Example() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Faults: []string{"adfs-mex-http-500"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	in, err := fleet.ReadAddresses(strings.NewReader("UserPrincipalName\njoe@contoso.example\nann\nbob@contoso.example\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	f := fleet.Fleet{Diagnoser: &lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}, Ordered: true}
	var sum fleet.Summary
	for r, err := range f.Run(ctx, in.Jobs()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		sum.Add(r)
		fmt.Printf("%s: %s, %d findings\n", r.Target.Address, r.Outcome, len(r.Findings))
	}
	fmt.Println(sum.Problem, "of", sum.Total)
	// Output:
	// joe@contoso.example: problem, 2 findings
	// ann: unknown, 0 findings
	// bob@contoso.example: problem, 2 findings
	// 2 of 3
}
