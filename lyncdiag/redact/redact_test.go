package redact_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

func TestText(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", ""},
		// One user, however written.
		{"joe@contoso.com sip:JOE@Contoso.com sip%3Ajoe%40contoso.com;x", "user-r1@domain-r1.example sip:user-r1@domain-r1.example sip%3Auser-r1%40domain-r1.example;x"},
		{`CONTOSO\joe then joe@contoso.com`, `DOMAIN-R1\user-r1 then user-r1@domain-r2.example`},
		{`joe@contoso.com then CONTOSO\joe and joe`, `user-r1@domain-r1.example then DOMAIN-R1\user-r1 and user-r1`},
		{`"C:\\Users\\joe\\AppData" C:\Documents and Settings\joe smith\x`, `"C:\\Users\\user-r1\\AppData" C:\Documents and Settings\user-r1 name-r1\x`},
		{"user%2Bx %C3%B6zil%40contoso.com", "user%2Bx user-r1%40domain-r1.example"},
		{"/" + "home/joe/x file:///" + "Users/joe/", "/" + "home/user-r1/x file:///" + "Users/user-r1/"},
		{"o'brien@contoso.com 'ann@contoso.com'", "user-r1@domain-r1.example 'user-r2@domain-r1.example'"},
		{"j\u00f6rg@b\u00fccher.example j%C3%B6rg%40b\u00fccher.example", "user-r1@domain-r1.example user-r1%40domain-r1.example"},
		{"user112@company1 PROXY.company1 \"company1\"", "user-r1@domain-r1 host-r1.domain-r1 \"domain-r1\""},
		// Hosts below one domain.
		{"pool01.contoso.com lyncdiscover.contoso.com _sip._tls.contoso.com. *.eu.contoso.com", "host-r1.domain-r1.example lyncdiscover.domain-r1.example _sip._tls.domain-r1.example. *.host-r2.domain-r1.example"},
		{"a.contoso.co.uk b.fabrikam.co.uk", "host-r1.domain-r1.example host-r2.domain-r2.example"},
		{"contoso.onmicrosoft.com contoso-com.mail.protection.outlook.com", "domain-r1.onmicrosoft.com domain-r2.mail.protection.outlook.com"},
		{"sipdir.online.lync.com:443 login.microsoftonline.com http://www.w3.org/2000/x", "sipdir.online.lync.com:443 login.microsoftonline.com http://www.w3.org/2000/x"},
		{`targetname="LYNCFE01", Peer: lyncfe01:5061`, `targetname="host-r1", Peer: host-r1:5061`},
		{`\\FILES01\share`, `\\host-r1\share`},
		{"DC=corp,DC=contoso,DC=com", "DC=host-r1,DC=domain-r1,DC=example"},
		{"CN=Communications Server", "CN=Communications Server"},
		{"CN=DigiCert Global Root G2,O=DigiCert Inc,C=US", "CN=DigiCert Global Root G2,O=DigiCert Inc,C=US"},
		{"CN=Contoso Issuing CA", "CN=name-r1 Issuing CA"},
		// Addresses keep their kind; versions are none.
		{"10.1.2.3 192.168.1.9 198.51.100.7 127.0.0.1 fe80::1 2001:4860::8888 ::1", "10.213.0.1 192.168.213.1 198.18.0.1 127.0.0.1 fe80::b00:1 2001:db8::1 ::1"},
		{"[2a02:1::5]:443 fe80::c:d%12", "[2001:db8::1]:443 fe80::b00:1%12"},
		{"RTCC/4.0.0.0 version 5.0.0.1 UCCAPI/15.0.4481.1000 2.5.29.17.1", "RTCC/4.0.0.0 version 5.0.0.1 UCCAPI/15.0.4481.1000 2.5.29.17.1"},
		{"12:17:15 05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: Fire_On::State", "12:17:15 05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: Fire_On::State"},
		// Numbers of people, tickets, identifiers.
		{"tel:+14258901234 sip:+14258901234@contoso.com;user=phone +49 (89) 1234-567", "tel:+9990000001 sip:+9990000001@domain-r1.example;user=phone +9990000002"},
		{`gssapi-data="TlRMTVNTUAADAAAA", crand="1"`, `gssapi-data="cmVkYWN0ZWQ=", crand="1"`},
		{"Authorization: Bearer am9lQGNvbnRvc28uY29t", "Authorization: Bearer redacted-"},
		{"password=hunter2; x", "password=[redacted]; x"},
		{"https://joe:hunter2@fs.contoso.com/", "https://[redacted]@fs.domain-r1.example/"},
		{"S-1-5-21-1004336348-1177238915-682003330-512 S-1-5-18", "S-1-5-21-0-0-0-1 S-1-5-18"},
		{"{90150000-0011-0000-0000-0000000FF1CE}", "{90150000-0011-0000-0000-0000000FF1CE}"},
		{`ms-diagnostics: 4005;reason="Destination URI either not enabled for SIP or does not exist";source="pool.contoso.com"`, `ms-diagnostics: 4005;reason="Destination URI either not enabled for SIP or does not exist";source="host-r1.domain-r1.example"`},
		// Names of people, and users who are called like a word.
		{`From: "Calvin Zink"<sip:calz@contoso.com>;tag=1 Zink`, `From: "name-r1 name-r2"<sip:user-r1@domain-r1.example>;tag=1 name-r2`},
		{"From: Calvin Zink <sip:calz@contoso.com>", "From: name-r1 name-r2 <sip:user-r1@domain-r1.example>"},
		{"service@contoso.com: the service failed", "user-r1@domain-r1.example: the service failed"},
		{"<s:Domain>fabrikam</s:Domain> <DisplayName>Ann Lee</DisplayName>", "<s:Domain>host-r1</s:Domain> <DisplayName>name-r1 name-r2</DisplayName>"},
		{`[HKEY_CURRENT_USER\Software\Microsoft\Office\15.0\Lync\joe@contoso.com]`, `[HKEY_CURRENT_USER\Software\Microsoft\Office\15.0\Lync\user-r1@domain-r1.example]`},
		{"nslookup contoso.com.txt", "nslookup domain-r1.example.txt"},
		{"Data Received -10.1.2.3:443 ip-10.1.2.3 _10.1.2.3", "Data Received -10.213.0.1:443 ip-10.213.0.1 _10.213.0.1"},
		{"(425) 555-0199 00-1A-2B-3C-4D-5E ff-ff-ff-ff-ff-ff", "9990000001 02-0B-F0-XX ff-ff-ff-ff-ff-ff"},
		{"CN=ADFS Signing - fs.contoso.com", "CN=ADFS Signing - fs.domain-r1.example"},
		{`algorithm@contoso.com <x:algorithm algorithm="http://www.w3.org/">via</x:algorithm>`, `user-r1@domain-r1.example <x:algorithm algorithm="http://www.w3.org/">via</x:algorithm>`},
		{`zork@contoso.com <zork zork="1">zork</zork> zork=2`, `user-r1@domain-r1.example <zork zork="1">user-r1</zork> zork=2`},
		{"Cookie: a=b; c=d", "Cookie: [redacted]"},
		{"http://schemas.microsoft.com/OCS/AuthWebServices/ urn:uuid:x", "http://schemas.microsoft.com/OCS/AuthWebServices/ urn:uuid:x"},
	}
	for _, c := range cases {
		r := redact.New()
		got := r.Text(c.in)
		if i := strings.Index(c.want, "redacted-"); i >= 0 && len(got) > i+9 {
			got = got[:i+9]
		}
		if i := strings.Index(c.want, "02-0B-F0-XX"); i >= 0 && len(got) > i+17 {
			got = got[:i+9] + "XX" + got[i+17:]
		}
		if got != c.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
		if again := r.Text(r.Text(c.in)); again != r.Text(c.in) {
			t.Errorf("twice: %q becomes %q", r.Text(c.in), again)
		}
	}
}

