// Package stun asks a STUN server for a binding (RFC 8489), which is how a
// client tells whether UDP gets through to the media servers.
package stun

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
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
	request := bindingRequest()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	stranger := false
	buffer := make([]byte, 2048)
	for sent, wait := 0, firstWait; ; sent, wait = sent+1, 2*wait {
		if sent < maxSends {
			if _, err := conn.Write(request); err != nil {
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
			if mapped, ok := answer(buffer[:n], request); ok {
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

// Of RFC 8489: the header (section 5), the methods and classes of a binding
// (section 18.2) and the attributes that hold an address (section 18.3).
const (
	headerSize       = 20 // type, length, magic cookie, transaction
	magicCookie      = 0x2112a442
	typeRequest      = 0x0001
	typeSuccess      = 0x0101
	typeRefusal      = 0x0111
	mappedAddress    = 0x0001 // of servers older than RFC 5389
	xorMappedAddress = 0x0020
	familyIPv4       = 1
	familyIPv6       = 2
)

// bindingRequest has no attribute, and a transaction that nobody can guess.
func bindingRequest() []byte {
	b := make([]byte, headerSize)
	binary.BigEndian.PutUint16(b, typeRequest)
	binary.BigEndian.PutUint32(b[4:], magicCookie)
	rand.Read(b[8:])
	return b
}

// answer reads a datagram: the address that it says asked came from, or none, if
// it refuses or does not say. Not ok is whatever does not answer asked.
func answer(b, asked []byte) (mapped netip.AddrPort, ok bool) {
	if len(b) < headerSize || !bytes.Equal(b[4:headerSize], asked[4:headerSize]) {
		return mapped, false
	}
	kind, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if kind != typeSuccess && kind != typeRefusal || size > len(b)-headerSize {
		return mapped, false
	}
	key := b[4:headerSize] // cookie and transaction: what XOR-MAPPED-ADDRESS is hidden with
	for rest := b[headerSize : headerSize+size]; len(rest) > 0; {
		if len(rest) < 4 {
			return netip.AddrPort{}, false
		}
		attribute, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if n > len(rest)-4 {
			return netip.AddrPort{}, false
		}
		switch {
		case kind == typeSuccess && attribute == xorMappedAddress:
			mapped = address(rest[4:4+n], key)
		case kind == typeSuccess && attribute == mappedAddress && !mapped.IsValid():
			mapped = address(rest[4:4+n], make([]byte, len(key)))
		}
		rest = rest[min(4+(n+3)&^3, len(rest)):] // values are padded to four bytes
	}
	return mapped, true
}

// address reads the value of (XOR-)MAPPED-ADDRESS (RFC 8489 sections 14.1, 14.2):
// zero, family, port, address, the last two hidden with key. One that is
// malformed gives the zero address.
func address(value, key []byte) netip.AddrPort {
	if !(len(value) == 4+net.IPv4len && value[1] == familyIPv4) && !(len(value) == 4+net.IPv6len && value[1] == familyIPv6) {
		return netip.AddrPort{}
	}
	host := bytes.Clone(value[4:])
	for i := range host {
		host[i] ^= key[i]
	}
	ip, _ := netip.AddrFromSlice(host)
	return netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(value[2:])^binary.BigEndian.Uint16(key))
}
