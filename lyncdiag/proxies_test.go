package lyncdiag_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/dnscheck/dnstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// squidBench is a lab on the real ports of addresses that no other test uses,
// to be asked through Squid as Debian configures it: CONNECT to port 443 only,
// plain HTTP as such.
type squidBench struct {
	squid, hosts string
	setting      fact.Setting
	network      lyncdiag.Network
}

func newSquidBench(t *testing.T) *squidBench {
	t.Helper()
	b := &squidBench{squid: peer(t, "squid")}
	l, err := lab.Start(t.Context(), lab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b.setting, b.network = l.Setting(), *l.Network()
	inside := b.network.Dial
	b.network.Dial = loopbackOnly(func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ":53") {
			return inside(ctx, network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, address) // the proxy; everything else is behind it
	})
	var hosts strings.Builder
	client := &dnscheck.Client{Dial: inside, Servers: b.network.DNS}
	for _, name := range []string{"sipdir.online.lync.com", "webdir.online.lync.com", "login.microsoftonline.com", "sts.contoso.example", "lyncdiscover.contoso.example", "sip.contoso.example"} {
		found := client.LookupHost(t.Context(), name)
		if len(found.Addresses) == 0 {
			t.Fatalf("the lab does not know %s: %s", name, found.Status)
		}
		ip := found.Addresses[0].As4()
		ip[1] = 78
		outside := netip.AddrFrom4(ip).String()
		if !strings.Contains(hosts.String(), outside+" ") {
			for _, port := range []string{"80", "443"} {
				bridge(t, net.JoinHostPort(outside, port), net.JoinHostPort(found.Addresses[0].String(), port), inside)
			}
		}
		fmt.Fprintf(&hosts, "%s %s\n", outside, name)
	}
	b.hosts = filepath.Join(readableDir(t), "hosts")
	if err := os.WriteFile(b.hosts, []byte(hosts.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return b
}

// bridge has a socket lead to a service of the lab, if there is one.
func bridge(t *testing.T, outside, service string, dial func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	if c, err := dial(t.Context(), "tcp", service); err != nil {
		return
	} else {
		c.Close()
	}
	ln := listen(t, outside)
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer near.Close()
				far, err := dial(t.Context(), "tcp", service)
				if err != nil {
					return
				}
				defer far.Close()
				go func() {
					_, _ = io.Copy(far, near)
					far.Close()
				}()
				_, _ = io.Copy(near, far)
			}()
		}
	}()
}

