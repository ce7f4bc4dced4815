package kb

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Question is something only a person can answer, or can answer sooner than a
// probe. Its ID is the id of an answer and is stable.
type Question struct {
	ID      string
	Text    string   // the question
	Why     string   // what the answer decides
	Help    string   // how to find out
	Choices []string // allowed answers in order; empty: free text or a time, see Help
}

// Questions lists every question, in the order in which to put them: scope,
// message, the identity tree with what its branches need, the experiment.
func Questions() []Question {
	yesNo := func() []string { return []string{"yes", "no", "unknown"} }
	spread := func() []string { return []string{string(one), string(many), "unknown"} }
	return []Question{
		{
			ID:      "symptom",
			Text:    "Which sign-in fails: the Office 365 portal, Lync, or both?",
			Why:     "Row of the scoping table. A portal that fails too points at the identity, not at Lync.",
			Help:    "Try the portal in a browser with the same address: portal, lync or both.",
			Choices: []string{string(portal), string(lync), string(both), "unknown"},
		},
		{
			ID:      "users",
			Text:    "Does it affect one user or many?",
			Why:     "Column of the scoping table. A single user rarely means a service outage.",
			Help:    "Ask a colleague to sign in: one or many.",
			Choices: spread(),
		},
		{
			ID:      "computers",
			Text:    "Does it happen on one computer only or on many?",
			Why:     "Column of the scoping table. A problem of one computer is a problem of its client.",
			Help:    "Let the user sign in on another computer: one or many.",
			Choices: spread(),
		},
		{
			ID:      "location",
			Text:    "Is this computer inside the organization's network or outside?",
			Why:     "Some names and AD FS endpoints exist on one side only.",
			Help:    "A computer on the office network or on its VPN is inside: inside or outside.",
			Choices: []string{"inside", "outside", "unknown"},
		},
		{
			ID:   "message",
			Text: "What does the error message say?",
			Why:  "Each message in the article has a cause and a section that fixes it.",
			Help: "Copy the text as Lync shows it, or a part of it.",
		},
		{
			ID:      "portal-sign-in",
			Text:    "Can the user sign in to the Office 365 portal?",
			Why:     "Step 1. If not, the problem is the identity and not Lync.",
			Help:    "Open the portal in a private browser window and sign in with the user's address.",
			Choices: yesNo(),
		},
		{
			ID:      "licensed",
			Text:    "Is the user licensed for Lync Online?",
			Why:     "Step 2. Without a licence there is no Lync Online account.",
			Help:    "In the portal, open the user and look at the assigned licences. An export answers it too: --user FILE.",
			Choices: yesNo(),
		},
		{
			ID:   "licence-assigned-at",
			Text: "When was the licence assigned?",
			Why:  "Step 2. Lync Online takes up to 30 minutes to create the account.",
			Help: "A time such as 2013-05-31T14:05:00Z, or 2013-05-31 14:05 on this computer's clock; or unknown.",
		},
		{
			ID:      "listed-in-admin-center",
			Text:    "Is the user listed in the Lync Online administration center?",
			Why:     "Step 2. A user who is listed has an account in Lync Online.",
			Help:    "Open the Lync Online administration center and search the list of users. An export answers it too: --user FILE.",
			Choices: yesNo(),
		},
		{
			ID:      "directory-sync",
			Text:    "Does the organization synchronize its Active Directory with Office 365?",
			Why:     "Step 3. Synchronized attributes can keep a user from being provisioned.",
			Help:    "In the portal, open the list of users and look at directory synchronization. An export answers it too: --user FILE.",
			Choices: yesNo(),
		},
		{
			ID:      "sip-enabled",
			Text:    "Is msRTCSIP-UserEnabled true or empty for the user in Active Directory?",
			Why:     "Step 3. FALSE disables the user in Lync Online although a licence is assigned (KB 2705378).",
			Help:    "Get-ADUser NAME -Properties msRTCSIP-UserEnabled. Answer no only if the value is FALSE. An export answers it too: --user FILE.",
			Choices: yesNo(),
		},
		{
			ID:      "sso",
			Text:    "Does the user sign in with single sign-on through AD FS?",
			Why:     "Step 4. Only with single sign-on can the AD FS server be the cause.",
			Help:    "On the portal's sign-in page, enter the user name and press Tab: a note that you must sign in at your organization means yes. An export answers it too: --domain FILE.",
			Choices: yesNo(),
		},
		{
			ID:      "other-sso-user",
			Text:    "Can another user with single sign-on sign in to Lync Online?",
			Why:     "Step 5. If so, it is this user's identity and not the organization's authentication.",
			Help:    "Ask a colleague of the same organization.",
			Choices: yesNo(),
		},
		{
			ID:      "non-sso-user",
			Text:    "Can a user without single sign-on sign in to Lync Online?",
			Why:     "Step 6. If nobody can, the service itself may be down.",
			Help:    "Use an account of the onmicrosoft.com domain.",
			Choices: yesNo(),
		},
		{
			ID:      "service-health",
			Text:    "Does the service health dashboard show Lync Online as healthy?",
			Why:     "Step 6. An outage explains why nobody can sign in.",
			Help:    "In the portal, open service health. Answer no if it shows an outage of Lync Online. An export answers it too: --domain FILE.",
			Choices: yesNo(),
		},
		{
			ID:      "rich-client",
			Text:    "Can the user sign in to other Office 365 services from a rich client?",
			Why:     "Step 7. If no rich client works, the set-up of AD FS is at fault.",
			Help:    "Activate Office 365 ProPlus, or connect with the Windows Azure Active Directory Module for Windows PowerShell.",
			Choices: yesNo(),
		},
		{
			ID:      "mex-in-browser",
			Text:    "Does a browser show the MEX document of the AD FS server?",
			Why:     "Step 8. Rich clients need MEX; the portal does not.",
			Help:    "Browse to a URL such as https://sts.contoso.com/adfs/services/trust/mex: an XML document means yes.",
			Choices: yesNo(),
		},
		{
			ID:      "automatic-configuration",
			Text:    "Does sign-in work with automatic configuration?",
			Why:     "Together with the manual test this tells DNS from a firewall.",
			Help:    "Options, Personal, Advanced: select Automatic configuration and sign in.",
			Choices: yesNo(),
		},
		{
			ID:      "manual-configuration",
			Text:    "Does sign-in work with manual configuration?",
			Why:     "Manual configuration leaves DNS records out. If only this works, the records are the problem.",
			Help:    "Options, Personal, Advanced: select Manual configuration, enter the documented server for both names and sign in. Go back to automatic afterwards.",
			Choices: yesNo(),
		},
		{
			ID:      "client-steps-done",
			Text:    "Has the client section been worked through on this computer?",
			Why:     "Steps 4 and 5 send back to it; this keeps from doing it twice.",
			Help:    "Client and updates installed, sign-in information deleted, certificates looked at.",
			Choices: yesNo(),
		},
	}
}

