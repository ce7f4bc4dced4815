package directory_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/directory"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// FuzzAdd: whatever a file holds, reading it ends without a panic, and its facts
// round-trip.
func FuzzAdd(f *testing.F) {
	o := msolUser(joe, property{"MCOSTANDARD", success})
	for _, seed := range []string{
		convertToJSON(6, true, o), exportCLIXML(6, o), exportCSV(";", true, o), formatList(o), convertToJSON(6, false, mgUser(joe, true)),
		`{"value":[{"id":"contoso.com","isVerified":false}]}`, "\xff\xfe{\x00}\x00", `<Objs><Obj><Ref RefId="1"/></Obj></Objs>`,
		`{"ADFSToolbox":{"Test-AdfsServerHealth":{"AllTests":[{"Name":"IsAdfsRunning","ComputerName":"a","Result":2}]}}}`,
		"DISTINGUISHEDNAME,ATTRIBUTE,ERROR,VALUE\nx,mail,Duplicate,sip:joe@contoso.com\n", "Service,Status,Id\nSkype for Business,serviceOperational,Lync\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e := &directory.Exports{}
		if err := e.Add("x", bytes.NewReader(in)); err != nil {
			return
		}
		targets := append(e.Users(), fact.Subject{Address: joe, Domain: "contoso.com"})
		for _, target := range targets[:min(3, len(targets))] {
			facts := fact.New()
			if err := e.Collect(t.Context(), target, facts); err != nil && target.Address != joe {
				t.Errorf("a user of the export is not found: %v", err)
			}
			var record bytes.Buffer
			if err := fact.Encode(&record, facts); err != nil {
				t.Fatal(err)
			}
			if _, err := fact.Decode(&record); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzLost cuts an export of a licensed user at any depth, in any format, and
// turns properties into text: the user is licensed or unknown, never without a
// licence.
func FuzzLost(f *testing.F) {
	for _, seed := range []struct {
		depth, format, drop uint8
	}{{0, 0, 0}, {2, 0, 0}, {3, 1, 0}, {9, 2, 3}, {4, 3, 1}, {1, 4, 2}} {
		f.Add(seed.depth, seed.format, seed.drop, true)
		f.Add(seed.depth, seed.format, seed.drop, false)
	}
	f.Fuzz(func(t *testing.T, depth, format, drop uint8, graph bool) {
		o := msolUser(joe, property{"EXCHANGE_S_STANDARD", success}, property{"MCOSTANDARD", success})
		if graph {
			o = mgUser(joe, true)
		}
		// A property that was not asked for is not in the export, or is empty;
		// what says by itself that there is no licence stays.
		if i := int(drop) % (2 * len(o.props)); i > 0 && i < len(o.props) && o.props[i].name != "AssignedPlans" && o.props[i].name != "AssignedLicenses" {
			o = without(o, o.props[i].name)
		}
		text := ""
		switch d := int(depth) % 8; format % 5 {
		case 0:
			text = convertToJSON(d, true, o)
		case 1:
			text = convertToJSON(d, false, o)
		case 2:
			text = exportCLIXML(d, o)
		case 3:
			text = exportCSV(",", d%2 == 0, o)
		case 4:
			text = formatList(o)
		}
		e := &directory.Exports{}
		if err := e.Add("x", strings.NewReader(text)); err != nil {
			return
		}
		facts := fact.New()
		if err := e.Collect(t.Context(), fact.Subject{Address: joe, Domain: "contoso.com"}, facts); err != nil {
			return
		}
		for _, list := range fact.All(facts, fact.DirectoryUsersKey) {
			for _, u := range list {
				if u.Licensed.Answer == "no" || u.PlansKnown && len(u.Plans) == 0 {
					t.Errorf("lost is read as absent: %+v\n%s", u, text)
				}
			}
		}
	})
}

// FuzzFormats writes an object with any texts in each format: the facts are
// the same.
func FuzzFormats(f *testing.F) {
	f.Add("joe", "Joe \"the first\"; a, b", true, false, "SRV:")
	f.Add("o'neil", "@{a=b}", false, true, "sipfed.online.lync.com")
	f.Add("j\u00f6rg", "_x000A_ : x", false, false, "")
	f.Fuzz(func(t *testing.T, local, name string, enabled, sip bool, locator string) {
		// A screen shows no line break, and XML cannot hold every character;
		// white space at the ends is not kept by any reader of addresses.
		for _, s := range []string{local, name, locator} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError || r == 0xfffe || r == 0xffff }) {
				return
			}
		}
		upn := local + "@contoso.com"
		if strings.ContainsAny(local, "@ _") || strings.TrimSpace(local) == "" || strings.Contains(name+locator, "_x") {
			return
		}
		if _, err := fact.ParseAddress(upn); err != nil {
			return
		}
		o := obj{"ADUser", []property{
			{"UserPrincipalName", upn}, {"SamAccountName", "s"}, {"DistinguishedName", name}, {"Enabled", enabled},
			{"msRTCSIP-UserEnabled", sip}, {"msRTCSIP-PrimaryUserAddress", "sip:" + upn}, {"msRTCSIP-DeploymentLocator", locator},
		}}
		var first fact.DirectoryUser
		for i, text := range []string{convertToJSON(3, false, o), exportCLIXML(3, o), exportCSV(",", true, o), exportCSV(";", false, o)} {
			got := user(t, upn, text)
			if i == 0 {
				first = got
			} else if !reflect.DeepEqual(got, first) {
				t.Errorf("got  %+v\nwant %+v\n%s", got, first, text)
			}
		}
	})
}
