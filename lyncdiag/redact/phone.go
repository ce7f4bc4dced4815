package redact

import (
	"bytes"
	"net/netip"
)

// maxGroups is how many groups of digits a telephone number has at most.
const maxGroups = 8

// phoneAt replaces the number that begins behind a plus (ITU-T E.123), and returns
// where it ends; 0: there is none.
func (s *scanner) phoneAt(line []byte, i int) (string, int) {
	digits, end := dialled(line, i)
	if len(digits) < 7 || len(digits) > 15 || end < len(line) && (wordByte[line[end]] || line[end] == ':') {
		return "", 0
	}
	return s.telephone(digits), end
}

// dialled reads digits with what people write between them, and where they end.
// What is an IP address, a version or a date is no number.
func dialled(line []byte, i int) (string, int) {
	var digits []byte
	dots, seen, last, sign := 0, 0, i, byte(0)
	before, end := 0, i // of the digits up to the last blank
	for j := i; j < len(line) && j-i < 24; j++ {
		c := line[j]
		switch {
		case isDigit(c):
			if j > i && line[j-1] == ' ' {
				before, end = len(digits), last
			}
			digits = append(digits, c)
			last, dots = j+1, seen
			continue
		case len(digits) >= 10 && (len(digits) == j-i || c == ' ' && sign != ' ' && sign != 0), bytes.HasPrefix(line[j:], []byte(" 00")):
			// Written in one or with other signs, and so another number behind the blank.
		case len(digits) == 0 && c == '(', len(digits) > 0 && bytes.IndexByte([]byte(" -./()"), c) >= 0:
			if bytes.HasPrefix(line[j:], []byte("(0)")) {
				j += 2 // dialled within the country only
				continue
			}
			if c == '.' {
				seen++
			}
			sign = c
			continue
		}
		j = len(line)
	}
	if before > 0 && last < len(line) && line[last]|0x20 >= 'a' && line[last]|0x20 <= 'z' {
		digits, last = digits[:before], end // "2nd floor" is no part of it
	}
	if text := string(line[i:last]); dots == 3 || isTime(text) {
		if _, err := netip.ParseAddr(text); err == nil || isTime(text) {
			return "", 0
		}
	}
	return string(digits), last
}

// nationalNumber finds a telephone number without a plus that begins at i: what is
// dialled, and where it ends; 0: there is none. Taken are numbers whose form tells
// them from dates, versions and identifiers: behind an international prefix
// (0049...), behind a trunk prefix (089/...), North American ones (425-555-0199),
// and those with an area code in parentheses.
func nationalNumber(line []byte, i int) (dialled string, end int) {
	if i > 0 && (wordByte[line[i-1]] || line[i-1] == '.' || line[i-1] == '/' || line[i-1] == '+') {
		return "", 0
	}
	if line[i] == '(' {
		return inParentheses(line, i)
	}
	if c := line[i]; c != '0' {
		if c == '1' && i+14 <= len(line) && line[i+1] == line[i+5] && northAmerican(line, i+2) {
			return "1" + digitsOf(line[i+2:i+14]), i + 14
		}
		if c > '1' && i+12 <= len(line) && line[i+3] != ' ' && northAmerican(line, i) {
			return "1" + digitsOf(line[i:i+12]), i + 12
		}
		return "", 0
	}
	end = i + 1
	for end < len(line) && isDigit(line[end]) {
		end++
	}
	switch n := end - i; {
	case n == 1:
		return "", 0
	case end == len(line) || bytes.IndexByte([]byte("-./ "), line[end]) < 0:
		if n < 10 {
			return "", 0
		}
	case n == 2 && end+4 < len(line) && line[end] != ' ' && !isDigit(line[end+3]) && (line[end] == '/' || line[end+3] != line[end]):
		return "", 0 // a date
	}
	g := groupsAt(line, i)
	// The longest beginning that has the form of a number.
	for n := g.n; n > 0; n-- {
		if g.endsAt(line, n) && g.national(line, i, n) {
			return digitsOf(line[i:g.to[n-1]]), g.to[n-1]
		}
	}
	return "", 0
}

// groups are groups of digits with a sign between each two of them.
type groups struct {
	n        int
	from, to [maxGroups]int
	signs    [maxGroups]byte // before each; of the first 0
}

func groupsAt(line []byte, j int) (g groups) {
	for ; g.n < maxGroups; g.n++ {
		if g.n > 0 {
			sign, width := between(line, j)
			if width == 0 {
				break
			}
			g.signs[g.n] = sign
			j += width
		}
		from := j
		for j < len(line) && isDigit(line[j]) {
			j++
		}
		if j == from {
			break
		}
		g.from[g.n], g.to[g.n] = from, j
	}
	return g
}

func (g *groups) len(k int) int { return g.to[k] - g.from[k] }

// endsAt reports whether a number may end behind the first n groups.
func (g *groups) endsAt(line []byte, n int) bool {
	return n < g.n && g.signs[n] == ' ' || numberEnds(line, g.to[n-1])
}

// between is the sign between two groups of digits, with blanks around it.
func between(line []byte, j int) (sign byte, width int) {
	for _, form := range []string{" / ", " - ", "-", "/", ".", " "} {
		if k := j + len(form); bytes.HasPrefix(line[j:], []byte(form)) && k < len(line) && isDigit(line[k]) {
			return form[len(form)/2], len(form)
		}
	}
	return 0, 0
}

