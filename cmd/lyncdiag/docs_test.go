package main

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

var update = flag.Bool("update", false, "write docs/commands anew")

//go:generate go test -run ^TestCommandPages$ -update .

// TestCommandPages holds docs/commands to what the commands say of themselves.
func TestCommandPages(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "commands")
	pages := map[string]string{}
	for _, cmd := range cli.Commands(tree()) {
		page := cli.Page(cmd)
		if !cmd.HasParent() {
			page += exitStatus
		}
		pages[cli.PageName(cmd)] = page
	}
	const other = "lyncdiag-exporter.md" // its own test writes it
	if *update {
		old, err := filepath.Glob(filepath.Join(dir, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range old {
			if filepath.Base(page) == other {
				continue
			}
			if err := os.Remove(page); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, page := range pages {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if pages[e.Name()] == "" && e.Name() != other {
			t.Errorf("%s is the page of no command: run go generate ./...", e.Name())
		}
	}
	for name, page := range pages {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(b) != page {
			t.Errorf("%s is stale: run go generate ./... (%v)", name, err)
		}
	}
}

// tree is the command without anything to run on.
func tree() *cobra.Command {
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }}
	return p.command()
}

const exitStatus = `
## Exit status

| code | |
|---|---|
| 0 | nothing wrong was found |
| 1 | at least one problem at or above ` + "`--fail-on`" + ` |
| 2 | bad usage or unreadable input; standard output is empty |
| 3 | could not finish, or could not decide; the report is printed |
| 130 | interrupted; what was found until then is printed |

An output that cannot be written (a full disk) costs no other one, and is code 3. A
reader that leaves early (` + "`| head -1`" + `) ends the command quietly, with code 3 too
unless something is still written to a file.

## Environment

` + "`LYNCDIAG_<FLAG>`" + ` gives any flag its default, for example ` + "`LYNCDIAG_DEPLOYMENT=server`" + `.
` + "`NO_COLOR`" + ` leaves colours out.
`

// TestEveryCommandHasExamples: help without one leaves the reader alone.
func TestEveryCommandHasExamples(t *testing.T) {
	for _, cmd := range cli.Commands(tree()) {
		if !cmd.HasExample() && !cmd.HasAvailableSubCommands() {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
	}
}

// pages are what people read by its path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root, list := filepath.Join("..", ".."), map[string]string{}
	for _, from := range []string{"README.md", "docs"} {
		err := filepath.WalkDir(filepath.Join(root, from), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			b, err := os.ReadFile(path)
			relative, _ := filepath.Rel(root, path)
			list[filepath.ToSlash(relative)] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

var (
	fenced   = regexp.MustCompile("(?ms)^```(?:sh|powershell|)\n(.*?)^```$")
	anyFence = regexp.MustCompile("(?ms)^```.*?^```$")
	inline   = regexp.MustCompile("`(lyncdiag(?:\\.exe)? [^`]+)`")
	typed    = regexp.MustCompile(`(?:^|[|=] ?)(lyncdiag(?:\.exe)? .*)$`)
	// What stands for something else: no command is typed like that.
	stands = regexp.MustCompile(`\b(ADDRESS|DOMAIN|HOST|URL|FILE|DIR|FOLDER|NAME|TEXT|CODE|ID|MS-DIAGNOSTICS-ID|FEDERATIONSERVICE|USERPRINCIPALNAME|IPADDRESS|VALUE)\b|\.\.\.|<`)
)

// typedIn are the commands in a page, as somebody would type them.
func typedIn(page string) []string {
	var list []string
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(m[1]) {
			if strings.HasPrefix(line, "go run ./cmd/lyncdiag ") {
				line = strings.TrimPrefix(line, "go run ./cmd/")
			}
			// A comment beside a command is set off by a gap.
			line, _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), "   ")
			if m := typed.FindStringSubmatch(line); m != nil {
				list = append(list, m[1])
			}
		}
	}
	for _, m := range inline.FindAllStringSubmatch(anyFence.ReplaceAllString(page, ""), -1) {
		list = append(list, strings.ReplaceAll(m[1], `\|`, "|"))
	}
	return list
}

// words splits a command line as a shell does. A pipe ends it.
func words(line string) []string {
	var list []string
	var word strings.Builder
	quoted, begun := false, false
	end := func() {
		if begun {
			list = append(list, word.String())
			word.Reset()
			begun = false
		}
	}
	for _, r := range line {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case quoted || r != ' ' && r != '|':
			word.WriteRune(r)
			begun = true
		default:
			if end(); r == '|' {
				return list
			}
		}
	}
	end()
	return list
}

