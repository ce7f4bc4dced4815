package fact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
)

// AnyKey is a Key of any type, as the codec needs it.
type AnyKey interface {
	Name() Name
	decode(json.RawMessage) (any, error)
}

func (k Key[T]) decode(raw json.RawMessage) (any, error) {
	var v T
	if string(bytes.TrimSpace(raw)) == "null" {
		return v, errors.New("null is no observation")
	}
	err := json.Unmarshal(raw, &v)
	return v, err
}

// Keys returns the facts of this package.
func Keys() []AnyKey {
	return []AnyKey{
		StartedKey, TargetKey, SettingKey, AnswersKey, MessageKey, DNSKey, WalkKey, WebHostsKey, CandidatesKey,
		AutomaticKey, LoginKey, ControlKey, RealmKey, FederationKey, MEXKey,
		FederationMetadataKey, TrustEndpointsKey, ServiceProbeKey, TokenKey, CloudTokenKey, FederationSettingsKey, ClockKey, AttemptsKey, LogFilesKey,
		NSLookupKey, PortQueriesKey, BundleKey, ClientKey,
		DirectoryUsersKey, DirectoryDomainsKey, DirectoryErrorsKey, OrganizationKey, ServiceHealthKey, ServerTestsKey,
		PublicRootsKey, StandingsKey, WithoutSNIKey, ClientTLSKey, SurveyKey,
		PathsKey, ProxyKey,
		LogStepsKey,
	}
}

type document struct {
	Schema string     `json:"schema"` // "lyncdiag.facts/v1"
	Facts  []recorded `json:"facts"`
}

type recorded struct {
	Name   Name            `json:"name"`
	Origin Origin          `json:"origin"`
	Value  json.RawMessage `json:"value"`
}

const schema = "lyncdiag.facts/v1"

// Encode records every fact with every origin, in the order of their names.
func Encode(w io.Writer, f *Facts) error {
	f.store.mu.RLock()
	defer f.store.mu.RUnlock()
	doc := document{Schema: schema, Facts: []recorded{}}
	for name, entries := range f.store.m {
		for _, e := range entries {
			value, err := json.Marshal(e.value)
			if err != nil {
				return fmt.Errorf("fact: record %s: %w", name, err)
			}
			doc.Facts = append(doc.Facts, recorded{name, e.origin, value})
		}
	}
	sort.SliceStable(doc.Facts, func(i, j int) bool { return strings.Compare(string(doc.Facts[i].Name), string(doc.Facts[j].Name)) < 0 })
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("fact: record: %w", err)
	}
	return nil
}

// Decode reads what Encode wrote. extra are keys of the caller's own stages. A
// name that no key declares is an error: judging without it could give another
// verdict.
func Decode(r io.Reader, extra ...AnyKey) (*Facts, error) {
	var doc document
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("fact: read record: %w", err)
	}
	if doc.Schema != schema {
		return nil, fmt.Errorf("fact: read record: schema %q, want %q", doc.Schema, schema)
	}
	known := map[Name]AnyKey{}
	for _, k := range append(Keys(), extra...) {
		known[k.Name()] = k
	}
	f := New()
	for _, rec := range doc.Facts {
		key, ok := known[rec.Name]
		if !ok {
			return nil, fmt.Errorf("fact: read record: %q is not a fact of this version", rec.Name)
		}
		value, err := key.decode(rec.Value)
		if err != nil {
			return nil, fmt.Errorf("fact: read record of %s: %w", rec.Name, err)
		}
		f.store.put(rec.Name, value, rec.Origin)
	}
	return f, nil
}
