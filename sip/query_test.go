package sip_test

import (
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func TestQuery(t *testing.T) {
	records, _ := readAll(t, testdata(t, "signin-4005.uccapilog"))
	for _, c := range []struct {
		query string
		want  int
	}{
		{"", 4}, {"method:register", 4}, {"code:404", 1}, {"code:4xx", 2}, {"direction:in", 2}, {"direction:out code:404", 0}, {"diag:4005", 1},
		{"from:contoso.com", 4}, {"from:nobody", 0}, {"DIAG:4005 from:contoso.com", 1}, {"tls-dsk", 2}, {`"not found"`, 1}, {"nothing-like-it", 0}, {"Call-ID:x-unlikely", 0},
	} {
		q, err := sip.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range records {
			if q.Match(r) {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%q matches %d messages, want %d", c.query, n, c.want)
		}
	}
	for _, bad := range []string{"from:", "direction:up", "code:4", "diag:x"} {
		if _, err := sip.ParseQuery(bad); err == nil || !strings.HasPrefix(err.Error(), "sip: read query: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
