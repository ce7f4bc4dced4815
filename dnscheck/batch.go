package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a Batch uses where its fields are zero.
const (
	batchSockets  = 2
	batchInFlight = 64
)

// Batch asks one server about many domains: four questions a domain, many at a time
// over few UDP sockets. Memory does not grow with the number of domains.
type Batch struct {
	Server Server
	// Dial opens a connection to the server; see [Client.Dial].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout bounds one question; zero means five seconds. It is sent again once, after
	// an eighth of that. Nothing else is retried.
	Timeout time.Duration
	// Sockets is how many UDP sockets are used; zero means two.
	Sockets int
	// InFlight is how many questions wait for an answer on each socket; zero means 64.
	// With many more, servers and socket buffers lose some.
	InFlight int
	// Rate bounds the questions a second; zero means no bound.
	Rate float64
	// Hosts are looked up once for all domains and stand among the Hosts of every
	// result, and among its Controls where they are not under the domain; see
	// [Client.Ask].
	Hosts []string
	// Now gives the times in results; nil means time.Now.
	Now func() time.Time
}

// Ask looks up the four records of KB 2566790 for each domain: the SRV records
// _sip._tls and _sipfederationtls._tcp, and the hosts sip and lyncdiscover. Hosts
// that these lead to, outside the domain, are looked up once for all domains;
// addresses are looked for in IPv6 only where there is none in IPv4. Results hold
// nothing about other names, so [Evaluate] them against expectations of these four.
// Results share data with each other and must not be changed. Where names do not exist
// and nothing else shows that the domain does, its SOA record is asked for, too; and
// where a host leads elsewhere than to the online service, a name that cannot exist.
//
// Results come as they are finished, each domain exactly once, also where the
// answers are failures; what is no domain gives a result with its Detail. When ctx
// ends, the server cannot be asked this way at all, or it has answered none of many
// questions for three times the Timeout, the last pair holds the error and no result:
// domains whose results have not come were not looked at.
func (b *Batch) Ask(ctx context.Context, domains iter.Seq[string]) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		if b.Dial == nil {
			yield(nil, errors.New("dnscheck: ask for many domains: no way to dial was given"))
			return
		}
		if b.Server.Network != "" && b.Server.Network != overUDP || !b.Server.Addr.IsValid() {
			yield(nil, fmt.Errorf("dnscheck: ask for many domains: server %s is not asked over UDP", b.Server))
			return
		}
		running, cancel := context.WithCancel(ctx)
		defer cancel()
		stopped := false
		var dead error
		r := b.run(running, domains)
		for res := range r.out {
			<-r.places
			if limit := 3 * r.c.timeout(); !stopped && r.c.pipe.dead(limit) {
				dead = fmt.Errorf("dnscheck: ask for many domains: %s has answered none of many questions for more than %v", b.Server, limit)
				stopped = true
				cancel()
			}
			switch {
			case stopped: // the rest is on its way
			case ctx.Err() != nil: // what was cut short is no result
				stopped = true
			case !yield(res, nil):
				stopped = true
				cancel()
			}
		}
		if dead != nil {
			yield(nil, dead)
			return
		}
		if err := ctx.Err(); err != nil && (!stopped || running.Err() == err) {
			yield(nil, fmt.Errorf("dnscheck: ask for many domains: %w", err))
		}
	}
}

// batchRun is one call of Batch.Ask.
type batchRun struct {
	c       *Client
	servers []Server
	hosts   []string // Batch.Hosts
	pace    *pace
	places  chan struct{} // one for each domain under way
	out     chan *Result  // has room for all domains under way, as has slow
	slow    chan *four
	fours   sync.Pool // of *four

	mu      sync.RWMutex
	targets map[string]target // hosts outside the domains, by name
	shared  *Cache            // for what is asked in the general way
	since   time.Time         // of shared
}

// target is a host outside the domains, and when it was looked up.
type target struct {
	host *Host
	at   time.Time
}

// What is known of a host outside the domains is asked for again after a minute, as
// records change; what went wrong, after some seconds, as packets are lost.
const (
	targetAge  = time.Minute
	failureAge = 3 * time.Second
)

