package kb

import "strings"

// Section is one part of the article, in the order in which it is worked
// through.
type Section struct {
	ID    string // "scope", "messages", "client", "dns-network", "bypass", "identity", "next-steps", "mosdal-snooper"
	Title string // heading as the article prints it
	Next  string // id of the section to go to when this one did not help, "" after the last
	Flow  string // what the article says about going there
	Items []Item
}

// Sections is KB 2541980 from its scoping table to its last procedure. Each
// section holds all its rows, cells, steps and branches.
func Sections() []Section {
	sections := []Section{
		{ID: "scope", Title: scopeSection, Flow: "After scoping, use the message or its type.", Items: scopeItems()},
		{ID: "messages", Title: messageSection, Flow: "Each row names the section that fixes it; an unknown message goes through them in order.", Items: messageItems()},
		{ID: "client", Title: clientSection, Flow: "If the client-side steps did not help, go to DNS and the network.", Items: clientItems()},
		{ID: "dns-network", Title: networkSection, Flow: "Bypassing Autodiscover shows whether DNS is the problem.", Items: networkItems()},
		{ID: "bypass", Title: bypassSection, Flow: "If neither DNS nor a firewall is the cause, look at the identity.", Items: bypassItems()},
		{ID: "identity", Title: identitySection, Flow: "If every step is passed, the issue isn't resolved.", Items: treeItems()},
		{ID: "next-steps", Title: nextStepsSection, Flow: "The report can be read without support.", Items: nextStepsItems()},
		{ID: "mosdal-snooper", Title: mosdalSection, Items: mosdalItems()},
	}
	flow := map[string]string{
		"scope":       "scenario:scope-cells",
		"messages":    "scenario:message-1",
		"client":      "scenario:tree-4-no-client-done",
		"dns-network": "scenario:experiment-fails-works",
		"bypass":      "scenario:experiment-works-works",
		"identity":    "scenario:tree-8-yes",
		"next-steps":  "finding:escalate",
	}
	for i := range sections {
		s := &sections[i]
		if i+1 < len(sections) {
			s.Next = sections[i+1].ID
			s.Items = append(s.Items, Item{
				ID:     "section/" + s.ID,
				Text:   s.Flow,
				Proof:  []string{flow[s.ID]},
				Source: article(s.Title, "go to the next section"),
			})
		}
		for j := range s.Items {
			s.Items[j].Section = s.ID
		}
	}
	return sections
}

func scopeItems() []Item {
	var items []Item
	for _, c := range ScopeTable() {
		items = append(items, Item{
			ID:     strings.Join([]string{"scope", string(c.Symptom), string(c.Users), string(c.Computers)}, "/"),
			Text:   Statement(c.Symptom, c.Users, c.Computers),
			Proof:  []string{"scenario:scope-cells"},
			Source: c.Source,
		})
	}
	return items
}

func messageItems() []Item {
	lab := [][]string{
		{"lab:dns-sip-tls-srv-missing", "lab:dns-lyncdiscover-missing"},
		{"lab:dns-sip-tls-srv-missing", "lab:dns-lyncdiscover-missing"},
		{"finding:user-not-licensed", "finding:user-sip-not-enabled"},
		{"lab:sip-client-version-blocked", "finding:client-version-wrong"},
		{"finding:client-side-suspected", "finding:client-sign-in-assistant-missing"},
		{"lab:trust-bad-credentials", "lab:trust-account-locked", "lab:trust-password-expired", "finding:sip-credentials-rejected"},
		{"lab:adfs-tcp-filtered", "lab:adfs-mex-http-503", "lab:login-service-unavailable"},
		{"finding:sip-client-certificate-rejected", "finding:client-personal-certificate"},
		{"lab:adfs-certificate-untrusted", "lab:adfs-certificate-incomplete-chain"},
	}
	var items []Item
	for i, m := range articleMessages() {
		number := strings.TrimPrefix(m.Code, "kb2541980-message-")
		items = append(items, Item{
			ID:     "message/" + number,
			Text:   m.Text,
			Proof:  append([]string{"scenario:message-" + number}, lab[i]...),
			Source: m.Source,
		})
	}
	return items
}

const networkSection = "Fix DNS and network-related sign-in problems"

func networkItems() []Item {
	return []Item{
		{
			ID:     "dns-network/records",
			Text:   "A custom domain needs DNS records so that automatic configuration finds the servers.",
			Proof:  []string{"lab:dns-sip-tls-srv-missing", "lab:dns-lyncdiscover-missing", "lab:dns-sip-cname-missing", "lab:dns-federation-srv-missing"},
			Source: article(networkSection, "paragraph 1"),
		},
		{
			ID:     "dns-network/firewall",
			Text:   "A firewall or proxy must let the addresses and ports of Lync Online through (KB 2409256).",
			Proof:  []string{"lab:firewall-blocks-lync-online", "lab:tcp-443-filtered"},
			Source: article(networkSection, "paragraph 2"),
		},
	}
}

