package render

import (
	"cmp"
	"net"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
)

// proxyDoc is lyncdiag.proxy/v1.
type proxyDoc struct {
	Schema     string           `json:"schema"`
	Used       string           `json:"used"`                                                                                      // host:port of the proxy that a run goes through, "" for none
	SetBy      string           `json:"setBy"`                                                                                     // where that is set, "" for none
	Status     string           `json:"status" jsonschema:"enum=listening,enum=not-listening,enum=filtered,enum=unresolved,enum="` // of that proxy, "" not tried
	Settings   []proxySetting   `json:"settings"`
	Components []proxyComponent `json:"components"`
	Detail     string           `json:"detail"` // what could not be read
	Findings   []finding        `json:"findings"`
}

type proxySetting struct {
	Source      string         `json:"source"`
	Server      string         `json:"server"` // host:port, "" where none is named
	Credentials bool           `json:"credentials"`
	Bypass      []string       `json:"bypass"`
	PAC         string         `json:"pac"` // URL of the script, "" for none
	PACScript   string         `json:"pacScript"`
	PACDetail   string         `json:"pacDetail"` // why it could not be read
	AutoDetect  bool           `json:"autoDetect"`
	ScriptSays  []scriptAnswer `json:"scriptSays"` // for the hosts of sign-in; only Windows runs a script
}

type scriptAnswer struct {
	Host   string `json:"host"`
	Server string `json:"server"` // host:port of the proxy, "" for none
	Detail string `json:"detail"` // "direct", or why there is no answer
}

type proxyComponent struct {
	Name       string   `json:"name"`
	Source     string   `json:"source"`
	Goes       string   `json:"goes" jsonschema:"enum=direct,enum=proxy,enum=script,enum=unknown"` // script: a PAC file decides
	Detail     string   `json:"detail"`
	References []string `json:"references"`
}

// ProxySettings are the proxy settings of this computer.
type ProxySettings struct {
	Settings []ProxySetting
	Used     fact.Proxy
	Windows  bool   // the settings of Windows were looked at
	Trouble  string // what could not be read
}

// ProxySetting is one place, with the script it names.
type ProxySetting struct {
	proxy.Setting
	Script  string
	Trouble string // why there is no script
	Says    []ScriptAnswer
}

// ScriptAnswer is what a script decides for a host.
type ScriptAnswer struct{ Host, Server, Detail string }

// Proxy is lyncdiag.proxy/v1: where a proxy is set, and who goes by it.
func (t Tool) Proxy(p ProxySettings, r *lyncdiag.Report) Document {
	doc := proxyDoc{Schema: "lyncdiag.proxy/v1", SetBy: p.Used.From, Status: string(p.Used.Reach.Status), Detail: p.Trouble, Findings: findings(r),
		Settings: each(p.Settings, func(s ProxySetting) proxySetting {
			out := proxySetting{Source: s.Source, Bypass: list(s.Bypass), PAC: s.PAC, PACScript: s.Script, PACDetail: s.Trouble, AutoDetect: s.AutoDetect,
				ScriptSays: each(s.Says, func(a ScriptAnswer) scriptAnswer { return scriptAnswer(a) })}
			if s.Server != nil {
				out.Server, out.Credentials = s.Server.Host, s.Server.User != nil
			}
			return out
		})}
	if p.Used.Host != "" {
		doc.Used = net.JoinHostPort(p.Used.Host, strconv.Itoa(int(p.Used.Port)))
	}
	doc.Components = each(kb.Components(), func(c kb.Component) proxyComponent { return route(c, p) })
	return Document{&doc}
}

// route says which way a component goes.
func route(c kb.Component, p ProxySettings) proxyComponent {
	out := proxyComponent{Name: c.Name, Source: c.Source, Goes: "direct", Detail: "it " + c.Proxy, References: []string{c.KB}}
	if !p.Windows {
		out.Goes = "unknown" // these settings are Windows's
		return out
	}
	for _, s := range p.Settings {
		switch {
		case s.Source != c.Source:
		case s.PAC != "" && c.Source == proxy.WinHTTP && strings.HasPrefix(strings.ToLower(s.PAC), "file:"):
			out.Detail = "it goes direct: WinHTTP reads no PAC file from file://"
		case s.PAC != "" || s.AutoDetect:
			out.Goes = "script"
		case s.Server != nil:
			out.Goes = "proxy"
		}
	}
	return out
}

func (d *proxyDoc) text(s *sheet) {
	switch {
	case d.Used == "":
		s.head("No proxy: connections are direct", good)
	default:
		s.head("Connections go through "+d.Used, good)
		s.item("Set by", d.SetBy)
		s.item("Port", d.Status)
	}
	s.blank()
	for _, x := range d.Settings {
		what := cmp.Or(x.Server, "names no proxy")
		if x.Credentials {
			what += ", with credentials"
		}
		s.item(x.Source, what)
		if len(x.Bypass) > 0 {
			s.item("", "not for "+strings.Join(x.Bypass, ", "))
		}
		if x.AutoDetect {
			s.item("", "looks for a PAC file by WPAD")
		}
		if x.PAC != "" {
			s.item("PAC", x.PAC)
			s.item("", x.PACDetail)
			for line := range strings.Lines(x.PACScript) {
				s.item("", line)
			}
		}
		for _, a := range x.ScriptSays {
			s.item("Decides", a.Host+": "+cmp.Or(a.Server, a.Detail))
		}
	}
	for _, c := range d.Components {
		s.item(c.Goes, c.Name+": "+c.Detail)
	}
	s.item("Problem", d.Detail)
	s.findings(d.Findings, false)
}
