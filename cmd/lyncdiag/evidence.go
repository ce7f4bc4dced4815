package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/client"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/interview"
)

// evidenceFlags are what is known without the network.
type evidenceFlags struct {
	logPaths    []string
	bundles     []string
	nslookup    nslookupFlag
	users       []string
	domains     []string
	answersFile string
	answers     []string
	message     string
	clientFrom  string
}

func (e *evidenceFlags) register(flags *pflag.FlagSet) {
	cli.Group(flags, cli.EvidenceGroup, e.registerFiles)
}

func (e *evidenceFlags) registerFiles(flags *pflag.FlagSet) {
	flags.StringArrayVar(&e.logPaths, "log", nil, "client log: `FILE`, folder or - ; repeatable")
	flags.StringArrayVar(&e.bundles, "bundle", nil, "support bundle: MOSDALREPORT.zip, its folder, or another `FILE` or folder of what was collected; repeatable")
	e.nslookup.register(flags)
	flags.StringArrayVar(&e.users, "user", nil, "export of users: `FILE` of Get-MgUser, Get-MsolUser, Get-CsOnlineUser, Get-ADUser as JSON, CSV or CLIXML, or - ; repeatable")
	flags.StringArrayVar(&e.domains, "domain", nil, "export of domains, federation settings, service health or AD FS tests: `FILE`; repeatable")
	flags.StringVar(&e.clientFrom, "client-from", "", "export of the user's computer: `DIR` that client export wrote (default on Windows this computer, if the user has signed in here)")
	flags.StringVar(&e.message, "message", "", "`TEXT` that the client shows")
	flags.StringVar(&e.answersFile, "answers", "", "`FILE` of answers, as ask writes it; of two to one question the last counts")
	flags.StringArrayVar(&e.answers, "answer", nil, "answer to a question, as `ID=VALUE`; repeatable")
}

// nslookupFlag is what Windows' nslookup printed on the user's computer.
type nslookupFlag []string

func (n *nslookupFlag) register(flags *pflag.FlagSet) {
	flags.StringArrayVar((*[]string)(n), "nslookup", nil, "output of nslookup on the user's computer: `FILE` or - ; repeatable")
}

func (n nslookupFlag) read(p *program) ([]lyncdiag.Source, error) {
	var list []lyncdiag.Source
	for _, path := range n {
		source, err := bundle.ReadNSLookup(path, p.stdin)
		if err != nil {
			return nil, fmt.Errorf("read --nslookup %s: %w", path, cli.Cause(errors.Unwrap(err)))
		}
		list = append(list, source)
	}
	return list, nil
}

// evidence is what the flags led to.
type evidence struct {
	sources []lyncdiag.Source
	answers []fact.Answer
	address string // of the logs and bundles
	exports *directory.Exports
	client  *client.Computer // nil: none was named
	// recorded is the run of a bundle that collect wrote; nil: there is none.
	recorded *recorded

	exported  bool // something is in exports
	certainly bool // the user was named with a flag, by an export
}

func (e *evidenceFlags) read(ctx context.Context, p *program) (*evidence, error) {
	found := &evidence{}
	var err error
	if found.exports, err = e.readExports(p); err != nil {
		return nil, err
	}
	found.certainly = len(found.exports.Users()) > 0
	found.exported = len(e.users)+len(e.domains) > 0
	if len(e.logPaths) > 0 {
		logs, err := p.readLogs(ctx, bundle.Logs{Paths: e.logPaths})
		if err != nil {
			return nil, err
		}
		found.sources = append(found.sources, logs)
		found.address = logs.address()
	}
	for _, path := range e.bundles {
		b, own, err := found.readBundle(ctx, p, path)
		switch {
		case err != nil:
			return nil, err
		case own != nil && found.recorded != nil:
			return nil, fmt.Errorf("read bundle %s: a run was read from another bundle already; one is judged at a time", path)
		case own != nil:
			found.recorded = own
			continue
		}
		found.sources = append(found.sources, b)
		found.address = cmp.Or(found.address, b.address())
	}
	given, err := e.readAnswers(p)
	if err != nil {
		return nil, err
	}
	found.answers = append(found.answers, given...)
	lookups, err := e.nslookup.read(p)
	if err != nil {
		return nil, err
	}
	found.sources = append(found.sources, lookups...)
	if e.clientFrom != "" {
		if found.client, err = openComputer("--client-from", e.clientFrom); err != nil {
			return nil, err
		}
		found.sources = append(found.sources, found.client)
	}
	if found.exported {
		found.sources = append(found.sources, found.exports)
	}
	answers := found.answers
	if e.message != "" {
		answers = append(slices.Clone(answers), fact.Answer{ID: "message", Value: e.message})
	}
	if len(answers) > 0 {
		found.sources = append(found.sources, interview.Source(answers))
	}
	return found, nil
}