// bypassItems are the steps of manual configuration and the four outcomes of
// the experiment.
func bypassItems() []Item {
	// The run makes the experiment itself; what the client is set to is seen later.
	manual := []string{"lab:dns-autoconfiguration-broken", "finding:client-manual-configuration"}
	items := []Item{
		{ID: "bypass/1", Text: "Open Lync's options.", Proof: manual, Source: article(bypassSection, "step 1")},
		{ID: "bypass/2", Text: "Open the page Personal.", Proof: manual, Source: article(bypassSection, "step 2")},
		{ID: "bypass/3", Text: "Open Advanced beside the sign-in address.", Proof: manual, Source: article(bypassSection, "step 3")},
		{ID: "bypass/4", Text: "Select manual configuration with sipdir.online.lync.com:443 as internal and as external server.", Proof: manual, Source: article(bypassSection, "step 4")},
	}
	outcome := func(id string, e Edge, proof ...string) Item {
		return Item{ID: "experiment/" + id, Text: e.Text, Proof: proof, Source: e.Source}
	}
	return append(items,
		outcome("works/works", Experiment(true, true), "scenario:experiment-works-works"),
		outcome("works/fails", Experiment(true, false), "scenario:experiment-works-fails"),
		outcome("fails/works", Experiment(false, true), "scenario:experiment-fails-works", "lab:dns-autoconfiguration-broken"),
		outcome("fails/fails", Experiment(false, false), "scenario:experiment-fails-fails", "lab:firewall-blocks-lync-online"),
	)
}

// treeItems are the sixteen edges of the tree and the branches inside them.
func treeItems() []Item {
	// A Yes that goes on is proved by a scenario that ends later. The order of
	// the branches is the order of Edge.Cases.
	proof := map[string][]string{
		"tree/1/yes":   {"scenario:tree-2-no"},
		"tree/1/no":    {"scenario:tree-1-no", "scenario:tree-1-no-directory"},
		"tree/2/yes":   {"scenario:tree-4-no"},
		"tree/2/yes/1": {"scenario:tree-2-yes-listed", "scenario:tree-2-yes-listed-directory"},
		"tree/2/yes/2": {"scenario:tree-2-yes-recent", "scenario:tree-2-yes-recent-directory"},
		"tree/2/yes/3": {"scenario:tree-2-yes-not-listed"},
		"tree/2/yes/4": {"scenario:tree-2-yes-time-unknown"},
		"tree/2/no":    {"scenario:tree-2-no", "scenario:tree-2-no-directory"},
		"tree/3/yes":   {"scenario:tree-3-yes"},
		"tree/3/yes/1": {"scenario:tree-3-yes-disabled", "scenario:tree-3-yes-disabled-directory"},
		"tree/3/yes/2": {"scenario:tree-3-yes-enabled", "scenario:tree-3-yes-enabled-directory"},
		"tree/3/no":    {"scenario:tree-4-no", "scenario:tree-3-no-directory"},
		"tree/4/yes":   {"scenario:tree-5-yes"},
		"tree/4/no":    {"scenario:tree-4-no"},
		"tree/4/no/1":  {"scenario:tree-4-no-client-done"},
		"tree/5/yes":   {"scenario:tree-5-yes", "scenario:tree-5-yes-log"},
		"tree/5/yes/1": {"scenario:tree-5-yes-client-done"},
		"tree/5/no":    {"scenario:tree-6-no"},
		"tree/6/yes":   {"scenario:tree-7-no", "scenario:tree-6-yes-log"},
		"tree/6/no":    {"scenario:tree-6-no"},
		"tree/6/no/1":  {"scenario:tree-6-no-outage", "scenario:tree-6-no-health"},
		"tree/7/yes":   {"scenario:tree-8-no"},
		"tree/7/no":    {"scenario:tree-7-no"},
		"tree/8/yes":   {"scenario:tree-8-yes"},
		"tree/8/no":    {"scenario:tree-8-no", "scenario:tree-8-no-adfs", "lab:adfs-mex-http-500"},
	}
	var items []Item
	add := func(id string, e Edge) {
		items = append(items, Item{ID: id, Text: e.Text, Proof: proof[id], Source: e.Source})
		for i, c := range e.Cases {
			branch := id + "/" + string(rune('1'+i))
			items = append(items, Item{ID: branch, Text: c.Text, Proof: proof[branch], Source: c.Source})
		}
	}
	for _, s := range Tree() {
		number := strings.TrimPrefix(s.Source.Item, "step ")
		add("tree/"+number+"/yes", s.Yes)
		add("tree/"+number+"/no", s.No)
	}
	return items
}
