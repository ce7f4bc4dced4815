package sip_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// clientLog is a client's log of one REGISTER that is answered with 404.
func clientLog(user, at string) string {
	head := "From: \"Joe\" <sip:" + user + ">;tag=1\r\nCall-ID: " + user + "\r\nCSeq: 1 REGISTER\r\n"
	stamp := "05/31/2013|" + at + ".000 1234:5678 INFO  :: "
	return stamp + "Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
		stamp + "REGISTER sip:contoso.com SIP/2.0\r\n" + head + "Content-Length: 0\r\n\r\n" +
		stamp + "End of Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes\r\n" +
		stamp + "Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
		stamp + "SIP/2.0 404 Not Found\r\n" + head + `ms-diagnostics: 4005;reason="Destination URI";source="sip.contoso.com"` + "\r\nContent-Length: 0\r\n\r\n" +
		stamp + "End of Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes\r\n"
}

// wide is UTF-16 without a byte order mark.
func wide(order binary.ByteOrder, text string) string {
	b, err := binary.Append(nil, order, utf16.Encode([]rune(text)))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// attemptsIn are "user outcome ids" of each attempt, and what the log was.
func attemptsIn(t *testing.T, text string) (list []string, s sip.Summary) {
	t.Helper()
	log := sip.NewLog(strings.NewReader(text))
	for a, err := range sip.Attempts(log.Records()) {
		if err != nil {
			return append(list, err.Error()), log.Summary()
		}
		said := strings.TrimPrefix(a.From, "sip:") + " " + a.Outcome
		for _, d := range a.Diagnostics {
			said += fmt.Sprintf(" %d %s %s", d.ID, d.Reason, d.Source)
		}
		list = append(list, said)
	}
	return list, log.Summary()
}

// A log whose encoding changes is read in each, however large the parts are, and
// wherever they meet.
func TestEncodingChanges(t *testing.T) {
	const diag = " failed 4005 Destination URI sip.contoso.com"
	le, be := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	filler := strings.Repeat("05/31/2013|13:00:00.000 1234:5678 INFO  :: trace of something else\r\n", 8000) // half a megabyte
	for _, size := range []string{"small", "large"} {
		fill := ""
		if size == "large" {
			fill = filler
		}
		a, b, c := clientLog("a@contoso.com", "14:00:00"), clientLog("\u0142@contoso.com", "14:01:00"), clientLog("c@contoso.com", "14:02:00")
		for name, test := range map[string]struct{ text, encoding string }{
			"utf-8 to utf-16le":         {fill + a + wide(le, b+c), "utf-8, utf-16le"},
			"utf-8 to utf-16be":         {fill + a + wide(be, b+c), "utf-8, utf-16be"},
			"there and back":            {fill + a + wide(le, b+fill) + c, "utf-8, utf-16le"},
			"with a mark":               {fill + a + "\xff\xfe" + wide(le, b) + "\xef\xbb\xbf" + c, "utf-8, utf-16le"},
			"with the other mark":       {fill + a + "\xfe\xff" + wide(be, b) + c, "utf-8, utf-16be"},
			"utf-16le to utf-8 to same": {"\xff\xfe" + wide(le, fill+a) + b + wide(le, c), "utf-16le, utf-8"},
			"utf-16be to utf-8":         {wide(be, fill+a) + b + c, "utf-16be, utf-8"},
			"three":                     {wide(be, a+fill) + wide(le, b) + c, "utf-16be, utf-16le, utf-8"},
			"within a line":             {wide(le, a+fill+"05/31/2013|14:00:30.000 1234:5678 INFO  :: the power fai") + b + c, "utf-16le, utf-8"},
			"one alone":                 {"\xff\xfe" + wide(le, a+fill+b+c), "utf-16le"},
		} {
			got, s := attemptsIn(t, test.text)
			if want := []string{"a@contoso.com" + diag, "\u0142@contoso.com" + diag, "c@contoso.com" + diag}; !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q", name, size, got)
			}
			if s.Encoding != test.encoding || s.NULs != 0 {
				t.Errorf("%s, %s: encoding %q, %d zero bytes", name, size, s.Encoding, s.NULs)
			}
		}
	}
}