// TestCommandsInDocs runs every command that a page or a command's help shows:
// on the lab, with the files that it names. None may be refused.
func TestCommandsInDocs(t *testing.T) {
	shown := map[string][]string{} // command: where
	for path, page := range pages(t) {
		if path == "docs/adding-a-finding.md" {
			continue // its commands run on a tree that has the finding, in archtest
		}
		for _, line := range typedIn(page) {
			shown[line] = append(shown[line], path)
		}
	}
	if len(shown) < 80 {
		t.Fatalf("only %d commands found", len(shown))
	}
	docs := filepath.Join(t.TempDir(), "docs")
	scripts, err := filepath.Abs(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	// What collect writes is read by others.
	lines := slices.Sorted(maps.Keys(shown))
	sort.SliceStable(lines, func(i, j int) bool {
		return strings.Contains(lines[i], " collect ") && !strings.Contains(lines[j], " collect ")
	})
	for _, line := range lines {
		where := shown[line]
		args := words(line)[1:]
		root := tree()
		cmd, rest, err := root.Find(args)
		if err != nil {
			t.Errorf("%s: %s: %v", where, line, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %s: %v", where, line, err)
			continue
		}
		// A name alone is a mention, and what stands for something is not run.
		if stands.MatchString(line) || len(cmd.Flags().Args()) == 0 && cmd.Flags().NFlag() == 0 {
			continue
		}
		t.Run(line, func(t *testing.T) {
			writeDocFiles(t, docs, scripts)
			runDocumented(t, cmd, args)
		})
	}
}

// runDocumented runs a command where the lab is the network.
func runDocumented(t *testing.T, cmd *cobra.Command, args []string) {
	env := map[string]string{"PASSWORD": "Lab-Passw0rd"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	flags := cmd.Flags()
	switch {
	case flags.Lookup("lab") != nil && !flags.Changed("lab") && !flags.Changed("dns") && !flags.Changed("proxy") && !flags.Changed("offline"):
		env["LYNCDIAG_LAB"] = cli.PlainLab
	case flags.Changed("dns") || flags.Changed("proxy"):
		env["LYNCDIAG_OFFLINE"] = "true" // nothing answers at the addresses that a page makes up
	}
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "contoso.com", "contoso.example")
	}
	if flags.Lookup("from") != nil && !flags.Changed("from") {
		if flags.Changed("yes") {
			return // it would be this computer that is changed
		}
		env["LYNCDIAG_FROM"] = "export"
	}
	stdin := ""
	if flags.Changed("password-stdin") || cmd.Name() == "token" || flags.Changed("password-prompt") {
		stdin = "Lab-Passw0rd\n"
	}
	if cmd.CommandPath() == "lyncdiag lab" || flags.Changed("follow") {
		cut, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		ctx = cut
	}
	var out, errs bytes.Buffer
	code := run(ctx, args, strings.NewReader(stdin), &out, &errs, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	switch {
	case ctx.Err() != nil && code == exitInterrupted && t.Context().Err() == nil:
	case strings.Contains(errs.String(), "no terminal"): // it asks a person
	case code != 0 && code != 1 && code != exitUnfinished || errs.Len() > 0:
		t.Errorf("exit code %d, stderr %s", code, errs.String())
	}
	if err := checkDocuments(out.Bytes()); err != nil {
		t.Error(err)
	}
}

// writeDocFiles makes a folder with every file that a page names, and goes there.
func writeDocFiles(t *testing.T, dir, scripts string) {
	t.Helper()
	if _, err := os.Stat(dir); err == nil {
		t.Chdir(dir)
		return
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	files := map[string][]byte{
		"Lync-UccApi-0.UccApilog": []byte(register),
		"mex.xml":                 adfstest.MEXDocument("sts.contoso.example", adfstest.DefaultEndpoints()),
		"federation.json":         []byte(`[{"Domain":"contoso.example","IssuerUri":"http://sts.contoso.example/adfs/services/trust","ActiveSignInUri":"https://sts.contoso.example/adfs/services/trust/2005/usernamemixed"}]`),
		"health.json":             []byte(`[{"Id":"Lync","Service":"Skype for Business","Status":"serviceOperational"}]`),
		"export/hkcu.reg":         []byte("Windows Registry Editor Version 5.00\n\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Office\\15.0\\Lync]\n\"ServerSipUri\"=\"joe@contoso.example\"\n"),
		"joe.json":                []byte(`{"schema":"lyncdiag.answers/v1","answers":[{"id":"symptom","value":"lync","at":"2026-01-01T00:00:00.000Z"}]}`),
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	if w, err := z.Create("Lync-UccApi-0.UccApilog"); err != nil {
		t.Fatal(err)
	} else if _, err = io.WriteString(w, register); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	files["Tracing.zip"], files["MOSDALREPORT.zip"] = archive.Bytes(), archive.Bytes()
	// The other tests have more of these.
	for name, from := range map[string]string{
		"users.csv": "exports.txtar/users.csv", "user.json": "exports.txtar/joe.json", "domains.json": "exports.txtar/domain.xml",
		"domains.txt": "steps.txtar/domains.txt", "output.txt": "steps.txtar/nslookup.txt", "answer.xml": "token.txtar/fault.xml",
	} {
		script, member := filepath.Split(filepath.FromSlash(from))
		a, err := txtar.ParseFile(filepath.Join(scripts, script))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if f.Name == member {
				files[name] = f.Data
			}
		}
	}
	ca, err := certtest.New(certtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaf := issued(t, ca, certtest.Template{DNSNames: []string{"sts.contoso.example", "sip.contoso.example"}})
	files["chain.pem"] = asPEM(leaf.Certificate...)
	files["edge.cer"] = leaf.Certificate[0]
	files["chain.pfx"], err = pkcs12.Modern.Encode(leaf.PrivateKey, leaf.Leaf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	// Runs to compare.
	for name, format := range map[string]string{"monday.json": "json", "tuesday.json": "json", "monday.ndjson": "ndjson", "tuesday.ndjson": "ndjson"} {
		code, out, errs := call(t, t.Context(), "check", "--lab=dns-sip-cname-missing", "-o", format)
		if code == exitUsage || errs != "" {
			t.Fatalf("exit code %d, stderr %s", code, errs)
		}
		files[name] = []byte(out)
	}
	for name, b := range files {
		if len(b) == 0 {
			t.Fatalf("%s is empty", name)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLinksInDocs follows every link from one page to another.
func TestLinksInDocs(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	all := pages(t)
	for path, page := range all {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			to := filepath.Join("..", "..", filepath.Dir(filepath.FromSlash(path)), filepath.FromSlash(m[1]))
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s leads nowhere", path, m[1])
			}
		}
	}
	// Who knows the article finds each of its sections.
	for _, s := range kb.Sections() {
		if !strings.Contains(all["docs/README.md"], "| "+s.Title+" |") {
			t.Errorf("docs/README.md does not have the section %q", s.Title)
		}
	}
}
