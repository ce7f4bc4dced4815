package fact_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

func TestParseAddress(t *testing.T) {
	good := []struct{ in, address, domain string }{
		{"joe@contoso.com", "joe@contoso.com", "contoso.com"},
		{"  joe@contoso.com ", "joe@contoso.com", "contoso.com"},
		{"sip:joe@Contoso.COM", "joe@Contoso.COM", "contoso.com"},
		{"SIP:joe@contoso.com", "joe@contoso.com", "contoso.com"},
		{"jörg@bücher.example", "jörg@bücher.example", "xn--bcher-kva.example"},
		{"joe@faß.example", "joe@faß.example", "xn--fa-hia.example"}, // UTS 46 non-transitional
		{"o'neil@contoso.com", "o'neil@contoso.com", "contoso.com"},
		{"joe@contoso.com.", "joe@contoso.com.", "contoso.com"},
	}
	for _, c := range good {
		got, err := fact.ParseAddress(c.in)
		if err != nil || got.Address != c.address || got.Domain != c.domain {
			t.Errorf("ParseAddress(%q) = %+v, %v; want address %q, domain %q", c.in, got, err, c.address, c.domain)
		}
	}
	bad := []struct{ in, says string }{
		{"joe", "no @"}, {"joe@x@y.com", "more than one @"}, {"@contoso.com", "before the @"}, {"joe@", "after the @"},
		{"joe smith@contoso.com", "white space"}, {"joe@con toso.com", "white space"}, {"joe\x00@contoso.com", "control"},
		{"joe@con,toso.com", "domain"}, {"joe@" + strings.Repeat("a", 64) + ".com", "domain"},
	}
	for _, c := range bad {
		if _, err := fact.ParseAddress(c.in); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseAddress(%q): error %v, want one that says %q", c.in, err, c.says)
		}
	}
}

// FuzzParseAddress: an address that is taken has a domain DNS can be asked
// for, and reading it again changes nothing.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"joe@contoso.com", "jörg@bücher.example", "a@b@c", "sip:x@y", "x@xn--a", "@", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := fact.ParseAddress(s)
		if err != nil {
			return
		}
		if got.Domain == "" || len(got.Domain) > 253 || strings.Trim(got.Domain, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("%q gives the domain %q", s, got.Domain)
		}
		again, err := fact.ParseAddress(got.Address)
		if err != nil || again != got {
			t.Errorf("%q reads as %+v, and that as %+v, %v", s, got, again, err)
		}
	})
}

func TestOriginsAreKeptInOrderOfAuthority(t *testing.T) {
	f := fact.New()
	fact.Put(f, fact.MessageKey, "said", fact.Origin{Kind: fact.Interview})
	fact.Put(f, fact.MessageKey, "logged", fact.Origin{Kind: fact.Log, Where: "a.log", Line: 7})
	fact.Put(f, fact.MessageKey, "seen", fact.Origin{Kind: fact.Live})
	fact.Put(f, fact.MessageKey, "seen later", fact.Origin{Kind: fact.Live})
	if v, o, ok := fact.Get(f, fact.MessageKey); !ok || v != "seen later" || o.Kind != fact.Live {
		t.Errorf("Get = %q from %v", v, o)
	}
	var order []string
	for _, v := range fact.All(f, fact.MessageKey) {
		order = append(order, v)
	}
	if want := []string{"seen later", "logged", "said"}; !reflect.DeepEqual(order, want) {
		t.Errorf("All = %v, want %v", order, want)
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, doc := range []string{
		"", "null", "{}", `{"schema":"lyncdiag.facts/v9","facts":[]}`,
		`{"schema":"lyncdiag.facts/v1","facts":[{"name":"of-tomorrow","origin":{"kind":"live"},"value":1}]}`,
		`{"schema":"lyncdiag.facts/v1","facts":[{"name":"message","origin":{"kind":"live"},"value":1}]}`,
		`{"schema":"lyncdiag.facts/v1","facts":[{"name":"realm","origin":{"kind":"live"},"value":null}]}`,
	} {
		if _, err := fact.Decode(strings.NewReader(doc)); err == nil {
			t.Errorf("Decode(%s) gives no error", doc)
		}
	}
}

// TestOwnFacts: a stage of the caller's records its own facts too.
func TestOwnFacts(t *testing.T) {
	type reading struct {
		Celsius int       `json:"celsius"`
		At      time.Time `json:"at"`
	}
	key := fact.NewKey[reading]("example.temperature")
	f := fact.New()
	want := reading{21, time.Unix(1, 0).UTC()}
	fact.Put(f, key, want, fact.Origin{Kind: fact.Live})
	var b bytes.Buffer
	if err := fact.Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	again, err := fact.Decode(&b, key)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, ok := fact.Get(again, key); !ok || got != want {
		t.Errorf("got %+v", got)
	}
}

// FuzzDecode: what Decode takes, Encode writes so that it reads the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":"lyncdiag.facts/v1","facts":[{"name":"message","origin":{"kind":"live"},"value":"x"}]}`))
	f.Add([]byte(`{"schema":"lyncdiag.facts/v1","facts":[{"name":"dns","origin":{"kind":"lab"},"value":{"domain":"a","answers":[{"type":"SRV"}]}}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		facts, err := fact.Decode(bytes.NewReader(doc))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := fact.Encode(&first, facts); err != nil {
			t.Skip(err) // a time outside the years JSON can write
		}
		again, err := fact.Decode(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("own record refused: %v\n%s", err, first.Bytes())
		}
		if err := fact.Encode(&second, again); err != nil || first.String() != second.String() {
			t.Errorf("record changes: %v\n%s\n%s", err, first.String(), second.String())
		}
	})
}
