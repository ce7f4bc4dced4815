package lyncdiag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// federationStages are what a federation service is asked beside its MEX
// document. None of them waits for another: they take connections that were
// opened together.
func federationStages() Plan {
	signIn := kb.Citation{KB: "KB2541980", Section: "Fix user identity and Windows Azure AD issues in Lync 2013"}
	settings := kb.Citation{KB: "KB2647020"}
	return Plan{
		{ID: "adfs.metadata", Title: "AD FS metadata", Source: settings, Needs: []StageID{"adfs.tls"}, Applies: federated, Provides: names(fact.FederationMetadataKey), Probe: probeFederationMetadata, Summary: sumFederationMetadata},
		{ID: "adfs.trust", Title: "AD FS endpoints", Source: signIn, Needs: []StageID{"adfs.tls"}, Applies: guessable, Provides: names(fact.TrustEndpointsKey), Probe: probeTrustEndpoints, Summary: sumTrustEndpoints},
		{ID: "adfs.probe", Title: "AD FS service", Source: signIn, After: []StageID{"adfs.mex"}, Needs: []StageID{"adfs.dns"}, Applies: withoutMEX, Provides: names(fact.ServiceProbeKey), Probe: probeFederationService, Summary: sumFederationService},
		{ID: "adfs.token", Title: "AD FS token", Source: signIn, Needs: []StageID{"adfs.mex"}, After: []StageID{"adfs.trust"}, Applies: offersToken, Provides: names(fact.TokenKey), Credentialed: true, Probe: probeToken, Summary: sumToken},
		{ID: "cloud.token", Title: "Cloud token", Source: signIn, Needs: []StageID{"realm"}, After: []StageID{"autodiscover"}, Applies: managed, Provides: names(fact.CloudTokenKey), Credentialed: true, Probe: probeCloudToken, Summary: sumCloudToken},
	}
}

// federationConns are the connections to a federation service that a plan has
// a use for at the same time. Browsers open six.
func (p Plan) federationConns(setting fact.Setting) int {
	n := 0
	for _, s := range p {
		switch s.ID {
		case "adfs.mex": // GET and POST
			n += 2
		case "adfs.metadata":
			n++
		case "adfs.trust": // two versions
			n += 2
			if setting.Location == "outside" {
				n++
			}
		}
	}
	return max(n, 1)
}

const (
	defaultMEX      = "/adfs/services/trust/mex"
	defaultMetadata = "/FederationMetadata/2007-06/FederationMetadata.xml"
)

// probeFederationMetadata asks for the metadata where AD FS has it. Clients do
// not need it, so nothing is wrong where it is not.
func probeFederationMetadata(ctx context.Context, env *Env) error {
	realm, _, _ := fact.Get(env.Facts, fact.RealmKey)
	u, err := url.Parse(realm.MEXURL)
	if err != nil {
		return &Obstacle{Detail: "the MEX address cannot be read"}
	}
	metadata := env.adfs().FetchFederationMetadata(ctx, "https://"+u.Host+defaultMetadata)
	if over(ctx) {
		return cut(ctx)
	}
	fact.Put(env.Facts, fact.FederationMetadataKey, metadata, env.Origin())
	if metadata.Exchange.Problem != "" {
		return &Obstacle{Detail: fmt.Sprintf("not to be had here: %s", metadata.Exchange.Detail), Soft: true}
	}
	return nil
}

func (e *Env) adfs() *adfs.Client {
	return &adfs.Client{HTTP: e.HTTP(), UserAgent: UserAgent(e.Setting), Now: e.Network.Now}
}

