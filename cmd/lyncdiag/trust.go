package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func (p *program) metadataCommand() *cobra.Command {
	run := &probe{name: "federation-metadata"}
	cmd := &cobra.Command{
		Use:     "metadata URL|FILE|-",
		Example: "  lyncdiag adfs metadata https://sts.contoso.com/FederationMetadata/2007-06/FederationMetadata.xml",
		Short:   "Read a federation service's metadata: its name, certificates and endpoints",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
				m, _, ok := fact.Get(f, fact.FederationMetadataKey)
				usable := ok && m.EntityID != ""
				told := ok && len(m.Problems) > 0 && m.Exchange.Problem != "unreachable"
				return judged(r, run.failOn.Value, !usable && told, false, !usable)
			}
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				return tool().FederationMetadata(args[0], f, r)
			}
			online, err := isURL(args[0])
			if err != nil {
				return err
			}
			if online {
				run.plan = func(*session) lyncdiag.Plan { return metadataPlan(args[0]) }
				return p.probe(cmd, run, []fact.Subject{{}})
			}
			var m *adfs.FederationMetadata
			err = p.readDocument(args[0], "federation metadata", func(in io.Reader) (err error) {
				if m, err = adfs.ParseFederationMetadata(in); len(m.Problems) > 0 {
					return nil // the document says what is wrong with it
				}
				return err
			})
			if err != nil {
				return err
			}
			run.plan = func(*session) lyncdiag.Plan { return lyncdiag.Plan{} }
			run.sources = []lyncdiag.Source{fileSource{"metadata", func(f *fact.Facts) {
				fact.Put(f, fact.FederationMetadataKey, m, fact.Origin{Kind: fact.Bundle, Where: args[0]})
			}}}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	return cmd
}

// isURL tells a URL from a file, and refuses one that no client would ask.
func isURL(arg string) (bool, error) {
	scheme, _, ok := strings.Cut(arg, "://")
	if !ok || strings.ContainsAny(scheme, `/\.`) {
		return false, nil
	}
	u, err := url.Parse(arg)
	switch {
	case err != nil || u.User != nil:
		// It may hold a password.
		return true, errors.New("read URL: want https://HOST/PATH without a user name in it")
	case u.Scheme != "https" || u.Hostname() == "":
		return true, fmt.Errorf("read URL %s: clients take https alone", arg)
	}
	return true, nil
}

// metadataPlan asks one URL.
func metadataPlan(url string) lyncdiag.Plan {
	return lyncdiag.Plan{{ID: "adfs.metadata", Title: "Metadata", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
		client := &adfs.Client{HTTP: env.HTTP(), UserAgent: lyncdiag.UserAgent(env.Setting), Now: env.Network.Now}
		m := client.FetchFederationMetadata(ctx, url)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		fact.Put(env.Facts, fact.FederationMetadataKey, m, env.Origin())
		return nil
	}}}
}

// fileSource is what a file holds as a source of the run.
type fileSource struct {
	name string
	put  func(*fact.Facts)
}

func (s fileSource) Name() string { return s.name }

func (s fileSource) Collect(_ context.Context, _ fact.Subject, f *fact.Facts) error {
	s.put(f)
	return nil
}

// readDocument opens a file, or standard input.
func (p *program) readDocument(path, what string, read func(io.Reader) error) error {
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("read %s %s: %w", what, path, cli.Cause(err))
		}
		defer file.Close()
		in = file
	}
	if err := read(in); err != nil {
		return fmt.Errorf("read %s %s: %w", what, path, cli.Cause(err))
	}
	return nil
}

func (p *program) faultCommand() *cobra.Command {
	run := &probe{name: "fault"}
	cmd := &cobra.Command{
		Use:     "fault FILE|-",
		Example: "  lyncdiag adfs fault answer.xml",
		Short:   "Say what the answer to a token request means",
		Long: `Say what the answer to a token request means: a token, a SOAP fault of AD FS, of
the cloud's token service or of the web-ticket service, or neither.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var a *adfs.TrustAnswer
			err := p.readDocument(args[0], "answer", func(in io.Reader) (err error) {
				a, err = adfs.ParseTrustAnswer(in)
				return err
			})
			if err != nil {
				return err
			}
			run.plan = func(*session) lyncdiag.Plan { return lyncdiag.Plan{} }
			run.sources = []lyncdiag.Source{fileSource{"fault", func(f *fact.Facts) {
				fact.Put(f, fact.TokenKey, a, fact.Origin{Kind: fact.Bundle, Where: args[0]})
			}}}
			run.exit = func(_ *fact.Facts, r *lyncdiag.Report) int {
				return judged(r, run.failOn.Value, false, false, a.Classification == "unknown")
			}
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document { return tool().Fault(args[0], f, r) }
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.Timeout = lyncdiag.DefaultTimeout
	registerFailOn(&run.failOn, cmd.Flags())
	return cmd
}

// withoutRecords leaves out what is wrong with the records of Lync, with which a
// token has nothing to do.
func withoutRecords(r *lyncdiag.Report) *lyncdiag.Report {
	short := *r
	short.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f lyncdiag.Finding) bool { return f.Stage == "dns" })
	return &short
}

func (p *program) tokenCommand() *cobra.Command {
	// The records tell whether the cloud has anything to do with the domain.
	run := &probe{name: "token", plan: only("dns", "adfs.trust", "adfs.token", "cloud.token")}
	run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document { return tool().Token(f, withoutRecords(r)) }
	var credentials credentialFlags
	var userName string
	cmd := &cobra.Command{
		Use:   "token ADDRESS",
		Short: "Ask for a token with the user's password, once",
		Long: `Ask for a token with the user's password, as Lync does: AD FS for a federated
domain, the cloud for a managed one. On a terminal the password is asked for.

It is sent once, over verified TLS, to a host that the login service named, and
is never shown. A wrong one counts towards the account's lock-out like any
other.`,
		Example: "  lyncdiag adfs token joe@contoso.com\n" +
			"  lyncdiag adfs token joe@contoso.com --password-env PASSWORD --authentication windows",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := run.address(args, userName)
			if err != nil {
				return err
			}
			run.prepare = func(s *session) error {
				if !run.Anonymous && !run.Offline && s.Credentials == nil && !credentials.given() {
					credentials.prompt = true
				}
				return credentials.read(cmd.Context(), p, &run.networkFlags, s, cmp.Or(userName, target.Address), false)
			}
			return p.probe(cmd, run, []fact.Subject{target})
		},
	}
	run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
		a, _, ok := fact.Get(f, fact.TokenKey)
		if !ok {
			a, _, ok = fact.Get(f, fact.CloudTokenKey)
		}
		return judged(withoutRecords(r), run.failOn.Value, false, false, !ok || !a.HasToken)
	}
	run.register(cmd.Flags())
	credentials.register(cmd.Flags())
	cmd.Flags().StringVar(&userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	return cmd
}
