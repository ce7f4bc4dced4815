package redact

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxName is the longest name that is taken for one.
const maxName = 320

// signInFolder begins the names of the folders that clients keep for an address.
const signInFolder = "sip_"

// user replaces the part of an address before the @.
func (r *Redactor) local(name string) string {
	if len(name) > len(signInFolder) && strings.EqualFold(name[:len(signInFolder)], signInFolder) {
		return name[:len(signInFolder)] + r.local(name[len(signInFolder):])
	}
	low := fold(unescape(name))
	digits := strings.TrimPrefix(low, "+")
	switch {
	case len(digits) >= 7 && onlyDigits(digits):
		if strings.HasPrefix(name, "+") {
			return "+" + r.telephone(digits)
		}
		return r.telephone(digits)
	case len(low) == 36 && isGUID(low):
		return r.guid(name)
	case len(low) >= 16 && isHex(low):
		return name // made by a program
	}
	_, known := r.word(low)
	p := r.pseudonym(user, low)
	if !known && !isPseudonym(low) {
		for _, part := range strings.FieldsFunc(low, func(c rune) bool { return strings.ContainsRune("._-+", c) }) {
			if part != low && bare(part) {
				r.pseudonym(person, part)
			}
		}
	}
	return p
}

// words replaces every word of a person's name, or of the name of an
// organisation.
func (r *Redactor) words(text []byte, k kind) []byte {
	var out []byte
	before := ""
	for i := 0; i < len(text); {
		if !wordByte[text[i]] {
			out = append(out, text[i])
			i++
			continue
		}
		j := i
		for j < len(text) && (wordByte[text[j]] || text[j] == '\'' && j+1 < len(text) && wordByte[text[j+1]]) {
			j++
		}
		if word := lower(text[i:j]); onlyDigits(word) || isTime(word) || strings.Trim(word, "-_") == "" {
			out = append(out, text[i:j]...)
		} else {
			if before != "" && !isPseudonym(word) && len(r.beside) < maxKept {
				r.beside[before+" "+word] = true
			}
			before = word
			out = append(out, r.pseudonym(k, word)...)
		}
		i = j
	}
	return out
}

// bare reports whether a lower-case word may be replaced where it stands alone:
// everyday words and short ones mean something else there.
func bare(word string) bool {
	if utf8.RuneCountInString(word) < 3 || everyday()[word] {
		return false
	}
	for i := range len(word) {
		if c := word[i]; c < '0' || c > '9' {
			return true
		}
	}
	return false
}

// host replaces a name of a host or a domain, or an address that stands in its
// place. A single label is taken for a computer.
func (r *Redactor) host(name string) string {
	if a, err := netip.ParseAddr(name); err == nil {
		return r.address(a).String()
	}
	low := fold(name)
	dot := ""
	if strings.HasSuffix(low, ".") {
		low, dot = low[:len(low)-1], "."
	}
	if reversed, ok := r.reverse(low); ok {
		return reversed + dot
	}
	if low == "" || wellKnown(low) {
		return name
	}
	above := r.parent(low)
	if above == "" {
		if keptLabels[low] || weak[low] {
			return name
		}
		if p, ok := r.kept[domain][low]; ok {
			return p + dot
		}
		return r.pseudonym(host, low) + dot
	}
	var b strings.Builder
	if below := strings.TrimSuffix(strings.TrimSuffix(low, above), "."); below != "" {
		for label := range strings.SplitSeq(below, ".") {
			b.WriteString(r.label(label))
			b.WriteByte('.')
		}
	}
	b.WriteString(r.domain(above))
	return b.String() + dot
}

// reverse replaces the address in a name of the reverse tree (RFC 1035 section
// 3.5, RFC 3596 section 2.5). Of a zone there, which holds many addresses, it is the
// beginning of all pseudonyms of their kind.
func (r *Redactor) reverse(name string) (string, bool) {
	head, six := strings.CutSuffix(name, ".ip6.arpa")
	if !six {
		var four bool
		if head, four = strings.CutSuffix(name, ".in-addr.arpa"); !four {
			return name, name == "in-addr.arpa" || name == "ip6.arpa"
		}
	}
	most, base, tree := 4, 10, ".in-addr.arpa"
	if six {
		most, base, tree = 32, 16, ".ip6.arpa"
	}
	labels := strings.Split(head, ".")
	first := len(labels) // of the labels that are parts of the address
	var parts []byte
	for ; first > 0 && len(parts) < most; first-- {
		n, err := strconv.ParseUint(labels[first-1], base, 8)
		if err != nil || six && n > 15 {
			break
		}
		parts = append(parts, byte(n))
	}
	below := labels[:first]
	for i, label := range below {
		below[i] = r.label(label)
	}
	known := len(parts)
	parts = append(parts, make([]byte, most-known)...)
	bytes := parts
	if six {
		bytes = make([]byte, 16)
		for i, nibble := range parts {
			bytes[i/2] |= nibble << (4 * (1 - i%2))
		}
	}
	a, _ := netip.AddrFromSlice(bytes)
	switch {
	case known == most:
		a = r.address(a)
	case !everybodys(a):
		a = substitute(a, 0)
	}
	out := below
	for i := known - 1; i >= 0; i-- {
		b := a.AsSlice()
		if six {
			out = append(out, strconv.FormatUint(uint64(b[i/2]>>(4*(1-i%2))&15), 16))
		} else {
			out = append(out, strconv.Itoa(int(b[i])))
		}
	}
	return strings.Join(out, ".") + tree, true
}

