package redact

import (
	"bytes"
	"strings"
)

// context is what a value is by the word before it.
type context int

const (
	noContext context = iota
	hostContext
	userContext
	nameContext
	secretContext
	passwordContext // a secret that a person knows
	sdpContext      // a secret of a session (RFC 8839, RFC 4568), up to the next blank
	digestContext   // what was computed from a password (RFC 7616)
	gssContext      // a secret that has to stay base64
	phoneContext
	conferenceContext
	candidateContext
	cookieContext // several secrets
	callContext   // made by a program, a host may follow
	serverContext
	passContext  // a password, or that something went well
	proxyContext // hosts, before which logins may stand
)

// contexts are the names of parameters, headers, elements and properties whose
// values are originals.
var contexts = contextTable()

func contextTable() map[string]context {
	table := map[string]context{}
	for c, words := range [...]string{
		hostContext: `targetname source peer peerserver fqdn fqdn1 fqdn2 domain host hostname maddr computer computername
		workstation workstationname machine machinename dnshostname tls-target ms-trunking-peer nv-hostname proxyserver
		userdnsdomain userdomain logonserver defaultdomainname registrar sipdomain netbiosname logondomain
		clientcomputername poolfqdn registrarpool`,
		userContext: `user username user-name userid account accountname samaccountname login loginname logonuser logonname
		nickname mailnickname alias upn defaultusername lastloggedonuser loggedonuser owner`,
		nameContext: `displayname display-name givenname surname sn firstname lastname fullname registeredowner
		registeredorganization company companyname department office physicaldeliveryofficename organization tenantname
		federationbrandname brandname streetaddress city manager commonname`,
		cookieContext:    `cookie set-cookie set-cookie2`,
		passwordContext:  passwordWords,
		passContext:      `pass`,
		sdpContext:       `ice-pwd ice-ufrag inline remote-candidate`,
		candidateContext: `candidate`,
		digestContext:    `response cnonce`,
		phoneContext: `tel telephone telephonenumber phone phonenumber phonenumbers officephone businessphone businessphones mobile mobilephone
		mobilenumber cell cellphone homephone ipphone otherphone othertelephone alternatemobilephones fax faxnumber facsimile
		facsimiletelephonenumber pager lineuri msrtcsip-line callto telefon telefonnummer rufnummer durchwahl handy handynummer mobiltelefon
		téléphone teléfono telefono telefone telefoon telefonnummer puhelin matkapuhelin celular telemóvel móvil portable телефон тел
		τηλέφωνο טלפון هاتف 電話 電話番号 电话 手机 전화 전화번호`,
		conferenceContext: `conferenceid conference-id confid conf-id meetingid meeting-id konferenz-id konferenzkennung besprechungs-id
		pstnconferenceid`,
		secretContext: `secret client_secret clientsecret access_token accesstoken id_token refresh_token token assertion
		samlresponse wresult binarysecuritytoken ciphervalue signaturevalue binarysecret
		x-ms-webticket cwt ticket webticket apikey api_key sessionid sharedkey idtoken refreshtoken authtoken auth_token
		x-auth-token access-token id-token refresh-token client-secret client_assertion secrettext secretkey secret_key
		privatekey private_key api-key x-api-key ocp-apim-subscription-key subscription-key accountkey sharedaccesskey`,
		gssContext:    `gssapi-data`,
		callContext:   `call-id sip-call-id callid i in-reply-to`,
		proxyContext:  `proxy http_proxy https_proxy all_proxy ftp_proxy no_proxy ws_proxy wss_proxy socks_proxy`,
		serverContext: `server standardserver serveur servidor name nom nombre nome サーバー 服务器 名前 名称`,
	} {
		for w := range strings.FieldsSeq(words) {
			table[w] = context(c)
		}
	}
	return table
}

// weak are values that name nobody.
var weak = set(`true false null none yes no unknown ok empty n/a localhost any all default local self anonymous internal external
	user users account domain host server client phone ip dialstring`)

// builtIn begin what every Windows has: "NT AUTHORITY\\SYSTEM".
var builtIn = set(`nt builtin workgroup consolehost x86 x64 amd64 up down s-1-5-18 s-1-5-19 s-1-5-20`)

