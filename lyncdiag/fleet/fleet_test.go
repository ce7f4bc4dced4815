package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// stub is a diagnosis of one stage.
func stub(probe func(ctx context.Context, env *lyncdiag.Env) error) *lyncdiag.Diagnoser {
	return &lyncdiag.Diagnoser{Plan: lyncdiag.Plan{{ID: "stub", Title: "Stub", Probe: probe}}, Rules: []lyncdiag.Rule{}, Timeout: time.Hour}
}

func addresses(t *testing.T, n int) *fleet.Input {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "user%d@contoso.example\n", i)
	}
	in, err := fleet.ReadAddresses(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func keys(t *testing.T, results iter.Seq2[fleet.Result, error]) []string {
	t.Helper()
	var list []string
	for r, err := range results {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r.Key)
	}
	return list
}

func journal(t *testing.T, path string, b fleet.Binding) *fleet.Journal {
	t.Helper()
	j, err := fleet.OpenJournal(path, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// TestOrder: targets that take differently long come as they were given, or as
// they end; never more of them at a time than asked for.
func TestOrder(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var running, most atomic.Int32
			d := stub(func(ctx context.Context, env *lyncdiag.Env) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				var i int
				fmt.Sscanf(env.Target.Address, "user%d@", &i)
				time.Sleep(time.Duration(40-i) * time.Second)
				return nil
			})
			f := fleet.Fleet{Diagnoser: d, Concurrency: 5, Ordered: ordered}
			got := keys(t, f.Run(t.Context(), addresses(t, 40).Jobs()))
			first := "user0@contoso.example"
			if !ordered {
				first = "user4@contoso.example"
			}
			if len(got) != 40 || got[0] != first {
				t.Errorf("ordered %t: %d results, %v", ordered, len(got), got)
			}
			if most.Load() != 5 {
				t.Errorf("%d at a time", most.Load())
			}
		})
	}
}

