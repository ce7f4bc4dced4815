package redact_test

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/redact"
)

// forms are the ways in which a user of a domain is written.
var forms = []string{
	"<sip:U@D>", "sip:U@D;gruu;opaque=x", "U%40D", "sip%3AU%40D", `"U"<sip:U@D>`, "<tel:+14258901234>\r\nFrom: U <sip:U@D>",
	"D\\U <sip:U@D>", `C:\Users\U\x U@D`, "https://sts.D/adfs?u=U%40D", "\"user\": \"U\", \"address\": \"U@D\"", "DC=corp,DC=D,DC=com U@D",
	`targetname="fe01.D", x U@D`, "Peer: fe01.D:5061\r\nU@D", "[HKEY_USERS\\U@D]", "'U@D,U@D'", "<name>U</name><mail>U@D</mail>", "U@D U fe01.D D",
}

// FuzzCopy: whatever stands around it, nothing is left of a user and a domain
// that are written in any of the forms, and redacting again changes nothing.
func FuzzCopy(f *testing.F) {
	for i := range forms {
		f.Add([]byte("05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: text\r\n"), []byte("\r\nmore 10.1.2.3"), uint8(i), []byte("abc"), []byte("de"))
	}
	for i := range forms {
		f.Add([]byte("words before\n"), []byte("and after"), uint8(i), []byte("abc"), []byte("de"))
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"), []byte("\n-----END CERTIFICATE-----"), uint8(3), []byte{}, []byte{1})
	f.Add([]byte("\"x\"=hex:"), []byte("\\"), uint8(3), []byte{}, []byte{1})
	f.Add([]byte("{\"a\":\""), []byte("\"}"), uint8(3), []byte{}, []byte{1})
	f.Add([]byte("a handle q@ and an address q@[10.1.2.3]\n"), []byte("more@contoso.example"), uint8(0), []byte("abc"), []byte("de"))
	f.Add([]byte(".Te 1l:2345 PIN 1234 "), []byte(".Te 1l:2345 PIN 1234"), uint8(5), []byte("eae"), []byte("ug"))
	f.Add([]byte("fs1x and fs1x.qzcorp\n"), []byte("QZCORP\\joe "), uint8(0), []byte("abc"), []byte("de"))
	f.Add([]byte("Tel.: 12345 4IN 1234 "), []byte("Tel.: 12345 4IN 1234"), uint8(0), []byte("gxe"), []byte("ta"))
	f.Add([]byte("\u00ab\u00a0Serveur\u00a0\u00bb \u00a0: x"), []byte("\u202f>"), uint8(0), []byte("abc"), []byte("de"))
	f.Add([]byte("a,bc4 89 4567 089/123456 89 "), []byte("a"), uint8(0), []byte("abc"), []byte("de"))
	f.Add([]byte("+49 (0)89 1234567 404 "), []byte("+49 (0589 1234567 404"), uint8(0), []byte("raf"), []byte("rafgowbef"))
	for i, odd := range []string{
		"+10.1.2.3 +198.51.100.7:5061", "+49 (0)89 1234567 404", "0049 89 1234567 089/1234567 (425) 555-0199", "a%2540b%252Ec %2E%2e%25", "=?utf-8?Q?J=C3=B6rg?= =?utf-8?B?eA==?= <sip:",
		"Kennwort: x, password is y2z password='", "Tel.: 12345 PIN 1234", "app:conf:focus:id:8RJMDKBF https://meet.x.example/a/b", "a9 4a 8f e5 cc b1 9b a6 1c 4c 08 73", "/o=Org/ou=Unit/cn=Recipients/cn=x",
		"3.2.1.10.in-addr.arpa", "DESKTOP-1A2B3C4 X-PC", "a=candidate:a 1 b UDP 0.8 10.1.2.3 5 inline:abc|2^31", "response=\"0123456789abcdef\" 34d859db65855f91a3b4de853c15347d", "密码：", "IMCEAEX-_O=A_CN=b@",
		"http://a:b,c@d http%3A%2F%2Fa%3Ab%40c", "proxy=http=a:b@c;https=d", "<o:Password a='b'\n>c\n</o:Password>", "<token><![CDATA[a\n]]></token> &lt;pin&gt;", "\"name\":\"password\",\n\"value\":\"a\"", "\"Password\"=hex(1):61,\\\n00",
	} {
		f.Add([]byte(odd), []byte(odd), uint8(i), []byte("abc"), []byte("de"))
	}
	f.Fuzz(func(t *testing.T, before, after []byte, form uint8, u, d []byte) {
		letters := func(first string, b []byte) string {
			name := []byte(first)
			for _, c := range b[:min(len(b), 20)] {
				name = append(name, 'a'+c%26)
			}
			return string(name)
		}
		user, host := letters("qzu", u), letters("qzd", d)+"."+"example"
		if len(before) > 0 && before[len(before)-1] != '\n' && before[len(before)-1] != ' ' {
			before = append(before, ' ') // else it is part of the name
		}
		if len(after) > 0 {
			after = append([]byte{' '}, after...)
		}
		written := strings.NewReplacer("U", user, "D", host).Replace(forms[int(form)%len(forms)])
		if strings.Contains(forms[int(form)%len(forms)], "DC=D") {
			written = strings.ReplaceAll(written, "DC="+host+",DC=com", "DC="+strings.ReplaceAll(host, ".", ",DC="))
		}
		text := string(before) + written + string(after)
		r := redact.New()
		var out, again bytes.Buffer
		// A name below a domain that only a later line tells is learnt when it is read
		// again, and what it tells in turn after that.
		for range 3 {
			if err := r.LearnFrom(strings.NewReader(text)); err != nil {
				return // compressed, or no text
			}
		}
		if err := r.Copy(&out, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		var same bytes.Buffer
		if err := r.Copy(&same, strings.NewReader(text)); err != nil || !bytes.Equal(same.Bytes(), out.Bytes()) {
			t.Fatalf("%q becomes %q, then %q: %v", text, out.String(), same.String(), err)
		}
		// Signs and digits around a name may make another thing of it: an escape, a number,
		// a part of a longer word. Among words nothing changes when it is done again, and
		// nothing is left.
		if strings.ContainsFunc(string(before)+string(after), func(c rune) bool {
			return c != ' ' && c != '\n' && (c|0x20 < 'a' || c|0x20 > 'z')
		}) {
			return
		}
		if err := r.Copy(&again, bytes.NewReader(out.Bytes())); err != nil {
			return // what is left begins like something else
		}
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Fatalf("again %q becomes %q; it was %q", out.String(), again.String(), text)
		}
		low := strings.ToLower(out.String())
		for _, original := range []string{user, strings.TrimSuffix(host, ".example")} {
			for rest := low; ; {
				i := strings.Index(rest, original)
				if i < 0 {
					break
				}
				if end := i + len(original); (i == 0 || !inWord(rest[i-1])) && (end == len(rest) || !inWord(rest[end])) {
					t.Fatalf("%q is left in %q of %q", original, out.String(), text)
				}
				rest = rest[i+1:]
			}
		}
	})
}

func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c >= 0x80 || c == 0
}

