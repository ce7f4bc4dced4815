package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// certOptions are the flags of cert alone.
type certOptions struct {
	host, domain string
	role         cli.Choice
	secret       filePassword
}

func (p *program) certCommand() *cobra.Command {
	run, own := &probe{name: "cert"}, &certOptions{}
	cmd := &cobra.Command{
		Use: "cert HOST[:PORT]|FILE",
		Example: "  lyncdiag cert sts.contoso.com\n" +
			"  lyncdiag cert chain.pem --host sts.contoso.com\n" +
			"  lyncdiag cert edge.cer --role access-edge --domain contoso.com --offline",
		Short: "Say everything that is wrong with a certificate chain (port 443 by default)",
		Long: `Say everything that is wrong with a certificate chain (port 443 by default).

A missing issuer is fetched from the address that the certificate names, OCSP
responders and revocation lists are asked, and the server is asked which TLS
versions it accepts; --offline leaves all of that out. A file may be PEM, DER,
PKCS #7, PKCS #12 or a serialized store of Windows; with --host it is compared
with what a server shows.

The chain of any host is verified, and problems give exit code 1. Findings are
listed only for hosts of Lync Online and the one of --manual-server: what a
certificate means for sign-in depends on whose it is. check and adfs mex judge
that of AD FS. What a kind of host has to show is compared with --role. With
--role client, a file's exit code depends on the certificate's validity, usage,
issuer and key, not on trust: its issuer is trusted on the servers alone.`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			if cmd.Flags().Changed("domain") {
				name, err := fact.ParseDomain(own.domain)
				if err != nil {
					return fmt.Errorf("read --domain: %w", err)
				}
				own.domain = name
			}
			if info, err := os.Stat(args[0]); args[0] == "-" || err == nil && !info.IsDir() {
				return p.certFile(cmd, run, own, args[0])
			}
			if own.host != "" {
				return errors.New("read --host: a file is compared with a host, and there is no file " + args[0])
			}
			if meansFile(args[0]) {
				return fmt.Errorf("read %s: there is no such file; a host of that name needs its port: HOST:PORT", args[0])
			}
			servers, err := run.servers(args, 443)
			if err != nil {
				return fmt.Errorf("%w; there is no such file either", err)
			}
			run.plan = surveyPlan(servers)
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				result := shown(f, servers)
				return tool().Cert(args[0], result, own.details(f, result, servers[0].host), hostReport(f, r, servers[0]))
			}
			run.exit = func(f *fact.Facts, r *lyncdiag.Report) int {
				result := shown(f, servers)
				return verified(result.With(own.details(f, result, "").Standing), hostReport(f, r, servers[0]), run.failOn.Value)
			}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	for _, r := range kb.CertificateRoles() {
		own.role.Allowed = append(own.role.Allowed, r.Name)
	}
	cmd.Flags().StringVar(&own.host, "host", "", "compare the file with what `HOST[:PORT]` shows, and its names with HOST")
	cmd.Flags().Var(&own.role, "role", "what the certificate is for: access-edge, pool, director, reverse-proxy, lync-online, adfs or client (default by the host)")
	cmd.Flags().StringVar(&own.domain, "domain", "", "SIP `DOMAIN` whose names the certificate has to hold, with --role")
	own.secret.register(cmd.Flags())
	run.register(cmd.Flags())
	return cmd
}

