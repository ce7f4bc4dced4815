package lyncdiag

import (
	"slices"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// DefaultRules are the judgements of this package, a file for each part of the
// chain.
func DefaultRules() []Rule {
	return slices.Concat(
		controlRules(), proxyRules(), pathRules(), dnsRules(), autodiscoverRules(), transportRules(), sipRules(),
		realmRules(), federationRules(), trustRules(), federationSettingsRules(), certificateRules(),
		clockRules(), clientRules(), logRules(), nslookupRules(), bundleRules(), directoryRules(), treeRules(),
	)
}

// found starts a finding.
func found(name string, stage StageID, evidence ...fact.Evidence) Finding {
	return Finding{Spec: kb.Spec{Name: name}, Stage: stage, Evidence: slices.DeleteFunc(evidence, func(e fact.Evidence) bool { return e.Value == "" })}
}

// at lowers or keeps the catalogue's severity for a case; why goes into the
// evidence.
func (f Finding) at(severity kb.Severity, why string, o fact.Origin) Finding {
	if severity != "" {
		f.Severity = severity
		f.Evidence = append(f.Evidence, text("severity", why, o))
	}
	return f
}

func (f Finding) with(c Confidence) Finding {
	f.Confidence = c
	return f
}

func text(key, value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: key, Class: fact.Text, Value: value, Origin: o}
}

func prose(key, value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: key, Class: fact.Prose, Value: value, Origin: o}
}

func host(value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: "host", Class: fact.HostText, Value: value, Origin: o}
}

func link(value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: "url", Class: fact.URLText, Value: value, Origin: o}
}

func address(value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: "ip", Class: fact.IPText, Value: value, Origin: o}
}

func named(key, value string, o fact.Origin) fact.Evidence {
	return fact.Evidence{Key: key, Class: fact.HostText, Value: value, Origin: o}
}
