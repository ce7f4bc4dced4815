package adfs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// MEX is what a metadata exchange URL answers.
type MEX struct {
	// URL is the one asked, as given but without user name and password: a
	// URL that has any is refused.
	URL string `json:"url"`
	// Get is the plain GET that a browser sends, Post the SOAP request
	// (WS-Transfer Get, SOAP 1.2) that the Sign-In Assistant sends. Either can
	// fail alone: KB 2254265 is about the SOAP request, while the test of KB
	// 2541980 step 8 in a browser sees only the GET.
	Get  Exchange `json:"get"`
	Post Exchange `json:"post"`
	// Endpoints and Selected are those of the document that GET brought, else
	// of the one that POST brought, else empty. See [Metadata].
	Endpoints []Endpoint `json:"endpoints"`
	Selected  Selected   `json:"selected"`
	// Problems has those of both exchanges first, then the document's.
	Problems []Problem `json:"problems"`
}

const (
	actionGet = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
	soapType  = "application/soap+xml; charset=utf-8"
)

// CheckMEX asks an https URL for its metadata, by GET and by SOAP POST at the
// same time. Up to five redirects to https are followed in each (a POST only
// where the redirect keeps the method) and reported. The result is never nil;
// what went wrong is in its Problems.
func (c *Client) CheckMEX(ctx context.Context, url string) *MEX {
	m := &MEX{URL: withoutUser(url), Endpoints: []Endpoint{}, Problems: []Problem{}}
	var fromGet, fromPost *Metadata
	var both sync.WaitGroup
	both.Go(func() {
		header := http.Header{"Accept": {"text/xml, application/xml, application/soap+xml"}}
		m.Get, fromGet = c.fetchMEX(ctx, http.MethodGet, url, header, nil)
	})
	both.Go(func() {
		header := http.Header{"Content-Type": {soapType}, "Accept": {"application/soap+xml, text/xml"}}
		m.Post, fromPost = c.fetchMEX(ctx, http.MethodPost, url, header, transferGet(url))
	})
	both.Wait()

	if m.Get.Problem != "" {
		m.Problems = append(m.Problems, Problem{m.Get.Problem, "GET: " + m.Get.Detail})
	}
	if m.Post.Problem != "" {
		m.Problems = append(m.Problems, Problem{m.Post.Problem, "SOAP POST: " + m.Post.Detail})
	}
	doc, exchange := fromGet, &m.Get
	if doc == nil {
		doc, exchange = fromPost, &m.Post
	}
	if doc == nil {
		return m
	}
	m.Endpoints, m.Selected = doc.Endpoints, doc.Selected
	m.Problems = append(m.Problems, doc.Problems...)
	if p, ok := hostMismatch(doc.Endpoints, url, exchange.URL); ok {
		m.Problems = append(m.Problems, p)
	}
	return m
}

func (c *Client) fetchMEX(ctx context.Context, method, url string, header http.Header, body []byte) (Exchange, *Metadata) {
	e, answer := c.exchange(ctx, method, url, header, body)
	if e.Problem != "" {
		return e, nil
	}
	doc, err := parseMEX(answer)
	if err != nil {
		code := err.code
		if isHTML(e.ContentType) && (code == codeMalformed || code == codeNotWSDL || code == codeDTD) {
			code = codeHTML
		}
		e.fail(code, "%s", err.detail)
		return e, nil
	}
	return e, doc
}

// transferGet is the request of WS-Transfer 3.1 in the form that WCF sends it.
func transferGet(to string) []byte {
	var address bytes.Buffer
	// A bytes.Buffer takes everything.
	_ = xml.EscapeText(&address, []byte(strings.TrimSpace(to)))
	return fmt.Appendf(nil, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="%s">`+
		`<s:Header><a:Action s:mustUnderstand="1">%s</a:Action><a:MessageID>urn:uuid:%s</a:MessageID>`+
		`<a:ReplyTo><a:Address>%s/anonymous</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">%s</a:To></s:Header>`+
		`<s:Body/></s:Envelope>`, nsWSA10, actionGet, newUUID(), nsWSA10, &address)
}

// newUUID returns a random UUID (RFC 9562 version 4).
func newUUID() string {
	b := make([]byte, 16)
	// Read never fails and always fills b.
	_, _ = rand.Read(b)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// hostMismatch looks at the ports that sign-in clients use, alone: AD FS puts
// certificate sign-in on a host name of its own, certauth.<host>.
func hostMismatch(endpoints []Endpoint, documentURLs ...string) (Problem, bool) {
	const enough = 5 // hosts to name
	var own, other []string
	for _, u := range documentURLs {
		own = append(own, hostOf(u))
	}
	for _, e := range endpoints {
		host := hostOf(e.Address)
		signIn := e.Authentication == authUser || e.Authentication == authWin
		if len(other) < enough && e.Usable && signIn && !slices.Contains(own, host) && !slices.Contains(other, host) {
			other = append(other, host)
		}
	}
	if len(other) == 0 {
		return Problem{}, false
	}
	return Problem{codeHostMismatch, fmt.Sprintf("the metadata of %s has endpoints on %s", own[0], strings.Join(other, ", "))}, true
}

func hostOf(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// authority is host and port of an https URL, by which two can be compared; ""
// for one that cannot be read.
func authority(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Hostname() == "" {
		return ""
	}
	return net.JoinHostPort(hostOf(raw), cmp.Or(u.Port(), "443"))
}
