package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Process is what a program has beside its arguments.
type Process struct {
	Stdin  io.Reader
	Stderr io.Writer
	Env    func(name string) (string, bool)
}

// ErrNoTerminal is that of a password that nobody can be asked for.
var ErrNoTerminal = errors.New("there is no terminal to ask for it")

// maxPassword is more than any directory takes.
const maxPassword = 4 << 10

// PasswordVariable takes a password from the environment variable that a flag
// names. What was meant may be the password itself, so it is not repeated.
func (p *Process) PasswordVariable(flag, variable string) (string, error) {
	text, ok := p.Env(variable)
	if !ok {
		return "", errors.New("read " + flag + ": there is no environment variable of that name; it is the name of one, not the password")
	}
	return text, nil
}

// PasswordLine takes a password from the one line of standard input.
func (p *Process) PasswordLine(flag string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(p.Stdin, maxPassword+1))
	switch {
	case err != nil:
		return "", errors.New("read " + flag + ": standard input cannot be read")
	case len(b) > maxPassword:
		return "", errors.New("read " + flag + ": that is no password: it is too long")
	}
	// Windows PowerShell may pipe UTF-16 or put a byte order mark in front.
	b, _, err = transform.Bytes(unicode.BOMOverride(transform.Nop), b)
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	switch {
	case err != nil:
		return "", errors.New("read " + flag + ": it is no text")
	case len(bytes.TrimSpace(rest)) > 0:
		return "", errors.New("read " + flag + ": there is more than one line")
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}

// Password asks for a secret on a terminal. It is never an argument.
func (p *Process) Password(prompt string) (string, error) {
	file, ok := p.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", ErrNoTerminal
	}
	fmt.Fprintf(p.Stderr, "%s: ", prompt)
	b, err := term.ReadPassword(int(file.Fd()))
	fmt.Fprintln(p.Stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