// What a crash left at the start of a file is left out and counted.
func TestZerosAtTheStart(t *testing.T) {
	a := clientLog("a@contoso.com", "14:00:00")
	for _, zeros := range []int{1, 3, 100, 3000, 4096, 70_000} {
		for _, text := range []string{a, wide(binary.LittleEndian, a), wide(binary.BigEndian, a)} {
			got, s := attemptsIn(t, strings.Repeat("\x00", zeros)+text)
			if len(got) != 1 || !strings.HasPrefix(got[0], "a@contoso.com failed 4005") || zeros > 3 && s.NULs < int64(zeros)-1 {
				t.Errorf("%d zeros, then %.20q: %q, %d left out", zeros, text, got, s.NULs)
			}
		}
	}
	for _, text := range []string{strings.Repeat("\x00", 100_000), strings.Repeat("\x00", 100_000) + strings.Repeat("\x01\x02\x03\x04\x05\x06\x07\x08", 100)} {
		if got, _ := attemptsIn(t, text); len(got) != 1 || !strings.Contains(got[0], "not text") {
			t.Errorf("%.20q: %q", text, got)
		}
	}
}

// marked is what mail, tables and web pages make of a text.
var marked = map[string]func(string) string{
	"mail":           func(s string) string { return each(s, func(l string) string { return "> " + l }) },
	"mail, no blank": func(s string) string { return each(s, func(l string) string { return ">" + l }) },
	"mail of mail": func(s string) string {
		return "On Monday, Ann wrote:\r\n" + each(s, func(l string) string { return "> > " + l }) + "\r\nThanks!\r\n"
	},
	"a cell a line": func(s string) string { return each(s, inCell) },
	"cells as needed": func(s string) string {
		return each(s, func(l string) string {
			if strings.ContainsAny(l, `",;`) {
				return inCell(l)
			}
			return l
		})
	},
	"a web page's":      html.EscapeString,
	"numbered quotes":   func(s string) string { return strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&#34;").Replace(s) },
	"a web page's mail": func(s string) string { return html.EscapeString(each(s, func(l string) string { return "> " + l })) },
}

// each changes every line.
func each(text string, change func(string) string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\r\n") {
		if line != "" {
			b.WriteString(change(strings.TrimSuffix(line, "\r\n")) + "\r\n")
		}
	}
	return b.String()
}

