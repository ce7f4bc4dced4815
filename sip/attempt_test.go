package sip_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/lyncdiag/go-lyncdiag/sip"
)

func attempts(t *testing.T, log iter.Seq2[sip.Record, error]) []sip.Attempt {
	t.Helper()
	var out []sip.Attempt
	for a, err := range sip.Attempts(log) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func TestAttemptOfSuccess(t *testing.T) {
	got := attempts(t, sip.ParseLog(bytes.NewReader(testdata(t, "signin-ntlm.uccapilog"))))
	if len(got) != 1 {
		t.Fatalf("%d attempts; the refresh belongs to the first", len(got))
	}
	a := got[0]
	sent := func(ms int) time.Time { return time.Date(2013, 5, 31, 9, 12, 31, ms*1e6, time.UTC) }
	want := sip.Attempt{ID: "1", Line: 3, StartedAt: time.Date(2013, 5, 31, 9, 12, 31, 100e6, time.UTC), Duration: 800 * time.Millisecond, Method: "REGISTER",
		URI: "sip:contoso.com", From: "sip:joe@contoso.com", CallID: "0011223344556677", CSeq: 3, Server: "fe01.contoso.com", Remote: "192.0.2.10:443", ServerHeader: "RTC/5.0",
		UserAgent: "UCCAPI/15.0.4481.1000 OC/15.0.4481.1000 (Microsoft Lync)", ClientVersion: "15.0.4481.1000", Outcome: "succeeded", FinalStatus: 200, FinalReason: "OK", Scheme: "NTLM",
		Legs: []sip.Leg{
			{CSeq: 1, Status: 401, Reason: "Unauthorized", RequestSeen: true, Challenge: true, Duration: 100 * time.Millisecond, SentAt: sent(100)},
			{CSeq: 2, Status: 401, Reason: "Unauthorized", Scheme: "NTLM", RequestSeen: true, Challenge: true, Duration: 100 * time.Millisecond, SentAt: sent(300)},
			{CSeq: 3, Status: 200, Reason: "OK", Scheme: "NTLM", RequestSeen: true, Duration: 400 * time.Millisecond, SentAt: sent(500)},
		}}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
	roundTrip(t, a)
}

func TestAttemptOfFailure(t *testing.T) {
	got := attempts(t, sip.ParseLog(bytes.NewReader(testdata(t, "signin-4005.uccapilog"))))
	if len(got) != 1 {
		t.Fatalf("%d attempts", len(got))
	}
	a := got[0]
	if a.Outcome != "failed" || a.FinalStatus != 404 || a.Scheme != "TLS-DSK" || len(a.Diagnostics) != 2 || a.Diagnostics[1].Header != "ms-diagnostics-public" || a.Diagnostics[1].Source != "" {
		t.Errorf("got %+v", a)
	}
	roundTrip(t, a)
	if c := sip.Classify(a); c.Class != "user-not-found" || c.DiagnosticID != 4005 || c.Component != "other user services" {
		t.Errorf("classified %+v", c)
	}
}

// exchange builds records of a log from short lines: "SECONDS > CALLID CSEQ [header|header]" for a REGISTER and
// "SECONDS < CALLID CSEQ STATUS [header|header]" for an answer.
func exchange(t *testing.T, lines ...string) iter.Seq2[sip.Record, error] {
	t.Helper()
	return func(yield func(sip.Record, error) bool) {
		for i, l := range lines {
			var sec float64
			var dir, callID, status string
			var cseq int
			text, extra, _ := strings.Cut(l, " [")
			extra = strings.ReplaceAll(strings.TrimSuffix(extra, "]"), "|", "\r\n")
			if _, err := fmt.Sscan(text+" 0", &sec, &dir, &callID, &cseq, &status); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			start, direction := "REGISTER sip:contoso.com SIP/2.0", "out"
			method := "REGISTER"
			switch dir {
			case "<":
				start, direction = "SIP/2.0 "+status+" Reason", "in"
			case "~":
				start, direction, method = "NOTIFY sip:joe@contoso.com SIP/2.0", "in", "NOTIFY"
			}
			m, err := sip.ParseMessage(fmt.Appendf(nil, "%s\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nTo: <sip:joe@contoso.com>\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%s\r\n\r\n", start, callID, cseq, method, extra))
			if err != nil {
				t.Fatal(err)
			}
			r := sip.Record{Line: i + 1, Direction: direction, Message: m}
			if sec >= 0 {
				r.At = time.Date(2013, 5, 31, 9, 0, 0, 0, time.UTC).Add(time.Duration(sec * float64(time.Second)))
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	const (
		offer     = "[WWW-Authenticate: NTLM realm=\"SIP Communications Service\", targetname=\"fe\", version=4]"
		handshake = "[WWW-Authenticate: NTLM realm=\"SIP Communications Service\", gssapi-data=\"AA\"]"
		ntlm      = "[Authorization: NTLM gssapi-data=\"BB\"]"
		dsk       = "[Authorization: TLS-DSK gssapi-data=\"BB\"]"
		later     = "100 > z 1" // moves the log's clock on; itself incomplete
	)
	for _, c := range []struct {
		name  string
		lines []string
		want  []string // outcome/class of each attempt
	}{
		{"challenge not taken up", []string{"0 > a 1", "1 < a 1 401 " + offer}, []string{"challenged/challenge"}},
		{"challenge without offer is no failure", []string{"0 > a 1", "1 < a 1 401"}, []string{"challenged/challenge"}},
		{"first 407 is no failure", []string{"0 > a 1", "1 < a 1 407"}, []string{"challenged/challenge"}},
		{"handshake left open", []string{"0 > a 1 " + ntlm, "1 < a 1 401 " + handshake}, []string{"challenged/challenge"}},
		{"password refused", []string{"0 > a 1", "1 < a 1 401 " + offer, "2 > a 2 " + ntlm, "3 < a 2 401 [ms-diagnostics: 1000;reason=\"x\"]"}, []string{"failed/credentials-rejected"}},
		{"password refused, no id", []string{"0 > a 1 " + ntlm, "1 < a 1 401 " + offer}, []string{"failed/credentials-rejected"}},
		{"certificate refused", []string{"0 > a 1", "1 < a 1 401 " + offer, "2 > a 2 " + dsk, "3 < a 2 401 [ms-diagnostics: 1000;reason=\"x\"]"}, []string{"failed/client-certificate-rejected"}},
		{"clock", []string{"0 > a 1 " + ntlm, "1 < a 1 401 [ms-diagnostics: 1013;reason=\"x\"]"}, []string{"failed/clock-skew"}},
		{"answer without its request", []string{"0 < a 2 403 [ms-diagnostics: 4004;reason=\"x\"]"}, []string{"failed/address-not-owned"}},
		{"challenge without its request", []string{"0 < a 1 401 " + offer}, []string{"challenged/challenge"}},
		{"first tells nothing, second decides", []string{"0 > a 1 " + ntlm, "1 < a 1 404 [ms-diagnostics: 2;reason=\"x\"|ms-diagnostics: 4006;reason=\"y\"]"}, []string{"failed/user-not-in-pool"}},
		{"404 alone", []string{"0 > a 1", "1 < a 1 404"}, []string{"failed/user-not-found"}},
		{"403 alone", []string{"0 > a 1", "1 < a 1 403"}, []string{"failed/refused"}},
		{"unknown id of a service range", []string{"0 > a 1", "1 < a 1 500 [ms-diagnostics: 5077;reason=\"x\"]"}, []string{"failed/refused"}},
		{"503", []string{"0 > a 1", "1 < a 1 503"}, []string{"failed/service-unavailable"}},
		{"504 between servers", []string{"0 > a 1", "1 < a 1 504 [ms-diagnostics: 1010;reason=\"x\"]"}, []string{"failed/service-unavailable"}},
		{"403 between servers", []string{"0 > a 1", "1 < a 1 403 [ms-diagnostics: 1002;reason=\"x\"]"}, []string{"failed/refused"}},
		{"504 of the service", []string{"0 > a 1", "1 < a 1 504 [ms-diagnostics: 1007;reason=\"x\"]"}, []string{"failed/service-unavailable"}},
		{"version", []string{"0 > a 1", "1 < a 1 403 [ms-diagnostics: 17003;reason=\"x\"]"}, []string{"failed/client-version-blocked"}},
		{"outside", []string{"0 > a 1", "1 < a 1 403 [ms-diagnostics-public: 4003;reason=\"x\"]"}, []string{"failed/remote-access-disabled"}},
		{"redirect is no failure", []string{"0 > a 1", "1 < a 1 301"}, []string{"incomplete/redirect"}},
		{"silence, and the log goes on", []string{"0 > a 1", later}, []string{"no-answer/no-answer", "incomplete/incomplete"}},
		{"silence, and the log ends", []string{"0 > a 1", "30 > z 1"}, []string{"incomplete/incomplete", "incomplete/incomplete"}},
		{"silence without times", []string{"-1 > a 1"}, []string{"incomplete/incomplete"}},
		{"provisional answer is none", []string{"0 > a 1", "1 < a 1 100", later}, []string{"no-answer/no-answer", "incomplete/incomplete"}},
		{"sent again, traced twice", []string{"0 > a 1", "1 > a 1", "2 < a 1 404", "3 < a 1 404"}, []string{"failed/user-not-found"}},
		{"registered, then disabled", []string{"0 > a 1", "1 < a 1 200", "2 ~ a 1 [Event: registration-notify|ms-diagnostics-public: 4141;reason=\"User disabled\"]"}, []string{"succeeded/user-disabled"}},
		{"disabled in another dialogue", []string{"0 > a 1", "1 < a 1 200", "2 ~ b 1 [Event: registration-notify|ms-diagnostics-public: 4141;reason=\"x\"]"}, []string{"succeeded/user-disabled"}},
		{"signed in elsewhere", []string{"0 > a 1", "1 < a 1 200", "2 ~ a 1 [ms-diagnostics-public: 4140;reason=\"x\"]"}, []string{"succeeded/deregistered"}},
		{"refresh", []string{"0 > a 1", "1 < a 1 200", "3600 > a 2", "3601 < a 2 200", "7200 > a 3 [Expires: 0]", "7201 < a 3 403"}, []string{"succeeded/ok"}},
		{"refresh that fails", []string{"0 > a 1", "1 < a 1 200", "3600 > a 2", "3601 < a 2 404"}, []string{"succeeded/ok", "failed/user-not-found"}},
		{"a failure of one scheme, then success", []string{"0 > a 1 " + dsk, "1 < a 1 401 [ms-diagnostics: 1000;reason=\"x\"]", "2 > a 2 " + ntlm, "3 < a 2 200"}, []string{"succeeded/ok"}},
		{"first started, first told", []string{"0 > a 1", "1 > b 1", "2 < b 1 404", "3 < a 1 403"}, []string{"failed/refused", "failed/user-not-found"}},
		{"other methods", []string{"0 ~ a 1"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			line := 0
			for _, a := range attempts(t, exchange(t, c.lines...)) {
				class := sip.Classify(a)
				if !slices.Contains(sip.Codes(), class.Class) {
					t.Errorf("class %q is not among the codes", class.Class)
				}
				if a.Line < line {
					t.Errorf("attempt of line %d after line %d", a.Line, line)
				}
				line = a.Line
				got = append(got, a.Outcome+"/"+string(class.Class))
				roundTrip(t, a)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// However many dialogues stay open, and however long one goes on, attempts come out before the log ends.
func TestAttemptsAreBounded(t *testing.T) {
	read := 0
	endless := func(callID func(int) string) iter.Seq2[sip.Record, error] {
		return func(yield func(sip.Record, error) bool) {
			for read = 1; read <= 5000; read++ {
				m, err := sip.ParseMessage(fmt.Appendf(nil, "REGISTER sip:contoso.com SIP/2.0\r\nCall-ID: %s\r\nCSeq: %d REGISTER\r\n\r\n", callID(read), read))
				if err != nil {
					t.Fatal(err)
				}
				if !yield(sip.Record{Line: read, Message: m}, nil) {
					return
				}
			}
		}
	}
	for name, callID := range map[string]func(int) string{
		"many":     func(n int) string { return fmt.Sprint(n) },
		"one long": func(int) string { return "same" },
	} {
		for range sip.Attempts(endless(callID)) {
			break
		}
		if read > 1100 {
			t.Errorf("%s: the first attempt came after %d records", name, read)
		}
	}
}

func TestAttemptsPassErrorOn(t *testing.T) {
	broken := errors.New("disk")
	log := func(yield func(sip.Record, error) bool) {
		for r, err := range exchange(t, "0 > a 1", "1 < a 1 404") {
			if !yield(r, err) {
				return
			}
		}
		yield(sip.Record{}, broken)
	}
	var got []string
	for a, err := range sip.Attempts(log) {
		got = append(got, fmt.Sprint(a.Outcome, err))
	}
	if want := []string{"failed<nil>", "disk"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A REGISTER that is sent again is one leg, and its answer is timed from the first.
func TestRetransmission(t *testing.T) {
	at := time.Date(2013, 5, 31, 9, 0, 0, 0, time.UTC)
	headers := []sip.Header{{Name: "Call-ID", Value: "a"}, {Name: "CSeq", Value: "1 REGISTER"}}
	records := func(yield func(sip.Record, error) bool) {
		for i := range 3 {
			yield(sip.Record{At: at.Add(time.Duration(i) * time.Second), Message: &sip.Message{Request: true, Method: "REGISTER", Headers: headers}}, nil)
		}
		for range 2 { // traced twice
			yield(sip.Record{At: at.Add(2500 * time.Millisecond), Message: &sip.Message{Status: 503, Headers: headers}}, nil)
		}
	}
	for a, err := range sip.Attempts(records) {
		if err != nil || len(a.Legs) != 1 || a.Legs[0].Resent != 2 || a.Legs[0].Duration != 2500*time.Millisecond || a.Outcome != "failed" {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// An Edge traces each packet as it comes in and as it goes out: that is one leg, and nothing was sent again.
func TestEdgeTracesTwice(t *testing.T) {
	record := func(stamp, direction, start string, more ...string) string {
		return "TL_INFO(TF_PROTOCOL) [edge\\edge]0584.0A44::05/31/2013-" + stamp + ".0000773E (SIPStack,SIPAdminLog::ProtocolRecord::Flush:ProtocolRecord.cpp(261)) [1] $$begin_record\r\n" +
			"Trace-Correlation-Id: 1\r\nInstance-Id: 1\r\nDirection: " + direction + "\r\nPeer: 192.0.2.1:5061\r\nMessage-Type: request\r\nStart-Line: " + start + "\r\n" +
			"From: <sip:joe@contoso.com>;tag=1\r\nTo: <sip:joe@contoso.com>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n" + strings.Join(more, "") + "Message-Body: -\r\n$$end_record\r\n\r\n"
	}
	diagnostics := "ms-diagnostics: 4005;reason=\"x\";source=\"pool\"\r\n"
	log := record("09:00:00.000", `incoming;source="external edge";destination="internal edge"`, "REGISTER sip:contoso.com SIP/2.0") +
		record("09:00:00.010", `outgoing;source="external edge";destination="internal edge"`, "REGISTER sip:contoso.com SIP/2.0") +
		record("09:00:00.500", `incoming;source="internal edge";destination="external edge"`, "SIP/2.0 404 Not Found", diagnostics) +
		record("09:00:00.510", `outgoing;source="internal edge";destination="external edge"`, "SIP/2.0 404 Not Found", diagnostics)
	got := attempts(t, sip.ParseLog(strings.NewReader(log)))
	if len(got) != 1 || len(got[0].Legs) != 1 || got[0].Legs[0].Resent != 0 || got[0].Legs[0].Duration != 500*time.Millisecond || len(got[0].Diagnostics) != 1 || got[0].FinalStatus != 404 {
		t.Errorf("%+v", got)
	}
}

// A brief message lends its texts, so what is made of it has to be a copy.
func TestAttemptsKeepNothingOfBriefMessages(t *testing.T) {
	for _, name := range []string{"signin-ntlm.uccapilog", "signin-4005.uccapilog"} {
		want := attempts(t, sip.ParseLog(bytes.NewReader(testdata(t, name))))
		log := sip.NewLog(bytes.NewReader(testdata(t, name)))
		log.Brief = true
		got := attempts(t, func(yield func(sip.Record, error) bool) {
			for r, err := range log.Records() {
				if !yield(r, err) {
					return
				}
				if r.Message == nil {
					continue
				}
				for _, h := range r.Message.Headers {
					copy(unsafe.Slice(unsafe.StringData(h.Value), len(h.Value)), strings.Repeat("X", len(h.Value)))
				}
			}
		})
		if len(want) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
}
