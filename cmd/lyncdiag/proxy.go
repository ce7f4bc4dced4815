package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// proxyFlags say which proxy to go through, and who asks.
type proxyFlags struct {
	proxy         string
	user          string
	passwordEnv   string
	passwordStdin bool
}

func (f *proxyFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.proxy, "proxy", "", "HTTP proxy `URL` for every connection, or none (default the one that this computer is set to)")
	flags.StringVar(&f.user, "proxy-user", "", "`NAME` for a proxy that asks, as user, DOMAIN\\user or user@domain; its password is asked for on a terminal, and goes unencrypted to a proxy that offers Basic alone")
	flags.StringVar(&f.passwordEnv, "proxy-password-env", "", "environment `VARIABLE` that holds the password of --proxy-user")
	flags.BoolVar(&f.passwordStdin, "proxy-password-stdin", false, "read the password of --proxy-user from standard input")
}

// useProxy puts the proxy into a network: the flag's, else a lab's own, else
// the system's.
func (f *proxyFlags) useProxy(n *lyncdiag.Network, p *program, cloud string, offline bool) error {
	switch {
	case f.proxy == "none":
		n.Proxy, n.ProxyFrom = nil, ""
	case f.proxy != "":
		u, err := proxy.Parse(f.proxy)
		if err != nil {
			return fmt.Errorf("read --proxy: %w", err)
		}
		if u.User != nil {
			return errors.New("read --proxy: a password does not belong on a command line; use --proxy-user")
		}
		n.Proxy, n.ProxyFrom = u, "--proxy"
	case !n.Simulated:
		settings, err := proxy.System(p.env)
		if err != nil {
			return fmt.Errorf("find the proxy of this computer (--proxy none goes without): %w", err)
		}
		if offline { // WPAD asks the network for a script
			settings = slices.DeleteFunc(settings, proxy.Setting.Scripted)
		}
		s, unasked := chosen(settings, scriptHosts(cloud))
		n.Proxy, n.ProxyFrom, n.Direct, n.PAC = s.Server, s.Source, s.Direct, unasked
	}
	return f.credentials(n, p)
}

// scriptHosts are the hosts that a script is asked for first.
func scriptHosts(cloud string) []string {
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
func (f *proxyFlags) credentials(n *lyncdiag.Network, p *program) error {
	if f.user == "" {
		if f.passwordEnv != "" || f.passwordStdin {
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
	case f.passwordEnv != "" && f.passwordStdin:
		err = errors.New("read --proxy-password-env and --proxy-password-stdin: a password comes from one of them")
	case f.passwordEnv != "":
		password, err = p.passwordVariable("--proxy-password-env", f.passwordEnv)
	case f.passwordStdin:
		password, err = p.passwordLine("--proxy-password-stdin")
	default:
		if password, err = p.password("Password of " + f.user + " at the proxy"); errors.Is(err, errNoTerminal) {
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
	u.User = url.UserPassword(f.user, password)
	n.Proxy = &u
	return nil
}

// ---- the command ----

// maxPAC bounds a PAC file.
const maxPAC = 1 << 20

func (p *program) proxyCommand() *cobra.Command {
	run := &probe{name: "proxy"}
	cmd := &cobra.Command{
		Use:     "proxy",
		Example: "  lyncdiag proxy",
		Short:   "Show where this computer's proxy is set, and which part of the client goes which way",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var shown render.ProxySettings
			run.plan = func(s *session) lyncdiag.Plan {
				shown = p.proxySettings(s.network)
				return append(lyncdiag.DefaultPlan().Only("proxy"), lyncdiag.Stage{ID: "pac", Title: "PAC", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
					for i := range shown.Settings {
						s := &shown.Settings[i]
						if s.PAC != "" {
							s.Script, s.Trouble = fetchPAC(ctx, env, s.PAC)
						}
						if s.Scripted() && !env.Network.Simulated {
							s.Says = scriptSays(s.Setting, run.cloud.value)
						}
					}
					return context.Cause(ctx)
				}})
			}
			run.document = func(f *fact.Facts, r *lyncdiag.Report) render.Document {
				shown.Used, _, _ = fact.Get(f, fact.ProxyKey)
				return tool().Proxy(shown, r)
			}
			return p.probe(cmd, run, []fact.Subject{{}})
		},
	}
	run.register(cmd.Flags())
	return cmd
}

// proxySettings are the settings to show: in a lab the lab's.
func (p *program) proxySettings(n *lyncdiag.Network) render.ProxySettings {
	shown := render.ProxySettings{Windows: runtime.GOOS == "windows"}
	if n.Simulated {
		if n.Proxy != nil {
			shown.Settings = []render.ProxySetting{{Setting: proxy.Setting{Source: n.ProxyFrom, Server: n.Proxy}}}
		}
		return shown
	}
	settings, err := proxy.System(p.env)
	if err != nil {
		shown.Trouble = err.Error()
	}
	for _, s := range settings {
		shown.Settings = append(shown.Settings, render.ProxySetting{Setting: s})
	}
	return shown
}

// scriptSays has the script decide for the hosts of sign-in, where there is
// somebody to run it.
func scriptSays(s proxy.Setting, cloud string) []render.ScriptAnswer {
	var list []render.ScriptAnswer
	for _, host := range scriptHosts(cloud) {
		u, err := s.Evaluate("https://" + host + "/")
		switch {
		case err != nil:
			return append(list, render.ScriptAnswer{Host: host, Detail: err.Error()})
		case u == nil:
			list = append(list, render.ScriptAnswer{Host: host, Detail: "direct"})
		default:
			list = append(list, render.ScriptAnswer{Host: host, Server: u.Host})
		}
	}
	return list
}

// fetchPAC reads a PAC file to show it, or says why not. It is run by Windows
// alone: it is somebody else's program.
func fetchPAC(ctx context.Context, env *lyncdiag.Env, address string) (script, trouble string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "the address is no URL"
	}
	var body io.ReadCloser
	switch u.Scheme {
	case "file":
		name := filepath.FromSlash(cmp.Or(u.Path, u.Opaque))
		if len(name) > 2 && name[2] == ':' { // file:///C:/proxy.pac
			name = name[1:]
		}
		file, err := os.Open(name)
		if err != nil {
			return "", cause(err).Error()
		}
		body = file
	case "http", "https":
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return "", err.Error()
		}
		response, err := env.HTTP().Do(request)
		if err != nil {
			return "", err.Error()
		}
		body = response.Body
		if response.StatusCode != http.StatusOK {
			trouble = fmt.Sprintf("the server answers %d", response.StatusCode)
		}
	default:
		return "", fmt.Sprintf("%s is no scheme to fetch it by", u.Scheme)
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxPAC+1))
	switch {
	case err != nil:
		return "", err.Error()
	case len(b) > maxPAC:
		return "", "the file is larger than 1 MB"
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), trouble
}
