package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// TestAskWalksEveryBranch: each way through the article's tree comes to the
// article's end for it, or asks what is missing.
func TestAskWalksEveryBranch(t *testing.T) {
	const licensed = "portal-sign-in=yes licensed=yes "
	const listed = licensed + "listed-in-admin-center=yes "
	const sso = listed + "directory-sync=no sso=yes "
	const single = sso + "other-sso-user=no "
	const many = single + "non-sso-user=yes rich-client=yes "
	reached := map[string]bool{}
	for _, test := range []struct {
		answers, finding, section string
		open                      string // the question of the tree that is asked next, or would say more
		exit                      int
	}{
		{"portal-sign-in=no", "portal-sign-in-fails", "", "", 1},
		{"portal-sign-in=yes licensed=no", "user-not-licensed", "", "", 1},
		{licensed + "listed-in-admin-center=no", "", "", "licence-assigned-at", 3},
		{licensed + "listed-in-admin-center=no licence-assigned-at=2020-01-01T00:00:00Z", "user-not-provisioned", "", "", 1},
		{licensed + "licence-assigned-at=" + time.Now().UTC().Format(time.RFC3339), "user-licence-pending", "", "", 3},
		{licensed + "licence-assigned-at=2999-01-01T00:00:00Z", "", "", "licence-assigned-at", 3},
		{licensed + "directory-sync=no sso=yes other-sso-user=yes", "single-user-identity", "client", "licence-assigned-at", 1},
		{listed + "directory-sync=yes", "", "", "sip-enabled", 3},
		{listed + "directory-sync=yes sip-enabled=no", "user-sip-not-enabled", "", "", 1},
		{listed + "directory-sync=yes sip-enabled=yes", "", "", "sso", 3},
		{listed + "directory-sync=no sso=no", "client-side-suspected", "client", "client-steps-done", 3},
		{listed + "directory-sync=no sso=no client-steps-done=yes", "escalate", "next-steps", "", 3},
		{sso + "other-sso-user=yes", "single-user-identity", "client", "client-steps-done", 1},
		{sso + "other-sso-user=yes client-steps-done=yes", "single-user-identity", "next-steps", "", 1},
		{single + "non-sso-user=no", "service-outage-suspected", "dns-network", "service-health", 1},
		{single + "non-sso-user=no service-health=no", "service-outage-suspected", "", "", 1},
		{single + "non-sso-user=yes rich-client=no", "rich-client-authentication", "", "", 1},
		{many + "mex-in-browser=yes", "escalate", "next-steps", "", 3},
		{many + "mex-in-browser=no", "rich-client-authentication", "", "", 1},
	} {
		t.Run(test.answers, func(t *testing.T) {
			args := []string{"ask"}
			for _, a := range strings.Fields("symptom=lync users=one computers=many " + test.answers) {
				args = append(args, "--answer", a)
			}
			if strings.Contains(test.answers, "portal-sign-in=no") {
				args[2] = "symptom=both"
			}
			code, out, errs := call(t, t.Context(), args...)
			var got struct {
				Path      []struct{ Reached bool }
				End       struct{ Finding, Section, Text string }
				Questions []struct{ ID string }
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil || errs != "" {
				t.Fatal(err, errs)
			}
			open := ""
			if len(got.Questions) > 0 {
				open = got.Questions[0].ID
			}
			if code != test.exit || got.End.Finding != test.finding || got.End.Section != test.section || open != test.open || len(got.Path) == 0 {
				t.Errorf("exit code %d, end %+v, questions %v; want %+v", code, got.End, got.Questions, test)
			}
			reached[got.End.Text] = true
		})
	}
	var ends func(kb.Edge)
	ends = func(e kb.Edge) {
		if e.Finding != "" && !reached[e.Text] {
			t.Errorf("no walk came to the end %q", e.Text)
		}
		for _, c := range e.Cases {
			ends(c)
		}
	}
	for _, step := range kb.Tree() {
		ends(step.Yes)
		ends(step.No)
	}
}
