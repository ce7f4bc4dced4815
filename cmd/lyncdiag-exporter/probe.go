package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// handler answers Prometheus.
type handler struct {
	*server
	session *cli.Session
	log     *slog.Logger
	slots   chan struct{} // bounds probes at a time

	probes   *prometheus.CounterVec
	inFlight prometheus.Gauge
}

func newHandler(s *server, session *cli.Session, log *slog.Logger) http.Handler {
	h := &handler{
		server: s, session: session, log: log, slots: make(chan struct{}, s.concurrency),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lyncdiag_exporter_probes_total",
			Help: "Probes by outcome: healthy, problem, unknown, or given-up where the asker left or its time was over before there was room."}, []string{"outcome"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lyncdiag_exporter_probes_in_flight", Help: "Probes that are running."}),
	}
	for _, o := range []string{string(lyncdiag.Healthy), string(lyncdiag.Problem), string(lyncdiag.Undecided), givenUp} {
		h.probes.WithLabelValues(o)
	}
	tool := cli.Tool(release)
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "lyncdiag_exporter_build_info", Help: "Always 1; its labels say what this program is.",
		ConstLabels: prometheus.Labels{"version": tool.Version, "revision": tool.Commit, "goversion": runtime.Version()}})
	build.Set(1)
	own := prometheus.NewRegistry()
	own.MustRegister(h.probes, h.inFlight, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /probe", h.probe)
	mux.Handle("GET /metrics", promhttp.HandlerFor(own, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Healthy.\n") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "lyncdiag-exporter "+tool.Version+"\n\n/probe?target=joe@contoso.com\n/probe?target=contoso.com&debug=true\n/metrics\n/-/healthy\n")
	})
	return guarded(mux)
}

// givenUp is the outcome of a probe that came to nothing.
const givenUp = "given-up"

// guarded keeps pages in a browser on this computer from asking through it: their
// requests say where they come from.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
			http.Error(w, "pages of other sites may not ask", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// probe diagnoses a target.
func (h *handler) probe(w http.ResponseWriter, r *http.Request) {
	target, err := h.target(r.URL.Query().Get("target"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	limit, err := h.limit(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		h.probes.WithLabelValues(givenUp).Inc()
		http.Error(w, fmt.Sprintf("%d probes are running, and there was no room for this one in time: raise --concurrency or the interval", h.concurrency), http.StatusServiceUnavailable)
		return
	}
	h.inFlight.Inc()
	defer h.inFlight.Dec()
	report, err := h.diagnose(r.Context(), target, limit-time.Since(began))
	if err == nil {
		err = context.Cause(r.Context())
	}
	if err != nil {
		h.probes.WithLabelValues(givenUp).Inc()
		h.log.Warn("no diagnosis", "target", cmp.Or(target.Address, target.Domain), "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.probes.WithLabelValues(string(report.Verdict.Outcome)).Inc()
	results := resultsOf(report, time.Since(began))
	if r.URL.Query().Get("debug") == "true" {
		h.debug(w, report, results)
		return
	}
	promhttp.HandlerFor(results, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// diagnose runs what there is to run of a target.
func (h *handler) diagnose(ctx context.Context, target fact.Subject, limit time.Duration) (*lyncdiag.Report, error) {
	plan := lyncdiag.DefaultPlan()
	if target.Address == "" {
		plan = plan.Only("proxy", "control", "dns", "autodiscover", "tls", "revocation", "paths", "clock")
	}
	d := &lyncdiag.Diagnoser{Network: h.session.Network, Setting: h.session.Setting, Plan: plan, Sources: h.session.Sources, Timeout: max(limit, time.Millisecond), Log: h.log}
	return d.Run(ctx, target)
}

// target reads an address or a domain.
func (h *handler) target(text string) (fact.Subject, error) {
	var target fact.Subject
	var err error
	switch {
	case text == "":
		return target, errors.New("there is no target: ask for /probe?target=joe@contoso.com or /probe?target=contoso.com")
	case len(text) > 320: // RFC 3696's erratum: 64 + 1 + 255
		return target, errors.New("the target is longer than any address")
	case strings.Contains(text, "@"):
		target, err = fact.ParseAddress(text)
	default:
		target.Domain, err = fact.ParseDomain(text)
	}
	if err == nil && !h.allowed(target.Domain) {
		err = fmt.Errorf("%s is no domain of --domain", target.Domain)
	}
	return target, err
}

// limit is how long a probe may take: --timeout, or what Prometheus waits if that
// is less. Some of its time is left for the way back.
func (h *handler) limit(header string) (time.Duration, error) {
	if header == "" {
		return h.Timeout, nil
	}
	wait, err := strconv.ParseFloat(header, 64)
	if err != nil || !(wait > 0) {
		return 0, fmt.Errorf("X-Prometheus-Scrape-Timeout-Seconds: %q is no number of seconds", header)
	}
	wait -= min(0.5, wait/10)
	if wait >= h.Timeout.Seconds() {
		return h.Timeout, nil
	}
	return time.Duration(wait * float64(time.Second)), nil
}

// debug writes the report for a person, and the metrics below it.
func (h *handler) debug(w http.ResponseWriter, report *lyncdiag.Report, results prometheus.Gatherer) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	document := cli.Tool(release).Report(report, lyncdiag.ExitCode(report, "failure"))
	families, err := results.Gather()
	if err == nil {
		err = document.Write(w, render.Text, render.Options{Width: 100})
	}
	for _, f := range families {
		if err == nil {
			_, err = io.WriteString(w, "\n")
		}
		if err == nil {
			_, err = expfmt.MetricFamilyToText(w, f)
		}
	}
	if err != nil {
		h.log.Warn("write answer", "error", err)
	}
}

// resultsOf are the metrics of one probe.
func resultsOf(report *lyncdiag.Report, took time.Duration) *prometheus.Registry {
	families := append(metrics.Report(report),
		metrics.Family{Name: "probe_success", Help: "Whether sign-in was found healthy (1), or has a problem or could not be decided (0); see lyncdiag_outcome.",
			Samples: []metrics.Sample{{Value: map[bool]float64{true: 1}[report.Verdict.Outcome == lyncdiag.Healthy && report.Complete]}}},
		metrics.Family{Name: "probe_duration_seconds", Help: "How long the probe took, with the wait for its turn.",
			Samples: []metrics.Sample{{Value: took.Seconds()}}})
	results := prometheus.NewRegistry()
	results.MustRegister(gauges(families))
	return results
}

// gauges hands families to Prometheus' library.
type gauges []metrics.Family

// Describe is of prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, f := range g {
		to <- prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
	}
}

// Collect is of prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	for _, f := range g {
		about := prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		for _, s := range f.Samples {
			m, err := prometheus.NewConstMetric(about, prometheus.GaugeValue, s.Value, s.Values...)
			if err != nil {
				m = prometheus.NewInvalidMetric(about, err)
			}
			to <- m
		}
	}
}