func inCell(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Messages are read out of mail, tables and web pages, alone and as a log.
func TestPastesWithMarks(t *testing.T) {
	log := clientLog("a@contoso.com", "14:00:00")
	bare := "REGISTER sip:contoso.com SIP/2.0\r\nFrom: \"Joe\" <sip:a@contoso.com>;tag=1\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n\r\n" +
		"SIP/2.0 404 Not Found\r\nFrom: \"Joe\" <sip:a@contoso.com>;tag=1\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n" +
		`ms-diagnostics: 4005;reason="Destination URI";source="sip.contoso.com"` + "\r\nContent-Length: 0\r\n\r\n"
	for name, change := range marked {
		for kind, text := range map[string]string{"log": log, "bare": bare} {
			got, s := attemptsIn(t, change(text))
			if want := []string{"a@contoso.com failed 4005 Destination URI sip.contoso.com"}; !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q (%+v)", name, kind, got, s)
			}
		}
	}
	// A table with a message in each row.
	first, second, _ := strings.Cut(bare, "SIP/2.0 404")
	table := "id,when,text\r\n1,2013-05-31," + inCell(strings.TrimSpace(first)) + "\r\n2,2013-05-31," + inCell(strings.TrimSpace("SIP/2.0 404"+second)) + ",done\r\n"
	for _, text := range []string{table, strings.NewReplacer(`,"`, `;"`, `",`, `";`).Replace(table)} {
		if got, _ := attemptsIn(t, text); len(got) != 1 || got[0] != "a@contoso.com failed 4005 Destination URI sip.contoso.com" {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// What looks like such marks in a log that has none stays as it is.
func TestMarksThatAreText(t *testing.T) {
	body := "<fault>&lt;sip:b@contoso.com&gt; &quot;quoted&quot;</fault>\r\n> indented > text\r\n\"\"\r\n"
	message := fmt.Sprintf("MESSAGE sip:a@contoso.com SIP/2.0\r\nFrom: <sip:b@contoso.com>;tag=1;opaque=\"\"\r\nCall-ID: a\r\nCSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for r, err := range sip.ParseLog(strings.NewReader(message)) {
		if err != nil || string(r.Message.Body) != body || !strings.HasSuffix(r.Message.Get("From"), `opaque=""`) {
			t.Errorf("%v: %+v", err, r.Message)
		}
	}
}

// A line alone is a message, whatever stands around it.
func TestDiagnosticsAlone(t *testing.T) {
	const line = `ms-diagnostics: 4005;reason="Destination URI";source="sip.contoso.com"`
	for _, text := range []string{line, "  " + line + "\n", "> " + line + "\n", html.EscapeString(line), `"` + strings.ReplaceAll(line, `"`, `""`) + `"` + "\r\n"} {
		var ids []int
		for r, err := range sip.ParseLog(bytes.NewReader([]byte(text))) {
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range sip.Diagnostics(r.Message) {
				ids = append(ids, d.ID)
				if d.Reason != "Destination URI" || d.Source != "sip.contoso.com" {
					t.Errorf("%q: %+v", text, d)
				}
			}
		}
		if !slices.Equal(ids, []int{4005}) {
			t.Errorf("%q: %v", text, ids)
		}
	}
}

// FuzzEncodingChanges: UTF-8 and UTF-16 of the same lines, in any order, are the same text.
func FuzzEncodingChanges(f *testing.F) {
	f.Add(uint16(0b01_10_00), "a@contoso.com")
	f.Add(uint16(0xffff), "\u0142\u4e2d\U0001F600")
	f.Fuzz(func(t *testing.T, encodings uint16, user string) {
		if user = strings.Map(func(r rune) rune {
			if r < '0' || r == 0x7f || r == 0xfffd || r == 0xfeff || strings.ContainsRune(`<>;:"\?@[]^_{|}`+"`", r) {
				return -1
			}
			return r
		}, user); user == "" || len(user) > 200 {
			return
		}
		var text, changed strings.Builder
		for i := range 8 {
			part := clientLog(fmt.Sprintf("%s%d@contoso.com", user, i), fmt.Sprintf("14:0%d:00", i))
			text.WriteString(part)
			switch encodings >> (2 * i) & 3 {
			case 0, 1:
				changed.WriteString(part)
			case 2:
				changed.WriteString(wide(binary.LittleEndian, part))
			case 3:
				changed.WriteString(wide(binary.BigEndian, part))
			}
		}
		want, _ := attemptsIn(t, text.String())
		if got, _ := attemptsIn(t, changed.String()); !slices.Equal(got, want) {
			t.Fatalf("%016b:\n got %q\nwant %q", encodings, got, want)
		}
	})
}

// FuzzMarks: a log reads the same with marks around its lines and without.
func FuzzMarks(f *testing.F) {
	f.Add("a", "Destination URI")
	f.Add("&lt;", "a \"quoted\", text; > that &quot;has&quot; \"\" marks")
	f.Fuzz(func(t *testing.T, user, reason string) {
		printable := func(s, without string) string {
			return strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' || strings.ContainsRune(without, r) {
					return -1
				}
				return r
			}, s)
		}
		user, reason = printable(user, `<>;:"\?@[]^_{|}& ,`+"`"), printable(reason, `"\&`)
		if user == "" || len(user)+len(reason) > 200 {
			return
		}
		text := strings.ReplaceAll(clientLog(user+"@contoso.com", "14:00:00"), "Destination URI", reason)
		want, _ := attemptsIn(t, text)
		for name, change := range marked {
			if got, _ := attemptsIn(t, change(text)); !slices.Equal(got, want) {
				t.Fatalf("%s:\n got %q\nwant %q", name, got, want)
			}
		}
	})
}
