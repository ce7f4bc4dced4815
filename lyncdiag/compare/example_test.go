package compare_test

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func ExampleRuns() {
	target := lyncdiag.Target{Address: "joe@contoso.com", Domain: "contoso.com"}
	spec, _ := kb.Lookup("adfs-mex-http-500")
	monday := &lyncdiag.Report{Target: target, Findings: []lyncdiag.Finding{{Spec: spec, Stage: "adfs.mex"}}}
	tuesday := &lyncdiag.Report{Target: target, Stages: []lyncdiag.StageResult{{ID: "adfs.mex", Title: "AD FS MEX", Status: lyncdiag.Passed}}}
	for _, t := range compare.Runs([]*lyncdiag.Report{monday}, []*lyncdiag.Report{tuesday}).Targets {
		for _, f := range t.Findings {
			fmt.Printf("%s %s: %s\n", f.Status, f.Name, f.Why)
		}
	}
	// Output: gone adfs-mex-http-500: AD FS MEX was looked at again
}
