package collect

import (
	"cmp"
	"errors"
	"fmt"
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
