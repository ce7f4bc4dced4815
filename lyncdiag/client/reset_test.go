package client

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fakeSystem is a computer whose profile is a folder.
type fakeSystem struct {
	home    string
	running []string
	failing string // what does not work
	deleted []string
}

func (f *fakeSystem) place(name string) (string, string, error) { return f.home, name, nil }
func (f *fakeSystem) processes() ([]string, error) {
	if f.failing == "processes" {
		return nil, errors.New("access is denied")
	}
	return f.running, nil
}

func (f *fakeSystem) do(what string) error {
	if f.failing != "" && strings.Contains(what, f.failing) {
		return errors.New("access is denied")
	}
	f.deleted = append(f.deleted, what)
	return nil
}
func (f *fakeSystem) deleteKey(path string) error         { return f.do(path) }
func (f *fakeSystem) certificate(string) ([]byte, error)  { return []byte("der"), nil }
func (f *fakeSystem) deleteCertificate(name string) error { return f.do(name) }
func (f *fakeSystem) deleteCredential(name string) error  { return f.do(name) }
func (f *fakeSystem) flushDNS() error                     { return f.do("dns") }

const registryBackup = "HKEY_CURRENT_USER_Software_Microsoft_Office_15.0_Lync_joe@contoso.com.reg"

const lyncFolder = "AppData/Local/Microsoft/Office/15.0/Lync"

// home makes a profile with Joe's and Ann's sign-in folders.
func home(t *testing.T) (*Computer, *fakeSystem) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		lyncFolder + "/sip_joe@contoso.com/EndpointConfiguration.cache":  "cache",
		lyncFolder + "/sip_joe@contoso.com/a b \u00fc \u4e2d/-rf":        "odd",
		lyncFolder + "/sip_joe@contoso.com/..data/x":                     "odd",
		lyncFolder + "/sip_ann@contoso.com/EndpointConfiguration.cache":  "ann's",
		lyncFolder + "/Tracing/Lync-UccApi-0.UccApilog":                  "log",
		"AppData/Roaming/Microsoft/Office/15.0/Lync/AccountProfiles.dat": "profiles",
		"AppData/Roaming/Microsoft/Office/16.0/Lync/AccountProfiles.dat": "of another client",
		"Documents/precious.txt":                                         "precious",
	} {
		place := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x := &exported{}
	if err := x.readReg(strings.NewReader(regHeader + "\n[HKCU\\Software\\Microsoft\\Office\\15.0\\Lync]\n\"ServerSipUri\"=\"joe@contoso.com\"\n[HKCU\\Software\\Microsoft\\Office\\15.0\\Lync\\joe@contoso.com]\n\"a\"=\"B\u00fcro\"\n[HKCU\\Software\\Microsoft\\Office\\15.0\\Lync\\joe@contoso.com\\deep]\n[HKCU\\Software\\Microsoft\\Office\\15.0\\Lync\\ann@contoso.com]\n")); err != nil {
		t.Fatal(err)
	}
	x.link()
	f := &fakeSystem{home: dir}
	c := &Computer{registry: x, profile: os.DirFS(dir), system: f}
	c.noted.Credentials = []string{"Microsoft_OC1:uri=joe@contoso.com:specific:OCS:1", "Microsoft_OC1:uri=ann@contoso.com:specific:OCS:1", "MicrosoftOffice15_Data:live:joe@contoso.com"}
	return c, f
}

func there(t *testing.T, f *fakeSystem, name string) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(f.home, filepath.FromSlash(name)))
	return err == nil
}

