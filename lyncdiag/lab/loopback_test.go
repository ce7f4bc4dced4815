package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func caFile(t *testing.T, l *Lab) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, l.Addresses().CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pool(t *testing.T, l *Lab) *x509.CertPool {
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(l.Addresses().CA) {
		t.Fatal("no certificates in the CA text")
	}
	return p
}

func throughProxy(t *testing.T, l *Lab) *http.Client {
	proxy, err := url.Parse(l.Addresses().Proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool(t, l)}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestLoopbackDNS(t *testing.T) {
	l := start(t, Config{Loopback: true})
	for _, network := range []string{"udp", "tcp"} {
		client := &dns.Client{Net: network}
		answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(sipSRV+".", dns.TypeSRV), l.Addresses().DNS)
		if err != nil || len(answer.Answer) != 1 || !strings.HasSuffix(answer.Answer[0].String(), sipdir+".") {
			t.Errorf("%s: %v, %v", network, answer, err)
		}
	}
}

func TestLoopbackSocketsAreLocal(t *testing.T) {
	l := start(t, Config{Loopback: true})
	a := l.Addresses()
	for _, address := range []string{a.DNS, strings.TrimPrefix(a.Proxy, "http://")} {
		if host, _, err := net.SplitHostPort(address); err != nil || host != "127.0.0.1" {
			t.Errorf("listens at %q", address)
		}
	}
}

func TestProxy(t *testing.T) {
	l := start(t, Config{Loopback: true, Faults: []string{"tcp-443-not-listening"}})
	client := throughProxy(t, l)
	for _, test := range []struct {
		client *http.Client
		url    string
		want   int
	}{
		{client, "https://" + sts + "/adfs/services/trust/mex", 200},       // CONNECT by name
		{client, "http://" + discover + "/?sipuri=sip:joe@" + domain, 200}, // absolute URL
		{client, "http://" + login + "/nothing", 404},                      // by way of https
		{http.DefaultClient, l.Addresses().Proxy + "/", 400},               // no proxy request
	} {
		resp, err := test.client.Get(test.url)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", test.url, resp.StatusCode, test.want)
		}
	}
	if status := connectStatus(t, l, "127.0.1.1:443"); status != "HTTP/1.1 502 Bad Gateway" {
		t.Errorf("a refused connection: %q", status)
	}
	if status := connectStatus(t, l, "nowhere.invalid:443"); status != "HTTP/1.1 502 Bad Gateway" {
		t.Errorf("a name that does not exist: %q", status)
	}
	if status := connectStatus(t, l, "127.0.3.1:443"); status != "HTTP/1.1 200 Connection established" {
		t.Errorf("a service: %q", status)
	}
}

func dialProxy(t *testing.T, l *Lab) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(l.Addresses().Proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// connectStatus is the first line of the proxy's answer to CONNECT.
func connectStatus(t *testing.T, l *Lab, target string) string {
	t.Helper()
	c := dialProxy(t, l)
	io.WriteString(c, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
	return line
}

func TestProxyKeepsSilence(t *testing.T) {
	l := start(t, Config{Loopback: true, Faults: []string{"tcp-443-filtered"}})
	c := dialProxy(t, l)
	io.WriteString(c, "CONNECT 127.0.1.1:443 HTTP/1.1\r\nHost: 127.0.1.1:443\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := c.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v; want nothing", n, err)
	}
}

func TestProxyPassesResets(t *testing.T) {
	l := start(t, Config{Loopback: true, Faults: []string{"tls-handshake-failed"}})
	client := throughProxy(t, l)
	if _, err := client.Get("https://" + sipdir + "/"); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestFlags(t *testing.T) {
	l := start(t, Config{Loopback: true, Faults: []string{"dns-lyncdiscover-missing"}})
	a := l.Addresses()
	want := []string{"--dns", a.DNS, "--ca", "ca.pem", "--proxy", a.Proxy, "--client", "mobile", "--location", "outside"}
	if got := l.Flags("ca.pem"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoopbackEnds(t *testing.T) {
	l := start(t, Config{Loopback: true})
	a := l.Addresses()
	idle := dialProxy(t, l)
	tunnel := dialProxy(t, l)
	io.WriteString(tunnel, "CONNECT 127.0.3.1:443 HTTP/1.1\r\nHost: 127.0.3.1:443\r\n\r\n")
	tunnel.Read(make([]byte, 512))
	l.Close()
	for _, address := range []string{a.DNS, strings.TrimPrefix(a.Proxy, "http://")} {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Errorf("%s still listens", address)
		}
	}
	for _, c := range []net.Conn{idle, tunnel} {
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection outlived the lab: %v", err)
		}
	}
}

func run(t *testing.T, stdin string, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	command.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out.String())
	}
	return out.String()
}

