package render_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// TestLabPagesFit: whatever is wrong, no line of a page is longer than the
// page, unless it is one word, which is never cut. And tests fail as the exit
// code does.
func TestLabPagesFit(t *testing.T) {
	for _, fault := range lab.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(t.Context(), lab.Config{Faults: []string{fault.Name}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			d := lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting()}
			target, err := fact.ParseAddress("joe@contoso.example")
			if err != nil {
				t.Fatal(err)
			}
			f, r, err := d.Facts(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			clock, _, _ := fact.Get(f, fact.ClockKey)
			var tool render.Tool
			pages := map[string]render.Document{
				"check": tool.Report(r, 1), "dns": tool.DNS(f, r), "autodiscover": tool.Autodiscover(f, r), "realm": tool.Realm(f, r),
				"mex": tool.MEX("https://sts.contoso.example/adfs/services/trust/mex", f, r),
			}
			if list, _, ok := fact.Get(f, fact.CandidatesKey); ok {
				var hosts []render.PortResult
				for _, c := range list {
					hosts = append(hosts, render.PortResult{Endpoint: c.Endpoint})
				}
				pages["sip"], pages["port"] = tool.SIP(list[0].Host, list[0], clock, r), tool.Port(hosts)
				if list[0].TLS != nil {
					pages["cert"] = tool.Cert(list[0].Host, list[0].TLS, render.CertDetails{}, r)
				}
			}
			checkTests(t, r)
			for name, page := range pages {
				var b strings.Builder
				if err := page.Write(&b, render.Text, render.Options{Width: 80}); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(b.String()) {
					line = strings.TrimRight(line, "\n")
					if utf8.RuneCountInString(line) > 80 && strings.Contains(line, " ") {
						t.Errorf("%s: %d columns: %s", name, utf8.RuneCountInString(line), line)
					}
					if strings.ContainsFunc(line, func(r rune) bool { return r > unicode.MaxASCII }) {
						t.Errorf("%s: a console may not show %q", name, line)
					}
				}
			}
		})
	}
}

// TestOneColumn: a terminal of one column, or of none, costs no word.
func TestOneColumn(t *testing.T) {
	words := func(d render.Document, width int) []string {
		var b strings.Builder
		if err := d.Write(&b, render.Text, render.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		list := strings.Fields(b.String())
		slices.Sort(list) // a duration stands beside what wraps
		return list
	}
	for name, list := range everything(t) {
		for i, d := range list {
			want := words(d, 120)
			for _, width := range []int{1, -1} {
				if got := words(d, width); !slices.Equal(got, want) {
					t.Errorf("%s/%d: width %d has other words:\n%q\n%q", name, i, width, got, want)
				}
			}
		}
	}
}