func plan(t *testing.T, c *Computer, kinds ...string) *Reset {
	t.Helper()
	r, err := c.Plan("Joe@contoso.com", kinds)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func status(r *Reset, kind string) string {
	i := slices.IndexFunc(r.Items, func(i Item) bool { return i.Kind == kind })
	if i < 0 {
		return ""
	}
	return r.Items[i].Status
}

func TestReset(t *testing.T) {
	c, f := home(t)
	r := plan(t, c)
	if len(r.Items) != 5 || !there(t, f, r.Items[0].Place) || r.Items[0].Files != 3 {
		t.Fatalf("planned: %+v", r.Items)
	}
	backup := filepath.Join(t.TempDir(), "new", "backup")
	if err := c.Apply(r, backup); err != nil || !r.Whole() {
		t.Fatalf("%v, %+v", err, r.Items)
	}
	for name, want := range map[string]bool{
		lyncFolder + "/sip_joe@contoso.com": false, lyncFolder + "/sip_ann@contoso.com/EndpointConfiguration.cache": true, lyncFolder + "/Tracing/Lync-UccApi-0.UccApilog": true,
		"AppData/Roaming/Microsoft/Office/15.0/Lync/AccountProfiles.dat": false, "AppData/Roaming/Microsoft/Office/16.0/Lync/AccountProfiles.dat": true, "Documents/precious.txt": true,
	} {
		if there(t, f, name) != want {
			t.Errorf("%s is there: %t", name, !want)
		}
	}
	if want := []string{`HKEY_CURRENT_USER\Software\Microsoft\Office\15.0\Lync\joe@contoso.com`, "Microsoft_OC1:uri=joe@contoso.com:specific:OCS:1", "dns"}; !slices.Equal(f.deleted, want) {
		t.Errorf("deleted %q", f.deleted)
	}
	for name, want := range map[string]string{
		"profile/" + lyncFolder + "/sip_joe@contoso.com/EndpointConfiguration.cache": "cache",
		"profile/" + lyncFolder + "/sip_joe@contoso.com/a b \u00fc \u4e2d/-rf":       "odd",
		"profile/AppData/Roaming/Microsoft/Office/15.0/Lync/AccountProfiles.dat":     "profiles",
	} {
		if b, err := os.ReadFile(filepath.Join(backup, filepath.FromSlash(name))); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("backup of %s: %q, %v", name, b, err)
		}
	}
	b, err := os.ReadFile(filepath.Join(backup, registryBackup))
	x := &exported{}
	if err := errors.Join(err, x.readReg(bytes.NewReader(b))); err != nil || !bytes.HasPrefix(b, []byte("\xff\xfe")) {
		t.Fatalf("%v: %q", err, b)
	}
	k, err := x.read(`HKEY_CURRENT_USER\Software\Microsoft\Office\15.0\Lync\joe@contoso.com`)
	if _, below := x.read(`HKEY_CURRENT_USER\Software\Microsoft\Office\15.0\Lync\joe@contoso.com\deep`); err != nil || below != nil || k.text("a") != "B\u00fcro" {
		t.Errorf("%v, %v: %+v", err, below, k)
	}
}

func TestResetOfTheCacheAlone(t *testing.T) {
	c, f := home(t)
	r := plan(t, c, EndpointCache, DNSCache)
	if err := c.Apply(r, ""); err != nil || !r.Whole() || len(r.Items) != 2 {
		t.Fatalf("%v, %+v", err, r.Items)
	}
	if there(t, f, lyncFolder+"/sip_joe@contoso.com/EndpointConfiguration.cache") || !there(t, f, lyncFolder+"/sip_joe@contoso.com/..data/x") {
		t.Error("more or less than the cache is gone")
	}
	if _, err := c.Plan("joe@contoso.com", []string{"everything"}); err == nil {
		t.Error("an unknown kind is planned")
	}
}

