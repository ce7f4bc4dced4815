package lab

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxUnread is how much one direction of a connection holds before Write
// waits for the reader. It is far above anything a sign-in sends, so in
// practice writes never block.
const maxUnread = 8 << 20

// flow is one direction of a connection: what is written can be read after
// delay. It needs no goroutine: each parcel carries the time at which it is
// due, and the reader waits for that.
type flow struct {
	delay     time.Duration
	datagrams bool // a read takes one whole write, and what does not fit is lost

	mu            sync.Mutex
	queue         []parcel
	size          int
	changed       chan struct{} // closed and replaced at every change
	finished      bool          // the writer has closed, and said so in the queue
	gone          bool          // the reader has closed
	goneAt        time.Time
	readDeadline  time.Time
	writeDeadline time.Time
}

// parcel is one write, or the end of the flow.
type parcel struct {
	due  time.Time
	data []byte
	err  error
}

func newFlow(delay time.Duration, datagrams bool) *flow {
	return &flow{delay: delay, datagrams: datagrams, changed: make(chan struct{})}
}

// change runs f and wakes whoever waits.
func (f *flow) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.poke()
}

func (f *flow) poke() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flow) read(p []byte) (int, error) {
	for {
		f.mu.Lock()
		now := time.Now()
		wake := f.readDeadline
		switch {
		case f.gone:
			f.mu.Unlock()
			return 0, net.ErrClosed
		case over(f.readDeadline, now):
			f.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(f.queue) > 0 && !f.queue[0].due.After(now):
			defer f.mu.Unlock()
			return f.take(p)
		case len(f.queue) > 0 && (wake.IsZero() || f.queue[0].due.Before(wake)):
			wake = f.queue[0].due
		}
		f.wait(wake)
	}
}

// take reads from the first parcel.
func (f *flow) take(p []byte) (int, error) {
	first := &f.queue[0]
	if first.err != nil {
		return 0, first.err // stays: every later read sees the end too
	}
	n := copy(p, first.data)
	f.size -= n
	first.data = first.data[n:]
	if f.datagrams {
		f.size -= len(first.data)
		first.data = nil
	}
	if len(first.data) == 0 {
		f.queue = f.queue[1:]
	}
	f.poke()
	return n, nil
}

// wait unlocks f and returns at the next change, or at the given time if it is
// not zero.
func (f *flow) wait(until time.Time) {
	changed := f.changed
	f.mu.Unlock()
	if until.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func over(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

func (f *flow) write(p []byte) (int, error) {
	for {
		f.mu.Lock()
		now := time.Now()
		switch {
		case f.finished:
			f.mu.Unlock()
			return 0, net.ErrClosed
		case over(f.writeDeadline, now):
			f.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case f.gone && !f.datagrams && !now.Before(f.goneAt.Add(f.delay)):
			f.mu.Unlock()
			return 0, syscall.EPIPE // word of the other end's close is here
		case f.gone || f.datagrams && f.size+len(p) > maxUnread:
			f.mu.Unlock()
			return len(p), nil // on its way to nobody
		case f.size == 0 || f.size+len(p) <= maxUnread:
			defer f.mu.Unlock()
			if len(p) > 0 || f.datagrams {
				f.queue = append(f.queue, parcel{due: now.Add(f.delay), data: append([]byte(nil), p...)})
				f.size += len(p)
				f.poke()
			}
			return len(p), nil
		}
		f.wait(f.writeDeadline)
	}
}

// finish ends the flow: the reader gets what is under way, then err.
func (f *flow) finish(err error) {
	f.change(func() {
		if !f.finished {
			f.finished = true
			f.queue = append(f.queue, parcel{due: time.Now().Add(f.delay), err: err})
		}
	})
}

// abandon is the reader's close.
func (f *flow) abandon() {
	f.change(func() {
		if !f.gone {
			f.gone, f.goneAt, f.queue, f.size = true, time.Now(), nil, 0
		}
	})
}

// conn is one end of an in-memory connection.
type conn struct {
	network       string
	in, out       *flow
	local, remote net.Addr
	closed        func() // told of Close, may be nil
	once          sync.Once
}

// newLink returns the two ends of a connection whose round trip takes rtt.
func newLink(network string, client, server net.Addr, rtt time.Duration) (*conn, *conn) {
	datagrams := network == "udp"
	there, back := newFlow(rtt/2, datagrams), newFlow(rtt-rtt/2, datagrams)
	return &conn{network: network, in: back, out: there, local: client, remote: server},
		&conn{network: network, in: there, out: back, local: server, remote: client}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// wrap gives errors the shape of package net's, which callers take apart.
func (c *conn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: c.remote, Err: err}
}

// Close lets the other end read what is under way, then the end.
func (c *conn) Close() error { return c.end(io.EOF) }

// reset is what a TCP RST does: the other end's reads fail.
func (c *conn) reset() { c.end(syscall.ECONNRESET) }

func (c *conn) end(err error) error {
	c.once.Do(func() {
		c.out.finish(err)
		c.in.abandon()
		if c.closed != nil {
			c.closed()
		}
	})
	return nil
}

// CloseWrite ends this direction only.
func (c *conn) CloseWrite() error {
	c.out.finish(io.EOF)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.readDeadline = t })
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.change(func() { c.out.writeDeadline = t })
	return nil
}

// packetConn is one end of a conversation in datagrams. It is connected: there
// is one peer.
type packetConn struct{ *conn }

func (p packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.remote, err
}

func (p packetConn) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }
