package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// maxInput bounds an input in bytes: a CSV export of some hundred thousand
// users with every attribute.
const maxInput = 256 << 20

// maxShown bounds what is repeated of a line that is no target.
const maxShown = 200

// Input is a list of targets.
type Input struct {
	text    []byte // UTF-8
	sum     string
	domains bool
	n       int

	comma   rune // 0: one target a line
	columns columns
	body    int // where the lines of a CSV file begin
	line    int // and their number
}

// ReadAddresses reads sign-in addresses: one a line, or a CSV export with a
// column such as UserPrincipalName, SipAddress, ProxyAddresses or EmailAddress,
// separated by comma, semicolon or tab. The SIP address of a row goes before
// its user principal name, which is then the target's UserName, and that before
// a mail address. Names of columns are compared without regard to case.
//
// Text is UTF-8, or UTF-16 as Windows PowerShell writes it. Empty lines and
// those that begin with # are skipped. It is an error if there is no address in
// the whole input; single lines without one become a [LineError].
func ReadAddresses(r io.Reader) (*Input, error) { return readInput(r, false) }

// ReadDomains is ReadAddresses for domains. It takes a column such as Domain or
// DomainName, else the domains of the addresses, each once.
func ReadDomains(r io.Reader) (*Input, error) { return readInput(r, true) }

func readInput(r io.Reader, domains bool) (*Input, error) {
	in := &Input{domains: domains}
	if err := in.read(r); err != nil {
		return nil, fmt.Errorf("fleet: read input: %w", err)
	}
	return in, nil
}

func (in *Input) read(r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return err
	}
	if len(raw) > maxInput {
		return fmt.Errorf("it is larger than %d bytes", maxInput)
	}
	in.sum = fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
	if in.text, err = decode(raw); err != nil {
		return err
	}
	if err := in.recognise(); err != nil {
		return err
	}
	return in.count()
}

// count looks whether there is a target, and how many.
func (in *Input) count() error {
	seen := map[string]bool{}
	good := 0
	var first error
	for job, err := range in.Jobs() {
		switch {
		case err != nil && first == nil:
			first = err
		case err == nil:
			good++
		}
		seen[job.Key] = true
	}
	in.n = len(seen)
	switch {
	case good > 0:
		return nil
	case first != nil:
		return fmt.Errorf("there is no %s in it: %w", in.noun(), first)
	}
	return fmt.Errorf("there is no %s in it", in.noun())
}

func (in *Input) noun() string {
	if in.domains {
		return "domain"
	}
	return "address"
}

// Len is how many results the input leads to: targets, each once, and lines
// that are none.
func (in *Input) Len() int { return in.n }

// Sum identifies the input by its bytes, for a [Binding].
func (in *Input) Sum() string { return in.sum }

// Jobs are the targets in the order of the input. Every error is a [LineError];
// its job has what the line holds as target, shortened.
func (in *Input) Jobs() iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		for row := range in.rows() {
			job, err := in.job(row)
			if !yield(job, err) {
				return
			}
		}
	}
}

func (in *Input) job(r row) (Job, error) {
	target, err := in.target(r)
	if err == nil {
		key := target.Domain
		if target.Address != "" {
			local, _, _ := strings.Cut(target.Address, "@")
			key = strings.ToLower(local) + "@" + target.Domain
		}
		return Job{Key: key, Line: r.line, Target: target}, nil
	}
	shown := shorten(strings.TrimSpace(r.target))
	if in.domains {
		target = lyncdiag.Target{Domain: shown}
	} else {
		target = lyncdiag.Target{Address: shown}
	}
	return Job{Key: fmt.Sprintf("line %d", r.line), Line: r.line, Target: target}, &LineError{r.line, err}
}

func (in *Input) target(r row) (lyncdiag.Target, error) {
	switch {
	case r.err != nil:
		return lyncdiag.Target{}, r.err
	case len(r.target) > 1024:
		return lyncdiag.Target{}, fmt.Errorf("%d bytes are too long for an %s", len(r.target), in.noun())
	case !utf8.ValidString(r.target):
		return lyncdiag.Target{}, errors.New("it is neither UTF-8 nor UTF-16; save the file as UTF-8")
	}
	if in.domains && !strings.Contains(r.target, "@") {
		domain, err := fact.ParseDomain(r.target)
		return lyncdiag.Target{Domain: domain}, err
	}
	t, err := fact.ParseAddress(r.target)
	if err != nil {
		return t, err
	}
	if in.domains {
		return lyncdiag.Target{Domain: t.Domain}, nil
	}
	if name, err := fact.ParseAddress(r.userName); err == nil && !strings.EqualFold(name.Address, t.Address) {
		t.UserName = name.Address
	}
	return t, nil
}

func shorten(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if runes := []rune(text[:min(len(text), 4*maxShown)]); len(runes) > maxShown {
		return string(runes[:maxShown]) + "..."
	}
	return text
}

// decode makes UTF-8 of UTF-16, by its byte order mark or by the zeros beside
// the first character.
func decode(raw []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), len(raw) > 1 && raw[0] != 0 && raw[1] == 0:
		order = binary.LittleEndian
	case bytes.HasPrefix(raw, []byte("\xfe\xff")), len(raw) > 1 && raw[0] == 0 && raw[1] != 0:
		order = binary.BigEndian
	}
	if order != nil {
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = order.Uint16(raw[2*i:])
		}
		text := make([]byte, 0, len(raw))
		for _, r := range utf16.Decode(units) {
			text = utf8.AppendRune(text, r)
		}
		raw = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, errors.New("it is not text")
	}
	return raw, nil
}

