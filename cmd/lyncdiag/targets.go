package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// addresses reads the addresses on the command line; with the lab none is
// needed.
func (n *networkFlags) addresses(args []string) ([]fact.Subject, error) {
	if err := n.bareLab(args); err != nil {
		return nil, err
	}
	if len(args) == 0 && n.Lab != "" {
		args = []string{labAddress}
	}
	var list []fact.Subject
	for _, arg := range args {
		t, err := fact.ParseAddress(arg)
		if err != nil {
			return nil, fmt.Errorf("read %w", err)
		}
		list = append(list, t)
	}
	return list, nil
}

// address reads the one address of a command, and the name that the user signs
// in with where it differs; "": it does not.
func (n *networkFlags) address(args []string, userName string) (fact.Subject, error) {
	targets, err := n.addresses(args)
	if err != nil {
		return fact.Subject{}, err
	}
	if len(targets) == 0 {
		return fact.Subject{}, errors.New("read arguments: no address is given; name the user's sign-in address, such as joe@contoso.com")
	}
	targets[0].UserName = userName
	return targets[0], signInName(userName)
}

// domains reads domains, or the domains of addresses.
func (n *networkFlags) domains(args []string) ([]fact.Subject, error) {
	if err := n.bareLab(args); err != nil {
		return nil, err
	}
	if len(args) == 0 && n.Lab != "" {
		args = []string{labDomain}
	}
	if len(args) == 0 {
		return nil, errors.New("read arguments: no domain is given")
	}
	var list []fact.Subject
	for _, arg := range args {
		if strings.Contains(arg, "@") {
			t, err := fact.ParseAddress(arg)
			if err != nil {
				return nil, fmt.Errorf("read %w", err)
			}
			list = append(list, t)
			continue
		}
		domain, err := fact.ParseDomain(arg)
		if err != nil {
			return nil, fmt.Errorf("read %w", err)
		}
		list = append(list, fact.Subject{Domain: domain})
	}
	return list, nil
}
