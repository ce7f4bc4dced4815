package render_test

import (
	"fmt"
	"os"
	"time"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/fact"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func ExampleTool_Port() {
	seen := []render.PortResult{
		{Endpoint: fact.Endpoint{Host: "sipdir.online.lync.com", Port: 443, Reach: fact.Reach{Address: "52.112.0.1", Status: fact.Listening, Elapsed: 21 * time.Millisecond}}},
		{Endpoint: fact.Endpoint{Host: "sip.contoso.com", Port: 5061, Reach: fact.Reach{Address: "192.0.2.9", Status: fact.NotListening}}},
	}
	document := render.Tool{}.Port(seen)
	if err := document.Write(os.Stdout, render.Text, render.Options{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	//   listening  sipdir.online.lync.com port 443 (52.112.0.1) answers, 21 ms
	//   not-listening  sip.contoso.com port 5061 (192.0.2.9) refuses, 0 ms
}
