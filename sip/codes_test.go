package sip_test

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func TestLookupCode(t *testing.T) {
	for _, c := range []struct {
		text, kind, code, contains string // of the first answer; kind "" for none
		fallback                   bool
		more                       int
	}{
		{"4005", "ms-diagnostics", "4005", "not enabled for SIP", false, 0},
		{"ms-diagnostics: 4005;reason=\"x\"", "ms-diagnostics", "4005", "not enabled for SIP", false, 0},
		{"MS-Diagnostics 4005", "ms-diagnostics", "4005", "", false, 0},
		{"5077", "ms-diagnostics", "5077", "API applications", true, 0},
		{"ms-diagnostics 404", "ms-diagnostics", "404", "common", true, 0},
		{"93001", "ms-diagnostics", "93001", "public IM", true, 0},
		{"26000", "", "", "", false, 0},
		{"404", "sip-status", "404", "not enabled for SIP", false, 0},
		{"SIP 404", "sip-status", "404", "", false, 0},
		{"SIP/2.0 504 Server time-out", "sip-status", "504", "", false, 0},
		{"499", "sip-status", "499", "request failure", true, 0},
		{"0x80EE006C", "hresult", "0x80EE006C", "time skew", false, 0},
		{"80ee006c", "hresult", "0x80EE006C", "RTC_E_SIP_AUTH_TIME_SKEW", false, 0},
		{"80004005", "hresult", "0x80004005", "", false, 0},
		{"Error: 0x80ee0066.", "hresult", "0x80EE0066", "RTC_E_SIP_DNS_FAIL", false, 0},
		{"-2131885972", "hresult", "0x80EE006C", "", false, 0},
		{"2163081324", "hresult", "0x80EE006C", "", false, 0},
		{"0xFFFFFFFF80EE006C", "hresult", "0x80EE006C", "", false, 0},
		{"0x80EF0194", "hresult", "0x80EF0194", "SIP status 404", false, 0},
		{"0x80ef01f3", "hresult", "0x80EF01F3", "SIP status 499", true, 0},
		{"0x00EF00C8", "hresult", "0x00EF00C8", "OK", false, 0},
		{"0x00EE0066", "hresult", "0x00EE0066", "RTC_E_SIP_DNS_FAIL", true, 0},
		{"RTC_E_SIP_TLS_FAIL", "hresult", "0x80EE0069", "", false, 0},
		{"10060", "hresult", "0x8007274C", "WSAETIMEDOUT", false, 1},
		{"10054(WSAECONNRESET)", "hresult", "0x80072746", "", false, 1},
		{"wsaeconnrefused", "hresult", "0x8007274D", "", false, 0},
		{"disconnected", "", "", "", false, 0},
		{"0x80048821", "", "", "", false, 0},
		{"0x", "", "", "", false, 0},
		{"AADSTS50126", "", "", "", false, 0},
		{"99999999999999999999", "", "", "", false, 0},
		{"", "", "", "", false, 0},
	} {
		got := sip.LookupCode(c.text)
		if c.kind == "" {
			if len(got) != 0 {
				t.Errorf("%q: got %+v, want nothing", c.text, got)
			}
			continue
		}
		if len(got) != 1+c.more {
			t.Errorf("%q: got %+v", c.text, got)
			continue
		}
		if g := got[0]; g.Kind != c.kind || g.Code != c.code || g.Fallback != c.fallback || !strings.Contains(g.Name+" "+g.Meaning, c.contains) || g.Source == "" {
			t.Errorf("%q: got %+v", c.text, g)
		}
	}
}

// TestTables finds every row of the reference tables, and every row says where it comes from.
func TestTables(t *testing.T) {
	rows := func(name string) [][]string {
		f, err := os.Open(shared(t, "reference", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := csv.NewReader(f)
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
		out, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return out[1:]
	}
	n := 0
	for _, row := range rows("ms-diagnostics.tsv") {
		if strings.Contains(row[1], "truncated in source") {
			continue // nothing is known of it but its range
		}
		id, _, isRange := strings.Cut(row[0], "-")
		got := sip.LookupCode("ms-diagnostics " + id)
		if len(got) != 1 || got[0].Source == "" || !isRange && got[0].Fallback {
			t.Errorf("%s: got %+v", row[0], got)
		}
		n++
	}
	for _, row := range rows("signin-errors.tsv") {
		v, err := strconv.ParseUint(strings.TrimPrefix(row[0], "0x"), 16, 32)
		if err != nil || v>>16 == 0x8004 || v>>16 == 0x0004 {
			continue // belongs to the token leg
		}
		got := sip.LookupCode(row[0])
		if len(got) != 1 || got[0].Fallback || got[0].Source == "" || got[0].Name+got[0].Meaning == "" {
			t.Errorf("%s: got %+v", row[0], got)
			continue
		}
		if category := strings.TrimPrefix(row[2], "n/a"); got[0].Category != category {
			t.Errorf("%s: category %q, want %q", row[0], got[0].Category, category)
		}
		n++
	}
	if n < 300 {
		t.Errorf("%d rows compared", n)
	}
}