// readAnswers reads the file first, so that a flag has the last word.
func (e *evidenceFlags) readAnswers(p *program) ([]fact.Answer, error) {
	var answers []fact.Answer
	if e.answersFile != "" {
		in := p.stdin
		if e.answersFile != "-" {
			file, err := os.Open(e.answersFile)
			if err != nil {
				return nil, fmt.Errorf("read --answers %s: %w", e.answersFile, cli.Cause(err))
			}
			defer file.Close()
			in = file
		}
		given, err := interview.Load(in)
		if err != nil {
			return nil, fmt.Errorf("read --answers %s: %w", e.answersFile, err)
		}
		answers = given
	}
	for _, text := range e.answers {
		a, err := interview.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("read --answer: %w", err)
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// locate takes the place from an answer where no flag says it.
func (e *evidence) locate(s *session) {
	for _, a := range e.answers {
		if a.ID == "location" && a.Value != "unknown" {
			s.Setting.Location = cmp.Or(s.Setting.Location, a.Value)
		}
	}
}

// targets are the addresses given, else those that the evidence names.
func (e *evidence) targets(n *networkFlags, args []string, userName, ticket string) ([]fact.Subject, error) {
	list := []fact.Subject(nil)
	if e.recorded != nil {
		if len(args) > 0 {
			return nil, errors.New("read arguments: the bundle holds a run of its own, about one user; give no address beside it")
		}
		return []fact.Subject{e.recorded.report.Target}, nil
	}
	if len(args) == 0 && (e.certainly || e.address == "") {
		list = e.exports.Users()
	}
	if len(args) == 0 && len(list) == 0 && e.address != "" {
		args = []string{e.address}
	}
	if len(args) == 0 && len(list) == 0 && n.Lab == "" {
		args = e.clientAddress()
	}
	if len(list) == 0 {
		var err error
		if list, err = n.addresses(args); err != nil {
			return nil, err
		}
	}
	switch {
	case len(list) == 0:
		return nil, errors.New("read arguments: no address is given, and nothing else names one; name the user's sign-in address, such as joe@contoso.com")
	case userName != "" && len(list) > 1:
		return nil, errors.New("read --user-name: one name does not fit several addresses")
	}
	if err := signInName(userName); err != nil {
		return nil, err
	}
	for i := range list {
		list[i].UserName, list[i].Ticket = cmp.Or(userName, list[i].UserName), ticket
	}
	return list, nil
}

// addLocal looks at this computer, where it has a client, no export was named and no
// lab stands in for it.
func (e *evidence) addLocal(lab string) {
	if e.client != nil || lab != "" {
		return
	}
	if local, err := client.Local(); err == nil {
		e.client = local
		e.sources = append(e.sources, local)
	}
}

// clientAddress is the address that the client last signed in with: the export's, else
// this computer's.
func (e *evidence) clientAddress() []string {
	c := e.client
	if c == nil {
		var err error
		if c, err = client.Local(); err != nil {
			return nil // no Windows
		}
	}
	for _, p := range slices.Backward(c.Inspect().Profiles) {
		if p.SignIn != "" {
			return []string{p.SignIn}
		}
	}
	return nil
}
