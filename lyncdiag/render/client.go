package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// clientDoc is lyncdiag.client/v1. Where a key says yes or no, "" is unknown.
type clientDoc struct {
	Schema           string              `json:"schema"`
	From             string              `json:"from"`                                       // folder of an export, "" for this computer
	At               string              `json:"at,omitempty" jsonschema:"format=date-time"` // when the computer was looked at
	System           clientSystem        `json:"system"`
	Products         []clientProduct     `json:"products"`
	ProductsRead     bool                `json:"productsRead"` // false: without products, whether there are any is unknown
	Running          string              `json:"running" jsonschema:"enum=yes,enum=no,enum="`
	Assistant        signInAssistant     `json:"signInAssistant"`
	Updates          clientUpdates       `json:"updates"`
	Profiles         []clientProfile     `json:"profiles"` // the user's settings, a generation each
	Accounts         []clientAccount     `json:"accounts"` // saved sign-in information
	Certificates     []clientCertificate `json:"certificates"`
	CertificatesRead bool                `json:"certificatesRead"` // false: whether there are any is unknown
	Credentials      []string            `json:"credentials"`      // targets in Credential Manager
	CredentialsRead  bool                `json:"credentialsRead"`
	Proxy            clientProxy         `json:"proxy"`
	TLS              []clientSwitch      `json:"tls"` // switches that are set; Windows' defaults hold for others
	Time             clientTime          `json:"time"`
	BracedGUID       bool                `json:"machineGuidHasBraces"` // KB 2604176
	Gaps             []clientSwitch      `json:"gaps"`                 // what could not be read, and why
	Findings         []finding           `json:"findings"`
}

type clientSystem struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	ServicePack string `json:"servicePack"`
}

type clientProduct struct {
	Generation string `json:"generation"`
	Name       string `json:"name"`
	Version    string `json:"version"`
	From       string `json:"from" jsonschema:"enum=file,enum=click-to-run,enum=installer"`
}

type signInAssistant struct {
	Installed string `json:"installed" jsonschema:"enum=yes,enum=no,enum="`
	Version   string `json:"version"`
	Service   string `json:"service" jsonschema:"enum=running,enum=stopped,enum=disabled,enum="`
	ClockSkew *int64 `json:"clockSkewMs,omitempty"` // that it noted (KB 2581291); left out without one
}

type clientUpdates struct {
	Windows string `json:"windows" jsonschema:"enum=yes,enum=no,enum="`
	Office  string `json:"office" jsonschema:"enum=yes,enum=no,enum="`
}

type clientProfile struct {
	Generation   string         `json:"generation"`
	SignIn       string         `json:"signIn"`
	Mode         string         `json:"mode" jsonschema:"enum=manual,enum=automatic,enum="` // "": not set, which is automatic
	ByPolicy     bool           `json:"byPolicy"`
	Internal     string         `json:"internalServer"`
	External     string         `json:"externalServer"`
	SavePassword string         `json:"savePassword" jsonschema:"enum=yes,enum=no,enum="`
	Trace        string         `json:"trace"` // off, light, full, on
	LogAt        string         `json:"logAt,omitempty" jsonschema:"format=date-time"`
	Switches     []clientSwitch `json:"switches"`
}

type clientAccount struct {
	Address    string `json:"address"`
	Generation string `json:"generation"`
	Folder     string `json:"folder"` // below the user's profile
	Files      int    `json:"files"`
	CacheAt    string `json:"endpointCacheAt,omitempty" jsonschema:"format=date-time"` // EndpointConfiguration.cache was written; left out without one
	Registry   string `json:"registryKey"`
}

type clientCertificate struct {
	Subject    string `json:"subject"`
	Issuer     string `json:"issuer"`
	NotBefore  string `json:"notBefore,omitempty" jsonschema:"format=date-time"`
	NotAfter   string `json:"notAfter,omitempty" jsonschema:"format=date-time"`
	Thumbprint string `json:"thumbprint"`
	Key        string `json:"privateKey" jsonschema:"enum=yes,enum=no,enum="` // one is linked
}

