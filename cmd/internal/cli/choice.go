package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Choice is a flag with a fixed set of values.
type Choice struct {
	Allowed []string
	Value   string // the default before flags are read
}

// String is the value.
func (c *Choice) String() string { return c.Value }

// Type is what help calls a value.
func (c *Choice) Type() string { return "word" }

// Set takes one of the allowed values.
func (c *Choice) Set(value string) error {
	if !slices.Contains(c.Allowed, value) {
		return fmt.Errorf("%q is not one of %s%s", value, strings.Join(c.Allowed, ", "), DidYouMean(value, c.Allowed))
	}
	c.Value = value
	return nil
}

// DidYouMean is the end of an error message, "" when nothing is near.
func DidYouMean(typed string, names []string) string {
	if nearest := Suggest(typed, names); nearest != "" {
		return fmt.Sprintf("; did you mean %q?", nearest)
	}
	return ""
}

// Suggest is the name that was probably meant, "" when none is near. A name may
// be cut short.
func Suggest(typed string, names []string) string {
	for _, name := range names {
		if len(typed) > 2 && strings.HasPrefix(name, strings.ToLower(typed)) {
			return name
		}
	}
	if near := kb.Nearest(typed, names); len(near) > 0 {
		return near[0]
	}
	return ""
}
