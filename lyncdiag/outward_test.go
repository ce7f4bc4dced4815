package lyncdiag

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
)

// TestOutward: a certificate's addresses on this computer or its link are not
// asked, and nobody dials them.
func TestOutward(t *testing.T) {
	var dialled atomic.Int32
	n := &Network{Dial: func(context.Context, string, string) (net.Conn, error) {
		dialled.Add(1)
		return nil, errors.New("nobody is there")
	}}
	w := newWire(t.Context(), n, nil)
	defer w.close()
	w.askAuthorities()
	ask := func(address string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := w.authorities.HTTP.Do(r)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	for _, address := range []string{
		"http://127.0.0.1/list.crl", "http://127.1.2.3:8080/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data",
		"http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://0.0.0.0/", "http://[::]/",
	} {
		if err := ask(address); err == nil || !strings.Contains(err.Error(), "it is not asked") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if n := dialled.Load(); n > 0 {
		t.Errorf("dialled %d times", n)
	}
	if err := ask("http://203.0.113.7/list.crl"); err == nil || dialled.Load() == 0 {
		t.Errorf("another address is not asked: %v", err)
	}
	for address, want := range map[string]bool{"127.0.3.1": true, "fe80::1%eth0": true, "203.0.113.7": false, "10.0.0.1": false, "": false} {
		if got := near(fact.Reach{Address: address}); got != want {
			t.Errorf("near %q: %t", address, got)
		}
	}
}
