package dnscheck_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// TestAgainstKnot asks a real authoritative server, so that the client is not
// measured by our own fake alone.
func TestAgainstKnot(t *testing.T) {
	knotd := peer(t, "knotd")
	zones := map[string]string{
		"contoso.example": `
$TTL 3600
@                      SOA ns1 hostmaster 7 3600 600 86400 60
@                      NS ns1
ns1                    A 127.0.0.1
lyncdiscover           CNAME webdir.online.lync.com.
sip                    CNAME own
own                    CNAME sipdir.online.lync.com.
_sip._tls              SRV 100 1 443 sipdir.online.lync.com.
_sipfederationtls._tcp SRV 100 1 5061 sipfed
sipfed                 A 127.0.0.5
loop1                  CNAME loop2
loop2                  CNAME loop1
dangling               CNAME nothing
away                   CNAME host.elsewhere.example.
part                   NS ns.part
ns.part                A 127.0.0.6
` + manyAddresses("many", 250),
		"online.lync.com": `
$TTL 300
@ SOA ns1 hostmaster 7 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
sipdir A 127.0.10.1
sipdir AAAA ::1
webdir CNAME webdir1e
webdir1e A 127.0.10.2
`,
	}
	c := startKnot(t, knotd, zones)
	fake := &dnstest.Server{}
	for origin, text := range zones {
		fake.Zones = append(fake.Zones, zone(t, origin, text))
	}
	ours := client(fake)
	tests := []struct {
		name, qtype string
		want        dnscheck.Status
		records     int
	}{
		{"contoso.example", "SOA", dnscheck.StatusOK, 1},
		{"_sip._tls.contoso.example", "SRV", dnscheck.StatusOK, 1},
		{"sip.contoso.example", "A", dnscheck.StatusOK, 1},
		{"webdir.online.lync.com", "AAAA", dnscheck.StatusNoData, 0},
		{"nothing.contoso.example", "A", dnscheck.StatusNoSuchName, 0},
		{"_tls.contoso.example", "SRV", dnscheck.StatusNoData, 0},
		{"loop1.contoso.example", "A", dnscheck.StatusCNAMELoop, 0},
		{"dangling.contoso.example", "A", dnscheck.StatusNoSuchName, 0},
		{"away.contoso.example", "A", dnscheck.StatusRefused, 0},
		{"elsewhere.example", "A", dnscheck.StatusRefused, 0},
		{"host.part.contoso.example", "A", dnscheck.StatusRefused, 0},
		{"many.contoso.example", "A", dnscheck.StatusOK, 250},
	}
	for _, test := range tests {
		a := c.Lookup(t.Context(), test.name, test.qtype)
		if a.Status != test.want || len(a.Records) != test.records {
			t.Errorf("%s %s: %q with %d records, want %q with %d: %s", test.name, test.qtype, a.Status, len(a.Records), test.want, test.records, a.Detail)
		}
		// The fake must answer as the real server does; it has no delegations.
		if b := ours.Lookup(t.Context(), test.name, test.qtype); test.name != "host.part.contoso.example" && facts(a) != facts(b) {
			t.Errorf("%s %s: the fake differs:\n%s\n%s", test.name, test.qtype, facts(a), facts(b))
		}
		if a.Truncated != (test.name == "many.contoso.example") {
			t.Errorf("%s: truncated = %v", test.name, a.Truncated)
		}
	}
	if a := c.Lookup(t.Context(), "nothing.contoso.example", "A"); a.TTL != 60 || !a.Authoritative || a.Recursion {
		t.Errorf("got %+v", a)
	}
	want := map[string]dnscheck.CheckStatus{
		"lyncdiscover.contoso.example":           dnscheck.CheckOK,
		"lyncdiscoverinternal.contoso.example":   dnscheck.CheckNotApplicable,
		"_sip._tls.contoso.example":              dnscheck.CheckOK,
		"sip.contoso.example":                    dnscheck.CheckOK,
		"_sipfederationtls._tcp.contoso.example": dnscheck.CheckWrong,
	}
	checks := dnscheck.Evaluate(c.Ask(t.Context(), "contoso.example"), dnscheck.LyncOnline("contoso.example", ""))
	for _, check := range checks {
		if check.Status != want[check.Name] {
			t.Errorf("%s: %s, want %s (%s)", check.Name, check.Status, want[check.Name], check.Detail)
		}
	}
	if len(checks) != len(want) {
		t.Errorf("%d checks, want %d", len(checks), len(want))
	}
}

// facts is what two servers must agree on, in an order that does not depend on
// them.
func facts(a dnscheck.Answer) string {
	var records []string
	for _, r := range a.Records {
		records = append(records, fmt.Sprint(r.Name, r.Type, r.TTL, r.Text))
	}
	slices.Sort(records)
	return fmt.Sprint(a.Status, a.RCode, a.CNAMEs, a.TTL, a.Authoritative, a.Recursion, a.Truncated, records)
}

func manyAddresses(name string, n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf("%s A 127.1.0.%d\n", name, i)
	}
	return text
}

// freePort returns a loopback address that nobody listens on, over UDP or TCP.
func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 100 {
		free, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := free.LocalAddr().String()
		l, err := net.Listen("tcp", address)
		free.Close()
		if err == nil {
			l.Close()
			return netip.MustParseAddrPort(address)
		}
	}
	t.Fatal("no port is free over UDP and TCP")
	return netip.AddrPort{}
}

// run keeps a server running until the test ends.
func run(t testing.TB, name string, arguments ...string) {
	t.Helper()
	server := exec.Command(name, arguments...)
	server.Stderr = t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
}

// peer finds a program, or skips the test.
func peer(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// startKnot serves zones; more are lines for each zone's configuration.
func startKnot(t testing.TB, knotd string, zones map[string]string, more ...string) *dnscheck.Client {
	t.Helper()
	dir := t.TempDir()
	address := freePort(t)
	conf := fmt.Sprintf("server:\n    rundir: %q\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: %q\nlog:\n  - target: stderr\n    any: warning\ntemplate:\n  - id: default\n    storage: %q\n    file: %q\nzone:\n",
		dir, address.Port(), dir, dir, "%s.zone")
	for origin, text := range zones {
		conf += "  - domain: " + origin + "\n"
		for _, line := range more {
			if name, option, ok := strings.Cut(line, " "); ok && name == origin {
				conf += "    " + option + "\n"
			}
		}
		if err := os.WriteFile(filepath.Join(dir, origin+".zone"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "knot.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, knotd, "-c", file)
	c := &dnscheck.Client{Dial: new(net.Dialer).DialContext, Servers: []dnscheck.Server{{Name: "knot", Addr: address}}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ready := true
		for origin := range zones {
			ready = ready && c.Lookup(t.Context(), origin, "SOA").Status == dnscheck.StatusOK
		}
		if ready {
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal("knotd does not answer")
		}
	}
}
