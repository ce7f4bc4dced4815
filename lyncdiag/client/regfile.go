package client

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/internal/codepage"
)

// Bounds of one .reg file. Whole hives have a hundred MiB and more; of them the keys
// below areas are kept.
const (
	maxRegLine  = 1 << 20 // bytes of a line, or of a value with its continuations
	maxRegBytes = 1 << 30
	maxRegKept  = 32 << 20
)

// areas are the keys below which something is looked at, without the hive and with
// Wow6432Node left out. Others are not kept.
var areas = []string{
	`software\microsoft\communicator`, `software\microsoft\office`, `software\microsoft\shared\ucclient`, `software\im providers`,
	`software\policies\microsoft\communicator`, `software\policies\microsoft\office`, `software\policies\microsoft\windows\windowsupdate`,
	`software\microsoft\windows nt\currentversion`, `software\microsoft\windows\currentversion\uninstall`, `software\microsoft\windows\currentversion\app paths`,
	`software\microsoft\windows\currentversion\windowsupdate`, `software\microsoft\windows\currentversion\internet settings`,
	`software\microsoft\msoidentitycrl`, `software\microsoft\cryptography`,
	`system\currentcontrolset\services\msoidsvc`, `system\currentcontrolset\services\w32time`,
	`system\currentcontrolset\control\securityproviders\schannel`, `system\currentcontrolset\control\timezoneinformation`,
}

