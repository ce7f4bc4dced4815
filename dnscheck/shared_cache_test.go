package dnscheck

import (
	"context"
	"testing"

	"github.com/miekg/dns"
)

// TestSharedCache: runs share records and their absence, and keep what went
// wrong to themselves.
func TestSharedCache(t *testing.T) {
	rcode := func(code int) reply { return reply{msg: &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: code}}} }
	for name, test := range map[string]struct {
		reply reply
		asked int // by three runs that ask twice each
	}{
		"records":         {rcode(dns.RcodeSuccess), 1},
		"no such name":    {rcode(dns.RcodeNameError), 1},
		"server failure":  {rcode(dns.RcodeServerFailure), 3},
		"time-out":        {reply{status: StatusNoAnswer}, 3},
		"cancelled asker": {reply{status: StatusCancelled}, 6},
	} {
		shared, asked := new(Cache), 0
		for range 3 {
			own := &Cache{Shared: shared}
			for range 2 {
				if got := own.do(context.Background(), question{name: "a."}, func() reply { asked++; return test.reply }); got != test.reply {
					t.Errorf("%s: got %+v", name, got)
				}
			}
		}
		if asked != test.asked {
			t.Errorf("%s: asked %d times, want %d", name, asked, test.asked)
		}
	}
}