type clientProxy struct {
	InternetOptions []clientSwitch `json:"internetOptions"`
	WinHTTP         []clientSwitch `json:"winHttp"`
}

type clientTime struct {
	Service string `json:"service"`
	Source  string `json:"source"`
	Zone    string `json:"zone"`
}

type clientSwitch struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Client is lyncdiag.client/v1: the Lync client of a computer.
func (t Tool) Client(f *fact.Facts, r *lyncdiag.Report) Document {
	c, o, _ := fact.Get(f, fact.ClientKey)
	if c == nil {
		c = &fact.Client{}
	}
	switches := func(all []fact.ClientSwitch) []clientSwitch {
		return each(all, func(s fact.ClientSwitch) clientSwitch { return clientSwitch(s) })
	}
	doc := &clientDoc{
		Schema: "lyncdiag.client/v1", From: o.Where, At: stamp(c.At), System: clientSystem{c.OS, c.OSVersion, c.OSService}, Running: c.Running,
		ProductsRead: c.ProductsRead, Products: each(c.Products, func(p fact.ClientProduct) clientProduct { return clientProduct(p) }),
		Assistant: signInAssistant{Installed: c.Assistant, Version: c.AssistantVersion, Service: c.AssistantService},
		Updates:   clientUpdates{c.WindowsUpdate, c.OfficeUpdate},
		Profiles: each(c.Profiles, func(p fact.ClientProfile) clientProfile {
			return clientProfile{p.Generation, p.SignIn, p.Mode, p.Policy, p.Internal, p.External, p.SavesLogin, p.Trace, stamp(p.LogAt), switches(p.Switches)}
		}),
		Accounts: each(c.Accounts, func(a fact.ClientAccount) clientAccount {
			return clientAccount{a.Address, a.Generation, a.Folder, a.Files, stamp(a.CacheAt), a.Registry}
		}),
		Certificates: each(c.Certificates, func(x fact.ClientCertificate) clientCertificate {
			return clientCertificate{x.Subject, x.Issuer, stamp(x.NotBefore), stamp(x.NotAfter), x.Thumbprint, x.Key}
		}),
		CertificatesRead: c.CertificatesRead, Credentials: list(c.Credentials), CredentialsRead: c.CredentialsRead,
		Proxy: clientProxy{switches(c.WinINET), switches(c.WinHTTP)}, TLS: switches(c.TLS), Time: clientTime{c.TimeService, c.TimeSource, c.TimeZone},
		BracedGUID: c.BracedGUID, Gaps: switches(c.Gaps), Findings: findings(r),
	}
	if c.AssistantSkew != nil {
		doc.Assistant.ClockSkew = known(*c.AssistantSkew*1000, true)
	}
	return Document{doc}
}

