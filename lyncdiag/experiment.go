package lyncdiag

import (
	"slices"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

// Trial is what one way to configure the client leads to, as far as that shows
// without signing in.
type Trial string

// A way leads to a registrar that answers, or does not; it is unknown where
// nobody tried.
const (
	TrialWorks   Trial = "works"
	TrialFails   Trial = "fails"
	TrialUnknown Trial = "unknown"
)

// Experiment is the article's test: automatic configuration against manual
// configuration (KB 2541980, "Bypass Lync Autodiscover and DNS resolution").
// Manual configuration is a test and never the resolution.
type Experiment struct {
	Automatic, Manual Trial
	From              fact.Kind // whose result it is; "" while both are unknown
	// Conclusion is the article's, or why it does not hold here; "" while one of
	// the two is unknown.
	Conclusion string
}

// masks are findings under which both ways fail for a reason that the experiment
// knows nothing of.
var masks = []string{"network-offline", "captive-portal", "dns-server-failure", "proxy-*", "client-clock-skew", "tls-intercepted"}

// experiment reads the run's own trials, else those of a person.
func experiment(f *fact.Facts, findings []Finding) Experiment {
	e := Experiment{Automatic: TrialUnknown, Manual: TrialUnknown}
	auto, o, ok := fact.Get(f, fact.AutomaticKey)
	candidates, _, _ := fact.Get(f, fact.CandidatesKey)
	if ok {
		e.Automatic, e.From = trial(auto.Works), o.Kind
		if auto.Unproved {
			e.Automatic = TrialUnknown
		}
		setting, _, _ := fact.Get(f, fact.SettingKey)
		named := findDeployment(f).online() || setting.ManualServer != "" // else nobody knows the address to try
		for _, c := range candidates {
			if named && c.ByVia(fact.ViaManual) && c.Reach.Status != "" {
				e.Manual = trial(c.Works())
			}
		}
	} else {
		for id, way := range map[string]*Trial{"automatic-configuration": &e.Automatic, "manual-configuration": &e.Manual} {
			if answer := said(f, id); answer == "yes" || answer == "no" {
				*way, e.From = trial(answer == "yes"), fact.Interview
			}
		}
	}
	if e.Automatic == TrialUnknown || e.Manual == TrialUnknown {
		return e
	}
	edge := kb.Experiment(e.Automatic == TrialWorks, e.Manual == TrialWorks)
	e.Conclusion = edge.Text
	if edge.Finding != "" && slices.ContainsFunc(findings, func(x Finding) bool { return x.Name == edge.Finding }) {
		return e
	}
	root := slices.IndexFunc(findings, func(x Finding) bool { return x.CausedBy == "" && x.Severity == kb.Failure })
	if e.From == fact.Interview {
		return e
	}
	if root < 0 {
		if e.Automatic == TrialFails && e.Manual == TrialFails {
			e.Conclusion = unblocked(f, e.Conclusion)
		}
		return e
	}
	// The run saw more than the two results.
	target, _, _ := fact.Get(f, fact.TargetKey)
	reason := lowerFirst(findings[root].Filled(target).Title)
	blocked := func(pattern string) bool { return matches(pattern, findings[root].Name) }
	switch {
	case slices.ContainsFunc(masks, blocked):
		e.Conclusion = "The experiment says nothing here: " + reason + "."
	case edge.Finding == "":
		e.Conclusion += " What was seen besides: " + reason + "."
	case e.Automatic == TrialFails && e.Manual == TrialWorks && !strings.HasPrefix(findings[root].Name, "dns-"):
		e.Conclusion = "The article would suspect the DNS records. What was seen is something else: " + reason + ". That manual configuration works does not resolve the issue."
	case e.Automatic == TrialFails && e.Manual == TrialFails && !slices.ContainsFunc([]string{"tcp-443-*", "tls-*"}, blocked):
		e.Conclusion = "The article would suspect a firewall. What was seen is something else: " + reason + "."
	}
	return e
}

// unblocked replaces the article's suspicion of a firewall where no needed host
// was seen to be kept out.
func unblocked(f *fact.Facts, suspicion string) string {
	needed := neededHosts(f)
	switch {
	case slices.ContainsFunc(needed, neededHost.down):
		return suspicion
	case len(needed) > 0:
		return "The article would suspect a firewall. The servers were reached: each that was asked takes connections, and why the client cannot go on was not seen."
	}
	return "The article would suspect a firewall. None was seen, as there was no server to connect to."
}

func trial(works bool) Trial {
	if works {
		return TrialWorks
	}
	return TrialFails
}
