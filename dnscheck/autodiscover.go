package dnscheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Problems of the Autodiscover walk.
const (
	ProblemBadDomain        Problem = "bad-domain"         // of the walk itself: the domain cannot be asked about, and no request was sent
	ProblemUnreachable      Problem = "unreachable"        // no HTTP answer; Detail says why
	ProblemCertificateName  Problem = "certificate-name"   // HTTPS on the lyncdiscover name itself shows another name; with the online service that is as it should be
	ProblemCertificate      Problem = "certificate"        // any other refusal of a certificate, or a wrong name after a redirect
	ProblemHTTPError        Problem = "http-error"         // 5xx, 429, or a redirect without a place to go to
	ProblemNotFound         Problem = "not-found"          // any other 4xx
	ProblemNotAutodiscover  Problem = "not-autodiscover"   // an answer, but no Autodiscover document
	ProblemNoWebTicket      Problem = "no-web-ticket"      // the User resource answers 401 without X-MS-WebTicketURL
	ProblemRedirectLoop     Problem = "redirect-loop"      // it leads back to a URL asked before
	ProblemTooManyRedirects Problem = "too-many-redirects" // Discoverer.MaxHops exceeded
	ProblemInsecureRedirect Problem = "insecure-redirect"  // to plain HTTP after HTTPS, to something else than HTTP, to an address that only this network knows, or with a user name in the URL: not followed
	ProblemTooLarge         Problem = "too-large"          // Discoverer.MaxBytes exceeded
	ProblemCancelled        Problem = "cancelled"          // the caller's context ended first
)

// Kind is what a hop turned out to be.
type Kind string

const (
	KindRedirect  Kind = "redirect"
	KindRoot      Kind = "root" // the document that names the User resource
	KindUser      Kind = "user" // the user's own document, with SIP servers
	KindWebTicket Kind = "web-ticket-challenge"
	KindHTML      Kind = "html"
	KindError     Kind = "error"
)

// Outcome is how far a walk got.
type Outcome string

const (
	OutcomeWebTicket Outcome = "web-ticket" // to the User resource, which asks for a web ticket: all that works without signing in
	OutcomeUser      Outcome = "user"       // to the user's document
	OutcomeFailed    Outcome = "failed"     // something answered, and it did not lead to the User resource; see Walk.Problem
	OutcomeAbsent    Outcome = "absent"     // nothing answered on either name; with ProblemBadDomain because nothing was asked
	OutcomeCancelled Outcome = "cancelled"  // the caller's context ended first
)

const (
	acceptXML       = "application/vnd.microsoft.rtc.autodiscover+xml;v=1"
	headerWebTicket = "X-MS-WebTicketURL"

	defaultMaxHops  = 10
	defaultMaxBytes = 256 << 10
	maxLocation     = 2048
	maxCertNames    = 20
)

// Discoverer walks Autodiscover as clients do (MS-OCDISCWS; Lync Server 2013
// library, "Understanding Autodiscover"). HTTP must be set; the zero value of
// everything else is ready. A Discoverer is safe for concurrent use.
type Discoverer struct {
	// HTTP sends the requests; its Transport resolves names, dials and checks
	// certificates, and must be set. Redirects are followed here, not by HTTP: each is
	// a hop to show.
	HTTP *http.Client
	// UserAgent is sent if not empty.
	UserAgent string
	// Now gives the times in results; nil means time.Now.
	Now func() time.Time
	// MaxHops is how many links are followed from one first request; zero means 10.
	// MS-OCDISCWS sets no limit.
	MaxHops int
	// MaxBytes bounds each document; zero means 256 KiB.
	MaxBytes int64
}

