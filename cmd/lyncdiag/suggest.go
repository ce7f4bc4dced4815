package main

import (
	"fmt"
	"slices"
	"strings"
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

// suggest is the name that was probably meant, "" when none is near.
func suggest(typed string, names []string) string {
	if len(typed) > 64 { // nobody mistypes a name by this much
		return ""
	}
	typed = strings.ToLower(typed)
	best, least := "", max(2, len(typed)/3)+1
	for _, name := range names {
		d := distance(typed, name)
		if len(typed) > 2 && strings.HasPrefix(name, typed) {
			d = min(d, 1)
		}
		if d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// distance is how many letters to add, drop, replace or swap with a neighbour
// (Damerau and Levenshtein, restricted).
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