// FuzzStored: a certificate of a store becomes one that can be read, with a key if
// there was one, and redacting again changes nothing; what else is binary is refused.
func FuzzStored(f *testing.F) {
	ca, err := certtest.New(certtest.Options{})
	if err != nil {
		f.Fatal(err)
	}
	property := func(id uint32, data []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, id)
		b = binary.LittleEndian.AppendUint32(b, 1)
		return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
	}
	der := ca.Certificate.Raw
	f.Add(property(32, der))
	f.Add(slices.Concat(property(2, []byte("q\x00z\x00u\x00")), property(3, make([]byte, 20)), property(32, der), []byte("rest")))
	f.Add(property(2, []byte("no certificate")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 || !bytes.Equal(b[2:8], []byte{0, 0, 1, 0, 0, 0}) {
			return
		}
		r := redact.New()
		var out, again bytes.Buffer
		if err := r.Copy(&out, bytes.NewReader(b)); err != nil {
			if out.Len() > 0 {
				t.Fatalf("%v, and %d bytes are written", err, out.Len())
			}
			return
		}
		if len(b) >= 12 {
			if err := r.Copy(&again, bytes.NewReader(out.Bytes())); err != nil || !bytes.Equal(again.Bytes(), out.Bytes()) {
				t.Fatalf("again %x becomes %x: %v", out.Bytes(), again.Bytes(), err)
			}
			i := bytes.Index(out.Bytes(), property(32, nil)[:8])
			if _, err := x509.ParseCertificate(out.Bytes()[i+12:]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// ownLabel is the label of a domain where it is no part of another word: what a name
// is made of cannot be told in that.
var ownLabel = regexp.MustCompile(`(^|[^\w-])qzdom([^\w-]|$)`)

// FuzzRegistryValue: a value of the registry stays one, and nothing is left in it of a
// proxy that stands behind its length.
func FuzzRegistryValue(f *testing.F) {
	f.Add([]byte{0x46, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0}, "qzproxy.qzdom.example:8080", []byte{0, 0, 0, 0})
	f.Add([]byte{}, "qzproxy.qzdom.example", []byte("0123456789"))
	f.Add([]byte{0x46, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0}, "qzproxy.qzdom.exampleA:8080", []byte{0, 0, 0, 0})
	f.Add([]byte{0x46, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0}, "qzproxy.qzdom.exampleA=b;*.corp;<local>;10.0.*", []byte{0, 0, 0, 0})
	f.Add([]byte{0x46, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0}, "qzproxy.qzdom.exampleA=b;*.corp;qzdom;1qzdom;/a.qzdom;10.0.*", []byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, before []byte, proxy string, after []byte) {
		if !strings.HasPrefix(proxy, "qzproxy.qzdom.example") || bytes.Contains(after, []byte("qzdom")) || len(before)%4 != 0 || len(before)+len(proxy)+len(after) > 4096 {
			return
		}
		value := binary.LittleEndian.AppendUint32(slices.Clone(before), uint32(len(proxy)))
		value = slices.Concat(value, []byte(proxy), after)
		text := "\"x\"=hex:"
		for i, c := range value {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf("%02x", c)
		}
		var out bytes.Buffer
		if err := redact.New().Copy(&out, strings.NewReader(text+"\r\n")); err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(strings.TrimSpace(out.String()), "\"x\"=hex:")
		left, err := hex.DecodeString(strings.NewReplacer(",", "", "\\", "", "\r", "", "\n", "", " ", "").Replace(rest))
		if !ok || err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		if ownLabel.Match(left) {
			t.Fatalf("%q is left of %q", left, value)
		}
	})
}
