// Dns asks for the DNS records that Lync clients look for in a sign-in domain
// and compares them with those Lync Online needs.
//
//	go run ./examples/dns             the lab's domain, contoso.example
//	go run ./examples/dns contoso.com a domain of your own, over this computer's resolvers
//
// It prints a line for each record: what became of it, its type and its name.
// Below follow what is wrong with it and the line to put into the zone.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"     // for the real network, its zero Network
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab" // for a network without the Internet
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dns:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	domain, network := "contoso.example", &lyncdiag.Network{}
	if len(args) == 0 {
		l, err := lab.Start(ctx, lab.Config{Faults: []string{"dns-sip-tls-srv-wrong"}})
		if err != nil {
			return err
		}
		defer l.Close()
		network = l.Network()
	} else {
		var err error
		if domain, err = dnscheck.ASCII(args[0]); err != nil {
			return err
		}
	}
	client, err := network.Resolver() // a dnscheck.Client: Dial and Servers are set
	if err != nil {
		return err
	}
	result := client.Ask(ctx, domain)
	for _, check := range dnscheck.Evaluate(result, dnscheck.LyncOnline(domain, "worldwide")) {
		fmt.Printf("%-14s %-5s %s\n", check.Status, check.Type, check.Name)
		if check.Detail != "" {
			fmt.Println("  ", check.Detail)
		}
		if check.Fix != "" {
			fmt.Println("  ", check.Fix)
		}
	}
	return nil
}
