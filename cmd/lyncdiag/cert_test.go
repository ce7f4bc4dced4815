package main

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"crypto/tls"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
)

// certDocument is what the tests read of lyncdiag.cert/v1.
type certDocument struct {
	Verified bool
	Chain    []struct{ Subject, Thumbprint string }
	Problems []struct {
		Code    string
		Warning bool
	}
	Revocation   []struct{ Status, By string }
	Expectations []struct{ Requirement, Status string }
	Issuers      []struct{ Subject string }
	Accepts      *struct {
		Versions          []struct{ Accepted bool }
		WithoutServerName string
		Client            *struct{ Accepted bool }
	}
	Live *struct {
		SameCertificate, SameKey, Verified bool
		Detail                             string
		NotSent                            []string
	}
}

func (d certDocument) codes() string {
	var list []string
	for _, p := range d.Problems {
		list = append(list, p.Code)
	}
	return strings.Join(list, " ")
}

// callCert runs cert and reads its document, which must be valid.
func callCert(t *testing.T, want int, args ...string) certDocument {
	t.Helper()
	code, out, errs := call(t, t.Context(), append([]string{"cert"}, args...)...)
	if code != want || errs != "" {
		t.Errorf("cert %v: exit code %d, want %d; stderr %q; %s", args, code, want, errs, out)
	}
	validate(t, "cert", out)
	var d certDocument
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// authority is a root, its file, and an authority below it.
func authority(t *testing.T) (root, sub *certtest.CA, ca string) {
	t.Helper()
	root, err := certtest.New(certtest.Options{Name: "Test Root"})
	if err != nil {
		t.Fatal(err)
	}
	if sub, err = root.Intermediate(certtest.Options{Name: "Test Issuing"}); err != nil {
		t.Fatal(err)
	}
	return root, sub, store(t, "root.pem", root.PEM())
}

func store(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func asPEM(ders ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range ders {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.Bytes()
}

func issued(t *testing.T, ca *certtest.CA, tmpl certtest.Template) tls.Certificate {
	t.Helper()
	c, err := ca.Issue(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCertFileAgainstHost compares a file with what servers on loopback show.
func TestCertFileAgainstHost(t *testing.T) {
	_, sub, ca := authority(t)
	tmpl := certtest.Template{DNSNames: []string{"sip.contoso.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	old := issued(t, sub, tmpl)
	tmpl.NotAfter = time.Now().AddDate(0, 0, 200)
	renewed := issued(t, sub, tmpl)
	serve := func(c tls.Certificate) string {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() { _ = http.Serve(l, http.NotFoundHandler()) }()
		return l.Addr().String()
	}
	alone := old
	alone.Certificate = old.Certificate[:1]
	file := store(t, "renewed.pem", asPEM(renewed.Certificate...))
	oldFile := store(t, "old.pem", asPEM(old.Certificate...))

	d := callCert(t, 0, oldFile, "--ca", ca, "--host", serve(old))
	if !d.Live.SameCertificate || !d.Live.SameKey || !d.Live.Verified || len(d.Live.NotSent) > 0 || d.Accepts == nil || !d.Accepts.Versions[3].Accepted {
		t.Errorf("the same: %+v", d.Live)
	}
	d = callCert(t, 1, file, "--ca", ca, "--host", serve(old))
	if d.Live.SameCertificate || !strings.Contains(d.Live.Detail, "older certificate") {
		t.Errorf("not bound yet: %+v", d.Live)
	}
	d = callCert(t, 1, oldFile, "--ca", ca, "--host", serve(alone))
	if !d.Live.SameCertificate || d.Live.Verified || len(d.Live.NotSent) != 1 {
		t.Errorf("without the intermediate: %+v", d.Live)
	}
	// A store has many; the one that names the host is meant.
	other := issued(t, sub, certtest.Template{DNSNames: []string{"www.contoso.com"}})
	whole := store(t, "store.pem", asPEM(other.Certificate[0], renewed.Certificate[0], old.Certificate[0], old.Certificate[1]))
	d = callCert(t, 1, whole, "--ca", ca, "--host", serve(old))
	if d.Chain[0].Subject != "CN=sip.contoso.com" || !strings.Contains(d.Live.Detail, "older certificate") {
		t.Errorf("of a store: %+v, %+v", d.Chain[0], d.Live)
	}
	if code, _, errs := call(t, t.Context(), "cert", "sip.contoso.com", "--host", "sip.contoso.com"); code != exitUsage || !strings.Contains(errs, "--host") {
		t.Errorf("two hosts: exit code %d, %q", code, errs)
	}
}

// TestCertAuthorities: a file's issuers, lists and OCSP on loopback; offline
// nothing is asked.
func TestCertAuthorities(t *testing.T) {
	_, sub, ca := authority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := "http://" + l.Addr().String()
	good := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}, Site: site})
	revoked := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}, Site: site})
	server := &http.Server{Handler: sub.Site(revoked.Leaf)}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(l) }()

	d := callCert(t, 0, store(t, "good.pem", asPEM(good.Certificate...)), "--ca", ca)
	if d.codes() != "" || d.Revocation[0].Status != "good" || d.Revocation[0].By != "ocsp" {
		t.Errorf("good: %+v", d)
	}
	d = callCert(t, 1, store(t, "revoked.pem", asPEM(revoked.Certificate...)), "--ca", ca)
	if d.codes() != "revoked" || d.Verified {
		t.Errorf("revoked: %+v", d)
	}
	file := store(t, "alone.pem", asPEM(good.Certificate[0]))
	d = callCert(t, 1, file, "--ca", ca)
	if d.codes() != "incomplete-chain" || len(d.Issuers) != 1 || d.Verified {
		t.Errorf("alone: %+v", d)
	}
	server.Close()
	d = callCert(t, 0, store(t, "unreachable.pem", asPEM(good.Certificate...)), "--ca", ca)
	if d.codes() != "revocation-unknown" || !d.Verified {
		t.Errorf("unreachable: %+v", d)
	}
	d = callCert(t, 0, store(t, "offline.pem", asPEM(good.Certificate...)), "--ca", ca, "--offline")
	if d.codes() != "" || len(d.Revocation) > 0 {
		t.Errorf("offline: %+v", d)
	}
}

