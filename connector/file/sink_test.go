package file_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/connector/file"
	"github.com/ergon-go/ergon/deadletter"
	"github.com/ergon-go/ergon/policy"
)

// sinkTo is a sink to a file in dir, with the settings changed.
func sinkTo(t *testing.T, dir, name string, change ...func(*file.SinkSettings)) *file.Sink {
	t.Helper()
	s := file.SinkSettings{SinkConfig: file.DefaultSinkConfig(), Logger: slog.New(slog.DiscardHandler)}
	s.Dir, s.Path = dir, name
	for _, c := range change {
		c(&s)
	}
	sink, err := file.NewSink(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSink(t, sink) })
	return sink
}

func openSink(t *testing.T, s *file.Sink) *file.Sink {
	t.Helper()
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func closeSink(t *testing.T, s *file.Sink) {
	t.Helper()
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close: %v", err)
	}
}

func replacing(s *file.SinkSettings) { s.Mode = file.ModeReplace }

// dispatch writes payloads as transactions a, b, c …
func dispatch(t *testing.T, s *file.Sink, payloads ...any) {
	t.Helper()
	if err := s.DispatchTransactions(t.Context(), transactions(payloads...)); err != nil {
		t.Fatal(err)
	}
}

func transactions(payloads ...any) []ergon.Transaction {
	batch := make([]ergon.Transaction, len(payloads))
	for i, p := range payloads {
		batch[i] = ergon.NewTransaction(string(rune('a'+i)), p)
	}
	return batch
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	if got := read(t, path); got != want {
		t.Errorf("%s holds:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestEachTransactionIsALineOfJSON(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	dispatch(t, sink,
		[]byte("{ \"a\":\n [1, 2] }"), json.RawMessage(`{"b": "<&>"}`), "text", 3, nil, []byte("not JSON\n"), []byte("\xff\x00"),
		[]byte("\"\xff\""), struct {
			A string `json:"a"`
		}{"<é>"},
	)
	wantContent(t, filepath.Join(dir, "x.jsonl"), `{"a":[1,2]}
{"b":"<&>"}
"text"
3
null
"not JSON\n"
{"base64":"/wA="}
{"base64":"Iv8i"}
{"a":"<é>"}
`)
}

func TestEnvelopeHoldsIDAndMetadata(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl", func(s *file.SinkSettings) { s.Envelope = true }))
	batch := transactions([]byte(`[1]`), "two")
	batch[0] = batch[0].WithMetadata("z", "1").WithMetadata("b", "2")
	if err := sink.DispatchTransactions(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(dir, "x.jsonl"), `{"id":"a","metadata":{"b":"2","z":"1"},"payload":[1]}
{"id":"b","payload":"two"}
`)
}

func TestDeadLetterKeepsItsPayloadWhateverItIs(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	for _, payload := range []any{
		[]byte(`{"n": 1}`), []byte("text"), []byte("\xff"), json.RawMessage("not JSON"), nil,
		map[string]int{"n": 1},
		file.Malformed{Place: "x.csv:3", Problem: "has 1 columns, the header has 2", Raw: []byte("one")},
	} {
		record := deadletter.Record{ID: "x.csv:3", Phase: policy.PhaseProcess, Payload: payload}
		dispatch(t, sink, record, &record)
	}
	lines := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "x.jsonl"))), "\n")
	for i, want := range []string{
		`{"n":1}`, `"text"`, `"/w=="`, `"not JSON"`, `null`, `{"n":1}`, `"one"`,
	} {
		for _, line := range lines[2*i : 2*i+2] {
			if !strings.HasPrefix(line, `{"id":"x.csv:3",`) || !strings.HasSuffix(line, `"payload":`+want+`}`) {
				t.Errorf("got %s, want the payload %s", line, want)
			}
		}
	}
}

func TestPayloadThatDoesNotEncodeFailsAlone(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	err := sink.DispatchTransactions(t.Context(), transactions(1, make(chan int), 3, math.NaN(), json.RawMessage("{")))
	failed, ok := errors.AsType[*ergon.BatchError](err)
	if !ok || len(failed.Failures) != 3 {
		t.Fatalf("got %v, want a BatchError for three", err)
	}
	for i, id := range map[int]string{1: "b", 3: "d", 4: "e"} {
		wantError(t, failed.Failures[i], "file sink: encode transaction "+id+": json: ")
	}
	wantContent(t, filepath.Join(dir, "x.jsonl"), "1\n3\n")
}

