package dnscheck_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// batchZones are domains with one fault each.
var batchZones = map[string]string{
	"healthy.example":   healthyZone,
	"empty.example":     "@ SOA ns1 hostmaster 7 3600 600 86400 60\n",
	"noname.example":    "other A 127.0.0.1\n",
	"loop.example":      "sip CNAME sip2\nsip2 CNAME sip\n_sip._tls SRV 1 1 443 sip\n",
	"own.example":       "sip A 127.0.0.1\nsip A 127.0.0.2\nlyncdiscover CNAME web\nweb A 127.0.0.3\n_sip._tls SRV 1 1 443 edge\nedge A 127.0.0.4\n",
	"suffix.example":    "sip CNAME sipdir.online.lync.com\n",
	"six.example":       "sip AAAA ::1\nlyncdiscover TXT x\n",
	"several.example":   "_sip._tls SRV 100 1 443 sipdir.online.lync.com.\n_sip._tls SRV 10 1 443 sip.old.example.\n",
	"capitals.example":  "sip CNAME SIPDIR.online.lync.com.\n_sip._tls SRV 100 1 443 Sipdir.Online.Lync.com.\n",
	"odd.example":       `_sip._tls SRV 100 1 443 sipdir.online.lync.com\032.` + "\n",
	"root.example":      "_sip._tls SRV 0 0 0 .\n",
	"elsewhere.example": "lyncdiscover CNAME nowhere.invalid.\n",
	"many.example":      manyAddresses("sip", 250),
	"broken.example":    healthyZone,
	"refused.example":   healthyZone,
}

func batchServer(t testing.TB, recursive bool) *dnstest.Server {
	s := &dnstest.Server{Recursive: recursive, Zones: []*dnstest.Zone{zone(t, "online.lync.com", onlineZone)}, Overrides: []dnstest.Override{
		{Name: "*.broken.example", RCode: "SERVFAIL"}, {Name: "*.refused.example", RCode: "REFUSED"},
	}}
	for origin, text := range batchZones {
		s.Zones = append(s.Zones, zone(t, origin, text))
	}
	return s
}

// TestBatchAgreesWithClient: the batch must see what the client sees, whichever way
// an answer is read.
func TestBatchAgreesWithClient(t *testing.T) {
	for _, recursive := range []bool{true, false} {
		s := batchServer(t, recursive)
		c := client(s)
		b := dnscheck.Batch{Server: c.Servers[0], Dial: s.Dial, Sockets: 3, InFlight: 5}
		domains := slices.Sorted(maps.Keys(batchZones))
		seen := make(map[string]bool)
		for res, err := range b.Ask(t.Context(), slices.Values(domains)) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[res.Domain] {
				t.Errorf("%s came twice", res.Domain)
			}
			seen[res.Domain] = true
			var again dnscheck.Result
			roundTrip(t, res, &again)
			for _, prefix := range []string{"_sip._tls.", "_sipfederationtls._tcp."} {
				got, _ := res.Answer("system", prefix+res.Domain, "SRV")
				sameAnswer(t, got, c.Lookup(t.Context(), prefix+res.Domain, "SRV"))
				for _, r := range got.Records {
					if h, ok := res.Host("system", r.Target); r.Target != "." && (!ok || h.Status != c.LookupHost(t.Context(), r.Target).Status) {
						t.Errorf("%s: target %s: %v %s", res.Domain, r.Target, ok, h.Status)
					}
				}
			}
			for _, prefix := range []string{"sip.", "lyncdiscover."} {
				got, ok := res.Host("system", prefix+res.Domain)
				want := c.LookupHost(t.Context(), prefix+res.Domain)
				if !ok || got.Status != want.Status || !reflect.DeepEqual(got.CNAMEs, want.CNAMEs) {
					t.Errorf("%s%s: %s %v, want %s %v", prefix, res.Domain, got.Status, got.CNAMEs, want.Status, want.CNAMEs)
				}
				sameAnswer(t, got.A, want.A)
			}
		}
		if len(seen) != len(domains) {
			t.Errorf("%d results for %d domains", len(seen), len(domains))
		}
	}
}

func sameAnswer(t *testing.T, got, want dnscheck.Answer) {
	t.Helper()
	got.Elapsed, want.Elapsed = 0, 0
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the batch has\n%+v\nthe client has\n%+v", got, want)
	}
}

