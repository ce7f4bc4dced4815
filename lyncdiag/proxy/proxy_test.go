package proxy

import (
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestEnvironment(t *testing.T) {
	s, err := fromEnvironment(environment("https_proxy", "http://joe:h0rse@proxy.contoso.com:3128", "HTTP_PROXY", "other:80", "NO_PROXY", "contoso.com,10.0.0.0/8"))
	if err != nil || s.Server.Host != "proxy.contoso.com:3128" || s.Server.User.Username() != "joe" || len(s.Bypass) != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	for host, want := range map[string]bool{"sts.contoso.com": true, "contoso.com": true, "10.1.2.3": true, "sipdir.online.lync.com": false, "127.0.0.1": true, "::1": true, "192.0.2.1": false} {
		if got := s.Direct(host); got != want {
			t.Errorf("%s: direct %t", host, got)
		}
	}
	if s, err := fromEnvironment(environment("HTTP_PROXY", "proxy:8080")); err != nil || s.Server.String() != "http://proxy:8080" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := fromEnvironment(environment()); err != nil || s.Set() {
		t.Errorf("nothing is set: %+v, %v", s, err)
	}
	for _, bad := range []string{"http://joe:h0rse@proxy:99999", "http://joe:h0rse@proxy:0", "socks5://joe:h0rse@proxy:1080", "http://joe:h0rse@", "http://joe:h0rse@a b"} {
		if _, err := fromEnvironment(environment("HTTPS_PROXY", bad)); err == nil || strings.Contains(err.Error(), "h0rse") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// value writes the layout that "netsh winhttp set proxy" leaves in the registry.
func value(flags uint32, texts ...string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x28)
	b = binary.LittleEndian.AppendUint32(b, 3)
	b = binary.LittleEndian.AppendUint32(b, flags)
	for _, s := range texts {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestConnection(t *testing.T) {
	read := func(b []byte) (Setting, error) {
		server, bypass, pac, flags, err := parseConnection(b)
		if err != nil {
			return Setting{}, err
		}
		return newConnection(WinHTTP, server, bypass, pac, flags)
	}
	s, err := read(value(3, "proxy.contoso.com:8080", "*.contoso.com;<local>;192.168.*"))
	if err != nil || s.Server.Host != "proxy.contoso.com:8080" || s.PAC != "" || s.AutoDetect {
		t.Fatalf("%+v, %v", s, err)
	}
	for host, want := range map[string]bool{"sts.contoso.com": true, "contoso.com": false, "intranet": true, "192.168.1.1": true, "sipdir.online.lync.com": false, "localhost": true} {
		if got := s.Direct(host); got != want {
			t.Errorf("%s: direct %t", host, got)
		}
	}
	if s, err := read(value(3, "http=a:80;https=b:8443", "")); err != nil || s.Server.Host != "b:8443" {
		t.Errorf("a list by scheme: %+v, %v", s, err)
	}
	if s, err := read(value(1, "", "")); err != nil || s.Set() {
		t.Errorf("direct access: %+v, %v", s, err)
	}
	if s, err := read(value(13, "", "", "http://wpad.contoso.com/proxy.pac", "rest")); err != nil || s.PAC != "http://wpad.contoso.com/proxy.pac" || !s.AutoDetect {
		t.Errorf("a PAC file: %+v, %v", s, err)
	}
	if s, err := read(value(1, "proxy:8080", "")); err != nil || s.Server != nil {
		t.Errorf("a proxy that is switched off: %+v, %v", s, err)
	}
	whole := value(3, "proxy:8080", "x")
	for n := range len(whole) {
		if _, err := read(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken", n, len(whole))
		}
	}
}

// A value of the registry gives texts that stand in it, or an error.
func FuzzConnection(f *testing.F) {
	f.Add(value(3, "proxy.contoso.com:8080", "*.contoso.com;<local>"))
	f.Add(value(13, "http=a:80;https=b:8443", "[", "file://c:/proxy.pac"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		server, bypass, pac, flags, err := parseConnection(b)
		if err != nil {
			return
		}
		if len(server)+len(bypass)+len(pac) > 3*len(b) { // an invalid byte becomes three
			t.Fatalf("%d bytes give %q, %q and %q", len(b), server, bypass, pac)
		}
		if s, err := newConnection(WinINET, server, bypass, pac, flags); err == nil {
			s.Direct("sipdir.online.lync.com")
			if s.Server != nil && s.Server.Hostname() == "" {
				t.Fatalf("a proxy without a host: %q", server)
			}
		}
	})
}

func TestAsk(t *testing.T) {
	asked := map[string]int{}
	script := func(host string) (*url.URL, error) {
		asked[host]++
		switch host {
		case "sipdir.online.lync.com", "login.microsoftonline.com":
			return &url.URL{Host: "proxy.contoso.com:8080"}, nil
		case "broken.contoso.com":
			return nil, errors.New("the script fails")
		}
		return nil, nil
	}
	s, err := Setting{PAC: "http://wpad/proxy.pac", Server: &url.URL{Host: "old:1"}}.ask(script, []string{"webdir.online.lync.com", "sipdir.online.lync.com"})
	if err != nil || s.Server.Host != "proxy.contoso.com:8080" {
		t.Fatalf("%+v, %v", s, err)
	}
	for host, want := range map[string]bool{"webdir.online.lync.com": true, "sipdir.online.lync.com": false, "login.microsoftonline.com": false, "sts.contoso.com": true, "broken.contoso.com": false} {
		for range 2 {
			if s.Direct(host) != want {
				t.Errorf("%s: direct %t", host, !want)
			}
		}
		if asked[host] != 1 {
			t.Errorf("%s was asked for %d times", host, asked[host])
		}
	}
	if s, err := (Setting{AutoDetect: true}).ask(script, []string{"sts.contoso.com"}); err != nil || s.Server != nil {
		t.Errorf("everything direct: %+v, %v", s, err)
	}
	if _, err := (Setting{AutoDetect: true}).ask(script, []string{"broken.contoso.com"}); err == nil {
		t.Error("a script that fails is taken for direct")
	}
}
