package sip_test

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/lyncdiag/go-lyncdiag/sip"
	"github.com/lyncdiag/go-lyncdiag/sip/siptest"
)

// Why did signing in fail, according to the client's log?
func ExampleAttempts() {
	log := strings.NewReader("05/31/2013|09:12:31.100 1A2C:1B30 INFO  :: REGISTER sip:contoso.com SIP/2.0\r\n" +
		"From: <sip:joe@contoso.com>;tag=1\r\nCall-ID: 7\r\nCSeq: 1 REGISTER\r\n\r\n" +
		"05/31/2013|09:12:31.900 1A2C:1B30 INFO  :: SIP/2.0 404 Not Found\r\n" +
		"Call-ID: 7\r\nCSeq: 1 REGISTER\r\nms-diagnostics: 4005;reason=\"Destination URI either not enabled for SIP or does not exist\"\r\n\r\n")
	for a, err := range sip.Attempts(sip.ParseLog(log)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		c := sip.Classify(a)
		fmt.Println(a.From, a.Outcome, c.Class, "-", c.Detail)
	}
	// Output: sip:joe@contoso.com failed user-not-found - 404 Not Found, ms-diagnostics 4005
}

func ExampleLookupCode() {
	for _, c := range sip.LookupCode("0x80ef0194") {
		fmt.Println(c.Code, c.Name, "-", c.Meaning)
	}
	// Output: 0x80EF0194 Not Found - SIP status 404: user not enabled for SIP or wrong sign-in address
}

// What does a registrar offer to somebody who has not said who he is?
func ExampleClient_Register() {
	client, server := net.Pipe() // in place of a TLS connection
	var registrar siptest.Registrar
	go func() { _ = registrar.Serve(context.Background(), server) }()
	defer client.Close()

	res := new(sip.Client).Register(context.Background(), client, "joe@contoso.com")
	fmt.Println(res.Status, res.Reason)
	for _, c := range res.Challenges {
		fmt.Println(c.Scheme, c.TargetName)
	}
	// Output:
	// 401 Unauthorized
	// NTLM sip.contoso.example
	// Kerberos sip/sip.contoso.example
	// TLS-DSK sip.contoso.example
}

func ExampleParseMessage() {
	m, err := sip.ParseMessage([]byte("SIP/2.0 504 Server time-out Server: RTC/6.0\nCSEQ: 1 INVITE Via: SIP/2.0/TLS 192.0.2.1\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, method, _ := m.CSeq()
	fmt.Println(m.Status, m.Get("server"), method)
	// Output: 504 RTC/6.0 INVITE
}
