package dnscheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// NSLookup is one question of Windows' nslookup and what it printed as the answer.
type NSLookup struct {
	// Answer holds what is known. Server is the name printed for the DNS server, "" if
	// none is; Type is "" where neither the command nor a record shows it. Addresses of
	// both families stand in Records under type "A". TTL, RCode and the flags are not
	// printed.
	Answer
	ServerAddr netip.Addr `json:"serverAddr"`
	// TimedOut counts the time-outs printed. With an answer behind them they mean
	// nothing.
	TimedOut int `json:"timedOut"`
	// Additional are the records of other names.
	Additional []Record `json:"additional"`
	// Asked is the name as it was typed, "" where the text does not show it. Name is
	// another one where a search suffix of that computer made the answer.
	Asked string `json:"asked,omitempty"`
}

// maxNSLookup bounds the text that ParseNSLookup reads.
const maxNSLookup = 1 << 20

// ParseNSLookup reads what Windows' nslookup printed: of one command, of several one
// after another, or of an interactive session with its prompts. The text may be in
// any language and in any OEM code page or in UTF-16, because only what is never
// translated is relied on. Text without a question that came to something, and text
// longer than a megabyte, is an error.
func ParseNSLookup(r io.Reader) ([]NSLookup, error) { return ParseNSLookupFile("", r) }

// ParseNSLookupFile is ParseNSLookup for text without its command line in a file that
// is named after it, as in a MOSDAL report: "nslookup sipdir.online.lync.com.txt".
func ParseNSLookupFile(name string, r io.Reader) ([]NSLookup, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxNSLookup+1))
	if err != nil {
		return nil, fmt.Errorf("dnscheck: read nslookup output: %w", err)
	}
	if len(raw) > maxNSLookup {
		return nil, fmt.Errorf("dnscheck: read nslookup output: %w", fmt.Errorf("it is longer than %d octets", maxNSLookup))
	}
	p := nslookupParser{}
	if m := nslookupFile.FindStringSubmatch(name); m != nil {
		p.command(m[1])
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(narrow(raw), "\r", "\n"), "\n") {
		p.line(line)
	}
	p.end()
	if len(p.found) == 0 {
		return nil, fmt.Errorf("dnscheck: read nslookup output: %w", errors.New("no question of nslookup and what came of it is in there; save the command line with all that it printed"))
	}
	return p.found, nil
}

