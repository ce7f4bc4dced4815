package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// registers is a client's log in which one user after another is refused.
func registers(users ...string) string {
	var b strings.Builder
	for i, user := range users {
		head := "From: <sip:" + user + ">;tag=1\r\nCall-ID: " + user + "\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
		stamp := "05/31/2013|14:0" + string(rune('0'+i)) + ":00.000 1234:5678 INFO  :: "
		b.WriteString(stamp + "Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
			stamp + "REGISTER sip:contoso.com SIP/2.0\r\n" + head + stamp + "End of Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes\r\n" +
			stamp + "Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
			stamp + "SIP/2.0 404 Not Found\r\n" + head + stamp + "End of Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes\r\n")
	}
	return b.String()
}

// Who follows a log is shown each attempt as it ends: as a line of text or, with
// ndjson, as a document a line; what the file holds comes last.
func TestFollowedAttemptsComeOneByOne(t *testing.T) {
	for _, format := range []string{"text", "ndjson"} {
		path := filepath.Join(t.TempDir(), "a.uccapilog")
		if err := os.WriteFile(path, []byte(registers("a@contoso.com", "b@contoso.com", "c@contoso.com")), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		out, in := io.Pipe()
		go func() {
			run(ctx, []string{"log", path, "--follow", "-o", format}, strings.NewReader(""), in, io.Discard, func(string) (string, bool) { return "", false })
			in.Close()
		}()
		var lines []string
		shown := bufio.NewScanner(out)
		shown.Buffer(nil, 1<<20)
		for shown.Scan() {
			lines = append(lines, shown.Text())
			if strings.Contains(shown.Text(), "b@contoso.com") {
				cancel() // c's ends with the log
			}
		}
		if len(lines) < 4 || !strings.Contains(lines[0], "a@contoso.com") {
			t.Fatalf("%s: %q", format, lines)
		}
		if format == "text" {
			continue
		}
		var users []string
		for i, line := range lines {
			var document struct {
				Schema   string
				Attempts []struct{ From string }
				Files    []any
				Findings []any
			}
			if err := json.Unmarshal([]byte(line), &document); err != nil || document.Schema != "lyncdiag.log/v1" {
				t.Fatalf("line %d: %v: %s", i+1, err, line)
			}
			last := i == len(lines)-1
			if (len(document.Files) > 0) != last || (len(document.Findings) > 0) != last {
				t.Errorf("line %d of %d: %s", i+1, len(lines), line)
			}
			for _, a := range document.Attempts {
				users = append(users, a.From)
			}
		}
		if got := strings.Join(users, " "); got != "sip:a@contoso.com sip:b@contoso.com sip:c@contoso.com" || len(lines) != 4 {
			t.Errorf("%d lines, attempts of %s", len(lines), got)
		}
	}
}