func TestBatchAsksFourQuestionsADomain(t *testing.T) {
	s := resolver(t, healthyZone)
	for i := range 50 {
		s.Zones = append(s.Zones, zone(t, fmt.Sprintf("d%d.example", i), healthyZone))
	}
	b := dnscheck.Batch{Server: client(s).Servers[0], Dial: s.Dial}
	n := 0
	for _, err := range b.Ask(t.Context(), func(yield func(string) bool) {
		for i := range 50 {
			if !yield(fmt.Sprintf("d%d.example", i)) {
				return
			}
		}
	}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	// Authoritative data came along, as from a resolver; the federation target is all
	// that is asked for besides, and the SIP target, once each.
	if asked := len(s.Queries()); n != 50 || asked < 200 || asked > 210 {
		t.Errorf("%d results, %d questions", n, asked)
	}
}

// TestBatchLosesNothing: lost, late, foreign and doubled answers, and a server that
// answers nothing.
func TestBatchLosesNothing(t *testing.T) {
	for label, overrides := range map[string][]dnstest.Override{
		"first lost":     {{Network: "udp", Behaviour: dnstest.Drop, Times: 30}},
		"late":           {{Network: "udp", Delay: 900 * time.Millisecond}},
		"wrong id":       {{Network: "udp", Behaviour: dnstest.WrongID, ThenRight: true}},
		"wrong question": {{Network: "udp", Behaviour: dnstest.WrongQuestion, ThenRight: true}},
		"cut":            {{Network: "udp", Behaviour: dnstest.Truncate}},
		"no EDNS":        {{Network: "udp", Behaviour: dnstest.NoEDNS}},
	} {
		t.Run(label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := resolver(t, healthyZone, overrides...)
				for i := range 30 {
					s.Zones = append(s.Zones, zone(t, fmt.Sprintf("d%d.example", i), healthyZone))
				}
				b := dnscheck.Batch{Server: client(s).Servers[0], Dial: s.Dial, InFlight: 16}
				n := 0
				for res, err := range b.Ask(t.Context(), slices.Values(domains(30))) {
					if err != nil {
						t.Fatal(err)
					}
					n++
					for _, check := range dnscheck.Evaluate(res, four(res.Domain)) {
						if check.Status != dnscheck.CheckOK {
							t.Errorf("%s: %s %s", check.Name, check.Status, check.Detail)
						}
					}
				}
				if n != 30 {
					t.Errorf("%d results", n)
				}
				time.Sleep(time.Minute) // for the server to send what is late
			})
		})
	}
	t.Run("silence", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &dnstest.Server{Overrides: []dnstest.Override{{Behaviour: dnstest.Drop}}}
			b := dnscheck.Batch{Server: client(s).Servers[0], Dial: s.Dial}
			start := time.Now()
			n := 0
			for res, err := range b.Ask(t.Context(), slices.Values(domains(20))) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if res.Answers[0].Status != dnscheck.StatusNoAnswer || res.Hosts[0].Status != dnscheck.StatusNoAnswer {
					t.Errorf("%+v", res)
				}
			}
			// 80 questions fit at the same time; each was sent twice.
			if took := time.Since(start); n != 20 || took > 6*time.Second || len(s.Queries()) != 160 {
				t.Errorf("%d results after %v, %d questions", n, took, len(s.Queries()))
			}
		})
	})
}

func domains(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("d%d.example", i))
	}
	return all
}

// four are the expectations that a batch can be held against.
func four(domain string) []dnscheck.Expectation {
	return slices.DeleteFunc(dnscheck.LyncOnline(domain, ""), func(e dnscheck.Expectation) bool { return e.Need == dnscheck.NeedOptional })
}

