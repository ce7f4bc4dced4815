package redact

import (
	"bytes"
	"strings"
)

// maxLogin bounds a user and a password before a host.
const maxLogin = 1 << 10

// afterSlashes reports whether the slash at i ends "://", also as JSON may write it.
func afterSlashes(line []byte, i int) bool {
	if i < 2 {
		return false
	}
	switch line[i-1] {
	case '/':
		return line[i-2] == ':' || i > 3 && hasFold(line[i-4:], "%3a")
	case '\\':
		return i > 3 && line[i-2] == '/' && line[i-3] == '\\' && line[i-4] == ':'
	}
	return false
}

// afterEscapedSlashes is the same for a slash that is percent-encoded.
func afterEscapedSlashes(line []byte, i int) bool {
	return i > 3 && hasFold(line[i-3:], "%2f") && (line[i-4] == ':' || i > 5 && hasFold(line[i-6:], "%3a"))
}

// login is the length of a user and a password at the beginning of b, and of the @
// behind them; 0: there are none. Both may hold an @, a password also the signs that
// end an address, unless what is before them is a port.
func login(b []byte, escaped bool) (end, at int) {
	colon, port, blank := false, true, false
	for i, n := 0, 1; i < len(b) && i < maxLogin; i += n {
		c := b[i]
		n = 1
		if escaped && c == '%' && i+2 < len(b) && hexDigit(b[i+1]) >= 0 && hexDigit(b[i+2]) >= 0 {
			c, n = byte(hexDigit(b[i+1])<<4|hexDigit(b[i+2])), 3
		}
		switch c {
		case '@':
			if colon {
				end, at = i, n
			}
			continue
		case ':':
			if !colon {
				colon = true
				continue
			}
		case '<', '>', '\r', '\n', '\t', 0:
			return end, at
		case '[':
			if i == 0 {
				return 0, 0 // an address of IPv6
			}
		case '\\':
			if i+1 < len(b) && b[i+1] == '/' {
				continue
			}
		case ' ', '"', '\'':
			if blank || i+1 >= len(b) || !wordByte[b[i+1]] {
				return end, at
			}
			fallthrough
		case '/', '?', '#', ';', ',', '&', '(', ')', '|':
			if !colon || port && c != '#' && c != '?' || end > 0 || escaped && n == 1 {
				return end, at
			}
			blank = blank || c == ' ' || c == '/'
		}
		if colon && (c < '0' || c > '9') {
			port = false
		}
	}
	return end, at
}

// hidden replaces a login of end bytes at i, its @, and the host behind them.
func (s *scanner) hidden(out, line []byte, i, end, at int) ([]byte, int) {
	i += end
	out = conceal(out, nil)
	out = append(out, line[i:i+at]...)
	i += at
	to := hostRun(line, i)
	if to > i && atSign(line, to) == 0 && (to+1 >= len(line) || line[to] != '\'' && (line[to] != '\\' || line[to+1] == '/')) { // else it is none
		return append(out, s.host(string(line[i:to]))...), to
	}
	return out, i
}

// conceal writes what stands for a secret, behind what is kept before it.
//
//go:noinline
func conceal(out, before []byte) []byte {
	out = append(out, before...)
	return append(out, "[redacted]"...)
}

