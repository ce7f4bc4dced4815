package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/bundle"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/proxy"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// collection is one run of collect.
type collection struct {
	check
	userName  string
	file      string
	planOnly  bool
	reproduce bool
	yes       bool
	hide      bool  // replace by pseudonyms what is in the bundle
	logSize   int64 // megabytes of each log that are taken

	levels func() ([]traceLevel, error)

	mu   sync.Mutex
	kept []lyncdiag.Kept
	from map[string]int64 // where the window of a log begins, by path
}

func (p *program) collectCommand() *cobra.Command {
	run := &collection{check: check{program: p, plan: lyncdiag.DefaultPlan()}, levels: traceLevels}
	cmd := &cobra.Command{
		Use:   "collect [ADDRESS]",
		Short: "Write a support bundle: a report, what it rests on, and the client's logs",
		Long: `Write a support bundle for one user: the report, every fact that it rests on, DNS
answers of each resolver, ports, certificate chains, the way through Autodiscover,
MEX and federation metadata, the registrars' answers, the client's logs and what
there is to know about this computer. lyncdiag bundle and check --bundle judge it
again, to the same verdict, and a newer version may say more.

Users, hosts, addresses and secrets are replaced by pseudonyms, unless
--redact=false is given. What stands for what is written to the file of
--redact-map alone, which is not part of the bundle. Tokens and passwords are in
no bundle.

The logs of this computer's client are found on Windows; elsewhere, and for others,
give them with --log. With --reproduce the client's log level is raised, after a
question, until you have tried to sign in again, and only what was logged meanwhile
is taken.

The file appears when it is whole. The exit code is that of the report; --fail-on
never makes it 0.`,
		Example: "  lyncdiag collect joe@contoso.com --plan\n" +
			"  lyncdiag collect joe@contoso.com --file joe.zip --redact-map map.json\n" +
			"  lyncdiag bundle joe.zip",
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := run.bareLab(args); err != nil {
				return err
			}
			run.hide = p.redact || !cmd.Flags().Changed("redact")
			return run.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	run.networkFlags.register(flags)
	run.evidenceFlags.register(flags)
	run.credentialFlags.register(flags)
	flags.StringVar(&run.userName, "user-name", "", "sign-in `NAME` where it differs from the address")
	flags.StringVar(&run.ticket, "ticket", "", "`TEXT` to repeat in the report")
	flags.StringVar(&run.file, "file", "", "write the bundle to `FILE` (default lyncdiag-TIME.zip in this folder)")
	flags.BoolVar(&run.planOnly, "plan", false, "show what would be taken, and take nothing")
	flags.BoolVar(&run.reproduce, "reproduce", false, "raise the client's log level, wait until you have tried again, and take what was logged meanwhile (Windows)")
	flags.BoolVar(&run.yes, "yes", false, "raise the log level without a question")
	flags.Int64Var(&run.logSize, "log-size", 100, "take at most the last `MB` of each log")
	return cmd
}

func (c *collection) run(ctx context.Context, args []string) error {
	if c.logSize <= 0 {
		return fmt.Errorf("read --log-size: %d is not more than 0", c.logSize)
	}
	if c.yes && !c.reproduce {
		return errors.New("read --yes: it answers the question of --reproduce, and that is not given")
	}
	if len(c.logPaths) == 0 {
		c.logPaths = clientLogs(c.env)
	}
	if c.planOnly {
		return c.showPlan()
	}
	if c.reproduce {
		if err := c.tryAgain(ctx); err != nil {
			return err
		}
	}
	found, err := c.evidenceFlags.read(ctx, c.program)
	if err != nil {
		return err
	}
	if found.recorded != nil {
		return errors.New("read --bundle: a bundle of lyncdiag holds a run of its own; judge it with lyncdiag bundle")
	}
	targets, err := found.targets(&c.networkFlags, args, c.userName, c.ticket)
	if err != nil {
		return err
	}
	if len(targets) > 1 {
		return errors.New("read arguments: a bundle is about one user; say which")
	}
	s, err := c.open(ctx, c.program)
	if err != nil {
		return err
	}
	defer s.close()
	found.locate(s)
	if err := c.credentialFlags.read(ctx, c.program, &c.networkFlags, s, cmp.Or(targets[0].UserName, targets[0].Address), false); err != nil {
		return err
	}
	sinks, err := c.sinks(render.Formats("collect"), render.JSON)
	if err != nil {
		return err
	}
	place := cmp.Or(c.file, "lyncdiag-"+s.now().UTC().Format("20060102-150405")+".zip")
	bundles := &program{} // kept when it is whole, before anything is said of it
	out, err := bundles.output(place)
	if err != nil {
		return fmt.Errorf("write --file %s: %w", place, cli.Cause(err))
	}
	m, report, err := c.collect(ctx, s, targets[0], found, out)
	if err = bundles.keep(err); err != nil {
		return err
	}
	c.exit = lyncdiag.ExitCode(report, c.failOn.Value)
	return c.write(sinks, tool().Collection(place, m, report), false)
}

// collect runs the diagnosis and writes the bundle.
func (c *collection) collect(ctx context.Context, s *session, t fact.Subject, found *evidence, out io.Writer) (bundle.Manifest, *lyncdiag.Report, error) {
	c.started = true
	progress := c.startProgress("collect")
	defer progress.stop()
	d := c.diagnoser(&c.networkFlags, s, c.plan, progress.observe, found.sources)
	d.Keep = func(k lyncdiag.Kept) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.kept = append(c.kept, k)
	}
	facts, report, err := d.one(ctx, t)
	if err == nil && ctx.Err() != nil {
		err = errors.New("collect: interrupted; no bundle was written")
	}
	if err != nil {
		return bundle.Manifest{}, nil, err
	}
	w := bundle.NewWriter(out)
	w.Manifest.Tool, w.Manifest.CreatedAt, w.Manifest.Redacted = bundle.Tool{Name: "lyncdiag", Version: tool().Version}, bundle.Stamp(s.now()), c.hide
	items, missing, err := c.items(s, facts, report)
	if err != nil {
		return bundle.Manifest{}, nil, err
	}
	w.Manifest.Missing = append(w.Manifest.Missing, missing...)
	if c.hide {
		r := c.redactor()
		r.Learn(t.Address, t.UserName, t.Domain)
		for _, i := range items {
			if err := i.read(ctx, r.LearnFrom); err != nil && ctx.Err() != nil {
				return bundle.Manifest{}, nil, errors.New("collect: interrupted; no bundle was written")
			}
		}
	}
	taken := map[string]bool{}
	for _, i := range items {
		if c.hide {
			i.entry.Name, i.entry.Source = c.redactor().Text(i.entry.Name), c.redactor().Text(i.entry.Source)
		}
		i.entry.Name = unused(taken, i.entry.Name)
		progress.note("writing " + i.entry.Name)
		failed := error(nil)
		err := w.Add(i.entry, func(w io.Writer) error {
			kept := &failing{w: w}
			failed = i.read(ctx, func(in io.Reader) error {
				if c.hide {
					return c.redactor().Copy(kept, in)
				}
				_, err := io.Copy(kept, in)
				return err
			})
			return kept.err
		})
		if err == nil && ctx.Err() != nil {
			err = errors.New("collect: interrupted; no bundle was written")
		}
		if err != nil {
			return bundle.Manifest{}, nil, err
		}
		if failed != nil {
			w.Manifest.Missing = append(w.Manifest.Missing, bundle.Missing{What: i.entry.Name, Why: "it was not read to its end: " + cli.OneLine(plainly(failed))})
		}
	}
	if c.hide {
		for i := range w.Manifest.Missing {
			m := &w.Manifest.Missing[i]
			m.What, m.Why = c.redactor().Text(m.What), c.redactor().Text(m.Why)
		}
	}
	return w.Manifest, report, w.Close()
}

