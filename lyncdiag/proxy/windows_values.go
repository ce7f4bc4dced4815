package proxy

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"path"
	"strings"
)

// The flags of a connection's settings.
const (
	useProxy  = 2
	usePAC    = 4
	useDetect = 8
)

var errValue = errors.New("the value is cut short or of a layout that is not known")

// parseConnection reads the binary value that WinHTTP (WinHttpSettings) and
// WinINET (DefaultConnectionSettings) keep in the registry: a version, a counter,
// flags, then proxy, bypass list and, in WinINET's, the PAC URL, each behind its
// length. Microsoft does not document it; the layout is what netsh writes.
func parseConnection(b []byte) (server, bypass, pac string, flags uint32, err error) {
	if len(b) < 12 {
		return "", "", "", 0, errValue
	}
	flags = binary.LittleEndian.Uint32(b[8:])
	rest := b[12:]
	next := func(wanted bool) string {
		if err != nil || len(rest) == 0 && !wanted {
			return ""
		}
		if len(rest) < 4 {
			err = errValue
			return ""
		}
		n := binary.LittleEndian.Uint32(rest)
		if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
			err = errValue
			return ""
		}
		text := string(rest[:n])
		rest = rest[n:]
		return strings.TrimRight(strings.ToValidUTF8(text, "\uFFFD"), "\x00")
	}
	server, bypass, pac = next(true), next(true), next(false)
	return server, bypass, pac, flags, err
}

// newConnection makes a setting of the values that Windows keeps.
func newConnection(source, server, bypass, pac string, flags uint32) (Setting, error) {
	s := Setting{Source: source, AutoDetect: flags&useDetect != 0}
	if flags&usePAC != 0 {
		s.PAC = pac
	}
	if flags&useProxy == 0 || server == "" {
		return s, nil
	}
	u, err := Parse(forHTTPS(server))
	if err != nil {
		return s, err
	}
	s.Server = u
	s.Bypass = strings.FieldsFunc(bypass, func(r rune) bool { return r == ';' || r == ' ' || r == ',' })
	s.direct = func(host string) bool { return bypassed(s.Bypass, host) }
	return s, nil
}

// forHTTPS takes the proxy for HTTPS out of "http=a:80;https=b:8080", or the one
// that is for everything.
func forHTTPS(server string) string {
	for part := range strings.FieldsFuncSeq(server, func(r rune) bool { return r == ';' || r == ' ' }) {
		scheme, address, listed := strings.Cut(part, "=")
		if !listed {
			return part
		}
		if strings.EqualFold(scheme, "https") {
			return address
		}
	}
	return ""
}

// bypassed reads a bypass list as Windows does: * stands for anything, <local>
// for names without a dot. Loopback never goes through a proxy.
func bypassed(list []string, host string) bool {
	host = strings.ToLower(host)
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || host == "localhost" {
		return true
	}
	for _, pattern := range list {
		pattern = strings.ToLower(pattern)
		if pattern == "<local>" && !strings.ContainsAny(host, ".:") {
			return true
		}
		if _, rest, ok := strings.Cut(pattern, "://"); ok {
			pattern = rest
		}
		if ok, err := path.Match(pattern, host); ok && err == nil {
			return true
		}
	}
	return false
}
