package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// choice is a flag with a fixed set of values.
type choice struct {
	allowed []string
	value   string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "word" }

func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return fmt.Errorf("%q is not one of %s%s", value, strings.Join(c.allowed, ", "), didYouMean(value, c.allowed))
	}
	c.value = value
	return nil
}

// didYouMean is the end of an error message, "" when nothing is near.
func didYouMean(typed string, names []string) string {
	if nearest := suggest(typed, names); nearest != "" {
		return fmt.Sprintf("; did you mean %q?", nearest)
	}
	return ""
}

// suggest is the name that was probably meant, "" when none is near. A name may
// be cut short.
func suggest(typed string, names []string) string {
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
