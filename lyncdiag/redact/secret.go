package redact

import (
	"bytes"
	"strings"
	"unicode"
)

// passwordWords are the words for a password or a PIN in the languages in which
// the client and the article are read.
const passwordWords = `password pw proxypass proxy_pass passwd passphrase passcode pwd pin pincode pin-code accesscode passwort kennwort geheimzahl zugangscode
	zugriffscode motdepasse mot-de-passe mdp contraseña contrasena contrasenya clave senha palavra-passe palavrapasse wachtwoord
	lösenord losenord adgangskode kodeord passord salasana hasło haslo heslo jelszó jelszo parolă parola şifre sifre пароль парола пін пин
	lozinka zaporka geslo parool slaptažodis סיסמה הסיסמה συνθηματικό katasandi matkhau`

// unspaced are those of languages that write no blanks between words.
var unspaced = []string{"パスワード", "暗証番号", "密码", "密碼", "口令", "비밀번호", "암호", "รหัสผ่าน"}

// phrases are words that mean something only behind certain others.
var phrases = map[string]struct {
	before  []string
	meaning context
}{
	"passe":       {[]string{"mot de", "palavra"}, passwordContext},
	"sandi":       {[]string{"kata"}, passwordContext},
	"laluan":      {[]string{"kata"}, passwordContext},
	"acceso":      {[]string{"clave de", "contraseña de", "código de"}, passwordContext},
	"code":        {[]string{"access", "pass", "pin"}, passwordContext},
	"khẩu":        {[]string{"mật"}, passwordContext},
	"πρόσβασης":   {[]string{"κωδικός", "κωδικό"}, passwordContext},
	"المرور":      {[]string{"كلمة"}, passwordContext},
	"السر":        {[]string{"كلمة"}, passwordContext},
	"number":      {[]string{"phone", "telephone", "mobile", "cell", "fax"}, phoneContext},
	"téléphone":   {[]string{"de"}, phoneContext},
	"id":          {[]string{"conference", "meeting", "conf", "conferencing"}, conferenceContext},
	"conférence":  {[]string{"id de", "id. de", "identifiant de"}, conferenceContext},
	"conferencia": {[]string{"id de", "id. de", "identificador de"}, conferenceContext},
	"conferenza":  {[]string{"id"}, conferenceContext},
}

// states are the words that may stand between "password" and what it is.
var states = set(`is was lautet ist war est était es era è é jest to är er on`)

// noSecret are values that hide nothing; a number in the registry is none either.
var noSecret = set(`0 1 true false null none yes no unknown empty n/a`)

// wordForms are the first bytes and lengths of words, so that other words cost next
// to nothing.
type wordForms [256]uint64

func (f *wordForms) add(word string) {
	for _, w := range [...]string{word, strings.ToUpper(word)} { // beyond ASCII a capital has other bytes
		f[lowerByte(w[0])] |= 1 << min(len(w), 63)
	}
}

func (f *wordForms) may(word []byte) bool {
	return f[lowerByte(word[0])]&(1<<min(len(word), 63)) != 0
}

// contextWords are those of contexts, phraseWords those of phrases, authWords those
// of authSchemes, and spoken those behind which a value may stand without a sign.
var contextWords, phraseWords, authWords, spoken = func() (all, behind, auth, said wordForms) {
	for word := range authSchemes {
		auth.add(word)
	}
	for word, c := range contexts {
		all.add(word)
		if c == passwordContext || c == phoneContext || c == passContext {
			said.add(word)
		}
	}
	for word, p := range phrases {
		behind.add(word)
		if p.meaning != conferenceContext {
			said.add(word)
		}
	}
	said.add("convertto-securestring")
	return all, behind, auth, said
}()