// failing remembers that writing failed, as reading may fail too.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(b []byte) (int, error) {
	n, err := f.w.Write(b)
	f.err = cmp.Or(f.err, err)
	return n, err
}

// unused is a name that no other file in the bundle has.
func unused(taken map[string]bool, name string) string {
	extension := path.Ext(name)
	free := name
	for n := 2; taken[strings.ToLower(free)]; n++ {
		free = strings.TrimSuffix(name, extension) + "-" + strconv.Itoa(n) + extension
	}
	taken[strings.ToLower(free)] = true
	return free
}

// item is one file that goes into the bundle, before it is redacted.
type item struct {
	entry bundle.Entry
	open  func() (io.ReadCloser, error)
}

func (i item) read(ctx context.Context, f func(io.Reader) error) error {
	in, err := i.open()
	if err != nil {
		return err
	}
	defer in.Close()
	return f(interruptible{ctx, in})
}

// planned are the files of every bundle, and what they are.
var planned = []bundle.Entry{
	{Name: "report.json", Source: "this run"}, {Name: "report.txt", Source: "this run"}, {Name: "facts.json", Source: "this run"},
	{Name: "system.json", Source: "this computer"}, {Name: "dns.json", Source: "the resolvers"}, {Name: "autodiscover.json", Source: "the Autodiscover services"},
	{Name: "ports.json", Source: "the hosts of the chain"}, {Name: "registrars/", Source: "the registrars, without signing in"}, {Name: "tls/", Source: "chains that hosts show"},
	{Name: "autodiscover/", Source: "answers of the Autodiscover services"}, {Name: "mex/", Source: "metadata exchange of AD FS"}, {Name: "metadata/", Source: "federation metadata of AD FS"},
}

