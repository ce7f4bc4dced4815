package metrics_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/lyncdiag/go-lyncdiag/certs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

func report() *lyncdiag.Report {
	mex := lyncdiag.Finding{Spec: lyncdiag.Spec{Name: "adfs-mex-http-500", Type: kb.Identity, Severity: kb.Failure, Owner: kb.ADFSAdmin}}
	explained := lyncdiag.Finding{Spec: lyncdiag.Spec{Name: "trust-no-token", Type: kb.Identity, Severity: kb.Failure, Owner: kb.ADFSAdmin}, CausedBy: mex.Name}
	known, suppressed := mex, mex
	known.Known, suppressed.Suppressed = true, mex.Name
	shown := &certs.Result{Chain: []certs.Certificate{{NotAfter: at.Add(time.Hour)}, {NotAfter: at}}}
	return &lyncdiag.Report{
		Started: at, Duration: 1500 * time.Millisecond, Complete: true,
		Stages: []lyncdiag.StageResult{
			{ID: "dns", Status: lyncdiag.Passed, Duration: 20 * time.Millisecond}, {ID: "tls", Status: lyncdiag.Warned, Duration: 5 * time.Millisecond},
			{ID: "adfs.mex", Status: lyncdiag.Failed, Duration: time.Second}, {ID: "sip", Status: lyncdiag.Unknown}, {ID: "realm", Status: lyncdiag.Errored, Duration: 5 * time.Second},
			{ID: "token", Status: lyncdiag.Skipped}, {ID: "log", Status: lyncdiag.Passed, Input: true},
		},
		Findings: []lyncdiag.Finding{mex, mex, explained, known, suppressed},
		Hosts: []fact.Endpoint{{Host: "sip.contoso.com", Port: 443, TLS: shown}, {Host: "sip.contoso.com", Port: 443, TLS: shown}, {Host: "sip.contoso.com", Port: 5061, TLS: shown},
			{Host: "dead.contoso.com", Port: 443}, {Host: "mute.contoso.com", Port: 443, TLS: &certs.Result{}}},
		Verdict: lyncdiag.Verdict{Outcome: lyncdiag.Problem, Primary: mex.Name},
	}
}

func summary() *fleet.Summary {
	var s fleet.Summary
	s.Add(fleet.Result{Outcome: lyncdiag.Healthy, Complete: true})
	s.Add(fleet.Result{Outcome: lyncdiag.Problem, Complete: true, Findings: []string{"adfs-mex-http-500", "finding-of-another-version"}})
	s.Add(fleet.Result{Outcome: lyncdiag.Problem, Complete: true, Findings: []string{"adfs-mex-http-500"}, Silenced: []string{"adfs-mex-http-500"}})
	s.Add(fleet.Result{Outcome: lyncdiag.Undecided})
	return &s
}

func written(t testing.TB, families []metrics.Family, label, value string) string {
	t.Helper()
	var b bytes.Buffer
	if err := metrics.Write(&b, families, label, value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// parsed reads text as Prometheus' own agents do.
func parsed(t testing.TB, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families
}

// lint is promtool check metrics.
func lint(t testing.TB, text string) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestGolden(t *testing.T) {
	for name, got := range map[string]string{
		"report.prom": written(t, metrics.Report(report()), "target", "joe@contoso.com"),
		"batch.prom":  written(t, metrics.Batch(summary(), at, time.Minute, true), "input", "users.csv"),
	} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil || got != string(want) {
			t.Errorf("%s differs (%v); got:\n%s", name, err, got)
		}
		lint(t, got)
		parsed(t, got)
	}
}

// TestLab: whatever is wrong, Prometheus reads the metrics to what the report says.
func TestLab(t *testing.T) {
	for _, fault := range []string{"healthy", "healthy-server", "adfs-mex-http-500", "dns-domain-missing", "network-offline", "tls-intercepted", "trust-bad-credentials"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(t.Context(), lab.Config{Faults: []string{fault}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			d := lyncdiag.Diagnoser{Network: l.Network(), Setting: l.Setting(), Credentials: l.Credentials(), Sources: l.Sources()}
			r, err := d.Run(t.Context(), fact.Subject{Address: "joe@contoso.example", Domain: "contoso.example"})
			if err != nil {
				t.Fatal(err)
			}
			text := written(t, metrics.Report(r), "target", r.Target.Address)
			lint(t, text)
			families := parsed(t, text)
			found := map[string]bool{}
			for _, m := range families["lyncdiag_findings"].GetMetric() {
				found[value(m, "finding")] = true
			}
			for _, f := range r.Findings {
				if !found[f.Name] {
					t.Errorf("%s has no sample", f.Name)
				}
			}
			for _, m := range families["lyncdiag_outcome"].GetMetric() {
				if holds := value(m, "outcome") == string(r.Verdict.Outcome); holds != (m.GetGauge().GetValue() == 1) {
					t.Errorf("the outcome is %s: %v", r.Verdict.Outcome, m)
				}
			}
			looked := families["lyncdiag_stage_success"].GetMetric()
			if len(looked) == 0 || fault == "healthy" && slices.ContainsFunc(looked, func(m *dto.Metric) bool { return m.GetGauge().GetValue() != 1 }) {
				t.Errorf("stages: %v", looked)
			}
		})
	}
}

func value(m *dto.Metric, label string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == label {
			return l.GetValue()
		}
	}
	return ""
}

func TestWriteFails(t *testing.T) {
	if err := metrics.Write(full{}, metrics.Report(report()), "target", ""); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

var errFull = errors.New("no space left on device")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzWrite: Prometheus' parser reads back every label and value.
func FuzzWrite(f *testing.F) {
	f.Add("joe@contoso.com", "a\"b\\n\n\\", 0.1)
	f.Add("\xff", "\u00fc\r\t", math.Inf(-1))
	f.Fuzz(func(t *testing.T, target, label string, number float64) {
		text := written(t, []metrics.Family{{Name: "a", Help: "b", Labels: []string{"c"}, Samples: []metrics.Sample{{Values: []string{label}, Value: number}}}}, "target", target)
		m := parsed(t, text)["a"].GetMetric()
		if len(m) != 1 {
			t.Fatalf("%d samples of %q", len(m), text)
		}
		for name, want := range map[string]string{"target": target, "c": label} {
			if got := value(m[0], name); got != strings.ToValidUTF8(want, "\uFFFD") || !utf8.ValidString(got) {
				t.Errorf("%s: %q, want %q, of %q", name, got, want, text)
			}
		}
		if got := m[0].GetGauge().GetValue(); got != number && !(math.IsNaN(got) && math.IsNaN(number)) {
			t.Errorf("%v, want %v", got, number)
		}
	})
}
