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
		"open there":                                   {port(sipdir, "LISTENING"), "", nil, nil, ""},
		"closed there":                                 {port(sipdir, "NOT LISTENING"), "", nil, []string{"port-443-blocked-on-client"}, "not-listening"},
		"no answer there":                              {port(sipdir, "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "filtered"},
		"closed there, open here":                      {port(sipdir, "FILTERED"), "healthy", nil, []string{"port-443-blocked-on-client"}, "from here the port is open"},
		"closed everywhere":                            {port(sipdir, "FILTERED"), "tcp-443-filtered", nil, []string{"tcp-443-filtered"}, ""},
		"another host of the sign-in":                  {port("login.microsoftonline.com", "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "of {host} was not open"},
		"a host of something else":                     {port("www.contoso.example", "FILTERED"), "", nil, nil, ""},
		"the federation service":                       {port("sts.contoso.example", "FILTERED"), "healthy", nil, []string{"port-443-blocked-on-client"}, "from here the port is open"},
		"the federation service, not open here either": {port("sts.contoso.example", "FILTERED"), "adfs-tcp-filtered", nil, []string{"adfs-tcp-filtered"}, ""},
		"a name like a federation service's":           {port("sts.contoso.example", "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "from its name alone"},
		"such a name where the service is another":     {port("fs.contoso.example", "FILTERED"), "healthy", nil, nil, ""},
		"such a name of a managed domain":              {port("sts.contoso.example", "FILTERED"), "healthy-managed", nil, nil, ""},
		"Autodiscover of the domain":                   {port("lyncdiscover.contoso.example", "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "plain HTTP"},
		"Autodiscover of a client without it":          {port("lyncdiscover.contoso.example", "FILTERED"), "", func(d *lyncdiag.Diagnoser) { d.Setting.Client = "lync2010-rtm" }, nil, ""},
		"the domain's own name":                        {port("sip.contoso.example", "NOT LISTENING"), "", nil, []string{"port-443-blocked-on-client"}, "last resort"},
		"the server of manual configuration":           {strings.ReplaceAll(port("pool1.contoso.example", "FILTERED"), "port 443", "port 5061"), "", func(d *lyncdiag.Diagnoser) { d.Setting.ManualServer = "pool1.contoso.example:5061" }, []string{"port-443-blocked-on-client"}, " 5061 "},
		"another port of a host":                       {strings.ReplaceAll(port(sipdir, "FILTERED"), "port 443", "port 5061"), "", nil, nil, ""},
		"by an address":                                {port("127.0.1.1", "FILTERED"), "healthy", nil, []string{"port-443-blocked-on-client"}, "from here the port is open"},
		"by an address, once open":                     {port("127.0.1.1", "LISTENING") + port(sipdir, "FILTERED"), "", nil, nil, ""},
		"by a published address":                       {port("52.113.64.70", "FILTERED"), "", nil, []string{"port-443-blocked-on-client"}, "published ranges"},
		"by an address of something else":              {port("192.0.2.7", "FILTERED"), "", nil, nil, ""},
		"once open, once not":                          {port(sipdir, "FILTERED") + port(sipdir, "LISTENING"), "", nil, nil, ""},
		"of a deployment that does not use it":         {port(sipdir, "FILTERED"), "", func(d *lyncdiag.Diagnoser) { d.Setting.Deployment = "server" }, nil, ""},
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

// TestPortsThatRecordsName: what nslookup printed on the user's computer says which
// other hosts and ports the sign-in goes through, and what an address stands for.
func TestPortsThatRecordsName(t *testing.T) {
	srv := func(name, target, port string) string {
		return "C:\\>nslookup -type=SRV " + name + "\n" + serverOfOffice + name + "\tSRV service location:\n\t  priority       = 0\n\t  weight         = 0\n\t  port           = " + port + "\n\t  svr hostname   = " + target + "\n"
	}
	address := func(name, ip string) string {
		return "C:\\>nslookup " + name + "\n" + serverOfOffice + "Name:    " + name + "\nAddress:  " + ip + "\n"
	}
	query := func(host, port, tcp string) string {
		return "Querying target system called:\n\n " + host + "\n\nquerying...\n\nTCP port " + port + " (sip-tls service): " + tcp + "\n"
	}
	inside := srv("_sipinternaltls._tcp.contoso.example", "pool1.contoso.example", "5061")
	for name, test := range map[string]struct {
		lookups, queries string
		change           func(*lyncdiag.Diagnoser)
		want             []string // "severity confidence host:port"
	}{
		"the pool inside":         {inside, query("pool1.contoso.example", "5061", "FILTERED"), nil, []string{"failure confirmed pool1.contoso.example:5061"}},
		"another port of it":      {inside, query("pool1.contoso.example", "5060", "FILTERED"), nil, nil},
		"and outside":             {inside, query("pool1.contoso.example", "5061", "FILTERED"), func(d *lyncdiag.Diagnoser) { d.Setting.Location = "outside" }, nil},
		"the edge":                {srv("_sip._tls.contoso.example", "edge.contoso.example", "443"), query("edge.contoso.example", "443", "NOT LISTENING"), nil, []string{"failure confirmed edge.contoso.example:443"}},
		"the domain's own name":   {srv("_sip._tls.contoso.example", "sip.contoso.example", "5061"), query("sip.contoso.example", "5061", "FILTERED"), nil, []string{"failure confirmed sip.contoso.example:5061"}},
		"federation is no affair": {srv("_sipfederationtls._tcp.contoso.example", "edge.contoso.example", "5061"), query("edge.contoso.example", "5061", "FILTERED"), nil, nil},
		"a record that is wrong": {srv("_sip._tls.contoso.example", "sip.oldhoster.example", "443"), query("sip.oldhoster.example", "443", "FILTERED"),
			func(d *lyncdiag.Diagnoser) { d.Setting.Deployment = "online" }, nil},
		"an address with its name": {inside, strings.Replace(query("192.0.2.9", "5061", "FILTERED"), "querying...", "IP address resolved to pool1.contoso.example\n\nquerying...", 1), nil, []string{"failure probable pool1.contoso.example:5061"}},
		"an address":               {inside + address("pool1.contoso.example", "192.0.2.9"), query("192.0.2.9", "5061", "FILTERED"), nil, []string{"failure confirmed pool1.contoso.example:5061"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "nslookup.txt"), test.lookups)
			writeFile(t, filepath.Join(dir, "ports.txt"), test.queries)
			source, err := bundle.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
				d.Sources, d.Offline, d.Setting.Location = []lyncdiag.Source{source}, true, ""
				if test.change != nil {
					test.change(d)
				}
			})
			var got []string
			for _, f := range report.Findings {
				if f.Name != "port-443-blocked-on-client" {
					continue
				}
				port := ""
				for _, e := range f.Evidence {
					if e.Key == "port" {
						port = e.Value
					}
				}
				got = append(got, string(f.Severity)+" "+string(f.Confidence)+" "+f.Host()+":"+port)
				// The file that was read is named, and none that was not.
				steps := strings.Join(f.Filled(report.Target).Resolution, "\n")
				if !strings.Contains(steps, filepath.Join(dir, "ports.txt")) || strings.Contains(steps, "O365_Port_Queries") || strings.Contains(steps, "sipdir") {
					t.Errorf("steps:\n%s", steps)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q:\n%s", got, test.want, describe(report))
			}
		})
	}
}
