package fact

import (
	"time"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

// LogFile is one log that was read, and how far.
type LogFile struct {
	Path string `json:"path"` // as given; a member of an archive after a "!"
	sip.Summary
	// Rotated reports that the file got another name, was removed or was cut to nothing
	// while it was followed; what was begun under its name then is the next of the list.
	Rotated bool `json:"rotated,omitempty"`
	// Federation are answers to other requests than REGISTER with diagnostics of
	// what failed between servers or organizations, each number once.
	Federation []FederationError `json:"federation,omitempty"`
}

// FederationError is a number of diagnostics and how often it comes.
type FederationError struct {
	ID     int    `json:"id"`
	Detail string `json:"detail"` // of the first, "504 Server time-out, ms-diagnostics 1008"
	Line   int    `json:"line"`   // of the first
	Count  int    `json:"count"`
}

// LogStep is a step before any REGISTER, as a log tells it.
type LogStep struct {
	File string    `json:"file"`
	Line int       `json:"line"`
	At   time.Time `json:"at"` // zero where the log does not say
	sip.Step
}