// TestCertProvedAndUnknown: a host that nobody asked does not hide that the file
// fails.
func TestCertProvedAndUnknown(t *testing.T) {
	_, sub, ca := authority(t)
	self := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}, SelfSigned: true})
	good := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}})
	callCert(t, 1, store(t, "self.pem", asPEM(self.Certificate...)), "--ca", ca, "--host", "sip.contoso.com:443", "--offline")
	callCert(t, 3, store(t, "good.pem", asPEM(good.Certificate...)), "--ca", ca, "--host", "sip.contoso.com:443", "--offline")
}

// TestCertMissingFile: a name that was mistyped goes to no resolver.
func TestCertMissingFile(t *testing.T) {
	for arg, file := range map[string]bool{
		"missing.pfx": true, "MISSING.CER": true, "./missing": true, `C:\certs\missing`: true, "certs/": true,
		"host.pem:443": false, "sip.contoso.com": false, "https://sip.contoso.com/x": false, "[::1]:443": false, "missing": false,
	} {
		if got := meansFile(arg); got != file {
			t.Errorf("%s: %t", arg, got)
		}
		if !file {
			continue
		}
		if code, _, errs := call(t, t.Context(), "cert", arg); code != exitUsage || !strings.Contains(errs, "no such file") {
			t.Errorf("%s: exit code %d, %s", arg, code, errs)
		}
	}
}

func TestCertRole(t *testing.T) {
	_, sub, ca := authority(t)
	wild := issued(t, sub, certtest.Template{DNSNames: []string{"edge.contoso.com", "*.contoso.com"}, Site: "http://pki.contoso.com"})
	d := callCert(t, 0, store(t, "edge.pem", asPEM(wild.Certificate...)), "--ca", ca, "--role", "access-edge", "--domain", "contoso.com", "--offline")
	unmet := 0
	for _, e := range d.Expectations {
		if e.Status == "unmet" {
			unmet++
			if !strings.Contains(e.Requirement, "sip.contoso.com itself") {
				t.Errorf("unmet: %s", e.Requirement)
			}
		}
	}
	if unmet != 1 {
		t.Errorf("%d unmet: %+v", unmet, d.Expectations)
	}
}

