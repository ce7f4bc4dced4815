package render_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

var update = flag.Bool("update", false, "write the golden files")

// specs are entries of a catalogue, made for these tests: the real one's texts
// may change without a change of how they are shown.
func specs() map[string]kb.Spec {
	list := map[string]kb.Spec{}
	for _, s := range []kb.Spec{
		{ID: "LD9001", Name: "adfs-mex-http-500", Type: kb.Identity, Severity: kb.Failure, Title: "AD FS does not serve its metadata to rich clients",
			Cause:      "{url} answers 200 to a browser's GET and 500 to the SOAP request that Lync sends. So the portal works and Lync, Office activation and PowerShell do not.",
			Resolution: []string{"Install the hotfix of KB 2254265 on every AD FS 2.0 server.", "Restart the AD FS Windows Service on each.", "Check again: lyncdiag adfs mex {url}"},
			Owner:      kb.ADFSAdmin, References: []string{"KB2254265"}},
		{ID: "LD9002", Name: "dns-sip-cname-missing", Type: kb.Network, Severity: kb.Warning, Title: "No sip record in {domain}", Cause: "DNS has no {record}.",
			Resolution: []string{"Add this record: sip.{domain}. 3600 IN CNAME sipdir.online.lync.com."}, Owner: kb.DNSAdmin},
		{ID: "LD9003", Name: "autodiscover-certificate-name", Type: kb.Network, Severity: kb.Info, Title: "HTTPS on {host} shows the service's own name, as it always does", Cause: "That is expected.", Owner: kb.DNSAdmin},
		{ID: "LD9004", Name: "rich-client-authentication", Type: kb.Identity, Severity: kb.Failure, Title: "No rich client can authenticate", Cause: "AD FS.", Owner: kb.MicrosoftSupport},
	} {
		list[s.Name] = s
	}
	return list
}

func made(t testing.TB, name string, stage lyncdiag.StageID, causedBy string, evidence ...fact.Evidence) lyncdiag.Finding {
	t.Helper()
	spec, ok := specs()[name]
	if !ok {
		t.Fatalf("%s is not among the specs", name)
	}
	return lyncdiag.Finding{Spec: spec, Confidence: lyncdiag.Confirmed, Stage: stage, CausedBy: causedBy, Evidence: evidence}
}

func live(key string, class fact.Class, value string) fact.Evidence {
	return fact.Evidence{Key: key, Class: class, Value: value, Origin: fact.Origin{Kind: fact.Live}}
}

