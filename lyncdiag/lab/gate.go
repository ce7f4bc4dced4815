package lab

import (
	"net"
	"net/http"
	"net/url"
	"slices"
)

const gatewayPort = "8080"

// gate is the lab's proxy with its rules: whom it asks for a password, and what
// it refuses.
type gate struct {
	schemes []string     // of Proxy-Authenticate; nobody's answer is accepted
	refused []string     // hosts
	behind  http.Handler // the way into the lab, set at the start
}

// throughProxy puts a proxy in front of the lab, which the client is set to.
func (w *world) throughProxy() *gate {
	if w.way == nil {
		w.way = &gate{}
		w.hosts[gateway] = &host{address: "127.0.3.8", names: []string{gateway}, company: true, ports: map[uint16]*port{8080: {plain: true, web: w.way}}}
		w.records[gateway] = []string{"A 127.0.3.8"}
	}
	return w.way
}

// proxyURL is the proxy that the client is set to, nil for none.
func (w *world) proxyURL() *url.URL {
	if w.way == nil {
		return nil
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(gateway, gatewayPort)}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Hostname()
	if r.Method == http.MethodConnect {
		name, _, _ = net.SplitHostPort(r.Host)
	}
	switch {
	case len(g.schemes) > 0:
		for _, s := range g.schemes {
			w.Header().Add("Proxy-Authenticate", s)
		}
		http.Error(w, "who is there?", http.StatusProxyAuthRequired)
	case slices.Contains(g.refused, name):
		http.Error(w, "this host is not allowed", http.StatusForbidden)
	default:
		g.behind.ServeHTTP(w, r)
	}
}