// Walk is what Autodiscover answered.
type Walk struct {
	Domain string `json:"domain"`
	// Hops holds, for each of the four first requests in order of preference, that
	// request and what was followed from it: lyncdiscoverinternal before lyncdiscover,
	// HTTP before HTTPS.
	Hops []Hop `json:"hops"`
	// SIPServers are the servers for clients in the user's document.
	SIPServers   []SIPServer `json:"sipServers"`
	WebTicketURL string      `json:"webTicketUrl"`
	// OAuthURL is where clients with modern authentication find the user's document;
	// "" where the root names none.
	OAuthURL string  `json:"oauthUrl,omitempty"`
	Outcome  Outcome `json:"outcome"`
	// Internal: the outcome was reached by way of lyncdiscoverinternal.
	Internal bool `json:"internal"`
	// AccessLocation is where the server believes the client to be: "internal",
	// "external" or "" when it did not say.
	AccessLocation string `json:"accessLocation"`
	// Problem and Detail are those of the hop that got furthest, where Outcome is
	// failed or absent.
	Problem Problem       `json:"problem"`
	Detail  string        `json:"detail"`
	At      time.Time     `json:"at"`
	Elapsed time.Duration `json:"elapsed"`
}

// Hop is one request of a walk.
type Hop struct {
	URL string `json:"url"`
	// Name and Scheme tell which first request the hop follows from:
	// "lyncdiscoverinternal" or "lyncdiscover", "http" or "https".
	Name   string `json:"name"`
	Scheme string `json:"scheme"`
	// First: this is the first request itself. Followed: the hop lies on the way to
	// the walk's outcome.
	First       bool   `json:"first"`
	Followed    bool   `json:"followed"`
	Status      int    `json:"status"` // HTTP status, 0 without an answer
	ContentType string `json:"contentType"`
	Kind        Kind   `json:"kind"`
	// Location is where the hop leads: a redirect, the User resource, the web-ticket
	// service. Relative references are resolved.
	Location string  `json:"location"`
	Problem  Problem `json:"problem"`
	Detail   string  `json:"detail"`
	// CertificateNames are the names in a certificate that is for another host, at
	// most 20.
	CertificateNames []string      `json:"certificateNames"`
	Date             time.Time     `json:"date"`       // the server's clock; zero if not sent
	SentAt           time.Time     `json:"sentAt"`     // just before the request
	AnsweredAt       time.Time     `json:"answeredAt"` // when the headers were there; zero without an answer
	Elapsed          time.Duration `json:"elapsed"`    // up to the end of the document
}

// SIPServer is a SIP server that Autodiscover names.
type SIPServer struct {
	Access string `json:"access"` // "internal" or "external"
	Host   string `json:"host"`
	Port   uint16 `json:"port"` // 0 when not given
}

// branch is one of the four first requests and what follows from it.
type branch struct {
	name, scheme string
	first        step
	done         chan struct{} // closed when first is set
	hops         []Hop
	oauth        string // the link of the last root
}

// step is a hop with what it leads to.
type step struct {
	hop  Hop
	next *url.URL // nil: the branch ends here
	doc  document
}

func (s step) reached() bool {
	return s.hop.Problem == "" && (s.hop.Kind == KindWebTicket || s.hop.Kind == KindUser)
}

// Walk sends the four first requests at the same time and follows the most
// preferred one that is usable, the others in turn if that leads nowhere. sipURI is
// sent as clients do, also over plain HTTP; if it is empty no parameter is sent.
// The User resource is asked without a ticket. Walk always returns a result.
func (d *Discoverer) Walk(ctx context.Context, domain, sipURI string) *Walk {
	w := &Walk{Domain: domain, At: d.now(), Outcome: OutcomeFailed}
	ascii, err := ASCII(domain)
	if err != nil {
		w.Outcome, w.Problem, w.Detail = OutcomeAbsent, ProblemBadDomain, err.Error()
		return w
	}
	w.Domain = ascii
	client, err := d.client()
	if err != nil {
		w.Problem, w.Detail = ProblemUnreachable, err.Error()
		return w
	}

	branches := []*branch{
		{name: "lyncdiscoverinternal", scheme: "http"},
		{name: "lyncdiscoverinternal", scheme: "https"},
		{name: "lyncdiscover", scheme: "http"},
		{name: "lyncdiscover", scheme: "https"},
	}
	for _, b := range branches {
		b.done = make(chan struct{})
		go func() {
			defer close(b.done)
			u := &url.URL{Scheme: b.scheme, Host: b.name + "." + ascii, Path: "/"}
			b.first = d.get(ctx, client, b, withSIPURI(u, sipURI), true)
		}()
	}
	reached := false
	tried := make(map[string]bool)
	for _, b := range branches {
		<-b.done
		if reached {
			b.hops = []Hop{b.first.hop}
			continue
		}
		last := d.follow(ctx, client, b, sipURI, tried)
		if last.reached() {
			reached = true
			w.reach(b, last)
		}
	}
	for _, b := range branches {
		w.Hops = append(w.Hops, b.hops...)
	}
	if !reached {
		w.fail(ctx)
	}
	w.Elapsed = d.now().Sub(w.At)
	return w
}