// broken is a report with everything a page can show.
func broken(t testing.TB) *lyncdiag.Report {
	const mex = "https://a-rather-long-name-for-the-federation-service.sts.contoso.com/adfs/services/trust/mex"
	r := &lyncdiag.Report{
		Target:   lyncdiag.Target{Address: "jo\u00e9@contoso.com", UserName: "joe@corp.contoso.com", Domain: "contoso.com", Ticket: "INC-7"},
		Setting:  fact.Setting{Client: "lync2013", Location: "outside"},
		Started:  time.Date(2013, 5, 31, 14, 5, 6, 789_000_000, time.FixedZone("CEST", 7200)),
		Duration: 1340 * time.Millisecond,
		Complete: true,
		Stages: []lyncdiag.StageResult{
			{ID: "answers", Title: "answers", Status: lyncdiag.Passed},
			{ID: "dns", Title: "DNS", Status: lyncdiag.Warned, Finding: "dns-sip-cname-missing", Duration: 102 * time.Millisecond},
			{ID: "autodiscover", Title: "Autodiscover", Status: lyncdiag.Passed, Reason: "led to webdir.online.lync.com, which asks for a web ticket", Duration: 611 * time.Millisecond},
			{ID: "realm", Title: "Realm", Status: lyncdiag.Errored, Reason: "the run's time-out is over", Duration: 5 * time.Second},
			{ID: "adfs.mex", Title: "AD FS MEX", Status: lyncdiag.Failed, Reason: "GET 200, POST 500 http-500, no endpoint", Finding: "adfs-mex-http-500", Duration: 844 * time.Millisecond},
			{ID: "adfs.token", Title: "Token", Status: lyncdiag.Skipped, Reason: "no credentials were given", Skip: lyncdiag.SkipNotPermitted},
			{ID: "licence", Title: "Licence", Status: lyncdiag.Unknown, Reason: "needs an answer"},
		},
		Findings: []lyncdiag.Finding{
			made(t, "adfs-mex-http-500", "adfs.mex", "", live("url", fact.URLText, mex), live("get", fact.Text, "200"), live("post", fact.Text, "500"),
				fact.Evidence{Key: "message", Class: fact.Text, Value: "\x1b[31mnot red\x1b[0m", Origin: fact.Origin{Kind: fact.Log, Where: "client.uccapilog", Line: 12}}),
			made(t, "dns-sip-cname-missing", "dns", "", live("record", fact.HostText, "sip.contoso.com")),
			made(t, "autodiscover-certificate-name", "autodiscover", "", live("host", fact.HostText, "lyncdiscover.contoso.com")),
			made(t, "rich-client-authentication", "adfs.mex", "adfs-mex-http-500"),
		},
	}
	for i := range r.Stages {
		r.Stages[i].Began = time.Duration(i) * 100 * time.Millisecond
	}
	r.Records = []dnscheck.Check{
		{Expectation: dnscheck.Expectation{Type: "SRV", Name: "_sip._tls.contoso.com", Expected: "100 1 443 sipdir.online.lync.com."}, Server: "internal", Status: dnscheck.CheckOK, Found: []string{"100 1 443 sipdir.online.lync.com."}},
		{Expectation: dnscheck.Expectation{Type: "CNAME", Name: "sip.contoso.com", Expected: "sipdir.online.lync.com."}, Server: "internal", Status: dnscheck.CheckMissing, Detail: "NXDOMAIN | <b>"},
	}
	r.Hosts = []fact.Endpoint{
		{Host: "sipdir.online.lync.com", Port: 443, Reach: fact.Reach{Status: fact.Listening, Address: "192.0.2.7", Elapsed: 40 * time.Millisecond},
			TLS: &certs.Result{TLSVersion: "TLS 1.2", Verified: true, Chain: []certs.Certificate{{Subject: "CN=</td><script>alert(1)</script>", Issuer: "CN=An authority", NotBefore: r.Started, NotAfter: r.Started.AddDate(1, 0, 0), Thumbprint: "AB12"}}}},
		{Host: "sts.contoso.com", Port: 443, Reach: fact.Reach{Status: fact.Filtered, Address: "192.0.2.8", Detail: "no answer in 5s"}},
	}
	r.Walk = &dnscheck.Walk{Outcome: dnscheck.OutcomeWebTicket, Hops: []dnscheck.Hop{{URL: "http://lyncdiscover.contoso.com/", Status: 302, Kind: dnscheck.KindRedirect, Location: "https://webdir.online.lync.com/", Elapsed: 30 * time.Millisecond}, {URL: "https://lyncdiscoverinternal.contoso.com/", Kind: dnscheck.KindError, Detail: "no address"}}}
	r.Verdict = lyncdiag.Verdict{
		Outcome: lyncdiag.Problem, Types: []kb.Type{kb.Identity}, Primary: "adfs-mex-http-500",
		Summary: "jo\u00e9@contoso.com cannot sign in: AD FS does not serve its metadata to rich clients",
		Path: []lyncdiag.Visit{
			{Step: 1, ID: "portal-sign-in", Question: "Can the user sign in to the Office 365 portal?", Answer: "yes", From: fact.Interview, Reached: true},
			{Step: 2, ID: "licensed", Question: "Is the user licensed for Lync Online?", Answer: "unknown", Reached: true},
		},
		Next: []string{"lyncdiag explain adfs-mex-http-500", "Contact Office 365 technical support for SSO issues."},
	}
	r.Verdict.Questions = []kb.Question{
		{ID: "licensed", Text: "Is the user licensed for Lync Online?", Why: "Step 2.", Help: "Look in the portal.", Choices: []string{"yes", "no", "unknown"}},
		{ID: "licence-assigned-at", Text: "When was the licence assigned to this user?", Why: "Step 2.", Help: "A time."},
	}
	return r
}

func healthy() *lyncdiag.Report {
	return &lyncdiag.Report{
		Target:  lyncdiag.Target{Address: "joe@contoso.com", Domain: "contoso.com"},
		Started: time.Date(2013, 5, 31, 12, 5, 6, 0, time.UTC), Duration: 300 * time.Millisecond, Complete: false,
		Stages: []lyncdiag.StageResult{
			{ID: "dns", Title: "DNS", Status: lyncdiag.Passed, Reason: "4 of 4 records as Lync Online needs them", Duration: 9 * time.Millisecond},
			{ID: "realm", Title: "Realm", Status: lyncdiag.Skipped, Skip: lyncdiag.SkipCancelled, Reason: "context canceled"},
		},
		Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Healthy, Summary: "Nothing that was looked at keeps joe@contoso.com from signing in"},
	}
}