// narrow makes one byte or more of each character of UTF-16 text, as PowerShell
// writes it to files, and leaves other text as it is.
func narrow(raw []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")) || len(raw) > 3 && raw[1] == 0 && raw[3] == 0:
		order = binary.LittleEndian
	case bytes.HasPrefix(raw, []byte("\xfe\xff")) || len(raw) > 3 && raw[0] == 0 && raw[2] == 0:
		order = binary.BigEndian
	default:
		return string(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
}

// NSLookupResult arranges what nslookup printed as the answers about one domain, so
// that it can be compared with what is expected and with what others say. Each DNS
// server that was asked is one of its Servers; of several answers to one question
// the best stands. Names outside the domain are kept as hosts.
func NSLookupResult(domain string, list []NSLookup) *Result {
	res := &Result{Domain: domain}
	ascii, err := ASCII(domain)
	if err != nil {
		res.Detail = err.Error()
		return res
	}
	res.Domain = ascii
	for _, n := range list {
		s := Server{Name: "nslookup"}
		switch {
		case n.Server != "" && !strings.EqualFold(n.Server, "UnKnown"):
			s.Name += " at " + n.Server
		case n.ServerAddr.IsValid():
			s.Name += " at " + n.ServerAddr.String()
		}
		if n.ServerAddr.IsValid() {
			s.Addr = netip.AddrPortFrom(n.ServerAddr, 53)
		}
		if !slices.ContainsFunc(res.Servers, func(t Server) bool { return t.Name == s.Name }) {
			res.Servers = append(res.Servers, s)
		}
		a := n.Answer
		a.Server = s.Name
		if n.Asked != "" && n.Name != n.Asked && strings.HasPrefix(n.Name, n.Asked+".") {
			// Nothing is known of the name itself.
			a = Answer{Name: n.Asked, Type: n.Type, Server: s.Name, Status: StatusOtherRCode, Detail: "the search suffix of that computer made it " + n.Name + "; ask again with a dot at the end: nslookup " + n.Asked + "."}
		}
		switch {
		case a.Name == "" || a.Status == "":
		case a.Type == "SRV" && !strings.HasPrefix(a.Name, "_"), a.Type == "SOA":
		case a.Type == "SRV":
			res.addAnswer(a)
			for _, host := range addressesOf(n.Additional, s.Name) {
				res.addHost(host)
			}
		case (a.Type == "AAAA" || a.Type == "CNAME") && a.Status == StatusNoData:
			// It has addresses of the other family, or no alias, and that is no harm.
		case a.Type == "" || a.Type == "A" || a.Type == "AAAA" || a.Type == "A+AAAA" || a.Type == "CNAME":
			res.addHost(nslookupHost(a))
		}
	}
	return res
}

// nslookupHost is what a question for addresses shows of a host.
func nslookupHost(a Answer) Host {
	a.Type = "A"
	h := Host{Name: a.Name, Server: a.Server, Status: a.Status, CNAMEs: a.CNAMEs, A: a}
	for _, r := range a.Records {
		if r.Type == "CNAME" && r.Target != "" {
			h.CNAMEs = append(h.CNAMEs, r.Target)
		}
		if r.Address.IsValid() {
			h.Addresses = append(h.Addresses, r.Address)
		}
	}
	return h
}

// addressesOf are the hosts whose addresses nslookup printed beside an answer.
func addressesOf(records []Record, server string) []Host {
	var hosts []Host
	for _, r := range records {
		if !r.Address.IsValid() {
			continue
		}
		i := slices.IndexFunc(hosts, func(h Host) bool { return h.Name == r.Name })
		if i < 0 {
			i = len(hosts)
			hosts = append(hosts, Host{Name: r.Name, Server: server, Status: StatusOK, A: Answer{Name: r.Name, Type: "A", Server: server, Status: StatusOK}})
		}
		hosts[i].Addresses = append(hosts[i].Addresses, r.Address)
		hosts[i].A.Records = append(hosts[i].A.Records, r)
	}
	return hosts
}

func (r *Result) addAnswer(a Answer) {
	i := slices.IndexFunc(r.Answers, func(b Answer) bool { return b.Server == a.Server && b.Name == a.Name && b.Type == a.Type })
	switch {
	case i < 0:
		r.Answers = append(r.Answers, a)
	case better(a.Status, r.Answers[i].Status):
		r.Answers[i] = a
	}
}

func (r *Result) addHost(h Host) {
	i := slices.IndexFunc(r.Hosts, func(k Host) bool { return k.Server == h.Server && k.Name == h.Name })
	switch {
	case i < 0:
		r.Hosts = append(r.Hosts, h)
	case better(h.Status, r.Hosts[i].Status):
		r.Hosts[i] = h
	}
}

// better reports whether a says more than b: an answer, then an absence, then a
// failure.
func better(a, b Status) bool {
	rank := func(s Status) int {
		switch {
		case s == StatusOK:
			return 2
		case s.Known():
			return 1
		}
		return 0
	}
	return rank(a) > rank(b)
}

var (
	nslookupFile    = regexp.MustCompile(`(?i)(?:^|[\\/])nslookup[ _]([^\\/]+?)(?:\.txt)?$`)
	nslookupCommand = regexp.MustCompile(`(?i)(?:^|[\s>\\/"])nslookup(?:\.exe)?"?((?:\s.*)?)$`)
	nslookupRecord  = regexp.MustCompile(`^(\S+)\s+(internet address|AAAA IPv6 address|nameserver|canonical name|name)\s*=\s*(\S+)$`)
	nslookupMX      = regexp.MustCompile(`^(\S+)\s+MX preference\s*=\s*(\d+), mail exchanger\s*=\s*(\S+)$`)
	nslookupSRV     = regexp.MustCompile(`^(\S+)\s+SRV service location:$`)
	nslookupField   = regexp.MustCompile(`^(priority|weight|port|svr hostname)\s*=\s*(\S+)$`)
	nslookupZone    = regexp.MustCompile(`^primary name server\s*=`)
)

// nslookupParser goes through the text line by line.
type nslookupParser struct {
	found []NSLookup

	cur         NSLookup
	open        bool     // cur holds something
	asked       string   // from a command or a prompt
	askedType   string   // of this question
	setType     string   // by "set type=" of a session
	serverLabel string   // the word before the server's name, in the text's language
	hasServer   bool     // the server's block of this question is read
	label       string   // the last label that is not one of ours
	value       string   // and its value
	named       string   // the name that the answer's block is about
	list        string   // the list that further lines belong to: "Addresses" or "Aliases"
	aliases     []string // the asked name, and the chain behind it
	ptr         string   // an address for which a name was not found, before the server's block
	ptrStatus   Status
	soa         bool // the zone was shown in place of records
	srv         Record
	inSRV       bool
}

func (p *nslookupParser) line(raw string) {
	line := strings.TrimSpace(raw)
	// A prompt may stand before anything: "> name", ">nslookup name".
	if m := nslookupCommand.FindStringSubmatch(line); m != nil && !strings.HasPrefix(line, "***") {
		p.command(m[1])
		return
	}
	if rest, ok := strings.CutPrefix(line, ">"); ok {
		p.prompt(strings.TrimSpace(rest))
		return
	}
	switch {
	case line == "": // also between the lines of CR CR LF
	case strings.HasPrefix(line, "DNS request timed out."):
		p.open = true
		p.cur.TimedOut++
	case strings.HasPrefix(line, "timeout was "):
	case strings.HasPrefix(line, "***"):
		p.failure(strings.TrimSpace(strings.TrimLeft(line, "*")))
	case p.resource(line):
		p.open = true
	default:
		p.labelled(line)
	}
}

// command begins a new run of the program.
func (p *nslookupParser) command(arguments string) {
	p.end()
	p.setType, p.serverLabel = "", ""
	p.question(arguments)
}

// question reads "[-type=X] name [server]".
func (p *nslookupParser) question(words string) {
	for word := range strings.FieldsSeq(words) {
		word = strings.Trim(word, `"'`)
		if option, ok := strings.CutPrefix(word, "-"); ok {
			if kind, ok := typeOption(option); ok {
				p.askedType = kind
			}
			continue
		}
		if name, err := questionName(word); err == nil && word != "" {
			p.asked = display(name)
		}
		return
	}
}

// typeOption reads "type=SRV", "q=SRV", "querytype=SRV".
func typeOption(option string) (kind string, ok bool) {
	key, value, ok := strings.Cut(option, "=")
	key = strings.ToLower(strings.TrimSpace(key))
	if !ok || key == "" || !(strings.HasPrefix("querytype", key) || strings.HasPrefix("type", key)) {
		return "", false
	}
	kind = strings.ToUpper(strings.TrimSpace(value))
	return kind, len(kind) < 16
}

// prompt is a line of an interactive session: what was typed or, where input came
// from a file, what was printed.
func (p *nslookupParser) prompt(text string) {
	p.end()
	text = strings.TrimLeft(text, "> ")
	if strings.HasPrefix(text, "***") || strings.HasPrefix(text, "DNS request") || strings.Contains(text, ": ") || strings.HasSuffix(text, ":") {
		p.line(text)
		return
	}
	word, rest, _ := strings.Cut(text, " ")
	switch strings.ToLower(word) {
	case "", "exit", "server", "lserver", "ls", "help", "?", "view", "finger", "root":
	case "set":
		if kind, ok := typeOption(strings.TrimSpace(rest)); ok {
			p.setType = kind
		}
	default:
		p.question(text)
		p.open = p.asked != ""
	}
}

// failure is a line that begins with asterisks.
func (p *nslookupParser) failure(text string) {
	status := StatusOtherRCode
	switch lower := strings.ToLower(text); {
	case strings.Contains(lower, "non-existent domain"):
		status = StatusNoSuchName
	case strings.Contains(lower, "server failed"):
		status = StatusServerFailure
	case strings.Contains(lower, "query refused"):
		status = StatusRefused
	case strings.Contains(lower, "timed-out"), strings.Contains(lower, "timed out"), strings.Contains(lower, "no response from server"):
		status = StatusNoAnswer
	case strings.Contains(lower, "records available for"):
		status = StatusNoData // "No internal type for both IPv4 and IPv6 Addresses (A+AAAA) records available for"
	}
	subject := p.failureSubject(text)
	if status == StatusOtherRCode && subject == "" {
		return // "Default servers are not available"
	}
	if !p.hasServer && p.asked != subject {
		if _, err := netip.ParseAddr(subject); err == nil {
			// Perhaps it is only the server's own name that was not found.
			p.ptr, p.ptrStatus, p.open = subject, status, true
			return
		}
	}
	p.open = true
	// A second line about the same question does not make the first untrue.
	if p.cur.Status == "" || p.cur.Status == StatusNoAnswer {
		p.cur.Status, p.cur.Detail = status, printable(text)
	}
	if subject != "" && p.cur.Name == "" {
		p.cur.Name = subject
	}
}

// failureSubject is the name that a failure is about, "" where none can be told:
// "dns can't find name: Non-existent domain", in another order in other languages.
func (p *nslookupParser) failureSubject(text string) string {
	before, _, ok := cutLast(text, ":")
	if !ok {
		const available = "records available for "
		_, after, ok := strings.Cut(text, available)
		if !ok {
			return ""
		}
		before = after
	}
	words := strings.Fields(before)
	last := ""
	for i, word := range words {
		name, err := questionName(word)
		switch name = display(name); {
		case err != nil:
		case p.asked != "" && (name == p.asked || strings.HasPrefix(name, p.asked+".")):
			return name
		case strings.EqualFold(name, p.cur.Server), i == 0 && len(words) > 1:
			// the server speaks of itself first
		case strings.Contains(name, "."), netipLike(word), i == len(words)-1 && strings.Contains(before, "can't find "), len(words) == 1:
			last = name
		}
	}
	return last
}

// netipLike reports whether a word is an address, perhaps with its scope.
func netipLike(word string) bool {
	_, err := netip.ParseAddr(word)
	return err == nil
}

func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// resource reads the lines that are records.
func (p *nslookupParser) resource(line string) bool {
	if m := nslookupField.FindStringSubmatch(line); m != nil && p.inSRV {
		number, _ := strconv.ParseUint(m[2], 10, 16)
		switch m[1] {
		case "priority":
			p.srv.Priority = uint16(number)
		case "weight":
			p.srv.Weight = uint16(number)
		case "port":
			p.srv.Port = uint16(number)
		default:
			p.srv.Target = display(m[2])
			p.srv.Text = fmt.Sprintf("%d %d %d %s", p.srv.Priority, p.srv.Weight, p.srv.Port, absolute(p.srv.Target))
			p.record(p.srv)
			p.inSRV = false
		}
		return true
	}
	if m := nslookupSRV.FindStringSubmatch(line); m != nil {
		p.srv, p.inSRV = Record{Name: display(m[1]), Type: "SRV"}, true
		return true
	}
	if m := nslookupMX.FindStringSubmatch(line); m != nil {
		preference, _ := strconv.ParseUint(m[2], 10, 16)
		target := display(m[3])
		p.record(Record{Name: display(m[1]), Type: "MX", Priority: uint16(preference), Target: target, Text: fmt.Sprintf("%d %s", preference, absolute(target))})
		return true
	}
	if m := nslookupRecord.FindStringSubmatch(line); m != nil {
		r := Record{Name: display(m[1]), Text: m[3]}
		switch m[2] {
		case "internet address", "AAAA IPv6 address":
			addr, err := netip.ParseAddr(m[3])
			if err != nil {
				return false
			}
			r.Type, r.Address = addressType(addr), addr
		default:
			r.Type = map[string]string{"nameserver": "NS", "canonical name": "CNAME", "name": "PTR"}[m[2]]
			r.Target = display(m[3])
			r.Text = absolute(r.Target)
		}
		p.record(r)
		return true
	}
	if nslookupZone.MatchString(line) {
		p.soa = true
		return true
	}
	return false
}

func absolute(name string) string {
	return strings.TrimSuffix(name, ".") + "."
}

func addressType(addr netip.Addr) string {
	if addr.Is4() {
		return "A"
	}
	return "AAAA"
}

func (p *nslookupParser) record(r Record) {
	p.list = ""
	p.cur.Records = append(p.cur.Records, r) // sorted out at the end
}

// labelled reads "Label: value" and what continues it.
func (p *nslookupParser) labelled(line string) {
	if addr, err := netip.ParseAddr(line); err == nil && p.list == "Addresses" {
		p.address(addr)
		return
	}
	label, value, ok := strings.Cut(line, ":")
	label, value = strings.TrimSpace(label), strings.TrimSpace(value)
	if !ok {
		if p.list == "Aliases" && !strings.ContainsAny(line, " \t") {
			p.alias(line)
		}
		return
	}
	switch label {
	case "Address", "Addresses":
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return
		}
		p.list = "Addresses"
		p.addressBlock(addr)
	case "Aliases":
		p.list = "Aliases"
		p.alias(value)
	default:
		p.list = ""
		p.otherLabel(label, value)
	}
}

