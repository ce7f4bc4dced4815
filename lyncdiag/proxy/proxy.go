// Package proxy reads where this computer's HTTP proxy is set. There are
// several places, and the parts of a Lync client do not look at the same one (KB
// 2769142).
package proxy

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http/httpproxy"
)

// The places of a setting.
const (
	Environment = "environment" // HTTPS_PROXY and its relatives
	WinINET     = "WinINET"     // Internet Options > Connections > LAN settings
	WinHTTP     = "WinHTTP"     // netsh winhttp show proxy
)

// Setting is what one place says. The zero value sets nothing.
type Setting struct {
	Source     string
	Server     *url.URL // the proxy for HTTPS, with credentials if the place holds some; nil: none is named
	Bypass     []string // hosts that go direct, as written
	PAC        string   // URL of a script that decides; "" for none
	AutoDetect bool     // WPAD is asked for a script

	direct func(host string) bool
}

// Set reports whether the setting says anything.
func (s Setting) Set() bool { return s.Server != nil || s.PAC != "" || s.AutoDetect }

// Direct reports whether the setting lets a host be reached without the proxy.
func (s Setting) Direct(host string) bool { return s.direct != nil && s.direct(host) }

// Scripted reports whether a script decides.
func (s Setting) Scripted() bool { return s.PAC != "" || s.AutoDetect }

// ErrNoScript is the error of a setting that looks for a script where there is
// none: the setting then counts without it.
var ErrNoScript = errors.New("proxy: WPAD finds no script")

// Ask is the setting as its script decides: the proxy that it names for the
// first of the hosts that it does not send direct, and direct what it sends
// direct. Later hosts are asked for as they come up; one whose answer fails goes
// through the proxy.
func (s Setting) Ask(hosts ...string) (Setting, error) {
	return s.ask(func(host string) (*url.URL, error) { return s.Evaluate("https://" + host + "/") }, hosts)
}

func (s Setting) ask(evaluate func(host string) (*url.URL, error), hosts []string) (Setting, error) {
	var mu sync.Mutex
	known := map[string]bool{} // goes direct
	s.Server = nil
	for _, host := range hosts {
		u, err := evaluate(host)
		if err != nil {
			return s, err
		}
		known[host] = u == nil
		if s.Server == nil {
			s.Server = u
		}
	}
	s.direct = func(host string) bool {
		mu.Lock()
		defer mu.Unlock()
		direct, asked := known[host]
		if !asked {
			u, err := evaluate(host)
			direct = err == nil && u == nil
			known[host] = direct
		}
		return direct
	}
	return s, nil
}

// System returns the settings of this computer that say anything, in the order
// in which they count for a test that stands for Lync: the environment, since
// whoever sets it means this program, then Windows's own. getenv is
// os.LookupEnv or the like. The error names the places that could not be read;
// what could is returned all the same.
func System(getenv func(string) (string, bool)) ([]Setting, error) {
	var list []Setting
	s, err := fromEnvironment(getenv)
	if err == nil && s.Set() {
		list = append(list, s)
	}
	own, failed := fromWindows()
	if err == nil {
		err = failed
	}
	return append(list, own...), err
}

func fromEnvironment(getenv func(string) (string, bool)) (Setting, error) {
	get := func(names ...string) (name, value string) {
		for _, name := range names {
			for _, n := range []string{name, strings.ToLower(name)} {
				if v, ok := getenv(n); ok && v != "" {
					return n, v
				}
			}
		}
		return "", ""
	}
	s := Setting{Source: Environment}
	name, value := get("HTTPS_PROXY", "HTTP_PROXY")
	if value == "" {
		return s, nil
	}
	u, err := Parse(value)
	if err != nil {
		return s, fmt.Errorf("proxy: read environment variable %s: %w", name, err)
	}
	s.Server = u
	_, no := get("NO_PROXY")
	s.Bypass = strings.FieldsFunc(no, func(r rune) bool { return r == ',' || r == ' ' })
	through := (&httpproxy.Config{HTTPSProxy: "http://proxy.invalid", NoProxy: no}).ProxyFunc()
	s.direct = func(host string) bool {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		u, err := through(&url.URL{Scheme: "https", Host: host})
		return err == nil && u == nil
	}
	return s, nil
}

// Parse reads the address of an HTTP proxy: a URL, or host and port alone. The
// error does not hold the text, which may hold a password.
func Parse(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("it is not a URL such as http://proxy.contoso.com:8080")
	}
	if u.Scheme != "http" {
		return nil, fmt.Errorf("%s is no proxy this program speaks to, want http", u.Scheme)
	}
	// A password with one of these unescaped ends up here, its beginning as a port.
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("something follows host and port; in a password write / ? # as %2F %3F %23")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errors.New("its port is not a number from 1 to 65535")
		}
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}, nil
}