// valued handles a word that says what comes after it.
func (s *scanner) valued(out, line []byte, i, j int) ([]byte, int, bool) {
	v := j
	if line[v] == '.' && v+1 < len(line) && line[v+1] == ':' { // "Tel.:"
		v++
	}
	if line[v] == '\\' && v+1 < len(line) && line[v+1] == '"' { // JSON within a string
		v++
	}
	quoted := line[v] == '"' || line[v] == '\''
	if quoted {
		v++
	}
	if line[j] == '(' && bytes.HasPrefix(line[j:], []byte("(s)")) { // "Proxy Server(s) :"
		v = j + len("(s)")
	}
	blanks := v
	for v < len(line) && (line[v] == ' ' || line[v] == '\t') { // lists of properties pad their names to one width
		v++
	}
	if v >= len(line) {
		return out, 0, false
	}
	separator := line[v]
	padded := v >= blanks+4
	element := separator == '>' && !padded
	if separator == 'R' && v > j && bytes.HasPrefix(line[v:], []byte("REG_")) {
		return s.queried(out, line, i, j, v)
	}
	if separator != '=' && separator != ':' && !element {
		if line[j] == '&' || line[j] == ' ' && i > 0 && (line[i-1] == ';' || line[i-1] == ':') {
			if c, end, stop := escapedTag(line, i, j); end > 0 {
				return s.valueOf(s.scan(out, line[i:end]), line[:stop], end, c, true, '<')
			}
		}
		if i > 0 && (line[i-1] == '<' || line[i-1] == ':') && line[j] == ' ' { // an element with attributes
			if end := bytes.IndexByte(line[j:], '>'); end > 0 && line[j+end-1] != '/' {
				if c := meaning(line, i, j); c != noContext && c != callContext && c != serverContext && isElement(line, i) {
					out = append(out, line[i:j]...)
					out = s.scan(out, line[j:j+end+1])
					return s.valueOf(out, line, j+end+1, c, true, '<')
				}
			}
		}
		return out, 0, false
	}
	if dn := dnAttribute(line, i, j); dn != "" && separator == '=' && v == j {
		return s.dn(out, line, i, j, dn)
	}
	if separator == '=' && v == j && (j-i == 3 && line[i]|0x20 == 's' || j-i == 4 && line[i]|0x20 == 'c') {
		if end := parameter(line, i, j); end > 0 {
			return conceal(out, line[i:j+1]), end, true
		}
	}
	c := meaning(line, i, j)
	if n := line[j-1] | 0x20; (n == 'e' || n == 'y') && j-i <= len("value") && !element {
		if paired := s.pair(line[i:j], line[v+1:]); paired != noContext {
			c = paired
		}
	}
	if c == noContext || element && !isElement(line, i) && !quoted {
		return out, 0, false
	}
	v++
	if separator == '=' && v < len(line) && line[v] == '>' && (c == passwordContext || c == secretContext || c == passContext) {
		v++
	}
	spaces := 0
	for v < len(line) && (line[v] == ' ' || line[v] == '\t' && !element) {
		v++
		spaces++
	}
	if separator == ':' && v+1 < len(line) && line[v] == '/' && line[v+1] == '/' || v < len(line) && (line[v] == ':' || line[v] == '=') {
		return out, 0, false // a scheme, a C++ name, a comparison
	}
	var delimiter byte
	switch {
	case element:
		delimiter = '<'
	case v+1 < len(line) && line[v] == '\\' && line[v+1] == '"':
		delimiter = '"'
		v += 2
	case v < len(line) && (line[v] == '"' || line[v] == '\''):
		delimiter = line[v]
		v++
		for v < len(line) && line[v] == ' ' {
			v++
		}
	case c == nameContext && separator == ':' && spaces > 0:
		delimiter = '\n'
	}
	if c == passContext {
		if line[i] != 'p' {
			return out, 0, false
		}
		text, _, _ := bytes.Cut(line[v:min(len(line), v+maxName)], []byte(" "))
		word := strings.TrimRight(string(text), "\r\n\"';,")
		low := fold(word)
		named := separator == '=' || delimiter != 0 || i > 0 && line[i-1] == '/'
		if strings.Trim(low, "0123456789/.:()") == "" || weak[low] || everyday()[low] || !named && !looksSecret(word) {
			return out, 0, false
		}
		c = passwordContext
	}
	if c == serverContext && hasSuffixFold(line[:i], "proxy ") {
		c = proxyContext
	}
	if c == proxyContext || c == hostContext {
		if o, end, ok := s.logins(out, line, i, v, delimiter); ok {
			return o, end, true
		}
		if c == proxyContext {
			return out, 0, false
		}
	}
	if c == serverContext {
		head := bytes.TrimLeft(line[:i], " \t")
		if spaces < 2 || len(head) > 0 && !bytes.EqualFold(head, []byte("Default ")) {
			return out, 0, false
		}
		end := hostRun(line, v)
		if end == v || end < len(line) && line[end] != '\r' && line[end] != '\n' {
			return out, 0, false
		}
		c = hostContext
	}
	if c == hostContext && delimiter == 0 && separator == ':' && everyday()[lower(line[v:hostRun(line, v)])] {
		return out, 0, false
	}
	if c == hostContext && (padded || line[j] == '\t' || v > 0 && line[v-1] == '\t') && hasFold(line[i:], "source") && bytes.IndexByte(line[v:hostRun(line, v)], '.') < 0 {
		return out, 0, false // the program that wrote an event
	}
	if (c == hostContext || c == userContext) && delimiter == 0 && listed(builtIn, line[v:hostRun(line, v)]) {
		return out, 0, false
	}
	if c == userContext && delimiter == 0 && separator == ':' {
		if end := hostRun(line, v); end == v || everyday()[lower(line[v:end])] {
			return out, 0, false
		}
	}
	if separator == ':' && delimiter == 0 && spaces == 0 && c != passwordContext && (c != secretContext || line[j-1]|0x20 != 'y') && c != sdpContext && c != phoneContext && c != candidateContext && c != conferenceContext {
		return out, 0, false
	}
	if c == candidateContext {
		return s.candidate(out, line, i, v)
	}
	if c == phoneContext && delimiter == 0 || c == conferenceContext && delimiter == 0 && v < len(line) && line[v] >= '0' && line[v] <= '9' {
		return s.phoneValue(out, line, i, v)
	}
	out = append(out, line[i:v]...)
	return s.valueOf(out, line, v, c, delimiter != 0, delimiter)
}

