package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lyncdiag/go-lyncdiag/adfs/adfstest"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lyncdiag": checkedMain})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams(filepath.Join("testdata", "script")))
}

// scriptParams are those of the scripts in a folder.
func scriptParams(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":  exitCode,
			"ascii": ascii,
			"big":   big,
		},
	}
}

// exitCode runs "exit N lyncdiag ARG..." and compares the exit code. With 2,
// stdout must be empty and stderr one line.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
	if want != "2" {
		return
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout is not empty: %.200s", out)
	}
	message := ts.ReadFile("stderr")
	if !strings.HasPrefix(message, "lyncdiag: ") || strings.Count(message, "\n") != 1 {
		ts.Fatalf("stderr is not one line of this program: %q", message)
	}
}

// ascii looks for other bytes in a file, or in stdout.
func ascii(ts *testscript.TestScript, neg bool, args []string) {
	for i, c := range []byte(ts.ReadFile(args[0])) {
		if c >= 0x7f {
			if neg {
				return
			}
			ts.Fatalf("%s: byte %d is %#x", args[0], i, c)
		}
	}
	if neg {
		ts.Fatalf("%s is ASCII", args[0])
	}
}

// big makes input of a kind, too large to keep as a file.
func big(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	defer file.Close()
	switch args[0] {
	case "mex":
		_, err = io.WriteString(file, "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>")
		for chunk := []byte(strings.Repeat("<!-- padding -->", 64<<10)); err == nil; {
			if at, _ := file.Seek(0, io.SeekCurrent); at >= 100<<20 {
				break
			}
			_, err = file.Write(chunk)
		}
	case "good":
		_, err = file.Write(adfstest.MEXDocument("sts.contoso.com", adfstest.DefaultEndpoints()))
	case "nested":
		_, err = io.WriteString(file, strings.Repeat("<a>", 100_000)+strings.Repeat("</a>", 100_000))
	case "nul":
		_, err = file.Write(make([]byte, 1<<20))
	case "zip":
		_, err = file.Write(append([]byte("PK\x03\x04"), bytes.Repeat([]byte{0, 1, 2, 0xff}, 4096)...))
	default:
		ts.Fatalf("no such kind %q", args[0])
	}
	ts.Check(err)
}

// call runs the program in this process.
func call(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false })
	if err := checkDocuments(out.Bytes()); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	return code, out.String(), errs.String()
}

// documentCommands are commands by the schema of what they print.
func documentCommands(t *testing.T) map[string][]string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "client.uccapilog")
	if err := os.WriteFile(log, []byte(register), 0o600); err != nil {
		t.Fatal(err)
	}
	fault := filepath.Join(t.TempDir(), "fault.xml")
	if err := os.WriteFile(fault, []byte("<Fault><faultcode>x</faultcode><faultstring>ID3242: no</faultstring></Fault>"), 0o600); err != nil {
		t.Fatal(err)
	}
	export := t.TempDir()
	if err := os.WriteFile(filepath.Join(export, "hkcu.reg"), []byte("REGEDIT4\n\n[HKEY_CURRENT_USER\\Software\\Microsoft\\Communicator]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, after := filepath.Join(t.TempDir(), "before.json"), filepath.Join(t.TempDir(), "after.json")
	for path, lab := range map[string]string{before: "--lab=dns-sip-cname-missing", after: "--lab=adfs-mex-http-500"} {
		if code, _, errs := call(t, t.Context(), "check", lab, "-o", "json="+path); code == exitUsage || errs != "" {
			t.Fatalf("exit code %d, stderr %q", code, errs)
		}
	}
	commands := map[string][]string{
		"diff":         {"diff", before, after},
		"report":       {"check", "--lab"},
		"batch":        {"check", "--lab", "joe@contoso.example", "ann@contoso.example", "-o", "json"},
		"dns":          {"dns", "--lab"},
		"autodiscover": {"autodiscover", "--lab"},
		"realm":        {"adfs", "realm", "--lab"},
		"mex":          {"adfs", "mex", "--lab", "https://sts.contoso.example/adfs/services/trust/mex"},
		"cert":         {"cert", "--lab", "sipdir.online.lync.com"},
		"port":         {"port", "--lab", "sipdir.online.lync.com", "sipdir.online.lync.com:1", "nowhere.example"},
		"collect":      {"collect", "--plan", "--log", log},
		"proxy":        {"proxy", "--lab=proxy-unreachable"},
		"sip":          {"sip", "--lab", "sipdir.online.lync.com:443"},
		"log":          {"log", log},
		"client":       {"client", "inspect", "--from", export},
		"client-reset": {"client", "reset", "joe@contoso.com", "--from", export},
		"message":      {"log", "messages", log, "code:404"},
		"explain":      {"explain", "0x80EE0066"},
		"scope":        {"scope", "--users", "one"},
		"answers":      {"ask", "--lab=adfs-mex-http-500", "--answer", "symptom=lync", "--answer", "users=one", "--answer", "computers=many", "--answer", "portal-sign-in=no"},
		"catalogue":    {"catalogue"},
		"faults":       {"lab", "faults"},
		"schemas":      {"schema"},
		"version":      {"version"},

		"fault":               {"adfs", "fault", fault},
		"token":               {"adfs", "token", "--lab"},
		"federation-metadata": {"adfs", "metadata", "--lab", "https://sts.contoso.example/FederationMetadata/2007-06/FederationMetadata.xml"},
	}
	return commands
}

// TestDocumentsMatchTheirSchemas runs every command against the lab and holds
// what it prints to its schema.
func TestDocumentsMatchTheirSchemas(t *testing.T) {
	commands := documentCommands(t)
	for _, name := range render.Schemas() {
		args, ok := commands[name]
		if !ok && name != "lab" && name != "redaction-map" && name != "bundle" && name != "system" { // one waits for Ctrl-C, see TestLabServes; the others are files, see TestRedactedDocuments and TestCollectLogs
			t.Errorf("no command prints %s", name)
			continue
		}
		if ok {
			t.Run(name, func(t *testing.T) {
				code, out, errs := call(t, t.Context(), args...)
				if code == exitUsage || errs != "" {
					t.Fatalf("exit code %d, stderr %q", code, errs)
				}
				validate(t, name, out)
			})
		}
	}
}

const register = "05/31/2013|14:05:06.789 1234:5678 INFO  :: Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
	"05/31/2013|14:05:06.789 1234:5678 INFO  :: REGISTER sip:contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.2:50000\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nTo: <sip:joe@contoso.com>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n" +
	"05/31/2013|14:05:06.789 1234:5678 INFO  :: End of Sending Packet - 192.0.2.1:443 (From Local Address: 192.0.2.2:50000) 300 bytes\r\n" +
	"05/31/2013|14:05:07.000 1234:5678 INFO  :: Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes:\r\n" +
	"05/31/2013|14:05:07.000 1234:5678 INFO  :: SIP/2.0 404 Not Found\r\nFrom: <sip:joe@contoso.com>;tag=1\r\nTo: <sip:joe@contoso.com>;tag=2\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nms-diagnostics: 4005;reason=\"Destination URI either not enabled for SIP or does not exist\";source=\"sip.contoso.com\"\r\nContent-Length: 0\r\n\r\n" +
	"05/31/2013|14:05:07.000 1234:5678 INFO  :: End of Data Received -192.0.2.1:443 (To Local Address: 192.0.2.2:50000) 300 bytes\r\n"

// TestInterrupted: Ctrl-C costs the rest of the run and never the document.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	code, out, errs := call(t, ctx, "check", "--lab=tcp-443-filtered")
	if code != exitInterrupted || errs != "" {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	validate(t, "report", out)
	for _, want := range []string{`"complete": false`, `"exitCode": 130`} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %s:\n%s", want, out)
		}
	}
}

