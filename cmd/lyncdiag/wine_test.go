//go:build wine

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// wine is a computer with Windows, as far as wine is one, and the program as it is
// released. It has a network of TCP alone: wine has no UDP that Go's runtime takes.
type wine struct {
	loader  string
	prefix  string
	exe     string // the program
	console string // lyncdiag/internal/console
	env     []string
}

// prng is bcryptprimitives.dll with the one function that Go's runtime does not
// start without; wine 8 has no such file.
const prng = `
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(void *, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size)
{
	const ULONG most = 1 << 30;

	for (; size > most; data += most, size -= most)
		if (!SystemFunction036(data, most))
			return FALSE;
	return SystemFunction036(data, (ULONG)size);
}
`

// start runs a Windows program between pipes. In one of some thousand times wine ends
// with 1 before the program begins, and says nothing or that its server did not take
// thread 0, which is none yet; then it is tried again. That a thread of wine's own
// faults while a program ends is none of the program's faults.
const start = `
said=$TMPDIR/said.$$
for try in 1 2 3; do
	{ "$wine" "$@" 2>"$said.err"; echo $? >"$said.code"; } | cat >"$said.out"
	read -r code <"$said.code"
	[ "$code" = 1 ] && [ ! -s "$said.out" ] && ! grep -qv '^wine client error:0:' "$said.err" || break
done
cat "$said.out"
grep -v '^wine: Unhandled page fault' "$said.err" >&2
rm "$said.code" "$said.out" "$said.err"
exit "$code"
`

func TestWine(t *testing.T) {
	w := newWine(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"scripts", w.scripts},
		{"faults", w.faults},
		{"documents", w.documents},
		{"loopback", w.loopback},
		{"code pages", w.codePages},
		{"paths", w.paths},
		{"interrupted", w.interrupted},
		{"collect", w.collect},
		{"client", w.client}, // changes what others see
	} {
		t.Run(test.name, test.run)
	}
}

// newWine makes a prefix of its own, so that the user's stays as it is.
func newWine(t *testing.T) *wine {
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/lib/wine") // where Debian has the programs behind its wrappers
	var found []string
	for _, name := range []string{"wine64", "wineserver64", "x86_64-w64-mingw32-gcc"} {
		path, err := exec.LookPath(name)
		if err != nil {
			if os.Getenv("LYNCDIAG_REQUIRE_PEERS") == "1" {
				t.Fatalf("%s is required (Debian: wine64, gcc-mingw-w64-x86-64)", name)
			}
			t.Skipf("no %s here (Debian: wine64, gcc-mingw-w64-x86-64)", name)
		}
		found = append(found, path)
	}
	dir := t.TempDir()
	w := &wine{loader: filepath.Join(dir, "bin", "wine"), prefix: filepath.Join(dir, "prefix"), exe: filepath.Join(dir, "lyncdiag.exe"), console: filepath.Join(dir, "console.exe")}
	for _, name := range []string{"tmp", "home"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// The server's socket lies in TMPDIR. What wine says of itself would stand among
	// the program's errors.
	own := []string{"WINEPREFIX=" + w.prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=", "TMPDIR=" + filepath.Join(dir, "tmp"),
		"HOME=" + filepath.Join(dir, "home"), "LC_ALL=C.UTF-8", "TERM=", "DISPLAY="}
	w.env = append(os.Environ(), own...)

	release := filepath.Join(dir, "release")
	build(t, nil, "go", "run", "../../lyncdiag/internal/release", "-target", "windows/amd64", "-out", release)
	unpack(t, release, w.exe)
	build(t, []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}, "go", "build", "-o", w.console, "../../lyncdiag/internal/console")
	source, shim := filepath.Join(dir, "prng.c"), filepath.Join(dir, "bcryptprimitives.dll")
	write(t, source, prng)
	build(t, nil, found[2], "-shared", "-Os", "-s", "-o", shim, source, "-ladvapi32")

	// Windows programs start through a script, as the tests' own scripts do.
	script := "#!/bin/sh\n"
	for _, e := range own {
		script += "export '" + e + "'\n"
	}
	executable(t, w.loader, script+"wine='"+found[0]+"'\n"+start)
	executable(t, filepath.Join(dir, "bin", "lyncdiag"), "#!/bin/sh\nexec '"+w.loader+"' '"+w.exe+"' \"$@\"\n")

	// The server stays until the end; else each command would start all of Windows.
	// Whatever wine starts keeps what it inherits open, so these inherit nothing.
	server := exec.Command(found[1], "--foreground", "--persistent")
	server.Env = w.env
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop := exec.Command(found[1], "--kill")
		stop.Env = w.env
		if err := stop.Start(); err != nil {
			t.Error(err)
			return
		}
		server.Wait() // fails, as it is killed
		if err := stop.Wait(); err != nil {
			t.Error("wineserver --kill: ", err)
		}
	})
	boot := w.command("wineboot", "--init")
	if err := boot.Run(); err != nil {
		t.Fatal("wineboot: ", err)
	}
	text, err := os.ReadFile(shim)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w.drive("windows/system32/bcryptprimitives.dll"), string(text))
	return w
}