// check runs the whole diagnosis through a Squid of its own.
func (b *squidBench) check(t *testing.T, config string, user *url.Userinfo, primary string) {
	t.Helper()
	dir, address := readableDir(t), freeAddress(t)
	config = fmt.Sprintf("http_port %s\nhosts_file %s\npid_filename none\naccess_log none\ncache_log /dev/null\ncache deny all\ncoredump_dir %s\nshutdown_lifetime 0 seconds\ndns_nameservers 127.0.0.1\nacl SSL_ports port 443\n%s",
		address, b.hosts, dir, config)
	file := filepath.Join(dir, "squid.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, b.squid, "-N", "-n", "t"+address[strings.LastIndex(address, ":")+1:], "-f", file) // a name of its own for its shared memory
	awaitPort(t, address)
	network := b.network
	network.Proxy, network.ProxyFrom = &url.URL{Scheme: "http", User: user, Host: address}, "test"
	report, err := (&lyncdiag.Diagnoser{Setting: b.setting, Network: &network}).Run(t.Context(), target(t, joe))
	if err != nil {
		t.Fatal(err)
	}
	outcome := lyncdiag.Problem
	if primary == "" {
		outcome = lyncdiag.Healthy
	}
	if report.Verdict.Outcome != outcome || report.Verdict.Primary != primary {
		t.Errorf("want %s with %q:\n%s", outcome, primary, describe(report))
	}
	if strings.Contains(describe(report), "h0rse") {
		t.Error("the password is in the report")
	}
}

// known lets those in who have said who they are.
const known = "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n"

func TestSquid(t *testing.T) {
	openssl := peer(t, "openssl")
	b := newSquidBench(t)
	hash, err := exec.Command(openssl, "passwd", "-1", "h0rse-battery").Output()
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(readableDir(t), "passwd")
	if err := os.WriteFile(users, []byte("joe:"+string(hash)), 0o644); err != nil {
		t.Fatal(err)
	}
	const open = "http_access deny CONNECT !SSL_ports\nhttp_access allow all\n"
	basic := "auth_param basic program /usr/lib/squid/basic_ncsa_auth " + users + "\n" + known
	for _, tt := range []struct {
		name, config string
		user         *url.Userinfo
		primary      string
	}{
		{"open", open, nil, ""},
		{"refuses a host", "acl sipdir dstdomain sipdir.online.lync.com\nhttp_access deny CONNECT sipdir\n" + open, nil, "proxy-refuses-connect"},
		{"asks for Basic", basic, nil, "proxy-authentication-required"},
		{"wrong password", basic, url.UserPassword("joe", "wrong"), "proxy-authentication-required"},
		{"Basic", basic, url.UserPassword("joe", "h0rse-battery"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) { b.check(t, tt.config, tt.user, tt.primary) })
	}
}

// TestSquidNTLM: Samba's ntlm_auth judges the answers, for a user of its own.
func TestSquidNTLM(t *testing.T) {
	winbindd, smbpasswd, helper := peer(t, "winbindd"), peer(t, "smbpasswd"), peer(t, "ntlm_auth")
	group, err := user.LookupGroup("winbindd_priv")
	if err != nil || os.Getuid() != 0 {
		without(t, "Samba's group winbindd_priv and root are needed: %v", err)
	}
	const pipe = "/run/samba/winbindd/pipe" // ntlm_auth looks nowhere else
	if c, err := net.Dial("unix", pipe); err == nil {
		c.Close()
		without(t, "a winbindd of this computer's own is running")
	}
	b := newSquidBench(t)
	dir := readableDir(t)
	folders := []string{"private", "lock", "state", "cache", "pid"}
	config := "[global]\nworkgroup = CONTOSO\nnetbios name = GATEWAY\nserver role = standalone server\npassdb backend = tdbsam\ninterfaces = 127.0.0.1\nbind interfaces only = yes\nlog file = /dev/null\n"
	for _, name := range append(folders, "state/winbindd_privileged") {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for key, folder := range map[string]string{"private dir": "private", "lock directory": "lock", "state directory": "state", "cache directory": "cache", "pid directory": "pid", "ncalrpc dir": "pid/ncalrpc"} {
		config += key + " = " + filepath.Join(dir, folder) + "\n"
	}
	id, _ := strconv.Atoi(group.Gid)
	privileged := filepath.Join(dir, "state/winbindd_privileged")
	if err := errors.Join(os.Chown(privileged, 0, id), os.Chmod(privileged, 0o750), os.MkdirAll(filepath.Dir(filepath.Dir(pipe)), 0o755)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "smb.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	add := exec.Command(smbpasswd, "-c", file, "-a", "-s", "nobody")
	add.Stdin = strings.NewReader("h0rse-battery\nh0rse-battery\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run(t, winbindd, "-s", file, "-F", "--no-process-group")
	for deadline := time.Now().Add(20 * time.Second); exec.Command(helper, "--configfile="+file, "--username=nobody", "--domain=GATEWAY", "--password=h0rse-battery").Run() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("winbindd does not know the user")
		}
	}
	ntlm := "cache_effective_group winbindd_priv\nauth_param ntlm program " + helper + " --configfile=" + file + " --helper-protocol=squid-2.5-ntlmssp\nauth_param ntlm children 4\nauth_param ntlm keep_alive on\n" + known
	negotiate := "cache_effective_group winbindd_priv\nauth_param negotiate program " + helper + " --configfile=" + file + " --helper-protocol=gss-spnego\nauth_param negotiate children 4\nauth_param negotiate keep_alive on\n" + known
	for _, tt := range []struct {
		name, config string
		user         *url.Userinfo
		primary      string
	}{
		{"asks for NTLM", ntlm, nil, "proxy-authentication-required"},
		{"wrong password", ntlm, url.UserPassword(`GATEWAY\nobody`, "wrong"), "proxy-authentication-required"},
		{"NTLM", ntlm, url.UserPassword(`GATEWAY\nobody`, "h0rse-battery"), ""},
		{"Negotiate", negotiate, url.UserPassword(`GATEWAY\nobody`, "h0rse-battery"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) { b.check(t, tt.config, tt.user, tt.primary) })
	}
}

// readableDir is a folder that a server which gives up root can read.
func readableDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func awaitPort(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing answers at %s: %v", address, err)
		}
	}
}