// showPlan says what would be taken.
func (c *collection) showPlan() error {
	return c.document("collect", func() render.Document {
		m := bundle.Manifest{Redacted: c.hide, Entries: slices.Clone(planned)}
		logs, err := bundle.Logs{Paths: c.logPaths}.Texts()
		for _, l := range logs {
			m.Entries = append(m.Entries, bundle.Entry{Name: "logs/" + logName(l.Path), Source: l.Path, Note: c.sizeNote(l.Path)})
		}
		if err != nil {
			m.Missing = append(m.Missing, bundle.Missing{What: "logs", Why: cli.OneLine(err)})
		}
		if len(c.logPaths) == 0 {
			m.Missing = append(m.Missing, noLogs())
		}
		return tool().Collection("", m, nil)
	})
}

func noLogs() bundle.Missing {
	return bundle.Missing{What: "logs", Why: "no log of the client was found on this computer; give one with --log"}
}

func logName(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	return strings.TrimSuffix(path.Base(p[strings.LastIndexByte(p, '!')+1:]), ".gz")
}

// sizeNote says that a log is longer than what is taken of it.
func (c *collection) sizeNote(p string) string {
	info, err := os.Stat(p)
	if err != nil || !info.Mode().IsRegular() || info.Size()-c.from[p] <= c.logSize<<20 {
		return ""
	}
	return fmt.Sprintf("the last %d MB of %d", c.logSize, info.Size()>>20)
}

// items are the files of the bundle, and what could not be had.
func (c *collection) items(s *session, facts *fact.Facts, report *lyncdiag.Report) ([]item, []bundle.Missing, error) {
	var list []item
	var missing []bundle.Missing
	add := func(name, source string, content []byte) {
		list = append(list, item{bundle.Entry{Name: name, Source: source}, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }})
	}
	var failed error
	document := func(name, source string, f render.Format, d render.Document) {
		var b bytes.Buffer
		failed = cmp.Or(failed, d.Write(&b, f, render.Options{Width: 100}))
		add(name, source, b.Bytes())
	}
	var record bytes.Buffer
	if err := fact.Encode(&record, facts); err != nil {
		return nil, nil, err
	}
	whole := tool().Report(report, lyncdiag.ExitCode(report, c.failOn.Value))
	document("report.json", "this run", render.JSON, whole)
	document("report.txt", "this run", render.Text, whole)
	add("facts.json", "this run", record.Bytes())
	document("system.json", "this computer", render.JSON, c.system(s))
	if facts.Has(fact.DNSKey.Name()) {
		document("dns.json", "the resolvers", render.JSON, tool().DNS(facts, report))
	} else {
		missing = append(missing, bundle.Missing{What: "dns.json", Why: "nothing was looked up"})
	}
	if facts.Has(fact.WalkKey.Name()) {
		document("autodiscover.json", "the Autodiscover services", render.JSON, tool().Autodiscover(facts, report))
	} else {
		missing = append(missing, bundle.Missing{What: "autodiscover.json", Why: "nobody went the way through Autodiscover"})
	}
	if ports := portsSeen(facts); len(ports) > 0 {
		document("ports.json", "the hosts of the chain", render.JSON, tool().Port(ports))
	} else {
		missing = append(missing, bundle.Missing{What: "ports.json", Why: "no connection was tried"})
	}
	candidates, _, _ := fact.Get(facts, fact.CandidatesKey)
	clock, _, _ := fact.Get(facts, fact.ClockKey)
	for _, candidate := range candidates {
		if candidate.SIP != nil {
			at := net.JoinHostPort(candidate.Host, strconv.Itoa(int(candidate.Port)))
			document("registrars/"+fileName(candidate.Host, candidate.Port)+".json", at, render.JSON, tool().SIP(at, candidate, clock, report))
		}
	}
	if failed != nil {
		return nil, nil, failed
	}
	list = append(list, c.seen()...)
	logs, absent := c.logs()
	return append(list, logs...), append(missing, absent...), nil
}

