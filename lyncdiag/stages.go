package lyncdiag

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// DefaultPlan is the sign-in chain in the client's order: where is my server,
// the way to it, then who am I.
//
// The stages of one host are slices of one exchange: each waits for its part
// of it, so a host that stays silent costs one time-out in all.
func DefaultPlan() Plan {
	dns := kb.Citation{KB: "KB2541980", Section: "Fix DNS and network-related sign-in problems"}
	bypass := kb.Citation{KB: "KB2541980", Section: "Bypass Lync Autodiscover and DNS resolution"}
	identity := kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013"}
	return slices.Concat(Plan{
		{ID: "proxy", Title: "Proxy", Source: kb.Citation{KB: "KB2769142"}, Provides: names(fact.ProxyKey), Probe: probeProxy, Summary: sumProxy},
		{ID: "control", Title: "Network", Source: dns, Provides: names(fact.ControlKey), Probe: probeControl, Summary: sumControl},
		{ID: "dns", Title: "DNS", Source: dns, Provides: names(fact.DNSKey), Probe: probeDNS, Summary: sumDNS},
		{ID: "autodiscover", Title: "Autodiscover", Source: dns, Provides: names(fact.WalkKey), Probe: probeAutodiscover, Summary: sumAutodiscover},
		{ID: "tcp", Title: "Ports", Source: dns, Provides: names(fact.CandidatesKey), Probe: probeTCP, Summary: sumTCP},
		{ID: "tls", Title: "TLS", Source: dns, Needs: []StageID{"tcp"}, Probe: probeTLS, Summary: sumTLS},
		{ID: "sip", Title: "Registrar", Source: bypass, Needs: []StageID{"tls"}, Probe: probeSIP, Summary: sumSIP},
		{ID: "server.auto", Title: "Configuration", Source: bypass, Local: true, After: []StageID{"dns", "autodiscover", "sip"}, Applies: needsWalk, Probe: chooseAutomatic, Summary: sumAutomatic},
		{ID: "realm", Title: "Realm", Source: identity, Provides: names(fact.RealmKey), Probe: probeRealm, Summary: sumRealm},
		{ID: "adfs.dns", Title: "AD FS name", Source: identity, Needs: []StageID{"realm"}, Applies: federated, Probe: probeFederationName, Summary: sumFederationName},
		{ID: "adfs.tcp", Title: "AD FS port", Source: identity, Needs: []StageID{"adfs.dns"}, Applies: federated, Probe: probeFederationPort, Summary: sumFederationPort},
		{ID: "adfs.tls", Title: "AD FS TLS", Source: identity, Needs: []StageID{"adfs.tcp"}, Applies: federated, Probe: probeFederationTLS, Summary: sumFederationTLS},
		{ID: "adfs.mex", Title: "AD FS MEX", Source: identity, Needs: []StageID{"adfs.tls"}, Applies: federated, Provides: names(fact.MEXKey), Probe: probeMEX, Summary: sumMEX},
	}, federationStages(), Plan{
		{ID: "adfs.sni", Title: "AD FS without SNI", Source: identity, Needs: []StageID{"adfs.dns"}, Applies: federated, Provides: names(fact.WithoutSNIKey), Probe: probeWithoutSNI, Summary: sumWithoutSNI},
		{ID: "tls.client", Title: "Client's TLS", Source: dns, After: []StageID{"tls", "adfs.tls"}, Applies: emulated, Provides: names(fact.ClientTLSKey), Probe: probeClientTLS, Summary: sumClientTLS},
		{ID: stageRevocation, Title: "Revocation", Source: kb.Citation{KB: "KB2409256"}, After: []StageID{"autodiscover", "tls", "realm", "adfs.tls"}, Provides: names(fact.StandingsKey), Probe: probeRevocation, Summary: sumRevocation},
		{ID: "paths", Title: "IPv4 and IPv6", Source: dns, After: []StageID{"control", "autodiscover", "tcp", "realm", "adfs.tcp"}, Provides: names(fact.PathsKey), Probe: probePaths, Summary: sumPaths},
		{ID: "clock", Title: "Clock", Source: kb.Citation{KB: "KB2581291"}, Local: true, After: []StageID{"autodiscover", "sip", "realm", "adfs.mex"}, Applies: needsDates, Probe: readClock, Summary: sumClock},
	})
}

