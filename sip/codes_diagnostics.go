package sip

// diagnosticRange is a block of ErrorIds and the component that owns it.
type diagnosticRange struct {
	low, high int
	component string
}

// diagnosticRanges is the division of ErrorIds published for Office Communications Server (learn.microsoft.com bb964037; [MS-OCER]).
var diagnosticRanges = [...]diagnosticRange{
	{0, 999, "common"},
	{1000, 1999, "SIP stack / proxy"},
	{2000, 2999, "presence"},
	{3000, 3999, "conferencing focus"},
	{4000, 4999, "other user services"},
	{5000, 5999, "API applications"},
	{6000, 6999, "IM MCU"},
	{7000, 7999, "A/V MCU"},
	{8000, 8999, "telephony conferencing"},
	{9000, 9999, "MRAS"},
	{10000, 10999, "Mediation Server"},
	{11000, 11999, "Metrics"},
	{12000, 13999, "inbound/outbound VoIP routing"},
	{14000, 14999, "translation"},
	{15000, 15999, "Unified Messaging routing"},
	{16000, 16999, "IIMF (intelligent IM filter)"},
	{17000, 17999, "client version filter"},
	{18000, 18999, "Communicator Web Access"},
	{24000, 24999, "UCMA"},
	{28000, 28999, "web authentication service"},
	{51000, 52999, "client"},
	{60000, 62999, "application reserved (60 success, 61 expected, 62 unexpected)"},
	{90000, 999999999, "public IM connectivity"},
}

// diagnosticCode is one known ErrorId.
type diagnosticCode struct {
	id                              int
	reason, meaning, remedy, source string
}

