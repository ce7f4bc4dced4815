package client

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/tools/txtar"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

var update = flag.Bool("update", false, "rewrite want.json of every export; read the difference before you keep it")

// written is when the files of the tests' exports were written.
var written = time.Date(2013, 5, 1, 10, 0, 0, 0, time.UTC)

func exportFS(archive *txtar.Archive, encode func([]byte) []byte) fstest.MapFS {
	all := fstest.MapFS{}
	for _, f := range archive.Files {
		data := f.Data
		if strings.HasSuffix(f.Name, ".reg") || f.Name == cmdkeyName {
			data = encode(data)
		}
		if f.Name != "want.json" {
			all[f.Name] = &fstest.MapFile{Data: data, ModTime: written}
		}
	}
	return all
}

func asUTF16(order binary.AppendByteOrder, mark bool) func([]byte) []byte {
	return func(b []byte) []byte {
		var out []byte
		if mark {
			out = order.AppendUint16(out, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(strings.ReplaceAll(string(b), "\n", "\r\n"))) {
			out = order.AppendUint16(out, u)
		}
		return out
	}
}

// TestExports reads one export of each generation, in every encoding that Windows
// writes, and each to the same client.
func TestExports(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "exports", "*.txtar"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d exports: %v", len(files), err)
	}
	encodings := map[string]func([]byte) []byte{
		"UTF-8":           func(b []byte) []byte { return b },
		"UTF-8 with mark": func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) },
		"CRLF":            func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) },
		"UTF-16LE":        asUTF16(binary.LittleEndian, true),
		"UTF-16BE":        asUTF16(binary.BigEndian, true),
		"UTF-16LE bare":   asUTF16(binary.LittleEndian, false),
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want.json" })
			var want []byte
			if i >= 0 {
				want = archive.Files[i].Data
			}
			for name, encode := range encodings {
				c, err := OpenFS("export", exportFS(archive, encode))
				if err != nil {
					t.Fatal(err)
				}
				got, err := json.MarshalIndent(c.Inspect(), "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, '\n')
				if bytes.Equal(got, want) {
					continue
				}
				if !*update || name != "UTF-8" {
					if !*update {
						t.Errorf("%s: got %s", name, got)
					}
					continue
				}
				archive.Files = append(slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want.json" }), txtar.File{Name: "want.json", Data: got})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestCodePages: a console writes its code page into a file, other programs theirs.
func TestCodePages(t *testing.T) {
	const target = "Microsoft_OC1:uri=j\u00fcrgen@contoso.com:specific:OCS:1"
	for _, page := range []*charmap.Charmap{charmap.CodePage850, charmap.CodePage437, charmap.Windows1252} {
		listed, err := page.NewEncoder().String("Aktuell gespeicherte Anmeldeinformationen f\u00fcr:\r\n\r\n    Ziel: LegacyGeneric:target=" + target + "\r\n")
		if err != nil {
			t.Fatal(err)
		}
		c, err := OpenFS("export", fstest.MapFS{cmdkeyName: {Data: []byte(listed)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Inspect().Credentials; !slices.Equal(got, []string{target}) {
			t.Errorf("%s: %q", page, got)
		}
	}
}

// TestExportReadsBack: what Export writes of a computer is read to the same client.
func TestExportReadsBack(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "exports", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := OpenFS("export", exportFS(archive, func(b []byte) []byte { return b }))
			if err != nil {
				t.Fatal(err)
			}
			want := c.Inspect()
			dir := filepath.Join(t.TempDir(), "new", "export")
			list, err := c.Export(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range list {
				b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
				if err != nil {
					t.Fatal(err)
				}
				text := strings.ReplaceAll(string(b), "\x00", "")
				for _, secret := range []string{"h0rse", "7346073460", "68,30,72,73,65", "nobody's business", "fileserver"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s holds %q", name, secret)
					}
				}
			}
			again, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := again.Inspect(); !reflect.DeepEqual(got, want) {
				g, _ := json.MarshalIndent(got, "", " ")
				w, _ := json.MarshalIndent(want, "", " ")
				t.Errorf("got %s\nwant %s", g, w)
			}
			if _, err := c.Export(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
				t.Errorf("a second export to the same folder: %v", err)
			}
		})
	}
}

// TestWithoutLogin: no part of a login stays, and nothing else goes.
func TestWithoutLogin(t *testing.T) {
	for _, c := range [][3]string{
		{"ProxyServer", "proxy.contoso.com:8080", "proxy.contoso.com:8080"},
		{"ProxyServer", "http=p1:80; https=p2:443", "http=p1:80; https=p2:443"},
		{"ProxyServer", "joe:h0rse@p1:80", "p1:80"},
		{"ProxyServer", "http=p1:80;https=joe:h0rse@p2:80", "http=p1:80;https=p2:80"},
		{"ProxyServer", "http=joe:h0rse@p1:80;https=http://p2:443", "http=p1:80;https=http://p2:443"},
		{"ProxyServer", "http=joe:h0rse@p1:80 https=http://ann:h0rse@[2001:db8::1]:80", "http=p1:80;https=http://[2001:db8::1]:80"},
		{"ProxyServer", "joe:h0://rse@p1:80", "p1:80"},
		{"ProxyServer", "joe:h0@rse@p1", "p1"},
		{"ProxyServer", "joe:h0;rse@p1", "p1"},
		{"ProxyServer", "contoso\\joe:h0 rse@p1", "p1"},
		{"AutoConfigURL", "http://wpad.contoso.com/proxy@home.pac", "http://wpad.contoso.com/proxy@home.pac"},
		{"AutoConfigURL", "http://joe:h0rse@wpad.contoso.com:80/proxy@home.pac;v=1", "http://wpad.contoso.com:80/proxy@home.pac;v=1"},
		{"AutoConfigURL", "http://joe:h0/rse@wpad.contoso.com/p", "http://wpad.contoso.com/p"},
		{"autoconfigurl", "joe:h0://rse@wpad", "wpad"},
		{"AutoConfigURL", "http://wpad/p?user=joe&password=h0rse@#x", "http://wpad/p"},
		{"AutoConfigURL", "http://joe:h0?rse@wpad/p", "http://wpad/p"},
		{"AutoConfigURL", "http://joe:1/2@wpad/p", "http://wpad/p"},
		{"AutoConfigURL", "http://wpad.contoso.com:80/proxy@home.pac", "http://wpad.contoso.com:80/proxy@home.pac"},
		{"ProxyOverride", "<local>;*.contoso.com;joe:h0rse@intern", "<local>;*.contoso.com;intern"},
	} {
		if got := withoutLogin(c[0], c[1]); got != c[2] {
			t.Errorf("%s %q: got %q, want %q", c[0], c[1], got, c[2])
		}
	}
	text := func(n uint32, s string) []byte { return append(binary.LittleEndian.AppendUint32(nil, n), s...) }
	for name, v := range map[string]value{
		"text":      textValue("WinHttpSettings", typeString, "joe:h0rse@p1:80"),
		"bare":      {kind: typeBinary, data: []byte("joe:h0rse@p1:80")},
		"short":     {kind: typeBinary, data: []byte("h0rse")},
		"cut short": {kind: typeBinary, data: append([]byte{8: 3, 11: 0}, text(20, "joe:h0rse@p1:80")...)},
		"direct":    {kind: typeBinary, data: append([]byte{8: 1, 11: 0}, text(15, "joe:h0rse@p1:80")...)},
		"longer":    {kind: typeBinary, data: slices.Concat([]byte{8: 3, 11: 0}, text(5, "p1:80"), text(0, ""), []byte("joe:h0rse"))},
	} {
		plain := discreetWinHTTP(v)
		for _, secret := range []string{"joe", "h0", "j\x00o"} {
			if bytes.Contains(plain.data, []byte(secret)) {
				t.Errorf("%s: %q is in %q", name, secret, plain.data)
			}
		}
		server, bypass, err := winHTTP(v)
		if s, b, e := winHTTP(plain); s != server || b != bypass || e != err {
			t.Errorf("%s: reads as %q, %q, %v, want %q, %q, %v", name, s, b, e, server, bypass, err)
		}
	}
}

// TestExportsAsTheyCome: what people send is wrapped, joined and of every kind of account.
func TestExportsAsTheyCome(t *testing.T) {
	const account = `\Software\Microsoft\Office\16.0\Lync]` + "\r\n" + `"ServerSipUri"="joe@contoso.com"` + "\r\n"
	export := func(keys ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("Windows Registry Editor Version 5.00\r\n\r\n" + strings.Join(keys, "\r\n"))}
	}
	own := export(`[HKEY_CURRENT_USER` + account)
	const first, second = `[HKEY_USERS\S-1-5-21-1-2-3-1001`, `[HKEY_USERS\S-1-12-1-1-2-3-4`
	for name, c := range map[string]struct {
		files fstest.MapFS
		gap   string // of the only one; "": there is none
		lost  bool   // the address is not known
	}{
		"plain":       {files: fstest.MapFS{"u.reg": own}},
		"wrapped":     {files: fstest.MapFS{"sent/export/u.reg": own}},
		"in a bundle": {files: fstest.MapFS{"bundle/client/u.reg": own, "bundle/logs/a.log": {}, "bundle/report.json": {}}},
		"Entra ID":    {files: fstest.MapFS{"u.reg": export(second+account, second+`_Classes\Software]`)}},
		"of several":  {fstest.MapFS{"u.reg": export(first+account, second+account)}, "HKEY_USERS: it holds 2 users (S-1-12-1-1-2-3-4, S-1-5-21-1-2-3-1001)", true},
		"joined":      {files: fstest.MapFS{"u.reg": {Data: slices.Concat(export(`[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Office\16.0\Lync]`, `"x"="y"`).Data, []byte("\r\n\ufeff"), own.Data)}}},
		"begun blank": {files: fstest.MapFS{"u.reg": {Data: append([]byte("\r\n\r\n"), own.Data...)}}},
		"a pipe":      {files: fstest.MapFS{"u.reg": own, "v.reg": {Mode: fs.ModeNamedPipe}}, gap: "v.reg: it is no file"},
	} {
		c2, err := OpenFS("export", c.files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		x := c2.Inspect()
		known := slices.ContainsFunc(x.Profiles, func(p fact.ClientProfile) bool { return p.SignIn == "joe@contoso.com" })
		var gaps []string
		for _, g := range x.Gaps {
			gaps = append(gaps, g.Name+": "+g.Value)
		}
		if known == c.lost || len(gaps) != min(len(c.gap), 1) || !strings.HasPrefix(strings.Join(gaps, ""), c.gap) {
			t.Errorf("%s: the address is known: %t, gaps %q", name, known, gaps)
		}
	}
	for _, files := range []fstest.MapFS{{"a/b/c/u.reg": own}, {"a/u.reg": own, "b/x.txt": {}}, {}} {
		if _, err := OpenFS("export", files); !errors.Is(err, errNoExport) {
			t.Errorf("%v: %v", files, err)
		}
	}
	file := filepath.Join(t.TempDir(), "u.reg")
	if err := os.WriteFile(file, own.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "it is a file; unpack") {
		t.Error(err)
	}
}

// TestAreas: everything that is read of a registry lies in the areas that are kept of
// a file.
func TestAreas(t *testing.T) {
	asked := map[string]bool{}
	c := &Computer{where: "x", registry: askedRegistry(asked)}
	c.Inspect()
	if len(asked) < 40 {
		t.Fatalf("%d keys are asked for", len(asked))
	}
	for path := range asked {
		if !kept(path) {
			t.Errorf("%s is read, and not kept of a file", path)
		}
	}
	for _, path := range []string{`HKEY_LOCAL_MACHINE\SOFTWARE\Vendor`, `HKEY_CURRENT_USER\Software\Microsoft\Notepad`, `HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Dhcp`} {
		if kept(path) {
			t.Errorf("%s is kept", path)
		}
	}
}

type askedRegistry map[string]bool

func (a askedRegistry) read(path string) (*key, error) {
	a[path] = true
	return nil, errUnknown
}

func TestAbsence(t *testing.T) {
	const header = regHeader + "\n\n"
	for name, c := range map[string]struct {
		text string
		want string // of the Sign-In Assistant
	}{
		"nothing was exported there": {header + "[HKEY_CURRENT_USER\\Software\\Microsoft\\Communicator]\n", ""},
		"the parent was exported":    {header + "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services]\n", "no"},
		"with the service":           {header + "[HKLM\\System\\CurrentControlSet\\Services]\n[HKLM\\SYSTEM\\CURRENTCONTROLSET\\SERVICES\\MSOIDSVC]\n", "yes"},
		"chosen keys":                {header + chosenComment + "\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services]\n", ""},
		"said to be absent":          {header + chosenComment + "\n" + absentComment + "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\msoidsvc\n", "no"},
		"to be deleted":              {header + "[-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\msoidsvc]\n", ""},
		"a damaged file":             {header + "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services]\nrubbish\n", ""},
	} {
		c2, err := OpenFS("x", fstest.MapFS{"a.reg": &fstest.MapFile{Data: []byte(c.text)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c2.Inspect().Assistant; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestProductsRead: that no client is installed is known where both lists of what is
// installed were looked at, also in an export of an export.
func TestProductsRead(t *testing.T) {
	const (
		native = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall]\n"
		wow    = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Wow6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall]\n"
	)
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"neither":     {"[HKEY_CURRENT_USER\\Software\\Microsoft\\Communicator]\n", false},
		"one of two":  {native, false},
		"both":        {native + wow, true},
		"all of it":   {"[HKEY_LOCAL_MACHINE\\SOFTWARE]\n" + native, true}, // a Windows of 32 bits
		"chosen keys": {chosenComment + "\n[HKEY_LOCAL_MACHINE\\SOFTWARE]\n" + native, false},
	} {
		first, err := OpenFS("x", fstest.MapFS{"a.reg": &fstest.MapFile{Data: []byte(regHeader + "\n\n" + c.text)}})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := first.Export(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, later := first.Inspect().ProductsRead, again.Inspect().ProductsRead; got != c.want || later != c.want {
			t.Errorf("%s: %t, of its export %t, want %t", name, got, later, c.want)
		}
	}
}

// FuzzReg: whatever is read can be written and is read to the same.
func FuzzReg(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "exports", "*.txtar"))
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			for _, x := range archive.Files {
				if strings.HasSuffix(x.Name, ".reg") {
					f.Add(x.Data)
				}
			}
		}
	}
	f.Add([]byte("\xff\xfeW\x00i\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := &exported{}
		x.readReg(bytes.NewReader(b))
		var w strings.Builder
		w.WriteString(regHeader + "\r\n")
		for _, k := range x.keys {
			if strings.ContainsAny(k.path, "\r]") || k.absent {
				continue
			}
			writeReg(&w, k.path, &k.key)
		}
		again := &exported{}
		if err := again.readReg(strings.NewReader(w.String())); err != nil {
			t.Fatalf("%v\n%q", err, w.String())
		}
		for path, k := range again.keys {
			if old := x.keys[path]; old == nil || !reflect.DeepEqual(old.values, k.values) {
				t.Fatalf("%s: %+v, was %+v", path, k, old)
			}
		}
	})
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"4.0.7577.0", "4.0.7577.4409", true}, {"4.0.7577.4409", "4.0.7577.4409", false}, {"15.0.10.1", "15.0.9.1", false}, {"", "1.0", false}, {"x", "1", false}, {"6.1.7601", "6.1", false}, {"5.1.2600", "6.1", true}} {
		if got := (fact.ClientProduct{Version: c.a}).Older(c.b); got != c.want {
			t.Errorf("%s older than %s: %t", c.a, c.b, got)
		}
	}
}
