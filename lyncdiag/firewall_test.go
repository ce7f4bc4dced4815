package lyncdiag_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestRequirements: each cloud's own hosts are asked for, each line says where
// it is from, and federation is never a need of sign-in.
func TestRequirements(t *testing.T) {
	for _, cloud := range []string{"", "worldwide", "gcc-high", "dod", "china"} {
		for _, deployment := range []string{"", "auto", "online", "hybrid", "server"} {
			list := lyncdiag.Requirements(fact.Setting{Cloud: cloud, Deployment: deployment}, "contoso.com")
			has := func(host, ports string) bool {
				return slices.ContainsFunc(list, func(r lyncdiag.Requirement) bool { return r.Host == host && r.Ports == ports })
			}
			hosts := dnscheck.CloudHosts(cloud)
			for _, host := range append([]string{hosts.SIP, hosts.Web}, hosts.Login...) {
				if has(host, "443") != (deployment != "server") {
					t.Errorf("%s %s: %s", cloud, deployment, host)
				}
			}
			if own := deployment == "hybrid" || deployment == "server"; has("sip.contoso.com", "443") != own {
				t.Errorf("%s %s: the Access Edge", cloud, deployment)
			}
			beside := false
			for _, r := range list {
				if r.Source == "" || r.Purpose == "" || r.Transport != "tcp" && r.Transport != "udp" {
					t.Errorf("%s %s: %+v", cloud, deployment, r)
				}
				if r.Ports == "5061" && r.SignIn {
					t.Errorf("%s %s: federation is no need of sign-in: %+v", cloud, deployment, r)
				}
				if r.Host == hosts.Federation && slices.Contains(hosts.Unsourced, r.Host) && r.Source != "unsourced" {
					t.Errorf("%s: %s has no source", cloud, r.Host)
				}
				if beside && r.SignIn {
					t.Errorf("%s %s: %s is needed and stands below what is not", cloud, deployment, r.Host)
				}
				beside = beside || !r.SignIn
				for _, text := range r.Ranges {
					if _, err := netip.ParsePrefix(text); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

func TestPublished(t *testing.T) {
	for _, tt := range []struct {
		host, address    string
		published, known bool
	}{
		{"sipdir.online.lync.com", "52.112.0.1", true, true},
		{"sipdir.online.lync.com", "13.107.64.9", true, true},
		{"sipdir.online.lync.com", "198.51.100.7", false, true},
		{"sipdir.online.lync.com", "2001:db8::1", false, false}, // no list of IPv6 is at hand
		{"sipdir.online.gov.skypeforbusiness.us", "198.51.100.7", false, false},
		{"sts.contoso.com", "52.112.0.1", false, false},
	} {
		if published, known := lyncdiag.Published(tt.host, netip.MustParseAddr(tt.address)); published != tt.published || known != tt.known {
			t.Errorf("%s at %s: %t, %t", tt.host, tt.address, published, known)
		}
	}
}
