package dnscheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Networks of a Server.
const (
	overUDP   = "udp"
	overTCP   = "tcp"
	overTLS   = "tls"
	overHTTPS = "https"
)

// Server is a resolver to ask.
type Server struct {
	// Name is for people: "system", "internal". Empty: the address stands for it.
	Name string `json:"name"`
	// Addr is the address and port; port 0 means 53, or 853 over TLS. It is the zero
	// value where URL says where the server is.
	Addr netip.AddrPort `json:"addr"`
	// Network is "" or "udp" (and TCP for what does not fit), "tcp" (RFC 7766), "tls"
	// (RFC 7858) or "https" (RFC 8484).
	Network string `json:"network,omitempty"`
	// URL is where to send questions over HTTPS, "https://host/path", and the place of
	// a server that is known by host name over TLS, "tls://host:853".
	URL string `json:"url,omitempty"`
	// TLSName is the name that the certificate must carry; "" for the host or the
	// address that is dialled.
	TLSName string `json:"tlsName,omitempty"`
}

// String returns the name, or the address where there is no name. Answers carry
// this text in their Server field, so it must be unique within one Client.
func (s Server) String() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Address()
}

// Address is where the server is, in the form that [ParseServer] reads: "ADDR:53",
// "tcp://ADDR:53", "tls://HOST:853" or a URL.
func (s Server) Address() string {
	place := s.URL
	switch {
	case place != "":
	case s.Network == overTCP || s.Network == overTLS:
		place = s.Network + "://" + s.hostPort()
	default:
		return s.hostPort()
	}
	if s.TLSName != "" {
		place += "#" + s.TLSName
	}
	return place
}

// hostPort is what to connect to, a host name only where URL holds one.
func (s Server) hostPort() string {
	if s.URL != "" {
		u, err := url.Parse(s.URL)
		if err != nil {
			return ""
		}
		port := u.Port()
		if port == "" {
			port = strconv.Itoa(int(defaultPort(s.Network)))
		}
		return net.JoinHostPort(u.Hostname(), port)
	}
	if s.Addr.Port() == 0 {
		return netip.AddrPortFrom(s.Addr.Addr(), defaultPort(s.Network)).String()
	}
	return s.Addr.String()
}

// plain reports whether the server can be asked without another name being looked
// up and without TLS.
func (s Server) plain() bool {
	return (s.Network == "" || s.Network == overUDP || s.Network == overTCP) && s.Addr.IsValid()
}

func defaultPort(network string) uint16 {
	switch network {
	case overTLS:
		return 853
	case overHTTPS:
		return 443
	}
	return 53
}

// maxServerText bounds what ParseServer reads.
const maxServerText = 2048

// ParseServer reads a resolver as people write it:
//
//	[NAME=]ADDR[:PORT]                      UDP, and TCP for what does not fit
//	[NAME=]tcp://ADDR[:PORT]                TCP only
//	[NAME=]tls://HOST-OR-ADDR[:PORT][#NAME] RFC 7858; the last is the certificate's name
//	[NAME=]https://HOST-OR-ADDR/PATH[#NAME] RFC 8484
//
// An IPv6 address stands in brackets where a port follows. A host name is possible
// only where a certificate proves it; see [Client.Servers] for how it is found.
func ParseServer(text string) (Server, error) {
	s, err := parseServer(text)
	if err != nil {
		return Server{}, fmt.Errorf("dnscheck: read server %.200q: %w", text, err)
	}
	return s, nil
}