// queried handles a value of the registry as reg query writes it, its type at v.
func (s *scanner) queried(out, line []byte, i, j, v int) ([]byte, int, bool) {
	c := meaning(line, i, j)
	kind := line[v:]
	n := bytes.IndexAny(kind, " \t")
	if n < 0 || c == noContext || c == callContext || c == serverContext || c == proxyContext {
		return out, 0, false
	}
	v = len(line) - len(bytes.TrimLeft(kind[n:], " \t"))
	if kind = kind[:n]; !bytes.HasSuffix(kind, []byte("SZ")) && (!isSecret(c) || string(kind) != "REG_BINARY" || len(line)-v <= 8) {
		return out, 0, false
	}
	return s.valueOf(append(out, line[i:v]...), line, v, c, true, '\n')
}

// parameter is where a signature or a code of an address ends that lets in who has it;
// 0: it is none. Words and numbers are states.
func parameter(line []byte, i, j int) int {
	least := 20
	if hasFold(line[i:], "sig=") {
		least = 8
	} else if !hasFold(line[i:], "code=") {
		return 0
	}
	if i == 0 || line[i-1] != '?' && line[i-1] != '&' && line[i-1] != '#' && !bytes.HasSuffix(line[:i], []byte("&amp;")) {
		return 0
	}
	value := line[j+1:]
	if end := bytes.IndexAny(value, " \t\r\n&#\"'<>;,()"); end >= 0 {
		value = value[:end]
	}
	digits, letters := false, false
	for _, c := range value {
		digits = digits || c >= '0' && c <= '9'
		letters = letters || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	if len(value) < least || value[0] == '[' || !digits || !letters || hasFold(value, "aadsts") {
		return 0
	}
	return j + 1 + len(value)
}

// isElement reports whether a word is the name of an XML element that begins.
func isElement(line []byte, i int) bool {
	for i > 0 && (wordByte[line[i-1]] || line[i-1] == ':') {
		i--
	}
	return i > 0 && line[i-1] == '<'
}

// valueOf replaces the value that begins at v.
func (s *scanner) valueOf(out, line []byte, v int, c context, quoted bool, delimiter byte) ([]byte, int, bool) {
	if delimiter == '<' && bytes.HasPrefix(line[v:], []byte(cdata)) {
		text, _, _ := bytes.Cut(line[v:], []byte(cdataEnd))
		return s.valueOf(append(out, cdata...), line[:v+len(text)], v+len(cdata), c, true, 0)
	}
	end := v
	for end < len(line) && line[end] != '\r' && line[end] != '\n' {
		ch := line[end]
		if quoted && ch == delimiter || !quoted && strings.IndexByte(" \t;,&\"<>()", ch) >= 0 {
			break
		}
		if quoted && ch == '\\' && end+1 < len(line) && line[end+1] == delimiter {
			break // a quote within quotes
		}
		if ch == '/' && !quoted && afterSlashes(line, end) {
			n, _ := login(line[end+1:], false)
			end += n
		}
		end++
	}
	value := line[v:end]
	text := strings.TrimSpace(string(value))
	switch {
	case strings.HasPrefix(text, "[redacted]") && c != callContext:
		return append(out, line[v:v+bytes.IndexByte(line[v:], ']')+1]...), v + bytes.IndexByte(line[v:], ']') + 1, true
	case c == passwordContext && (noSecret[strings.ToLower(text)] || hasFold(value, "dword:")):
		return append(out, value...), end, true
	case c == passwordContext && text != "":
		if !quoted {
			end = secretEnd(line, v)
		}
		return conceal(out, nil), end, true
	case c == passContext && !looksSecret(text):
		return s.scan(out, value), end, true
	case c == passContext:
		return conceal(out, nil), end, true
	case text == "" || weak[strings.ToLower(text)] || isTime(text):
		return append(out, value...), end, true
	case c == sdpContext:
		if k := bytes.IndexByte(value, '|'); k > 0 { // lifetime and index of a key
			return append(conceal(out, nil), value[k:]...), end, true
		}
		return conceal(out, nil), end, true
	case c == digestContext:
		switch {
		case isHex(text) && len(text) >= 8:
			return append(out, s.number(text)...), end, true
		case len(text) >= 16 && baseRun(value) == len(value) && !isPseudonym(text):
			return append(out, s.blob(value)...), end, true
		}
		return s.scan(out, value), end, true
	case c == candidateContext:
		return s.scan(out, value), end, true
	case c == phoneContext:
		return s.phones(out, value), end, true
	case c == conferenceContext:
		return s.conferences(out, value), end, true
	case c == gssContext:
		return append(out, "cmVkYWN0ZWQ="...), end, true
	case c == secretContext || c == cookieContext:
		stops := "\r\n\"<>;,&"
		if c == cookieContext {
			stops = "\r\n"
		}
		for !quoted && end < len(line) && strings.IndexByte(stops, line[end]) < 0 {
			end++
		}
		if rest := string(line[v:end]); isPseudonym(rest) {
			return append(out, rest...), end, true
		}
		return conceal(out, nil), end, true
	case c == callContext:
		if at := bytes.IndexByte(value, '@'); at >= 0 {
			out = append(out, s.callID(value[:at+1])...)
			return append(out, s.hostText(value[at+1:])...), end, true
		}
		return append(out, s.callID(value)...), end, true
	case c == proxyContext || c == hostContext && strings.Contains(text, "@"):
		if o, done, ok := s.logins(out, value, 0, 0, 0); ok {
			return s.scan(o, value[done:]), end, true
		}
		return s.scan(out, value), end, true
	case strings.ContainsAny(text, "@\\/=") || isGUID(text):
		return s.scan(out, value), end, true
	case c == hostContext:
		run := hostRun(value, 0)
		phrase := run < len(value) && value[run] == ' ' && everyday()[lower(value[:run])]
		if run == 0 || onlyDigits(string(value[:run])) || phrase {
			return s.scan(out, value), end, true
		}
		out = append(out, s.host(string(value[:run]))...)
		return s.scan(out, value[run:]), end, true
	case c == nameContext && isProduct(text):
		return s.scan(out, value), end, true
	case c == userContext && !strings.Contains(text, " "):
		if onlyDigits(text) && len(text) < 7 {
			return append(out, value...), end, true
		}
		return append(out, s.local(string(value))...), end, true
	}
	return append(out, s.words(value, person)...), end, true
}

// isProduct reports whether a name is that of a program, as Windows lists it.
func isProduct(name string) bool {
	return hasFold([]byte(name), "microsoft ") || hasFold([]byte(name), "skype for business")
}

// isTime reports whether a text begins as RFC 3339 has it.
func isTime(s string) bool {
	return len(s) >= 10 && s[4] == '-' && s[7] == '-' && onlyDigits(s[:4]+s[5:7]+s[8:10])
}

// hostText replaces a host with what may follow it.
func (s *scanner) hostText(b []byte) []byte {
	n := hostRun(b, 0)
	if n == 0 {
		return s.scan(nil, b)
	}
	return s.scan([]byte(s.host(string(b[:n]))), b[n:])
}

// callID keeps what programs made and replaces known names in it.
func (s *scanner) callID(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && wordByte[b[j]] {
			j++
		}
		if j == i {
			out = append(out, b[i])
			i++
			continue
		}
		run := b[i:j]
		if isGUID(string(run)) {
			out = append(out, s.guid(string(run))...)
		} else if len(run) == 32 && isHex(string(run)) {
			out = append(out, s.compactGUID(run)...)
		} else {
			out = append(out, s.bareWord(run)...)
		}
		i = j
	}
	return out
}

