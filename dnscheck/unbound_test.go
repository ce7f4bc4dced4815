package dnscheck_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
)

// TestAgainstUnbound asks a real validating resolver in front of a real
// authoritative server: signed, unsigned and wrongly signed zones, and a delegation
// to a server that does not serve the zone.
func TestAgainstUnbound(t *testing.T) {
	knotd, unbound := peer(t, "knotd"), peer(t, "unbound")
	const head = "$TTL 3600\n@ SOA ns1.test. hostmaster 7 3600 600 86400 60\n@ NS ns1.test.\n"
	knot := startKnot(t, knotd, map[string]string{
		"signed.test":  head + healthyRecords,
		"bogus.test":   head + healthyRecords,
		"plain.test":   head + healthyRecords,
		"parent.test":  head + "lame NS ns1.lame\nns1.lame A 127.0.9.2\n",
		"test":         "$TTL 3600\n@ SOA ns1 hostmaster 7 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.9.1\nparent NS ns1\nplain NS ns1\n",
		"lync.com":     head + "sipdir.online A 127.0.10.1\nwebdir.online A 127.0.10.2\nsipfed.online A 127.0.10.3\n",
		"control.test": head + "@ A 127.0.10.9\n",
	}, "signed.test dnssec-signing: on", "bogus.test dnssec-signing: on")
	// Serves none of the zones above.
	lame := startKnot(t, knotd, map[string]string{"other.test": head}).Servers[0].Addr
	dir := t.TempDir()
	at := knot.Servers[0].Addr
	// The anchor for bogus.test is signed.test's key.
	anchor := dnskey(t, at.String(), "signed.test.")
	wrong := strings.Replace(anchor, "signed.test.", "bogus.test.", 1)
	if err := os.WriteFile(filepath.Join(dir, "anchors"), []byte(anchor+"\n"+wrong+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := freePort(t)
	conf := fmt.Sprintf(`server:
  interface: 127.0.0.1
  port: %d
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 0
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  trust-anchor-file: "anchors"
  module-config: "validator iterator"
  qname-minimisation: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
`, listen.Port(), dir)
	for _, zone := range []string{"signed.test", "bogus.test", "plain.test", "parent.test", "control.test", "test", "lync.com"} {
		conf += fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: 127.0.0.1@%d\n", zone, at.Port())
	}
	conf += fmt.Sprintf("stub-zone:\n  name: lame.parent.test\n  stub-addr: 127.0.0.1@%d\n", lame.Port())
	file := filepath.Join(dir, "unbound.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, unbound, "-d", "-c", file)
	c := &dnscheck.Client{Servers: []dnscheck.Server{{Name: "unbound", Addr: listen}}, Timeout: 5 * time.Second}
	// Name servers are known by port 53 alone.
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		switch address {
		case "127.0.9.1:53":
			address = at.String()
		case "127.0.9.2:53":
			address = lame.String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	for deadline := time.Now().Add(20 * time.Second); c.Lookup(t.Context(), "control.test", "A").Status != dnscheck.StatusOK; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("unbound does not answer: %+v", c.Lookup(t.Context(), "control.test", "A"))
		}
	}
	for _, test := range []struct {
		name, qtype   string
		want          dnscheck.Status
		authenticData bool
	}{
		{"_sip._tls.signed.test", "SRV", dnscheck.StatusOK, true},
		{"nothing.signed.test", "A", dnscheck.StatusNoSuchName, true},
		{"_sip._tls.plain.test", "SRV", dnscheck.StatusOK, false},
		{"_sip._tls.bogus.test", "SRV", dnscheck.StatusServerFailure, false},
		{"_sip._tls.lame.parent.test", "SRV", dnscheck.StatusServerFailure, false},
	} {
		a := c.Lookup(t.Context(), test.name, test.qtype)
		if a.Status != test.want || a.AuthenticData != test.authenticData || !a.Recursion {
			t.Errorf("%s: %s, AD %v (%s)", test.name, a.Status, a.AuthenticData, a.Detail)
		}
	}
	for _, domain := range []string{"signed.test", "plain.test"} {
		res := c.Ask(t.Context(), domain)
		for _, check := range dnscheck.Evaluate(res, dnscheck.LyncOnline(domain, "")) {
			if check.Status != dnscheck.CheckOK && check.Status != dnscheck.CheckNotApplicable {
				t.Errorf("%s: %s %s", check.Name, check.Status, check.Detail)
			}
		}
		batch := dnscheck.Batch{Server: c.Servers[0], Dial: c.Dial}
		for res, err := range batch.Ask(t.Context(), func(yield func(string) bool) { yield(domain) }) {
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range dnscheck.Evaluate(res, four(domain)) {
				if check.Status != dnscheck.CheckOK {
					t.Errorf("batch: %s: %s %s", check.Name, check.Status, check.Detail)
				}
			}
			sameAnswer(t, res.Answers[0], c.Lookup(t.Context(), "_sip._tls."+domain, "SRV"))
		}
	}
	res := c.Ask(t.Context(), "lame.parent.test", "control.test")
	if detail, broken := res.DelegationBroken("unbound"); !broken {
		t.Errorf("the lame delegation is not seen: %q", detail)
	}
	if servers, status, detail := c.Authoritative(t.Context(), "lame.parent.test"); status != dnscheck.StatusLameDelegation || len(servers) != 1 {
		t.Errorf("%v %s %s", servers, status, detail)
	}
	if servers, status, detail := c.Authoritative(t.Context(), "plain.test"); status != dnscheck.StatusOK || len(servers) != 1 || servers[0].Name != "ns1.test" {
		t.Errorf("%v %s %s", servers, status, detail)
	}
}

const healthyRecords = `lyncdiscover CNAME webdir.online.lync.com.
sip CNAME sipdir.online.lync.com.
_sip._tls SRV 100 1 443 sipdir.online.lync.com.
_sipfederationtls._tcp SRV 100 1 5061 sipfed.online.lync.com.
`

// dnskey returns a zone's key-signing key as a trust anchor.
func dnskey(t *testing.T, server, zone string) string {
	t.Helper()
	reply, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(zone, dns.TypeDNSKEY), server)
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range reply.Answer {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.SEP != 0 {
			return key.String()
		}
	}
	t.Fatalf("%s is not signed: %v", zone, reply)
	return ""
}
