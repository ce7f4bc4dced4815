package kb

import (
	"strings"
	"testing"
)

// TestPortOfTCPFindings: the names say 443, the text the port that was tried.
func TestPortOfTCPFindings(t *testing.T) {
	for _, name := range []string{"tcp-443-filtered", "tcp-443-not-listening"} {
		s, _ := Lookup(name)
		own := s.Fill(map[string]string{"host": "sip.contoso.com", "port": "5061"})
		// A step may name the port of Lync Online beside that.
		if text := own.Title + own.Cause + own.Resolution[0]; strings.Contains(text, "443") || !strings.Contains(own.Title, "5061") {
			t.Errorf("%s names another port: %s", name, text)
		}
		if !strings.Contains(s.Generic().Title, "443") {
			t.Errorf("%s: %s", name, s.Generic().Title)
		}
	}
}
