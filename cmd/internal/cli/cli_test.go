package cli

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
)

func TestSplitServer(t *testing.T) {
	tests := []struct {
		text string
		host string
		port uint16
		fail bool
	}{
		{text: "sip.contoso.com", host: "sip.contoso.com", port: 443},
		{text: "Sip.Contoso.com:5061", host: "sip.contoso.com", port: 5061},
		{text: "192.0.2.1", host: "192.0.2.1", port: 443},
		{text: "192.0.2.1:80", host: "192.0.2.1", port: 80},
		{text: "2001:db8::1", host: "2001:db8::1", port: 443},
		{text: "[2001:db8::1]", host: "2001:db8::1", port: 443},
		{text: "[2001:db8::1]:5061", host: "2001:db8::1", port: 5061},
		{text: "b\u00fccher.example:443", host: "xn--bcher-kva.example", port: 443},
		{text: "", fail: true},
		{text: ":443", fail: true},
		{text: "host:", fail: true},
		{text: "host:0", fail: true},
		{text: "host:65536", fail: true},
		{text: "host:-1", fail: true},
		{text: "a b", fail: true},
		{text: "https://host/", fail: true},
	}
	for _, test := range tests {
		host, port, err := SplitServer(test.text, 443)
		if (err != nil) != test.fail || !test.fail && (host != test.host || port != test.port) {
			t.Errorf("%q: %q %d %v", test.text, host, port, err)
		}
	}
}
func TestResolvers(t *testing.T) {
	got, own, err := resolvers([]string{"127.0.0.1", "internal=127.0.0.2:5353", "six=[::1]:53", "secure=tls://127.0.0.3", "https://127.0.0.4/dns-query", "authoritative"})
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, s := range got {
		text = append(text, s.Name+"="+s.Address())
	}
	if want := "=127.0.0.1:53 internal=127.0.0.2:5353 six=[::1]:53 secure=tls://127.0.0.3:853 =https://127.0.0.4/dns-query"; strings.Join(text, " ") != want || !own {
		t.Errorf("got %v, own servers %t, want %s", text, own, want)
	}
}
func TestSystemResolversKeepOrTakeAName(t *testing.T) {
	for name, want := range map[string]string{"": "system system-2", "office": "office office-2"} {
		var got []string
		for _, s := range renamed([]dnscheck.Server{{Name: "system"}, {Name: "system-2"}}, name) {
			got = append(got, s.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestProxy(t *testing.T) {
	p := &Process{Env: func(name string) (string, bool) { return "proxy.contoso.com:3128", name == "HTTPS_PROXY" }}
	set := &url.URL{Scheme: "http", Host: "lab:1"}
	for _, tt := range []struct {
		flag, want string
		network    lyncdiag.Network
	}{
		{"proxy:3128", "http://proxy:3128", lyncdiag.Network{}},
		{"http://192.0.2.1:8080", "http://192.0.2.1:8080", lyncdiag.Network{Simulated: true, Proxy: set}},
		{"", "http://proxy.contoso.com:3128", lyncdiag.Network{}},
		{"", "http://lab:1", lyncdiag.Network{Simulated: true, Proxy: set}}, // the lab's own, never the system's
		{"", "", lyncdiag.Network{Simulated: true}},
		{"none", "", lyncdiag.Network{Simulated: true, Proxy: set}},
		{"none", "", lyncdiag.Network{}},
	} {
		f := &Proxy{URL: tt.flag}
		if err := f.useProxy(&tt.network, p, "", false); err != nil {
			t.Errorf("%q: %v", tt.flag, err)
		}
		got := ""
		if tt.network.Proxy != nil {
			got = tt.network.Proxy.String()
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.flag, got, tt.want)
		}
	}
}

func TestChosenProxy(t *testing.T) {
	named := func(source string) proxy.Setting {
		return proxy.Setting{Source: source, Server: &url.URL{Scheme: "http", Host: "proxy:8080"}}
	}
	script := proxy.Setting{Source: proxy.WinINET, PAC: "no-scheme-that-can-be-fetched:x"}
	for _, tt := range []struct {
		settings        []proxy.Setting
		source, unasked string
	}{
		{nil, "", ""},
		{[]proxy.Setting{named(proxy.Environment), named(proxy.WinINET)}, proxy.Environment, ""},
		{[]proxy.Setting{named(proxy.WinHTTP)}, "", ""}, // Lync does not go by it
		{[]proxy.Setting{script, named(proxy.WinHTTP)}, "", script.PAC},
	} {
		if s, unasked := chosen(tt.settings, []string{"sipdir.online.lync.com"}); s.Source != tt.source || unasked != tt.unasked {
			t.Errorf("%+v: %q, %q", tt.settings, s.Source, unasked)
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"check", "dns", "autodiscover", "adfs", "cert", "catalogue"}
	for typed, want := range map[string]string{"chekc": "check", "auto": "autodiscover", "DNS": "dns", "certt": "cert", "catalog": "catalogue", "xyzzy": "", "": "", strings.Repeat("c", 1000): ""} {
		if got := Suggest(typed, names); got != want {
			t.Errorf("%.20q: %q, want %q", typed, got, want)
		}
	}
}