// TestCertOfFile: a file is no server, and one that is about to expire is warned of.
func TestCertOfFile(t *testing.T) {
	_, sub, ca := authority(t)
	for left, warned := range map[time.Duration]bool{time.Hour: true, 60 * 24 * time.Hour: false} {
		leaf := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotAfter: time.Now().Add(left)})
		_, out, errs := call(t, t.Context(), "cert", "--output", "text", "--offline", "--ca", ca, store(t, "file.cer", leaf.Certificate[0]))
		if strings.Contains(out, "the server's") || !strings.Contains(out, "the first certificate") || strings.Contains(out, "expires soon") != warned {
			t.Errorf("%v left: %s%s", left, out, errs)
		}
	}
}

// TestCertDomain: an international domain is meant as certificates write it, and
// what is no domain is refused.
func TestCertDomain(t *testing.T) {
	_, sub, ca := authority(t)
	leaf := issued(t, sub, certtest.Template{CommonName: "edge.contoso.com", DNSNames: []string{"edge.contoso.com", "sip.xn--mnchen-3ya.example"}})
	file := store(t, "edge.pem", asPEM(leaf.Certificate...))
	d := callCert(t, 0, file, "--ca", ca, "--role", "access-edge", "--domain", "MÜNCHEN.example", "--offline")
	met := false
	for _, e := range d.Expectations {
		met = met || e.Status == "met" && strings.Contains(e.Requirement, "sip.xn--mnchen-3ya.example")
	}
	if !met {
		t.Errorf("%+v", d.Expectations)
	}
	for _, domain := range []string{"a b", "@x", "", "127.0.0.1"} {
		if code, _, errs := call(t, t.Context(), "cert", file, "--role", "access-edge", "--domain", domain, "--offline"); code != exitUsage || !strings.Contains(errs, "--domain") {
			t.Errorf("%q: exit code %d, %s", domain, code, errs)
		}
	}
}

// TestPKCS12Password takes the password from where the flags say, and shows it
// nowhere.
func TestPKCS12Password(t *testing.T) {
	_, sub, ca := authority(t)
	leaf := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}})
	b, err := pkcs12.Modern.Encode(leaf.PrivateKey, leaf.Leaf, []*x509.Certificate{sub.Certificate}, "s3cret-W0rd")
	if err != nil {
		t.Fatal(err)
	}
	file := store(t, "chain.pfx", b)
	env := map[string]string{"PFX": "s3cret-W0rd", "WRONG": "another-W0rd"}
	for _, test := range []struct {
		stdin string
		args  []string
		code  int
		text  string
	}{
		{"", []string{"--password-env", "PFX"}, 0, `"CN=sip.contoso.com"`},
		{"s3cret-W0rd\r\n", []string{"--password-stdin"}, 0, `"CN=sip.contoso.com"`},
		{"", []string{"--password-env", "WRONG"}, exitUsage, "the password is not the file's"},
		{"", []string{"--password-env", "NONE"}, exitUsage, "the name of one, not the password"},
		{"", nil, exitUsage, "--password-env"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"cert", file, "--offline", "--ca", ca}, test.args...), strings.NewReader(test.stdin), &out, &errs,
			func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if code != test.code || !strings.Contains(out.String()+errs.String(), test.text) {
			t.Errorf("%v: exit code %d, %s%s", test.args, code, &out, &errs)
		}
		if strings.Contains(out.String()+errs.String(), "W0rd") {
			t.Errorf("%v: the password is shown: %s%s", test.args, &out, &errs)
		}
	}
}

