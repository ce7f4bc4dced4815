package kb

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"adfs-mex-http-500", "adfs-mex-http-503", "yes", "check"}
	for word, want := range map[string][]string{
		"check":                      {"check"},
		"chekc":                      {"check"},
		"Adfs_MEX http-503":          {"adfs-mex-http-503", "adfs-mex-http-500"},
		"adfs-mex-http-50":           {"adfs-mex-http-500", "adfs-mex-http-503"},
		"ye":                         {"yes"},
		"y":                          nil,
		"":                           nil,
		"warp-drive":                 nil,
		strings.Repeat("x", 1000):    nil,
		strings.Repeat("\u00e9", 30): nil,
	} {
		if got := Nearest(word, names); !slices.Equal(got, want) {
			t.Errorf("%.40q: %q, want %q", word, got, want)
		}
	}
	if got := Nearest("a", []string{"b"}); got != nil {
		t.Errorf("a letter is near to another: %q", got)
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}, {"flaw", "lawn", 2}, {"ab", "ba", 1}} {
		if got, back := editDistance(test.a, test.b), editDistance(test.b, test.a); got != test.want || back != test.want {
			t.Errorf("distance of %q and %q: %d and %d, want %d", test.a, test.b, got, back, test.want)
		}
	}
}