// numberEnds reports whether no other text goes on where a number ends.
func numberEnds(line []byte, end int) bool {
	if end >= len(line) {
		return true
	}
	c := line[end]
	if wordByte[c] || c == ':' || c == '@' || c == '%' || c == '=' || c == '|' {
		return false
	}
	return c != '.' && c != '/' && c != ',' && c != '\\' || end+1 == len(line) || !wordByte[line[end+1]]
}

// national reports whether the first n groups, which begin with 0, are a number.
func (g *groups) national(line []byte, i, n int) bool {
	total, same := 0, true
	for k := range n {
		total += g.len(k)
		same = same && (k < 2 || g.signs[k] == g.signs[1])
	}
	first := g.len(0)
	switch {
	case first < 2:
	case line[i+1] == '0':
		return first >= 3 && line[i+2] != '0' && total >= 10 && total <= 17 && (first < 10 || n == 1)
	case n == 1:
		return first >= 10 && first <= 12 && (i == 0 || bytes.IndexByte([]byte(" \t\"'([>,;"), line[i-1]) >= 0)
	case total < 8, total < 9 && g.signs[1] != '/', total > 12, !same && n > 2 && g.signs[n-1] == ' ' && total > 9:
	case first >= 3 && first <= 6:
		for k := 1; k < n; k++ {
			if g.len(k) < 2 {
				return false
			}
		}
		return true
	case first == 2 && (g.len(1) >= 6 || n == 3 && g.len(1) >= 3 && g.len(2) == 4):
		return true
	case first == 2 && n == 5 && g.to[4]-i == 14 && same && g.signs[1] != '/': // 01 23 45 67 89, and no bytes of a dump
		return g.signs[1] != ' ' || !(i > 2 && line[i-1] == ' ' && hexDigit(line[i-2]) >= 0 || amongBytes(line, i+14))
	}
	return false
}

// amongBytes reports whether another byte in hexadecimal stands behind a blank.
func amongBytes(line []byte, i int) bool {
	return i+2 < len(line) && line[i] == ' ' && hexDigit(line[i+1]) >= 0 && hexDigit(line[i+2]) >= 0
}

// northAmerican reports whether the twelve bytes from i have the form of
// 425-555-0199, and a number may end there.
func northAmerican(line []byte, i int) bool {
	b := line[i : i+12]
	if b[3] != b[7] || b[3] != '-' && b[3] != '.' && b[3] != ' ' || b[0] < '2' || b[4] < '2' {
		return false
	}
	for k, c := range b {
		if k != 3 && k != 7 && !isDigit(c) {
			return false
		}
	}
	return numberEnds(line, i+12)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func digitsOf(b []byte) string {
	var digits []byte
	for _, c := range b {
		if isDigit(c) {
			digits = append(digits, c)
		}
	}
	return string(digits)
}

// inParentheses reads (425) 555-0199 and (089) 1234-567.
func inParentheses(line []byte, i int) (string, int) {
	j := i + 1
	for j < len(line) && isDigit(line[j]) {
		j++
	}
	area := string(line[i+1 : j])
	if len(area) < 2 || len(area) > 6 || j+2 >= len(line) || line[j] != ')' {
		return "", 0
	}
	if j++; line[j] == ' ' {
		j++
	}
	g := groupsAt(line, j)
	for n := g.n; n > 0; n-- {
		rest := digitsOf(line[j:g.to[n-1]])
		if len(rest) < 5 || len(area+rest) < 8 || len(area+rest) > 12 || !g.endsAt(line, n) {
			continue
		}
		if n == 2 && len(area) == 3 && area[0] > '1' && g.len(0) == 3 && rest[0] > '1' && g.len(1) == 4 {
			area = "1" + area
		}
		return area + rest, g.to[n-1]
	}
	return "", 0
}

// phoneValue handles a number behind a word that says so and a sign.
func (s *scanner) phoneValue(out, line []byte, i, v int) ([]byte, int, bool) {
	digits, end := dialled(line, v)
	if len(digits) < 5 || len(digits) > 15 || !numberEnds(line, end) {
		return out, 0, false
	}
	return append(append(out, line[i:v]...), s.national(digits)...), end, true
}

// phones replaces the numbers in a value that holds nothing else.
func (s *scanner) phones(out, value []byte) []byte {
	for i := 0; i < len(value); {
		c := value[i]
		if digits, end := dialled(value, i); (isDigit(c) || c == '(') && len(digits) >= 4 && len(digits) <= 15 && (i == 0 || !wordByte[value[i-1]]) && numberEnds(value, end) {
			out = append(out, s.national(digits)...)
			i = end
			continue
		}
		j := i + 1
		for j < len(value) && !isDigit(value[j]) && value[j] != '(' {
			j++
		}
		out = s.scan(out, value[i:j])
		i = j
	}
	return out
}

// conferences replaces the ids in a value that holds nothing else.
func (s *scanner) conferences(out, value []byte) []byte {
	for i := 0; i < len(value); {
		if digits, end := dialled(value, i); len(digits) >= 4 && value[i] != '(' && (end == len(value) || !wordByte[value[end]]) {
			out = append(out, s.conference(digits)...)
			i = end
			continue
		}
		j := hostRun(value, i)
		if j == i {
			out = append(out, value[i])
			i++
			continue
		}
		out = append(out, s.conference(string(value[i:j]))...)
		i = j
	}
	return out
}
