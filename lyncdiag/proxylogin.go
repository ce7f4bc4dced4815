package lyncdiag

import (
	"context"
	"sync"
)

// ProxyLogin remembers how a proxy takes the credentials of Network.Proxy. A
// wrong password is sent once and not once for each host, as a proxy that asks a
// directory locks the account out after a few. The zero value knows nothing yet.
type ProxyLogin struct {
	mu      sync.Mutex
	outcome loginOutcome
	trying  chan struct{} // closed when the first login has ended; nil: none is under way
}

type loginOutcome int

const (
	loginUntried    loginOutcome = iota
	loginUnanswered              // nothing came back in time, which a silent host behind the proxy explains as well
	loginAccepted
	loginRejected
)

// begin waits for a login that is under way. end is nil when the credentials
// have been rejected and are not to be sent again; else it must be called.
func (l *ProxyLogin) begin(ctx context.Context) (end func(loginOutcome), err error) {
	for {
		l.mu.Lock()
		outcome, trying := l.outcome, l.trying
		if outcome == loginUntried && trying == nil {
			trying = make(chan struct{})
			l.trying = trying
			l.mu.Unlock()
			return func(o loginOutcome) {
				l.settle(o, true)
				close(trying)
			}, nil
		}
		l.mu.Unlock()
		switch outcome {
		case loginRejected:
			return nil, nil
		case loginAccepted, loginUnanswered:
			return func(o loginOutcome) { l.settle(o, false) }, nil
		}
		select {
		case <-trying:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// settle notes what came of a login. Credentials that were taken once are right,
// whatever the proxy's rules say of another host.
func (l *ProxyLogin) settle(o loginOutcome, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first {
		l.trying = nil
	}
	if l.outcome != loginAccepted && o > l.outcome {
		l.outcome = o
	}
}
