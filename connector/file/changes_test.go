package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
)

const rewritten = "the file was rewritten while it was read"

// watched is a source with a checkpoint, and what it logs.
func watched(t *testing.T, dir, name string) (*file.Source, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	source := newSource(t, checkpointed(dir, name))
	source.BindWorker(capability.Worker{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return open(t, source), &log
}

// finish is the end of a run.
func finish(t *testing.T, source *file.Source) {
	t.Helper()
	if err := errors.Join(source.Finish(t.Context()), source.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// large has so many lines of 10,000 bytes each, which begin with a text.
func large(rows int, text string) string {
	return strings.Repeat(`"`+text+strings.Repeat("x", 10_000-len(text)-3)+"\"\n", rows)
}

// others is a text as long as numbers(n), of other lines.
func others(n int) string {
	return strings.NewReplacer("1", "7", "2", "8", "3", "9").Replace(numbers(n))
}

// [I1] A file that is rewritten in place while it is read, with the same size, is an error of the run: what was read is of both. It
// names the file and the cure, and the next run processes all that is there now.
func TestFileThatIsRewrittenWhileItIsReadIsNoticed(t *testing.T) {
	for name, pack := range map[string]func(string) string{
		"x.jsonl": func(content string) string { return content }, "x.jsonl.gz": func(content string) string { return zipped(t, content) },
	} {
		for _, done := range []int{1, 3, 5} {
			t.Run(fmt.Sprint(name, done), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, name)
				write(t, path, pack(numbers(5)))
				source, log := watched(t, dir, name)
				ack(t, source, fetch(t, source, done)...)
				write(t, path, pack(others(5)))
				_, err := drain(t, source)
				wantError(t, err, path+":6: "+rewritten, "process it again from its beginning")
				finish(t, source)
				if log.Len() > 0 {
					t.Errorf("the log says %q", log)
				}
				if name == "x.jsonl.gz" { // nobody knows whether that was all of the other one
					wantError(t, newSource(t, checkpointed(dir, name)).Open(t.Context()), "and not to its end", "on_replaced")
					return
				}
				if got := all(t, open(t, newSource(t, checkpointed(dir, name)))); len(got) != 5 || got[0] != name+":1 7" {
					t.Errorf("the next run delivers %v, want all of what is there now", got)
				}
			})
		}
	}
}

// [I1] In a large file it is noticed long before the end. The checkpoint says what is left of the other one.
func TestLargeFileThatIsRewrittenIsNoticedOnTheWay(t *testing.T) {
	const rows = 600
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, large(rows, "one"))
	source, _ := watched(t, dir, "x.jsonl")
	ack(t, source, fetch(t, source, 10)...)
	write(t, path, large(rows, "two"))
	touch(t, path)
	batch, err := drain(t, source)
	wantError(t, err, rewritten)
	if len(batch) > rows/2 {
		t.Errorf("%d of %d were delivered before", len(batch), rows)
	}
	finish(t, source)
	wantError(t, newSource(t, checkpointed(dir, "x.jsonl")).Open(t.Context()), "and not to its end", "on_replaced")
}

// [I1] What is appended while the file is read is read as well. What is touched but says the same is the same.
func TestFileThatGrowsOrIsTouchedWhileItIsReadIsNoFault(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, large(300, ""))
	source, log := watched(t, dir, "x.jsonl")
	first := fetch(t, source, 3)
	ack(t, source, first...)
	appended, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := appended.WriteString("301\n302\n"); err != nil {
		t.Fatal(err)
	}
	if err := appended.Close(); err != nil {
		t.Fatal(err)
	}
	touch(t, path)
	batch, err := drain(t, source)
	if n := len(first) + len(batch); !errors.Is(err, ergon.ErrExhausted) || n != 302 || log.Len() > 0 {
		t.Errorf("got %d records, %v and the log %q, want 302 and nothing said", n, err, log)
	}
}

// [I1] Another file in its place is read by another run: this one reads what it has opened to its end, and says so once.
func TestFileThatIsReplacedWhileItIsReadIsReadToItsEndWithAWarning(t *testing.T) {
	for _, rows := range []int{5, 600} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.jsonl")
		write(t, path, large(rows, "one"))
		source, log := watched(t, dir, "x.jsonl")
		first := fetch(t, source, 2)
		ack(t, source, first...)
		write(t, path+".new", others(3))
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		batch, err := drain(t, source)
		if n := len(first) + len(batch); !errors.Is(err, ergon.ErrExhausted) || n != rows {
			t.Errorf("got %d records and %v, want %d", n, err, rows)
		}
		const said = "another file has taken the place of the one that is read"
		if got := log.String(); strings.Count(got, said) != 1 || !strings.Contains(got, path) {
			t.Errorf("the log says %q, want one warning", got)
		}
		finish(t, source)
		if got := all(t, open(t, newSource(t, checkpointed(dir, "x.jsonl")))); len(got) != 3 || got[0] != "x.jsonl:1 7" {
			t.Errorf("the next run delivers %v, want what is there now", got)
		}
	}
}

// [I1]
func TestFileThatBecomesShorterWhileItIsReadIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, large(600, ""))
	source, _ := watched(t, dir, "x.jsonl")
	ack(t, source, fetch(t, source, 2)...)
	write(t, path, numbers(3))
	touch(t, path)
	_, err := drain(t, source)
	wantError(t, err, path, "the file has become shorter while it was read")
}

// plainFile is a file that can only be read once, from its beginning to its end, and changes as it is.
type plainFile struct {
	fs.File

	looks int
}

type changedInfo struct {
	fs.FileInfo

	at time.Time
}

func (i changedInfo) ModTime() time.Time { return i.at }

func (f *plainFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	f.looks++
	return changedInfo{info, time.Unix(int64(f.looks), 0)}, err
}

type plainFS struct{ fstest.MapFS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.MapFS.Open(name)
	return &plainFile{File: f}, err
}

// Where it cannot be compared, that is said.
func TestFileThatCannotBeReadAgainIsSaidToHaveChanged(t *testing.T) {
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig(), FS: plainFS{fstest.MapFS{"x.jsonl": {Data: []byte(numbers(3))}}}}
	s.Path = "x.jsonl"
	var log bytes.Buffer
	source := newSource(t, s)
	source.BindWorker(capability.Worker{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if got := all(t, open(t, source)); len(got) != 3 || strings.Count(log.String(), "cannot be read again to compare") != 1 {
		t.Errorf("got %v and the log %q, want three records and one warning", got, log.String())
	}
}
