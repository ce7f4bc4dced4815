// Package sip reads what Lync clients and servers say in SIP: single messages, the client's .uccapilog and other logs, the
// attempts to sign in that they show, and a registrar's answer to a probe. It names what the protocol said (Classify) and what
// its numbers mean (LookupCode); what to do about it is for others to judge.
//
// A log is read as a stream, in memory that does not grow with it:
//
//	log := sip.NewLog(file)
//	for attempt, err := range sip.Attempts(log.Records()) {
//		...
//	}
//	coverage := log.Summary()
//
// Formats: RFC 3261, [MS-SIPRE], [MS-SIPREGE], [MS-SIPAE], [MS-OCER]. The client's log is not documented by its maker; the
// reader follows what independent readers of it agree on.
package sip
