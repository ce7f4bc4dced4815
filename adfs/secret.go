package adfs

import (
	"context"
	"fmt"
	"log/slog"
)

// Secret is a password. However it is printed, logged or encoded, a constant
// comes out. The zero value is an empty password.
type Secret struct {
	// A function keeps fmt from reaching the text by reflection, which it does
	// where it cannot call methods: in an unexported field of another struct.
	reveal func() string
}

const hidden = "(secret)"

// NewSecret hides a text.
func NewSecret(text string) Secret { return Secret{func() string { return text }} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Format prints the constant, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// String returns the constant.
func (s Secret) String() string { return hidden }

// MarshalText returns the constant.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns the constant.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Credentials gives a user name and a password for one request. It is called
// right before they are sent, once a request, and told where they go: an https
// URL on a host that the caller named. An error keeps them from being sent.
type Credentials func(ctx context.Context, to string) (userName string, password Secret, err error)
