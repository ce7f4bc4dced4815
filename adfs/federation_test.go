package adfs_test

import (
	"bytes"
	"io"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
)

const metadataURL = "https://sts.contoso.example/FederationMetadata/2007-06/FederationMetadata.xml"

// TestFederationMetadataCorpus reads the metadata of real federation services.
func TestFederationMetadataCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus/metadata"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		b := read(t, f)
		for how, b := range map[string][]byte{"as is": b, "utf-16": utf16Bytes(bytes.TrimPrefix(b, []byte("\ufeff")), true, true)} {
			m, err := adfs.ParseFederationMetadata(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, m)
			host := strings.TrimSuffix(strings.TrimPrefix(m.EntityID, "http://"), "/adfs/services/trust")
			base := "https://" + host + "/adfs/"
			if host == m.EntityID || m.MEXURL != base+"services/trust/mex" || m.ActiveURL != base+"services/trust/2005/certificatemixed" || m.PassiveURL != base+"ls/" {
				t.Errorf("%s, %s: %+v", f, how, m)
			}
			if len(m.SigningCertificates) != 1 || len(m.EncryptionCertificates) != 1 || len(m.Problems) != 0 {
				t.Fatalf("%s, %s: %+v", f, how, m)
			}
			// AD FS names its own certificates after their use, for a year.
			for use, c := range map[string]adfs.KeyCertificate{"Signing": m.SigningCertificates[0], "Encryption": m.EncryptionCertificates[0]} {
				if c.Subject != "CN=ADFS "+use+" - "+host || len(c.Thumbprint) != 40 || c.NotAfter.Sub(c.NotBefore) != 365*24*time.Hour {
					t.Errorf("%s: %+v", f, c)
				}
			}
		}
	}
}

// TestLoginPageCorpus: a real login page is named whatever it stands for.
func TestLoginPageCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "corpus/html"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		b := read(t, f)
		mex, _ := adfs.ParseMEX(bytes.NewReader(b))
		metadata, _ := adfs.ParseFederationMetadata(bytes.NewReader(b))
		answer, _ := adfs.ParseTrustAnswer(bytes.NewReader(b))
		for what, problems := range map[string][]adfs.Problem{"MEX": mex.Problems, "metadata": metadata.Problems, "token": answer.Problems} {
			if !slices.Equal(codes(problems), []string{"html"}) {
				t.Errorf("%s as %s: %v", f, what, problems)
			}
		}
		if answer.Classification != "no-token" {
			t.Errorf("%s: %s", f, answer.Classification)
		}
	}
}

func TestFetchFederationMetadata(t *testing.T) {
	type answer = adfstest.Answer
	for _, tt := range []struct {
		name    string
		answer  answer
		problem string
	}{
		{"healthy", answer{}, ""},
		{"404", answer{Status: 404}, "not-found"},
		{"page", answer{Kind: "html"}, "html"},
		{"half", answer{Kind: "truncated"}, "malformed"},
		{"WSDL", answer{Kind: "raw", Raw: adfstest.MEXDocument(stsHost, nil)}, "not-metadata"},
		{"bomb", answer{Kind: "raw", Raw: []byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)}, "dtd"},
		{"deep", answer{Kind: "raw", Raw: []byte(strings.Repeat("<a>", 200_000))}, "too-large"},
	} {
		at := time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)
		service := &adfstest.Service{Metadata: tt.answer, Host: stsHost, EntityID: "http://contoso.example/adfs/services/trust/", SigningExpires: at, Now: func() time.Time { return at }}
		m := client(memory{stsHost: service}).FetchFederationMetadata(t.Context(), metadataURL)
		roundTrip(t, m)
		if m.Exchange.Problem != tt.problem || (tt.problem != "") != slices.Equal(codes(m.Problems), []string{tt.problem}) {
			t.Errorf("%s: %+v", tt.name, m)
		}
		if tt.problem != "" {
			continue
		}
		base := "https://sts.contoso.example/adfs/"
		if m.EntityID != service.EntityID || m.MEXURL != base+"services/trust/mex" || m.ActiveURL != base+"services/trust/2005/certificatemixed" || m.PassiveURL != base+"ls/" {
			t.Errorf("metadata %+v", m)
		}
		if len(m.SigningCertificates) != 1 || !m.SigningCertificates[0].NotAfter.Equal(at) || m.SigningCertificates[0].Subject != "CN=ADFS Signing - "+stsHost {
			t.Errorf("certificates %+v", m.SigningCertificates)
		}
	}
}

func TestParseFederationMetadata(t *testing.T) {
	sound, err := adfs.ParseFederationMetadata(bytes.NewReader(soundMetadata(t)))
	if err != nil {
		t.Fatal(err)
	}
	text := string(soundMetadata(t))
	for _, tt := range []struct {
		name, text string
		check      func(m *adfs.FederationMetadata) bool
	}{
		{"key without use", strings.ReplaceAll(text, ` use="encryption"`, ""), func(m *adfs.FederationMetadata) bool {
			return len(m.SigningCertificates) == 1 && len(m.EncryptionCertificates) == 1
		}},
		{"broken key", strings.Replace(text, "<X509Certificate>M", "<X509Certificate>!", 1), func(m *adfs.FederationMetadata) bool {
			return slices.Equal(codes(m.Problems), []string{"key-unreadable"}) && len(m.EncryptionCertificates) == 0 && len(m.SigningCertificates) == 1
		}},
		{"among others", `<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata"><m:EntityDescriptor entityID="x"/>` + text + `</m:EntitiesDescriptor>`, func(m *adfs.FederationMetadata) bool {
			return m.EntityID == sound.EntityID && m.MEXURL == sound.MEXURL
		}},
		{"no token service", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID=" x "/>`, func(m *adfs.FederationMetadata) bool {
			return m.EntityID == "x" && m.MEXURL == "" && len(m.SigningCertificates) == 0
		}},
	} {
		m, err := adfs.ParseFederationMetadata(strings.NewReader(tt.text))
		if err != nil || !tt.check(m) {
			t.Errorf("%s: %+v, %v", tt.name, m, err)
		}
	}
	for _, bad := range []string{"", "<a/>", "text", "<html>", `<EntityDescriptor/>`, `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`} {
		m, err := adfs.ParseFederationMetadata(strings.NewReader(bad))
		if err == nil || m == nil || len(m.Problems) != 1 || !strings.HasPrefix(err.Error(), "adfs: parse federation metadata: ") {
			t.Errorf("%q: %+v, %v", bad, m, err)
		}
	}
	if m, err := adfs.ParseFederationMetadata(iotest.ErrReader(io.ErrClosedPipe)); err == nil || m == nil {
		t.Error("no error of the reader")
	}
}

func soundMetadata(t testing.TB) []byte {
	service := &adfstest.Service{Host: stsHost}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", metadataURL, nil)
	service.ServeHTTP(w, r)
	return w.Body.Bytes()
}
