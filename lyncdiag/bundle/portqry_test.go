package bundle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// queried is PortQry's output for a host and a verdict of each transport.
func queried(host, tcp, udp string) string {
	return "\r\nQuerying target system called:\r\n\r\n " + host + "\r\n\r\nAttempting to resolve name to IP address...\r\n\r\n\r\n" +
		"Name resolved to 127.0.1.1\r\n\r\nquerying...\r\n\r\nTCP port 443 (https service): " + tcp + "\r\n\r\nUDP port 443 (https service): " + udp + "\r\n"
}

func words(list []fact.PortQuery) []string {
	var all []string
	for _, q := range list {
		line := fmt.Sprintf("%s %s/%d %s", q.Host, q.Transport, q.Port, q.Status)
		if q.Name != "" {
			line += " " + q.Name
		}
		all = append(all, line)
	}
	return all
}

func TestParsePortQry(t *testing.T) {
	const unresolved = "Querying target system called:\n sip.contoso.example\nAttempting to resolve name to IP address...\nFailed to resolve name to IP address\n"
	utf16le := func(text string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	for name, test := range map[string]struct {
		file, text string
		want       []string
	}{
		"open":             {"", queried("Sipdir.online.lync.com.", "LISTENING", "LISTENING or FILTERED"), []string{"sipdir.online.lync.com tcp/443 listening", "sipdir.online.lync.com udp/443 listening-or-filtered"}},
		"closed":           {"", queried("a", "NOT LISTENING", "FILTERED"), []string{"a tcp/443 not-listening", "a udp/443 filtered"}},
		"filtered":         {"", queried("a", "FILTERED", "LISTENING"), []string{"a tcp/443 filtered", "a udp/443 listening"}},
		"utf-16":           {"", utf16le(queried("a", "NOT LISTENING", "FILTERED")), []string{"a tcp/443 not-listening", "a udp/443 filtered"}},
		"two of them":      {"", queried("a", "LISTENING", "FILTERED") + queried("b", "FILTERED", "FILTERED"), []string{"a tcp/443 listening", "a udp/443 filtered", "b tcp/443 filtered", "b udp/443 filtered"}},
		"settled later":    {"", "UDP port 389 (ldap service): LISTENING or FILTERED\nUDP port 389 is LISTENING\n", []string{" udp/389 listening"}},
		"by its file name": {"PortQry.exe -n sipdir.online.lync.com -p both -e 443.txt", "TCP port 443 (https service): FILTERED\n", []string{"sipdir.online.lync.com tcp/443 filtered"}},
		"in an archive":    {`r.zip!A\PortQry.exe -n sipdir.online.lync.com -p both -e 443.txt`, "TCP port 443 (https service): FILTERED\n", []string{"sipdir.online.lync.com tcp/443 filtered"}},
		"by its command":   {"", "C:\\>portqry -n a.example -p tcp -e 443\nTCP port 443 <https service>: FILTERED\n", []string{"a.example tcp/443 filtered"}},
		"does not resolve": {"PortQry.exe -n sip.contoso.example -p both -e 443.txt", unresolved, []string{"sip.contoso.example tcp/443 unresolved"}},
		"heading alone":    {"", "Querying target system called: a.example\nTCP port 443 (https service): LISTENING\n", []string{"a.example tcp/443 listening"}},
		"reverse only":     {"", "Querying target system called:\n127.0.0.1\nFailed to resolve IP address to name\nTCP port 22 (ssh service): NOT LISTENING\n", []string{"127.0.0.1 tcp/22 not-listening"}},
		"by an address":    {"", "Querying target system called:\n\n 10.0.0.7\n\nAttempting to resolve IP address to a name...\n\nIP address resolved to Pool1.contoso.example.\n\nquerying...\n\nTCP port 5061 (sip-tls service): FILTERED\n" + queried("a", "FILTERED", "FILTERED"), []string{"10.0.0.7 tcp/5061 filtered pool1.contoso.example", "a tcp/443 filtered", "a udp/443 filtered"}},
		"prose":            {"", "The port is LISTENING or so.\nreturns 0 if port is listening\n", nil},
		"a port too many":  {"", "TCP port 70000 (x service): LISTENING\nTCP port 0 (x service): LISTENING\n", nil},
	} {
		if got := words(ParsePortQry(test.file, strings.NewReader(test.text))); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestPortQryOfOthers reads what people put on the net.
func TestPortQryOfOthers(t *testing.T) {
	want := map[string][]string{
		"portqry_exit_codes_evidence.txt":            nil,
		"portqry_reverse_fail_udp21.txt":             {"192.168.10.221 udp/21 listening-or-filtered"},
		"portqry_tcp135_filtered_angle_brackets.txt": {"dc2 tcp/135 filtered"},
		"portqry_tcp1433_listening.txt":              {"johndoesvr9.database.windows.net tcp/1433 listening"},
		"portqry_tcp22_not_listening_mixed.txt":      {"127.0.0.1 tcp/22 not-listening xx.xx.xx.xx"},
		"portqry_udp389_ldap.txt":                    {" udp/389 listening"},
		"portqry_verdict_line_445_es_mt.txt":         nil, // a translation of the documentation, not of the program
	}
	dir := shared(t, "corpus/portqry")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		file, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got := words(ParsePortQry(e.Name(), file))
		file.Close()
		if expected, ok := want[e.Name()]; !ok || !slices.Equal(got, expected) {
			t.Errorf("%s: %q, want %q", e.Name(), got, expected)
		}
	}
}

// shared returns a path below the reference material that lies beside the
// repository, and skips the test where that is absent.
func shared(t testing.TB, path string) string {
	t.Helper()
	p := filepath.Join("..", "..", "..", "shared", filepath.FromSlash(path))
	if _, err := os.Stat(p); err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("reference material is required: %v", err)
		}
		t.Skipf("no reference material beside the repository: %v", err)
	}
	return p
}

// FuzzParsePortQry: a port is open only where a line says LISTENING and nothing
// else; every verdict has its line.
func FuzzParsePortQry(f *testing.F) {
	f.Add("PortQry.exe -n a -e 443.txt", queried("a.example", "NOT LISTENING", "LISTENING or FILTERED"))
	f.Add("", "UDP port 389 (ldap service): LISTENING or FILTERED\nUDP port 389 is FILTERED\n")
	f.Add(`x!y\portqry -n`, "Querying target system called:\n\nFailed to resolve name to IP address\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		lines := strings.Split(text, "\n")
		for _, q := range ParsePortQry(name, strings.NewReader(text)) {
			if q.Line < 1 || q.Line > len(lines) {
				t.Fatalf("line %d of %d: %+v", q.Line, len(lines), q)
			}
			line := strings.ToUpper(strings.ReplaceAll(strings.ToValidUTF8(lines[q.Line-1], ""), "\x00", ""))
			if q.Transport == "tcp" && q.Status == fact.Listening && (strings.Contains(line, "NOT LISTENING") && !strings.HasSuffix(strings.TrimSpace(line), ": LISTENING") || !strings.Contains(line, "LISTENING") || strings.HasSuffix(strings.TrimSpace(line), "FILTERED")) {
				t.Fatalf("%q is open", line)
			}
			if q.Transport != "tcp" && q.Transport != "udp" || q.Port == 0 && q.Status != fact.Unresolved {
				t.Fatalf("%+v", q)
			}
		}
	})
}
