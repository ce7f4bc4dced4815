package lyncdiag

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// outward sends the requests that a certificate gave rise to. Whoever made the
// certificate wrote the addresses, so one that leads to this computer or its
// own link (RFC 1122 section 3.2.1.3, RFC 3927, RFC 4291 section 2.5) is not
// asked: a server elsewhere cannot mean that. Behind a proxy names are the
// proxy's to resolve. Redirections come here again.
type outward struct{ wire *wire }

func (o outward) Do(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || !o.wire.proxied(host) {
		for _, a := range o.wire.resolve(r.Context(), host).Addresses {
			if isNear(a) {
				return nil, fmt.Errorf("it leads to %s, which only this computer and its link know, and the server is elsewhere: it is not asked", a)
			}
		}
	}
	return o.wire.client.Do(r)
}

// isNear reports an address that means something else on every computer or link.
func isNear(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsUnspecified()
}

// near reports a host that was reached at such an address.
func near(reach fact.Reach) bool {
	a, err := netip.ParseAddr(reach.Address)
	return err == nil && isNear(a)
}
