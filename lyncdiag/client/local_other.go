//go:build !windows

package client

import "errors"

// Local is this computer. Its client can be looked at on Windows alone; elsewhere
// that is the error.
func Local() (*Computer, error) {
	return nil, errors.New("client: look at this computer: it is no Windows; read an export with --from")
}

func fileVersion(string) string { return "" }
