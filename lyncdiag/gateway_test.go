package lyncdiag_test

import (
	"bufio"
	"context"
	"net"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// gateway is where the lab's proxy listens.
const gateway = "127.0.3.8:8080"

// atGateway has the lab's proxy answered by serve.
func atGateway(serve func(c net.Conn, in *bufio.Reader)) func(*lyncdiag.Diagnoser) {
	return func(d *lyncdiag.Diagnoser) {
		dial := d.Network.Dial
		d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != gateway {
				return dial(ctx, network, address)
			}
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				serve(far, bufio.NewReader(far))
			}()
			return near, nil
		}
	}
}

// toGateway wraps each connection to the lab's proxy.
func toGateway(wrap func(net.Conn) net.Conn) func(*lyncdiag.Diagnoser) {
	return func(d *lyncdiag.Diagnoser) {
		dial := d.Network.Dial
		d.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err == nil && address == gateway {
				conn = wrap(conn)
			}
			return conn, err
		}
	}
}
