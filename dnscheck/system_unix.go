//go:build !windows

package dnscheck

import (
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

const resolvConf = "/etc/resolv.conf"

// SystemServers returns this machine's own resolvers, named "system": on Unix
// those of /etc/resolv.conf, on Windows those of every adapter that is up. The
// search list is not read, as only absolute names are asked. macOS keeps the
// resolvers of the network in use there; those of a VPN for single domains
// (scutil --dns) are not among them.
func SystemServers() ([]Server, error) {
	config, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, fmt.Errorf("dnscheck: read this machine's resolvers: %w", err)
	}
	var servers []Server
	for _, s := range config.Servers {
		if ip, err := netip.ParseAddr(s); err == nil {
			servers = append(servers, Server{Name: "system", Addr: netip.AddrPortFrom(ip, 53)})
		}
	}
	return named(servers)
}
