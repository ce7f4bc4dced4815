//go:build !windows

package bundle

import "os"

// openShared opens a file that others go on to write, and may rename.
func openShared(name string) (*os.File, error) { return os.Open(name) }
