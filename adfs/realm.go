package adfs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

const defaultLoginHost = "login.microsoftonline.com"

// Realm is what the login service says about an address: who checks the
// password of its user.
type Realm struct {
	// NamespaceType is "managed" (the cloud checks), "federated" (the domain's
	// own federation service does), "unknown" (the login service does not know
	// the domain), "consumer" (a Microsoft account, no organisation's), or ""
	// if there was no usable answer.
	NamespaceType string `json:"namespaceType"`
	// Domain and Brand are the domain and the display name told, else "".
	Domain string `json:"domain"`
	Brand  string `json:"brand"`
	// Protocol is that of the federation: "wstrust", "saml20", another one in
	// lower case as told, or "" if none was told.
	Protocol string `json:"protocol"`
	// MEXURL, ActiveAuthURL and PassiveAuthURL are the federation service's
	// metadata exchange, its endpoint for rich clients and its login page for
	// browsers, each as told with its query, else "".
	MEXURL         string `json:"mexUrl"`
	ActiveAuthURL  string `json:"activeAuthUrl"`
	PassiveAuthURL string `json:"passiveAuthUrl"`
	// Cloud is the name of the cloud instance told, for example
	// microsoftonline.com, else "".
	Cloud string `json:"cloud"`
	// Audience is the relying party under which federation services know that
	// cloud, for example [MicrosoftOnline], else "".
	Audience string `json:"audience"`

	// Source is the URL whose answer this is, "" for one that was parsed only.
	Source string `json:"source,omitempty"`
	// Status is the HTTP status of that answer, 0 without an answer.
	Status int `json:"status,omitempty"`
	// Problem is "" for a usable answer, else one of [Codes]: unreachable,
	// http-error, html, malformed and so on. Detail says more; with Problem ""
	// it may say why the first question had to be followed by another.
	Problem string `json:"problem"`
	Detail  string `json:"detail,omitempty"`
	// Date is the login service's own clock; SentAt and AnsweredAt are ours
	// around its answer. See [Exchange].
	Date       time.Time `json:"date,omitzero"`
	SentAt     time.Time `json:"sentAt,omitzero"`
	AnsweredAt time.Time `json:"answeredAt,omitzero"`
}

// DiscoverRealm asks the login service about an address, or about a domain
// alone: first GET https://<login>/common/UserRealm/<address>?api-version=1.0,
// then, if an answer came and cannot be used, GET
// https://<login>/getuserrealm.srf?login=<address>&xml=1. Neither needs
// credentials. The result is never nil; if both fail it describes the first.
func (c *Client) DiscoverRealm(ctx context.Context, address string) *Realm {
	address = strings.TrimSpace(address)
	if bad := strings.IndexFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }); address == "" || bad >= 0 {
		return &Realm{Problem: codeBadAddress, Detail: "the address is empty or has white space or control characters in it"}
	}
	host := c.LoginHost
	if host == "" {
		host = defaultLoginHost
	}
	first := c.askRealm(ctx, "https://"+host+"/common/UserRealm/"+url.PathEscape(address)+"?api-version=1.0", "application/json")
	if first.Problem == "" || first.Status == 0 {
		return first
	}
	second := c.askRealm(ctx, "https://"+host+"/getuserrealm.srf?login="+url.QueryEscape(address)+"&xml=1", "text/xml")
	if second.Problem == "" {
		second.Detail = "UserRealm could not be used: " + first.Detail
		return second
	}
	first.Detail += "; getuserrealm.srf: " + second.Detail
	return first
}

func (c *Client) askRealm(ctx context.Context, rawURL, accept string) *Realm {
	e, answer := c.exchange(ctx, http.MethodGet, rawURL, http.Header{"Accept": {accept}}, nil)
	realm := &Realm{}
	if e.Problem == "" {
		r, err := parseRealm(answer)
		switch {
		case err == nil:
			realm = r
		case isHTML(e.ContentType) && err.code == codeMalformed:
			e.fail(codeHTML, "%s", err.detail)
		default:
			e.fail(err.code, "%s", err.detail)
		}
	}
	switch e.Problem {
	case codeHTTP500, codeHTTP503, codeNotFound:
		// Only MEX endpoints have these statuses set apart; here the status
		// itself is at hand.
		e.Problem = codeHTTPError
	}
	realm.Source, realm.Status, realm.Problem, realm.Detail = withoutUser(rawURL), e.Status, e.Problem, e.Detail
	realm.Date, realm.SentAt, realm.AnsweredAt = e.Date, e.SentAt, e.AnsweredAt
	return realm
}

