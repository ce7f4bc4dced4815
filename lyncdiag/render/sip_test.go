package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/sip"
)

// TestVersionFilter: only a Lync server's challenge to the client's own
// User-Agent says that the version passed.
func TestVersionFilter(t *testing.T) {
	challenge := func(scheme string) *sip.ProbeResult {
		return &sip.ProbeResult{Status: 401, Challenges: []sip.Challenge{{Scheme: scheme}}}
	}
	for name, tt := range map[string]struct {
		answer  *sip.ProbeResult
		setting fact.Setting
		want    string
	}{
		"Lync":                  {challenge("NTLM"), fact.Setting{}, "passed"},
		"another SIP server":    {challenge("Digest"), fact.Setting{}, "unknown"},
		"registered by anybody": {&sip.ProbeResult{Status: 200}, fact.Setting{}, "unknown"},
		"mobile":                {challenge("NTLM"), fact.Setting{Client: "mobile"}, "unknown"},
		"mobile, and its own":   {challenge("NTLM"), fact.Setting{Client: "mobile", UserAgent: "x"}, "passed"},
		"blocked":               {&sip.ProbeResult{Status: 403, Diagnostics: []sip.Diagnostic{{ID: 17002}}}, fact.Setting{}, "blocked"},
	} {
		if got := versionFilter(tt.answer, tt.setting); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestForeignChallenge(t *testing.T) {
	c := fact.Candidate{SIP: &sip.ProbeResult{Status: 401, Challenges: []sip.Challenge{{Scheme: "Digest"}}}}
	var b bytes.Buffer
	if err := (Tool{}).SIP("a:443", c, fact.Clock{}, &lyncdiag.Report{}).Write(&b, Text, Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "in no way that a Lync client knows") {
		t.Errorf("%s", b.String())
	}
}
