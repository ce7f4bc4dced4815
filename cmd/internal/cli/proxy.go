package cli

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
)

// Proxy are the flags of which proxy to go through, and who asks.
type Proxy struct {
	URL           string // "none" goes without; "": the one that this computer is set to
	User          string
	PasswordEnv   string
	PasswordStdin bool
}

func (f *Proxy) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.URL, "proxy", "", "HTTP proxy `URL` for every connection, or none (default the one that this computer is set to)")
	flags.StringVar(&f.User, "proxy-user", "", "`NAME` for a proxy that asks, as user, DOMAIN\\user or user@domain; its password is asked for on a terminal, and goes unencrypted to a proxy that offers Basic alone")
	flags.StringVar(&f.PasswordEnv, "proxy-password-env", "", "environment `VARIABLE` that holds the password of --proxy-user")
	flags.BoolVar(&f.PasswordStdin, "proxy-password-stdin", false, "read the password of --proxy-user from standard input")
}

// useProxy puts the proxy into a network: the flag's, else a lab's own, else
// the system's.
func (f *Proxy) useProxy(n *lyncdiag.Network, p *Process, cloud string, offline bool) error {
	switch {
	case f.URL == "none":
		n.Proxy, n.ProxyFrom = nil, ""
	case f.URL != "":
		u, err := proxy.Parse(f.URL)
		if err != nil {
			return fmt.Errorf("read --proxy: %w", err)
		}
		if u.User != nil {
			return errors.New("read --proxy: a password does not belong on a command line; use --proxy-user")
		}
		n.Proxy, n.ProxyFrom = u, "--proxy"
	case !n.Simulated:
		settings, err := proxy.System(p.Env)
		if err != nil {
			return fmt.Errorf("find the proxy of this computer (--proxy none goes without): %w", err)
		}
		if offline { // WPAD asks the network for a script
			settings = slices.DeleteFunc(settings, proxy.Setting.Scripted)
		}
		s, unasked := chosen(settings, ScriptHosts(cloud))
		n.Proxy, n.ProxyFrom, n.Direct, n.PAC = s.Server, s.Source, s.Direct, unasked
	}
	return f.credentials(n, p)
}

// ScriptHosts are the hosts that a script is asked for first.
func ScriptHosts(cloud string) []string {
	hosts := dnscheck.CloudHosts(cloud)
	return append([]string{hosts.SIP, hosts.Web}, hosts.Login...)
}

// chosen is the setting that a run goes by: the first that names a proxy or has
// a script that can be asked. WinHTTP's is not Lync's. unasked is the script that could not be, and that
// decides for Lync.
func chosen(settings []proxy.Setting, hosts []string) (found proxy.Setting, unasked string) {
	for _, s := range settings {
		if s.Source == proxy.WinHTTP {
			continue
		}
		if s.Scripted() {
			asked, err := s.Ask(hosts...)
			switch {
			case err == nil:
				return asked, ""
			case !errors.Is(err, proxy.ErrNoScript):
				unasked = cmp.Or(s.PAC, "the script that WPAD finds")
			}
		}
		if s.Server != nil {
			return s, "" // what is named counts where the script cannot be had
		}
	}
	return proxy.Setting{}, unasked
}

// credentials adds --proxy-user with its password, which is never an argument.
func (f *Proxy) credentials(n *lyncdiag.Network, p *Process) error {
	if f.User == "" {
		if f.PasswordEnv != "" || f.PasswordStdin {
			return errors.New("read --proxy-user: there is a password for the proxy, and no user")
		}
		return nil
	}
	if n.Proxy == nil {
		return errors.New("read --proxy-user: there is no proxy")
	}
	var password string
	var err error
	switch {
	case f.PasswordEnv != "" && f.PasswordStdin:
		err = errors.New("read --proxy-password-env and --proxy-password-stdin: a password comes from one of them")
	case f.PasswordEnv != "":
		password, err = p.PasswordVariable("--proxy-password-env", f.PasswordEnv)
	case f.PasswordStdin:
		password, err = p.PasswordLine("--proxy-password-stdin")
	default:
		if password, err = p.Password("Password of " + f.User + " at the proxy"); errors.Is(err, ErrNoTerminal) {
			err = fmt.Errorf("read the proxy's password: %w; use --proxy-password-env or --proxy-password-stdin", err)
		}
	}
	if err != nil {
		return err
	}
	if password == "" {
		return errors.New("read the proxy's password: it is empty")
	}
	u := *n.Proxy
	u.User = url.UserPassword(f.User, password)
	n.Proxy = &u
	return nil
}
