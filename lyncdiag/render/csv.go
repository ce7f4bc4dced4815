package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// table is a page that has a rendering as rows, one for each target.
type table interface {
	columns() []string
	rows() [][]string
}

// listing is a page with one list that its rows are made from.
type listing interface{ listed() any }

func (d *autodiscoverDoc) listed() any       { return d.Hops }
func (d *mexDoc) listed() any                { return d.Endpoints }
func (d *federationMetadataDoc) listed() any { return d.SigningCertificates }
func (d *certDoc) listed() any               { return d.Chain }
func (d *sipDoc) listed() any                { return d.Challenges }
func (d *proxyDoc) listed() any              { return d.Components }
func (d *explainDoc) listed() any            { return d.Matches }
func (d *catalogueDoc) listed() any          { return d.Findings }
func (d *faultsDoc) listed() any             { return d.Faults }
func (d *answersDoc) listed() any            { return d.Answers }
func (d *logDoc) listed() any                { return d.Attempts }

// ofStructs are a list of wire structs as columns and rows.
func ofStructs(list any) (columns []string, rows [][]string) {
	v := reflect.ValueOf(list)
	for name := range columnsOf(reflect.Zero(v.Type().Elem())) {
		columns = append(columns, name)
	}
	for i := range v.Len() {
		var row []string
		for _, value := range columnsOf(v.Index(i)) {
			row = append(row, cell(value))
		}
		rows = append(rows, row)
	}
	return columns, rows
}

func writeCSV(w io.Writer, p page, o Options) error {
	out := csv.NewWriter(w)
	var columns []string
	var rows [][]string
	if t, ok := p.(table); ok {
		columns, rows = t.columns(), t.rows()
	} else {
		columns, rows = ofStructs(p.(listing).listed())
	}
	if !o.Headless {
		rows = append([][]string{columns}, rows...)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = inert(clean(row[i])) // a line break in a cell is more than most readers of CSV expect
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("render: write rows: %w", err)
	}
	return nil
}

// inert is a cell that no spreadsheet takes for a formula: what logs and servers
// say would run there. A number stays what it is, and so does a telephone number of
// digits, alone or before a domain: none of them runs anything, and a list of
// addresses is read back as it was.
func inert(cell string) string {
	text := strings.TrimLeft(cell, " ")                              // some skip it, and a tab has become one
	if strings.IndexAny(text, "=+-@\uff1d\uff0b\uff0d\uff20") != 0 { // as wide as Japanese has them, too
		return cell
	}
	const digits = "0123456789"
	number, domain, address := strings.Cut(text[1:], "@")
	whole, part, _ := strings.Cut(number, ".")
	if strings.IndexByte("+-", text[0]) >= 0 && strings.Trim(whole+part, digits) == "" && (!address || whole != "") &&
		strings.Trim(strings.ToLower(domain), digits+"abcdefghijklmnopqrstuvwxyz.-") == "" {
		return cell
	}
	return "'" + cell
}

// aboutFinding are the columns of the finding that a row is about.
func aboutFinding() []string { return []string{"primary", "type", "severity", "confidence", "title"} }

// leading is the finding to name in a row: the one with this name, else the
// first one, which is empty in a row without findings.
func leading(all []finding, name string) finding {
	for _, f := range all {
		if f.Name == name {
			return f
		}
	}
	return append(all, finding{})[0]
}

func (d *reportDoc) columns() []string {
	columns := append([]string{"address", "outcome"}, aboutFinding()...)
	return append(columns, "exitCode", "durationMs", "summary", "silenced")
}

// rows names the primary finding only: a warning does not keep anybody out.
func (d *reportDoc) rows() [][]string {
	f := finding{}
	if d.Verdict.Primary != "" {
		f = leading(d.Findings, d.Verdict.Primary)
	}
	return [][]string{{
		d.Target.Address, d.Verdict.Outcome, d.Verdict.Primary, f.Type, f.Severity, f.Confidence, f.Title,
		strconv.Itoa(d.ExitCode), strconv.FormatInt(d.DurationMs, 10), d.Verdict.Summary, f.silence(),
	}}
}

func (d *batchDoc) columns() []string { return new(reportDoc).columns() }

func (d *batchDoc) rows() [][]string {
	var rows [][]string
	for _, r := range d.Reports {
		rows = append(rows, r.rows()...)
	}
	return rows
}

// statuses are those of a record that a row of DNS counts.
func statuses() []string { return []string{"ok", "missing", "wrong", "error", "extra"} }

func (d *dnsDoc) columns() []string {
	columns := append([]string{"domain"}, statuses()...)
	return append(append(columns, aboutFinding()...), "error")
}

func (d *dnsDoc) rows() [][]string {
	row := []string{d.Domain}
	for _, status := range statuses() {
		n := 0
		for _, r := range d.Records {
			if r.Status == status {
				n++
			}
		}
		row = append(row, strconv.Itoa(n))
	}
	f := leading(d.Findings, "")
	return [][]string{append(row, f.Name, f.Type, f.Severity, f.Confidence, f.Title, d.Error)}
}
