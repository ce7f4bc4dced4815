//go:build !windows

package proxy

import (
	"errors"
	"net/url"
)

// fromWindows: other systems tell programs of a proxy by the environment.
func fromWindows() ([]Setting, error) { return nil, nil }

// Evaluate has WinHTTP run the setting's script for a URL: nil and no error is
// a direct connection. Without Windows there is nobody to run it, which is the
// error.
func (s Setting) Evaluate(string) (*url.URL, error) {
	return nil, errors.New("proxy: evaluate script: only Windows has an evaluator")
}