func names(keys ...fact.AnyKey) []fact.Name {
	var list []fact.Name
	for _, k := range keys {
		list = append(list, k.Name())
	}
	return list
}

// ---- where is my server ----

// probeControl asks a host that has nothing to do with Lync over plain HTTP.
// The login service redirects to itself over HTTPS; a portal in between says
// something else.
func probeControl(ctx context.Context, env *Env) error {
	login := dnscheck.CloudHosts(cloudOf(env.Setting)).Login[0]
	control := fact.Control{URL: "http://" + login + "/"}
	proxied := env.wire.proxied(login)
	if !proxied { // through a proxy plain HTTP has no connection of its own
		env.connect(login, 80, false, 1)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, control.URL, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", UserAgent(env.Setting))
	control.SentAt = env.Now().UTC()
	response, err := env.HTTP().Do(request)
	if err == nil {
		response.Body.Close()
		control.AnsweredAt = env.Now().UTC()
		if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			control.Date = date.UTC()
		}
		control.Status, control.ContentType, control.Location = response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Location")
	} else {
		control.Detail = plain(err)
	}
	control.Endpoint = fact.Endpoint{Host: login, Port: 80}
	if proxied {
		control.Reach.AtProxy = atProxy(err)
		err = ctx.Err()
	} else {
		x := env.connect(login, 80, false, 1)
		control.Endpoint, err = x.await(ctx, x.secured)
	}
	control.Proxied = proxied
	fact.Put(env.Facts, fact.ControlKey, control, env.Origin())
	if err == nil && control.Status == 0 {
		// Many networks let HTTPS out and nothing else: that alone is no harm.
		return &Obstacle{Detail: fmt.Sprintf("%s: %s", control.URL, control.Detail), Soft: true}
	}
	return err
}

func probeDNS(ctx context.Context, env *Env) error {
	if err := env.wire.dnsErr; err != nil {
		// No resolver is set: an observation of this network, like one that nobody can reach.
		fact.Put(env.Facts, fact.DNSKey, &dnscheck.Result{Domain: env.Target.Domain, Answers: []dnscheck.Answer{{
			Name: "_sip._tls." + env.Target.Domain, Type: "SRV", Status: dnscheck.StatusNetworkError, Detail: err.Error()}}}, env.Origin())
		return &Obstacle{Detail: "there is no resolver to ask: " + err.Error()}
	}
	cloud := dnscheck.CloudHosts(cloudOf(env.Setting))
	// The cloud's hosts tell an address record that is right from one that is
	// not; the login host is the control name as well.
	client := *env.Resolver()
	trouble := ""
	if env.Network.Authoritative {
		own, status, detail := client.Authoritative(ctx, env.Target.Domain)
		if len(own) == 0 {
			trouble = fmt.Sprintf("the zone's own servers cannot be asked: %s %s", status, detail)
		}
		client.Servers = slices.Concat(client.Servers, own)
	}
	result := client.Ask(ctx, env.Target.Domain, cloud.Web, cloud.SIP, cloud.Login[0])
	if over(ctx) {
		return cut(ctx) // what was not waited for is not known
	}
	fact.Put(env.Facts, fact.DNSKey, result, env.Origin())
	if unanswered(result) {
		return &Obstacle{Detail: noAnswer}
	}
	if trouble != "" {
		return &Obstacle{Detail: trouble, Soft: true}
	}
	return nil
}

const noAnswer = "no resolver gave an answer that can be used"

// unanswered reports whether no question got an answer that says anything
// about the records.
func unanswered(r *dnscheck.Result) bool {
	return !slices.ContainsFunc(r.Answers, func(a dnscheck.Answer) bool { return a.Status.Known() })
}

