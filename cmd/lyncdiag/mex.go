package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) mexCommand() *cobra.Command {
	run := &probe{name: "mex"}
	cmd := &cobra.Command{
		Use: "mex URL|FILE|-",
		Example: "  lyncdiag adfs mex https://sts.contoso.com/adfs/services/trust/mex\n" +
			"  lyncdiag adfs mex mex.xml",
		Short: "Ask for a MEX document as browser and client do, or read one",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
				mex, _, _ := fact.Get(f, fact.MEXKey)
				return mexExit(mex, r, run.failOn.Value)
			}
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				return tool().MEX(args[0], f, r)
			}
			online, err := isURL(args[0])
			if err != nil {
				return err
			}
			if online {
				run.plan = func(*session) lyncdiag.Plan { return mexPlan(args[0]) }
				return p.probe(cmd, run, []fact.Subject{{}})
			}
			document, err := p.mexFile(args[0])
			if err != nil {
				return err
			}
			run.plan = func(*session) lyncdiag.Plan { return lyncdiag.Plan{} }
			run.sources = []lyncdiag.Source{document}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	return cmd
}

// mexExit is the exit code of a MEX document: nothing is known of one that
// was not asked for, or not answered for. mex may be nil.
func mexExit(mex *adfs.MEX, r *lyncdiag.Report, failOn string) int {
	if mex == nil {
		return judged(r, failOn, false, false, true)
	}
	usable := mex.Selected.Username13 != "" || mex.Selected.Username2005 != ""
	told := slices.ContainsFunc(mex.Problems, func(p adfs.Problem) bool { return p.Code != "unreachable" })
	return judged(r, failOn, !usable && told, false, !usable)
}

// mexPlan asks a MEX URL as if the login service had named it.
func mexPlan(url string) lyncdiag.Plan {
	plan := lyncdiag.DefaultPlan().Only("adfs.mex")
	for i := range plan {
		if plan[i].ID != "realm" {
			continue
		}
		plan[i] = lyncdiag.Stage{ID: "realm", Title: "URL", Local: true, Probe: func(_ context.Context, env *lyncdiag.Env) error {
			fact.Put(env.Facts, fact.RealmKey, &adfs.Realm{NamespaceType: "federated", Protocol: "wstrust", MEXURL: url}, fact.Origin{Kind: fact.Interview})
			return nil
		}}
	}
	return plan
}

// mexFile is a MEX document as a source of the run.
type mexFile struct {
	path string
	mex  *adfs.MEX
}

func (m mexFile) Name() string { return "mex" }

func (m mexFile) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	fact.Put(f, fact.MEXKey, m.mex, fact.Origin{Kind: fact.Bundle, Where: m.path})
	return nil
}

// mexFile reads a document as if a browser had fetched it. What is wrong with
// the document is in the result; the error is one of reading.
func (p *program) mexFile(path string) (mexFile, error) {
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return mexFile{}, fmt.Errorf("read MEX document %s: %w", path, cli.Cause(err))
		}
		defer file.Close()
		in = file
	}
	m, err := adfs.ParseMEX(in)
	if err != nil && len(m.Problems) == 0 {
		return mexFile{}, fmt.Errorf("read MEX document %s: %w", path, cli.Cause(err))
	}
	mex := &adfs.MEX{Get: adfs.Exchange{Asked: true}, Endpoints: m.Endpoints, Selected: m.Selected, Problems: m.Problems}
	if err != nil {
		mex.Get.Problem, mex.Get.Detail = m.Problems[0].Code, m.Problems[0].Detail
	}
	return mexFile{path, mex}, nil
}
