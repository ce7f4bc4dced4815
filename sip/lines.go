package sip

import (
	"bytes"
	"io"
)

// blockSize is what one read takes: it fits the second-level cache beside what is made of it.
const blockSize = 256 << 10

// lineReader cuts a text into lines without copying them: reads are large, and only the cut line at a block's end moves.
type lineReader struct {
	r          io.Reader
	buf        []byte
	start, end int // of what is read and not handed out
	nuls       bool
	err        error
	widen      func(io.Reader) io.Reader // decodes what follows the first zero byte; nil: nothing more
}

// next returns the next line with its line end. A line that does not fit the block comes in pieces, of which only the
// last is ended. The bytes are good until the next call.
func (l *lineReader) next() (piece []byte, ended bool, err error) {
	if i := bytes.IndexByte(l.buf[l.start:l.end], '\n'); i >= 0 {
		piece = l.buf[l.start : l.start+i+1]
		l.start += i + 1
		return piece, true, nil
	}
	return l.fill()
}

// trimEnd takes the end off a line.
func trimEnd(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

func (l *lineReader) fill() (piece []byte, ended bool, err error) {
	if l.buf == nil {
		l.buf = make([]byte, blockSize)
	}
	scanned := l.end - l.start
	copy(l.buf, l.buf[l.start:l.end])
	l.start, l.end = 0, scanned
	l.nuls = l.nuls && bytes.IndexByte(l.buf[:l.end], 0) >= 0
	for empty := 0; l.err == nil && l.end < len(l.buf); {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n == 0 && err == nil {
			if empty++; empty == 100 {
				l.err = io.ErrNoProgress
			}
			continue
		}
		if zero := bytes.IndexByte(l.buf[scanned:l.end], 0); zero >= 0 && l.widen != nil {
			l.widenAt(scanned + zero)
			scanned = min(scanned, l.end)
		} else if zero >= 0 {
			l.nuls = true
		}
		if i := bytes.IndexByte(l.buf[scanned:l.end], '\n'); i >= 0 {
			l.start = scanned + i + 1
			return l.buf[:l.start], true, nil
		}
		scanned = l.end
	}
	piece = l.buf[:l.end]
	l.start = l.end
	if len(piece) > 0 && (l.err == nil || l.err == io.EOF) {
		return piece, false, nil
	}
	return piece, false, l.err
}

// widenAt takes back the line with a zero byte, and what comes after it: that part may be UTF-16.
func (l *lineReader) widenAt(zero int) {
	from := bytes.LastIndexByte(l.buf[:zero], '\n') + 1
	l.r = l.widen(io.MultiReader(bytes.NewReader(bytes.Clone(l.buf[from:l.end])), l.r))
	l.end, l.err, l.widen = from, nil, nil
}