func probeAutodiscover(ctx context.Context, env *Env) error {
	d := &dnscheck.Discoverer{HTTP: env.HTTP(), UserAgent: UserAgent(env.Setting), Now: env.Network.Now}
	uri := ""
	if user := env.Target.WireAddress(); user != "" {
		uri = "sip:" + user
	}
	walk := d.Walk(ctx, env.Target.Domain, uri)
	if over(ctx) {
		return cut(ctx)
	}
	fact.Put(env.Facts, fact.WalkKey, walk, env.Origin())

	var hosts []fact.Endpoint
	for _, hop := range walk.Hops {
		u, err := url.Parse(hop.URL)
		if err != nil {
			continue
		}
		x, ok := env.wire.opened(u.Hostname(), defaultPort(u), u.Scheme == "https")
		if !ok {
			continue // named, but never asked
		}
		endpoint, err := x.await(ctx, x.secured)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(hosts, func(e fact.Endpoint) bool { return e.Host == endpoint.Host && e.Port == endpoint.Port }) {
			hosts = append(hosts, endpoint)
		}
	}
	hosts = append(hosts, keptByProxy(ctx, env, walk)...)
	fact.Put(env.Facts, fact.WebHostsKey, hosts, env.Origin())
	for _, server := range walk.SIPServers {
		if server.Access == accessOf(env.Setting) && server.Port != 0 {
			x := env.connect(server.Host, server.Port, true, 1)
			env.register(x)
			env.named = append(env.named, x)
		}
	}
	if walk.Outcome != dnscheck.OutcomeWebTicket && walk.Outcome != dnscheck.OutcomeUser {
		// Desktop clients go on with the SRV record, so this alone decides nothing.
		return &Obstacle{Detail: sumAutodiscover(env.Facts), Soft: true}
	}
	return nil
}

// keptByProxy are the hosts that plain HTTP did not get to through the proxy.
func keptByProxy(ctx context.Context, env *Env, walk *dnscheck.Walk) []fact.Endpoint {
	var list []fact.Endpoint
	for _, hop := range walk.Hops {
		u, err := url.Parse(hop.URL)
		if err != nil || u.Scheme != "http" {
			continue
		}
		name := strings.ToLower(u.Hostname())
		if reach, ok := env.wire.atGateway(name); ok && !slices.ContainsFunc(list, func(e fact.Endpoint) bool { return e.Host == name }) {
			list = append(list, fact.Endpoint{Host: name, Port: defaultPort(u), Resolve: env.wire.resolve(ctx, name), Reach: reach})
		}
	}
	return list
}