// guessed are the endpoints that are known before the MEX document is read:
// the one that the login service names, and those that AD FS has beside its
// MEX document. From outside, that for Windows authentication is among them.
func guessed(f *fact.Facts) (list []adfs.Endpoint) {
	realm, _, _ := fact.Get(f, fact.RealmKey)
	setting, _, _ := fact.Get(f, fact.SettingKey)
	add := func(address, version, authentication string) {
		if !slices.ContainsFunc(list, func(e adfs.Endpoint) bool { return strings.EqualFold(e.Address, address) }) {
			list = append(list, adfs.Endpoint{Address: address, Version: version, Authentication: authentication, Usable: true})
		}
	}
	if secureURL(realm.ActiveAuthURL) {
		version := "2005"
		if strings.Contains(strings.ToLower(realm.ActiveAuthURL), "/trust/13/") {
			version = "1.3"
		}
		add(realm.ActiveAuthURL, version, "username")
	}
	if u, err := url.Parse(realm.MEXURL); err == nil && strings.EqualFold(u.Path, defaultMEX) {
		base := "https://" + u.Host + u.Path[:len(u.Path)-len("mex")]
		add(base+"2005/usernamemixed", "2005", "username")
		add(base+"13/usernamemixed", "1.3", "username")
		if setting.Location == "outside" {
			add(base+"2005/windowstransport", "2005", "windows")
		}
	}
	return list
}

func guessable(f *fact.Facts) *Skip {
	if skip := federated(f); skip != nil {
		return skip
	}
	if len(guessed(f)) == 0 {
		return &Skip{SkipNotApplicable, "no endpoint is known before the MEX document is read"}
	}
	return nil
}

// probeTrustEndpoints asks them, without credentials.
func probeTrustEndpoints(ctx context.Context, env *Env) error {
	list := guessed(env.Facts)
	answers := make([]*adfs.TrustAnswer, len(list))
	var all sync.WaitGroup
	for i, e := range list {
		all.Go(func() { answers[i] = env.adfs().ProbeTrust(ctx, e) })
	}
	all.Wait()
	if over(ctx) {
		return cut(ctx)
	}
	fact.Put(env.Facts, fact.TrustEndpointsKey, answers, env.Origin())
	return nil
}

// secureURL reports whether a client may send something to a URL: https, and
// nobody's name or password in it.
func secureURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil
}

// authority is host and port, as a token request's hosts have them.
func authority(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), cmp.Or(u.Port(), "443"))
}

// probeToken asks for a token once, at an endpoint of the MEX document, on a
// host that the login service named.
func probeToken(ctx context.Context, env *Env) error {
	realm, _, _ := fact.Get(env.Facts, fact.RealmKey)
	mex, _, _ := fact.Get(env.Facts, fact.MEXKey)
	var hosts []string
	for _, raw := range []string{realm.MEXURL, realm.ActiveAuthURL} {
		if secureURL(raw) {
			hosts = append(hosts, authority(raw))
		}
	}
	authentication := "username"
	if env.windows {
		authentication = "windows"
	}
	endpoint, ok := tokenEndpoint(env.Facts, mex.Endpoints, authentication, hosts)
	if !ok {
		return &Obstacle{Detail: fmt.Sprintf("the MEX document lists no usable endpoint for %s authentication", authentication)}
	}
	client := env.adfs()
	if env.windows {
		client.HTTP = env.single()
		defer client.HTTP.CloseIdleConnections()
	}
	return env.requestToken(ctx, client, fact.TokenKey, adfs.TokenRequest{Endpoint: endpoint, Hosts: hosts, AppliesTo: realm.Audience})
}

// offersToken: without an endpoint to ask there is nothing to ask for.
func offersToken(f *fact.Facts) *Skip {
	mex, _, ok := fact.Get(f, fact.MEXKey)
	usable := func(e adfs.Endpoint) bool {
		return e.Usable && (e.Authentication == "username" || e.Authentication == "windows")
	}
	if skip := federated(f); skip != nil || !ok || slices.ContainsFunc(mex.Endpoints, usable) {
		return skip
	}
	return &Skip{SkipNeeds, "the MEX document offers no endpoint for a password"}
}

// withoutMEX: a MEX document shows that the service works; its probe says
// something only where there is none.
func withoutMEX(f *fact.Facts) *Skip {
	mex, _, ok := fact.Get(f, fact.MEXKey)
	if skip := federated(f); skip != nil {
		return skip
	}
	switch {
	case !ok:
		return &Skip{SkipNeeds, "the MEX document was not asked for"}
	case mex.Get.Problem == "" || mex.Post.Problem == "":
		return &Skip{SkipNotApplicable, "the MEX document shows that the service answers"}
	}
	return nil
}

