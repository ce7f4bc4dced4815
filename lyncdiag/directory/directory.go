// Package directory reads what the administration cmdlets of Office 365, of
// Active Directory and of AD FS export, and puts facts: users, domains, the
// service health, the tests of an AD FS server.
//
// It reads JSON (ConvertTo-Json of Windows PowerShell 5.1 and PowerShell 7),
// CSV (Export-Csv), CLIXML (Export-Clixml) and, as far as it goes, the text of
// Format-List. What a format has lost is told as lost and never as absent.
// Nothing here judges what it reads.
package directory

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// maxUsers bounds the users that are kept of all exports together, maxOthers
// what else is in one of them.
const (
	maxUsers  = 200_000
	maxOthers = 200_000
	maxFacts  = 256 << 20 // bytes of text in the facts of one export; 200,000 users have some 40 MB
)

// Exports are the exports of one run; they are a lyncdiag.Source. The zero
// value holds none.
type Exports struct {
	users         map[string][]fact.DirectoryUser // by file
	domains       map[string][]fact.DirectoryDomain
	settings      map[string][]fact.FederationSettings
	errors        map[string][]fact.DirectoryError
	blamed        map[string]map[string][]int // where they are, by object and address in lower case
	organizations map[string]fact.Organization
	health        map[string][]fact.ServiceHealth
	tests         map[string][]fact.ServerTest
	held          map[string][][]held     // of users, beside them
	skus          map[string]subscription // of the tenant, by id and name in lower case

	files   []string
	index   map[string][]place // of users, by address and name in lower case
	nobodys []place            // users that say not whose they are
	count   int
	sum     hash.Hash
}

// place is where a user stands.
type place struct {
	file string
	at   int
}

// Add reads an export. name is what evidence calls it, such as its path. It is
// an error if the text cannot be read or nothing in it is known; then nothing
// of it is kept. Errors say what is wrong and what to do, and not the name.
func (e *Exports) Add(name string, r io.Reader) error {
	if e.sum == nil {
		*e = Exports{
			users: map[string][]fact.DirectoryUser{}, domains: map[string][]fact.DirectoryDomain{},
			settings: map[string][]fact.FederationSettings{}, errors: map[string][]fact.DirectoryError{}, blamed: map[string]map[string][]int{},
			organizations: map[string]fact.Organization{}, health: map[string][]fact.ServiceHealth{},
			tests: map[string][]fact.ServerTest{}, held: map[string][][]held{}, skus: map[string]subscription{}, index: map[string][]place{}, sum: sha256.New(),
		}
	}
	if slices.Contains(e.files, name) {
		return nil // once is enough
	}
	x := &export{skus: map[string]subscription{}, details: map[string]int{}}
	if err := x.read(io.TeeReader(r, e.sum), maxUsers-e.count); err != nil {
		return err
	}
	e.files = append(e.files, name)
	e.count += len(x.users)
	e.users[name], e.domains[name], e.settings[name] = x.users, x.domains, x.settings
	e.errors[name], e.health[name], e.tests[name], e.held[name] = x.errors, x.health, x.tests, x.held
	e.blamed[name] = blame(x.errors)
	maps.Copy(e.skus, x.skus)
	if x.organization.Cmdlet != "" {
		e.organizations[name] = x.organization
	}
	for i, u := range x.users {
		at := place{name, i}
		keys := keysOf(u)
		if len(keys) == 0 {
			e.nobodys = append(e.nobodys, at)
		}
		for _, key := range keys {
			e.index[key] = append(e.index[key], at)
		}
	}
	return nil
}