// licenceTimes are the layouts in which licence-assigned-at may be given: RFC
// 3339, and the time as a person writes it.
func licenceTimes() []string {
	return []string{time.RFC3339, "2006-01-02 15:04"}
}

// CheckAnswer reports whether value is an answer to the question with this id.
// The error says what is allowed, and for an id that does not exist which one
// may have been meant. Answers are lower case, as [Question.Choices] lists
// them; licence-assigned-at takes RFC 3339, "2006-01-02 15:04" or "unknown";
// message takes any text that is not blank.
func CheckAnswer(id, value string) error {
	questions := Questions()
	i := slices.IndexFunc(questions, func(q Question) bool { return q.ID == id })
	if i < 0 {
		ids := make([]string, len(questions))
		for i, q := range questions {
			ids[i] = q.ID
		}
		if near := Nearest(id, ids); len(near) > 0 {
			return fmt.Errorf("there is no question %q, did you mean %q?", id, near[0])
		}
		return fmt.Errorf("there is no question %q, want one of %s", id, strings.Join(ids, ", "))
	}
	switch {
	case id == "message":
		if strings.TrimSpace(value) == "" {
			return fmt.Errorf("answer to %s: the text is empty", id)
		}
	case id == "licence-assigned-at":
		if value == "unknown" {
			return nil
		}
		for _, layout := range licenceTimes() {
			if _, err := time.Parse(layout, value); err == nil {
				return nil
			}
		}
		return fmt.Errorf("answer to %s: %q is no time, want 2006-01-02T15:04:05Z, 2006-01-02 15:04 or unknown", id, value)
	case !slices.Contains(questions[i].Choices, value):
		return fmt.Errorf("answer to %s: %q is not allowed, want %s", id, value, join(questions[i].Choices, "or"))
	}
	return nil
}
