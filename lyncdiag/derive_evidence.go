package lyncdiag

import (
	"strings"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// fromLogs answers what sign-ins that a log shows can tell: who is registered
// has an account in Lync Online, so also a licence. A log of one computer may
// hold several users.
func fromLogs(f *fact.Facts, id string) (string, fact.Origin) {
	target, _, _ := fact.Get(f, fact.TargetKey)
	if target.Address == "" {
		return "", fact.Origin{}
	}
	for _, list := range fact.All(f, fact.AttemptsKey) {
		for _, a := range list {
			if a.Outcome != "succeeded" || a.Class() != "ok" {
				continue
			}
			o := fact.Origin{Kind: fact.Log, Where: a.File, Line: a.Line}
			who, err := fact.ParseAddress(a.From)
			if err != nil {
				continue
			}
			own := strings.EqualFold(who.Address, target.Address)
			switch id {
			case "licensed", "listed-in-admin-center":
				if own && findDeployment(f).online() {
					return "yes", o
				}
			case "other-sso-user":
				if sso, _ := deriveFrom(f, "sso"); !own && who.Domain == target.Domain && sso == "yes" {
					return "yes", o
				}
			case "non-sso-user":
				// The tenant's own domain is never federated.
				if !own && strings.HasSuffix(who.Domain, ".onmicrosoft.com") {
					return "yes", o
				}
			}
		}
	}
	return "", fact.Origin{}
}

// fromDirectory answers what an export of the directory, of the dashboard or of an
// AD FS server can tell.
func fromDirectory(f *fact.Facts, id string) (string, fact.Origin) {
	a := findAccount(f)
	tell := func(of func(record) fact.Attribute, answers ...string) (string, fact.Origin) {
		x, r := a.attribute(of)
		for _, answer := range answers {
			if x.Answer == answer {
				return answer, r.origin
			}
		}
		return "", fact.Origin{}
	}
	switch id {
	case "portal-sign-in":
		// Nobody who is blocked gets into the portal; who is not may have
		// another reason.
		return tell(func(r record) fact.Attribute { return r.Enabled }, "no")
	case "licensed":
		if l := a.licence(); l.answer != "" {
			return l.answer, l.record.origin
		}
	case "licence-assigned-at":
		if l := a.licence(); l.answer == "yes" && !l.plan.AssignedAt.IsZero() {
			return l.plan.AssignedAt.UTC().Format(time.RFC3339), l.record.origin
		}
	case "listed-in-admin-center":
		return a.listed()
	case "directory-sync":
		if answer, o := organizationSync(f); answer != "" {
			return answer, o
		}
		return tell(func(r record) fact.Attribute { return r.Synchronized }, "yes", "no")
	case "sip-enabled":
		x, r := a.attributeEnabled()
		return x.Answer, r.origin
	case "sso":
		return domainFederated(f)
	case "service-health":
		answer, _, o := dashboard(f, lyncService)
		return answer, o
	case "mex-in-browser":
		for o, list := range fact.All(f, fact.ServerTestsKey) {
			for _, t := range list {
				if strings.EqualFold(t.Name, "TestSTSReachableFromProxy") && t.Result == "fail" {
					return "no", o
				}
			}
		}
	}
	return "", fact.Origin{}
}

// organizationSync is what the tenant says of itself: does it synchronize.
func organizationSync(f *fact.Facts) (string, fact.Origin) {
	for o, organization := range fact.All(f, fact.OrganizationKey) {
		if organization.Synchronized.Answer != "" {
			return organization.Synchronized.Answer, o
		}
	}
	return "", fact.Origin{}
}
