package telemetry_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/ergon-go/ergon/internal/otlptest"
	"github.com/ergon-go/ergon/telemetry"
)

// [O3] A record that is exported is tied to its span by the fields that OTLP has for that, and says task and transaction.
func TestLogRecordsArriveAtACollectorWithTheirSpan(t *testing.T) {
	overBoth(t, func(t *testing.T, r *otlptest.Receiver, c telemetry.Config) {
		p, console := setup(t, c, telemetry.Settings{})
		if err := run(t, p); err != nil {
			t.Fatal(err)
		}
		spans := map[string]bool{}
		for _, s := range r.Spans() {
			spans[hex.EncodeToString(s.GetTraceId())+hex.EncodeToString(s.GetSpanId())] = true
		}
		n := 0
		for _, record := range r.Records() {
			if record.GetBody().GetStringValue() != "looking at it" {
				continue
			}
			n++
			attrs := plain(record.GetAttributes())
			if !spans[hex.EncodeToString(record.GetTraceId())+hex.EncodeToString(record.GetSpanId())] {
				t.Errorf("got a record of span %x, which there is not", record.GetSpanId())
			}
			if attrs["task"] != "triage" || attrs["worker"] != "triage-1" || attrs["transaction_id"] == "" || attrs["trace_id"] != "" {
				t.Errorf("got %v, want task, worker and transaction, and the trace once only", attrs)
			}
			if record.GetSeverityNumber() != logspb.SeverityNumber_SEVERITY_NUMBER_INFO {
				t.Errorf("got severity %s, want INFO", record.GetSeverityNumber())
			}
		}
		if n != 4 {
			t.Errorf("got %d records of the task, want one for each of 4 attempts", n)
		}
		console.want(t, 4, `msg="looking at it" task=triage worker=triage-1 transaction_id=`, "trace_id=", "span_id=")
	})
}

func TestConsoleIsTextOnATerminalAndJSONElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		format   telemetry.Format
		terminal bool
		want     string
	}{
		"terminal":         {telemetry.FormatAuto, true, "level=INFO msg=hello"},
		"no terminal":      {telemetry.FormatAuto, false, `"level":"INFO","msg":"hello"`},
		"JSON on terminal": {telemetry.FormatJSON, true, `"level":"INFO","msg":"hello"`},
		"text elsewhere":   {telemetry.FormatText, false, "level=INFO msg=hello"},
	} {
		t.Run(name, func(t *testing.T) {
			var console log
			c := telemetry.DefaultConfig()
			c.Logs.Console.Format = test.format
			p, err := telemetry.Setup(t.Context(), c, telemetry.Settings{Console: &console, Terminal: test.terminal})
			if err != nil {
				t.Fatal(err)
			}
			p.Logger.InfoContext(t.Context(), "hello")
			console.want(t, 1, test.want)
		})
	}
}

func TestConsoleCanBeSilent(t *testing.T) {
	c := telemetry.DefaultConfig()
	c.Logs.Console.Format = telemetry.FormatNone
	p, console := setup(t, c, telemetry.Settings{})
	p.Logger.ErrorContext(t.Context(), "hello")
	if console.String() != "" {
		t.Errorf("got %q, want nothing", console)
	}
}

// [O3] A file has the ids that the console has.
func TestFileHasJSONWithTraceAndSpan(t *testing.T) {
	goroutines(t)
	path := filepath.Join(t.TempDir(), "logs", "ergon.log")
	c := telemetry.DefaultConfig()
	c.Logs.File.Path = path
	p, _ := setup(t, c, telemetry.Settings{})
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x4b}, SpanID: trace.SpanID{0x2a},
	}))
	p.Logger.WithGroup("order").InfoContext(ctx, "stored", "items", 3)
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Logger.InfoContext(ctx, "what is logged after the end is written as well")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	var record struct {
		Msg     string `json:"msg"`
		TraceID string `json:"trace_id"`
		SpanID  string `json:"span_id"`
		Order   struct {
			Items int `json:"items"`
		} `json:"order"`
	}
	if err := json.Unmarshal([]byte(first), &record); err != nil {
		t.Fatal(err)
	}
	traced := strings.HasPrefix(record.TraceID, "4b00") && strings.HasPrefix(record.SpanID, "2a00")
	if record.Msg != "stored" || !traced || record.Order.Items != 3 {
		t.Errorf("got %s", first)
	}
	if !strings.Contains(rest, "after the end") {
		t.Errorf("got %q after the end, want the record", rest)
	}
}

