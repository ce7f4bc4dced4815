package lyncdiag_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestPortsOfTheUsersComputer compares what PortQry said there with what is seen
// from here, and judges by it alone where nothing is.
func TestPortsOfTheUsersComputer(t *testing.T) {
	port := func(host, tcp string) string {
		return "Querying target system called:\n\n " + host + "\n\nName resolved to 127.0.1.1\n\nquerying...\n\nTCP port 443 (https service): " + tcp + "\nUDP port 443 (https service): LISTENING or FILTERED\n"
	}
	const sipdir = "sipdir.online.lync.com"
	for name, test := range map[string]struct {
		text  string
		fault string // "": nothing is sent
		setup func(*lyncdiag.Diagnoser)
		want  []string // root failures and warnings
		says  string   // in the first one's evidence or title
	}{
		"open there":                           {port(sipdir, "LISTENING"), "", nil, nil, ""},
		"closed there":                         {port(sipdir, "NOT LISTENING"), "", nil, []string{"port-443-blocked-on-client"}, "not-listening"},
		"no answer there":                      {port(sipdir, "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "filtered"},
		"closed there, open here":              {port(sipdir, "FILTERED"), "healthy", nil, []string{"port-443-blocked-on-client"}, "from here the port is open"},
		"closed everywhere":                    {port(sipdir, "FILTERED"), "tcp-443-filtered", nil, []string{"tcp-443-filtered"}, ""},
		"another host of the sign-in":          {port("login.microsoftonline.com", "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "of {host} was not open"},
		"a host of something else":             {port("www.contoso.example", "FILTERED"), "", nil, nil, ""},
		"once open, once not":                  {port(sipdir, "FILTERED") + port(sipdir, "LISTENING"), "", nil, nil, ""},
		"of a deployment that does not use it": {port(sipdir, "FILTERED"), "", func(d *lyncdiag.Diagnoser) { d.Setting.Deployment = "server" }, nil, ""},
		"the name does not resolve there": {"Querying target system called:\n\n " + sipdir + "\n\nAttempting to resolve name to IP address...\n\nFailed to resolve name to IP address\n", "healthy", nil,
			[]string{"name-resolution-failed-on-client"}, "PortQry could not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "ports.txt"), test.text)
			source, err := bundle.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Faults: slices.DeleteFunc([]string{test.fault}, func(s string) bool { return s == "" })}, func(d *lyncdiag.Diagnoser) {
					d.Sources = []lyncdiag.Source{source}
					d.Offline = test.fault == ""
					if test.setup != nil {
						test.setup(d)
					}
				})
				got, said := rootsOf(report)
				if !slices.Equal(got, test.want) || !strings.Contains(said, test.says) {
					t.Errorf("found %v, want %v with %q:\n%s", got, test.want, test.says, describe(report))
				}
				if len(report.Bundle) != 1 || report.Bundle[0].Kind != "portqry" {
					t.Errorf("bundle %+v", report.Bundle)
				}
			})
		})
	}
}
