// Package powershell_test looks at the PowerShell module without PowerShell: its
// files by the rules of both versions, its calls of the program by making them,
// and what the program answers by what ConvertFrom-Json does with it.
package powershell_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	// Without these imports the go command would keep a result when what the
	// program prints has changed.
	_ "github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	_ "github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	_ "github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func scripts(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"*.ps1", "LyncDiag/*.psm1", "LyncDiag/*.psd1"} {
		found, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		list = append(list, found...)
	}
	return list
}

// token is a piece of PowerShell: text in quotes and comments are one each.
type token struct {
	kind string // comment, string, word or sign
	text string
	line int
}

// tokens takes a script apart as far as the tests need it. Windows PowerShell 5.1
// reads files without a byte order mark in the ANSI code page, so they are ASCII.
func tokens(text string) ([]token, error) {
	var list []token
	line := 1
	for i := 0; i < len(text); {
		start, first := i, line
		kind := "sign"
		until := func(end string) error {
			n := strings.Index(text[i:], end)
			if n < 0 {
				return fmt.Errorf("line %d: no %q", first, end)
			}
			i += n + len(end)
			return nil
		}
		switch c := text[i]; {
		case c >= 0x80:
			return nil, fmt.Errorf("line %d: %q is not ASCII", line, c)
		case strings.HasPrefix(text[i:], "<#"):
			kind = "comment"
			if err := until("#>"); err != nil {
				return nil, err
			}
		case c == '#':
			kind = "comment"
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(text)
			}
		case c == '\'':
			kind = "string"
			for i++; ; i++ {
				if err := until("'"); err != nil {
					return nil, err
				}
				if i >= len(text) || text[i] != '\'' {
					break
				}
			}
		case c == '"':
			kind = "string"
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '`' {
					i++
				}
			}
			if i >= len(text) {
				return nil, fmt.Errorf("line %d: a string without its end", first)
			}
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if c == '\n' {
				line++
			}
			i++
			continue
		default:
			if m := regexp.MustCompile(`^(\$[A-Za-z_:][\w:]*|-?[A-Za-z_][\w-]*|[0-9]+)`).FindString(text[i:]); m != "" {
				kind = "word"
				i += len(m)
			} else {
				i++
			}
		}
		list = append(list, token{kind, text[start:i], first})
		line += strings.Count(text[start:i], "\n")
	}
	return list, nil
}

// aliases that PSScriptAnalyzer warns of; some differ between the versions.
var aliases = []string{"cat", "cd", "cp", "curl", "dir", "echo", "fl", "foreach-", "ft", "gc", "gci", "gcm", "gi", "gm", "iex", "ls", "measure", "mv", "ps", "pwd", "rm", "rni", "select", "set", "sleep", "sort", "tee", "type", "where", "wget", "write"}

// TestScripts holds the files to what Windows PowerShell 5.1 and PowerShell 7
// both take.
func TestScripts(t *testing.T) {
	for _, path := range scripts(t) {
		list, err := tokens(read(t, path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var open []token
		for i, k := range list {
			next := token{}
			if i+1 < len(list) {
				next = list[i+1]
			}
			switch {
			case k.kind == "sign" && strings.Contains("([{", k.text):
				open = append(open, k)
			case k.kind == "sign" && strings.Contains(")]}", k.text):
				if len(open) == 0 || strings.Index("([{", open[len(open)-1].text) != strings.Index(")]}", k.text) {
					t.Fatalf("%s:%d: %s closes nothing", path, k.line, k.text)
				}
				open = open[:len(open)-1]
			case k.text == "?" || k.text == "%" || k.text == "`":
				t.Errorf("%s:%d: %s: an alias, an operator of PowerShell 7 or a continued line", path, k.line, k.text)
			case k.text == "&" && next.text == "&" || k.text == "|" && next.text == "|":
				t.Errorf("%s:%d: %s%s is PowerShell 7", path, k.line, k.text, k.text)
			case k.kind == "word" && slices.Contains([]string{"-ashashtable", "-parallel", "-noenumerate", "-asutc", "-isnot7"}, strings.ToLower(k.text)):
				t.Errorf("%s:%d: %s is PowerShell 7", path, k.line, k.text)
			case k.kind == "word" && strings.EqualFold(k.text, "Invoke-Expression"):
				t.Errorf("%s:%d: %s", path, k.line, k.text)
			case k.kind == "word" && slices.Contains(aliases, strings.ToLower(k.text)) && (i == 0 || list[i-1].text != "." && list[i-1].text != "["):
				t.Errorf("%s:%d: %s is an alias", path, k.line, k.text)
			}
		}
		for _, k := range open {
			t.Errorf("%s:%d: %s has no end", path, k.line, k.text)
		}
	}
}

var (
	function  = regexp.MustCompile(`(?m)^function ([A-Za-z]+)-(LyncDiag\w+|\w+) \{$`)
	parameter = regexp.MustCompile(`(?m)^        (?:\[[\w.\[\]]+\] )?\$(\w+)(?: =[^\n]*?)?,?$`)
)

// bodies are the functions of the module by name.
func bodies(t *testing.T) map[string]string {
	t.Helper()
	text := read(t, "LyncDiag/LyncDiag.psm1")
	list := map[string]string{}
	for _, m := range function.FindAllStringSubmatchIndex(text, -1) {
		end := strings.Index(text[m[0]:], "\n}\n")
		list[text[m[2]:m[3]]+"-"+text[m[4]:m[5]]] = text[m[0] : m[0]+end]
	}
	return list
}

// TestModule compares manifest, functions and their help.
func TestModule(t *testing.T) {
	manifest := read(t, "LyncDiag/LyncDiag.psd1")
	module := read(t, "LyncDiag/LyncDiag.psm1")
	_, exported, _ := strings.Cut(module, "Export-ModuleMember -Function ")
	// Of the approved verbs, those that are used here.
	verbs := []string{"Add", "Compare", "ConvertFrom", "ConvertTo", "Get", "Invoke", "New", "Resolve", "Test", "Write"}
	public := 0
	for name, body := range bodies(t) {
		verb, noun, _ := strings.Cut(name, "-")
		if !slices.Contains(verbs, verb) {
			t.Errorf("%s: %s is not among the approved verbs", name, verb)
		}
		inManifest, inModule := strings.Contains(manifest, "'"+name+"'"), strings.Contains(exported, "'"+name+"'")
		if inManifest != inModule || inManifest == strings.HasPrefix(noun, "LyncDiag") {
			t.Errorf("%s: manifest %v, module %v", name, inManifest, inModule)
		}
		if !inManifest {
			continue
		}
		public++
		if !strings.Contains(read(t, "LyncDiag/en-US/about_LyncDiag.help.txt"), name) {
			t.Errorf("about_LyncDiag does not have %s", name)
		}
		help, code, _ := strings.Cut(body, "#>")
		for _, section := range []string{".SYNOPSIS", ".DESCRIPTION", ".EXAMPLE", ".OUTPUTS"} {
			if !strings.Contains(help, section) {
				t.Errorf("%s: no %s", name, section)
			}
		}
		_, params, _ := strings.Cut(code, "    param(\n")
		params, _, _ = strings.Cut(params, "\n    )\n")
		var declared, documented []string
		for _, m := range parameter.FindAllStringSubmatch(params, -1) {
			declared = append(declared, m[1])
		}
		for _, m := range regexp.MustCompile(`\.PARAMETER (\w+)`).FindAllStringSubmatch(help, -1) {
			documented = append(documented, m[1])
		}
		slices.Sort(declared)
		slices.Sort(documented)
		if len(declared) == 0 || !slices.Equal(declared, documented) {
			t.Errorf("%s: parameters %q, documented %q", name, declared, documented)
		}
		// Many users have no SIP address: binding must not refuse one for that.
		for _, attributes := range strings.Split(params, "\n\n") {
			if !strings.Contains(attributes, "'SipAddress'") {
				continue
			}
			for _, want := range []string{"ValueFromPipeline = $true", "ValueFromPipelineByPropertyName = $true", "[AllowNull()]", "[AllowEmptyString()]"} {
				if !strings.Contains(attributes, want) {
					t.Errorf("%s: the address has no %s", name, want)
				}
			}
		}
	}
	if want := strings.Count(manifest, "        '"); public != want {
		t.Errorf("%d functions are public, the manifest lists %d", public, want)
	}
}

// TestEmptyPipeline: a function that runs the program once for all that was piped in
// does not run it for nothing, which the program would refuse.
func TestEmptyPipeline(t *testing.T) {
	gathered := regexp.MustCompile(`(?m)^        \$(\w+) = New-Object -TypeName .*List`)
	seen := 0
	for name, body := range bodies(t) {
		_, end, ok := strings.Cut(body, "\n    end {\n")
		if !ok {
			continue
		}
		seen++
		list := gathered.FindStringSubmatch(body)
		if list == nil || !strings.HasPrefix(end, "        if ($"+list[1]+".Count -eq 0) {\n            return\n        }\n") {
			t.Errorf("%s: its end does not begin with what an empty pipeline needs (%q)", name, list)
		}
	}
	if seen < 3 {
		t.Errorf("only %d functions gather what is piped in", seen)
	}
}

// TestFiles: a parameter whose help has files takes several.
func TestFiles(t *testing.T) {
	seen := 0
	for name, body := range bodies(t) {
		for _, m := range regexp.MustCompile(`\.PARAMETER (\w+)\n    (?:Files|Client logs: files)\b`).FindAllStringSubmatch(body, -1) {
			seen++
			if !strings.Contains(body, "        [string[]] $"+m[1]+",\n") {
				t.Errorf("%s: -%s takes one file", name, m[1])
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d parameters take files", seen)
	}
	body := bodies(t)["Get-LyncSignInLog"]
	for _, want := range []string{"Resolve-Path -Path $one", "Test-Path -LiteralPath $one", "[Alias('FullName', 'PSPath')]"} {
		if !strings.Contains(body, want) {
			t.Errorf("Get-LyncSignInLog has no %s", want)
		}
	}
}

// TestTimesWithoutZone: ToUniversalTime takes them for local ones. That is right for
// what somebody types, and not for what stands in a document.
func TestTimesWithoutZone(t *testing.T) {
	for name, want := range map[string]string{
		"ConvertTo-LyncDiagText": "$Time.Kind -eq [System.DateTimeKind]::Unspecified) {\n        return $Time.ToString(",
		"ConvertTo-LyncDiagTime": "$value.Kind -ne [System.DateTimeKind]::Unspecified) {\n                $property.Value = $value.ToUniversalTime()",
		"Test-LyncSignIn":        "ConvertTo-LyncDiagText -Time $SuppressUntil.ToUniversalTime()",
	} {
		if !strings.Contains(bodies(t)[name], want) {
			t.Errorf("%s has no %s", name, want)
		}
	}
}

// TestErrorIDs: about_LyncDiag lists the ids of the module's errors, and no other.
func TestErrorIDs(t *testing.T) {
	raised, listed := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:-Id |\$exception, )'(LyncDiag\.\w+)'`).FindAllStringSubmatch(read(t, "LyncDiag/LyncDiag.psm1"), -1) {
		raised[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^    (LyncDiag\.\w+)  `).FindAllStringSubmatch(read(t, "LyncDiag/en-US/about_LyncDiag.help.txt"), -1) {
		listed[m[1]] = true
	}
	if len(raised) == 0 || !maps.Equal(raised, listed) {
		t.Errorf("errors %q, listed %q", slices.Sorted(maps.Keys(raised)), slices.Sorted(maps.Keys(listed)))
	}
}

// schemaKeys are the keys of a document or of a definition in it.
func schemaKeys(t *testing.T, document, definition string) map[string]json.RawMessage {
	t.Helper()
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Defs       map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(read(t, "../../docs/schema/"+document+".v1.json")), &s); err != nil {
		t.Fatal(err)
	}
	if definition == "" {
		return s.Properties
	}
	return s.Defs[definition].Properties
}

// types are the type names of the module, and where their keys are defined.
var types = map[string][2]string{
	"LyncDiag.Report": {"report", ""}, "LyncDiag.Finding": {"report", "finding"}, "LyncDiag.Dns": {"dns", ""}, "LyncDiag.DnsRecord": {"dns", "record"},
	"LyncDiag.Realm": {"realm", ""}, "LyncDiag.Mex": {"mex", ""}, "LyncDiag.Log": {"log", ""}, "LyncDiag.LogFile": {"log", "logFile"},
	"LyncDiag.Comparison": {"diff", ""}, "LyncDiag.Change": {"diff", "diffFinding"}, "LyncDiag.Bundle": {"collect", ""}, "LyncDiag.Attempt": {"log", "attempt"}, "LyncDiag.Explanations": {"explain", ""}, "LyncDiag.Explanation": {"explain", "explanation"},
}

// made is what a function of the module makes itself.
var made = map[string][]string{"LyncDiag.Federation": {"Address", "NamespaceType", "MexUrl", "Realm", "Mex", "Findings"}, "LyncDiag.Change": {"address"}}

// TestFormat: a view shows what its type has.
func TestFormat(t *testing.T) {
	var format struct {
		Views []struct {
			Types []string `xml:"ViewSelectedBy>TypeName"`
			Inner string   `xml:",innerxml"`
		} `xml:"ViewDefinitions>View"`
	}
	if err := xml.Unmarshal([]byte(read(t, "LyncDiag/LyncDiag.Format.ps1xml")), &format); err != nil {
		t.Fatal(err)
	}
	module := read(t, "LyncDiag/LyncDiag.psm1")
	for _, view := range format.Views {
		name := view.Types[0]
		if !strings.Contains(module, "'"+name+"'") {
			t.Errorf("the module makes no %s", name)
		}
		has := func(key string) bool {
			if slices.Contains(made[name], key) {
				return true
			}
			_, ok := schemaKeys(t, types[name][0], types[name][1])[key]
			return ok
		}
		for _, m := range regexp.MustCompile(`<PropertyName>(\w+)</PropertyName>`).FindAllStringSubmatch(view.Inner, -1) {
			if !has(m[1]) {
				t.Errorf("%s has no %s", name, m[1])
			}
		}
		scripts := regexp.MustCompile(`<ScriptBlock>(.*?)</ScriptBlock>`).FindAllStringSubmatch(view.Inner, -1)
		for _, m := range scripts {
			key := regexp.MustCompile(`\$_\.(\w+)`).FindStringSubmatch(m[1])
			if key == nil || !has(key[1]) {
				t.Errorf("%s: %s", name, m[1])
			}
		}
	}
	// What the module makes times of is what the schemas of its documents say are
	// times. (An old DNS answer's may be absent, which its schema shows as a text.)
	times := map[string]bool{"cachedUntil": true}
	for _, m := range regexp.MustCompile(`-TypeName '(LyncDiag\.\w+)'`).FindAllStringSubmatch(module, -1) {
		place, ok := types[m[1]]
		if !ok {
			if made[m[1]] == nil {
				t.Errorf("%s is not known to this test", m[1])
			}
			continue
		}
		if len(schemaKeys(t, place[0], place[1])) == 0 {
			t.Errorf("%s: no keys in %v", m[1], place)
		}
		text := read(t, "../../docs/schema/"+place[0]+".v1.json")
		for _, key := range regexp.MustCompile(`"(\w+)": \{\s*"type": "string",[^{}]*"format": "date-time"`).FindAllStringSubmatch(text, -1) {
			times[key[1]] = true
		}
		if strings.Count(text, `"date-time"`) != len(regexp.MustCompile(`"type": "string",[^{}]*"format": "date-time"`).FindAllString(text, -1)) {
			t.Errorf("%s: a time is written otherwise than this test reads it", place[0])
		}
	}
	line := regexp.MustCompile(`(?m)^\$script:TimeFields = (.*)$`).FindStringSubmatch(module)
	if want := "'" + strings.Join(slices.Sorted(maps.Keys(times)), "', '") + "'"; line == nil || line[1] != want {
		t.Errorf("the module's times are %q, those of the schemas %s", line, want)
	}
}

// TestKeysThatTheModuleReads: whatever follows a variable that holds a document or
// a part of it is a key of some schema.
func TestKeysThatTheModuleReads(t *testing.T) {
	known := map[string]bool{}
	files, err := filepath.Glob(filepath.FromSlash("../../docs/schema/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas: %v", err)
	}
	key := regexp.MustCompile(`"(\w+)": \{`)
	for _, file := range files {
		for _, m := range key.FindAllStringSubmatch(read(t, file), -1) {
			known[m[1]] = true
		}
	}
	used := regexp.MustCompile(`\$(?:report|document|realm|mex|log|finding|first|match|fault|question|Report)((?:\.[a-z]\w*)+)`)
	for _, path := range scripts(t) {
		for _, m := range used.FindAllStringSubmatch(read(t, path), -1) {
			for _, name := range strings.Split(m[1][1:], ".") {
				if !known[name] && name != "records" {
					t.Errorf("%s: no document has %s", path, m[0])
				}
			}
		}
	}
}

// argv takes a command line apart as CommandLineToArgvW does behind the program's
// name.
func argv(line string) []string {
	var list []string
	word, slashes, quoted, begun := "", 0, false, false
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] == '\\' {
			slashes++
			begun = true
			continue
		}
		if i < len(line) && line[i] == '"' {
			word += strings.Repeat(`\`, slashes/2)
			begun = true
			switch {
			case slashes%2 == 1:
				word += `"`
			case quoted && i+1 < len(line) && line[i+1] == '"':
				word += `"`
				i++
			default:
				quoted = !quoted
			}
			slashes = 0
			continue
		}
		word += strings.Repeat(`\`, slashes)
		slashes = 0
		if i == len(line) || !quoted && (line[i] == ' ' || line[i] == '\t') {
			if begun {
				list = append(list, word)
			}
			word, begun = "", false
			continue
		}
		word += line[i : i+1]
		begun = true
	}
	return list
}

// TestQuoting does what ConvertTo-LyncDiagCommandLine does, with the patterns that
// stand in it, and takes the line apart again.
func TestQuoting(t *testing.T) {
	body := bodies(t)["ConvertTo-LyncDiagCommandLine"]
	replaced := regexp.MustCompile(`-replace '([^']+)', '([^']+)'`).FindAllStringSubmatch(body, -1)
	plain := regexp.MustCompile(`-notmatch '([^']+)'`).FindStringSubmatch(body)
	if len(replaced) != 2 || plain == nil {
		t.Fatalf("%q, %q: the function is another one than this test knows", replaced, plain)
	}
	quote := func(args []string) string {
		var line []string
		for _, arg := range args {
			if arg == "" || regexp.MustCompile(plain[1]).MatchString(arg) {
				for _, r := range replaced {
					arg = regexp.MustCompile(r[1]).ReplaceAllString(arg, r[2])
				}
				arg = `"` + arg + `"`
			}
			line = append(line, arg)
		}
		return strings.Join(line, " ")
	}
	words := []string{"", "a", `\`, `\\`, `"`, `a b`, `C:\a b\`, `C:\a\`, `a\"b`, `a\\"`, `""`, "a\tb", "\\\n", "a b\\\\\n", "--message=The \"server\" \\", "caf\u00e9 \u4e2d"}
	for _, a := range words {
		for _, b := range words {
			for _, args := range [][]string{{a, b}, {a + b, "end"}, {b + a + b, "", a}} {
				if got := argv(quote(args)); !slices.Equal(got, args) {
					t.Fatalf("%q becomes %s and that %q", args, quote(args), got)
				}
			}
		}
	}
}

// program builds the command once for all tests.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lyncdiag")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/lyncdiag").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func call(t *testing.T, program, stdin string, args ...string) (stdout string, code int) {
	t.Helper()
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problem
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if problem.Len() > 0 {
		t.Errorf("%q: %s", args, problem.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// TestCallsOfTheModule makes the calls that the functions make, with every flag
// that they know, and reads the answers as they do.
func TestCallsOfTheModule(t *testing.T) {
	lyncdiag := program(t)
	module := read(t, "LyncDiag/LyncDiag.psm1")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users := write("users.tmp", "UserPrincipalName,SipAddress\r\n\"joe@contoso.example\",\"joe.smith@contoso.example\"\r\n\"a\"\"b@contoso.example\",\"ann@contoso.example\"\r\n")
	domains := write("domains.tmp", "contoso.example\r\ncontoso.example\r\n")
	user := write("user.json", `{"UserPrincipalName": "joe@contoso.example", "AccountEnabled": true}`)
	domain := write("domain.json", `[{"id": "contoso.example", "authenticationType": "Federated", "isVerified": true}]`)
	log := write("client.uccapilog", read(t, "../../sip/testdata/signin-4005.uccapilog"))
	bundle := filepath.Join(dir, "bundle")
	if err := os.Mkdir(bundle, 0o700); err != nil {
		t.Fatal(err)
	}
	network := []string{"--deployment", "auto", "--cloud", "worldwide", "--client", "any", "--location", "outside", "--timeout", "30s"}
	evidence := []string{"--user", user, "--domain", domain, "--log", log, "--bundle", bundle, "--message", `The "server" is \not\ responding\`, "--answer", "portal-sign-in=yes", "--ticket", ""}
	recorded := filepath.Join(dir, "recorded.ndjson")
	called := ""
	for _, c := range []struct {
		stdin string
		args  [][]string
		codes []int
		lines int
	}{
		{"", [][]string{{"check", "--output", "ndjson"}, network, {"--lab=healthy"}, {"--", "joe@contoso.example"}}, []int{0}, 1},
		{"", [][]string{{"check", "--output", "ndjson"}, {"--lab=adfs-mex-http-500"}, {"--input", users, "--concurrency", "2"}}, []int{1}, 2},
		{"", [][]string{{"check", "--output", "ndjson"}, {"--lab=healthy"}, {"--user-name", "smith@contoso.example"}, {"--", "joe@contoso.example"}}, []int{0}, 1},
		{"", [][]string{{"check", "--output", "ndjson"}, {"--offline"}, evidence, {"--", "joe@contoso.example"}}, []int{1, 3}, 1},
		{"Lab-Passw0rd\n", [][]string{{"check", "--output", "ndjson"}, {"--lab=healthy"}, {"--password-stdin", "--user-name", "joe@contoso.example"}, {"--", "joe@contoso.example"}}, []int{0}, 1},
		{"", [][]string{{"check", "--output", "ndjson"}, {"--lab=adfs-mex-http-500", "--output", "ndjson=" + recorded}, {"--", "joe@contoso.example"}}, []int{1}, 1},
		{"", [][]string{{"check", "--output", "ndjson"}, {"--lab=adfs-mex-http-500", "--baseline", recorded, "--suppress", "user-blocked=joe@contoso.example", "--suppress", "escalate", "--until", "2031-12-31T17:00:00Z", "--output", "ndjson=" + recorded}, {"--", "joe@contoso.example"}}, []int{0}, 1},
		{"", [][]string{{"diff", "--output", "ndjson", "--"}, {recorded, recorded}}, []int{0}, 1},
		{"", [][]string{{"dns", "--output", "ndjson"}, {"--lab=dns-sip-tls-srv-missing"}, {"--", "contoso.example"}}, []int{1}, 1},
		{"", [][]string{{"dns", "--output", "ndjson"}, {"--lab=healthy"}, {"--input", domains}}, []int{0}, 1},
		{"", [][]string{{"dns", "--output", "ndjson"}, {"--dns", "internal=127.0.0.1", "--dns", "external=127.0.0.1", "--proxy", "none", "--offline"}, {"--", "contoso.example"}}, []int{3}, 1},
		{"", [][]string{{"adfs", "realm", "--output", "ndjson"}, {"--lab=healthy"}, {"--", "joe@contoso.example"}}, []int{0}, 1},
		{"", [][]string{{"adfs", "mex", "--output", "ndjson"}, {"--lab=healthy"}, {"--", "https://sts.contoso.example/adfs/services/trust/mex"}}, []int{0}, 1},
		{"", [][]string{{"log", "--output", "ndjson", "--"}, {log}}, []int{1}, 1},
		{"", [][]string{{"collect", "--output", "ndjson", "--file"}, {filepath.Join(dir, "joe.zip"), "--lab=healthy", "--log", log, "--redact-map", filepath.Join(dir, "map.json"), "--ticket", "INC1", "--user-name", "smith@contoso.example", "--", "joe@contoso.example"}}, []int{0, 1}, 1},
		{"", [][]string{{"collect", "--output", "ndjson", "--file"}, {filepath.Join(dir, "plan.zip"), "--lab=healthy", "--redact=false", "--plan", "--", "joe@contoso.example"}}, []int{0, 1}, 1},
		{"", [][]string{{"explain", "--output", "ndjson", "--"}, {"-2146762481"}}, []int{0, 1}, 1},
		{"", [][]string{{"explain", "--output", "ndjson", "--"}, {"nothing that anybody has ever said"}}, []int{1}, 1},
		{"", [][]string{{"lab", "faults", "--output", "ndjson"}}, []int{0}, 1},
		{"", [][]string{{"catalogue", "--output", "ndjson"}}, []int{0}, 1},
	} {
		// The words that begin a call stand in the module as they are typed here.
		literal := "'" + strings.Join(c.args[0], "', '") + "'"
		if !strings.Contains(module, literal) {
			t.Errorf("the module does not call %s", literal)
		}
		args := slices.Concat(c.args...)
		called += strings.Join(args, " ") + " "
		out, code := call(t, lyncdiag, c.stdin, args...)
		if lines := strings.Count(out, "\n"); !slices.Contains(c.codes, code) || lines != c.lines {
			t.Errorf("%q: exit code %d, %d lines\n%.400s", args, code, lines, out)
		}
		for line := range strings.Lines(out) {
			if err := convertible(line); err != nil {
				t.Errorf("%q: %v", args, err)
			}
		}
	}
	// And every flag in the module is among those calls.
	for _, m := range regexp.MustCompile(`'(--[a-z-]+)`).FindAllStringSubmatch(module, -1) {
		if !strings.Contains(called, m[1]) {
			t.Errorf("%s is not tried here", m[1])
		}
	}
}

// TestEveryDocumentConverts reads the report of every fault of the lab, and the
// other documents, as ConvertFrom-Json does.
func TestEveryDocumentConverts(t *testing.T) {
	lyncdiag := program(t)
	out, _ := call(t, lyncdiag, "", "lab", "faults", "-o", "json")
	var faults struct {
		Faults []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(out), &faults); err != nil || len(faults.Faults) < 50 {
		t.Fatalf("%d faults, %v", len(faults.Faults), err)
	}
	if err := convertible(out); err != nil {
		t.Errorf("lab faults: %v", err)
	}
	// Many faults are a wait, so more of them at a time than there are processors.
	var all sync.WaitGroup
	room := make(chan bool, 16)
	for _, f := range faults.Faults {
		room <- true
		all.Go(func() {
			out, err := exec.CommandContext(t.Context(), lyncdiag, "check", "--lab="+f.Name, "-o", "json").Output()
			if len(out) == 0 {
				t.Errorf("%s: %v", f.Name, err)
			} else if err := convertible(string(out)); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			<-room
		})
	}
	all.Wait()
	for _, args := range [][]string{
		{"autodiscover", "--lab"}, {"cert", "--lab", "sipdir.online.lync.com"}, {"port", "--plan"}, {"sip", "--lab", "sipdir.online.lync.com"},
		{"adfs", "metadata", "--lab", "https://sts.contoso.example/FederationMetadata/2007-06/FederationMetadata.xml"}, {"adfs", "token", "--lab"},
		{"scope"}, {"schema"}, {"version"}, {"catalogue"}, {"proxy", "--lab"},
	} {
		out, _ := call(t, lyncdiag, "", append(args, "-o", "json")...)
		if err := convertible(out); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// Limits of ConvertFrom-Json in Windows PowerShell 5.1, which uses
// JavaScriptSerializer.
const (
	maxJSONLength  = 2 << 20
	recursionLimit = 100
)

// looksLikeTime is what PowerShell 7 makes a [datetime] of.
var looksLikeTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)

// convertible reads text as ConvertFrom-Json does: its first line alone, if that is
// JSON; else all of it. Keys are looked up without regard to case, and null and what
// becomes a time by its looks surprise a script.
func convertible(text string) error {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return fmt.Errorf("byte %d is %#x: the console's code page would change it", i, c)
		}
	}
	if len(text) > maxJSONLength {
		return fmt.Errorf("%d characters are more than Windows PowerShell 5.1 takes", len(text))
	}
	first, rest, _ := strings.Cut(text, "\n")
	if json.Valid([]byte(first)) && strings.TrimSpace(rest) != "" {
		return errors.New("the first line is a document of its own")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := convert(d, "", 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one document")
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return errors.New("the root is no object")
	}
	return nil
}

func convert(d *json.Decoder, path string, depth int) error {
	if depth > recursionLimit {
		return fmt.Errorf("%s: deeper than %d", path, recursionLimit)
	}
	k, err := d.Token()
	if err != nil {
		return err
	}
	switch v := k.(type) {
	case nil:
		return fmt.Errorf("%s is null", path)
	case json.Number:
		if _, err := v.Int64(); err != nil {
			if _, err := v.Float64(); err != nil {
				return fmt.Errorf("%s: %s", path, v)
			}
		}
	case string:
		isTime := regexp.MustCompile(`(At|Until|notBefore|notAfter|[uU]pdate|expires|thisUpdate|from|to|since|until)$`).MatchString(path)
		if looksLikeTime.MatchString(v) && (!isTime || !strings.HasSuffix(v, "Z")) {
			return fmt.Errorf("%s would become a time: %s", path, v)
		}
	case json.Delim:
		seen := map[string]bool{}
		for i := 0; d.More(); i++ {
			inner := path + "[]"
			if v == '{' {
				k, err := d.Token()
				if err != nil {
					return err
				}
				key := k.(string)
				if key == "" || seen[strings.ToLower(key)] {
					return fmt.Errorf("%s: the key %q is empty or there twice", path, key)
				}
				if path == "" && i == 0 && key != "schema" {
					return fmt.Errorf("the first key is %q", key)
				}
				seen[strings.ToLower(key)] = true
				inner = path + "." + key
			}
			if err := convert(d, inner, depth+1); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	return nil
}

// TestConvertible: the re-implementation itself refuses what it should.
func TestConvertible(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema":"a","b":[1,"x",true,{}]}`:                    "",
		`{"schema":"a","b":null}`:                               "null",
		`{"schema":"a","b":1,"B":2}`:                            "twice",
		`{"schema":"a","":1}`:                                   "empty",
		`{"b":1,"schema":"a"}`:                                  "first key",
		`{"schema":"é"}`:                                        "code page",
		"true\n{\"schema\":\"a\"}":                              "document of its own",
		"{\n\"schema\":\"a\"}\n{\n\"schema\":\"b\"}":            "more than one",
		`{"schema":"a","id":"2024-01-01T00:00:00Z"}`:            "become a time",
		`{"schema":"a","atAt":"2024-01-01T00:00:00"}`:           "become a time",
		`{"schema":"a","startedAt":"2024-01-01T00:00:00.000Z"}`: "",
		`["schema"]`: "no object",
		`{"schema":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}": "deeper",
	} {
		err := convertible(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}
