package sip

import (
	"bytes"
	"cmp"
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
	latest   int64     // Log.sum.LastAt in ms of Unix time, if stamp is that time; else 0

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

func stampOf(b []byte) stampText {
	return stampText{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[len(stampForm)-8:])}
}

// seeStamp reads the time at the start of a line, which is no shorter than it and begins unlike the line before. Most repeat its
// day.
func (l *Log) seeStamp(b []byte) bool {
	c := &l.client
	stamp := stampOf(b)
	i := 0
	if stamp[0] == c.stamp[0] && (stamp[1]^c.stamp[1])&0xffffff == 0 {
		i = len("00/00/0000|")
	}
	for ; i < len(stampForm); i++ {
		if stampForm[i] == '0' {
			if b[i] < '0' || b[i] > '9' {
				return false
			}
		} else if b[i] != stampForm[i] {
			return false
		}
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	if day := [8]byte(b[2:10]); day != c.day || [2]byte(b) != c.month {
		midnight, ok := clock(b[6:10], b[0:2], b[3:5], []byte("00"), []byte("00"), []byte("00"), []byte("000"))
		if !ok {
			return false
		}
		c.day, c.month, c.midnight = day, [2]byte(b), midnight
	}
	hour, minute, second := two(11), two(14), two(17)
	if hour > 23 || minute > 59 || second > 60 {
		return false
	}
	ms := int64((hour*60+minute)*60+second)*1000 + int64(b[20]-'0')*100 + int64(two(21))
	at := c.midnight.Add(time.Duration(ms) * time.Millisecond)
	ms += c.midnight.Unix() * 1000
	if since := ms - c.latest; c.latest > 0 && since >= 0 && since <= gapLength.Milliseconds() {
		l.at, l.before, l.sum.LastAt = at, at, at // what see does with the time that comes next
		c.latest = ms
	} else if l.see(at, false, "uccapilog"); at.Equal(l.sum.LastAt) {
		c.latest = ms
	}
	c.stamp = stamp
	return true
}

// stampedLine handles a line with the prefix of a .uccapilog; what follows the time may be missing.
func (l *Log) stampedLine(line []byte) bool {
	if len(line) < len(stampForm) {
		return false
	}
	b := line[len(stampForm):]
	if len(b) > 0 && !blank(b[0]) && b[0] != '\r' && b[0] != '\n' || stampOf(line) != l.client.stamp && !l.seeStamp(line) {
		return false
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

// ordinaryLines handles the lines at the start of b that need no more thought: trace between messages, and what is inside one.
// It returns how many bytes they have; the line after them is for handle.
func (l *Log) ordinaryLines(b []byte) int {
	var size, lines int
	switch {
	case l.skip || l.server.record != nil || l.sipe.packet != nil:
	case l.last != nil && len(l.queue) == 1 && l.last.framed && !l.last.closed:
		size, lines = l.insideLines(l.last, b)
	case len(l.queue) == 0 && l.client.announced == 0 && l.sum.Format == "uccapilog":
		size, lines = l.traceLines(b)
	}
	l.line += lines
	l.offset += int64(size)
	return size
}

// traceLines handles the ordinary lines between messages, which are trace.
func (l *Log) traceLines(b []byte) (size, lines int) {
	const key = len(stampForm) + 1
	c := &l.client
	end := key + c.keyLength
	levels, last := l.sum.Levels, -1
	for {
		line := b[size:]
		n := bytes.IndexByte(line, '\n') + 1
		if n < 64 {
			break
		}
		line = line[:n]
		// Keys are nearly always as long as the one before.
		if line[end] != ' ' || line[end+8] != ':' {
			end = key
			for end < key+len(c.key) && line[end] != ' ' {
				end++
			}
			c.keyLength = end - key
		}
		if line[key-1] != ' ' || line[end] != ' ' || line[end+7] != ':' || line[end+8] != ':' || line[end+9] != ' ' {
			break
		}
		text := line[end+10:]
		if word := binary.LittleEndian.Uint32(text) | 0x20202020; word == wordSend || word == wordData || word == wordEnd || word == wordSIP {
			break
		}
		if blank(text[0]) || capitalWord(text) || stampOf(line) != c.stamp && !l.seeStamp(line) {
			break
		}
		switch line[end+1] {
		case 'I':
			levels.Info++
		case 'T':
			levels.Trace++
		default:
			levels.Other++
		}
		last = size
		size += n
		lines++
	}
	if last >= 0 {
		c.key, c.keyed = [16]byte(b[last+key:]), true
		l.last = nil
		l.sum.Levels = levels
	}
	return size, lines
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

// insideLines handles the ordinary lines of a message: they begin as the one before, or have no prefix and belong to it.
func (l *Log) insideLines(m *openMessage, b []byte) (size, lines int) {
	prefix := l.client.prefix
	if m.raw {
		if m.server || l.tree != nil {
			return 0, 0
		}
		prefix = nil
	} else if m != l.client.inside {
		return 0, 0
	}
	limit := cmp.Or(max(l.MaxMessage, 0), maxMessage)
	for {
		line := b[size:]
		n := bytes.IndexByte(line, '\n') + 1
		if n <= len(prefix) || m.size+n > limit || string(line[:len(prefix)]) != string(prefix) {
			return size, lines
		}
		line = line[len(prefix):n]
		c := line[0]
		switch {
		case c == '\r' && len(line) == 2:
		case m.raw:
			if c < '<' || c == 'M' || c == 'T' {
				return size, lines
			}
		case c == 'E' && bytes.HasPrefix(line, []byte("End of ")) && packetLine(line[len("End of "):]):
			l.sum.Levels.Info++
			l.closeMessage(m)
			l.announce(nil)
			return size + n, lines + 1
		case c == 'S' && packetLine(line), c == 'D' && packetLine(line), m.body >= 0 && m.complete():
			return size, lines
		case m.body < 0 && c >= 'A' && c <= 'Z' && line[1] < 'a' && capitalWord(line) && requestLine(line):
			return size, lines
		}
		size += n
		lines++
		if !m.raw {
			m.waits, m.prefixed = 0, true
			l.sum.Levels.Info++
		}
		if m.body >= 0 {
			l.add(m, line)
			continue
		}
		m.size += len(line)
		m.buf = append(m.buf, line...)
		if len(line) < 8 || c <= '-' || telling(line) {
			l.headerLine(m, line)
		}
	}
}

// telling reports whether headerLine may take something from a line: it is quick and may be wrong in saying so.
func telling(line []byte) bool {
	switch binary.LittleEndian.Uint32(line) | 0x20202020 {
	case 'c' | 's'<<8 | 'e'<<16 | 'q'<<24, 'c' | 'o'<<8 | 'n'<<16 | 't'<<24, 'd' | 'a'<<8 | 't'<<16 | 'e'<<24,
		'm' | 's'<<8 | '-'<<16 | 'd'<<24, 'm' | 's'<<8 | '-'<<16 | 'c'<<24, 'x' | '-'<<8 | 'm'<<16 | 's'<<24:
		return true
	}
	return line[0]|0x20 == 'l' && (line[1] == ':' || blank(line[1]))
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
