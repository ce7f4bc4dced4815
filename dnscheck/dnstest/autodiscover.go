package dnstest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// AutodiscoverBehaviour is how the Autodiscover service misbehaves.
type AutodiscoverBehaviour string

const (
	AnswerStatus      AutodiscoverBehaviour = "status"        // AutodiscoverFault.Status and nothing else
	AnswerHTML        AutodiscoverBehaviour = "html"          // 200 with a web page
	AnswerOtherJSON   AutodiscoverBehaviour = "other-json"    // 200 with JSON of another service
	AnswerBroken      AutodiscoverBehaviour = "broken"        // 200 with a document that breaks off
	AnswerHuge        AutodiscoverBehaviour = "huge"          // 200 with a megabyte
	RedirectLoop      AutodiscoverBehaviour = "loop"          // a redirect link to itself
	RedirectForever   AutodiscoverBehaviour = "forever"       // a redirect link to ever new URLs
	RedirectLink      AutodiscoverBehaviour = "redirect-link" // a redirect link to AutodiscoverFault.Target
	RedirectHTTP      AutodiscoverBehaviour = "redirect-http" // a 302 to AutodiscoverFault.Target
	WithoutTicketURL  AutodiscoverBehaviour = "no-web-ticket" // 401 without X-MS-WebTicketURL
	WithoutUserLinked AutodiscoverBehaviour = "no-user-link"  // a root without the User resource
)

// AutodiscoverFault applies a behaviour to some requests.
type AutodiscoverFault struct {
	// Host, Scheme and Resource choose the requests; "" is any. Scheme is "http" or
	// "https", Resource "root" or "user".
	Host, Scheme, Resource string
	Behaviour              AutodiscoverBehaviour
	Status                 int    // for AnswerStatus
	Target                 string // for RedirectLink and RedirectHTTP
}

// AutodiscoverRequest is a request that was made.
type AutodiscoverRequest struct {
	URL, Accept, UserAgent string
}

// Autodiscover is an http.Handler that serves Autodiscover (MS-OCDISCWS) on every
// host name: over plain HTTP a redirect to the root, over TLS the root, and the
// User resource, which asks for a web ticket. JSON or XML goes by the Accept
// header. Set the fields before use.
type Autodiscover struct {
	// Web is the host of the web services, "webdir.online.lync.example"; "" stands
	// for the host that was asked.
	Web string
	// Internal: the documents say that the client is inside.
	Internal bool
	// SIPInternal and SIPExternal, "host:port", stand in the user's document.
	SIPInternal, SIPExternal string
	// Open serves the user's document without a ticket.
	Open bool
	// Faults are tried in order; the first that fits a request applies.
	Faults []AutodiscoverFault
	// Now gives the Date header; nil means time.Now.
	Now func() time.Time

	mu       sync.Mutex
	requests []AutodiscoverRequest
	turns    int // of RedirectForever
}

const autodiscoverRoot = "/Autodiscover/AutodiscoverService.svc/root"

// Requests returns the requests so far, in order of arrival; of more than 10,000
// the oldest are missing.
func (a *Autodiscover) Requests() []AutodiscoverRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// ServeHTTP implements http.Handler.
func (a *Autodiscover) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	self := scheme + "://" + r.Host + r.URL.RequestURI()
	a.mu.Lock()
	a.requests = remember(a.requests, AutodiscoverRequest{URL: self, Accept: r.Header.Get("Accept"), UserAgent: r.UserAgent()})
	a.mu.Unlock()

	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	w.Header().Set("Date", now().UTC().Format(http.TimeFormat))

	web := a.Web
	if web == "" {
		web = r.Host
	}
	root := "https://" + web + autodiscoverRoot
	resource := ""
	switch path := strings.ToLower(r.URL.Path); path {
	case "/", strings.ToLower(autodiscoverRoot):
		resource = "root"
	case strings.ToLower(autodiscoverRoot) + "/user":
		resource = "user"
	}
	fault := a.fault(r.Host, scheme, resource)
	if a.misbehave(w, r, fault, self) {
		return
	}
	doc := document{Access: "External"}
	if a.Internal {
		doc.Access = "Internal"
	}
	switch {
	case resource == "root" && scheme == "http":
		doc.Root = &part{Links: []link{{"Redirect", root}}}
	case resource == "root":
		doc.Root = &part{Links: []link{{"Domain", root + "/domain"}, {"User", root + "/user"}, {"OAuth", root + "/oauth/user"}}}
		if fault.Behaviour == WithoutUserLinked {
			doc.Root.Links = doc.Root.Links[:1]
		}
	case resource == "user" && !a.Open:
		if fault.Behaviour != WithoutTicketURL {
			w.Header().Set("X-MS-WebTicketURL", "https://"+web+"/WebTicket/WebTicketService.svc")
			w.Header().Set("X-MS-WebTicketSupported", "cwt,saml")
		}
		w.WriteHeader(http.StatusUnauthorized)
		return
	case resource == "user":
		doc.User = &part{Internal: access(a.SIPInternal), External: access(a.SIPExternal), Links: []link{{"Self", root + "/user"}}}
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	doc.write(w, r)
}

