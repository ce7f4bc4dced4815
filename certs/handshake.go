package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Failure says why there was no handshake, or why it did not complete.
type Failure struct {
	// Phase is "connect" when no connection came about (Probe only), and
	// "handshake" after that.
	Phase string `json:"phase"`
	// Kind is one of
	//
	//	alert              the server sent a fatal alert
	//	reset              the connection was reset
	//	closed             the server closed the connection without an alert
	//	timeout            no answer in time
	//	not-tls            the server answered, but not in TLS
	//	refused-by-client  this side could not accept what the server offered
	//	canceled           the caller gave up
	//	other              anything else, such as a connection that was refused
	Kind string `json:"kind"`
	// Alert is the alert's name as RFC 8446 section 6 writes it, for example
	// handshake_failure; "" unless Kind is alert.
	Alert  string `json:"alert,omitempty"`
	Detail string `json:"detail"`
}

const (
	phaseConnect   = "connect"
	phaseHandshake = "handshake"

	kindAlert    = "alert"
	kindReset    = "reset"
	kindClosed   = "closed"
	kindTimeout  = "timeout"
	kindNotTLS   = "not-tls"
	kindRefused  = "refused-by-client"
	kindCanceled = "canceled"
	kindOther    = "other"
)

// String is the failure in one line.
func (f *Failure) String() string {
	s := f.Kind
	if f.Alert != "" {
		s += " " + f.Alert
	}
	return s + ": " + f.Detail
}

// cause is the error that crypto/tls and net would have returned.
func (f *Failure) cause() error {
	switch f.Kind {
	case kindAlert:
		for n := range 256 {
			if alertName(uint8(n)) == f.Alert {
				return tls.AlertError(n)
			}
		}
	case kindReset:
		return syscall.ECONNRESET
	case kindClosed:
		return io.EOF
	case kindTimeout:
		return context.DeadlineExceeded
	case kindCanceled:
		return context.Canceled
	case kindNotTLS:
		return tls.RecordHeaderError{Msg: f.Detail}
	}
	return errors.New(f.Detail)
}

