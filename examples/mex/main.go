// Mex lists the endpoints of a MEX document, in which AD FS says where and how
// a client can get a token.
//
//	go run ./examples/mex         asks the lab's AD FS
//	go run ./examples/mex mex.xml reads a document that a browser has saved
//
// It prints a line for each endpoint: WS-Trust version, the proof of identity
// it takes, and its address or the reason why no client can use it. The
// endpoints that a client with user name and password picks are marked.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/lyncdiag/go-lyncdiag/adfs"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/lab" // for an AD FS to ask
)

func main() {
	document, err := look(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "mex:", err)
		os.Exit(1)
	}
	for _, e := range document.Endpoints {
		mark, what := " ", e.Address
		switch {
		case !e.Usable:
			mark, what = "!", e.Reason
		case e.Address == document.Selected.Username13, e.Address == document.Selected.Username2005:
			mark = "*"
		}
		fmt.Printf("%s %-4s %-12s %s\n", mark, e.Version, e.Authentication, what)
	}
}

func look(ctx context.Context, args []string) (*adfs.Metadata, error) {
	if len(args) == 0 {
		return ask(ctx, "https://sts.contoso.example/adfs/services/trust/mex")
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return adfs.ParseMEX(file)
}

// ask uses the lab on loopback, which is an HTTP proxy for any HTTP client.
func ask(ctx context.Context, address string) (*adfs.Metadata, error) {
	l, err := lab.Start(ctx, lab.Config{Loopback: true, Faults: []string{"adfs-endpoint-insecure"}})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	proxy, err := url.Parse(l.Addresses().Proxy)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: l.Network().Roots}}
	client := &adfs.Client{HTTP: &http.Client{Transport: transport}}
	mex := client.CheckMEX(ctx, address)
	fmt.Printf("GET %d, POST %d\n", mex.Get.Status, mex.Post.Status)
	return &adfs.Metadata{Endpoints: mex.Endpoints, Selected: mex.Selected, Problems: mex.Problems}, nil
}
