package sip

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

// clientLog is what the lines of a .uccapilog so far say about the next.
type clientLog struct {
	thread   *thread   // of the last stamped line
	stamp    stampText // of it, as written
	month    [2]byte   // of midnight, as written, and the rest of its date
	day      [8]byte
	midnight time.Time // of the day in stamp

	// A trace line leaves its key here, and thread is looked up when somebody asks.
	keyed     bool
	key       [16]byte
	keyLength int // of the last trace line

	threads   map[string]*thread       // by pid:tid
	recent    [256]*thread             // by the end of their names
	packets   map[string]*packetHeader // interned, by what the line says before its length
	lately    [2]*packetHeader         // read last, in and out
	announced int                      // threads that are in a packet

	inside *openMessage // whose lines begin with prefix
	prefix []byte
}

// packetHeader is what a log says about a packet before the message itself.
type packetHeader struct {
	direction, remote, local string
	text                     string // as written, without its length
}

// thread is one of the client's, which writes packets of its own between those of others.
type thread struct {
	name   string
	packet *packetHeader // announced and not ended; nil outside one
}

// stampForm is how a line of a .uccapilog begins: "MM/DD/YYYY|HH:MM:SS.mmm pid:tid LEVEL :: text".
const stampForm = "00/00/0000|00:00:00.000"

// stampText is a stamp as written, for comparing.
type stampText [3]uint64

// parseStamp reads the time at the start of a line. Most lines repeat that of the line before, or its day at least.
func (l *Log) parseStamp(b []byte) (at time.Time, stamp stampText, ok bool) {
	if len(b) < len(stampForm) {
		return at, stamp, false
	}
	stamp = stampText{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[len(stampForm)-8:])}
	if stamp == l.client.stamp {
		return l.at, stamp, true
	}
	i := 0
	if stamp[0] == l.client.stamp[0] && (stamp[1]^l.client.stamp[1])&0xffffff == 0 {
		i = len("00/00/0000|")
	}
	for ; i < len(stampForm); i++ {
		if stampForm[i] == '0' {
			if b[i] < '0' || b[i] > '9' {
				return at, stamp, false
			}
		} else if b[i] != stampForm[i] {
			return at, stamp, false
		}
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	if day := [8]byte(b[2:10]); day != l.client.day || [2]byte(b) != l.client.month {
		midnight, ok := clock(b[6:10], b[0:2], b[3:5], []byte("00"), []byte("00"), []byte("00"), []byte("000"))
		if !ok {
			return at, stamp, false
		}
		l.client.day, l.client.month, l.client.midnight = day, [2]byte(b), midnight
	}
	h, m, s := two(11), two(14), two(17)
	if h > 23 || m > 59 || s > 60 {
		return at, stamp, false
	}
	ms := ((h*60+m)*60+s)*1000 + int(b[20]-'0')*100 + two(21)
	return l.client.midnight.Add(time.Duration(ms) * time.Millisecond), stamp, true
}

// stampedLine handles a line with the prefix of a .uccapilog; what follows the time may be missing.
func (l *Log) stampedLine(line []byte) bool {
	at, stamp, ok := l.parseStamp(line)
	if !ok {
		return false
	}
	b := line[len(stampForm):]
	if len(b) > 0 && !blank(b[0]) && b[0] != '\r' && b[0] != '\n' {
		return false
	}
	if stamp != l.client.stamp || l.sum.Format != "uccapilog" {
		l.see(at, false, "uccapilog")
		l.client.stamp = stamp
	}
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	// The key of the line before comes again, more often than not.
	if n := len(l.client.thread.name); n > 0 && len(b) > n && b[n] == ' ' && string(b[:n]) == l.client.thread.name {
		b = b[n+1:]
	} else if i := bytes.IndexByte(b[:min(len(b), 40)], ' '); i > 0 {
		l.client.thread, b = l.threadOf(b[:i]), b[i+1:]
	} else {
		l.client.thread = l.threadOf(nil)
	}
	level := levelNone
	if len(b) > 8 && b[6] == ':' && b[7] == ':' {
		level = binary.LittleEndian.Uint64(b) & (1<<48 - 1)
		b = b[8:]
	} else if i := bytes.Index(b[:min(len(b), 24)], []byte("::")); i >= 0 {
		name := [8]byte{' ', ' ', ' ', ' ', ' ', ' '}
		copy(name[:6], bytes.TrimSpace(b[:i]))
		level = binary.LittleEndian.Uint64(name[:])
		b = b[i+2:]
	}
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	switch byte(level) {
	case 'I':
		l.sum.Levels.Info++
	case 'T':
		l.sum.Levels.Trace++
	default:
		l.sum.Levels.Other++
	}
	l.stamped(level, b)
	if m := l.last; m != nil && m.framed && !m.raw && m != l.client.inside && byte(level) == 'I' && len(line)-len(b) <= 64 {
		l.client.inside = m
		l.client.prefix = append(l.client.prefix[:0], line[:len(line)-len(b)]...)
	}
	return true
}

