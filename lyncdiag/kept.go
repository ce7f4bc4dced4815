package lyncdiag

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"sync"
)

// Kept is what a run saw and facts leave out: the chain of a handshake, or an
// answer over HTTP.
type Kept struct {
	Host  string // of a handshake, and its port
	Port  uint16
	Chain []*x509.Certificate // as it was shown, verified or not

	Method, URL string // of an HTTP request
	Status      int
	ContentType string
	Body        []byte // what was read of it, up to a mebibyte
}

// maxKept bounds the body of an answer that is kept.
const maxKept = 1 << 20

func (w *wire) keepWith(keep func(Kept)) {
	w.keep = keep
	w.client.Transport = &keeper{w.client.Transport, keep}
}

// keeper tells of answers when their bodies are closed.
type keeper struct {
	http.RoundTripper
	keep func(Kept)
}

func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := k.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &keptBody{ReadCloser: response.Body, tell: func(body []byte) {
		k.keep(Kept{Method: r.Method, URL: r.URL.String(), Status: response.StatusCode, ContentType: response.Header.Get("Content-Type"), Body: body})
	}}
	return response, nil
}

// CloseIdleConnections is what http.Client looks for.
func (k *keeper) CloseIdleConnections() {
	if c, ok := k.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type keptBody struct {
	io.ReadCloser
	seen bytes.Buffer
	once sync.Once
	tell func([]byte)
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if room := maxKept - b.seen.Len(); room > 0 {
		b.seen.Write(p[:min(n, room)])
	}
	return n, err
}

func (b *keptBody) Close() error {
	b.once.Do(func() { b.tell(b.seen.Bytes()) })
	return b.ReadCloser.Close()
}
