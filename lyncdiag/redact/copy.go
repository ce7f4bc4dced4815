package redact

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/asciijson"
)

const (
	chunk   = 64 << 10
	maxLine = 1 << 20 // a longer line is handled in pieces
)

// ErrCompressed says that an input has to be unpacked first.
var ErrCompressed = errors.New("redact: the input is compressed; unpack it and give the files in it")

// ErrBinary says that an input is no text.
var ErrBinary = errors.New("redact: the input is no text, so that nobody can tell what is in it; leave it out, or export it as text")

// LearnFrom reads a text to its end and makes its names known.
func (r *Redactor) LearnFrom(src io.Reader) error { return r.stream(nil, src) }

// Copy writes the text of src to dst with its originals replaced, as it comes:
// what src names only later stays where it stands alone before that, unless
// [Redactor.LearnFrom] was given the same text. Encoding and line ends stay.
// The errors are those of src, up to which all is written, those of dst,
// [ErrCompressed] and [ErrBinary].
func (r *Redactor) Copy(dst io.Writer, src io.Reader) error {
	out := bufio.NewWriterSize(dst, chunk)
	err := r.stream(out, src)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return err
}

// CopyFile learns the names of a file and then writes it to dst.
func (r *Redactor) CopyFile(dst io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		if err := r.LearnFrom(file); err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return r.Copy(dst, file)
}

// encoding is how a text is written.
type encoding struct {
	order binary.ByteOrder // of UTF-16; nil: one byte a letter, or UTF-8
	mark  []byte           // the byte order mark
	json  bool
}

func sniff(head []byte) (encoding, error) {
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("\xef\xbb\xbf"):
		return encoding{mark: head[:3], json: isJSON(head[3:])}, nil
	case has("\xff\xfe") && !has("\xff\xfe\x00\x00"):
		return encoding{order: binary.LittleEndian, mark: head[:2]}, nil
	case has("\xfe\xff"):
		return encoding{order: binary.BigEndian, mark: head[:2]}, nil
	case has("\x1f\x8b"), has("PK\x03\x04"), has("PK\x05\x06"), has("7z\xbc\xaf"), has("MSCF\x00"), has("Rar!"):
		return encoding{}, ErrCompressed
	}
	var odd, even, strange int
	for i, c := range head {
		switch {
		case c == 0 && i%2 == 1:
			odd++
		case c == 0:
			even++
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b:
			strange++
		}
	}
	half := max(len(head)/2, 1)
	switch {
	case odd*10 > half*3 && even*20 < half:
		return encoding{order: binary.LittleEndian}, nil
	case even*10 > half*3 && odd*20 < half:
		return encoding{order: binary.BigEndian}, nil
	case strange > 4+len(head)/50, odd+even > 4+len(head)/50 && !zerosAtEnd(head):
		return encoding{}, ErrBinary
	}
	return encoding{json: isJSON(head)}, nil
}

// zerosAtEnd: a crash leaves the reserved rest of a log as zeros.
func zerosAtEnd(head []byte) bool {
	return bytes.IndexByte(bytes.TrimRight(head, "\x00"), 0) < 0
}

func isJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) < 2 {
		return false
	}
	next := bytes.TrimLeft(head[1:], " \t\r\n")
	switch {
	case len(next) == 0:
		return false
	case head[0] == '{':
		return next[0] == '"' || next[0] == '}'
	case head[0] == '[':
		return next[0] == '{' || next[0] == '"' || next[0] == ']'
	}
	return false
}

// stream reads src; with dst nil it only learns.
func (r *Redactor) stream(dst *bufio.Writer, src io.Reader) error {
	in := bufio.NewReaderSize(src, chunk)
	head, err := in.Peek(4 << 10)
	if len(head) == 0 {
		if err == io.EOF {
			err = nil
		}
		return err
	}
	if isStored(head) {
		return r.element(dst, in)
	}
	enc, err := sniff(head)
	if err != nil {
		return err
	}
	c := &copier{scanner: scanner{Redactor: r, table: true}, dst: dst, encoding: enc}
	if err := c.write(enc.mark); err != nil {
		return err
	}
	if _, err := in.Discard(len(enc.mark)); err != nil {
		return err
	}
	if enc.json {
		return c.json(in)
	}
	return c.lines(in)
}

