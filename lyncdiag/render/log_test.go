package render

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// someAttempt is one of every shape and with every kind of character.
func someAttempt(r *rand.Rand) sip.Attempt {
	words := []string{"", "a", "404 Not Found", "\"quoted\" \\ <b>&", "J\u00f6rg \u2019\U0001F600", "\x00\b\f\n\r\t\x1f\x7f", "sip:joe@contoso.com"}
	word := func() string { return words[r.IntN(len(words))] + words[r.IntN(len(words))] }
	a := sip.Attempt{ID: word(), File: word(), Line: r.IntN(100), Duration: time.Duration(r.IntN(1e9)), Method: "REGISTER", URI: word(), From: word(), CallID: word(),
		CSeq: r.Uint32(), Server: word(), ClientVersion: word(), Outcome: []string{"succeeded", "failed", "no-answer", "challenged"}[r.IntN(4)],
		FinalStatus: []int{0, 200, 401, 403, 404, 503}[r.IntN(6)], FinalReason: word(), Scheme: []string{"", "NTLM", "TLS-DSK"}[r.IntN(3)]}
	if r.IntN(2) == 0 {
		a.StartedAt = time.Date(1900+r.IntN(200), 2, 3, 4, 5, 6, r.IntN(1e9), time.UTC)
	}
	for range r.IntN(3) {
		a.Legs = append(a.Legs, sip.Leg{CSeq: r.Uint32(), Status: r.IntN(2) * 404, Reason: word(), Scheme: word(), Challenge: r.IntN(2) == 0, Resent: r.IntN(3), Duration: time.Duration(r.IntN(2) * 1500000)})
	}
	for range r.IntN(3) {
		d := sip.Diagnostic{Header: "ms-diagnostics", ID: 4000 + r.IntN(10), Reason: word(), Source: word()}
		for range r.IntN(3) {
			d.Params = append(d.Params, sip.Param{Name: word(), Value: word()})
		}
		a.Diagnostics = append(a.Diagnostics, d)
	}
	return a
}

// What is streamed is, byte for byte, what package encoding/json makes of the
// same document.
func TestLogStreamIsTheDocument(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 7, 19, maxPending - 1, maxPending, maxPending + 1, 3*maxPending - 1, 5 * maxPending} {
		for _, format := range []Format{JSON, NDJSON} {
			doc := &logDoc{Schema: "lyncdiag.log/v1", Attempts: []attempt{}, Files: []logFile{{Path: "a", Gaps: []logGap{}}}, Failures: []logFailure{}, Steps: []logStep{}}
			var streamed, whole bytes.Buffer
			s := NewLogStream(&streamed, format)
			for range n {
				a := someAttempt(r)
				doc.Attempts = append(doc.Attempts, logAttempt(a))
				s.Attempt(&a)
			}
			if err := s.Close(Document{doc}); err != nil {
				t.Fatal(err)
			}
			if err := (Document{doc}).Write(&whole, format, Options{}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(streamed.Bytes(), whole.Bytes()) {
				t.Fatalf("%s of %d attempts:\n got %s\nwant %s", format, n, streamed.Bytes(), whole.Bytes())
			}
		}
	}
}

// Nothing is written of a log that shows nothing, until the end.
func TestLogStreamBeginsLate(t *testing.T) {
	var out bytes.Buffer
	s := NewLogStream(&out, JSON)
	s.Flush()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.Bytes())
	}
}

func TestTallyGroups(t *testing.T) {
	var seen Tally
	at := time.Date(2013, 5, 31, 9, 12, 0, 0, time.UTC)
	for i := range 17 {
		seen.Attempt(sip.Attempt{From: fmt.Sprintf("sip:user%d@contoso.com", i%3), StartedAt: at.Add(time.Duration(i) * time.Minute), Outcome: "failed", FinalStatus: 404, FinalReason: "Not Found",
			Legs: []sip.Leg{{Status: 404, Diagnostics: []sip.Diagnostic{{Header: "ms-diagnostics", ID: 4005}}}}})
	}
	seen.Attempt(sip.Attempt{From: "sip:ann@contoso.com", Outcome: "succeeded", FinalStatus: 200, Legs: []sip.Leg{{Status: 200}}})
	groups := seen.failed()
	const want = "17 attempts by 3 users, 2013-05-31T09:12:00.000Z to 2013-05-31T09:28:00.000Z: 404 Not Found, ms-diagnostics 4005 (sip-user-not-found)"
	if len(groups) != 1 || groups[0].text() != want {
		t.Errorf("got %+v", groups)
	}
}

