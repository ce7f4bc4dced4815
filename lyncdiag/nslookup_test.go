package lyncdiag_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

func nslookup(t *testing.T, text string) lyncdiag.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nslookup.txt")
	writeFile(t, path, strings.ReplaceAll(text, "\n", "\r\n"))
	source, err := bundle.ReadNSLookup(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// rootsOf are the names of the root failures and warnings, sorted, and all that they say.
func rootsOf(report *lyncdiag.Report) (names []string, said string) {
	for _, f := range report.Findings {
		if f.CausedBy == "" && f.Severity != "info" {
			names = append(names, f.Name)
			said += f.Title + f.Cause
			for _, e := range f.Evidence {
				said += " " + e.Value
			}
		}
	}
	slices.Sort(names)
	return names, said
}

const serverOfOffice = "Server:  dc01.corp.contoso.example\nAddress:  10.0.0.53\n\n"

// TestNSLookupOfTheUsersComputer compares what nslookup printed there with what is
// seen from here, and judges by it alone where nothing is.
func TestNSLookupOfTheUsersComputer(t *testing.T) {
	const (
		sipdirFails = "C:\\>nslookup sipdir.online.lync.com\n" + serverOfOffice + "*** dc01.corp.contoso.example can't find sipdir.online.lync.com: Non-existent domain\n"
		sipdirWorks = "C:\\>nslookup sipdir.online.lync.com\nDNS request timed out.\n    timeout was 2 seconds.\n" + serverOfOffice + "Non-authoritative answer:\nName:    sipdir.online.lync.com\nAddress:  127.0.1.1\n"
		stsFails    = "C:\\>nslookup sts.contoso.example\n" + serverOfOffice + "*** dc01.corp.contoso.example can't find sts.contoso.example: Non-existent domain\n"
		srvFails    = "C:\\>nslookup -type=SRV _sip._tls.contoso.example\n" + serverOfOffice + "*** dc01.corp.contoso.example can't find _sip._tls.contoso.example: Non-existent domain\n"
		srvWrong    = "C:\\>nslookup -type=SRV _sip._tls.contoso.example\n" + serverOfOffice + "_sip._tls.contoso.example\tSRV service location:\n\t  priority       = 100\n\t  weight         = 1\n\t  port           = 443\n\t  svr hostname   = sip.oldhoster.example\n"
		srvEdge     = "C:\\>nslookup -type=SRV _sip._tls.contoso.example\n" + serverOfOffice + "_sip._tls.contoso.example\tSRV service location:\n\t  priority       = 0\n\t  weight         = 0\n\t  port           = 443\n\t  svr hostname   = accessedge.contoso.example\n"
	)
	client := func(d *lyncdiag.Diagnoser) { d.Setting.Client = "lync2010-rtm" }
	for name, test := range map[string]struct {
		text   string
		fault  string // "": nothing is sent
		change func(*lyncdiag.Diagnoser)
		want   []string // root failures and warnings
		says   string   // in the first one's evidence or title
	}{
		"the name does not resolve there":              {sipdirFails, "", nil, []string{"name-resolution-failed-on-client"}, "no-such-name"},
		"it resolves there after a time-out":           {sipdirWorks, "", nil, nil, ""},
		"it resolves here, not there":                  {sipdirFails, "healthy", nil, []string{"name-resolution-failed-on-client"}, "resolves from here"},
		"it resolves nowhere":                          {sipdirFails, "dns-target-unresolvable", nil, []string{"dns-target-unresolvable"}, ""},
		"the record is there for others":               {srvFails, "healthy", nil, []string{"name-resolution-failed-on-client"}, "resolves from here"},
		"the record is nowhere":                        {srvFails, "dns-sip-tls-srv-missing", client, []string{"dns-sip-tls-srv-missing"}, ""},
		"the record is not there, here nobody looks":   {srvFails, "", client, []string{"dns-sip-tls-srv-missing"}, "nslookup at dc01.corp.contoso.example"},
		"the record leads elsewhere, perhaps rightly":  {srvWrong, "", nil, nil, ""},
		"the record leads elsewhere":                   {srvWrong, "", func(d *lyncdiag.Diagnoser) { d.Setting.Deployment = "online" }, []string{"dns-sip-tls-srv-wrong"}, "sip.oldhoster.example"},
		"the record leads to an own deployment":        {srvEdge, "", client, nil, ""},
		"the record is another one there":              {strings.Replace(srvWrong, "= 443", "= 5061", 1), "healthy", nil, []string{"dns-internal-external-differ"}, "On the user's computer"},
		"a record is not there, others were not asked": {srvFails, "", nil, []string{"dns-sip-tls-srv-missing"}, "another way"},
		"the federation service":                       {stsFails, "healthy", nil, []string{"name-resolution-failed-on-client"}, "resolves from here"},
		"a name like a federation service's":           {stsFails, "", nil, []string{"name-resolution-failed-on-client"}, "from its name alone"},
		"that resolves nowhere":                        {stsFails, "adfs-name-unresolvable", nil, []string{"adfs-name-unresolvable"}, ""},
		"everything fails":                             {sipdirFails + srvFails, "", client, []string{"dns-sip-tls-srv-missing", "name-resolution-failed-on-client"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source := nslookup(t, test.text)
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{Faults: slices.DeleteFunc([]string{test.fault}, func(s string) bool { return s == "" })}, func(d *lyncdiag.Diagnoser) {
					d.Sources = []lyncdiag.Source{source}
					d.Offline = test.fault == ""
					if test.change != nil {
						test.change(d)
					}
				})
				got, said := rootsOf(report)
				if !slices.Equal(got, test.want) || !strings.Contains(said, test.says) {
					t.Errorf("found %v, want %v with %q:\n%s", got, test.want, test.says, describe(report))
				}
			})
		})
	}
}

func TestNSLookupThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.txt")
	if err := os.WriteFile(path, []byte("Pinging host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{path: "no question of nslookup", filepath.Join(t.TempDir(), "absent"): "no such file", "-": "no standard input"} {
		if _, err := bundle.ReadNSLookup(path, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
