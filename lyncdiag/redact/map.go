package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/asciijson"
)

// Map is what a Redactor remembers, as a document: who has it can undo the
// redaction.
type Map struct {
	Schema  string  `json:"schema"`  // "lyncdiag.redaction-map/v1"
	Key     string  `json:"key"`     // of the pseudonyms that are computed, in hexadecimal
	Entries []Entry `json:"entries"` // by kind and pseudonym
}

// Entry is one pseudonym.
type Entry struct {
	Kind      string `json:"kind"`      // user, host, domain, name, phone, sid, address, certificate, thumbprint
	Original  string `json:"original"`  // in lower case; of a certificate the SHA-256 of its DER
	Pseudonym string `json:"pseudonym"` // of a certificate the one that stands for it, DER in base64
}

const mapSchema = "lyncdiag.redaction-map/v1"

// maxMap bounds the map that is read.
const maxMap = 256 << 20

// WriteMap writes what the Redactor remembers as JSON in ASCII.
func (r *Redactor) WriteMap(w io.Writer) error {
	r.mu.Lock()
	m := Map{Schema: mapSchema, Key: hex.EncodeToString(r.key[:]), Entries: []Entry{}}
	for k, kept := range r.kept {
		for original, p := range kept {
			m.Entries = append(m.Entries, Entry{kindNames[k], original, p})
		}
	}
	for original, p := range r.addresses {
		if p.IsValid() {
			m.Entries = append(m.Entries, Entry{"address", original.String(), p.String()})
		}
	}
	for original, der := range r.certificates {
		m.Entries = append(m.Entries, Entry{"certificate", original, encodeBase64(der)})
	}
	for original, p := range r.thumbprints {
		m.Entries = append(m.Entries, Entry{"thumbprint", original, p})
	}
	r.mu.Unlock()
	sort.Slice(m.Entries, func(i, j int) bool {
		a, b := m.Entries[i], m.Entries[j]
		if a.Kind != b.Kind {
			return a.Kind < b.Kind
		}
		if x, y := ordinal(a.Pseudonym), ordinal(b.Pseudonym); x != y {
			return x < y
		}
		return a.Pseudonym+a.Original < b.Pseudonym+b.Original
	})
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("redact: write map: %w", err)
	}
	if _, err := w.Write(asciijson.Append(nil, append(text, '\n'))); err != nil {
		return fmt.Errorf("redact: write map: %w", err)
	}
	return nil
}

func ordinal(p string) int {
	n, _ := strconv.Atoi(p[strings.LastIndexAny(p, "r-.:")+1:])
	return n
}

// ReadMap returns a Redactor that goes on with what WriteMap wrote.
func ReadMap(src io.Reader) (*Redactor, error) {
	var m Map
	if err := json.NewDecoder(io.LimitReader(src, maxMap)).Decode(&m); err != nil {
		return nil, fmt.Errorf("redact: read map: %w", err)
	}
	if m.Schema != mapSchema {
		return nil, fmt.Errorf("redact: read map: its schema is %q, want %s", m.Schema, mapSchema)
	}
	r := New()
	key, err := hex.DecodeString(m.Key)
	if err != nil || len(key) != len(r.key) {
		return nil, errors.New("redact: read map: its key is damaged")
	}
	copy(r.key[:], key)
	for _, e := range m.Entries {
		if err := r.restore(e); err != nil {
			return nil, fmt.Errorf("redact: read map: %s %q: %w", e.Kind, e.Original, err)
		}
	}
	return r, nil
}

func (r *Redactor) restore(e Entry) error {
	if e.Original == "" || e.Pseudonym == "" {
		return errors.New("an entry lacks its original or its pseudonym")
	}
	switch e.Kind {
	case "address":
		original, err := netip.ParseAddr(e.Original)
		if err != nil {
			return errors.New("it is no address")
		}
		p, err := netip.ParseAddr(e.Pseudonym)
		if err != nil {
			return errors.New("its pseudonym is no address")
		}
		r.addresses[original], r.issued[p] = p, true
		return nil
	case "certificate":
		der, err := base64.StdEncoding.DecodeString(e.Pseudonym)
		if err != nil {
			return errors.New("its pseudonym is damaged")
		}
		r.certificates[e.Original] = der
		return nil
	case "thumbprint":
		r.thumbprints[e.Original] = e.Pseudonym
		return nil
	}
	for k, name := range kindNames {
		if name != e.Kind {
			continue
		}
		r.kept[k][e.Original] = e.Pseudonym
		r.used[e.Pseudonym] = true
		if n := ordinal(e.Pseudonym); n < 1<<30 {
			r.last[k] = max(r.last[k], n)
		}
		if kind(k) == phone {
			r.last[phone] = len(r.kept[phone])
		}
		if kind(k) != domain {
			r.note(e.Original)
		}
		return nil
	}
	return errors.New("it is of no kind that this version knows")
}
