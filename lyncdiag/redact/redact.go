// Package redact replaces what tells a person or an organisation in logs,
// exports and documents by pseudonyms: users, SIP addresses, hosts, domains, IP
// addresses, telephone numbers, tickets, certificates, GUIDs, SIDs, names of
// computers and Windows accounts.
//
// The same original has the same pseudonym wherever and however it is written
// ("joe@contoso.com", "sip:joe%40contoso.com", CONTOSO\joe), so that a reader can
// still follow it, and a redacted log is read to the same sign-in attempts. What
// a diagnosis needs and everybody shares stays: Microsoft's own hosts, the names
// that clients look up below a domain, codes, times and versions.
//
// Names are recognised by what stands around them, and once known also where
// they stand alone; those that are words of everyday language only where they stand
// as names do, capitalised and beside another part of the name or behind a form of
// address. [Redactor.Learn]
// and [Redactor.LearnFrom] make names known before anything is written.
package redact

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Redactor holds the pseudonyms of one run. It is safe for concurrent use.
type Redactor struct {
	mu    sync.Mutex
	key   [32]byte  // of what is replaced without being remembered
	keyed hash.Hash // nil until it is needed
	kept  [kinds]map[string]string
	used  map[string]bool // pseudonyms that are given away, or were met as originals
	last  [kinds]int

	addresses map[netip.Addr]netip.Addr // the zero value until it is needed
	issued    map[netip.Addr]bool
	next      map[string]int // by kind of address

	certificates map[string][]byte // DER, by the SHA-256 of the original and their own
	thumbprints  map[string]string // of certificates and their keys, and of what stands for them
	beside       map[string]bool   // "calvin zink": words that follow each other in names of people
	maybe        wordForms         // of the names that are known
	recent       map[string]string // what addresses, hosts and GUIDs were replaced by, until a name is added
}

// kind is what a pseudonym stands for.
type kind int

const (
	user kind = iota
	host
	domain
	person // a word of a person's or an organisation's name
	phone
	sid
	kinds
)

var kindNames = [kinds]string{"user", "host", "domain", "name", "phone", "sid"}

// maxKept bounds what is remembered. What comes after it has pseudonyms that are
// computed, so that they stay the same without being remembered.
const maxKept = 1 << 17

// New returns a Redactor that knows no names.
func New() *Redactor {
	r := &Redactor{
		used: map[string]bool{}, addresses: map[netip.Addr]netip.Addr{}, issued: map[netip.Addr]bool{},
		next: map[string]int{}, certificates: map[string][]byte{}, thumbprints: map[string]string{}, recent: map[string]string{}, beside: map[string]bool{},
	}
	for k := range r.kept {
		r.kept[k] = map[string]string{}
	}
	rand.Read(r.key[:])
	return r
}

// Learn makes names known: addresses, DOMAIN\user, hosts and domains, names of
// people and computers.
func (r *Redactor) Learn(names ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > maxName {
			continue
		}
		if strings.ContainsAny(name, "@\\") {
			r.text(name)
			continue
		}
		if strings.Contains(name, ".") && !strings.Contains(name, " ") {
			r.host(name)
			continue
		}
		r.words([]byte(name), person)
	}
}

// Text returns s with its originals replaced.
func (r *Redactor) Text(s string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text(s)
}

func (r *Redactor) text(s string) string {
	if s == "" {
		return s
	}
	var out []byte
	state := &scanner{Redactor: r}
	for rest := s; rest != ""; {
		line := rest
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		rest = rest[len(line):]
		out = state.line(out, []byte(line))
	}
	return string(state.end(out))
}

// mac is a keyed hash: what is computed from it stays the same in one run and
// tells nothing of the original.
func (r *Redactor) mac(parts ...string) []byte {
	if r.keyed == nil {
		r.keyed = hmac.New(sha256.New, r.key[:])
	}
	r.keyed.Reset()
	for _, p := range parts {
		r.keyed.Write([]byte(p))
		r.keyed.Write([]byte{0})
	}
	return r.keyed.Sum(nil)
}

