package fleet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
)

// utf16Text is what ">" in Windows PowerShell writes.
func utf16Text(text string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func jobs(in *fleet.Input) string {
	var list []string
	for job, err := range in.Jobs() {
		what := job.Target.Address
		if what == "" {
			what = job.Target.Domain
		}
		if job.Target.UserName != "" {
			what += "/" + job.Target.UserName
		}
		if err != nil {
			what = "bad"
		}
		list = append(list, fmt.Sprintf("%d:%s", job.Line, what))
	}
	return strings.Join(list, " ")
}

func TestReadAddresses(t *testing.T) {
	list := "# users\r\njoe@contoso.com\r\n\r\n  sip:ann@contoso.com  \r\nnobody\r\nbob@contoso.com"
	users := "2:joe@contoso.com 4:ann@contoso.com 5:bad 6:bob@contoso.com"
	tests := []struct{ name, text, want string }{
		{"list", list, users},
		{"UTF-8 mark", "\ufeff" + list, users},
		{"UTF-16", utf16Text(list, binary.LittleEndian, true), users},
		{"UTF-16 big endian", utf16Text(list, binary.BigEndian, true), users},
		{"UTF-16 without mark", utf16Text("joe@contoso.com\n", binary.LittleEndian, false), "1:joe@contoso.com"},
		{"UTF-16 letters", utf16Text("m\u00fcller@contoso.com\n", binary.LittleEndian, true), "1:m\u00fcller@contoso.com"},
		{"not UTF-8", "m\xfcller@contoso.com\njoe@contoso.com", "1:bad 2:joe@contoso.com"},
		{"quoted lines", "\"joe@contoso.com\"\n", "1:joe@contoso.com"},
		{"one column", "UserPrincipalName\njoe@contoso.com\n", "2:joe@contoso.com"},
		{"any case", "userPRINCIPALname\njoe@contoso.com\n", "2:joe@contoso.com"},
		{"Export-Csv", "#TYPE Selected.User\n\"DisplayName\",\"UserPrincipalName\"\n\"Smith, Joe\",\"joe@contoso.com\"\n", "3:joe@contoso.com"},
		{"semicolon", "Name;E-Mail;Mail\nJoe;x;joe@contoso.com\n", "2:joe@contoso.com"},
		{"tab", "Name\tEmail Address\nJoe\tjoe@contoso.com\n", "2:joe@contoso.com"},
		{"SIP address before UPN", "UserPrincipalName,SipAddress\njoe@corp.contoso.com,sip:joe@contoso.com\nann@contoso.com,\nbob@contoso.com,SIP:bob@contoso.com\n",
			"2:joe@contoso.com/joe@corp.contoso.com 3:ann@contoso.com 4:bob@contoso.com"},
		{"proxy addresses", "ProxyAddresses;UserPrincipalName\n\"smtp:j@contoso.com;SIP:joe@contoso.com;SMTP:joe.smith@contoso.com\";joe@corp.contoso.com\n\"smtp:a@contoso.com SMTP:ann@contoso.com\";\nSystem.Object[];bob@contoso.com\n",
			"2:joe@contoso.com/joe@corp.contoso.com 3:ann@contoso.com 4:bob@contoso.com"},
		{"line breaks in quotes", "Office,Mail\n\"Room 1\nFloor 2\",joe@contoso.com\n,ann@contoso.com\n", "2:joe@contoso.com 4:ann@contoso.com"},
		{"empty rows", "Name,Mail\n\n,\nJoe,\nAnn,ann@contoso.com\n", "4:bad 5:ann@contoso.com"},
		{"short row", "Name,Mail\nJoe\nAnn,ann@contoso.com\n", "2:bad 3:ann@contoso.com"},
		{"quote in the middle", "Name,Mail\nJoe \"J\" Smith,joe@contoso.com\nAnn,ann@contoso.com\n", "2:joe@contoso.com 3:ann@contoso.com"},
		{"quote without end", "Name,Mail\n\"Joe,joe@contoso.com\nAnn,ann@contoso.com\nBob,bob@contoso.com\n", "2:bad 3:ann@contoso.com 4:bob@contoso.com"},
		{"long line", strings.Repeat("x", 1<<20) + "@contoso.com\njoe@contoso.com", "1:bad 2:joe@contoso.com"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, err := fleet.ReadAddresses(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := jobs(in); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if in.Len() != strings.Count(test.want, ":") {
				t.Errorf("Len %d", in.Len())
			}
		})
	}
}

func TestReadDomains(t *testing.T) {
	for text, want := range map[string]string{
		"contoso.com\nCONTOSO.com.\njoe@fabrikam.com\n":                    "1:contoso.com 2:contoso.com 3:fabrikam.com",
		"UserPrincipalName,Domain\njoe@a.com,b.com\n":                      "2:b.com",
		"UserPrincipalName\njoe@a.com\nann@a.com\n":                        "2:a.com 3:a.com",
		"b\u00fccher.example\nnot a domain\n":                              "1:xn--bcher-kva.example 2:bad",
		"DomainName;AuthenticationType\ncontoso.com;Federated\n;Managed\n": "2:contoso.com 3:bad",
	} {
		in, err := fleet.ReadDomains(strings.NewReader(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := jobs(in); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	in, err := fleet.ReadDomains(strings.NewReader("a.com\nA.com\njoe@a.com\nx y\n"))
	if err != nil || in.Len() != 2 {
		t.Errorf("repeated domains and a bad line are %d results, %v", in.Len(), err)
	}
}

func TestReadInputRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "no address",
		"\n# nobody\n":                "no address",
		"joe\nann\n":                  "line 1: address \"joe\"",
		"PK\x03\x04\x00\x00\x00\x08":  "not text",
		"DisplayName,Office\nJoe,1\n": "none of its columns",
		"UserPrincipalName\n":         "no address",
	} {
		if _, err := fleet.ReadAddresses(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzInput: whatever the file, each job has a line of its own in rising order,
// and what passes for an address is one.
func FuzzInput(f *testing.F) {
	for _, text := range []string{"joe@contoso.com\n", "Name,Mail\n\"a\nb\",joe@contoso.com\n\"c,d\ne\"f,x@y\n", "\xff\xfea\x00", "Domain\tx\n\"\n\"\"\ta.com"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := fleet.ReadAddresses(bytes.NewReader(raw))
		if err != nil {
			return
		}
		line, seen := 0, map[string]bool{}
		for job, err := range in.Jobs() {
			bad := new(fleet.LineError)
			if err != nil && (!errors.As(err, &bad) || bad.Line != job.Line) {
				t.Fatalf("error %v for line %d", err, job.Line)
			}
			if job.Line <= line || job.Key == "" {
				t.Fatalf("line %d after %d, key %q", job.Line, line, job.Key)
			}
			line, seen[job.Key] = job.Line, true
			if err == nil && strings.Count(job.Target.Address, "@") != 1 || !utf8.ValidString(job.Target.Address) {
				t.Fatalf("address %q", job.Target.Address)
			}
		}
		if len(seen) != in.Len() || line > bytes.Count(raw, []byte("\n"))+1 {
			t.Fatalf("%d jobs, Len %d, last line %d", len(seen), in.Len(), line)
		}
	})
}