// TestResume stops a run again and again, in every way but a kill, and looks
// whether each target was worked on once and comes out once.
func TestResume(t *testing.T) {
	const n = 60
	path := filepath.Join(t.TempDir(), "journal")
	in := addresses(t, n)
	var mu sync.Mutex
	worked := map[string]int{}
	d := stub(func(ctx context.Context, env *lyncdiag.Env) error {
		select {
		case <-time.After(time.Duration(rand.IntN(3)) * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		mu.Lock()
		defer mu.Unlock()
		worked[env.Target.Address]++
		return nil
	})
	for round := range 100 {
		j, err := fleet.OpenJournal(path, fleet.Binding{Input: in.Sum()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		f := fleet.Fleet{Diagnoser: d, Ordered: round%2 == 0, Journal: j}
		before, fresh, seen := j.Len(), 0, map[string]bool{}
		for r, err := range f.Run(ctx, in.Jobs()) {
			if err != nil {
				t.Fatal(err)
			}
			if seen[r.Key] {
				t.Fatalf("%s came twice", r.Key)
			}
			seen[r.Key] = true
			if !r.Resumed {
				fresh++
			}
			if fresh == 3 && round%3 == 0 {
				break // the caller has enough
			}
			if fresh == 3 {
				cancel() // what is under way is given up
			}
		}
		cancel()
		if j.Len() < before+min(fresh, n-before) {
			t.Fatalf("the journal went from %d to %d with %d new results", before, j.Len(), fresh)
		}
		done := j.Len() == n
		j.Close()
		if done {
			break
		}
	}
	f := fleet.Fleet{Diagnoser: d, Ordered: true, Journal: journal(t, path, fleet.Binding{Input: in.Sum()})}
	var sum fleet.Summary
	var got []string
	for r, err := range f.Run(t.Context(), in.Jobs()) {
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(r)
		got = append(got, r.Key)
	}
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("user%d@contoso.example", i))
	}
	if !slices.Equal(got, want) || sum.Resumed != n || sum.Healthy+sum.Unknown != n {
		t.Errorf("%+v, %v", sum, got)
	}
	for address, times := range worked {
		if times != 1 {
			t.Errorf("%s was looked at %d times", address, times)
		}
	}
}

// TestJobs: lines that are no target become results, repeated ones are left
// out, and an error of the iterator ends the run.
func TestJobs(t *testing.T) {
	broken := errors.New("broken")
	jobs := func(yield func(fleet.Job, error) bool) {
		for range 2 {
			if !yield(fleet.Job{Key: "a", Target: lyncdiag.Target{Address: "a"}}, nil) {
				return
			}
		}
		if yield(fleet.Job{Key: "line 3", Line: 3}, &fleet.LineError{Line: 3, Err: errors.New("nobody")}) {
			yield(fleet.Job{}, broken)
		}
	}
	f := fleet.Fleet{Diagnoser: stub(func(context.Context, *lyncdiag.Env) error { return nil }), Ordered: true}
	var got []fleet.Result
	var last error
	for r, err := range f.Run(t.Context(), jobs) {
		if err != nil {
			last = err
			continue
		}
		got = append(got, r)
	}
	if !errors.Is(last, broken) || len(got) > 2 {
		t.Fatalf("%v, %d results", last, len(got))
	}
	for r, err := range f.Run(t.Context(), func(yield func(fleet.Job, error) bool) {
		yield(fleet.Job{Line: 3}, &fleet.LineError{Line: 3, Err: errors.New("nobody")})
	}) {
		if err != nil || r.Complete || r.Outcome != lyncdiag.Undecided || r.ExitCode != 3 || r.Report.Verdict.Summary != "line 3: nobody" {
			t.Errorf("%v, %+v", err, r)
		}
	}
}

// TestSharedAnswers: many users of one domain cost the resolver hardly more
// questions than one, and an answer's age is bounded.
func TestSharedAnswers(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	network := l.Network()
	var questions atomic.Int32
	dial := network.Dial
	start := time.Now()
	var now atomic.Pointer[time.Time]
	now.Store(&start)
	network.Now = func() time.Time { return *now.Load() }
	network.Dial = func(ctx context.Context, kind, address string) (c net.Conn, err error) {
		if kind == "udp" {
			questions.Add(1)
		}
		return dial(ctx, kind, address)
	}
	f := fleet.Fleet{Diagnoser: &lyncdiag.Diagnoser{Network: network, Plan: lyncdiag.DefaultPlan().Only("dns")}, Concurrency: 2}
	keys(t, f.Run(t.Context(), addresses(t, 1).Jobs()))
	one := questions.Swap(0)
	keys(t, f.Run(t.Context(), addresses(t, 20).Jobs()))
	if many := questions.Load(); one == 0 || many > 2*one {
		t.Errorf("one target asks %d questions, twenty ask %d", one, many)
	}
	questions.Store(0)
	jobs := func(yield func(fleet.Job, error) bool) {
		for i := range 3 {
			later := start.Add(time.Duration(i) * 2 * time.Minute)
			now.Store(&later)
			target, _ := fact.ParseAddress("joe@contoso.example")
			if !yield(fleet.Job{Target: target}, nil) {
				return
			}
		}
	}
	f.Concurrency = 1
	keys(t, f.Run(t.Context(), jobs))
	if got := questions.Load(); got < 2*one {
		t.Errorf("three targets, minutes apart, ask %d questions, one asks %d", got, one)
	}
}

// TestLimit: one server gets no more connections than it can bear, another one
// beside it does not suffer, and nothing waits while it is being looked at.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		network := &lyncdiag.Network{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if address == "192.0.2.1:53" {
				at = append(at, time.Now())
			}
			return nil, errors.New("refused")
		}}
		d := stub(func(ctx context.Context, env *lyncdiag.Env) error {
			began := time.Now()
			for range 6 {
				env.Network.Dial(ctx, "udp", "192.0.2.1:53")
			}
			env.Network.Dial(ctx, "tcp", "192.0.2.2:443")
			if time.Since(began) != 0 {
				t.Error("a connection was held back")
			}
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		d.Network = network
		start := time.Now()
		f := fleet.Fleet{Diagnoser: d, Concurrency: 50, Limit: &fleet.Limit{Rate: 20, Burst: 30}}
		keys(t, f.Run(t.Context(), addresses(t, 100).Jobs()))
		took := time.Since(start)
		// 600 questions, 30 of them at once, are 28.5 s at 20 a second.
		if len(at) != 600 || took < 28*time.Second || took > 31*time.Second {
			t.Errorf("%d questions in %v", len(at), took)
		}
		for i := range at {
			if j := i + 20 + 30 + 6; j < len(at) && at[j].Sub(at[i]) < time.Second {
				t.Fatalf("questions %d to %d within %v", i, j, at[j].Sub(at[i]))
			}
		}
	})
}