func TestBatchEnds(t *testing.T) {
	s := batchServer(t, true)
	endless := func(yield func(string) bool) {
		for yield("healthy.example") {
		}
	}
	b := dnscheck.Batch{Server: client(s).Servers[0], Dial: s.Dial, InFlight: 4}
	n := 0
	for range b.Ask(t.Context(), endless) {
		if n++; n == 100 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for res, err := range b.Ask(ctx, endless) {
		if n++; n == 200 {
			cancel()
		}
		if last = err; (res == nil) != (err != nil) {
			t.Fatalf("result %v with %v", res, err)
		}
	}
	if last == nil {
		t.Error("a run that was cut short has no error")
	}
	for label, b := range map[string]dnscheck.Batch{
		"no dial":    {Server: b.Server},
		"no address": {Dial: s.Dial},
		"https":      {Dial: s.Dial, Server: dnscheck.Server{Network: "https", URL: "https://127.0.0.1/dns-query"}},
	} {
		n := 0
		for _, err := range b.Ask(t.Context(), endless) {
			if n++; err == nil || n > 1 {
				t.Errorf("%s: %d, %v", label, n, err)
			}
		}
	}
	refusing := dnscheck.Batch{Server: b.Server, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }}
	for res, err := range refusing.Ask(t.Context(), slices.Values([]string{"healthy.example", "not a domain"})) {
		if err != nil || res.Detail == "" && res.Answers[0].Status != dnscheck.StatusNetworkError {
			t.Errorf("%+v, %v", res, err)
		}
	}
}

// benchmarkDomains is how many domains BenchmarkBatch asks about.
const benchmarkDomains = 20000

// BenchmarkBatch asks a real server for the four records of 20,000 domains, in turn
// with dnsperf where that is installed, and reports domains per second and the ratio
// of the two. It needs knotd, and python3 for the zone generator.
func BenchmarkBatch(b *testing.B) {
	knotd, err := exec.LookPath("knotd")
	if err != nil {
		b.Skip("knotd (Knot DNS) is not installed")
	}
	generator, err := filepath.Abs(filepath.Join("..", "..", "shared", "bench", "dns", "genzone.py"))
	if err == nil {
		_, err = os.Stat(generator)
	}
	if err != nil {
		b.Skip("../shared is not there: ", err)
	}
	dir := b.TempDir()
	if out, err := exec.Command("python3", generator, strconv.Itoa(benchmarkDomains), dir).CombinedOutput(); err != nil {
		b.Skipf("zones cannot be made: %v %s", err, out)
	}
	truth := make(map[string]string)
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err == nil {
		err = json.Unmarshal(text, &truth)
	}
	if err != nil {
		b.Fatal(err)
	}
	address := freePort(b)
	rewrite(b, filepath.Join(dir, "knot.conf"), "127.0.0.1@5300", fmt.Sprintf("127.0.0.1@%d", address.Port()))
	rewrite(b, filepath.Join(dir, "queries.dnsperf"), " CNAME\n", " A\n") // the same questions
	run(b, knotd, "-c", filepath.Join(dir, "knot.conf"))
	server := dnscheck.Server{Name: "knot", Addr: address}
	c := &dnscheck.Client{Dial: new(net.Dialer).DialContext, Servers: []dnscheck.Server{server}}
	last := fmt.Sprintf("cust%05d.test", benchmarkDomains-1)
	for deadline := time.Now().Add(time.Minute); c.Lookup(b.Context(), last, "SOA").Status != dnscheck.StatusOK; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("knotd does not answer")
		}
	}
	names := slices.Sorted(maps.Keys(truth))
	batch := dnscheck.Batch{Server: server, Dial: c.Dial}
	var ours, ratios []float64
	b.ResetTimer()
	for b.Loop() {
		start := time.Now()
		seen := 0
		for res, err := range batch.Ask(b.Context(), slices.Values(names)) {
			if err != nil {
				b.Fatal(err)
			}
			seen++
			for _, a := range res.Answers {
				if !a.Status.Known() {
					b.Fatalf("%s: %s %s", a.Name, a.Status, a.Detail)
				}
			}
		}
		speed := float64(seen) / time.Since(start).Seconds()
		if seen != benchmarkDomains {
			b.Fatalf("%d results", seen)
		}
		ours = append(ours, speed)
		b.StopTimer()
		if theirs := dnsperf(b, address, filepath.Join(dir, "queries.dnsperf")); theirs > 0 {
			ratios = append(ratios, speed/theirs)
		}
		b.StartTimer()
	}
	slices.Sort(ours)
	b.ReportMetric(ours[len(ours)/2], "domains/s")
	if len(ratios) > 0 {
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], "x-dnsperf")
		b.Logf("rates %.0f, ratios %.2f", ours, ratios)
	}
}