// meaning is what a word says of what comes after it.
func meaning(line []byte, i, j int) context {
	word := line[i:j]
	if len(word) > 0 && word[len(word)-1] >= 0x80 {
		word = bytes.TrimRight(word, "\u00a0\u202f") // what French has before a colon
	}
	if len(word) == 0 {
		return noContext
	}
	if contextWords.may(word) {
		if c := listed(contexts, word); c != noContext {
			return c
		}
	}
	if phraseWords.may(word) {
		p := listed(phrases, word)
		head := strings.TrimRight(lower(line[max(0, i-32):i]), " \u00a0")
		for _, b := range p.before {
			if strings.HasSuffix(head, b) {
				return p.meaning
			}
		}
	}
	if len(word) > 8 && word[len(word)-3]|0x20 >= 'o' { // of "ord", "ort" and "swd"
		tail := word[len(word)-8:]
		if hasFold(tail, "password") || hasFold(tail, "passwort") || hasFold(tail, "kennwort") || hasFold(tail[2:], "passwd") {
			return passwordContext
		}
	}
	return noContext
}

// said handles a word behind which a password or a number stands without a sign:
// "the password is hunter2", "-Password hunter2", "Tel 425 555 0199".
func (s *scanner) said(out, line []byte, i, j int) ([]byte, int, bool) {
	if i > 0 && strings.IndexByte(":/@.<", line[i-1]) >= 0 {
		return out, 0, false // of an address or an element
	}
	c := meaning(line, i, j)
	if c == passContext && i > 0 && line[i-1] == '-' {
		c = passwordContext
	}
	flag := c == passwordContext && i > 0 && line[i-1] == '-' || hasFold(line[i:j], "convertto-securestring")
	if c != passwordContext && c != phoneContext && !flag {
		return out, 0, false
	}
	v := j
	if c == phoneContext {
		for v < len(line) && (line[v] == ' ' || line[v] == '.') && v < j+3 {
			v++
		}
		if digits, end := dialled(line, v); len(digits) >= 7 && len(digits) <= 15 && numberEnds(line, end) {
			return append(append(out, line[i:v]...), s.national(digits)...), end, true
		}
		return out, 0, false
	}
	word := func(from int) int {
		end := from
		for end < len(line) && line[end] > ' ' && line[end] != '"' && line[end] != '<' && line[end] != '>' {
			end++
		}
		return end
	}
	if line[v] == '\t' && len(bytes.TrimSpace(line[:i])) == 0 { // of a list with two columns
		end := v + 1
		for end < len(line) && line[end] >= ' ' {
			end++
		}
		if end < len(line) && line[end] == '\t' {
			return out, 0, false
		}
		text := strings.TrimSpace(string(line[v+1 : end]))
		if text == "" || noSecret[fold(text)] || everyday()[lower(line[v+1:hostRun(line, v+1)])] {
			return out, 0, false
		}
		return conceal(out, line[i:v+1]), end, true
	}
	if line[v] != ' ' {
		return out, 0, false
	}
	v++
	stated, colon := "", false
	if end := word(v); end < len(line) && line[end] == ' ' {
		state := bytes.TrimRight(line[v:end], ":")
		if listed(states, state) {
			stated, colon = lower(state), v+len(state) < end
			v = end + 1
		}
	}
	if v >= len(line) || line[v] <= ' ' {
		return out, 0, false
	}
	if q := line[v]; q == '"' || q == '\'' {
		end := bytes.IndexByte(line[v+1:], q)
		if end <= 0 || stated == "" && !flag {
			return out, 0, false
		}
		return conceal(out, line[i:v+1]), v + 1 + end, true
	}
	end := word(v)
	text := strings.TrimRight(string(line[v:end]), ".,;:!?)\"'")
	switch {
	case strings.HasPrefix(text, "[redacted]"):
		return append(out, line[i:v]...), v, true // the word is no name, though one may be written so
	case text == "", isPseudonym(fold(text)):
		return out, 0, false
	case flag && strings.IndexByte("-$(|", text[0]) < 0:
	case looksSecret(text) && (stated != "" || len(text) >= 6):
	case pinWords[lower(line[i:j])] && onlyDigits(text) && len(text) >= 4:
	case (stated == "is" || stated == "was" || colon) && !everyday()[fold(text)] && !noSecret[fold(text)]:
	default:
		return out, 0, false
	}
	return conceal(out, line[i:v]), v + len(text), true
}

