package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
)

// progress says on stderr what is being waited for and for how long. The zero
// value says nothing.
type progress struct {
	w       io.Writer
	subject string
	plain   bool // a line for each stage instead of one that changes

	mu      sync.Mutex
	waiting []string
	status  string // of many targets; it goes before what is waited for
	since   time.Time
	shown   int // columns to take back
	done    chan struct{}
	ending  sync.Once
	ended   sync.WaitGroup
}

func (p *program) startProgress(subject string) *progress {
	terminal := p.progress.Value == "auto" && isTerminal(p.stderr) && !p.verbose
	if p.progress.Value != "plain" && !terminal {
		return &progress{}
	}
	g := &progress{w: p.stderr, subject: subject, plain: !terminal, since: time.Now(), done: make(chan struct{})}
	if terminal {
		g.ended.Go(g.refresh)
	}
	p.line = g
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

// advance is told of each of many targets as it is done.
func (g *progress) advance(seen *fleet.Summary, r fleet.Result, total int) {
	if g.w == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.plain {
		from := ""
		if r.Resumed {
			from = " (from the journal)"
		}
		fmt.Fprintf(g.w, "%d/%d %s\n", seen.Total, total, strings.Join(strings.Fields(printable(cmp.Or(r.Target.Address, r.Target.Domain))+" "+string(r.Outcome)+" "+r.Primary+from), " "))
		return
	}
	rate := float64(seen.Total-seen.Resumed) / max(time.Since(g.since).Seconds(), 0.001)
	g.status = fmt.Sprintf("%d/%d, %.1f/s, %d with a problem, %d unknown", seen.Total, total, rate, seen.Problem, seen.Unknown)
}

// conclude ends the progress of many targets with what was found how often.
func (g *progress) conclude(seen *fleet.Summary) {
	if g.w == nil {
		return
	}
	line := fmt.Sprintf("%d targets: %d healthy, %d with a problem, %d unknown (%d incomplete), %d from the journal, %.1f s",
		seen.Total, seen.Healthy, seen.Problem, seen.Unknown, seen.Incomplete, seen.Resumed, time.Since(g.since).Seconds())
	for i, f := range seen.Findings() {
		if i == 5 {
			line += ", ..."
			break
		}
		line += fmt.Sprintf("%s%s %d", []string{": ", ", "}[min(i, 1)], f.Name, f.Count)
		if f.Silenced > 0 {
			line += fmt.Sprintf(" (%d silenced)", f.Silenced)
		}
	}
	fmt.Fprintln(g.w, line)
}

// printable keeps what an input file holds from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
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

// note says what is done now, where no stage does.
func (g *progress) note(text string) {
	if g.w == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.plain {
		fmt.Fprintf(g.w, "%s: %s\n", g.subject, text)
		return
	}
	g.status = g.subject + ": " + text
}

// say writes a line of its own.
func (g *progress) say(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.plain {
		g.show("")
	}
	fmt.Fprintln(g.w, line)
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
	if g.status != "" {
		g.show(g.status)
		return
	}
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
