package lyncdiag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestFaultsFromFiles: no more is claimed than the document says, and the
// tenant's refusals are not AD FS's.
func TestFaultsFromFiles(t *testing.T) {
	const envelope = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">`
	fault := func(code, subcode, reason, detail string) string {
		return envelope + `<s:Body><s:Fault><s:Code><s:Value>s:` + code + `</s:Value><s:Subcode><s:Value>s:` + subcode + `</s:Value></s:Subcode></s:Code><s:Reason><s:Text>` +
			reason + `</s:Text></s:Reason><s:Detail>` + detail + `</s:Detail></s:Fault></s:Body></s:Envelope>`
	}
	adfsFault := func(text string) string { return fault("Sender", "FailedAuthentication", text, "") }
	cloud := func(text string) string {
		return fault("Sender", "FailedAuthentication", "Authentication Failure", "<error><value>0x80048821</value><internalerror><code>0x80041012</code><text>"+text+"</text></internalerror></error>")
	}
	for _, tt := range []struct{ name, text, want, cause, never string }{
		{"code of the log", adfsFault("ID4063: LogonUser failed"), "trust-bad-credentials probable help-desk", "wrong password", "reason other"},
		{"unknown code", adfsFault("MSIS9999: x"), "trust-bad-credentials possible help-desk", "MSIS9999", "reason other"},
		{"conditional access", cloud("AADSTS53003: x"), "trust-access-denied confirmed tenant-admin", "AADSTS53003", "MSIS7068"},
		{"no assignment", cloud("AADSTS50105: x"), "trust-access-denied confirmed tenant-admin", "AADSTS50105", "MSIS7068"},
		{"disabled", cloud("AADSTS50057: x"), "trust-access-denied confirmed tenant-admin", "AADSTS50057", "MSIS7068"},
		{"device", cloud("AADSTS53001: x"), "trust-mfa-required confirmed tenant-admin", "AADSTS53001", "AADSTS50076"},
		{"method", adfsFault("MSIS7102: x"), "trust-mfa-required possible adfs-admin", "MSIS7102", "AADSTS"},
		{"rule", adfsFault("MSIS7068: x"), "trust-access-denied confirmed adfs-admin", "MSIS7068", "tenant"},
		{"assertion", cloud("AADSTS50008: x"), "trust-request-failed probable tenant-admin", "code", "MSIS3127"},
		{"busy", fault("Receiver", "ServerTooBusy", "busy", ""), "trust-request-failed probable adfs-admin", "busy", "MSIS3127"},
		{"relying party", fault("Sender", "BadRequest", "MSIS3055: x", ""), "trust-relying-party-unknown probable adfs-admin", "issues no token", "ID3082"},
		{"header", envelope + `<s:Header><pp><reqstatus>0x80048821</reqstatus></pp></s:Header><s:Body/></s:Envelope>`, "trust-bad-credentials confirmed help-desk", "0x80048821", "no fault"},
		{"words", "Service Unavailable", "", "", ""},
		{"document type", "<!DOCTYPE x><x/>", "", "", ""},
		{"deep", strings.Repeat("<a>", 1000), "", "", ""},
		{"another document", `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>`, "", "", ""},
	} {
		a, err := adfs.ParseTrustAnswer(strings.NewReader(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		report := judge(t, func(f *fact.Facts) {
			fact.Put(f, fact.TokenKey, a, fact.Origin{Kind: fact.Bundle, Where: "answer.xml"})
		})
		var got, cause string
		for _, f := range report.Findings {
			if f.Stage == "adfs.token" {
				got += fmt.Sprintf("%s %s %s", f.Name, f.Confidence, f.Owner)
				cause += f.Title + " " + f.Cause
			}
		}
		if got != tt.want || !strings.Contains(cause, tt.cause) || tt.never != "" && strings.Contains(cause, tt.never) {
			t.Errorf("%s: %q, want %q: %s", tt.name, got, tt.want, cause)
		}
	}
}
