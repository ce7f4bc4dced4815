package bundle

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// maxComputers bounds the exports of clients that are read of a bundle.
const maxComputers = 8

// export is a folder of a bundle that holds an export of a client.
type export struct {
	where string // as a person finds it
	all   fs.FS
	dir   string // within all
}

func (e export) inspect() (*fact.Client, error) {
	sub, err := fs.Sub(e.all, e.dir)
	if err != nil {
		return nil, err
	}
	c, err := client.OpenFS(e.where, sub)
	if err != nil {
		return nil, err
	}
	return c.Inspect(), nil
}

// computers finds the exports of clients in another's bundle, and says at their files
// what they are. They are known by noted.json and .reg files.
func (b *Bundle) computers() {
	at := map[string]bool{}
	for _, p := range b.parts {
		name := strings.ToLower(path.Base(slashed(p.path)))
		folder := strings.TrimSuffix(slashed(p.path), path.Base(slashed(p.path)))
		if p.all == nil || at[folder] || len(b.clients) >= maxComputers || name != client.NotedName && path.Ext(name) != ".reg" {
			continue
		}
		at[folder] = true
		b.clients = append(b.clients, export{where: strings.TrimRight(folder, "/"), all: p.all, dir: path.Dir(p.name)})
	}
	for i := range b.Contents {
		f := &b.Contents[i]
		file := slashed(f.Path)
		folder := strings.TrimSuffix(file, path.Base(file))
		below, _, profile := strings.Cut(file, "/profile/")
		if f.Kind == "other" && f.Note == "" && (at[folder] && client.IsExported(path.Base(file)) || profile && at[below+"/"]) {
			f.Kind = "client"
		}
	}
}

func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// recordedClient reads the export that one of our bundles holds, so that a newer
// version sees in it what the one that wrote it did not. nil: there is none, or not
// all of it.
func (b *Bundle) recordedClient(f *fact.Facts) error {
	source := ""
	for _, m := range b.Manifest.Missing {
		if strings.HasPrefix(m.What, ClientFolder+"/") && path.Ext(m.What) != ".cache" { // those are for people
			return nil
		}
	}
	for _, e := range b.Manifest.Entries {
		if !strings.HasPrefix(e.Name, ClientFolder+"/") {
			continue
		}
		if _, err := b.file(e.Name); err != nil {
			return err
		}
		source = e.Source
	}
	p, ok := b.part(ClientFolder + "/" + client.NotedName)
	if !ok {
		return nil
	}
	seen, err := export{b.Path, p.all, path.Dir(p.name)}.inspect()
	if err != nil {
		return fmt.Errorf("%s: %w", ClientFolder, err)
	}
	for origin := range fact.All(f, fact.ClientKey) {
		if origin.Kind == fact.Live || origin.Where == source {
			fact.Put(f, fact.ClientKey, seen, origin)
			break
		}
	}
	return nil
}
