package sip

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Code is what is known about one number that SIP servers and the client show.
type Code struct {
	Kind     string `json:"kind"`     // ms-diagnostics, sip-status or hresult
	Code     string `json:"code"`     // "4005", "404", "0x80EE006C"
	Name     string `json:"name"`     // symbol or reason text, "" if none is known
	Meaning  string `json:"meaning"`  // in words, "" if the name says all
	Category string `json:"category"` // of an HRESULT or status whose side is at fault, in the article's words; of an ErrorId the component that owns its range
	Remedy   string `json:"remedy"`   // "" if none is known
	Source   string `json:"source"`   // where name and number come from; "unsourced" is said so
	// Fallback marks an answer derived from a range or a rule: the number itself is not in the tables.
	Fallback bool `json:"fallback"`
}

// LookupCode explains a number as people write it: "4005", "ms-diagnostics: 4005;reason=...", "SIP 404", "SIP/2.0 404",
// "0x80EE006C", "80ee006c", an HRESULT in signed or unsigned decimal, a Win32 or WinSock number such as 10060 or
// "10054(WSAECONNRESET)", or a symbol such as RTC_E_SIP_AUTH_TIME_SKEW. Several meanings are returned exact ones first; nil means unknown.
func LookupCode(text string) []Code {
	text = strings.Trim(text, " \t\r\n\"'`.,;:()[]")
	if len(text) > 4096 {
		text = text[:4096]
	}
	lower := strings.ToLower(text)
	if name, value, ok := strings.Cut(text, ":"); ok {
		if d, ok := ParseDiagnostic(strings.TrimSpace(name), value); ok {
			return diagnosticByID(d.ID)
		}
	}
	for _, prefix := range []string{"ms-diagnostics-public", "ms-client-diagnostics", "x-ms-diagnostics", "ms-diagnostics", "errorcode=", "errorid"} {
		if rest, ok := strings.CutPrefix(lower, prefix); ok {
			id, err := strconv.Atoi(leadingDigits(strings.TrimLeft(rest, " :=#")))
			if err != nil {
				return nil
			}
			return diagnosticByID(id)
		}
	}
	for _, prefix := range []string{"sip/2.0", "sip"} {
		if rest, ok := strings.CutPrefix(lower, prefix); ok {
			if n := leadingDigits(strings.TrimLeft(rest, " :/")); len(n) == 3 {
				status, _ := strconv.Atoi(n)
				return statusByNumber(status)
			}
		}
	}
	if i := strings.Index(lower, "0x"); i >= 0 {
		n := i + 2
		for n < len(lower) && hexDigit(lower[n]) {
			n++
		}
		v, err := strconv.ParseUint(lower[i+2:n], 16, 64)
		// A debugger prints HRESULTs sign-extended to 64 bits.
		if err != nil || v>>32 != 0 && v>>32 != 0xFFFFFFFF {
			return nil
		}
		return hresultByValue(uint32(v))
	}
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return numberCodes(text, v)
	}
	if v, err := strconv.ParseUint(text, 16, 32); err == nil && len(text) == 8 {
		return hresultByValue(uint32(v))
	}
	if n := leadingDigits(text); n != "" && len(n) < len(text) && text[len(n)] == '(' {
		v, _ := strconv.ParseInt(n, 10, 64)
		return numberCodes(n, v)
	}
	return codesByName(text)
}

