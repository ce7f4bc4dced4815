package collect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
)

// TraceLevel is how much one client of this computer logs.
type TraceLevel struct {
	Client  string // "Lync 2013"
	Setting string // where it is set, as a person finds it
	Now     string // "" where nothing is set
	Full    string // what it is while the sign-in is tried
	// Set sets it; "" removes the setting.
	Set func(value string) error
}

// Reproduce raises the levels while tried waits for the person to have tried again,
// and puts them back whatever becomes of that. Where this fails the error says what has
// to be set by hand.
func Reproduce(levels []TraceLevel, tried func() error) (err error) {
	var raised []TraceLevel
	defer func() {
		for _, l := range raised {
			if failed := l.Set(l.Now); failed != nil {
				err = errors.Join(err, fmt.Errorf("restore %s of %s to %s by hand: %w", l.Setting, l.Client, cmp.Or(l.Now, "not set"), failed))
			}
		}
	}()
	for _, l := range levels {
		if l.Now == l.Full {
			continue
		}
		raised = append(raised, l) // also where setting it fails, for that may be half done
		if err := l.Set(l.Full); err != nil {
			return fmt.Errorf("raise %s of %s: %w", l.Setting, l.Client, err)
		}
	}
	return tried()
}

// LogEnd is where a log ended at some time. It is known again by what stood before it,
// whatever its name is by then: a client renames a full log and begins another.
type LogEnd struct {
	path   string
	offset int64
	before []byte // a hash of up to tail bytes before the offset; nil: they could not be read
}

// Of a log under another name, at least telling bytes before its end must be the same:
// a line with its time. The beginning of a text in UTF-16 is in every such log.
const (
	tail    = 4 << 10
	telling = 256
)

// LogEnds is where the logs end that the paths name, for Collector.Since.
func LogEnds(paths []string) []LogEnd {
	var ends []LogEnd
	texts, _ := bundle.Logs{Paths: paths}.Texts()
	for _, t := range texts {
		if t.Bytes <= 0 {
			continue // all of it is new, or nobody knows
		}
		before, _ := hashBefore(t, t.Bytes)
		ends = append(ends, LogEnd{t.Path, t.Bytes, before})
	}
	return ends
}

// hashBefore is a hash of what stands before an offset of a log.
func hashBefore(t bundle.Text, offset int64) ([]byte, error) {
	in, err := t.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	length := min(offset, tail)
	if err := skip(in, offset-length); err != nil {
		return nil, err
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// endIn finds the end at which a log went on, -1 for none: its own, or else that of the
// longest log that it begins with.
func endIn(t bundle.Text, ends []LogEnd) int {
	own := slices.IndexFunc(ends, func(e LogEnd) bool { return e.path == t.Path })
	if own >= 0 && ends[own].in(t) {
		return own
	}
	found := -1
	for i, e := range ends {
		if e.offset >= telling && e.before != nil && (found < 0 || e.offset > ends[found].offset) && e.in(t) {
			found = i
		}
	}
	return found
}

func (e LogEnd) in(t bundle.Text) bool {
	if e.offset > t.Bytes {
		return false
	}
	if e.before == nil {
		return true // its length is all that is known
	}
	before, err := hashBefore(t, e.offset)
	return err == nil && bytes.Equal(before, e.before)
}
