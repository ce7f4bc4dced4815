package dnscheck

import (
	"context"
	"sync"
	"time"
)

// pace lets questions go at an even rate. A question that is sent again does not
// count: what was lost has cost the server nothing.
type pace struct {
	each time.Duration // between two questions
	mu   sync.Mutex
	next time.Time // when the next one may go
}

// newPace makes a pace of so many questions a second, nil for no bound.
func newPace(rate float64) *pace {
	if rate <= 0 {
		return nil
	}
	return &pace{each: time.Duration(min(float64(time.Second)/rate, float64(24*time.Hour)))}
}

// wait waits until n questions may go. What was not used of a tenth of a second is
// made up for.
func (p *pace) wait(ctx context.Context, n int) error {
	if p == nil {
		return nil
	}
	const slack = time.Second / 10
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-slack); p.next.Before(earliest) {
		p.next = earliest
	}
	delay := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(n) * p.each)
	p.mu.Unlock()
	if delay <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
