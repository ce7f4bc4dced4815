package dnscheck_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
)

// find returns the check of a name.
func find(t *testing.T, checks []dnscheck.Check, name string) dnscheck.Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c dnscheck.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check of %s", name)
	}
	return checks[i]
}

// evaluated asks for contoso.example as a zone has it.
func evaluated(t *testing.T, text string, want []dnscheck.Expectation, overrides ...dnstest.Override) (*dnscheck.Result, []dnscheck.Check) {
	t.Helper()
	c := client(resolver(t, text, overrides...))
	at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
	c.Now = func() time.Time { return at }
	h := dnscheck.CloudHosts("")
	res := c.Ask(t.Context(), "contoso.example", h.Web, h.SIP, h.Login[0])
	return res, dnscheck.Evaluate(res, want)
}

func TestFixForms(t *testing.T) {
	const (
		add    = "Add-DnsServerResourceRecord -Srv -ZoneName 'contoso.example' -Name '_sip._tls' -DomainName 'sipdir.online.lync.com' -Priority 100 -Weight 1 -Port 443 -TimeToLive 01:00:00"
		addSIP = "Add-DnsServerResourceRecord -CName -ZoneName 'contoso.example' -Name 'sip' -HostNameAlias 'sipdir.online.lync.com' -TimeToLive 01:00:00"
		remove = "Remove-DnsServerResourceRecord -ZoneName 'contoso.example' -Name "
	)
	for _, test := range []struct {
		label, zone, name string
		commands          []string
	}{
		{"missing", "", "_sip._tls.contoso.example", []string{add}},
		{"right", healthyZone, "_sip._tls.contoso.example", nil},
		{"wrong port", "_sip._tls SRV 100 1 5061 sipdir.online.lync.com.\n", "_sip._tls.contoso.example", []string{remove + "'_sip._tls' -RRType Srv", add}},
		{"one of two wrong", healthyZone + "_sip._tls SRV 10 5 443 edge\nedge A 127.0.0.1\n", "_sip._tls.contoso.example", []string{remove + "'_sip._tls' -RRType Srv -RecordData '10','5','443','edge.contoso.example.'"}},
		{"target with a quote", "_sip._tls SRV 1 1 443 a'b.\n_sip._tls SRV 1 1 443 sipdir.online.lync.com.\n", "_sip._tls.contoso.example", []string{remove + "'_sip._tls' -RRType Srv -RecordData '1','1','443','a''b.'"}},
		{"CNAME elsewhere", "sip CNAME edge\nedge A 127.0.0.1\n", "sip.contoso.example", []string{remove + "'sip' -RRType CName", addSIP}},
		{"addresses", "sip A 127.0.0.1\nsip A 127.0.0.2\nsip AAAA ::2\n", "sip.contoso.example", []string{remove + "'sip' -RRType A", remove + "'sip' -RRType AAAA", addSIP}},
		{"wildcard", "* A 127.0.0.1\n", "sip.contoso.example", []string{addSIP}},
	} {
		_, checks := evaluated(t, test.zone, dnscheck.LyncOnline("contoso.example", ""))
		c := find(t, checks, test.name)
		if got := c.PowerShell(); !slices.Equal(got, test.commands) {
			t.Errorf("%s:\n%s\nwant\n%s", test.label, strings.Join(got, "\n"), strings.Join(test.commands, "\n"))
		}
		if (c.Form() != nil) != (c.Fix != "") {
			t.Errorf("%s: form %v, fix %q", test.label, c.Form(), c.Fix)
		}
	}
	_, checks := evaluated(t, "", dnscheck.LyncOnline("contoso.example", ""))
	want := []dnscheck.Field{
		{Name: "Type", Value: "SRV"}, {Name: "Service", Value: "_sip"}, {Name: "Protocol", Value: "_tls"}, {Name: "Name", Value: "@"},
		{Name: "Priority", Value: "100"}, {Name: "Weight", Value: "1"}, {Name: "Port", Value: "443"}, {Name: "Target", Value: "sipdir.online.lync.com"}, {Name: "TTL", Value: "1 hour"},
	}
	if got := find(t, checks, "_sip._tls.contoso.example").Form(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	want = []dnscheck.Field{{Name: "Type", Value: "CNAME"}, {Name: "Name", Value: "lyncdiscover"}, {Name: "Target", Value: "webdir.online.lync.com"}, {Name: "TTL", Value: "1 hour"}}
	if got := find(t, checks, "lyncdiscover.contoso.example").Form(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestCheckNamesPriorityCacheAndTrust(t *testing.T) {
	_, checks := evaluated(t, "_sip._tls 900 SRV 5 6 5061 edge.fabrikam.example.\nlyncdiscover 60 A 127.0.0.1\n", dnscheck.LyncOnline("contoso.example", ""))
	c := find(t, checks, "_sip._tls.contoso.example")
	if got := c.Records[0].Words(); got != "priority 5, weight 6, port 5061, target edge.fabrikam.example" {
		t.Error(got)
	}
	if want := time.Date(2013, 5, 31, 12, 15, 0, 0, time.UTC); !c.CachedUntil.Equal(want) {
		t.Errorf("cached until %v, want %v", c.CachedUntil, want)
	}
	if !slices.Equal(c.OutsideTrust, []string{"edge.fabrikam.example"}) {
		t.Errorf("outside trust: %v", c.OutsideTrust)
	}
	// An absence may be remembered for the SOA's minimum.
	if c := find(t, checks, "sip.contoso.example"); !c.CachedUntil.Equal(time.Date(2013, 5, 31, 12, 5, 0, 0, time.UTC)) {
		t.Errorf("absence until %v", c.CachedUntil)
	}
	_, checks = evaluated(t, healthyZone, dnscheck.LyncOnline("contoso.example", ""))
	for _, c := range checks {
		if len(c.OutsideTrust) > 0 || !c.CachedUntil.IsZero() {
			t.Errorf("%s: %v, %v", c.Name, c.OutsideTrust, c.CachedUntil)
		}
	}
}

// TestStrictMatch holds the list of KB 2833618.
func TestStrictMatch(t *testing.T) {
	for target, want := range map[string]bool{
		"sip.contoso.example": true, "Contoso.Example.": true, "sipdir.online.lync.com": true, "a.outlook.com": true, "x.microsoftonline.com": true,
		"lync.glbdns.microsoft.com": true, "sip.fabrikam.example": false, "evilcontoso.example": false, "microsoft.com": false,
		"sipdir.online.partner.lync.cn": false, "sipdir.online.gov.skypeforbusiness.us": false,
	} {
		if got := dnscheck.StrictMatch("contoso.example", target); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

func TestOddCharactersArePointedAt(t *testing.T) {
	for target, want := range map[string]string{
		`sipdir.online.lync.com\032.`:     "character 23 is a space",
		`\032sipdir.online.lync.com.`:     "character 1 is a space",
		`sipdir.online.lync.com\194\160.`: "character 23 is a no-break space (U+00A0)",
		`https://a.example.`:              `character 6 is ':', character 7 is '/', character 8 is '/'`,
		`a\.b.example.`:                   "character 2 is a dot inside a label",
		`a\000b.example.`:                 "character 2 is a control character (U+0000)",
		`a\255.example.`:                  "character 2 is the octet 255",
		`a\009b\032c\032d\032.example.`:   "character 2 is a tab, character 4 is a space, character 6 is a space, and 1 more",
		`\226\128\156a.example.`:          `character 1 is '\u201c' (U+201C)`,
	} {
		_, checks := evaluated(t, "_sip._tls SRV 100 1 443 "+target+"\n", dnscheck.LyncOnline("contoso.example", ""))
		c := find(t, checks, "_sip._tls.contoso.example")
		if c.Problem != dnscheck.ProblemMalformed || !strings.Contains(c.Detail, want) {
			t.Errorf("%s: %s %s, want %s", target, c.Problem, c.Detail, want)
		}
	}
}

func TestWildcard(t *testing.T) {
	res, checks := evaluated(t, healthyZone+"* A 127.0.0.9\n", dnscheck.LyncServer("contoso.example"))
	if h, ok := res.Wildcard("system"); !ok || h.Addresses[0].String() != "127.0.0.9" {
		t.Errorf("%+v, %v", h, ok)
	}
	if c := find(t, checks, "lyncdiscoverinternal.contoso.example"); !c.Wildcard || !strings.Contains(c.Detail, "wildcard") {
		t.Errorf("%+v", c)
	}
	if c := find(t, checks, "sip.contoso.example"); c.Wildcard {
		t.Errorf("%+v", c)
	}
	// A resolver that makes up answers for every name.
	res, _ = evaluated(t, healthyZone, nil, dnstest.Override{Name: "*.contoso.example", Type: "A", Records: []string{"x. A 127.0.0.8"}})
	if _, ok := res.Wildcard("system"); ok {
		t.Error("an answer for another owner was taken")
	}
	res, _ = evaluated(t, healthyZone, nil)
	if h, ok := res.Wildcard("system"); ok {
		t.Errorf("%+v", h)
	}
}

func TestDelegationBroken(t *testing.T) {
	for label, test := range map[string]struct {
		overrides []dnstest.Override
		want      bool
	}{
		"healthy":        {nil, false},
		"SERVFAIL":       {[]dnstest.Override{{Name: "*contoso.example", RCode: "SERVFAIL"}}, true},
		"everything":     {[]dnstest.Override{{RCode: "SERVFAIL"}}, false},
		"REFUSED":        {[]dnstest.Override{{Name: "*contoso.example", RCode: "REFUSED"}}, false},
		"only one fails": {[]dnstest.Override{{Name: "contoso.example", RCode: "SERVFAIL"}}, false},
	} {
		res, _ := evaluated(t, healthyZone, nil, test.overrides...)
		detail, got := res.DelegationBroken("system")
		if got != test.want || got != (detail != "") {
			t.Errorf("%s: %v %s", label, got, detail)
		}
	}
}

func TestExpectationFor(t *testing.T) {
	online, own := dnscheck.LyncOnline("contoso.example", ""), dnscheck.LyncServer("contoso.example")
	for _, e := range append(slices.Clone(online), own...) {
		if e.Without == "" || e.Domain != "contoso.example" || (len(e.Clients) == 0) != (e.Need == dnscheck.NeedFederation) {
			t.Errorf("%+v", e)
		}
		if got := e.For("any", ""); !reflect.DeepEqual(got, e) {
			t.Errorf("any client changes %+v to %+v", e, got)
		}
	}
	for _, test := range []struct {
		want                     []dnscheck.Expectation
		labels, client, location string
		need                     dnscheck.Need
		without                  string
	}{
		// The table of look-up orders: Store and mobile clients use Autodiscover only,
		// Lync 2010 without updates does not use it.
		{online, "lyncdiscover", "mobile", "", dnscheck.NeedRequired, "sign-in fails"},
		{online, "_sip._tls", "mobile", "", dnscheck.NeedOptional, "does not ask"},
		{online, "lyncdiscover", "lync2010-rtm", "", dnscheck.NeedOptional, "does not ask"},
		{online, "_sip._tls", "lync2010-rtm", "", dnscheck.NeedRequired, "left with the sip"},
		{online, "_sip._tls", "sfb2016", "", dnscheck.NeedRequired, "nothing while Autodiscover works"},
		{online, "_sipfederationtls._tcp", "mobile", "", dnscheck.NeedFederation, "other organisations"},
		{own, "_sipinternal._tcp", "sfb2016", "", dnscheck.NeedOptional, "does not ask"},
		{own, "lyncdiscoverinternal", "lync2013", "inside", dnscheck.NeedRequired, "reverse proxy"},
		{own, "lyncdiscoverinternal", "lync2013", "outside", dnscheck.NeedOptional, "nothing outside"},
		{own, "_sipinternaltls._tcp", "lync2010-rtm", "inside", dnscheck.NeedRequired, ""},
		{own, "_sip._tls", "any", "inside", dnscheck.NeedOptional, "nothing inside"},
		{own, "_sip._tls", "any", "outside", dnscheck.NeedRequired, ""},
	} {
		i := slices.IndexFunc(test.want, func(e dnscheck.Expectation) bool { return e.Name == test.labels+".contoso.example" })
		if e := test.want[i].For(test.client, test.location); e.Need != test.need || !strings.Contains(e.Without, test.without) {
			t.Errorf("%s for %s %s: %s, %q", test.labels, test.client, test.location, e.Need, e.Without)
		}
	}
}

func TestCompare(t *testing.T) {
	const outside = healthyZone
	for _, test := range []struct {
		label   string
		servers string // names, the first has the first zone, others the second
		first   string
		second  string
		want    func(string) []dnscheck.Expectation
		names   []string // of differences, with ! where they are not expected
	}{
		{"same", "internal external", outside, outside, online, nil},
		{"only the order and the time to live", "a b", "sip 60 A 127.0.0.1\nsip 60 A 127.0.0.2\n", "sip A 127.0.0.2\nsip A 127.0.0.1\n", server, nil},
		{"inside has its own name", "internal external", outside + "lyncdiscoverinternal CNAME webdir.online.lync.com.\n", outside, online, []string{"lyncdiscoverinternal"}},
		{"inside name is outside", "internal external", outside, outside + "lyncdiscoverinternal CNAME webdir.online.lync.com.\n", online, []string{"!lyncdiscoverinternal"}},
		{"inside lacks", "internal external", "@ SOA ns1 h 1 2 3 4 5\n", outside, online, []string{"!lyncdiscover", "!_sip._tls", "!sip", "_sipfederationtls._tcp"}},
		{"pool inside", "internal external", "sip A 127.0.0.1\n_sipinternaltls._tcp SRV 0 0 5061 sip\n", "sip A 127.0.0.2\n_sip._tls SRV 0 0 443 sip\n", server, []string{"_sip._tls", "_sipinternaltls._tcp", "sip"}},
		{"lyncdiscover", "internal external", "lyncdiscover A 127.0.0.1\n", "lyncdiscover A 127.0.0.2\n", server, []string{"!lyncdiscover"}},
		{"two resolvers", "one two", outside + "lyncdiscoverinternal A 127.0.0.1\n", outside, online, []string{"!lyncdiscoverinternal"}},
		{"no answer", "one dead", outside, outside, online, nil},
	} {
		t.Run(test.label, func(t *testing.T) {
			servers := map[string]*dnstest.Server{"127.0.0.1": resolver(t, test.first), "127.0.0.2": resolver(t, test.second)}
			c := &dnscheck.Client{Dial: views(servers)}
			for i, name := range strings.Fields(test.servers) {
				addr := netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
				if name == "dead" {
					addr = netip.MustParseAddr("127.0.0.3")
				}
				c.Servers = append(c.Servers, dnscheck.Server{Name: name, Addr: netip.AddrPortFrom(addr, 53)})
			}
			var names []string
			for _, d := range dnscheck.Compare(c.Ask(t.Context(), "contoso.example"), test.want("contoso.example")) {
				name := strings.TrimSuffix(d.Name, ".contoso.example")
				if !d.Expected {
					name = "!" + name
				}
				names = append(names, name)
				if len(d.Views) != 2 || d.Detail == "" {
					t.Errorf("%+v", d)
				}
			}
			if !slices.Equal(names, test.names) {
				t.Errorf("%v, want %v", names, test.names)
			}
		})
	}
	if dnscheck.Compare(nil, nil) != nil {
		t.Error("no result has differences")
	}
}

func online(domain string) []dnscheck.Expectation { return dnscheck.LyncOnline(domain, "") }
func server(domain string) []dnscheck.Expectation { return dnscheck.LyncServer(domain) }

// TestBadAnswers: what a broken or hostile server sends is named, and bounded.
func TestBadAnswers(t *testing.T) {
	long := "huge TXT"
	for range 250 {
		long += ` "` + strings.Repeat("x", 250) + `"`
	}
	c := client(resolver(t, healthyZone+long+"\nself CNAME self\n"))
	if a := c.Lookup(t.Context(), "huge.contoso.example", "TXT"); a.Status != dnscheck.StatusOK || !a.Truncated || len(a.Records[0].Text) < 62000 {
		t.Errorf("64 KB TXT: %s %s", a.Status, a.Detail)
	}
	if a := c.Lookup(t.Context(), "self.contoso.example", "A"); a.Status != dnscheck.StatusCNAMELoop {
		t.Errorf("CNAME to itself: %s", a.Status)
	}
	for behaviour, want := range map[dnstest.Behaviour]dnscheck.Status{
		dnstest.CompressionLoop: dnscheck.StatusMalformed, dnstest.Garbage: dnscheck.StatusMalformed,
		dnstest.WrongID: dnscheck.StatusNoAnswer, dnstest.WrongQuestion: dnscheck.StatusNoAnswer, dnstest.Drop: dnscheck.StatusNoAnswer,
	} {
		c := client(resolver(t, healthyZone, dnstest.Override{Behaviour: behaviour}))
		c.Timeout = 50 * time.Millisecond
		a := c.Lookup(t.Context(), "sip.contoso.example", "A")
		forged := behaviour == dnstest.WrongID || behaviour == dnstest.WrongQuestion
		if a.Status != want || (a.Ignored > 0) != forged {
			t.Errorf("%s: %s, %d ignored", behaviour, a.Status, a.Ignored)
		}
		batch := dnscheck.Batch{Server: c.Servers[0], Dial: c.Dial, Timeout: c.Timeout}
		for res, err := range batch.Ask(t.Context(), slices.Values([]string{"contoso.example"})) {
			if err != nil || res.Answers[0].Status != want {
				t.Errorf("batch, %s: %+v, %v", behaviour, res, err)
			}
		}
		if !forged {
			continue
		}
		forging := client(resolver(t, healthyZone, dnstest.Override{Behaviour: behaviour, ThenRight: true}))
		if a := forging.Lookup(t.Context(), "sip.contoso.example", "A"); a.Status != dnscheck.StatusOK || a.Ignored == 0 {
			t.Errorf("%s before the right answer: %s, %d ignored", behaviour, a.Status, a.Ignored)
		}
	}
}
