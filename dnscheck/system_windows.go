package dnscheck

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// SystemServers returns this machine's own resolvers, named "system": on Unix
// those of /etc/resolv.conf, on Windows those of every adapter that is up. The
// search list is not read, as only absolute names are asked.
func SystemServers() ([]Server, error) {
	const flags = windows.GAA_FLAG_SKIP_UNICAST | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST
	size := uint32(16 << 10) // what the documentation of GetAdaptersAddresses recommends to start with
	var first *windows.IpAdapterAddresses
	for {
		buf := make([]byte, size)
		first = (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		if err == nil {
			break
		}
		if !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) || size <= uint32(len(buf)) {
			return nil, fmt.Errorf("dnscheck: read this machine's resolvers: %w", err)
		}
	}
	var servers []Server
	for adapter := first; adapter != nil; adapter = adapter.Next {
		if adapter.OperStatus != windows.IfOperStatusUp {
			continue
		}
		for entry := adapter.FirstDnsServerAddress; entry != nil; entry = entry.Next {
			ip, ok := netip.AddrFromSlice(entry.Address.IP())
			// fec0:0:0:ffff::1 to ::3 are what Windows lists where nothing is configured.
			if !ok || ip.Is6() && netip.MustParsePrefix("fec0:0:0:ffff::/64").Contains(ip) {
				continue
			}
			if scope := scopeOf(entry.Address.Sockaddr); ip.IsLinkLocalUnicast() && ip.Is6() && scope != 0 {
				// The same address may be another machine behind each adapter.
				ip = ip.WithZone(strconv.FormatUint(uint64(scope), 10))
			}
			servers = append(servers, Server{Name: "system", Addr: netip.AddrPortFrom(ip.Unmap(), 53)})
		}
	}
	return named(servers)
}

// scopeOf is the number of the adapter that an IPv6 address is behind, 0 where the
// address does not say.
func scopeOf(address *syscall.RawSockaddrAny) uint32 {
	if address.Addr.Family != windows.AF_INET6 {
		return 0
	}
	return (*syscall.RawSockaddrInet6)(unsafe.Pointer(address)).Scope_id
}
