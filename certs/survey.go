package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Survey is what a TLS server accepts, as far as this program can offer it.
type Survey struct {
	// Versions has TLS 1.0 to 1.3, the oldest first, each offered alone.
	Versions []Attempt `json:"versions"`
	// WithoutServerName is a handshake that names no server (RFC 6066 section 3),
	// as clients on Windows XP do; nil when the server has no name but an address.
	WithoutServerName *Attempt `json:"withoutServerName,omitempty"`
	// ALPN is what the server chose when offered h2 and http/1.1; "" for neither.
	ALPN string `json:"alpn"`
	// ClientCertificateRequested says that it asked for a certificate of the client.
	ClientCertificateRequested bool `json:"clientCertificateRequested"`
}

// Attempt is one handshake of a survey.
type Attempt struct {
	Version     string   `json:"version"`     // offered, and nothing newer: "TLS 1.2"
	Accepted    bool     `json:"accepted"`    // false also when it could not be found out: see Known
	CipherSuite string   `json:"cipherSuite"` // IANA name; "" unless accepted
	Thumbprint  string   `json:"thumbprint"`  // of the certificate shown; "" when none was
	Failure     *Failure `json:"failure,omitempty"`
}

// Known reports whether the server said what it thinks of the attempt. It did
// not when no connection came about, or the time was up.
func (a Attempt) Known() bool {
	if a.Failure == nil {
		return a.Accepted
	}
	return a.Failure.Phase == phaseHandshake && !slices.Contains([]string{kindTimeout, kindCanceled, kindOther}, a.Failure.Kind)
}

// Survey shakes hands with a server several times, all at once, and hangs up.
// dial opens the connections. What the server shows is not verified here.
func (v *Verifier) Survey(ctx context.Context, dial func(context.Context) (net.Conn, error), serverName string) *Survey {
	versions := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	out := &Survey{Versions: make([]Attempt, len(versions))}
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, version := range versions {
		all.Go(func() {
			own := *v
			own.MaxVersion, own.minVersion = version, version
			attempt, result := own.attempt(ctx, dial, serverName)
			out.Versions[i] = attempt
			mu.Lock()
			defer mu.Unlock()
			out.ClientCertificateRequested = out.ClientCertificateRequested || result.ClientCertificateRequested
		})
	}
	if net.ParseIP(serverName) == nil && serverName != "" {
		all.Go(func() {
			attempt, _ := v.attempt(ctx, dial, "")
			out.WithoutServerName = &attempt
		})
	}
	all.Go(func() {
		own := *v
		own.NextProtos = []string{"h2", "http/1.1"}
		_, result := own.attempt(ctx, dial, serverName)
		mu.Lock()
		defer mu.Unlock()
		out.ALPN = result.ALPN
	})
	all.Wait()
	return out
}

func (v *Verifier) attempt(ctx context.Context, dial func(context.Context) (net.Conn, error), serverName string) (Attempt, *Result) {
	attempt := Attempt{Version: tls.VersionName(v.maxVersion())}
	conn, err := dial(ctx)
	if err != nil {
		attempt.Failure = classify(ctx, err, nil)
		attempt.Failure.Phase = phaseConnect
		return attempt, &Result{}
	}
	session, result := v.Handshake(ctx, conn, serverName)
	attempt.Accepted, attempt.Failure = session != nil, result.Handshake
	if session != nil {
		if result.ClientCertificateRequested {
			attempt.Failure = v.afterthought(session)
			attempt.Accepted = attempt.Failure == nil
		}
		session.Close()
	}
	if attempt.Accepted {
		attempt.CipherSuite = result.CipherSuite
	}
	if len(result.Chain) > 0 {
		attempt.Thumbprint = result.Chain[0].Thumbprint
	}
	return attempt, result
}

// afterthought is the alert of a server that did not get the certificate it
// asked for: in TLS 1.3 it comes when the client's side of the handshake is
// over (RFC 8446 section 4.4.2.4), before it in older versions. nil: none came
// at once.
func (v *Verifier) afterthought(session *tls.Conn) *Failure {
	session.SetReadDeadline(time.Now().Add(min(v.timeout()/4, time.Second)))
	_, err := session.Read(make([]byte, 1))
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return nil
	}
	return &Failure{Phase: phaseHandshake, Kind: kindAlert, Alert: alertOf(op.Err), Detail: "the server ended the handshake when it got no certificate of the client"}
}
