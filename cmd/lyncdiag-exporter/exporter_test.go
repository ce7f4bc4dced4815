package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v4"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fleet"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/metrics"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lyncdiag-exporter": main})
}

var update = flag.Bool("update", false, "write the command's page anew")

//go:generate go test -run ^TestCommandPage$ -update .

// TestCommandPage holds the page in docs/commands to what the program says.
func TestCommandPage(t *testing.T) {
	cmd := command(&cli.Process{})
	file, page := filepath.Join("..", "..", "docs", "commands", cli.PageName(cmd)), cli.Page(cmd)
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != page {
		t.Errorf("%s is stale: run go generate ./... (%v)", file, err)
	}
}

// serve is the program's handler with the lab as its network.
func serve(t *testing.T, s *server) *httptest.Server {
	t.Helper()
	if s.concurrency == 0 {
		s.concurrency = 2
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	s.Anonymous = true
	session, err := s.Open(t.Context(), &cli.Process{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	web := httptest.NewServer(newHandler(s, session, slog.New(slog.DiscardHandler)))
	t.Cleanup(web.Close)
	return web
}

func get(t testing.TB, address string, header ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := new(http.Client).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(b)
}

// parsed reads metrics as Prometheus does, and holds them to its conventions.
func parsed(t testing.TB, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if !strings.HasPrefix(p.Metric, "go_") { // of Go's own collector
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	return families
}

// sample is the value of the one metric with these labels; ok is false without.
func sample(f *dto.MetricFamily, labels ...string) (value float64, ok bool) {
next:
	for _, m := range f.GetMetric() {
		for i := 0; i+1 < len(labels); i += 2 {
			if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == labels[i] && l.GetValue() == labels[i+1] }) {
				continue next
			}
		}
		if m.GetCounter() != nil {
			return m.GetCounter().GetValue(), true
		}
		return m.GetGauge().GetValue(), true
	}
	return 0, false
}

func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		lab, target, finding, outcome string
		success                       float64
	}{
		{"healthy", "joe@contoso.example", "", "healthy", 1},
		{"healthy", "contoso.example", "", "healthy", 1},
		{"adfs-mex-http-500", "joe@contoso.example", "adfs-mex-http-500", "problem", 0},
		{"adfs-mex-http-500", "contoso.example", "", "healthy", 1}, // a domain alone does not lead to its AD FS
		{"dns-sip-tls-srv-missing", "CONTOSO.example.", "dns-sip-tls-srv-missing", "problem", 0},
	} {
		t.Run(tt.lab+" "+tt.target, func(t *testing.T) {
			web := serve(t, &server{Network: cli.Network{Lab: tt.lab}})
			status, body := get(t, web.URL+"/probe?target="+url.QueryEscape(tt.target))
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			families := parsed(t, body)
			if got, ok := sample(families["probe_success"]); got != tt.success || !ok {
				t.Errorf("probe_success %v", got)
			}
			if got, _ := sample(families["lyncdiag_outcome"], "outcome", tt.outcome); got != 1 {
				t.Errorf("the outcome is not %s:\n%s", tt.outcome, body)
			}
			if got, ok := sample(families["lyncdiag_findings"], "finding", tt.finding, "severity", "failure", "caused_by", ""); tt.finding != "" && (got != 1 || !ok) {
				t.Errorf("%s is not found:\n%s", tt.finding, body)
			}
			if got, ok := sample(families["probe_duration_seconds"]); got <= 0 || !ok {
				t.Errorf("probe_duration_seconds %v", got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	web := serve(t, &server{Network: cli.Network{Lab: "healthy"}, domains: []string{"contoso.example"}})
	for _, tt := range []struct {
		query  string
		header []string
		status int
		want   string
	}{
		{query: "", status: 400, want: "/probe?target=joe@contoso.com"},
		{query: "?target=", status: 400, want: "there is no target"},
		{query: "?target=joe@", status: 400, want: "nothing after the @"},
		{query: "?target=a%20b", status: 400, want: "a b"},
		{query: "?target=http://contoso.example/", status: 400, want: "contoso.example"},
		{query: "?target=" + strings.Repeat("a", 400), status: 400, want: "longer than any address"},
		{query: "?target=joe@fabrikam.example", status: 400, want: "fabrikam.example is no domain of --domain"},
		{query: "?target=notcontoso.example", status: 400, want: "is no domain of --domain"},
		{query: "?target=joe@contoso.example", header: []string{"X-Prometheus-Scrape-Timeout-Seconds", "soon"}, status: 400, want: `"soon" is no number`},
		{query: "?target=joe@contoso.example", header: []string{"X-Prometheus-Scrape-Timeout-Seconds", "NaN"}, status: 400, want: "is no number"},
		{query: "?target=joe@contoso.example", header: []string{"X-Prometheus-Scrape-Timeout-Seconds", "-1"}, status: 400, want: "is no number"},
		{query: "?target=joe@contoso.example", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, want: "pages of other sites"},
		{query: "?target=joe@contoso.example", header: []string{"Sec-Fetch-Site", "none"}, status: 200, want: "probe_success 1"}, // typed by a person
		{query: "?target=joe@sub.contoso.example", status: 200, want: "probe_success"},
	} {
		if status, body := get(t, web.URL+"/probe"+tt.query, tt.header...); status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %q: %d %s, want %d with %q", tt.query, tt.header, status, body, tt.status, tt.want)
		}
	}
	response, err := http.Post(web.URL+"/probe?target=contoso.example", "text/plain", strings.NewReader("x"))
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", response, err)
	}
	response.Body.Close()
}

func TestDebug(t *testing.T) {
	web := serve(t, &server{Network: cli.Network{Lab: "adfs-mex-http-500"}})
	status, body := get(t, web.URL+"/probe?debug=true&target=joe@contoso.example")
	for _, want := range []string{"joe@contoso.example cannot sign in", "LD0061 adfs-mex-http-500", "\nprobe_success 0\n"} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, no %q:\n%s", status, want, body)
		}
	}
}

// TestOwnMetrics counts probes, and never their targets.
func TestOwnMetrics(t *testing.T) {
	web := serve(t, &server{Network: cli.Network{Lab: "healthy"}})
	for range 2 {
		get(t, web.URL+"/probe?target=contoso.example")
	}
	get(t, web.URL+"/probe?target=")
	_, body := get(t, web.URL+"/metrics")
	families := parsed(t, body)
	for outcome, want := range map[string]float64{"healthy": 2, "problem": 0, "unknown": 0, "given-up": 0} {
		if got, ok := sample(families["lyncdiag_exporter_probes_total"], "outcome", outcome); got != want || !ok {
			t.Errorf("%s: %v, want %v", outcome, got, want)
		}
	}
	if _, ok := sample(families["lyncdiag_exporter_build_info"], "goversion", runtime.Version()); !ok || families["go_goroutines"] == nil {
		t.Errorf("not there: %q", slices.Sorted(maps.Keys(families)))
	}
	if strings.Contains(body, "contoso") {
		t.Error("a target is in the program's own metrics")
	}
	if status, body := get(t, web.URL+"/-/healthy"); status != http.StatusOK || body != "Healthy.\n" {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, web.URL); status != http.StatusOK || !strings.Contains(body, "/probe?target=") {
		t.Errorf("%d %s", status, body)
	}
}

// TestLimit: Prometheus' patience beats --timeout, and what came too late is said.
func TestLimit(t *testing.T) {
	h := &handler{server: &server{Network: cli.Network{Timeout: 30 * time.Second}}}
	for header, want := range map[string]time.Duration{"": 30 * time.Second, "10": 9500 * time.Millisecond, "1": 900 * time.Millisecond, "120": 30 * time.Second, "1e300": 30 * time.Second, "+Inf": 30 * time.Second} {
		if got, err := h.limit(header); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", header, got, err, want)
		}
	}
	web := serve(t, &server{Network: cli.Network{Lab: "tcp-443-filtered"}})
	_, body := get(t, web.URL+"/probe?target=joe@contoso.example", "X-Prometheus-Scrape-Timeout-Seconds", "0.5")
	families := parsed(t, body)
	if got, ok := sample(families["lyncdiag_complete"]); got != 0 || !ok {
		t.Errorf("the run was not cut short:\n%s", body)
	}
	if got, ok := sample(families["probe_success"]); got != 0 || !ok {
		t.Errorf("probe_success %v", got)
	}
}

