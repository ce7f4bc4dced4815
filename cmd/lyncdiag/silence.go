package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/compare"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// silenceFlags keep findings out of the exit code.
type silenceFlags struct {
	suppressions suppressions
	baseline     string
}

func (s *silenceFlags) register(flags *pflag.FlagSet) {
	cli.Group(flags, cli.SilenceGroup, func(flags *pflag.FlagSet) {
		flags.StringVar(&s.baseline, "baseline", "", "`FILE` of earlier reports, as -o json or ndjson writes them: what they have counts as known")
		flags.Var(&s.suppressions, "suppress", "do not count a finding by its `NAME[=TARGET]`, or several separated by commas; TARGET is a host, domain, address or record, with * for any letters; repeatable")
		flags.Var((*until)(&s.suppressions), "until", "`DATE` to which the --suppress before it last, back to the --until before that")
	})
}

// suppressions is the flag --suppress.
type suppressions []lyncdiag.Suppression

func (s *suppressions) Type() string { return "NAME[=TARGET]" }

func (s *suppressions) String() string {
	var list []string
	for _, x := range *s {
		text := x.String()
		if !x.Until.IsZero() {
			text += " until " + x.Until.Format(time.RFC3339)
		}
		list = append(list, text)
	}
	return strings.Join(list, ",")
}

// Set takes several at once, as an environment variable cannot be repeated. For a comma
// in a target there is the *.
func (s *suppressions) Set(text string) error {
	var list []lyncdiag.Suppression
	for one := range strings.SplitSeq(text, ",") {
		parsed, err := compare.ParseSuppression(one)
		if err != nil {
			return err
		}
		list = append(list, parsed)
	}
	*s = append(*s, list...)
	return nil
}

// until is the flag --until, which ends the suppressions that have no end yet.
type until suppressions

func (u *until) Type() string   { return "DATE" }
func (u *until) String() string { return "" } // suppressions have it

func (u *until) Set(text string) error {
	end, err := compare.ParseUntil(text)
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	open := false
	for i := range *u {
		if s := &(*u)[i]; s.Until.IsZero() {
			s.Until, open = end, true
		}
	}
	if !open {
		return errors.New("there is no --suppress before it that it could end")
	}
	return nil
}

// silence is what the flags led to; it serves several targets.
type silence struct {
	suppressions []lyncdiag.Suppression
	baseline     *compare.Baseline // nil: none
	sum          string            // of the baseline, for a journal
}

func (s *silenceFlags) read(p *program) (*silence, error) {
	read := &silence{suppressions: s.suppressions}
	if s.baseline == "" {
		return read, nil
	}
	hash := sha256.New()
	earlier, err := p.recorded("--baseline "+s.baseline, s.baseline, hash)
	if err != nil {
		return nil, err
	}
	if earlier.Kind != "report" {
		return nil, fmt.Errorf("read --baseline %s: it holds DNS documents; check is held against reports", s.baseline)
	}
	read.baseline = compare.NewBaseline(earlier.Reports, earlier.Notes)
	read.sum = fmt.Sprintf(" baseline sha256:%x", hash.Sum(nil))
	return read, nil
}

// apply marks what does not count.
func (s *silence) apply(r *lyncdiag.Report) {
	if s == nil {
		return
	}
	compare.Suppress(r, s.suppressions, time.Now())
	if s.baseline != nil {
		s.baseline.Mark(r)
	}
}

// recorded reads a file of earlier reports, - for standard input; what is read
// goes to copied as well.
func (p *program) recorded(what, path string, copied io.Writer) (*render.Recorded, error) {
	in, name := p.stdin, "standard input"
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, cli.Cause(err))
		}
		defer file.Close()
		in, name = file, path
	}
	read, err := render.ReadRecorded(name, io.TeeReader(in, copied))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, cli.Cause(errors.Unwrap(err)))
	}
	return read, nil
}
