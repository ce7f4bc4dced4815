package lyncdiag

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

const stageRevocation StageID = "revocation"

func (p Plan) has(id StageID) bool {
	return slices.ContainsFunc(p, func(s Stage) bool { return s.ID == id })
}

// credentialed reports whether a stage may send a password: none goes to a host
// whose certificate was revoked.
func (p Plan) credentialed() bool {
	return slices.ContainsFunc(p, func(s Stage) bool { return s.Credentialed })
}

// publicRoots are the subjects of the roots that public hosts may rest on beside
// the public authorities' own: those that were named, else the pool that was
// given in place of the system's.
func (n *Network) publicRoots() []string {
	var list []string
	for _, c := range n.PublicRoots {
		list = append(list, c.Subject.String())
	}
	if n.PublicRoots == nil && n.Roots != nil {
		//lint:ignore SA1019 the pool was made by the caller, so it holds nothing of the system's
		for _, der := range n.Roots.Subjects() {
			var name pkix.RDNSequence
			if _, err := asn1.Unmarshal(der, &name); err == nil {
				list = append(list, name.String())
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ---- what the authorities say ----

// askAuthorities has every chain that is seen asked about, beside whatever
// waits for the host.
func (w *wire) askAuthorities() {
	w.authorities = &certs.Authorities{Verifier: w.verifier, HTTP: outward{w}, Timeout: w.network.exchange()}
	w.nearAuthorities = &certs.Authorities{Verifier: w.verifier, HTTP: w.client, Timeout: w.network.exchange()}
}

// inquire starts the questions about the chain of a session; nil: there is
// none. It returns at once.
func (x *exchange) inquire(session *tls.Conn) {
	if session == nil || x.wire.authorities == nil {
		return
	}
	state := session.ConnectionState()
	authorities := x.wire.authorities
	if !x.tunnelled() && near(x.endpoint().Reach) {
		authorities = x.wire.nearAuthorities
	}
	asked := make(chan struct{})
	x.mu.Lock()
	x.asked = asked
	x.mu.Unlock()
	x.wire.wg.Go(func() {
		defer close(asked)
		about := authorities.Ask(x.wire.ctx, state.PeerCertificates, x.seen.Host, state.OCSPResponse)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.about = about
	})
}

// revoked waits for what the authorities say of an exchange's chain, twice as
// long as for one of them at most, and reports whether they took something of
// it back. Where nobody answers it is false, as for Windows and the clients.
func (x *exchange) revoked(ctx context.Context) bool {
	x.mu.Lock()
	asked := x.asked
	x.mu.Unlock()
	if asked == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*x.wire.network.exchange())
	defer cancel()
	select {
	case <-asked:
	case <-ctx.Done():
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.about.Problems, func(p certs.Problem) bool { return p.Code == "revoked" })
}

// unreadable reports a chain of which a certificate cannot be read, and that
// TLS 1.3 hides.
func unreadable(r *certs.Result) bool {
	return slices.ContainsFunc(r.Problems, func(p certs.Problem) bool { return p.Code == "malformed" && p.Certificate < 0 })
}

// readInClear asks once more with TLS 1.2, which shows certificates in the
// clear. What it adds is the chain.
func (x *exchange) readInClear(r *certs.Result) *certs.Result {
	conn, _, err := x.further(x.wire.ctx)
	if err != nil {
		return r
	}
	verifier := *x.wire.verifier
	verifier.MaxVersion = tls.VersionTLS12
	session, again := verifier.Handshake(x.wire.ctx, conn, x.seen.Host)
	if session != nil {
		session.Close()
		return r
	}
	if len(again.Chain) == 0 {
		return r
	}
	return again
}

// Survey finds out what a TLS server accepts, through the run's dial path. It
// makes several connections; nil: none came about, or the name does not resolve.
func (e *Env) Survey(ctx context.Context, host string, port uint16) (*certs.Survey, error) {
	x := e.connect(host, port, true, 1)
	endpoint, err := x.await(ctx, x.secured)
	if err != nil || endpoint.Reach.Status != fact.Listening {
		return nil, err
	}
	survey := e.wire.verifier.Survey(ctx, func(ctx context.Context) (net.Conn, error) {
		conn, _, err := x.further(ctx)
		return conn, err
	}, host)
	if over(ctx) {
		return nil, cut(ctx)
	}
	return survey, nil
}

// probeRevocation waits for the answers about every chain that was seen by now.
// A run that is over keeps those that came.
func probeRevocation(ctx context.Context, env *Env) error {
	standings := []fact.Standing{}
	for _, x := range env.wire.secured() {
		_, _ = x.await(ctx, x.secured)
		x.mu.Lock()
		asked := x.asked
		x.mu.Unlock()
		if asked == nil {
			continue
		}
		select {
		case <-asked:
		case <-ctx.Done():
			if env.wire.ctx.Err() == nil {
				continue
			}
			<-asked // it ends with the run, and says what it knows
		}
		x.mu.Lock()
		standings = append(standings, fact.Standing{Host: x.seen.Host, Port: x.seen.Port, Standing: *x.about})
		x.mu.Unlock()
	}
	if len(standings) > 0 || !over(ctx) {
		fact.Put(env.Facts, fact.StandingsKey, standings, env.Origin())
	}
	if over(ctx) {
		return cut(ctx)
	}
	var trouble []string
	for _, s := range standings {
		for _, p := range s.Problems {
			if text := fmt.Sprintf("%s: %s", s.Host, p.Code); !slices.Contains(trouble, text) {
				trouble = append(trouble, text)
			}
		}
	}
	if len(trouble) > 0 {
		return &Obstacle{Detail: strings.Join(trouble, "; "), Soft: true}
	}
	return nil
}

// secured are the exchanges with TLS, by host and port.
func (w *wire) secured() []*exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*exchange
	for _, x := range w.exchanges {
		if x.secure {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *exchange) int {
		return strings.Compare(exchangeKey(a.seen.Host, a.seen.Port, true), exchangeKey(b.seen.Host, b.seen.Port, true))
	})
	return list
}

func sumRevocation(f *fact.Facts) string {
	standings, _, _ := fact.Get(f, fact.StandingsKey)
	said := map[string]int{}
	for _, s := range standings {
		for _, r := range s.Revocation {
			said[r.Status]++
		}
	}
	switch {
	case len(standings) == 0:
		return "no certificate was seen"
	case len(said) == 0:
		return "there was no certificate of a trusted chain to ask about"
	case said["good"] == 0:
		return "no certificate names anybody who could be asked"
	}
	return fmt.Sprintf("%s not revoked", count(said["good"], "certificate"))
}

// ---- TLS as a client of the past does it ----

// further opens one more connection to a host, which is not observed.
func (x *exchange) further(ctx context.Context) (net.Conn, netip.AddrPort, error) {
	return x.dial(ctx, false)
}

// probeWithoutSNI shakes hands with the federation service without naming it,
// as clients on Windows XP do, while others ask it with its name.
func probeWithoutSNI(ctx context.Context, env *Env) error {
	x, err := env.federation()
	if err != nil {
		return err
	}
	endpoint, err := x.await(ctx, x.resolved)
	if err != nil {
		return err
	}
	conn, address, err := x.further(env.wire.ctx)
	if over(ctx) {
		return cut(ctx)
	}
	if err != nil {
		return &Obstacle{Detail: fmt.Sprintf("%s was not reached for it", endpoint.Host), Soft: true}
	}
	endpoint.Reach = fact.Reach{Status: fact.Listening}
	if address.IsValid() { // not through a proxy
		endpoint.Reach.Address = address.Addr().String()
	}
	session, result := env.wire.verifier.Handshake(ctx, conn, "")
	if session != nil {
		session.Close()
	}
	if over(ctx) {
		return cut(ctx)
	}
	result.Address = endpoint.Reach.Address
	endpoint.TLS = result
	fact.Put(env.Facts, fact.WithoutSNIKey, endpoint, env.Origin())
	if result.Handshake != nil {
		return &Obstacle{Detail: fmt.Sprintf("%s, not named: %s", endpoint.Host, result.Handshake.Detail), Soft: true}
	}
	return nil
}

func sumWithoutSNI(f *fact.Facts) string {
	without, _, _ := fact.Get(f, fact.WithoutSNIKey)
	return fmt.Sprintf("%s shows %s", without.Host, leafOf(without.TLS))
}

func leafOf(r *certs.Result) string {
	if r == nil || len(r.Chain) == 0 {
		return "no certificate"
	}
	return r.Chain[0].Subject
}

// clientVersions are the newest TLS versions that client generations offer
// where Windows was left as it came. What Windows offers is a setting, so this
// is an approximation; a client that is not listed offers what is current.
var clientVersions = map[string]struct {
	newest uint16
	basis  string
}{
	"lync2010-rtm": {tls.VersionTLS10, "Lync 2010 on Windows 7 or older, where WinHTTP and Schannel offer TLS 1.0 unless KB 3140245 and the registry say otherwise"},
	"lync2010":     {tls.VersionTLS10, "Lync 2010 on Windows 7 or older, where WinHTTP and Schannel offer TLS 1.0 unless KB 3140245 and the registry say otherwise"},
	"lync2013":     {tls.VersionTLS12, "Lync 2013 on Windows 8.1 or Windows 10, or on Windows 7 with KB 3140245"},
	"sfb2016":      {tls.VersionTLS12, "Skype for Business 2016 on Windows 10"},
}

// ClientTLSVersion is the newest TLS version that a client of fact.Setting is
// taken to offer, such as "TLS 1.0", and why. ok is false for a client that
// offers what is current.
func ClientTLSVersion(client string) (version, basis string, ok bool) {
	c, ok := clientVersions[client]
	if !ok {
		return "", "", false
	}
	return tls.VersionName(c.newest), c.basis, true
}

func emulated(f *fact.Facts) *Skip {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	if _, ok := clientVersions[setting.Client]; !ok {
		return &Skip{SkipNotApplicable, "no client generation was chosen"}
	}
	return nil
}

// probeClientTLS asks each host again that agreed on a version which the chosen
// client does not offer.
func probeClientTLS(ctx context.Context, env *Env) error {
	client := clientVersions[env.Setting.Client]
	seen := []fact.ClientTLS{}
	var trouble []string
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, x := range env.wire.secured() {
		e := x.endpoint()
		if e.TLS == nil || e.TLS.Handshake != nil || versionOf(e.TLS.TLSVersion) <= client.newest {
			continue
		}
		all.Go(func() {
			conn, _, err := x.further(ctx)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				trouble = append(trouble, e.Host+" was not reached again")
				return
			}
			verifier := env.Network.Verifier()
			verifier.MaxVersion = client.newest
			session, result := verifier.Handshake(ctx, conn, e.Host)
			if session != nil {
				session.Close()
			}
			result.Address = e.Reach.Address
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fact.ClientTLS{Host: e.Host, Port: e.Port, Client: env.Setting.Client, Version: tls.VersionName(client.newest), Basis: client.basis, TLS: result})
		})
	}
	all.Wait()
	if over(ctx) {
		return cut(ctx)
	}
	order := func(a, b fact.ClientTLS) int {
		return strings.Compare(exchangeKey(a.Host, a.Port, true), exchangeKey(b.Host, b.Port, true))
	}
	sort.SliceStable(seen, func(i, j int) bool { return order(seen[i], seen[j]) < 0 })
	fact.Put(env.Facts, fact.ClientTLSKey, seen, env.Origin())
	slices.Sort(trouble)
	for _, c := range seen {
		if c.TLS.Handshake != nil {
			trouble = append(trouble, fmt.Sprintf("%s refuses %s: %s", c.Host, c.Version, c.TLS.Handshake.Detail))
		}
	}
	if len(trouble) > 0 {
		return &Obstacle{Detail: strings.Join(trouble, "; "), Soft: true}
	}
	return nil
}

// versionOf is the number of a version by its name; 0: it is none.
func versionOf(name string) uint16 {
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if tls.VersionName(v) == name {
			return v
		}
	}
	return 0
}

func sumClientTLS(f *fact.Facts) string {
	seen, _, _ := fact.Get(f, fact.ClientTLSKey)
	if len(seen) == 0 {
		return "no host was seen to refuse the versions that the client offers"
	}
	return fmt.Sprintf("%s also accept %s", count(len(seen), "host"), seen[0].Version)
}