func (a *Autodiscover) fault(host, scheme, resource string) AutodiscoverFault {
	for _, f := range a.Faults {
		if (f.Host == "" || f.Host == host) && (f.Scheme == "" || f.Scheme == scheme) && (f.Resource == "" || f.Resource == resource) {
			return f
		}
	}
	return AutodiscoverFault{}
}

// misbehave writes the whole answer where the fault asks for that.
func (a *Autodiscover) misbehave(w http.ResponseWriter, r *http.Request, f AutodiscoverFault, self string) bool {
	redirect := func(target string) {
		document{Access: "External", Root: &part{Links: []link{{"Redirect", target}}}}.write(w, r)
	}
	switch f.Behaviour {
	case AnswerStatus:
		w.Header().Set("Server", "Microsoft-IIS/10.0") // by which the service's errors are told from a proxy's
		w.WriteHeader(f.Status)
	case AnswerHTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><br>Parked.</body></html>\n")
	case AnswerOtherJSON:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok","version":3}`)
	case AnswerBroken:
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, `<AutodiscoverResponse AccessLocation="External"><Root><Link token="Us`)
	case AnswerHuge:
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, "<AutodiscoverResponse>"+strings.Repeat(" ", 1<<20)+"</AutodiscoverResponse>")
	case RedirectLoop:
		redirect(self)
	case RedirectForever:
		a.mu.Lock()
		a.turns++
		n := a.turns
		a.mu.Unlock()
		redirect(fmt.Sprintf("https://%s/?turn=%d", r.Host, n))
	case RedirectLink:
		redirect(f.Target)
	case RedirectHTTP:
		w.Header().Set("Location", f.Target)
		w.WriteHeader(http.StatusFound)
	default:
		return false
	}
	return true
}

type document struct {
	XMLName xml.Name `xml:"AutodiscoverResponse"`
	Access  string   `xml:"AccessLocation,attr"`
	Root    *part    `xml:",omitempty"`
	User    *part    `xml:",omitempty"`
}

type part struct {
	Internal *server `xml:"SipClientInternalAccess,omitempty"`
	External *server `xml:"SipClientExternalAccess,omitempty"`
	Links    []link  `xml:"Link"`
}

type link struct {
	Token string `xml:"token,attr" json:"-"`
	Href  string `xml:"href,attr" json:"href"`
}

type server struct {
	Host string `xml:"fqdn,attr" json:"fqdn"`
	Port int    `xml:"port,attr" json:"port,string"`
}

func access(hostPort string) *server {
	host, port, ok := strings.Cut(hostPort, ":")
	if !ok {
		return nil
	}
	number, _ := strconv.Atoi(port)
	return &server{Host: host, Port: number}
}

func (d document) write(w http.ResponseWriter, r *http.Request) {
	const asXML = "application/vnd.microsoft.rtc.autodiscover+xml"
	if strings.Contains(r.Header.Get("Accept"), asXML) {
		w.Header().Set("Content-Type", asXML+"; v=1")
		_, _ = io.WriteString(w, xml.Header)
		_ = xml.NewEncoder(w).Encode(d)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	body := map[string]any{"AccessLocation": d.Access}
	links := make(map[string]link)
	for _, p := range []*part{d.Root, d.User} {
		if p == nil {
			continue
		}
		for _, l := range p.Links {
			links[strings.ToLower(l.Token)] = l
		}
	}
	if d.User != nil {
		body["User"] = map[string]any{"SipClientInternalAccess": d.User.Internal, "SipClientExternalAccess": d.User.External}
	}
	body["_links"] = links
	_ = json.NewEncoder(w).Encode(body)
}
