package interview

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

const simple = `{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed","value":"yes","at":"2013-05-31T14:05:00.000Z"}]}`

func TestLoad(t *testing.T) {
	licensed := []fact.Answer{{ID: "licensed", Value: "yes", At: "2013-05-31T14:05:00.000Z"}}
	utf16 := func(text string, order unicode.Endianness, bom unicode.BOMPolicy) string {
		out, err := unicode.UTF16(order, bom).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, test := range map[string]struct {
		in   string
		want []fact.Answer
	}{
		"plain":              {simple, licensed},
		"byte order mark":    {"\ufeff" + simple, licensed},
		"windows powershell": {utf16(simple+"\r\n", unicode.LittleEndian, unicode.UseBOM), licensed},
		"utf-16be":           {utf16(simple, unicode.BigEndian, unicode.UseBOM), licensed},
		"utf-16le no mark":   {utf16(simple, unicode.LittleEndian, unicode.IgnoreBOM), licensed},
		"utf-16be no mark":   {utf16(simple, unicode.BigEndian, unicode.IgnoreBOM), licensed},
		"single object":      {`{"schema":"lyncdiag.answers/v1","answers":{"id":"licensed","value":"yes","at":"2013-05-31T14:05:00.000Z"}}`, licensed},
		"none":               {`{"schema":"lyncdiag.answers/v1","answers":[]}`, []fact.Answer{}},
		"other keys":         {`{"schema":"lyncdiag.answers/v1","by":"desk","answers":[{"id":"licensed","value":"yes","note":"x"}]}`, []fact.Answer{{ID: "licensed", Value: "yes"}}},
		"booleans":           {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed","value":true},{"id":"sso","value":false}]}`, []fact.Answer{{ID: "licensed", Value: "yes"}, {ID: "sso", Value: "no"}}},
		"case and space":     {`{"schema":"lyncdiag.answers/v1","answers":[{"id":" Licensed ","value":" YES\n"}]}`, []fact.Answer{{ID: "licensed", Value: "yes"}}},
		"message keeps case": {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"message","value":" Cannot sign in to Lync \n"}]}`, []fact.Answer{{ID: "message", Value: "Cannot sign in to Lync"}}},
		"offset":             {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"sso","value":"no","at":"2013-05-31T16:05:00.0000000+02:00"}]}`, []fact.Answer{{ID: "sso", Value: "no", At: "2013-05-31T14:05:00.000Z"}}},
		// [DateTime]::new(2013,5,31,14,5,0,'Utc') | ConvertTo-Json in 5.1
		"ticks":      {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licence-assigned-at","value":"\/Date(1370009100000)\/","at":"\/Date(1370009100000)\/"}]}`, []fact.Answer{{ID: "licence-assigned-at", Value: "2013-05-31T14:05:00Z", At: "2013-05-31T14:05:00.000Z"}}},
		"last twice": {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"sso","value":"no"},{"id":"sso","value":"yes"}]}`, []fact.Answer{{ID: "sso", Value: "no"}, {ID: "sso", Value: "yes"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(strings.NewReader(test.in))
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestLoadReadsCodePages(t *testing.T) {
	text := "Lync couldn\u2019t find a Lync Server"
	doc := `{"schema":"lyncdiag.answers/v1","answers":[{"id":"message","value":"` + text + `"}]}`
	for name, test := range map[string]struct {
		page *charmap.Charmap
		text string
	}{
		"ansi":         {charmap.Windows1252, text},
		"ansi letters": {charmap.Windows1252, "Anmeldung f\u00fcr \u00c4rzte"},
		"oem":          {charmap.CodePage850, "Anmeldung f\u00fcr \u00c4rzte, d\u00e9sol\u00e9"},
	} {
		raw, err := test.page.NewEncoder().String(strings.Replace(doc, text, test.text, 1))
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := Load(strings.NewReader(raw))
		if err != nil || len(got) != 1 || got[0].Value != test.text {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, test.text)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"empty":            {"", "unexpected end"},
		"not json":         {"licensed=yes", "invalid character"},
		"two documents":    {simple + simple, "invalid character"},
		"another document": {`{"schema":"lyncdiag.report/v1"}`, `schema "lyncdiag.report/v1", want "lyncdiag.answers/v1"`},
		"nothing":          {`{}`, `no "schema"`},
		"no schema":        {`{"answers":[{"id":"licensed","value":"yes"}]}`, `no "schema": want a document of schema "lyncdiag.answers/v1"`},
		"null schema":      {`{"schema":null,"answers":[]}`, `no "schema"`},
		"no answers":       {`{"schema":"lyncdiag.answers/v1"}`, `no "answers"`},
		"null answers":     {`{"schema":"lyncdiag.answers/v1","answers":null}`, `no "answers"`},
		"array":            {`[]`, `found array where it must not be: want a document of schema`},
		"null":             {`null`, `no "schema"`},
		"number":           {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed","value":1}]}`, "found number"},
		"unknown id":       {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"sso","value":"yes"},{"id":"liscensed","value":"yes"}]}`, `answer 2: there is no question "liscensed", did you mean "licensed"?`},
		"unknown value":    {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"users","value":"2"}]}`, `"2" is not allowed, want one, many or unknown`},
		"no value":         {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed"}]}`, "want yes, no or unknown"},
		"bad time":         {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed","value":"yes","at":"yesterday"}]}`, `"yesterday" is no time`},
		"bad year":         {`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licensed","value":"yes","at":"0001-01-01T00:00:00+05:00"}]}`, "year"},
		"too long":         {`{"schema":"lyncdiag.answers/v1","answers":[` + strings.Repeat(" ", 1<<20) + `]}`, "more than 1048576 bytes"},
	} {
		got, err := Load(strings.NewReader(test.in))
		if err == nil || got != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, test.want)
		}
	}
	broken := errors.New("disk is gone")
	if _, err := Load(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in   string
		want fact.Answer
		err  string
	}{
		{"licensed=yes", fact.Answer{ID: "licensed", Value: "yes"}, ""},
		{" Licensed = YES ", fact.Answer{ID: "licensed", Value: "yes"}, ""},
		{"message=a=b, Not c", fact.Answer{ID: "message", Value: "a=b, Not c"}, ""},
		{"licence-assigned-at=2013-05-31t14:05:00z", fact.Answer{ID: "licence-assigned-at", Value: "2013-05-31T14:05:00Z"}, ""},
		{"licence-assigned-at=Unknown", fact.Answer{ID: "licence-assigned-at", Value: "unknown"}, ""},
		{"licensed", fact.Answer{}, "want ID=VALUE"},
		{"", fact.Answer{}, "want ID=VALUE"},
		{"licensed=", fact.Answer{}, "want yes, no or unknown"},
		{"message=", fact.Answer{}, "empty"},
		{"liscensed=yes", fact.Answer{}, `did you mean "licensed"`},
		{"licence-assigned-at=soon", fact.Answer{}, "no time"},
	} {
		got, err := Parse(test.in)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: %+v, %v", test.in, got, err)
		}
	}
}