var pinWords = set(`pin passcode geheimzahl`)

// looksSecret reports whether a word is none of a language: it has digits among
// small letters, capitals inside, or signs that sentences have not.
func looksSecret(text string) bool {
	var small, digit, inner, sign bool
	for i, c := range text {
		switch {
		case unicode.IsDigit(c):
			digit = true
		case unicode.IsLower(c):
			small = true
		case unicode.IsUpper(c):
			inner = inner || i > 0 && small
		case strings.ContainsRune("!#$%&*+=?@^_~", c):
			sign = true
		}
	}
	return digit && small || inner && small || sign && (digit || small)
}

// wide handles a run of letters in which a word for a password stands without a
// blank, or with a wide colon, before the password.
func (s *scanner) wide(out, line []byte, i, j int) ([]byte, int, bool) {
	v, c := 0, noContext
	for _, w := range unspaced {
		if k := bytes.Index(line[i:j], []byte(w)); k >= 0 {
			v, c = i+k+len(w), passwordContext
			break
		}
	}
	if c == noContext {
		k := bytes.Index(line[i:j], []byte("："))
		if k <= 0 {
			return out, 0, false
		}
		v = i + k
		if c = meaning(line, i, v); c != passwordContext && c != phoneContext && c != conferenceContext {
			return out, 0, false
		}
	}
	from, signed := v, false
	for again := true; again; {
		again = false
		for _, sign := range []string{" ", ":", "：", "=", "\"", "'", "は", "是", "为", "為", "은", "는", "คือ", "「", "“"} {
			if bytes.HasPrefix(line[v:], []byte(sign)) && v < from+12 {
				signed = signed || sign == ":" || sign == "：" || sign == "="
				v += len(sign)
				again = true
			}
		}
	}
	if v >= len(line) || line[v] < ' ' || !signed && (line[v] >= 0x80 || v > from && everyday()[lower(line[v:hostRun(line, v)])]) {
		return out, 0, false
	}
	quote := line[v-1]
	quoted := quote == '"' || quote == '\''
	return s.valueOf(append(out, line[i:v]...), line, v, c, quoted, quote)
}

// secretEnd is where a secret ends that stands in no quotes: signs between values
// count only where a value may follow, for a password may hold them.
func secretEnd(line []byte, end int) int {
	for end < len(line) {
		switch c := line[end]; c {
		case '\r', '\n', '"', '<', '>':
			return end
		case ';', ',', '&':
			if end+1 == len(line) || line[end+1] <= ' ' || nameFollows(line, end+1) {
				return end
			}
		case ' ', '\t':
			if nameFollows(line, end+1) {
				return end
			}
		}
		end++
	}
	return end
}

// nameFollows reports whether "name=" or "name: " begins at i.
func nameFollows(line []byte, i int) bool {
	j := i
	for j < len(line) && wordByte[line[j]] {
		j++
	}
	return j > i && j < len(line) && (line[j] == '=' || line[j] == ':' && (j+1 == len(line) || line[j+1] == ' '))
}

// candidate hides the name and the password that the drafts of ICE had in a
// candidate; RFC 8839 has none there.
func (s *scanner) candidate(out, line []byte, i, v int) ([]byte, int, bool) {
	var starts, ends [3]int
	j := v
	for n := range starts {
		starts[n] = j
		for j < len(line) && line[j] > ' ' {
			j++
		}
		ends[n] = j
		if j >= len(line) || line[j] != ' ' || j == starts[n] {
			return out, 0, false
		}
		j++
	}
	switch third := lower(line[starts[2]:ends[2]]); {
	case third == "udp", strings.HasPrefix(third, "tcp"), third == "[redacted]", !onlyDigits(string(line[starts[1]:ends[1]])):
		return out, 0, false
	}
	return conceal(conceal(out, line[i:v]), line[ends[0]:starts[2]]), ends[2], true
}