// isPseudonym reports whether a lower-case word has the form of the pseudonyms
// of names, or stands for what was dropped. Those stay, whoever gave them, so that
// redacting twice is harmless.
func isPseudonym(word string) bool {
	if rest, ok := strings.CutPrefix(word, "redacted"); ok {
		return rest == "" || len(rest) == 11 && rest[0] == '-' && isHex(rest[1:])
	}
	i := strings.LastIndex(word, "-r")
	if i < 0 || len(word) < i+3 {
		return false
	}
	switch word[:i] {
	case "user", "host", "domain", "name":
	default:
		return false
	}
	for _, c := range word[i+2:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != 'x' {
			return false
		}
	}
	return true
}

// IsPseudonym reports whether an address or a host has the form of what a Redactor
// puts in place of one. Two of one form may stand for two, unless Redactors with
// one map gave both.
func IsPseudonym(name string) bool {
	domain := name[strings.LastIndexByte(name, '@')+1:]
	return slices.ContainsFunc(strings.Split(strings.ToLower(domain), "."), isPseudonym)
}

// pseudonym returns what stands for a lower-case word, giving it one of kind k
// if it has none.
func (r *Redactor) pseudonym(k kind, word string) string {
	if isPseudonym(word) {
		r.used[word] = true
		return word
	}
	if k != domain {
		if known, ok := r.word(word); ok {
			return known
		}
	} else if known, ok := r.kept[domain][word]; ok {
		return known
	}
	if len(r.kept[k]) >= maxKept || len(word) > maxName {
		return fmt.Sprintf("%s-rx%x", kindNames[k], r.mac(kindNames[k], word)[:6])
	}
	for {
		r.last[k]++
		p := kindNames[k] + "-r" + strconv.Itoa(r.last[k])
		if !r.used[p] {
			r.used[p] = true
			r.keep(k, word, p)
			return p
		}
	}
}

// keep remembers a pseudonym.
func (r *Redactor) keep(k kind, original, p string) {
	clear(r.recent)
	r.kept[k][original] = p
	if k == domain {
		// The name before the suffix stands for the organisation, also alone.
		label, _, _ := strings.Cut(original, ".")
		if _, known := r.word(label); !known && bare(label) {
			r.kept[host][label] = p
			r.note(label)
		}
		return
	}
	r.note(original)
}

func (r *Redactor) note(word string) {
	if word != "" {
		r.maybe.add(word)
	}
}

// maxRecent bounds Redactor.recent.
const maxRecent = 1 << 10

// remember keeps what an address, a host or a GUID was replaced by.
func (r *Redactor) remember(text []byte, p string) {
	if len(r.recent) == maxRecent {
		clear(r.recent)
	}
	if len(text) <= maxName {
		r.recent[string(text)] = p
	}
}

// word looks a lower-case word up among those of users, hosts and names.
func (r *Redactor) word(word string) (string, bool) {
	for _, k := range [...]kind{user, host, person} {
		if p, ok := r.kept[k][word]; ok {
			return p, true
		}
	}
	return "", false
}

// marker begins what replaces GUIDs and long numbers in hexadecimal.
const marker = "0bf05ca7ed"

// guid replaces one of 36 characters.
func (r *Redactor) guid(g string) string {
	low := fold(g)
	switch {
	case strings.HasPrefix(low, marker[:8]+"-"+marker[8:]), low == "00000000-0000-0000-0000-000000000000":
		return g
	case strings.HasSuffix(low, "0000000ff1ce"), strings.Contains(low, "-0ff1-ce00-"):
		return g // a product code of Office, an application of Office 365
	}
	h := marker + hex.EncodeToString(r.mac("guid", low))[:22]
	return like(g, h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:])
}