// copier carries one text.
type copier struct {
	scanner
	encoding
	dst     *bufio.Writer // nil: learn only
	out     []byte
	encoded []byte
}

func (c *copier) write(b []byte) error {
	if c.dst == nil {
		return nil
	}
	_, err := c.dst.Write(b)
	return err
}

// flush writes what was redacted, in the encoding of the text.
func (c *copier) flush() error {
	b := c.out
	if c.order != nil {
		c.encoded = encode16(c.encoded[:0], b, c.order)
		b = c.encoded
	}
	err := c.write(b)
	c.out = c.out[:0]
	return err
}

func (c *copier) lines(in *bufio.Reader) error {
	var line, unit []byte
	for {
		line = line[:0]
		var err error
		for len(line) < maxLine {
			var piece []byte
			if c.order == nil {
				piece, err = in.ReadSlice('\n')
				line = append(line, piece...)
			} else {
				unit, err = c.line16(in, unit[:0])
				line = append(line, unit...)
			}
			if err != bufio.ErrBufferFull {
				break
			}
		}
		if err == bufio.ErrBufferFull {
			// A piece ends between words, if there is such a place.
			if i := bytes.LastIndexAny(line, " \t<>;,"); i > maxLine/2 {
				in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(c.raw(line[i+1:])), in), chunk)
				line = line[:i+1]
			}
			err = nil
		}
		if len(line) > 0 {
			c.mu.Lock()
			c.out = c.line(c.out, line)
			c.mu.Unlock()
			if flushed := c.flush(); flushed != nil {
				return flushed
			}
		}
		if err != nil {
			c.mu.Lock()
			c.out = c.end(c.out)
			c.mu.Unlock()
			if flushed := c.flush(); flushed != nil {
				return flushed
			}
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// raw is a piece of a line in the encoding of the text.
func (c *copier) raw(b []byte) []byte {
	if c.order != nil {
		return encode16(nil, b, c.order)
	}
	return slices.Clone(b)
}

// line16 reads UTF-16 up to a line feed as UTF-8. Half a pair is kept as the
// three bytes that UTF-8 would have for it, and an odd byte at the end as one.
func (c *copier) line16(in *bufio.Reader, line []byte) ([]byte, error) {
	for len(line) < chunk {
		two, err := in.Peek(2)
		if err != nil {
			if len(two) == 1 && err == io.EOF {
				in.Discard(1)
				return append(line, 0xff, two[0]), io.EOF
			}
			return line, err
		}
		u := rune(c.order.Uint16(two))
		in.Discard(2)
		if utf16.IsSurrogate(u) {
			if next, err := in.Peek(2); err == nil {
				if full := utf16.DecodeRune(u, rune(c.order.Uint16(next))); full != utf8.RuneError {
					in.Discard(2)
					line = utf8.AppendRune(line, full)
					continue
				}
			}
			line = append(line, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f)
			continue
		}
		line = utf8.AppendRune(line, u)
		if u == '\n' {
			return line, nil
		}
	}
	return line, bufio.ErrBufferFull
}

func encode16(out, b []byte, order binary.ByteOrder) []byte {
	var two [2]byte
	put := func(u rune) {
		order.PutUint16(two[:], uint16(u))
		out = append(out, two[:]...)
	}
	for len(b) > 0 {
		u, n := utf8.DecodeRune(b)
		switch {
		case u == utf8.RuneError && n == 1 && len(b) == 2 && b[0] == 0xff:
			return append(out, b[1])
		case u == utf8.RuneError && n == 1 && len(b) >= 3 && b[0]&0xf0 == 0xe0:
			put(rune(b[0]&0xf)<<12 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f))
			n = 3
		case u > 0xffff:
			high, low := utf16.EncodeRune(u)
			put(high)
			put(low)
		default:
			put(u)
		}
		b = b[n:]
	}
	return out
}

