package dnscheck

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ASCII returns the form of a domain that DNS carries: in lower case, without a
// trailing dot, international labels as xn-- (UTS 46, mapped for lookup, not
// transitional). It refuses what cannot be asked for as a domain: nothing, white
// space, characters outside letters, digits, hyphen and underscore, labels over 63
// and names over 253 octets. The underscore is no host name's (RFC 1123), but DNS
// knows it and domains with it exist.
func ASCII(domain string) (string, error) {
	ascii, err := toASCII(domain)
	if err != nil {
		return "", fmt.Errorf("dnscheck: read domain %.300q: %w", domain, err)
	}
	return ascii, nil
}

func toASCII(domain string) (string, error) {
	if !utf8.ValidString(domain) {
		return "", errors.New("it is not UTF-8")
	}
	name := strings.ToLower(strings.TrimSuffix(domain, "."))
	// Plain names go round the profile, which also refuses names that exist, such
	// as those with hyphens in third and fourth place.
	if !plain(name) || strings.Contains(name, "xn--") {
		// idna.Lookup would refuse an underscore.
		profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.VerifyDNSLength(true), idna.BidiRule())
		var err error
		if name, err = profile.ToASCII(strings.TrimSuffix(domain, ".")); err != nil {
			return "", errors.New(strings.TrimPrefix(err.Error(), "idna: "))
		}
		name = strings.TrimSuffix(name, ".")
	}
	if name == "" {
		return "", errors.New("it is empty")
	}
	if len(name) > 253 {
		return "", errors.New("it is longer than 253 octets")
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "", errors.New("a label is empty")
		case len(label) > 63:
			return "", errors.New("a label is longer than 63 octets")
		case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
			return "", errors.New("a label begins or ends with a hyphen")
		}
	}
	if bad := strings.IndexFunc(name, func(r rune) bool { return notHost(r) && r != '_' }); bad >= 0 {
		return "", fmt.Errorf("character %q cannot be in a domain", name[bad])
	}
	return name, nil
}

func plain(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 }) < 0
}

// notHost reports what cannot stand in a lower-case host name (RFC 1123 2.1).
func notHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
}
