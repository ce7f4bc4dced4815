// Package stun asks a STUN server for a binding (RFC 8489), which is how a
// client tells whether UDP gets through to the media servers.
package stun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pion/stun/v3"
)

// firstWait is RFC 8489's RTO: how long a request waits before it is sent once
// more. It doubles each time. The RFC sends seven times (Rc) and waits 39.5 s in
// all; maxSends are fewer, as a check has less time than a call.
const (
	firstWait = 500 * time.Millisecond
	maxSends  = 4
)

// ErrNoSTUN is the error of a peer that answers, and not in STUN or not to what
// was asked: another cookie, another transaction, another protocol.
var ErrNoSTUN = errors.New("what came back is no answer to a STUN binding request")

// Bind sends a binding request over a connected UDP socket and returns the
// address that the server sees it come from. A server that refuses gives the zero
// address and no error: it is there. The error of a server that stays silent
// until ctx ends is os.ErrDeadlineExceeded or the context's, that of a port that
// nobody listens on whatever the system says of it.
func Bind(ctx context.Context, conn net.Conn) (netip.AddrPort, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("stun: build request: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	stranger := false
	buffer := make([]byte, 2048)
	for sent, wait := 0, firstWait; ; sent, wait = sent+1, 2*wait {
		if sent < maxSends {
			if _, err := conn.Write(request.Raw); err != nil {
				return netip.AddrPort{}, fmt.Errorf("stun: send request: %w", err)
			}
		}
		if err := deadline(ctx, conn, wait); err != nil {
			return netip.AddrPort{}, ended(ctx, stranger)
		}
		for {
			n, err := conn.Read(buffer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return netip.AddrPort{}, fmt.Errorf("stun: read answer: %w", err)
			}
			if mapped, ok := answer(buffer[:n], request.TransactionID); ok {
				return mapped, nil
			}
			stranger = true
		}
		if ctx.Err() != nil || sent >= maxSends {
			return netip.AddrPort{}, ended(ctx, stranger)
		}
	}
}

// deadline bounds the next reads, unless ctx has ended.
func deadline(ctx context.Context, conn net.Conn, wait time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	return ctx.Err()
}

func ended(ctx context.Context, stranger bool) error {
	switch {
	case stranger:
		return ErrNoSTUN
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	}
	return os.ErrDeadlineExceeded
}

// answer reads a datagram. Not ok is whatever does not answer the transaction.
func answer(b []byte, id [stun.TransactionIDSize]byte) (mapped netip.AddrPort, ok bool) {
	if !stun.IsMessage(b) {
		return mapped, false
	}
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if err := m.Decode(); err != nil || m.TransactionID != id || m.Type.Method != stun.MethodBinding {
		return mapped, false
	}
	switch m.Type.Class {
	case stun.ClassErrorResponse:
		return mapped, true
	case stun.ClassSuccessResponse:
		var x stun.XORMappedAddress
		if err := x.GetFrom(m); err == nil {
			return addrPort(x.IP, x.Port), true
		}
		var plain stun.MappedAddress // of servers older than RFC 5389
		if err := plain.GetFrom(m); err == nil {
			return addrPort(plain.IP, plain.Port), true
		}
		return mapped, true
	}
	return mapped, false
}

func addrPort(ip net.IP, port int) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), uint16(port))
}
