package file

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	inputBuffer = 64 << 10
	// emptyReads is how often a reader may return nothing before it is taken for broken.
	emptyReads = 100
)

// input is the decompressed content of a file: a buffer with all bytes that are not dropped yet.
type input struct {
	from io.Reader
	// final reports whether an error of from other than io.EOF would be the same again.
	final  bool
	buffer []byte
	lo, hi int
	at     position // of buffer[lo]
	end    error    // why nothing more comes: io.EOF, or what makes the rest unreadable
}

func newInput(from io.Reader, at position, final bool) *input {
	return &input{from: from, final: final, buffer: make([]byte, inputBuffer), at: at}
}

// unread is what was read and not dropped. The next fill invalidates it.
func (in *input) unread() []byte { return in.buffer[in.lo:in.hi] }

// drop moves over the first n unread bytes.
func (in *input) drop(n int) {
	in.at = in.at.after(in.buffer[in.lo : in.lo+n])
	in.lo += n
}

// fill reads more, or sets end. Its error is one that another attempt may not meet; nothing is lost by it.
func (in *input) fill(ctx context.Context) error {
	if in.end != nil {
		return nil //nolint:nilerr // what was read before it comes first
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in.makeRoom()
	for range emptyReads {
		n, err := in.from.Read(in.buffer[in.hi:])
		in.hi += n
		if errors.Is(err, io.EOF) || err != nil && in.final {
			in.end = err
			return nil
		}
		if err != nil || n > 0 {
			return because(err)
		}
	}
	return io.ErrNoProgress
}

func (in *input) makeRoom() {
	if in.lo > 0 {
		in.hi = copy(in.buffer, in.unread())
		in.lo = 0
	}
	if in.hi == len(in.buffer) {
		grown := make([]byte, 2*len(in.buffer))
		copy(grown, in.buffer)
		in.buffer = grown
	}
}

// dropTo drops everything up to an offset and checks that it is what it was: the error says what has changed.
func (in *input) dropTo(ctx context.Context, to position) error {
	for in.at.Offset < to.Offset {
		if len(in.unread()) == 0 {
			if in.end != nil {
				return &tooShortError{line: in.at.Line, cause: in.end}
			}
			if err := in.fill(ctx); err != nil {
				return err
			}
			continue
		}
		in.drop(int(min(int64(len(in.unread())), to.Offset-in.at.Offset)))
	}
	if in.at.Offset != to.Offset || in.at.Line != to.Line || in.at.Sum != to.Sum {
		return errContentChanged
	}
	in.at = to
	return nil
}

// tooShortError is a file that is too short for what was done of it.
type tooShortError struct {
	line  int64
	cause error
}

func (e *tooShortError) Error() string {
	return fmt.Sprintf("it ends at line %d (%v)", e.line, e.cause)
}
func (e *tooShortError) Unwrap() []error { return []error{errContentChanged, e.cause} }

var errContentChanged = errors.New("its content up to there has changed")
