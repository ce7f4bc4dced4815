package lyncdiag_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// material reads the reference material beside the repository.
func material(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "shared", filepath.FromSlash(name)))
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatalf("reference material: %v", err)
		}
		t.Skipf("needs the reference material beside the repository: %v", err)
	}
	return string(b)
}

func table(t *testing.T, name string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(material(t, name)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	return rows[1:]
}

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		text             string
		kind, code, typ  string
		part, resolution string // of Text or Cause; of a step
		reference        string
	}{
		{"adfs-mex-http-500", "finding", "adfs-mex-http-500", "identity", "", "", "KB2254265"},
		{" ADFS_MEX_HTTP_500\n", "finding", "adfs-mex-http-500", "identity", "", "", "KB2254265"},
		{"adfs-mex-htpp-500", "finding", "adfs-mex-http-500", "identity", "", "", "KB2254265"},
		{"client clock skew", "finding", "client-clock-skew", "client", "", "", "KB2581291"},
		{"Lync couldn't find a Lync Server for fabrikam.com", "message", "kb2541980-message-2", "network", "Autodiscover fails", "Fix DNS and network-related sign-in problems", "KB2541980"},
		{"The username, password or domain appears to be incorrect. (0x80048821)", "message", "kb2541980-message-6", "identity", "Wrong user name", "Enter", "KB2541980"},
		{"0x80EE006C", "hresult", "0x80EE006C", "client", "time skew", "", "rtcerr.h"},
		{"-2131885972", "hresult", "0x80EE006C", "client", "RTC_E_SIP_AUTH_TIME_SKEW", "", ""},
		{"sign-in ended with RTC_E_SIP_DNS_FAIL.", "hresult", "0x80EE0066", "network", "DNS lookup", "", ""},
		{"4005", "ms-diagnostics", "4005", "identity", "", "licence", "KB2705378"},
		{"SIP/2.0 404 Not Found\r\nCSeq: 2 REGISTER\r\nms-diagnostics: 4005;reason=\"Destination URI either not enabled for SIP or does not exist\";source=\"sip.contoso.com\"\r\n", "sip-status", "404", "identity", "Not Found", "", ""},
		{"1000", "ms-diagnostics", "1000", "", "the credentials are wrong, or the client certificate is bad", "Enter the credentials again", ""},
		{"28000", "ms-diagnostics", "28000", "identity", "not SIP enabled", "", "KB2705378"},
		{"ms-diagnostics: 17002;reason=\"x\"", "ms-diagnostics", "17002", "client", "", "", ""},
		{"404", "sip-status", "404", "identity", "Not Found", "", "RFC 3261"},
		{"503", "sip-status", "503", "service", "", "", ""},
		{"AADSTS50053", "aadsts", "AADSTS50053", "identity", "", "", ""},
		{"AADSTS50126: Error validating credentials due to invalid username or password. Trace ID: 0", "aadsts", "AADSTS50126", "identity", "wrong user name or password", "", ""},
		{"0x80048821", "hresult", "0x80048821", "identity", "wrong user name or password", "", ""},
		{"MSIS7068: Access denied.", "adfs", "MSIS7068", "identity", "access denied", "", ""},
		{"ID3242", "adfs", "ID3242", "identity", "", "", ""},
	} {
		got := lyncdiag.Explain(test.text)
		if len(got) == 0 {
			t.Errorf("%q: nothing", test.text)
			continue
		}
		e := got[0]
		if e.Kind != test.kind || e.Code != test.code || e.Type != test.typ {
			t.Errorf("%q: %s %s, type %q; want %s %s, type %q", test.text, e.Kind, e.Code, e.Type, test.kind, test.code, test.typ)
		}
		if !strings.Contains(e.Text+" "+e.Cause, test.part) {
			t.Errorf("%q: text %q, cause %q, want %q", test.text, e.Text, e.Cause, test.part)
		}
		if !strings.Contains(strings.Join(e.Resolution, "\n"), test.resolution) {
			t.Errorf("%q: resolution %q, want %q", test.text, e.Resolution, test.resolution)
		}
		if !strings.Contains(strings.Join(e.References, " "), test.reference) {
			t.Errorf("%q: references %q, want %q", test.text, e.References, test.reference)
		}
		sorted := slices.IsSortedFunc(got, func(a, b lyncdiag.Explanation) int {
			switch {
			case a.Score > b.Score:
				return -1
			case a.Score < b.Score:
				return 1
			}
			return 0
		})
		if !sorted {
			t.Errorf("%q: not best first: %+v", test.text, got)
		}
	}
}

func TestExplainKnowsNothing(t *testing.T) {
	for _, text := range []string{"", " \n", "qwertz", "hello world", "the printer is out of paper", "LD9999", "0x", "-1", "AADSTS", strings.Repeat("x", 1<<20), strings.Repeat("0x80EE006", 1<<10)} {
		if got := lyncdiag.Explain(text); got != nil {
			t.Errorf("%.40q: %+v", text, got)
		}
	}
}