// otherLabel is a label that is translated: it goes before the name of the server, or
// before the name of the answer.
func (p *nslookupParser) otherLabel(label, value string) {
	if value == "" || strings.ContainsAny(value, " \t") {
		return // "Non-authoritative answer:", or no line of nslookup's
	}
	if p.hasServer && (label == p.serverLabel || label == "Server") {
		p.end() // the next question
	}
	p.label, p.value = label, value
	if p.hasServer {
		p.named = value
		if p.cur.Name == "" {
			p.cur.Name = display(value)
		}
	}
}

// addressBlock takes an address that stands under a name: first the server's own,
// then the answer's.
func (p *nslookupParser) addressBlock(addr netip.Addr) {
	answers := p.label == "Name" || p.label == "Nom" || p.label == "Nombre"
	if p.hasServer || answers {
		if !p.hasServer && p.named == "" {
			p.named, p.cur.Name = p.value, display(p.value)
		}
		p.address(addr)
		return
	}
	p.hasServer, p.serverLabel = true, p.label
	p.cur.ServerAddr = addr
	if p.value != "" {
		p.cur.Server = p.value
	}
	p.label, p.value, p.list = "", "", ""
	if ptr, err := netip.ParseAddr(p.ptr); err == nil && ptr == addr {
		p.ptr = "" // the server has no name; that is not an answer
	}
}

