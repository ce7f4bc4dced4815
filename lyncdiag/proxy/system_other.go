//go:build !windows

package proxy

// fromWindows: other systems tell programs of a proxy by the environment.
func fromWindows() ([]Setting, error) { return nil, nil }
