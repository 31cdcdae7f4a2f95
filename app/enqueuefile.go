package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/deadletter"
)

// enqueuedAtOnce is how many transactions a batch has at most.
const enqueuedAtOnce = 1000

// envelope is a line with more than a payload. What dlq export writes is one.
type envelope struct {
	deadletter.Letter

	// Content is the digest of what a dead letter said when it was exported.
	Content string          `json:"content,omitempty"`
	Payload json.RawMessage `json:"payload"`
}

// enqueuing is a text of JSON Lines on its way into a connector.
type enqueuing struct {
	lines    *jsonLines
	flags    enqueueFlags
	metadata map[string]string
	batch    []ergon.Transaction
	numbers  []int // of the lines of batch
	done     int   // how many are durable, or were known
	heard    tally
}

func (s *session) enqueueFile(ctx context.Context, at place, flags enqueueFlags, metadata map[string]string) error {
	text, err := s.openLines(flags, metadata)
	if err != nil {
		return &wrong{err: fmt.Errorf("--file: %w", err)}
	}
	defer text.Close() //nolint:errcheck // it is only read
	e := &enqueuing{lines: newJSONLines(text), flags: flags, metadata: metadata}
	if err := within(ctx, s, at, e.run); err != nil {
		s.tellConflicts(e.heard.conflict)
		return fmt.Errorf("enqueue in %s: %w; %s", at, err, e.heard.enqueued(e.done-e.heard.known-len(e.heard.conflict)))
	}
	return s.printEnqueued(at, e.done, &e.heard, "")
}

// openLines opens what is to be enqueued. A file that can be read twice is checked first.
func (s *session) openLines(flags enqueueFlags, metadata map[string]string) (io.ReadCloser, error) {
	if flags.file == "-" {
		return io.NopCloser(s.process.Stdin), nil
	}
	file, err := os.Open(flags.file)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, must be a file", flags.file)
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

// run dispatches what there is as soon as there is no more for now, or enough.
func (e *enqueuing) run(ctx context.Context, to ergon.Dispatcher) error {
	for {
		tx, err := e.read()
		if err == nil {
			e.batch, e.numbers = append(e.batch, tx), append(e.numbers, e.lines.number)
		}
		if len(e.batch) == enqueuedAtOnce || len(e.batch) > 0 && (err != nil || e.lines.waits()) {
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
	err := to.DispatchTransactions(e.heard.listen(ctx), e.batch)
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
	var in envelope
	if err := decoder.Decode(&in); err != nil {
		return ergon.Transaction{}, fmt.Errorf("line %d: %w; an envelope has the keys id, metadata and payload", e.lines.number, err)
	}
	if in.Payload == nil {
		return ergon.Transaction{}, fmt.Errorf("line %d has no payload; an envelope has the keys id, metadata and payload", e.lines.number)
	}
	tx, err := in.transaction()
	if err != nil {
		return ergon.Transaction{}, fmt.Errorf("line %d: %w", e.lines.number, err)
	}
	return withMetadata(tx, e.metadata), nil
}

// transaction is that of a line. One that was a dead letter arrives once more, and as another generation where somebody has
// changed what it says since it was exported.
func (in *envelope) transaction() (ergon.Transaction, error) {
	record := in.Record
	if err := record.SetPayload(in.Payload); err != nil {
		return ergon.Transaction{}, err
	}
	tx, err := record.Transaction()
	if err != nil {
		return tx, err
	}
	if in.Origin == "" {
		return tx, nil
	}
	first, err := hex.DecodeString(in.Content)
	if content := contentOf(tx); err == nil && len(first) == len(content) && content != capability.ContentDigest(first) {
		payload, _ := tx.Payload().([]byte)
		tx = capability.Edited(tx, payload, capability.ContentDigest(first))
	}
	return tx.WithArrival(capability.NextArrival(tx, in.Origin)), nil
}