// Handshake shakes hands as a client, with TLS 1.0 to 1.3, and verifies the
// chain it is shown. The handshake completes even when the chain does not
// verify: the result says so, and the CALLER decides whether to send anything
// over such a connection. The connection returned is nil, and conn closed, when
// the handshake did not complete; Result.Chain then holds the certificates seen
// until then, which the server has not proved to own.
//
// serverName is sent as the server name indication, unless it is an IP address
// (RFC 6066 section 3). With "" none is sent and the result is not verified, as
// nobody knows which name was meant. The handshake is bounded by ctx and by
// Timeout, also when the server stays silent. Deadlines set on conn are lost.
func (v *Verifier) Handshake(ctx context.Context, conn net.Conn, serverName string) (*tls.Conn, *Result) {
	started := v.now()
	result := &Result{ServerName: serverName, At: started.Round(0).UTC()}
	if addr := conn.RemoteAddr(); addr != nil {
		result.Address = addr.String()
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()
	session := v.handshake(ctx, conn, result)
	result.Elapsed = v.now().Sub(started)
	return session, result
}

// Probe connects to address, shakes hands and hangs up. address is
// host:port or ip:port; with an empty serverName the host is the name asked for.
func (v *Verifier) Probe(ctx context.Context, address, serverName string) *Result {
	started := v.now()
	result := &Result{ServerName: serverName, Address: address, At: started.Round(0).UTC()}
	ctx, cancel := context.WithTimeout(ctx, v.timeout())
	defer cancel()
	v.probe(ctx, result)
	result.Elapsed = v.now().Sub(started)
	return result
}

func (v *Verifier) probe(ctx context.Context, result *Result) {
	host, _, err := net.SplitHostPort(result.Address)
	if err != nil {
		result.Handshake = &Failure{Phase: phaseConnect, Kind: kindOther, Detail: brief(err.Error())}
		return
	}
	if result.ServerName == "" {
		result.ServerName = host
	}
	conn, err := v.dial(ctx, "tcp", result.Address)
	if err != nil {
		result.Handshake = classify(ctx, err, nil)
		result.Handshake.Phase = phaseConnect
		return
	}
	if session := v.handshake(ctx, conn, result); session != nil {
		// A close_notify alert may block on a peer that does not read.
		session.NetConn().Close()
	}
}

func (v *Verifier) handshake(ctx context.Context, conn net.Conn, result *Result) *tls.Conn {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	seen := &observed{Conn: conn}
	var state tls.ConnectionState
	session := tls.Client(seen, &tls.Config{
		ServerName: result.ServerName,
		NextProtos: v.NextProtos,
		Time:       v.now,
		MinVersion: max(v.minVersion, tls.VersionTLS10),
		MaxVersion: v.maxVersion(),
		// The post-quantum key share would make the first message longer than
		// one segment, which servers and middleboxes of Lync's age reset.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		CipherSuites:     cipherSuites(),
		// crypto/tls would stop at the first objection and hide the chain;
		// verify below has the last word instead.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			state = s
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			result.ClientCertificateRequested = true
			return new(tls.Certificate), nil
		},
	})
	err := session.HandshakeContext(ctx)
	defer seen.forget()
	if err == nil {
		state = session.ConnectionState()
		result.ALPN = state.NegotiatedProtocol
	}
	if state.Version != 0 {
		result.TLSVersion = tls.VersionName(state.Version)
		result.CipherSuite = tls.CipherSuiteName(state.CipherSuite)
		result.OCSPStapled = len(state.OCSPResponse) > 0
		v.verify(result, state.PeerCertificates)
	}
	if err != nil {
		conn.Close()
		result.Verified, result.WeakOnly = false, false
		result.Handshake = classify(ctx, err, seen)
		if limit, ok := oversized(err); ok {
			// What came of it is shown, and not judged: the rest is not known.
			for _, c := range sentInClear(seen.kept) {
				result.describe(c)
			}
			result.Problems = append(result.Problems, Problem{Code: malformed, Certificate: -1, Detail: "the chain that the server sent is too large: " + limit})
		}
		if reason, ok := unparsed(err); ok {
			if chain := sentInClear(seen.kept); slices.ContainsFunc(chain, isDamaged) {
				v.verify(result, chain)
				result.Verified, result.WeakOnly = false, false
			} else {
				result.Problems = append(result.Problems, Problem{Code: malformed, Detail: "the server sent a certificate that cannot be read: " + reason, Certificate: -1})
			}
		}
		return nil
	}
	if result.ServerName == "" {
		result.Verified, result.WeakOnly = false, false
		result.Problems = append(result.Problems, Problem{Code: nameMismatch, Detail: "no server name was given, so none could be compared", Certificate: -1})
	}
	conn.SetDeadline(time.Time{})
	return session
}

// unparsed reports a chain that crypto/tls could not read. It never reaches a
// callback then, and only the text of the error tells.
func unparsed(err error) (string, bool) {
	_, reason, ok := strings.Cut(err.Error(), "failed to parse certificate from server: ")
	return brief(reason), ok
}

// oversized reports a message that crypto/tls found too long to be read: only
// that of a chain may have so many bytes. Only the text of the error tells.
func oversized(err error) (limit string, ok bool) {
	var length, most int
	_, text, ok := strings.Cut(err.Error(), "handshake message of length ")
	if n, _ := fmt.Sscanf(text, "%d bytes exceeds maximum of %d bytes", &length, &most); !ok || n != 2 || most <= 1<<16 {
		return "", false
	}
	return fmt.Sprintf("it has %d bytes, and at most %d are read here", length, most), true
}

// cipherSuites are all that crypto/tls has but RC4. Servers of Lync's age may
// have nothing better than RSA key exchange or 3DES; but some were set to
// prefer RC4 wherever a client offers it, and then passwords would travel
// under it.
func cipherSuites() []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !strings.Contains(suite.Name, "_RC4_") {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// observed counts what the server sent and keeps the beginning: whether a reset
// came before any answer, what a server that does not speak TLS said, and the
// certificates that crypto/tls cannot read.
type observed struct {
	net.Conn
	count int
	kept  []byte
	full  bool // nothing more is kept
}

func (o *observed) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	o.count += n
	if room := maxKept - len(o.kept); room > 0 && !o.full {
		o.kept = append(o.kept, b[:min(n, room)]...)
	}
	return n, err
}

// forget keeps nothing of what follows the handshake.
func (o *observed) forget() { o.kept, o.full = nil, true }

// maxKept is more than the chains of public servers have, by ten times.
const maxKept = 128 << 10

// progress says how far the exchange had come.
func (o *observed) progress() string {
	switch {
	case o == nil:
		return "while connecting"
	case o.count == 0:
		return "after the ClientHello, before any answer"
	}
	return fmt.Sprintf("after %d bytes of the server's answer", o.count)
}

