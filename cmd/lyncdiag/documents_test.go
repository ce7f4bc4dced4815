package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lyncdiag/go-lyncdiag/lyncdiag/render"
)

// largest is how much of what a command printed is held to the schemas. What is
// longer is a log of many attempts, each like those in shorter ones.
const largest = 8 << 20

// exitInvalid is the exit code of a script's command whose document breaks the
// contract. No command has it.
const exitInvalid = 99

// checkedMain is main for the scripts: it also holds the documents that it
// prints, or writes to files, to the contract.
func checkedMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // as main does
	var out bytes.Buffer
	args := os.Args[1:]
	code := run(ctx, args, os.Stdin, io.MultiWriter(os.Stdout, &out), os.Stderr, os.LookupEnv)
	err := checkDocuments(out.Bytes())
	for _, arg := range args {
		if file, ok := strings.CutPrefix(strings.TrimPrefix(arg, "--output="), "json="); ok && err == nil {
			written, readErr := os.ReadFile(file)
			if readErr == nil {
				err = checkDocuments(written)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = exitInvalid
	}
	os.Exit(code)
}

// checkDocuments holds whatever is JSON to the rules of every document and each
// document to its schema. Other text is fine.
func checkDocuments(printed []byte) error {
	if len(printed) > largest || !bytes.HasPrefix(printed, []byte("{")) {
		return nil
	}
	for i, b := range printed {
		if b >= 0x7f {
			return fmt.Errorf("byte %d of a document is %#x: %.200s", i, b, printed)
		}
	}
	for decoder := json.NewDecoder(bytes.NewReader(printed)); ; {
		var document json.RawMessage
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("what a command printed is no JSON: %w: %.200s", err, printed)
		}
		if err := checkDocument(document); err != nil {
			return fmt.Errorf("%w\n%.2000s", err, document)
		}
	}
}

// checkDocument: an object of a log's stream names no schema, and is not held to
// one.
func checkDocument(document []byte) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(document, &head); err != nil {
		return err
	}
	name, version, found := strings.Cut(strings.TrimPrefix(head.Schema, "lyncdiag."), "/")
	if !found || version != "v1" {
		if head.Schema != "" || bytes.Contains(document, []byte(`"$schema"`)) {
			return nil // a JSON Schema, printed by lyncdiag schema
		}
		return errors.New("a document names no schema")
	}
	schema, err := compiled(name)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(document[1:], " \n"), []byte(`"schema"`)) {
		return errors.New("schema is not a document's first key")
	}
	return schema.Validate(value)
}

var schemas sync.Map // name → func() (*jsonschema.Schema, error)

// compiled is the schema that `lyncdiag schema NAME` prints.
func compiled(name string) (*jsonschema.Schema, error) {
	once, _ := schemas.LoadOrStore(name, sync.OnceValues(func() (*jsonschema.Schema, error) {
		raw, err := render.Schema(name)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(name, document); err != nil {
			return nil, err
		}
		return c.Compile(name)
	}))
	return once.(func() (*jsonschema.Schema, error))()
}

// validate fails unless document is one of schema name.
func validate(t *testing.T, name, document string) {
	t.Helper()
	if !strings.HasPrefix(strings.TrimLeft(document, "{ \n"), `"schema": "lyncdiag.`+name+`/`) && !strings.HasPrefix(document, `{"schema":"lyncdiag.`+name+`/`) {
		t.Errorf("no document %s: %.200s", name, document)
	}
	if err := checkDocument([]byte(document)); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
}

// TestCheckDocuments: the check that every other test relies on can fail.
func TestCheckDocuments(t *testing.T) {
	_, good, _ := call(t, t.Context(), "version", "-o", "json")
	_, line, _ := call(t, t.Context(), "version", "-o", "ndjson")
	for name, test := range map[string]struct {
		printed string
		valid   bool
	}{
		"a document": {good, true}, "two": {line + line, true}, "text": {"lyncdiag 1.0\n", true},
		"other sign":  {strings.Replace(good, "version", "v\u00e9rsion", 1), false},
		"no schema":   {`{"a": 1}`, false},
		"key missing": {strings.Replace(good, `"commit"`, `"comit"`, 1), false},
		"second":      {line + `{"a":1}`, false},
		"cut":         {good[:len(good)/2], false},
	} {
		if err := checkDocuments([]byte(test.printed)); (err == nil) != test.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
