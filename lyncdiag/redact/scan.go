package redact

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
)

// scanner replaces what stands in lines of UTF-8; other bytes from 0x80 up pass
// for letters.
type scanner struct {
	*Redactor
	block   []byte // of a PEM block or a binary value of the registry, as far as it was read
	ends    func(line []byte) bool
	whole   func(out, block []byte) []byte
	columns []context // of a table, by its first line
	table   bool      // look for columns
	lines   int
	target  bool // the next word is what PortQry asked for
	open    openTag
	about   context // what the name of a pair says of its value
	named   int     // the line of that name
}

// maxBlock is the longest block that is looked into; a longer one is dropped.
const maxBlock = 256 << 10

// The classes of bytes. A word is what may be a label or a name.
var wordByte, baseByte = bytesOf("-_", true), bytesOf("+/=-_", false)

func bytesOf(signs string, high bool) (set [256]bool) {
	for c := range 256 {
		set[c] = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 || c < 0x80 && strings.IndexByte(signs, byte(c)) >= 0 || high && c >= 0x80
	}
	return set
}

// line appends a line, its end included, with the originals replaced.
func (s *scanner) line(out, line []byte) []byte {
	if s.columns != nil && s.whole == nil {
		return s.row(out, line)
	}
	if s.whole != nil {
		ended := s.ends(line)
		if len(s.block) <= maxBlock {
			s.block = append(s.block, line...)
		}
		if ended {
			out = s.over(out)
		}
		return out
	}
	if s.open.name != nil {
		var ok bool
		if out, ok = s.within(out, line); ok {
			return out
		}
		return s.line(out, line)
	}
	if i := bytes.Index(line, []byte("-----BEGIN ")); i >= 0 && !bytes.Contains(line[i:], []byte("-----END ")) {
		out = s.scan(out, line[:i])
		s.begin(line[i:], func(l []byte) bool { return bytes.Contains(l, []byte("-----END ")) }, s.pem)
		return out
	}
	if i := bytes.Index(line, []byte("=hex")); i >= 0 {
		if j := bytes.IndexByte(line[i:min(len(line), i+16)], ':'); j == 4 || j > 4 && line[i+4] == '(' {
			continued := func(l []byte) bool { return !bytes.HasSuffix(bytes.TrimRight(l, "\r\n"), []byte(`\`)) }
			s.begin(line, continued, s.registryBytes)
			if continued(line) {
				out = s.over(out)
			}
			return out
		}
	}
	return s.plain(out, line)
}

// plain is line for one that begins no block.
func (s *scanner) plain(out, line []byte) []byte {
	if s.lines++; s.lines <= 2 && s.table {
		s.columns = header(line)
	}
	if i, j := openElement(line); j > 0 && len(line) < maxElement {
		s.block = append(s.block[:0], line...)
		s.open = openTag{name: bytes.Clone(line[i:j]), from: j}
		return out
	}
	return s.scan(out, line)
}

func (s *scanner) begin(line []byte, ends func([]byte) bool, whole func(out, block []byte) []byte) {
	s.block, s.ends, s.whole = append(s.block[:0], line...), ends, whole
}

// over writes what is kept of a block that has its last line.
func (s *scanner) over(out []byte) []byte {
	whole := s.whole
	s.whole = nil
	if len(s.block) > maxBlock {
		return append(out, "[redacted]\n"...)
	}
	return whole(out, s.block)
}

// end writes what is kept of a text that is over. Lines of that may begin another block.
func (s *scanner) end(out []byte) []byte {
	for {
		switch {
		case s.whole != nil:
			out = s.over(out)
		case s.open.name != nil:
			out = s.unclosed(out, len(s.block))
		default:
			return out
		}
	}
}

func (s *scanner) scan(out, line []byte) []byte {
	line, runs := unescapeLine(line)
	name, nameEnd := displayName(line, 0)
	begun := -1 // where in out the first of the runs begins
	stars := bytes.HasPrefix(bytes.TrimLeft(line, " \t>"), []byte("***"))
	for i := 0; i < len(line); {
		if len(runs) > 0 {
			for len(runs) > 0 && i >= runs[0].to {
				if begun >= 0 && i == runs[0].to {
					out = runs[0].restore(out, begun, line[runs[0].from:i])
				}
				runs, begun = runs[1:], -1
			}
			if len(runs) > 0 && i == runs[0].from {
				begun = len(out)
			}
		}
		if i == name && nameEnd > i {
			if text := line[i:nameEnd]; bytes.IndexByte(text, '@') < 0 {
				out = s.displayed(out, text)
				i = nameEnd
				name, nameEnd = displayName(line, i)
				continue
			}
		}
		if nameEnd > 0 && i >= nameEnd {
			name, nameEnd = displayName(line, i)
			if i == name && nameEnd > i {
				continue
			}
		}
		c := line[i]
		if c == 0xe2 && isMark(line[:min(i+3, len(line))]) {
			out = append(out, line[i:i+3]...)
			i += 3
			continue
		}
		if !wordByte[c] && c != '+' || c == '-' && (i == 0 || !wordByte[line[i-1]]) { // a dash before a word is no part of it
			switch {
			case c == '\\' && i+2 < len(line) && line[i+1] == '\\' && wordByte[line[i+2]] && (i == 0 || !wordByte[line[i-1]] && strings.IndexByte(`\:)`, line[i-1]) < 0):
				out = append(out, '\\', '\\')
				out, i = s.forced(out, line, i+2)
				continue
			case c == ':' && i+2 < len(line) && line[i+1] == ':' && hexDigit(line[i+2]) >= 0 && (i == 0 || !wordByte[line[i-1]] && line[i-1] != ':'):
				if a, end := ipv6(line, i); end > 0 {
					out = append(out, s.address(a).String()...)
					i = end
					continue
				}
			case c == '/' && afterSlashes(line, i):
				if end, at := login(line[i+1:], false); end > 0 {
					out, i = s.hidden(append(out, c), line, i+1, end, at)
					continue
				}
			case c == '(':
				if digits, end := nationalNumber(line, i); end > 0 {
					out = append(out, s.national(digits)...)
					i = end
					continue
				}
			case c == '=' && i+1 < len(line) && line[i+1] == '?':
				if o, end := s.encodedWords(out, line, i, false); end > 0 {
					out, i = o, end
					continue
				}
			case c == '%' && i+2 < len(line) && hexDigit(line[i+1]) >= 0 && hexDigit(line[i+2]) >= 0:
				out, i = s.escaped(out, line, i)
				continue
			}
			out = append(out, c)
			i++
			continue
		}
		out, i = s.word(out, line, i, stars)
	}
	if len(runs) > 0 && begun >= 0 && runs[0].to == len(line) {
		out = runs[0].restore(out, begun, line[runs[0].from:])
	}
	return out
}

// escaped handles what begins with %XX: a letter that a name begins with, or a
// sign between names.
func (s *scanner) escaped(out, line []byte, i int) ([]byte, int) {
	d := byte(hexDigit(line[i+1])<<4 | hexDigit(line[i+2]))
	if d >= 0x80 {
		if j, _ := localRun(line, i); atSign(line, j) > 0 {
			return s.addressed(out, line, i, j)
		}
	}
	out = append(out, line[i:i+3]...)
	if d == '/' && afterEscapedSlashes(line, i) {
		if end, at := login(line[i+3:], true); end > 0 {
			return s.hidden(out, line, i+3, end, at)
		}
	}
	if d == '+' {
		if p, end := s.phoneAt(line, i+3); end > 0 {
			return append(out, p...), end
		}
	}
	return out, i + 3
}

// addressed handles a name before an @ and what is behind it.
func (s *scanner) addressed(out, line []byte, i, j int) ([]byte, int) {
	name := line[i:j]
	j += atSign(line, j)
	end := hostRun(line, j)
	if p, ok := s.recent[string(line[i:end])]; ok {
		return append(out, p...), end
	}
	from := len(out)
	behind := string(line[j:end])
	switch {
	case end == j && (j >= len(line) || line[j] != '[') || onlyDigits(behind):
		return append(append(out, s.callID(name)...), line[i+len(name):j]...), j // a handle, a price
	case behind != "" && !strings.Contains(behind, "."):
		out = append(append(out, s.local(string(name))...), line[i+len(name):j]...)
		out = append(out, s.domain(fold(behind))...)
	default:
		out = append(append(out, s.local(string(name))...), line[i+len(name):j]...)
		out = append(out, s.host(behind)...)
	}
	if behind != "" { // else what it is depends on what follows
		s.remember(line[i:end], string(out[from:]))
	}
	return out, end
}

// displayName finds the name before the next "<sip:".
func displayName(line []byte, from int) (start, end int) {
	for i := from; ; i++ {
		j := bytes.IndexByte(line[i:], '<')
		if j < 0 {
			return 0, 0
		}
		i += j
		rest := line[i+1:]
		if !hasFold(rest, "sip:") && !hasFold(rest, "sips:") && !hasFold(rest, "tel:") && !hasFold(rest, "mailto:") {
			continue
		}
		end = i
		for end > from && line[end-1] == ' ' {
			end--
		}
		if end > from && line[end-1] == '"' {
			end--
			for start = end; start > from && line[start-1] != '"'; start-- {
			}
			if start == from && (start == 0 || line[start-1] != '"') {
				continue
			}
			if end > start {
				return start, end
			}
			continue
		}
		for start = end; start > from && (wordByte[line[start-1]] || strings.IndexByte(" .'", line[start-1]) >= 0); start-- {
		}
		if start == 0 || line[start-1] != ':' && line[start-1] != ',' {
			continue
		}
		for start < end && line[start] == ' ' {
			start++
		}
		if end > start {
			return start, end
		}
	}
}

func hasSuffixFold(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && strings.EqualFold(string(b[len(b)-len(suffix):]), suffix)
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// word handles what begins with a letter, a digit or a plus, and returns where
// it ends.
func (s *scanner) word(out, line []byte, i int, stars bool) ([]byte, int) {
	before := byte(' ')
	if i > 0 {
		before = line[i-1]
	}
	if line[i] == '+' {
		if !wordByte[before] {
			if p, end := s.phoneAt(line, i+1); end > 0 {
				return append(append(out, '+'), p...), end
			}
		}
		if i+1 >= len(line) || !baseByte[line[i+1]] {
			return append(out, '+'), i + 1
		}
	}
	if !baseByte[before] || before == '=' || before == '/' || before == '-' {
		if end := i + baseRun(line[i:]); end-i >= 16 {
			if p, ok := s.bytes(line[i:end]); ok {
				return append(out, p...), end
			}
		}
	}
	if line[i] == '+' {
		return append(out, '+'), i + 1
	}
	if hexDigit(line[i]) >= 0 {
		if a, end := ipv6(line, i); end > 0 {
			return append(out, s.address(a).String()...), end
		}
	}
	j, _ := localRun(line, i)
	if atSign(line, j) > 0 {
		return s.addressed(out, line, i, j)
	}
	// What is no address ends at its last letter.
	j = i
	dots, high, joined := 0, byte(0), false
	for ; j < len(line) && (wordByte[line[j]] || line[j] == '.'); j++ {
		switch line[j] {
		case '.':
			dots++
		case '-', '_':
			joined = true
		default:
			high |= line[j]
		}
	}
	for j > i && line[j-1] == '.' {
		j--
		dots--
	}
	run := line[i:j]
	if i+2 < len(line) && (line[i+2] == ' ' || line[i+2] == ':' || line[i+2] == '-') && hexDigit(line[i]) >= 0 {
		if end := byteRun(line, i); end > 0 {
			return s.byteNumber(out, line[i:end]), end
		}
	}
	if isDigit(line[i]) {
		if digits, end := nationalNumber(line, i); end > 0 {
			return append(out, s.national(digits)...), end
		}
	}
	if high >= 0x80 {
		if o, end, ok := s.wide(out, line, i, j); ok {
			return o, end
		}
	}
	asked := s.target
	s.target = false
	switch {
	case len(run) >= 36 && dots == 0 && guidIn(run) >= 0:
		k := guidIn(run)
		out = append(append(out, run[:k]...), s.guid(string(run[k:k+36]))...)
		return append(out, run[k+36:]...), j
	case len(run) == 32 && isHex(string(run)):
		return append(out, s.compactGUID(run)...), j
	case len(run) == 17 && isMAC(run, '-'):
		return append(out, s.hardware(string(run))...), j
	case len(run) == 2 && j+15 <= len(line) && isMAC(line[i:min(i+17, len(line))], ':') && (i+17 == len(line) || !wordByte[line[i+17]] && line[i+17] != ':') && before != ':':
		return append(out, s.hardware(string(line[i:i+17]))...), i + 17
	case len(run) > 8 && run[0]|0x20 == 's' && run[1] == '-' && run[2] == '1' && run[3] == '-':
		return append(out, s.identifier(string(run))...), j
	case dots == 3 && run[0] <= '9':
		if p, ok := s.recent[string(run)]; ok && !isVersion(line, i) {
			return append(out, p...), j
		}
		if a, err := netip.ParseAddr(string(run)); err == nil {
			if isVersion(line, i) {
				return append(out, run...), j
			}
			p := s.address(a).String()
			s.remember(run, p)
			return append(out, p...), j
		}
	case asked && !everyday()[lower(run)]:
		return append(out, s.host(string(run))...), j
	}
	if j < len(line) {
		if o, end, ok := s.valued(out, line, i, j); ok {
			return o, end
		}
		if (line[j] == ' ' || line[j] == '\t') && spoken.may(run) {
			if o, end, ok := s.said(out, line, i, j); ok {
				return o, end
			}
		}
		if len(run) == 2 && run[0]|0x20 == 'i' && run[1]|0x20 == 'd' {
			if o, end, ok := s.conferenceURI(out, line, i, j); ok {
				return o, end
			}
		}
		if line[j] == '\\' || line[j] == '/' || line[j] == '%' && hasFold(line[j:], "%5c") {
			if o, end, ok := s.account(out, line, i, j); ok {
				return o, end
			}
		}
	}
	if before == ':' && i >= 4 && strings.EqualFold(string(line[i-4:i]), "sip:") || before == '/' && i >= 3 && string(line[i-3:i]) == "://" {
		if before == '/' {
			out, end := s.forced(out, line, i)
			return s.meeting(out, line, i, end)
		}
		if end, at := bareLogin(line[i:]); end > 0 {
			return s.hidden(out, line, i, end, at)
		}
		return s.forced(out, line, i)
	}
	if (before == '-' || before == '/') && (run[0]|0x20 == 'u' || run[0] == '-') && j < len(line) {
		if o, end, ok := s.option(out, line, i, j); ok {
			return o, end
		}
	}
	if stars && i > 0 && j < len(line) {
		if o, end, ok := s.nslookupWord(out, line, i, j); ok {
			return o, end
		}
	}
	if dots > 0 {
		p, ok := s.recent[string(run)]
		if !ok {
			p = s.dotted(run)
			s.remember(run, p)
		}
		return append(out, p...), j
	}
	if j+1 < len(line) && line[j] == ' ' && authWords.may(run) && listed(authSchemes, run) {
		if end := credentials(line, i, j+1); end > 0 {
			out = append(append(out, run...), ' ')
			if b := line[j+1 : end]; isPseudonym(lower(b)) {
				return append(out, b...), end
			}
			return append(out, s.blob(line[j+1:end])...), end
		}
	}
	if string(run) == "called" && bytes.HasPrefix(bytes.TrimLeft(line, " #\t"), []byte("Querying target")) {
		s.target = true
		return append(out, run...), j
	}
	if run[0]|0x20 == 'i' && hasFold(run, "imcea") {
		if end := i + bytes.IndexAny(line[i:], " \t\r\n<>\"'@;,"); end > j {
			return append(out, s.local(string(line[i:end]))...), end // an address of Exchange, with its =
		}
	}
	if joined && isComputer(run) {
		return append(out, s.host(string(run))...), j
	}
	if j < len(line) && line[j] == '=' || isTag(line, i) {
		return append(out, run...), j // XML and parameters have names too
	}
	if joined {
		return append(out, s.compound(run)...), j
	}
	if p := s.bareWord(run); &p[0] != &run[0] || run[0] < 'A' || run[0] > 'Z' || !s.maybe.may(run) {
		return append(out, p...), j
	}
	return append(out, s.standing(line, i, j)...), j
}

// standing replaces a capitalised word of everyday language that is known as a name,
// where it stands as one.
func (s *scanner) standing(line []byte, i, j int) []byte {
	run := line[i:j]
	low := lower(run)
	p, ok := s.Redactor.word(low)
	if !ok || dnGeneric[low] || notDomains[low] || keptLabels[low] {
		return run
	}
	together := func(a, b string) bool { return s.beside[a+" "+b] || s.beside[b+" "+a] }
	if k := i; k > 1 && line[k-1] == ' ' {
		for k--; k > 0 && (line[k-1] == '.' || line[k-1] == ','); k-- {
		}
		from := k
		for from > 0 && wordByte[line[from-1]] {
			from--
		}
		if from < k {
			if before := lower(line[from:k]); addressing[before] || isUpper(line[from]) && together(before, low) {
				return []byte(p)
			}
		}
	}
	k := j
	if k < len(line) && line[k] == ',' {
		k++
	}
	if k+1 < len(line) && line[k] == ' ' && isUpper(line[k+1]) {
		to := k + 1
		for to < len(line) && wordByte[line[to]] {
			to++
		}
		if together(low, lower(line[k+1:to])) {
			return []byte(p)
		}
	}
	return run
}

// isUpper reports whether a word may begin as a name does.
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 0x80 }

// isTag reports whether a word is the name of an XML element that begins or ends.
func isTag(line []byte, i int) bool {
	for i > 0 && (wordByte[line[i-1]] || line[i-1] == ':') {
		i--
	}
	return i > 0 && (line[i-1] == '<' || line[i-1] == '/' && i > 1 && line[i-2] == '<')
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// bareWord replaces a word that is known.
func (s *scanner) bareWord(run []byte) []byte {
	if !s.maybe.may(run) {
		return run
	}
	low := lower(run)
	if p, ok := s.Redactor.word(low); ok && bare(low) {
		return []byte(p)
	}
	return run
}

// compound replaces a word, or the parts of one that are known: joe-pc, report_joe.
func (s *scanner) compound(run []byte) []byte {
	whole := s.bareWord(run)
	if &whole[0] != &run[0] {
		return whole
	}
	var out []byte // from the first part that is replaced
	done := 0
	for i := 0; i < len(run); {
		j := i
		for j < len(run) && run[j] != '-' && run[j] != '_' {
			j++
		}
		if part := run[i:j]; j-i < len(run) && j-i >= 3 && s.maybe.may(part) {
			if p := s.bareWord(part); &p[0] != &part[0] && !isPseudonym(lower(run)) {
				out = append(append(out, run[done:i]...), p...)
				done = j
			}
		}
		i = j + 1
	}
	if out == nil {
		return run
	}
	return append(out, run[done:]...)
}

// setupNames are what setup begins the name of a computer with, and how long the rest
// is; computerNames is what people begin it with.
var (
	setupNames    = map[string]int{"desktop": 7, "laptop": 8, "win": 11}
	computerNames = set("pc nb ws notebook tablet client vm srv wks")
)

// isComputer reports whether a word has the form of the names that setup gives to
// computers (DESKTOP-1A2B3C4), or that people like to give.
func isComputer(run []byte) bool {
	if len(run) < 5 || len(run) > 15 {
		return false
	}
	dash := bytes.IndexByte(run, '-')
	if dash < 1 || dash == len(run)-1 {
		return false
	}
	head, tail := run[:dash], run[dash+1:]
	setup, ours := listed(setupNames, head), listed(computerNames, head)
	var upper, digit bool
	for _, c := range tail {
		switch {
		case c >= '0' && c <= '9':
			digit = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c|0x20 < 'a' || c|0x20 > 'z':
			return false
		}
	}
	switch {
	case setup > 0:
		return len(tail) == setup && digit || len(tail) >= 5 && digit && upper && head[0] < 'a'
	case ours:
		return len(tail) >= 3 && digit && head[0] < 'a'
	}
	switch string(tail) {
	case "PC", "LAPTOP", "DESKTOP", "NB", "NOTEBOOK", "MBP":
		return len(head) >= 3 && !everyday()[lower(head)]
	}
	return false
}

// conferenceURI replaces the id in the address of a conference (MS-CONFBAS):
// opaque=app:conf:focus:id:8RJMDKBF.
func (s *scanner) conferenceURI(out, line []byte, i, j int) ([]byte, int, bool) {
	colon := 1
	if line[j] != ':' {
		if colon = 3; !hasFold(line[j:], "%3a") {
			return out, 0, false
		}
	}
	before := lower(line[max(0, i-40):i])
	if !strings.HasSuffix(before, ":") && !strings.HasSuffix(before, "%3a") || !strings.Contains(before, "conf") {
		return out, 0, false
	}
	end := hostRun(line, j+colon)
	if end < j+colon+4 {
		return out, 0, false
	}
	out = append(out, line[i:j+colon]...)
	return append(out, s.conference(string(line[j+colon:end]))...), end, true
}

// meeting replaces the path of a link to a meeting behind its host: the organizer,
// and the id, below https://meet.contoso.com/ or https://lync.contoso.com/meet/.
func (s *scanner) meeting(out, line []byte, i, end int) ([]byte, int) {
	if end >= len(line) || line[end] != '/' {
		return out, end
	}
	meet := hasFold(line[i:end], "meet.") || hasFold(line[i:end], "join.")
	from := len(out)
	for j := end; ; {
		k := j
		if k < len(line) && line[k] == '/' {
			k++
		}
		stop := hostRun(line, k)
		if k == j || stop == k {
			break
		}
		segment := string(line[k:stop])
		last := stop >= len(line) || line[stop] != '/'
		out = append(out, '/')
		switch {
		case j == end && strings.EqualFold(segment, "meet"):
			meet = true
			out = append(out, segment...)
		case !meet, j == end && last, strings.EqualFold(segment, "join") || fileSuffix[fold(segment[strings.LastIndexByte(segment, '.')+1:])]:
			return out[:from], end
		case last:
			out = append(out, s.conference(segment)...)
		case strings.Contains(segment, "."):
			out = append(out, s.dotted([]byte(segment))...)
		default:
			out = append(out, s.local(segment)...)
		}
		if j = stop; last {
			return out, j
		}
	}
	return out[:from], end
}

// dotted replaces a host, a known name, or the known words of what is neither.
func (s *scanner) dotted(run []byte) string {
	name := string(run)
	if strings.Trim(name, "0123456789.") == "" {
		return name
	}
	if i := strings.LastIndexAny(name, "-_"); i >= 0 { // what an address is glued to
		if a, err := netip.ParseAddr(name[i+1:]); err == nil {
			return string(s.bareWord(run[:max(i, 1)])) + name[max(i, 1):i+1] + s.address(a).String()
		}
	}
	low := fold(name)
	if isPseudonym(low) {
		return name
	}
	if p, ok := s.Redactor.word(low); ok && (bare(low) || strings.Contains(low, ".")) {
		return p
	}
	if i := strings.LastIndexByte(low, '.'); i > 0 && fileSuffix[low[i+1:]] {
		return s.dotted(run[:i]) + name[i:]
	}
	if s.isHost(name, low) {
		return s.host(name)
	}
	var b strings.Builder
	for i, label := range strings.Split(name, ".") {
		if i > 0 {
			b.WriteByte('.')
		}
		if label != "" {
			b.Write(s.bareWord([]byte(label)))
		}
	}
	return b.String()
}

func (s *scanner) isHost(name, low string) bool {
	for rest, more := low, true; more; _, rest, more = strings.Cut(rest, ".") {
		if _, ok := s.kept[domain][rest]; ok {
			return true
		}
	}
	last := low[strings.LastIndexByte(low, '.')+1:]
	written := name[strings.LastIndexByte(name, '.')+1:]
	if len(last) == 2 && last != written && strings.ToUpper(written) != written {
		return false // "failed.No"
	}
	return topLevel()[last] || strings.HasPrefix(last, "xn--")
}

// forced replaces what stands where a host has to.
func (s *scanner) forced(out, line []byte, i int) ([]byte, int) {
	end := hostRun(line, i)
	if end == i {
		return append(out, line[i]), i + 1
	}
	if j, _ := localRun(line, i); atSign(line, j) > 0 {
		return s.word(out, line, i, false)
	}
	run := string(line[i:end])
	if onlyDigits(run) || isGUID(run) {
		return append(out, run...), end
	}
	return append(out, s.host(run)...), end
}

// nslookupWord replaces the single labels in the complaints of nslookup.
func (s *scanner) nslookupWord(out, line []byte, i, j int) ([]byte, int, bool) {
	head := bytes.TrimLeft(line[:i], " \t>*")
	low := lower(line[i:j])
	switch {
	case everyday()[low] || low == "unknown":
		return out, 0, false
	case len(head) == 0, bytes.HasSuffix(head, []byte("find ")), bytes.HasSuffix(head, []byte("Request to ")), bytes.HasSuffix(head, []byte("trouver ")), bytes.HasSuffix(head, []byte("encontrou ")):
		return append(out, s.host(string(line[i:j]))...), j, true
	}
	return out, 0, false
}

// localRun is where a name before an @ may end.
func localRun(line []byte, i int) (end, dots int) {
	j := i
	for j < len(line) {
		c := line[j]
		switch {
		case wordByte[c], c == '+', c == '~':
		case c == '.':
			dots++
		case c == '\'' && j > i && j+1 < len(line) && wordByte[line[j-1]] && wordByte[line[j+1]]:
		case c == '%' && j+2 < len(line) && hexDigit(line[j+1]) >= 0 && hexDigit(line[j+2]) >= 0:
			d := byte(hexDigit(line[j+1])<<4 | hexDigit(line[j+2]))
			if !wordByte[d] && d != '.' && d != '+' && d != '\'' {
				return j, dots
			}
			j += 2
		default:
			return j, dots
		}
		j++
	}
	return j, dots
}

// atSign is the length of an @ or its escape; 0 for anything else.
func atSign(line []byte, j int) int {
	if j < len(line) && line[j] == '@' {
		return 1
	}
	if j+2 < len(line) && line[j] == '%' && line[j+1] == '4' && line[j+2] == '0' {
		return 3
	}
	return 0
}

// hostRun is where a host that begins at i ends.
func hostRun(line []byte, i int) int {
	j := i
	for j < len(line) && (wordByte[line[j]] || line[j] == '.') {
		j++
	}
	for j > i && (line[j-1] == '.' || line[j-1] == '-') {
		j--
	}
	return j
}

// ipv6 reads an address that begins at i.
func ipv6(line []byte, i int) (netip.Addr, int) {
	j, colons, double := i, 0, false
	for j < len(line) && j-i < 46 && (hexDigit(line[j]) >= 0 || line[j] == ':' || colons > 1 && line[j] == '.') {
		if line[j] == ':' {
			colons++
			double = double || j > i && line[j-1] == ':'
		} else if colons == 0 && j-i > 3 {
			return netip.Addr{}, 0
		}
		j++
	}
	if colons < 2 || !double && colons != 7 && colons != 6 {
		return netip.Addr{}, 0
	}
	for j > i && (line[j-1] == '.' || line[j-1] == ':' && line[j-2] != ':') {
		j--
	}
	if j < len(line) && wordByte[line[j]] {
		return netip.Addr{}, 0
	}
	a, err := netip.ParseAddr(string(line[i:j]))
	if err != nil {
		return netip.Addr{}, 0
	}
	return a, j
}

// isVersion reports whether what looks like an address is the version of a
// product: RTCC/4.0.0.0, version=4.0.0.0.
func isVersion(line []byte, i int) bool {
	j := i
	for j > 0 && (line[j-1] == ' ' || line[j-1] == '=' || line[j-1] == '"' || line[j-1] == ':' || line[j-1] == 'v' && (j < 2 || !wordByte[line[j-2]])) {
		j--
	}
	slash := j == i && j > 1 && line[j-1] == '/'
	if slash {
		j--
	}
	k := j
	for k > 0 && wordByte[line[k-1]] {
		k--
	}
	word := lower(line[k:j])
	if slash {
		return word != "" && !strings.Contains(" tcp udp tls sip http https ", " "+word+" ")
	}
	return strings.HasSuffix(word, "version") || word == "ver" || word == "build" || word == "release" || word == "v"
}

// baseRun is how far the alphabet of base64 goes.
func baseRun(b []byte) int {
	n := 0
	for n < len(b) && baseByte[b[n]] {
		n++
		if b[n-1] == '=' && n < len(b) && b[n] != '=' {
			break
		}
	}
	return n
}

// bytes replaces long numbers in hexadecimal, base64, and certificates in it.
func (s *scanner) bytes(run []byte) (string, bool) {
	text := string(run)
	if len(run) >= 40 && isHex(text) {
		return s.number(text), true
	}
	if strings.Contains(text, "/Microsoft/") {
		return "", false // a path below a user's profile
	}
	trimmed := strings.TrimRight(text, "=")
	var upper, low, digit, turns int
	class := 0
	for i := range len(trimmed) {
		was := class
		switch c := trimmed[i]; {
		case c >= 'A' && c <= 'Z':
			upper++
			class = 1
		case c >= 'a' && c <= 'z':
			low++
			class = 2
		case c >= '0' && c <= '9':
			digit++
			class = 3
		default:
			class = 4
		}
		if class != was && i > 0 {
			turns++
		}
	}
	if len(run) >= 40 && strings.HasPrefix(text, "TlRMTVNT") {
		return s.blob(run), true // NTLM
	}
	if upper == 0 || low == 0 || turns*5 < len(trimmed) {
		return "", false
	}
	if isGUID(strings.ToLower(text)) || strings.HasPrefix(strings.ToLower(text), "redacted-") {
		return "", false
	}
	long := len(run) >= 40 && digit > 0 && turns*3 >= len(trimmed)
	b, err := decode(trimmed)
	if err != nil {
		if long && !strings.Contains(strings.TrimLeft(text, "/"), "-") {
			return s.blob(run), true
		}
		return "", false
	}
	if len(b) > 64 && b[0] == 0x30 {
		if c := s.certificate(b); c != nil {
			return encodeBase64(c), true
		}
	}
	if long || readable(b) {
		return s.blob(run), true
	}
	return "", false
}

func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(text)
}

// readable reports whether bytes are text, in one byte a letter or two.
func readable(b []byte) bool {
	printable, zeros := 0, 0
	for _, c := range b {
		if c >= ' ' && c < 0x7f || c == '\r' || c == '\n' || c == '\t' {
			printable++
		} else if c == 0 {
			zeros++
		}
	}
	return len(b) >= 10 && (printable == len(b) || zeros*5 > len(b)*2 && (printable+zeros)*10 >= len(b)*9)
}

// guidIn is where a GUID stands in a word; -1: nowhere.
func guidIn(run []byte) int {
	for k := 0; k+36 <= len(run); k++ {
		if isGUID(string(run[k:k+36])) && (k == 0 || hexDigit(run[k-1]) < 0) && (k+36 == len(run) || hexDigit(run[k+36]) < 0) {
			return k
		}
	}
	return -1
}

// isMAC reports whether a text is the address of a network adapter.
func isMAC(b []byte, sign byte) bool {
	if len(b) != 17 {
		return false
	}
	for i, c := range b {
		if i%3 == 2 && c != sign || i%3 != 2 && hexDigit(c) < 0 {
			return false
		}
	}
	return true
}

// isMark reports whether a text ends with the mark of writing from the left, which
// Windows puts before a thumbprint.
func isMark(text []byte) bool { return bytes.HasSuffix(text, []byte("\u200e")) }

// byteRun is where bytes in hexadecimal end that stand one by one from i, with the
// sign behind the first between them all: a thumbprint, a serial number, a dump.
// 0: there are none, or fewer than ten.
func byteRun(line []byte, i int) int {
	if i+29 > len(line) || i > 0 && (wordByte[line[i-1]] || line[i-1] == ':') && !isMark(line[:i]) {
		return 0
	}
	sign := line[i+2]
	n, j := 0, i
	for ; j+1 < len(line) && hexDigit(line[j]) >= 0 && hexDigit(line[j+1]) >= 0; n++ {
		if j += 2; j+2 >= len(line) || line[j] != sign || hexDigit(line[j+1]) < 0 || hexDigit(line[j+2]) < 0 || j+3 < len(line) && wordByte[line[j+3]] && line[j+3] != '-' {
			n++
			break
		}
		j++
	}
	if n < 10 || j < len(line) && (wordByte[line[j]] && sign != ' ' || line[j] == ':') {
		return 0
	}
	return j
}

// byteNumber replaces bytes that stand one by one as the number that they are.
func (s *scanner) byteNumber(out, run []byte) []byte {
	sign := run[2]
	number := strings.ReplaceAll(string(run), string(sign), "")
	for i, c := range []byte(s.number(number)) {
		if i > 0 && i%2 == 0 {
			out = append(out, sign)
		}
		out = append(out, c)
	}
	return out
}
