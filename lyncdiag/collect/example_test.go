package collect_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/collect"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// A redacted bundle of one user, against the lab in place of the network.
func Example() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Config{Faults: []string{"adfs-mex-http-500"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	joe, err := fact.ParseAddress("joe@contoso.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := collect.Collector{
		Diagnoser: &lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()},
		Redactor:  redact.New(),
		Logs:      collect.ClientLogs(func(string) (string, bool) { return "", false }), // nil: this computer's
	}
	var zip bytes.Buffer // of a file, keep what is whole alone
	m, report, err := c.Write(ctx, &zip, joe)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict.Primary, m.Redacted)
	for _, missing := range m.Missing {
		fmt.Println(missing.What, missing.Why)
	}
	// Output:
	// adfs-mex-http-500 true
	// client/ no computer with a Lync client was looked at; give an export of one
	// logs/ no log of the client was found on this computer
}
