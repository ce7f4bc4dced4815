package stun_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/stun"
)

// serve answers each datagram on loopback with what f makes of it, nil for
// nothing.
func serve(t testing.TB, f func([]byte) []byte) net.Conn {
	t.Helper()
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if out := f(bytes.Clone(b[:n])); out != nil {
				server.WriteTo(out, from)
			}
		}
	}()
	conn, err := net.Dial("udp4", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// success is a binding success response of RFC 8489, written by hand: 203.0.113.7
// port 40000 as XOR-MAPPED-ADDRESS.
func success(request []byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, 0x0101)
	out = binary.BigEndian.AppendUint16(out, 12)
	out = append(out, request[4:20]...)
	out = append(out, 0, 0x20, 0, 8, 0, 1)
	out = binary.BigEndian.AppendUint16(out, 40000^0x2112)
	return append(out, 203^0x21, 0^0x12, 113^0xa4, 7^0x42)
}

func TestBind(t *testing.T) {
	plain := func(request []byte) []byte { // MAPPED-ADDRESS, as before RFC 5389
		out := success(request)
		out[21] = 1
		copy(out[26:], []byte{40000 >> 8, 40000 & 0xff, 203, 0, 113, 7})
		return out
	}
	refused := func(request []byte) []byte {
		out := []byte{1, 0x11, 0, 8}
		out = append(out, request[4:20]...)
		return append(out, 0, 9, 0, 4, 0, 0, 4, 1)
	}
	six := func(request []byte) []byte { // 2001:db8::7 port 40000, behind an attribute that is padded
		out := []byte{1, 1, 0, 32}
		out = append(out, request[4:20]...)
		out = append(out, 0x80, 0x22, 0, 1, 'x', 0, 0, 0)
		out = append(out, 0, 0x20, 0, 20, 0, 2)
		out = binary.BigEndian.AppendUint16(out, 40000^0x2112)
		for i, b := range netip.MustParseAddr("2001:db8::7").As16() {
			out = append(out, b^request[4+i])
		}
		return out
	}
	for name, tt := range map[string]struct {
		answer func([]byte) []byte
		want   string
	}{"IPv6": {six, "[2001:db8::7]:40000"}, "success": {success, "203.0.113.7:40000"}, "older": {plain, "203.0.113.7:40000"}, "refused": {refused, "invalid AddrPort"}} {
		mapped, err := stun.Bind(t.Context(), serve(t, tt.answer))
		if err != nil || mapped.String() != tt.want {
			t.Errorf("%s: %v, %v", name, mapped, err)
		}
	}
}

func TestBindAsksAgain(t *testing.T) {
	seen := 0
	conn := serve(t, func(b []byte) []byte {
		if seen++; seen == 1 {
			return nil
		}
		return success(b)
	})
	if mapped, err := stun.Bind(t.Context(), conn); err != nil || !mapped.IsValid() {
		t.Errorf("%v, %v", mapped, err)
	}
}

func TestBindStrangers(t *testing.T) {
	change := func(i int) func([]byte) []byte {
		return func(b []byte) []byte {
			out := success(b)
			out[i] ^= 0xff
			return out
		}
	}
	for name, answer := range map[string]func([]byte) []byte{
		"wrong cookie": change(5), "wrong transaction": change(12), "a request of its own": func(b []byte) []byte { return b },
		"DNS": func([]byte) []byte { return []byte("\x00\x01\x81\x80\x00\x01") }, "cut short": func(b []byte) []byte { return success(b)[:21] },
		"length that lies": change(3), "nothing": func([]byte) []byte { return []byte{} },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		mapped, err := stun.Bind(ctx, serve(t, answer))
		cancel()
		if !errors.Is(err, stun.ErrNoSTUN) {
			t.Errorf("%s: %v, %v", name, mapped, err)
		}
	}
}

func TestBindSilence(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := stun.Bind(ctx, serve(t, func([]byte) []byte { return nil })); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
	conn, err := net.Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := stun.Bind(t.Context(), conn); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a closed port: %v", err)
	}
}

// Whatever comes back gives an address only if it answers this transaction.
func FuzzBind(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x00"), true)
	f.Add(success(make([]byte, 20)), true)
	f.Add(success(make([]byte, 20)), false)
	f.Fuzz(func(t *testing.T, b []byte, own bool) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			request := make([]byte, 2048)
			n, err := far.Read(request)
			if err != nil || n < 20 {
				return
			}
			out := bytes.Clone(b)
			if own && len(out) >= 20 {
				copy(out[4:20], request[4:20])
			}
			far.Write(out)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		mapped, err := stun.Bind(ctx, near)
		near.Close()
		if mapped != (netip.AddrPort{}) && (err != nil || !own || len(b) < 20) {
			t.Fatalf("%q gives %v, %v", b, mapped, err)
		}
	})
}