// leaks are the originals that are left, in text, UTF-16, percent escapes and
// base64.
func leaks(out []byte, originals ...string) []string {
	low := bytes.ToLower(out)
	var found []string
	for _, o := range originals {
		o = strings.ToLower(o)
		var wide []byte
		for _, u := range utf16.Encode([]rune(o)) {
			wide = append(wide, byte(u), byte(u>>8))
		}
		for _, form := range []string{o, string(wide), strings.ReplaceAll(o, "@", "%40"), base64.StdEncoding.EncodeToString([]byte(o))} {
			if bytes.Contains(low, []byte(form)) {
				found = append(found, o)
				break
			}
		}
	}
	return found
}

func TestEncodingsStay(t *testing.T) {
	text := "Peer: lyncfe01.contoso.com:443\r\njoe@contoso.com \U0001F600\r\nlast \xe4 joe"
	for name, encode := range map[string]func(string) []byte{
		"utf-8":  func(s string) []byte { return []byte(s) },
		"marked": func(s string) []byte { return []byte("\xef\xbb\xbf" + s) },
		"utf-16le": func(s string) []byte {
			b := []byte{0xff, 0xfe}
			for _, u := range utf16.Encode([]rune(s)) {
				b = append(b, byte(u), byte(u>>8))
			}
			return b
		},
		"utf-16be unmarked": func(s string) []byte {
			var b []byte
			for _, u := range utf16.Encode([]rune(s)) {
				b = append(b, byte(u>>8), byte(u))
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := encode("Peer: host-r1.domain-r1.example:443\r\nuser-r1@domain-r1.example \U0001F600\r\nlast \xe4 user-r1")
			var out bytes.Buffer
			if err := redact.New().Copy(&out, bytes.NewReader(encode(text))); err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%v\n got %q\nwant %q", err, out.Bytes(), want)
			}
		})
	}
}

