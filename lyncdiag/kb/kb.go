// Package kb is what is known: Microsoft's article KB 2541980 as data, and the
// catalogue of everything lyncdiag can find.
//
// The package holds literals and text matching only. It imports the standard
// library, reads no evidence and sends nothing; package lyncdiag answers the
// tree's questions from facts and applies catalogue entries to a case.
package kb

// Type is the article's "Type" column: who has to look at a problem.
type Type string

// The four types of the article's message table.
const (
	Client   Type = "client"
	Network  Type = "network"
	Identity Type = "identity"
	Service  Type = "service"
)

// Label is the type in the article's words, for people.
func (t Type) Label() string {
	switch t {
	case Client:
		return "Client"
	case Network:
		return "Network"
	case Identity:
		return "Identity/authentication"
	case Service:
		return "Lync Online service"
	}
	return string(t)
}

// Severity says what a finding does to sign-in. The zero value is not valid.
type Severity string

// Failure stops sign-in, Warning disturbs or endangers it, Info does neither.
const (
	Failure Severity = "failure"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Owner is who can carry out a resolution.
type Owner string

// The owners a resolution may name. MicrosoftSupport is one of the article's
// support teams (Office 365, SSO, Lync Online); the steps say which.
const (
	User             Owner = "user"
	HelpDesk         Owner = "help-desk"
	TenantAdmin      Owner = "tenant-admin"
	DNSAdmin         Owner = "dns-admin"
	NetworkAdmin     Owner = "network-admin"
	ADFSAdmin        Owner = "adfs-admin"
	MicrosoftSupport Owner = "microsoft-support"
)

// Citation points into a source text. The zero value cites nothing.
type Citation struct {
	KB      string // "KB2541980"
	Section string // heading as the source prints it
	Item    string // row, step or branch inside the section, "" for all of it
}

// Spec is a catalogue entry: all that is known of a finding before it is met.
// Type is fixed for a name (except sip-register-refused, whose rule sets it);
// Severity is the worst the finding can have, and a rule may lower it.
//
// Title, Cause and Resolution are templates: {address}, {domain}, {host},
// {url}, {record} and {target} stand for typed evidence of the case and read
// as plain words ("the host") when there is no case, as Generic shows.
type Spec struct {
	ID         string // "LD0101": opaque, never reused, says neither type nor severity
	Name       string // "dns-sip-tls-srv-missing": unique, stable
	Type       Type
	Severity   Severity
	Title      string   // one line, no full stop
	Cause      string   // one sentence or two
	Resolution []string // steps a person can follow, in order
	Owner      Owner    // who carries them out
	References []string // "KB2566790", or a symbol of a Microsoft header
	Messages   []string // codes of the article's messages that this finding explains
	Planned    bool     // nothing can produce it yet
}

// Placeholders are the words that may stand in braces in a Spec, each with what
// it reads as when no case fills it.
func Placeholders() map[string]string {
	return map[string]string{
		"address": "the sign-in address",
		"domain":  "the sign-in domain",
		"host":    "the host",
		"port":    "443",
		"url":     "the URL",
		"record":  "the record",
		"target":  "the target",
		"file":    "the file",
	}
}