// kept reports whether a key lies in an area, or above one: a key above says that
// the export went through there.
func kept(path string) bool {
	_, rest, _ := strings.Cut(strings.ToLower(path), `\`)
	if hive, below, _ := strings.Cut(rest, `\`); strings.HasPrefix(hive, "s-1-") || hive == ".default" {
		rest = below
	}
	rest = strings.Replace(rest, `software\wow6432node\`, `software\`, 1)
	return rest == "" || slices.ContainsFunc(areas, func(area string) bool {
		return rest == area || strings.HasPrefix(rest, area+`\`) || strings.HasPrefix(area, rest+`\`)
	})
}

const (
	regHeader    = "Windows Registry Editor Version 5.00"
	regHeaderOld = "REGEDIT4"
	// Comments of this program's exports.
	chosenComment = "; lyncdiag: chosen keys"
	absentComment = "; absent: "
)

// regReader reads one .reg file into exported.
type regReader struct {
	*exported
	in      *bufio.Reader
	current *exportedKey // nil: not kept
	ansi    bool         // REGEDIT4: hexadecimal texts hold bytes of a code page
	read    int          // bytes
	kept    int
	line    int
	damaged error // the first line that makes no sense
}

// readReg adds a .reg file. What is damaged is left out and told by the error; the
// rest is kept.
func (e *exported) readReg(r io.Reader) error {
	in, err := decodeText(r)
	if err != nil {
		return err
	}
	if e.keys == nil {
		e.keys = map[string]*exportedKey{}
	}
	x := &regReader{exported: e, in: in}
	head, err := x.next()
	for err == nil && strings.TrimSpace(head) == "" {
		head, err = x.next()
	}
	switch strings.TrimSpace(head) {
	case regHeader:
	case regHeaderOld:
		x.ansi = true
	case "":
		return errors.New("it is empty")
	default:
		return errors.New("it is no registry export: its first line is not " + regHeader)
	}
	for err == nil {
		var line string
		line, err = x.next()
		if failed := x.entry(line); failed != nil && x.damaged == nil {
			x.damaged = fmt.Errorf("line %d: %w", x.line, failed)
		}
	}
	if !errors.Is(err, io.EOF) && x.damaged == nil {
		x.damaged = fmt.Errorf("line %d: %w", x.line, err)
	}
	if x.damaged != nil {
		e.partial = true
	}
	return x.damaged
}

// next is a line without its end. The last one comes with io.EOF.
func (x *regReader) next() (string, error) {
	line, err := readLine(x.in)
	x.line++
	if x.read += len(line); x.read > maxRegBytes {
		return "", fmt.Errorf("the file has more than %d MiB", maxRegBytes>>20)
	}
	return line, err
}

func (x *regReader) entry(line string) error {
	switch {
	case strings.TrimSpace(line) == "":
		return nil
	case strings.TrimSpace(strings.TrimPrefix(line, "\ufeff")) == regHeader: // of the next file, put behind this one
		x.current, x.ansi = nil, false
		return nil
	case strings.HasPrefix(line, chosenComment):
		x.partial = true
		return nil
	case strings.HasPrefix(line, absentComment):
		if k := x.open(strings.TrimSpace(strings.TrimPrefix(line, absentComment))); k != nil && len(k.values) == 0 {
			k.absent = true
		}
		x.current = nil
		return nil
	case line[0] == ';':
		return nil
	case line[0] == '[':
		path, ok := strings.CutSuffix(strings.TrimRight(line[1:], " \t"), "]")
		x.current = nil
		if !ok || path == "" {
			return errors.New("the name of a key is cut off")
		}
		if path[0] == '-' {
			return nil // to be deleted where the file is imported; it says nothing of where it is from
		}
		x.current = x.open(path)
		return nil
	}
	name, rest, err := splitName(line)
	if err != nil {
		return err
	}
	v, err := x.value(rest)
	if err != nil || x.current == nil {
		return err
	}
	if x.kept += len(v.data) + len(name); x.kept > maxRegKept {
		return fmt.Errorf("the keys that matter hold more than %d MiB", maxRegKept>>20)
	}
	v.name = name
	i := slices.IndexFunc(x.current.values, func(o value) bool { return strings.EqualFold(o.name, name) })
	switch {
	case v.kind == deleted:
	case i >= 0:
		x.current.values[i] = v
	default:
		x.current.values = append(x.current.values, v)
	}
	return nil
}

// open finds or makes a key. It is nil for one of no interest.
func (x *regReader) open(path string) *exportedKey {
	path = longHive(path)
	if !kept(path) {
		return nil
	}
	lower := strings.ToLower(path)
	k := x.keys[lower]
	if k != nil {
		k.absent = false
		return k
	}
	if x.kept += len(path); x.kept > maxRegKept {
		return nil
	}
	k = &exportedKey{path: path}
	x.keys[lower] = k
	return k
}

func longHive(path string) string {
	hive, rest, below := strings.Cut(path, `\`)
	for _, h := range hives {
		if strings.EqualFold(hive, h[0]) || strings.EqualFold(hive, h[1]) {
			hive = h[1]
		}
	}
	if !below {
		return hive
	}
	return hive + `\` + strings.TrimRight(rest, `\`)
}

// splitName takes the name and the equals sign off a line; "" is the default value.
func splitName(line string) (name, rest string, err error) {
	if rest, ok := strings.CutPrefix(line, "@"); ok {
		if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "="); ok {
			return "", strings.TrimLeft(rest, " \t"), nil
		}
	}
	if line[0] == '"' {
		if name, rest, ok := unquote(line[1:]); ok {
			if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "="); ok {
				return name, strings.TrimLeft(rest, " \t"), nil
			}
		}
	}
	return "", "", errors.New("it is neither a key nor a value")
}

// unquote reads up to the closing quote; ok is false where there is none.
func unquote(text string) (content, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:], true
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), "", false
}

// deleted is no type of Windows: the file would delete the value where it is imported.
const deleted = ^uint32(0)

// value reads what stands behind the equals sign, and the lines that belong to it.
func (x *regReader) value(text string) (value, error) {
	switch {
	case text == "-":
		return value{kind: deleted}, nil
	case strings.HasPrefix(text, `"`):
		return x.quoted(text[1:])
	case strings.HasPrefix(text, "dword:"):
		n, err := strconv.ParseUint(strings.TrimSpace(text[len("dword:"):]), 16, 32)
		if err != nil {
			return value{}, errors.New("a number is not hexadecimal")
		}
		return value{kind: typeNumber, data: binary.LittleEndian.AppendUint32(nil, uint32(n))}, nil
	}
	kind := uint32(typeBinary)
	list, ok := strings.CutPrefix(text, "hex:")
	if !ok {
		var number string
		if number, list, ok = strings.Cut(strings.TrimPrefix(text, "hex("), "):"); ok {
			n, err := strconv.ParseUint(number, 16, 32)
			kind, ok = uint32(n), err == nil && strings.HasPrefix(text, "hex(") && uint32(n) != deleted
		}
	}
	if !ok {
		return value{}, errors.New("a value is of no type that is known")
	}
	return x.hexadecimal(kind, list)
}

// quoted reads a text, which may hold line breaks.
func (x *regReader) quoted(text string) (value, error) {
	var all strings.Builder
	for {
		content, rest, ok := unquote(text)
		all.WriteString(content)
		switch {
		case ok && strings.TrimSpace(rest) != "":
			return value{}, errors.New("something follows a text")
		case ok:
			return textValue("", typeString, all.String()), nil
		case all.Len() > maxRegLine:
			return value{}, fmt.Errorf("a text has more than %d bytes", maxRegLine)
		}
		var err error
		if text, err = x.next(); err != nil && text == "" {
			return value{}, errors.New("a text does not end")
		}
		all.WriteByte('\n')
	}
}

