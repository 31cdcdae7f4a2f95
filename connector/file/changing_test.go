package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/connector/file"
)

// A stray quote takes the rest of the file into its field: the error names it, nothing behind it counts as done, and the corrected
// file is read on.
func TestStrayQuoteEndsTheRunAndLosesNothing(t *testing.T) {
	for name, rows := range map[string]int{"within the longest record": 100, "beyond it": 100_000} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.csv")
			content := func(quote string) string {
				var b strings.Builder
				b.WriteString("id,name\n")
				for i := range rows {
					q := ""
					if i == 9 {
						q = quote
					}
					fmt.Fprintf(&b, "%d,%sname %d\n", i, q, i)
				}
				return b.String()
			}
			write(t, path, content(`"`))
			settings := checkpointed(dir, "x.csv")
			settings.CheckpointEvery = 10_000
			source := open(t, newSource(t, settings))
			batch, err := drain(t, source)
			const problem = "the quote that begins a field on line 11 takes the lines after it into the field"
			wantError(t, err, path+":11: "+problem, "nothing after it can be read")
			if last := len(batch) - 1; last != 9 || !strings.Contains(show(batch[last].Payload()), problem) {
				t.Errorf("%d records before, the last %s; want 9 and a malformed one that names the quote", last, show(batch[last].Payload()))
			}
			if err := source.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			write(t, path, content(""))
			if rest := all(t, open(t, newSource(t, settings))); len(rest) != rows-9 {
				t.Errorf("%d records of the corrected file are delivered, want %d", len(rest), rows-9)
			}
		})
	}
}

// One that meets another quote costs the records in between: as many as a record may be long, and all of them are in its letter.
func TestStrayQuoteThatMeetsAnotherIsBounded(t *testing.T) {
	content := "id,name\n1,\"one\n2,two\n3,\"three\"\n4,four\n"
	wantLines(t, all(t, open(t, sourceOf(t, "x.csv", content))), []string{
		"x.csv:2 malformed: x.csv:2: the quote that begins a field on line 2 takes the lines after it into the field: " +
			"a quoted field continues after its closing quote; double the quotes that belong to its text",
		`x.csv:5 {"id":"4","name":"four"}`,
	})
	long := "id,name\n1,\"a\nb\",\"one\n" + strings.Repeat("2,two\n", 100) + "3,\"three\"\n4,four\n"
	batch, err := drain(t, open(t, sourceOf(t, "x.csv", long, func(s *file.SourceSettings) { s.MaxRecordBytes = 100 })))
	wantError(t, err, "x.csv:3: the quote that begins a field on line 3", "nothing after it can be read")
	if len(batch) != 1 {
		t.Errorf("%d records, want one that is malformed", len(batch))
	}
}

// [I1] A stray quote whose record goes beyond the longest one: nothing after it is delivered or counts as done, in bounded memory,
// and the line that is named is that of the quote; where the rest of the file cannot be read before the record ends, that of the record.
func TestStrayQuoteOfARecordBeyondTheLongestIsNamed(t *testing.T) {
	rows := strings.Repeat("2,two\n", 300_000) // 1.8 MB
	for name, c := range map[string]struct {
		content func(t *testing.T) string
		file    string
		want    []string
	}{
		"meets another": {
			func(*testing.T) string { return "id,name\n0,zero\n1,\"a\nb\",\"one\n" + rows + "3,\"three\"\n4,four\n" }, "x.csv",
			[]string{"x.csv:4: the quote that begins a field on line 4 takes the lines after it into the field", "nothing after it can be read"},
		},
		"never ends": {
			func(*testing.T) string { return "id,name\n0,zero\n1,\"one\n" + rows }, "x.csv",
			[]string{"x.csv:3: the quote that begins a field on line 3 takes the lines after it into the field", "nothing after it can be read"},
		},
		"the archive is broken": {
			func(t *testing.T) string {
				t.Helper()
				whole := zipped(t, "id,name\n0,zero\n1,\"one\n"+rows)
				return whole[:len(whole)-8]
			}, "x.csv.gz",
			[]string{"x.csv.gz:3: the rest of the file cannot be read"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, c.file), c.content(t))
			source := open(t, newSource(t, checkpointed(dir, c.file)))
			batch, err := drain(t, source)
			wantError(t, err, c.want...)
			if len(batch) > 2 || show(batch[0].Payload()) != `{"id":"0","name":"zero"}` {
				t.Errorf("got %d records, want the one before, and at most the malformed one", len(batch))
			}
			finish(t, source)
			wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), `"line":3,`)
		})
	}
}

// unfinished opens a source of a last line without its end, as the worker of a log.
func unfinished(t *testing.T, dir string, how file.LastLine, log *bytes.Buffer) *file.Source {
	t.Helper()
	write(t, filepath.Join(dir, "x.jsonl"), "1\n2")
	s := checkpointed(dir, "x.jsonl")
	s.LastLine, s.LastLineTimeout = how, time.Minute
	source := newSource(t, s)
	source.BindWorker(capability.Worker{Logger: slog.New(slog.NewTextHandler(log, nil))})
	return open(t, source)
}

func TestUnfinishedLastLineIsTakenWithAWarning(t *testing.T) {
	var log bytes.Buffer
	wantLines(t, all(t, unfinished(t, t.TempDir(), file.LastLineTake, &log)), []string{"x.jsonl:1 1", "x.jsonl:2 2"})
	if got := log.String(); strings.Count(got, "the last line of the file has no line end") != 1 || !strings.Contains(got, "line=2") {
		t.Errorf("the log says %q, want one warning with the line", got)
	}
	log.Reset()
	source := sourceOf(t, "x.jsonl", "1\n")
	source.BindWorker(capability.Worker{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	all(t, open(t, source))
	if log.Len() > 0 {
		t.Errorf("of a finished file the log says %q", log.String())
	}
}

func TestUnfinishedLastLineIsRefused(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	source := unfinished(t, dir, file.LastLineRefuse, &log)
	batch, err := drain(t, source)
	wantError(t, err, "x.jsonl:2: the last line has no line end")
	if ids(batch) != "1" {
		t.Errorf("delivered %s, want the first only", ids(batch))
	}
	if err := errors.Join(source.Finish(t.Context()), source.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	wantInCheckpoint(t, filepath.Join(dir, "state", "checkpoint"), `"line":2,`)
}

func TestUnfinishedLastLineIsWaitedFor(t *testing.T) {
	for name, finished := range map[string]bool{"until it is finished": true, "until its time is up": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				var log bytes.Buffer
				source := unfinished(t, dir, file.LastLineWait, &log)
				defer source.Close(t.Context())
				batch := fetch(t, source, 5)
				ack(t, source, batch...)
				if ids(batch) != "1" {
					t.Fatalf("delivered %s, want the first only", ids(batch))
				}
				begun := time.Now()
				for time.Since(begun) < 59*time.Second {
					if batch := fetch(t, source, 5); len(batch) > 0 {
						t.Fatalf("%s was delivered after %s", shown(batch), time.Since(begun))
					}
				}
				if !finished {
					_, err := drain(t, source)
					wantError(t, err, "x.jsonl:2: the last line has no line end")
					if waited := time.Since(begun); waited < 59*time.Second || waited > 62*time.Second {
						t.Errorf("it was refused after %s, want a minute, seen at the next fetch", waited)
					}
					return
				}
				appendTo(t, filepath.Join(dir, "x.jsonl"), "2\n3\n")
				wantLines(t, all(t, source), []string{"x.jsonl:2 22", "x.jsonl:3 3"})
			})
		})
	}
}

func appendTo(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
