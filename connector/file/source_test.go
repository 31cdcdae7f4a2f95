package file_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/policy"
)

func TestFileThatCannotBeReadIsRefusedWithPlaceAndCure(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "plain.csv.gz"), "a,b\n")
	write(t, filepath.Join(dir, "empty.csv.gz"), "")
	write(t, filepath.Join(dir, "broken.csv.gz"), "\x1f\x8b\x00\x00more than ten bytes")
	write(t, filepath.Join(dir, "header.csv.gz"), zipped(t, "a,b\n1,2\n")[:14])
	if err := os.Symlink(filepath.Join(dir, "plain.csv.gz"), filepath.Join(dir, "out.csv")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"none.csv":      "none.csv: no such file or directory; create it, or correct path or dir",
		"folder.csv":    "folder.csv: is a directory, must be a file; correct path",
		"plain.csv.gz":  "plain.csv.gz: its name ends in .gz, but its content is not gzip; rename it, or compress it",
		"empty.csv.gz":  "empty.csv.gz: its name ends in .gz, but its content is not gzip",
		"broken.csv.gz": "broken.csv.gz: its content begins like gzip, but is not: gzip: invalid header",
		"header.csv.gz": "header.csv.gz:1: the rest of the file cannot be read: unexpected EOF",
		"out.csv":       "out.csv: path escapes from parent",
		"a/none.csv":    "none.csv: no such file or directory",
	} {
		s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
		s.Dir, s.Path = dir, path
		wantError(t, newSource(t, s).Open(t.Context()), "file source: "+dir, want)
	}
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Dir, s.Path = filepath.Join(dir, "nowhere"), "x.csv"
	wantError(t, newSource(t, s).Open(t.Context()), "nowhere: no such file or directory: create it, or correct dir or path")
}

type refusingFS struct{ fstest.MapFS }

func (refusingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestFileWithoutPermissionIsRefusedWithTheCure(t *testing.T) {
	source := sourceOf(t, "x.csv", "a\n", func(s *file.SourceSettings) {
		s.FS = refusingFS{fstest.MapFS{"x.csv": {Data: []byte("a\n")}}}
	})
	err := source.Open(t.Context())
	wantError(t, err, "file source: x.csv: permission denied; let the user that runs this read it")
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestAbsolutePathIsReadFromItsOwnDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.csv")
	write(t, path, "a\n1\n2,3\n")
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Path = path
	wantLines(t, all(t, open(t, newSource(t, s))), []string{
		`x.csv:2 {"a":"1"}`, `x.csv:3 malformed: ` + path + `:3: has 2 columns, the header has 1`,
	})
}

func TestTruncatedGzipEndsWithItsPlaceAfterWhatWasGood(t *testing.T) {
	var content strings.Builder
	content.WriteString("n\n")
	for i := range 50_000 {
		content.WriteString(strings.Repeat("x", i%7) + "\n")
	}
	whole := zipped(t, content.String())
	batch, err := drain(t, open(t, sourceOf(t, "x.csv.gz", whole[:len(whole)*9/10])))
	wantError(t, err, "file source: x.csv.gz:", "the rest of the file cannot be read: unexpected EOF")
	if len(batch) < 30_000 {
		t.Errorf("%d records were delivered before, want most of them", len(batch))
	}
	for _, tx := range batch {
		if _, ok := tx.Payload().([]byte); !ok {
			t.Fatalf("%s is not whole: %s", tx.ID(), show(tx.Payload()))
		}
	}
	_, err = drain(t, open(t, sourceOf(t, "x.jsonl.gz", whole[:len(whole)-6])))
	wantError(t, err, "the rest of the file cannot be read: unexpected EOF")
}

func TestFileThatBecomesShorterIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	write(t, path, strings.Repeat("1\n", 200_000))
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Path = path
	source := open(t, newSource(t, s))
	ack(t, source, fetch(t, source, 10)...)
	if err := os.Truncate(path, 40); err != nil {
		t.Fatal(err)
	}
	_, err := drain(t, source)
	wantError(t, err, "the file has become shorter while it was read")
}

func TestSourceThatIsNotOpenSaysSo(t *testing.T) {
	source := sourceOf(t, "x.csv", "a\n1\n")
	check := func() {
		t.Helper()
		_, err := source.FetchTransactions(t.Context(), 1)
		wantError(t, err, "x.csv is not open")
		_, err = source.CountTransactions(t.Context())
		wantError(t, err, "x.csv is not open")
		_, err = source.FetchTransactionByID(t.Context(), "x.csv:2")
		wantError(t, err, "x.csv is not open")
		wantError(t, source.SettleTransactions(t.Context(), nil), "x.csv is not open")
		wantError(t, source.Finish(t.Context()), "x.csv is not open")
	}
	check()
	open(t, source)
	for range 2 {
		if err := source.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		check()
	}
}