// dnAttribute tells the attributes of a distinguished name that are replaced: CN, DC,
// and O for all others. In
// lower case they are taken for such behind the sign between two of them, or that
// begins a legacyExchangeDN; cn and dc also elsewhere.
func dnAttribute(line []byte, i, j int) string {
	if j-i > 6 {
		return ""
	}
	switch word := line[i:j]; string(word) {
	case "CN", "cn":
		return "CN"
	case "DC", "dc":
		return "DC"
	case "OU", "O", "UID", "L", "ST", "STREET":
		return "O"
	case "ou", "o", "uid", "l", "st":
		k := i
		for k > 0 && line[k-1] == ' ' {
			k--
		}
		if k > 0 && (line[k-1] == ',' || line[k-1] == '/') {
			return "O"
		}
	}
	return ""
}

// dn replaces a value in a distinguished name (RFC 4514), and several DC together
// as the domain that they are.
func (s *scanner) dn(out, line []byte, i, j int, name string) ([]byte, int, bool) {
	end := dnValue(line, j+1)
	if name == "DC" {
		labels := []string{string(line[j+1 : end])}
		next := end
		var joints []string
		for {
			k := next
			for k < len(line) && (line[k] == ',' || line[k] == ' ' || line[k] == '/') {
				k++
			}
			if k+3 >= len(line) || !hasFold(line[k:], "dc=") {
				break
			}
			joints = append(joints, string(line[next:k]))
			next = dnValue(line, k+3)
			labels = append(labels, string(line[k+3:next]))
		}
		replaced := strings.Split(s.host(strings.Join(labels, ".")), ".")
		for n, label := range replaced {
			if n > 0 {
				joint := ","
				if n-1 < len(joints) {
					joint = joints[n-1]
				}
				out = append(out, joint...)
			}
			out = append(append(append(out, line[i:j]...), '='), label...)
		}
		return out, next, true
	}
	out = append(out, line[i:j+1]...)
	return s.dnWords(out, line[j+1:end], name), end, true
}

