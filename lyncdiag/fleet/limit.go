package fleet

import (
	"context"
	"net"
	"sync"
	"time"
)

// Limit bounds what one server has to bear: connections, and questions to a
// resolver, which count as such. Every server, that is every IP address, has a
// token bucket of its own. It must not be copied after first use.
//
// A connection is never held back, as a server that is kept waiting for would
// look like one that is silent. Targets are: the next one starts when each
// server has room for what a target costs it, which the targets before it have
// shown. Until the first one has ended there is therefore one at a time.
type Limit struct {
	Rate  float64          // connections a second to one server; 0: no limit
	Burst int              // connections at once after a pause; 0: one second's
	Now   func() time.Time // nil: time.Now

	mu      sync.Mutex
	servers map[string]*bucket
	started int
	ended   int
	changed chan struct{} // closed and replaced when a target ends
}

// bucket is one server's. Tokens below 0 are a debt.
type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
	cost   float64   // tokens that a target takes, by the last ones
}

// fare is what a target has paid beforehand, and what it has used.
type fare struct {
	paid map[string]float64
	used map[string]float64
}

type fareKey struct{}

func withFare(ctx context.Context, f *fare) context.Context {
	if f == nil {
		return ctx
	}
	return context.WithValue(ctx, fareKey{}, f)
}

func (l *Limit) off() bool { return l == nil || l.Rate <= 0 }

func (l *Limit) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

func (l *Limit) burst() float64 {
	if l.Burst > 0 {
		return float64(l.Burst)
	}
	return max(l.Rate, 1)
}

// dial counts what goes through a network's Dial.
func (l *Limit) dial(next func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err == nil {
			l.spend(ctx, host)
		}
		return next(ctx, network, address)
	}
}

// spend takes a token, of those paid beforehand if there is one.
func (l *Limit) spend(ctx context.Context, server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := ctx.Value(fareKey{}).(*fare)
	if ok {
		f.used[server]++
		if f.paid[server] >= 1 {
			f.paid[server]--
			return
		}
	}
	l.bucket(server).tokens--
}

// bucket brings a server's bucket up to date.
func (l *Limit) bucket(server string) *bucket {
	now := l.now()
	b := l.servers[server]
	if b == nil {
		b = &bucket{tokens: l.burst(), at: now}
		if l.servers == nil {
			l.servers = map[string]*bucket{}
		}
		l.servers[server] = b
	}
	b.tokens = min(l.burst(), b.tokens+now.Sub(b.at).Seconds()*l.Rate)
	b.at = now
	return b
}

// admit waits until a target may start, and takes what it will cost.
func (l *Limit) admit(ctx context.Context) (*fare, error) {
	if l.off() {
		return nil, nil
	}
	for {
		f, wait, changed := l.enter()
		if f != nil {
			return f, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// enter lets a target start, or says how long to wait unless something changes.
func (l *Limit) enter() (*fare, time.Duration, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	if l.ended == 0 && l.started > 0 {
		return nil, time.Hour, l.changed
	}
	missing := 0.0
	for server := range l.servers {
		b := l.bucket(server)
		// What costs more than a full bucket starts with a full one.
		missing = max(missing, min(b.cost, l.burst())-b.tokens)
	}
	if missing > 1e-6 {
		return nil, time.Duration(missing/l.Rate*float64(time.Second)) + time.Millisecond, l.changed
	}
	l.started++
	f := &fare{paid: map[string]float64{}, used: map[string]float64{}}
	for server, b := range l.servers {
		b.tokens -= b.cost
		f.paid[server] = b.cost
	}
	return f, 0, nil
}

// leave gives back what a target has paid and not used, and learns from it what
// the next one costs.
func (l *Limit) leave(f *fare) {
	if f == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for server, left := range f.paid {
		if b := l.servers[server]; b != nil {
			b.tokens += left
		}
	}
	for server, b := range l.servers {
		b.cost = max(f.used[server], b.cost*3/4)
		if b.cost < 1 {
			b.cost = 0
		}
		// A server of one target alone, such as its own AD FS, is not kept.
		if l.bucket(server); b.cost == 0 && b.tokens >= l.burst() {
			delete(l.servers, server)
		}
	}
	l.ended++
	if l.changed != nil {
		close(l.changed)
		l.changed = make(chan struct{})
	}
}
