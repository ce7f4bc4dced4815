package proxy

import (
	"net"
	"net/http"
	"testing"
)

// TestEvaluate has WinHTTP run a script that sends one host through a proxy.
func TestEvaluate(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ns-proxy-autoconfig")
		w.Write([]byte("function FindProxyForURL(url, host) {\n\tif (host == \"sipdir.online.lync.com\") return \"PROXY proxy.contoso.com:8080\";\n\treturn \"DIRECT\";\n}\n"))
	})}
	go server.Serve(ln)
	defer server.Close()
	s := Setting{Source: WinINET, PAC: "http://" + ln.Addr().String() + "/proxy.pac"}
	u, err := s.Evaluate("https://sipdir.online.lync.com/")
	if err != nil || u == nil || u.Host != "proxy.contoso.com:8080" {
		t.Errorf("through the proxy: %v, %v", u, err)
	}
	if u, err := s.Evaluate("https://sts.contoso.com/"); err != nil || u != nil {
		t.Errorf("direct: %v, %v", u, err)
	}
	if _, err := (Setting{}).Evaluate("https://sts.contoso.com/"); err == nil {
		t.Error("no script is evaluated")
	}
}