// logins replaces a list of proxies in which a login stands without a scheme; what
// goes on behind a blank is part of it only with a login of its own.
func (s *scanner) logins(out, line []byte, i, v int, delimiter byte) ([]byte, int, bool) {
	const most = 16 // entries without a login, and thousands of bytes, that are looked at
	if bytes.IndexByte(line[v:min(len(line), v+most*maxLogin)], '@') < 0 {
		return out, 0, false
	}
	from, found := v, false
	for k, without := v, 0; k < len(line) && without < most; without++ {
		entry := k
		for entry < len(line) && (wordByte[line[entry]] || line[entry] == '.') {
			entry++
		}
		if entry++; entry > len(line) || line[entry-1] != '=' { // no "https=proxy:8080"
			entry = k
		}
		if end, at := bareLogin(line[entry:]); end > 0 {
			if !found {
				found = true
				out = append(out, line[i:v]...)
			}
			out, from = s.hidden(s.scan(out, line[from:entry]), line, entry, end, at)
			k, without = from, 0
		}
		n := bytes.IndexAny(line[k:], "; ,\t\r\n\"<>")
		if n < 0 || delimiter == '\'' && bytes.IndexByte(line[k:k+n], delimiter) >= 0 || !found && delimiter == 0 && line[k+n] != ';' {
			break
		}
		k += n
		rest := bytes.TrimLeft(line[k:], "; ,")
		if len(rest) == len(line)-k {
			break
		}
		k = len(line) - len(rest)
	}
	return out, from, found
}

// schemes are those that no "//" follows.
var schemes = set(`sip sips tel mailto smtp im pres urn`)

// transports stand where a port does: "peer=fe01:tls,joe@contoso.com".
var transports = set(`tls tcp udp`)

// bareLogin is login where no scheme tells that an address begins.
func bareLogin(b []byte) (end, at int) {
	colon := bytes.IndexByte(b[:min(len(b), maxLogin)], ':')
	if colon < 0 || colon+1 < len(b) && (b[colon+1] <= ' ' || b[colon+1] == '/') {
		return 0, 0
	}
	if schemes[lower(b[:colon])] || transports[lower(b[colon+1:colon+1+hostRun(b[colon+1:min(len(b), colon+8)], 0)])] {
		return 0, 0
	}
	if end, at = login(b, false); bytes.IndexByte(b[:end], ' ') >= 0 {
		return 0, 0
	}
	return end, at
}

// credentials is where those end that begin at v behind the scheme at i, as the header
// Authorization has them; 0: there are none.
func credentials(line []byte, i, v int) int {
	before := bytes.ToLower(line[max(0, i-32):i])
	if !bytes.Contains(before, []byte("auth")) {
		return 0
	}
	end := v
	for end < len(line) && (baseByte[line[end]] || strings.IndexByte(".~:", line[end]) >= 0) {
		end++
	}
	for end > v && (line[end-1] == '.' || line[end-1] == ':') {
		end--
	}
	least := 9
	if bytes.HasSuffix(bytes.TrimRight(before, "\\\"': =,"), []byte("authorization")) {
		least = 4
	}
	quoted := i > 0 && (line[i-1] == '"' || line[i-1] == '\'')
	if end-v < least || end < len(line) && line[end] == '"' && !quoted { // rspauth="
		return 0
	}
	return end
}

// option handles the option of a command that a login follows: "curl -u joe:pw", "net
// use /user:CORP\joe pw".
func (s *scanner) option(out, line []byte, i, j int) ([]byte, int, bool) {
	word := func(v int) int {
		if n := bytes.IndexAny(line[v:], " \t\r\n\"'<>"); n >= 0 {
			return v + n
		}
		return len(line)
	}
	v, end := j+1, word(j+1)
	switch lower(bytes.TrimLeft(line[i:j+1], "-")) {
	case "u ", "user ":
		if v < len(line) && (line[v] == '"' || line[v] == '\'') {
			v++
			end = word(v)
		}
		colon := bytes.IndexByte(line[v:end], ':')
		if line[i-1] != '-' || colon <= 0 || colon+1 == end-v || line[v+colon+1] == '/' || line[v] == '[' {
			return out, 0, false
		}
		return conceal(out, line[i:v]), end, true
	case "user:":
		if line[i-1] != '/' || end == v {
			return out, 0, false
		}
		out = s.scan(append(out, line[i:v]...), line[v:end])
		to := word(min(end+1, len(line)))
		if to <= end+1 || line[end] != ' ' || line[end+1] == '/' || !bytes.Contains(bytes.ToLower(line[max(0, i-maxLogin):i]), []byte("net use ")) {
			return out, end, true
		}
		return conceal(out, []byte(" ")), to, true
	}
	return out, 0, false
}