// drive is a path of drive C.
func (w *wine) drive(path string) string {
	return filepath.Join(w.prefix, "drive_c", filepath.FromSlash(path))
}

// command runs a Windows program.
func (w *wine) command(args ...string) *exec.Cmd {
	c := exec.Command(w.loader, args...)
	c.Env = w.env
	return c
}

// call runs the program with pipes, as [call] does in this process.
func (w *wine) call(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return ended(t, w.command(append([]string{w.exe}, args...)...), stdin)
}

// screen runs the program in a console with that code page and reads the screen.
func (w *wine) screen(t *testing.T, codePage string, args ...string) (code int, text string) {
	t.Helper()
	code, text, errs := ended(t, w.command(append([]string{w.console, "-codepage", codePage, w.exe}, args...)...), "")
	if errs != "" {
		t.Errorf("%q: %s", args, errs)
	}
	return code, text
}

// interrupt runs the program and presses Ctrl-C when it has said text on stderr.
func (w *wine) interrupt(t *testing.T, text string, args ...string) (code int, stdout string) {
	t.Helper()
	code, stdout, errs := ended(t, w.command(append([]string{w.console, "-interrupt", text, w.exe}, args...)...), "")
	if !strings.Contains(errs, text) {
		t.Errorf("%q: not interrupted: %s", args, errs)
	}
	return code, stdout
}

func ended(t *testing.T, c *exec.Cmd, stdin string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%q: %v", c.Args, err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

func build(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
}

// unpack takes the program out of a release.
func unpack(t *testing.T, release, exe string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(release, "lyncdiag-[0-9]*.zip"))
	if err != nil || len(list) != 1 {
		t.Fatalf("the release has %q: %v", list, err)
	}
	archive, err := zip.OpenReader(list[0])
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	text, err := fs.ReadFile(archive, "lyncdiag.exe")
	if err != nil {
		t.Fatal(err)
	}
	write(t, exe, string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func executable(t *testing.T, path, text string) {
	t.Helper()
	write(t, path, text)
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// scripts runs the scripts of TestScripts.
func (w *wine) scripts(t *testing.T) {
	list, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(list) == 0 {
		t.Fatalf("%d scripts: %v", len(list), err)
	}
	// The conditions are of the system that the program runs on, and not of this one.
	dir := t.TempDir()
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var script strings.Builder
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "[!windows] ") {
				script.WriteString(strings.TrimPrefix(line, "[windows] "))
			}
		}
		write(t, filepath.Join(dir, filepath.Base(path)), script.String())
	}
	p := scriptParams(dir)
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("PATH", filepath.Join(filepath.Dir(w.exe), "bin")+":"+e.Getenv("PATH"))
		return nil
	}
	testscript.Run(t, p)
}

// faults compares what the program says of every fault of the lab here and there.
func (w *wine) faults(t *testing.T) {
	for _, f := range lab.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := w.call(t, "", "check", "--lab="+f.Name)
			if errs != "" {
				t.Errorf("stderr %q", errs)
			}
			got := saidOf(t, out)
			synctest.Test(t, func(t *testing.T) {
				if want := report(t, code, "check", "--lab="+f.Name); got != want {
					t.Errorf("Windows says\n%s, want\n%s", got, want)
				}
			})
		})
	}
}