// ParseRealm reads an answer of the login service: UserRealm 1.0 and 2.x
// (JSON), GetUserRealm.srf (JSON or XML), or GetCredentialType (JSON) for a
// federated user. The case of names and of fixed values is ignored, unknown
// fields are, and absent ones stay "". The error says that the bytes are none
// of these.
func ParseRealm(b []byte) (*Realm, error) {
	r, err := parseRealm(b)
	if err != nil {
		return nil, fmt.Errorf("adfs: parse realm answer: %w", err)
	}
	return r, nil
}

func parseRealm(b []byte) (*Realm, *documentError) {
	if len(b) > maxDocument {
		return nil, &documentError{codeTooLarge, fmt.Sprintf("the answer is larger than %d bytes", maxDocument)}
	}
	text, derr := toUTF8(b)
	if derr != nil {
		return nil, derr
	}
	var fields map[string]string
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '{' {
		fields, derr = realmJSON(t)
	} else {
		fields, derr = realmXML(b)
	}
	if derr != nil {
		return nil, derr
	}
	return realmOf(fields)
}

// key is how the answers' field names are compared: the versions differ in
// case and in underscores (cloud_instance_name, cloudinstancename).
func key(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func realmJSON(b []byte) (map[string]string, *documentError) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, &documentError{codeMalformed, "the answer is not JSON: " + jsonCause(err)}
	}
	fields := map[string]string{}
	// In order, so that the same bytes always give the same result.
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if key(name) == "credentials" {
			var c struct{ FederationRedirectURL string }
			if json.Unmarshal(raw[name], &c) == nil && c.FederationRedirectURL != "" {
				set(fields, "namespacetype", "federated")
				set(fields, "authurl", c.FederationRedirectURL)
			}
			continue
		}
		var value string
		if json.Unmarshal(raw[name], &value) == nil {
			set(fields, key(name), value)
		}
	}
	return fields, nil
}

func realmXML(b []byte) (map[string]string, *documentError) {
	root, err := loadXML(b)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for _, e := range root.ChildElements() {
		set(fields, key(e.Tag), content(e))
	}
	return fields, nil
}

// set keeps the first value that is not empty.
func set(fields map[string]string, name, value string) {
	if value = strings.TrimSpace(value); value != "" && fields[name] == "" {
		fields[name] = value
	}
}

func realmOf(fields map[string]string) (*Realm, *documentError) {
	first := func(names ...string) string {
		for _, n := range names {
			if fields[n] != "" {
				return fields[n]
			}
		}
		return ""
	}
	r := &Realm{
		NamespaceType:  strings.ToLower(first("accounttype", "namespacetype")),
		Domain:         strings.ToLower(first("domainname")),
		Brand:          first("federationbrandname"),
		Protocol:       protocol(first("federationprotocol")),
		MEXURL:         first("federationmetadataurl", "mexurl"),
		ActiveAuthURL:  first("federationactiveauthurl", "stsauthurl"),
		PassiveAuthURL: first("authurl"),
		Cloud:          first("cloudinstancename"),
		Audience:       first("cloudaudienceurn", "cloudinstanceissueruri"),
	}
	switch r.NamespaceType {
	case "managed", "federated", "unknown", "consumer":
	case "":
		return nil, &documentError{codeMalformed, "the answer names no account or namespace type"}
	default:
		return nil, &documentError{codeMalformed, fmt.Sprintf("the answer names the unknown namespace type %.40q", r.NamespaceType)}
	}
	// Microsoft accounts come back as a federation with the consumer service,
	// whose metadata URL is not a MEX document.
	if r.Domain == "live.com" || hostOf(r.MEXURL) == "nexus.passport.com" {
		r.NamespaceType = "consumer"
	}
	return r, nil
}

func protocol(told string) string {
	told = strings.ToLower(told)
	switch strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(told) {
	case "wstrust":
		return "wstrust"
	case "saml20", "samlp", "saml2":
		return "saml20"
	}
	return told
}

// jsonCause leaves out the Go type names of encoding/json.
func jsonCause(err error) string {
	var se *json.SyntaxError
	if errors.As(err, &se) {
		return fmt.Sprintf("%s at byte %d", se.Error(), se.Offset)
	}
	return "unexpected structure"
}