func TestGolden(t *testing.T) {
	tool := render.Tool{Version: "1.2.3"}
	batch := tool.Batch([]render.Document{tool.Report(broken(t), 1), tool.Report(healthy(), 3)}, 3)
	tests := []struct {
		file     string
		document render.Document
		format   render.Format
		options  render.Options
	}{
		{"broken-80.txt", tool.Report(broken(t), 1), render.Text, render.Options{}},
		{"broken-120.txt", tool.Report(broken(t), 1), render.Text, render.Options{Width: 200}},
		{"broken-40.txt", tool.Report(broken(t), 1), render.Text, render.Options{Width: 10}},
		{"broken-color.txt", tool.Report(broken(t), 1), render.Text, render.Options{Color: true}},
		{"broken-short.txt", tool.Report(broken(t), 1), render.Short, render.Options{}},
		{"broken.json", tool.Report(broken(t), 1), render.JSON, render.Options{}},
		{"healthy-80.txt", tool.Report(healthy(), 3), render.Text, render.Options{}},
		{"healthy-short.txt", tool.Report(healthy(), 3), render.Short, render.Options{}},
		{"batch-80.txt", batch, render.Text, render.Options{}},
		{"batch.ndjson", batch, render.NDJSON, render.Options{}},
		{"batch.csv", batch, render.CSV, render.Options{}},
		{"broken.html", tool.Report(broken(t), 1), render.HTML, render.Options{}},
		{"batch.html", batch, render.HTML, render.Options{}},
		{"broken.md", tool.Report(broken(t), 1), render.Markdown, render.Options{}},
		{"batch.md", batch, render.Markdown, render.Options{}},
		{"broken.xml", tool.Report(broken(t), 1), render.JUnit, render.Options{}},
		{"batch.xml", batch, render.JUnit, render.Options{}},
		{"diff-80.txt", changes(t, healthy(), broken(t)), render.Text, render.Options{}},
		{"diff-120.txt", changes(t, broken(t), later(t)), render.Text, render.Options{Width: 120}},
		{"broken.csv", tool.Report(broken(t), 1), render.CSV, render.Options{Headless: true}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			var b bytes.Buffer
			if err := test.document.Write(&b, test.format, test.options); err != nil {
				t.Fatal(err)
			}
			golden(t, test.file, b.Bytes())
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", path, got)
	}
}

// TestTextFits: no line is longer than the page, unless one word is; nothing
// of a name is cut; nothing steers the terminal.
func TestTextFits(t *testing.T) {
	for width := 40; width <= 120; width += 7 {
		var b strings.Builder
		if err := (render.Tool{}).Report(broken(t), 1).Write(&b, render.Text, render.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			last := line[strings.LastIndexByte(line, ' ')+1:]
			if utf8.RuneCountInString(line) > width && utf8.RuneCountInString(last) <= width-34 { // what the widest margins leave
				t.Errorf("width %d: %q is %d columns wide", width, line, utf8.RuneCountInString(line))
			}
		}
		for _, whole := range []string{"https://a-rather-long-name-for-the-federation-service.sts.contoso.com/adfs/services/trust/mex", "adfs-mex-http-500", "--answer licensed=yes|no"} {
			if !strings.Contains(b.String(), whole) {
				t.Errorf("width %d: %q is not whole", width, whole)
			}
		}
		if strings.ContainsRune(b.String(), '\x1b') {
			t.Errorf("width %d: an escape of the evidence got through", width)
		}
	}
}

func TestShortIsFourLines(t *testing.T) {
	for _, r := range []*lyncdiag.Report{broken(t), healthy()} {
		var b strings.Builder
		if err := (render.Tool{}).Report(r, 1).Write(&b, render.Short, render.Options{}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 4 {
			t.Errorf("%d lines:\n%s", n, b.String())
		}
	}
}

func TestFormatWithoutRendering(t *testing.T) {
	err := (render.Tool{}).About().Write(&bytes.Buffer{}, render.Short, render.Options{})
	if err == nil || !strings.Contains(err.Error(), "short") {
		t.Errorf("got %v, want an error that names the format", err)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, f := range []render.Format{render.Text, render.JSON, render.NDJSON, render.Short} {
		if err := (render.Tool{}).Report(broken(t), 1).Write(full{}, f, render.Options{}); err == nil {
			t.Errorf("%s: a full disk was not reported", f)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left on device") }
