package adfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxRedirects bounds the redirects followed in one exchange. A published
// federation service needs none, a load balancer in front of it one.
const maxRedirects = 5

// Client asks the login service and the federation service. It is safe for
// concurrent use as long as its fields are left alone.
type Client struct {
	// HTTP carries every request: its transport does DNS, TCP and TLS, and
	// its Timeout, if any, holds for each request. Redirects are followed
	// here, not there. Without it every exchange ends as "unreachable".
	HTTP *http.Client
	// LoginHost is the host, or host:port, of the cloud's login service; ""
	// is login.microsoftonline.com, that of the worldwide cloud.
	LoginHost string
	// UserAgent is sent when not "".
	UserAgent string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// MaxBytes bounds the answer that is read; 0, or more than that, is 4 MiB.
	MaxBytes int64
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Client) limit() int64 {
	if c.MaxBytes <= 0 || c.MaxBytes > maxDocument {
		return maxDocument
	}
	return c.MaxBytes
}

// Exchange is one question and its answer, redirects included.
type Exchange struct {
	// Asked is false if the question was never sent; nothing else is set then
	// but Problem and Detail.
	Asked bool `json:"asked"`
	// URL was asked last; Redirects are the URLs before it that answered with
	// a redirect, in order.
	URL       string   `json:"url,omitempty"`
	Redirects []string `json:"redirects,omitempty"`
	// Status is the HTTP status of the last answer, 0 without an answer.
	Status int `json:"status,omitempty"`
	// ContentType is the media type of the last answer as sent.
	ContentType string `json:"contentType,omitempty"`
	// Problem is "" for a usable answer, else one of [Codes]; Detail says more.
	Problem string `json:"problem"`
	Detail  string `json:"detail,omitempty"`
	// Date is the server's own clock in its last answer, in whole seconds;
	// zero if it told none. SentAt and AnsweredAt are ours around that answer:
	// request about to be sent, and header read.
	Date       time.Time `json:"date,omitzero"`
	SentAt     time.Time `json:"sentAt,omitzero"`
	AnsweredAt time.Time `json:"answeredAt,omitzero"`
	// Elapsed is the time from the first request to the end of the last
	// answer, in nanoseconds.
	Elapsed time.Duration `json:"elapsed,omitempty"`
}

func (e *Exchange) fail(code, format string, args ...any) {
	e.Problem, e.Detail = code, fmt.Sprintf(format, args...)
}

// exchange asks rawURL and returns the body of a successful answer.
func (c *Client) exchange(ctx context.Context, method, rawURL string, header http.Header, body []byte) (Exchange, []byte) {
	var e Exchange
	target, err := httpsURL(rawURL)
	if err != nil {
		e.fail(codeBadURL, "%v", err)
		return e, nil
	}
	if c.HTTP == nil {
		e.fail(codeUnreachable, "the client has no HTTP transport")
		return e, nil
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	started := c.now()
	answer := c.follow(ctx, &client, &e, method, target, header, body)
	e.Elapsed = c.now().Sub(started)
	return e, answer
}

func (c *Client) follow(ctx context.Context, client *http.Client, e *Exchange, method string, target *url.URL, header http.Header, body []byte) []byte {
	for {
		e.URL = target.String()
		req, err := http.NewRequestWithContext(ctx, method, e.URL, bytes.NewReader(body))
		if err != nil {
			e.fail(codeBadURL, "%v", err)
			return nil
		}
		req.Header = header.Clone()
		if c.UserAgent != "" {
			req.Header.Set("User-Agent", c.UserAgent)
		}
		// The answer of an earlier hop must not be taken for this one's.
		e.Asked, e.Status, e.ContentType, e.Date, e.AnsweredAt = true, 0, "", time.Time{}, time.Time{}
		e.SentAt = wall(c.now())
		resp, err := client.Do(req)
		if err != nil && strings.HasPrefix(cause(err), "failed to parse Location header") {
			// net/http quotes the header, which may hold a password.
			e.fail(codeRedirectRefused, "a redirect without a usable Location")
			return nil
		}
		if err != nil {
			e.fail(codeUnreachable, "%s", cause(err))
			return nil
		}
		next, answer := c.read(e, resp, target)
		resp.Body.Close()
		if next == nil {
			return answer
		}
		// The seen URLs are compared as text: a cookie test that comes back
		// to the same URL is a circle for a client without cookies.
		e.Redirects = append(e.Redirects, e.URL)
		if slices.Contains(e.Redirects, next.String()) {
			e.fail(codeRedirectLoop, "redirected back to %s", next)
			return nil
		}
		if len(e.Redirects) > maxRedirects {
			e.fail(codeRedirectLoop, "more than %d redirects", maxRedirects)
			return nil
		}
		target = next
	}
}

// read takes over one answer; next is where it redirects to.
func (c *Client) read(e *Exchange, resp *http.Response, from *url.URL) (next *url.URL, body []byte) {
	e.AnsweredAt = wall(c.now())
	e.Status = resp.StatusCode
	e.ContentType = resp.Header.Get("Content-Type")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		e.Date = wall(date)
	}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return redirect(e, resp, from), nil
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		e.fail(statusProblem(resp.StatusCode), "status %s", statusText(resp))
		return nil, nil
	}
	body, err := readLimited(resp.Body, c.limit())
	var de *documentError
	if errors.As(err, &de) {
		e.fail(de.code, "%s", de.detail)
		return nil, nil
	}
	if err != nil {
		e.fail(codeUnreachable, "the answer broke off: %s", cause(err))
		return nil, nil
	}
	return nil, body
}

