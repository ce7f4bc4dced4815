package sip_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func readAll(t *testing.T, b []byte) ([]sip.Record, sip.Summary) {
	t.Helper()
	log := sip.NewLog(bytes.NewReader(b))
	log.File = "f"
	var out []sip.Record
	for r, err := range log.Records() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out, log.Summary()
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestClientLog(t *testing.T) {
	records, s := readAll(t, testdata(t, "signin-ntlm.uccapilog"))
	if len(records) != 9 || s.Messages != 9 || s.Format != "uccapilog" || s.Encoding != "utf-8" || s.Zoned || s.Truncated {
		t.Fatalf("%d records, %+v", len(records), s)
	}
	if !s.FirstAt.Equal(time.Date(2013, 5, 31, 9, 12, 30, 0, time.UTC)) || !s.LastAt.Equal(time.Date(2013, 5, 31, 11, 12, 0, 300e6, time.UTC)) {
		t.Errorf("covers %v to %v", s.FirstAt, s.LastAt)
	}
	// The fixture's clock runs two hours ahead of the server's Date: its zone.
	if want := -2*time.Hour - 200*time.Millisecond; !s.HasServerAhead || s.ServerAhead != want {
		t.Errorf("server ahead by %v, want %v", s.ServerAhead, want)
	}
	r := records[0]
	if r.File != "f" || r.Line != 3 || r.Direction != "out" || r.Remote != "192.0.2.10:443" || r.Local != "198.51.100.7:50123" || r.Thread != "1A2C:1B30" || r.Message.Method != "REGISTER" || r.Zoned {
		t.Errorf("first record %+v", r)
	}
	if records[1].Direction != "in" || records[1].Message.Status != 401 {
		t.Errorf("second record %+v", records[1])
	}
	// The blank line inside the body does not end the message.
	if got := string(records[5].Message.Body); got != "two\r\n\r\nparagraphs" {
		t.Errorf("body %q", got)
	}
}

// The same log in every encoding a user may save it in gives the same messages.
func TestEncodings(t *testing.T) {
	plain := testdata(t, "signin-4005.uccapilog")
	want, _ := readAll(t, plain)
	wide := func(order binary.AppendByteOrder, bom bool) []byte {
		var out []byte
		if bom {
			out = order.AppendUint16(out, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(string(plain))) {
			out = order.AppendUint16(out, u)
		}
		return out
	}
	zip := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for _, c := range []struct {
		name, encoding string
		text           []byte
		compressed     bool
	}{
		{"utf-8 with mark", "utf-8", append([]byte("\xef\xbb\xbf"), plain...), false},
		{"utf-16le with mark", "utf-16le", wide(binary.LittleEndian, true), false},
		{"utf-16be with mark", "utf-16be", wide(binary.BigEndian, true), false},
		{"utf-16le", "utf-16le", wide(binary.LittleEndian, false), false},
		{"utf-16be", "utf-16be", wide(binary.BigEndian, false), false},
		{"gzip", "utf-8", zip(plain), true},
		{"gzip of utf-16", "utf-16le", zip(wide(binary.LittleEndian, true)), true},
		{"line feeds", "utf-8", bytes.ReplaceAll(plain, []byte("\r\n"), []byte("\n")), false},
		{"carriage returns", "utf-8", bytes.ReplaceAll(plain, []byte("\r\n"), []byte("\r")), false},
		{"zeros after the text", "utf-8", append(bytes.Clone(plain), make([]byte, 10000)...), false},
		{"windows-1252", "windows-1252", bytes.Replace(plain, []byte("User-Agent: UCCAPI/15"), []byte("User-Agent: J\xf6rg UCCAPI/15"), 1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, s := readAll(t, c.text)
			if s.Encoding != c.encoding || s.Compressed != c.compressed || s.Format != "uccapilog" {
				t.Errorf("summary %+v", s)
			}
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d", len(got), len(want))
			}
			for i := range got {
				w := want[i].Message
				if c.name == "windows-1252" && i == 0 {
					if ua := got[i].Message.Get("User-Agent"); !strings.HasPrefix(ua, "J\u00f6rg ") {
						t.Errorf("User-Agent %q", ua)
					}
					continue
				}
				if !reflect.DeepEqual(got[i].Message, w) || got[i].Line != want[i].Line || !got[i].At.Equal(want[i].At) {
					t.Errorf("record %d: %+v, want %+v", i, got[i], want[i])
				}
			}
		})
	}
}

func TestNotText(t *testing.T) {
	// A page of a JPEG: quantization tables and Huffman tables hold few zeros and many small numbers.
	jpeg := []byte("\xff\xd8\xff\xdb\x01\x43\x01")
	for i := range 1000 {
		jpeg = append(jpeg, byte(1+i%63))
	}
	noise := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 4096)
	for i := range random {
		random[i] = byte(noise.Uint32())
	}
	random[0] = 'x'
	lateZeros := bytes.ReplaceAll(random, []byte{0}, []byte{1})
	withoutZeros := bytes.Clone(lateZeros)
	lateZeros[100] = 0
	etl := make([]byte, 4096)
	binary.LittleEndian.PutUint32(etl, 64<<10)
	for _, c := range []struct {
		format string
		input  []byte
	}{
		{"binary", make([]byte, 1<<20)},
		{"binary", jpeg},
		{"binary", random},
		{"binary", lateZeros},
		{"binary", withoutZeros},
		{"etl", etl},
		{"zip", []byte("PK\x03\x04rest")},
		{"evtx", []byte("ElfFile\x00rest")},
		{"pcap", []byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00")},
		{"utf-32", []byte("\xff\xfe\x00\x000\x00\x00\x00")},
	} {
		n := 0
		for r, err := range sip.ParseLog(bytes.NewReader(c.input)) {
			n++
			var fe *sip.FormatError
			if !errors.As(err, &fe) || fe.Format != c.format || fe.Advice == "" {
				t.Errorf("%s: record %+v, error %v", c.format, r, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d items, want the error alone", c.format, n)
		}
	}
}

// TestStrayControlCharacters: OEM text draws lines with bytes over 0x7f, and a console leaves a bell or an escape here and there.
func TestStrayControlCharacters(t *testing.T) {
	const message = "REGISTER sip:contoso.com SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
	for _, before := range []string{
		"\x07\x08\x08\x01 note\r\n", "\x1b[31mred\x1b[0m\x1b[K\x1b[1m\x1b[4m\x1b[7m\r\n", strings.Repeat("\xc4\xcd\xba", 200) + "\r\n", strings.Repeat("page\f\t\r\n", 50),
	} {
		if records, sum := readAll(t, []byte(before+message)); len(records) != 1 || sum.Encoding != "utf-8" {
			t.Errorf("%.30q: %d records, %+v", before, len(records), sum)
		}
	}
}

func TestEmptyAndOrdinaryText(t *testing.T) {
	for _, s := range []string{"", "\r\n\r\n", "Dear support,\nthe note said: see RFC 3261 for SIP/2.0\nFrom: Joe\nTo: you\n"} {
		records, sum := readAll(t, []byte(s))
		if len(records) != 0 || sum.Format != "unknown" || sum.Truncated || !sum.FirstAt.IsZero() {
			t.Errorf("%q: %d records, %+v", s, len(records), sum)
		}
	}
}

// repeat is an endless reader of one byte, cut by io.LimitReader.
type repeat byte

func (c repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

func TestMemoryIsBounded(t *testing.T) {
	const size = 100 << 20
	header := "SIP/2.0 200 OK\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nX: "
	for _, c := range []struct {
		name     string
		in       io.Reader
		messages int
	}{
		{"one line", io.LimitReader(repeat('x'), size), 0},
		{"one header", io.MultiReader(strings.NewReader(header), io.LimitReader(repeat('x'), size/8)), 1},
		{"zeros in a text", io.MultiReader(strings.NewReader(header+strings.Repeat("text ", 2000)+"\r\n"), io.LimitReader(repeat(0), size/8)), 1},
		{"blank lines", io.LimitReader(repeat('\n'), size/16), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			log := sip.NewLog(c.in)
			n := 0
			for r, err := range log.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if n++; len(r.Message.Append(nil)) > 1<<20+100 {
					t.Error("message over the limit")
				}
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
				t.Errorf("allocated %d bytes", used)
			}
			if n != c.messages {
				t.Errorf("%d messages, want %d", n, c.messages)
			}
			if s := log.Summary(); c.name == "one header" && (s.Oversized != 1 || s.Lines != 4) || c.name == "zeros in a text" && s.NULs != size/8 {
				t.Errorf("summary %+v", s)
			}
		})
	}
}

// A log cut anywhere gives the messages before the cut and says that it is cut.
func TestCutLog(t *testing.T) {
	whole := testdata(t, "signin-4005.uccapilog")
	all, _ := readAll(t, whole)
	for n := 200; n < len(whole); n += 7 {
		records, s := readAll(t, whole[:n])
		for i, r := range records {
			if i < len(records)-1 && !reflect.DeepEqual(r, all[i]) {
				t.Fatalf("cut at %d: record %d differs: %+v", n, i, r)
			}
			if i < len(records)-1 && r.Truncated {
				t.Fatalf("cut at %d: record %d is whole", n, i)
			}
		}
		if whole[n-1] != '\n' && !s.Truncated {
			t.Fatalf("cut at %d, inside a line: not truncated", n)
		}
		if n := len(records); n > 0 && records[n-1].Truncated && !s.Truncated {
			t.Fatalf("cut at %d: the summary does not say so", n)
		}
	}
}

func TestReadErrorKeepsMessages(t *testing.T) {
	broken := errors.New("disk")
	in := io.MultiReader(bytes.NewReader(testdata(t, "signin-4005.uccapilog")), iotest.ErrReader(broken))
	n := 0
	var last error
	log := sip.NewLog(in)
	for _, err := range log.Records() {
		if last = err; err == nil {
			n++
		}
	}
	if n != 4 || !errors.Is(last, broken) || !strings.HasPrefix(last.Error(), "sip: read log: ") || !log.Summary().Truncated {
		t.Errorf("%d messages, error %v", n, last)
	}
}

func TestStopReading(t *testing.T) {
	log := sip.NewLog(bytes.NewReader(testdata(t, "signin-ntlm.uccapilog")))
	for range log.Records() {
		break
	}
	if s := log.Summary(); s.Messages != 1 {
		t.Errorf("%d messages after a break", s.Messages)
	}
	for range log.Records() {
		t.Error("a log is read once")
	}
}

// Synthetic fragments of the shapes that logs and pastes are known to take.
func TestLogShapes(t *testing.T) {
	const a, b = "05/31/2013|09:00:00.000 1A2C:0001 INFO  :: ", "05/31/2013|09:00:00.001 1A2C:0002 TRACE :: "
	for _, c := range []struct {
		name, text string
		want       []string // Call-ID and number of headers of each message
	}{
		{"no frame, raw headers", a + "SIP/2.0 200 OK\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n" + b + "noise\r\n", []string{"1/2"}},
		{"no frame, stamped headers", a + "SIP/2.0 200 OK\r\n" + a + "Call-ID: 1\r\n" + b + "noise\r\n" + a + "CSeq: 1 REGISTER\r\n" + a + "\r\n" + a + "SIP/2.0 100 Trying\r\n" + a + "Call-ID: 2\r\n", []string{"1/2", "2/1"}},
		{"another thread cuts into raw headers", a + "SIP/2.0 200 OK\r\nCall-ID: 1\r\n" + b + "noise\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n" + a + "more\r\n", []string{"1/3"}},
		{"raw lines of another thread's noise", a + "SIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n" + b + "noise\r\nwhich: goes on\r\n" + a + "more\r\n", []string{"1/1"}},
		{"a log after a bare message", "SIP/2.0 200 OK\r\nCall-ID: 1\r\n" + b + "noise\r\nwhich: goes on\r\n", []string{"1/1"}},
		{"two threads in turn", a + "SIP/2.0 200 OK\r\n" + "05/31/2013|09:00:00.001 1A2C:0002 INFO  :: " + "SIP/2.0 404 Not Found\r\nCall-ID: 2\r\n\r\n" + a + "Call-ID: 1\r\n" + a + "CSeq: 1 REGISTER\r\n", []string{"1/2", "2/1"}},
		{"start line on a raw line", a + "Data Received - 192.0.2.1:443 (To Local Address: 192.0.2.2:1) 10 bytes:\r\nSIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n" + a + "End of Data Received - x\r\n", []string{"1/1"}},
		{"start line twice without an end", a + "SIP/2.0 200 OK\r\nCall-ID: 1\r\n" + a + "SIP/2.0 200 OK\r\nCall-ID: 2\r\n", []string{"1/1", "2/1"}},
		{"indented log", "  " + a + "SIP/2.0 200 OK\r\n  Call-ID: 1\r\n  CSeq: 1 REGISTER\r\n", []string{"1/2"}},
		{"impossible date is text", "13/31/2013|09:00:00.000 1A2C:0001 INFO  :: SIP/2.0 200 OK\r\nTo: <tel:1>\r\n", nil},
		{"bare messages in a row", "SIP/2.0 200 OK\nCall-ID: 1\n\nSIP/2.0 200 OK\nCall-ID: 2\n\n", []string{"1/1", "2/1"}},
		{"a message within a body", "NOTIFY sip:a SIP/2.0\nCall-ID: 1\nContent-Length: 30\n\nSIP/2.0 200 OK\nCall-ID: 2\n\n", []string{"1/2"}},
		{"prose around a message", "Hi,\nhere is what I see:\n\n  SIP/2.0 403 Forbidden\n  Call-ID: 1\n  CSeq: 1 REGISTER\n", []string{"1/2"}},
		{"syslog's carriage returns", "SIP/2.0 403 Forbidden#015\nCall-ID: 1#015\n#015\n", []string{"1/1"}},
		{"orphan end of a record", "$$end_record\nSIP/2.0 403 Forbidden\nCall-ID: 1\n", []string{"1/1"}},
		{"look-alike without TL_", "01/18/2012 $$begin_record\nDirection: incoming\nStart-Line: OPTIONS sip:a SIP/2.0\nTo: x\n$$end_record\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			records, _ := readAll(t, []byte(c.text))
			var got []string
			for _, r := range records {
				got = append(got, fmt.Sprintf("%s/%d", r.Message.Get("Call-ID"), len(r.Message.Headers)))
				if strings.Contains(string(r.Message.Body), "goes on") {
					t.Errorf("body %q", r.Message.Body)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A log whose clock was set tells so: an hour without a line, and a stamp before an earlier one.
func TestClockThatJumps(t *testing.T) {
	line := func(at string) string { return "05/31/2013|" + at + ".000 1A2C:0001 INFO  :: trace\r\n" }
	_, s := readAll(t, []byte(line("09:00:00")+line("09:00:30")+line("11:00:00")+line("10:00:00")+line("10:00:10")+line("11:30:00")+line("11:00:00")))
	at := func(h, m, sec int) time.Time { return time.Date(2013, 5, 31, h, m, sec, 0, time.UTC) }
	if want := []sip.Gap{{From: at(9, 0, 30), To: at(11, 0, 0)}}; !reflect.DeepEqual(s.Gaps, want) || s.ClockBack != 2 {
		t.Errorf("gaps %v, back %d", s.Gaps, s.ClockBack)
	}
}

func TestLookAlike(t *testing.T) {
	records, s := readAll(t, []byte("18/01/2012 05:00:43 $$begin_record\r\nDirection: incoming\r\nStart-Line: REGISTER sip:contoso.com SIP/2.0\r\nCall-ID: 1\r\n$$end_record\r\n"))
	if len(records) != 0 || s.Format != "unknown" || !strings.Contains(s.Advice, "Avaya") {
		t.Errorf("%d records, %+v", len(records), s)
	}
}

func TestSipeLog(t *testing.T) {
	records, s := readAll(t, testdata(t, "sipe-4003.txt"))
	if len(records) != 3 || s.Format != "sipe" || !s.Zoned || s.Messages != 2 || s.Truncated {
		t.Fatalf("%d records, %+v", len(records), s)
	}
	if st := records[0].Step; st == nil || st.Kind != "dns" || st.Target != "_sipinternaltls._tcp.contoso.com" {
		t.Errorf("step %+v", records[0].Step)
	}
	out, in := records[1], records[2]
	if out.Direction != "out" || in.Direction != "in" || !in.Zoned || in.Message.Status != 403 || !in.At.Equal(time.Date(2016, 3, 12, 8, 12, 32, 500e6, time.UTC)) {
		t.Errorf("got %+v and %+v", out, in)
	}
	_, s = readAll(t, testdata(t, "sipe-4003.txt")[:780])
	if !s.Truncated {
		t.Error("a block without its end is truncated")
	}
}

func TestSipeSteps(t *testing.T) {
	text := "(12:17:15) sipe: sipe_http_parse_uri: host 'pool.infra.lync.com' port 443 path 'WebTicket/WebTicketService.svc/WsFed_bearer'\n" +
		"(12:17:15) sipe: sipe_svc_https_response: code 500\n"
	records, _ := readAll(t, []byte(text))
	want := &sip.Step{Kind: "web-ticket", Target: "https://pool.infra.lync.com:443/WebTicket/WebTicketService.svc/WsFed_bearer", Status: 500, Failed: true}
	if len(records) != 1 || !reflect.DeepEqual(records[0].Step, want) || records[0].Line != 2 {
		t.Errorf("got %+v", records)
	}
}
