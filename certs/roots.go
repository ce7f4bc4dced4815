package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// systemRoots reads the certificates that crypto/x509 trusts where its pool is
// made from files, as on Linux: the same places in the same order. Elsewhere
// the platform's own verifier has the roots and needs no help. It is empty
// when there are no such files.
var systemRoots = sync.OnceValue(func() []*x509.Certificate {
	if slices.Contains([]string{"windows", "darwin", "ios"}, runtime.GOOS) {
		return nil
	}
	files := []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem", // Alpine, the BSDs
	}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		files = []string{file}
	}
	var all []*x509.Certificate
	read := func(file string) bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		list, _ := ParseFile(b)
		all = append(all, list...)
		return true
	}
	_ = slices.ContainsFunc(files, read) // the first that can be read
	for _, folder := range filepath.SplitList(os.Getenv("SSL_CERT_DIR")) {
		entries, _ := filepath.Glob(filepath.Join(folder, "*"))
		for _, file := range entries {
			read(file)
		}
	}
	return all
})