// FuzzLimit: whatever the header, no probe takes longer than --timeout.
func FuzzLimit(f *testing.F) {
	for _, header := range []string{"", "10", "1e-300", "+Inf", "NaN", "0x1p-2"} {
		f.Add(header)
	}
	h := &handler{server: &server{Network: cli.Network{Timeout: 30 * time.Second}}}
	f.Fuzz(func(t *testing.T, header string) {
		if d, err := h.limit(header); d < 0 || d > h.Timeout || err == nil && header == "0" {
			t.Errorf("%q: %v, %v", header, d, err)
		}
	})
}

// TestNoRoom: a probe waits for its turn, and not longer than its asker does.
func TestNoRoom(t *testing.T) {
	s := &server{concurrency: 1, Network: cli.Network{Lab: "healthy", Timeout: 30 * time.Second}}
	session, err := s.Open(t.Context(), &cli.Process{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	reached, release := make(chan struct{}), make(chan struct{})
	dial, once := session.Network.Dial, sync.Once{}
	session.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		once.Do(func() { close(reached) })
		<-release
		return dial(ctx, network, address)
	}
	web := httptest.NewServer(newHandler(s, session, slog.New(slog.DiscardHandler)))
	defer web.Close()
	first := make(chan string)
	go func() {
		_, body := get(t, web.URL+"/probe?target=contoso.example")
		first <- body
	}()
	<-reached
	if _, body := get(t, web.URL+"/metrics"); !strings.Contains(body, "\nlyncdiag_exporter_probes_in_flight 1\n") {
		t.Error("nothing is in flight")
	}
	status, body := get(t, web.URL+"/probe?target=contoso.example", "X-Prometheus-Scrape-Timeout-Seconds", "0.05")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "raise --concurrency") {
		t.Errorf("%d %s", status, body)
	}
	close(release)
	if body := <-first; !strings.Contains(body, "probe_success 1") {
		t.Errorf("the first probe: %s", body)
	}
	if _, body := get(t, web.URL+"/metrics"); !strings.Contains(body, `lyncdiag_exporter_probes_total{outcome="given-up"} 1`) {
		t.Error("what was given up is not counted")
	}
}