func defaultPort(u *url.URL) uint16 {
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(p)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

// ---- the way to it ----

// probeTCP finds the registrars a client could use and starts an exchange with
// each as soon as it is named: the manual address at once, SRV targets and
// names when DNS answers. Autodiscover adds one and delays none.
func probeTCP(ctx context.Context, env *Env) error {
	list := env.candidates(ctx)
	if len(list) == 0 {
		return &Obstacle{Detail: "no registrar is named by DNS, and none was given"}
	}
	return env.observe(ctx, list, func(x *exchange) <-chan struct{} { return x.connected }, func(c fact.Candidate) bool {
		return c.Reach.Status == fact.Listening
	}, func(c fact.Candidate) string {
		return fmt.Sprintf("%s port %d: %s", c.Host, c.Port, reachWords(c.Reach))
	})
}

// reachWords is a connection attempt in words.
func reachWords(r fact.Reach) string {
	if r.AtProxy != nil {
		return r.Detail
	}
	return string(r.Status)
}

func probeTLS(ctx context.Context, env *Env) error {
	return env.observe(ctx, env.candidates(ctx), func(x *exchange) <-chan struct{} { return x.secured }, func(c fact.Candidate) bool {
		return c.Up()
	}, func(c fact.Candidate) string { return fmt.Sprintf("%s: %s", c.Host, tlsTrouble(c.TLS)) })
}

func probeSIP(ctx context.Context, env *Env) error {
	list := env.candidates(ctx)
	return env.observe(ctx, list, func(x *exchange) <-chan struct{} { return env.register(x).done }, fact.Candidate.Works, sipTrouble)
}

func sipTrouble(c fact.Candidate) string {
	switch {
	case c.SIP == nil:
		return fmt.Sprintf("%s was not asked: %s", c.Host, tlsTrouble(c.TLS))
	case c.SIP.Problem != "":
		return fmt.Sprintf("%s: %s", c.Host, c.SIP.Detail)
	}
	return fmt.Sprintf("%s answers %d %s", c.Host, c.SIP.Status, c.SIP.Reason)
}

// observe waits until every candidate has come as far as a milestone, records
// what was seen and fails the stage when none of them is fine.
func (e *Env) observe(ctx context.Context, list []candidate, milestone func(*exchange) <-chan struct{}, fine func(fact.Candidate) bool, trouble func(fact.Candidate) string) error {
	seen := make([]fact.Candidate, len(list))
	var interrupted error
	for i, c := range list {
		endpoint, err := c.exchange.await(ctx, milestone(c.exchange))
		if err != nil {
			interrupted = err
		}
		seen[i] = fact.Candidate{Endpoint: endpoint, Via: c.via}
		e.registered(c.exchange, &seen[i])
	}
	fact.Put(e.Facts, fact.CandidatesKey, seen, e.Origin())
	if interrupted != nil {
		return interrupted
	}
	if slices.ContainsFunc(seen, fine) {
		return nil
	}
	var words []string
	for _, c := range seen {
		words = append(words, trouble(c))
	}
	return &Obstacle{Detail: strings.Join(words, "; ")}
}

type candidate struct {
	via      []fact.Via
	exchange *exchange
}

// candidates names the registrars. Its lookups are the DNS stage's own: the
// resolver asks each question once a run.
func (e *Env) candidates(ctx context.Context) []candidate {
	e.once.Do(func() { e.list = e.findCandidates(ctx) })
	return e.list
}

func (e *Env) findCandidates(ctx context.Context) (list []candidate) {
	add := func(host string, port uint16, via fact.Via) {
		for i := range list {
			if seen := list[i].exchange.endpoint(); seen.Host == host && seen.Port == port {
				if !slices.Contains(list[i].via, via) {
					list[i].via = append(list[i].via, via)
				}
				return
			}
		}
		x := e.connect(host, port, true, 1)
		e.register(x)
		list = append(list, candidate{[]fact.Via{via}, x})
	}

	// The manual address is known at once; in the list it comes last, behind
	// what a client finds by itself.
	if host, port, ok := manualServer(e.Setting); ok {
		e.register(e.connect(host, port, true, 1))
		defer add(host, port, fact.ViaManual)
	}
	if e.wire.dnsErr != nil {
		return list
	}
	domain := e.Target.Domain
	services := []struct {
		name string
		via  fact.Via
	}{{"_sip._tls." + domain, fact.ViaSRV}}
	if e.Setting.Location != "outside" {
		services = append(services, struct {
			name string
			via  fact.Via
		}{"_sipinternaltls._tcp." + domain, fact.ViaSRVInternal})
	}
	named := false
	for _, s := range services {
		for _, r := range e.Resolver().Lookup(ctx, s.name, "SRV").Records {
			if r.Type == "SRV" && r.Target != "" && r.Target != "." {
				add(strings.TrimSuffix(r.Target, "."), r.Port, s.via)
				named = true
			}
		}
	}
	if named {
		return list
	}
	// Without an SRV record clients fall back to fixed names (Lync Server 2013 library, "Determine DNS requirements").
	for _, name := range []string{"sipinternal." + domain, "sip." + domain, "sipexternal." + domain} {
		if len(e.Resolver().LookupHost(ctx, name).Addresses) > 0 {
			add(name, 443, fact.ViaName)
		}
	}
	return list
}

// manualServer is what manual configuration would use: the given server, else
// the cloud's documented one. A Server deployment has none that is documented.
func manualServer(s fact.Setting) (host string, port uint16, ok bool) {
	address := s.ManualServer
	if address == "" && s.Deployment != "server" {
		address = dnscheck.CloudHosts(cloudOf(s)).Manual
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(service, 10, 16)
	return host, uint16(n), err == nil && host != ""
}

func cloudOf(s fact.Setting) string {
	if s.Cloud == "" {
		return "worldwide"
	}
	return s.Cloud
}

// ---- which server ----

func needsWalk(f *fact.Facts) *Skip {
	if !f.Has(fact.WalkKey.Name()) && !f.Has(fact.CandidatesKey.Name()) {
		return &Skip{SkipNeeds, "neither DNS nor Autodiscover was looked at"}
	}
	return nil
}

// chooseAutomatic says which of the servers found this client would use by
// itself. It judges and sends nothing.
func chooseAutomatic(ctx context.Context, env *Env) error {
	if err := env.addNamed(ctx); err != nil {
		return err
	}
	auto := automatic(env.Facts, env.Setting)
	fact.Put(env.Facts, fact.AutomaticKey, auto, env.Origin())
	if !auto.Works {
		return &Obstacle{Detail: sumAutomatic(env.Facts)}
	}
	return nil
}

// addNamed waits for the servers that Autodiscover names and puts them among the
// candidates.
func (e *Env) addNamed(ctx context.Context) error {
	known, o, _ := fact.Get(e.Facts, fact.CandidatesKey)
	list := slices.Clone(known)
	for _, x := range e.named {
		endpoint, err := x.await(ctx, e.register(x).done)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(c fact.Candidate) bool { return c.Host == endpoint.Host && c.Port == endpoint.Port })
		if i < 0 {
			i = len(list)
			list = append(list, fact.Candidate{Endpoint: endpoint})
			e.registered(x, &list[i])
		}
		if !list[i].ByVia(fact.ViaAutodiscover) {
			list[i].Via = append(slices.Clone(list[i].Via), fact.ViaAutodiscover)
		}
	}
	if len(e.named) > 0 {
		fact.Put(e.Facts, fact.CandidatesKey, list, cmp.Or(o, e.Origin()))
	}
	return nil
}

// ---- who am I ----

func probeRealm(ctx context.Context, env *Env) error {
	login := dnscheck.CloudHosts(cloudOf(env.Setting)).Login[0]
	x := env.connect(login, 443, true, 1)
	user := env.Target.UserName
	if !strings.Contains(user, "@") { // DOMAIN\NAME is no name that the cloud knows
		user = env.Target.WireAddress()
	}
	client := &adfs.Client{HTTP: env.HTTP(), LoginHost: login, UserAgent: UserAgent(env.Setting), Now: env.Network.Now}
	realm := client.DiscoverRealm(ctx, user)
	endpoint, err := x.await(ctx, x.secured)
	if err != nil {
		return err
	}
	fact.Put(env.Facts, fact.LoginKey, endpoint, env.Origin())
	fact.Put(env.Facts, fact.RealmKey, realm, env.Origin())
	if realm.Problem != "" {
		return &Obstacle{Detail: fmt.Sprintf("%s: %s", login, realm.Detail)}
	}
	return nil
}

func federated(f *fact.Facts) *Skip {
	realm, _, ok := fact.Get(f, fact.RealmKey)
	switch {
	case !ok || realm.Problem != "":
		return &Skip{SkipNeeds, "the realm is not known"}
	case realm.NamespaceType != "federated":
		return &Skip{SkipNotApplicable, fmt.Sprintf("the domain is not federated (%s)", realm.NamespaceType)}
	case realm.MEXURL == "":
		return &Skip{SkipNotApplicable, "the federation names no MEX document"}
	}
	return nil
}

// federation is the exchange with the host of the MEX document. As many
// connections are made at once as the plan has questions for it.
func (e *Env) federation() (*exchange, error) {
	realm, _, _ := fact.Get(e.Facts, fact.RealmKey)
	u, err := url.Parse(realm.MEXURL)
	if err != nil || !secureURL(realm.MEXURL) {
		return nil, &Obstacle{Detail: "the MEX address is no https URL without a user name in it, and clients take no other"}
	}
	return e.connect(u.Hostname(), defaultPort(u), true, e.federationConns), nil
}

// slice waits for one part of the exchange with the federation service.
func (e *Env) slice(ctx context.Context, part func(*exchange) <-chan struct{}, trouble func(fact.Endpoint) string) error {
	x, err := e.federation()
	if err != nil {
		return err
	}
	endpoint, err := x.await(ctx, part(x))
	if err != nil {
		return err
	}
	fact.Put(e.Facts, fact.FederationKey, endpoint, e.Origin())
	if detail := trouble(endpoint); detail != "" {
		return &Obstacle{Detail: detail}
	}
	return nil
}

func probeFederationName(ctx context.Context, env *Env) error {
	return env.slice(ctx, func(x *exchange) <-chan struct{} { return x.resolved }, func(e fact.Endpoint) string {
		if len(e.Resolve.Addresses) == 0 && !env.wire.proxied(e.Host) {
			return fmt.Sprintf("%s does not resolve (%s)", e.Host, e.Resolve.Status)
		}
		return ""
	})
}

func probeFederationPort(ctx context.Context, env *Env) error {
	return env.slice(ctx, func(x *exchange) <-chan struct{} { return x.connected }, func(e fact.Endpoint) string {
		if e.Reach.Status != fact.Listening {
			return fmt.Sprintf("%s port %d: %s", e.Host, e.Port, reachWords(e.Reach))
		}
		return ""
	})
}

func probeFederationTLS(ctx context.Context, env *Env) error {
	return env.slice(ctx, func(x *exchange) <-chan struct{} { return x.secured }, func(e fact.Endpoint) string {
		if e.TLS == nil || !e.TLS.Verified && !e.TLS.WeakOnly {
			return fmt.Sprintf("%s: %s", e.Host, tlsTrouble(e.TLS))
		}
		return ""
	})
}

func tlsTrouble(r *certs.Result) string {
	switch {
	case r == nil:
		return "TLS was not tried"
	case notRead(r):
		return "a certificate cannot be read here: " + r.Handshake.Detail
	case r.Handshake != nil:
		return "TLS fails: " + r.Handshake.Detail
	}
	var codes []string
	for _, p := range r.Problems {
		codes = append(codes, string(p.Code))
	}
	return "certificate: " + strings.Join(codes, ", ")
}

func probeMEX(ctx context.Context, env *Env) error {
	realm, _, _ := fact.Get(env.Facts, fact.RealmKey)
	client := &adfs.Client{HTTP: env.HTTP(), UserAgent: UserAgent(env.Setting), Now: env.Network.Now}
	mex := client.CheckMEX(ctx, realm.MEXURL)
	if over(ctx) {
		return cut(ctx)
	}
	fact.Put(env.Facts, fact.MEXKey, mex, env.Origin())
	if mex.Get.Status == 0 && mex.Post.Status == 0 {
		return &Obstacle{Detail: fmt.Sprintf("%s gives no answer to GET and to POST", mex.URL)}
	}
	return nil
}

// ---- names of hosts and of this program ----

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// userAgents are what the client generations send (as seen in public logs); the
// strings of 2013 are not sourced.
var userAgents = map[string]string{
	"lync2010-rtm": "UCCAPI/4.0.7577.0 OC/4.0.7577.0 (Microsoft Lync 2010)",
	"lync2010":     "UCCAPI/4.0.7577.4409 OC/4.0.7577.4409 (Microsoft Lync 2010)",
	"lync2013":     "UCCAPI/15.0.4745.1000 OC/15.0.4745.1000 (Microsoft Lync)",
	"sfb2016":      "UCCAPI/16.0.6965.5308 OC/16.0.6965.2117 (Skype for Business)",
}

// UserAgent is what a run with a setting calls itself, to web services and
// registrars.
func UserAgent(s fact.Setting) string {
	if s.UserAgent != "" {
		return s.UserAgent
	}
	if agent, ok := userAgents[s.Client]; ok {
		return agent
	}
	return userAgents["sfb2016"]
}