// row is a line as far as it matters.
type row struct {
	line     int
	target   string
	userName string
	err      error
}

func (in *Input) rows() iter.Seq[row] {
	if in.comma == 0 {
		return in.list
	}
	return in.table
}

// list reads one target a line.
func (in *Input) list(yield func(row) bool) {
	n := 0
	for line := range bytes.Lines(in.text) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
			text = text[1 : len(text)-1] // PowerShell quotes every value
		}
		if !yield(row{line: n, target: text}) {
			return
		}
	}
}

// columns are where things are in a CSV file, in the order of preference.
type columns struct {
	names  []string
	target []int
	upn    int // -1: none
}

// known are columns that hold addresses, the better ones first, as the exports
// of Get-CsUser, Get-MsolUser, Get-MgUser, Get-ADUser and Get-Mailbox name
// them. The letters are what is left of a name in lower case.
var known = []string{"sipaddress", "msrtcsipprimaryuseraddress", "sip", "proxyaddresses", "emailaddresses",
	"userprincipalname", "upn", "signinname", "emailaddress", "primarysmtpaddress", "windowsemailaddress", "mail", "email", "address", "user", "target"}

// knownDomains go before them when domains are wanted.
var knownDomains = []string{"domain", "domainname"}

func letters(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.TrimSpace(name)))
}

// recognise tells a CSV file by the names in its first line.
func (in *Input) recognise() error {
	n := 0
	offset := 0
	for line := range bytes.Lines(in.text) {
		n++
		offset += len(line)
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		var widest []string
		for _, comma := range []rune{',', ';', '\t'} {
			names, err := fields(text, comma)
			if err != nil {
				continue
			}
			if c := in.find(names); len(c.target) > 0 {
				in.comma, in.columns, in.body, in.line = comma, c, offset, n+1
				return nil
			}
			if len(names) > len(widest) {
				widest = names
			}
		}
		if len(widest) > 1 && !strings.Contains(text, "@") {
			return fmt.Errorf("none of its columns is known to hold an %s: %s; want one such as UserPrincipalName, SipAddress or EmailAddress",
				in.noun(), shorten(strings.Join(widest, ", ")))
		}
		return nil
	}
	return nil
}

func fields(line string, comma rune) ([]string, error) {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.LazyQuotes, r.TrimLeadingSpace = comma, true, comma != '\t'
	return r.Read()
}

func (in *Input) find(names []string) columns {
	c := columns{names: names, upn: -1}
	wanted := known
	if in.domains {
		wanted = slices.Concat(knownDomains, known)
	}
	for _, name := range wanted {
		at := slices.IndexFunc(names, func(n string) bool { return letters(n) == name })
		if at < 0 {
			continue
		}
		c.target = append(c.target, at)
		if (name == "userprincipalname" || name == "upn") && c.upn < 0 {
			c.upn = at
		}
	}
	return c
}

// table reads CSV. A record whose quotes do not match is read as one line by
// itself, so that it does not take the rest of the file along.
func (in *Input) table(yield func(row) bool) {
	rest, line := in.text[in.body:], in.line
	for len(rest) > 0 {
		r := csv.NewReader(bytes.NewReader(rest))
		r.Comma, r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = in.comma, '#', -1, in.comma != '\t'
		read := 0
		for {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				break
			}
			at, _ := r.FieldPos(0)
			if !in.give(yield, line+at-1, record) {
				return
			}
			read = int(r.InputOffset())
		}
		line += bytes.Count(rest[:read], []byte("\n"))
		rest = rest[read:]
		var ok bool
		if rest, line, ok = in.single(yield, rest, line); !ok {
			return
		}
	}
}

// single reads the first line of rest that holds something.
func (in *Input) single(yield func(row) bool, rest []byte, line int) ([]byte, int, bool) {
	for len(rest) > 0 {
		text := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			text = rest[:end]
		}
		at := line
		line++
		rest = rest[min(len(text)+1, len(rest)):]
		if len(bytes.TrimSpace(text)) == 0 || text[0] == '#' {
			continue
		}
		record, err := fields(string(text), in.comma)
		if err != nil {
			return rest, line, yield(row{line: at, target: string(text), err: err})
		}
		return rest, line, in.give(yield, at, record)
	}
	return nil, line, true
}

// give makes a row of a record. One without any value is a blank line.
func (in *Input) give(yield func(row) bool, line int, record []string) bool {
	if !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return true
	}
	cell := func(i int) string {
		if i < 0 || i >= len(record) {
			return ""
		}
		return strings.TrimSpace(record[i])
	}
	r := row{line: line, userName: cell(in.columns.upn)}
	var asked []string
	for _, i := range in.columns.target {
		asked = append(asked, in.columns.names[i])
		value := cell(i)
		switch letters(in.columns.names[i]) {
		case "proxyaddresses", "emailaddresses":
			value = proxyAddress(value)
		}
		if value != "" {
			r.target = value
			return yield(r)
		}
	}
	r.target = strings.Join(record, string(in.comma))
	r.err = fmt.Errorf("there is nothing in column %s", strings.Join(asked, ", "))
	return yield(r)
}

// proxyAddress picks the SIP address of a list, else the primary mail address,
// which has its prefix in capitals (KB 3190357).
func proxyAddress(list string) string {
	mail := ""
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" ,;|{}\t", r) }) {
		kind, address, ok := strings.Cut(item, ":")
		switch {
		case ok && strings.EqualFold(kind, "sip"):
			return address
		case ok && kind == "SMTP":
			mail = address
		}
	}
	return mail
}
