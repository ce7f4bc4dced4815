package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// readChain reads PEM, DER or PKCS#12.
func (p *program) readChain(path string) ([]*x509.Certificate, error) {
	b, err := p.read(path, maxChain)
	if err != nil {
		return nil, err
	}
	chain, err := certs.ParseFile(b)
	if err == nil {
		return chain, nil
	}
	chain, failed := fromPKCS12(b, "")
	if errors.Is(failed, pkcs12.ErrIncorrectPassword) {
		var password string
		if password, err = p.password("Password of " + path); err == nil {
			chain, failed = fromPKCS12(b, password)
			err = failed
		}
	}
	if failed != nil { // err says what else it is, or how to convert it
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return chain, nil
}

func fromPKCS12(b []byte, password string) ([]*x509.Certificate, error) {
	_, leaf, issuers, err := pkcs12.DecodeChain(b, password)
	if err == nil {
		return append([]*x509.Certificate{leaf}, issuers...), nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, err
	}
	if list, storeErr := pkcs12.DecodeTrustStore(b, password); storeErr == nil && len(list) > 0 {
		return list, nil
	}
	return nil, err
}

// password asks for a secret on a terminal. It is never an argument.
func (p *program) password(prompt string) (string, error) {
	file, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", errors.New("it has a password, and there is no terminal to ask for it")
	}
	fmt.Fprintf(p.stderr, "%s: ", prompt)
	b, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(p.stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
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
	if host, _, err := splitServer(setting.ManualServer, 443); err == nil && host == v.host {
		return r
	}
	bare := *r
	bare.Findings = nil
	return &bare
}
