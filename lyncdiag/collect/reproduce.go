package collect

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

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
	before [sha256.Size]byte // of up to tail bytes before the offset
}

// tail holds the times of some ten messages, so that no two logs have the same.
const tail = 4 << 10

// LogEnds is where the logs end that the paths name, for Collector.Since.
func LogEnds(paths []string) []LogEnd {
	var ends []LogEnd
	texts, _ := bundle.Logs{Paths: paths}.Texts()
	for _, t := range texts {
		if t.Bytes <= 0 {
			continue // all of it is new, or nobody knows
		}
		if before, err := hashBefore(t, t.Bytes); err == nil {
			ends = append(ends, LogEnd{t.Path, t.Bytes, before})
		}
	}
	return ends
}

// hashBefore is the hash of what stands before an offset of a log.
func hashBefore(t bundle.Text, offset int64) (h [sha256.Size]byte, err error) {
	in, err := t.Open()
	if err != nil {
		return h, err
	}
	defer in.Close()
	length := min(offset, tail)
	if err := skip(in, offset-length); err != nil {
		return h, err
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(in, b); err != nil {
		return h, err
	}
	return sha256.Sum256(b), nil
}

// windowStart is where a log goes on after it ended then; 0: it is none of those.
func windowStart(t bundle.Text, ends []LogEnd) (start int64) {
	for _, e := range ends {
		same := e.path == t.Path
		if e.offset > t.Bytes || e.offset <= start && !same {
			continue
		}
		if before, err := hashBefore(t, e.offset); err == nil && before == e.before {
			start = e.offset
			if same {
				break
			}
		}
	}
	return start
}
