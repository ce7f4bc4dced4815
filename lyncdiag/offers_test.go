package lyncdiag

import (
	"net/http"
	"strings"
	"testing"
)

func TestOffers(t *testing.T) {
	for want, headers := range map[string][]string{
		"Negotiate NTLM Basic": {"Negotiate", "NTLM", `Basic realm="Contoso, Ltd."`},
		"Negotiate NTLM":       {"Negotiate, NTLM"},
		"NTLM Basic":           {`NTLM, Basic realm="a", charset="UTF-8"`},
		"Digest":               {`Digest realm="x", nonce="y", qop="auth"`},
		"":                     {"", `="x"`, "caf\u00e9 x=y", strings.Repeat("x", 100)},
	} {
		if got := strings.Join(offers(&http.Response{Header: http.Header{"Proxy-Authenticate": headers}}), " "); got != want {
			t.Errorf("%q: %q, want %q", headers, got, want)
		}
	}
}
