package sip

import (
	"strconv"
	"strings"
)

// Challenge is one way to authenticate that a server offers ([MS-SIPAE] section 2.2; RFC 3261 section 22).
type Challenge struct {
	Scheme     string `json:"scheme"` // NTLM, Kerberos or TLS-DSK in this spelling; others as written
	Realm      string `json:"realm"`
	TargetName string `json:"targetName"` // the server that will check the answer: an FQDN, or sip/FQDN for Kerberos
	Version    int    `json:"version"`    // of the authentication protocol; 0 if not given
	STSURI     string `json:"stsUri"`     // certificate provisioning service, TLS-DSK only
	Opaque     string `json:"opaque"`     // names the half-made security association
	// Continues reports that gssapi-data came along: the handshake goes on, this is not a new challenge.
	Continues bool `json:"continues"`
}

// Challenges returns what the WWW-Authenticate and Proxy-Authenticate headers of m offer, in order: usually one a header, but a
// list in one header is read too. Texts are valid UTF-8.
func Challenges(m *Message) []Challenge {
	var out []Challenge
	for _, h := range m.Headers {
		if called(h.Name, "WWW-Authenticate") || called(h.Name, "Proxy-Authenticate") {
			out = appendChallenges(out, h.Value)
		}
	}
	return out
}

func appendChallenges(out []Challenge, s string) []Challenge {
	s = straightQuotes(s)
	open := false
	for s = trimCommas(s); s != ""; s = trimCommas(s) {
		end := 0
		for end < len(s) && s[end] != ' ' && s[end] != '\t' && s[end] != ',' && s[end] != '=' {
			end++
		}
		word := s[:end]
		after := s[end:]
		for after != "" && blank(after[0]) {
			after = after[1:]
		}
		if !strings.HasPrefix(after, "=") {
			// A word without "=" begins a challenge.
			if word != "" {
				out = append(out, Challenge{Scheme: schemeName(word)})
				open = true
			}
			s = after
			continue
		}
		var value string
		s = strings.TrimLeft(after[1:], " \t")
		if strings.HasPrefix(s, `"`) {
			end = closingQuote(s, 0)
			if end < 0 {
				end = len(s)
			}
			value = s[1:end]
			s = s[min(end+1, len(s)):]
		} else {
			if end = strings.IndexByte(s, ','); end < 0 {
				end = len(s)
			}
			value = s[:end]
			s = s[end:]
		}
		if open {
			out[len(out)-1].set(word, strings.Trim(value, " \t"))
		}
	}
	return out
}

func trimCommas(s string) string {
	for s != "" && (blank(s[0]) || s[0] == ',') {
		s = s[1:]
	}
	return s
}

func (c *Challenge) set(name, value string) {
	switch {
	case strings.EqualFold(name, "realm"):
		c.Realm = value
	case strings.EqualFold(name, "targetname"):
		c.TargetName = value
	case strings.EqualFold(name, "version"):
		c.Version, _ = strconv.Atoi(value)
	case strings.EqualFold(name, "sts-uri"):
		c.STSURI = value
	case strings.EqualFold(name, "opaque"):
		c.Opaque = value
	case strings.EqualFold(name, "gssapi-data"):
		c.Continues = value != ""
	}
}

func schemeName(s string) string {
	for _, name := range [...]string{"NTLM", "Kerberos", "TLS-DSK", "Digest", "Basic"} {
		if strings.EqualFold(s, name) {
			return name
		}
	}
	return s
}

// credentialScheme names the scheme of the credentials in a request, "" when it carries none.
func credentialScheme(m *Message) string {
	for _, h := range m.Headers {
		if called(h.Name, "Authorization") || called(h.Name, "Proxy-Authorization") {
			word, _, _ := cutBlank(h.Value)
			return schemeName(strings.ToValidUTF8(word, "\uFFFD"))
		}
	}
	return ""
}

// answeringName returns the server that a response's Authentication-Info or challenge names, without the sip/ of Kerberos.
func answeringName(m *Message) string {
	var space [2]Challenge
	found := space[:0]
	for _, h := range m.Headers {
		switch {
		case called(h.Name, "Authentication-Info"), called(h.Name, "Proxy-Authentication-Info"), called(h.Name, "WWW-Authenticate"), called(h.Name, "Proxy-Authenticate"):
			found = appendChallenges(found[:0], h.Value)
			for _, c := range found {
				if name, _ := cutPrefixFold(c.TargetName, "sip/"); name != "" {
					return name
				}
			}
		}
	}
	return ""
}
