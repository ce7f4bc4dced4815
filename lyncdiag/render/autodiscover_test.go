package render_test

import (
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// TestNobodyAnswers: the page tells a name that is not there from one that is
// behind a firewall, and both from one that could not be looked up.
func TestNobodyAnswers(t *testing.T) {
	host := func(name string, lookup dnscheck.Status, reach fact.PortStatus) fact.Endpoint {
		return fact.Endpoint{Host: name, Port: 443, Resolve: dnscheck.Host{Name: name, Status: lookup}, Reach: fact.Reach{Status: reach}}
	}
	gone := host("lyncdiscoverinternal.contoso.com", dnscheck.StatusNoSuchName, fact.Unresolved)
	for name, test := range map[string]struct {
		hosts []fact.Endpoint
		want  []string
	}{
		"filtered":  {[]fact.Endpoint{gone, host("lyncdiscover.contoso.com", dnscheck.StatusOK, fact.Filtered)}, []string{"although DNS has addresses", "port 443: DNS has no address", "no answer (filtered)"}},
		"refused":   {[]fact.Endpoint{gone, host("lyncdiscover.contoso.com", dnscheck.StatusOK, fact.NotListening)}, []string{"although DNS has addresses", "the connection is refused"}},
		"absent":    {[]fact.Endpoint{gone}, []string{"DNS has no address for lyncdiscoverinternal and lyncdiscover"}},
		"no answer": {[]fact.Endpoint{gone, host("lyncdiscover.contoso.com", dnscheck.StatusNoAnswer, fact.Unresolved)}, []string{"could not be looked up (no-answer)"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fact.New()
			fact.Put(f, fact.WalkKey, &dnscheck.Walk{Outcome: dnscheck.OutcomeAbsent}, fact.Origin{Kind: fact.Live})
			fact.Put(f, fact.WebHostsKey, test.hosts, fact.Origin{Kind: fact.Live})
			var b strings.Builder
			if err := (render.Tool{}).Autodiscover(f, &lyncdiag.Report{Target: lyncdiag.Target{Domain: "contoso.com"}}).Write(&b, render.Text, render.Options{Width: 120}); err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%q is not said:\n%s", want, b.String())
				}
			}
		})
	}
}
