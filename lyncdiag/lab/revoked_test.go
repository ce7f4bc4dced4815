package lab

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestNoPasswordToARevokedHost: a host whose certificate its authority took back
// gets no password, in a whole check and where a token alone is asked for. The
// same host gets it while the certificate is good, and while nobody says what it is.
func TestNoPasswordToARevokedHost(t *testing.T) {
	whole := lyncdiag.DefaultPlan()
	var token lyncdiag.Plan
	for _, s := range whole {
		if s.ID != "revocation" {
			token = append(token, s)
		}
	}
	for _, test := range []struct {
		name, base, host string
		stage            lyncdiag.StageID
		plan             lyncdiag.Plan
		change           func(*world, *host)
		sent             bool
	}{
		{"AD FS, revoked", "healthy", sts, "adfs.token", whole, func(_ *world, h *host) { h.revoked = true }, false},
		{"AD FS, revoked, without the stage", "healthy", sts, "adfs.token", token, func(_ *world, h *host) { h.revoked = true }, false},
		{"AD FS, good", "healthy", sts, "adfs.token", whole, func(*world, *host) {}, true},
		{"AD FS, nobody answers", "healthy", sts, "adfs.token", whole, func(w *world, _ *host) { w.silence(pki) }, true},
		{"the cloud, revoked", "healthy-managed", login, "cloud.token", whole, func(_ *world, h *host) { h.revoked = true }, false},
		{"the cloud, good", "healthy-managed", login, "cloud.token", whole, func(*world, *host) {}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fault := Fault{Name: test.name, Base: test.base, apply: func(w *world) {
					w.publish(w.hosts[test.host])
					test.change(w, w.hosts[test.host])
				}}
				l, err := startWith(t.Context(), Config{}, test.base, []Fault{fault})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				subject, err := fact.ParseAddress("joe@" + domain)
				if err != nil {
					t.Fatal(err)
				}
				report, err := (&lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting(), Credentials: l.Credentials(), Plan: test.plan}).Run(t.Context(), subject)
				if err != nil {
					t.Fatal(err)
				}
				var requests []adfstest.Request
				if test.host == sts {
					requests = l.world.sts.Requests()
				} else {
					requests = l.world.login.Requests()
				}
				sent := slices.ContainsFunc(requests, func(r adfstest.Request) bool { return strings.Contains(r.Body, "UsernameToken") })
				i := slices.IndexFunc(report.Stages, func(s lyncdiag.StageResult) bool { return s.ID == test.stage })
				refused := strings.Contains(report.Stages[i].Reason, "revoked: the password was not sent")
				if len(requests) == 0 || sent != test.sent || refused == test.sent {
					t.Errorf("%d requests, password sent %t, %s %s", len(requests), sent, report.Stages[i].Status, report.Stages[i].Reason)
				}
			})
		})
	}
}
