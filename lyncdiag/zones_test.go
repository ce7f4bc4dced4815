package lyncdiag_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// onlineZone is a domain at Lync Online as KB 2566790 has it.
const onlineZone = `lyncdiscover CNAME webdir.online.lync.com.
sip CNAME sipdir.online.lync.com.
_sip._tls SRV 100 1 443 sipdir.online.lync.com.
_sipfederationtls._tcp SRV 100 1 5061 sipfed.online.lync.com.
`

// serverZone is a domain with a deployment of its own, as it looks from outside.
const serverZone = `lyncdiscover A 127.78.3.4
sip A 127.78.3.3
accessedge A 127.78.3.3
_sip._tls SRV 0 0 443 accessedge
_sipfederationtls._tcp SRV 0 0 5061 accessedge
`

// zoneCase is a domain in a zone file, and what must be found about it.
type zoneCase struct {
	domain string
	zone   string // "": there is none
	zone2  string // the same domain as the resolver inside has it
	set    fact.Setting
	asked  []dnscheck.Server // nil: the resolver
	want   string            // "": nothing
	beside []string          // what is wrong too
	at     kb.Severity       // "": the catalogue's
}

// TestRealZones finds each dns finding in zone files that Knot DNS serves, most of
// them through Unbound, which resolves from the root down. dns-autoconfiguration-broken
// is in TestRealServers, as it takes a registrar.
func TestRealZones(t *testing.T) {
	knotd, unbound := peer(t, "knotd"), peer(t, "unbound")
	port := freePort(t)
	replace := func(zone, old, new string) string {
		if !strings.Contains(zone, old) {
			t.Fatalf("%q is not in the zone", old)
		}
		return strings.Replace(zone, old, new, 1)
	}
	without := func(zone, owner string) string {
		lines := strings.SplitAfter(zone, "\n")
		kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, owner+" ") })
		if len(kept) == len(lines) {
			t.Fatalf("%s is not in the zone", owner)
		}
		return strings.Join(kept, "")
	}
	inside, outside := dnscheck.Server{Name: "internal", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.78.0.54"), port)}, dnscheck.Server{Name: "external", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.78.0.55"), port)}
	silent, lying := dnscheck.Server{Name: "silent", Addr: silentResolver(t)}, dnscheck.Server{Name: "lying", Addr: lyingResolver(t, "lied-to.example", onlineZone)}
	server := fact.Setting{Deployment: "server"}
	cases := []zoneCase{
		{domain: "healthy.example", zone: onlineZone},
		{domain: "own.example", zone: serverZone},
		{domain: "absent.example", want: "dns-domain-missing"},
		{domain: "healthy.example", asked: []dnscheck.Server{silent}, want: "dns-server-failure"},
		{domain: "lame.example", want: "dns-delegation-broken"},
		{domain: "nodiscover.example", zone: without(onlineZone, "lyncdiscover"), want: "dns-lyncdiscover-missing", at: kb.Warning},
		{domain: "nodiscover.example", set: fact.Setting{Client: "mobile"}, want: "dns-lyncdiscover-missing"},
		{domain: "nodiscover.example", set: fact.Setting{Client: "lync2010-rtm"}},
		{domain: "otherdiscover.example", zone: replace(onlineZone, "webdir.online.lync.com.", "www.fabrikam.example."), want: "dns-lyncdiscover-wrong", at: kb.Warning}, // nobody asked it
		{domain: "otherdiscover.example", set: fact.Setting{Deployment: "online"}, want: "dns-lyncdiscover-wrong"},
		{domain: "appended.example", zone: replace(onlineZone, "webdir.online.lync.com.", "webdir.online.lync.com"), want: "dns-target-unresolvable", at: kb.Warning},
		{domain: "nodots.example", zone: strings.ReplaceAll(onlineZone, ".com.\n", ".com\n"), want: "dns-target-unresolvable"},
		{domain: "parked.example", zone: "* A 127.78.3.2\n", set: fact.Setting{Client: "mobile"}, want: "dns-lyncdiscover-missing", beside: []string{"dns-federation-srv-missing", "dns-sip-cname-missing", "dns-wildcard-answer"}},
		{domain: "nosrv.example", zone: without(onlineZone, "_sip._tls"), want: "dns-sip-tls-srv-missing", at: kb.Warning},
		{domain: "nosrv.example", set: fact.Setting{Client: "lync2010-rtm"}, want: "dns-sip-tls-srv-missing"},
		{domain: "nosrv.example", set: fact.Setting{Client: "mobile"}},
		{domain: "othersrv.example", zone: replace(onlineZone, "443 sipdir", "5061 sipdir"), want: "dns-sip-tls-srv-wrong"},
		{domain: "othersrv.example", set: fact.Setting{Client: "mobile"}, want: "dns-sip-tls-srv-wrong", at: kb.Warning},
		{domain: "nosip.example", zone: without(onlineZone, "sip"), want: "dns-sip-cname-missing"},
		{domain: "othersip.example", zone: replace(onlineZone, "sip CNAME sipdir.", "sip CNAME webdir."), want: "dns-sip-cname-wrong"},
		{domain: "stalesip.example", zone: replace(onlineZone, "sip CNAME sipdir.online.lync.com.", "sip A 127.78.1.9"), want: "dns-sip-cname-wrong"},
		{domain: "samesip.example", zone: replace(onlineZone, "sip CNAME sipdir.online.lync.com.", "sip A 127.78.1.1")},
		{domain: "nofederation.example", zone: without(onlineZone, "_sipfederationtls._tcp"), want: "dns-federation-srv-missing"},
		{domain: "otherfederation.example", zone: replace(onlineZone, "5061 sipfed", "5061 sipdir"), want: "dns-federation-srv-wrong"},
		{domain: "foreign.example", zone: replace(serverZone, "443 accessedge", "443 www.fabrikam.example."), set: server, want: "dns-srv-strict-match"},
		{domain: "twice.example", zone: onlineZone + "_sip._tls SRV 100 1 443 sipfed.online.lync.com.\n", want: "dns-srv-duplicate"},
		{domain: "blank.example", zone: replace(onlineZone, "443 sipdir.online.lync.com.", `443 sipdir.online.lync.com\032.`), want: "dns-target-malformed"},
		{domain: "deadend.example", zone: replace(onlineZone, "443 sipdir.online.lync.com.", "443 gone.lync.com."), want: "dns-target-unresolvable"},
		{domain: "itself.example", zone: replace(onlineZone, "lyncdiscover CNAME webdir.online.lync.com.", "lyncdiscover CNAME lyncdiscover"), want: "dns-cname-loop", at: kb.Warning},
		{domain: "itself.example", set: fact.Setting{Client: "mobile"}, want: "dns-cname-loop"},
		{domain: "circle.example", zone: replace(onlineZone, "lyncdiscover CNAME webdir.online.lync.com.", "lyncdiscover CNAME web\nweb CNAME lyncdiscover"), want: "dns-cname-loop", at: kb.Warning},
		{domain: "split.example", zone: onlineZone, zone2: without(onlineZone, "lyncdiscover"), asked: []dnscheck.Server{outside, inside}, want: "dns-internal-external-differ"},
		{domain: "same.example", zone: onlineZone, zone2: onlineZone + "lyncdiscoverinternal CNAME webdir.online.lync.com.\n", asked: []dnscheck.Server{outside, inside}},
		{domain: "wild.example", zone: onlineZone + "* A 127.78.3.2\n", want: "dns-wildcard-answer"},
		{domain: "lied-to.example", asked: []dnscheck.Server{lying}},
		// Inside the network of a deployment of its own.
		{domain: "inner.example", zone: serverZone + "lyncdiscoverinternal A 127.78.3.5\npool A 127.78.3.5\n_sipinternaltls._tcp SRV 0 0 5061 pool\n", set: fact.Setting{Deployment: "server", Location: "inside"}},
		{domain: "innermost.example", zone: replace(serverZone, "lyncdiscover ", "lyncdiscoverinternal "), set: fact.Setting{Deployment: "server", Location: "inside"}},
		{domain: "wronginside.example", zone: serverZone + "_sipinternaltls._tcp SRV 0 0 443 accessedge\n", set: fact.Setting{Deployment: "server", Location: "inside", Client: "lync2010-rtm"}, want: "dns-sip-tls-srv-wrong"},
		{domain: "leftover.example", zone: onlineZone + "lyncdiscoverinternal CNAME www.fabrikam.example.\n", set: fact.Setting{Location: "inside"}, want: "dns-lyncdiscover-wrong", at: kb.Warning},
		// The view inside has what the article's successor asks for there, and no more.
		{domain: "inout.example", zone: onlineZone, zone2: "lyncdiscoverinternal CNAME webdir.online.lync.com.\nsip CNAME sipdir.online.lync.com.\n_sip._tls SRV 10 5 443 sipdir.online.lync.com.\n", asked: []dnscheck.Server{outside, inside}},
		// Nobody listens there, which is no sign of a network that is down.
		{domain: "healthy.example", asked: []dnscheck.Server{{Name: "refusing", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.78.0.98"), port)}}, want: "dns-server-failure"},
		{domain: "nowhere.invalid", asked: []dnscheck.Server{outside}, want: "dns-domain-missing"},
	}

	zones, zones2 := worldZones(), worldZones()
	for _, c := range cases {
		if c.zone == "" {
			continue
		}
		zones[c.domain], zones2[c.domain] = c.zone, c.zone
		if c.zone2 != "" {
			zones2[c.domain] = c.zone2
		}
	}
	resolver := dnscheck.Server{Name: "unbound", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.78.0.53"), port)}
	serveZones(t, knotd, outside.Addr, zones)
	serveZones(t, knotd, inside.Addr, zones2)
	resolveFrom(t, unbound, resolver.Addr, outside.Addr, "")

	// The same once more, signed and validated; one zone is signed with a key that is
	// not the one its resolver trusts.
	signer := netip.AddrPortFrom(netip.MustParseAddr("127.78.0.56"), port)
	signed := dnscheck.Server{Name: "validating", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.78.0.57"), port)}
	zones["forged.example"] = onlineZone
	serveZones(t, knotd, signer, zones, "dnssec-signing: on")
	anchors := ""
	for _, c := range append(cases, zoneCase{domain: "forged.example", zone: onlineZone}) {
		if c.zone != "" {
			key := keyOf(t, signer, c.domain)
			if c.domain == "forged.example" {
				key = keyOf(t, signer, "healthy.example")
			}
			anchors += fmt.Sprintf("%s. IN DNSKEY %s\n", c.domain, key)
		}
	}
	resolveFrom(t, unbound, signed.Addr, signer, anchors)
	for _, c := range slices.Clone(cases) {
		if c.asked == nil {
			c.asked = []dnscheck.Server{signed}
			cases = append(cases, c)
		}
	}
	cases = append(cases, zoneCase{domain: "forged.example", asked: []dnscheck.Server{signed}, want: "dns-delegation-broken"})

	found := map[string]bool{}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d %s", i, c.domain), func(t *testing.T) {
			if c.asked == nil {
				c.asked = []dnscheck.Server{resolver}
			}
			d := &lyncdiag.Diagnoser{
				Setting: c.set, Plan: lyncdiag.DefaultPlan().Only("dns"),
				Network: &lyncdiag.Network{Dial: loopbackOnly(new(net.Dialer).DialContext), DNS: c.asked, Exchange: 4 * time.Second},
			}
			facts, report, err := d.Facts(t.Context(), lyncdiag.Target{Domain: c.domain})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range lyncdiag.Records(facts) {
				if told := strings.Contains(r.Detail, "were ignored"); told != (c.asked[0] == lying) {
					t.Errorf("%s: %q", r.Name, r.Detail)
				}
			}
			var roots []string
			var worst, severity kb.Severity
			for _, f := range report.Findings {
				if f.CausedBy != "" || f.Severity == kb.Info {
					continue
				}
				roots = append(roots, f.Name)
				spec, _ := kb.Lookup(f.Name)
				if f.Name == c.want && (worst == "" || f.Severity == kb.Failure) {
					worst = f.Severity
				}
				if f.Name == c.want {
					severity = cmp.Or(c.at, spec.Severity)
				}
				found[f.Name] = true
			}
			if c.want != "" && worst != severity && slices.Contains(roots, c.want) {
				t.Errorf("%s is a %s", c.want, worst)
			}
			if slices.Sort(roots); c.want == "" && len(roots) > 0 || c.want != "" && !slices.Equal(slices.Compact(roots), slices.Sorted(slices.Values(append(c.beside, c.want)))) {
				t.Errorf("found %v, want %q:\n%s", roots, c.want, describe(report))
			}
		})
	}
	for _, spec := range kb.Catalogue() {
		if strings.HasPrefix(spec.Name, "dns-") && spec.Name != "dns-autoconfiguration-broken" && !found[spec.Name] {
			t.Errorf("%s was not found in any zone", spec.Name)
		}
	}
}

// freePort is a port that nobody holds, over UDP and TCP.
func freePort(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		conn, err := net.ListenPacket("udp4", "127.78.0.53:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp4", conn.LocalAddr().String())
		conn.Close()
		if err == nil {
			l.Close()
			return netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
		}
	}
	t.Fatal("no port is free over UDP and TCP")
	return 0
}