// dnsperf returns the domains per second that dnsperf reaches, 0 if it is not there.
func dnsperf(b *testing.B, server netip.AddrPort, queries string) float64 {
	tool, err := exec.LookPath("dnsperf")
	if err != nil {
		return 0
	}
	out, err := exec.Command(tool, "-s", server.Addr().String(), "-p", strconv.Itoa(int(server.Port())), "-d", queries,
		"-n", "1", "-c", "4", "-T", "1", "-q", "100", "-t", "1").Output()
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`Queries per second:\s+([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		b.Fatalf("dnsperf: %s", out)
	}
	perSecond, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return perSecond / 4
}

func rewrite(t testing.TB, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, new)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkBatchInMemory shows the allocations of a domain, with answers that cost
// nothing.
func BenchmarkBatchInMemory(b *testing.B) {
	b.ReportAllocs()
	batch := dnscheck.Batch{Server: dnscheck.Server{Addr: netip.MustParseAddrPort("127.0.0.1:53")}, Dial: func(context.Context, string, string) (net.Conn, error) {
		return &echo{answers: make(chan []byte, 256)}, nil
	}}
	n := 0
	for _, err := range batch.Ask(b.Context(), func(yield func(string) bool) {
		for b.Loop() && yield("contoso.example") {
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// echo answers every question with NXDOMAIN and a SOA.
type echo struct {
	net.Conn
	answers chan []byte
	once    sync.Once
}

func (e *echo) Write(wire []byte) (int, error) {
	const edns = 11
	reply := slices.Clone(wire[:len(wire)-edns])
	reply[2], reply[3] = 0x84, dns.RcodeNameError
	reply[9], reply[11] = 1, 0
	reply = append(reply, 0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0)
	e.answers <- append(reply, make([]byte, 20)...)
	return len(wire), nil
}

func (e *echo) Read(buf []byte) (int, error) {
	wire, ok := <-e.answers
	if !ok {
		return 0, net.ErrClosed
	}
	return copy(buf, wire), nil
}

func (e *echo) Close() error {
	e.once.Do(func() { close(e.answers) })
	return nil
}

// TestBatchEndsWithADeadServer: a server that answers nothing ends the run with an
// error, so that the rest can be asked for when it is back.
func TestBatchEndsWithADeadServer(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	batch := dnscheck.Batch{Server: dnscheck.Server{Addr: netip.MustParseAddrPort(conn.LocalAddr().String())}, Dial: new(net.Dialer).DialContext, Timeout: 50 * time.Millisecond}
	n := 0
	var failed error
	for _, err := range batch.Ask(t.Context(), slices.Values(domains(100_000))) {
		if err != nil {
			failed = err
			break
		}
		n++
	}
	if failed == nil || !strings.Contains(failed.Error(), "answered none of many questions") || n > 1000 {
		t.Errorf("%d results, then %v", n, failed)
	}
}

// TestBatchForgetsFailures: a host that could not be looked up once is asked for again.
func TestBatchForgetsFailures(t *testing.T) {
	synctest.Test(t, testBatchForgetsFailures)
}

func testBatchForgetsFailures(t *testing.T) {
	server := &dnstest.Server{Recursive: true, Overrides: []dnstest.Override{{Name: "webdir.online.lync.com", Behaviour: dnstest.Drop, Times: 4}}}
	for origin, text := range map[string]string{
		"example":  "a.lyncdiscover CNAME webdir.online.lync.com.\n",
		"lync.com": "webdir.online A 127.0.10.2\nsipdir.online A 127.0.10.1\n",
	} {
		for i := range 40 {
			if origin == "example" {
				text += fmt.Sprintf("lyncdiscover.d%d CNAME webdir.online.lync.com.\n", i)
			}
		}
		zone, err := dnstest.ParseZone(origin, "@ SOA ns h 1 1 1 1 60\n@ NS ns\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		server.Zones = append(server.Zones, zone)
	}
	batch := dnscheck.Batch{Server: dnscheck.Server{Name: "r", Addr: netip.MustParseAddrPort("127.0.0.53:53")}, Dial: server.Dial, Timeout: 200 * time.Millisecond}
	last := dnscheck.Status("")
	list := func(yield func(string) bool) {
		for i := range 40 {
			if i > 0 {
				time.Sleep(150 * time.Millisecond)
			}
			if !yield(fmt.Sprintf("d%d.example", i)) {
				return
			}
		}
	}
	for res, err := range batch.Ask(t.Context(), list) {
		if err != nil {
			t.Fatal(err)
		}
		h, _ := res.Host("r", "lyncdiscover."+res.Domain)
		last = h.Status
	}
	if last != dnscheck.StatusOK {
		t.Errorf("the host is still %s when it answers again", last)
	}
}
