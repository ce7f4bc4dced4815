package adfs

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MicrosoftOnline is the relying party under which federation services know
// the cloud.
const MicrosoftOnline = "urn:federation:MicrosoftOnline"

// TokenRequest says which token to ask for, and where.
type TokenRequest struct {
	// Endpoint is a usable one for user name or Windows authentication.
	Endpoint Endpoint
	// Hosts are those that discovery named, as HOST or HOST:PORT; credentials go
	// to no other. Without a port 443 alone is meant.
	Hosts []string
	// AppliesTo is whom the token is for; "" is [MicrosoftOnline].
	AppliesTo string
}

// requestLife is how long a request is valid, as ADAL and MSAL have it.
const requestLife = 10 * time.Minute

// RequestToken asks an endpoint for a token, once: whatever comes back, the
// credentials are not sent again, nor anywhere else, as wrong ones lock an
// account. Redirects are not followed. Credentials is not called unless the
// endpoint is an https URL on one of the request's hosts and its kind of
// authentication is supported. That the host is who it says it is must be seen
// to by the transport of c, which may not skip the verification. The password is
// taken out of what comes back, unless it is shorter than four bytes.
//
// Windows authentication is NTLM (MS-NLMP) inside Negotiate or alone; it needs
// a transport that keeps to one connection (http.Transport.MaxConnsPerHost 1).
//
// The result is never nil; what went wrong is in its Problems, under code
// endpoint-refused if nothing was sent.
func (c *Client) RequestToken(ctx context.Context, r TokenRequest, credentials Credentials) *TrustAnswer {
	a := newTrustAnswer()
	a.Endpoint = r.Endpoint
	target, err := c.permitted(r)
	if err != nil {
		return a.refuse(codeEndpointRefused, err)
	}
	if credentials == nil {
		return a.refuse(codeNoCredentials, errors.New("no credentials were given"))
	}
	if r.Endpoint.Authentication == authWin {
		c.windows(ctx, a, target, r, credentials)
		return a
	}
	user, password, err := reveal(ctx, credentials, target)
	if err != nil {
		return a.refuse(codeNoCredentials, err)
	}
	message := c.request(r.Endpoint, r.AppliesTo, &user, &password)
	c.send(ctx, a, target, message, "")
	clear(message)
	a.tidy(password.Reveal())
	return a
}

// reveal takes the credentials, and refuses those that would not arrive as
// they are: the account would be charged with a wrong password.
func reveal(ctx context.Context, credentials Credentials, target *url.URL) (string, Secret, error) {
	user, password, err := credentials(ctx, target.String())
	if err == nil && !(inXML(user) && inXML(password.Reveal())) {
		err = errors.New("user name or password have a character in them that XML cannot carry")
	}
	return user, password, err
}

// ProbeTrust asks an endpoint for a token without credentials, to see whether
// somebody is there: a token service answers with a fault, Windows
// authentication with its schemes. Nobody's account is touched.
func (c *Client) ProbeTrust(ctx context.Context, e Endpoint) *TrustAnswer {
	a := newTrustAnswer()
	a.Endpoint, a.Anonymous = e, true
	target, err := httpsURL(e.Address)
	if err != nil {
		return a.refuse(codeBadURL, err)
	}
	c.send(ctx, a, target, c.request(e, "", nil, nil), "")
	a.tidy("")
	return a
}

// permitted says whether credentials may go to the endpoint.
func (c *Client) permitted(r TokenRequest) (*url.URL, error) {
	target, err := httpsURL(r.Endpoint.Address)
	switch {
	case err != nil:
		return nil, err
	case !r.Endpoint.Usable:
		return nil, fmt.Errorf("the endpoint is not usable: %s", r.Endpoint.Reason)
	case r.Endpoint.Authentication != authUser && r.Endpoint.Authentication != authWin:
		return nil, fmt.Errorf("the endpoint wants %s, not a password", r.Endpoint.Authentication)
	case r.Endpoint.Version != version13 && r.Endpoint.Version != version05:
		return nil, fmt.Errorf("the endpoint speaks no known version of WS-Trust")
	case !slices.ContainsFunc(r.Hosts, func(h string) bool { return authority("https://"+h) == authority(r.Endpoint.Address) }):
		return nil, fmt.Errorf("the endpoint is on %s, which discovery did not name", authority(r.Endpoint.Address))
	}
	if c.HTTP != nil {
		if t, ok := c.HTTP.Transport.(*http.Transport); ok && t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify {
			return nil, errors.New("the HTTP transport does not verify certificates")
		}
	}
	return target, nil
}