// numberCodes explains a bare decimal number, which may be an ErrorId, a status, a Win32 error or an HRESULT.
func numberCodes(text string, v int64) []Code {
	var out []Code
	switch {
	case v < 0 && v >= -1<<31:
		return hresultByValue(uint32(int32(v)))
	case v >= 1<<31 && v < 1<<32:
		return hresultByValue(uint32(v))
	case v < 0 || v >= 1<<31:
		return nil
	case v >= 100 && v <= 699:
		out = statusByNumber(int(v))
	}
	ids := diagnosticByID(int(v))
	if len(ids) > 0 && !ids[0].Fallback {
		out = append(out, ids...)
	}
	if v >= 1000 && v <= 0xFFFF {
		if c, ok := tableHresult(0x80070000 | uint32(v)); ok {
			out = append(out, c)
		}
	}
	if len(text) == 8 && text[0] == '8' { // 80004005 is hexadecimal, nobody's ErrorId
		if h, err := strconv.ParseUint(text, 16, 32); err == nil {
			if found := hresultByValue(uint32(h)); len(found) > 0 {
				return append(out, found...)
			}
		}
	}
	if len(ids) > 0 && ids[0].Fallback && (v < 100 || v > 699) {
		out = append(out, ids...)
	}
	order := func(a, b Code) int {
		if a.Fallback == b.Fallback {
			return 0
		}
		if b.Fallback {
			return -1
		}
		return 1
	}
	sort.SliceStable(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out
}

func diagnosticByID(id int) []Code {
	table := diagnosticCodes()
	component := diagnosticComponent(id)
	i, ok := slices.BinarySearchFunc(table, id, func(c diagnosticCode, id int) int { return cmp.Compare(c.id, id) })
	if ok {
		c := table[i]
		return []Code{{Kind: "ms-diagnostics", Code: strconv.Itoa(id), Name: c.reason, Meaning: c.meaning, Category: component, Remedy: c.remedy, Source: c.source}}
	}
	if component == "" {
		return nil
	}
	return []Code{{Kind: "ms-diagnostics", Code: strconv.Itoa(id), Meaning: "an error of the component that owns this range of numbers: " + component,
		Category: component, Source: "Office Communications Server: error identifiers (bb964037); [MS-OCER]", Fallback: true}}
}

// diagnosticComponent names the owner of an ErrorId's range, "" outside all ranges.
func diagnosticComponent(id int) string {
	for _, r := range diagnosticRanges {
		if id >= r.low && id <= r.high {
			return r.component
		}
	}
	return ""
}

func statusByNumber(status int) []Code {
	if status < 100 || status > 699 {
		return nil
	}
	table := statusCodes()
	if i := slices.IndexFunc(table, func(c statusCode) bool { return c.status == status }); i >= 0 {
		c := table[i]
		return []Code{{Kind: "sip-status", Code: strconv.Itoa(status), Name: c.name, Meaning: c.meaning, Category: c.category, Source: c.source}}
	}
	class := [...]string{"provisional", "success", "redirection", "request failure", "server failure", "global failure"}[status/100-1]
	return []Code{{Kind: "sip-status", Code: strconv.Itoa(status), Meaning: "an unlisted status of the class " + class, Source: "RFC 3261 section 7.2", Fallback: true}}
}

func tableHresult(v uint32) (Code, bool) {
	table := hresultCodes()
	i, ok := slices.BinarySearchFunc(table, v, func(c hresultCode, v uint32) int { return cmp.Compare(c.value, v) })
	if !ok {
		return Code{}, false
	}
	c := table[i]
	return Code{Kind: "hresult", Code: fmt.Sprintf("0x%08X", v), Name: c.name, Meaning: c.meaning, Category: c.category, Source: c.source}, true
}

func hresultByValue(v uint32) []Code {
	if c, ok := tableHresult(v); ok {
		return []Code{c}
	}
	// rtcerr.h: 0x80EF0000 is FACILITY_SIP_STATUS_CODE with the status in the low word; 0x00EF0000 is its success form.
	if v>>16 == 0x80EF || v>>16 == 0x00EF {
		found := statusByNumber(int(v & 0xFFFF))
		for i := range found {
			found[i].Kind = "hresult"
			found[i].Code = fmt.Sprintf("0x%08X", v)
			found[i].Meaning = strings.TrimSuffix(fmt.Sprintf("SIP status %d: %s", v&0xFFFF, found[i].Meaning), ": ")
			found[i].Source = "Windows SDK: rtcerr.h (0x80EF0000 + SIP status)"
		}
		return found
	}
	// The Lync SDK shows RTC errors without their severity bit.
	if v>>16 == 0x00EE {
		if c, ok := tableHresult(v | 1<<31); ok {
			c.Code, c.Fallback = fmt.Sprintf("0x%08X", v), true
			return []Code{c}
		}
	}
	return nil
}

func codesByName(name string) []Code {
	// Words such as DISCONNECTED are symbols of the WinINet list, and prose.
	if _, wsa := cutPrefixFold(name, "WSA"); !wsa && !strings.Contains(name, "_") {
		return nil
	}
	var out []Code
	for _, c := range hresultCodes() {
		if strings.EqualFold(c.name, name) {
			found, _ := tableHresult(c.value)
			out = append(out, found)
		}
	}
	return out
}

func leadingDigits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n]
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