// run starts the goroutines. Whoever takes a result from out takes one from places,
// too; out is closed when all have ended.
func (b *Batch) run(ctx context.Context, domains iter.Seq[string]) *batchRun {
	sockets, inFlight := b.Sockets, b.InFlight
	if sockets <= 0 {
		sockets = batchSockets
	}
	if inFlight <= 0 {
		inFlight = batchInFlight
	}
	underWay := max(2*sockets, 2*sockets*inFlight/groupSize) // some are being finished
	c := &Client{Dial: b.Dial, Servers: []Server{b.Server}, Timeout: b.Timeout, Now: b.Now}
	c.pipe = newPipe(b.Dial, b.Server.hostPort(), c.timeout(), sockets, inFlight)
	c.pipe.pace = newPace(b.Rate)
	r := &batchRun{
		c: c, servers: c.Servers, targets: make(map[string]target), pace: c.pipe.pace,
		places: make(chan struct{}, underWay),
		out:    make(chan *Result, underWay),
		slow:   make(chan *four, underWay),
	}
	for _, h := range b.Hosts {
		r.hosts = append(r.hosts, display(h))
	}
	work := make(chan string, sockets)
	var senders, finishers sync.WaitGroup
	for i := range c.pipe.sockets {
		senders.Go(func() {
			s := &c.pipe.sockets[i]
			// The slot comes first, so that no domain waits for one socket while
			// another has room.
			for s.reserve(ctx) == nil {
				domain, more := <-work
				if !more {
					<-s.slots
					return
				}
				r.ask(ctx, s, domain)
			}
			for domain := range work {
				r.out <- &Result{Domain: domain} // nobody looks at it any more
			}
		})
	}
	for range max(1, inFlight/4) {
		finishers.Go(func() {
			for d := range r.slow {
				r.finish(ctx, d)
				r.put(d)
			}
		})
	}
	go func() {
		for domain := range domains {
			select {
			case r.places <- struct{}{}:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				break
			}
			work <- domain
		}
		close(work)
		senders.Wait()
		// Every domain sent frees its place when its result is taken.
		for range cap(r.places) {
			select {
			case r.places <- struct{}{}:
			case <-ctx.Done():
				c.pipe.close()
			}
		}
		close(r.slow)
		finishers.Wait()
		c.pipe.close()
		close(r.out)
	}()
	return r
}

// ask sends the four questions of a domain in a slot that is reserved.
func (r *batchRun) ask(ctx context.Context, s *pipeSocket, domain string) {
	res := &Result{Domain: domain, Servers: r.servers, At: r.c.now()}
	ascii, err := ASCII(domain)
	if err != nil {
		<-s.slots
		res.Detail = err.Error()
		r.out <- res
		return
	}
	res.Domain = ascii
	res.Controls = r.controls(ascii)
	d := newFour(r, res)
	late := r.pace.wait(ctx, len(fourNames))
	for i := range d.questions {
		q := &d.questions[i]
		err := late
		if err == nil {
			err = s.send(ctx, &q.flight)
		}
		if err != nil {
			s.mu.Lock()
			q.fail(s, &q.flight, failed(ctx, ctx, overUDP, err, 0))
			s.mu.Unlock()
		}
	}
}

// finish does what the answers to the four questions leave to do.
func (r *batchRun) finish(ctx context.Context, d *four) {
	server := r.servers[0]
	asker := r.asker()
	asker.own = "." + d.res.Domain + "."
	for i := range d.questions {
		q := &d.questions[i]
		switch {
		case q.again && i < 2:
			d.res.Answers[i] = asker.lookup(ctx, server, q.name, "SRV")
		case q.again:
			d.res.Hosts[i-2] = asker.lookupFirst(ctx, server, q.name)
		case q.beyond != "":
			d.res.Hosts[i-2].continueAt(r.target(ctx, q.beyond))
		}
	}
	for _, a := range d.res.Answers {
		for _, rec := range a.Records[:min(len(a.Records), maxTargets)] {
			if _, ok := d.res.Host(server.String(), rec.Target); ok || rec.Target == "." {
				continue
			}
			if d.owns(rec.Target) {
				d.res.Hosts = append(d.res.Hosts, asker.lookupFirst(ctx, server, rec.Target))
			} else {
				d.res.Hosts = append(d.res.Hosts, *r.target(ctx, rec.Target))
			}
		}
	}
	for _, name := range r.hosts {
		if _, ok := d.res.Host(server.String(), name); !ok {
			d.res.Hosts = append(d.res.Hosts, *r.target(ctx, name))
		}
	}
	if d.strange() {
		d.res.NonExistent = []Host{asker.lookupFirst(ctx, server, noSuchHost+"."+d.res.Domain)}
	}
	if d.homeless() {
		d.res.Answers = append(d.res.Answers, asker.lookup(ctx, server, d.res.Domain, "SOA"))
	}
	d.res.Elapsed = r.c.now().Sub(d.res.At)
}

