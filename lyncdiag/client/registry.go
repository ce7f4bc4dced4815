package client

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A registryView is read key by key, by the whole path: HKEY_LOCAL_MACHINE\SOFTWARE\...
// A key that is not there is fs.ErrNotExist; errUnknown says that nobody looked.
type registryView interface {
	read(path string) (*key, error)
}

var errUnknown = errors.New("the export does not hold it")

// key is one key of the registry. Names are compared without case.
type key struct {
	values  []value
	subkeys []string
	partial bool // it has values that are not among these
}

func (k *key) value(name string) (value, bool) {
	if k == nil {
		return value{}, false
	}
	i := slices.IndexFunc(k.values, func(v value) bool { return strings.EqualFold(v.name, name) })
	if i < 0 {
		return value{}, false
	}
	return k.values[i], true
}

func (k *key) text(name string) string {
	v, _ := k.value(name)
	return v.text()
}

func (k *key) number(name string) (uint64, bool) {
	v, ok := k.value(name)
	if !ok {
		return 0, false
	}
	return v.number()
}

// The types of values that are looked at.
const (
	typeString = 1
	typeExpand = 2
	typeBinary = 3
	typeNumber = 4
	typeList   = 7
	typeLong   = 11
)

// value is one value as the registry keeps it: texts in UTF-16, numbers
// little-endian.
type value struct {
	name string // "" is the default value
	kind uint32
	data []byte
}

// text is a string, a list joined by semicolons, or a number in decimal.
func (v value) text() string {
	switch v.kind {
	case typeString, typeExpand, typeList:
		units := make([]uint16, len(v.data)/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(v.data[2*i:])
		}
		text := strings.TrimRight(string(utf16.Decode(units)), "\x00")
		if v.kind == typeList {
			return strings.ReplaceAll(text, "\x00", ";")
		}
		text, _, _ = strings.Cut(text, "\x00")
		return text
	}
	if n, ok := v.number(); ok {
		return strconv.FormatUint(n, 10)
	}
	return ""
}

// number is a number, also one that was written as text.
func (v value) number() (uint64, bool) {
	switch {
	case v.kind == typeNumber && len(v.data) == 4:
		return uint64(binary.LittleEndian.Uint32(v.data)), true
	case v.kind == typeLong && len(v.data) == 8:
		return binary.LittleEndian.Uint64(v.data), true
	case v.kind == typeString:
		n, err := strconv.ParseUint(strings.TrimSpace(v.text()), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func textValue(name string, kind uint32, text string) value {
	v := value{name: name, kind: kind}
	for _, u := range utf16.Encode([]rune(text + "\x00")) {
		v.data = binary.LittleEndian.AppendUint16(v.data, u)
	}
	return v
}

// hives are the roots of the registry and their short names.
var hives = [][2]string{
	{"HKLM", "HKEY_LOCAL_MACHINE"}, {"HKCU", "HKEY_CURRENT_USER"}, {"HKU", "HKEY_USERS"},
	{"HKCR", "HKEY_CLASSES_ROOT"}, {"HKCC", "HKEY_CURRENT_CONFIG"},
}

// exported are the keys of .reg files.
type exported struct {
	keys map[string]*exportedKey // by their path in lower case
	// partial: a file was damaged or cut, or says that it holds chosen keys alone. What
	// it does not hold may have been there.
	partial bool
}

type exportedKey struct {
	key
	path   string
	absent bool // the file says that it was not there
}

func (e *exported) read(path string) (*key, error) {
	k, ok := e.keys[strings.ToLower(path)]
	if ok && !k.absent {
		return &k.key, nil
	}
	if ok {
		return nil, fs.ErrNotExist
	}
	// regedit and reg.exe export a key with everything below it.
	for parent := path; ; {
		i := strings.LastIndexByte(parent, '\\')
		if i < 0 {
			return nil, errUnknown
		}
		parent = parent[:i]
		if k, ok := e.keys[strings.ToLower(parent)]; ok && (k.absent || !e.partial) {
			return nil, fs.ErrNotExist
		}
	}
}

// link tells each key what lies below it, in whatever order the files have it.
func (e *exported) link() {
	for _, lower := range slices.Sorted(maps.Keys(e.keys)) {
		k := e.keys[lower]
		if i := strings.LastIndexByte(lower, '\\'); i >= 0 && !k.absent {
			if parent := e.keys[lower[:i]]; parent != nil {
				parent.subkeys = append(parent.subkeys, k.path[i+1:])
			}
		}
	}
}