// dnWords replaces the value of an attribute of a distinguished name.
func (s *scanner) dnWords(out, value []byte, attribute string) []byte {
	text := strings.ToLower(string(value))
	switch {
	case publicAuthority(text):
		return append(out, value...)
	case strings.ContainsAny(text, "@\\") || isGUID(text):
		return s.scan(out, value)
	case strings.Contains(text, ".") && !strings.ContainsAny(text, " "):
		star := 0
		for star < len(value) && (value[star] == '*' || value[star] == '.') {
			star++
		}
		return append(append(out, value[:star]...), s.hostText(value[star:])...)
	}
	for i := 0; i < len(value); {
		k := hostRun(value, i)
		switch {
		case k > i && bytes.IndexByte(value[i:k], '.') >= 0:
			out = append(out, s.dotted(value[i:k])...)
			i = k
			continue
		case k == i:
			out = append(out, value[i])
			i++
			continue
		case dnGeneric[lower(value[i:k])]:
			out = append(out, value[i:k]...)
		case isTime(string(value[i:k])), i > 0 && value[i] >= 'a' && value[i] <= 'z' && everyday()[string(value[i:k])]:
			return s.scan(out, value[i:]) // a sentence goes on behind the name
		case attribute == "CN" && i == 0 && len(value) == k && !onlyDigits(string(value[i:k])):
			out = append(out, s.host(string(value[i:k]))...)
		default:
			out = append(out, s.words(value[i:k], person)...)
		}
		i = k
	}
	return out
}