func TestSummary(t *testing.T) {
	var s fleet.Summary
	s.Add(fleet.Result{Outcome: lyncdiag.Problem, Complete: true, ExitCode: 1, Findings: []string{"a", "b"}})
	s.Add(fleet.Result{Outcome: lyncdiag.Healthy, Complete: true, Findings: []string{"b"}, Silenced: []string{"b"}, Resumed: true})
	s.Add(fleet.Result{Outcome: lyncdiag.Undecided, ExitCode: 3})
	if s.Total != 3 || s.Healthy != 1 || s.Problem != 1 || s.Unknown != 1 || s.Incomplete != 1 || s.Resumed != 1 || s.Worst != 3 {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint(s.Findings()); got != "[{b 2 1} {a 1 0}]" {
		t.Error(got)
	}
}

// TestSilenced: what Document marks is silenced, if nothing of that name alarms.
func TestSilenced(t *testing.T) {
	named := func(name string) lyncdiag.Finding { return lyncdiag.Finding{Spec: lyncdiag.Spec{Name: name}} }
	f := fleet.Fleet{
		Diagnoser: stub(func(context.Context, *lyncdiag.Env) error { return nil }),
		Document: func(_ *fact.Facts, r *lyncdiag.Report) (json.RawMessage, int, error) {
			suppressed, known := named("both"), named("known")
			suppressed.Suppressed, known.Known = "both", true
			r.Findings = []lyncdiag.Finding{named("both"), suppressed, known, known, named("alarms")}
			return json.RawMessage("{}"), 1, nil
		},
	}
	for r, err := range f.Run(t.Context(), addresses(t, 1).Jobs()) {
		if err != nil || !slices.Equal(r.Findings, []string{"both", "known", "alarms"}) || !slices.Equal(r.Silenced, []string{"known"}) {
			t.Errorf("%q, silenced %q, %v", r.Findings, r.Silenced, err)
		}
	}
}

func TestJournalIsCareful(t *testing.T) {
	binding := fleet.Binding{Work: "check", Input: "sha256:1", Options: "--lab"}
	in := addresses(t, 4)
	whole := func() []byte {
		path := filepath.Join(t.TempDir(), "journal")
		f := fleet.Fleet{Diagnoser: stub(func(context.Context, *lyncdiag.Env) error { return nil }), Journal: journal(t, path, binding)}
		keys(t, f.Run(t.Context(), in.Jobs()))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}()
	lines := strings.SplitAfter(string(whole), "\n")
	other := func(b fleet.Binding, change func(*fleet.Binding)) fleet.Binding { change(&b); return b }
	tests := []struct {
		name, text string
		binding    fleet.Binding
		left       int    // entries
		wrong      string // part of the error
	}{
		{"new", "", binding, 0, ""},
		{"whole", string(whole), binding, 4, ""},
		{"cut header", lines[0][:20], binding, 0, ""},
		{"header without end", strings.TrimSuffix(lines[0], "\n"), binding, 0, ""},
		{"header only", lines[0], binding, 0, ""},
		{"cut line", string(whole[:len(whole)-30]), binding, 3, ""},
		{"line without end", string(whole[:len(whole)-1]), binding, 3, ""},
		{"zeros after a crash", strings.Join(lines[:3], "") + strings.Repeat("\x00", 4096), binding, 2, ""},
		{"last line damaged", strings.Join(lines[:3], "") + "{\"key\":\n", binding, 2, ""},
		{"line twice", string(whole) + lines[2], binding, 4, ""},
		{"damaged inside", lines[0] + "{\"key\":\n" + lines[1], binding, 0, "line 2 is damaged"},
		{"other input", string(whole), other(binding, func(b *fleet.Binding) { b.Input = "sha256:2" }), 0, "another input"},
		{"other work", string(whole), other(binding, func(b *fleet.Binding) { b.Work = "dns" }), 0, "begun by"},
		{"other options", string(whole), other(binding, func(b *fleet.Binding) { b.Options = "" }), 0, "options"},
		{"no journal", "joe@contoso.com", binding, 0, "another kind of file"},
		{"other JSON", "{\"schema\":\"lyncdiag.report/v1\"}\n", binding, 0, "another kind of file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			j, err := fleet.OpenJournal(path, test.binding)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("error %v, want %q", err, test.wrong)
				}
				if now, _ := os.ReadFile(path); string(now) != test.text {
					t.Error("the file was changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if j.Len() != test.left {
				t.Errorf("%d entries, want %d", j.Len(), test.left)
			}
			var again atomic.Int32
			f := fleet.Fleet{Journal: j, Ordered: true, Diagnoser: stub(func(context.Context, *lyncdiag.Env) error { again.Add(1); return nil })}
			if got := keys(t, f.Run(t.Context(), in.Jobs())); len(got) != 4 || int(again.Load()) != 4-test.left {
				t.Errorf("%v, %d looked at", got, again.Load())
			}
			j.Close()
			if j = journal(t, path, test.binding); j.Len() != 4 {
				t.Errorf("%d entries at last", j.Len())
			}
		})
	}
	if _, err := fleet.OpenJournal(t.TempDir(), binding); err == nil {
		t.Error("a folder is a journal")
	}
}
