package fact

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
)

// Subject is who is diagnosed.
type Subject struct {
	Address  string `json:"address"`  // sign-in (SIP) address as given, without "sip:"
	UserName string `json:"userName"` // user principal name where it differs; "" otherwise
	Domain   string `json:"domain"`   // domain of the address in its ASCII (A-label) form, lower case
	Ticket   string `json:"ticket"`   // free text echoed in the report
}

// WireAddress is the address as protocols carry it: the domain in its ASCII
// form. "" without an address.
func (s Subject) WireAddress() string {
	at := strings.LastIndexByte(s.Address, '@')
	if at < 0 {
		return ""
	}
	return s.Address[:at+1] + s.Domain
}

// ParseAddress reads a sign-in address. It refuses only what cannot be one: no
// or several @, an empty part, white space or control characters, a domain
// that UTS 46 cannot map. A non-ASCII local part is kept.
func ParseAddress(text string) (Subject, error) {
	addr := strings.TrimSpace(text)
	for len(addr) > 4 && strings.EqualFold(addr[:4], "sip:") {
		addr = addr[4:]
	}
	local, domain, ok := strings.Cut(addr, "@")
	switch {
	case strings.IndexFunc(addr, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) >= 0:
		return Subject{}, fmt.Errorf("address %q: white space or control characters are not allowed", text)
	case !ok:
		return Subject{}, fmt.Errorf("address %q: no @; write it as user@domain", text)
	case strings.Contains(domain, "@"):
		return Subject{}, fmt.Errorf("address %q: more than one @; write it as user@domain", text)
	case local == "":
		return Subject{}, fmt.Errorf("address %q: nothing before the @; write it as user@domain", text)
	case domain == "":
		return Subject{}, fmt.Errorf("address %q: nothing after the @; write it as user@domain", text)
	}
	ascii, err := ParseDomain(domain)
	if err != nil {
		return Subject{}, fmt.Errorf("address %q: %w", text, err)
	}
	return Subject{Address: addr, Domain: ascii}, nil
}

// ParseDomain maps a domain to its lower-case ASCII form (UTS 46 lookup, IDNA
// 2008) without a final dot.
func ParseDomain(text string) (string, error) {
	name := strings.TrimSuffix(strings.TrimSpace(text), ".")
	if name == "" {
		return "", fmt.Errorf("domain %q is empty", text)
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "", fmt.Errorf("domain %q is an address; give the part of the sign-in address behind the @", text)
	}
	ascii, err := dnscheck.ASCII(name)
	if err != nil {
		// The error around the cause names package and domain once more.
		return "", fmt.Errorf("domain %q is not a domain name: %w", text, errors.Unwrap(err))
	}
	return ascii, nil
}