// hexadecimal reads bytes, on lines that end in a backslash but for the last.
func (x *regReader) hexadecimal(kind uint32, list string) (value, error) {
	v := value{kind: kind}
	for {
		more := false
		list, more = strings.CutSuffix(strings.TrimSpace(list), `\`)
		for part := range strings.SplitSeq(list, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			b, err := hex.DecodeString(part)
			if err != nil || len(b) != 1 {
				return value{}, errors.New("a list of bytes is not hexadecimal")
			}
			v.data = append(v.data, b[0])
		}
		if !more {
			break
		}
		if len(v.data) > maxRegLine {
			return value{}, fmt.Errorf("a value has more than %d bytes", maxRegLine)
		}
		var err error
		if list, err = x.next(); err != nil && list == "" {
			return value{}, errors.New("a list of bytes is cut off")
		}
	}
	if x.ansi && (kind == typeExpand || kind == typeList) {
		var runes []rune
		for _, b := range v.data {
			runes = append(runes, rune(b))
		}
		v.data = nil
		for _, u := range utf16.Encode(runes) {
			v.data = binary.LittleEndian.AppendUint16(v.data, u)
		}
	}
	return v, nil
}

// writeReg writes a key as regedit does.
func writeReg(w *strings.Builder, path string, k *key) {
	fmt.Fprintf(w, "\r\n[%s]\r\n", path)
	for _, v := range k.values {
		name := "@"
		if v.name != "" {
			name = quote(v.name)
		}
		text := v.text()
		n, isNumber := v.number()
		switch {
		case v.kind == typeNumber && isNumber:
			fmt.Fprintf(w, "%s=dword:%08x\r\n", name, n)
		case v.kind == typeString && bytes.Equal(textValue("", typeString, text).data, v.data) && !strings.ContainsAny(text, "\r\n"):
			fmt.Fprintf(w, "%s=%s\r\n", name, quote(text))
		default:
			kind := ""
			if v.kind != typeBinary {
				kind = fmt.Sprintf("(%x)", v.kind)
			}
			fmt.Fprintf(w, "%s=hex%s:", name, kind)
			for i, b := range v.data {
				switch {
				case i > 0 && i%20 == 0:
					w.WriteString(",\\\r\n  ")
				case i > 0:
					w.WriteByte(',')
				}
				fmt.Fprintf(w, "%02x", b)
			}
			w.WriteString("\r\n")
		}
	}
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// decodeText makes UTF-8 of what Windows writes: UTF-16 (regedit, reg.exe), UTF-8
// with or without a byte order mark, or bytes of a code page, which readLine
// decodes.
func decodeText(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), len(head) > 1 && head[0] != 0 && head[1] == 0:
		return bufio.NewReader(&utf16Reader{in: in, order: binary.LittleEndian}), nil
	case bytes.HasPrefix(head, []byte("\xfe\xff")), len(head) > 1 && head[0] == 0 && head[1] != 0:
		return bufio.NewReader(&utf16Reader{in: in, order: binary.BigEndian}), nil
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err = in.Discard(3)
		return in, err
	}
	return in, nil
}

type utf16Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	out   []byte
	high  rune // half of a pair
	begun bool
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) < len(p) && len(u.out) < 4096 {
		var b [2]byte
		if _, err := io.ReadFull(u.in, b[:]); err != nil {
			if len(u.out) > 0 {
				break
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return 0, err
		}
		r := rune(u.order.Uint16(b[:]))
		if !u.begun && r == '\ufeff' {
			u.begun = true
			continue
		}
		u.begun = true
		switch {
		case u.high != 0:
			pair := utf16.DecodeRune(u.high, r)
			u.high = 0
			u.out = utf8.AppendRune(u.out, pair)
		case r >= 0xd800 && r < 0xdc00:
			u.high = r
		default:
			u.out = utf8.AppendRune(u.out, r)
		}
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// readLine is a line in UTF-8 without its end, of at most maxRegLine bytes.
func readLine(in *bufio.Reader) (string, error) {
	var all []byte
	for {
		part, err := in.ReadSlice('\n')
		if all = append(all, part...); len(all) > maxRegLine {
			return "", fmt.Errorf("a line has more than %d bytes", maxRegLine)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(all), "\n"), "\r")
		if !utf8.ValidString(text) {
			if decoded, err := codepage.Of([]byte(text)).NewDecoder().String(text); err == nil {
				text = decoded
			}
		}
		return text, err
	}
}
