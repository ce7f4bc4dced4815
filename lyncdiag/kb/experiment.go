package kb

const bypassSection = "Bypass Lync Autodiscover and DNS resolution"

// Experiment is what KB 2541980, "Bypass Lync Autodiscover and DNS resolution",
// concludes from signing in twice: with automatic configuration, which looks
// the server up, and with manual configuration, which names it. true means
// that sign-in worked. Both results must be known: a missing one is no false.
//
// Manual configuration is a test and never the resolution.
func Experiment(automatic, manual bool) Edge {
	switch {
	case automatic && manual:
		return Edge{
			Section: "identity",
			Text:    "Both configurations reach Lync Online, so neither DNS nor a firewall is the cause.",
			Note:    "The article does not name this outcome. Read as: go on with the section that follows.",
			Source:  article(bypassSection, "both work (not named)"),
		}
	case automatic:
		return Edge{
			Finding: "manual-address-blocked",
			Text:    "Automatic configuration works and the manual address does not. This keeps nobody from signing in.",
			Note:    "The article does not name this outcome. Read as: worth knowing, as the manual address cannot serve as a test here.",
			Source:  article(bypassSection, "only automatic works (not named)"),
		}
	case manual:
		return Edge{
			Section: "dns-network",
			Finding: "dns-autoconfiguration-broken",
			Text:    "DNS resolution is the problem: the records are absent or this computer cannot see them. That manual configuration works does not resolve the issue; correct the records (KB 2566790).",
			Source:  article(bypassSection, "Important: manual works, automatic fails"),
		}
	}
	return Edge{
		Section: "dns-network",
		Finding: "firewall-blocks-lync-online",
		Text:    "A firewall might be blocking the connection to Lync Online (KB 2409256).",
		Source:  article(bypassSection, "both fail"),
	}
}
