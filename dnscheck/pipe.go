package dnscheck

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// pipe sends many questions to one server over few UDP sockets, and matches the
// answers by id and question. How many wait at a time is bounded, because a server
// drops what does not fit into its socket's buffer.
type pipe struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string
	timeout time.Duration // of one question; it is sent again after an eighth of it
	sockets []pipeSocket
	next    atomic.Uint32
	pace    *pace        // nil: none
	heard   atomic.Int64 // when an answer came last, or the first question went, in Unix nanoseconds; 0: before
	lost    atomic.Int64 // questions given up since then
}

// manyLost is how many questions are given up before a server that says nothing
// counts as one that is not there.
const manyLost = 64

// dead reports whether a server has answered none of many questions for a while.
func (p *pipe) dead(after time.Duration) bool {
	return p.lost.Load() >= manyLost && time.Since(time.Unix(0, p.heard.Load())) > after
}

type pipeSocket struct {
	p *pipe
	// slots holds one for each group of questions under way. Groups wake their sender
	// once, where single questions would wake it for every answer.
	slots chan struct{}

	mu      sync.Mutex
	conn    net.Conn
	waiting map[uint16]*flight
	timer   *time.Timer // runs while something waits
	names   interned    // for those who read answers
}

// flight is a question under way.
type flight struct {
	wire    []byte // the question as it is sent; the first two octets are its id
	asker   asker
	age     int // ticks since it was sent
	ignored int // answers to other questions that were read past
}

// asker takes the answer to a question. Its methods are called with the socket's
// lock held, until one of them has taken an answer or a failure. The asker frees the
// slot.
type asker interface {
	// take reads an answer with the right id. It returns false if it is not to this
	// question.
	take(s *pipeSocket, f *flight, wire []byte) bool
	fail(s *pipeSocket, f *flight, r reply)
}

// groupSize is how many questions one slot is for.
const groupSize = 4

// A question is given up after ticks, and sent again after againTicks: soon, because
// what is lost was lost in a full buffer, and a run waits for its last answer.
const (
	ticks      = 16
	againTicks = 2
)

func newPipe(dial func(ctx context.Context, network, address string) (net.Conn, error), address string, timeout time.Duration, sockets, inFlight int) *pipe {
	p := &pipe{dial: dial, address: address, timeout: timeout, sockets: make([]pipeSocket, sockets)}
	for i := range p.sockets {
		p.sockets[i].p = p
		p.sockets[i].slots = make(chan struct{}, max(2, inFlight/groupSize)) // a sender may hold one while it waits for work
		p.sockets[i].waiting = make(map[uint16]*flight, inFlight)
	}
	return p
}

func (p *pipe) close() {
	for i := range p.sockets {
		s := &p.sockets[i]
		s.mu.Lock()
		s.drop(reply{status: StatusCancelled, detail: "the run ended"})
		s.mu.Unlock()
	}
}

// exchange asks, and waits for the answer or the time-out.
func (p *pipe) exchange(ctx context.Context, query *dns.Msg) reply {
	wire, err := query.Pack()
	if err != nil {
		return reply{status: StatusMalformed, detail: "the question cannot be written: " + err.Error()}
	}
	s := &p.sockets[int(p.next.Add(1))%len(p.sockets)]
	w := &waiter{query: query, done: make(chan reply, 1)}
	f := &flight{wire: wire, asker: w}
	if err := s.reserve(ctx); err != nil {
		return failed(ctx, ctx, overUDP, err, 0)
	}
	defer func() { <-s.slots }()
	if err := p.pace.wait(ctx, 1); err != nil {
		return failed(ctx, ctx, overUDP, err, 0)
	}
	if err := s.send(ctx, f); err != nil {
		return failed(ctx, ctx, overUDP, err, 0)
	}
	select {
	case r := <-w.done:
		return r
	case <-ctx.Done():
		s.mu.Lock()
		s.done(f)
		s.mu.Unlock()
		return reply{status: StatusCancelled, detail: ctx.Err().Error()}
	}
}

// waiter is an asker that waits.
type waiter struct {
	query *dns.Msg
	done  chan reply // holds one
}