// TestPersonalCertificate: what a client's own certificate has to show.
func TestPersonalCertificate(t *testing.T) {
	root, err := certtest.New(certtest.Options{Name: "Communications Server"})
	if err != nil {
		t.Fatal(err)
	}
	personal := issued(t, root, certtest.Template{CommonName: "joe@contoso.com", Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotAfter: time.Now().AddDate(0, 0, 180)})
	b, err := pkcs12.Modern.Encode(personal.PrivateKey, personal.Leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	without, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{personal.Leaf}, "")
	if err != nil {
		t.Fatal(err)
	}
	ca := store(t, "root.pem", root.PEM())
	// As a server's it is of no use.
	if d := callCert(t, 1, store(t, "personal.cer", personal.Certificate[0]), "--ca", ca, "--offline"); d.codes() != "wrong-usage" {
		t.Errorf("as a server's: %s", d.codes())
	}
	for name, test := range map[string]struct {
		file []byte
		key  string
		code int
	}{
		"with its key":    {b, "met", 0},
		"without":         {without, "unmet", 1},
		"exported as cer": {personal.Certificate[0], "not-applicable", 0},
	} {
		d := callCert(t, test.code, store(t, "personal.pfx", test.file), "--ca", ca, "--role", "client", "--offline")
		for _, e := range d.Expectations {
			want := "met"
			if strings.Contains(e.Requirement, "private key") {
				want = test.key
			}
			if e.Status != want {
				t.Errorf("%s: %s is %s, want %s", name, e.Requirement, e.Status, want)
			}
		}
		if d.codes() != "" || !d.Verified {
			t.Errorf("%s: %s", name, d.codes())
		}
	}

	// No client trusts the issuer of its own certificate.
	_, _, elsewhere := authority(t)
	d := callCert(t, 0, store(t, "personal.pfx", b), "--ca", elsewhere, "--role", "client", "--offline")
	if d.codes() != "untrusted-root" || !d.Problems[0].Warning || d.Verified {
		t.Errorf("under an unknown issuer: %+v", d.Problems)
	}
	_, out, _ := call(t, t.Context(), "cert", "--output", "text", store(t, "personal.pfx", b), "--ca", elsewhere, "--role", "client", "--offline")
	if strings.Contains(out, "the server's") || strings.Contains(out, "browser") || !strings.Contains(out, "nothing is wrong") {
		t.Errorf("text: %s", out)
	}
	old := issued(t, root, certtest.Template{CommonName: "joe@contoso.com", Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, NotBefore: time.Now().AddDate(0, 0, -181), NotAfter: time.Now().AddDate(0, 0, -1)})
	if d := callCert(t, 1, store(t, "old.cer", old.Certificate[0]), "--ca", elsewhere, "--role", "client", "--offline"); !strings.Contains(d.codes(), "expired") {
		t.Errorf("expired: %s", d.codes())
	}
	another := issued(t, root, certtest.Template{CommonName: "joe@contoso.com", DNSNames: []string{"joe.contoso.com"}})
	callCert(t, 1, store(t, "server.cer", another.Certificate[0]), "--ca", elsewhere, "--role", "client", "--offline")
}

// TestPKCS12OfOpenSSL reads files that openssl made without a key, and says why one
// without a MAC is not read.
func TestPKCS12OfOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	_, sub, ca := authority(t)
	leaf := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}})
	chain := store(t, "chain.pem", asPEM(leaf.Certificate...))
	der, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := store(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for name, test := range map[string]struct {
		password string
		args     []string
		code     int
		says     string
	}{
		"encrypted":            {"s3cret-W0rd", []string{"-nokeys"}, 0, ""},
		"without a password":   {"", []string{"-nokeys"}, 0, ""},
		"not encrypted":        {"s3cret-W0rd", []string{"-nokeys", "-certpbe", "NONE"}, 0, ""},
		"old algorithms":       {"s3cret-W0rd", []string{"-nokeys", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"}, 0, ""},
		"with a friendly name": {"s3cret-W0rd", []string{"-nokeys", "-name", "sip", "-caname", "issuer"}, 0, ""},
		"without a MAC":        {"s3cret-W0rd", []string{"-inkey", key, "-nomac"}, exitUsage, "it has no MAC"},
	} {
		file := filepath.Join(t.TempDir(), "chain.pfx")
		made := exec.Command(openssl, append([]string{"pkcs12", "-export", "-in", chain, "-out", file, "-passout", "pass:" + test.password}, test.args...)...)
		if out, err := made.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"cert", file, "--password-env", "PFX", "--ca", ca, "--offline"}, strings.NewReader(""), &out, &errs,
			func(name string) (string, bool) { return test.password, name == "PFX" })
		if code != test.code || !strings.Contains(errs.String(), test.says) || code == 0 && strings.Count(out.String(), `"subject"`) != len(leaf.Certificate) {
			t.Errorf("%s: exit code %d, %d subjects: %s", name, code, strings.Count(out.String(), `"subject"`), &errs)
		}
	}
}

