package fact

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// LogFile is one log that was read, and how far.
type LogFile struct {
	Path string `json:"path"` // as given; a member of an archive after a "!"
	sip.Summary
}

// LogStep is a step before any REGISTER, as a log tells it.
type LogStep struct {
	File string    `json:"file"`
	Line int       `json:"line"`
	At   time.Time `json:"at"` // zero where the log does not say
	sip.Step
}
