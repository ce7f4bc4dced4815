package lyncdiag

import "testing"

func TestSecureProxy(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"Proxy:8080":              "proxy:8080",
		"http://proxy:8080/":      "proxy:8080",
		"http=a:80;https=b:8080":  "b:8080",
		"http=a:80":               "",
		"ftp=a:21 https=http://b": "b",
	} {
		if got := secureProxy(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
