package kb

const (
	nextStepsSection = "Next steps, if the issue isn't resolved"
	mosdalSection    = "Diagnose authentication issues by using MOSDAL and Snooper"
)

// nextStepsItems are the five steps that make a MOSDAL report.
func nextStepsItems() []Item {
	escalate := []string{"finding:escalate"}
	return []Item{
		{ID: "next-steps/1", Text: "Install the MOSDAL Support Toolkit.", Proof: escalate, Source: article(nextStepsSection, "step 1")},
		{ID: "next-steps/2", Text: "Run it and select IM and Online Meetings with Lync Online.", Proof: escalate, Source: article(nextStepsSection, "step 2")},
		{ID: "next-steps/3", Text: "Enter the user ID and password. MOSDAL does not save them.", Proof: escalate, Source: article(nextStepsSection, "step 3")},
		{ID: "next-steps/4", Text: "Restart Lync and try to sign in, so that the report holds the failure.", Proof: escalate, Source: article(nextStepsSection, "step 4")},
		{ID: "next-steps/5", Text: "When the data is collected, contact Office 365 technical support.", Proof: escalate, Source: article(nextStepsSection, "step 5")},
	}
}

// The files of MOSDALREPORT.zip that the article opens.
const (
	clientLogPath = `User_Applications\Lync\Communicator-uccapi-0.uccapilog`
	nslookupPath  = `Network_Tests\NsLookup\O365_NSLookup\nslookup sipdir.online.lync.com.txt`
	portQryPath   = `Network_Tests\PortQry\O365_Port_Queries\PortQry.exe -n sipdir.online.lync.com -p both -e 443.txt`
)

// mosdalItems are the three steps that read the report: collect it, read the
// client's log, read the network tests.
func mosdalItems() []Item {
	resolves := []string{"finding:name-resolution-failed-on-client"}
	port := []string{"finding:port-443-blocked-on-client"}
	refused := []string{"finding:sip-register-refused", "finding:sip-user-not-found", "finding:sip-credentials-rejected"}
	noAttempt := []string{"finding:log-no-attempt"}
	return []Item{
		{
			ID:     "mosdal/1",
			Text:   "Make a report as above; it is compiled into MOSDALREPORT.zip.",
			Proof:  []string{"finding:escalate"},
			Source: article(mosdalSection, "step 1"),
		},
		{
			ID:     "mosdal/2a",
			Text:   "Open the report and its Lync folder.",
			Path:   `User_Applications\Lync`,
			Proof:  noAttempt,
			Source: article(mosdalSection, "step 2, 1"),
		},
		{
			ID:     "mosdal/2b",
			Text:   "Open the client's log with Snooper.",
			Path:   clientLogPath,
			Proof:  noAttempt,
			Source: article(mosdalSection, "step 2, 2"),
		},
		{
			ID:     "mosdal/2c",
			Text:   "Look for the authentication attempt, \"REGISTER sip:contoso.com SIP/2.0\".",
			Path:   clientLogPath,
			Proof:  noAttempt,
			Source: article(mosdalSection, "step 2, 3"),
		},
		{
			ID:     "mosdal/2c-response",
			Text:   "The server's response stands directly under the attempt, such as \"SIP/2.0 401 Unauthorized\".",
			Path:   clientLogPath,
			Proof:  refused,
			Source: article(mosdalSection, "step 2, 3, response"),
		},
		{
			ID:     "mosdal/2c-diagnostics",
			Text:   "The MS-Client-Diagnostics header sometimes says more about the failure.",
			Path:   clientLogPath,
			Proof:  refused,
			Source: article(mosdalSection, "step 2, 3, MS-Client-Diagnostics"),
		},
		{
			ID:     "mosdal/3-dns-1",
			Text:   "Open the folder of the name look-ups.",
			Path:   `Network_Tests\NsLookup\O365_NSLookup`,
			Proof:  resolves,
			Source: article(mosdalSection, "step 3, name resolution, 1"),
		},
		{
			ID:     "mosdal/3-dns-2",
			Text:   "Open the look-up of sipdir.online.lync.com.",
			Path:   nslookupPath,
			Proof:  resolves,
			Source: article(mosdalSection, "step 3, name resolution, 2"),
		},
		{
			ID:     "mosdal/3-dns-3",
			Text:   "It shows the DNS server that answered, the name and its addresses. If the name does not resolve, the internal DNS server is most likely configured wrongly.",
			Path:   nslookupPath,
			Proof:  resolves,
			Source: article(mosdalSection, "step 3, name resolution, 3"),
		},
		{
			ID:     "mosdal/3-ports-1",
			Text:   "Open the folder of the port queries.",
			Path:   `Network_Tests\PortQry\O365_Port_Queries`,
			Proof:  port,
			Source: article(mosdalSection, "step 3, ports, 1"),
		},
		{
			ID:     "mosdal/3-ports-2",
			Text:   "Open the query of port 443, which must be open.",
			Path:   portQryPath,
			Proof:  port,
			Source: article(mosdalSection, "step 3, ports, 2"),
		},
		{
			ID:     "mosdal/3-ports-tcp",
			Text:   "Only TCP matters: \"TCP port 443 (https service)\" must say LISTENING.",
			Path:   portQryPath,
			Proof:  port,
			Source: article(mosdalSection, "step 3, ports, 2, TCP"),
		},
	}
}