// controls are the hosts that are not under a domain.
func (r *batchRun) controls(domain string) []string {
	own := func(name string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }
	if !slices.ContainsFunc(r.hosts, own) {
		return r.hosts
	}
	return slices.DeleteFunc(slices.Clone(r.hosts), own)
}

// put hands a result over. d is used again, unless somebody may still be writing a
// question of it.
func (r *batchRun) put(d *four) {
	res := d.res
	if !d.failed {
		r.fours.Put(d)
	}
	r.out <- res
}

// asker is a client whose answers are shared with other domains, and whose failures
// are not.
func (r *batchRun) asker() *Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.shared == nil || now.Sub(r.since) > targetAge {
		r.shared, r.since = new(Cache), now
	}
	c := *r.c
	c.Cache = &Cache{Shared: r.shared}
	return &c
}

// target looks up a host for all domains.
func (r *batchRun) target(ctx context.Context, name string) *Host {
	if h := r.known(name); h != nil {
		return h
	}
	h := r.asker().lookupFirst(ctx, r.servers[0], name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.targets) < maxCached && h.Status != StatusCancelled {
		r.targets[name] = target{&h, time.Now()}
	}
	return &h
}

// known is what is known of a host outside the domains, nil where it is to be asked
// for.
func (r *batchRun) known(name string) *Host {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t, ok := r.targets[name]
	age := targetAge
	if ok && !t.host.Status.Known() {
		age = failureAge
	}
	if !ok || time.Since(t.at) > age {
		return nil
	}
	return t.host
}

// lookupFirst asks for IPv4 addresses, and for IPv6 where there are none.
func (c *Client) lookupFirst(ctx context.Context, s Server, host string) Host {
	if h, ok := literal(host); ok {
		h.Server = s.String()
		return h
	}
	a := c.lookup(ctx, s, host, "A")
	h := Host{A: a}
	if a.Status == StatusNoData {
		h.AAAA = c.lookup(ctx, s, host, "AAAA")
	}
	h.sumUp()
	return h
}

// sumUp sets the other fields by A, and by AAAA if it was asked for.
func (h *Host) sumUp() {
	h.Name, h.Server, h.Status, h.CNAMEs, h.Elapsed = h.A.Name, h.A.Server, h.A.Status, h.A.CNAMEs, h.A.Elapsed
	if h.AAAA.Status != "" {
		h.Status = hostStatus(h.A.Status, h.AAAA.Status)
		h.Elapsed += h.AAAA.Elapsed
	}
	if n := len(h.A.Records) + len(h.AAAA.Records); n > 0 {
		h.Addresses = make([]netip.Addr, 0, n)
	}
	for _, r := range h.A.Records {
		h.Addresses = append(h.Addresses, r.Address)
	}
	for _, r := range h.AAAA.Records {
		h.Addresses = append(h.Addresses, r.Address)
	}
}

// continueAt adds what is known of the host that the last CNAME names.
func (h *Host) continueAt(target *Host) {
	a := h.A
	h.A = a.continued(target.A)
	if target.AAAA.Status != "" {
		h.AAAA = a.continued(target.AAAA)
	}
	h.sumUp()
}

// continued is the answer to a question that an answer with nothing but CNAMEs led
// to the next one.
func (a Answer) continued(next Answer) Answer {
	next.Name = a.Name
	if len(next.CNAMEs)+len(next.Records) == 0 && next.TTL == 0 {
		next.TTL = a.TTL
	}
	next.TTL = min(next.TTL, a.TTL)
	next.CNAMEs = append(slices.Clip(a.CNAMEs), next.CNAMEs...)
	next.Truncated = next.Truncated || a.Truncated
	next.Ignored += a.Ignored
	next.Elapsed += a.Elapsed
	if next.Status == StatusNoSuchName {
		next.Detail = next.CNAMEs[len(next.CNAMEs)-1] + " does not exist"
	}
	return next
}