// documents compares what every command prints here and there.
func (w *wine) documents(t *testing.T) {
	for name, args := range documentCommands(t) {
		if name == "version" {
			continue // it names the system
		}
		code, out, errs := w.call(t, "", args...)
		wantCode, want, _ := call(t, t.Context(), args...)
		if code != wantCode || errs != "" {
			t.Errorf("%q: exit code %d, want %d, stderr %q", args, code, wantCode, errs)
		}
		validate(t, name, out)
		if name == "proxy" || name == "collect" {
			continue // what Windows has set, and a client that could be exported
		}
		if d := differ(t, out, want); d != "" {
			t.Errorf("%q: %s", args, d)
		}
	}
}

// lasting is a document without what differs from run to run and from build to
// build: times, versions, and
// the certificates of the lab.
func lasting(t *testing.T, document string) string {
	t.Helper()
	var x any
	if err := json.Unmarshal([]byte(document), &x); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	var strip func(any)
	strip = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			for k, v := range x {
				if slices.Contains([]string{"tool", "at", "startedAt", "notBefore", "notAfter", "thisUpdate", "nextUpdate", "thumbprint", "serialNumber"}, k) || strings.HasSuffix(k, "Ms") {
					delete(x, k)
				}
				strip(v)
			}
		case []any:
			for _, v := range x {
				strip(v)
			}
		}
	}
	strip(x)
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// differ is the first line in which two documents differ lastingly.
func differ(t *testing.T, got, want string) string {
	t.Helper()
	g, w := strings.Split(lasting(t, got), "\n"), strings.Split(lasting(t, want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return strings.Join(g[max(0, i-3):i+1], "\n") + ", want\n" + w[i]
		}
	}
	if len(g) != len(w) {
		return "one document is longer"
	}
	return ""
}

// elsewhere is what is said where nobody looks at this computer's client.
func elsewhere(said string) string {
	return strings.Replace(said, "{ID:client Status:passed Finding: Skip:} ", "", 1)
}

// loopback lets the program speak to the lab over sockets.
func (w *wine) loopback(t *testing.T) {
	in, out := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"lab", "--fault", "adfs-mex-http-500", "-o", "ndjson"}, strings.NewReader(""), out, io.Discard, os.LookupEnv)
		out.Close()
	}()
	defer func() { stop(); <-ended }()
	var document struct{ Flags []string }
	if err := json.NewDecoder(in).Decode(&document); err != nil {
		t.Fatal(err)
	}
	for i, flag := range document.Flags {
		if i > 0 && document.Flags[i-1] == "--dns" {
			document.Flags[i] = "tcp://" + flag
		}
	}
	args := append([]string{"check", "joe@contoso.example"}, document.Flags...)
	code, got, errs := w.call(t, "", args...)
	if code != 1 || errs != "" {
		t.Fatalf("exit code %d, stderr %q", code, errs)
	}
	if got, want := elsewhere(saidOf(t, got)), report(t, 1, args...); got != want || !strings.Contains(got, "adfs-mex-http-500") {
		t.Errorf("Windows says\n%s, want\n%s", got, want)
	}
}

