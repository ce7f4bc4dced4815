package kb

import "strconv"

// Message is a text that a user sees when sign-in fails, with what it means.
type Message struct {
	Code       string   // "kb2541980-message-1" to "-9" in the article's order, then "message-10" and on; stable
	Text       string   // as printed; contoso.com and words in angle brackets stand for any such value
	Cause      string   // for the article's rows the Cause column
	Type       Type     // for the article's rows the Type column
	Section    string   // id of the [Section] the article sends to, "" for a wording that is not the article's
	Resolution []string // steps a person can follow, in order
	Findings   []string // names of the findings it may lead to, the likelier first
	Source     Citation
}

const messageSection = "Lync Online sign-in error messages"

// Messages lists the nine rows of the article's message table in its order,
// then wordings of later articles and other clients.
func Messages() []Message {
	return append(articleMessages(), laterMessages()...)
}

// articleMessages is the message table of KB 2541980, "Lync Online sign-in
// error messages".
func articleMessages() []Message {
	// Rows 1 and 2 are one cause in two wordings.
	autodiscover := func() []string {
		return []string{
			"dns-sip-tls-srv-missing", "dns-lyncdiscover-missing", "dns-autoconfiguration-broken",
			"dns-sip-tls-srv-wrong", "dns-lyncdiscover-wrong", "dns-target-unresolvable", "dns-domain-missing",
		}
	}
	dns := func() []string {
		return []string{
			"Compare the domain's Autodiscover DNS records with those that Lync Online needs (KB 2566790).",
			"Correct the records at the domain's DNS host.",
			"Sign in with manual configuration to tell DNS from a firewall. It is a test: if it works, the records still need correcting.",
		}
	}
	rows := []Message{
		{
			Text:       "Cannot sign in because the server is temporarily unavailable. If the problem continues, please contact your support team.",
			Cause:      "No Domain Name System (DNS) record. Autodiscover fails.",
			Type:       Network,
			Section:    "dns-network",
			Resolution: dns(),
			Findings:   append(autodiscover(), "firewall-blocks-lync-online", "sip-service-unavailable", "adfs-certificate-untrusted"),
		},
		{
			Text:       "Lync couldn\u2019t find a Lync Server for contoso.com. There might be an issue with the Domain Name System (DNS) configuration for your domain. Please contact your support team.",
			Cause:      "No Domain Name System (DNS) record. Autodiscover fails.",
			Type:       Network,
			Section:    "dns-network",
			Resolution: dns(),
			Findings:   autodiscover(),
		},
		{
			// The text is also that of KB 2705378, without "Please".
			Text:    "Cannot sign in to Lync because this sign-in address was not found. Please verify the sign-in address and try again. If the problem continues, please contact your support team.",
			Cause:   "User isn't licensed for Lync Online.",
			Type:    Identity,
			Section: "identity",
			Resolution: []string{
				"Check the spelling of the sign-in address.",
				"Make sure that the user has a Lync Online licence; after assigning one, wait at least 30 minutes.",
				"If the directory is synchronized, make sure that msRTCSIP-UserEnabled is not FALSE (KB 2705378).",
			},
			Findings: []string{
				"user-not-licensed", "user-licence-disabled", "user-licence-pending", "user-not-provisioned",
				"user-sip-not-enabled", "sip-user-not-found", "web-ticket-not-sip-enabled", "user-homed-on-premises",
			},
		},
		{
			Text:    "Cannot sign in to Lync. You may have entered your sign-in address, user name, or password incorrectly, or the authentication service may be incompatible with this version of the program. If your sign-in information is correct and the problem persists, please contact your system administrator.",
			Cause:   "Wrong version of the Lync 2010 or Lync 2013 client",
			Type:    Client,
			Section: "client",
			Resolution: []string{
				"Install the latest Lync client that the operating system supports.",
				"Make sure that address, user name and password are right.",
			},
			Findings: []string{"client-version-wrong", "sip-client-version-blocked", "client-os-unsupported"},
		},
		{
			Text:    "To sign in, additional software is required. Download and install now?",
			Cause:   "The Microsoft Online Services Sign In Assistant isn't installed on the computer that has Lync 2010 installed.",
			Type:    Client,
			Section: "client",
			Resolution: []string{
				"Install the Microsoft Online Services Sign-In Assistant.",
				"Make sure that its service is running (KB 2459899).",
			},
			Findings: []string{"client-sign-in-assistant-missing"},
		},
		{
			Text:    "The username, password or domain appears to be incorrect. Ensure that you entered them correctly. If the problem continues, please contact your support team.",
			Cause:   "Wrong user name, sign-in address , or password",
			Type:    Identity,
			Section: "identity",
			Resolution: []string{
				"Enter the address, the user name and the password again; address and user name may differ.",
				"If it happens on one computer only, check the computer's clock first: Lync 2010 shows this text for a wrong clock too (KB 2581291).",
			},
			Findings: []string{
				"trust-bad-credentials", "sip-credentials-rejected", "user-sip-address-mismatch", "user-sip-address-invalid",
				"trust-password-expired", "trust-account-locked", "trust-user-unknown", "user-blocked",
				"sip-address-not-owned", "client-cached-credentials", "client-clock-skew",
			},
		},
		{
			Text:    "The server is not responding or cannot be reached. Sign-in may be delayed while we retry the connection.",
			Cause:   "Can't contact the authentication service. Active Directory Federation Services (AD FS) 2.0 or Windows Azure AD isn't available.",
			Type:    Identity,
			Section: "identity",
			Resolution: []string{
				"Find out whether the AD FS server and its proxy answer.",
				"Find out whether the login service of Windows Azure AD answers.",
			},
			Findings: []string{
				"adfs-tcp-filtered", "adfs-tcp-not-listening", "adfs-name-unresolvable", "adfs-tls-handshake-failed",
				"adfs-mex-http-503", "adfs-mex-http-500", "adfs-mex-not-found", "adfs-trust-endpoint-unavailable",
				"login-service-unavailable",
			},
		},
		{
			Text:    "There was a problem acquiring a personal certificate required to sign in. If the problem continues, please contact your support team.",
			Cause:   "Certificate error",
			Type:    Client,
			Section: "client",
			Resolution: []string{
				"Delete the sign-in information and the personal certificate issued by Communications Server, then sign in again (KB 2604176).",
				"Check the computer's clock and update the client and the Sign-In Assistant.",
			},
			Findings: []string{
				"client-personal-certificate", "certificate-provisioning-failed", "sip-client-certificate-rejected",
				"client-cached-credentials", "client-clock-skew",
			},
		},
		{
			Text:    "There was a problem verifying the certificate from the server. Sign-in may be delayed while we retry the connection.",
			Cause:   "Can't verify the certificate chain from the AD FS 2.0 server",
			Type:    Identity,
			Section: "identity",
			Resolution: []string{
				"Check the certificate chain that the AD FS server sends: root, intermediates, name, dates.",
				"Replace the certificate, or send its intermediates.",
			},
			Findings: []string{
				"adfs-certificate-untrusted", "adfs-certificate-incomplete-chain", "adfs-certificate-name-mismatch",
				"adfs-certificate-expired", "adfs-certificate-revoked", "adfs-certificate-weak",
			},
		},
	}
	for i := range rows {
		number := strconv.Itoa(i + 1)
		rows[i].Code = "kb2541980-message-" + number
		rows[i].Source = article(messageSection, "row "+number)
	}
	return rows
}