// TestResetRefuses: while a client runs, while nobody knows, and on an export, nothing
// is touched.
func TestResetRefuses(t *testing.T) {
	for name, change := range map[string]func(*Computer, *fakeSystem){
		"running": func(_ *Computer, f *fakeSystem) { f.running = []string{"lync.exe"} },
		"unknown": func(_ *Computer, f *fakeSystem) { f.failing = "processes" },
		"export":  func(c *Computer, _ *fakeSystem) { c.where = "export" },
		"backup":  func(c *Computer, f *fakeSystem) {},
		"inside":  func(c *Computer, f *fakeSystem) {},
	} {
		c, f := home(t)
		r := plan(t, c)
		change(c, f)
		backup := ""
		if name == "backup" { // a file is in its place
			backup = filepath.Join(f.home, "Documents", "precious.txt")
		}
		if name == "inside" { // it would be deleted
			backup = filepath.Join(f.home, filepath.FromSlash(lyncFolder), "sip_joe@contoso.com", "..data", "backup")
		}
		err := c.Apply(r, backup)
		if err == nil || len(f.deleted) > 0 || !there(t, f, lyncFolder+"/sip_joe@contoso.com/EndpointConfiguration.cache") || r.Whole() {
			t.Errorf("%s: %v, %+v", name, err, r.Items)
		}
		if name == "running" && (!errors.Is(err, ErrRunning) || status(r, DNSCache) != "kept") {
			t.Errorf("%v, %+v", err, r.Items)
		}
	}
}

// TestResetFollowsNoLinks: a link in a sign-in folder is removed, and what it leads to
// stays; a folder that is a link, or lies behind one, is not touched.
func TestResetFollowsNoLinks(t *testing.T) {
	link := func(t *testing.T, to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Skipf("no links here: %v", err)
		}
	}
	t.Run("inside", func(t *testing.T) {
		c, f := home(t)
		own := filepath.Join(f.home, filepath.FromSlash(lyncFolder), "sip_joe@contoso.com")
		link(t, filepath.Join(f.home, "Documents"), filepath.Join(own, "folder"))
		link(t, filepath.Join(f.home, "Documents", "precious.txt"), filepath.Join(own, "file"))
		link(t, own, filepath.Join(own, "loop"))
		r := plan(t, c, SignInFolder)
		backup := t.TempDir()
		if err := c.Apply(r, backup); err != nil || !r.Whole() {
			t.Fatalf("%v, %+v", err, r.Items)
		}
		if there(t, f, lyncFolder+"/sip_joe@contoso.com") || !there(t, f, "Documents/precious.txt") {
			t.Error("the folder is there, or what a link led to is gone")
		}
		if _, err := os.Lstat(filepath.Join(backup, "profile", filepath.FromSlash(lyncFolder), "sip_joe@contoso.com", "file")); err == nil {
			t.Error("a link was copied")
		}
	})
	t.Run("itself", func(t *testing.T) {
		c, f := home(t)
		r := plan(t, c, SignInFolder)
		own := filepath.Join(f.home, filepath.FromSlash(lyncFolder), "sip_joe@contoso.com")
		if err := os.RemoveAll(own); err != nil {
			t.Fatal(err)
		}
		link(t, filepath.Join(f.home, "Documents"), own) // since the plan
		if err := c.Apply(r, ""); err != nil || r.Whole() || !strings.Contains(r.Items[0].Detail, "is a link") {
			t.Errorf("%v, %+v", err, r.Items)
		}
		if !there(t, f, "Documents/precious.txt") {
			t.Error("what the link leads to is gone")
		}
	})
	t.Run("above", func(t *testing.T) {
		c, f := home(t)
		r := plan(t, c, SignInFolder)
		office := filepath.Join(f.home, "AppData", "Local", "Microsoft", "Office")
		elsewhere := filepath.Join(f.home, "elsewhere")
		if err := os.Rename(office, elsewhere); err != nil {
			t.Fatal(err)
		}
		link(t, elsewhere, office)
		if err := c.Apply(r, ""); err != nil || r.Whole() || !there(t, f, "elsewhere/15.0/Lync/sip_joe@contoso.com/EndpointConfiguration.cache") {
			t.Errorf("%v, %+v", err, r.Items)
		}
	})
}

