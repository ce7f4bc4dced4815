package asciijson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/asciijson"
)

func TestAppend(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		`{"a":"b\n\u00e9"}`:        `{"a":"b\n\u00e9"}`,
		"\"\u00fc\u20ac\"":         `"\u00fc\u20ac"`,
		"\"\U0001F600x\"":          `"\ud83d\ude00x"`,
		"\"~\x7f\u0080\ufffd\"":    `"~\u007f\u0080\ufffd"`,
		"\"\xfc\xe2\x82\"":         `"\ufffd\ufffd\ufffd"`,
		"\"\u2028\ue000\U0010ffff": `"\u2028\ue000\udbff\udfff`,
	} {
		if got := string(asciijson.Append([]byte("before "), []byte(in))); got != "before "+want {
			t.Errorf("Append(%q) is %s, want %s", in, got, want)
		}
	}
}

// FuzzAppend: what is written is ASCII, and reads as the text that it was.
func FuzzAppend(f *testing.F) {
	f.Add("\u00fc \U0001F600 \x7f\xff\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		literal, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		out := asciijson.Append(nil, literal)
		if strings.ContainsFunc(string(out), func(r rune) bool { return r >= 0x7f }) {
			t.Errorf("%q is no ASCII", out)
		}
		var read string
		if err := json.Unmarshal(out, &read); err != nil || read != strings.ToValidUTF8(text, "\ufffd") && read != string([]rune(text)) {
			t.Errorf("%q is read as %q: %v", out, read, err)
		}
	})
}