func TestSourceHeedsAContextThatHasEnded(t *testing.T) {
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(ergon.ErrInterrupted)
	source := sourceOf(t, "x.csv", "a\n1\n")
	if err := source.Open(ended); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("Open returned %v", err)
	}
	source = open(t, sourceOf(t, "x.jsonl", "1\n"))
	if _, err := source.FetchTransactions(ended, 1); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("FetchTransactions returned %v", err)
	}
	if _, err := source.CountTransactions(ended); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("CountTransactions returned %v", err)
	}
	if _, err := source.FetchTransactionByID(ended, "x.jsonl:1"); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("FetchTransactionByID returned %v", err)
	}
	batch := fetch(t, source, 1)
	if err := source.SettleTransactions(ended, []capability.Settlement{{Transaction: batch[0]}}); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("SettleTransactions returned %v", err)
	}
	ack(t, source, batch...)
}

func TestRecordsAreFoundByTheirID(t *testing.T) {
	source := open(t, sourceOf(t, "x.json", "[1,2,\n{\"a\":[]},\n{]"))
	ack(t, source, fetch(t, source, 1)...)
	for id, want := range map[string]string{"x.json:1": "1", "x.json:1:1": "1", "x.json:1:2": "2", "x.json:2": `{"a":[]}`} {
		tx, err := source.FetchTransactionByID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if show(tx.Payload()) != want {
			t.Errorf("%s is %s, want %s", id, show(tx.Payload()), want)
		}
		ack(t, source, tx)
		settle(t, source, capability.Settlement{Action: policy.SettleRequeue}, tx)
	}
	for _, id := range []string{"x.json:0", "x.json:1:3", "x.json", "x.json:", "x.json:x", "x.json:1:x", "y.json:1", "", "x.json:-1"} {
		if tx, err := source.FetchTransactionByID(t.Context(), id); !errors.Is(err, capability.ErrNotFound) {
			t.Errorf("%q was found as %v, %v", id, tx.ID(), err)
		}
	}
	if _, err := source.FetchTransactionByID(t.Context(), "x.json:9"); err == nil || errors.Is(err, capability.ErrNotFound) {
		t.Errorf("behind what cannot be read: %v, want an error that is not ErrNotFound", err)
	}
	if left, err := source.CountTransactions(t.Context()); left != 3 || err != nil {
		t.Errorf("looking records up changed what is left: %d, %v", left, err)
	}
}

func TestCountIsWhatIsNotAcknowledged(t *testing.T) {
	for name, content := range map[string]string{
		"x.csv":    "a,b\n1,2\n\"\n\n\",4\n\nmalformed\n7,8",
		"x.csv.gz": zipped(t, "a,b\n1,2\n\"\n\n\",4\n\nmalformed\n7,8"),
		"x.jsonl":  "1\n\n2\nmalformed\n4\n",
		"x.json":   "[1,2,{\"a\":[1,2]},malformed]",
		"y.json":   "[1,2,3,\n}, 5]", // of what cannot be read, the beginning counts
	} {
		source := open(t, sourceOf(t, name, content))
		for left := int64(4); left >= 0; left-- {
			if got, err := source.CountTransactions(t.Context()); got != left || err != nil {
				t.Errorf("%s: %d records are left, %v, want %d", name, got, err, left)
			}
			if left > 0 {
				ack(t, source, fetch(t, source, 1)...)
			}
		}
	}
}

