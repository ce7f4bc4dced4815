package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
	"golang.org/x/term"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/lyncdiag/go-lyncdiag/adfs"
)

// credentialFlags say where the user's password comes from. It is never an
// argument.
type credentialFlags struct {
	stdin, prompt  bool
	variable       string
	authentication choice
}

func (c *credentialFlags) register(flags *pflag.FlagSet) {
	group(flags, credentialsGroup, c.registerPassword)
}

func (c *credentialFlags) registerPassword(flags *pflag.FlagSet) {
	c.authentication = choice{allowed: []string{"username", "windows"}, value: "username"}
	flags.BoolVar(&c.stdin, "password-stdin", false, "read the user's password from standard input, one line")
	flags.StringVar(&c.variable, "password-env", "", "read the user's password from this environment variable, `NAME`")
	flags.BoolVar(&c.prompt, "password-prompt", false, "ask for the user's password on the terminal")
	flags.Var(&c.authentication, "authentication", "how AD FS is shown the password: username, or windows (NTLM at windowstransport)")
}

// signInName refuses what no directory has as the name of a user.
func signInName(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) {
		return errors.New(`read --user-name: want NAME@DOMAIN or DOMAIN\NAME, without blanks and invisible characters`)
	}
	return nil
}

// given reports whether a flag says where the password comes from.
func (c *credentialFlags) given() bool { return c.stdin || c.prompt || c.variable != "" }

// maxPassword is more than any directory takes.
const maxPassword = 4 << 10

// read sets the session's credentials. One password is one user's: trying it
// on several would lock them all.
func (c *credentialFlags) read(ctx context.Context, p *program, n *networkFlags, s *session, user string, many bool) error {
	s.windows = c.authentication.value == "windows"
	given := 0
	for _, is := range []bool{c.stdin, c.variable != "", c.prompt} {
		if is {
			given++
		}
	}
	switch {
	case n.anonymous || given == 0:
		return nil
	case given > 1:
		return errors.New("read --password-stdin, --password-env and --password-prompt: a password comes from one of them")
	case many:
		return errors.New("read password: one password does not fit several addresses")
	case n.offline:
		return errors.New("read password: with --offline nothing is sent, so none is needed")
	}
	text, err := c.password(ctx, p, user)
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("read password: it is empty")
	}
	secret := adfs.NewSecret(text)
	s.credentials = func(context.Context, string) (string, adfs.Secret, error) { return "", secret, nil }
	return nil
}

func (c *credentialFlags) password(ctx context.Context, p *program, user string) (string, error) {
	switch {
	case c.prompt:
		return p.passwordOf(ctx, user)
	case c.variable != "":
		return p.passwordVariable("--password-env", c.variable)
	}
	return p.passwordLine("--password-stdin")
}

// passwordVariable takes a password from the environment variable that a flag
// names. What was meant may be the password itself, so it is not repeated.
func (p *program) passwordVariable(flag, variable string) (string, error) {
	text, ok := p.env(variable)
	if !ok {
		return "", errors.New("read " + flag + ": there is no environment variable of that name; it is the name of one, not the password")
	}
	return text, nil
}

// passwordLine takes a password from the one line of standard input.
func (p *program) passwordLine(flag string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(p.stdin, maxPassword+1))
	switch {
	case err != nil:
		return "", errors.New("read " + flag + ": standard input cannot be read")
	case len(b) > maxPassword:
		return "", errors.New("read " + flag + ": that is no password: it is too long")
	}
	// Windows PowerShell may pipe UTF-16 or put a byte order mark in front.
	b, _, err = transform.Bytes(utf16.BOMOverride(transform.Nop), b)
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	switch {
	case err != nil:
		return "", errors.New("read " + flag + ": it is no text")
	case len(bytes.TrimSpace(rest)) > 0:
		return "", errors.New("read " + flag + ": there is more than one line")
	}
	return strings.TrimSuffix(string(line), "\r"), nil
}

// passwordOf asks on the terminal. Ctrl-C gives it back as it was.
func (p *program) passwordOf(ctx context.Context, user string) (string, error) {
	file, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", errors.New("read --password-prompt: there is no terminal to ask on; use --password-stdin or --password-env")
	}
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return "", fmt.Errorf("read --password-prompt: %w", err)
	}
	type typed struct {
		text string
		err  error
	}
	answer := make(chan typed, 1)
	go func() {
		text, err := p.password("Password of " + printable(user))
		answer <- typed{text, err}
	}()
	select {
	case a := <-answer:
		return a.text, a.err
	case <-ctx.Done():
		_ = term.Restore(int(file.Fd()), state) // the terminal may be gone
		fmt.Fprintln(p.stderr)
		return "", errors.New("read --password-prompt: interrupted")
	}
}

// announced says what goes where before credentials are given out, on a
// terminal or with -v.
func (p *program) announced(c adfs.Credentials) adfs.Credentials {
	if c == nil {
		return nil
	}
	return func(ctx context.Context, to string) (string, adfs.Secret, error) {
		user, password, err := c(ctx, to)
		if err == nil && (p.verbose || isTerminal(p.stderr)) {
			line := "lyncdiag: sending user name and password, once, to " + printable(to)
			if p.line != nil {
				p.line.say(line)
			} else {
				fmt.Fprintln(p.stderr, line)
			}
		}
		return user, password, err
	}
}