// TestAskInterrupted: what was answered before Ctrl-C is written, whole.
func TestAskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, errs := call(t, ctx, "ask", "--offline", "--answer", "symptom=lync")
	if code != exitInterrupted || errs != "" {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	validate(t, "answers", out)
	if !strings.Contains(out, `"symptom"`) {
		t.Errorf("the answer is lost: %s", out)
	}
}

// TestInterruptedBeforeWork: after Ctrl-C an error is no bad usage.
func TestInterruptedBeforeWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, errs := call(t, ctx, "log", filepath.Join(t.TempDir(), "missing.log")); code != exitInterrupted || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
}

// TestLogInterrupted: a silent standard input costs no second Ctrl-C, and what
// it said before is shown.
func TestLogInterrupted(t *testing.T) {
	in, silent := io.Pipe()
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.WriteString(silent, strings.Repeat(register, 100))
		time.AfterFunc(200*time.Millisecond, cancel)
	}()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"log", "-"}, in, &out, &errs, func(string) (string, bool) { return "", false })
	if code != exitInterrupted || errs.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
	validate(t, "log", out.String())
}

// TestLabServes: the lab says how to reach it, and what it says works.
func TestLabServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"lab", "--fault", "adfs-mex-http-500", "-o", "ndjson"}, strings.NewReader(""), w, io.Discard, os.LookupEnv)
		w.Close()
	}()
	line := make([]byte, 64<<10)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("the lab said nothing: %v, exit code %d", err, <-done)
	}
	validate(t, "lab", string(line[:n]))
	var document struct {
		Flags []string `json:"flags"`
	}
	if err := json.Unmarshal(line[:n], &document); err != nil {
		t.Fatal(err)
	}
	code, report, errs := call(t, t.Context(), append([]string{"check", "joe@contoso.example"}, document.Flags...)...)
	if code != 1 || !strings.Contains(report, `"primary": "adfs-mex-http-500"`) {
		t.Errorf("exit code %d, stderr %q, report %s", code, errs, report)
	}
	cancel()
	if code := <-done; code != exitInterrupted {
		t.Errorf("the lab ended with %d", code)
	}
}

// TestAddressesStayInOrder: several at a time, printed as they were given.
func TestAddressesStayInOrder(t *testing.T) {
	args := []string{"check", "--lab", "--lab-rtt", "5ms", "--concurrency", "3"}
	for i := range 9 {
		args = append(args, fmt.Sprintf("user%d@contoso.example", i))
	}
	code, out, errs := call(t, t.Context(), args...)
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d, stderr %q", code, errs)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 9 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		validate(t, "report", line)
		if !strings.Contains(line, fmt.Sprintf(`"address":"user%d@contoso.example"`, i)) {
			t.Errorf("line %d is not user%d's: %.120s", i, i, line)
		}
	}
}