type statusCode struct {
	status                          int
	name, meaning, category, source string
}

// statusCodes: names of RFC 3261 section 21 unless another RFC is given; categories as in the HRESULT table.
func statusCodes() []statusCode {
	const (
		rfc      = "RFC 3261 section 21"
		rtc      = "RFC 3261 section 21; Windows SDK: rtcerr.h"
		client   = "Client"
		network  = "Network"
		identity = "Identity/authentication"
		service  = "Lync Online service"
	)
	return []statusCode{
		{100, "Trying", "", "", rfc},
		{180, "Ringing", "", "", rfc},
		{181, "Call Is Being Forwarded", "", "", rfc},
		{182, "Queued", "", "", rfc},
		{183, "Session Progress", "", "", rfc},
		{200, "OK", "", "", rfc},
		{202, "Accepted", "", "", "RFC 6665"},
		{300, "Multiple Choices", "", service, rtc},
		{301, "Moved Permanently", "Contact names the server to register with instead", service, rtc},
		{302, "Moved Temporarily", "Contact names the server to register with instead", service, rtc},
		{303, "See Other", "", service, rtc},
		{305, "Use Proxy", "", network, rtc},
		{380, "Alternative Service", "", service, rtc},
		{400, "Bad Request", "", client, rtc},
		{401, "Unauthorized", "normal as the first answer to REGISTER; an error only when it answers credentials", identity, rtc},
		{402, "Payment Required", "", identity, rtc},
		{403, "Forbidden", "ms-diagnostics tells policy (4003, 1001...) from identity (4004)", identity, rtc},
		{404, "Not Found", "user not enabled for SIP or wrong sign-in address", identity, rtc},
		{405, "Method Not Allowed", "", service, rtc},
		{406, "Not Acceptable", "", client, rtc},
		{407, "Proxy Authentication Required", "normal as the first answer; an error only when it answers credentials", identity, rtc},
		{408, "Request Timeout", "no answer from a server further on, or a firewall drops the traffic", network, rtc},
		{409, "Conflict", "", service, "Windows SDK: rtcerr.h"},
		{410, "Gone", "", identity, rtc},
		{411, "Length Required", "", client, "Windows SDK: rtcerr.h"},
		{413, "Request Entity Too Large", "", client, rtc},
		{414, "Request-URI Too Long", "", client, rtc},
		{415, "Unsupported Media Type", "", client, rtc},
		{416, "Unsupported URI Scheme", "", client, rfc},
		{420, "Bad Extension", "", client, rtc},
		{421, "Extension Required", "", client, rfc},
		{423, "Interval Too Brief", "", client, rfc},
		{480, "Temporarily Unavailable", "", service, rtc},
		{481, "Call/Transaction Does Not Exist", "", service, rtc},
		{482, "Loop Detected", "", service, rtc},
		{483, "Too Many Hops", "", service, rtc},
		{484, "Address Incomplete", "", identity, rtc},
		{485, "Ambiguous", "", identity, rtc},
		{486, "Busy Here", "", service, rtc},
		{487, "Request Terminated", "", client, rtc},
		{488, "Not Acceptable Here", "", client, rtc},
		{489, "Bad Event", "", client, "RFC 6665"},
		{491, "Request Pending", "", client, rfc},
		{493, "Undecipherable", "", client, rfc},
		{500, "Server Internal Error", "", service, rtc},
		{501, "Not Implemented", "", service, rtc},
		{502, "Bad Gateway", "", service, rtc},
		{503, "Service Unavailable", "server sheds load or is down", service, rtc},
		{504, "Server Time-out", "domain part of the address wrong, or routing, DNS or TLS failed between servers: see ms-diagnostics", service, rtc},
		{505, "Version Not Supported", "", client, rtc},
		{513, "Message Too Large", "", client, rfc},
		{600, "Busy Everywhere", "", service, rtc},
		{603, "Decline", "", service, rtc},
		{604, "Does Not Exist Anywhere", "", identity, rtc},
		{606, "Not Acceptable", "", client, rtc},
	}
}