// compactGUID replaces a GUID without its dashes by that of the same GUID.
func (r *Redactor) compactGUID(g []byte) string {
	p, ok := r.recent[string(g)]
	if !ok {
		dashed := fmt.Sprintf("%s-%s-%s-%s-%s", g[:8], g[8:12], g[12:16], g[16:20], g[20:])
		p = strings.ReplaceAll(r.guid(dashed), "-", "")
		r.remember(g, p)
	}
	return p
}

// conference replaces the id of a conference, which a person types or a link holds.
func (r *Redactor) conference(id string) string {
	if onlyDigits(id) {
		return r.telephone(id)
	}
	return r.pseudonym(person, fold(id))
}

// number replaces a long number in hexadecimal by one of its length.
func (r *Redactor) number(n string) string {
	low := fold(n)
	if strings.HasPrefix(low, marker) || strings.HasPrefix(low, abroad) && onlyDigits(low) {
		return n
	}
	if p, ok := r.thumbprints[low]; ok {
		return like(n, p)
	}
	h := marker + hex.EncodeToString(r.mac("number", low))
	for len(h) < len(n) {
		h += hex.EncodeToString(r.mac("number", h))
	}
	return like(n, h[:len(n)])
}

// like writes lower-case hexadecimal in the case of the original.
func like(original, p string) string {
	if strings.ContainsAny(original, "ABCDEF") {
		return strings.ToUpper(p)
	}
	return p
}

// abroad begins what replaces telephone numbers: a country code that does not exist.
const abroad = "999000"

// telephone replaces a number.
func (r *Redactor) telephone(digits string) string {
	if strings.HasPrefix(digits, abroad) {
		return digits
	}
	if p, ok := r.kept[phone][digits]; ok {
		return p
	}
	if len(r.kept[phone]) >= maxKept {
		return abroad + strconv.Itoa(int(r.mac("phone", digits)[0]))
	}
	r.last[phone]++
	p := fmt.Sprintf(abroad+"%04d", r.last[phone])
	r.kept[phone][digits] = p
	return p
}

// national replaces a number as it is dialled within a country; behind 00 it is
// the one that also stands behind a plus.
func (r *Redactor) national(digits string) string {
	if international, ok := strings.CutPrefix(digits, "00"); ok {
		return "00" + r.telephone(international)
	}
	return r.telephone(digits)
}

// hardware replaces the address of a network adapter by one that is administered
// locally.
func (r *Redactor) hardware(a string) string {
	low := strings.ToLower(a)
	if strings.HasPrefix(low, "02"+low[2:3]+"0b"+low[2:3]+"f0") || strings.Trim(low, "0f"+low[2:3]) == "" {
		return a
	}
	h := hex.EncodeToString(r.mac("hardware", strings.ReplaceAll(low, ":", "-")))
	return like(a, strings.Join([]string{"02", "0b", "f0", h[:2], h[2:4], h[4:6]}, low[2:3]))
}

// identifier replaces the SID of an account or a computer.
func (r *Redactor) identifier(s string) string {
	up := strings.ToUpper(s)
	if !strings.HasPrefix(up, "S-1-5-21-") && !strings.HasPrefix(up, "S-1-12-1-") || strings.HasPrefix(up, "S-1-5-21-0-0-0-") {
		return s // of Windows itself
	}
	if p, ok := r.kept[sid][up]; ok {
		return p
	}
	if len(r.kept[sid]) >= maxKept {
		return fmt.Sprintf("S-1-5-21-0-0-0-%d", 1e6+int(r.mac("sid", up)[0]))
	}
	r.last[sid]++
	p := fmt.Sprintf("S-1-5-21-0-0-0-%d", r.last[sid])
	r.kept[sid][up] = p
	return p
}

// blob replaces bytes that are written as text.
func (r *Redactor) blob(b []byte) string {
	return "redacted-" + hex.EncodeToString(r.mac("blob", string(b)))[:10]
}