func (a *TrustAnswer) refuse(code string, err error) *TrustAnswer {
	a.Exchange.fail(code, "%v", err)
	a.Problems = append(a.Problems, Problem{code, a.Exchange.Detail})
	return a
}

// inXML reports whether a text survives XML 1.0: other characters would be
// replaced.
func inXML(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// request is the RequestSecurityToken. Without a user the security header has
// a time stamp alone.
func (c *Client) request(e Endpoint, appliesTo string, user *string, password *Secret) []byte {
	trust, action, issue, keyType := "http://docs.oasis-open.org/ws-sx/ws-trust/200512", issue13,
		"http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue", "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Bearer"
	if e.Version == version05 {
		trust, action, issue, keyType = "http://schemas.xmlsoap.org/ws/2005/02/trust", issue2005,
			"http://schemas.xmlsoap.org/ws/2005/02/trust/Issue", "http://schemas.xmlsoap.org/ws/2005/05/identity/NoProofKey"
	}
	if appliesTo == "" {
		appliesTo = MicrosoftOnline
	}
	const secext = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	const passwordText = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
	created := c.now().UTC()
	const layout = "2006-01-02T15:04:05.000Z"
	var b bytes.Buffer
	b.Grow(4 << 10) // so that no copy of the password stays behind
	fmt.Fprintf(&b, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="%s" xmlns:u="%s"><s:Header>`+
		`<a:Action s:mustUnderstand="1">%s</a:Action><a:MessageID>urn:uuid:%s</a:MessageID>`+
		`<a:ReplyTo><a:Address>%s/anonymous</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">`, nsWSA10, nsUtility, action, newUUID(), nsWSA10)
	escape(&b, strings.TrimSpace(e.Address))
	b.WriteString(`</a:To>`)
	if e.Authentication != authWin {
		fmt.Fprintf(&b, `<o:Security s:mustUnderstand="1" xmlns:o="%s"><u:Timestamp u:Id="_0"><u:Created>%s</u:Created><u:Expires>%s</u:Expires></u:Timestamp>`,
			secext, created.Format(layout), created.Add(requestLife).Format(layout))
		if user != nil {
			fmt.Fprintf(&b, `<o:UsernameToken u:Id="uuid-%s"><o:Username>`, newUUID())
			escape(&b, *user)
			fmt.Fprintf(&b, `</o:Username><o:Password Type="%s">`, passwordText)
			escape(&b, password.Reveal())
			b.WriteString(`</o:Password></o:UsernameToken>`)
		}
		b.WriteString(`</o:Security>`)
	}
	fmt.Fprintf(&b, `</s:Header><s:Body><t:RequestSecurityToken xmlns:t="%s"><p:AppliesTo xmlns:p="%s"><a:EndpointReference><a:Address>`, trust, nsPolicy)
	escape(&b, appliesTo)
	fmt.Fprintf(&b, `</a:Address></a:EndpointReference></p:AppliesTo><t:KeyType>%s</t:KeyType><t:RequestType>%s</t:RequestType></t:RequestSecurityToken></s:Body></s:Envelope>`, keyType, issue)
	return b.Bytes()
}

// escape writes character data. A bytes.Buffer takes everything.
func escape(b *bytes.Buffer, text string) { _ = xml.EscapeText(b, []byte(text)) }

// send posts a request and reads the answer, whatever its status: a token
// service tells faults with 400 and 500.
func (c *Client) send(ctx context.Context, a *TrustAnswer, target *url.URL, message []byte, authorization string) (header http.Header) {
	e := &a.Exchange
	*e = Exchange{URL: target.String()}
	if c.HTTP == nil {
		e.fail(codeUnreachable, "the client has no HTTP transport")
		a.Problems = []Problem{{e.Problem, e.Detail}}
		return nil
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	action := issue13
	if a.Endpoint.Version == version05 {
		action = issue2005
	}
	started := c.now()
	defer func() {
		e.Elapsed = c.now().Sub(started)
		if e.Problem != "" {
			a.Problems = append([]Problem{{e.Problem, e.Detail}}, a.Problems...)
		}
	}()
	// A plain reader: without GetBody the transport cannot send it once more.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, io.NopCloser(bytes.NewReader(message)))
	if err != nil {
		e.fail(codeBadURL, "%s", cause(err))
		return nil
	}
	req.ContentLength = int64(len(message))
	req.Header = http.Header{"Content-Type": {soapType}, "Soapaction": {action}, "Accept": {"application/soap+xml, text/xml"}}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	e.Asked, e.SentAt = true, wall(started)
	resp, err := client.Do(req)
	if err != nil {
		e.fail(codeUnreachable, "%s", cause(err))
		return nil
	}
	defer resp.Body.Close()
	e.AnsweredAt = wall(c.now())
	e.Status, e.ContentType = resp.StatusCode, resp.Header.Get("Content-Type")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		e.Date = wall(date)
	}
	a.Schemes = schemes(resp.Header)
	body, err := readLimited(resp.Body, c.limit())
	var de *documentError
	switch {
	case errors.As(err, &de):
		e.fail(de.code, "%s", de.detail)
		return resp.Header
	case err != nil:
		e.fail(codeUnreachable, "the answer broke off: %s", cause(err))
		return resp.Header
	}
	a.judge(resp, body)
	return resp.Header
}

// judge reads an answer. Without a fault in it a status that is no success
// speaks for itself.
func (a *TrustAnswer) judge(resp *http.Response, body []byte) {
	e := &a.Exchange
	success := resp.StatusCode >= 200 && resp.StatusCode <= 299
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		e.fail(codeRedirectRefused, "status %s: a redirect of a token request is not followed", statusText(resp))
		return
	}
	parsed := newTrustAnswer()
	parsed.parse(body)
	if !success && parsed.Code == "" && parsed.Error == "" {
		e.fail(statusProblem(resp.StatusCode), "status %s", statusText(resp))
		if resp.StatusCode >= 500 {
			a.Classification = classService
		}
		return
	}
	if !success {
		parsed.HasToken, parsed.Token = false, Token{}
	}
	a.SOAP, a.Code, a.Subcodes, a.Reason, a.Detail = parsed.SOAP, parsed.Code, parsed.Subcodes, parsed.Reason, parsed.Detail
	a.Error, a.HasToken, a.Token, a.Classification, a.Problems = parsed.Error, parsed.HasToken, parsed.Token, parsed.Classification, parsed.Problems
	if len(parsed.Problems) > 0 {
		code := parsed.Problems[0].Code
		if isHTML(e.ContentType) && code != codeTooLarge {
			code, a.Classification = codeHTML, classNoToken
		}
		e.fail(code, "%s", parsed.Problems[0].Detail)
		a.Problems = nil // send adds the exchange's
	}
	if a.Problems == nil {
		a.Problems = []Problem{}
	}
}

// schemes reads the names of WWW-Authenticate, one header for each scheme.
func schemes(h http.Header) []string {
	list := []string{}
	for _, v := range h.Values("WWW-Authenticate") {
		name, _, _ := strings.Cut(strings.TrimSpace(v), " ")
		if name = strings.ToLower(strings.TrimSuffix(name, ",")); name != "" && len(list) < maxDetails && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// tidy bounds whatever the service sent back, and first takes a password out of
// it, also where it came back without the blanks around it: a piece of one is
// not found any more.
func (a *TrustAnswer) tidy(password string) {
	for _, s := range []*string{&a.Code, &a.Reason, &a.Error, &a.Exchange.Detail, &a.Exchange.ContentType, &a.Token.Type, &a.Token.Issuer, &a.Token.Audience} {
		*s = clip(forget(*s, password))
	}
	for _, list := range [][]string{a.Subcodes, a.Schemes} {
		for i := range list {
			list[i] = clip(forget(list[i], password))
		}
	}
	for i := range a.Detail {
		a.Detail[i].Key = clip(forget(a.Detail[i].Key, password))
		a.Detail[i].Value = clip(forget(a.Detail[i].Value, password))
	}
	for i := range a.Problems {
		a.Problems[i].Detail = clip(forget(a.Problems[i].Detail, password))
	}
}

// forget takes a password out of a text. One of three characters is in many
// words, which do not betray it.
func forget(text, password string) string {
	for _, p := range []string{password, strings.TrimSpace(password)} {
		if len(p) >= 4 {
			text = strings.ReplaceAll(text, p, hidden)
		}
	}
	return text
}