// TestTinyproxy: another proxy, with other words for the same.
func TestTinyproxy(t *testing.T) {
	tinyproxy := peer(t, "tinyproxy")
	service, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	open := netip.MustParseAddrPort(service.Addr().String())
	closed := netip.MustParseAddrPort(freeAddress(t))
	for _, tt := range []struct {
		name, config string
		user         *url.Userinfo
		to           netip.AddrPort
		status       fact.PortStatus
		atProxy      int // its answer, 0 for none
	}{
		{"open", "", nil, open, fact.Listening, 0},
		{"the host refuses", "", nil, closed, fact.Filtered, 500},
		{"port not allowed", "ConnectPort 443\n", nil, open, fact.Filtered, 403},
		{"asks for Basic", "BasicAuth joe h0rse\n", nil, open, fact.Filtered, 407},
		{"Basic", "BasicAuth joe h0rse\n", url.UserPassword("joe", "h0rse"), open, fact.Listening, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, address := readableDir(t), freeAddress(t)
			host, port, _ := net.SplitHostPort(address)
			file := filepath.Join(dir, "tinyproxy.conf")
			if err := os.WriteFile(file, fmt.Appendf(nil, "Listen %s\nPort %s\nTimeout 30\nMaxClients 20\nLogLevel Critical\n%s", host, port, tt.config), 0o644); err != nil {
				t.Fatal(err)
			}
			run(t, tinyproxy, "-d", "-c", file)
			awaitPort(t, address)
			var seen fact.Candidate
			d := &lyncdiag.Diagnoser{
				Network: &lyncdiag.Network{Dial: loopbackOnly(new(net.Dialer).DialContext), DNS: []dnscheck.Server{{Name: "none", Addr: netip.MustParseAddrPort("127.0.0.1:1")}},
					Proxy: &url.URL{Scheme: "http", User: tt.user, Host: address}},
				Plan: lyncdiag.Plan{{ID: "ports", Title: "Ports", Probe: func(ctx context.Context, env *lyncdiag.Env) (err error) {
					seen, err = env.Look(ctx, tt.to.Addr().String(), tt.to.Port(), lyncdiag.ToPort)
					return err
				}}},
			}
			if _, err := d.Run(t.Context(), target(t, joe)); err != nil {
				t.Fatal(err)
			}
			answer := 0
			if seen.Reach.AtProxy != nil {
				answer = seen.Reach.AtProxy.Status
			}
			if seen.Reach.Status != tt.status || answer != tt.atProxy {
				t.Errorf("got %+v, answer %d of the proxy", seen.Reach, answer)
			}
		})
	}
}