// worldZones are the root and the zones of others. One of the root's delegations
// leads to a server that is not there.
func worldZones() map[string]string {
	return map[string]string{
		".":                   "example NS ns.example.\nns.example A 127.78.0.55\n",
		"example":             "ns A 127.78.0.55\nlame NS ns.lame\nns.lame A 127.78.0.99\n",
		"fabrikam.example":    "www A 127.78.4.1\n",
		"lync.com":            "sipdir.online A 127.78.1.1\nwebdir.online A 127.78.1.2\nsipfed.online A 127.78.1.3\n",
		"microsoftonline.com": "login A 127.78.2.1\n",
	}
}

// serveZones has Knot DNS serve zone files at an address until the test ends.
func serveZones(t *testing.T, knotd string, at netip.AddrPort, zones map[string]string, options ...string) {
	t.Helper()
	dir := t.TempDir()
	conf := fmt.Sprintf("server:\n    rundir: %q\n    listen: %s@%d\ndatabase:\n    storage: %q\ntemplate:\n  - id: default\n    storage: %q\n    semantic-checks: off\nlog:\n  - target: stderr\n    any: error\nzone:\n", dir, at.Addr(), at.Port(), dir, dir)
	for _, origin := range slices.Sorted(maps.Keys(zones)) {
		file := strings.Trim(origin, ".") + ".zone"
		writeFile(t, filepath.Join(dir, file), fmt.Sprintf("$TTL 300\n@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60\n@ NS ns.example.\n%s", zones[origin]))
		conf += fmt.Sprintf("  - domain: %q\n    file: %q\n", origin, file)
		for _, option := range options {
			conf += "    " + option + "\n"
		}
	}
	writeFile(t, filepath.Join(dir, "knot.conf"), conf)
	run(t, knotd, "-c", filepath.Join(dir, "knot.conf"))
	awaitAnswer(t, at, "healthy.example")
}

