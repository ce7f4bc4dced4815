//go:build !windows

package collect

import "errors"

// TraceLevels are those of the clients on this computer.
func TraceLevels() ([]TraceLevel, error) {
	return nil, errors.New("the client's log level is raised on Windows alone; set it on the user's computer (Options > General > Logging in Lync: Full), and give the log with --log")
}
