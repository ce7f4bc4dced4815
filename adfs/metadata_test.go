package adfs_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

// TestMEXCorpus compares with what independent clients select from documents
// of real federation services.
func TestMEXCorpus(t *testing.T) {
	f, err := os.Open(shared(t, "corpus/mex-expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := "file username13 username2005 windows13 windows2005 skipped"; strings.Join(rows[0], " ") != want {
		t.Fatalf("columns are %q, want %q", rows[0], want)
	}
	if len(rows) < 2 {
		t.Fatal("no rows")
	}
	for _, row := range rows[1:] {
		t.Run(row[0], func(t *testing.T) {
			f, err := os.Open(shared(t, "corpus/mex/"+row[0]))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			m, err := adfs.ParseMEX(f)
			if row[1] == "ERR" {
				if err == nil || !slices.Equal(codes(m.Problems), []string{"malformed"}) {
					t.Fatalf("got error %v, problems %v, want malformed", err, m.Problems)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := m.Selected
			got := []string{s.Username13, s.Username2005, s.Windows13, s.Windows2005}
			for i := range got {
				if got[i] == "" {
					got[i] = "-"
				}
			}
			if !slices.Equal(got, row[1:5]) {
				t.Errorf("selected\n %q\nwant\n %q", got, row[1:5])
			}
			// Whatever a port is, it is listed, and an unusable one says why.
			if n := bytes.Count(read(t, f.Name()), []byte("<wsdl:port ")); len(m.Endpoints) != n {
				t.Errorf("%d endpoints, the text has %d ports", len(m.Endpoints), n)
			}
			for _, e := range m.Endpoints {
				if e.Usable != (e.Reason == "") || e.Usable != (e.Code == "") {
					t.Errorf("endpoint %+v: usable and reason disagree", e)
				}
			}
		})
	}
}

func codes(problems []adfs.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Code)
	}
	return out
}

func TestParseMEXForeignPrefixes(t *testing.T) {
	doc := read(t, "testdata/mex/foreign-prefixes.xml")
	want := adfs.Selected{Username13: "https://sts.contoso.example/13/user", Windows2005: "https://sts.contoso.example/2005/windows"}
	decl := []byte("<?xml version=\"1.0\" encoding=\"utf-8\"?>")
	bare := bytes.TrimPrefix(doc, decl)
	wrapped := slices.Concat([]byte(`<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><m:Metadata xmlns:m="http://schemas.xmlsoap.org/ws/2004/09/mex">`+
		`<m:MetadataSection Dialect="http://www.w3.org/2001/XMLSchema"><schema/></m:MetadataSection><m:MetadataSection>`),
		bare, []byte(`</m:MetadataSection></m:Metadata></e:Body></e:Envelope>`))
	for name, b := range map[string][]byte{
		"alone":              doc,
		"byte order mark":    append([]byte("\ufeff"), doc...),
		"leading space":      append([]byte("\r\n "), bare...),
		"in a SOAP envelope": wrapped,
		"utf-16 le bom":      utf16Bytes(doc, false, true),
		"utf-16 be bom":      utf16Bytes(doc, true, true),
		"utf-16 le":          utf16Bytes(doc, false, false),
		"utf-16 be":          utf16Bytes(doc, true, false),
		"declared latin-1":   bytes.Replace(doc, []byte("utf-8"), []byte("ISO-8859-1"), 1),
		"declared 1252":      bytes.Replace(doc, []byte(`"utf-8"`), []byte(`'windows-1252'`), 1),
		"declared by alias":  bytes.Replace(doc, []byte("utf-8"), []byte("latin1"), 1),
		"declared cp1250":    bytes.Replace(doc, []byte("utf-8"), []byte("cp1250"), 1),
		"declared ibm850":    bytes.Replace(doc, []byte("utf-8"), []byte("IBM850"), 1),
		"declared koi8-r":    bytes.Replace(doc, []byte("utf-8"), []byte("KOI8-R"), 1),
		"wrongly utf-16":     bytes.Replace(doc, []byte("utf-8"), []byte("utf-16"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := adfs.ParseMEX(iotest.OneByteReader(bytes.NewReader(b)))
			if err != nil {
				t.Fatal(err)
			}
			if m.Selected != want {
				t.Errorf("selected %+v, want %+v", m.Selected, want)
			}
			if got := codes(m.Problems); !slices.Equal(got, []string{"username-13-only"}) {
				t.Errorf("problems %v", m.Problems)
			}
		})
	}
}

func utf16Bytes(b []byte, bigEndian, mark bool) []byte {
	units := utf16.Encode([]rune(string(b)))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		lo, hi := byte(u), byte(u>>8)
		if bigEndian {
			lo, hi = hi, lo
		}
		out = append(out, lo, hi)
	}
	return out
}