// probeFederationService asks for /adfs/probe over plain HTTP, where Windows
// Server 2012 R2 and later tell load balancers whether the service runs.
func probeFederationService(ctx context.Context, env *Env) error {
	realm, _, _ := fact.Get(env.Facts, fact.RealmKey)
	probe := fact.Control{URL: "http://" + hostOf(realm.MEXURL) + "/adfs/probe"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe.URL, nil)
	if err != nil {
		return &Obstacle{Detail: "the MEX address cannot be read"}
	}
	request.Header.Set("User-Agent", UserAgent(env.Setting))
	response, err := env.HTTP().Do(request)
	if over(ctx) {
		return cut(ctx)
	}
	if err == nil {
		response.Body.Close()
		probe.Status, probe.ContentType, probe.Location = response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Location")
	} else {
		probe.Detail = plain(err)
	}
	fact.Put(env.Facts, fact.ServiceProbeKey, probe, env.Origin())
	if probe.Status != http.StatusOK {
		// Older versions have no probe, and few firewalls let it out.
		return &Obstacle{Detail: probeWords(probe), Soft: true}
	}
	return nil
}

func probeWords(p fact.Control) string {
	if p.Status == 0 {
		return fmt.Sprintf("%s: %s", p.URL, p.Detail)
	}
	return fmt.Sprintf("%s answers %d", p.URL, p.Status)
}

func sumFederationService(f *fact.Facts) string {
	probe, _, _ := fact.Get(f, fact.ServiceProbeKey)
	return probeWords(probe) + ": the service runs"
}

// tokenEndpoint is the one that this client would take: the Sign-In Assistant
// asks for 2005, newer clients for 1.3 and in its absence for 2005. One that
// was seen not to work, or whose host discovery did not name, comes last.
func tokenEndpoint(f *fact.Facts, list []adfs.Endpoint, authentication string, hosts []string) (best adfs.Endpoint, ok bool) {
	setting, _, _ := fact.Get(f, fact.SettingKey)
	version := "1.3"
	if asks2005(setting.Client) {
		version = "2005"
	}
	rank := func(e adfs.Endpoint) (n int) {
		if !slices.Contains(hosts, authority(e.Address)) {
			n += 4
		}
		if answer := probed(f, e.Address); answer != nil && unavailable(answer) {
			n += 2
		}
		if e.Version != version {
			n++
		}
		return n
	}
	for _, e := range list {
		if e.Usable && e.Authentication == authentication && (!ok || rank(e) < rank(best)) {
			best, ok = e, true
		}
	}
	return best, ok
}

// asks2005 reports whether a client signs in through the Sign-In Assistant.
func asks2005(client string) bool {
	return client == "lync2010" || client == "lync2010-rtm" || client == "lync2013"
}

// probed is what an endpoint answered without credentials, nil if it was not
// asked.
func probed(f *fact.Facts, address string) *adfs.TrustAnswer {
	answers, _, _ := fact.Get(f, fact.TrustEndpointsKey)
	for _, a := range answers {
		if strings.EqualFold(a.Endpoint.Address, address) {
			return a
		}
	}
	return nil
}

// unavailable reports whether an answer shows that nobody serves an endpoint.
func unavailable(a *adfs.TrustAnswer) bool {
	switch a.Exchange.Status {
	case http.StatusNotFound, http.StatusGone, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return a.Code == "" // a fault shows that somebody does
	}
	return false
}

// probeCloudToken asks the cloud about a user whose password it checks, as
// the Sign-In Assistant does: WS-Trust 2005 at RST2.srf, for a token for the
// web-ticket service.
func probeCloudToken(ctx context.Context, env *Env) error {
	cloud := dnscheck.CloudHosts(cloudOf(env.Setting))
	login := cloud.Login[0]
	ticket := "https://" + cloud.Web + "/WebTicket/WebTicketService.svc"
	if walk, _, ok := fact.Get(env.Facts, fact.WalkKey); ok && secureURL(walk.WebTicketURL) {
		ticket = walk.WebTicketURL
	}
	return env.requestToken(ctx, env.adfs(), fact.CloudTokenKey, adfs.TokenRequest{
		Endpoint:  adfs.Endpoint{Name: "RST2.srf", Address: "https://" + login + "/RST2.srf", Version: "2005", Authentication: "username", Usable: true},
		Hosts:     []string{login},
		AppliesTo: strings.TrimSuffix(ticket, "/") + "/WsFed_bearer",
	})
}

