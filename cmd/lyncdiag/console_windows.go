package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesCodes asks the console to carry out the codes for colour. It shows them as
// text until it is asked, and Windows before 10 always does.
func takesCodes(console *os.File) bool {
	var mode uint32
	handle := windows.Handle(console.Fd())
	if err := windows.GetConsoleMode(handle, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