func redirect(e *Exchange, resp *http.Response, from *url.URL) *url.URL {
	location := resp.Header.Get("Location")
	next, err := from.Parse(location)
	switch {
	case location == "" || err != nil:
		e.fail(codeRedirectRefused, "status %s without a usable Location", statusText(resp))
		return nil
	case next.User != nil:
		e.fail(codeRedirectRefused, "redirected to %s with a user name or password in the URL", withoutUser(next.String()))
		return nil
	case next.Scheme != "https" || next.Host == "":
		e.fail(codeRedirectRefused, "redirected to %s, which is not https", withoutUser(next.String()))
		return nil
	case resp.Request.Method == http.MethodPost && resp.StatusCode < http.StatusTemporaryRedirect:
		// Following would turn the POST into a GET and test something else.
		e.fail(codeRedirectRefused, "status %s answers the POST with a redirect to %s", statusText(resp), next)
		return nil
	}
	next.Fragment = ""
	return next
}

func statusProblem(status int) string {
	switch status {
	case http.StatusInternalServerError:
		return codeHTTP500
	case http.StatusServiceUnavailable:
		return codeHTTP503
	case http.StatusNotFound, http.StatusGone:
		return codeNotFound
	}
	return codeHTTPError
}

func statusText(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

// httpsURL refuses what no sign-in client would send a password to.
func httpsURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil && strings.Contains(raw, "@"):
		// The cause would quote a piece of what may be a password.
		return nil, errors.New("the address cannot be read")
	case err != nil:
		return nil, fmt.Errorf("the address cannot be read: %s", cause(err))
	case u.User != nil:
		// net/http would send it as Basic authentication.
		return nil, fmt.Errorf("the address %.200q was given with a user name or password in it", withoutUser(raw))
	case u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("the address %.200q is not an absolute https URL", withoutUser(raw))
	case !validPort(u):
		return nil, fmt.Errorf("the port of the address %.200q is not between 1 and 65535", raw)
	}
	u.Fragment = ""
	return u, nil
}

// withoutUser takes user name and password out of a URL that is shown or kept,
// also out of one that cannot be read.
func withoutUser(raw string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	at := strings.LastIndexByte(raw, '@')
	if at < 0 || err == nil && u.Opaque == "" {
		return raw
	}
	scheme, _, ok := strings.Cut(raw[:at], "//")
	if !ok {
		return raw[at+1:]
	}
	return scheme + "//" + raw[at+1:]
}

// cause drops the method and URL that net/http and net/url put before it.
func cause(err error) string {
	var ue *url.Error
	for errors.As(err, &ue) {
		err = ue.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the connection was closed in the middle of the answer"
	}
	return err.Error()
}

// wall is the form of a time that survives JSON: UTC, without a monotonic part.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }

func isHTML(contentType string) bool {
	media, _, _ := mime.ParseMediaType(contentType)
	return media == "text/html" || media == "application/xhtml+xml"
}
