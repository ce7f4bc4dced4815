package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// store is a serialized store of Windows, each certificate with a property.
func store(ders ...[]byte) []byte {
	b := []byte("\x00\x00\x00\x00CERT")
	element := func(number uint32, value []byte) {
		b = binary.LittleEndian.AppendUint32(b, number)
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	for _, der := range ders {
		element(3, make([]byte, 20)) // CERT_HASH_PROP_ID
		element(32, der)
	}
	return append(b, make([]byte, 12)...)
}

func utf16le(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range b {
		out = append(out, c, 0)
	}
	return out
}

// damagedChain has a negative serial number.
func damagedChain(t testing.TB, ca *certtest.CA) tls.Certificate {
	t.Helper()
	for _, d := range certtest.Defects() {
		if d.Code == "malformed" {
			c, err := d.Issue(ca, certtest.Template{DNSNames: []string{host}})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatal("there is no such defect")
	return tls.Certificate{}
}

func TestDamagedCertificate(t *testing.T) {
	root := newCA(t, certtest.Options{Name: "root"})
	c := damagedChain(t, root)
	chain, err := certs.ParseFile(slices.Concat(c.Certificate[0], root.Certificate.Raw))
	if err != nil {
		t.Fatal(err)
	}
	check := func(how string, r *certs.Result) {
		t.Helper()
		if verdict(r) != "malformed" || r.Problems[0].Certificate != 0 || !strings.Contains(r.Problems[0].Detail, "serial") {
			t.Errorf("%s: got %+v", how, r.Problems)
		}
		if len(r.Chain) == 0 {
			t.Fatalf("%s: nothing is seen of it", how)
		}
		leaf := r.Chain[0]
		if leaf.Subject != "CN="+host || leaf.Issuer != "CN=root" || leaf.NotAfter.IsZero() || !slices.Equal(leaf.DNSNames, []string{host}) || len(leaf.Thumbprint) != 40 {
			t.Errorf("%s: seen of it: %+v", how, leaf)
		}
	}
	check("file", verifier(root).Verify(chain, host))
	// TLS 1.2 sends certificates in the clear; TLS 1.3 does not.
	check("handshake", handshakeWith(t, verifier(root), &tls.Config{Certificates: []tls.Certificate{c}, MaxVersion: tls.VersionTLS12}))
}

// TestStrangeCertificates: names that cannot be read, and a certificate of a
// megabyte, in a file and in a handshake.
func TestStrangeCertificates(t *testing.T) {
	root := newCA(t, certtest.Options{})
	c := issue(t, root, certtest.Template{CommonName: "server"})
	spoiled := bytes.Clone(c.Certificate[0])
	spoiled[bytes.Index(spoiled, []byte(host))] = 0xff // no IA5String
	chain, err := certs.ParseFile(spoiled)
	if err != nil {
		t.Fatal(err)
	}
	if r := verifier(root).Verify(chain, host); verdict(r) != "malformed" || r.Chain[0].Subject != "CN=server" {
		t.Errorf("names that cannot be read: %+v", r)
	}
	huge := issue(t, root, certtest.Template{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 999, 1}, Value: make([]byte, 1<<20)}}})
	chain, err = certs.ParseFile(huge.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if r := verifier(root).Verify(chain, host); !r.Verified {
		t.Errorf("a megabyte: %+v", r.Problems)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{huge}, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	r := verifier(root).Probe(t.Context(), l.Addr().String(), host)
	if r.Handshake == nil || r.Handshake.Kind != "refused-by-client" || r.Verified {
		t.Errorf("a megabyte in a handshake: %+v", r.Handshake)
	}
}

func TestParseFile(t *testing.T) {
	root := newCA(t, certtest.Options{})
	sub := below(t, root, certtest.Options{})
	leaf := issue(t, sub, certtest.Template{})
	other := issue(t, sub, certtest.Template{})
	a, b, r, o := leaf.Certificate[0], leaf.Certificate[1], root.Certificate.Raw, other.Certificate[0]
	text := func(ders ...[]byte) []byte {
		var out []byte
		for _, der := range ders {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		return out
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte{1}})
	negative := damagedChain(t, root).Certificate[0]
	tests := []struct {
		name  string
		in    []byte
		want  [][]byte
		error string
	}{
		{"PEM", text(a, b), [][]byte{a, b}, ""},
		{"PEM, CRLF, byte order mark", slices.Concat([]byte("\ufeff"), bytes.ReplaceAll(text(a, b), []byte("\n"), []byte("\r\n"))), [][]byte{a, b}, ""},
		{"PEM with a key and noise", slices.Concat([]byte("subject=x\n"), text(a), key, []byte("\nnoise\n"), text(b), []byte("end")), [][]byte{a, b}, ""},
		{"root first", text(r, b, a), [][]byte{a, r, b}, ""},
		{"intermediate first", text(b, a, r), [][]byte{a, b, r}, ""},
		{"two servers: no doubt is removed", text(b, a, o), [][]byte{b, a, o}, ""},
		{"the same twice", text(a, a), [][]byte{a, a}, ""},
		{"a root alone", text(r), [][]byte{r}, ""},
		{"DER", a, [][]byte{a}, ""},
		{"several DER", slices.Concat(a, b), [][]byte{a, b}, ""},
		{"DER and a line end", slices.Concat(a, []byte("\r\n")), [][]byte{a}, ""},
		{"UTF-16 from PowerShell", utf16le(text(a, b)), [][]byte{a, b}, ""},
		{"serialized store", store(a, b, r), [][]byte{a, b, r}, ""},
		{"store of a longer value", store(append(slices.Clone(a), 0, 0)), [][]byte{a}, ""},
		{"store cut off", store(a, b)[:len(a)+100], nil, "the store breaks off (after 1 certificates)"},
		{"store of nothing", store(), nil, "the store holds no certificate"},
		{"one that cannot be read", slices.Concat(negative, b), [][]byte{negative, b}, ""},
		{"PKCS #7 of nothing", []byte{0x30, 4, 6, 2, 42, 3}, nil, "PKCS #7 without certificates"},
		{"an RSA key in DER", []byte{0x30, 6, 2, 1, 0, 2, 1, 1}, nil, "something else than certificates"},
		{"empty", nil, nil, "it is empty"},
		{"white space", []byte(" \r\n"), nil, "it is empty"},
		{"text", []byte("hello"), nil, "neither PEM nor DER"},
		{"key alone", key, nil, "no certificate in it, but RSA PRIVATE KEY"},
		{"cut off PEM", text(a)[:200], nil, "damaged"},
		{"cut off DER", a[:200], nil, "neither PEM nor DER"},
		{"DER and rubbish", slices.Concat(a, []byte("rubbish")), nil, "after 1 certificates"},
		{"second one bad", slices.Concat(text(a), text([]byte{0x30, 0})), nil, "certificate 2: "},
		{"too long", make([]byte, 5<<20), nil, "at most"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			chain, err := certs.ParseFile(test.in)
			if test.error != "" {
				if err == nil || !strings.Contains(err.Error(), test.error) || !strings.HasPrefix(err.Error(), "certs: read certificate file: ") {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got [][]byte
			for _, c := range chain {
				got = append(got, c.Raw)
			}
			if !slices.EqualFunc(got, test.want, bytes.Equal) {
				t.Errorf("got %d certificates in another order, want %d", len(got), len(test.want))
			}
		})
	}
}

// FuzzParseFile: certificates or an error, and what was read can be written and
// read again to the same.
func FuzzParseFile(f *testing.F) {
	root := newCA(f, certtest.Options{})
	leaf := issue(f, root, certtest.Template{})
	f.Add(root.PEM())
	f.Add(leaf.Certificate[0])
	f.Add(slices.Concat(leaf.Certificate[0], root.Certificate.Raw))
	f.Add([]byte("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"))
	f.Add([]byte{0x30, 3, 2, 1, 3})
	f.Add(store(leaf.Certificate[0]))
	f.Add(store(append(damagedChain(f, root).Certificate[0], 0)))
	f.Add(utf16le(root.PEM()))
	f.Add(damagedChain(f, root).Certificate[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		chain, err := certs.ParseFile(b)
		if (err == nil) != (len(chain) > 0) {
			t.Fatalf("%d certificates, error %v", len(chain), err)
		}
		if err != nil {
			return
		}
		var der []byte
		for _, c := range chain {
			der = append(der, c.Raw...)
		}
		again, err := certs.ParseFile(der)
		if err != nil || len(again) != len(chain) {
			t.Fatalf("read %d certificates, then %d, error %v", len(chain), len(again), err)
		}
		for i := range chain {
			if !again[i].Equal(chain[i]) {
				t.Fatalf("certificate %d differs", i)
			}
		}
	})
}