// levelNone is the level of a line that names none.
const levelNone uint64 = 0

// traceLine handles the ordinary line between messages, which is trace. It reports whether the line was one; everything else
// is for handle.
func (l *Log) traceLine(line []byte) bool {
	const key = len(stampForm) + 1
	if len(line) < 64 || line[key-1] != ' ' || l.client.announced > 0 || l.skip || l.server.record != nil || l.sipe.packet != nil || l.sum.Format != "uccapilog" {
		return false
	}
	// Keys are nearly always as long as the one before.
	end := key + l.client.keyLength
	if line[end] != ' ' || line[end+8] != ':' {
		end = key
		for end < key+len(l.client.key) && line[end] != ' ' {
			end++
		}
		l.client.keyLength = end - key
	}
	if line[end] != ' ' || line[end+7] != ':' || line[end+8] != ':' || line[end+9] != ' ' {
		return false
	}
	text := line[end+10:]
	switch word := binary.LittleEndian.Uint32(text) | 0x20202020; word {
	case wordSend, wordData, wordEnd, wordSIP:
		return false
	}
	if blank(text[0]) || capitalWord(text) {
		return false
	}
	at, stamp, ok := l.parseStamp(line)
	if !ok {
		return false
	}
	if stamp != l.client.stamp {
		l.see(at, false, "uccapilog")
		l.client.stamp = stamp
	}
	switch line[end+1] {
	case 'I':
		l.sum.Levels.Info++
	case 'T':
		l.sum.Levels.Trace++
	default:
		l.sum.Levels.Other++
	}
	l.client.key, l.client.keyed = [16]byte(line[key:]), true
	l.last = nil
	return true
}

// capitalWord reports whether a line begins with a word in capitals, as the methods of SIP are written.
func capitalWord(line []byte) bool {
	i := 0
	for i < len(line) && line[i] >= 'A' && line[i] <= 'Z' {
		i++
	}
	return i > 0 && i < len(line) && blank(line[i])
}

// The first four letters, small, of the lines that handle has to see.
const (
	wordSend = 's' | 'e'<<8 | 'n'<<16 | 'd'<<24
	wordData = 'd' | 'a'<<8 | 't'<<16 | 'a'<<24
	wordEnd  = 'e' | 'n'<<8 | 'd'<<16 | ' '<<24
	wordSIP  = 's' | 'i'<<8 | 'p'<<16 | '/'<<24
)

// insideLine handles the ordinary line of a message: it begins as the one before it, or has no prefix and belongs to it. It
// reports whether the line was one; everything else is for handle.
func (l *Log) insideLine(m *openMessage, line []byte) bool {
	if m.closed || !m.framed || len(l.queue) != 1 {
		return false
	}
	if m.raw {
		if c := line[0]; c < '<' || c == 'M' || c == 'T' || m.server || l.sipe.packet != nil {
			return false
		}
		l.add(m, line)
		return true
	}
	n := len(l.client.prefix)
	if m != l.client.inside || len(line) <= n || string(line[:n]) != string(l.client.prefix) {
		return false
	}
	line = line[n:]
	switch {
	case line[0] == 'E' && bytes.HasPrefix(line, []byte("End of ")) && packetLine(line[len("End of "):]):
		l.sum.Levels.Info++
		l.closeMessage(m)
		l.announce(nil)
		return true
	case line[0] == 'S' && packetLine(line) || line[0] == 'D' && packetLine(line):
		return false
	case m.body >= 0 && m.complete():
		return false
	case m.body < 0 && capitalWord(line) && requestLine(line):
		return false
	}
	m.waits, m.prefixed = 0, true
	l.sum.Levels.Info++
	l.add(m, line)
	return true
}

