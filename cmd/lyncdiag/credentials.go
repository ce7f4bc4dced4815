package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
)

// credentialFlags say where the user's password comes from. It is never an
// argument.
type credentialFlags struct {
	stdin, prompt  bool
	variable       string
	authentication cli.Choice
}

func (c *credentialFlags) register(flags *pflag.FlagSet) {
	cli.Group(flags, cli.CredentialsGroup, c.registerPassword)
}

func (c *credentialFlags) registerPassword(flags *pflag.FlagSet) {
	c.authentication = cli.Choice{Allowed: []string{"username", "windows"}, Value: "username"}
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

// read sets the session's credentials. One password is one user's: trying it
// on several would lock them all.
func (c *credentialFlags) read(ctx context.Context, p *program, n *networkFlags, s *session, user string, many bool) error {
	s.windows = c.authentication.Value == "windows"
	given := 0
	for _, is := range []bool{c.stdin, c.variable != "", c.prompt} {
		if is {
			given++
		}
	}
	switch {
	case n.Anonymous || given == 0:
		return nil
	case given > 1:
		return errors.New("read --password-stdin, --password-env and --password-prompt: a password comes from one of them")
	case many:
		return errors.New("read password: one password does not fit several addresses")
	case n.Offline:
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
	s.Credentials = func(context.Context, string) (string, adfs.Secret, error) { return "", secret, nil }
	return nil
}

func (c *credentialFlags) password(ctx context.Context, p *program, user string) (string, error) {
	switch {
	case c.prompt:
		return p.passwordOf(ctx, user)
	case c.variable != "":
		return p.process().PasswordVariable("--password-env", c.variable)
	}
	return p.process().PasswordLine("--password-stdin")
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
		text, err := p.process().Password("Password of " + printable(user))
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
