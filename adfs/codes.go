package adfs

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Code is an error code of the federation leg.
type Code struct {
	// Kind is "aadsts" (the cloud's token service, AADSTSnnnnn), "hresult" (the
	// Sign-In Assistant and RST2.srf, 0xhhhhhhhh) or "adfs" (AD FS and the
	// framework under it, MSISnnnn and IDnnnn).
	Kind string `json:"kind"`
	// Code is written as above.
	Code string `json:"code"`
	// Meaning begins with the symbolic name where one is known.
	Meaning string `json:"meaning"`
	// Category is "identity", "client", "network", "service", or "" for a code
	// that reports no failure.
	Category string `json:"category"`
	// Source says where the meaning is from.
	Source string `json:"source"`
}

// LookupCode returns the known codes that a text names, in the order in which
// they appear, each once; nil if there are none. It finds AADSTS50126,
// MSIS7068 and ID3242 in any case, with or without a space before the digits;
// HRESULTs as 0x80048821, 80048821 or in signed decimal (-2147186655), among
// other words; and a number alone, 50126, if the whole text is that number and
// just one code has it. Codes of the Lync client itself are not known here.
func LookupCode(text string) []Code {
	table := codeTable()
	var found []Code
	add := func(match func(Code) bool) {
		for _, c := range table {
			if match(c) && !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	for i, word := range words {
		word = strings.ToUpper(word)
		for _, name := range codeNames(word, following(words, i)) {
			add(func(c Code) bool { return strings.EqualFold(c.Code, name) })
		}
	}
	if found != nil {
		return found
	}
	number := strings.TrimSpace(text)
	if number == "" || strings.ContainsFunc(number, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil
	}
	add(func(c Code) bool { return c.Kind != "hresult" && strings.TrimLeft(c.Code, "ADIMST") == number })
	if len(found) != 1 {
		return nil
	}
	return found
}

func following(words []string, i int) string {
	if i+1 < len(words) {
		return words[i+1]
	}
	return ""
}

// codeNames returns how the table would spell a word of a text.
func codeNames(word, next string) []string {
	word = strings.TrimRight(word, "-")
	switch word {
	case "AADSTS", "MSIS", "ID":
		return []string{word + next}
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil && n < 0 && n >= -1<<31 {
		return []string{hresult(uint32(n))}
	}
	// A hyphen joins codes to words or to each other: "AADSTS50126-expired".
	names := strings.Split(word, "-")
	for i, name := range names {
		if digits := strings.TrimPrefix(name, "0X"); len(digits) == 8 {
			if n, err := strconv.ParseUint(digits, 16, 32); err == nil {
				names[i] = hresult(uint32(n))
			}
		}
	}
	return names
}

func hresult(n uint32) string {
	s := strings.ToUpper(strconv.FormatUint(uint64(n), 16))
	return "0x" + strings.Repeat("0", 8-len(s)) + s
}
