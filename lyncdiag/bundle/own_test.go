package bundle_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

const hive = "Windows Registry Editor Version 5.00\n\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Office\\15.0\\Lync]\n\"ServerSipUri\"=\"joe@contoso.example\"\n"

// computer is an export of a client.
func computer(t *testing.T) *client.Computer {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "hive.reg"), []byte(hive), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := client.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// own writes one of our bundles: facts of an older version, and the client's export
// as edit leaves it.
func own(t *testing.T, origin fact.Origin, edit func(w *bundle.Writer, name string, content []byte) []byte) string {
	t.Helper()
	facts := fact.New()
	fact.Put(facts, fact.ClientKey, &fact.Client{}, origin)
	var record bytes.Buffer
	if err := fact.Encode(&record, facts); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := bundle.NewWriter(&out, time.Now())
	add := func(name string, content []byte) error {
		if content == nil {
			return nil
		}
		return w.Add(bundle.Entry{Name: name, Source: origin.Where}, func(w io.Writer) error { _, err := w.Write(content); return err })
	}
	for name, content := range map[string][]byte{"facts.json": record.Bytes(), "report.json": []byte("{}")} {
		if err := add(name, content); err != nil {
			t.Fatal(err)
		}
	}
	err := computer(t).ExportTo(func(name string, content []byte) error {
		return add(bundle.ClientFolder+"/"+name, edit(w, name, content))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(t.TempDir(), "own.zip")
	if err := os.WriteFile(place, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return place
}

// TestRecordedClient: the client of a bundle is what its export shows to this version,
// and what was recorded where the export is not whole.
func TestRecordedClient(t *testing.T) {
	whole := func(_ *bundle.Writer, _ string, content []byte) []byte { return content }
	for name, c := range map[string]struct {
		origin fact.Origin
		edit   func(w *bundle.Writer, name string, content []byte) []byte
		want   string // the address that is seen
	}{
		"of this computer": {fact.Origin{Kind: fact.Live}, whole, "joe@contoso.example"},
		"of an export":     {fact.Origin{Kind: fact.Bundle, Where: "export"}, whole, "joe@contoso.example"},
		"nothing of it":    {fact.Origin{Kind: fact.Live}, func(*bundle.Writer, string, []byte) []byte { return nil }, ""},
		"a part of it": {fact.Origin{Kind: fact.Live}, func(w *bundle.Writer, name string, content []byte) []byte {
			if name == client.NotedName {
				return content
			}
			w.Manifest.Missing = append(w.Manifest.Missing, bundle.Missing{What: bundle.ClientFolder + "/" + name, Why: "locked"})
			return nil
		}, ""},
	} {
		b, err := bundle.Open(t.Context(), own(t, c.origin, c.edit))
		if err != nil {
			t.Fatal(err)
		}
		facts, _, err := b.Recorded()
		if err != nil {
			t.Fatal(name, err)
		}
		seen, origin, _ := fact.Get(facts, fact.ClientKey)
		address := ""
		for _, p := range seen.Profiles {
			address = p.SignIn
		}
		if address != c.want || origin != c.origin {
			t.Errorf("%s: %q of %+v, want %q", name, address, origin, c.want)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestExportWithin: a client's export is found wherever it lies in what somebody
// collected.
func TestExportWithin(t *testing.T) {
	for _, below := range []string{"", "deep/er"} {
		folder := t.TempDir()
		if _, err := computer(t).Export(filepath.Join(folder, filepath.FromSlash(below), "export")); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		facts := fact.New()
		if err := b.Collect(t.Context(), fact.Subject{}, facts); err != nil {
			t.Fatal(err)
		}
		seen, origin, ok := fact.Get(facts, fact.ClientKey)
		if !ok || len(seen.Profiles) != 1 || origin.Kind != fact.Bundle || !strings.HasSuffix(origin.Where, "export") {
			t.Errorf("%q: %+v of %+v", below, seen, origin)
		}
		for _, f := range b.Contents {
			if f.Kind != "client" {
				t.Errorf("%+v", f)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestExportWithinArchive: the same with the names that older .NET and Explorer give,
// and in an archive in the archive.
func TestExportWithinArchive(t *testing.T) {
	packed := func(files ...string) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		for i := 0; i < len(files); i += 2 {
			file, err := w.CreateHeader(&zip.FileHeader{Name: files[i], NonUTF8: true})
			if err == nil {
				_, err = io.WriteString(file, files[i+1])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	for name, archive := range map[string][]byte{
		"slashes":               packed("sent/", "", "sent/hive.reg", hive),
		"backslashes":           packed(`sent\`, "", `sent\hive.reg`, hive, `sent\profile\Tracing\a.log`, ""),
		"a code page":           packed("von J\x81rgen/hive.reg", hive),
		"an archive within":     packed("sent.zip", string(packed(`sent\hive.reg`, hive))),
		"at the archive's root": packed("hive.reg", hive),
	} {
		place := filepath.Join(t.TempDir(), "sent.zip")
		if err := os.WriteFile(place, archive, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(t.Context(), place)
		if err != nil {
			t.Fatal(name, err)
		}
		facts := fact.New()
		if err := b.Collect(t.Context(), fact.Subject{}, facts); err != nil {
			t.Error(name, err)
		}
		if seen, _, ok := fact.Get(facts, fact.ClientKey); !ok || len(seen.Profiles) != 1 || len(seen.Gaps) != 0 {
			t.Errorf("%s: %+v", name, seen)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzManifest: a manifest that is read is written in ASCII and read to the same, and
// what it says of a file is held against the file.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schema":"lyncdiag.bundle/v1","tool":{"name":"lyncdiag","version":"1"},"createdAt":"2013-05-31T14:05:00.000Z","redacted":true,"entries":[{"name":"facts.json","bytes":2,"sha256":"x","source":"this run","note":""}],"missing":[{"what":"logs/","why":"none"}]}`))
	f.Add([]byte(`{"schema":"lyncdiag.bundle/v1","entries":null}`))
	f.Add([]byte(`{"schema":"lyncdiag.bundle/v2"}`))
	f.Add([]byte("{\"schema\":\"lyncdiag.bundle/v1\",\"tool\":{\"name\":\"\u00e9\U0001f600\xff\"}}"))
	folder, place := f.TempDir(), filepath.Join(f.TempDir(), "x.zip")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(folder, "manifest.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(t.Context(), folder)
		if err != nil || b.Manifest == nil {
			return
		}
		defer b.Close()
		if _, _, err := b.Recorded(); err == nil {
			t.Fatal("a run was read of a folder that holds none")
		}
		var out bytes.Buffer
		w := bundle.NewWriter(&out, time.Now())
		w.Manifest = *b.Manifest
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(place, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		second, err := bundle.Open(t.Context(), place)
		if err != nil || second.Manifest == nil {
			t.Fatalf("it is not read again: %v", err)
		}
		defer second.Close()
		if !reflect.DeepEqual(second.Manifest, b.Manifest) {
			g, _ := json.Marshal(second.Manifest)
			t.Fatalf("again %s, was %s", g, text)
		}
	})
}

// FuzzRecorded: of a bundle that was changed anywhere nothing is judged, or it is
// read to the same facts.
func FuzzRecorded(f *testing.F) {
	f.Add(0, byte(0))
	f.Add(100, byte(1))
	f.Add(700, byte(0x80))
	f.Add(-94, byte('/'^'\\')) // in the name client/registry.reg
	var whole []byte
	var want string
	place := filepath.Join(f.TempDir(), "x.zip")
	f.Fuzz(func(t *testing.T, at int, flip byte) {
		if whole == nil {
			var err error
			if whole, err = os.ReadFile(own(t, fact.Origin{Kind: fact.Live}, func(_ *bundle.Writer, _ string, content []byte) []byte { return content })); err != nil {
				t.Fatal(err)
			}
		}
		changed := bytes.Clone(whole)
		changed[(at%len(changed)+len(changed))%len(changed)] ^= flip
		if err := os.WriteFile(place, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(t.Context(), place)
		if err != nil || b.Manifest == nil {
			return
		}
		defer b.Close()
		facts, _, err := b.Recorded()
		if err != nil {
			return
		}
		var record bytes.Buffer
		if err := fact.Encode(&record, facts); err != nil {
			t.Fatal(err)
		}
		if want == "" && flip == 0 {
			want = record.String()
		}
		if want != "" && record.String() != want {
			t.Fatalf("changed at %d: %s, want %s", at, record.String(), want)
		}
	})
}
