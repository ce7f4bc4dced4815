package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// identifier is the package's name in winget's repository.
const identifier = "lyncdiag.lyncdiag"

// writeManifests writes what winget's repository and a Scoop bucket take. Both
// need the archives of all Windows systems.
func writeManifests(dir string, e edition, archives []built) error {
	windows := map[string]built{}
	for _, a := range archives {
		if a.Target.OS == "windows" {
			windows[a.Target.Arch] = a
		}
	}
	if len(windows) < 2 {
		return nil
	}
	scoop, err := scoopManifest(e, windows)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"scoop/lyncdiag.json":                         scoop,
		"winget/" + identifier + ".yaml":              wingetVersion(e),
		"winget/" + identifier + ".installer.yaml":    wingetInstaller(e, windows),
		"winget/" + identifier + ".locale.en-US.yaml": wingetLocale(e),
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// download is where an archive will be published.
func download(version, archive string) string {
	return home + "/releases/download/v" + version + "/" + archive
}

// scoopSystem is an architecture of a Scoop manifest.
type scoopSystem struct {
	URL  string `json:"url"`
	Hash string `json:"hash,omitempty"`
}

// scoopManifest is a manifest of Scoop, https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests.
func scoopManifest(e edition, windows map[string]built) ([]byte, error) {
	type update struct {
		Architecture map[string]scoopSystem `json:"architecture"`
		Hash         map[string]string      `json:"hash"`
	}
	now, next := map[string]scoopSystem{}, map[string]scoopSystem{}
	for arch, name := range map[string]string{"amd64": "64bit", "arm64": "arm64"} {
		a := windows[arch]
		now[name] = scoopSystem{download(e.Version, a.Archive), a.SHA256}
		next[name] = scoopSystem{URL: strings.ReplaceAll(now[name].URL, e.Version, "$version")}
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	j.SetIndent("", "    ")
	err := j.Encode(struct {
		Version      string                 `json:"version"`
		Description  string                 `json:"description"`
		Homepage     string                 `json:"homepage"`
		License      string                 `json:"license"`
		Architecture map[string]scoopSystem `json:"architecture"`
		Bin          string                 `json:"bin"`
		CheckVer     map[string]string      `json:"checkver"`
		AutoUpdate   update                 `json:"autoupdate"`
	}{e.Version, diagnosis.Description + ".", home, "MIT", now, "lyncdiag.exe", map[string]string{"github": home},
		update{next, map[string]string{"url": "$baseurl/SHA256SUMS"}}})
	return b.Bytes(), err
}

// Winget's manifests follow the schemas of version 1.6,
// https://github.com/microsoft/winget-cli/tree/master/schemas/JSON/manifests/v1.6.0.
// All texts are quoted: YAML would read 1.2 or 2026-11-26 as something else.

func winget(kind string, e edition, body string) []byte {
	return []byte("# yaml-language-server: $schema=https://aka.ms/winget-manifest." + strings.ToLower(kind) + ".1.6.0.schema.json\n" +
		"PackageIdentifier: " + identifier + "\nPackageVersion: " + strconv.Quote(e.Version) + "\n" + body +
		"ManifestType: " + kind + "\nManifestVersion: 1.6.0\n")
}

func wingetVersion(e edition) []byte {
	return winget("version", e, "DefaultLocale: en-US\n")
}

func wingetInstaller(e edition, windows map[string]built) []byte {
	var b strings.Builder
	b.WriteString(`Platform:
- Windows.Desktop
MinimumOSVersion: 10.0.0.0
InstallerType: zip
NestedInstallerType: portable
NestedInstallerFiles:
- RelativeFilePath: lyncdiag.exe
  PortableCommandAlias: lyncdiag
Commands:
- lyncdiag
`)
	fmt.Fprintf(&b, "ReleaseDate: %q\nInstallers:\n", e.Time.Format("2006-01-02"))
	for _, arch := range []string{"amd64", "arm64"} {
		a := windows[arch]
		name := map[string]string{"amd64": "x64", "arm64": "arm64"}[arch]
		fmt.Fprintf(&b, "- Architecture: %s\n  InstallerUrl: %q\n  InstallerSha256: %s\n", name, download(e.Version, a.Archive), strings.ToUpper(a.SHA256))
	}
	return winget("installer", e, b.String())
}

func wingetLocale(e edition) []byte {
	return winget("defaultLocale", e, `PackageLocale: en-US
Publisher: The lyncdiag authors
PublisherUrl: `+home+`
PublisherSupportUrl: `+home+`/issues
PackageName: lyncdiag
PackageUrl: `+home+`
License: MIT
LicenseUrl: `+home+`/blob/main/LICENSE
ShortDescription: `+diagnosis.Description+`
Description: |-
  Starts from a sign-in address, a client log, exports of the directory, an error
  message or a few answers, and goes through Microsoft's article KB 2541980 in one
  command: to the cause as far as it can be seen from there, its type (client,
  network, identity, service), the evidence and the steps that fix it.
Moniker: lyncdiag
Tags:
- adfs
- autodiscover
- dns
- lync
- sip
- skype-for-business
- troubleshooting
ReleaseNotesUrl: `+home+"/releases/tag/v"+e.Version+"\n")
}
