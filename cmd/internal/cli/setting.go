package cli

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// Setting are the flags of what is known about deployment, client and place.
type Setting struct {
	Deployment, Cloud, Client, Location Choice
	UserAgent, ManualServer             string
}

// Register adds the flags.
func (s *Setting) Register(flags *pflag.FlagSet) { Group(flags, SettingGroup, s.register) }

func (s *Setting) register(flags *pflag.FlagSet) {
	s.Deployment.Allowed = []string{"auto", "online", "hybrid", "server"}
	s.Cloud.Allowed = []string{"worldwide", "gcc-high", "dod", "china"}
	s.Client.Allowed = []string{"any", "lync2010-rtm", "lync2010", "lync2013", "sfb2016", "mobile"}
	s.Location.Allowed = []string{"inside", "outside", "unknown"}
	flags.Var(&s.Deployment, "deployment", "where the users are: auto, online, hybrid or server (default auto)")
	flags.Var(&s.Cloud, "cloud", "cloud of Lync Online: worldwide, gcc-high, dod or china (default worldwide)")
	flags.Var(&s.Client, "client", "client to judge for: lync2010-rtm, lync2010, lync2013, sfb2016, mobile or any (default any)")
	flags.Var(&s.Location, "location", "where this computer is: inside or outside the company network (default unknown)")
	flags.StringVar(&s.UserAgent, "user-agent", "", "User-Agent to send in place of the client's own")
	flags.StringVar(&s.ManualServer, "manual-server", "", "`HOST:PORT` of manual configuration (default the cloud's documented one)")
}

// over puts the flags that were given over a setting: explicit flags beat what
// a fault of the lab sets.
func (s *Setting) over(base fact.Setting) (fact.Setting, error) {
	if s.ManualServer != "" {
		if _, _, err := SplitServer(s.ManualServer, 0); err != nil {
			return base, fmt.Errorf("read --manual-server: %w", err)
		}
	}
	location := s.Location.Value
	if location == "unknown" {
		base.Location, location = "", ""
	}
	return fact.Setting{
		Deployment:   cmp.Or(s.Deployment.Value, base.Deployment),
		Cloud:        cmp.Or(s.Cloud.Value, base.Cloud),
		Client:       cmp.Or(s.Client.Value, base.Client),
		UserAgent:    cmp.Or(s.UserAgent, base.UserAgent),
		Location:     cmp.Or(location, base.Location),
		ManualServer: cmp.Or(s.ManualServer, base.ManualServer),
	}, nil
}

// SplitServer reads HOST:PORT. With a default port the port may be left out.
func SplitServer(text string, port uint16) (string, uint16, error) {
	host, service, err := net.SplitHostPort(text)
	if err != nil && port != 0 {
		// A lone host, or an IPv6 address without brackets.
		host, service, err = text, strconv.Itoa(int(port)), nil
		if ip := net.ParseIP(trimBrackets(text)); ip != nil {
			host = trimBrackets(text)
		}
	}
	if err != nil {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", text)
	}
	n, err := strconv.ParseUint(service, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q: port %q is not a number from 1 to 65535", text, service)
	}
	if net.ParseIP(host) != nil {
		return host, uint16(n), nil
	}
	name, err := fact.ParseDomain(host)
	if err != nil {
		return "", 0, fmt.Errorf("%q: %w", text, err)
	}
	return name, uint16(n), nil
}

func trimBrackets(text string) string {
	if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' {
		return text[1 : len(text)-1]
	}
	return text
}
