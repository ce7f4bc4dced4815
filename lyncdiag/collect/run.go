package collect

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// ofRun are the documents of the run, and what it did not see.
func (c *Collector) ofRun(d *lyncdiag.Diagnoser, facts *fact.Facts, report *lyncdiag.Report) ([]item, []bundle.Missing, error) {
	var list []item
	var missing []bundle.Missing
	var failed error
	add := func(name, source string, f render.Format, d render.Document) {
		var b bytes.Buffer
		failed = cmp.Or(failed, d.Write(&b, f, render.Options{Width: 100}))
		list = append(list, document(name, source, b.Bytes()))
	}
	var record bytes.Buffer
	if err := fact.Encode(&record, facts); err != nil {
		return nil, nil, err
	}
	whole := c.Tool.Report(report, lyncdiag.ExitCode(report, cmp.Or(c.FailOn, "failure")))
	add("report.json", thisRun, render.JSON, whole)
	add("report.txt", thisRun, render.Text, whole)
	list = append(list, document("facts.json", thisRun, record.Bytes()))
	add("system.json", thisComputer, render.JSON, c.system(d.Network))
	if facts.Has(fact.DNSKey.Name()) {
		add("dns.json", "the resolvers", render.JSON, c.Tool.DNS(facts, report))
	} else {
		missing = append(missing, bundle.Missing{What: "dns.json", Why: "nothing was looked up"})
	}
	if facts.Has(fact.WalkKey.Name()) {
		add("autodiscover.json", "the Autodiscover services", render.JSON, c.Tool.Autodiscover(facts, report))
	} else {
		missing = append(missing, bundle.Missing{What: "autodiscover.json", Why: "nobody went the way through Autodiscover"})
	}
	if ports := portsSeen(facts); len(ports) > 0 {
		add("ports.json", "the hosts of the chain", render.JSON, c.Tool.Port(ports))
	} else {
		missing = append(missing, bundle.Missing{What: "ports.json", Why: "no connection was tried"})
	}
	candidates, _, _ := fact.Get(facts, fact.CandidatesKey)
	skew, _, _ := fact.Get(facts, fact.ClockKey)
	for _, candidate := range candidates {
		if candidate.SIP != nil {
			at := net.JoinHostPort(candidate.Host, strconv.Itoa(int(candidate.Port)))
			add("registrars/"+fileName(candidate.Host, candidate.Port)+".json", at, render.JSON, c.Tool.SIP(at, candidate, skew, report))
		}
	}
	return list, missing, failed
}

// fileName is a host and port as part of a file's name.
func fileName(host string, port uint16) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:/\*?"<>|%`, r) || r < ' ' {
			return '_'
		}
		return r
	}, host) + "_" + strconv.Itoa(int(port))
}

// seen are chains and documents as they were shown. Answers to credentials are
// not among them.
func seen(kept []lyncdiag.Kept) []item {
	var list []item
	known := map[string]bool{}
	add := func(name, source string, content []byte) {
		if key := name + string(content); !known[key] && len(content) > 0 {
			known[key] = true
			list = append(list, document(name, source, content))
		}
	}
	for _, k := range kept {
		if len(k.Chain) > 0 {
			var chain []byte
			for _, certificate := range k.Chain {
				chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
			}
			add("tls/"+fileName(k.Host, k.Port)+".pem", net.JoinHostPort(k.Host, strconv.Itoa(int(k.Port))), chain)
			continue
		}
		address := strings.ToLower(k.URL)
		source := fmt.Sprintf("%s %s, %d %s", k.Method, k.URL, k.Status, k.ContentType)
		switch {
		case strings.HasSuffix(address, "/mex"):
			name := "soap" // "post" looks like the name of a host to who redacts
			if k.Method == http.MethodGet {
				name = "get"
			}
			add("mex/"+name+".xml", source, k.Body)
		case strings.Contains(address, "federationmetadata"):
			add("metadata/federationmetadata.xml", source, k.Body)
		case k.Method == "GET" && strings.Contains(address, "autodiscover"), k.Method == "GET" && strings.Contains(address, "lyncdiscover"):
			extension := ".txt"
			for _, word := range []string{"json", "xml", "html"} {
				if strings.Contains(strings.ToLower(k.ContentType), word) {
					extension = "." + word
				}
			}
			add("autodiscover/answer"+extension, source, k.Body)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].entry, list[j].entry
		return a.Name < b.Name || a.Name == b.Name && a.Source < b.Source
	})
	return list
}

// system is what there is to know about this computer.
func (c *Collector) system(n *lyncdiag.Network) render.Document {
	if n == nil {
		n = &lyncdiag.Network{}
	}
	env := c.Env
	if env == nil {
		env = os.LookupEnv
	}
	hostname, _ := os.Hostname()
	var resolvers, proxies []string
	servers := n.DNS
	if servers == nil {
		servers, _ = dnscheck.SystemServers()
	}
	for _, r := range servers {
		resolvers = append(resolvers, strings.TrimSpace(r.Name+" "+r.Address()))
	}
	if n.Proxy != nil {
		proxies = append(proxies, n.ProxyFrom+": "+n.Proxy.Redacted())
	} else if settings, err := proxy.System(env); err == nil && !n.Simulated {
		for _, set := range settings {
			if set.Server != nil {
				proxies = append(proxies, set.Source+": "+set.Server.Redacted())
			}
		}
	}
	return c.Tool.System(hostname, clock(n)(), resolvers, proxies)
}

// clock is that of a run.
func clock(n *lyncdiag.Network) func() time.Time {
	if n == nil || n.Now == nil {
		return time.Now
	}
	return n.Now
}

// portsSeen are the hosts and ports that were looked at, each once.
func portsSeen(f *fact.Facts) []render.PortResult {
	var list []render.PortResult
	paths, _, _ := fact.Get(f, fact.PathsKey)
	add := func(e fact.Endpoint, o fact.Origin) {
		if e.Host == "" || e.Reach.Status == "" || slices.ContainsFunc(list, func(r render.PortResult) bool { return r.Host == e.Host && r.Port == e.Port }) {
			return
		}
		r := render.PortResult{Endpoint: e, Simulated: o.Kind == fact.Lab}
		for _, p := range paths {
			if p.Host == e.Host && p.Port == e.Port {
				r.Families = p.Families
			}
		}
		list = append(list, r)
	}
	if hosts, o, ok := fact.Get(f, fact.WebHostsKey); ok {
		for _, e := range hosts {
			add(e, o)
		}
	}
	if candidates, o, ok := fact.Get(f, fact.CandidatesKey); ok {
		for _, e := range candidates {
			add(e.Endpoint, o)
			for _, h := range e.Hops {
				add(h.Endpoint, o)
			}
		}
	}
	for _, k := range []fact.Key[fact.Endpoint]{fact.LoginKey, fact.FederationKey} {
		if e, o, ok := fact.Get(f, k); ok {
			add(e, o)
		}
	}
	return list
}