// TestResetTellsWhatFails: what cannot be deleted is named, and the rest is deleted.
func TestResetTellsWhatFails(t *testing.T) {
	c, f := home(t)
	f.failing = "Microsoft_OC1"
	stuck := filepath.Join(f.home, filepath.FromSlash(lyncFolder), "sip_joe@contoso.com", "stuck")
	if err := os.Mkdir(stuck, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(stuck, "open.db")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		open, err := os.Open(file) // an open file cannot be deleted there
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
	} else if os.Getuid() != 0 {
		if err := os.Chmod(stuck, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(stuck, 0o700)
	}
	stays := runtime.GOOS == "windows" || os.Getuid() != 0
	r := plan(t, c)
	if err := c.Apply(r, ""); err != nil || r.Whole() {
		t.Fatalf("%v, %+v", err, r.Items)
	}
	if status(r, Credential) != "failed" || status(r, DNSCache) != "deleted" || status(r, AccountProfiles) != "deleted" {
		t.Errorf("%+v", r.Items)
	}
	if stays && (status(r, SignInFolder) != "failed" || !strings.Contains(r.Items[0].Detail, "stuck/open.db: ")) {
		t.Errorf("%+v", r.Items[0])
	}
	if there(t, f, lyncFolder+"/sip_joe@contoso.com/EndpointConfiguration.cache") {
		t.Error("the cache stays beside what cannot be deleted")
	}
}

// TestResetKeepsWhatItCannotCopy: a file whose copy fails is not deleted.
func TestResetKeepsWhatItCannotCopy(t *testing.T) {
	c, f := home(t)
	backup := t.TempDir()
	if err := os.WriteFile(filepath.Join(backup, "profile"), nil, 0o600); err != nil { // in the copies' way
		t.Fatal(err)
	}
	r := plan(t, c, SignInFolder, DNSCache)
	if err := c.Apply(r, backup); err != nil || status(r, SignInFolder) != "failed" || !strings.Contains(r.Items[0].Detail, "write backup") || status(r, DNSCache) != "deleted" {
		t.Errorf("%v, %+v", err, r.Items)
	}
	if !there(t, f, lyncFolder+"/sip_joe@contoso.com/EndpointConfiguration.cache") {
		t.Error("the file is gone, and there is no copy")
	}
}

// TestResetKeepsKeys: a key of which not all can be copied stays, and the copies of an
// earlier reset do.
func TestResetKeepsKeys(t *testing.T) {
	const account = `hkey_current_user\software\microsoft\office\15.0\lync\joe@contoso.com`
	for name, change := range map[string]func(*exported, string) error{
		"a value is too long": func(x *exported, _ string) error {
			x.keys[account+`\deep`].partial = true
			return nil
		},
		"a key cannot be read": func(x *exported, _ string) error {
			x.keys[account+`\deep`].absent = true
			return nil
		},
		"a copy is there": func(_ *exported, backup string) error {
			return os.WriteFile(filepath.Join(backup, registryBackup), []byte("earlier"), 0o600)
		},
	} {
		c, f := home(t)
		backup := t.TempDir()
		r := plan(t, c, RegistryKey)
		if err := change(c.registry.(*exported), backup); err != nil {
			t.Fatal(err)
		}
		if err := c.Apply(r, backup); err != nil || status(r, RegistryKey) != "failed" || len(f.deleted) > 0 {
			t.Errorf("%s: %v, %+v, deleted %q", name, err, r.Items, f.deleted)
		}
		b, err := os.ReadFile(filepath.Join(backup, registryBackup))
		if err == nil && string(b) != "earlier" {
			t.Errorf("%s: half a key is kept: %q", name, b)
		}
	}
}

func TestStoredCertificate(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("short"), {32, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255}, {32, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0}} {
		if _, _, err := parseStored(b); err == nil {
			t.Errorf("%v is a certificate", b)
		}
	}
	if _, ok := signInFolder("sip_@contoso.com"); ok {
		t.Error("a folder without a user is one of an account")
	}
}
