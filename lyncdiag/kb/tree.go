package kb

import "time"

// Step is one numbered question or test of the article's identity section.
type Step struct {
	Number   int    // 1 to 8, as the article numbers them
	ID       string // id of the [Question] that answers it
	Question string // in the article's sense, shorter
	Hint     string // how to find out, "" when the article gives no hint
	Yes, No  Edge
	Source   Citation
}

// Edge is what an answer leads to. The zero value leads nowhere and is not
// used.
//
// An edge with Next goes on. One with Finding ends there. One with neither
// waits: none of its Cases holds until a question in Ask is answered.
type Edge struct {
	Next    int      // number of the following step, 0: the walk does not go on
	Section string   // id of the [Section] the article sends to, "" if none
	Finding string   // name of the finding at this end, "" if the walk goes on or waits
	Ask     []string // ids of further questions this branch needs
	Text    string   // the article's conclusion in few words
	Note    string   // how a gap in the article was read, "" if there was none
	Source  Citation

	// Cases are branches inside this edge. The first one whose When holds
	// takes the edge's place.
	Cases []Edge
	// When holds if every "question=answer" in it does. The answers to
	// licence-assigned-at are "recent" (less than Wait ago) and "older". An
	// edge outside Cases has none.
	When []string
	// Wait is how long to wait before looking again, 0 if there is nothing to
	// wait for.
	Wait time.Duration
}

// provisioning is the time Lync Online may take to create an account after a
// licence was assigned: "wait at least 30 minutes", step 2.
const provisioning = 30 * time.Minute

const identitySection = "Fix user identity and Windows Azure AD issues in Lync 2013"

