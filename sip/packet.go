package sip

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
)

// ordinaryLines handles what most of a .uccapilog is, at the start of b: trace between messages, and then one packet that lies
// in it as the client wrote it. It returns their size. Whatever is otherwise is for handle, to which they would be the same.
func (l *Log) ordinaryLines(b []byte) int {
	if len(l.queue) > 0 || l.client.announced > 0 || l.sum.Format != "uccapilog" || l.skip || l.server.record != nil || l.sipe.packet != nil {
		return 0
	}
	size := l.traceLines(b)
	return size + l.wholePacket(b[size:])
}

const keyAt = len(stampForm) + 1 // where the pid:tid of a line begins

// traceLines handles the trace between messages.
func (l *Log) traceLines(b []byte) (size int) {
	c := &l.client
	space := keyAt + c.keyLength
	lines, last, levels := 0, -1, l.sum.Levels
	for {
		n := bytes.IndexByte(b[size:], '\n') + 1
		if n < 64 {
			break
		}
		line := b[size : size+n]
		// Keys are nearly always as long as the one before.
		if !ordinaryPrefix(line, space) {
			space = keyEnd(line)
			c.keyLength = space - keyAt
			if !ordinaryPrefix(line, space) {
				break
			}
		}
		if !traceText(line[space+10:]) || stampOf(line) != c.stamp && !l.seeStamp(line) {
			break
		}
		levels.count(line[space+1])
		last = size
		size += n
		lines++
	}
	if last >= 0 {
		c.key, c.keyed = [16]byte(b[last+keyAt:]), true
		l.last = nil
		l.sum.Levels = levels
		l.line += lines
		l.offset += int64(size)
	}
	return size
}

// keyEnd returns where the key of a line ends that has at least 64 bytes; keys are 14 bytes long at most.
func keyEnd(line []byte) int {
	end := keyAt
	for end < keyAt+14 && line[end] != ' ' {
		end++
	}
	return end
}

// ordinaryPrefix reports whether a line of at least 64 bytes whose key ends at space has the prefix of a .uccapilog as every
// version writes it: the level follows the space, and the text 9 bytes after it. The stamp is not looked at.
func ordinaryPrefix(line []byte, space int) bool {
	rest := line[space : space+10]
	const signs, mask = ' ' | ':'<<56, 0xff | 0xff<<56
	return binary.LittleEndian.Uint64(rest)&mask == signs && rest[8] == ':' && rest[9] == ' ' && line[keyAt-1] == ' '
}

// traceText reports whether a text of at least 8 bytes has nothing to do with SIP: neither a word of a packet's frame nor one
// in capitals, as the methods are, begins it.
func traceText(text []byte) bool {
	w := binary.LittleEndian.Uint64(text)
	if telling[wordHash(uint32(w))] {
		switch uint32(w) | 0x20202020 {
		case 's' | 'e'<<8 | 'n'<<16 | 'd'<<24, 'd' | 'a'<<8 | 't'<<16 | 'a'<<24, 'e' | 'n'<<8 | 'd'<<16 | ' '<<24, 's' | 'i'<<8 | 'p'<<16 | '/'<<24:
			return false
		}
	}
	// The first byte that is no capital has the lowest of these bits.
	const each, high = 0x0101010101010101, 0x8080808080808080
	others := (^((w | high) - 'A'*each) | ((w | high) - ('Z'+1)*each) | w) & high
	if others == 0 {
		return !capitalWord(text)
	}
	return !blank(byte(w >> (bits.TrailingZeros64(others) - 7)))
}

// capitalWord reports whether a line begins with a word in capitals.
func capitalWord(line []byte) bool {
	i := 0
	for i < len(line) && line[i] >= 'A' && line[i] <= 'Z' {
		i++
	}
	return i > 0 && i < len(line) && blank(line[i])
}

// wholePacket handles a packet that is whole in b: its announcement, one message, and its end. All stamped lines are of one
// moment, trace may stand between them, and the lines of the message have the announcement's prefix, or, after the first,
// none. It returns the packet's size, and 0 if anything is otherwise.
func (l *Log) wholePacket(b []byte) int {
	c := &l.client
	size := bytes.IndexByte(b, '\n') + 1
	if size < 64 || l.tree != nil {
		return 0
	}
	announcement := b[:size]
	space := keyEnd(announcement)
	if !ordinaryPrefix(announcement, space) || announcement[space+1] != 'I' || !packetLine(announcement[space+10:]) ||
		stampOf(announcement) != c.stamp && !l.seeStamp(announcement) {
		return 0
	}
	prefix := announcement[:space+10]
	first, ok := bytes.CutPrefix(b[size:], prefix)
	n := bytes.IndexByte(first, '\n') + 1
	if !ok || n == 0 {
		return 0
	}
	first = first[:n]
	c.thread, c.keyed = l.threadOf(prefix[keyAt:space]), false
	m := l.newMessage(first, l.packet(announcement[len(prefix):]))
	m.Line, m.Offset = l.line+2, l.offset+int64(size)
	m.size, m.buf = n, append(m.buf, first...)
	size += len(prefix) + n
	if m.start != nil || startLine(first) {
		if n := l.packetLines(m, b[size:], prefix); n > 0 {
			size += n
			l.offset += int64(size)
			l.last, m.closed = nil, true
			l.queue = append(l.queue, m)
			return size
		}
	}
	l.spare = append(l.spare, m)
	return 0
}

