package content

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	bufferSize = 64 << 10
	// maxEmptyReads is how often in a row a reader may return neither data nor an error. bufio has the same limit.
	maxEmptyReads = 100
)

// Buffer is the content of a file from a position on. It holds all bytes that were read and are not dropped yet.
type Buffer struct {
	from       io.Reader
	compressed bool
	data       []byte
	lo, hi     int      // the unread bytes in data
	at         Position // of data[lo]
	end        error    // why nothing more comes: io.EOF, or an error of the compressed data
}

// NewBuffer returns the uncompressed content that from reads, which begins at a position.
func NewBuffer(from io.Reader, at Position) *Buffer {
	return &Buffer{from: from, data: make([]byte, bufferSize), at: at}
}

// Compressed reports whether the file is gzip. Positions are places in its decompressed content.
func (b *Buffer) Compressed() bool { return b.compressed }

// Position returns the position of the first unread byte.
func (b *Buffer) Position() Position { return b.at }

// Offset returns the offset of the first unread byte.
func (b *Buffer) Offset() int64 { return b.at.Offset }

// Unread returns the bytes that were read and not dropped. The next Fill invalidates it.
func (b *Buffer) Unread() []byte { return b.data[b.lo:b.hi] }

// Latest appends the bytes that were read last, 64 KiB or fewer, to data. It returns the offset behind them as well.
func (b *Buffer) Latest(data []byte) ([]byte, int64) {
	return append(data, b.data[max(b.hi-bufferSize, 0):b.hi]...), b.at.Offset + int64(len(b.Unread()))
}

// Drop skips the first n unread bytes.
func (b *Buffer) Drop(n int) {
	b.at = b.at.after(b.data[b.lo : b.lo+n])
	b.lo += n
}

// BeginRecord counts a record that begins at the position.
func (b *Buffer) BeginRecord() { b.at.Begun++ }

// End returns why Fill reads nothing more: io.EOF, or the error that makes the rest of a compressed file unreadable. It is
// nil before the end.
func (b *Buffer) End() error { return b.end }

// ReadOn makes Fill read again after io.EOF, because the file may have grown.
func (b *Buffer) ReadOn() { b.end = nil }

// Fill reads more bytes, or sets End. Another attempt may succeed after its error: that of ctx or of the file. The buffer
// grows as long as nothing is dropped.
func (b *Buffer) Fill(ctx context.Context) error {
	if b.end != nil {
		return nil //nolint:nilerr // the unread bytes come first
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.makeRoom()
	for range maxEmptyReads {
		n, err := b.from.Read(b.data[b.hi:])
		b.hi += n
		if errors.Is(err, io.EOF) || err != nil && b.compressed {
			b.end = err
			return nil
		}
		if err != nil || n > 0 {
			return err //nolint:wrapcheck // the caller knows the name of the file
		}
	}
	return io.ErrNoProgress
}

func (b *Buffer) makeRoom() {
	if b.lo > 0 {
		b.hi = copy(b.data, b.Unread())
		b.lo = 0
	}
	if b.hi == len(b.data) {
		grown := make([]byte, 2*len(b.data))
		copy(grown, b.data)
		b.data = grown
	}
}

// DropTo drops everything before a position of an earlier reading. If the content before it is not the same any more, the
// error wraps [ErrChanged].
func (b *Buffer) DropTo(ctx context.Context, to Position) error {
	for b.at.Offset < to.Offset {
		if len(b.Unread()) == 0 {
			if b.end != nil {
				return &tooShortError{line: b.at.Line, cause: b.end}
			}
			if err := b.Fill(ctx); err != nil {
				return err
			}
			continue
		}
		b.Drop(int(min(int64(len(b.Unread())), to.Offset-b.at.Offset)))
	}
	if b.at.Offset != to.Offset || b.at.Line != to.Line || b.at.Sum != to.Sum {
		return ErrChanged
	}
	b.at = to
	return nil
}

// ErrChanged means that the content before a position is not what it was.
var ErrChanged = errors.New("its content up to there has changed")

// tooShortError means that the content ends before a position.
type tooShortError struct {
	line  int64
	cause error
}

func (e *tooShortError) Error() string {
	return fmt.Sprintf("it ends at line %d (%v)", e.line, e.cause)
}
func (e *tooShortError) Unwrap() []error { return []error{ErrChanged, e.cause} }
