package lyncdiag_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestHostileAutodiscover puts what no Autodiscover service says behind
// lyncdiscover. It is named, limits hold, and the rest of the run goes on.
func TestHostileAutodiscover(t *testing.T) {
	const discover = "127.0.1.2:80" // of the lab's Lync Online, over plain HTTP
	var sent atomic.Int64
	counted := func(w http.ResponseWriter, text []byte) bool {
		n, err := w.Write(text)
		sent.Add(int64(n))
		return err == nil
	}
	head := func(w http.ResponseWriter, contentType string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(http.StatusOK)
	}
	for name, hostile := range map[string]struct {
		answer http.HandlerFunc
		want   string // finding
		detail string
	}{
		"a gigabyte": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "application/xml")
			for block := bytes.Repeat([]byte(" "), 1<<16); sent.Load() < 1<<30 && counted(w, block); {
			}
		}, "autodiscover-not-autodiscover", "larger than"},
		"a gzip bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			head(w, "application/xml")
			z := gzip.NewWriter(w)
			for block := make([]byte, 1<<20); sent.Load() < 1<<28; sent.Add(1 << 20) {
				if _, err := z.Write(block); err != nil {
					return
				}
			}
			_ = z.Close()
		}, "autodiscover-not-autodiscover", "larger than"},
		"a drip": {func(w http.ResponseWriter, r *http.Request) {
			head(w, "application/xml")
			for counted(w, []byte(" ")) && http.NewResponseController(w).Flush() == nil {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(time.Second):
				}
			}
		}, "autodiscover-not-autodiscover", "broke off"},
		"a page that calls itself XML": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "application/vnd.microsoft.rtc.autodiscover+xml; v=1")
			counted(w, []byte("<html><body>Welcome</body></html>"))
		}, "autodiscover-not-autodiscover", "HTML page"},
		"an image": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "image/png")
			counted(w, []byte("\x89PNG\r\n\x1a\n\x00\x00"))
		}, "autodiscover-not-autodiscover", "neither XML nor JSON"},
		"a link to a file": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "application/xml")
			counted(w, []byte(`<AutodiscoverResponse><Root><Link token="Redirect" href="file:///c:/windows/win.ini"/></Root></AutodiscoverResponse>`))
		}, "autodiscover-not-autodiscover", "scheme file"},
		"a link into a private network": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://192.168.0.1/admin", http.StatusFound)
		}, "autodiscover-not-autodiscover", "private network"},
		"a million links": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "application/xml")
			counted(w, []byte("<AutodiscoverResponse><Root>"+strings.Repeat(`<Link token="a" href="b"/>`, 1<<13)+"</Root></AutodiscoverResponse>"))
		}, "autodiscover-not-autodiscover", "neither a redirect nor a User resource"},
		"a web ticket over plain HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-MS-WebTicketURL", "http://fabrikam.example/ticket")
			w.WriteHeader(http.StatusUnauthorized)
		}, "autodiscover-not-autodiscover", "over plain HTTP"},
		"a user's document over plain HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			head(w, "application/xml")
			counted(w, []byte(`<AutodiscoverResponse><User><SipClientExternalAccess fqdn="sip.fabrikam.example" port="443"/></User></AutodiscoverResponse>`))
		}, "autodiscover-not-autodiscover", "over plain HTTP"},
		"a link to a host that does not exist": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://nowhere.fabrikam.example/", http.StatusFound)
		}, "autodiscover-not-found", "nowhere.fabrikam.example"},
		"headers without end": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
			for sent.Load() < 1<<26 {
				n, err := fmt.Fprintf(conn, "X-%d: %s\r\n", sent.Load(), strings.Repeat("a", 1<<12))
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		}, "autodiscover-certificate-invalid", "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			sent.Store(0)
			synctest.Test(t, func(t *testing.T) {
				_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
					dial := d.Network.Dial
					d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						if address != discover || network != "tcp" {
							return dial(ctx, network, address)
						}
						near, far := net.Pipe()
						go (&http.Server{Handler: hostile.answer, ErrorLog: log.New(io.Discard, "", 0)}).Serve(&onePipe{conn: far})
						return near, nil
					}
				})
				if !report.Complete || report.Duration > lyncdiag.DefaultExchange+2*time.Second {
					t.Errorf("complete %t after %v", report.Complete, report.Duration)
				}
				if sent.Load() > 64<<20 && name != "a gzip bomb" {
					t.Errorf("%d bytes were taken", sent.Load())
				}
				var details []string
				for _, f := range report.Findings {
					if f.Name == hostile.want {
						for _, e := range f.Evidence {
							details = append(details, e.Value)
						}
					}
				}
				for _, h := range report.Walk.Hops {
					details = append(details, h.Detail)
				}
				if hostile.want != "" && !slices.Contains(rootNames(report), hostile.want) || !slices.ContainsFunc(details, func(s string) bool { return strings.Contains(s, hostile.detail) }) {
					t.Errorf("want %s with %q:\n%s", hostile.want, hostile.detail, describe(report))
				}
				for _, s := range report.Stages {
					if s.ID != "autodiscover" && s.ID != "server.auto" && s.Status != lyncdiag.Passed && s.Status != lyncdiag.Skipped {
						t.Errorf("stage %s: %s %s", s.ID, s.Status, s.Reason)
					}
				}
			})
		})
	}
}

// TestPlainHTTPBlocked: the certificate under the custom name is as it should be, so
// port 80 is what is wrong, and clients with an SRV record do without Autodiscover.
func TestPlainHTTPBlocked(t *testing.T) {
	for client, outcome := range map[string]lyncdiag.Outcome{"": lyncdiag.Healthy, "mobile": lyncdiag.Problem} {
		synctest.Test(t, func(t *testing.T) {
			_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
				d.Setting.Client = client
				dial := d.Network.Dial
				d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					if address == "127.0.1.2:80" {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return dial(ctx, network, address)
				}
			})
			i := slices.IndexFunc(report.Findings, func(f lyncdiag.Finding) bool { return f.Name == "autodiscover-certificate-invalid" })
			if i < 0 || !strings.Contains(report.Findings[i].Resolution[0], "port 80") || report.Verdict.Outcome != outcome {
				t.Errorf("client %q: want %s and port 80 named:\n%s", client, outcome, describe(report))
			}
			if works := report.Experiment.Automatic == lyncdiag.TrialWorks; works != (client == "") {
				t.Errorf("client %q: automatic configuration %s", client, report.Experiment.Automatic)
			}
		})
	}
}

// onePipe is a listener for one connection, which stays until that is closed.
type onePipe struct {
	conn net.Conn
}

func (l *onePipe) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}
func (l *onePipe) Close() error   { return nil }
func (l *onePipe) Addr() net.Addr { return &net.TCPAddr{} }