// json copies a document and replaces within its strings, which are read by the
// name of their key.
func (c *copier) json(in *bufio.Reader) error {
	var key, literal []byte
	about := ""  // what the name of a pair says of its value
	cookies := 0 // how deep it is in a list of cookies
	for {
		b, err := in.ReadByte()
		if err == io.EOF {
			return c.flush()
		}
		if err != nil {
			return err
		}
		if strings.IndexByte("\"{}[]:, \t\r\n0123456789+-.", b) < 0 {
			word := []byte{b}
			for len(word) < 8 {
				next, err := in.Peek(1)
				if err != nil || next[0] < 'a' || next[0] > 'z' {
					break
				}
				in.Discard(1)
				word = append(word, next[0])
			}
			switch string(word) {
			case "true", "false", "null", "e", "E":
				c.out = append(c.out, word...)
				continue
			}
			// It only begins like JSON.
			return c.lines(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(word), in), chunk))
		}
		if b != '"' {
			c.out = append(c.out, b)
			if b == '\n' || len(c.out) > chunk {
				if err := c.flush(); err != nil {
					return err
				}
			}
			switch {
			case b == '[' && (cookies > 0 || strings.EqualFold(string(key), "cookies")):
				cookies++
			case b == ']' && cookies > 0:
				cookies--
			case b == '{' || b == '}':
				about = ""
			}
			if b == ',' || b == '{' {
				key = key[:0]
			}
			continue
		}
		literal = append(literal[:0], '"')
		escaped, closed := false, false
		for !closed && len(literal) < 16*maxLine {
			b, err := in.ReadByte()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			literal = append(literal, b)
			closed = b == '"' && !escaped
			escaped = b == '\\' && !escaped
		}
		c.mu.Lock()
		var text string
		if !closed || json.Unmarshal(literal, &text) != nil {
			c.out = c.scan(c.out, literal) // no JSON after all
			c.mu.Unlock()
			continue
		}
		isKey := false
		if next, err := in.Peek(1); err == nil && next[0] == ':' {
			isKey = true
		} else if more, _ := in.Peek(8); bytes.HasPrefix(bytes.TrimLeft(more, " \t\r\n"), []byte(":")) {
			isKey = true
		}
		replaced := ""
		if isKey {
			key = append(key[:0], text...)
			replaced = c.text(text)
		} else {
			name := string(key)
			switch {
			case strings.EqualFold(name, "value"):
				if cookies > 0 {
					name = "cookie"
				} else if about != "" {
					name = about
				}
			case pairWords[fold(name)]:
				about = ""
				if low := fold(text); isSecret(meaning([]byte(low), 0, len(low))) || strings.HasSuffix(low, "authorization") {
					about = low
				}
			}
			replaced = c.field(name, text)
		}
		c.mu.Unlock()
		if replaced == text {
			c.out = append(c.out, literal...)
			continue
		}
		c.out = appendString(c.out, replaced)
	}
}

// appendString writes a JSON string in ASCII.
func appendString(out []byte, s string) []byte {
	b, _ := json.Marshal(s)
	return asciijson.Append(out, b)
}

// field replaces in a value, with regard to the name of its key.
func (r *Redactor) field(key, value string) string {
	if isTime(value) && len(value) <= len("2006-01-02T15:04:05.999999999+07:00") {
		return value
	}
	key = strings.ToLower(key)
	if enumerations[key] {
		return value
	}
	c := meaning([]byte(key), 0, len(key))
	if key == "authorization" || key == "proxy-authorization" {
		value = "Authorization: " + value
		return strings.TrimPrefix(r.text(value), "Authorization: ")
	}
	if c == noContext || c == serverContext || value == "" || strings.ContainsAny(value, "\n") {
		return r.text(value)
	}
	s := &scanner{Redactor: r}
	out, end, _ := s.valueOf(nil, []byte(value), 0, c, true, 0)
	return string(append(out, value[end:]...))
}

