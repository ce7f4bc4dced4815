package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// TestPortWords: the text says what was seen, and of nothing more.
func TestPortWords(t *testing.T) {
	known := dnscheck.Host{Status: dnscheck.StatusNoSuchName}
	for name, tt := range map[string]struct {
		reach     fact.Reach
		resolve   dnscheck.Host
		want, not string
		duration  bool
	}{
		"silence":     {fact.Reach{Status: fact.Filtered, Detail: "no answer"}, known, "drops what is sent", "", true},
		"no route":    {fact.Reach{Status: fact.Filtered, NoRoute: true, Detail: "connect: network is unreachable"}, known, "network is unreachable", "drops", true},
		"gateway":     {fact.Reach{Status: fact.Filtered, BadGateway: 502, Detail: "proxy p:1 answers 502 to CONNECT"}, known, "proxy p:1 answers 502", "drops", true},
		"at proxy":    {fact.Reach{Status: fact.Filtered, AtProxy: &fact.ProxyAnswer{Status: 403}, Detail: "proxy p:1 answers 403 to CONNECT"}, known, "was not reached", "drops", true},
		"no name":     {fact.Reach{Status: fact.Unresolved, Detail: "nxdomain"}, known, "has no address", "", true},
		"no resolver": {fact.Reach{Status: fact.Unresolved, Detail: "unreachable"}, dnscheck.Host{Status: dnscheck.StatusUnreachable}, "could not be looked up", "has no address", true},
		"not tried":   {fact.Reach{}, dnscheck.Host{}, "was not tried", " ms", false},
	} {
		document := render.Tool{}.Port([]render.PortResult{{Endpoint: fact.Endpoint{Host: "a.example", Port: 443, Reach: tt.reach, Resolve: tt.resolve}}})
		var text, data bytes.Buffer
		if err := document.Write(&text, render.Text, render.Options{Width: 120}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), tt.want) || tt.not != "" && strings.Contains(text.String(), tt.not) {
			t.Errorf("%s: %s", name, text.String())
		}
		if err := document.Write(&data, render.JSON, render.Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(data.String(), "durationMs") != tt.duration {
			t.Errorf("%s: %s", name, data.String())
		}
	}
}

// TestPlanWords: ports and transport stand apart.
func TestPlanWords(t *testing.T) {
	var text bytes.Buffer
	if err := (render.Tool{}).PortPlan(lyncdiag.Requirements(fact.Setting{}, "")).Write(&text, render.Text, render.Options{Width: 120}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), " 3478-3481 to *.lync.com") {
		t.Error(text.String())
	}
}