func dnValue(line []byte, i int) int {
	start := i
	for i < len(line) && strings.IndexByte(",+;\"/<>\r\n)", line[i]) < 0 {
		if line[i] == '\\' && i+1 < len(line) {
			i++
		}
		i++
	}
	i = min(i, len(line))
	for i > start && line[i-1] == ' ' {
		i--
	}
	return i
}

// account handles DOMAIN\user and the folders of users.
func (s *scanner) account(out, line []byte, i, j int) ([]byte, int, bool) {
	before := byte(' ')
	if i > 0 {
		before = line[i-1]
	}
	low := lower(line[i:j])
	k := j + 1
	if line[j] == '%' {
		k = j + 3
	}
	for k < len(line) && line[k] == '\\' && k < j+3 {
		k++
	}
	if before == '\\' || before == '/' || low == "settings" && hasFold(line[max(0, i-len("documents and ")):], "documents and ") {
		if low != "users" && low != "home" && low != "profiles" && low != "settings" {
			return out, 0, false
		}
		end := k
		for end < len(line) && strings.IndexByte("\\/\"<>|:*?\r\n;,'", line[end]) < 0 {
			end++
		}
		name := string(line[k:end])
		// A path in a sentence ends with its word.
		if sp := strings.IndexByte(name, ' '); sp > 0 && (end >= len(line) || line[end] != '\\' && line[end] != '/') {
			end = k + sp
			name = name[:sp]
		}
		trimmed := strings.ToLower(strings.TrimSpace(name))
		if trimmed == "" || trimmed == "public" || strings.HasPrefix(trimmed, "default") || trimmed == "all users" || strings.Contains(name, "%") {
			return out, 0, false
		}
		out = append(out, line[i:k]...)
		switch {
		case strings.Contains(name, "@"):
			return s.scan(out, line[k:end]), end, true
		case strings.Contains(name, " "):
			return append(out, s.words(line[k:end], person)...), end, true
		}
		return append(out, s.local(name)...), end, true
	}
	if line[j] == '/' || before == ':' && i >= 2 && wordByte[line[i-2]] || before == '%' || len(low) < 2 || notDomains[low] || strings.Trim(low, "0123456789.") == "" {
		return out, 0, false
	}
	end := k
	for end < len(line) && (wordByte[line[end]] || line[end] == '.' || line[end] == '$') {
		end++
	}
	for end > k && line[end-1] == '.' {
		end--
	}
	if end == k || end < len(line) && (line[end] == '\\' || line[end] == '@' || line[end] == ':') || fileSuffix[low[strings.LastIndexByte(low, '.')+1:]] {
		return out, 0, false
	}
	right := string(line[k:end])
	if dot := strings.LastIndexByte(right, '.'); dot >= 0 && fileSuffix[strings.ToLower(right[dot+1:])] {
		return out, 0, false
	}
	switch {
	case strings.EqualFold(right, low):
		out = append(out, s.host(low)...)
	case strings.Contains(low, "."):
		out = append(out, s.host(low)...)
	default:
		p, known := s.Redactor.word(low)
		if !known {
			p = s.pseudonym(domain, low)
		}
		if isPseudonym(low) {
			out = append(out, line[i:j]...)
		} else {
			out = append(out, strings.ToUpper(p)...)
		}
	}
	out = append(out, line[j:k]...)
	if machine, ok := strings.CutSuffix(right, "$"); ok {
		return append(append(out, s.host(machine)...), '$'), end, true
	}
	return append(out, s.local(right)...), end, true
}
