package dnscheck

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// document is an Autodiscover response, whichever way it was written.
type document struct {
	kind    Kind
	link    string // redirect target, or the User resource of a root
	oauth   string // the user's document for those who have a token already
	access  string
	servers []SIPServer
	problem Problem
	detail  string
}

// content is what both notations have.
type content struct {
	redirect, user, oauth string
	isUser                bool
	access                string
	servers               []SIPServer
}

func (c content) document() document {
	d := document{access: strings.ToLower(c.access), servers: c.servers, oauth: c.oauth}
	switch {
	case c.redirect != "":
		d.kind, d.link = KindRedirect, c.redirect
	case c.isUser:
		d.kind = KindUser
	case c.user != "":
		d.kind, d.link = KindRoot, c.user
	default:
		return broken("neither a redirect nor a User resource is named")
	}
	return d
}

func broken(detail string) document {
	return document{kind: KindError, problem: ProblemMalformed, detail: detail}
}

func foreign(kind Kind, detail string) document {
	return document{kind: kind, problem: ProblemNotAutodiscover, detail: detail}
}

// parseDocument reads XML or JSON by its first character: the Content-Type is
// often wrong where something else answers.
func parseDocument(body []byte) document {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return foreign(KindError, "the answer is empty")
	case body[0] == '<':
		return parseXML(body)
	case body[0] == '{':
		return parseJSON(body)
	}
	return foreign(KindError, "the answer is neither XML nor JSON")
}

// parseXML reads the XML notation of MS-OCDISCWS section 2.2.
func parseXML(body []byte) document {
	var c content
	decoder := xml.NewDecoder(bytes.NewReader(body))
	inside := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && inside {
			return broken("the XML cannot be read: " + err.Error())
		}
		if err != nil {
			return notResponse(body)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !inside && !strings.EqualFold(start.Name.Local, "AutodiscoverResponse") {
			return notResponse(body)
		}
		inside = true
		c.element(start)
	}
	if !inside {
		return notResponse(body)
	}
	return c.document()
}

func (c *content) element(start xml.StartElement) {
	attribute := func(name string) string {
		for _, a := range start.Attr {
			if strings.EqualFold(a.Name.Local, name) {
				return strings.TrimSpace(a.Value)
			}
		}
		return ""
	}
	switch strings.ToLower(start.Name.Local) {
	case "autodiscoverresponse":
		c.access = attribute("AccessLocation")
	case "link":
		c.addLink(attribute("token"), attribute("href"))
	case "user":
		c.isUser = true
	case "sipclientinternalaccess":
		c.addServer("internal", attribute("fqdn"), attribute("port"))
	case "sipclientexternalaccess":
		c.addServer("external", attribute("fqdn"), attribute("port"))
	}
}

func (c *content) addLink(token, href string) {
	switch strings.ToLower(token) {
	case "redirect":
		c.redirect = href
	case "user":
		c.user = href
	case "oauth":
		c.oauth = href
	}
}

func (c *content) addServer(access, host, port string) {
	if host == "" {
		return
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		number = 0
	}
	s := SIPServer{Access: access, Host: display(host), Port: uint16(number)}
	if !slices.Contains(c.servers, s) {
		c.servers = append(c.servers, s)
	}
}

func notResponse(body []byte) document {
	head := strings.ToLower(string(body[:min(len(body), 1024)]))
	if strings.HasPrefix(head, "<!doctype html") || strings.Contains(head, "<html") {
		return foreign(KindHTML, "the answer is an HTML page")
	}
	return foreign(KindError, "the answer is XML, but no AutodiscoverResponse")
}

// The JSON notation has two shapes: links in "_links" (UCWA documentation), and
// the XML's elements as objects, with links in "Links".
type jsonResponse struct {
	AccessLocation string                     `json:"AccessLocation"`
	HAL            map[string]json.RawMessage `json:"_links"`
	Root           *jsonPart                  `json:"Root"`
	User           *jsonPart                  `json:"User"`
	jsonPart
}

type jsonPart struct {
	Links    []jsonLink  `json:"Links"`
	Internal *jsonServer `json:"SipClientInternalAccess"`
	External *jsonServer `json:"SipClientExternalAccess"`
}

type jsonLink struct {
	Href  string `json:"href"`
	Token string `json:"token"`
}

type jsonServer struct {
	FQDN string     `json:"fqdn"`
	Port jsonNumber `json:"port"`
}

// jsonNumber takes a number with or without quotes.
type jsonNumber string

// UnmarshalJSON implements json.Unmarshaler.
func (n *jsonNumber) UnmarshalJSON(b []byte) error {
	*n = jsonNumber(strings.Trim(string(b), `"`))
	return nil
}

func parseJSON(body []byte) document {
	var r jsonResponse
	if err := json.Unmarshal(body, &r); err != nil {
		return broken("the JSON cannot be read: " + err.Error())
	}
	if r.HAL == nil && r.Root == nil && r.User == nil {
		return foreign(KindError, "the answer is JSON, but no Autodiscover document")
	}
	c := content{access: r.AccessLocation, isUser: r.User != nil}
	for _, token := range slices.Sorted(maps.Keys(r.HAL)) {
		var link jsonLink
		if err := json.Unmarshal(r.HAL[token], &link); err != nil {
			continue // a link of another shape is none of ours
		}
		c.addLink(token, link.Href)
		// Only a user's own document leads to applications.
		c.isUser = c.isUser || strings.EqualFold(token, "applications")
	}
	for _, part := range []*jsonPart{r.Root, r.User, &r.jsonPart} {
		if part == nil {
			continue
		}
		for _, link := range part.Links {
			c.addLink(link.Token, link.Href)
		}
		if part.Internal != nil {
			c.addServer("internal", part.Internal.FQDN, string(part.Internal.Port))
		}
		if part.External != nil {
			c.addServer("external", part.External.FQDN, string(part.External.Port))
		}
	}
	c.isUser = c.isUser || len(c.servers) > 0
	d := c.document()
	if d.problem != "" && r.Root == nil {
		return foreign(KindError, "the answer is JSON, but no Autodiscover document")
	}
	return d
}
