package lyncdiag

import (
	"net"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// registration is the one REGISTER that an exchange gets.
type registration struct {
	answered chan struct{}    // closed when this server's own answer is there
	done     chan struct{}    // closed when its redirects have been followed too
	result   *sip.ProbeResult // nil while it runs, and when TLS gave no session
	options  *sip.ProbeResult // nil unless asked for
	hops     []fact.Hop
}

// register starts the REGISTER of an exchange as soon as its TLS stands.
func (e *Env) register(x *exchange) *registration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.registrations == nil {
		e.registrations = map[*exchange]*registration{}
	}
	if r, ok := e.registrations[x]; ok {
		return r
	}
	r, options := &registration{answered: make(chan struct{}), done: make(chan struct{})}, e.options
	e.registrations[x] = r
	e.wire.wg.Go(func() {
		defer close(r.done)
		e.ask(x, r, options)
		close(r.answered)
		r.hops = e.follow(x, r.result)
	})
	return r
}

func (e *Env) ask(x *exchange, r *registration, options bool) {
	ctx := e.wire.ctx
	conn, err := x.take(ctx)
	if err != nil {
		return // the exchange says why
	}
	defer conn.Close()
	client := e.sipClient()
	result := client.Register(ctx, conn, e.Target.WireAddress())
	if over(ctx) {
		return
	}
	r.result = result
	if options && result.Problem == "" {
		r.options = e.askOptions(conn)
	}
}

func (e *Env) askOptions(conn net.Conn) *sip.ProbeResult {
	result := e.sipClient().Options(e.wire.ctx, conn, e.Target.WireAddress())
	if over(e.wire.ctx) {
		return nil
	}
	return result
}

func (e *Env) sipClient() *sip.Client {
	return &sip.Client{UserAgent: UserAgent(e.Setting), Timeout: e.Network.exchange(), Now: e.Network.Now}
}

// follow goes where a registrar sends its clients. Each server is asked once a
// run, whoever names it, and no redirect is followed twice.
func (e *Env) follow(x *exchange, answer *sip.ProbeResult) []fact.Hop {
	seen := fact.Candidate{Endpoint: x.endpoint(), SIP: answer}
	for {
		host, port, ok := seen.Final().Redirect()
		if !ok || seen.Loops() {
			return seen.Hops
		}
		next := e.connect(host, port, true, 1)
		r := e.register(next)
		endpoint, err := next.await(e.wire.ctx, r.answered)
		if err != nil {
			return seen.Hops
		}
		seen.Hops = append(seen.Hops, fact.Hop{Endpoint: endpoint, SIP: r.result})
	}
}

// registered adds what came of an exchange's REGISTER, as far as it has ended.
func (e *Env) registered(x *exchange, c *fact.Candidate) {
	r := e.register(x)
	select {
	case <-r.done:
		c.SIP, c.Options, c.Hops = r.result, r.options, r.hops
	default:
	}
}