func (d *Discoverer) now() time.Time {
	if d.Now != nil {
		return d.Now().UTC()
	}
	return time.Now().UTC()
}

func (d *Discoverer) client() (*http.Client, error) {
	if d.HTTP == nil || d.HTTP.Transport == nil {
		return nil, errors.New("dnscheck: walk Autodiscover: no HTTP client with a transport was given")
	}
	client := *d.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client, nil
}

// follow goes on from a branch's first answer until an end and returns the last
// step. tried holds the URLs of other branches, which lead nowhere.
func (d *Discoverer) follow(ctx context.Context, client *http.Client, b *branch, sipURI string, tried map[string]bool) step {
	limit := d.MaxHops
	if limit <= 0 {
		limit = defaultMaxHops
	}
	seen := map[string]bool{b.first.hop.URL: true}
	current := b.first
	for {
		if current.next == nil {
			b.hops = append(b.hops, current.hop)
			return current
		}
		next := current.next
		if current.hop.Kind == KindRedirect {
			next = withSIPURI(next, sipURI)
		}
		key := next.String()
		switch {
		case seen[key]:
			current.hop.Problem, current.hop.Detail = ProblemRedirectLoop, "leads back to "+shorten(key)
		case len(b.hops) >= limit:
			current.hop.Problem, current.hop.Detail = ProblemTooManyRedirects, fmt.Sprintf("more than %d links were followed", limit)
		case tried[key]:
			current.hop.Detail = "leads to a URL that was asked on another way already"
		}
		b.hops = append(b.hops, current.hop)
		if seen[key] || tried[key] || current.hop.Problem != "" {
			return current
		}
		seen[key], tried[key] = true, true
		if current.hop.Kind == KindRoot {
			b.oauth = shown(current.hop.URL, current.doc.oauth)
		}
		current = d.get(ctx, client, b, next, false)
	}
}

// get makes one request and says what the answer is and where it leads.
func (d *Discoverer) get(ctx context.Context, client *http.Client, b *branch, u *url.URL, first bool) step {
	s := step{hop: Hop{URL: u.String(), Name: b.name, Scheme: b.scheme, First: first, Kind: KindError, SentAt: d.now()}}
	d.fill(ctx, client, u, &s)
	s.hop.Elapsed = d.now().Sub(s.hop.SentAt)
	return s
}

func (d *Discoverer) fill(ctx context.Context, client *http.Client, u *url.URL, s *step) {
	h := &s.hop
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		h.Problem, h.Detail = ProblemMalformed, err.Error()
		return
	}
	req.Header.Set("Accept", acceptXML)
	if d.UserAgent != "" {
		req.Header.Set("User-Agent", d.UserAgent)
	}
	resp, err := client.Do(req)
	if err != nil {
		h.unanswered(ctx, err)
		return
	}
	defer resp.Body.Close()
	h.AnsweredAt = d.now()
	h.Status = resp.StatusCode
	h.ContentType = shorten(resp.Header.Get("Content-Type"))
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		h.Date = date.UTC()
	}
	if resp.StatusCode != http.StatusOK {
		s.status(resp, u)
		return
	}
	limit := d.MaxBytes
	if limit <= 0 {
		limit = defaultMaxBytes
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil && ctx.Err() != nil:
		h.Problem, h.Detail = ProblemCancelled, ctx.Err().Error()
	case err != nil:
		h.Problem, h.Detail = ProblemMalformed, "the answer broke off: "+err.Error()
	case int64(len(body)) > limit:
		h.Problem, h.Detail = ProblemTooLarge, fmt.Sprintf("the document is larger than %d bytes", limit)
	default:
		s.document(body, u)
	}
}

