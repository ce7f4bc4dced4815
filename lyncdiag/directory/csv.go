package directory

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// readCSV reads what Export-Csv writes: with or without the line #TYPE, with
// the separator of any country. Cells are texts, and nested values are gone.
func readCSV(text *bufio.Reader, emit func(*node) error) error {
	in := &bounded{in: text}
	in.next()
	var types []string
	buffered := bufio.NewReader(in)
	comma := rune(0)
	for {
		line, err := firstLine(buffered)
		if err != nil {
			return err
		}
		if name, ok := strings.CutPrefix(line, "#TYPE "); ok {
			types = []string{strings.TrimSpace(name)}
			continue
		}
		if sep, ok := strings.CutPrefix(line, "sep="); ok && len(sep) == 1 {
			comma = rune(sep[0]) // Excel
			continue
		}
		names, c, err := columns(line, comma)
		if err != nil {
			return err
		}
		return rows(in, buffered, names, c, types, emit)
	}
}

// firstLine reads a line that is not empty.
func firstLine(r *bufio.Reader) (string, error) {
	for {
		line, err := r.ReadString('\n')
		if text := strings.TrimRight(line, "\r\n"); strings.TrimSpace(text) != "" {
			return text, nil
		}
		if err != nil {
			return "", ended(err)
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("there is no object in it")
	}
	return err
}

// columns reads the line of names with the separator that finds most of them.
func columns(line string, comma rune) (names []string, by rune, err error) {
	commas := []rune{',', ';', '\t', '|'}
	if comma != 0 {
		commas = []rune{comma}
	}
	for _, c := range commas {
		r := csv.NewReader(strings.NewReader(line))
		r.Comma, r.LazyQuotes = c, true
		found, e := r.Read()
		if e == nil && len(found) > len(names) {
			names, by = found, c
		}
	}
	if len(names) == 0 {
		return nil, 0, errors.New("its first line names no columns")
	}
	if slices.ContainsFunc(names, formatted) {
		return nil, 0, errFormatted
	}
	return names, by, nil
}

func rows(in *bounded, text io.Reader, names []string, comma rune, types []string, emit func(*node) error) error {
	r := csv.NewReader(text)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = comma, true, -1, true
	for {
		in.next()
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return fmt.Errorf("line %d is no CSV: %w", wrong.Line, wrong.Err)
		}
		if err != nil {
			return err
		}
		n := &node{form: object, types: types}
		for i, name := range names {
			if i < len(record) && name != "" {
				n.set(name, cell(record[i]))
			}
		}
		if err := emit(n); err != nil {
			return err
		}
	}
}

// cell is a value that became text.
func cell(s string) *node {
	if placeholder(s) {
		return &node{form: dropped, text: s}
	}
	return text(strings.Clone(s))
}

// formatted knows the objects of Format-List and Format-Table, which somebody
// exported in place of the data.
func formatted(name string) bool {
	return strings.EqualFold(name, "ClassId2e4f51ef21dd47e99d3c952918aff9cd")
}

var errFormatted = errors.New("it holds what Format-List or Format-Table made for the screen, and no data; leave that command out and export again")