const viewed = "05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
	"05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: REGISTER sip:contoso.com SIP/2.0\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nCall-ID: </script><b>x\r\nCSeq: 2 REGISTER\r\n" +
	"Authorization: NTLM qop=\"auth\", gssapi-data=\"SECRETSECRET\", version=4\r\nX-MS-WebTicket: opaque=SECRETSECRET\r\nContent-Length: 0\r\n\r\n" +
	"05/31/2013|09:12:00.000 1A2C:1B30 INFO  :: End of Sending Packet - 192.0.2.1:443\r\n" +
	"05/31/2013|09:12:00.500 1A2C:1B30 INFO  :: Data Received - 192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
	"05/31/2013|09:12:00.500 1A2C:1B30 INFO  :: SIP/2.0 404 Not Found\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nCall-ID: </script><b>x\r\nCSeq: 2 REGISTER\r\n" +
	"ms-diagnostics: 4005;reason=\"Destination URI </script>\";source=\"pool.contoso.com\"\r\nContent-Length: 0\r\n\r\n" +
	"05/31/2013|09:12:00.500 1A2C:1B30 INFO  :: End of Data Received - 192.0.2.1:443\r\n"

// viewPage is the page about the log above.
func viewPage(t testing.TB) string {
	var out bytes.Buffer
	view := Tool{}.LogView(&out)
	log := sip.NewLog(strings.NewReader(viewed))
	log.File = "client.uccapilog"
	records := func(yield func(sip.Record, error) bool) {
		for r, err := range log.Records() {
			view.Add(r)
			if !yield(r, err) {
				return
			}
		}
	}
	for a, err := range sip.Attempts(records) {
		if err != nil {
			t.Fatal(err)
		}
		view.Attempt(a)
	}
	view.File(fact.LogFile{Path: log.File, Summary: log.Summary()})
	if out.Len() > 0 {
		t.Error("the page was begun before there was anything to show")
	}
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestLogView(t *testing.T) {
	page := viewPage(t)
	if n := strings.Count(page, "</script>"); n != 9 { // a text, seven lists, the program
		t.Errorf("%d ends of a script", n)
	}
	for _, script := range regexp.MustCompile(`(?s)<script type="application/json" id="[^"]+">(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		var list []any
		if err := json.Unmarshal([]byte(script[1]), &list); err != nil {
			t.Errorf("%.80s: %v", script[1], err)
		}
	}
	packed := regexp.MustCompile(`<script type="text/plain" id="t0">(.*?)</script>`).FindStringSubmatch(page)
	if packed == nil {
		t.Fatal("no texts")
	}
	in, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed[1])))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := json.Unmarshal(text, &texts); err != nil || len(texts) != 2 {
		t.Fatalf("%q, %v", text, err)
	}
	if strings.Contains(texts[0]+page, "SECRET") || !strings.Contains(texts[0], `gssapi-data="(12 characters left out)"`) || !strings.Contains(texts[1], "ms-diagnostics: 4005") {
		t.Errorf("texts %q", texts)
	}
}

// A browser shows the verdict, the explanation and the ladder, with the
// keyboard alone and without asking anybody for anything.
func TestLogViewInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("a browser is required: %v", err)
		}
		t.Skipf("needs Chromium: %v", err)
	}
	const keys = `<script>onload = () => setTimeout(() => {
for (const key of ['n', 'l', '/']) document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
const seen = () => [document.getElementById('why').innerText, document.getElementById('meaning').innerText, document.getElementById('pre').innerText,
	document.getElementById('ladder').querySelectorAll('.a').length + ' arrows', 'ladder ' + !document.getElementById('ladder').hidden, document.activeElement.id, document.getElementById('shown').innerText].join('|');
document.getElementById('query').value = 'code:404 destination'; document.getElementById('query').oninput();
setTimeout(() => { document.body.dataset.seen = seen(); }, 1000); }, 500);</script>`
	dir := t.TempDir()
	page := filepath.Join(dir, "log.html")
	if err := os.WriteFile(page, []byte(strings.Replace(viewPage(t), "</body>", keys+"</body>", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=5000", "--dump-dom", "file://"+page)
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v", err)
	}
	seen := regexp.MustCompile(`data-seen="([^"]*)"`).FindSubmatch(dom)
	if seen == nil {
		t.Fatalf("the page did not run: %.2000s", dom)
	}
	title := "joe@contoso.com"
	for _, want := range []string{title, lyncdiag.FindingOf("user-not-found"), "ms-diagnostics 4005", "SIP/2.0 404 Not Found", "2 arrows", "ladder true", "query", "1 of 2"} {
		if !strings.Contains(string(seen[1]), want) {
			t.Errorf("%q is not in %s", want, seen[1])
		}
	}
}