// unanswered names a failure below HTTP.
func (h *Hop) unanswered(ctx context.Context, err error) {
	if strings.Contains(err.Error(), "failed to parse Location header") {
		// net/http quotes the link, which may hold a password.
		h.Kind, h.Problem, h.Detail = KindError, ProblemMalformed, "sends on to a link that cannot be read"
		return
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // the URL is in the hop already
	}
	h.Problem, h.Detail = ProblemUnreachable, shorten(err.Error())
	if cause := ctx.Err(); cause != nil {
		h.Problem, h.Detail = ProblemCancelled, cause.Error()
		return
	}
	var (
		name      x509.HostnameError
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		h.Problem = ProblemCertificate
		if h.First {
			h.Problem = ProblemCertificateName
		}
		if name.Certificate != nil {
			names := name.Certificate.DNSNames
			h.CertificateNames = append(h.CertificateNames, names[:min(len(names), maxCertNames)]...)
		}
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &invalid):
		h.Problem = ProblemCertificate
	}
}

// status reads an answer other than 200.
func (s *step) status(resp *http.Response, base *url.URL) {
	h := &s.hop
	code := resp.StatusCode
	switch {
	case code == http.StatusUnauthorized && resp.Header.Get(headerWebTicket) != "":
		h.Kind = KindWebTicket
		s.ticket(resp.Header.Get(headerWebTicket), base)
	case code == http.StatusUnauthorized && !h.First:
		h.Problem, h.Detail = ProblemNoWebTicket, "401 without "+headerWebTicket
	case code >= 300 && code < 400 && resp.Header.Get("Location") != "":
		h.Kind = KindRedirect
		s.leads(base, resp.Header.Get("Location"))
	case code == http.StatusProxyAuthRequired:
		h.Problem, h.Detail = ProblemUnreachable, "a proxy asks for authentication (407)"
	case code >= 400 && code < 500 && code != http.StatusTooManyRequests:
		h.Problem, h.Detail = ProblemNotFound, resp.Status
	case code >= 200 && code < 300:
		h.Problem, h.Detail = ProblemNotAutodiscover, resp.Status
	default:
		h.Problem, h.Detail = ProblemHTTPError, resp.Status
	}
}

// ticket reads where the web-ticket service is. A client sends its credentials
// there, so both who names it and what is named must be HTTPS.
func (s *step) ticket(href string, base *url.URL) {
	h := &s.hop
	h.Location = shown(base.String(), href)
	switch to, err := url.Parse(h.Location); {
	case base.Scheme != "https":
		h.Problem, h.Detail = ProblemNotAutodiscover, "asks for a web ticket over plain HTTP, where a redirect to HTTPS belongs"
	case err != nil || h.Location == "" || to.Hostname() == "":
		h.Problem, h.Detail = ProblemNoWebTicket, headerWebTicket+" holds no URL"
	case to.Scheme != "https" || privateAddress(to.Hostname()):
		h.Problem, h.Detail = ProblemInsecureRedirect, "the web-ticket service is named by "+h.Location+", to which no credentials may go"
	}
}

// document reads the body of a 200.
func (s *step) document(body []byte, base *url.URL) {
	s.doc = parseDocument(body)
	s.hop.Kind, s.hop.Problem, s.hop.Detail = s.doc.kind, s.doc.problem, s.doc.detail
	switch {
	case s.doc.problem != "":
	case s.doc.kind != KindUser:
		s.leads(base, s.doc.link)
	case base.Scheme != "https":
		s.hop.Problem, s.hop.Detail = ProblemNotAutodiscover, "a user's document over plain HTTP, where a redirect to HTTPS belongs"
	}
}

