package lyncdiag

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// attemptDelay is RFC 8305's: how long the next address waits for the one
// before it.
const attemptDelay = 250 * time.Millisecond

// maxAddresses bounds how many addresses of a host are tried.
const maxAddresses = 8

// dial connects to the first of the host's addresses that answers. Observed,
// the first address of the other family is tried to its end as well, beside
// whatever goes on over the connection: a path that is dead shows only to who
// waits for it.
func (x *exchange) dial(ctx context.Context, observed bool) (net.Conn, netip.AddrPort, error) {
	if x.tunnelled() {
		return x.throughProxy(ctx)
	}
	addresses := interleave(x.endpoint().Resolve.Addresses)
	ctx, cancel := context.WithTimeout(ctx, x.wire.network.exchange())
	race, over := context.WithCancel(ctx)
	defer over()
	type attempt struct {
		conn    net.Conn
		address netip.AddrPort
		err     error
	}
	results := make(chan attempt)
	next := make(chan struct{}, len(addresses)) // a refused address lets the next one start at once
	var all sync.WaitGroup
	for i, ip := range addresses {
		address := netip.AddrPortFrom(ip, x.seen.Port)
		// Interleaved, the first address of each family is one of the first two.
		first := i == 0 || i == 1 && ip.Is4() != addresses[0].Is4()
		mine := race
		if observed && first {
			mine = ctx
		}
		all.Go(func() {
			if i > 0 && !turn(mine, race, next, time.Duration(i)*attemptDelay) {
				return
			}
			start := x.wire.network.now()
			conn, err := x.wire.network.DialContext(mine, "tcp", address.String())
			if observed && first {
				x.noteFamily(address, err, x.wire.network.now().Sub(start))
			}
			next <- struct{}{}
			select {
			case results <- attempt{conn, address, err}:
			case <-race.Done():
				if conn != nil {
					conn.Close()
				}
			}
		})
	}
	x.wire.wg.Go(func() {
		all.Wait()
		cancel()
		if observed {
			close(x.settled)
		}
	})
	var errs []error
	for range addresses {
		select {
		case a := <-results:
			if a.err == nil {
				return a.conn, a.address, nil
			}
			errs = append(errs, a.err)
		case <-ctx.Done():
			errs = append(errs, x.wire.silence(x))
			return nil, netip.AddrPortFrom(addresses[0], x.seen.Port), errors.Join(errs...)
		}
	}
	return nil, netip.AddrPortFrom(addresses[0], x.seen.Port), errors.Join(errs...)
}

// turn waits until an address may be tried: its time has come, or another one
// has ended. It reports false where it is not wanted any more.
func turn(mine, race context.Context, next <-chan struct{}, wait time.Duration) bool {
	delay := time.NewTimer(wait)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-next:
	case <-race.Done():
	case <-mine.Done():
	}
	return mine.Err() == nil
}