// resolveFrom has Unbound resolve at an address from a root server until the test
// ends. The root server serves all zones, at its own port; every other name server
// is known by an address at which nobody listens.
// With anchors, DNSKEY records, it validates what lies below them.
func resolveFrom(t *testing.T, unbound string, at, root netip.AddrPort, anchors string) {
	t.Helper()
	dir := t.TempDir()
	modules := "iterator"
	if anchors != "" {
		modules = "validator iterator"
		writeFile(t, filepath.Join(dir, "anchors"), anchors)
		modules += "\"\n  trust-anchor-file: \"anchors"
	}
	file := filepath.Join(dir, "unbound.conf")
	writeFile(t, file, fmt.Sprintf(`server:
  interface: %s
  port: %d
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  do-daemonize: no
  do-ip6: no
  use-syslog: no
  logfile: ""
  verbosity: 0
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  module-config: "%s"
  qname-minimisation: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "."
  stub-addr: %s@%d
`, at.Addr(), at.Port(), dir, modules, root.Addr(), root.Port()))
	run(t, unbound, "-d", "-c", file)
	awaitAnswer(t, at, "healthy.example")
}

func awaitAnswer(t *testing.T, at netip.AddrPort, domain string) {
	t.Helper()
	c := &dnscheck.Client{Dial: loopbackOnly(new(net.Dialer).DialContext), Servers: []dnscheck.Server{{Addr: at}}, Timeout: time.Second}
	var a dnscheck.Answer
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if a = c.Lookup(t.Context(), domain, "SOA"); a.Status == dnscheck.StatusOK {
			return
		}
	}
	t.Fatalf("%s does not answer: %s %s", at, a.Status, a.Detail)
}