// leads sets where the hop leads, if one may go there.
func (s *step) leads(base *url.URL, href string) {
	h := &s.hop
	// What is stored is shown, so a link is stored only once it is known to hold no
	// password.
	if len(href) > maxLocation {
		h.Problem, h.Detail = ProblemMalformed, "the link is too long"
		return
	}
	ref, err := url.Parse(strings.TrimSpace(href))
	if err != nil {
		h.Problem, h.Detail = ProblemMalformed, "the link cannot be read"
		return
	}
	next := base.ResolveReference(ref)
	next.Fragment, next.RawFragment = "", ""
	// Host names do not depend on case, and a loop must not hide behind it.
	next.Host = strings.ToLower(next.Host)
	shown := *next
	shown.User = nil
	h.Location = shown.String()
	switch {
	case next.Scheme != "http" && next.Scheme != "https":
		h.Problem, h.Detail = ProblemInsecureRedirect, "leads to a URL of scheme "+next.Scheme
	case next.User != nil:
		h.Problem, h.Detail = ProblemInsecureRedirect, "leads to a URL with a user name in it"
	case next.Scheme == "http" && base.Scheme == "https":
		h.Problem, h.Detail = ProblemInsecureRedirect, "leads from HTTPS to plain HTTP"
	case next.Hostname() == "":
		h.Problem, h.Detail = ProblemMalformed, "the link names no host"
	case privateAddress(next.Hostname()):
		h.Problem, h.Detail = ProblemInsecureRedirect, "leads to "+next.Hostname()+", an address of a private network in place of a name"
	default:
		s.next = next
	}
}

// privateAddress reports whether a host is an address, and one that means another
// machine in every network. Services are known by names, which their certificates
// hold; who sends a client to such an address wants it to look there on his behalf.
func privateAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || addr.IsMulticast()
}

// withSIPURI adds the parameter that MS-OCDISCWS asks for at the Root resource,
// unless the URL has it.
func withSIPURI(u *url.URL, sipURI string) *url.URL {
	if sipURI == "" {
		return u
	}
	for key := range u.Query() {
		if strings.EqualFold(key, "sipuri") {
			return u
		}
	}
	with := *u
	if with.RawQuery != "" {
		with.RawQuery += "&"
	}
	with.RawQuery += "sipuri=" + url.QueryEscape(sipURI)
	return &with
}

// reach sets the outcome of a walk that arrived.
func (w *Walk) reach(b *branch, last step) {
	for i := range b.hops {
		b.hops[i].Followed = true
	}
	w.Internal = b.name == "lyncdiscoverinternal"
	w.Outcome, w.WebTicketURL = OutcomeWebTicket, last.hop.Location
	if last.hop.Kind == KindUser {
		w.Outcome, w.WebTicketURL = OutcomeUser, ""
	}
	w.SIPServers, w.AccessLocation = last.doc.servers, last.doc.access
	w.OAuthURL = b.oauth
}

// fail sets the outcome and the problem of a walk that did not arrive.
func (w *Walk) fail(ctx context.Context) {
	best, bestRank := 0, -1
	for i, h := range w.Hops {
		if r := rank(h); r > bestRank {
			best, bestRank = i, r
		}
	}
	w.Problem, w.Detail = w.Hops[best].Problem, w.Hops[best].Detail
	switch {
	case ctx.Err() != nil:
		w.Outcome = OutcomeCancelled
	case bestRank == 0:
		w.Outcome = OutcomeAbsent
	}
}

// rank orders hops by how much their problem says about why a walk failed.
func rank(h Hop) int {
	switch {
	case h.Problem == "":
		return -1
	case !h.First:
		return 3
	case h.Status != 0:
		return 2
	case h.Problem == ProblemCertificate || h.Problem == ProblemCertificateName:
		return 1
	}
	return 0
}

// shown is a link of a document as it can be shown: absolute, without a password,
// "" for what is no link.
func shown(base, href string) string {
	from, err := url.Parse(base)
	if err != nil || href == "" || len(href) > maxLocation {
		return ""
	}
	to, err := url.Parse(strings.TrimSpace(href))
	if err != nil {
		return ""
	}
	to = from.ResolveReference(to)
	to.User = nil
	return shorten(to.String())
}

func shorten(s string) string {
	if len(s) <= maxLocation {
		return s
	}
	return strings.ToValidUTF8(s[:maxLocation], "") + "..."
}
