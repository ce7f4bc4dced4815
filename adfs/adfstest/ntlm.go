package adfstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"unicode/utf16"

	//lint:ignore SA1019 NTLM rests on it; this is the server that a client is tested against.
	"golang.org/x/crypto/md4"
)

// ntlm is the server's side of Windows authentication: NTLMv2 (MS-NLMP),
// under the name Negotiate too. It proves the password; message integrity and
// channel bindings are not asked for.
type ntlm struct {
	mu         sync.Mutex
	challenges map[string][]byte // by the client's address and port, which are those of one connection
}

// authenticate answers with a challenge until the user has proved the
// password, "" being anybody's.
func (n *ntlm) authenticate(w http.ResponseWriter, r *http.Request, password func(user string) string) (user string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	message, err := base64.StdEncoding.DecodeString(token)
	known := strings.EqualFold(scheme, "Negotiate") || strings.EqualFold(scheme, "NTLM")
	n.mu.Lock()
	defer n.mu.Unlock()
	challenge := n.challenges[r.RemoteAddr]
	delete(n.challenges, r.RemoteAddr)
	switch {
	case err == nil && known && messageType(message) == 1:
		challenge = make([]byte, 8)
		_, _ = rand.Read(challenge) // never fails
		if n.challenges == nil || len(n.challenges) > maxHistory {
			n.challenges = map[string][]byte{}
		}
		n.challenges[r.RemoteAddr] = challenge
		w.Header().Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(challengeMessage(challenge)))
	case err == nil && known && messageType(message) == 3 && challenge != nil:
		if user, ok := proved(message, challenge, password); ok {
			return user, true
		}
		fallthrough
	default:
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", "NTLM")
	}
	w.WriteHeader(http.StatusUnauthorized)
	return "", false
}

const ntlmSignature = "NTLMSSP\x00"

func messageType(b []byte) uint32 {
	if len(b) < 12 || string(b[:8]) != ntlmSignature {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

// challengeMessage is MS-NLMP 2.2.1.2.
func challengeMessage(challenge []byte) []byte {
	const flags = 0x1 | 0x4 | 0x200 | 0x8000 | 0x10000 | 0x80000 | 0x800000 | 0x2000000 | 0x20000000
	target := unicodeBytes("CONTOSO")
	var info bytes.Buffer
	for _, pair := range []struct {
		id    uint16
		value string
	}{{2, "CONTOSO"}, {1, "STS"}, {4, "contoso.example"}, {3, "sts.contoso.example"}, {0, ""}} {
		value := unicodeBytes(pair.value)
		info.Write(binary.LittleEndian.AppendUint16(nil, pair.id))
		info.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(value))))
		info.Write(value)
	}
	const head = 56
	b := []byte(ntlmSignature)
	b = binary.LittleEndian.AppendUint32(b, 2)
	b = field2(b, len(target), head)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, challenge...)
	b = append(b, make([]byte, 8)...)
	b = field2(b, info.Len(), head+len(target))
	b = append(b, 6, 3, 0x80, 0x25, 0, 0, 0, 15) // Windows Server 2012 R2, NTLM revision 15
	b = append(b, target...)
	return append(b, info.Bytes()...)
}

// field2 is a length, the same as a maximum, and an offset.
func field2(b []byte, length, offset int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	return binary.LittleEndian.AppendUint32(b, uint32(offset))
}

// payload is the bytes that a field of a message points to.
func payload(b []byte, at int) []byte {
	if len(b) < at+8 {
		return nil
	}
	length, offset := int(binary.LittleEndian.Uint16(b[at:])), int(binary.LittleEndian.Uint32(b[at+4:]))
	if offset < 0 || offset+length > len(b) {
		return nil
	}
	return b[offset : offset+length]
}

// proved checks the NTLMv2 response of an AUTHENTICATE message (MS-NLMP
// 2.2.1.3 and 3.3.2).
func proved(message, challenge []byte, password func(string) string) (string, bool) {
	response, domain, user := payload(message, 20), payload(message, 28), payload(message, 36)
	if len(response) < 24 || len(user) == 0 {
		return "", false
	}
	name := unicodeText(user)
	secret := password(strings.ToLower(name))
	if secret == "" {
		return name, true
	}
	hash := md4.New()
	hash.Write(unicodeBytes(secret))
	key := mac(hash.Sum(nil), unicodeBytes(strings.ToUpper(name)), domain)
	return name, hmac.Equal(mac(key, challenge, response[16:]), response[:16])
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func unicodeBytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func unicodeText(b []byte) string {
	var units []uint16
	for ; len(b) > 1; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
