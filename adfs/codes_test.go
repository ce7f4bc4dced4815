package adfs_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/adfs"
)

// TestCodesAgainstList requires every code of this family that the collected
// list of sign-in errors has, under the same category and name.
func TestCodesAgainstList(t *testing.T) {
	categories := map[string]string{"Identity/authentication": "identity", "Client": "client", "Network": "network", "Lync Online service": "service", "n/a": ""}
	lines := strings.Split(strings.TrimSpace(string(read(t, shared(t, "reference/signin-errors.tsv")))), "\n")
	compared := 0
	for _, line := range lines[1:] {
		f := strings.Split(line, "\t")
		kind := ""
		switch {
		case strings.HasPrefix(f[0], "AADSTS"):
			kind = "aadsts"
		case strings.HasPrefix(f[0], "0x8004"), strings.HasPrefix(f[0], "0x0004"), strings.HasPrefix(f[0], "0xCAA"):
			kind = "hresult"
		default:
			continue
		}
		compared++
		got := adfs.LookupCode(f[0])
		if len(got) != 1 || got[0].Code != f[0] || got[0].Kind != kind {
			t.Errorf("%s: %+v", f[0], got)
			continue
		}
		category, ok := categories[f[2]]
		if !ok || got[0].Category != category {
			t.Errorf("%s: category %q, the list says %q", f[0], got[0].Category, f[2])
		}
		// A symbolic name is written as in the list.
		name, _, _ := strings.Cut(f[1], " ")
		name = strings.TrimSuffix(name, ":")
		if strings.ToUpper(name) == name && strings.Contains(name, "_") && !strings.HasPrefix(got[0].Meaning, name+":") {
			t.Errorf("%s: meaning %q does not begin with %s", f[0], got[0].Meaning, name)
		}
	}
	if compared < 70 {
		t.Errorf("only %d codes compared", compared)
	}
}

func TestLookupCode(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"AADSTS50126", "AADSTS50126"},
		{"aadsts50126", "AADSTS50126"},
		{"AADSTS 50126", "AADSTS50126"},
		{"AADSTS50126: Error validating credentials.\r\nTrace ID: 0a0a", "AADSTS50126"},
		{"(AADSTS50126)", "AADSTS50126"},
		{"50126", "AADSTS50126"},
		{" 50126\n", "AADSTS50126"},
		{"7068", "MSIS7068"},
		{"3242", "ID3242"},
		{"AADSTS5012", ""},
		{"AADSTS99999", ""},
		{"port 50000 to 59999", ""},
		{"error 50126", ""},
		{"MSIS7068: Access denied.", "MSIS7068"},
		{"msis7068", "MSIS7068"},
		{"ID3242: The security token could not be authenticated or authorized.", "ID3242"},
		{"0x80048821", "0x80048821"},
		{"0X8004882A", "0x8004882A"},
		{"0x8004882a", "0x8004882A"},
		{"80048821", "0x80048821"},
		{"code=0x80048821;", "0x80048821"},
		{"-2147186655", "0x80048821"},
		{"hr: -2147186655.", "0x80048821"},
		{"0x0080048821", ""},
		{"80048821-AADSTS50126", "0x80048821 AADSTS50126"},
		{"AADSTS50126-wrong-password", "AADSTS50126"},
		{"0x80048821 then AADSTS50126 then 0x80048821", "0x80048821 AADSTS50126"},
		{"0xcaa70007", "0xCAA70007"},
		{"0x80EE0066", ""}, // the Lync client's own: package sip
		{"", ""},
		{"ID", ""},
		{"AADSTS", ""},
		{"\u0661\u0662 nothing", ""},
	} {
		var got []string
		for _, c := range adfs.LookupCode(tt.text) {
			got = append(got, c.Code)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestLookupCodeTable goes over all numbers that a code can have, and so over
// the whole table, without seeing it.
func TestLookupCodeTable(t *testing.T) {
	var all []adfs.Code
	for n := range 10_000 {
		all = append(all, adfs.LookupCode(fmt.Sprintf("MSIS%04d ID%04d", n, n))...)
	}
	for n := 20_000; n < 60_000; n++ {
		all = append(all, adfs.LookupCode(fmt.Sprintf("AADSTS%d", n))...)
	}
	for n := 0x80040000; n < 0x80050000; n++ {
		all = append(all, adfs.LookupCode(fmt.Sprintf("%#x", n))...)
	}
	if len(all) < 85 {
		t.Errorf("only %d codes", len(all))
	}
	for i, c := range all {
		if c.Meaning == "" || c.Source == "" || !slices.Contains([]string{"identity", "client", "network", "service"}, c.Category) || !slices.Contains([]string{"aadsts", "hresult", "adfs"}, c.Kind) {
			t.Errorf("incomplete: %+v", c)
		}
		if again := adfs.LookupCode("(" + strings.ToLower(c.Code) + ")"); !reflect.DeepEqual(again, []adfs.Code{c}) {
			t.Errorf("%s among signs: %+v", c.Code, again)
		}
		if slices.ContainsFunc(all[:i], func(o adfs.Code) bool { return o.Code == c.Code }) {
			t.Errorf("%s is there twice", c.Code)
		}
	}
}

func TestCodes(t *testing.T) {
	codes := adfs.Codes()
	for i, c := range codes {
		if c == "" || c != strings.ToLower(c) || slices.Contains(codes[:i], c) {
			t.Errorf("code %q", c)
		}
	}
	codes[0] = "changed"
	if adfs.Codes()[0] == "changed" {
		t.Error("callers share one slice")
	}
}
