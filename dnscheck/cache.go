package dnscheck

import (
	"context"
	"sync"

	"github.com/miekg/dns"
)

// maxCached bounds a Cache: a run over many domains must not grow without end.
const maxCached = 10000

// Cache shares answers: one question to one server is sent once, however many ask
// for it at the same time or later. It ignores TTLs, so it is meant for one run.
// What a cancelled context cut short is not kept. When ten thousand answers are
// held, later ones are shared only while they are under way.
//
// The zero value is ready; a Cache must not be copied after first use.
type Cache struct {
	// Shared, when set, is the cache of several runs, which look there first.
	// Records and their absence are kept in it; what went wrong stays in this
	// cache, so that one lost packet is not held against later runs.
	Shared *Cache

	mu    sync.Mutex
	calls map[question]*call
}

type question struct {
	server string
	name   string
	qtype  uint16
}

type call struct {
	done  chan struct{} // closed when reply is set
	reply reply
}

func (c *Cache) do(ctx context.Context, key question, ask func() reply) reply {
	for {
		c.mu.Lock()
		if c.calls == nil {
			c.calls = make(map[question]*call)
		}
		running, ok := c.calls[key]
		if !ok {
			mine := &call{done: make(chan struct{})}
			c.calls[key] = mine
			c.mu.Unlock()
			return c.run(ctx, key, mine, ask)
		}
		c.mu.Unlock()
		select {
		case <-running.done:
		case <-ctx.Done():
			return reply{status: StatusCancelled, detail: ctx.Err().Error()}
		}
		if running.reply.status != StatusCancelled {
			return running.reply
		}
		// Whoever asked gave up. That is no reason for us to: ask ourselves.
	}
}

func (c *Cache) run(ctx context.Context, key question, mine *call, ask func() reply) reply {
	// Set first, so that waiters of a panicking caller ask for themselves.
	mine.reply = reply{status: StatusCancelled, detail: "not asked"}
	defer func() {
		c.mu.Lock()
		if mine.reply.status == StatusCancelled || len(c.calls) > maxCached {
			delete(c.calls, key)
		}
		c.mu.Unlock()
		close(mine.done)
	}()
	mine.reply = c.Shared.through(ctx, key, ask)
	return mine.reply
}

// through asks by way of a shared cache, if there is one.
func (c *Cache) through(ctx context.Context, key question, ask func() reply) reply {
	if c == nil {
		return ask()
	}
	r := c.do(ctx, key, ask)
	if r.msg != nil && (r.msg.Rcode == dns.RcodeSuccess || r.msg.Rcode == dns.RcodeNameError) {
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.calls[key]; ok && kept.ended() {
		delete(c.calls, key)
	}
	return r
}

func (c *call) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
