package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"
)

// Stored reads the certificates in the stores of Windows, as the user sees
// them: the trusted roots without those that are disallowed, and the issuers at
// hand. With them a Verifier asks nobody, where the platform's own verifier
// fetches certificates that were not sent, past every dial function. They are
// what is stored now: Windows gets a public root when it first needs it, and
// what a root is limited to by its properties is not read. Elsewhere the pool is
// nil, which stands for the system's.
func Stored() (roots *x509.CertPool, issuers []*x509.Certificate, err error) {
	stores := map[string][]*x509.Certificate{"ROOT": nil, "CA": nil, "Disallowed": nil}
	for name := range stores {
		if stores[name], err = readStore(name); err != nil {
			return nil, nil, fmt.Errorf("certs: read store %s: %w", name, err)
		}
	}
	refused := func(c *x509.Certificate) bool {
		return slices.ContainsFunc(stores["Disallowed"], func(d *x509.Certificate) bool { return bytes.Equal(c.Raw, d.Raw) })
	}
	trusted := slices.DeleteFunc(stores["ROOT"], refused)
	if len(trusted) == 0 {
		return nil, nil, errors.New("certs: read store ROOT: it holds no certificate")
	}
	roots = x509.NewCertPool()
	for _, c := range trusted {
		roots.AddCert(c)
	}
	// The roots too: a signature that crypto/x509 does not check needs the key.
	return roots, slices.Concat(trusted, slices.DeleteFunc(stores["CA"], refused)), nil
}

// readStore reads a system store; certificates that cannot be read are left out.
func readStore(name string) (list []*x509.Certificate, err error) {
	wide, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	store, err := syscall.CertOpenSystemStore(0, wide)
	if err != nil {
		return nil, err
	}
	defer syscall.CertCloseStore(store, 0)
	const notFound = syscall.Errno(0x80092004) // CRYPT_E_NOT_FOUND: the end, as ERROR_NO_MORE_FILES is
	for held := (*syscall.CertContext)(nil); ; {
		// It frees the context that it is given.
		held, err = syscall.CertEnumCertificatesInStore(store, held)
		if held == nil {
			if err != nil && !errors.Is(err, notFound) && !errors.Is(err, syscall.ERROR_NO_MORE_FILES) {
				return nil, err
			}
			return list, nil
		}
		der := bytes.Clone(unsafe.Slice(held.EncodedCert, held.Length))
		if c, err := x509.ParseCertificate(der); err == nil {
			list = append(list, c)
		}
	}
}
