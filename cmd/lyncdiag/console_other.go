//go:build !windows

package main

import "os"

// takesCodes is true: terminals carry out the codes for colour.
func takesCodes(*os.File) bool { return true }
