package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
	"go.yaml.in/yaml/v4"
)

var first = edition{Version: "1.2.3", Commit: "0123abc", Time: time.Date(2026, 11, 26, 10, 11, 12, 0, time.UTC)}

func nothing(string) (string, bool) { return "", false }

// TestResources links a small program for Windows, and reads back what was put
// into it.
func TestResources(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		dir := t.TempDir()
		source, exe := filepath.Join(dir, "main.go"), filepath.Join(dir, "a.exe")
		if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := goCommand(dir, target{"windows", arch}, "build", "-o", exe, source); err != nil {
			t.Fatal(err)
		}
		e := first
		e.Version = "1.2.3-rc.1"
		if err := addResources(exe, diagnosis, e); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(exe)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		all, err := winres.LoadFromEXE(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := version.FromBytes(all.Get(winres.RT_VERSION, winres.ID(1), version.LangDefault))
		if err != nil {
			t.Fatal(err)
		}
		if want := [4]uint16{1, 2, 3, 0}; info.FileVersion != want || info.ProductVersion != want || !info.Flags.Prerelease {
			t.Errorf("%s: version %v, %v, prerelease %t", arch, info.FileVersion, info.ProductVersion, info.Flags.Prerelease)
		}
		texts, err := json.Marshal(info)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"OriginalFilename":"lyncdiag.exe"`, `"ProductVersion":"1.2.3-rc.1 0123abc"`} {
			if !strings.Contains(string(texts), want) {
				t.Errorf("%s: %s has no %s", arch, texts, want)
			}
		}
		manifest := string(all.Get(winres.RT_MANIFEST, winres.ID(1), version.LangDefault))
		for _, want := range []string{`level="asInvoker"`, `<longPathAware`, `version="1.2.3.0"`} {
			if !strings.Contains(manifest, want) {
				t.Errorf("%s: the manifest has no %s:\n%s", arch, want, manifest)
			}
		}
		if strings.Contains(manifest, "activeCodePage") {
			t.Errorf("%s: the manifest changes the code page:\n%s", arch, manifest)
		}
		if _, err := buildinfo.ReadFile(exe); err != nil {
			t.Errorf("%s: go version -m no longer reads it: %v", arch, err)
		}
	}
}

func TestArchives(t *testing.T) {
	files := []entry{{Name: "lyncdiag", Text: []byte("program"), Executable: true}, {Name: "LICENSE", Text: []byte("MIT")}}
	var z, z2, g, g2 bytes.Buffer
	for _, b := range []*bytes.Buffer{&z, &z2} {
		if err := writeZip(b, files, first.Time.In(time.FixedZone("", 3600))); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []*bytes.Buffer{&g, &g2} {
		if err := writeTar(b, files, first.Time); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(z.Bytes(), z2.Bytes()) || !bytes.Equal(g.Bytes(), g2.Bytes()) {
		t.Error("a second archive of the same files differs")
	}
	r, err := zip.NewReader(bytes.NewReader(z.Bytes()), int64(z.Len()))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(&g)
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := 0, tar.NewReader(unpacked); i < len(files); i++ {
		f := r.File[i]
		if f.Name != files[i].Name || f.Mode() != files[i].mode() || !f.Modified.Equal(first.Time) {
			t.Errorf("zip: %s, %s, %s", f.Name, f.Mode(), f.Modified)
		}
		h, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil || string(text) != string(files[i].Text) || h.Name != files[i].Name || h.FileInfo().Mode() != files[i].mode() || !h.ModTime.Equal(first.Time) || h.Uname != "" || h.Uid != 0 {
			t.Errorf("tar: %+v, %q, %v", h, text, err)
		}
	}
}

// TestBillOfMaterials holds the bill of the program for this system to
// CycloneDX's own schema, and to what the linker recorded.
func TestBillOfMaterials(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	here := target{runtime.GOOS, runtime.GOARCH}
	exe := filepath.Join(t.TempDir(), diagnosis.file(here))
	if _, err := goCommand(root, here, "build", "-tags="+tags, "-o", exe, diagnosis.Package); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	modules, err := linked(root, diagnosis, here)
	if err != nil {
		t.Fatal(err)
	}
	bom, err := billOf(diagnosis, here, first, []byte("program"), info, modules)
	if err != nil {
		t.Fatal(err)
	}
	bill, err := encode(bom)
	if err != nil {
		t.Fatal(err)
	}
	module, err := encode(moduleBill(bom, first, []byte("archive")))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	const base = "http://cyclonedx.org/schema/"
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		text, err := os.Open(filepath.Join(strings.TrimSpace(string(folder)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		document, err := jsonschema.UnmarshalJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(base+name, document); err != nil {
			t.Fatal(err)
		}
	}
	compiler.AssertFormat()
	schema, err := compiler.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var document any
	for _, text := range [][]byte{module, bill} {
		if document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Error(err)
		}
	}
	document.(map[string]any)["serialNumber"] = "1"
	if schema.Validate(document) == nil {
		t.Error("the schema takes everything")
	}

	var read struct {
		Components   []struct{ Name, Version, Purl string }
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal(bill, &read); err != nil {
		t.Fatal(err)
	}
	got, want := []string{}, []string{"std " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, c := range read.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("components %q, the program has %q", got, want)
	}
	for _, d := range read.Dependencies {
		if d.Ref == "pkg:golang/github.com/lyncdiag/go-lyncdiag@v1.2.3" {
			direct := strings.Join(d.DependsOn, " ")
			if !strings.Contains(direct, "spf13/cobra") || strings.Contains(direct, "errwrap") {
				t.Errorf("direct dependencies: %s", direct)
			}
		}
	}

	notices, err := noticesOf(diagnosis, modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if !strings.Contains(string(notices), "\n"+m.Path+" "+m.Version+": ") {
			t.Errorf("no licence of %s", m.Path)
		}
	}

	info.Deps = append(info.Deps, &debug.Module{Path: "example.com/unlisted", Version: "v1.0.0"})
	if _, err := billOf(diagnosis, here, first, nil, info, modules); err == nil {
		t.Error("a module that go list does not know is left out of the bill")
	}
}

// TestManifests reads what winget and Scoop are given. The schemas of winget say
// which keys there must be.
func TestManifests(t *testing.T) {
	dir := t.TempDir()
	archives := []built{
		{target{"windows", "amd64"}, "lyncdiag-1.2.3-windows-amd64.zip", strings.Repeat("ab", 32)},
		{target{"windows", "arm64"}, "lyncdiag-1.2.3-windows-arm64.zip", strings.Repeat("cd", 32)},
		{target{"linux", "arm64"}, "lyncdiag-1.2.3-linux-arm64.tar.gz", ""},
	}
	if err := writeManifests(dir, first, archives); err != nil {
		t.Fatal(err)
	}
	required := map[string][]string{
		".yaml":           {"PackageIdentifier", "PackageVersion", "DefaultLocale"},
		".installer.yaml": {"PackageIdentifier", "PackageVersion", "Installers"},
		".locale.en-US.yaml": {"PackageIdentifier", "PackageVersion", "PackageLocale", "Publisher", "PackageName",
			"License", "ShortDescription"},
	}
	documents := map[string]map[string]any{}
	for suffix, keys := range required {
		text, err := os.ReadFile(filepath.Join(dir, "winget", identifier+suffix))
		if err != nil {
			t.Fatal(err)
		}
		var d map[string]any
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v\n%s", suffix, err, text)
		}
		for _, k := range append(keys, "ManifestType", "ManifestVersion") {
			if s, ok := d[k].(string); k != "Installers" && (!ok || s == "") {
				t.Errorf("%s: %s is %#v", suffix, k, d[k])
			}
		}
		if d["PackageVersion"] != "1.2.3" || d["ManifestVersion"] != "1.6.0" {
			t.Errorf("%s: %v", suffix, d)
		}
		documents[suffix] = d
	}
	if s := documents[".locale.en-US.yaml"]["ShortDescription"].(string); len(s) > 256 {
		t.Errorf("the short description has %d characters", len(s))
	}
	var systems []string
	for _, i := range documents[".installer.yaml"]["Installers"].([]any) {
		installer := i.(map[string]any)
		systems = append(systems, installer["Architecture"].(string))
		if !regexp.MustCompile(`^[A-F0-9]{64}$`).MatchString(installer["InstallerSha256"].(string)) {
			t.Errorf("installer: %v", installer)
		}
	}
	if !slices.Equal(systems, []string{"x64", "arm64"}) {
		t.Errorf("installers for %q", systems)
	}

	text, err := os.ReadFile(filepath.Join(dir, "scoop", "lyncdiag.json"))
	if err != nil {
		t.Fatal(err)
	}
	var scoop struct {
		Version      string
		Architecture map[string]scoopSystem
		AutoUpdate   struct{ Architecture map[string]scoopSystem }
	}
	if err := json.Unmarshal(text, &scoop); err != nil {
		t.Fatal(err)
	}
	const url = home + "/releases/download/v1.2.3/lyncdiag-1.2.3-windows-amd64.zip"
	if got := scoop.Architecture["64bit"]; scoop.Version != "1.2.3" || got.URL != url || got.Hash != archives[0].SHA256 {
		t.Errorf("scoop: %s", text)
	}
	if got := scoop.AutoUpdate.Architecture["arm64"].URL; got != home+"/releases/download/v$version/lyncdiag-$version-windows-arm64.zip" {
		t.Errorf("scoop: updates from %s", got)
	}
}

func TestEdition(t *testing.T) {
	stamped := func(settings ...debug.BuildSetting) *buildinfo.BuildInfo {
		return &buildinfo.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261126101112-0123456789ab"}, Settings: settings}
	}
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-11-26T11:11:12+01:00"}}
	dirty := append(slices.Clone(commit), debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	epoch := func(string) (string, bool) { return "946684800", true }
	for name, tt := range map[string]struct {
		info    *buildinfo.BuildInfo
		version string
		env     func(string) (string, bool)
		want    edition
		err     string
	}{
		"a release":                {stamped(commit...), "v1.2.3", nothing, first, ""},
		"what Go makes of it":      {stamped(commit...), "", nothing, edition{"0.0.0-20261126101112-0123456789ab", "0123abc", first.Time}, ""},
		"a fixed date":             {stamped(commit...), "v1.2.3", epoch, edition{"1.2.3", "0123abc", time.Unix(946684800, 0).UTC()}, ""},
		"changes":                  {stamped(dirty...), "v1.2.3", nothing, edition{}, "git status"},
		"changes, not to publish":  {stamped(dirty...), "", nothing, edition{"0.0.0-20261126101112-0123456789ab", "0123abc", first.Time}, ""},
		"no commit":                {stamped(), "v1.2.3", nothing, edition{}, "clone"},
		"no commit, for a look":    {stamped(), "", nothing, edition{"0.0.0-devel", "", time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
		"a date that is no number": {stamped(commit...), "", func(string) (string, bool) { return "today", true }, edition{}, "seconds since 1970"},
		"before ZIP":               {stamped(commit...), "", func(string) (string, bool) { return "0", true }, edition{}, "1970"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := editionOf(tt.info, tt.version, tt.env)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "old"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"want vX.Y.Z":         {"-version", "1.2.3"},
		"vX.Y.Z-PRERELEASE":   {"-version", "v1.2"},
		`-target "plan9/arm"`: {"-target", "plan9/arm"},
		"delete it":           {"-out", full},
		"not understood":      {"windows"},
	} {
		if err := run(args, io.Discard, nothing); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", args, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "old")); err != nil {
		t.Error("an older release was deleted")
	}
	for _, v := range []string{"1.2", "1.2.70000", "a.b.c"} {
		if n, err := numbers(v); err == nil {
			t.Errorf("%s is %v", v, n)
		}
	}
}

// TestModule unpacks the PowerShell module: it says its version and has the program
// where its script looks for it.
func TestModule(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	main := cdx.Component{BOMRef: "program", Type: cdx.ComponentTypeApplication, Name: "lyncdiag"}
	all := parts{
		Files: []entry{{Name: "lyncdiag.exe", Text: []byte("program"), Executable: true}, {Name: "LICENSE", Text: []byte("MIT")}},
		Bill:  &cdx.BOM{Metadata: &cdx.Metadata{Component: &main}, Components: &[]cdx.Component{{Name: "std"}}, Dependencies: &[]cdx.Dependency{{Ref: "program"}}},
	}
	pre := first
	pre.Version = "1.2.3-rc.1"
	for label, e := range map[string]edition{"": first, "rc1": pre} {
		var bytesOf [2][]byte
		dir := t.TempDir()
		for i := range bytesOf {
			name, err := packModule(root, dir, e, all)
			if err != nil || name != "LyncDiag-"+e.Version+".zip" {
				t.Fatal(name, err)
			}
			if bytesOf[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(bytesOf[0], bytesOf[1]) {
			t.Error("a second archive of the same files differs")
		}
		r, err := zip.NewReader(bytes.NewReader(bytesOf[0]), int64(len(bytesOf[0])))
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range r.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			files[f.Name] = string(text)
		}
		for _, name := range []string{"LyncDiag.psm1", "LyncDiag.Format.ps1xml", "en-US/about_LyncDiag.help.txt"} {
			want, err := os.ReadFile(filepath.Join(root, "examples", "powershell", "LyncDiag", filepath.FromSlash(name)))
			if err != nil || files["LyncDiag/"+name] != string(want) {
				t.Errorf("%s is not the module's own (%v)", name, err)
			}
		}
		if files["LyncDiag/bin/lyncdiag.exe"] != "program" || files["LyncDiag/LICENSE"] != "MIT" {
			t.Errorf("files: %q", slices.Sorted(maps.Keys(files)))
		}
		manifest := files["LyncDiag/LyncDiag.psd1"]
		if !strings.Contains(manifest, "\n    ModuleVersion     = '1.2.3'\n") || strings.Contains(manifest, "Prerelease") != (label != "") || !strings.Contains(manifest, label) {
			t.Errorf("%s: the module says of itself\n%s", e.Version, manifest)
		}
		if want := "PSData = @{\n            Prerelease = 'rc1'\n"; label != "" && !strings.Contains(manifest, want) {
			t.Errorf("no %q in\n%s", want, manifest)
		}
		bill, err := os.ReadFile(filepath.Join(dir, "LyncDiag-"+e.Version+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			Metadata struct {
				Component struct{ Name, Version string }
			}
			Components   []struct{ Name string }
			Dependencies []struct{ DependsOn []string }
		}
		if err := json.Unmarshal(bill, &read); err != nil {
			t.Fatal(err)
		}
		if c := read.Metadata.Component; c.Name != "LyncDiag" || c.Version != e.Version || len(read.Components) != 2 || read.Components[0].Name != "lyncdiag" || !slices.Equal(read.Dependencies[0].DependsOn, []string{"program"}) {
			t.Errorf("bill: %s", bill)
		}
	}
	if main.Name != "lyncdiag" || len(*all.Bill.Components) != 1 {
		t.Error("the program's own bill was changed")
	}
	if _, err := versioned([]byte("@{ ModuleVersion = 1 }"), "1.2.3"); err == nil {
		t.Error("a manifest without a version to set was taken")
	}
}
