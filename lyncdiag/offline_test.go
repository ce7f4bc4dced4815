package lyncdiag_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// unroutable makes connections to some addresses end in an error of the system.
func unroutable(which func(netip.AddrPort) bool, errno syscall.Errno) func(*lyncdiag.Diagnoser) {
	return func(d *lyncdiag.Diagnoser) {
		dial := d.Network.Dial
		d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if to := netip.MustParseAddrPort(address); which(to) {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
			}
			return dial(ctx, network, address)
		}
	}
}

func checkOnce(t *testing.T, report *lyncdiag.Report, want string) {
	t.Helper()
	roots := rootNames(report)
	if report.Verdict.Primary != want || slices.Contains(roots, "tcp-443-filtered") && want != "tcp-443-filtered" {
		t.Errorf("primary %q, roots %v, want %s alone:\n%s", report.Verdict.Primary, roots, want, describe(report))
	}
	for _, f := range report.Findings {
		if f.Severity == "failure" && f.CausedBy == "" && f.Name != want {
			t.Errorf("%s is not explained:\n%s", f.Name, describe(report))
		}
	}
}

// TestNoRoute: the resolver answers (it is on this computer), nothing else can
// be reached.
func TestNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, unroutable(func(a netip.AddrPort) bool { return a.Port() != 53 }, syscall.ENETUNREACH))
		checkOnce(t, report, "network-offline")
		if report.Duration > time.Second {
			t.Errorf("%v were waited for nothing", report.Duration)
		}
	})
}

// TestNoResolver: none is set.
func TestNoResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, unroutable(func(a netip.AddrPort) bool { return a.Port() == 53 }, syscall.ENETUNREACH))
		checkOnce(t, report, "network-offline")
	})
}

// TestIPv6Only: the registrar has an IPv6 address and answers there, the others
// have none.
func TestIPv6Only(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts, report := diagnose(t, lab.Config{IPv6: true}, unroutable(func(a netip.AddrPort) bool { return a.Port() != 53 && a.Addr().Is4() }, syscall.ENETUNREACH))
		checkOnce(t, report, "network-offline")
		candidates, _, _ := fact.Get(facts, fact.CandidatesKey)
		if !candidates[0].Works() || candidates[0].Reach.Address != "::1" {
			t.Errorf("IPv6 is there and was not used: %+v", candidates[0].Reach)
		}
	})
}

// TestSplitVPN: one host alone is out of reach.
func TestSplitVPN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, unroutable(func(a netip.AddrPort) bool { return a.Addr() == netip.MustParseAddr("127.0.1.1") }, syscall.EHOSTUNREACH))
		checkOnce(t, report, "tcp-443-filtered")
	})
}

// TestIPv6Paths: where IPv6 works, and where this computer has none, nothing is
// said of it, and nothing waits for it.
func TestIPv6Paths(t *testing.T) {
	for name, change := range map[string]func(*lyncdiag.Diagnoser){
		"works": func(*lyncdiag.Diagnoser) {},
		"none":  unroutable(func(a netip.AddrPort) bool { return a.Addr().Is6() }, syscall.ENETUNREACH),
	} {
		synctest.Test(t, func(t *testing.T) {
			facts, report := diagnose(t, lab.Config{IPv6: true, RTT: 100 * time.Millisecond}, change)
			if report.Verdict.Outcome != lyncdiag.Healthy || slices.Contains(rootNames(report), "ipv6-path-dead") {
				t.Errorf("%s:\n%s", name, describe(report))
			}
			if paths, _, _ := fact.Get(facts, fact.PathsKey); len(paths) != 1 || len(paths[0].Families) != 2 || paths[0].Families[0].Address != "127.0.1.1" {
				t.Errorf("%s: paths %+v", name, paths)
			}
			if report.Duration > time.Second {
				t.Errorf("%s: %v", name, report.Duration)
			}
		})
	}
	for name, errno := range map[string]syscall.Errno{"refused": syscall.ECONNREFUSED, "unreachable": syscall.EHOSTUNREACH} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{IPv6: true}, unroutable(func(a netip.AddrPort) bool { return a.Addr().Is6() }, errno))
			if !slices.Contains(rootNames(report), "ipv6-path-dead") {
				t.Errorf("%s:\n%s", name, describe(report))
			}
		})
	}
}

// TestCutPaths: a dead family that the run has no time to wait for is unknown,
// and the run is not.
func TestCutPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{Faults: []string{"ipv6-path-dead"}}, func(d *lyncdiag.Diagnoser) { d.Timeout = 4 * time.Second })
		if report.Verdict.Outcome != lyncdiag.Healthy || !report.Complete || lyncdiag.ExitCode(report, "failure") != 0 {
			t.Errorf("got\n%s", describe(report))
		}
		for _, s := range report.Stages {
			if s.ID == "paths" && (s.Status != lyncdiag.Warned || !strings.Contains(s.Reason, "time-out")) {
				t.Errorf("paths: %s %s", s.Status, s.Reason)
			}
		}
	})
}

// TestManySilentHosts: thirty hosts that drop everything, over both families,
// cost one time-out in all.
func TestManySilentHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		for i := range 30 {
			hosts = append(hosts, netip.AddrFrom4([4]byte{127, 9, 0, byte(i + 1)}).String())
		}
		d := &lyncdiag.Diagnoser{
			Network: &lyncdiag.Network{Dial: loopbackOnly(func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})},
			Plan: lyncdiag.Plan{{ID: "ports", Title: "Ports", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
				results := make(chan fact.Candidate)
				for _, h := range hosts {
					go func() {
						c, _ := env.Look(ctx, h, 443, lyncdiag.ToSIP)
						results <- c
					}()
				}
				for range hosts {
					if c := <-results; c.Reach.Status != fact.Filtered {
						t.Errorf("%+v", c.Reach)
					}
				}
				return nil
			}}},
		}
		report, err := d.Run(t.Context(), target(t, joe))
		if err != nil || report.Duration > lyncdiag.DefaultExchange+time.Second {
			t.Errorf("%v, %v", report.Duration, err)
		}
	})
}