// keysOf are the names under which a user is looked up.
func keysOf(u fact.DirectoryUser) []string {
	var keys []string
	add := func(key string) {
		wire, _ := fact.ParseAddress(key)
		for _, k := range []string{strings.ToLower(key), strings.ToLower(wire.WireAddress())} {
			if k != "" && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	add(u.UserPrincipalName)
	for _, a := range u.SIPAddresses {
		add(a)
	}
	return keys
}

// Sum identifies the exports by their bytes.
func (e *Exports) Sum() string {
	if e.sum == nil {
		return ""
	}
	return hex.EncodeToString(e.sum.Sum(nil))
}

// Users are the users of all exports, each once, in the order of the exports:
// the SIP address is the address, and the user principal name is the user name
// where it differs. A user without an address that can be one is left out.
func (e *Exports) Users() []fact.Subject {
	var list []fact.Subject
	seen := map[string]bool{}
	for _, file := range e.files {
		for _, u := range e.users[file] {
			if e.met(u, seen) {
				continue
			}
			if subject, ok := e.subject(u); ok {
				list = append(list, subject)
			}
		}
	}
	return list
}

// met reports whether a user has come before. Two users of one directory may
// share an address by mistake; one user may have two names in two directories.
func (e *Exports) met(u fact.DirectoryUser, seen map[string]bool) bool {
	side, other := "cloud ", "own "
	if u.Cmdlet == "Get-ADUser" || u.Cmdlet == "Get-CsUser" {
		side, other = other, side
	}
	upn := strings.ToLower(u.UserPrincipalName)
	known := upn != "" && (seen[side+upn] || seen[other+upn])
	for _, a := range u.SIPAddresses {
		a = strings.ToLower(a)
		known = known || seen[other+"sip:"+a] || upn == "" && seen[side+"sip:"+a]
		seen[side+"sip:"+a] = true
	}
	seen[side+upn] = upn != ""
	return known
}

// subject is who a user is. Another export may know the SIP address.
func (e *Exports) subject(u fact.DirectoryUser) (fact.Subject, bool) {
	sip := u.SIPAddresses
	for _, at := range e.index[strings.ToLower(u.UserPrincipalName)] {
		if other := e.at(at); len(sip) == 0 && strings.EqualFold(other.UserPrincipalName, u.UserPrincipalName) {
			sip = other.SIPAddresses
		}
	}
	name, err := fact.ParseAddress(u.UserPrincipalName)
	if len(sip) > 0 {
		if s, err := fact.ParseAddress(sip[0]); err == nil {
			if !strings.EqualFold(name.Address, s.Address) {
				s.UserName = name.Address
			}
			return s, true
		}
	}
	return name, err == nil
}

func (e *Exports) at(p place) fact.DirectoryUser { return e.users[p.file][p.at] }

// Name is the id of the exports' entry in a report.
func (e *Exports) Name() string { return "directory" }

// Collect puts what the exports say of a target, of those that share an
// address with it, of its domain and of the tenant. Each file is an origin.
//
// It is an error if there are users in the exports and the target is none of
// them.
func (e *Exports) Collect(_ context.Context, t fact.Subject, f *fact.Facts) error {
	users := map[string][]fact.DirectoryUser{}
	about := e.about(t)
	for _, at := range about {
		users[at.file] = append(users[at.file], complete(e.at(at), e.held[at.file][at.at], e.skus))
	}
	for _, file := range e.files {
		o := fact.Origin{Kind: fact.Directory, Where: file}
		put(f, fact.DirectoryUsersKey, users[file], o)
		put(f, fact.DirectoryDomainsKey, e.domainsOf(file, t.Domain), o)
		put(f, fact.FederationSettingsKey, e.settingsOf(file, t.Domain), o)
		put(f, fact.DirectoryErrorsKey, e.errorsOf(file, t, users), o)
		put(f, fact.ServiceHealthKey, e.health[file], o)
		put(f, fact.ServerTestsKey, e.tests[file], o)
		if organization, ok := e.organizations[file]; ok {
			fact.Put(f, fact.OrganizationKey, organization, o)
		}
	}
	if len(about) == 0 && e.count > 0 {
		return fmt.Errorf("directory: look up %s: it is not among the %d users of %s", t.Address, e.count, strings.Join(e.files, ", "))
	}
	return nil
}

// Anonymous reports whether an export says something of a user or of a domain
// and not of which, as Get-MgUserLicenseDetail and the federation settings do.
// It is told of the only user among the exports, and of any target's domain, so
// that whoever has several targets must not use it.
func (e *Exports) Anonymous() (user, domain bool) {
	for _, list := range e.settings {
		domain = domain || slices.ContainsFunc(list, func(s fact.FederationSettings) bool { return s.Domain == "" })
	}
	return len(e.nobodys) > 0, domain
}

func put[T any](f *fact.Facts, key fact.Key[[]T], list []T, o fact.Origin) {
	if len(list) > 0 {
		fact.Put(f, key, list, o)
	}
}

// about are the users that have the target's address or name, and those that
// have an address of theirs. What says not whose it is belongs to the only
// user there is.
func (e *Exports) about(t fact.Subject) []place {
	var found []place
	asked := map[string]bool{}
	names := []string{strings.ToLower(t.Address), strings.ToLower(t.WireAddress()), strings.ToLower(t.UserName)}
	for round := 0; round < 2; round++ {
		var next []string
		for _, name := range names {
			if name == "" || asked[name] {
				continue
			}
			asked[name] = true
			for _, at := range e.index[name] {
				if slices.Contains(found, at) {
					continue
				}
				found = append(found, at)
				next = append(next, keysOf(e.at(at))...)
			}
		}
		names = next
	}
	if len(e.nobodys) > 0 {
		if named := len(e.Users()); named == 0 || named == 1 && len(found) > 0 {
			found = append(found, e.nobodys...)
		}
	}
	order := func(a, b place) int {
		return cmp.Or(cmp.Compare(slices.Index(e.files, a.file), slices.Index(e.files, b.file)), cmp.Compare(a.at, b.at))
	}
	sort.SliceStable(found, func(i, j int) bool { return order(found[i], found[j]) < 0 })
	return found
}

// domainsOf are the domain and those above it, from which it may have its
// settings.
func (e *Exports) domainsOf(file, name string) []fact.DirectoryDomain {
	var list []fact.DirectoryDomain
	for _, d := range e.domains[file] {
		if contains(d.Name, name) || d.Name == "" && e.oneSetting() {
			list = append(list, d)
		}
	}
	return list
}

func (e *Exports) settingsOf(file, name string) []fact.FederationSettings {
	var list []fact.FederationSettings
	for _, s := range e.settings[file] {
		if s.Domain == "" && e.oneSetting() {
			s.Domain = name
		}
		if contains(s.Domain, name) {
			list = append(list, s)
		}
	}
	return list
}

// contains reports whether name is the domain or below it.
func contains(domain, name string) bool {
	return domain != "" && (name == domain || strings.HasSuffix(name, "."+domain))
}

// oneSetting reports whether there is one set of federation settings, so that
// it is the target's although it does not name its domain.
func (e *Exports) oneSetting() bool {
	n := 0
	for _, list := range e.settings {
		n += len(list)
	}
	return n == 1
}

// errorsOf are the errors about the target: at its object, or with an address
// of its own as the value.
func (e *Exports) errorsOf(file string, t fact.Subject, users map[string][]fact.DirectoryUser) []fact.DirectoryError {
	if len(e.blamed[file]) == 0 {
		return nil
	}
	names := []string{t.Address, t.WireAddress(), t.UserName}
	for _, list := range users {
		for _, u := range list {
			names = append(append(names, keysOf(u)...), u.DistinguishedName)
		}
	}
	var found []int
	for _, name := range names {
		found = append(found, e.blamed[file][strings.ToLower(name)]...)
	}
	slices.Sort(found)
	var list []fact.DirectoryError
	for _, i := range slices.Compact(found) {
		list = append(list, e.errors[file][i])
	}
	return list
}

// blame is where errors are looked up: by the object, and by an address that is
// the value.
func blame(errors []fact.DirectoryError) map[string][]int {
	index := map[string][]int{}
	for i, x := range errors {
		value := strings.ToLower(x.Value)
		if kind, address, ok := strings.Cut(value, ":"); ok && (kind == "sip" || kind == "smtp") {
			value = address
		}
		for _, key := range []string{strings.ToLower(x.Name), value} {
			if key != "" {
				index[key] = append(index[key], i)
			}
		}
	}
	return index
}

// export is one file.
type export struct {
	users        []fact.DirectoryUser
	held         [][]held // of each user
	skus         map[string]subscription
	details      map[string]int // users of Get-MgUserLicenseDetail, by name in lower case
	domains      []fact.DirectoryDomain
	settings     []fact.FederationSettings
	errors       []fact.DirectoryError
	organization fact.Organization
	health       []fact.ServiceHealth
	tests        []fact.ServerTest

	objects int
	known   int
	kept    int      // bytes of text in the facts
	room    int      // for so many users more
	strange []string // names of the first object that nothing reads
}

func (x *export) read(r io.Reader, room int) error {
	x.room = room
	text, err := decode(r)
	if err != nil {
		return err
	}
	read, err := reader(text)
	if err != nil {
		return err
	}
	if err := read(text, x.add); err != nil {
		return err
	}
	switch {
	case x.objects == 0:
		return errors.New("there is no object in it; see that the cmdlet finds something before it is exported")
	case x.known == 0:
		return fmt.Errorf("nothing in it is known: the objects have the properties %s; docs/powershell.md has the line for each cmdlet", shorten(x.strange))
	}
	return nil
}

func shorten(names []string) string {
	if len(names) > 8 {
		names = append(slices.Clone(names[:8]), "...")
	}
	list := strings.Join(names, ", ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, list[:min(len(list), 300)])
}

// reader tells the format by the first characters.
func reader(text *bufio.Reader) (func(*bufio.Reader, func(*node) error) error, error) {
	head, err := text.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	start := bytes.TrimSpace(head)
	switch {
	case len(start) == 0:
		return nil, errors.New("it is empty")
	case start[0] == '{', start[0] == '[':
		return func(text *bufio.Reader, emit func(*node) error) error {
			return readJSON(&bounded{in: text}, emit)
		}, nil
	case start[0] == '<':
		return func(text *bufio.Reader, emit func(*node) error) error {
			return readCLIXML(&bounded{in: text}, emit)
		}, nil
	}
	first, rest, _ := bytes.Cut(start, []byte("\n"))
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	line := string(bytes.TrimRight(first, "\r "))
	switch {
	case len(second) > 2 && len(bytes.Trim(second, "- \r\t")) == 0 && bytes.Contains(second, []byte("--")):
		return nil, errors.New("it is a table made for the screen, which lacks most properties; export with ConvertTo-Json -Depth 6 or Export-Clixml")
	case property.MatchString(line) && (strings.Contains(line, " : ") || strings.HasSuffix(line, " :")):
		return readScreen, nil
	case strings.ContainsAny(line, ",;\t|\""), strings.HasPrefix(line, "#TYPE"), strings.HasPrefix(line, "sep="):
		return readCSV, nil
	}
	return nil, errors.New("it is neither JSON, CSV nor CLIXML; export with ConvertTo-Json -Depth 6 or Export-Clixml")
}

// keep counts texts that become part of facts.
func (x *export) keep(texts ...string) {
	for _, s := range texts {
		x.kept += len(s)
	}
}

// add reads an object.
func (x *export) add(n *node) error {
	x.objects++
	if slices.ContainsFunc(n.names, formatted) {
		return errFormatted
	}
	for _, k := range kinds {
		if !k.has(n) {
			continue
		}
		if !k.read(x, n, k.cmdlet) {
			continue
		}
		x.known++
		if x.room < len(x.users) {
			return fmt.Errorf("there are more than %d users; export fewer of them", maxUsers)
		}
		if x.kept > maxFacts {
			return fmt.Errorf("what is to be kept of it is more than %d MiB; export fewer users or properties", maxFacts>>20)
		}
		if x.known-len(x.users) > maxOthers {
			return fmt.Errorf("there are more than %d objects that are no users; export fewer", maxOthers)
		}
		return nil
	}
	if x.strange == nil {
		x.strange = n.names
	}
	return nil
}