// interleave takes the families in turn (RFC 8305 section 4), in the order of
// the answers, and no more addresses than are tried.
func interleave(addresses []netip.Addr) []netip.Addr {
	var list, four, six []netip.Addr
	for _, a := range addresses {
		if a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	for i := range max(len(four), len(six)) {
		list = append(append(list, four[min(i, len(four)):min(i+1, len(four))]...), six[min(i, len(six)):min(i+1, len(six))]...)
	}
	return list[:min(len(list), maxAddresses)]
}

func (x *exchange) noteFamily(address netip.AddrPort, err error, elapsed time.Duration) {
	if err != nil && over(x.wire.ctx) {
		return // the run ended, not the attempt
	}
	reach := fact.Reach{Address: address.Addr().String(), Status: portStatus(err), Elapsed: elapsed, NoRoute: noRoute(err)}
	if err != nil {
		reach.Detail = plain(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.families = append(x.families, reach)
	sort.SliceStable(x.families, func(i, j int) bool { return compareBool(isIPv6(x.families[i]), isIPv6(x.families[j])) < 0 })
}

func isIPv6(r fact.Reach) bool {
	ip, err := netip.ParseAddr(r.Address)
	return err == nil && !ip.Is4()
}

// noRoute reports whether nothing was sent at all: this computer has no
// address of the family, or no way out for it. The numbers are Winsock's.
func noRoute(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, 10051, 10049, 10047} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// Paths tries a host and port over IPv4 and over IPv6, as far as it has such
// addresses, and waits for both. Through a proxy neither is known.
func (e *Env) Paths(ctx context.Context, host string, port uint16) (fact.Paths, error) {
	return e.connect(host, port, false, 1).paths(ctx)
}

func (x *exchange) paths(ctx context.Context) (fact.Paths, error) {
	_, err := x.await(ctx, x.settled)
	x.mu.Lock()
	defer x.mu.Unlock()
	return fact.Paths{Host: x.seen.Host, Port: x.seen.Port, Families: slices.Clone(x.families)}, err
}

// probePaths waits for the hosts that have addresses of both families. It
// costs nothing where both answer, and one time-out where one is dead. A run whose
// time is over sooner does not know of the slower family, and that decides nothing:
// sign-in goes by the faster one.
func probePaths(ctx context.Context, env *Env) error {
	list := []fact.Paths{}
	for _, x := range env.wire.dual() {
		paths, err := x.paths(ctx)
		if err != nil && errors.Is(ctx.Err(), context.Canceled) {
			return err
		}
		if err != nil {
			return &Obstacle{Soft: true, Detail: fmt.Sprintf("%v, before both families of %s had an outcome", err, paths.Host)}
		}
		list = append(list, paths)
	}
	fact.Put(env.Facts, fact.PathsKey, list, env.Origin())
	return nil
}

// dual are the exchanges with hosts that have addresses of both families, each
// host and port once, in their names' order.
func (w *wire) dual() []*exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	var keys []string
	for key, x := range w.exchanges {
		if addresses := x.endpoint().Resolve.Addresses; !x.tunnelled() && slices.ContainsFunc(addresses, netip.Addr.Is4) && slices.ContainsFunc(addresses, netip.Addr.Is6) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var list []*exchange
	for _, key := range keys {
		list = append(list, w.exchanges[key])
	}
	return list
}

func sumPaths(f *fact.Facts) string {
	list, _, _ := fact.Get(f, fact.PathsKey)
	if len(list) == 0 {
		return "no host has addresses of both families"
	}
	six := 0
	for _, p := range list {
		if slices.ContainsFunc(p.Families, func(r fact.Reach) bool { return isIPv6(r) && r.Status == fact.Listening }) {
			six++
		}
	}
	return strconv.Itoa(six) + " of " + count(len(list), "host") + " with both families answer over IPv6"
}

func pathRules() []Rule {
	return []Rule{{
		ID: "paths.ipv6", Source: kb.Citation{KB: "RFC8305"},
		Needs: names(fact.PathsKey), Emits: []string{"ipv6-path-dead"}, Eval: judgePaths,
	}}
}

// judgePaths: IPv6 is announced and does not connect, and IPv4 does. Without
// an IPv6 address of its own this computer loses no time.
func judgePaths(f *fact.Facts, emit Emit) {
	list, o, _ := fact.Get(f, fact.PathsKey)
	var finding Finding
	for _, p := range list {
		if len(p.Families) != 2 || p.Families[0].Status != fact.Listening || p.Families[1].Status == fact.Listening || p.Families[1].NoRoute {
			continue
		}
		four, six := p.Families[0], p.Families[1]
		if finding.Name != "" {
			if !slices.ContainsFunc(finding.Evidence, func(e fact.Evidence) bool { return e.Value == p.Host }) {
				finding.Evidence = append(finding.Evidence, named("alsoFor", p.Host, o))
			}
			continue
		}
		finding = found("ipv6-path-dead", "paths", host(p.Host, o), address(six.Address, o), text("status", string(six.Status), o), prose("detail", six.Detail, o),
			text("ipv6Ms", strconv.FormatInt(six.Elapsed.Milliseconds(), 10), o), fact.Evidence{Key: "ipv4", Class: fact.IPText, Value: four.Address, Origin: o},
			text("ipv4Ms", strconv.FormatInt(four.Elapsed.Milliseconds(), 10), o))
	}
	if finding.Name != "" {
		emit(finding)
	}
}
