// Command gen writes what follows from the code: the JSON Schemas of the
// documents and a page of all their keys, a page for each finding, the coverage of
// KB 2541980, and what the program embeds packed. It needs no network, and running
// it twice changes nothing.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

//go:generate go run .

func main() {
	if err := run(filepath.Join("..", "..", "..")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes every generated file below the module's root.
func run(root string) error {
	list, err := schemas(filepath.Join(root, "lyncdiag", "render"))
	if err != nil {
		return err
	}
	files, err := schemaFiles(list)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(root, "docs", "schema"), files); err != nil {
		return err
	}
	// The binary embeds its own copy, as go:embed does not reach out of a package,
	// packed, as every kilobyte counts there.
	packed, err := pack(files)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(root, "lyncdiag", "render", "schema"), map[string][]byte{"all.json.gz": packed}); err != nil {
		return err
	}
	page, err := os.ReadFile(filepath.Join(root, "lyncdiag", "render", "logview.html"))
	if err != nil {
		return err
	}
	if page, err = compress(page); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "lyncdiag", "render", "logview.html.gz"), page, 0o644); err != nil {
		return err
	}
	if err := replace(filepath.Join(root, "docs", "findings"), findingPages()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "docs", "json.md"), referencePage(list), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "kb-coverage.md"), coveragePage(), 0o644)
}

// replace makes a folder hold these files and no others.
func replace(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := files[e.Name()]; ok || e.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
