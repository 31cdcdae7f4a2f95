package records

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// Reader reads the records of a file one after the other.
type Reader struct {
	in       *content.Buffer
	split    splitter
	decode   func(content []byte) (payload []byte, problem string)
	maxBytes int // of a record

	scanned int              // bytes of the current record that are scanned and still unread in the buffer
	start   content.Position // of the current record, once it is too long
	prefix  []byte           // its beginning, then
	end     content.Position // of the last record
	failed  error            // why nothing more can be read
	wait    bool             // for the end of a last line that has none
}

// ErrUnfinished means that the last line has no line end yet; see [Reader.WaitForLastLine].
var ErrUnfinished = errors.New("the last line is not finished")

// UnreadableError means that the rest of a file cannot be read. Another attempt would have the same result.
type UnreadableError struct {
	Line  int64
	Cause error
}

func (e *UnreadableError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Cause) }
func (e *UnreadableError) Unwrap() error { return e.Cause }

func newReader(in *content.Buffer, split splitter, maxBytes int) *Reader {
	return &Reader{in: in, split: split, maxBytes: maxBytes, end: in.Position()}
}

// Resume continues with the records of in, which begins at a position where a record ends.
func (r *Reader) Resume(in *content.Buffer) {
	if array, ok := r.split.(*arraySplitter); ok {
		array.state = arrayBehind
	}
	*r = Reader{in: in, split: r.split, decode: r.decode, maxBytes: r.maxBytes, end: in.Position(), wait: r.wait}
}

// WaitForLastLine makes Next return [ErrUnfinished] if the file ends without a line end. The call after that reads again.
func (r *Reader) WaitForLastLine() { r.wait = true }

// Payload returns a record as JSON, or why the record is malformed. It costs one allocation.
func (r *Reader) Payload(record *Record) (payload []byte, problem string) {
	if record.Problem != "" {
		return nil, record.Problem
	}
	return r.decode(record.Content)
}

// Next returns the next record. At the end of the file it returns io.EOF, and an *[UnreadableError] if the rest makes no
// sense; both are final. After any other error the next call continues where this one stopped.
func (r *Reader) Next(ctx context.Context) (Record, error) {
	for r.failed == nil {
		n, v := r.split.scan(r.in.Unread()[r.scanned:], r.atEnd())
		r.scanned += n
		switch v {
		case separator:
			r.in.Drop(r.scanned)
			r.scanned = 0
		case complete:
			if record, ok := r.take(); ok {
				return record, nil
			}
		case ended:
			r.failed = r.ending()
		case incomplete:
			if err := r.more(ctx); err != nil {
				return Record{}, err
			}
		}
	}
	return Record{}, r.failed
}

// atEnd reports whether nothing follows what was read.
func (r *Reader) atEnd() bool {
	unfinished := r.wait && (r.prefix != nil || len(r.in.Unread()) > 0)
	return errors.Is(r.in.End(), io.EOF) && !unfinished
}

// more reads more bytes. It drops what is above the limit, except the beginning.
func (r *Reader) more(ctx context.Context) error {
	if r.scanned > r.maxBytes+len("\r\n") {
		r.dropScanned()
	}
	if err := r.in.End(); err != nil && !errors.Is(err, io.EOF) {
		r.failed = &UnreadableError{r.Line(), fmt.Errorf("the rest of the file cannot be read: %w", err)}
		return r.failed
	}
	if r.in.End() != nil { // only if r waits for the last line
		r.in.ReadOn()
		return ErrUnfinished
	}
	return r.in.Fill(ctx) //nolint:wrapcheck // the caller knows the name of the file
}

func (r *Reader) dropScanned() {
	if r.prefix == nil {
		r.start = r.in.Position()
		r.prefix = Excerpt(r.in.Unread())
		r.in.BeginRecord()
	}
	r.in.Drop(r.scanned)
	r.scanned = 0
}

// take returns what was scanned as a record, unless it is blank.
func (r *Reader) take() (Record, bool) {
	scanned := r.in.Unread()[:r.scanned]
	data := withoutLineEnd(scanned)
	fault := r.split.fault()
	tooLong := r.prefix != nil || len(data) > r.maxBytes
	if !tooLong && fault.problem == "" && r.split.blank(data) {
		r.in.Drop(r.scanned)
		r.scanned = 0
		return Record{}, false
	}
	if r.prefix == nil {
		r.start = r.in.Position()
		r.in.BeginRecord()
	}
	if tooLong || fault.problem != "" {
		fault.complete(r.start.Line, tooLong, r.maxBytes)
	}
	record := Record{
		Line: r.start.Line, Nth: r.start.Begun + 1, Content: data, Problem: fault.problem, Truncated: r.prefix != nil || fault.fatal,
		NoLineEnd: len(scanned) > 0 && scanned[len(scanned)-1] != '\n',
	}
	if r.prefix != nil {
		record.Content = r.prefix
	}
	r.in.Drop(r.scanned)
	r.scanned, r.prefix = 0, nil
	if fault.fatal {
		// The end stays before it. Another run meets it again, and what follows it is not done.
		r.failed = &UnreadableError{r.start.Line + fault.lineOffset, errors.New(fault.problem + "; nothing after it can be read")}
	} else {
		r.end = r.in.Position()
	}
	record.End = r.end
	return record, true
}

func (r *Reader) ending() error {
	if fault := r.split.fault(); fault.problem != "" {
		return &UnreadableError{r.Line(), errors.New(fault.problem)}
	}
	return io.EOF
}

// Line returns the line of the current record, or of the end of what was read.
func (r *Reader) Line() int64 {
	if r.prefix != nil {
		return r.start.Line
	}
	return r.in.Position().Line
}
