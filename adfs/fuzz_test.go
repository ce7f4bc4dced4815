package adfs_test

import (
	"bytes"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/adfs"
)

// FuzzParseMEX: whatever comes in, nothing without https is usable, selected
// is the first usable port of its kind, an error and an unusable document go
// together, and the same text in UTF-16 means the same.
func FuzzParseMEX(f *testing.F) {
	// Small documents: the fuzzer spends its time on shrinking large ones.
	f.Add(read(f, "testdata/mex/foreign-prefixes.xml"))
	f.Add([]byte(`<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/"><d:service><d:port name="n" binding="x:b"/></d:service></d:definitions>`))
	f.Add([]byte("<!DOCTYPE html><p>"))
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &counter{r: bytes.NewReader(b)}
		m, err := adfs.ParseMEX(r)
		if m == nil || m.Endpoints == nil || m.Problems == nil {
			t.Fatalf("incomplete result %+v", m)
		}
		if r.n > 4<<20+1 {
			t.Fatalf("%d bytes were read", r.n)
		}
		if err != nil && (len(m.Endpoints) > 0 || len(m.Problems) != 1 || m.Selected != (adfs.Selected{})) {
			t.Fatalf("error %v beside %+v", err, m)
		}
		if bytes.Count(b, []byte("<")) < len(m.Endpoints) {
			t.Fatalf("%d endpoints", len(m.Endpoints))
		}
		var first adfs.Selected
		for _, e := range m.Endpoints {
			if e.Usable != (e.Reason == "") || e.Usable != (e.Code == "") {
				t.Fatalf("endpoint %+v", e)
			}
			if !e.Usable {
				continue
			}
			u, err := url.Parse(e.Address)
			if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.TrimSpace(e.Address) != e.Address || e.Version == "" {
				t.Fatalf("usable endpoint %+v", e)
			}
			for kind, slot := range map[string]*string{
				"username1.3": &first.Username13, "username2005": &first.Username2005, "windows1.3": &first.Windows13, "windows2005": &first.Windows2005,
			} {
				if e.Authentication+e.Version == kind && *slot == "" {
					*slot = e.Address
				}
			}
		}
		if first != m.Selected {
			t.Fatalf("selected %+v, first usable ports %+v", m.Selected, first)
		}
		for _, p := range m.Problems {
			if !slices.Contains(adfs.Codes(), p.Code) || p.Detail == "" {
				t.Fatalf("problem %+v", p)
			}
		}
		if err == nil && !bytes.Contains(b, []byte("encoding")) && bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) && !bytes.Contains(b, []byte{0}) {
			again, err := adfs.ParseMEX(bytes.NewReader(utf16Bytes(b, true, true)))
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Fatalf("in UTF-16: %+v, %v\nwas %+v", again, err, m)
			}
		}
	})
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// FuzzParseRealm: a result has one of the four types, values without space
// around them, and is the same each time; an error has no result.
func FuzzParseRealm(f *testing.F) {
	for _, s := range []string{
		`{"ver":"1.0","account_type":"Federated","domain_name":"contoso.example","federation_protocol":"WSTrust","federation_metadata_url":"https://sts.contoso.example/adfs/services/trust/mex?x=1"}`,
		`{"NameSpaceType":"Managed","namespacetype":"Unknown","cloudinstancename":"a","cloud_instance_name":"b"}`,
		`{"Credentials":{"FederationRedirectUrl":"https://sts.contoso.example/adfs/ls/"}}`,
		`<RealmInfo Success="true"><NameSpaceType>Federated</NameSpaceType><STSAuthURL>https://s/</STSAuthURL></RealmInfo>`,
		"\ufeff{}", "<html>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := adfs.ParseRealm(b)
		if (r == nil) == (err == nil) {
			t.Fatalf("%+v, %v", r, err)
		}
		if again, _ := adfs.ParseRealm(bytes.Clone(b)); !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v, then %+v", r, again)
		}
		if err != nil {
			return
		}
		if !slices.Contains([]string{"managed", "federated", "unknown", "consumer"}, r.NamespaceType) {
			t.Fatalf("type %q", r.NamespaceType)
		}
		for _, s := range []string{r.Domain, r.Brand, r.Protocol, r.MEXURL, r.ActiveAuthURL, r.PassiveAuthURL, r.Cloud} {
			if strings.TrimSpace(s) != s {
				t.Fatalf("%q has space around it", s)
			}
		}
		if r.Source != "" || r.Status != 0 || r.Problem != "" || !r.SentAt.IsZero() {
			t.Fatalf("exchange of a parsed text: %+v", r)
		}
	})
}

// FuzzParseFederationMetadata: lists are never absent, a certificate is there
// once and whole, an error goes with one problem and an empty result.
func FuzzParseFederationMetadata(f *testing.F) {
	f.Add(soundMetadata(f))
	f.Add([]byte(`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><EntityDescriptor entityID="x"><RoleDescriptor/></EntityDescriptor></EntitiesDescriptor>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := adfs.ParseFederationMetadata(bytes.NewReader(b))
		if m == nil || m.Problems == nil || m.SigningCertificates == nil || m.EncryptionCertificates == nil {
			t.Fatalf("incomplete result %+v", m)
		}
		if err != nil && (len(m.Problems) != 1 || m.EntityID != "" || len(m.SigningCertificates) > 0) {
			t.Fatalf("error %v beside %+v", err, m)
		}
		for i, c := range m.SigningCertificates {
			if len(c.Thumbprint) != 40 || slices.Contains(m.SigningCertificates[:i], c) {
				t.Fatalf("certificate %+v", c)
			}
		}
		for _, p := range m.Problems {
			if !slices.Contains(adfs.Codes(), p.Code) || p.Detail == "" {
				t.Fatalf("problem %+v", p)
			}
		}
	})
}

// FuzzParseTrustAnswer: a token and a fault exclude each other, "ok" is said of
// a token alone, what is kept is bounded, and the same bytes give the same.
func FuzzParseTrustAnswer(f *testing.F) {
	for _, s := range []string{
		`<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>FailedAuthentication</e:Value></e:Subcode></e:Code><e:Reason><e:Text>ID3242: x</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>`,
		`<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault><faultcode>c</faultcode><faultstring>s</faultstring><detail><a><ErrorId>28000</ErrorId></a></detail></S:Fault></S:Body></S:Envelope>`,
		`<R><RequestedSecurityToken><Assertion MajorVersion="1" Issuer="i"><Conditions NotBefore="2013-01-01T00:00:00Z"/></Assertion></RequestedSecurityToken></R>`,
		`{"error_description":"AADSTS50126"}`, "<html>", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := adfs.ParseTrustAnswer(bytes.NewReader(b))
		if err != nil || a == nil || a.Subcodes == nil || a.Detail == nil || a.Problems == nil || a.Schemes == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		if a.HasToken != (a.Classification == "ok") || a.HasToken && (a.Code != "" || a.Token.Type == "") || !a.HasToken && a.Token != (adfs.Token{}) {
			t.Fatalf("%+v", a)
		}
		kept := len(a.Code) + len(a.Reason) + len(a.Error)
		for _, d := range a.Detail {
			kept += len(d.Key) + len(d.Value)
		}
		if kept > 1<<18 || len(a.Detail) > 100 {
			t.Fatalf("%d bytes are kept", kept)
		}
		if again, _ := adfs.ParseTrustAnswer(bytes.NewReader(b)); !reflect.DeepEqual(a, again) {
			t.Fatalf("%+v, then %+v", a, again)
		}
	})
}