// stamped handles what follows the prefix; text keeps its line end.
func (l *Log) stamped(level uint64, text []byte) {
	if len(l.queue) == 0 && len(text) > 0 && l.server.record == nil && !l.skip && l.sipe.packet == nil {
		if c := text[0] | 0x20; c != 'e' && c != 's' && c != 'd' && !blank(text[0]) && !requestLine(text) {
			l.last = nil
			return // trace between messages
		}
	}
	if l.server.record != nil || l.skip || l.sipe.packet != nil {
		l.leaveBlocks()
	}
	var own *openMessage
	for _, m := range l.queue {
		if m.closed {
			continue
		}
		if own == nil && !m.bare && m.thread == l.client.thread {
			own = m
			continue
		}
		if m.waits++; m.bare || m.raw && m.complete() || m.waits > maxWaits {
			m.closed = true
		}
	}
	l.last = nil
	if len(text) > 0 && (text[0] == 'E' || text[0] == 'S' || text[0] == 'D') {
		if rest, end := bytes.CutPrefix(text, []byte("End of ")); end && packetLine(rest) {
			l.closeMessage(own)
			l.announce(nil)
			return
		}
		if packetLine(text) {
			l.closeMessage(own)
			l.announce(l.packet(text))
			return
		}
	}
	if own != nil && l.continues(own, level, text) {
		if own.framed && own.level != level {
			return // the same thread's trace between two lines of its packet
		}
		own.prefixed = true
		own.waits = 0
		l.last = own
		l.add(own, text)
		return
	}
	l.closeMessage(own)
	if startLine(text) {
		l.begin(text, l.client.thread.packet).level = level
	}
}

// announce notes that the thread's packet begins, or, with nil, that it has ended.
func (l *Log) announce(h *packetHeader) {
	if l.client.thread.packet != nil && l.client.announced > 0 {
		l.client.announced--
	}
	if l.client.thread.packet = h; h != nil {
		l.client.announced++
	}
}

// packet reads a line that announces one. Those of a connection differ in the length alone.
func (l *Log) packet(text []byte) *packetHeader {
	key := text[:bytes.IndexByte(text, ')')+1]
	if len(key) == 0 || len(key) > 256 {
		key = text[:min(len(text), 1024)]
	}
	last := &l.client.lately[text[0]&1] // 'D' or 'S'
	if h := *last; h != nil && string(key) == h.text {
		return h
	}
	h := l.client.packets[string(key)]
	if h == nil {
		if len(l.client.packets) >= maxInterned {
			clear(l.client.packets)
		}
		text := string(key)
		h = parsePacket(text)
		h.text = text
		l.client.packets[text] = h
	}
	*last = h
	return h
}

// continues reports whether a stamped line of the message's own thread is part of it, in logs that stamp every line.
func (l *Log) continues(m *openMessage, level uint64, text []byte) bool {
	if m.raw {
		return false
	}
	if (m.body < 0 || m.complete()) && startLine(text) {
		return false
	}
	if m.framed || m.prefixed {
		return m.framed || m.level == level
	}
	name, _, ok := cutHeader(string(trimLine(text[:min(len(text), 512)])))
	return ok && knownHeader(name)
}

func (l *Log) threadOf(key []byte) *thread {
	var recent **thread
	if n := len(key); n >= 4 {
		recent = &l.client.recent[binary.LittleEndian.Uint32(key[n-4:])*2654435761>>24]
		if t := *recent; t != nil && t.name == string(key) {
			return t
		}
	}
	t := l.threadNamed(key)
	if recent != nil {
		*recent = t
	}
	return t
}

func (l *Log) threadNamed(key []byte) *thread {
	if t := l.client.threads[string(key)]; t != nil {
		return t
	}
	if len(l.client.threads) >= maxInterned {
		clear(l.client.threads)
		l.client.recent = [256]*thread{}
		l.client.announced = 0
	}
	t := &thread{name: string(key)}
	l.client.threads[t.name] = t
	return t
}

// packetLine reports whether a text announces a packet: "Sending Packet - ..." or "Data Received - ...".
func packetLine(text []byte) bool {
	return bytes.HasPrefix(text, []byte("Sending Packet")) || bytes.HasPrefix(text, []byte("Data Received"))
}

// parsePacket reads "Sending Packet - REMOTE (From Local Address: LOCAL) N bytes:". Addresses are taken by position: their
// exact wording is not documented.
func parsePacket(s string) *packetHeader {
	s = strings.TrimSpace(s)
	h := &packetHeader{direction: "in"}
	if strings.HasPrefix(s, "Sending") {
		h.direction = "out"
	}
	if _, after, ok := strings.Cut(s, " - "); ok {
		h.remote, _, _ = strings.Cut(strings.TrimSpace(after), " ")
	}
	if _, after, ok := strings.Cut(s, "Local Address:"); ok {
		h.local, _, _ = strings.Cut(after, ")")
		h.local = strings.TrimSpace(h.local)
	}
	h.remote, h.local = strings.ToValidUTF8(h.remote, "\uFFFD"), strings.ToValidUTF8(h.local, "\uFFFD")
	return h
}