// TestNetworkNamespaces asks over paths that the kernel drops, rejects, and
// drops for IPv6 alone.
func TestNetworkNamespaces(t *testing.T) {
	ip := peer(t, "ip")
	const space = "lyncdiag-test"
	if out, err := exec.Command(ip, "netns", "add", space).CombinedOutput(); err != nil {
		without(t, "network namespaces take root and a kernel that has them: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command(ip, "netns", "del", space).Run() })
	inside := func(args ...string) error {
		out, err := exec.Command(ip, append([]string{"netns", "exec", space}, args...)...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
		}
		return err
	}
	for _, args := range [][]string{
		{ip, "link", "set", "lo", "up"},
		{ip, "addr", "add", "10.77.0.1/32", "dev", "lo"},
		{ip, "-6", "addr", "add", "fd77::1/128", "dev", "lo"},
		// Neighbours whose hardware address is nobody's: what is sent to them is lost.
		{ip, "link", "add", "nowhere", "type", "veth", "peer", "name", "wall"},
		{ip, "link", "set", "wall", "up"},
		{ip, "link", "set", "nowhere", "up"},
		{ip, "route", "add", "10.77.1.0/24", "dev", "nowhere"},
		{ip, "-6", "route", "add", "fd77:1::/64", "dev", "nowhere"},
		{ip, "neigh", "add", "10.77.1.9", "lladdr", "02:00:00:00:00:09", "dev", "nowhere", "nud", "permanent"},
		{ip, "-6", "neigh", "add", "fd77:1::9", "lladdr", "02:00:00:00:00:09", "dev", "nowhere", "nud", "permanent"},
		{ip, "route", "add", "unreachable", "10.77.2.0/24"},
		{ip, "route", "add", "prohibit", "10.77.3.0/24"},
		{ip, "-6", "route", "add", "unreachable", "fd77:2::/64"},
	} {
		if err := inside(args...); err != nil {
			without(t, "this kernel does not make the paths: %v", err)
		}
	}
	test, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(ip, "netns", "exec", space, test, "-test.run", "^TestInsideNamespace$", "-test.v").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInsideNamespace") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestInsideNamespace is the part of TestNetworkNamespaces that runs inside.
func TestInsideNamespace(t *testing.T) {
	if _, err := net.InterfaceByName("nowhere"); err != nil {
		return // TestNetworkNamespaces starts it where it has something to see
	}
	service, err := net.Listen("tcp", "[::]:443")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	look := func(host string) fact.Paths {
		t.Helper()
		var paths fact.Paths
		d := &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{{ID: "ports", Title: "Ports", Probe: func(ctx context.Context, env *lyncdiag.Env) (err error) {
			paths, err = env.Paths(ctx, host, 443)
			return err
		}}}, Network: &lyncdiag.Network{Exchange: 2 * time.Second, DNS: []dnscheck.Server{{Name: "none", Addr: netip.MustParseAddrPort("127.0.0.1:53")}}}}
		if _, err := d.Run(t.Context(), target(t, joe)); err != nil {
			t.Fatal(err)
		}
		return paths
	}
	for host, want := range map[string]struct {
		status  fact.PortStatus
		noRoute bool
	}{
		"10.77.0.1": {fact.Listening, false}, "fd77::1": {fact.Listening, false},
		"10.77.1.9": {fact.Filtered, false}, "fd77:1::9": {fact.Filtered, false}, // dropped
		"10.77.2.9": {fact.Filtered, false},                                  // the router's own word: EHOSTUNREACH
		"10.77.3.9": {fact.Filtered, false},                                  // EACCES
		"10.99.0.1": {fact.Filtered, true}, "fd99::1": {fact.Filtered, true}, // no route at all
	} {
		paths := look(host)
		if len(paths.Families) != 1 || paths.Families[0].Status != want.status || paths.Families[0].NoRoute != want.noRoute {
			t.Errorf("%s: %+v, want %+v", host, paths.Families, want)
		}
	}

	// A name with both families, of which IPv6 is dropped: the diagnosis says so.
	zone, err := dnstest.ParseZone("contoso.example", "@ NS ns1\nns1 A 127.0.0.1\nsipdir A 10.77.0.1\nsipdir AAAA fd77:1::9\n")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp4", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	resolver := &dnstest.Server{Zones: []*dnstest.Zone{zone}, Recursive: true}
	go func() { _ = resolver.ServePacket(packets) }()
	plan := append(lyncdiag.Plan{{ID: "tcp", Title: "Ports", Probe: func(ctx context.Context, env *lyncdiag.Env) error {
		_, err := env.Look(ctx, "sipdir.contoso.example", 443, lyncdiag.ToPort)
		return err
	}}}, lyncdiag.DefaultPlan().Only("paths")...)
	plan[1].After = []lyncdiag.StageID{"tcp"}
	report, err := (&lyncdiag.Diagnoser{Plan: plan, Network: &lyncdiag.Network{Exchange: 2 * time.Second, DNS: []dnscheck.Server{{Name: "here", Addr: netip.MustParseAddrPort("127.0.0.1:53")}}}}).Run(t.Context(), target(t, joe))
	if err != nil || !slices.Equal(rootNames(report), []string{"ipv6-path-dead"}) {
		t.Errorf("%v, %v:\n%s", rootNames(report), err, describe(report))
	}
}
