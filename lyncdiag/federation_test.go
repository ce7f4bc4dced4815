package lyncdiag_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

const (
	stsBase  = "https://sts.contoso.example/adfs/"
	mexURL   = stsBase + "services/trust/mex"
	stsTrust = stsBase + "services/trust/"
)

// judge is the report on facts alone.
func judge(t *testing.T, put func(f *fact.Facts)) *lyncdiag.Report {
	t.Helper()
	f := fact.New()
	fact.Put(f, fact.TargetKey, target(t, joe), live)
	fact.Put(f, fact.SettingKey, fact.Setting{Deployment: "online", Location: "outside"}, live)
	fact.Put(f, fact.StartedKey, started, live)
	put(f)
	report := &lyncdiag.Report{Complete: true, Target: target(t, joe)}
	lyncdiag.Judge(report, f, nil)
	for _, r := range report.Rules {
		if r.Status == lyncdiag.RuleErrored {
			t.Errorf("rule %s: %s", r.ID, r.Error)
		}
	}
	return report
}

var started = time.Date(2013, 5, 31, 12, 0, 0, 0, time.UTC)

func severities(r *lyncdiag.Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Name+" "+string(f.Severity))
	}
	return strings.Join(list, ", ")
}

func TestSigningCertificate(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name string
		ends []time.Duration
		want string
	}{
		{"a year left", []time.Duration{365 * day}, ""},
		{"31 days left", []time.Duration{31 * day}, ""},
		{"29 days left", []time.Duration{29 * day}, "adfs-signing-certificate-expired warning"},
		{"a successor", []time.Duration{5 * day, 370 * day}, ""},
		{"over", []time.Duration{-day}, "adfs-signing-certificate-expired failure"},
		{"both over", []time.Duration{-day, -9 * day}, "adfs-signing-certificate-expired failure"},
		{"one of two over", []time.Duration{-day, 300 * day}, "adfs-signing-certificate-expired warning"},
		{"none told", nil, ""},
	} {
		report := judge(t, func(f *fact.Facts) {
			m := &adfs.FederationMetadata{EntityID: "http://sts.contoso.example/adfs/services/trust"}
			for _, end := range tt.ends {
				m.SigningCertificates = append(m.SigningCertificates, adfs.KeyCertificate{Thumbprint: end.String(), NotAfter: started.Add(end)})
			}
			fact.Put(f, fact.FederationMetadataKey, m, live)
		})
		if got := severities(report); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFederationSettings(t *testing.T) {
	certificate := func() string {
		return base64.StdEncoding.EncodeToString((&adfstest.Service{}).SigningCertificate())
	}
	thumbprint := func(text string) adfs.KeyCertificate {
		m := &adfs.FederationMetadata{}
		document := `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><IDPSSODescriptor><KeyDescriptor><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + text +
			`</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>`
		m, err := adfs.ParseFederationMetadata(strings.NewReader(document))
		if err != nil || len(m.SigningCertificates) != 1 {
			t.Fatal(m, err)
		}
		return m.SigningCertificates[0]
	}
	first, second, other := certificate(), certificate(), certificate()
	for _, tt := range []struct {
		name    string
		change  func(s *fact.FederationSettings)
		signing []string
		signer  string
		issuer  string // of a token
		differs string
		want    string
	}{
		{name: "equal"},
		{name: "token of another issuer", issuer: "http://contoso.example/adfs/services/trust/", differs: "issuer", want: "failure"},
		{name: "token of the domain's issuer", issuer: "http://contoso.example/adfs/services/trust/", change: func(s *fact.FederationSettings) { s.IssuerURI = "http://contoso.example/adfs/services/trust/" }},
		{name: "token of the farm's issuer", issuer: "http://sts.contoso.example/adfs/services/trust", change: func(s *fact.FederationSettings) { s.IssuerURI = "http://contoso.example/adfs/services/trust/" }, differs: "issuer", want: "failure"},
		{name: "case and slash", change: func(s *fact.FederationSettings) {
			s.MEXURL, s.PassiveURL = strings.ToUpper(s.MEXURL), strings.TrimSuffix(s.PassiveURL, "/")
		}},
		{name: "port and dot", change: func(s *fact.FederationSettings) {
			for _, u := range []*string{&s.MEXURL, &s.ActiveURL, &s.PassiveURL} {
				*u = strings.Replace(*u, "contoso.example/", "contoso.example.:443/", 1)
			}
		}},
		{name: "another port", change: func(s *fact.FederationSettings) {
			s.ActiveURL = strings.Replace(s.ActiveURL, "contoso.example/", "contoso.example:8443/", 1)
		}, differs: "activeUrl", want: "failure"},
		{name: "query", change: func(s *fact.FederationSettings) { s.MEXURL += "?x=y" }, differs: "mexUrl", want: "failure"},
		{name: "issuer", change: func(s *fact.FederationSettings) { s.IssuerURI = "https://sts.contoso.example/adfs/services/trust" }, differs: "issuer", want: "failure"},
		{name: "issuer of one of several domains", change: func(s *fact.FederationSettings) { s.IssuerURI = "http://contoso.example/adfs/services/trust/" }},
		{name: "signing", change: func(s *fact.FederationSettings) { s.SigningCertificate = other }, differs: "signingCertificate", want: "failure"},
		{name: "signing, in lines", change: func(s *fact.FederationSettings) {
			s.SigningCertificate = s.SigningCertificate[:64] + "\r\n" + s.SigningCertificate[64:] + "\r\n"
		}},
		{name: "signing unreadable", change: func(s *fact.FederationSettings) { s.SigningCertificate = "..." }},
		{name: "rolled over to the next", change: func(s *fact.FederationSettings) { s.SigningCertificate, s.NextSigningCertificate = other, first }, differs: "signingCertificate", want: "warning"},
		{name: "the next is not known", signing: []string{first, second}, differs: "nextSigningCertificate", want: "warning"},
		{name: "the next is known", signing: []string{first, second}, change: func(s *fact.FederationSettings) { s.NextSigningCertificate = second }},
		{name: "signed with another", signer: other, differs: "tokenSigner", want: "failure"},
		{name: "signed with it", signer: first},
		{name: "MEX", change: func(s *fact.FederationSettings) { s.MEXURL = "https://old.contoso.example/adfs/services/trust/mex" }, differs: "mexUrl", want: "failure"},
		{name: "active", change: func(s *fact.FederationSettings) { s.ActiveURL = stsTrust + "2005/nothing" }, differs: "activeUrl", want: "failure"},
		{name: "passive", change: func(s *fact.FederationSettings) { s.PassiveURL = "https://old.contoso.example/adfs/ls/" }, differs: "passiveUrl", want: "warning"},
		{name: "several", change: func(s *fact.FederationSettings) {
			s.PassiveURL, s.IssuerURI = "https://old.contoso.example/adfs/ls/", "urn:x"
		}, differs: "issuer passiveUrl", want: "failure"},
		{name: "nothing told", change: func(s *fact.FederationSettings) { *s = fact.FederationSettings{Domain: s.Domain} }},
		{name: "another domain", change: func(s *fact.FederationSettings) { s.Domain, s.IssuerURI = "fabrikam.example", "urn:x" }},
		{name: "the domain above", change: func(s *fact.FederationSettings) { s.Domain, s.IssuerURI = "example", "urn:x" }, differs: "issuer", want: "failure"},
	} {
		report := judge(t, func(f *fact.Facts) {
			m := &adfs.FederationMetadata{EntityID: "http://sts.contoso.example/adfs/services/trust", MEXURL: mexURL, ActiveURL: stsTrust + "2005/certificatemixed", PassiveURL: stsBase + "ls/"}
			if tt.signing == nil {
				tt.signing = []string{first}
			}
			for _, c := range tt.signing {
				k := thumbprint(c)
				k.NotAfter = started.AddDate(1, 0, 0)
				m.SigningCertificates = append(m.SigningCertificates, k)
			}
			s := fact.FederationSettings{Domain: "contoso.example", IssuerURI: m.EntityID, MEXURL: mexURL, ActiveURL: stsTrust + "2005/usernamemixed", PassiveURL: m.PassiveURL, SigningCertificate: first}
			if tt.change != nil {
				tt.change(&s)
			}
			fact.Put(f, fact.FederationMetadataKey, m, live)
			fact.Put(f, fact.FederationSettingsKey, []fact.FederationSettings{s}, fact.Origin{Kind: fact.Directory})
			document, err := adfs.ParseMEX(strings.NewReader(string(adfstest.MEXDocument("sts.contoso.example", adfstest.DefaultEndpoints()))))
			if err != nil {
				t.Fatal(err)
			}
			fact.Put(f, fact.MEXKey, &adfs.MEX{URL: mexURL, Get: adfs.Exchange{Asked: true, Status: 200}, Post: adfs.Exchange{Asked: true, Status: 200}, Endpoints: document.Endpoints, Selected: document.Selected}, live)
			if tt.signer != "" || tt.issuer != "" {
				token := adfs.Token{Issuer: tt.issuer}
				if tt.signer != "" {
					token.Signer = thumbprint(tt.signer).Thumbprint
				}
				fact.Put(f, fact.TokenKey, &adfs.TrustAnswer{HasToken: true, Token: token}, live)
			}
		})
		var differs []string
		severity := ""
		for _, x := range report.Findings {
			if x.Name != "adfs-metadata-mismatch" {
				t.Errorf("%s: %s", tt.name, x.Name)
			}
			severity = string(x.Severity)
			for _, e := range x.Evidence {
				if e.Key == "differs" {
					differs = append(differs, e.Value)
				}
			}
		}
		if strings.Join(differs, " ") != tt.differs || severity != tt.want {
			t.Errorf("%s: %v %s, want %s %s", tt.name, differs, severity, tt.differs, tt.want)
		}
	}
}

func TestFederationClock(t *testing.T) {
	minutes := func(n int64) int64 { return n * 60_000 }
	for _, tt := range []struct {
		name   string
		own    int64
		others []int64
		want   string
	}{
		{"all agree", 0, []int64{0, 1, 0}, ""},
		{"the service is behind", 11, []int64{0, 0, 0}, "adfs-clock-skew confirmed"},
		{"the service is ahead", -11, []int64{0, 0}, "adfs-clock-skew confirmed"},
		{"one other, which agrees with us", 11, []int64{0}, "adfs-clock-skew confirmed"},
		{"within five minutes", 4, []int64{0, 0}, ""},
		{"we are off", 11, []int64{11, 11, 11}, "client-clock-skew confirmed"},
		{"we and the service are off, each its own way", 30, []int64{11, 11, 11}, "client-clock-skew confirmed"},
		{"nobody else", 11, nil, "client-clock-skew possible"},
		{"the others contradict each other, and most are with us", 0, []int64{60, 60, 0, 0}, ""},
		{"two others contradict each other", 0, []int64{0, 60}, ""},
		{"one of the others is off too", 11, []int64{0, 0, 60}, "adfs-clock-skew confirmed"},
	} {
		report := judge(t, func(f *fact.Facts) {
			c := fact.Clock{Samples: []fact.ClockSample{{Host: "sts.contoso.example", SkewMillis: minutes(tt.own), ErrorMillis: 1000}}}
			for i, skew := range tt.others {
				c.Samples = append(c.Samples, fact.ClockSample{Host: string(rune('a' + i)), SkewMillis: minutes(skew), ErrorMillis: 1000})
			}
			fact.Put(f, fact.ClockKey, c, live)
			fact.Put(f, fact.FederationKey, fact.Endpoint{Host: "STS.contoso.example", Port: 443}, live)
		})
		var got []string
		for _, x := range report.Findings {
			if x.CausedBy == "" && strings.HasSuffix(x.Name, "clock-skew") {
				got = append(got, x.Name+" "+string(x.Confidence))
				for _, e := range x.Evidence {
					if e.Key == "server" && e.Value == "c" && tt.name == "one of the others is off too" {
						t.Error("a server that is off itself is said to agree")
					}
				}
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

// realmSource is an answer of the login service that was seen elsewhere.
type realmSource struct{ realm *adfs.Realm }

func (realmSource) Name() string { return "realm answer" }
func (s realmSource) Collect(_ context.Context, _ lyncdiag.Target, f *fact.Facts) error {
	fact.Put(f, fact.RealmKey, s.realm, fact.Origin{Kind: fact.Lab})
	return nil
}

// TestRealmSendsCredentialsElsewhere: whatever the login service says, a
// password goes over https to a host that it named, or nowhere.
func TestRealmSendsCredentialsElsewhere(t *testing.T) {
	const active = stsTrust + "2005/usernamemixed"
	for _, tt := range []struct {
		name        string
		mex, active string
		finding     string
		sent        bool
	}{
		{"as it should be", mexURL, active, "", true},
		{"MEX alone", mexURL, "", "", true},
		{"http", "http://sts.contoso.example/adfs/services/trust/mex", active, "adfs-mex-http-error", false},
		{"user name", "https://joe:secret@sts.contoso.example/adfs/services/trust/mex", active, "adfs-mex-http-error", false},
		{"host as user name", "https://sts.contoso.example@evil.example/adfs/services/trust/mex", active, "adfs-mex-http-error", false},
		{"file", "file:///etc/passwd", active, "adfs-mex-http-error", false},
		{"javascript", "javascript:alert(1)", active, "adfs-mex-http-error", false},
		{"control character", "https://sts.contoso.example\r\n/mex", active, "adfs-mex-http-error", false},
		{"relative", "/adfs/services/trust/mex", active, "adfs-mex-http-error", false},
		{"active on http", mexURL, "http://sts.contoso.example/adfs/services/trust/2005/usernamemixed", "adfs-endpoint-insecure", true},
		{"active with a user name", mexURL, "https://sts.contoso.example@evil.example/", "adfs-endpoint-insecure", true},
		{"active on another host", mexURL, "https://www.contoso.example/adfs/services/trust/2005/usernamemixed", "adfs-endpoint-host-mismatch", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := ""
				_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
					d.Sources = []lyncdiag.Source{realmSource{&adfs.Realm{NamespaceType: "federated", Domain: "contoso.example", Protocol: "wstrust", MEXURL: tt.mex, ActiveAuthURL: tt.active, Source: "https://login.microsoftonline.com/", Status: 200}}}
					take := d.Credentials
					d.Credentials = func(ctx context.Context, to string) (string, adfs.Secret, error) {
						sent = to
						return take(ctx, to)
					}
				})
				if (sent != "") != tt.sent || sent != "" && !strings.HasPrefix(sent, stsTrust) {
					t.Errorf("sent to %q\n%s", sent, describe(report))
				}
				names := rootNames(report)
				if tt.finding != "" && !slices.Contains(names, tt.finding) {
					t.Errorf("%s is not found\n%s", tt.finding, describe(report))
				}
				for _, name := range names {
					if name != tt.finding && strings.HasPrefix(name, "adfs-") {
						t.Errorf("%s is found\n%s", name, describe(report))
					}
				}
			})
		})
	}
}

// TestPasswordIsSentOnce: each fault sees the password once at most, whatever
// it answers, and no report holds it.
func TestPasswordIsSentOnce(t *testing.T) {
	const password = "zWr0ng-Pa55"
	for _, f := range lab.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				taken := 0
				_, report := diagnose(t, lab.Config{Faults: []string{f.Name}}, func(d *lyncdiag.Diagnoser) {
					d.Credentials = func(_ context.Context, to string) (string, adfs.Secret, error) {
						taken++
						if !strings.HasPrefix(to, stsTrust) && to != "https://login.microsoftonline.com/RST2.srf" {
							t.Errorf("sent to %s", to)
						}
						return "", adfs.NewSecret(password), nil
					}
				})
				if taken > 1 {
					t.Errorf("taken %d times", taken)
				}
				if strings.Contains(describe(report), password) {
					t.Error("the report has it")
				}
			})
		})
	}
}

// TestCredentialsWithdrawn: without them in the end the stage is the tool's
// failure, not AD FS's.
func TestCredentialsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
			d.Credentials = func(context.Context, string) (string, adfs.Secret, error) {
				return "", adfs.Secret{}, errors.New("cancelled at the prompt")
			}
		})
		i := slices.IndexFunc(report.Stages, func(s lyncdiag.StageResult) bool { return s.ID == "adfs.token" })
		if s := report.Stages[i]; s.Status != lyncdiag.Errored || s.Reason != "cancelled at the prompt" || report.Verdict.Outcome != lyncdiag.Undecided {
			t.Error(describe(report))
		}
	})
}

// TestWindowsAuthentication proves the password by NTLM, over the run's own
// dial path.
func TestWindowsAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts, report := diagnose(t, lab.Config{Faults: []string{"adfs-windows-endpoint-exposed"}}, func(d *lyncdiag.Diagnoser) { d.Windows = true })
		a, _, ok := fact.Get(facts, fact.TokenKey)
		if !ok || !a.HasToken || !strings.HasSuffix(a.Endpoint.Address, "/windowstransport") || !slices.Contains(a.Schemes, "ntlm") {
			t.Errorf("%+v\n%s", a, describe(report))
		}
	})
}

// TestTokenEndpoint: a version that does not work, or that the client does not
// speak, is not tried while another is there.
func TestTokenEndpoint(t *testing.T) {
	for _, tt := range []struct{ client, fault, want string }{
		{"", "healthy", "13/usernamemixed"},
		{"sfb2016", "healthy", "13/usernamemixed"},
		{"lync2010", "healthy", "2005/usernamemixed"},
		{"lync2013", "adfs-mex-2005-only", "2005/usernamemixed"},
		{"", "adfs-mex-2005-only", "2005/usernamemixed"},
		{"", "adfs-mex-13-only", "13/usernamemixed"},
		{"", "adfs-endpoint-host-mismatch", "13/usernamemixed"},
		{"", "adfs-mex-get-only", "13/usernamemixed"},
		{"", "adfs-mex-html", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			facts, report := diagnose(t, lab.Config{Faults: []string{tt.fault}}, func(d *lyncdiag.Diagnoser) { d.Setting.Client = tt.client })
			got := ""
			if a, _, ok := fact.Get(facts, fact.TokenKey); ok && a.HasToken {
				got = strings.TrimPrefix(a.Endpoint.Address, stsTrust)
			}
			if got != tt.want {
				t.Errorf("%s, %s: %q, want %q\n%s", tt.client, tt.fault, got, tt.want, describe(report))
			}
		})
	}
}
