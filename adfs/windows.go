package adfs

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// windows proves the password by NTLM: three messages over one connection
// (MS-NTHT, MS-NLMP). The last one alone depends on the password, which is not
// taken before the service has asked for it.
func (c *Client) windows(ctx context.Context, a *TrustAnswer, target *url.URL, r TokenRequest, credentials Credentials) {
	message := c.request(r.Endpoint, r.AppliesTo, nil, nil)
	c.send(ctx, a, target, message, "")
	if a.Exchange.Status != http.StatusUnauthorized {
		return // somebody answers without asking who we are, or fails
	}
	offered := a.Schemes
	scheme := ""
	for _, s := range []string{"Negotiate", "NTLM"} {
		if scheme == "" && slices.Contains(offered, strings.ToLower(s)) {
			scheme = s
		}
	}
	if scheme == "" {
		a.restart()
		a.refuse(codeEndpointRefused, errNoWindows)
		return
	}
	negotiate, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		a.restart()
		a.refuse(codeEndpointRefused, err)
		return
	}
	a.restart()
	header := c.send(ctx, a, target, message, scheme+" "+base64.StdEncoding.EncodeToString(negotiate))
	challenge := challengeOf(header, scheme)
	if a.Exchange.Status != http.StatusUnauthorized || challenge == nil {
		a.Schemes = offered
		a.tidy("")
		return
	}
	user, password, err := reveal(ctx, credentials, target)
	if err != nil {
		a.restart()
		a.refuse(codeNoCredentials, err)
		return
	}
	answer, err := ntlmssp.NewAuthenticateMessage(challenge, user, password.Reveal(), nil)
	a.restart()
	if err != nil {
		a.refuse(codeMalformed, errBadChallenge)
		return
	}
	c.send(ctx, a, target, message, scheme+" "+base64.StdEncoding.EncodeToString(answer))
	a.Schemes = offered
	if a.Exchange.Status == http.StatusUnauthorized {
		a.Classification = classCredentials
	}
	a.tidy(password.Reveal())
}

var (
	errNoWindows    = errors.New("the endpoint offers neither Negotiate nor NTLM")
	errBadChallenge = errors.New("the endpoint's NTLM challenge cannot be read")
)

// restart takes back what an earlier message of the handshake left.
func (a *TrustAnswer) restart() {
	fresh := newTrustAnswer()
	fresh.Endpoint, fresh.Anonymous = a.Endpoint, a.Anonymous
	*a = *fresh
}

func challengeOf(h http.Header, scheme string) []byte {
	for _, v := range h.Values("WWW-Authenticate") {
		name, value, ok := strings.Cut(strings.TrimSpace(v), " ")
		if !ok || !strings.EqualFold(name, scheme) {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}
