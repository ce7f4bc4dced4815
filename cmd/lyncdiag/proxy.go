package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

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
				shown = p.proxySettings(s.Network)
				return append(lyncdiag.DefaultPlan().Only("proxy"), lyncdiag.Stage{ID: "pac", Title: "PAC", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
					for i := range shown.Settings {
						s := &shown.Settings[i]
						if s.PAC != "" {
							s.Script, s.Trouble = fetchPAC(ctx, env, s.PAC)
						}
						if s.Scripted() && !env.Network.Simulated {
							s.Says = scriptSays(s.Setting, run.Cloud.Value)
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
	for _, host := range cli.ScriptHosts(cloud) {
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
			return "", cli.Cause(err).Error()
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
