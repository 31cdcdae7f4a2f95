package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/DeRuina/timberjack"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/internal/spans"
)

// localLogs makes the handlers of the console and the file, and the logger that telemetry itself reports to: what is
// wrong with exporters is not exported.
func (b *builder) localLogs() error {
	l := b.config.Logs
	if h := formatted(b.console(), b.consoleFormat()); h != nil {
		b.handlers = append(b.handlers, h)
	}
	b.local = b.logger()
	if l.File.Path == "" {
		return nil
	}
	file, err := b.logFile()
	if err != nil {
		return err
	}
	b.handlers = append(b.handlers, formatted(file, l.File.Format))
	b.local = b.logger()
	return nil
}

func (b *builder) consoleFormat() Format {
	switch format := b.config.Logs.Console.Format; {
	case format != FormatAuto:
		return format
	case b.settings.Terminal:
		return FormatText
	default:
		return FormatJSON
	}
}

// formatted returns nil for [FormatNone]. The level is not its business.
func formatted(w io.Writer, format Format) slog.Handler {
	all := &slog.HandlerOptions{Level: lowest}
	switch format {
	case FormatText:
		return slog.NewTextHandler(w, all)
	case FormatJSON:
		return slog.NewJSONHandler(w, all)
	default:
		return nil
	}
}

// logger is one for all handlers so far.
func (b *builder) logger() *slog.Logger {
	return slog.New(ergon.LogHandler(newLevelHandler(slog.NewMultiHandler(b.handlers...), b.config.Logs)))
}

// logFile tries whether the file can be written, so that it is known now and not when there is something to log.
func (b *builder) logFile() (io.Writer, error) {
	c := b.config.Logs.File
	const folderMode, fileMode = 0o750, 0o640
	if err := os.MkdirAll(filepath.Dir(c.Path), folderMode); err != nil {
		return nil, fmt.Errorf("telemetry: logs.file.path: %w", err)
	}
	try, err := os.OpenFile(c.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, fileMode)
	if err == nil {
		err = try.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("telemetry: logs.file.path: %w; it must be a file that can be written", err)
	}
	compression := "none"
	if c.Compress {
		compression = "gzip"
	}
	file := &timberjack.Logger{
		Filename: c.Path, MaxSize: c.MaxSizeMiB, MaxBackups: c.MaxFiles, MaxAge: c.MaxAgeDays, Compression: compression,
		FileMode: fileMode,
	}
	b.closers = append(b.closers, file.Close)
	return &reportingWriter{to: file, path: c.Path, logger: b.local}, nil
}

// exportedLogs makes the handler that hands records on to a provider.
func (b *builder) exportedLogs(ctx context.Context, described *resource.Resource) error {
	l := b.config.Logs
	exporter, link, err := b.otlpLogs(ctx, l.Batch.Queue+2*l.Batch.Size)
	if err != nil {
		return err
	}
	guarded := &logExporter{Exporter: exporter, link: link}
	var processor sdklog.Processor = sdklog.NewSimpleProcessor(guarded)
	if l.Processor == ProcessorBatch {
		processor = sdklog.NewBatchProcessor(guarded, sdklog.WithMaxQueueSize(l.Batch.Queue),
			sdklog.WithExportMaxBatchSize(l.Batch.Size), sdklog.WithExportInterval(l.Batch.Interval),
			sdklog.WithExportTimeout(l.Batch.Timeout))
	}
	b.add(link, processor.Shutdown)
	b.exportTo(sdklog.NewLoggerProvider(sdklog.WithResource(described),
		sdklog.WithProcessor(&logCounter{Processor: processor, link: link})))
	return nil
}

func (b *builder) exportTo(provider log.LoggerProvider) {
	b.handlers = append(b.handlers, &withoutTrace{
		Handler: otelslog.NewHandler(spans.InstrumentationName, otelslog.WithLoggerProvider(provider)),
	})
}

// logExporter has a link in front of an exporter.
type logExporter struct {
	sdklog.Exporter

	link *link
}

// Export returns no error: the link reports it.
func (e *logExporter) Export(ctx context.Context, records []sdklog.Record) error {
	if len(records) > 0 {
		e.link.deliver(ctx, len(records), func(ctx context.Context) error { return e.Exporter.Export(ctx, records) })
	}
	return nil
}

// logCounter counts the records that an exporter is to get.
type logCounter struct {
	sdklog.Processor

	link *link
}

// OnEmit counts a record and passes it on.
func (c *logCounter) OnEmit(ctx context.Context, r *sdklog.Record) error {
	c.link.take()
	return c.Processor.OnEmit(ctx, r)
}

// reportingWriter reports on the console, once, that a file cannot be written, as on a full disk, and once that it can be
// again. It never fails: logging is no reason for work to stop.
type reportingWriter struct {
	to     io.Writer
	path   string
	logger *slog.Logger // of the console alone
	failed bool         // a handler writes one record at a time
	lost   int
}

// Write writes one record, or loses it.
func (w *reportingWriter) Write(record []byte) (int, error) {
	_, err := w.to.Write(record)
	if err == nil && w.failed {
		w.logger.Info("the log file is written again", "path", w.path, "lost", w.lost)
	}
	if err != nil && !w.failed && !errors.Is(err, os.ErrClosed) {
		w.logger.Warn("the log file cannot be written; reported once, until it can", "path", w.path, "error", err)
	}
	w.failed = err != nil
	if w.failed {
		w.lost++
	}
	return len(record), nil
}
