package fleet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// Binding is what a journal belongs to. A run goes on only with the same.
type Binding struct {
	Work    string `json:"work"`    // what is done with each target: "check"
	Input   string `json:"input"`   // see [Input.Sum]
	Options string `json:"options"` // whatever else decides on the results
}

// Journal keeps the results of a run: a line of JSON that binds it, then one
// line for each finished target. Lines are only ever appended, each batch of
// them with one write and one fsync before anybody hears of the results. So a
// killed process loses nothing that was finished; a line that was half written
// when the machine stopped is cut off, and its target looked at again.
//
// One process may write to a journal at a time.
type Journal struct {
	path string
	file *os.File

	mu    sync.Mutex
	lines map[string]extent
	end   int64
}

// extent is where a line is in the file.
type extent struct{ from, length int64 }

type journalHeader struct {
	Schema string `json:"schema"`
	Binding
}

// maxLine bounds a line of the journal. A report has some kilobytes.
const maxLine = 64 << 20

// OpenJournal creates a journal, or opens the one that is there to go on. It
// refuses what is no journal, what belongs to something else, and a journal
// with a damaged line before its last one; then the file is as it was.
func OpenJournal(path string, b Binding) (*Journal, error) {
	j := &Journal{path: path, lines: map[string]extent{}}
	if err := j.open(b); err != nil {
		if j.file != nil {
			j.file.Close()
		}
		var inner *fs.PathError
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, fmt.Errorf("fleet: open journal %s: %w", path, err)
	}
	return j, nil
}

func (j *Journal) open(b Binding) error {
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	header, err := line(journalHeader{"lyncdiag.journal/v1", b})
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(j.file, 1<<16)
	first, whole, err := readLine(in)
	if err != nil {
		return err
	}
	if !whole && bytes.HasPrefix(header, first) {
		return j.begin(header) // new, or its very first write was cut
	}
	if err := checkHeader(first, b); err != nil {
		return err
	}
	j.end = int64(len(first))
	if err := j.index(in); err != nil {
		return err
	}
	if j.end == info.Size() {
		return nil
	}
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	return j.file.Sync()
}

func (j *Journal) begin(header []byte) error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	return j.append(header)
}

func checkHeader(first []byte, want Binding) error {
	var have journalHeader
	if json.Unmarshal(first, &have) != nil || have.Schema != "lyncdiag.journal/v1" {
		return errors.New("it is another kind of file")
	}
	switch {
	case have.Work != want.Work:
		return fmt.Errorf("it was begun by %q, not by %q", have.Work, want.Work)
	case have.Input != want.Input:
		return fmt.Errorf("it belongs to another input (begun with %s, now it is %s)", have.Input, want.Input)
	case have.Options != want.Options:
		return fmt.Errorf("it was begun with options %q, now they are %q", have.Options, want.Options)
	}
	return nil
}

// index finds the lines, up to the last one that is whole.
func (j *Journal) index(in *bufio.Reader) error {
	damaged := 0
	for n := 2; ; n++ {
		text, whole, err := readLine(in)
		if err != nil {
			return err
		}
		if len(text) == 0 {
			return nil
		}
		if damaged > 0 {
			return fmt.Errorf("line %d is damaged and others follow it", damaged)
		}
		var entry struct {
			Key string `json:"key"`
		}
		if !whole || json.Unmarshal(text, &entry) != nil || entry.Key == "" {
			damaged = n
			continue
		}
		length := int64(len(text))
		if _, ok := j.lines[entry.Key]; !ok {
			j.lines[entry.Key] = extent{j.end, length}
		}
		j.end += length
	}
}

// readLine reads a line with its end. whole is false where the end is missing;
// an empty line is the end of the file.
func readLine(in *bufio.Reader) (text []byte, whole bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case err == nil:
			return text, true, nil
		case errors.Is(err, io.EOF):
			return text, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		case len(text) > maxLine:
			return nil, false, fmt.Errorf("it has a line longer than %d bytes", maxLine)
		}
	}
}

// Len is how many targets are in the journal.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.lines)
}

// Close closes the file. Everything in it is on the disk already.
func (j *Journal) Close() error { return j.file.Close() }

// find reads what is known of a job. A nil Journal knows nothing.
func (j *Journal) find(key string) (Result, bool, error) {
	if j == nil {
		return Result{}, false, nil
	}
	j.mu.Lock()
	at, ok := j.lines[key]
	j.mu.Unlock()
	if !ok {
		return Result{}, false, nil
	}
	text := make([]byte, at.length)
	if _, err := j.file.ReadAt(text, at.from); err != nil {
		return Result{}, false, fmt.Errorf("fleet: read journal %s: %w", j.path, err)
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return Result{}, false, fmt.Errorf("fleet: read journal %s: entry %s: %w", j.path, key, err)
	}
	return r, true, nil
}

// write appends results. It returns when they are on the disk.
func (j *Journal) write(results []Result) error {
	if j == nil || len(results) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var text []byte
	places := map[string]extent{}
	for _, r := range results {
		one, err := line(r)
		if err != nil {
			return fmt.Errorf("fleet: write journal %s: entry %s: %w", j.path, r.Key, err)
		}
		places[r.Key] = extent{j.end + int64(len(text)), int64(len(one))}
		text = append(text, one...)
	}
	if err := j.append(text); err != nil {
		return fmt.Errorf("fleet: write journal %s: %w", j.path, err)
	}
	for key, at := range places {
		j.lines[key] = at
	}
	return nil
}

func (j *Journal) append(text []byte) error {
	if _, err := j.file.WriteAt(text, j.end); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.end += int64(len(text))
	return nil
}

// line keeps the document of a result byte for byte: json.Marshal would escape
// what is markup in it.
func line(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