func (r *Redactor) label(l string) string {
	if l == "" || l == "*" || l[0] == '_' || keptLabels[l] {
		return l
	}
	return r.pseudonym(host, l)
}

// domain replaces what somebody registered.
func (r *Redactor) domain(name string) string {
	label, zone, _ := strings.Cut(name, ".")
	if zone == "" && (isPseudonym(label) || weak[label]) {
		return label
	}
	if zone == "example" && isPseudonym(label) || tenantZones[zone] && isPseudonym(label) {
		r.used[label] = true
		return name
	}
	p := r.pseudonym(domain, name)
	switch {
	case zone == "":
		return p
	case tenantZones[zone]:
		return p + "." + zone
	}
	return p + ".example"
}

// parent is the longest domain that is known, else the part of a name that
// somebody registered; "" for a single label.
func (r *Redactor) parent(name string) string {
	for rest := name; rest != ""; {
		if _, ok := r.kept[domain][rest]; ok {
			return rest
		}
		_, after, ok := strings.Cut(rest, ".")
		if !ok {
			break
		}
		rest = after
	}
	labels := strings.Split(name, ".")
	n := 2
	for zone := range tenantZones {
		if strings.HasSuffix(name, "."+zone) {
			n = strings.Count(zone, ".") + 2
		}
	}
	if len(labels) > 2 && len(labels[len(labels)-1]) == 2 && secondLevel[labels[len(labels)-2]] {
		n = 3
	}
	if len(labels) < 2 {
		return ""
	}
	return strings.Join(labels[max(len(labels)-n, 0):], ".")
}

// address replaces an IP address by one of its kind: rules tell private ones from
// public ones.
func (r *Redactor) address(a netip.Addr) netip.Addr {
	zone := a.Zone()
	a = a.WithZone("")
	if a.Is4In6() {
		return netip.AddrFrom16(r.address(a.Unmap()).As16())
	}
	if everybodys(a) || r.issued[a] {
		return a.WithZone(zone)
	}
	p, known := r.addresses[a]
	if !p.IsValid() {
		if !known && len(r.addresses) >= maxKept {
			h := r.mac("address", a.String())
			p = substitute(a, int(h[0])<<8|int(h[1]))
		} else {
			for p = netip.Addr(netip.Addr{}); !p.IsValid() || r.issued[p] || r.met(p); {
				class := substitute(a, 0).String()
				r.next[class]++
				p = substitute(a, r.next[class])
			}
			r.addresses[a] = p
			r.issued[p] = true
		}
	}
	return p.WithZone(zone)
}

// everybodys reports whether an address tells nothing of whose network it is.
func everybodys(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || ofMicrosoft(a)
}

func (r *Redactor) met(a netip.Addr) bool {
	_, ok := r.addresses[a]
	return ok
}

// substitute is the nth address of the kind of a.
func substitute(a netip.Addr, n int) netip.Addr {
	hi, lo := byte(n>>8), byte(n)
	if a.Is6() {
		b := [16]byte{0x20, 0x01, 0x0d, 0xb8, 14: hi, 15: lo}
		switch {
		case a.IsPrivate():
			b[0], b[1], b[2], b[3] = 0xfd, 0x0b, 0xf0, 0x5c
		case a.IsLinkLocalUnicast():
			b[0], b[1], b[2], b[3] = 0xfe, 0x80, 0, 0
			b[12] = 0xb
		}
		b[13] = byte(n >> 16)
		return netip.AddrFrom16(b)
	}
	b := a.As4()
	switch {
	case b[0] == 10:
		return netip.AddrFrom4([4]byte{10, 213 + byte(n>>16), hi, lo})
	case b[0] == 172 && a.IsPrivate():
		return netip.AddrFrom4([4]byte{172, 29, hi, lo})
	case b[0] == 192 && a.IsPrivate():
		return netip.AddrFrom4([4]byte{192, 168, 213 - hi, lo})
	case a.IsLinkLocalUnicast():
		return netip.AddrFrom4([4]byte{169, 254, 213 - hi, lo})
	case b[0] == 100 && b[1]&0xc0 == 64:
		return netip.AddrFrom4([4]byte{100, 100, hi, lo})
	}
	return netip.AddrFrom4([4]byte{198, 18 | byte(n>>16)&1, hi, lo})
}

// onlyDigits, isHex and isGUID tell the forms of what programs write.
func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isHex(s string) bool {
	for i := range len(s) {
		if hexDigit(s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if hexDigit(s[i]) < 0 {
			return false
		}
	}
	return true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// unescape undoes %XX.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			b.WriteByte(byte(hexDigit(s[i+1])<<4 | hexDigit(s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func lower(b []byte) string { return fold(string(b)) }

// listed looks a word up in lower case, without a copy of it.
func listed[V any](words map[string]V, word []byte) V {
	var low [24]byte
	if len(word) > len(low) {
		return words[lower(word)]
	}
	for i, c := range word {
		switch {
		case c >= 0x80:
			return words[lower(word)]
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		low[i] = c
	}
	return words[string(low[:len(word)])]
}

// fold is s in lower case. What is no UTF-8 is of a code page, and keeps its bytes
// but for the letters of ASCII.
func fold(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}