func (p *nslookupParser) address(addr netip.Addr) {
	p.open = true
	r := Record{Name: display(p.named), Type: addressType(addr), Address: addr, Text: addr.String()}
	if !slices.Contains(p.cur.Records, r) {
		p.cur.Records = append(p.cur.Records, r)
	}
}

func (p *nslookupParser) alias(name string) {
	if name = display(name); len(p.aliases) < maxChain {
		p.aliases = append(p.aliases, name)
	}
}

// end closes the question that is open.
func (p *nslookupParser) end() {
	if p.ptr != "" && p.cur.Status == "" {
		p.cur.Name, p.cur.Status = p.ptr, p.ptrStatus
	}
	// A session greets with its server: that is no question.
	if p.open || p.named != "" || p.soa {
		p.finish()
	}
	*p = nslookupParser{found: p.found, setType: p.setType, serverLabel: p.serverLabel}
}

func (p *nslookupParser) finish() {
	a := p.cur
	a.Type = p.askedType
	if a.Type == "" {
		a.Type = p.setType
	}
	if a.Type == "" && len(a.Records) > 0 {
		a.Type = a.Records[0].Type
	}
	if a.Type == "AAAA" && p.askedType == "" && p.setType == "" {
		a.Type = "A"
	}
	owner := display(p.named)
	switch {
	case len(p.aliases) > 0:
		a.Name = p.aliases[0]
		a.CNAMEs = append(slices.Clone(p.aliases[1:]), owner)
	case p.asked != "" && a.Name == "":
		a.Name = p.asked
	}
	if p.named == "" {
		owner = a.Name
		if owner == "" && len(a.Records) > 0 {
			owner = a.Records[0].Name
			a.Name = owner
		}
	}
	a.Asked = p.asked
	all := a.Records
	a.Records = nil
	for _, r := range all {
		fits := r.Type == a.Type || a.Type == "A" && r.Type == "AAAA" || a.Type == "A+AAAA" && (r.Type == "A" || r.Type == "AAAA")
		// The asked name may have got a search suffix.
		if fits && (r.Name == owner || r.Name == a.Name || strings.HasPrefix(r.Name, a.Name+".")) {
			a.Records = append(a.Records, r)
		} else {
			a.Additional = append(a.Additional, r)
		}
	}
	switch {
	case len(a.Records) > 0:
		a.Status, a.Detail = StatusOK, ""
	case a.Status != "":
	case p.named != "" || p.soa || len(a.Additional) > 0:
		a.Status = StatusNoData
	case a.TimedOut > 0 && a.Name != "":
		a.Status = StatusNoAnswer
	default:
		return // a question whose answer is not in the text
	}
	p.found = append(p.found, a)
}

// printable keeps the ASCII of a line, because its code page is not known.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
