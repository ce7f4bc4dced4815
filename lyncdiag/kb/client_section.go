package kb

const (
	clientSection      = "Fix Lync client-side issues"
	delete2013Section  = "Delete sign-in information for Lync 2013"
	delete2010Section  = "Delete sign-in information for Lync 2010"
	certificateSection = "Fix certificate-related errors in Lync"
)

// clientItems are the client section's five steps, the two ways to delete
// sign-in information, and the section about certificates. A walk that ends in
// this section (client-side-suspected) hands its steps to the person; what the
// computer itself shows of them is seen by the findings named beside.
func clientItems() []Item {
	return []Item{
		{
			ID:     "client/1",
			Text:   "Check that the computer meets the requirements of the client and of Office 365.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-os-unsupported"},
			Source: article(clientSection, "step 1"),
		},
		{
			ID:     "client/2",
			Text:   "On Windows XP or Vista, install the latest Lync 2010 from the portal, then run Office 365 Desktop Setup.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-version-wrong", "finding:client-os-unsupported", "finding:client-sign-in-assistant-missing"},
			Source: article(clientSection, "step 2"),
		},
		{
			ID:     "client/3",
			Text:   "On Windows 7 or 8, install the latest Lync 2013 with the latest Office from the portal.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-version-wrong"},
			Source: article(clientSection, "step 3"),
		},
		{
			ID:     "client/4",
			Text:   "Turn on automatic updates, or install the latest updates from Microsoft Update regularly.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-updates-off"},
			Source: article(clientSection, "step 4"),
		},
		{
			ID:     "client/5",
			Text:   "If sign-in still fails, delete the sign-in information.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-cached-credentials"},
			Source: article(clientSection, "step 5"),
		},
		{
			ID:     "client/delete-2013",
			Text:   "In Lync 2013, \"Delete my sign-in information\" removes the user's saved password, certificates and connection settings.",
			Proof:  []string{"scenario:tree-4-no", "finding:client-cached-credentials"},
			Source: article(delete2013Section, ""),
		},
		{
			ID:     "client/delete-2010",
			Text:   "Lync 2010 remembers the front-end server it last used; delete that cache when the server has moved (KB 2698626).",
			Proof:  []string{"scenario:tree-4-no", "finding:client-endpoint-cache"},
			Source: article(delete2010Section, ""),
		},
		{
			ID:     "client/certificate",
			Text:   "When the client cannot obtain a personal certificate, go through the causes of KB 2604176.",
			Proof:  []string{"finding:sip-client-certificate-rejected", "finding:client-personal-certificate"},
			Source: article(certificateSection, ""),
		},
	}
}
