package fact

import "github.com/lyncdiag/go-lyncdiag/sip"

// LogFile is one log that was read, and how far.
type LogFile struct {
	Path string `json:"path"` // as given; a member of an archive after a "!"
	sip.Summary
}