func TestAppendKeepsWhatIsThereAndMakesDirectories(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		sink := openSink(t, sinkTo(t, filepath.Join(dir, "new"), filepath.Join("deeper", "x.jsonl")))
		dispatch(t, sink, i)
		if err := sink.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		dispatch(t, sink, "after Finish")
		closeSink(t, sink)
	}
	wantContent(t, filepath.Join(dir, "new", "deeper", "x.jsonl"), "0\n\"after Finish\"\n1\n\"after Finish\"\n")
}

func TestReplaceLeavesTheOldFileUntilItIsFinished(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jsonl")
	write(t, path, "old\n")
	sink := openSink(t, sinkTo(t, dir, "x.jsonl", replacing))
	dispatch(t, sink, 1)
	wantContent(t, path, "old\n")
	for range 2 {
		if err := sink.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, "1\n")
	}
	wantError(t, sink.DispatchTransactions(t.Context(), transactions(2)), "x.jsonl is finished, nothing can be added to it")
	closeSink(t, sink)
	if exists(path + ".partial") {
		t.Error("the partial file is still there")
	}
	sink = openSink(t, sinkTo(t, dir, "x.jsonl", replacing))
	if err := sink.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "")
}

// Whoever sends to it from outside of a run has to know: without an end to follow, what is sent is not to be seen.
func TestSinkSaysWhetherItReplacesItsResult(t *testing.T) {
	if sinkTo(t, t.TempDir(), "x.jsonl").ReplacesResult() || !sinkTo(t, t.TempDir(), "x.jsonl", replacing).ReplacesResult() {
		t.Error("got the wrong answer from one that appends or one that replaces")
	}
}

func TestReplaceGoesOnWithAnUnfinishedFileOrBeginsAnew(t *testing.T) {
	for resume, want := range map[bool]string{true: "1\n2\n", false: "2\n"} {
		dir := t.TempDir()
		sink := openSink(t, sinkTo(t, dir, "x.jsonl", replacing))
		dispatch(t, sink, 1)
		closeSink(t, sink)
		if exists(filepath.Join(dir, "x.jsonl")) {
			t.Error("a run that was cut short put its file in place")
		}
		sink = openSink(t, sinkTo(t, dir, "x.jsonl", replacing, func(s *file.SinkSettings) { s.Resume = resume }))
		dispatch(t, sink, 2)
		if err := sink.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantContent(t, filepath.Join(dir, "x.jsonl"), want)
	}
}

func TestReplaceGoesOnOnlyWhileTheCheckpointOfItsSourceIsThere(t *testing.T) {
	for there, want := range map[bool]string{true: "1\n2\n", false: "2\n"} {
		dir := t.TempDir()
		with := func(s *file.SinkSettings) { s.ResumeWith = "source.checkpoint" }
		sink := openSink(t, sinkTo(t, dir, "x.jsonl", replacing, with))
		dispatch(t, sink, 1)
		closeSink(t, sink)
		if there {
			if err := os.WriteFile(filepath.Join(dir, "source.checkpoint"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		sink = openSink(t, sinkTo(t, dir, "x.jsonl", replacing, with))
		dispatch(t, sink, 2)
		if err := sink.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantContent(t, filepath.Join(dir, "x.jsonl"), want)
	}
}

func TestResumeWithNeedsASinkThatResumes(t *testing.T) {
	c := file.DefaultSinkConfig()
	c.Path, c.ResumeWith = "x.jsonl", "source.checkpoint"
	wantFaults(t, c.Validate(), "resume_with: needs mode: replace and resume: true; leave it out")
}

func TestFileHasOneWriter(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []file.Mode{file.ModeAppend, file.ModeReplace} {
		as := func(s *file.SinkSettings) { s.Mode = mode }
		first := openSink(t, sinkTo(t, dir, "x.jsonl", as))
		wantError(t, sinkTo(t, dir, "x.jsonl", as).Open(t.Context()),
			"file sink: "+dir+"/x.jsonl: in use: another sink writes to it; wait for its end, or give this sink its own path")
		dispatch(t, first, 1)
		closeSink(t, first)
		closeSink(t, openSink(t, sinkTo(t, dir, "x.jsonl", as)))
	}
}

func TestSinkThatCannotBeOpenedSaysWhereAndWhatHelps(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "file"), "")
	noDirs := func(s *file.SinkSettings) { s.MakeDirs = false }
	for _, test := range []struct {
		name, want string
		change     func(*file.SinkSettings)
	}{
		{"folder", "folder is a directory, must be a file; correct path", replacing},
		{"folder", "folder is a directory, must be a file; correct path", noDirs},
		{"none/x.jsonl", "none/x.jsonl: no such file or directory; create its directory, or set make_dirs", noDirs},
		{"file/x.jsonl", "create the directory file: file exists", replacing},
		{"out/x.jsonl", "path escapes from parent", noDirs},
	} {
		sink := sinkTo(t, dir, test.name, test.change)
		want := test.want
		if test.name == "file/x.jsonl" {
			want = "create the directory file: file is a file; correct dir or path"
		}
		wantError(t, sink.Probe(t.Context()), "file sink: "+dir, want)
		wantError(t, sink.Open(t.Context()), "file sink: "+dir, test.want)
	}
	nowhere := sinkTo(t, filepath.Join(dir, "nowhere"), "x.jsonl", noDirs)
	for _, err := range []error{nowhere.Probe(t.Context()), nowhere.Open(t.Context())} {
		wantError(t, err, "directory "+dir+"/nowhere: no such file or directory: create it, or correct dir or path")
	}
}

func TestSinkThatIsNotOpenSaysSo(t *testing.T) {
	sink := sinkTo(t, t.TempDir(), "x.jsonl", replacing)
	for range 2 {
		wantError(t, sink.DispatchTransactions(t.Context(), transactions(1)), "x.jsonl is not open")
		wantError(t, sink.Finish(t.Context()), "x.jsonl is not open")
		closeSink(t, sink)
	}
}

func TestSinkHeedsAContextThatHasEnded(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(ergon.ErrInterrupted)
	if err := sink.DispatchTransactions(ended, transactions(1)); !errors.Is(err, ergon.ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	wantContent(t, filepath.Join(dir, "x.jsonl"), "")
}

func TestManyDispatchAtOnceAndBatchesKeepTheirOrder(t *testing.T) {
	const callers, batches = 16, 20
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for batch := range batches {
				dispatch(t, sink, fmt.Sprint(caller, batch, 0), fmt.Sprint(caller, batch, 1), fmt.Sprint(caller, batch, 2))
			}
		})
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "x.jsonl"))), "\n")
	if len(lines) != callers*batches*3 {
		t.Fatalf("%d lines, want %d", len(lines), callers*batches*3)
	}
	for i := 0; i < len(lines); i += 3 {
		batch := strings.TrimSuffix(lines[i], `0"`)
		if lines[i] != batch+`0"` || lines[i+1] != batch+`1"` || lines[i+2] != batch+`2"` {
			t.Errorf("a batch was torn apart: %s", lines[i:i+3])
		}
	}
}

