package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// property is one of a certificate in a store.
func property(id uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, id)
	b = binary.LittleEndian.AppendUint32(b, 1)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(data))), data...)
}

func certificate(t testing.TB) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "joe@contoso.example"}, NotAfter: time.Now()}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// FuzzParseStored: what was read of a store's file is read again from the properties
// that say it, whatever stands among them, and of a file that is cut there is nothing.
func FuzzParseStored(f *testing.F) {
	der := certificate(f)
	f.Add(property(32, der))
	f.Add(slices.Concat(property(2, []byte("container")), property(3, make([]byte, 20)), property(32, der)))
	f.Add(slices.Concat(property(5, nil), property(32, der), []byte("rest")))
	f.Add([]byte{2, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		cert, hasKey, err := parseStored(b)
		if err != nil {
			if cert != nil || hasKey {
				t.Fatal("an error, and a certificate")
			}
			return
		}
		var key []byte
		if hasKey {
			key = property(2, []byte("x"))
		}
		again := slices.Concat(key, property(99, b[:min(len(b), 40)]), property(32, cert.Raw))
		if c, k, err := parseStored(again); err != nil || !c.Equal(cert) || k != hasKey {
			t.Fatalf("again: %v, key %t, was %t", err, k, hasKey)
		}
		if _, _, err := parseStored(again[:len(again)-1]); err == nil {
			t.Fatal("a certificate that is cut was read")
		}
	})
}

// FuzzReadCmdkey: the targets are those of Lync that stand in the text, in every
// encoding the same, and one more line adds its own.
func FuzzReadCmdkey(f *testing.F) {
	f.Add([]byte("Currently stored credentials:\r\n\r\n    Target: LegacyGeneric:target=MicrosoftOffice15_Data:SSPI:joe@contoso.example\r\n    Type: Generic\r\n"))
	f.Add([]byte("    Ziel: LegacyGeneric:target=Microsoft_OC1:uri=joe@contoso.example:specific:OCS:1"))
	f.Add([]byte("\xff\xfe \x00\n\x00"))
	f.Add([]byte("target=msoidcrl\x00\xe4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func(b []byte) ([]string, error) {
			c := &Computer{}
			err := c.readCmdkey(bytes.NewReader(b))
			if c.noted.CredentialsRead != (err == nil) {
				t.Fatalf("read: %t, %v", c.noted.CredentialsRead, err)
			}
			return c.noted.Credentials, err
		}
		list, err := read(b)
		for _, target := range list {
			if !ofLync(target) || strings.Contains(target, "\n") {
				t.Fatalf("%q is none of Lync's", target)
			}
		}
		if err != nil || bytes.ContainsFunc(b, func(r rune) bool { return r == 0 || r >= 0x80 }) {
			return
		}
		const more = "MicrosoftOffice16_Data:SSPI:more@contoso.example"
		longer, err := read(slices.Concat(b, []byte("\r\n    Target: LegacyGeneric:target="+more+"\r\n")))
		if err != nil || !slices.Equal(longer, append(slices.Clone(list), more)) {
			t.Fatalf("with one more: %q, was %q: %v", longer, list, err)
		}
		for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
			if wide, err := read(asUTF16(order, true)(b)); err != nil || !slices.Equal(wide, list) {
				t.Fatalf("UTF-16, %s endian: %q, was %q: %v", name, wide, list, err)
			}
		}
	})
}

// FuzzReadNoted: what was read is written, and read to the same client.
func FuzzReadNoted(f *testing.F) {
	f.Add([]byte(`{"schema":"lyncdiag.client-export/v1","at":"2013-05-31T14:05:00Z","services":[{"name":"msoidsvc","state":"running"}],"processes":["lync.exe"],
"versions":[{"path":"C:\\x\\lync.exe","version":"15.0.1.2"}],"credentials":["msoidcrl"],"files":[{"path":"Tracing/a.uccapilog","size":1,"at":"2013-05-01T10:00:00Z"}],
"folders":["Tracing","AppData/Local/Microsoft/Communicator","AppData/Local/Microsoft/Communicator/sip_joe@contoso.example"],"servicesRead":true,"processesRead":true,"gaps":[{"name":"a","value":"b"}]}`))
	f.Add([]byte(`{"schema":"lyncdiag.client-export/v1","files":null,"folders":["","/","..","a/../b"]}`))
	f.Add([]byte(`{"schema":"lyncdiag.client-export/v2"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if (&Computer{}).readNoted(bytes.NewReader(b)) != nil {
			return
		}
		c, err := OpenFS("first", fstest.MapFS{NotedName: {Data: b}})
		if err != nil {
			t.Fatal(err)
		}
		want := c.Inspect()
		all := fstest.MapFS{}
		err = c.ExportTo(func(name string, content []byte) error {
			all[name] = &fstest.MapFile{Data: content}
			return nil
		})
		if err != nil {
			t.Skip(err) // a year that JSON cannot write
		}
		again, err := OpenFS("again", all)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Inspect(); !reflect.DeepEqual(got, want) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			t.Fatalf("got  %s\nwant %s", g, w)
		}
	})
}
