package redact_test

import (
	"bytes"
	"strings"
	"testing"

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
		if err := r.LearnFrom(strings.NewReader(text)); err != nil {
			return // compressed, or no text
		}
		if err := r.Copy(&out, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		var same bytes.Buffer
		if err := r.Copy(&same, strings.NewReader(text)); err != nil || !bytes.Equal(same.Bytes(), out.Bytes()) {
			t.Fatalf("%q becomes %q, then %q: %v", text, out.String(), same.String(), err)
		}
		// Signs around a name may make another thing of it: an escape, a number, a
		// part of a longer word. Among words nothing may be left, and nothing changes
		// when it is done again.
		if strings.ContainsFunc(string(before)+string(after), func(c rune) bool {
			return c != ' ' && c != '\n' && (c|0x20 < 'a' || c|0x20 > 'z')
		}) {
			return
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
		if err := r.Copy(&again, bytes.NewReader(out.Bytes())); err != nil {
			return // what is left begins like something else
		}
		if !bytes.Equal(again.Bytes(), out.Bytes()) {
			t.Fatalf("again %q becomes %q; it was %q", out.String(), again.String(), text)
		}
	})
}

func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c >= 0x80 || c == 0
}
