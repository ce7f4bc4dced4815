package fact

import "github.com/lyncdiag/go-lyncdiag/certs"

// Standing is what the authorities say of the chain that a host showed.
type Standing struct {
	Host string `json:"host"`
	Port uint16 `json:"port"`
	certs.Standing
}

// ClientTLS is a host that was asked with the TLS versions of a client of the
// past. The rest of its handshake is this program's own, so it is an
// approximation.
type ClientTLS struct {
	Host    string        `json:"host"`
	Port    uint16        `json:"port"`
	Client  string        `json:"client"`  // as in Setting
	Version string        `json:"version"` // the newest one that it offers, such as "TLS 1.0"
	Basis   string        `json:"basis"`   // why that one
	TLS     *certs.Result `json:"tls"`
}
