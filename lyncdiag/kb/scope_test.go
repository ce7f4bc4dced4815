package kb

import (
	"slices"
	"strings"
	"testing"
)

func TestScope(t *testing.T) {
	for _, test := range []struct {
		symptom          Symptom
		users, computers Spread
		want             string
	}{
		{"portal", "one", "one", "client"},
		{"portal", "one", "many", "identity azure-ad"},
		{"lync", "one", "many", "network service"},
		{"lync", "many", "many", "network azure-ad service"},
		{"both", "many", "one", "client"},
		{"lync", "", "", "client network azure-ad service"},
		{"lync", "one", "", "client network service"},
		{"both", "", "many", "identity azure-ad"},
		{"", "", "one", "client"},
		{"", "", "", "client network identity azure-ad service"},
		{"", "", "many", "network identity azure-ad service"},
		{"phone", "one", "one", ""},
		{"lync", "two", "one", ""},
	} {
		var got []string
		for _, st := range Scope(test.symptom, test.users, test.computers) {
			got = append(got, string(st))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("Scope(%q, %q, %q) = %v, want %s", test.symptom, test.users, test.computers, got, test.want)
		}
	}
}

func TestScopeTableIsACopy(t *testing.T) {
	table := ScopeTable()
	table[1].Types[0] = "changed"
	if slices.Contains(table[3].Types, "changed") || slices.Contains(Scope("portal", "one", "many"), "changed") {
		t.Error("a change of one cell shows in another")
	}
}

func TestStatement(t *testing.T) {
	for _, test := range []struct {
		symptom          Symptom
		users, computers Spread
		want             string
	}{
		{"portal", "one", "many", "A single user can't sign in to the Office 365 portal on more than one computer. This is usually caused by the user's identity or Windows Azure AD."},
		{"lync", "many", "many", "More than one user can't sign in to Lync Online, although the Office 365 portal works, on more than one computer. This is usually caused by the network, Windows Azure AD or the Lync Online service."},
		{"lync", "one", "", "A single user can't sign in to Lync Online, although the Office 365 portal works. This is usually caused by the client, the network or the Lync Online service. Not known yet: how many computers are affected."},
		{"phone", "", "", ""},
	} {
		if got := Statement(test.symptom, test.users, test.computers); got != test.want {
			t.Errorf("Statement(%q, %q, %q) =\n%s, want\n%s", test.symptom, test.users, test.computers, got, test.want)
		}
	}
}