func (w *waiter) take(_ *pipeSocket, f *flight, wire []byte) bool {
	w.query.Id = binary.BigEndian.Uint16(f.wire)
	msg, verdict, detail := unpackAnswer(w.query, wire)
	switch verdict {
	case answerOther:
		return false
	case answerBroken:
		w.fail(nil, f, reply{status: StatusMalformed, detail: detail})
	default:
		w.done <- reply{msg: msg, ignored: f.ignored}
	}
	return true
}

func (w *waiter) fail(_ *pipeSocket, f *flight, r reply) {
	r.ignored = f.ignored
	w.done <- r
}

// reserve waits for a slot.
func (s *pipeSocket) reserve(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send opens the socket if need be and sends. An error means that the asker will not
// be called.
func (s *pipeSocket) send(ctx context.Context, f *flight) error {
	conn, err := s.add(ctx, f)
	if err != nil {
		return err
	}
	if _, err := conn.Write(f.wire); err != nil {
		s.broken(conn, err)
	}
	return nil
}

func (s *pipeSocket) add(ctx context.Context, f *flight) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // after the run's end nobody closes a socket
	}
	if s.conn == nil {
		conn, err := s.p.dial(ctx, overUDP, s.p.address)
		if err != nil {
			return nil, err
		}
		s.conn = conn
		go s.read(conn)
	}
	id := uint16(rand.Uint32())
	for s.waiting[id] != nil {
		id++ // far fewer than 65,536 wait
	}
	binary.BigEndian.PutUint16(f.wire, id)
	s.waiting[id] = f
	if s.timer == nil {
		s.timer = time.AfterFunc(s.p.timeout/ticks, s.tick)
	}
	s.p.heard.CompareAndSwap(0, time.Now().UnixNano())
	return s.conn, nil
}

// done ends a flight, unless it has ended. mu is held.
func (s *pipeSocket) done(f *flight) {
	if id := binary.BigEndian.Uint16(f.wire); s.waiting[id] == f {
		delete(s.waiting, id)
	}
}

// tick sends again what has waited for half its time, and gives up what has waited
// for all of it.
func (s *pipeSocket) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.waiting {
		f.age++
		switch {
		case f.age >= ticks:
			s.done(f)
			s.p.lost.Add(1)
			f.asker.fail(s, f, reply{status: StatusNoAnswer, detail: "no answer over udp" + strays(f.ignored)})
		case f.age == againTicks && s.conn != nil:
			// A failure shows at the reader, or as a time-out.
			_, _ = s.conn.Write(f.wire)
		}
	}
	s.timer = nil
	if len(s.waiting) > 0 {
		s.timer = time.AfterFunc(s.p.timeout/ticks, s.tick)
	}
}

// read hands answers to those who wait, until the socket fails.
func (s *pipeSocket) read(conn net.Conn) {
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			s.broken(conn, err)
			return
		}
		s.p.heard.Store(time.Now().UnixNano())
		s.p.lost.Store(0)
		s.answer(buf[:n])
	}
}

func (s *pipeSocket) answer(wire []byte) {
	const headerSize = 12
	if len(wire) < headerSize {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := binary.BigEndian.Uint16(wire)
	f := s.waiting[id]
	if f == nil {
		return
	}
	delete(s.waiting, id) // first: the flight is not ours when its asker is done with it
	if f.asker.take(s, f, wire) {
		return
	}
	f.ignored++
	if f.ignored <= maxIgnored {
		s.waiting[id] = f
		return
	}
	f.asker.fail(s, f, reply{status: StatusMalformed, detail: "too many answers to other questions"})
}

// broken ends the questions on a socket that cannot be read or written any more. The
// next question opens another one.
func (s *pipeSocket) broken(conn net.Conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != conn {
		return
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = errors.New("the socket was closed")
	}
	s.drop(reply{status: StatusNetworkError, detail: "udp: " + err.Error()})
}

// drop closes the socket and answers everybody who waits. mu is held.
func (s *pipeSocket) drop(r reply) {
	if s.conn == nil {
		return
	}
	s.conn.Close()
	s.conn = nil
	for _, f := range s.waiting {
		s.done(f)
		f.asker.fail(s, f, r)
	}
}