// pem replaces a certificate by one that tells nothing, and drops what is inside
// of any other block.
func (s *scanner) pem(out, block []byte) []byte {
	lines := bytes.SplitAfter(block, []byte("\n"))
	var body []byte
	for _, l := range lines[1:] {
		if bytes.Contains(l, []byte("-----END ")) {
			break
		}
		body = append(body, bytes.TrimSpace(l)...)
	}
	first, last := lines[0], lines[len(lines)-1]
	for len(bytes.TrimSpace(last)) == 0 && len(lines) > 1 {
		lines = lines[:len(lines)-1]
		last = lines[len(lines)-1]
	}
	newline := "\n"
	if bytes.HasSuffix(first, []byte("\r\n")) {
		newline = "\r\n"
	}
	text := "redacted"
	if bytes.Contains(first, []byte("CERTIFICATE")) {
		if der, err := decode(strings.TrimRight(string(body), "=")); err == nil {
			if c := s.certificate(der); c != nil {
				text = encodeBase64(c)
			}
		}
	}
	out = s.fence(out, first)
	for len(text) > 64 {
		out = append(append(out, text[:64]...), newline...)
		text = text[64:]
	}
	out = append(append(out, text...), newline...)
	if bytes.Contains(last, []byte("-----END ")) {
		out = s.fence(out, last)
	}
	return out
}

// fenceLine is the line that begins or ends a block, as RFC 7468 has it.
var fenceLine = regexp.MustCompile(`^-----(BEGIN|END) [A-Z0-9 ]+-----\s*$`)

// fence writes the line that begins or ends a block; what is no such line is text.
func (s *scanner) fence(out, line []byte) []byte {
	if fenceLine.Match(line) {
		return append(out, line...)
	}
	return s.scan(out, line)
}

// registryBytes replaces within a binary value of a registry export: text in
// UTF-16 stays text, certificates become others, and what else could be read is
// dropped.
func (s *scanner) registryBytes(out, block []byte) []byte {
	sign := bytes.Index(block, []byte("=hex"))
	colon := sign + bytes.IndexByte(block[sign:], ':')
	if len(bytes.Trim(block[colon+1:], "0123456789abcdefABCDEF,\\ \t\r\n")) > 0 {
		// It only looks like one: text is replaced as everywhere.
		return s.again(out, block, s.plain)
	}
	out = s.scan(out, block[:sign])
	head, tail := block[sign:colon+1], block[len(bytes.TrimRight(block, "\r\n")):]
	var digits []byte
	for _, c := range block[colon+1:] {
		if hexDigit(c) >= 0 {
			digits = append(digits, c)
		}
	}
	value := make([]byte, len(digits)/2)
	hex.Decode(value, digits[:len(value)*2])
	replaced, changed := secretBytes(block[:sign], string(head), value)
	if !changed {
		replaced, changed = s.value16(value)
	}
	if !changed {
		return append(out, block[sign:]...)
	}
	out = append(out, head...)
	for i, b := range replaced {
		if i > 0 {
			out = append(out, ',')
			if i%25 == 0 {
				out = append(out, "\\\r\n  "...)
			}
		}
		out = fmt.Appendf(out, "%02x", b)
	}
	return append(out, tail...)
}

// secretBytes is what stands for a value of the registry that is a password or another
// secret by its name, as text of its type. Numbers and empty values hide nothing.
func secretBytes(name []byte, kind string, value []byte) ([]byte, bool) {
	name = bytes.TrimRight(name, "\" ")
	from := bytes.LastIndexAny(name, "\" ") + 1
	if !isSecret(meaning(name, from, len(name))) {
		return nil, false
	}
	wide := kind == "=hex(1):" || kind == "=hex(2):" || kind == "=hex(7):"
	text := strings.ToLower(strings.ReplaceAll(string(value), "\x00", ""))
	if text == "" || wide && noSecret[text] || !wide && len(value) <= 8 && bytes.IndexFunc(value, func(c rune) bool { return c >= ' ' }) < 0 {
		return nil, false
	}
	hidden := []byte("[redacted]")
	if wide {
		hidden = encode16(nil, []byte("[redacted]\x00"), binary.LittleEndian)
	}
	if kind == "=hex(7):" { // a list ends with one more
		hidden = append(hidden, 0, 0)
	}
	return hidden, true
}