// packetLines adds to m what follows its first line in a packet, and returns the size of that, with the packet's end. It is 0
// if b does not hold all of it, or something is not ordinary.
func (l *Log) packetLines(m *openMessage, b, prefix []byte) int {
	var trace Levels      // the lines between those of the message
	waits, waited := 0, 0 // lines of other threads in a row, and how many texts come before them
	texts := l.client.texts[:0]
	words := wordsOf(prefix)
	for at, end := 0, 0; ; at = end {
		stamped := len(b)-at >= len(prefix) && words.equal(b[at:at+len(prefix)])
		if stamped {
			at += len(prefix)
		}
		n := bytes.IndexByte(b[at:], '\n') + 1
		if n == 0 {
			return 0
		}
		end = at + n
		line := b[at:end]
		if m.body < 0 && stamped != m.raw && dullHeader(line) {
			texts = append(texts, span{at, end})
			m.size += n
			continue
		}
		switch {
		case stamped && (n < 8 || traceText(line)):
			if m.raw {
				return 0
			}
		case stamped && packetEnd(line):
			if m.body < 0 || m.size > cmp.Or(max(l.MaxMessage, 0), maxMessage) {
				return 0
			}
			if m.keep {
				for _, t := range texts {
					m.buf = append(m.buf, b[t.start:t.end]...)
				}
			}
			l.client.texts = texts
			l.line += 3 + len(texts) + trace.Info + trace.Trace + trace.Other
			if trace.Info += 3; !m.raw {
				trace.Info += len(texts)
			}
			l.sum.Levels.add(trace)
			return end
		case stamped:
			if m.raw || m.startsAnother(line) {
				return 0
			}
		case line[0] >= '0' && line[0] <= '9':
			if n < 64 || stampOf(line) != l.client.stamp {
				return 0
			}
			space := keyEnd(line)
			own := string(line[keyAt:space]) == string(prefix[keyAt:len(prefix)-10])
			if !ordinaryPrefix(line, space) || !traceText(line[space+10:]) || m.raw && (own || m.complete()) {
				return 0
			}
			trace.count(line[space+1])
			if !own {
				if !m.raw && waited != len(texts) {
					waits, waited = 0, len(texts)
				}
				if waits++; waits > maxWaits {
					return 0
				}
			}
			continue
		case !m.raw && len(texts) > 0, line[0] < '<' && line[0] != '\r' && line[0] != '\n', bytes.HasPrefix(line, []byte("TL_")), bytes.HasPrefix(line, []byte("MESSAGE ")):
			return 0
		default:
			m.raw = true
		}
		texts = append(texts, span{at, end})
		if m.size += n; m.body >= 0 {
			m.bodyLine(line)
		} else {
			l.headerLine(m, line)
		}
	}
}

// wordsText is a text of 32 to 48 bytes, for comparing without a call; a prefix has 34 to 48, see keyEnd.
type wordsText [6]uint64

func wordsOf(b []byte) (w wordsText) {
	n := len(b)
	for i, at := range [...]int{0, 8, 16, 24, n - 16, n - 8} {
		w[i] = binary.LittleEndian.Uint64(b[at:])
	}
	return w
}

// equal reports whether a text is w, which has its length. The end comes first: that is where most differ.
func (w *wordsText) equal(b []byte) bool {
	n := len(b)
	return binary.LittleEndian.Uint64(b[n-8:]) == w[5] && binary.LittleEndian.Uint64(b) == w[0] && binary.LittleEndian.Uint64(b[8:]) == w[1] &&
		binary.LittleEndian.Uint64(b[16:]) == w[2] && binary.LittleEndian.Uint64(b[24:]) == w[3] && binary.LittleEndian.Uint64(b[n-16:]) == w[4]
}

// span is a part of a text.
type span struct{ start, end int }

// dullHeader reports whether a line is a header that headerLine takes nothing from. It may say no of others.
func dullHeader(line []byte) bool {
	return len(line) >= 8 && line[0] >= 'A' && line[1] >= 'a' && !telling[wordHash(binary.LittleEndian.Uint32(line))]
}

// telling has, by hash, the first four letters of the lines that frame a packet, begin a message, or are read by headerLine. Other
// words may share one. Names with another character than a small letter in the second place are told by that.
var telling = func() (set [256]bool) {
	for _, word := range []string{"send", "data", "end ", "sip/", "cseq", "cont", "date", "ms-d", "ms-c"} {
		set[wordHash(binary.LittleEndian.Uint32([]byte(word)))] = true
	}
	return set
}()

func wordHash(word uint32) uint8 { return uint8((word | 0x20202020) * 374761393 >> 24) }

// packetEnd reports whether a text ends a packet.
func packetEnd(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("End of "))
	return ok && packetLine(rest)
}

// startsAnother reports whether a text, where a line of m is looked for, begins another packet or message.
func (m *openMessage) startsAnother(text []byte) bool {
	return packetLine(text) || (m.body < 0 || m.complete()) && startsMessage(text)
}
