package codepage_test

import (
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/codepage"
)

func TestOf(t *testing.T) {
	for _, text := range []string{"J\u00fcrgen", "d\u00e9sol\u00e9", "Anmeldung f\u00fcr \u00c4rzte", "j\u00f6rg@contoso.com", "Malm\u00f6", "o\u00f9", "per\u00f2"} {
		for _, page := range []*charmap.Charmap{charmap.CodePage850, charmap.Windows1252, charmap.CodePage437} {
			raw, err := page.NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if back, err := codepage.Of(raw).NewDecoder().Bytes(raw); err != nil || string(back) != text {
				t.Errorf("%s in %s is read as %q, %v", text, page, back, err)
			}
		}
	}
	for _, text := range []string{"couldn\u2019t sign in", "a \u201cquote\u201d", "Lync \u2013 sign in", "\u2022 first"} {
		raw, err := charmap.Windows1252.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if codepage.Of(raw) != charmap.Windows1252 {
			t.Errorf("typographic signs are taken for letters of a console: %q", raw)
		}
	}
}