// TestPKCS12Bomb: a file whose count of iterations would take hours.
func TestPKCS12Bomb(t *testing.T) {
	defer func(before time.Duration) { maxOpening = before }(maxOpening)
	maxOpening = 200 * time.Millisecond
	_, sub, _ := authority(t)
	leaf := issued(t, sub, certtest.Template{DNSNames: []string{"sip.contoso.com"}})
	b, err := pkcs12.Modern.Encode(leaf.PrivateKey, leaf.Leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	var pfx struct {
		Version  int
		AuthSafe asn1.RawValue
		MAC      struct {
			Digest     asn1.RawValue
			Salt       []byte
			Iterations int
		}
	}
	if _, err := asn1.Unmarshal(b, &pfx); err != nil {
		t.Fatal(err)
	}
	pfx.MAC.Iterations = math.MaxInt32
	if b, err = asn1.Marshal(pfx); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, t.Context(), "cert", store(t, "bomb.pfx", b), "--offline")
	if code != exitUsage || out != "" || !strings.Contains(errs, "iteration count") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

// TestCertDamaged: what cannot be read is reported as far as it can be seen.
func TestCertDamaged(t *testing.T) {
	root, _, ca := authority(t)
	for _, d := range certtest.Defects() {
		if d.Code != "malformed" {
			continue
		}
		c, err := d.Issue(root, certtest.Template{DNSNames: []string{"sip.contoso.com"}})
		if err != nil {
			t.Fatal(err)
		}
		doc := callCert(t, 1, store(t, "negative.cer", c.Certificate[0]), "--ca", ca, "--offline")
		if doc.codes() != "malformed" || doc.Chain[0].Subject != "CN=sip.contoso.com" {
			t.Errorf("got %+v", doc)
		}
	}
}

// TestCertLab: what the lab's faults of issue 5 look like in cert.
func TestCertLab(t *testing.T) {
	for _, test := range []struct {
		host, fault string
		code        int
		codes       string
	}{
		{"sts.contoso.example", "adfs-certificate-revoked", 1, "revoked"},
		{"sts.contoso.example", "adfs-revocation-unreachable", 0, "revocation-unknown"},
		{"sts.contoso.example", "adfs-certificate-incomplete-chain", 1, "incomplete-chain"},
		{"sts.contoso.example", "adfs-certificate-weak", 0, "weak-key"},
		{"sipdir.online.lync.com", "lync-revocation-unreachable", 0, "revocation-unknown"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel() // two of them wait for a host that is silent
			d := callCert(t, test.code, test.host, "--lab="+test.fault)
			if d.codes() != test.codes {
				t.Errorf("got %q: %+v", d.codes(), d)
			}
		})
	}
	d := callCert(t, 0, "sts.contoso.example", "--lab=adfs-sni-required")
	if d.Accepts == nil || d.Accepts.WithoutServerName != "refused" {
		t.Errorf("without SNI: %+v", d.Accepts)
	}
	d = callCert(t, 0, "sipdir.online.lync.com", "--lab=tls-version-unsupported")
	if d.Accepts.Client == nil || d.Accepts.Client.Accepted {
		t.Errorf("the lab's client: %+v", d.Accepts.Client)
	}
	if d := callCert(t, 0, "sipdir.online.lync.com", "--lab", "--client", "lync2010"); d.Accepts.Client == nil || !d.Accepts.Client.Accepted {
		t.Errorf("a client of the past: %+v", d.Accepts.Client)
	}
	var accepted []string
	for _, v := range d.Accepts.Versions {
		accepted = append(accepted, strconv.FormatBool(v.Accepted))
	}
	if strings.Join(accepted, " ") != "false false true true" {
		t.Errorf("versions: %v", accepted)
	}
}
