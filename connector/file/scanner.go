package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// verdict is what a splitter says about the bytes that it has taken.
type verdict uint8

const (
	// goesOn: they belong to a record that goes on after them.
	goesOn verdict = iota
	// whole: the record ends with them.
	whole
	// between: they belong to no record.
	between
	// over: there is no further record.
	over
)

// splitter finds where records end. It keeps its state between calls, so that a record may come in many pieces and the
// pieces need not be kept.
type splitter interface {
	// scan takes bytes from the start of data, which follows what it took before; last is set when no data follows.
	scan(data []byte, last bool) (int, verdict)
	// fault returns what is wrong with the record that was found whole, or with the end of the file.
	fault() fault
	// blank reports whether a record without its line end is none.
	blank(content []byte) bool
}

// scanner reads records one after the other and holds no more than one of them, and no more than a bounded part of one
// that is too long.
type scanner struct {
	in    *input
	split splitter
	path  string
	most  int // the longest record

	seen   int      // bytes of the current record that are scanned and still in the input
	start  position // of the current record, once it is too long
	head   []byte   // its beginning, then
	done   position // the end of the last record
	failed error    // why nothing more can be read
	wait   bool     // for the end of a last line that has none
}

// errUnfinished is a last line without its end, which is waited for.
var errUnfinished = errors.New("the last line is not finished")

func newScanner(in *input, split splitter, path string, most int) *scanner {
	return &scanner{in: in, split: split, path: path, most: most, done: in.at}
}

// next returns the next record, io.EOF at the end, or an *unreadableError where the rest makes no sense. After any other
// error the next call goes on where this one stopped.
func (s *scanner) next(ctx context.Context) (record, error) {
	for s.failed == nil {
		n, v := s.split.scan(s.in.unread()[s.seen:], s.ended())
		s.seen += n
		switch v {
		case between:
			s.in.drop(s.seen)
			s.seen = 0
		case whole:
			if r, ok := s.take(); ok {
				return r, nil
			}
		case over:
			s.failed = s.ending()
		case goesOn:
			if err := s.more(ctx); err != nil {
				return record{}, err
			}
		}
	}
	return record{}, s.failed
}

// ended reports whether nothing follows what was read.
func (s *scanner) ended() bool {
	unfinished := s.wait && (s.head != nil || len(s.in.unread()) > 0)
	return errors.Is(s.in.end, io.EOF) && !unfinished
}

// more reads on. What is too long is dropped but for its beginning.
func (s *scanner) more(ctx context.Context) error {
	if s.seen > s.most+len("\r\n") {
		s.shed()
	}
	if err := s.in.end; err != nil && !errors.Is(err, io.EOF) {
		s.failed = s.unreadable(fmt.Errorf("the file cannot be read on: %w", err))
		return s.failed
	}
	if s.in.end != nil { // only while it is waited for
		s.in.end = nil
		return errUnfinished
	}
	if err := s.in.fill(ctx); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	return nil
}

func (s *scanner) shed() {
	if s.head == nil {
		s.start = s.in.at
		s.head = excerpt(s.in.unread())
		s.in.at.Begun++
	}
	s.in.drop(s.seen)
	s.seen = 0
}

// take makes a record of what was seen, unless it is blank.
func (s *scanner) take() (record, bool) {
	content := withoutLineEnd(s.in.unread()[:s.seen])
	fault := s.split.fault()
	long := s.head != nil || len(content) > s.most
	if !long && fault.problem == "" && s.split.blank(content) {
		s.in.drop(s.seen)
		s.seen = 0
		return record{}, false
	}
	if s.head == nil {
		s.start = s.in.at
		s.in.at.Begun++
	}
	at := fault.locate(s.start.Line, long)
	r := record{line: s.start.Line, nth: s.start.Begun + 1, content: content, problem: fault.problem}
	r.open = s.seen > 0 && s.in.unread()[s.seen-1] != '\n'
	if s.head != nil {
		r.content = s.head
	}
	r.cut = s.head != nil || fault.fatal
	if long && !fault.fatal {
		r.problem = fmt.Sprintf("is longer than %d bytes (max_record_bytes); raise that, or shorten the record", s.most)
	}
	s.in.drop(s.seen)
	s.seen, s.head = 0, nil
	if fault.fatal {
		// Settled or not, another run meets it again: what follows it is not done.
		s.failed = s.unreadableAt(at, errors.New(fault.problem+"; nothing after it can be read"))
	} else {
		s.done = s.in.at
	}
	r.end = s.done
	return r, true
}

func (s *scanner) ending() error {
	if fault := s.split.fault(); fault.problem != "" {
		return s.unreadable(errors.New(fault.problem))
	}
	return io.EOF
}

func (s *scanner) unreadable(err error) error {
	line := s.in.at.Line
	if s.head != nil {
		line = s.start.Line
	}
	return s.unreadableAt(line, err)
}

func (s *scanner) unreadableAt(line int64, err error) error {
	return &unreadableError{place: fmt.Sprintf("%s:%d", s.path, line), cause: err}
}

func withoutLineEnd(content []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(content, []byte{'\n'}), []byte{'\r'})
}

// unreadableError is why the rest of a file makes no sense: another attempt would meet it again.
type unreadableError struct {
	place string
	cause error
}

func (e *unreadableError) Error() string { return e.place + ": " + e.cause.Error() }
func (e *unreadableError) Unwrap() error { return e.cause }
