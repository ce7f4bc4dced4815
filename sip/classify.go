package sip

import (
	"slices"
	"strconv"
	"strings"
)

// Class names what the protocol said about a sign-in attempt. Codes lists the values:
//
//	ok                           registered
//	challenge                    credentials were asked for and none followed
//	credentials-rejected         401 in answer to NTLM or Kerberos credentials (ErrorId 1000)
//	client-certificate-rejected  the same after TLS-DSK, whose credential is the personal certificate
//	user-not-found               the address is unknown or not enabled for SIP (404; 1003, 4005)
//	user-not-in-pool             the user is homed on another pool (4006)
//	address-not-owned            the credentials belong to somebody else (4004)
//	remote-access-disabled       the user may not sign in from outside (4003)
//	client-version-blocked       the client version filter refused (17002, 17003)
//	clock-skew                   clocks differ too much to authenticate (1013)
//	user-disabled                registered, then told that the account was disabled, deleted or renamed (4141)
//	deregistered                 registered, then signed out by the server (4140, 4142)
//	service-unavailable          503, or 504 without a federation cause
//	redirect                     sent to another server (3xx)
//	federation-error             an error between servers or organisations (1008, 1009, 1010, 1027, 1047 and the like) in
//	                             answer to anything but REGISTER; there it is service-unavailable (503, 504) or refused
//	no-answer                    REGISTER was never answered
//	incomplete                   the log ends before an answer
//	refused                      any other final answer
type Class string

const (
	classOK                Class = "ok"
	classChallenge         Class = "challenge"
	classCredentials       Class = "credentials-rejected"
	classClientCertificate Class = "client-certificate-rejected"
	classUserNotFound      Class = "user-not-found"
	classUserNotInPool     Class = "user-not-in-pool"
	classAddressNotOwned   Class = "address-not-owned"
	classRemoteAccess      Class = "remote-access-disabled"
	classClientVersion     Class = "client-version-blocked"
	classClockSkew         Class = "clock-skew"
	classUserDisabled      Class = "user-disabled"
	classDeregistered      Class = "deregistered"
	classUnavailable       Class = "service-unavailable"
	classRedirect          Class = "redirect"
	classFederation        Class = "federation-error"
	classNoAnswer          Class = "no-answer"
	classIncomplete        Class = "incomplete"
	classRefused           Class = "refused"
)

// Codes returns every Class that Classify can give, in the order of the list at Class.
func Codes() []Class {
	return []Class{classOK, classChallenge, classCredentials, classClientCertificate, classUserNotFound, classUserNotInPool,
		classAddressNotOwned, classRemoteAccess, classClientVersion, classClockSkew, classUserDisabled, classDeregistered,
		classUnavailable, classRedirect, classFederation, classNoAnswer, classIncomplete, classRefused}
}

// Classification is what the protocol said about an Attempt.
type Classification struct {
	Class        Class  `json:"class"`
	DiagnosticID int    `json:"diagnosticId"` // ErrorId that decided, else the first of the final answer; 0 for none
	Component    string `json:"component"`    // owner of the ErrorId's range, "" if there is none
	Detail       string `json:"detail"`       // "404 Not Found, ms-diagnostics 4005"
}

// Classify names the reason of an attempt's outcome. Numbers decide, never reason texts: first the ErrorIds of the final
// answer, then its status. Only Method, Outcome, FinalStatus, FinalReason, Scheme, Legs and Diagnostics are read.
func Classify(a Attempt) Classification {
	class, id := a.classify()
	c := Classification{Class: class, DiagnosticID: id, Detail: classDetail(&a, id)}
	if id != 0 {
		c.Component = diagnosticComponent(id)
	}
	return c
}

// Class is that of Classify, at less cost.
func (a *Attempt) Class() Class {
	class, _ := a.classify()
	return class
}

// finalDiagnostics are those of the final answer, or all if it has none.
func (a *Attempt) finalDiagnostics() []Diagnostic {
	if n := len(a.Legs); n > 0 && len(a.Legs[n-1].Diagnostics) > 0 {
		return a.Legs[n-1].Diagnostics
	}
	return a.Diagnostics
}

func (a *Attempt) classify() (class Class, id int) {
	class = classRefused
	diags := a.finalDiagnostics()
	for i := range diags {
		d := &diags[i]
		if id == 0 {
			id = d.ID
		}
		if found := diagnosticClass(d.ID, a.Scheme); found != "" {
			class, id = found, d.ID
			break
		}
	}
	switch {
	case a.Outcome == outcomeSucceeded:
		class, id = classOK, 0
		for i := range a.Diagnostics {
			switch d := &a.Diagnostics[i]; d.ID {
			case 4141:
				class, id = classUserDisabled, d.ID
			case 4140, 4142:
				class, id = classDeregistered, d.ID
			}
		}
	case a.Outcome == outcomeChallenged:
		class = classChallenge
	case a.Outcome == outcomeNoAnswer:
		class = classNoAnswer
	case a.FinalStatus >= 300 && a.FinalStatus < 400:
		class = classRedirect
	case a.Outcome != outcomeFailed:
		class = classIncomplete
	case class == classRefused:
		class = statusClass(a.FinalStatus, a.Scheme)
	case class == classFederation && a.Method == "REGISTER":
		// What fails between servers fails for the sign-in that needs them.
		class = classRefused
		if a.FinalStatus == 503 || a.FinalStatus == 504 {
			class = classUnavailable
		}
	}
	return class, id
}

func diagnosticClass(id int, scheme string) Class {
	switch id {
	case 1000:
		if scheme == "TLS-DSK" {
			return classClientCertificate
		}
		return classCredentials
	case 1003, 4005:
		return classUserNotFound
	case 1013:
		return classClockSkew
	case 4003:
		return classRemoteAccess
	case 4004:
		return classAddressNotOwned
	case 4006:
		return classUserNotInPool
	case 4141:
		return classUserDisabled
	case 17002, 17003:
		return classClientVersion
	case 1001, 1002, 1005, 1008, 1009, 1010, 1012, 1014, 1015, 1016, 1017, 1027, 1034, 1035, 1036, 1046, 1047:
		return classFederation
	}
	return ""
}

func statusClass(status int, scheme string) Class {
	switch status {
	case 401, 407:
		if scheme == "TLS-DSK" {
			return classClientCertificate
		}
		return classCredentials
	case 404, 604:
		return classUserNotFound
	case 503, 504:
		return classUnavailable
	}
	return classRefused
}

func classDetail(a *Attempt, id int) string {
	detail := make([]byte, 0, 128)
	if a.FinalStatus != 0 {
		detail = strconv.AppendInt(detail, int64(a.FinalStatus), 10)
		if reason := strings.TrimSpace(a.FinalReason); reason != "" {
			detail = append(append(detail, ' '), reason...)
		}
	}
	if id != 0 {
		header := "ms-diagnostics"
		diags := a.finalDiagnostics()
		if i := slices.IndexFunc(diags, func(d Diagnostic) bool { return d.ID == id }); i >= 0 {
			header = diags[i].Header
		}
		if len(detail) > 0 {
			detail = append(detail, ", "...)
		}
		detail = strconv.AppendInt(append(append(detail, header...), ' '), int64(id), 10)
	}
	if a.Scheme != "" {
		if len(detail) > 0 {
			detail = append(detail, ", "...)
		}
		detail = append(append(detail, "after "...), a.Scheme...)
	}
	return string(detail)
}
