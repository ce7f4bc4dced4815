package lab

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// Exchange is something that a client sent.
type Exchange struct {
	At   time.Time // by the servers' clock
	Kind string    // dns, tcp, http or sip
	Host string    // who was asked: a host's name, "resolver" for DNS
	// What was asked: "SRV _sip._tls.contoso.example", "443 refused",
	// "GET https://...", "REGISTER sip:contoso.example".
	What string
}

// maxHistory bounds what is kept of a lab that serves for days; the oldest goes.
const maxHistory = 10000

func (l *Lab) note(kind, host, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.history) == maxHistory {
		l.history = slices.Delete(l.history, 0, maxHistory/2)
	}
	l.history = append(l.history, Exchange{At: l.now().UTC(), Kind: kind, Host: host, What: what})
}

// Exchanges is everything that was asked of the lab so far, in order. What was
// not asked can be proved by it.
func (l *Lab) Exchanges() []Exchange {
	var all []Exchange
	for _, q := range l.resolver.Queries() {
		all = append(all, Exchange{At: q.At.UTC(), Kind: "dns", Host: "resolver", What: strings.TrimSpace(q.Type + " " + q.Name)})
	}
	l.mu.Lock()
	all = append(all, l.history...)
	l.mu.Unlock()
	sort.SliceStable(all, func(i, j int) bool { return all[i].At.Compare(all[j].At) < 0 })
	return all
}