// codePages reads files in the code pages of consoles, and shows them in such
// consoles and through pipes.
func (w *wine) codePages(t *testing.T) {
	t.Chdir(t.TempDir())
	for page, charset := range map[string]encoding.Encoding{"437": charmap.CodePage437, "850": charmap.CodePage850, "65001": unicode.UTF8} {
		users, err := charset.NewEncoder().String("UserPrincipalName,DisplayName\r\njörg@müller.example,Jörg Müller\r\n")
		if err != nil {
			t.Fatal(err)
		}
		write(t, "users.csv", users)
		args := []string{"check", "--offline", "--user", "users.csv"}
		const code = exitUnfinished // one user alone decides nothing
		want := report(t, code, args...)
		for name, stdin := range map[string]string{"users.csv": "", "-": users} {
			args[3] = name
			gotCode, got, errs := w.call(t, stdin, args...)
			if said := elsewhere(saidOf(t, got)); gotCode != code || errs != "" || said != want || !strings.Contains(got, `"address": "j\u00f6rg@m\u00fcller.example"`) {
				t.Errorf("%s, %s: exit code %d, want %d, stderr %q, %s, want %s", page, name, gotCode, code, errs, said, want)
			}
		}
		if got, text := w.screen(t, page, "check", "--offline", "--user", "users.csv"); got != code || !strings.Contains(text, "jörg@müller.example") {
			t.Errorf("%s: exit code %d, want %d, the screen shows %s", page, got, code, text)
		}
		// What the code page has no letters for is shown all the same.
		if _, text := w.screen(t, page, "explain", "жž", "-o", "json"); !strings.Contains(text, `"query": "\u0436\u017e"`) {
			t.Errorf("%s: the screen shows %s", page, text)
		}
		if _, text := w.screen(t, page, "check", "ž@contoso.example", "--lab", "--offline", "-o", "short"); !strings.Contains(text, "ž@contoso.example") {
			t.Errorf("%s: the screen shows %s", page, text)
		}
	}
	// cmd.exe's own pipe, and its redirection.
	write(t, "client.uccapilog", register)
	code, out, errs := ended(t, w.command("cmd", "/c", "type client.uccapilog | "+`Z:`+strings.ReplaceAll(w.exe, "/", `\`)+" log - > out.json"), "")
	text, err := os.ReadFile("out.json")
	if code != 1 || out+errs != "" || err != nil || !strings.Contains(string(text), `"finalStatus": 404`) {
		t.Errorf("exit code %d, %q, %q, %v: %s", code, out, errs, err, text)
	}
}

// paths gives the program files by names of every kind, and lets it write there.
func (w *wine) paths(t *testing.T) {
	const share = `\\server\share\`
	deep := strings.Repeat(strings.Repeat("d", 90)+`\`, 4)
	for name, folder := range map[string]string{
		"letters":      `C:\Prüfung 1\ž & (2)\`,
		"long":         `C:\` + deep,
		"verbatim":     `\\?\C:\verbatim\` + deep,
		"UNC":          share,
		"UNC long":     share + deep,
		"UNC verbatim": `\\?\UNC\server\share\verbatim ж\`,
		"slashes":      "C:/slashes/1 2/",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := w.local(folder)
			write(t, here+"Jörg 1.uccapilog", register)
			write(t, here+"export/hkcu.reg", "REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Communicator]\r\n")
			log := folder + "Jörg 1.uccapilog"
			code, out, errs := w.call(t, "", "log", log, "-o", "json", "-o", "markdown="+folder+"out.md")
			if code != 1 || errs != "" || !strings.Contains(out, `"finalStatus": 404`) {
				t.Fatalf("exit code %d, stderr %q, %s", code, errs, out)
			}
			var document struct{ Files []struct{ Path string } }
			if err := json.Unmarshal([]byte(out), &document); err != nil || len(document.Files) != 1 || document.Files[0].Path != log {
				t.Errorf("the file is named %+v, want %s (%v)", document.Files, log, err)
			}
			if page, err := os.ReadFile(here + "out.md"); err != nil || !bytes.Contains(page, []byte("404")) {
				t.Errorf("%v: %s", err, page)
			}
			if code, _, errs := w.call(t, "", "client", "inspect", "--from", folder+"export"); code != 0 || errs != "" {
				t.Errorf("client: exit code %d, stderr %q", code, errs)
			}
			// A folder of logs, kept in a bundle beside them.
			if code, _, errs := w.call(t, "", "collect", "joe@contoso.com", "--offline", "--log", folder, "--file", folder+"bündel 1.zip"); code != 1 || errs != "" {
				t.Fatalf("collect: exit code %d, stderr %q", code, errs)
			}
			if code, out, errs := w.call(t, "", "bundle", folder+"bündel 1.zip"); code != 1 || errs != "" || !strings.Contains(out, "sip-user-not-found") {
				t.Errorf("bundle: exit code %d, stderr %q, %s", code, errs, out)
			}
			left, err := os.ReadDir(here)
			if err != nil || slices.ContainsFunc(left, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }) {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}

// local is a Windows path as this system has it.
func (w *wine) local(path string) string {
	path = strings.ReplaceAll(path, `\`, "/")
	for _, r := range [][2]string{{"//?/UNC", "dosdevices/unc"}, {"//?/C:", "drive_c"}, {"C:", "drive_c"}, {"/", "dosdevices/unc"}} {
		if rest, ok := strings.CutPrefix(path, r[0]); ok {
			return w.prefix + "/" + r[1] + rest
		}
	}
	return path
}

// interrupted presses Ctrl-C: the document is whole, and half a bundle is none.
func (w *wine) interrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out := w.interrupt(t, "Ports started", "check", "--lab=tcp-443-filtered", "--progress", "plain")
	if code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	validate(t, "report", out)
	for _, want := range []string{`"complete": false`, `"exitCode": 130`} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %s:\n%s", want, out)
		}
	}
	code, out = w.interrupt(t, "Ports started", "collect", "--lab=tcp-443-filtered", "--progress", "plain", "--file", "b.zip")
	if code != exitInterrupted || out != "" {
		t.Errorf("collect: exit code %d, %s", code, out)
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// profile is the user's folder.
func (w *wine) profile(t *testing.T) string {
	t.Helper()
	_, out, errs := ended(t, w.command("cmd", "/c", "echo %USERPROFILE%"), "")
	if !strings.HasPrefix(out, `C:\`) {
		t.Fatalf("%q, %s", out, errs)
	}
	return w.local(strings.TrimSpace(out))
}

// client looks at a Lync client of this Windows, sends it elsewhere, and resets it.
func (w *wine) client(t *testing.T) {
	example, err := txtar.ParseFile(filepath.Join("..", "..", "lyncdiag", "client", "testdata", "exports", "sfb2016.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	profile := w.profile(t)
	for _, f := range example.Files {
		if name, ok := strings.CutPrefix(f.Name, "profile/"); ok {
			write(t, profile+"/"+name, string(f.Data))
		}
		if strings.HasSuffix(f.Name, ".reg") {
			write(t, f.Name, string(f.Data))
			if code, out, errs := ended(t, w.command("reg", "import", f.Name), ""); code != 0 {
				t.Fatalf("reg import %s: exit code %d, %s%s", f.Name, code, out, errs)
			}
		}
	}
	lync := w.drive("Lync/lync.exe")
	program, err := os.ReadFile(w.exe)
	if err != nil {
		t.Fatal(err)
	}
	write(t, lync, string(program))
	if code, out, errs := ended(t, w.command("reg", "add", `HKLM\SOFTWARE\Microsoft\Office\16.0\Lync`, "/v", "InstallationDirectory", "/d", `C:\Lync`), ""); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	code, live, errs := w.call(t, "", "client", "inspect")
	if errs != "" {
		t.Fatalf("exit code %d, stderr %q", code, errs)
	}
	validate(t, "client", live)
	for _, want := range []string{`"generation": "sfb2016"`, `"signIn": "joe@contoso.com"`, `"name": "Identity\\EnableADAL"`} {
		if !strings.Contains(live, want) {
			t.Errorf("%s is not in %s", want, live)
		}
	}
	if _, _, errs := w.call(t, "", "client", "export", "--to", "sent"); errs != "" {
		t.Fatalf("export: stderr %q", errs)
	}
	gotCode, sent, errs := call(t, t.Context(), "client", "inspect", "--from", "sent")
	for _, r := range [][2]string{{`"from": "sent"`, `"from": ""`}, {`"where": "sent"`, `"where": ""`}, {`"origin": "bundle"`, `"origin": "live"`}} {
		sent = strings.ReplaceAll(sent, r[0], r[1])
	}
	if d := differ(t, sent, live); gotCode != code || errs != "" || d != "" {
		t.Errorf("exit code %d, want %d, stderr %q: the export says %s", gotCode, code, errs, d)
	}
	// Windows reads the version of the program, which stands in for the client.
	noted, err := os.ReadFile(filepath.Join("sent", "noted.json"))
	if err != nil || !regexp.MustCompile(`(?i)\\lync\.exe",\s*"version": "\d+\.\d+\.\d+\.0"`).Match(noted) {
		t.Errorf("%v: %s", err, noted)
	}

	// What is deleted is the account's key: below an os.Root wine deletes no file.
	const account = `HKCU\Software\Microsoft\Office\16.0\Lync\joe@contoso.com`
	saved := func() bool {
		code, _, _ := ended(t, w.command("reg", "query", account), "")
		return code == 0
	}
	ended(t, w.command("reg", "add", account, "/v", "saved", "/d", "1"), "")
	if code, out, errs := w.call(t, "", "client", "reset", "joe@contoso.com"); code != 0 || errs != "" || !strings.Contains(out, `"dryRun": true`) ||
		!strings.Contains(out, "16.0/Lync/sip_joe@contoso.com") || !strings.Contains(out, `Lync\\joe@contoso.com"`) || !saved() {
		t.Errorf("exit code %d, stderr %q, %s", code, errs, out)
	}
	reset := []string{"client", "reset", "joe@contoso.com", "--only", "registry", "--yes", "--backup", `C:\kept`}
	running := w.command(lync, "log", "-")
	in, err := running.StdinPipe()
	if err == nil {
		err = running.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, live, _ = w.call(t, "", "client", "inspect"); strings.Contains(live, `"running": "yes"`) {
			break
		}
	}
	if code, out, errs := w.call(t, "", reset...); code != exitUnfinished || !strings.Contains(out, "the client runs") {
		t.Errorf("exit code %d, stderr %q, %s", code, errs, out)
	}
	if !saved() {
		t.Error("the key is deleted while the client runs")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	running.Wait() // a log without a line is an error
	if code, out, errs := w.call(t, "", reset...); code != 0 || errs != "" {
		t.Errorf("exit code %d, stderr %q, %s", code, errs, out)
	}
	if kept, err := filepath.Glob(w.drive("kept/*.reg")); saved() || len(kept) != 1 || err != nil {
		t.Errorf("the key is there: %t, kept are %q, %v", saved(), kept, err)
	}
}

// collect takes the client's own logs along, which are found by the profile, and
// puts its trace level back.
func (w *wine) collect(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, errs := w.call(t, "", "collect", "--lab=adfs-mex-http-500", "--file", "lab.zip")
	if code != 1 || errs != "" {
		t.Fatalf("exit code %d, stderr %q", code, errs)
	}
	if got, want := report(t, 1, "bundle", "lab.zip"), report(t, 1, "check", "--lab=adfs-mex-http-500"); got != want {
		t.Errorf("the bundle says %s, want %s", got, want)
	}

	const key = `HKCU\Software\Microsoft\Office\16.0\Lync`
	level := func() string {
		_, out, _ := ended(t, w.command("reg", "query", key, "/v", "TracingLevel"), "")
		for _, word := range []string{"Light", "Full"} {
			if strings.Contains(out, word) {
				return word
			}
		}
		return out
	}
	if code, out, errs := ended(t, w.command("reg", "add", key, "/v", "TracingLevel", "/d", "Light"), ""); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	log := w.profile(t) + "/AppData/Local/Microsoft/Office/16.0/Lync/Tracing/Lync-UccApi-0.UccApilog"
	write(t, log, strings.NewReplacer("joe@", "before@", "Call-ID: a", "Call-ID: b").Replace(register))
	trying := w.command(w.exe, "collect", "joe@contoso.com", "--offline", "--redact=false", "--file", "tried.zip", "--reproduce", "--yes")
	in, err := trying.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	trying.Stdout = &out
	if err := trying.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if level() == "Full" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := level(); got != "Full" {
		t.Errorf("while the user tries, the level is %s", got)
	}
	appended, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(appended, register)
	if err := errors.Join(err, appended.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "\r\n"); err != nil {
		t.Fatal(err)
	}
	trying.Wait()
	if code := trying.ProcessState.ExitCode(); code != 1 || level() != "Light" {
		t.Errorf("exit code %d, the level is %s: %s", code, level(), &out)
	}
	if got := report(t, 1, "bundle", "tried.zip"); !strings.Contains(got, "sip-user-not-found") {
		t.Errorf("the bundle says %s", got)
	}
	if taken := files(t, "tried.zip")["logs/Lync-UccApi-0.UccApilog"]; taken != register {
		t.Errorf("the log in the bundle is not what was logged meanwhile: %s", taken)
	}
}
