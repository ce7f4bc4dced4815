package lyncdiag_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/certs/certtest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab"
)

// TestNoPasswordOverAWeakChain: a federation service whose chain is signed with SHA-1
// is looked at, as the clients look at it, and no password goes to it. With a chain
// that verifies, the same service gets the password.
func TestNoPasswordOverAWeakChain(t *testing.T) {
	const sts = "sts.contoso.example"
	for _, weak := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ca, err := certtest.New(certtest.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			issue := ca.Issue
			if weak {
				i := slices.IndexFunc(certtest.Defects(), func(d certtest.Defect) bool { return d.Code == "weak-signature" })
				issue = func(wanted certtest.Template) (tls.Certificate, error) {
					return certtest.Defects()[i].Issue(ca, wanted)
				}
			}
			made, err := issue(certtest.Template{DNSNames: []string{sts}})
			if err != nil {
				t.Fatal(err)
			}
			made.Certificate = append(made.Certificate, ca.Root().Certificate.Raw) // whose key is needed to check the signature
			service := &adfstest.Service{Host: sts}
			_, report := diagnose(t, lab.Config{}, func(d *lyncdiag.Diagnoser) {
				d.Network.Roots = d.Network.Roots.Clone()
				d.Network.Roots.AddCert(ca.Root().Certificate)
				dial := d.Network.Dial
				d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					if network != "tcp" || address != "127.0.3.1:443" {
						return dial(ctx, network, address)
					}
					near, far := net.Pipe()
					server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{made}})
					go (&http.Server{Handler: service, ErrorLog: log.New(io.Discard, "", 0)}).Serve(&onePipe{conn: server})
					return near, nil
				}
			})
			asked, sent := 0, false
			for _, r := range service.Requests() {
				asked++
				sent = sent || strings.Contains(r.Body, "UsernameToken")
			}
			i := slices.IndexFunc(report.Stages, func(s lyncdiag.StageResult) bool { return s.ID == "adfs.token" })
			if asked == 0 || sent == weak || weak && !strings.Contains(report.Stages[i].Reason, "was not sent") {
				t.Errorf("weak %t: %d requests, password sent %t, %s:\n%s", weak, asked, sent, report.Stages[i].Reason, describe(report))
			}
		})
	}
}
