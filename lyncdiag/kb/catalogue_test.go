package kb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// designFile reads a file of the design, which lies beside the repository.
func designFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "design", name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("LYNCDIAG_REQUIRE_PEERS") != "1" {
		t.Skipf("the design's %s is not beside the repository", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCatalogueIsTheDesignsTable(t *testing.T) {
	lines := strings.Split(strings.TrimRight(designFile(t, "findings.tsv"), "\r\n"), "\n")[1:]
	catalogue := Catalogue()
	if len(catalogue) != len(lines) {
		t.Errorf("catalogue has %d findings, the design %d", len(catalogue), len(lines))
	}
	for i, line := range lines {
		col := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if len(col) != 7 {
			t.Fatalf("line %d has %d columns: %q", i+2, len(col), line)
		}
		name, by, reference := col[0], col[4], col[6]
		s, ok := Lookup(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		if want := fmt.Sprintf("LD%04d", i+1); s.ID != want {
			t.Errorf("%s: ID %s, want %s", name, s.ID, want)
		}
		if string(s.Type) != col[1] || string(s.Severity) != col[2] {
			t.Errorf("%s: %s %s, want %s %s", name, s.Type, s.Severity, col[1], col[2])
		}
		if reference != "" && (len(s.References) == 0 || s.References[0] != reference) {
			t.Errorf("%s: references %q do not start with %s", name, s.References, reference)
		}
		if by == "2" && s.Planned {
			t.Errorf("%s: planned, although the first cut diagnoses it", name)
		}
		if by == "2" && len(s.Resolution) < 3 {
			t.Errorf("%s: %d steps are no full resolution", name, len(s.Resolution))
		}
	}
}

func TestCatalogueIDs(t *testing.T) {
	idForm := regexp.MustCompile(`^LD\d{4}$`)
	nameForm := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	catalogue := Catalogue()
	names := map[string]string{}
	for i, s := range catalogue {
		if !idForm.MatchString(s.ID) {
			t.Errorf("%s: ID %q", s.Name, s.ID)
		}
		if !nameForm.MatchString(s.Name) {
			t.Errorf("%s: name %q", s.ID, s.Name)
		}
		if i > 0 && s.ID <= catalogue[i-1].ID {
			t.Errorf("%s follows %s", s.ID, catalogue[i-1].ID)
		}
		if slices.Contains(retired(), s.ID) {
			t.Errorf("%s: ID %s is retired", s.Name, s.ID)
		}
		if other, ok := names[s.Name]; ok {
			t.Errorf("%s and %s are both named %s", other, s.ID, s.Name)
		}
		names[s.Name] = s.ID
	}
}

func TestCatalogueFilesHoldOneType(t *testing.T) {
	byID := func(a, b Spec) int { return strings.Compare(a.ID, b.ID) }
	for want, specs := range map[Type][]Spec{
		Client: clientSpecs(), Network: networkSpecs(), Identity: identitySpecs(), Service: serviceSpecs(),
	} {
		if !slices.IsSortedFunc(specs, byID) {
			t.Errorf("%s: not in the order of IDs", want)
		}
		for _, s := range specs {
			if s.Type != want {
				t.Errorf("%s: type %q in the list of %s", s.Name, s.Type, want)
			}
		}
	}
}

func TestCatalogueTexts(t *testing.T) {
	owners := []Owner{User, HelpDesk, TenantAdmin, DNSAdmin, NetworkAdmin, ADFSAdmin, MicrosoftSupport}
	severities := []Severity{Failure, Warning, Info}
	for _, s := range Catalogue() {
		t.Run(s.Name, func(t *testing.T) {
			if !slices.Contains(severities, s.Severity) || !slices.Contains(owners, s.Owner) {
				t.Errorf("severity %q, owner %q", s.Severity, s.Owner)
			}
			if len(s.Resolution) == 0 {
				t.Error("no resolution")
			}
			generic := s.Generic()
			if n := utf8.RuneCountInString(generic.Title); n > 90 {
				t.Errorf("title has %d characters: %s", n, generic.Title)
			}
			if strings.ContainsAny(s.Title[max(0, len(s.Title)-1):], ".!?:;,") || strings.Contains(s.Title, "\n") {
				t.Errorf("title ends like a sentence or has two lines: %q", s.Title)
			}
			if !strings.HasSuffix(s.Cause, ".") {
				t.Errorf("cause is no sentence: %q", s.Cause)
			}
			if sentences := strings.Count(s.Cause+" ", ". "); sentences < 1 || sentences > 3 {
				t.Errorf("cause has %d sentences: %q", sentences, s.Cause)
			}
			checkText(t, s.Title, "")
			checkText(t, s.Cause, "")
			for _, step := range s.Resolution {
				checkText(t, step, step)
				if _, typed := splitStep(step); typed == "" && !strings.HasSuffix(step, ".") {
					t.Errorf("step is neither a sentence nor ends in something to type: %q", step)
				}
			}
			for _, text := range append([]string{generic.Title, generic.Cause}, generic.Resolution...) {
				if strings.ContainsAny(text, "{}") {
					t.Errorf("generic form keeps a brace: %q", text)
				}
			}
		})
	}
}

// checkText holds what is true of every text. Placeholders in prose stand alone,
// because "the host" cannot be glued to a name; step is "" for texts that are all
// prose.
func checkText(t *testing.T, text, step string) {
	t.Helper()
	first, _ := utf8.DecodeRuneInString(text)
	if !unicode.IsUpper(first) {
		t.Errorf("does not begin with a capital letter: %q", text)
	}
	if text != strings.TrimSpace(text) || strings.Contains(text, "  ") || strings.ContainsRune(text, '\n') {
		t.Errorf("stray white space: %q", text)
	}
	for _, r := range text {
		if r > unicode.MaxASCII {
			t.Errorf("%q is not ASCII in %q", r, text)
		}
	}
	known := Placeholders()
	for _, name := range regexp.MustCompile(`\{([^}]*)\}`).FindAllStringSubmatch(text, -1) {
		if _, ok := known[name[1]]; !ok {
			t.Errorf("unknown placeholder %s in %q", name[0], text)
		}
	}
	prose := text
	if step != "" {
		prose, _ = splitStep(step)
	}
	if glued := regexp.MustCompile(`[^ ("]\{|\}[^ ,.;:)'"]|\}\.[a-zA-Z]|[.:] \{`).FindString(prose); glued != "" {
		t.Errorf("placeholder glued to %q or at the start of a sentence in %q", glued, prose)
	}
}

func TestCatalogueReferences(t *testing.T) {
	kbForm := regexp.MustCompile(`^KB\d{6,7}$`)
	symbol := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`)
	named := regexp.MustCompile(`\bKB ?(\d+)\b`)
	for _, s := range Catalogue() {
		for i, r := range s.References {
			if !kbForm.MatchString(r) && !symbol.MatchString(r) {
				t.Errorf("%s: reference %q", s.Name, r)
			}
			if slices.Contains(s.References[:i], r) {
				t.Errorf("%s: reference %s twice", s.Name, r)
			}
		}
		text := s.Title + " " + s.Cause + " " + strings.Join(s.Resolution, " ")
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(s.References, "KB"+m[1]) {
				t.Errorf("%s: the text uses KB %s, the references are %q", s.Name, m[1], s.References)
			}
		}
	}
}

func TestCatalogueMessages(t *testing.T) {
	used := map[string]bool{}
	for _, s := range Catalogue() {
		if !slices.IsSorted(s.Messages) || len(slices.Compact(slices.Clone(s.Messages))) != len(s.Messages) {
			t.Errorf("%s: messages %q", s.Name, s.Messages)
		}
		for _, code := range s.Messages {
			used[code] = true
		}
	}
	for row := 1; row <= 9; row++ {
		code := fmt.Sprintf("kb2541980-message-%d", row)
		if !used[code] {
			t.Errorf("no finding explains %s", code)
		}
		delete(used, code)
	}
	if len(used) > 0 {
		t.Errorf("codes that the article's table does not have: %v", used)
	}
}

// The two directions of the relation are written by hand, each where it is read.
func TestMessagesAndCatalogueAgree(t *testing.T) {
	for _, m := range Messages() {
		for _, name := range m.Findings {
			s, ok := Lookup(name)
			if !ok {
				t.Errorf("%s leads to %s, which is not in the catalogue", m.Code, name)
				continue
			}
			if strings.HasPrefix(m.Code, "kb2541980-") && !slices.Contains(s.Messages, m.Code) {
				t.Errorf("%s leads to %s, whose messages are %q", m.Code, name, s.Messages)
			}
		}
	}
}

// Steps tell people what to run, so each command and flag must exist in the
// contract of the command line.
func TestResolutionCommandsExist(t *testing.T) {
	contract := designFile(t, "cli.md")
	commands := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(contract, -1) {
		for _, code := range regexp.MustCompile("`([a-z]+(?: [a-z]+)?)").FindAllStringSubmatch(row[1], -1) {
			commands[code[1]] = true
			commands[strings.Fields(code[1])[0]] = true
		}
	}
	if !commands["adfs mex"] || !commands["check"] {
		t.Fatalf("the contract's table of commands was not understood: %v", commands)
	}
	flag := regexp.MustCompile(`--[a-z-]+`)
	groups := []string{"adfs", "client"}
	for _, s := range Catalogue() {
		for _, step := range s.Resolution {
			_, typed := splitStep(step)
			args, ok := strings.CutPrefix(typed, "lyncdiag ")
			if !ok {
				continue
			}
			words := strings.Fields(args)
			command := words[0]
			if slices.Contains(groups, command) && len(words) > 1 {
				command += " " + words[1]
			}
			if !commands[command] {
				t.Errorf("%s: no command %q: %s", s.Name, command, step)
			}
			for _, f := range flag.FindAllString(args, -1) {
				if !regexp.MustCompile(regexp.QuoteMeta(f) + `\b`).MatchString(contract) {
					t.Errorf("%s: no flag %s: %s", s.Name, f, step)
				}
			}
		}
	}
}

// The four lines are those of KB 2566790, "all four DNS records that are required".
func TestDNSRecordLines(t *testing.T) {
	for name, line := range map[string]string{
		"dns-sip-tls-srv-missing":    "_sip._tls.{domain}. 3600 IN SRV 100 1 443 sipdir.online.lync.com.",
		"dns-sip-tls-srv-wrong":      "_sip._tls.{domain}. 3600 IN SRV 100 1 443 sipdir.online.lync.com.",
		"dns-federation-srv-missing": "_sipfederationtls._tcp.{domain}. 3600 IN SRV 100 1 5061 sipfed.online.lync.com.",
		"dns-federation-srv-wrong":   "_sipfederationtls._tcp.{domain}. 3600 IN SRV 100 1 5061 sipfed.online.lync.com.",
		"dns-sip-cname-missing":      "sip.{domain}. 3600 IN CNAME sipdir.online.lync.com.",
		"dns-sip-cname-wrong":        "sip.{domain}. 3600 IN CNAME sipdir.online.lync.com.",
		"dns-lyncdiscover-missing":   "lyncdiscover.{domain}. 3600 IN CNAME webdir.online.lync.com.",
		"dns-lyncdiscover-wrong":     "lyncdiscover.{domain}. 3600 IN CNAME webdir.online.lync.com.",
	} {
		s, _ := Lookup(name)
		found := slices.ContainsFunc(s.Resolution, func(step string) bool {
			_, typed := splitStep(step)
			return typed == line
		})
		if !found {
			t.Errorf("%s: no step ends in %q", name, line)
		}
	}
	broken, _ := Lookup("dns-autoconfiguration-broken")
	if n := strings.Count(strings.Join(broken.Resolution, "\n"), "3600 IN "); n != 4 {
		t.Errorf("dns-autoconfiguration-broken gives %d record lines, want all 4", n)
	}
}

func TestCatalogueBelongsToTheCaller(t *testing.T) {
	want := Catalogue()
	got := Catalogue()
	for i := range got {
		got[i].Title = "changed"
		got[i].Resolution[0] = "changed"
		for j := range got[i].References {
			got[i].References[j] = "changed"
		}
		for j := range got[i].Messages {
			got[i].Messages[j] = "changed"
		}
	}
	if !reflect.DeepEqual(Catalogue(), want) {
		t.Error("a caller can change the catalogue")
	}
	s, _ := Lookup("LD0001")
	g := s.Generic()
	g.Resolution[0], g.References[0], g.Messages[0] = "changed", "changed", "changed"
	if again, _ := Lookup("LD0001"); !reflect.DeepEqual(s, again) {
		t.Error("the generic form shares a slice with its origin")
	}
}

func TestLookup(t *testing.T) {
	for _, query := range []string{"adfs-mex-http-500", "ADFS-MEX-HTTP-500", "LD0061", "ld0061"} {
		if s, ok := Lookup(query); !ok || s.Name != "adfs-mex-http-500" {
			t.Errorf("Lookup(%q) = %s, %t", query, s.Name, ok)
		}
	}
	for _, query := range []string{"", "LD", "LD0000", "adfs-mex", " LD0061", "adfs-mex-http-500 "} {
		if s, ok := Lookup(query); ok {
			t.Errorf("Lookup(%q) found %s", query, s.Name)
		}
	}
}

func TestGeneric(t *testing.T) {
	s := Spec{
		Title: "No lyncdiscover record ({record}) in {domain}",
		Cause: "What {record} says leads to {target} for {address}, not to {host}.",
		Resolution: []string{
			"Open {url} in a browser.",
			"Add this for {domain}: sip.{domain}. 3600 IN CNAME {target}.",
			"Check again: lyncdiag check {address}",
		},
	}
	want := Spec{
		Title: "No lyncdiscover record in the sign-in domain",
		Cause: "What the record says leads to the target for the sign-in address, not to the host.",
		Resolution: []string{
			"Open the URL in a browser.",
			"Add this for the sign-in domain: sip.DOMAIN. 3600 IN CNAME TARGET.",
			"Check again: lyncdiag check ADDRESS",
		},
	}
	if got := s.Generic(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What a value holds changes nothing around it: it comes from the network.
func TestFillTakesValuesAsTheyAre(t *testing.T) {
	s := Spec{
		Title: "{host} answers",
		Cause: "{record} leads to {target} ({url}).",
		Resolution: []string{
			"Look at {host}: lyncdiag cert {host}",
			"Ask {host} of {domain}.",
		},
	}
	want := Spec{
		Title: "a: {target} answers",
		Cause: "{domain} ({host}) leads to the target.",
		Resolution: []string{
			"Look at a: {target}: lyncdiag cert a: {target}",
			"Ask a: {target} of the sign-in domain.",
		},
	}
	if got := s.Fill(map[string]string{"host": "a: {target}", "record": "{domain} ({host})", "domain": ""}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func ExampleLookup() {
	s, ok := Lookup("ld0061")
	fmt.Println(ok, s.Name, s.Type.Label())
	fmt.Println(s.Generic().Title)
	// Output:
	// true adfs-mex-http-500 Identity/authentication
	// AD FS answers 500 when it is asked for its metadata
}
