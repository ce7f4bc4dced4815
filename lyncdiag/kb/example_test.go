package kb_test

import (
	"fmt"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/kb"
)

func ExampleMatchMessage() {
	for _, m := range kb.MatchMessage("he gets \u201cServer is temporarily unavailable\u201d")[:1] {
		fmt.Println(m.Message.Code, m.Message.Type.Label())
		fmt.Println(m.Message.Cause)
	}
	// Output:
	// kb2541980-message-1 Network
	// No Domain Name System (DNS) record. Autodiscover fails.
}

func ExampleScope() {
	fmt.Println(kb.Scope("lync", "one", "many"))
	fmt.Println(kb.Scope("lync", "one", ""))
	// Output:
	// [network service]
	// [client network service]
}

func ExampleExperiment() {
	e := kb.Experiment(false, true)
	fmt.Println(e.Finding)
	// Output:
	// dns-autoconfiguration-broken
}
