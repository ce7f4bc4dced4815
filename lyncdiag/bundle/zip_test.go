package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// archive is a zip of texts by name.
func archive(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		f, err := w.Create(members[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Names of members are shown and never opened, wherever they point; with
// backslashes too, as Windows' own tools write them.
func TestZip(t *testing.T) {
	text := archive(t,
		"MOSDALREPORT/User_Applications/Lync/Communicator-uccapi-0.uccapilog", refused("a@contoso.com", "14:00:00"),
		`Report\\Tracing\\Lync-UccApi-0.UccApilog.bak`, refused("b@contoso.com", "14:01:00"),
		"../../etc/evil.log", refused("c@contoso.com", "14:02:00"),
		"/absolute.log", refused("d@contoso.com", "14:03:00"),
		"packed.log.gz", packed(t, refused("e@contoso.com", "14:04:00")),
		"Lync-UccApi-1.UccApilog.old", refused("f@contoso.com", "14:05:00"),
		"what Joe sent", refused("g@contoso.com", "14:06:00"),
		"picture.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"+strings.Repeat("\x00\x01\xff", 100),
		"notes.md", "# Lync\n\nSee the SIP/2.0 trace.\n")
	path := filepath.Join(t.TempDir(), "logs.zip")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, attempts, err := collect(t, Logs{Paths: []string{path}})
	if want := []string{"1 a", "2 b", "3 c", "4 d", "5 e", "6 f", "7 g"}; err != nil || !slices.Equal(attempts, want) {
		t.Errorf("attempts %q, %v", attempts, err)
	}
}

func TestBadZips(t *testing.T) {
	good := archive(t, "a.log", refused("a@contoso.com", "14:00:00"))
	huge := bytes.Clone(good)
	binary.LittleEndian.PutUint32(huge[bytes.LastIndex(huge, []byte("PK\x05\x06"))+12:], 1<<31)
	// A list that says of itself that it is short, and goes on for long.
	var names []string
	for i := range 80_000 {
		names = append(names, strings.Repeat("x", 200)+strconv.Itoa(i), "")
	}
	lying := archive(t, names...)
	end := bytes.LastIndex(lying, []byte("PK\x05\x06"))
	list := binary.LittleEndian.Uint64(lying[bytes.LastIndex(lying, []byte("PK\x06\x06"))+48:])
	binary.LittleEndian.PutUint32(lying[end+12:], 100)
	binary.LittleEndian.PutUint32(lying[end+16:], uint32(list))
	lying = append(lying[:end-20:end-20], lying[end:]...)
	damaged := bytes.Clone(good)
	for i := 40; i < 80; i++ {
		damaged[i] ^= 0xff
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"cut":                       {good[:len(good)-30], "no list of members"},
		"a list of ten million":     {huge, "list of members takes"},
		"a list that lies":          {lying, "list of members takes"},
		"no log in it":              {archive(t, "a.png", "x"), "no .uccapilog"},
		"empty":                     {archive(t), "no .uccapilog"},
		"a member that is damaged":  {damaged, "a.log"},
		"a member that is a binary": {archive(t, "a.log", strings.Repeat("\x00", 4096)), "not text"},
	} {
		path := filepath.Join(t.TempDir(), "bad.zip")
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := collect(t, Logs{Paths: []string{path}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A member that unpacks without end ends at a limit.
func TestUnpackedEnds(t *testing.T) {
	u := &unpacked{strings.NewReader(strings.Repeat("x", 1000)), 10}
	buf := make([]byte, 100)
	if n, err := u.Read(buf); n != 10 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := u.Read(buf); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}