// Tree is the decision tree of KB 2541980, section "Fix user identity and
// Windows Azure AD issues in Lync 2013": eight steps of two edges each. It has
// no cycles; where the article sends the reader back to an earlier section the
// walk ends and names that section.
func Tree() []Step {
	steps := []Step{
		{
			ID:       "portal-sign-in",
			Question: "Can the user sign in to the Office 365 portal?",
			Yes:      Edge{Next: 2, Text: "The account works in the portal, so look at what Lync Online needs besides."},
			No: Edge{
				Finding: "portal-sign-in-fails",
				Text:    "The problem lies with the user's identity or with Windows Azure AD, not with Lync Online. Office 365 technical support must look at it.",
			},
		},
		{
			ID:       "licensed",
			Question: "Is the user licensed for Lync Online?",
			Yes: Edge{
				Next: 3,
				Ask:  []string{"licence-assigned-at", "listed-in-admin-center"},
				Text: "The licence is there; other reasons remain.",
				Note: "The article puts the waiting time and the look into the administration center under No, for a licence assigned just now. A licence that is there may be as young, so both are asked here too; they do not hold up the walk.",
				Cases: []Edge{
					{
						When: []string{"listed-in-admin-center=yes"},
						Next: 3,
						Text: "Lync Online has created the user's account.",
					},
					{
						When:    []string{"licence-assigned-at=recent"},
						Finding: "user-licence-pending",
						Wait:    provisioning,
						Text:    "The licence was assigned less than 30 minutes ago. Wait, then see that the user is listed in the Lync Online administration center.",
						Note:    "Step 2 needs a time: its outcome may be to wait.",
					},
					{
						When:    []string{"listed-in-admin-center=no", "licence-assigned-at=older"},
						Finding: "user-not-provisioned",
						Text:    "More than 30 minutes have passed and Lync Online has not created an account for the user.",
						Note:    "The article says what it means that the user is listed, not what to do when the user is not. Read as: provisioning failed.",
					},
					{
						When: []string{"listed-in-admin-center=no"},
						Ask:  []string{"licence-assigned-at"},
						Text: "Lync Online has no account for the user. Whether that is a failure depends on when the licence was assigned.",
						Note: "Within the first 30 minutes an account that is missing says nothing.",
					},
				},
			},
			No: Edge{
				Finding: "user-not-licensed",
				Wait:    provisioning,
				Text:    "Assign a Lync Online licence in the portal, wait at least 30 minutes, then see that the user is listed in the Lync Online administration center.",
			},
		},
		{
			ID:       "directory-sync",
			Question: "Is the organization synchronizing its on-premises Active Directory with Office 365?",
			Yes: Edge{
				Ask:  []string{"sip-enabled"},
				Text: "Attributes left by an earlier Lync Server or Office Communications Server may keep the user from being provisioned. Check that msRTCSIP-UserEnabled is true.",
				Note: "The article asks to verify the attribute without saying where to go on. Until it is known the walk waits.",
				Cases: []Edge{
					{
						When:    []string{"sip-enabled=no"},
						Finding: "user-sip-not-enabled",
						Text:    "msRTCSIP-UserEnabled is false, which disables the user in Lync Online although the portal shows a licence (KB 2705378).",
					},
					{
						When: []string{"sip-enabled=yes"},
						Next: 4,
						Text: "The attribute is true, or was never set, and keeps nobody from signing in.",
						Note: "The article gives no way on when the attribute is true. Read as: go to step 4.",
					},
				},
			},
			No: Edge{
				Next: 4,
				Text: "No synchronized attribute can be in the way.",
				Note: "An export that shows the user's own object as not synchronized is read as No, too: what other users have cannot be in the way.",
			},
		},
		{
			ID:       "sso",
			Question: "Is the user enabled for single sign-on through an on-premises AD FS server?",
			Hint:     "On the portal's sign-in page, enter the user name and press Tab. If the page says that you are now required to sign in at your organization and shows a link to its server, the user is enabled for single sign-on.",
			Yes:      Edge{Next: 5, Text: "The set-up of the on-premises AD FS server may be at fault. The next steps test it."},
			No: Edge{
				Section: "client",
				Finding: "client-side-suspected",
				Ask:     []string{"client-steps-done"},
				Text:    "Without single sign-on, work through the client section.",
				Note:    "The article sends back to an earlier section. The walk ends here rather than come round again.",
				Cases: []Edge{
					{
						When:    []string{"client-steps-done=yes"},
						Section: "next-steps",
						Finding: "escalate",
						Text:    "The client section is done and changed nothing: collect a report and contact support.",
						Note:    "The article does not say what follows when the client section was already done. Read as: the issue isn't resolved, so go to its last section.",
					},
				},
			},
		},
		{
			ID:       "other-sso-user",
			Question: "Can another user of the organization with single sign-on sign in to Lync Online?",
			Yes: Edge{
				Section: "client",
				Finding: "single-user-identity",
				Ask:     []string{"client-steps-done"},
				Text:    "This is an identity issue of a single user, for Lync Online technical support. Exclude the client first.",
				Note:    "The article sends back to the client section unless that was done. The walk ends here rather than come round again.",
				Cases: []Edge{
					{
						When:    []string{"client-steps-done=yes"},
						Section: "next-steps",
						Finding: "single-user-identity",
						Text:    "This is an identity issue of a single user, and the client is excluded. Lync Online technical support must look at it.",
						Note:    "The article names the support team and no section. Read as: collect the report that support asks for.",
					},
				},
			},
			No: Edge{Next: 6, Text: "The problem is a larger one, in the organization's authentication system."},
		},
		{
			ID:       "non-sso-user",
			Question: "Can a user without single sign-on sign in to Lync Online?",
			Yes:      Edge{Next: 7, Text: "Lync Online works for others, so single sign-on remains."},
			No: Edge{
				Section: "dns-network",
				Finding: "service-outage-suspected",
				Ask:     []string{"service-health"},
				Text:    "Nobody can sign in. Look at the service health dashboard; if it shows no outage, exclude the network and DNS, then contact Lync Online technical support.",
				Note:    "That it is neither the network nor DNS is for the evidence to say. A confirmed failure there explains this end.",
				Cases: []Edge{
					{
						When:    []string{"service-health=no"},
						Finding: "service-outage-suspected",
						Text:    "Nobody can sign in and the service health dashboard shows an outage of Lync Online. Wait until it is over.",
						Note:    "The article says to look for an outage, not what follows when there is one. Read as: that is the cause.",
					},
				},
			},
		},
		{
			ID:       "rich-client",
			Question: "Can the user sign in to other Office 365 services with rich client authentication?",
			Hint:     "Activate a copy of Office 365 ProPlus, or as an administrator connect to Office 365 with the Windows Azure Active Directory Module for Windows PowerShell.",
			Yes:      Edge{Next: 8, Text: "Rich clients of other services can authenticate. Look at what AD FS tells them."},
			No: Edge{
				Finding: "rich-client-authentication",
				Text:    "The organization's set-up of AD FS is probably at fault. Office 365 technical support for SSO issues should look at it.",
			},
		},
		{
			ID:       "mex-in-browser",
			Question: "Does a browser show the MEX document of the organization's AD FS server?",
			Hint:     "Browse to a URL such as https://sts.contoso.com/adfs/services/trust/mex.",
			Yes: Edge{
				Section: "next-steps",
				Finding: "escalate",
				Text:    "Rich clients should be able to sign in. Collect a report and contact support.",
				Note:    "The article says to go to the next step, and there is none. Read as: the issue isn't resolved, so go to the section that follows.",
			},
			No: Edge{
				Finding: "rich-client-authentication",
				Text:    "Without MEX no rich client can authenticate, while the portal still works. Office 365 technical support for SSO issues should look at it; KB 2254265 has a hotfix for a 500 answer.",
				Note:    "A browser that shows nothing does not say what the server answered, so no adfs-mex finding is named from an answer alone. A probe of the URL names it.",
			},
		},
	}
	for i := range steps {
		s := &steps[i]
		s.Number = i + 1
		item := "step " + string(rune('0'+s.Number))
		s.Source = article(identitySection, item)
		s.Yes.cite(article(identitySection, item+", Yes"))
		s.No.cite(article(identitySection, item+", No"))
	}
	return steps
}

// cite gives an edge and its cases their source.
func (e *Edge) cite(c Citation) {
	e.Source = c
	for i := range e.Cases {
		e.Cases[i].cite(c)
	}
}