// The article's own words: its row comes first, with its type, whatever code
// stands beside it.
func TestExplainArticleRows(t *testing.T) {
	article := strings.Split(material(t, "seed/kb2541980.txt"), "\n")
	types := []string{"network", "network", "identity", "client", "client", "identity", "identity", "client", "identity"}
	start := slices.IndexFunc(article, func(s string) bool { return strings.HasPrefix(s, "Error messageCause") })
	for i, typ := range types {
		// A row is the message, then a line of cause, type and resolution.
		text := strings.TrimSpace(article[start+1+2*i])
		code := "kb2541980-message-" + strconv.Itoa(i+1)
		for _, shown := range []string{text, text + "\r\n0x80EE006C", "he says: " + text} {
			got := lyncdiag.Explain(shown)
			if len(got) == 0 || got[0].Code != code || got[0].Type != typ || len(got[0].Resolution) == 0 || got[0].References[0] != "KB2541980" {
				t.Errorf("%.60q: %+v; want %s", shown, got[:min(len(got), 1)], code)
			}
		}
	}
}

// Every finding is explained by its name, its id and a slip of the pen.
func TestExplainFindings(t *testing.T) {
	for _, spec := range kb.Catalogue() {
		swapped := []byte(spec.Name)
		swapped[len(swapped)-1] = '#'
		for _, text := range []string{spec.Name, strings.ToUpper(spec.Name), strings.ToLower(spec.ID), string(swapped)} {
			got := lyncdiag.Explain(text)
			if !slices.ContainsFunc(got, func(e lyncdiag.Explanation) bool {
				return e.Kind == "finding" && e.Code == spec.Name && e.Type == string(spec.Type) && len(e.Resolution) == len(spec.Resolution)
			}) {
				t.Errorf("%q does not explain %s: %+v", text, spec.Name, got)
			}
		}
		if got := lyncdiag.Explain(spec.Name); got[0].Code != spec.Name || got[0].Score != 1 {
			t.Errorf("%s: first is %s with %v", spec.Name, got[0].Code, got[0].Score)
		}
	}
}

// Every code of the reference tables is explained, with the type that the
// table's category stands for.
func TestExplainReferenceCodes(t *testing.T) {
	types := map[string]string{
		"Client": "client", "Network": "network", "Identity/authentication": "identity", "Lync Online service": "service",
	}
	for _, row := range table(t, "reference/signin-errors.tsv") {
		want, ok := types[row[2]]
		got := lyncdiag.Explain(row[0])
		if len(got) == 0 {
			t.Errorf("%s: nothing", row[0])
			continue
		}
		if ok && got[0].Type != want {
			t.Errorf("%s: type %q, the table has %q", row[0], got[0].Type, want)
		}
	}
	for _, row := range table(t, "reference/ms-diagnostics.tsv") {
		if strings.Contains(row[0], "-") {
			continue // a range
		}
		got := lyncdiag.Explain("ms-diagnostics " + row[0])
		if len(got) != 1 || got[0].Kind != "ms-diagnostics" || got[0].Code != row[0] || got[0].Text == "" {
			t.Errorf("%s: %+v", row[0], got)
		}
	}
	for _, row := range table(t, "reference/messages.tsv") {
		if got := lyncdiag.Explain(row[0]); !slices.ContainsFunc(got, func(e lyncdiag.Explanation) bool { return e.Kind == "message" }) {
			t.Errorf("%q: nothing", row[0])
		}
	}
}

// codeFindings and the catalogue's table of design agree: a row that names a
// code is the finding that the code is explained by.
func TestExplainCodesLeadToTheirFindings(t *testing.T) {
	reader := csv.NewReader(strings.NewReader(material(t, "design/findings.tsv")))
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = '\t', true, -1
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, row := range rows[1:] {
		spec, ok := kb.Lookup(row[0])
		if !ok || !strings.HasPrefix(row[0], "trust-") {
			continue
		}
		for word := range strings.FieldsFuncSeq(row[5], func(r rune) bool { return strings.ContainsRune(" ,();:/", r) }) {
			if word == "AADSTS" || !strings.HasPrefix(word, "AADSTS") && !strings.HasPrefix(word, "MSIS") && !strings.HasPrefix(word, "ID3") && !strings.HasPrefix(word, "0x") {
				continue
			}
			got := lyncdiag.Explain(word)
			if len(got) == 0 || len(got[0].Resolution) == 0 || got[0].Resolution[0] != spec.Generic().Resolution[0] {
				t.Errorf("%s: %+v, want the steps of %s", word, got, row[0])
			}
			checked++
		}
	}
	if checked < 10 {
		t.Errorf("only %d codes in the table", checked)
	}
}

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{"404", "adfs-mex", "0x80EE006C", "ms-diagnostics: 1;x=\"", "Cannot sign in to Lync", "a\nAADSTS50126\r-2131885972", "\xff\u2019"} {
		f.Add(seed)
	}
	kinds := []string{"finding", "message", "hresult", "ms-diagnostics", "sip-status", "aadsts", "adfs"}
	types := []string{"", "client", "network", "identity", "service"}
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range lyncdiag.Explain(text) {
			if !slices.Contains(kinds, e.Kind) || !slices.Contains(types, e.Type) || e.Code == "" || e.Text == "" || e.Score <= 0 || e.Score > 1 {
				t.Fatalf("%q: %+v", text, e)
			}
		}
	})
}

func ExampleExplain() {
	e := lyncdiag.Explain("ms-diagnostics: 4005;reason=\"Destination URI either not enabled for SIP or does not exist\"")[0]
	fmt.Println(e.Kind, e.Code, e.Type)
	fmt.Println(e.Text)
	// Output:
	// ms-diagnostics 4005 identity
	// Destination URI either not enabled for SIP or does not exist
}
