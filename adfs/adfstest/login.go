package adfstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Domain is what the login service knows about a domain.
type Domain struct {
	// Type is "managed", "federated", "consumer" (a Microsoft account) or
	// "unknown"; "" is managed.
	Type string
	// Brand is the organisation's display name.
	Brand string
	// Protocol of a federated domain as the service spells it; "" is WSTrust.
	// With SAML20 there is neither a MEX URL nor an active one.
	Protocol string
	// MEXURL, ActiveURL and PassiveURL of a federated domain; "" derives them
	// from Host.
	MEXURL, ActiveURL, PassiveURL string
	// Host is the federation service's name; "" is sts.<domain>.
	Host string
	// Cloud is the cloud instance; "" is microsoftonline.com.
	Cloud string
}

// LoginService is the cloud's login service as far as it tells the home of an
// address: /common/UserRealm/<address> (api-version 1.0 and 2.x, JSON) and
// /getuserrealm.srf (JSON, or XML with xml=1), and as far as it checks a
// password: /RST2.srf. The zero value knows no domain.
type LoginService struct {
	// Now is the service's clock, seen in Date; nil is time.Now.
	Now func() time.Time
	// Domains by name in lower case; those absent are unknown to the service.
	Domains map[string]Domain
	// UserRealm and GetUserRealm answer those two questions.
	UserRealm, GetUserRealm Answer
	// RST2 answers /RST2.srf, where users of managed domains get tokens.
	// Password is everybody's; "" takes any. Refuse is the code that is
	// answered in place of a token: AADSTS50126, 50053, 50055, 50034 or 50076.
	RST2             Answer
	Password, Refuse string

	history history
}

// Requests returns all requests so far in order of arrival.
func (s *LoginService) Requests() []Request { return s.history.list() }

// ServeHTTP answers both questions without asking for credentials.
func (s *LoginService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := s.history.add(w, r, s.Now, "Microsoft-IIS/10.0")
	path := strings.ToLower(r.URL.Path)
	query := r.URL.Query()
	const userRealm = "/common/userrealm/"
	switch {
	case strings.HasPrefix(path, userRealm):
		version := query.Get("api-version")
		if !strings.HasPrefix(version, "1.") && !strings.HasPrefix(version, "2.") {
			http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
			return
		}
		login := r.URL.Path[len(userRealm):]
		fields := s.userRealm1(login)
		if version[0] == '2' {
			fields = s.userRealm2(login)
		}
		s.UserRealm.write(w, r, "application/json; charset=utf-8", jsonObject(fields))
	case path == "/getuserrealm.srf":
		fields := s.getUserRealm(query.Get("login"))
		if query.Get("xml") == "1" {
			s.GetUserRealm.write(w, r, "text/xml; charset=utf-8", xmlObject(fields))
			return
		}
		s.GetUserRealm.write(w, r, "application/json; charset=utf-8", jsonObject(fields))
	case path == "/rst2.srf":
		s.rst2(w, r, body)
	default:
		http.NotFound(w, r)
	}
}

// field keeps the service's order, which a map would lose.
type field struct {
	name  string
	value any
}

// lookup fills in what the Domain leaves to be derived; the name is that of
// the domain as the service tells it.
func (s *LoginService) lookup(login string) (Domain, string) {
	name := strings.ToLower(login[strings.LastIndexByte(login, '@')+1:])
	d, ok := s.Domains[name]
	if !ok {
		d.Type = "unknown"
	}
	d.Type = strings.ToLower(d.Type)
	if d.Cloud == "" {
		d.Cloud = "microsoftonline.com"
	}
	if d.Host == "" {
		d.Host = "sts." + name
	}
	switch d.Type {
	case "":
		d.Type = "managed"
	case "consumer":
		return Domain{
			Type: "federated", Brand: "MSA Realms", Protocol: "WSTrust", Cloud: d.Cloud,
			MEXURL:     "https://nexus.passport.com/FederationMetadata/2007-06/FederationMetadata.xml",
			ActiveURL:  "https://login.live.com/rst2.srf",
			PassiveURL: "https://login.live.com/login.srf",
		}, "live.com"
	case "federated":
		d.derive()
	}
	return d, name
}

func (d *Domain) derive() {
	if d.Protocol == "" {
		d.Protocol = "WSTrust"
	}
	if d.PassiveURL == "" {
		d.PassiveURL = "https://" + d.Host + "/adfs/ls/"
	}
	if !strings.EqualFold(d.Protocol, "WSTrust") {
		return
	}
	if d.MEXURL == "" {
		d.MEXURL = "https://" + d.Host + "/adfs/services/trust/mex"
	}
	if d.ActiveURL == "" {
		d.ActiveURL = "https://" + d.Host + "/adfs/services/trust/2005/usernamemixed"
	}
}

func (s *LoginService) userRealm1(login string) []field {
	d, name := s.lookup(login)
	f := []field{{"ver", "1.0"}, {"account_type", title(d.Type)}}
	if d.Type == "unknown" {
		return f
	}
	f = append(f, field{"domain_name", name})
	if d.Type == "federated" {
		f = append(f, field{"federation_protocol", d.Protocol})
		if d.MEXURL != "" {
			f = append(f, field{"federation_metadata_url", d.MEXURL})
		}
		if d.ActiveURL != "" {
			f = append(f, field{"federation_active_auth_url", d.ActiveURL})
		}
	}
	return append(f, field{"cloud_instance_name", d.Cloud}, field{"cloud_audience_urn", "urn:federation:MicrosoftOnline"})
}

func (s *LoginService) userRealm2(login string) []field {
	d, name := s.lookup(login)
	f := []field{{"NameSpaceType", title(d.Type)}, {"Login", login}}
	if d.Type == "unknown" {
		return f
	}
	if d.Type == "federated" {
		f = append(f, field{"federation_protocol", d.Protocol}, field{"AuthURL", d.PassiveURL})
	}
	return append(f, field{"DomainName", name}, field{"FederationBrandName", d.Brand}, field{"cloud_instance_name", d.Cloud})
}

func (s *LoginService) getUserRealm(login string) []field {
	d, name := s.lookup(login)
	state, userState := 4, 1
	if d.Type == "federated" {
		state, userState = 3, 2
	}
	f := []field{{"State", state}, {"UserState", userState}, {"Login", login}, {"NameSpaceType", title(d.Type)}}
	if d.Type == "unknown" {
		return f
	}
	f = append(f, field{"DomainName", name}, field{"IsFederatedNS", d.Type == "federated"})
	if d.Type == "federated" {
		f = append(f, field{"FederationGlobalVersion", -1}, field{"AuthURL", d.PassiveURL})
		if d.ActiveURL != "" {
			f = append(f, field{"STSAuthURL", d.ActiveURL})
		}
		if d.MEXURL != "" {
			f = append(f, field{"MEXURL", d.MEXURL})
		}
	}
	return append(f, field{"FederationBrandName", d.Brand}, field{"CloudInstanceName", d.Cloud}, field{"CloudInstanceIssuerUri", "urn:federation:MicrosoftOnline"})
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func jsonObject(fields []field) []byte {
	out := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		// Strings, integers and booleans always marshal.
		value, _ := json.Marshal(f.value)
		out = fmt.Appendf(out, "%q:%s", f.name, value)
	}
	return append(out, '}')
}

func xmlObject(fields []field) []byte {
	out := []byte(`<RealmInfo Success="true">`)
	for _, f := range fields {
		out = fmt.Appendf(out, "<%s>%s</%s>", f.name, escape(fmt.Sprint(f.value)), f.name)
	}
	return append(out, "</RealmInfo>"...)
}
