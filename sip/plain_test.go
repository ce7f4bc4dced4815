package sip

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The short way and the patient one read the same message.
func FuzzPlainMessage(f *testing.F) {
	for _, s := range []string{
		"REGISTER sip:a SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 2\r\n\r\nab",
		"SIP/2.0 404 Not Found\nA:\\\nL: 0\n\n", "SIP/2.0 200 OK\r\nA: b#015\r\n\r\nCall-ID: 2\r\n", "SIP/2.0 200 OK\r\nContent-Type: x\r\n\r\nTo: y",
		"SIP/2.0 200 \r\nA:\r\r\nB: \t\r\n", "SIP/2.0 100 Trying\nA: b", "SIP/2.0 200 OK\nc: \n\nVia: x\n",
	} {
		f.Add([]byte(s))
	}
	files, err := filepath.Glob("../../shared/corpus/rfc4475/*/*.dat")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := &Message{}
		if !parsePlain(b, got, copied) {
			return
		}
		want, err := parseLoose(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q:\n got %+v\nwant %+v, %v", b, got, want, err)
		}
	})
}
