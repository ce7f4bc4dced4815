package lab

import (
	"net"
	"strings"
	"testing"
)

// TestGateOnLoopback: the proxy on loopback is the lab's own, with its rules.
func TestGateOnLoopback(t *testing.T) {
	for fault, want := range map[string]string{"proxy-authentication-required": "407", "proxy-refuses-connect": "403", "sip-no-answer": "200"} {
		l := start(t, Config{Loopback: true, Faults: []string{fault}})
		if status := connectStatus(t, l, sipdir+":443"); !strings.Contains(status, " "+want+" ") {
			t.Errorf("%s: %q, want %s", fault, status, want)
		}
	}
	l := start(t, Config{Loopback: true, Faults: []string{"proxy-unreachable"}})
	if c, err := net.Dial("tcp", strings.TrimPrefix(l.Addresses().Proxy, "http://")); err == nil {
		c.Close()
		t.Error("the proxy that cannot be reached takes connections")
	}
}
