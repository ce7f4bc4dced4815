package main

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// The exit codes beside those of lyncdiag.ExitCode.
const (
	exitUsage       = 2 // bad usage or unreadable input
	exitUnfinished  = 3 // the tool could not do its work
	exitInterrupted = 130
)

func registerFailOn(c *cli.Choice, flags *pflag.FlagSet) {
	*c = cli.Choice{Allowed: []string{"failure", "warning", "unknown", "never"}, Value: "failure"}
	flags.Var(c, "fail-on", "what gives exit code 1: failure, warning, unknown or never")
}

// worst is the exit code of several parts: what was proved to fail stands,
// whatever of the rest could not be looked at.
func worst(codes ...int) int {
	if slices.Contains(codes, 1) {
		return 1
	}
	return slices.Max(codes)
}

// exitFor is the exit code of what has no verdict, by the policy of reports.
func exitFor(failOn string, problem, warning, undecided bool) int {
	return judged(&lyncdiag.Report{Complete: true}, failOn, problem, warning, undecided)
}

// judged is the exit code of a part of the chain: by the findings that its
// document lists, and by what else was seen there. The report's verdict is one
// on the whole chain.
func judged(listed *lyncdiag.Report, failOn string, problem, warning, undecided bool) int {
	r := &lyncdiag.Report{Complete: listed.Complete, Findings: slices.Clone(listed.Findings), Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Healthy}}
	if problem {
		r.Findings = append(r.Findings, lyncdiag.Finding{Spec: lyncdiag.Spec{Severity: kb.Failure}})
	}
	if warning {
		r.Findings = append(r.Findings, lyncdiag.Finding{Spec: lyncdiag.Spec{Severity: kb.Warning}})
	}
	if undecided {
		r.Verdict.Outcome = lyncdiag.Undecided
	}
	return lyncdiag.ExitCode(r, failOn)
}