func TestOpenSSL(t *testing.T) {
	l := start(t, Config{Loopback: true})
	proxy := strings.TrimPrefix(l.Addresses().Proxy, "http://")
	// TLS 1.0 and 1.1 need a security level that modern builds do not have by default.
	for flag, version := range map[string]string{"-tls1": "Protocol  : TLSv1\n", "-tls1_1": "Protocol  : TLSv1.1\n", "-tls1_2": "Protocol  : TLSv1.2\n", "-tls1_3": "New, TLSv1.3,"} {
		out := run(t, "", "openssl", "s_client", "-proxy", proxy, "-connect", sts+":443", "-servername", sts, "-verify_hostname", sts, "-verify_return_error",
			"-CAfile", caFile(t, l), "-status", "-cipher", "DEFAULT@SECLEVEL=0", flag)
		for _, want := range []string{"Verify return code: 0 (ok)", "OCSP Response Status: successful", version} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", flag, want, out)
			}
		}
	}
	out := run(t, "", "openssl", "s_client", "-proxy", proxy, "-connect", sts+":443", "-noservername", "-CAfile", caFile(t, l))
	if !strings.Contains(out, "CN = "+sts) && !strings.Contains(out, "CN="+sts) {
		t.Errorf("without SNI:\n%s", out)
	}
}

func TestCurl(t *testing.T) {
	l := start(t, Config{Loopback: true})
	mex := run(t, "", "curl", "-sS", "--proxy", l.Addresses().Proxy, "--cacert", caFile(t, l), "https://"+sts+"/adfs/services/trust/mex")
	if !strings.Contains(mex, "<wsdl:definitions") || !strings.Contains(mex, "https://"+sts+"/adfs/services/trust/13/usernamemixed") {
		t.Errorf("MEX: %.300s", mex)
	}
	redirect := run(t, "", "curl", "-sS", "--proxy", l.Addresses().Proxy, "http://"+discover+"/?sipuri=joe@"+domain)
	if !strings.Contains(redirect, webdir) {
		t.Errorf("Autodiscover: %s", redirect)
	}
}

func TestRealPorts(t *testing.T) {
	probe, err := net.Listen("tcp4", "127.0.3.1:443")
	if err != nil {
		t.Skipf("ports of 127.0.0.0/8 below 1024 cannot be bound here: %v", err)
	}
	probe.Close()
	if l, err := Start(t.Context(), Config{RealPorts: true, Faults: []string{"tcp-443-filtered"}}); err == nil {
		l.Close()
		t.Error("a silent host was put on real ports")
	}
	l := start(t, Config{RealPorts: true, Faults: []string{"tls-handshake-failed"}})
	a := l.Addresses()
	for _, want := range []string{"127.0.1.3:5061", "127.0.2.1:80", "127.0.3.1:443"} {
		if !slices.Contains(a.Ports, want) {
			t.Errorf("%s is not among %v", want, a.Ports)
		}
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool(t, l)},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, port, _ := net.SplitHostPort(address); host == sts {
				address = "127.0.3.1:" + port
			} else {
				address = "127.0.1.1:" + port
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	resp, err := client.Get("https://" + sts + "/adfs/services/trust/mex")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("MEX: %d", resp.StatusCode)
	}
	if _, err := client.Get("https://" + sipdir + "/"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
	hanging, err := net.Dial("tcp", "127.0.1.1:443") // says nothing; the lab must end all the same
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	l.Close()
	if c, err := net.Dial("tcp", "127.0.3.1:443"); err == nil {
		c.Close()
		t.Error("still listens")
	}
}