// keyOf is the key-signing key of a zone, as a record's data.
func keyOf(t *testing.T, at netip.AddrPort, zone string) string {
	t.Helper()
	c := &dnscheck.Client{Dial: loopbackOnly(new(net.Dialer).DialContext), Servers: []dnscheck.Server{{Addr: at}}}
	for _, r := range c.Lookup(t.Context(), zone, "DNSKEY").Records {
		if strings.HasPrefix(r.Text, "257 ") { // the SEP bit is set (RFC 4034 section 2.1.1)
			return r.Text
		}
	}
	t.Fatalf("%s is not signed", zone)
	return ""
}

// silentResolver takes every question and answers none.
func silentResolver(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// lyingResolver answers every question with somebody else's answer first, of
// another id or to another name, and then with the right one.
func lyingResolver(t *testing.T, domain, zone string) netip.AddrPort {
	t.Helper()
	server := &dnstest.Server{Recursive: true, Overrides: []dnstest.Override{
		{Type: "SRV", Behaviour: dnstest.WrongQuestion, ThenRight: true}, {Behaviour: dnstest.WrongID, ThenRight: true},
	}}
	all := worldZones()
	all[domain] = zone
	for origin, text := range all {
		z, err := dnstest.ParseZone(strings.TrimSuffix(origin, "."), "$TTL 300\n@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60\n@ NS ns.example.\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		server.Zones = append(server.Zones, z)
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go server.ServePacket(conn)
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}
