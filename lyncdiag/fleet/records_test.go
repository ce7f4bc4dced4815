package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// recordsFleet looks at records in a lab, through its first resolver.
func recordsFleet(t *testing.T, faults ...string) *fleet.Fleet {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Config{Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	network := l.Network()
	cloud := dnscheck.CloudHosts("")
	return &fleet.Fleet{
		Diagnoser: &lyncdiag.Diagnoser{Network: network, Setting: l.Setting(), Plan: lyncdiag.DefaultPlan().Only("dns")},
		Records:   &dnscheck.Batch{Server: network.DNS[0], Dial: network.DialContext, Now: network.Now, Hosts: []string{cloud.Web, cloud.SIP, cloud.Login[0]}},
	}
}

func domains(t *testing.T, lines ...string) *fleet.Input {
	t.Helper()
	in, err := fleet.ReadDomains(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestRecordsAsTheWholeStage: what is found of the four records in a batch is what
// the stage dns finds, for every fault of the lab's zones.
func TestRecordsAsTheWholeStage(t *testing.T) {
	beyond := map[string]string{
		"dns-wildcard-answer":          "a name that cannot exist is asked for only where a host leads elsewhere",
		"dns-internal-external-differ": "one resolver has one view",
	}
	seen := map[string]bool{}
	for _, fault := range lab.Faults() {
		if fault.Expected != "" && !strings.HasPrefix(fault.Name, "dns-") || beyond[fault.Name] != "" {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			f := recordsFleet(t, fault.Name)
			subject := lyncdiag.Target{Domain: "contoso.example"}
			report, err := f.Diagnoser.Run(t.Context(), subject)
			if err != nil {
				t.Fatal(err)
			}
			for r, err := range f.Run(t.Context(), domains(t, subject.Domain).Jobs()) {
				if err != nil {
					t.Fatal(err)
				}
				if got, want := summary(r.Report), summary(report); got != want {
					t.Errorf("%s\nwant as the stage has it\n%s", got, want)
				}
				for _, name := range r.Findings {
					seen[name] = true
				}
			}
		})
	}
	if len(seen) < 12 {
		t.Errorf("only %d findings were there to compare", len(seen))
	}
}

func summary(r *lyncdiag.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %d %t, stage %s %s\n", r.Verdict.Outcome, r.Verdict.Primary, lyncdiag.ExitCode(r, "warning"), r.Complete, r.Stages[0].ID, r.Stages[0].Status)
	for _, x := range r.Findings {
		fmt.Fprintf(&b, "%s %s %s %s by %q", x.Name, x.Type, x.Severity, x.Confidence, x.CausedBy)
		for _, e := range x.Evidence {
			fmt.Fprintf(&b, " %s=%s", e.Key, e.Value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestRecordsOfMany: in the order of the input, lines that are no domain among them,
// each once; what the journal knows is not asked for again.
func TestRecordsOfMany(t *testing.T) {
	lines := []string{"contoso.example", "no-such-domain.example", "not a domain", "lync.com"}
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("d%d.example", i))
	}
	in := domains(t, lines...)
	path := filepath.Join(t.TempDir(), "journal")
	for round := range 2 {
		f := recordsFleet(t)
		f.Ordered, f.Journal = true, journal(t, path, fleet.Binding{Input: in.Sum()})
		f.Document = func(*fact.Facts, *lyncdiag.Report) (json.RawMessage, int, error) {
			return json.RawMessage("{}"), 0, nil
		}
		n := 0
		for r, err := range f.Run(t.Context(), in.Jobs()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if r.Line != n || r.Resumed != (round == 1) {
				t.Fatalf("result %d is of line %d, resumed %t", n, r.Line, r.Resumed)
			}
			missing := n != 1 && lines[n-1] != "not a domain" && lines[n-1] != "lync.com"
			if got := slices.Contains(r.Findings, "dns-domain-missing"); got != missing {
				t.Errorf("%s: missing %t, want %t", lines[n-1], got, missing)
			}
		}
		if n != len(lines) {
			t.Errorf("%d results of %d lines", n, len(lines))
		}
		f.Journal.Close()
	}
}

// TestRecordsNamedTwice: of two targets of one domain both have their result.
func TestRecordsNamedTwice(t *testing.T) {
	f := recordsFleet(t)
	target := lyncdiag.Target{Domain: "contoso.example"}
	jobs := func(yield func(fleet.Job, error) bool) {
		for range 3 {
			if !yield(fleet.Job{Target: target}, nil) {
				return
			}
		}
	}
	if got := keys(t, f.Run(t.Context(), jobs)); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"#1", "#2", "#3"}) {
		t.Errorf("results of %v", got)
	}
}

// TestRecordsOfAnyDomain: domains need not be written as DNS has them.
func TestRecordsOfAnyDomain(t *testing.T) {
	f := recordsFleet(t)
	f.Ordered = true
	want := []string{"contoso.example", "Contoso.EXAMPLE", "b\u00fccher.example", "not a domain"}
	jobs := func(yield func(fleet.Job, error) bool) {
		for _, domain := range want {
			if !yield(fleet.Job{Key: domain, Target: lyncdiag.Target{Domain: domain}}, nil) {
				return
			}
		}
	}
	if got := keys(t, f.Run(t.Context(), jobs)); !slices.Equal(got, want) {
		t.Errorf("results of %q, want %q", got, want)
	}
}

// TestRecordsGivenUp: when the caller has enough, or its context ends, the run ends
// without an error and what was not looked at is not yielded.
func TestRecordsGivenUp(t *testing.T) {
	lines := make([]string, 1000)
	for i := range lines {
		lines[i] = fmt.Sprintf("d%d.example", i)
	}
	in := domains(t, lines...)
	for _, way := range []string{"break", "cancel"} {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		for _, err := range recordsFleet(t).Run(ctx, in.Jobs()) {
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			if n++; n == 10 {
				if way == "break" {
					break
				}
				cancel()
			}
		}
		cancel()
		if n < 10 || n == len(lines) {
			t.Errorf("%s: %d results", way, n)
		}
	}
}