func TestEveryFaultOfTheSourceSettingsIsNamedByItsKey(t *testing.T) {
	c := file.SourceConfig{
		Dir: "in", Path: "../x.txt", Comma: ";;", Numbers: []string{"a", "b"}, Booleans: []string{"b"}, Checkpoint: "../c",
	}
	wantFaults(t, c.Validate(),
		`path: "../x.txt" leads out of dir "in"`,
		`format: cannot be derived from the name "x.txt"; set it to csv, jsonl or json`,
		`comma: is ";;", must be one ASCII character`,
		`booleans: has "b", which is in numbers as well`,
		`checkpoint: "../c" leads out of dir "in"`,
		`checkpoint_every: is 0, must be at least 1`,
		`checkpoint_interval: is 0s, must be more than 0`,
		`max_record_bytes: is 0, must be at least 1`,
		`max_wait: is 0s, must be more than 0`,
		`window: is 0, must be at least 1`,
	)
	for change, want := range map[*file.SourceConfig]string{
		{}:                                     `path: is empty, must be the path of a file`,
		{Path: "."}:                            `path: "." is a directory`,
		{Path: "/x.csv", Dir: "in"}:            `path: "/x.csv" is absolute, so dir "in" does not apply to it`,
		{Path: "x.csv", Format: "xml"}:         `format: is "xml", must be csv, jsonl or json`,
		{Path: "x.csv", Checkpoint: "./x.csv"}: `checkpoint: is the file itself`,
	} {
		c := file.DefaultSourceConfig()
		c.Path, c.Format, c.Checkpoint = change.Path, change.Format, change.Checkpoint
		if change.Dir != "" {
			c.Dir = change.Dir
		}
		wantError(t, c.Validate(), want)
	}
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig(), FS: fstest.MapFS{}}
	s.Path = "/x.csv"
	_, err := file.NewSource(s)
	wantFaults(t, err, `path: "/x.csv" is not the path of a file in an fs.FS`)
}

func TestDefaultSourceIsValidOnceItHasAPath(t *testing.T) {
	c := file.DefaultSourceConfig()
	c.Path = "/data/x.csv"
	c.Checkpoint = "state/x"
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// wantFaults wants exactly these faults, in this order, by how they begin.
func wantFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not a joined error: %v", err)
	}
	got := joined.Unwrap()
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d:\n%v", len(got), len(want), err)
	}
	for i := range min(len(got), len(want)) {
		if _, ok := errors.AsType[*policy.Fault](got[i]); !ok || !strings.HasPrefix(got[i].Error(), want[i]) {
			t.Errorf("fault %d is %T %v, want %s", i, got[i], got[i], want[i])
		}
	}
}

// flakyFS fails every other read, but for the first ones, except in the opening that is for the digest.
type flakyFS struct {
	fstest.MapFS
	opened *int
}

type hiccups struct {
	io.Reader
	calls int
}

func (h *hiccups) Read(p []byte) (int, error) {
	h.calls++
	if h.calls > 4 && h.calls%2 == 0 {
		return 0, errFlaky
	}
	return h.Reader.Read(p[:min(len(p), 10)])
}

// openedForDigest is which opening of a file in an fs.FS is for its generation.
const openedForDigest = 2

var errFlaky = errors.New("hiccup")

func (h flakyFS) Open(name string) (fs.File, error) {
	f, err := h.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	*h.opened++
	if *h.opened == openedForDigest {
		return f, err
	}
	return giantFile{&hiccups{Reader: f}, info}, err
}

func TestReadThatFailsOnceLosesNothing(t *testing.T) {
	source := open(t, sourceOf(t, "x.jsonl", "", func(s *file.SourceSettings) {
		s.FS = flakyFS{opened: new(int), MapFS: fstest.MapFS{"x.jsonl": {Data: []byte(numbers(50))}}}
	}))
	var got []ergon.Transaction
	failed := 0
	for {
		batch, err := source.FetchTransactions(t.Context(), 7)
		if errors.Is(err, ergon.ErrExhausted) {
			break
		}
		if err != nil {
			wantError(t, err, "file source: read x.jsonl: hiccup")
			failed++
		}
		got = append(got, batch...)
		ack(t, source, batch...)
	}
	if failed == 0 {
		t.Error("no read failed")
	}
	if want := strings.TrimSpace(strings.ReplaceAll(numbers(50), "\n", " ")); ids(got) != want {
		t.Errorf("got %s", ids(got))
	}
}

func TestCountAndLookupWorkWhileRecordsAreFetched(t *testing.T) {
	source := open(t, sourceOf(t, "x.jsonl", numbers(2000)))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := drain(t, source); !errors.Is(err, ergon.ErrExhausted) {
			t.Error(err)
		}
	})
	for range 3 {
		wg.Go(func() {
			if left, err := source.CountTransactions(t.Context()); left > 2000 || err != nil {
				t.Errorf("%d left, %v", left, err)
			}
			if tx, err := source.FetchTransactionByID(t.Context(), "x.jsonl:1999"); show(tx.Payload()) != "1999" || err != nil {
				t.Errorf("found %s, %v", show(tx.Payload()), err)
			}
		})
	}
	wg.Wait()
}