// diagnosticCodes is sorted by id. The reason is the text of the document named as source; servers word it differently, so
// only the number may be compared. Meaning and remedy are this project's reading of it.
func diagnosticCodes() []diagnosticCode {
	const (
		sipStack      = "[MS-OCER] appendix A, SIP stack"
		userServices  = "[MS-OCER] appendix A, user services"
		applications  = "[MS-OCER] appendix A, applications"
		versionFilter = "[MS-OCER], client version filter"
		webAccess     = "[MS-OCER] section 8.16, in other words"
		ocerClient    = "[MS-OCER], client"
		registration  = "[MS-SIPREGE]"
		webTicket     = "[MS-OCAUTHWS] section 3.2.4.1"
		ucma          = "UCMA documentation: diagnostics and error reporting"
		unsourced     = "unsourced"
	)
	return []diagnosticCode{
		{2, "See response code and reason phrase", "The SIP status line itself is the diagnostic.", "Look up the status and its reason phrase.", "Lync Server 2013: Testing ability to connect to a federated domain"},
		{22, "Call failed to establish due to a media connectivity failure when both endpoints are internal", "The call failed for want of a media path; sign-in is not affected.", "Check the media ports between the two clients.", ocerClient},
		{23, "Call failed to establish due to a media connectivity failure when one endpoint is internal and the other is remote", "The call failed for want of a media path; sign-in is not affected.", "Check that UDP port 3478 of the Edge can be reached.", ocerClient},
		{1000, "Final handshake failed", "The last step of NTLM, Kerberos or TLS-DSK was refused: the credentials are wrong, or the client certificate is bad or has expired.", "Enter the credentials again, delete the stored sign-in information and the Communications Server certificate, and check the clock.", sipStack},
		{1001, "From URI not authorized to communicate with public IM providers", "The user or the organisation is not enabled for public IM; sign-in is not affected.", "Enable public IM in the external access policy of the user.", sipStack},
		{1002, "From URI not authorized to communicate with federated partners", "The federation policy of the user or the list of allowed domains does not let the message through; sign-in is not affected.", "Enable federation for the user, or add the domain to the allowed ones.", sipStack},
		{1003, "User does not exist", "The sign-in address is wrong, or the user is not provisioned in the pool.", "Verify the sign-in address, the licence and the provisioning of the user.", sipStack},
		{1004, "Route set is no longer valid", "The server restarted or failed over, and the dialog is stale.", "Sign out and sign in again.", sipStack},
		{1005, "Cannot route to destination domain", "The SIP domain is neither hosted nor federated here.", "Verify the SIP domain and the federation with it.", sipStack},
		{1006, "Error routing on client connection", "The connection of the client broke.", "Try again, and check the time-outs of the network and of proxies.", sipStack},
		{1007, "Temporarily cannot route", "A server or a connection failed for a moment.", "Try again later, and check the health of the service.", sipStack},
		{1008, "Unable to resolve DNS SRV record", "The SRV record of a domain is missing, mostly _sipfederationtls._tcp.", "Add the SRV record; for Lync Online it leads to sipfed.online.lync.com, port 5061.", sipStack},
		{1009, "Conflicting SRV and host domains in DNS", "The SRV record leads to a host in another DNS domain, which strict matching refuses; servers also write: No match for domain in DNS SRV results.", "Let the SRV record lead to a host in the same domain.", sipStack},
		{1010, "Certificate trust with next-hop server could not be established", "Between servers, the root of a certificate is not trusted or the certificate has another name.", "Install the root certificate, or have a certificate issued that names the host.", sipStack},
		{1011, "ms-diagnostics header not provided by previous hop", "The cause lies at the server before and was not told.", "Look at the log of the server before.", sipStack},
		{1012, "From URI is not authorized to communicate with users outside the enterprise", "The user is not enabled for communication with the outside.", "Assign an external access policy that allows it.", sipStack},
		{1013, "Significant time skew detected during authentication", "The clock of the client differs from that of the server by more than five minutes.", "Set the clock and the time zone of the computer.", sipStack},
		{1014, "Unable to resolve DNS A record", "The host name of the next server is not in DNS.", "Add or correct the address record of that host.", sipStack},
		{1015, "Cannot route from message source domain", "The domain of the sender is not accepted.", "Check the SIP domain and the federation with it.", unsourced},
		{1016, "Message asserted domain traffic type does not match source domain", "The traffic of a federated or hybrid domain came in as another type than the domain is known for.", "Check the hosting provider and the shared SIP address space.", unsourced},
		{1017, "Cannot route From and To domains in this combination", "In a shared address space the header ms-split-domain-info has the wrong type.", "Correct the hosting provider and the shared SIP address space.", "Microsoft Support: Skype for Business Online users can't IM on-premises users"},
		{1018, "Parsing failure", "A SIP message is malformed.", "Update the client.", unsourced},
		{1022, "Cannot process routing destination", "The Request-URI cannot be used.", "Update the client.", unsourced},
		{1027, "Cannot route this type of SIP request to or from federated partners", "The user is not allowed to federate, or the route is wrong; sign-in is not affected.", "", "jon.netdork.net, Lync federation and DNS, 2012"},
		{1034, "Previous hop federated peer did not report diagnostic information", "The failure is at the partner.", "Ask the partner for the log of the server that PeerServer names.", "jon.netdork.net, Lync federation and DNS, 2012"},
		{1035, "Previous hop shared address space peer did not report diagnostic information", "In a hybrid deployment the failure is on the other side.", "Look at the log of the other side, on the premises or online.", unsourced},
		{1036, "Previous hop public IM provider did not report diagnostic information", "The failure is at a public IM provider; sign-in is not affected.", "", unsourced},
		{1038, "Failed to connect to a peer server", "A TCP connection between servers failed.", "Check the ports and the services between the servers.", unsourced},
		{1046, "Failed to connect to a federated peer server", "The partner cannot be reached; most often TCP port 5061 is blocked.", "Open TCP port 5061 between the Edge servers.", unsourced},
		{1047, "Failed to complete TLS negotiation with a federated peer server", "The partner does not trust the certificate and closes the connection: WSAECONNRESET, 10054.", "Let the partner install the root certificate.", "risual.com, Lync federation issue: presence unknown, 2012"},
		{2057, "Supported header lacks gruu-10 while msrtc-event-categories is present", "A client that does not follow the protocol sent the REGISTER, which is answered with 421.", "Update the client.", registration},
		{2165, "Contact subscription is not allowed as the user's contact list has migrated to Exchange", "The contacts are in the unified contact store; sign-in is not affected.", "", "[MS-OCER]"},
		{4000, "User services default error", "The error is not specified.", "Look at the log of the server.", userServices},
		{4001, "XML parse failure", "The body of a request cannot be read.", "Update the client.", userServices},
		{4002, "Multiple users associated with the source phone number", "Several users have the same line URI.", "Make the line URI of each user unique.", userServices},
		{4003, "From URI not enabled for remote access", "The user connects from outside and is not enabled for remote user access.", "Allow remote user access in the external access policy of the user.", userServices},
		{4004, "Credentials provided are not authorized to act as specified from URI", "Somebody else than the owner of the sign-in address was authenticated: the user name belongs to another address, or stored credentials are stale.", "Use the user name that belongs to the sign-in address, clear the stored credentials, or give address and user principal name the same value.", userServices},
		{4005, "Destination URI either not enabled for SIP or does not exist", "The user is not enabled, not licensed or not replicated yet, or the address is mistyped.", "Verify the sign-in address and the licence, wait at least 30 minutes after a change, and check msRTCSIP-UserEnabled.", userServices + "; Microsoft Support: newly created users can't sign in"},
		{4006, "User not found in pool", "The user was moved, or a wrong home pool is remembered.", "Clear the endpoint cache of the client, and check where the user is homed.", userServices},
		{4007, "Resource is unknown in this deployment", "The address of an endpoint or of a resource is not known.", "Clear the cache of the client and sign in again.", userServices},
		{4008, "Input data too large", "", "", userServices},
		{4009, "Multiple users associated with the destination phone number", "Several users have the same line URI.", "Make the line URI of each user unique.", userServices},
		{4010, "Missing endpoint identifier", "The client sent a REGISTER without epid, which is answered with 400.", "Update the client.", userServices},
		{4011, "Epid not present", "The client sends a REGISTER that the server cannot use.", "Update the client.", userServices},
		{4012, "Epid too long", "The client sends a REGISTER that the server cannot use.", "Update the client.", userServices},
		{4013, "Content-type does not match expected", "The client sends a REGISTER that the server cannot use.", "Update the client.", userServices},
		{4055, "Event header of REGISTER is not registration", "A client that does not follow the protocol sent the REGISTER, which is answered with 489.", "Update the client.", registration},
		{4140, "Endpoint deregistered", "The user was signed out because of a sign-in elsewhere: 0x80EE0085.", "Sign in again.", registration},
		{4141, "User disabled", "The account was disabled or deleted, or its SIP address was changed: 0x80EE0084.", "Enable the user again, and check the licence and the sign-in address.", "SIPE, an open-source client"},
		{4142, "User is being moved", "The user is being moved or is unavailable for a time: 0x80EE0083.", "Sign in again later.", registration},
		{4165, "userservices-unavailable", "The back end of the pool is down, and clients work with limited functionality.", "Check the health of the service; on the premises Get-CsPoolFabricState shows that of the pool.", registration},
		{4166, "preferred-registrar-change", "The pool failed over or back.", "Sign in again.", registration},
		{4167, "preferred-registrar-change", "The pool failed over or back.", "Sign in again.", registration},
		{5000, "One or more critical applications are not running", "A front end has not fully started.", "Check the health of the service.", applications},
		{5001, "Request Timed-out", "", "", applications},
		{5002, "Request was cancelled", "", "", applications},
		{5003, "Internal processing failure", "", "Check the health of the service.", applications},
		{5004, "Failed parsing the incoming request", "", "", applications},
		{5005, "Invalid request-uri", "", "", applications},
		{5006, "Failed constructing outgoing request", "", "", applications},
		{5007, "Failed processing a contact entry", "", "", applications},
		{5008, "Invalid static forwarding URL", "", "", applications},
		{5009, "Bye/Ack case", "", "", applications},
		{5010, "Bye/Ack case", "", "", applications},
		{5011, "Bye/Ack case", "", "", applications},
		{6003, "Unsupported out of dialog request", "A conference or call is concerned; sign-in is not affected.", "", "Lync Server 2013: Testing peer-to-peer audio/video call"},
		{10003, "Proxy returned a SIP failure code", "A gateway behind the Mediation Server refused a call; sign-in is not affected.", "", unsourced},
		{13004, "Request was proxied to one or more registered endpoints", "This is information, not an error.", "", unsourced},
		{15000, "Unable to read the user properties publication for the user or contact object.", "Exchange Unified Messaging is concerned; sign-in is not affected.", "", "Microsoft Support: a call to Subscriber Access or Auto Attendant fails"},
		{17000, "Server overloaded", "The server had no time to check the version of the client.", "Try again later.", versionFilter},
		{17001, "Invalid request", "The User-Agent header cannot be read.", "Update the client.", versionFilter},
		{17002, "Invalid protocol client version", "The version of the client is too old or is blocked.", "Update the client to a version that the server supports.", versionFilter},
		{17003, "Declined with URL", "The version of the client is blocked, and the server names a place to update from.", "Install the version that the server names.", versionFilter},
		{17004, "Allowed with URL", "The version of the client is allowed, and the server recommends an update.", "", versionFilter},
		{18000, "Invalid format", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18001, "Invalid request", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18100, "Session not found", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18101, "Throttled", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18102, "Invalid operation", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18201, "OCS failure", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18202, "Invalid OCS message", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18203, "Timeout", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18301, "Connection failed", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18302, "TLS failed", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{18400, "Internal error", "Communicator Web Access is concerned, not the sign-in of the desktop client.", "", webAccess},
		{24067, "Mcu is rolling over", "A conference is concerned; sign-in is not affected.", "", ucma},
		{24081, "Endpoint termination", "An endpoint of a UCMA application has ended.", "Let the application establish its endpoint again.", ucma},
		{24083, "Message was received out of dialog.", "An application is concerned; sign-in is not affected.", "", ucma},
		{28000, "User is not SIP enabled.", "The web ticket service authenticated the user, who is not in the user database of the pool.", "Enable and license the user for Lync.", webTicket},
		{28001, "Internal error while processing Integrated Windows authentication or authorization.", "The web ticket service failed.", "Look at the log of the server.", webTicket},
		{51004, "Action initiated by user", "This is information, not an error.", "", ocerClient},
		{51007, "Callee media connectivity diagnosis info", "The media path of a call is concerned; sign-in is not affected.", "", unsourced},
		{52017, "Encryption levels dont match", "The media encryption policies of the two clients differ; sign-in is not affected.", "", "SIPE, an open-source client"},
		{52035, "This client has an IM session with the same conversation ID", "A conversation is concerned; sign-in is not affected.", "", unsourced},
		{52063, "Unsupported session description", "A call is concerned; sign-in is not affected.", "", ocerClient},
		{54000, "Connection to the Web Conferencing Server could not be established", "A record of the web conferencing Edge resolves to a wrong address.", "Correct the internal DNS record of the web conferencing Edge.", "Microsoft Support: can't present content in an on-premises meeting"},
		{54503, "Connection to the Web Conferencing Server could not be established due to client DNS configuration", "The internal copy of the zone lacks the records of the external Edge.", "Add the address record to the internal zone.", "Microsoft Support: can't present content in an on-premises meeting"},
		{2000004, "The tenant for tenant guid does not exist.", "Exchange refused an OAuth request; this number is from its own list, not from that of SIP.", "Check the OAuth partner configuration.", "Microsoft Support: Skype for Business and Exchange integration fails"},
	}
}
