// Command lyncdiag-exporter diagnoses sign-in whenever Prometheus asks it to, as
// blackbox_exporter probes hosts: /probe?target=joe@contoso.com.
//
// It is a program of its own because Prometheus' libraries would take lyncdiag
// beyond its 15 MB. What the metrics are is said in lyncdiag/metrics.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lyncdiag/go-lyncdiag/cmd/internal/cli"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// release is the version of a released program, "1.2.0"; its linker sets it.
var release string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool)) int {
	cmd := command(&cli.Process{Stdin: stdin, Stderr: stderr, Env: env})
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "lyncdiag-exporter: %s\n", cli.OneLine(err))
		return 2
	}
	return 0
}

// server is what the flags say.
type server struct {
	cli.Network
	listen      string
	concurrency int
	domains     []string
	verbose     bool
}

func command(p *cli.Process) *cobra.Command {
	s := &server{Network: cli.Network{Anonymous: true}} // a password is nothing to send every minute
	cmd := &cobra.Command{
		Use:   "lyncdiag-exporter",
		Short: "Diagnose Lync sign-in whenever Prometheus asks",
		Long: `Diagnose Lync sign-in whenever Prometheus asks, in the style of blackbox_exporter.

  /probe?target=ADDRESS   the chain of one user, without a password
  /probe?target=DOMAIN    what of the chain needs no user: records, Autodiscover,
                          ports, certificates
  /metrics                this program itself
  /-/healthy              200 as long as it runs

A probe ends within Prometheus' scrape_timeout, whose default of 10 s is short for
hosts that do not answer: give it 30 s. With &debug=true it is answered by the report
as text, with the metrics below it.

Whoever may ask has this computer connect to hosts that the target's records,
certificates and services name. So it listens on loopback unless --listen says
otherwise, does nothing for pages in a browser, and with --domain takes targets of
your domains alone.

LYNCDIAG_EXPORTER_<FLAG> gives any flag its default, for example
LYNCDIAG_EXPORTER_LISTEN=127.0.0.1:9987.`,
		Example: "  lyncdiag-exporter --domain contoso.com\n" +
			"  lyncdiag-exporter --lab=adfs-mex-http-500",
		Args:          cobra.NoArgs,
		Version:       cli.Tool(release).Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			return cli.Environment(cmd.Flags(), "LYNCDIAG_EXPORTER", p.Env)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), p) },
	}
	cmd.SetFlagErrorFunc(cli.FlagError)
	cmd.SetUsageFunc(cli.Usage)
	flags := cmd.Flags()
	s.Register(flags)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9986", "`ADDRESS:PORT` to listen on; beyond loopback everybody who reaches it may ask")
	flags.IntVar(&s.concurrency, "concurrency", 4, "how many probes to run at a time; others wait for their turn")
	flags.StringArrayVar(&s.domains, "domain", nil, "take only targets of this `DOMAIN`, and of those below it; repeatable")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "log to stderr what is done")
	return cmd
}

// grace is how long probes that are under way may take when the program is told
// to stop.
const grace = 5 * time.Second

// run serves until ctx ends.
func (s *server) run(ctx context.Context, p *cli.Process) error {
	if s.concurrency < 1 {
		return errors.New("read --concurrency: want at least 1")
	}
	for i, given := range s.domains {
		domain, err := fact.ParseDomain(given)
		if err != nil {
			return fmt.Errorf("read --domain: %w", err)
		}
		s.domains[i] = domain
	}
	session, err := s.Open(ctx, p)
	if err != nil {
		return err
	}
	defer session.Close()
	session.Network.Login = new(lyncdiag.ProxyLogin) // wrong credentials are sent once, not with each probe
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("read --listen: %w", err)
	}
	if at, err := netip.ParseAddrPort(listener.Addr().String()); err != nil || !at.Addr().IsLoopback() {
		fmt.Fprintf(p.Stderr, "lyncdiag-exporter: warning: everybody who reaches %s can have hosts looked at from here\n", listener.Addr())
	}
	fmt.Fprintf(p.Stderr, "lyncdiag-exporter: listening on http://%s\n", listener.Addr())
	level := slog.LevelWarn
	if s.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: level}))
	web := &http.Server{
		Handler:           newHandler(s, session, log),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      s.Timeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if web.Shutdown(last) != nil {
		web.Close() // which ends the probes, too
	}
	return nil
}

// allowed reports whether a target's domain is one of those of --domain.
func (s *server) allowed(domain string) bool {
	for _, d := range s.domains {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	return len(s.domains) == 0
}
