package lyncdiag_test

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestOfflineWithProxy: a proxy that nothing was sent to is not what is wrong
// with a computer that is offline.
func TestOfflineWithProxy(t *testing.T) {
	address := func(d *lyncdiag.Diagnoser) { d.Network.Proxy = &url.URL{Scheme: "http", Host: gateway} }
	none := func(netip.AddrPort) bool { return true }
	dns := func(a netip.AddrPort) bool { return a.Port() == 53 }
	for name, tt := range map[string]struct {
		config lab.Config
		change []func(*lyncdiag.Diagnoser)
		want   string
		title  string // of the proxy's finding
	}{
		"no route, by address": {lab.Config{Proxy: true}, []func(*lyncdiag.Diagnoser){address, unroutable(none, syscall.ENETUNREACH)}, "network-offline", "no route"},
		"no route, by name":    {lab.Config{Proxy: true}, []func(*lyncdiag.Diagnoser){unroutable(none, syscall.ENETUNREACH)}, "network-offline", "could not be looked up"},
		"no resolver":          {lab.Config{Proxy: true}, []func(*lyncdiag.Diagnoser){unroutable(dns, syscall.ENETUNREACH)}, "network-offline", "could not be looked up"},
		"resolver fails":       {lab.Config{Proxy: true, Faults: []string{"dns-server-failure"}}, nil, "dns-server-failure", ""},
		"the proxy has no record": {lab.Config{Proxy: true}, []func(*lyncdiag.Diagnoser){func(d *lyncdiag.Diagnoser) {
			d.Network.Proxy = &url.URL{Scheme: "http", Host: "old.contoso.example:8080"}
		}}, "proxy-unreachable", "does not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, tt.config, tt.change...)
				checkOnce(t, report, tt.want)
				i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "proxy-unreachable" })
				if tt.title != "" && (i < 0 || !strings.Contains(report.Findings[i].Title, tt.title)) {
					t.Errorf("the proxy's finding does not say %q:\n%s", tt.title, describe(report))
				}
			})
		})
	}
}