func (e *Env) requestToken(ctx context.Context, client *adfs.Client, key fact.Key[*adfs.TrustAnswer], request adfs.TokenRequest) error {
	u, err := url.Parse(request.Endpoint.Address)
	if err != nil {
		return &Obstacle{Detail: "the endpoint's address cannot be read"}
	}
	x := e.connect(u.Hostname(), defaultPort(u), true, 1)
	if _, err := x.await(ctx, x.secured); err != nil {
		return err
	}
	if !x.verified() {
		return &Obstacle{Detail: fmt.Sprintf("the certificate of %s does not verify: the password was not sent", u.Hostname())}
	}
	if x.revoked(ctx) {
		return &Obstacle{Detail: fmt.Sprintf("a certificate in the chain of %s has been revoked: the password was not sent", u.Hostname())}
	}
	if over(ctx) {
		return cut(ctx)
	}
	answer := client.RequestToken(ctx, request, func(ctx context.Context, to string) (string, adfs.Secret, error) {
		user, password, err := e.credentials(ctx, to)
		return cmp.Or(user, e.Target.UserName, e.Target.WireAddress()), password, err
	})
	if over(ctx) {
		return cut(ctx)
	}
	if answer.Exchange.Problem == "no-credentials" {
		return errors.New(answer.Exchange.Detail)
	}
	fact.Put(e.Facts, key, answer, e.Origin())
	switch {
	case answer.Exchange.Status == 0:
		return &Obstacle{Detail: answer.Exchange.Detail}
	case answer.Endpoint.Authentication == "windows" && unavailable(answer):
		return &Obstacle{Detail: fmt.Sprintf("Windows authentication is not offered here: %s answers %d", answer.Endpoint.Address, answer.Exchange.Status)}
	}
	return nil
}

// single is HTTP over one connection at a time, as NTLM needs it.
func (e *Env) single() *http.Client {
	client := *e.HTTP()
	client.Transport = &boundedBody{limit: e.Network.exchange(), RoundTripper: &http.Transport{
		DialTLSContext:        func(ctx context.Context, _, address string) (net.Conn, error) { return e.wire.take(ctx, address, true) },
		ResponseHeaderTimeout: e.Network.exchange(),
		MaxConnsPerHost:       1,
		Protocols:             httpVersion1(),
	}}
	return &client
}

func managed(f *fact.Facts) *Skip {
	realm, _, ok := fact.Get(f, fact.RealmKey)
	switch {
	case !ok || realm.Problem != "":
		return &Skip{SkipNeeds, "the realm is not known"}
	case realm.NamespaceType != "managed":
		return &Skip{SkipNotApplicable, fmt.Sprintf("the cloud does not check the password (%s)", realm.NamespaceType)}
	}
	return nil
}

func sumFederationMetadata(f *fact.Facts) string {
	m, _, _ := fact.Get(f, fact.FederationMetadataKey)
	return fmt.Sprintf("%s, %s", m.EntityID, count(len(m.SigningCertificates), "signing certificate"))
}

func sumTrustEndpoints(f *fact.Facts) string {
	answers, _, _ := fact.Get(f, fact.TrustEndpointsKey)
	var words []string
	for _, a := range answers {
		said := exchangeText(a.Exchange)
		switch {
		case a.Code != "":
			said = "answers"
		case len(a.Schemes) > 0:
			said = "asks for " + strings.Join(a.Schemes, ", ")
		}
		words = append(words, fmt.Sprintf("%s %s: %s", a.Endpoint.Authentication, a.Endpoint.Version, said))
	}
	return strings.Join(words, ", ")
}

func sumToken(f *fact.Facts) string {
	a, _, _ := fact.Get(f, fact.TokenKey)
	return tokenWords(a)
}

func sumCloudToken(f *fact.Facts) string {
	a, _, _ := fact.Get(f, fact.CloudTokenKey)
	return tokenWords(a)
}

func tokenWords(a *adfs.TrustAnswer) string {
	if !a.HasToken {
		return a.Classification
	}
	text := "issued: " + a.Token.Type
	if life := a.Token.NotAfter.Sub(a.Token.NotBefore); !a.Token.NotAfter.IsZero() && life > 0 {
		text += fmt.Sprintf(", valid for %.0f min", life.Minutes())
	}
	return text
}