// fileName is a host and port as part of a file's name.
func fileName(host string, port uint16) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:/\*?"<>|%`, r) || r < ' ' {
			return '_'
		}
		return r
	}, host) + "_" + strconv.Itoa(int(port))
}

// seen are chains and documents as they were shown. Answers to credentials are
// not among them.
func (c *collection) seen() []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []item
	known := map[string]bool{}
	add := func(name, source string, content []byte) {
		if key := name + string(content); !known[key] && len(content) > 0 {
			known[key] = true
			list = append(list, item{bundle.Entry{Name: name, Source: source}, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }})
		}
	}
	for _, k := range c.kept {
		if len(k.Chain) > 0 {
			var chain []byte
			for _, certificate := range k.Chain {
				chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
			}
			add("tls/"+fileName(k.Host, k.Port)+".pem", net.JoinHostPort(k.Host, strconv.Itoa(int(k.Port))), chain)
			continue
		}
		address := strings.ToLower(k.URL)
		source := fmt.Sprintf("%s %s, %d %s", k.Method, k.URL, k.Status, k.ContentType)
		switch {
		case strings.HasSuffix(address, "/mex"):
			add("mex/"+strings.ToLower(k.Method)+".xml", source, k.Body)
		case strings.Contains(address, "federationmetadata"):
			add("metadata/federationmetadata.xml", source, k.Body)
		case k.Method == "GET" && strings.Contains(address, "autodiscover"), k.Method == "GET" && strings.Contains(address, "lyncdiscover"):
			extension := ".txt"
			for _, word := range []string{"json", "xml", "html"} {
				if strings.Contains(strings.ToLower(k.ContentType), word) {
					extension = "." + word
				}
			}
			add("autodiscover/answer"+extension, source, k.Body)
		}
	}
	slices.SortStableFunc(list, func(a, b item) int {
		return cmp.Or(strings.Compare(a.entry.Name, b.entry.Name), strings.Compare(a.entry.Source, b.entry.Source))
	})
	return list
}

// logs are the client's logs, of each no more than --log-size.
func (c *collection) logs() ([]item, []bundle.Missing) {
	var missing []bundle.Missing
	if len(c.logPaths) == 0 {
		missing = append(missing, noLogs())
	}
	texts, err := bundle.Logs{Paths: c.logPaths}.Texts()
	if err != nil {
		missing = append(missing, bundle.Missing{What: "logs", Why: cli.OneLine(err)})
	}
	if slices.Contains(c.logPaths, "-") {
		missing = append(missing, bundle.Missing{What: "logs", Why: "standard input was read once, for the report"})
	}
	var list []item
	limit := c.logSize << 20
	for _, t := range texts {
		list = append(list, item{bundle.Entry{Name: "logs/" + logName(t.Path), Source: t.Path, Note: c.sizeNote(t.Path)}, func() (io.ReadCloser, error) {
			if in, ok := c.tail(t.Path, limit); ok {
				return in, nil
			}
			in, err := t.Open()
			if err != nil {
				return nil, err
			}
			return struct {
				io.Reader
				io.Closer
			}{io.LimitReader(in, limit), in}, nil
		}})
	}
	return list, missing
}