// TestFileIsLearntFirst: a name is replaced where it stands alone before
// anything says that it is one.
func TestFileIsLearntFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("zink signs in\n<sip:zink@contoso.com>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := redact.New().CopyFile(&out, path); err != nil || out.String() != "user-r1 signs in\n<sip:user-r1@domain-r1.example>\n" {
		t.Errorf("%v %q", err, out.String())
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]error{
		"\x1f\x8b\x08\x00": redact.ErrCompressed, "PK\x03\x04xx": redact.ErrCompressed,
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x00\x00": redact.ErrBinary,
	} {
		if err := redact.New().Copy(&bytes.Buffer{}, strings.NewReader(in)); err != want {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

func TestMap(t *testing.T) {
	text := `joe@contoso.com 10.1.2.3 +14258901234 S-1-5-21-1-2-3-4 34d859db-6585-5f91-a3b4-de853c15347d CORP\ann "b` + "\u00fc" + `b@contoso.com"`
	r := redact.New()
	first := r.Text(text)
	var m bytes.Buffer
	if err := r.WriteMap(&m); err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Bytes() {
		if c >= 0x7f {
			t.Fatalf("the map is not in ASCII: %s", m.Bytes())
		}
	}
	again, err := redact.ReadMap(bytes.NewReader(m.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Text(text); got != first {
		t.Errorf("got %q, want %q", got, first)
	}
	if got := again.Text(first); got != first {
		t.Errorf("redacting twice: %q becomes %q", first, got)
	}
	if got := again.Text("eve@contoso.com 10.1.2.4"); got != "user-r4@domain-r1.example 10.213.0.2" {
		t.Errorf("goes on with %q", got)
	}
	for _, bad := range []string{"", "{}", `{"schema":"lyncdiag.redaction-map/v1","key":"00","entries":[]}`} {
		if _, err := redact.ReadMap(strings.NewReader(bad)); err == nil {
			t.Errorf("ReadMap(%q) gives no error", bad)
		}
	}
}

// TestTable: the columns of CSV are read by their names.
func TestTable(t *testing.T) {
	in := "#TYPE User\r\n\"UserPrincipalName\",\"DisplayName\",\"City\",\"Blocked\"\r\n" +
		"\"zora@contoso.com\",\"Zora, Quill\",\"Ulm\",\"True\"\r\n\"kw@contoso.com\",,\"\",\"False\""
	want := "#TYPE User\r\n\"UserPrincipalName\",\"DisplayName\",\"City\",\"Blocked\"\r\n" +
		"\"user-r1@domain-r1.example\",\"user-r1, name-r1\",\"name-r2\",\"True\"\r\n\"user-r2@domain-r1.example\",,\"\",\"False\""
	var out bytes.Buffer
	if err := redact.New().Copy(&out, strings.NewReader(in)); err != nil || out.String() != want {
		t.Errorf("%v\n got %s\nwant %s", err, out.String(), want)
	}
}

// TestExport: JSON is read by its keys, and stays JSON in ASCII.
func TestExport(t *testing.T) {
	in := `[{"UserPrincipalName": "j\u00f6e@contoso.com", "DisplayName":"Max Muster","ProxyAddresses":["SIP:j\u00f6e@contoso.com"],
 "ObjectId":"34d859db-6585-5f91-a3b4-de853c15347d","IsLicensed":true,"path":"C:\\Users\\muster\\x"}]`
	var out bytes.Buffer
	if err := redact.New().Copy(&out, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if found := leaks(out.Bytes(), "j\u00f6e", `j\u00f6e`, "contoso", "muster", "34d859db"); len(found) > 0 {
		t.Errorf("left are %q in %s", found, out.Bytes())
	}
	var nested bytes.Buffer
	if err := redact.New().Copy(&nested, strings.NewReader(`[{"x":[{"b":true},[null]],"to":"j\u00f6e@contoso.com"}]`)); err != nil ||
		nested.String() != `[{"x":[{"b":true},[null]],"to":"user-r1@domain-r1.example"}]` {
		t.Errorf("%v %s", err, nested.Bytes())
	}
	if !strings.Contains(out.String(), `"SIP:user-r1@domain-r1.example"`) || !strings.Contains(out.String(), `"IsLicensed":true`) {
		t.Errorf("%s", out.Bytes())
	}
}

func TestRegistryExport(t *testing.T) {
	var wide []string
	for _, u := range utf16.Encode([]rune(`C:\Users\joe\x` + "\x00")) {
		const hex = "0123456789abcdef"
		for _, b := range []byte{byte(u), byte(u >> 8)} {
			wide = append(wide, string([]byte{hex[b>>4], hex[b&15]}))
		}
	}
	in := "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Office\\15.0\\Lync]\r\n" +
		`"ServerSipUri"="sip:joe@contoso.com"` + "\r\n" + `"Trace"=hex(2):` + strings.Join(wide[:20], ",") + ",\\\r\n  " + strings.Join(wide[20:], ",") + "\r\n" +
		`"TracingLevel"="Full"` + "\r\n" + `"Flags"=dword:00000001` + "\r\n"
	var out bytes.Buffer
	if err := redact.New().Copy(&out, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if found := leaks(out.Bytes(), "joe", "contoso", strings.Join(wide[18:20], ",")+",\\"); len(found) > 0 || strings.Contains(out.String(), "6a,00,6f,00,65,00") {
		t.Errorf("left are %q in %s", found, out.Bytes())
	}
	for _, want := range []string{`"TracingLevel"="Full"`, `"Flags"=dword:00000001`, `"ServerSipUri"="sip:user-r1@domain-r1.example"`, "75,00,73,00,65,00,72,"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.Bytes())
		}
	}
}

// TestRegistryPasswords: a password stays none as bytes, whatever its type and length.
func TestRegistryPasswords(t *testing.T) {
	wide := "5b,00,72,00,65,00,64,00,61,00,63,00,74,00,65,00,64,00,5d,00,00,00"
	for in, want := range map[string]string{
		`"Password"=hex(1):47,00,65,00,68,00,00,00`:                                `"Password"=hex(1):` + wide,
		`"Password"=hex(2):70,00,77,00,00,00`:                                      `"Password"=hex(2):` + wide,
		`"DefaultPassword"=hex(7):47,00,65,00,68,00,\` + "\r\n  65,00,00,00,00,00": `"DefaultPassword"=hex(7):` + wide + ",00,00",
		`"Password"=hex:47,65,68`:                                                  `"Password"=hex:5b,72,65,64,61,63,74,65,64,5d`,
		`"AccessToken"=hex(3):47,65,68,80,ff,01,02,03,04,05`:                       `"AccessToken"=hex(3):5b,72,65,64,61,63,74,65,64,5d`,
		`"SavePassword"=hex:01,00,00,00`:                                           `"SavePassword"=hex:01,00,00,00`,
		`"Password"=hex(1):00,00`:                                                  `"Password"=hex(1):00,00`,
		`"SavePassword"=hex(1):31,00,00,00`:                                        `"SavePassword"=hex(1):31,00,00,00`,
		`"Trace"=hex:47,65,68`:                                                     `"Trace"=hex:47,65,68`,
		`password=hexenwerk:1`:                                                     `password=[redacted]`,
	} {
		r := redact.New()
		got := r.Text(in + "\r\n")
		if got != want+"\r\n" {
			t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
		}
		if again := r.Text(got); again != got {
			t.Errorf("twice: %q becomes %q", got, again)
		}
	}
}

// TestRegistryProxies: a proxy that is an address stays one, and of a domain nothing
// is left where its label stands alone behind it.
func TestRegistryProxies(t *testing.T) {
	list := "joe:pw@[fe80::7]:8080;proxy.contoso.corp:8080;contoso;srv-contoso;*.contoso.corp;*.local;<local>"
	in := fmt.Sprintf("\"DefaultConnectionSettings\"=hex:46,00,00,00,%02x,00,00,00,% x\r\n", len(list), list)
	var out bytes.Buffer
	if err := redact.New().Copy(&out, strings.NewReader(strings.ReplaceAll(in, " ", ","))); err != nil {
		t.Fatal(err)
	}
	_, digits, _ := strings.Cut(out.String(), "hex:")
	value, err := hex.DecodeString(strings.NewReplacer(",", "", "\\", "", "\r", "", "\n", "", " ", "").Replace(digits))
	if err != nil {
		t.Fatal(err)
	}
	if want := "[redacted]@[fe80::b00:1]:8080;host-r1.domain-r1.example:8080;domain-r1;srv-domain-r1;*.domain-r1.example;*.local;<local>"; len(value) < 8 || string(value[8:]) != want {
		t.Errorf("%q, want %q", value, want)
	}
}

// TestCertificates: what stands for a certificate is one, of the same validity
// and strength, and its thumbprint stands for the thumbprint.
func TestCertificates(t *testing.T) {
	for _, key := range []func() crypto.Signer{
		func() crypto.Signer { k, _ := rsa.GenerateKey(rand.Reader, 1024); return k },
		func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader); return k },
		func() crypto.Signer { _, k, _ := ed25519.GenerateKey(rand.Reader); return k },
	} {
		signer := key()
		template := &x509.Certificate{
			SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "fs.contoso.com", Organization: []string{"Contoso Ltd"}},
			NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(2e9, 0), DNSNames: []string{"fs.contoso.com", "*.contoso.com"},
			IPAddresses: []net.IP{net.IPv4(10, 1, 2, 3)}, EmailAddresses: []string{"joe@contoso.com"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		was, _ := x509.ParseCertificate(der)
		r := redact.New()
		text := r.Text("<X509Certificate>" + base64.StdEncoding.EncodeToString(der) + "</X509Certificate>")
		made, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(text, "<X509Certificate>"), "</X509Certificate>"))
		if err != nil {
			t.Fatal(err)
		}
		is, err := x509.ParseCertificate(made)
		if err != nil {
			t.Fatal(err)
		}
		if found := leaks(made, "contoso", "joe"); len(found) > 0 {
			t.Errorf("left are %q", found)
		}
		if !is.NotAfter.Equal(was.NotAfter) || !is.NotBefore.Equal(was.NotBefore) || is.SignatureAlgorithm != was.SignatureAlgorithm ||
			len(is.RawSubjectPublicKeyInfo) != len(was.RawSubjectPublicKeyInfo) || len(is.ExtKeyUsage) != 1 || is.KeyUsage != was.KeyUsage {
			t.Errorf("got %+v", is)
		}
		if err := is.VerifyHostname(r.Text("fs.contoso.com")); err != nil {
			t.Error(err)
		}
		was1, is1 := sha1.Sum(der), sha1.Sum(made)
		if got := r.Text(hex.EncodeToString(was1[:])); got != hex.EncodeToString(is1[:]) {
			t.Errorf("the thumbprint becomes %s, want %x", got, is1)
		}
		if again := r.Text(text); again != text {
			t.Error("redacting twice makes another certificate")
		}
		block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		read, _ := pem.Decode([]byte(r.Text(block)))
		if read == nil || !bytes.Equal(read.Bytes, made) {
			t.Errorf("as PEM: %s", r.Text(block))
		}
		other := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		if got := r.Text(other); got != "-----BEGIN PRIVATE KEY-----\nredacted\n-----END PRIVATE KEY-----\n" {
			t.Errorf("a key: %s", got)
		}
	}
}