func TestLargeFileIsMovedAsideAndOldOnesAreDeleted(t *testing.T) {
	goroutines(t)
	folder := t.TempDir()
	c := telemetry.DefaultConfig()
	c.Logs.Console.Format = telemetry.FormatNone
	c.Logs.File = telemetry.LogFile{Path: filepath.Join(folder, "ergon.log"), Format: telemetry.FormatText, MaxSizeMiB: 1, MaxFiles: 2}
	p, _ := setup(t, c, telemetry.Settings{})
	kilobyte := strings.Repeat("x", 1000)
	for i := range 4500 { // 4.5 MB and a bit: moved aside four times
		p.Logger.InfoContext(t.Context(), "filled", "with", kilobyte, "i", i)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "ergon*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("got files %q and %v, want the file and 2 that were moved aside", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 1<<20 {
			t.Errorf("got %v of %d bytes, want at most 1 MiB", err, info.Size())
		}
	}
	last, err := os.ReadFile(filepath.Join(folder, "ergon.log"))
	if err != nil || !strings.Contains(string(last), "i=4499") {
		t.Errorf("got %v, want the last record in the file", err)
	}
}

func TestFileThatCannotBeWrittenIsReportedBeforeAnythingRuns(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a folder": filepath.Dir(taken), "below a file": filepath.Join(taken, "ergon.log")} {
		t.Run(name, func(t *testing.T) {
			goroutines(t)
			c := telemetry.DefaultConfig()
			c.Logs.File.Path = path
			_, err := telemetry.Setup(t.Context(), c, telemetry.Settings{Console: &log{}})
			if err == nil || !strings.Contains(err.Error(), "telemetry: logs.file.path: ") {
				t.Errorf("got %v, want a fault of logs.file.path", err)
			}
		})
	}
}

// A full disk must not stop the work, nor fill the console.
func TestFileThatCannotBeWrittenAnyMoreIsReportedOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	c := telemetry.DefaultConfig()
	c.Logs.File.Path = filepath.Join(t.TempDir(), "ergon.log")
	if err := os.Symlink("/dev/full", c.Logs.File.Path); err != nil {
		t.Fatal(err)
	}
	p, console := setup(t, c, telemetry.Settings{})
	for range 10 {
		p.Logger.InfoContext(t.Context(), "hello")
	}
	console.want(t, 10, "msg=hello")
	console.want(t, 1, "the log file cannot be written", "no space left on device")
}

func TestLevelsAreByComponent(t *testing.T) {
	c := telemetry.DefaultConfig()
	c.Logs.Level = telemetry.LevelWarn
	c.Logs.Levels = map[string]telemetry.Level{
		"triage": telemetry.LevelInfo, "db": telemetry.LevelDebug, "db.pool": telemetry.LevelError,
	}
	p, console := setup(t, c, telemetry.Settings{})
	for _, component := range []string{"", "db", "db.pool", "db.pool.idle", "db.query", "dbase"} {
		logger := p.Logger
		if component != "" {
			logger = logger.With("component", component)
		}
		logger = logger.WithGroup("g")
		for _, level := range []string{"debug", "info", "warn", "error"} {
			at := map[string]func(context.Context, string, ...any){
				"debug": logger.DebugContext, "info": logger.InfoContext, "warn": logger.WarnContext, "error": logger.ErrorContext,
			}[level]
			at(t.Context(), fmt.Sprintf("<%s>", component), "at", level)
		}
	}
	for component, want := range map[string]int{"": 2, "db": 4, "db.pool": 1, "db.pool.idle": 1, "db.query": 4, "dbase": 2} {
		console.want(t, want, "msg=<"+component+">")
	}
	if err := run(t, p); err != nil {
		t.Fatal(err)
	}
	console.want(t, 4, `msg="looking at it" task=triage`)
}