// speaksTLS reports whether the first bytes can be a TLS record (RFC 8446
// section 5.1): a content type and the major version 3.
func (o *observed) speaksTLS() bool {
	if len(o.kept) > 0 && (o.kept[0] < 20 || o.kept[0] > 23) {
		return false
	}
	return len(o.kept) < 2 || o.kept[1] == 3
}

// classify names a failure. seen is nil when there was no connection.
func classify(ctx context.Context, err error, seen *observed) *Failure {
	f := &Failure{Phase: phaseHandshake, Kind: kindOther, Detail: brief(err.Error())}
	if errors.Is(ctx.Err(), context.Canceled) {
		f.Kind, f.Detail = kindCanceled, "the caller gave up "+seen.progress()
		return f
	}
	var timeout net.Error
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		f.Kind, f.Detail = kindTimeout, "the time was up "+seen.progress()
		return f
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		f.Kind, f.Alert = kindAlert, alertOf(op.Err)
		f.Detail = "the server ended the handshake " + seen.progress()
		return f
	}
	if seen != nil && !seen.speaksTLS() {
		f.Kind, f.Detail = kindNotTLS, fmt.Sprintf("the server's answer is not TLS; it begins with %q", printable(string(seen.kept[:min(len(seen.kept), 40)])))
		return f
	}
	switch {
	case isReset(err):
		f.Kind, f.Detail = kindReset, "the connection was reset "+seen.progress()
	case seen == nil:
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		f.Kind, f.Detail = kindClosed, "the server closed the connection "+seen.progress()
	case isLocal(err):
		f.Kind = kindRefused
	}
	return f
}

// isReset knows the reset of every platform: 10053 and 10054 are Windows's
// WSAECONNABORTED and WSAECONNRESET, which its syscall package does not compare
// equal to ECONNABORTED and ECONNRESET. A broken pipe is a reset seen in writing.
func isReset(err error) bool {
	for _, reset := range []syscall.Errno{syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, 10053, 10054} {
		if errors.Is(err, reset) {
			return true
		}
	}
	return false
}

// isLocal reports an objection of crypto/tls itself: it raises an alert, or
// says so under its own name or that of the library that checks signatures.
func isLocal(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "local error"
	}
	return strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "crypto/")
}

// alertOf finds an alert by the text of the error, since crypto/tls exports the
// type of alerts received only through AlertError.
func alertOf(err error) string {
	for n := range 256 {
		if tls.AlertError(n).Error() == err.Error() {
			return alertName(uint8(n))
		}
	}
	return brief(err.Error())
}

// alertName is the name of RFC 8446 section 6 and appendix B.2; the last one is
// of RFC 9849.
func alertName(n uint8) string {
	switch n {
	case 0:
		return "close_notify"
	case 10:
		return "unexpected_message"
	case 20:
		return "bad_record_mac"
	case 21:
		return "decryption_failed_RESERVED"
	case 22:
		return "record_overflow"
	case 30:
		return "decompression_failure_RESERVED"
	case 40:
		return "handshake_failure"
	case 41:
		return "no_certificate_RESERVED"
	case 42:
		return "bad_certificate"
	case 43:
		return "unsupported_certificate"
	case 44:
		return "certificate_revoked"
	case 45:
		return "certificate_expired"
	case 46:
		return "certificate_unknown"
	case 47:
		return "illegal_parameter"
	case 48:
		return "unknown_ca"
	case 49:
		return "access_denied"
	case 50:
		return "decode_error"
	case 51:
		return "decrypt_error"
	case 60:
		return "export_restriction_RESERVED"
	case 70:
		return "protocol_version"
	case 71:
		return "insufficient_security"
	case 80:
		return "internal_error"
	case 86:
		return "inappropriate_fallback"
	case 90:
		return "user_canceled"
	case 100:
		return "no_renegotiation_RESERVED"
	case 109:
		return "missing_extension"
	case 110:
		return "unsupported_extension"
	case 111:
		return "certificate_unobtainable_RESERVED"
	case 112:
		return "unrecognized_name"
	case 113:
		return "bad_certificate_status_response"
	case 114:
		return "bad_certificate_hash_value_RESERVED"
	case 115:
		return "unknown_psk_identity"
	case 116:
		return "certificate_required"
	case 120:
		return "no_application_protocol"
	case 121:
		return "ech_required"
	}
	return fmt.Sprintf("alert(%d)", n)
}