// meansFile reports whether an argument was meant as a file though there is none:
// by its path, or by an extension that certificates have and no host does.
func meansFile(arg string) bool {
	if strings.Contains(arg, "://") {
		return false
	}
	extensions := []string{".pem", ".cer", ".crt", ".der", ".pfx", ".p12", ".p7b", ".p7c", ".sst"}
	return strings.ContainsAny(arg, `/\`) || slices.Contains(extensions, strings.ToLower(filepath.Ext(arg)))
}

// surveyPlan looks at a server, asks its authorities, and finds out what it
// accepts.
func surveyPlan(servers []server) func(*session) lyncdiag.Plan {
	return func(s *session) lyncdiag.Plan {
		plan := observe("TLS", servers, lyncdiag.ToTLS)(s)
		seen := plan[len(plan)-1].ID
		for _, stage := range lyncdiag.DefaultPlan() {
			if stage.ID == "revocation" {
				stage.After = []lyncdiag.StageID{seen}
				plan = append(plan, stage)
			}
		}
		return append(plan, lyncdiag.Stage{ID: "survey", Title: "TLS versions", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
			survey, err := env.Survey(ctx, servers[0].host, servers[0].port)
			if survey != nil {
				fact.Put(env.Facts, fact.SurveyKey, survey, env.Origin())
			}
			return err
		}})
	}
}

// shown is what the server showed.
func shown(f *fact.Facts, servers []server) *certs.Result {
	if list, _, ok := fact.Get(f, fact.CandidatesKey); ok && list[0].TLS != nil {
		return list[0].TLS
	}
	return unseen(endpoints(f, servers)[0])
}

// details are what was found out besides the chain of a server.
func (o *certOptions) details(f *fact.Facts, r *certs.Result, host string) render.CertDetails {
	var more render.CertDetails
	if standings, _, ok := fact.Get(f, fact.StandingsKey); ok && len(standings) > 0 {
		more.Standing = &standings[0].Standing
	}
	more.Survey, _, _ = fact.Get(f, fact.SurveyKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	more.Client = setting.Client
	role := o.role.Value
	if _, online := dnscheck.IsOnlineHost(host); role == "" && online {
		role = "lync-online"
	}
	if len(r.Chain) > 0 {
		more.Expectations = lyncdiag.CheckCertificate(role, r.Chain[0], host, o.domain)
	}
	return more
}

// certFile verifies the chain in a file, and compares it with a server's.
func (p *program) certFile(cmd *cobra.Command, run *probe, own *certOptions, path string) error {
	chain, key, err := p.readChain(path, &own.secret)
	if err != nil {
		return err
	}
	var servers []server
	name := ""
	if own.host != "" {
		if servers, err = run.servers([]string{own.host}, 443); err != nil {
			return fmt.Errorf("read --host: %w", err)
		}
		name = servers[0].host
		chain = leafFor(chain, name)
	}
	s, err := run.open(cmd.Context(), p)
	if err != nil {
		return err
	}
	defer s.Close()
	sinks, err := p.sinks(render.Formats("cert"), render.JSON)
	if err != nil {
		return err
	}
	verifier := s.Network.Verifier()
	if own.role.Value == "client" {
		verifier.Usage = x509.ExtKeyUsageClientAuth
	}
	result := verifier.Verify(chain, name)
	if own.role.Value == "client" {
		result = personal(result)
	}
	var standing *certs.Standing
	plan := lyncdiag.Plan{{ID: "authorities", Title: "Authorities", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
		authorities := &certs.Authorities{Verifier: verifier, HTTP: env.HTTP(), Timeout: lyncdiag.DefaultExchange}
		standing = authorities.Ask(ctx, chain, name, nil)
		return context.Cause(ctx)
	}}}
	if servers != nil {
		plan = append(plan, surveyPlan(servers)(s)...)
	}
	f, report, err := p.diagnose(cmd.Context(), &run.networkFlags, s, fact.Subject{}, plan)
	if err != nil {
		return err
	}
	more := own.details(fact.New(), result, name)
	if own.role.Value == "client" {
		more.Expectations = append(more.Expectations, keyCheck(key))
	}
	more.Standing = standing
	listed := &lyncdiag.Report{Complete: report.Complete}
	p.exit = verified(result.With(standing), listed, run.failOn.Value)
	if own.role.Value == "client" {
		p.exit = sound(result, more.Expectations, listed, run.failOn.Value)
	}
	if servers != nil {
		there := own.details(f, result, name)
		more.Client, more.Survey, more.LiveHost, more.Live = there.Client, there.Survey, own.host, shown(f, servers).With(there.Standing)
		another := len(more.Live.Chain) > 0 && len(result.Chain) > 0 && more.Live.Chain[0].Thumbprint != result.Chain[0].Thumbprint
		p.exit = worst(p.exit, verified(more.Live, listed, run.failOn.Value), judged(listed, run.failOn.Value, another, false, false))
	}
	return p.write(sinks, tool().Cert(path, result, more, nil), false)
}

// personal is what is seen of a client's own certificate. The servers that
// issued it know its issuer, Communications Server, and no client trusts that:
// nothing is wrong with a chain that ends there.
func personal(seen *certs.Result) *certs.Result {
	result := *seen
	trust := func(p certs.Problem) bool {
		return !p.Warning && slices.Contains([]certs.Code{"untrusted-root", "incomplete-chain", "self-signed"}, p.Code)
	}
	result.Problems = slices.Clone(seen.Problems)
	for i, p := range result.Problems {
		if trust(p) {
			result.Problems[i] = certs.Problem{Code: "untrusted-root", Certificate: p.Certificate, Warning: true,
				Detail: "the issuer is no trusted root here, and need not be: the servers that issued the certificate know it; its signature was not checked"}
		}
	}
	return &result
}

// sound is the exit code of a client's own certificate: by what is wrong with it
// and by what it has to show, not by who is trusted here.
func sound(r *certs.Result, checks []lyncdiag.CertificateCheck, listed *lyncdiag.Report, failOn string) int {
	bad := slices.ContainsFunc(r.Problems, func(p certs.Problem) bool { return !p.Warning }) ||
		slices.ContainsFunc(checks, func(c lyncdiag.CertificateCheck) bool { return c.Status == "unmet" })
	weak := slices.ContainsFunc(r.Problems, func(p certs.Problem) bool { return p.Warning && p.Code != "untrusted-root" })
	return judged(listed, failOn, bad, weak, false)
}

// keyCheck is the requirement that a client has the key of its certificate.
func keyCheck(key string) lyncdiag.CertificateCheck {
	c := lyncdiag.CertificateCheck{Role: "client", Requirement: "its private key is with it", Status: "not-applicable", Found: "this kind of file holds no key", Sources: []string{"KB2604176"}}
	switch key {
	case "present":
		c.Status, c.Found = "met", "the file holds the key"
	case "absent":
		c.Status, c.Found = "unmet", "the file holds no key"
	}
	return c
}

// leafFor puts the certificate of a host first, as a store has many. Where
// several name it, the one that is valid the longest is meant.
func leafFor(chain []*x509.Certificate, host string) []*x509.Certificate {
	best := -1
	for i, c := range chain {
		if len(c.RawTBSCertificate) > 0 && !c.IsCA && c.VerifyHostname(hostname(host)) == nil && (best < 0 || c.NotAfter.After(chain[best].NotAfter)) {
			best = i
		}
	}
	if best <= 0 {
		return chain
	}
	return slices.Concat(chain[best:best+1], chain[:best], chain[best+1:])
}

// hostname is a host as crypto/x509 takes it: an IPv6 address in brackets.
func hostname(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return "[" + host + "]"
	}
	return host
}

// maxChain bounds a file of certificates; a chain has some kilobytes.
const maxChain = 4 << 20

func (p *program) read(path string, most int64) ([]byte, error) {
	in := p.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, cli.Cause(err))
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, cli.Cause(err))
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("read %s: more than %d bytes", path, most)
	}
	return b, nil
}