// value16 redacts the bytes of a value.
func (s *scanner) value16(value []byte) ([]byte, bool) {
	if len(value) <= 8 {
		return value, false
	}
	wide, narrow := 0, 0
	for i, b := range value {
		if i%2 == 1 && b == 0 {
			wide++
		}
		if b >= ' ' && b < 0x7f {
			narrow++
		}
	}
	switch {
	case len(value)%2 == 0 && wide*3 > len(value) && narrow*3 > len(value):
		var text []byte
		for i := 0; i+1 < len(value); i += 2 {
			text = utf8.AppendRune(text, rune(binary.LittleEndian.Uint16(value[i:])))
		}
		inner := &scanner{Redactor: s.Redactor}
		var redacted []byte
		for part := range bytes.SplitAfterSeq(text, []byte{0}) {
			redacted = inner.line(redacted, part)
		}
		redacted = inner.end(redacted)
		return encode16(nil, redacted, binary.LittleEndian), !bytes.Equal(redacted, text)
	}
	if c := s.stored(value); c != nil {
		return c, true
	}
	if narrow < 6 {
		return value, false
	}
	if c := s.counted(value); c != nil {
		return c, !bytes.Equal(c, value)
	}
	return nil, true
}

// counted replaces texts of ASCII that stand behind their lengths, as in the values
// that keep proxies (WinHttpSettings, DefaultConnectionSettings). nil: other text
// stands there too.
func (s *scanner) counted(value []byte) []byte {
	var out []byte
	rest := 0 // signs that could be read and are behind no length
	for len(value) > 0 {
		if len(value) >= 4 {
			n := binary.LittleEndian.Uint32(value)
			if n > 0 && uint64(n) <= uint64(len(value)-4) && printable(value[4:4+n]) {
				text := s.proxies(string(value[4 : 4+n]))
				out = append(binary.LittleEndian.AppendUint32(out, uint32(len(text))), text...)
				value = value[4+n:]
				continue
			}
		}
		if printable(value[:1]) {
			rest++
		}
		out, value = append(out, value[0]), value[1:]
	}
	if rest >= 6 {
		return nil
	}
	return out
}

// proxies replaces within a list of proxies, or of the hosts that need none. What has a
// dot there is a host whatever its domain.
func (s *scanner) proxies(list string) string {
	if hidden, end, ok := s.logins(nil, []byte(list), 0, 0, 0); ok {
		list = string(hidden) + list[end:]
	}
	var out []byte
	for rest := []byte(s.text(list)); len(rest) > 0; {
		if _, end := ipv6(rest, 0); end > 0 {
			out, rest = append(out, rest[:end]...), rest[end:]
			continue
		}
		run := hostRun(rest, 0)
		if run == 0 {
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		name := string(rest[:run])
		path := bytes.HasSuffix(out, []byte("/")) && !bytes.HasSuffix(out, []byte("//"))
		dotted := strings.Contains(name, ".")
		switch { // text did not know the domains yet that only this list tells
		case dotted && strings.Trim(name, "0123456789.") != "" && !path:
			bare := strings.TrimLeft(name, ".") // behind the * of a bypass
			name = name[:len(name)-len(bare)] + s.host(bare)
		case dotted:
			name = s.dotted(rest[:run])
		default:
			name = string(s.compound(rest[:run]))
		}
		out, rest = append(out, name...), rest[run:]
	}
	return string(out)
}

func printable(b []byte) bool {
	return bytes.IndexFunc(b, func(c rune) bool { return c < ' ' || c >= 0x7f }) < 0
}