// A time as a person writes it is this computer's; saved, it must not change
// its meaning elsewhere.
func TestLocalTimeBecomesUTC(t *testing.T) {
	a, err := Parse("licence-assigned-at=2013-05-31 14:05")
	if err != nil {
		t.Fatal(err)
	}
	got, err := time.Parse(time.RFC3339, a.Value)
	if want := time.Date(2013, 5, 31, 14, 5, 0, 0, time.Local); err != nil || !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("%q is %v, %v; want %v", a.Value, got, err, want)
	}
}

// What Load accepts is in normal form: written as a document, it reads the same
// again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		simple, "\ufeff" + simple, "\xff\xfe{\x00}\x00", "{\x00}\x00", "\x00{\x00}", `{"schema":"lyncdiag.answers/v1","answers":{"id":"message","value":"\ud83d\ude00\ud83d"}}`,
		`{"schema":"lyncdiag.answers/v1","answers":[{"id":"licence-assigned-at","value":"2013-05-31 14:05","at":"9999-12-31T23:59:59-23:59"}]}`,
		"{\"schema\":\"lyncdiag.answers/v1\",\"answers\":[{\"id\":\"message\",\"value\":\"\x92\x81\"}]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		answers, err := Load(bytes.NewReader(in))
		if err != nil {
			return
		}
		document := map[string]any{"schema": schema, "answers": []map[string]string{}}
		for _, a := range answers {
			document["answers"] = append(document["answers"].([]map[string]string), map[string]string{"id": a.ID, "value": a.Value, "at": a.At})
		}
		out, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Load(bytes.NewReader(out))
		if err == nil && !reflect.DeepEqual(answers, again) {
			t.Fatalf("%+v became %+v", answers, again)
		}
		// Escapes make a text longer, so that the limit may cut it.
		if err != nil && !strings.Contains(err.Error(), "more than") {
			t.Fatal(err)
		}
	})
}
