package enqueue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app/internal/configuration"
	"github.com/ergon-go/ergon/app/internal/deadletters"
	"github.com/ergon-go/ergon/app/internal/dispatched"
	"github.com/ergon-go/ergon/app/internal/session"
	"github.com/ergon-go/ergon/app/internal/usage"
	"github.com/ergon-go/ergon/internal/foreign"
)

// maxBatch is the maximum number of transactions in a batch.
const maxBatch = 1000

// enqueuing reads JSON Lines and dispatches them to a connector.
type enqueuing struct {
	lines    *jsonLines
	flags    enqueueFlags
	metadata map[string]string
	batch    []ergon.Transaction
	numbers  []int // line numbers of batch
	done     int   // stored, or known before
	heard    dispatched.Report
}

func (e *Command) enqueueFile(
	ctx context.Context, s *session.Session, at configuration.ConnectorRef, flags enqueueFlags, metadata map[string]string,
) error {
	text, err := openLines(e.Out.Process.Stdin, flags, metadata)
	if err != nil {
		return &usage.Error{Err: fmt.Errorf("--file: %w", err)}
	}
	defer text.Close() //nolint:errcheck // it is only read
	in := &enqueuing{lines: newJSONLines(text), flags: flags, metadata: metadata}
	if err := session.With(ctx, s, at, in.run); err != nil {
		e.tellConflicts(in.heard.Conflicts)
		return fmt.Errorf("enqueue in %s: %w; %s", at, err, in.heard.Enqueued(in.done-in.heard.Duplicates-len(in.heard.Conflicts)))
	}
	return e.printEnqueued(at, in.done, &in.heard, "")
}

// openLines opens the input. A regular file is checked first: it can be read twice.
func openLines(stdin io.Reader, flags enqueueFlags, metadata map[string]string) (io.ReadCloser, error) {
	if flags.file == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(flags.file)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder; give the path of a file", flags.file)
	}
	if err == nil && info.Mode().IsRegular() {
		e := &enqueuing{lines: newJSONLines(file), flags: flags, metadata: metadata}
		for err == nil {
			_, err = e.read()
		}
		if errors.Is(err, io.EOF) {
			_, err = file.Seek(0, io.SeekStart)
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// run dispatches a batch when it is full or when the next line has not arrived yet.
func (e *enqueuing) run(ctx context.Context, to ergon.Dispatcher) error {
	for {
		tx, err := e.read()
		if err == nil {
			e.batch, e.numbers = append(e.batch, tx), append(e.numbers, e.lines.number)
		}
		if len(e.batch) == maxBatch || len(e.batch) > 0 && (err != nil || e.lines.waits()) {
			if err := e.dispatch(ctx, to); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (e *enqueuing) dispatch(ctx context.Context, to ergon.Dispatcher) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := foreign.CheckBatch(to.DispatchTransactions(e.heard.Listen(ctx), e.batch), len(e.batch))
	if some, ok := errors.AsType[*ergon.BatchError](err); ok {
		e.done += len(e.batch) - len(some.Failures)
		var failures []error
		for i, number := range e.numbers {
			if failure := some.Failures[i]; failure != nil {
				failures = append(failures, fmt.Errorf("line %d: %w", number, failure))
			}
		}
		return errors.Join(failures...)
	}
	if err != nil {
		return fmt.Errorf("lines %d to %d: %w", e.numbers[0], e.numbers[len(e.numbers)-1], err)
	}
	e.done += len(e.batch)
	e.batch, e.numbers = e.batch[:0], e.numbers[:0]
	return nil
}

// read returns the next transaction, or io.EOF.
func (e *enqueuing) read() (ergon.Transaction, error) {
	line, err := e.lines.next()
	if err != nil || !e.flags.envelope {
		return withMetadata(ergon.NewTransaction("", line), e.metadata), err
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var in deadletters.Envelope
	if err := decoder.Decode(&in); err != nil {
		return ergon.Transaction{}, fmt.Errorf("line %d: %w; an envelope has the keys id, metadata and payload", e.lines.number, err)
	}
	if in.Payload == nil {
		return ergon.Transaction{}, fmt.Errorf("line %d has no payload; an envelope has the keys id, metadata and payload", e.lines.number)
	}
	tx, err := in.ToTransaction()
	if err != nil {
		return ergon.Transaction{}, fmt.Errorf("line %d: %w", e.lines.number, err)
	}
	return withMetadata(tx, e.metadata), nil
}