// TestGivenUp: what is logged of a probe that nobody waits for any more names its
// target as it was asked for.
func TestGivenUp(t *testing.T) {
	for _, target := range []string{"joe@contoso.example", "contoso.example"} {
		s := &server{concurrency: 1, Network: cli.Network{Lab: "healthy", Timeout: 30 * time.Second}}
		session, err := s.Open(t.Context(), &cli.Process{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		ctx, leave := context.WithCancel(t.Context())
		dial := session.Network.Dial
		session.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			leave()
			return dial(ctx, network, address)
		}
		var log bytes.Buffer
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/probe?target="+target, nil)
		newHandler(s, session, slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(httptest.NewRecorder(), request)
		if !strings.Contains(log.String(), " target="+target+" ") {
			t.Errorf("%s: %s", target, &log)
		}
	}
}

// TestProgram runs the program itself: it says where it listens, answers, and ends
// what it has begun when it is told to stop.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no signal to stop a process by")
	}
	c := exec.CommandContext(t.Context(), "lyncdiag-exporter", "--listen", "127.0.0.1:0", "--lab", "--lab-rtt", "50ms")
	c.Env = append(os.Environ(), "LYNCDIAG_EXPORTER_CONCURRENCY=3")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() {
		t.Fatal("it says nothing")
	}
	_, address, ok := strings.Cut(lines.Text(), "listening on ")
	if !ok {
		t.Fatal(lines.Text())
	}
	if status, body := get(t, address+"/-/healthy"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, address+"/-/healthy", "X-Long", strings.Repeat("a", 64<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KB of header: %d", status)
	}
	answer := make(chan string)
	go func() {
		_, body := get(t, address+"/probe?target=joe@contoso.example")
		answer <- body
	}()
	for {
		if _, body := get(t, address+"/metrics"); strings.Contains(body, "\nlyncdiag_exporter_probes_in_flight 1\n") {
			break
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if body := <-answer; !strings.Contains(body, "probe_success 1") {
		t.Errorf("a probe was cut off: %s", body)
	}
	rest := ""
	for lines.Scan() {
		rest += lines.Text()
	}
	if err := c.Wait(); err != nil || rest != "" {
		t.Errorf("%v, stderr %q", err, rest)
	}
}

func TestUsage(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", "127.0.0.1:0", "--lab"}, 0, "listening on http://127.0.0.1:"},
		{[]string{"--listen", "0.0.0.0:0", "--lab"}, 0, "warning: everybody who reaches"},
		{[]string{"--listen", "[::1]:0", "--lab", "extra"}, 2, "lyncdiag-exporter"},
		{[]string{"--listen", "nowhere"}, 2, "read --listen"},
		{[]string{"--concurrency", "0"}, 2, "read --concurrency"},
		{[]string{"--timeout", "0s"}, 2, "read --timeout"},
		{[]string{"--domain", "a b"}, 2, "read --domain"},
		{[]string{"--lab=adfs-mex-http-50"}, 2, "did you mean"},
		{[]string{"--listne", "x"}, 2, "did you mean --listen?"},
		{[]string{"--proxy-user", "joe", "--lab"}, 2, "there is no proxy"},
	} {
		var errs bytes.Buffer
		code := run(ended, tt.args, strings.NewReader(""), io.Discard, &errs, func(string) (string, bool) { return "", false })
		if code != tt.code || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%q: exit code %d, stderr %s; want %d with %q", tt.args, code, &errs, tt.code, tt.want)
		}
		if warned := strings.Contains(errs.String(), "warning"); warned != slices.Contains(tt.args, "0.0.0.0:0") {
			t.Errorf("%q: stderr %s", tt.args, &errs)
		}
	}
}

// TestEnvironment: the program has variables of its own, and what lyncdiag's are set
// to is none of its business.
func TestEnvironment(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name, value string
		code        int
		want        string
	}{
		{"LYNCDIAG_EXPORTER_DOMAIN", "a b", 2, "read --domain"},
		{"LYNCDIAG_EXPORTER_CONCURRENCY", "many", 2, "read environment variable LYNCDIAG_EXPORTER_CONCURRENCY"},
		{"LYNCDIAG_DOMAIN", "a b", 0, "listening on"},
		{"LYNCDIAG_CONCURRENCY", "many", 0, "listening on"},
	} {
		var errs bytes.Buffer
		code := run(ended, []string{"--listen", "127.0.0.1:0", "--lab"}, strings.NewReader(""), io.Discard, &errs, func(name string) (string, bool) { return tt.value, name == tt.name })
		if code != tt.code || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%s=%s: exit code %d, stderr %s; want %d with %q", tt.name, tt.value, code, &errs, tt.code, tt.want)
		}
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

// TestExamples holds what is shown to users to what there is: commands, YAML, and
// the names and labels of metrics.
func TestExamples(t *testing.T) {
	read := func(path string) string {
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page := read("docs/tasks/monitor.md")
	commands := regexp.MustCompile("(?m)(?:^|`)(lyncdiag-exporter --[^`\n]+)").FindAllStringSubmatch(page+read("examples/prometheus/prometheus.yml")+read("docs/commands/lyncdiag-exporter.md"), -1)
	if len(commands) < 3 {
		t.Errorf("only %d commands", len(commands))
	}
	for _, m := range commands {
		if err := command(&cli.Process{}).ParseFlags(strings.Fields(m[1])[1:]); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}

	labels := map[string][]string{}
	report := lyncdiag.Report{}
	families := append(metrics.Report(&report), metrics.Batch(&fleet.Summary{}, time.Time{}, 0, true)...)
	for _, f := range families {
		labels[f.Name] = f.Labels
	}
	labels["probe_success"], labels["probe_duration_seconds"] = nil, nil
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]*)\\|").FindAllStringSubmatch(page, -1) {
		listed[m[1]] = true
		want, ok := labels[m[1]]
		if got := strings.TrimSpace(m[2]); !ok || got != strings.Join(want, ", ") {
			t.Errorf("%s has the labels %q, the page says %s", m[1], want, got)
		}
	}
	for name := range labels {
		if !listed[name] {
			t.Errorf("the page does not say what %s is", name)
		}
	}

	var config struct {
		Scrape []struct {
			Job      string `yaml:"job_name"`
			Path     string `yaml:"metrics_path"`
			Interval string `yaml:"scrape_interval"`
			Timeout  string `yaml:"scrape_timeout"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read("examples/prometheus/prometheus.yml")), &config); err != nil || len(config.Scrape) != 2 || config.Scrape[0].Path != "/probe" {
		t.Fatalf("%+v, %v", config, err)
	}
	// Even if one sample is lost and the next takes all its time, a rule is to find
	// one: this is how far Prometheus looks back unless told otherwise.
	const lookBack = 5 * time.Minute
	interval, timeout := duration(t, config.Scrape[0].Interval), duration(t, config.Scrape[0].Timeout)
	if 2*interval+timeout > lookBack {
		t.Errorf("a sample every %v, each after up to %v: one is missing where a rule looks back %v", interval, timeout, lookBack)
	}
	h := &handler{server: &server{Network: cli.Network{Timeout: lyncdiag.DefaultTimeout}}}
	if limit, err := h.limit(strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64)); err != nil || limit >= timeout || timeout-limit > time.Second {
		t.Errorf("a probe may take %v of the %v that Prometheus waits, %v", limit, timeout, err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Annotations      map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read("examples/prometheus/lyncdiag.rules.yml")), &rules); err != nil || len(rules.Groups) != 1 {
		t.Fatalf("%+v, %v", rules, err)
	}
	used := regexp.MustCompile(`(\w+)(?:\{([^}]*)\})?`)
	for _, r := range rules.Groups[0].Rules {
		if r.For != "" && duration(t, r.For) < 2*interval {
			t.Errorf("%s: %s is over before a second probe", r.Alert, r.For)
		}
		own := []string{"instance", "target", "input"}
		for _, m := range used.FindAllStringSubmatch(r.Expr, -1) {
			if !strings.HasPrefix(m[1], "lyncdiag_") && !strings.HasPrefix(m[1], "probe_") {
				continue
			}
			if _, ok := labels[m[1]]; !ok {
				t.Errorf("%s: there is no metric %s", r.Alert, m[1])
			}
			own = append(own, labels[m[1]]...)
			for _, l := range regexp.MustCompile(`(\w+)=`).FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(labels[m[1]], l[1]) {
					t.Errorf("%s: %s has no label %s", r.Alert, m[1], l[1])
				}
			}
		}
		for _, l := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(fmt.Sprint(r.Annotations), -1) {
			if !slices.Contains(own, l[1]) {
				t.Errorf("%s: nothing has the label %s", r.Alert, l[1])
			}
		}
	}
}