func TestParseMEXLatin1(t *testing.T) {
	doc := read(t, "testdata/mex/foreign-prefixes.xml")
	doc = bytes.Replace(doc, []byte("utf-8"), []byte("iso-8859-1"), 1)
	doc = bytes.Replace(doc, []byte(`port name="pa"`), []byte("port name=\"Z\xfcrich\""), 1)
	m, err := adfs.ParseMEX(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Endpoints[0].Name; got != "Z\u00fcrich" {
		t.Errorf("name %q", got)
	}
	// The same byte without the declaration is no UTF-8.
	doc = bytes.Replace(doc, []byte("iso-8859-1"), []byte("utf-8"), 1)
	if m, err := adfs.ParseMEX(bytes.NewReader(doc)); err == nil || m.Problems[0].Code != "malformed" {
		t.Errorf("invalid UTF-8: error %v, problems %v", err, m.Problems)
	}
}

func TestParseMEXOddNodes(t *testing.T) {
	m, err := adfs.ParseMEX(bytes.NewReader(read(t, "testdata/mex/odd-nodes.xml")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		" policy-missing", "no binding policy-missing", "lost binding policy-missing", "no policy policy-missing", "lost policy policy-missing",
		"no address port-address", "soap address only port-address", "old addressing port-address", "blank port-address",
		"relative port-address", "http insecure-endpoint", "net.tcp port-address", "no host port-address", "garbage port-address",
		"soap 1.1 unsupported-binding", "tcp unsupported-binding", "renew unsupported-binding", "no action unsupported-binding",
		"hashed unsupported-policy", "message unsupported-policy", "nothing unsupported-policy",
		"sound 1.3 ", "u2005 ", "later 1.3 ",
	}
	var got []string
	for _, e := range m.Endpoints {
		got = append(got, e.Name+" "+e.Code)
		if e.Reason != "" && (!strings.HasSuffix(e.Reason, ".") || strings.ToUpper(e.Reason[:1]) != e.Reason[:1]) {
			t.Errorf("the reason is not a sentence: %q", e.Reason)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("endpoints\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := (adfs.Selected{Username13: "https://sts.contoso.example/good/13", Username2005: "HTTPS://sts.contoso.example/good/2005"}); m.Selected != s {
		t.Errorf("selected %+v, want %+v", m.Selected, s)
	}
	counts := map[string]int{}
	for _, p := range m.Problems {
		counts[p.Code]++
	}
	if want := map[string]int{"policy-missing": 5, "port-address": 8, "insecure-endpoint": 1}; !reflect.DeepEqual(counts, want) {
		t.Errorf("problems %v, want %v", counts, want)
	}
}

// TestParseMEXHostileAddresses: none of these is where a password may go, and
// none costs the sound port behind it.
func TestParseMEXHostileAddresses(t *testing.T) {
	for address, code := range map[string]string{
		"file:///etc/passwd":                            "port-address",
		"javascript:alert(1)":                           "port-address",
		"data:text/html,x":                              "port-address",
		"http://sts.contoso.example/x":                  "insecure-endpoint",
		"HTTP://sts.contoso.example/x":                  "insecure-endpoint",
		"https:sts.contoso.example":                     "port-address",
		"https:///x":                                    "port-address",
		"//sts.contoso.example/x":                       "port-address",
		"https://joe:hunter2@sts.contoso.example/x":     "port-address",
		"https://sts.contoso.example@evil.example/x":    "port-address",
		"https://sts.contoso.example/a\tb":              "port-address",
		"https://sts.contoso.example\r\nHost: evil/":    "port-address",
		"https://sts.contoso.example%00.evil.example/x": "port-address",
		"https://[::1/x":                                "port-address",
		"https://sts.contoso.example:99999x/":           "port-address",
		"https://sts.contoso.example:99999/x":           "port-address",
		"https://sts.contoso.example:0/x":               "port-address",
		"https://sts.contoso.example/x y":               "port-address",
		"https://sts.contoso.example/\u202ex":           "port-address",
		"https://sts.contoso.example/\u00a0x":           "port-address",
		"https://sts.contoso.example/\u200bx":           "port-address",
	} {
		endpoints := append([]adfstest.Endpoint{{Path: "13/usernamemixed", Address: address}}, adfstest.DefaultEndpoints()...)
		m, err := adfs.ParseMEX(bytes.NewReader(adfstest.MEXDocument("sts.contoso.example", endpoints)))
		if err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		if e := m.Endpoints[0]; e.Usable || e.Code != code || e.Reason == "" || strings.Contains(fmt.Sprint(m), "hunter2") {
			t.Errorf("%q: %+v", address, e)
		}
		if m.Selected.Username13 != "https://sts.contoso.example/adfs/services/trust/13/usernamemixed" || len(codes(m.Problems)) != 1 {
			t.Errorf("%q: selected %+v, problems %v", address, m.Selected, m.Problems)
		}
	}
}

// TestParseMEXReadsWholeAddresses: what is no text in an address does not end it.
func TestParseMEXReadsWholeAddresses(t *testing.T) {
	const address = "https://sts.contoso.example/adfs/services/trust/13/usernamemixed"
	text := string(adfstest.MEXDocument("sts.contoso.example", adfstest.DefaultEndpoints()))
	for _, inside := range []string{"<?x y?>", "<!-- x -->", "<![CDATA[]]>"} {
		broken := strings.Replace(text, ">"+address, ">https://sts.contoso.example/adfs/"+inside+"services/trust/13/usernamemixed", 1)
		m, err := adfs.ParseMEX(strings.NewReader(broken))
		if err != nil || broken == text || m.Selected.Username13 != address {
			t.Errorf("%s: %+v, %v", inside, m, err)
		}
	}
}

// TestParseMEXPolicies: the reason is the one that an administrator can mend.
func TestParseMEXPolicies(t *testing.T) {
	text := string(adfstest.MEXDocument("sts.contoso.example", []adfstest.Endpoint{{Path: "13/usernamemixed"}}))
	wsp := regexp.MustCompile(`xmlns:(\w+)="http://schemas.xmlsoap.org/ws/2004/09/policy"`).FindStringSubmatch(text)[1]
	for name, tt := range map[string]struct{ text, code, reason string }{
		"sound":          {text, "", ""},
		"no alternative": {regexp.MustCompile(`</?`+wsp+`:(ExactlyOne|All)>`).ReplaceAllString(text, ""), "unsupported-policy", "wsp:ExactlyOne"},
		"version 1.5":    {strings.ReplaceAll(text, "http://schemas.xmlsoap.org/ws/2004/09/policy", "http://www.w3.org/ns/ws-policy"), "policy-missing", "http://www.w3.org/ns/ws-policy"},
	} {
		m, err := adfs.ParseMEX(strings.NewReader(tt.text))
		if err != nil || len(m.Endpoints) != 1 || m.Endpoints[0].Code != tt.code || !strings.Contains(m.Endpoints[0].Reason, tt.reason) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestParseMEXAuthentication(t *testing.T) {
	m, err := adfs.ParseMEX(bytes.NewReader(adfstest.MEXDocument("sts.contoso.example",
		append(adfstest.DefaultEndpoints(), adfstest.Endpoint{Path: "2005/username"}, adfstest.Endpoint{Path: "13/certificatetransport"}))))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{
		"windowstransport": "windows", "usernamemixed": "username", "username": "username", "certificatemixed": "certificate",
		"certificatetransport": "certificate", "kerberosmixed": "kerberos",
		"issuedtokenmixedasymmetricbasic256": "issued-token", "issuedtokenmixedsymmetricbasic256": "issued-token",
	}
	for _, e := range m.Endpoints {
		parts := strings.Split(e.Address, "/")
		version, kind := parts[len(parts)-2], parts[len(parts)-1]
		if version == "13" {
			version = "1.3"
		}
		if e.Version != version || e.Authentication != kinds[kind] || e.Usable != strings.HasPrefix(e.Address, "https:") {
			t.Errorf("endpoint %+v, want version %s, authentication %s", e, version, kinds[kind])
		}
	}
	if got := codes(m.Problems); !slices.Equal(got, []string{"insecure-endpoint"}) {
		t.Errorf("problems %v", m.Problems)
	}
}

func TestParseMEXRefused(t *testing.T) {
	wsdl := `<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/">`
	for _, tt := range []struct{ name, text, code string }{
		{"empty", "", "empty"},
		{"white space", " \r\n\t", "empty"},
		{"mark alone", "\ufeff", "empty"},
		{"plain text", "Service Unavailable", "malformed"},
		{"no definitions", "<a><b/></a>", "not-wsdl"},
		{"definitions of another namespace", `<definitions xmlns="urn:x"/>`, "not-wsdl"},
		{"definitions under an undeclared prefix", `<wsdl:definitions/>`, "malformed"},
		{"attribute under an undeclared prefix", wsdl + `<a x:y=""/></d:definitions>`, "malformed"},
		{"prefix declared beside it", wsdl + `<a xmlns:x="x"/><x:a/></d:definitions>`, "malformed"},
		{"attribute twice", wsdl + `<a b="" c="" b=""/></d:definitions>`, "malformed"},
		{"attribute twice by namespace", wsdl + `<a xmlns:x="u" xmlns:y="u" x:b="" y:b=""/></d:definitions>`, "malformed"},
		{"namespace declared twice", wsdl + `<a xmlns:x="u" xmlns:x="v"/></d:definitions>`, "malformed"},
		{"truncated", wsdl + "<d:service>", "malformed"},
		{"mismatched tag", wsdl + "<d:service></d:port></d:definitions>", "malformed"},
		{"two roots", wsdl + "</d:definitions>" + wsdl + "</d:definitions>", "malformed"},
		{"text behind", wsdl + "</d:definitions>x", "malformed"},
		{"text in front", "x" + wsdl + "</d:definitions>", "malformed"},
		{"unknown encoding", `<?xml version="1.0" encoding="x-nonsense"?>` + wsdl + "</d:definitions>", "malformed"},
		{"undefined entity", wsdl + "&nbsp;</d:definitions>", "malformed"},
		{"document type", "<!DOCTYPE d:definitions>" + wsdl + "</d:definitions>", "dtd"},
		{"entity bomb", `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><lolz>&b;</lolz>`, "dtd"},
		{"external entity", `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>`, "dtd"},
		{"document type in the middle", wsdl + "<!ELEMENT x ANY></d:definitions>", "dtd"},
		{"login page", "<!doctype HTML>\n<html><head><title>Sign in</title><body><br>", "html"},
		{"web page without document type", "<!-- x --><HTML lang=en><p>one<p>two", "html"},
		{"xhtml", `<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html xmlns="http://www.w3.org/1999/xhtml"/>`, "html"},
		{"htmlish name", "<htmlx/>", "not-wsdl"},
		{"nested 100,000 deep", strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000), "too-large"},
		{"nested behind a fake end", strings.Repeat("<a><!-- </a> --><![CDATA[</a>]]><?p </a>?>", 201), "too-large"},
		{"nested behind a quoted end", strings.Repeat(`<a x="/>" y='/>'>`, 201), "too-large"},
		{"many elements", "<a>" + strings.Repeat("<b/>", 30_000) + "</a>", "too-large"},
		{"many attributes", "<a " + strings.Repeat(`a="" `, 257) + "/>", "too-large"},
		{"many attributes around an element", strings.Repeat(`<a a="" b="">`, 129) + strings.Repeat("</a>", 129), "too-large"},
		{"4 MiB and one byte", wsdl + strings.Repeat(" ", 4<<20-len(wsdl)-16) + "</d:definitions>\n", "too-large"},
		{"over 4 MiB once decoded", "<?xml version='1.0' encoding='windows-1252'?><a>" + strings.Repeat("\x80", 2<<20) + "</a>", "too-large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := adfs.ParseMEX(strings.NewReader(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), "adfs: ") {
				t.Fatalf("error %v", err)
			}
			if m == nil || m.Endpoints == nil || len(m.Endpoints) != 0 || m.Selected != (adfs.Selected{}) {
				t.Fatalf("result %+v", m)
			}
			if got := codes(m.Problems); !slices.Equal(got, []string{tt.code}) {
				t.Errorf("problems %v, want %s", m.Problems, tt.code)
			}
		})
	}
}

// numbered repeats a text with 0, 1, 2 and so on in it.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestParseMEXAtTheLimits(t *testing.T) {
	wsdl := `<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/">`
	for name, text := range map[string]string{
		"4 MiB":      wsdl + strings.Repeat(" ", 4<<20-len(wsdl)-16) + "</d:definitions>",
		"depth":      wsdl + strings.Repeat("<a>", 199) + strings.Repeat("</a>", 199) + "</d:definitions>",
		"attributes": wsdl + strings.Repeat(`<a a="" b=""/>`, 1000) + "<b " + numbered(`a%d="" `, 255) + "/></d:definitions>",
		"prefixes":   wsdl + `<a xmlns:x="u" xmlns:y="v" b="" x:b="" y:b="" xml:b=""><x:a xmlns="w" xmlns:z="w" b="" z:b=""/><x:a xmlns:x="z"/><x:a y:b=""/></a></d:definitions>`,
		"elements":   wsdl + strings.Repeat("<a/>", 29_999) + "</d:definitions>",
	} {
		m, err := adfs.ParseMEX(strings.NewReader(text))
		if err != nil || !slices.Equal(codes(m.Problems), []string{"no-username-endpoint"}) {
			t.Errorf("%s: error %v, problems %v", name, err, m.Problems)
		}
	}
}

// TestParseMEXHostileCost has documents within the limits that were built to
// be expensive: long ways to a namespace, and everything referring to one
// long binding. They take a fraction of a second; work that grows with the
// square of their length would last beyond the time that go test gives.
func TestParseMEXHostileCost(t *testing.T) {
	const head = `<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/" xmlns:p="http://schemas.xmlsoap.org/ws/2004/09/policy">`
	padding := numbered(`<a xmlns:n%[1]d="%[1]d">`, 190)
	port := `<d:port binding="b"/>`
	reference := `<p:PolicyReference URI="#x"/>`
	for name, text := range map[string]string{
		"namespaces": head + padding + strings.Repeat(`<p:Policy `+numbered(`n%d:Id="" `, 60)+`/>`, 1500) + strings.Repeat("</a>", 190) + "</d:definitions>",
		"references": head + `<d:binding name="b">` + strings.Repeat(reference, 14_000) + "</d:binding><d:service>" + strings.Repeat(port, 15_000) + "</d:service></d:definitions>",
	} {
		start := time.Now()
		_, err := adfs.ParseMEX(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %d bytes in %v", name, len(text), time.Since(start))
	}
}

// endless yields the same bytes for ever and counts what was taken.
type endless struct {
	text  string
	taken int64
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[int(e.taken)%len(e.text)]
		e.taken++
	}
	return len(p), nil
}

func TestParseMEXReadsNoMoreThanItMay(t *testing.T) {
	r := &endless{text: "<a>"}
	m, err := adfs.ParseMEX(io.LimitReader(r, 100<<20))
	if err == nil || !slices.Equal(codes(m.Problems), []string{"too-large"}) {
		t.Fatalf("error %v, problems %v", err, m.Problems)
	}
	if r.taken > 4<<20+1 {
		t.Errorf("%d bytes were read", r.taken)
	}
}

func TestParseMEXReadError(t *testing.T) {
	m, err := adfs.ParseMEX(iotest.ErrReader(io.ErrClosedPipe))
	if m == nil || err == nil || !strings.Contains(err.Error(), "closed pipe") || len(m.Problems) != 0 {
		t.Errorf("result %+v, error %v", m, err)
	}
}

func TestMetadataJSON(t *testing.T) {
	files, err := filepath.Glob("testdata/mex/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, f := range files {
		m, err := adfs.ParseMEX(bytes.NewReader(read(t, f)))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, m)
	}
}

// roundTrip requires that nothing of *v is lost in JSON.
func roundTrip[T any](t *testing.T, v *T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, &back) {
		t.Errorf("lost in JSON:\n%+v\n%+v", v, &back)
	}
	if bytes.Contains(b, []byte("null")) {
		t.Errorf("null in %s", b)
	}
}

// BenchmarkParseMEX reads the same document in turn with encoding/xml's token
// scanner, which every XML client in Go pays for, and tells the ratio.
func BenchmarkParseMEX(b *testing.B) {
	doc := adfstest.MEXDocument("sts.contoso.example", adfstest.DefaultEndpoints())
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	var ours, scanner time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := adfs.ParseMEX(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		b.StopTimer()
		start = time.Now()
		tokens := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := tokens.Token(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		scanner += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(ours)/float64(scanner), "x-tokens/op")
}
