package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) certCommand() *cobra.Command {
	run := &probe{}
	cmd := &cobra.Command{
		Use:   "cert HOST[:PORT]|FILE",
		Short: "Say everything that is wrong with a certificate chain (port 443 by default)",
		Long: `Say everything that is wrong with a certificate chain (port 443 by default).

The chain of any host is verified, and problems give exit code 1. Findings are
listed only for hosts of Lync Online and the one of --manual-server: what a
certificate means for sign-in depends on whose it is. check and adfs mex judge
that of AD FS.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			if info, err := os.Stat(args[0]); args[0] == "-" || err == nil && !info.IsDir() {
				return p.certFile(cmd, run, args[0])
			}
			servers, err := run.servers(args, 443)
			if err != nil {
				return fmt.Errorf("%w; there is no such file either", err)
			}
			seen := func(f *fact.Facts) *certs.Result {
				if list, _, ok := fact.Get(f, fact.CandidatesKey); ok && list[0].TLS != nil {
					return list[0].TLS
				}
				return unseen(endpoints(f, servers)[0])
			}
			run.plan = observe("TLS", servers, lyncdiag.ToTLS)
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				return tool().Cert(args[0], seen(f), hostReport(f, r, servers[0]))
			}
			run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
				return verified(seen(f), hostReport(f, r, servers[0]), run.failOn.value)
			}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	return cmd
}

// certFile verifies the chain in a file; it names no server.
func (p *program) certFile(cmd *cobra.Command, run *probe, path string) error {
	chain, err := p.readChain(path)
	if err != nil {
		return err
	}
	s, err := run.open(cmd.Context(), p)
	if err != nil {
		return err
	}
	defer s.close()
	result := s.network.Verifier().Verify(chain, "")
	p.exit = verified(result, &lyncdiag.Report{Complete: true}, run.failOn.value)
	return p.document(func() render.Document { return tool().Cert(path, result, nil) })
}

// maxChain bounds a file of certificates; a chain has some kilobytes.
const maxChain = 4 << 20

func (p *program) read(path string, most int64) ([]byte, error) {
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, cause(err))
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, cause(err))
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, most)
	}
	return b, nil
}