func (d *clientDoc) text(s *sheet) {
	of := cmp.Or(d.From, "This computer")
	switch {
	case len(d.Products) == 0:
		s.head(of+": "+map[bool]string{true: "no Lync client was found", false: "which Lync client is installed is not known"}[d.ProductsRead], dubio)
	case slices.ContainsFunc(d.Findings, func(f finding) bool { return f.Severity == "failure" }):
		s.head(of+": something is wrong with the client", bad)
	case slices.ContainsFunc(d.Findings, func(f finding) bool { return f.Severity == "warning" }):
		s.head(of+": the client is there, with something to look at", dubio)
	default:
		s.head(of+": nothing that is wrong was seen", good)
	}
	s.blank()
	for i, p := range d.Products {
		s.item(map[bool]string{true: "Client"}[i == 0], strings.TrimSpace(p.Name+" "+p.Version)+map[string]string{"installer": " (as installed; updates may have raised it)"}[p.From])
	}
	s.item("System", strings.TrimSpace(d.System.Name+" "+d.System.Version+" "+d.System.ServicePack))
	s.item("Running", d.Running)
	assistant := map[string]string{"yes": "Assistant installed", "no": "Assistant not installed"}[d.Assistant.Installed]
	for _, part := range []string{d.Assistant.Version, d.Assistant.Service} {
		if part != "" {
			assistant = strings.TrimPrefix(assistant+", "+part, ", ")
		}
	}
	s.item("Sign-In", cmp.Or(assistant, "whether the Assistant is installed is not known"))
	s.item("Updates", strings.Join(both("Windows", d.Updates.Windows, "Office", d.Updates.Office), ", "))
	for _, p := range d.Profiles {
		s.item("Settings", p.Generation+": "+strings.Join(profileWords(p), ", "))
		for _, x := range p.Switches {
			s.item("", x.Name+" = "+x.Value)
		}
	}
	for i, a := range d.Accounts {
		cache := ""
		if a.CacheAt != "" {
			cache = ", endpoint cache of " + a.CacheAt
		}
		files := fmt.Sprintf(", %d files in %s", a.Files, a.Folder)
		switch {
		case a.Folder == "":
			files = ", in the registry only"
		case a.Files == 1:
			files = ", 1 file in " + a.Folder
		}
		s.item(map[bool]string{true: "Saved"}[i == 0], cmp.Or(a.Address, "(not named)")+" ("+a.Generation+")"+files+cache)
	}
	for i, x := range d.Certificates {
		s.item(map[bool]string{true: "Cert"}[i == 0], fmt.Sprintf("%s, issued by %s, valid %s to %s%s", x.Subject, x.Issuer, dateOf(x.NotBefore), dateOf(x.NotAfter), map[string]string{"no": ", without a private key"}[x.Key]))
	}
	if len(d.Certificates) == 0 {
		s.item("Cert", map[bool]string{true: "none of Communications Server", false: "not known: the user's store was not looked at"}[d.CertificatesRead])
	}
	for i, x := range d.Credentials {
		s.item(map[bool]string{true: "Password"}[i == 0], x)
	}
	if len(d.Credentials) == 0 {
		s.item("Password", map[bool]string{true: "none is saved in Credential Manager", false: "not known: Credential Manager was not looked at"}[d.CredentialsRead])
	}
	s.item("Proxy", strings.TrimPrefix(settings("Internet Options", d.Proxy.InternetOptions)+settings("WinHTTP", d.Proxy.WinHTTP), "; "))
	s.item("TLS", strings.TrimPrefix(settings("", d.TLS), "; "))
	s.item("Clock", strings.Join(slices.DeleteFunc([]string{d.Time.Service, d.Time.Source, d.Time.Zone}, func(t string) bool { return t == "" }), ", "))
	for i, g := range d.Gaps {
		s.item(map[bool]string{true: "Not read"}[i == 0], g.Name+": "+g.Value)
	}
	s.findings(d.Findings, false)
}

// both says what is on, what is off, and nothing of what is unknown.
func both(pairs ...string) (words []string) {
	for i := 0; i < len(pairs); i += 2 {
		if word := map[string]string{"yes": "on", "no": "off"}[pairs[i+1]]; word != "" {
			words = append(words, pairs[i]+" "+word)
		}
	}
	if words == nil {
		return []string{"not known"}
	}
	return words
}

func profileWords(p clientProfile) []string {
	words := []string{cmp.Or(p.Mode, "automatic") + " configuration"}
	if p.Mode == "manual" {
		words[0] += " (internal " + cmp.Or(p.Internal, "empty") + ", external " + cmp.Or(p.External, "empty") + map[bool]string{true: ", by policy"}[p.ByPolicy] + ")"
	}
	if p.SignIn != "" {
		words = append(words, "signs in as "+p.SignIn)
	}
	if word := map[string]string{"yes": "saves the password", "no": "does not save the password"}[p.SavePassword]; word != "" {
		words = append(words, word)
	}
	if p.Trace != "" {
		words = append(words, "logging "+p.Trace)
	}
	if p.LogAt != "" {
		words = append(words, "last log "+p.LogAt)
	}
	return words
}

func settings(title string, list []clientSwitch) string {
	text := ""
	for _, s := range list {
		text += "; " + strings.TrimSpace(title+" "+s.Name) + " " + cmp.Or(s.Value, "none")
	}
	return text
}

// dateOf is the date of a time, "an unknown day" without one.
func dateOf(t string) string {
	if len(t) < 10 {
		return "an unknown day"
	}
	return t[:10]
}
