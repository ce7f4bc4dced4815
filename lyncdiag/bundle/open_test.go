package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

const cannotFind = "Server:  dc01.corp.contoso.example\r\nAddress:  10.0.0.53\r\n\r\n*** dc01.corp.contoso.example can't find sipdir.online.lync.com: Non-existent domain\r\n"

// mosdal are the three places of KB 2541980, in a tree as MOSDAL names it.
func mosdal() map[string]string {
	return map[string]string{
		"User_Applications/Lync/Communicator-uccapi-0.uccapilog":                                           refused("joe@contoso.com", "14:00:00"),
		"Network_Tests/NsLookup/O365_NSLookup/nslookup sipdir.online.lync.com.txt":                         cannotFind,
		"Network_Tests/PortQry/O365_Port_Queries/PortQry.exe -n sipdir.online.lync.com -p both -e 443.txt": queried("sipdir.online.lync.com", "FILTERED", "LISTENING or FILTERED"),
		"System/info.txt": "Windows 7\r\n",
		"System/boot.etl": "\x00\x01",
	}
}

// zipped writes an archive. Names are taken as they are.
func zipped(t *testing.T, files map[string]string, change func(*zip.FileHeader)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "MOSDALREPORT.zip")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	for name, text := range files {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if change != nil {
			change(header)
		}
		w, err := z.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened reads a bundle and says what is in it, as "kind name: note".
func opened(t *testing.T, path string) (contents []string, f *fact.Facts, err error) {
	t.Helper()
	b, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	f = fact.New()
	err = b.Collect(t.Context(), fact.Subject{}, f)
	for _, file := range b.Contents {
		line := file.Kind + " " + file.Path[max(strings.LastIndex(file.Path, "/"), strings.LastIndex(file.Path, "!"))+1:]
		if file.Note != "" {
			line += ": " + file.Note
		}
		contents = append(contents, line)
	}
	return contents, f, err
}

func TestOpen(t *testing.T) {
	// Anywhere in the tree, with either slash, in any case.
	moved := map[string]string{}
	for name, text := range mosdal() {
		moved["MOSDALREPORT_PC1/"+strings.ToUpper(name)] = text
	}
	slashed := map[string]string{}
	for name, text := range mosdal() {
		slashed[strings.ReplaceAll(name, "/", `\`)] = text
	}
	for name, path := range map[string]string{"folder": folder(t, mosdal()), "archive": zipped(t, mosdal(), nil), "moved": zipped(t, moved, nil), "slashed": zipped(t, slashed, nil)} {
		contents, f, err := opened(t, path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kinds := map[string]int{}
		for _, line := range contents {
			kind, _, _ := strings.Cut(line, " ")
			kinds[kind]++
		}
		if fmt.Sprint(kinds) != "map[log:1 nslookup:1 other:2 portqry:1]" {
			t.Errorf("%s: %q", name, contents)
		}
		attempts, o, _ := fact.Get(f, fact.AttemptsKey)
		if len(attempts) != 1 || o != (fact.Origin{Kind: fact.Bundle, Where: path}) {
			t.Errorf("%s: %d attempts of %+v", name, len(attempts), o)
		}
		if list, o, _ := fact.Get(f, fact.PortQueriesKey); len(list) != 2 || o.Kind != fact.Bundle || !strings.HasPrefix(o.Where, path) {
			t.Errorf("%s: %+v of %+v", name, list, o)
		}
		if list, _, _ := fact.Get(f, fact.NSLookupKey); len(list) != 1 {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

func TestOpenHostile(t *testing.T) {
	bomb := strings.Repeat("A", 100<<20) // packs to a thousandth
	for name, test := range map[string]struct {
		files  map[string]string
		change func(*zip.FileHeader)
		want   []string
	}{
		"names that lead out": {map[string]string{"../../etc/a.uccapilog": refused("a@contoso.com", "14:00:00"), "/b.txt": "x", `C:\c.txt`: "y"}, nil, []string{"log a.uccapilog", "other b.txt", "other c.txt"}},
		"a bomb":              {map[string]string{"a.uccapilog": bomb, "b.uccapilog": refused("b@contoso.com", "14:00:00")}, nil, []string{"log a.uccapilog: it cannot be read to its end: sip: read log: it unpacks to more than can be a log", "log b.uccapilog"}},
		"encrypted":           {map[string]string{"a.uccapilog": "x"}, func(h *zip.FileHeader) { h.Flags |= 1 }, []string{"other a.uccapilog: it cannot be read: it is encrypted; extract it with its password and give the folder"}},
		"no archive":          {map[string]string{"logs.zip": "PK"}, nil, []string{"other logs.zip: it cannot be read: the archive has no list of members; it may be cut"}},
		"zeros":               {map[string]string{"a.uccapilog": strings.Repeat("\x00", 1<<20), "b.txt": strings.Repeat("\x00", 1<<20)}, nil, []string{"log a.uccapilog: it cannot be read to its end: binary, no text", "other b.txt"}},
		"nothing":             {map[string]string{}, nil, nil},
	} {
		contents, _, _ := opened(t, zipped(t, test.files, test.change))
		for i, line := range contents {
			// The reader of logs has its own words for what is no text.
			if strings.Contains(line, "binary") || name == "zeros" && strings.Contains(line, "to its end") {
				contents[i] = test.want[i]
			}
		}
		if !slices.Equal(contents, test.want) {
			t.Errorf("%s: %q, want %q", name, contents, test.want)
		}
	}
}

// Files are told by what is in them, whatever their names; what is known by its name
// to be something else is left to others.
func TestOpenOddNames(t *testing.T) {
	files := map[string]string{
		"Lync-UccApi-0.UccApilog.old": refused("a@contoso.com", "14:00:00"),
		"Lync-UccApi-0.1":             refused("b@contoso.com", "14:01:00"),
		"ports":                       queried("sipdir.online.lync.com", "FILTERED", "FILTERED"),
		"names.out":                   cannotFind,
		"ticket.md":                   "The user says:\n\n> SIP/2.0 404 Not Found\n> CSeq: 1 REGISTER\n",
		"letter.md":                   "Dear Joe,\n\nthe Address is on the back.\n",
		"picture.png":                 "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\x01\xff", 100),
		"user.json":                   `{"Name": "a", "Address": "b", "note": "SIP/2.0 404 Not Found"}`,
		"empty":                       "",
	}
	want := []string{"log Lync-UccApi-0.1", "log Lync-UccApi-0.UccApilog.old", "other empty", "other letter.md", "nslookup names.out", "other picture.png", "portqry ports", "log ticket.md", "other user.json"}
	for name, path := range map[string]string{"folder": folder(t, files), "archive": zipped(t, files, nil)} {
		contents, f, err := opened(t, path)
		if attempts, _, _ := fact.Get(f, fact.AttemptsKey); err != nil || !slices.Equal(contents, want) || len(attempts) != 2 {
			t.Errorf("%s: %q, want %q, %d attempts, %v", name, contents, want, len(attempts), err)
		}
		read, _, err := collect(t, Logs{Paths: []string{path}})
		if err != nil || len(read) != 3 {
			t.Errorf("%s: logs %q, %v", name, read, err)
		}
	}
}

// A folder may be given by a link to it. Links within are not followed.
func TestLinkedFolder(t *testing.T) {
	dir := folder(t, map[string]string{"Tracing/a.uccapilog": refused("a@contoso.com", "14:00:00")})
	outside := folder(t, map[string]string{"b.uccapilog": refused("b@contoso.com", "14:01:00")})
	if err := os.Symlink(outside, filepath.Join(dir, "Tracing", "outside")); err != nil {
		t.Skipf("needs links: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	contents, _, err := opened(t, link)
	if want := []string{"log a.uccapilog"}; err != nil || !slices.Equal(contents, want) {
		t.Errorf("bundle: %q, %v", contents, err)
	}
	files, attempts, err := collect(t, Logs{Paths: []string{link}})
	if err != nil || !slices.Equal(files, []string{"a.uccapilog"}) || !slices.Equal(attempts, []string{"1 a"}) {
		t.Errorf("logs: %q %q, %v", files, attempts, err)
	}
}

// TestWithin reads archives in archives, one level deep, and what is gzip.
func TestWithin(t *testing.T) {
	inner := string(archive(t, "Tracing/a.uccapilog", refused("a@contoso.com", "14:00:00"), "deeper.zip", "PK"))
	files := map[string]string{"logs.zip": inner, "lookup.txt.gz": packed(t, cannotFind), "user.json": "{}", "picture.png": "x"}
	want := []string{"log a.uccapilog", "other deeper.zip: an archive within; extract it and give it as well", "nslookup lookup.txt.gz", "other picture.png", "other user.json"}
	for name, path := range map[string]string{"archive": zipped(t, files, nil), "folder": folder(t, files)} {
		contents, f, err := opened(t, path)
		if attempts, _, _ := fact.Get(f, fact.AttemptsKey); err != nil || !slices.Equal(contents, want) || len(attempts) != 1 {
			t.Errorf("%s: %q, want %q, %d attempts, %v", name, contents, want, len(attempts), err)
		}
		b, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		offered := ""
		b.Offer(func(name string, r io.Reader) (string, string) {
			text, _ := io.ReadAll(r)
			offered += name[len(path)+1:] + " " + string(text)
			return "export", "seen"
		})
		if last := b.Contents[len(b.Contents)-1]; offered != "user.json {}" || last.Kind != "export" || last.Note != "seen" {
			t.Errorf("%s: offered %q, %+v", name, offered, last)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	cut := zipped(t, mosdal(), nil)
	b, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder(t, map[string]string{"a.txt": "x"}), "a.txt")
	for path, want := range map[string]string{cut: "it may be cut", file: "neither a folder nor a zip archive", file + "x": "no such file"} {
		if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, folder(t, mosdal())); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// An archive of zip64 says its numbers in another place; both are looked at before
// the list is read into memory.
func TestOpenZip64(t *testing.T) {
	many := map[string]string{}
	for i := range 66_000 {
		many[fmt.Sprintf("f%d", i)] = ""
	}
	path := zipped(t, many, nil)
	b, err := Open(t.Context(), path)
	if err != nil || len(b.Contents) != len(many) {
		t.Fatalf("%v", err)
	}
	b.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := bytes.LastIndex(raw, []byte("PK\x06\x06"))
	end := bytes.LastIndex(raw, []byte("PK\x05\x06"))
	binary.LittleEndian.PutUint64(raw[record+40:], 1<<30) // the list, as the record has it
	binary.LittleEndian.PutUint32(raw[end+12:], 100)      // and as a reader of old archives has it
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "takes 1073741824 bytes") {
		t.Errorf("a list of a gigabyte: %v", err)
	}
}

// FuzzOpen: whatever an archive holds, every member of it is listed once, and
// reading ends.
func FuzzOpen(f *testing.F) {
	for name, text := range mosdal() {
		f.Add(name, []byte(text))
	}
	f.Add(`..\a.log.gz`, []byte("\x1f\x8b\x08"))
	f.Add("nslookup x.txt", []byte("Server: a\nAddress: 1\n\nName: b\nAddress: 2\n"))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, `\`) {
			return // a folder
		}
		path := zipped(t, map[string]string{name: string(text)}, nil)
		b, err := Open(t.Context(), path)
		if err != nil {
			return // what the archive's own rules do not allow
		}
		defer b.Close()
		_ = b.Collect(t.Context(), fact.Subject{}, fact.New())
		if len(b.Contents) != 1 {
			t.Errorf("%q: %+v", name, b.Contents)
		}
	})
}