func parseServer(text string) (Server, error) {
	if len(text) > maxServerText {
		return Server{}, fmt.Errorf("it is longer than %d octets", maxServerText)
	}
	var s Server
	rest := strings.TrimSpace(text)
	// A path may hold an equals sign; a name holds no slash and no colon.
	if name, after, ok := strings.Cut(rest, "="); ok && !strings.ContainsAny(name, "/:#") {
		if name == "" || strings.IndexFunc(name, notServerName) >= 0 {
			return Server{}, errors.New("the name before = is of letters, digits, hyphen, underscore and dot")
		}
		s.Name, rest = name, after
	}
	scheme, place, ok := strings.Cut(rest, "://")
	if !ok {
		addr, err := addrPort(rest)
		s.Addr = addr
		return s, err
	}
	switch strings.ToLower(scheme) {
	case overUDP:
		addr, err := addrPort(place)
		s.Addr = addr
		return s, err
	case overTCP:
		addr, err := addrPort(place)
		s.Network, s.Addr = overTCP, addr
		return s, err
	case overTLS:
		return s.overTLS(place)
	case overHTTPS:
		return s.overHTTPS(place)
	}
	return Server{}, fmt.Errorf("scheme %q is none of udp, tcp, tls and https", scheme)
}

func notServerName(r rune) bool {
	return notHost(r) && !(r >= 'A' && r <= 'Z') && r != '_'
}

// addrPort reads an address with or without port.
func addrPort(text string) (netip.AddrPort, error) {
	host, port := text, uint16(0)
	if h, p, err := net.SplitHostPort(text); err == nil {
		number, err := strconv.ParseUint(p, 10, 16)
		if err != nil || number == 0 {
			return netip.AddrPort{}, fmt.Errorf("port %q is not a number from 1 to 65535", p)
		}
		host, port = h, uint16(number)
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil || strings.IndexFunc(addr.Zone(), notServerName) >= 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address", host)
	}
	return netip.AddrPortFrom(addr.Unmap(), port), nil
}

func (s Server) overTLS(place string) (Server, error) {
	s.Network = overTLS
	place, name, err := tlsName(place)
	if err != nil {
		return Server{}, err
	}
	s.TLSName = name
	addr, err := addrPort(place)
	if err == nil {
		s.Addr = addr
		return s, nil
	}
	host, port := place, "853"
	if h, p, err := net.SplitHostPort(place); err == nil {
		host, port = h, p
		if number, err := strconv.ParseUint(p, 10, 16); err != nil || number == 0 {
			return Server{}, fmt.Errorf("port %q is not a number from 1 to 65535", p)
		}
	}
	if host, err = toASCII(host); err != nil {
		return Server{}, fmt.Errorf("the host is neither an IP address nor a name: %w", err)
	}
	s.URL = "tls://" + net.JoinHostPort(host, port)
	return s, nil
}

func (s Server) overHTTPS(place string) (Server, error) {
	s.Network = overHTTPS
	place, name, err := tlsName(place)
	if err != nil {
		return Server{}, err
	}
	s.TLSName = name
	u, err := url.Parse("https://" + place)
	if err != nil {
		return Server{}, fmt.Errorf("it is not a URL: %w", errors.Unwrap(err))
	}
	if u.User != nil {
		return Server{}, errors.New("a URL with a user's name is not taken")
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		host = addr.String()
		if addr.Is6() {
			host = "[" + host + "]"
		}
	} else if host, err = toASCII(host); err != nil {
		return Server{}, fmt.Errorf("the host is neither an IP address nor a name: %w", err)
	}
	if port := u.Port(); port != "" {
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return Server{}, fmt.Errorf("port %q is not a number from 1 to 65535", port)
		}
		host += ":" + port
	}
	u.Host = host
	if u.Path == "" {
		return Server{}, errors.New("the path is missing; most servers have /dns-query")
	}
	s.URL = u.String()
	return s, nil
}

// tlsName takes the certificate's name off the end.
func tlsName(place string) (rest, name string, err error) {
	rest, name, ok := strings.Cut(place, "#")
	if !ok {
		return rest, "", nil
	}
	if name, err = toASCII(name); err != nil {
		return "", "", fmt.Errorf("the name after # is no host name: %w", err)
	}
	return rest, name, nil
}
