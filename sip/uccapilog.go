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
	texts     []span                   // the lines of a packet, without their prefixes
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
	if stamp[0] == c.stamp[0] {
		switch {
		case stamp[1] == c.stamp[1]:
			i = len("00/00/0000|00:00")
		case (stamp[1]^c.stamp[1])&0xffffff == 0:
			i = len("00/00/0000|")
		}
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
	l.sum.Levels.count(byte(level))
	l.stamped(level, b)
	return true
}

// levelNone is the level of a line that names none.
const levelNone uint64 = 0

// stamped handles what follows the prefix; text keeps its line end.
func (l *Log) stamped(level uint64, text []byte) {
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
	if h := l.client.thread.packet; h != nil && startLine(text) || startsMessage(text) {
		l.begin(text, h).level = level
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
	last := &l.client.lately[text[0]&1] // 'D' or 'S'
	if h := *last; h != nil && len(text) > len(h.text) && string(text[:len(h.text)]) == h.text && h.text[len(h.text)-1] == ')' {
		return h
	}
	key := text[:bytes.IndexByte(text, ')')+1]
	if len(key) == 0 || len(key) > 256 {
		key = text[:min(len(text), 1024)]
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
	if (m.body < 0 || m.complete()) && startsMessage(text) {
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