func TestDispatchAndCloseAtOnceLoseNothingThatWasReported(t *testing.T) {
	dir := t.TempDir()
	sink := openSink(t, sinkTo(t, dir, "x.jsonl"))
	var mu sync.Mutex
	written := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				err := sink.DispatchTransactions(t.Context(), transactions(1))
				if err != nil {
					wantError(t, err, "is not open")
					return
				}
				mu.Lock()
				written++
				enough := written == 50
				mu.Unlock()
				if enough {
					closeSink(t, sink)
				}
			}
		})
	}
	wg.Wait()
	if got := strings.Count(read(t, filepath.Join(dir, "x.jsonl")), "\n"); got != written {
		t.Errorf("%d lines, want the %d that were reported", got, written)
	}
}

func TestEveryFaultOfTheSinkSettingsIsNamedByItsKey(t *testing.T) {
	c := file.SinkConfig{Dir: "out", Path: "x.jsonl.gz", Mode: "update"}
	wantFaults(t, c.Validate(),
		`path: "x.jsonl.gz" ends in .gz, but the output is not compressed`, `mode: is "update", must be append or replace`)
	for path, want := range map[string]string{"": "path: is empty", "../x": `path: "../x" leads out of dir "."`} {
		c := file.DefaultSinkConfig()
		c.Path = path
		_, err := file.NewSink(file.SinkSettings{SinkConfig: c})
		wantFaults(t, err, want)
	}
	c = file.DefaultSinkConfig()
	c.Path = "/out/x.jsonl"
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkSink(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := file.SinkSettings{SinkConfig: file.DefaultSinkConfig()}
			s.Path = filepath.Join(b.TempDir(), "x.jsonl")
			sink, err := file.NewSink(s)
			if err != nil {
				b.Fatal(err)
			}
			if err := sink.Open(b.Context()); err != nil {
				b.Fatal(err)
			}
			batch := transactions([]byte(`{"airport":"LEIPZIG/HALLE","severity":"major","cost":12000,"species":"Turkey vulture"}`))
			b.ReportAllocs()
			start := time.Now()
			b.SetParallelism((callers + 1) / 2)
			if callers == 1 {
				for b.Loop() {
					if err := sink.DispatchTransactions(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := sink.DispatchTransactions(b.Context(), batch); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "durable/s")
			if err := sink.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
