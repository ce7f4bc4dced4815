package dnscheck

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Field is one input of a DNS provider's web form.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Words is the record's data with its fields by name: "priority 100, weight 1, port
// 443, target sipdir.online.lync.com". Microsoft's tables print the weight before
// the priority; DNS has the priority first.
func (r Record) Words() string {
	switch r.Type {
	case "SRV":
		return fmt.Sprintf("priority %d, weight %d, port %d, target %s", r.Priority, r.Weight, r.Port, r.Target)
	case "MX":
		return fmt.Sprintf("preference %d, target %s", r.Priority, r.Target)
	}
	if r.Target != "" {
		return "target " + r.Target
	}
	if r.Address.IsValid() {
		return "address " + r.Address.String()
	}
	return r.Text
}

// fixed is the record that Check.Fix describes.
type fixed struct {
	labels, target         string
	priority, weight, port string // SRV
}

func (c Check) fixed() (f fixed, ok bool) {
	words := strings.Fields(c.Fix) // owner TTL IN type data
	if c.Domain == "" || len(words) < 5 {
		return fixed{}, false
	}
	f = fixed{labels: c.labels(), target: strings.TrimSuffix(words[len(words)-1], ".")}
	if c.Type == "SRV" && len(words) == 8 {
		f.priority, f.weight, f.port = words[4], words[5], words[6]
	}
	return f, c.Type != "SRV" || f.port != ""
}

// Form is Fix in the words of a provider's web form, field by field; nil where Fix
// is "". The name "@" stands for the domain itself, as in most such forms.
func (c Check) Form() []Field {
	f, ok := c.fixed()
	if !ok {
		return nil
	}
	const ttl = "1 hour"
	if c.Type != "SRV" {
		return []Field{{"Type", c.Type}, {"Name", f.labels}, {"Target", f.target}, {"TTL", ttl}}
	}
	service, protocol, _ := strings.Cut(f.labels, ".")
	return []Field{
		{"Type", "SRV"}, {"Service", service}, {"Protocol", protocol}, {"Name", "@"},
		{"Priority", f.priority}, {"Weight", f.weight}, {"Port", f.port}, {"Target", f.target}, {"TTL", ttl},
	}
}

// PowerShell is Fix as commands of the DnsServer module, for a zone that is named
// as the domain: first those that remove what is wrong, which ask for confirmation,
// then the one that adds the record. Where a right record stands beside wrong ones,
// nothing is added. It is nil where there is nothing to do.
func (c Check) PowerShell() []string {
	if c.Domain == "" {
		return nil
	}
	lines, right := c.removals()
	f, ok := c.fixed()
	if !ok || right {
		return lines
	}
	const add = "Add-DnsServerResourceRecord -%s -ZoneName %s -Name %s %s -TimeToLive 01:00:00"
	zone, name, target := quote(c.Domain), quote(f.labels), quote(f.target)
	if c.Type == "SRV" {
		data := fmt.Sprintf("-DomainName %s -Priority %s -Weight %s -Port %s", target, f.priority, f.weight, f.port)
		return append(lines, fmt.Sprintf(add, "Srv", zone, name, data))
	}
	return append(lines, fmt.Sprintf(add, "CName", zone, name, "-HostNameAlias "+target))
}

// removals are the commands that remove the wrong records, and whether a right one
// stays.
func (c Check) removals() (lines []string, right bool) {
	if c.Wildcard || c.Status != CheckWrong && c.Problem != ProblemDuplicate {
		return nil, false
	}
	const remove = "Remove-DnsServerResourceRecord -ZoneName %s -Name %s -RRType %s"
	zone, name := quote(c.Domain), quote(c.labels())
	if c.Type != "SRV" {
		for _, kind := range []string{"CNAME", "A", "AAAA"} {
			if c.Fix != "" && slices.ContainsFunc(c.Records, func(r Record) bool { return r.Type == kind }) {
				lines = append(lines, fmt.Sprintf(remove, zone, name, strings.Replace(kind, "CNAME", "CName", 1)))
			}
		}
		return lines, false
	}
	var wrong []Record
	for _, r := range c.Records {
		if r.Type == "SRV" && (!hostName(r.Target) || c.differs(r.Target) != "" || c.Port != 0 && r.Port != c.Port) {
			wrong = append(wrong, r)
		}
	}
	right = len(wrong) < len(c.Records)
	if len(wrong) > 0 && !right {
		// Without data, every record of the name goes.
		return []string{fmt.Sprintf(remove, zone, name, "Srv")}, false
	}
	for _, r := range wrong {
		target, _ := unescape(strings.TrimSuffix(r.Target, ".") + ".")
		if strings.IndexFunc(target, unicode.IsControl) >= 0 || !utf8.ValidString(target) {
			continue // no command line can say it
		}
		data := []string{fmt.Sprint(r.Priority), fmt.Sprint(r.Weight), fmt.Sprint(r.Port), target}
		for i := range data {
			data[i] = quote(data[i])
		}
		lines = append(lines, fmt.Sprintf(remove, zone, name, "Srv")+" -RecordData "+strings.Join(data, ","))
	}
	return lines, right
}

// quote is PowerShell's literal string, which ends at typographic quotes as well.
// Targets come from strangers.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('\'')
	for _, r := range text {
		if r == '\'' || r >= '\u2018' && r <= '\u201b' {
			out.WriteRune(r)
		}
		out.WriteRune(r)
	}
	out.WriteByte('\'')
	return out.String()
}

// maxOdd is how many characters of one target are pointed at.
const maxOdd = 3

// oddCharacters points at the characters of a target that cannot be in a host name,
// counted from 1: "character 23 is a space".
func oddCharacters(target string) string {
	var found []string
	text, dots := unescape(target)
	position := 0
	for i, r := range text {
		position++
		switch {
		case dots[i]:
			found = append(found, fmt.Sprintf("character %d is a dot inside a label", position))
		case notHost(r) && r != '_':
			found = append(found, fmt.Sprintf("character %d is %s", position, characterName(r, text[i])))
		}
	}
	if more := len(found) - maxOdd; more > 0 {
		found = append(found[:maxOdd], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(found, ", ")
}

// unescape undoes the \DDD and \X of zone files (RFC 1035 5.1). dots are the offsets
// of dots that do not separate labels.
func unescape(name string) (text string, dots map[int]bool) {
	var out []byte
	dots = make(map[int]bool)
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] != '\\' || i+1 == len(name):
			out = append(out, name[i])
		case i+3 < len(name) && digit(name[i+1]) && digit(name[i+2]) && digit(name[i+3]):
			out = append(out, (name[i+1]-'0')*100+(name[i+2]-'0')*10+name[i+3]-'0')
			i += 3
		default:
			dots[len(out)] = name[i+1] == '.'
			out = append(out, name[i+1])
			i++
		}
	}
	return string(out), dots
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func characterName(r rune, first byte) string {
	switch r {
	case ' ':
		return "a space"
	case '\t':
		return "a tab"
	case '\n', '\r':
		return "a line break"
	case '\u00a0':
		return "a no-break space (U+00A0)"
	case '\u200b':
		return "a zero-width space (U+200B)"
	case utf8.RuneError:
		return fmt.Sprintf("the octet %d", first)
	}
	if r < ' ' || r == 0x7f {
		return fmt.Sprintf("a control character (U+%04X)", r)
	}
	if r > '~' {
		return fmt.Sprintf("%+q (U+%04X)", r, r)
	}
	return fmt.Sprintf("%q", r)
}