// tail opens the end of a file that is no archive: from where its window begins,
// or as much as is taken of it.
func (c *collection) tail(p string, limit int64) (io.ReadCloser, bool) {
	file, err := os.Open(p)
	if err != nil {
		return nil, false
	}
	info, err := file.Stat()
	start := c.from[p]
	if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(strings.ToLower(p), ".gz") {
		file.Close()
		return nil, false
	}
	if info.Size() < start {
		start = 0 // the client began anew
	}
	start = max(start, info.Size()-limit)
	in := bufio.NewReader(io.NewSectionReader(file, start, info.Size()-start))
	if start > 0 && start != c.from[p] {
		in.ReadSlice('\n') // what is left of a line
	}
	return struct {
		io.Reader
		io.Closer
	}{in, file}, true
}

// system is what there is to know about this computer.
func (c *collection) system(s *session) render.Document {
	hostname, _ := os.Hostname()
	var resolvers, proxies []string
	servers := s.network.DNS
	if servers == nil {
		servers, _ = dnscheck.SystemServers()
	}
	for _, r := range servers {
		resolvers = append(resolvers, strings.TrimSpace(r.Name+" "+r.Address()))
	}
	if s.network.Proxy != nil {
		proxies = append(proxies, s.network.ProxyFrom+": "+s.network.Proxy.Redacted())
	} else if settings, err := proxy.System(c.env); err == nil && !s.network.Simulated {
		for _, set := range settings {
			if set.Server != nil {
				proxies = append(proxies, set.Source+": "+set.Server.Redacted())
			}
		}
	}
	return tool().System(hostname, s.now(), resolvers, proxies)
}

// now is the time by the clock of the run.
func (s *session) now() time.Time {
	if s.network.Now != nil {
		return s.network.Now()
	}
	return time.Now()
}

// portsSeen are the hosts and ports that were looked at, each once.
func portsSeen(f *fact.Facts) []render.PortResult {
	var list []render.PortResult
	paths, _, _ := fact.Get(f, fact.PathsKey)
	add := func(e fact.Endpoint, o fact.Origin) {
		if e.Host == "" || e.Reach.Status == "" || slices.ContainsFunc(list, func(r render.PortResult) bool { return r.Host == e.Host && r.Port == e.Port }) {
			return
		}
		r := render.PortResult{Endpoint: e, Simulated: o.Kind == fact.Lab}
		for _, p := range paths {
			if p.Host == e.Host && p.Port == e.Port {
				r.Families = p.Families
			}
		}
		list = append(list, r)
	}
	if hosts, o, ok := fact.Get(f, fact.WebHostsKey); ok {
		for _, e := range hosts {
			add(e, o)
		}
	}
	if candidates, o, ok := fact.Get(f, fact.CandidatesKey); ok {
		for _, e := range candidates {
			add(e.Endpoint, o)
			for _, h := range e.Hops {
				add(h.Endpoint, o)
			}
		}
	}
	for _, k := range []fact.Key[fact.Endpoint]{fact.LoginKey, fact.FederationKey} {
		if e, o, ok := fact.Get(f, k); ok {
			add(e, o)
		}
	}
	return list
}

// clientLogs are the logs of this computer's Lync client, where its versions keep
// them (KB 2604292).
func clientLogs(env func(string) (string, bool)) []string {
	var list []string
	for _, place := range []struct{ variable, below string }{
		{"USERPROFILE", filepath.Join("Tracing", "*")},
		{"LOCALAPPDATA", filepath.Join("Microsoft", "Office", "15.0", "Lync", "Tracing", "*")},
		{"LOCALAPPDATA", filepath.Join("Microsoft", "Office", "16.0", "Lync", "Tracing", "*")},
	} {
		folder, ok := env(place.variable)
		if !ok || folder == "" {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(folder, place.below))
		for _, f := range files {
			name := strings.TrimSuffix(strings.ToLower(f), ".bak")
			if strings.HasSuffix(name, ".uccapilog") || strings.HasSuffix(name, ".uccplog") {
				list = append(list, f)
			}
		}
	}
	return list
}
