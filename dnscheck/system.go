package dnscheck

import (
	"errors"
	"fmt"
	"slices"
)

// named drops repeated resolvers and numbers those after the first, so that
// each can be told apart in a table.
func named(servers []Server) ([]Server, error) {
	var list []Server
	for _, s := range servers {
		if slices.ContainsFunc(list, func(t Server) bool { return t.Addr == s.Addr }) {
			continue
		}
		if n := len(list); n > 0 {
			s.Name = fmt.Sprintf("%s-%d", s.Name, n+1)
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, errors.New("dnscheck: this machine has no resolver configured; name one")
	}
	return list, nil
}
