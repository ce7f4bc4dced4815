package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// progress says on stderr what is being waited for and for how long. The zero
// value says nothing.
type progress struct {
	w       io.Writer
	subject string
	plain   bool // a line for each stage instead of one that changes

	mu      sync.Mutex
	waiting []string
	since   time.Time
	shown   int // columns to take back
	done    chan struct{}
	ending  sync.Once
	ended   sync.WaitGroup
}

func (p *program) startProgress(subject string) *progress {
	terminal := p.progress.value == "auto" && isTerminal(p.stderr) && !p.verbose
	if p.progress.value != "plain" && !terminal {
		return &progress{}
	}
	g := &progress{w: p.stderr, subject: subject, plain: !terminal, since: time.Now(), done: make(chan struct{})}
	if terminal {
		g.ended.Go(g.refresh)
	}
	return g
}

// observe is told of each stage as it starts and ends.
func (g *progress) observe(s lyncdiag.StageResult) {
	if g.w == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.plain {
		word := "started"
		if s.Status != "" {
			word = string(s.Status)
		}
		fmt.Fprintf(g.w, "%s: %s %s\n", g.subject, s.Title, word)
		return
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(title string) bool { return title == s.Title })
	if s.Status == "" {
		g.waiting = append(g.waiting, s.Title)
	}
}

// clear takes the line back, so that something else can be written.
func (g *progress) clear() {
	if g.w == nil || g.plain {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.show("")
}

func (g *progress) refresh() {
	ticks := time.NewTicker(250 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			g.mu.Lock()
			g.draw()
			g.mu.Unlock()
		case <-g.done:
			return
		}
	}
}

func (g *progress) draw() {
	if len(g.waiting) == 0 {
		return
	}
	line := fmt.Sprintf("%s: waiting for %s, %.0f s", g.subject, strings.Join(g.waiting, ", "), time.Since(g.since).Seconds())
	if len(line) > 78 {
		line = line[:75] + "..."
	}
	g.show(line)
}

// show replaces what is on the line; blanks take back a longer text, as not
// every console knows the code for it.
func (g *progress) show(line string) {
	if line == "" && g.shown == 0 {
		return
	}
	fmt.Fprintf(g.w, "\r%-*s\r%s", g.shown, "", line)
	g.shown = len(line)
}

// stop ends the line. It may be called more than once.
func (g *progress) stop() {
	if g.w == nil || g.plain {
		return
	}
	g.ending.Do(func() { close(g.done) })
	g.ended.Wait()
	g.clear()
}
