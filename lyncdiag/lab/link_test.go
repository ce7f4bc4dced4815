package lab

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

var (
	here  = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000}
	there = &net.TCPAddr{IP: net.IPv4(127, 0, 2, 1), Port: 443}
)

// The standard library's own expectations of a net.Conn.
func TestLinkIsANetConn(t *testing.T) {
	for _, rtt := range []time.Duration{0, 100 * time.Microsecond} {
		t.Run(rtt.String(), func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				near, far := newLink("tcp", here, there, rtt)
				return near, far, func() { near.Close(); far.Close() }, nil
			})
		})
	}
}

func TestLinkDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newLink("tcp", here, there, 100*time.Millisecond)
		start := time.Now()
		near.Write([]byte("one"))
		near.Write([]byte("two")) // needs no acknowledgement of the first
		got := make([]byte, 6)
		if _, err := io.ReadFull(far, got); err != nil || string(got) != "onetwo" {
			t.Fatalf("read %q, %v", got, err)
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("one way took %v, want half of 100ms", took)
		}
		far.Write([]byte("answer"))
		io.ReadFull(near, got)
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("there and back took %v, want 100ms", took)
		}
	})
}

func TestLinkEnds(t *testing.T) {
	const rtt = 100 * time.Millisecond
	read := func(c net.Conn) (string, error) {
		b, err := io.ReadAll(c)
		return string(b), err
	}
	tests := []struct {
		name string
		end  func(c *conn)
		text string
		err  error
	}{
		{"close", func(c *conn) { c.Close() }, "rest", nil},
		{"half-close", func(c *conn) { c.CloseWrite() }, "rest", nil},
		{"reset", func(c *conn) { c.reset() }, "rest", syscall.ECONNRESET},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := newLink("tcp", here, there, rtt)
				far.Write([]byte("rest"))
				test.end(far)
				text, err := read(near)
				if text != test.text || !errors.Is(err, test.err) {
					t.Errorf("read %q, %v; want %q, %v", text, err, test.text, test.err)
				}
				_, err = near.Write([]byte("more"))
				if test.name == "half-close" {
					if err != nil {
						t.Fatalf("write after the other end's half-close: %v", err)
					}
					far.SetReadDeadline(time.Now().Add(rtt))
					got := make([]byte, 4)
					if _, err := io.ReadFull(far, got); err != nil {
						t.Errorf("read after the own half-close: %v", err)
					}
					return
				}
				if !errors.Is(err, syscall.EPIPE) {
					t.Errorf("write after the other end has gone: %v, want EPIPE", err)
				}
			})
		})
	}
}

func TestLinkDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newLink("tcp", here, there, 2*time.Second)
		start := time.Now()
		near.SetReadDeadline(start.Add(time.Second))
		far.Write([]byte("late"))
		buf := make([]byte, 10)
		_, err := near.Read(buf)
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Second {
			t.Errorf("read gave %v after %v, want a time-out after 1s", err, time.Since(start))
		}
		near.SetReadDeadline(time.Time{})
		if n, err := near.Read(buf); n != 4 || err != nil {
			t.Errorf("read without deadline: %d, %v", n, err)
		}
	})
}

// A writer waits at the bound, and goes on when the reader has made room.
func TestLinkBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newLink("tcp", here, there, 0)
		if _, err := near.Write(make([]byte, maxUnread)); err != nil {
			t.Fatal(err)
		}
		near.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := near.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write beyond the bound: %v, want a time-out", err)
		}
		near.SetWriteDeadline(time.Time{})
		go io.CopyN(io.Discard, far, 1000)
		if _, err := near.Write([]byte("x")); err != nil {
			t.Errorf("write after room was made: %v", err)
		}
		near.Close()
		far.Close()
	})
}

func TestDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newLink("udp", here, there, 100*time.Millisecond)
		var client net.PacketConn = packetConn{near}
		client.WriteTo([]byte("first datagram"), there)
		client.WriteTo([]byte("second"), there)
		buf := make([]byte, 5)
		for _, want := range []string{"first", "secon"} {
			n, from, err := packetConn{far}.ReadFrom(buf)
			if string(buf[:n]) != want || from != here || err != nil {
				t.Errorf("read %q from %v, %v; want %q", buf[:n], from, err, want)
			}
		}
		near.Close()
		far.Close()
	})
}
