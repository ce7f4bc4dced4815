package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// filePassword is where the password of a file comes from: never an argument.
type filePassword struct {
	env   string
	stdin bool
}

func (f *filePassword) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.env, "password-env", "", "environment variable `NAME` that holds the password of a PKCS #12 file")
	flags.BoolVar(&f.stdin, "password-stdin", false, "read the password of a PKCS #12 file from standard input")
}

// readChain reads every format of certificates that Windows exports. key says
// whether the private key of the first is with it: present, absent, or "" for a
// format that is not meant to hold one.
func (p *program) readChain(path string, secret *filePassword) (chain []*x509.Certificate, key string, err error) {
	b, err := p.read(path, maxChain)
	if err != nil {
		return nil, "", err
	}
	chain, err = certs.ParseFile(b)
	if err == nil {
		return chain, "", nil
	}
	chain, key, failed := fromPKCS12(b, "")
	if errors.Is(failed, pkcs12.ErrIncorrectPassword) {
		var password string
		if password, err = p.filePassword(path, secret); err == nil {
			if chain, key, failed = fromPKCS12(b, password); errors.Is(failed, pkcs12.ErrIncorrectPassword) {
				failed = errors.New("the password is not the file's")
			}
			err = failed
		}
	}
	if failed != nil { // err says what else it is, or how to convert it
		if errors.Is(failed, errBomb) || errors.Is(failed, errNoMAC) {
			err = failed
		}
		return nil, "", fmt.Errorf("read %s: %w", path, err)
	}
	return chain, key, nil
}

// filePassword takes the password from where the flags say, else from a
// terminal.
func (p *program) filePassword(path string, secret *filePassword) (string, error) {
	switch {
	case secret.env != "":
		return p.process().PasswordVariable("--password-env", secret.env)
	case secret.stdin:
		return p.process().PasswordLine("--password-stdin")
	}
	password, err := p.process().Password("Password of " + path)
	if errors.Is(err, cli.ErrNoTerminal) {
		err = fmt.Errorf("it has a password, and %w; use --password-env or --password-stdin", err)
	}
	return password, err
}

var errBomb = errors.New("it is made to take very long to open: its iteration count is far beyond what any program writes")

// maxOpening is how long a file may take to open. One that Windows writes takes
// milliseconds; a count of iterations has up to 32 bits.
var maxOpening = 5 * time.Second

// fromPKCS12 reads a file in time. What is made to take for ever is left behind;
// the program ends soon after.
func fromPKCS12(b []byte, password string) (chain []*x509.Certificate, key string, err error) {
	type outcome struct {
		chain []*x509.Certificate
		key   string
		err   error
	}
	opened := make(chan outcome, 1)
	go func() {
		chain, key, err := openPKCS12(b, password)
		opened <- outcome{chain, key, err}
	}()
	select {
	case o := <-opened:
		return o.chain, o.key, o.err
	case <-time.After(maxOpening):
		return nil, "", errBomb
	}
}

func openPKCS12(b []byte, password string) (chain []*x509.Certificate, key string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the file is damaged")
		}
	}()
	_, leaf, issuers, err := pkcs12.DecodeChain(b, password)
	if err == nil {
		return append([]*x509.Certificate{leaf}, issuers...), "present", nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, "", err
	}
	if list, storeErr := pkcs12.DecodeTrustStore(b, password); storeErr == nil && len(list) > 0 {
		return list, "absent", nil
	}
	if strings.HasSuffix(err.Error(), "private key missing") {
		list, err := withoutKey(b, password)
		return list, "absent", err
	}
	if outside, ok := exchanged(b); ok && len(outside.MAC.Digest.Digest) == 0 {
		return nil, "", errNoMAC
	}
	return nil, "", err
}

// unseen is the result for a server that gave no TLS session to look at.
func unseen(e fact.Endpoint) *certs.Result {
	r := &certs.Result{ServerName: e.Host, Address: e.Reach.Address}
	if e.Reach.Status != "" {
		r.Handshake = &certs.Failure{Phase: "connect", Kind: "other", Detail: string(e.Reach.Status) + ": " + e.Reach.Detail}
	}
	return r
}

// verified is the exit code of a chain. A server that cannot be reached says
// nothing about its certificate.
func verified(r *certs.Result, listed *lyncdiag.Report, failOn string) int {
	unknown := len(r.Chain) == 0 && (r.Handshake == nil || r.Handshake.Phase == "connect")
	return judged(listed, failOn, !r.Verified && !unknown, len(r.Problems) > 0, unknown)
}

// hostReport has findings only about hosts whose part in sign-in is known: what
// a certificate means depends on whose it is.
func hostReport(f *fact.Facts, r *lyncdiag.Report, v server) *lyncdiag.Report {
	if _, ours := dnscheck.IsOnlineHost(v.host); ours {
		return r
	}
	setting, _, _ := fact.Get(f, fact.SettingKey)
	if host, _, err := cli.SplitServer(setting.ManualServer, 443); err == nil && host == v.host {
		return r
	}
	bare := *r
	bare.Findings = nil
	return &bare
}
