package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/ergon-go/ergon/connector/file/internal/content"
	"github.com/ergon-go/ergon/connector/file/internal/records"
)

// pass is one reading of a document.
type pass struct {
	document

	file   fs.File
	info   fs.FileInfo // at the time of opening
	in     *content.Buffer
	reader *records.Reader
	first  content.Position // where the first record may begin
}

func (p *pass) start(ctx context.Context) error {
	var err error
	if p.in, err = content.Open(causes{p.file}); err != nil {
		return p.placed(err)
	}
	if p.gzipped() && !p.in.Compressed() {
		return p.placed(errors.New("its name ends in .gz, but its content is not gzip; rename it, or compress it"))
	}
	if err := p.in.SkipByteOrderMark(ctx); err != nil {
		return p.placed(err)
	}
	if err := p.begin(ctx); err != nil {
		return p.placed(err)
	}
	p.first = p.in.Position()
	return nil
}

// begin reads what is before the first record.
func (p *pass) begin(ctx context.Context) (err error) {
	switch maxBytes := p.config.MaxRecordBytes; p.config.format() {
	case FormatCSV:
		c := records.CSVConfig{Comma: p.config.Comma[0], Numbers: p.config.Numbers, Booleans: p.config.Booleans}
		p.reader, err = records.NewCSV(ctx, p.in, c, maxBytes)
	case FormatJSON:
		p.reader, err = records.NewJSONArray(ctx, p.in, maxBytes)
	default:
		p.reader = records.NewJSONLines(p.in, maxBytes)
	}
	return err
}

// goTo continues at a position of another pass. It reads and compares everything before, unless the file is known to be the same
// and can be sought. If that is not the same, the error wraps content.ErrChanged.
func (p *pass) goTo(ctx context.Context, to content.Position, same bool) error {
	if to == p.first {
		return nil
	}
	seeker, seekable := p.file.(io.Seeker)
	if same && seekable && !p.in.Compressed() {
		if _, err := seeker.Seek(to.Offset, io.SeekStart); err != nil {
			return because(err)
		}
		p.in = content.NewBuffer(causes{p.file}, to)
	} else if err := p.in.DropTo(ctx, to); err != nil {
		return err
	}
	p.reader.Resume(p.in)
	return nil
}

// next returns the next record, or io.EOF, or an *unreadableError.
func (p *pass) next(ctx context.Context) (records.Record, error) {
	r, err := p.reader.Next(ctx)
	switch {
	case err == nil, errors.Is(err, records.ErrUnfinished):
		return r, err
	case errors.Is(err, io.EOF):
		if !p.in.Compressed() && p.in.Offset() < p.info.Size() {
			err = p.unreadable(errShorter)
		}
		return r, err
	}
	if unreadable, ok := errors.AsType[*records.UnreadableError](err); ok {
		return r, p.unreadableAt(unreadable.Line, unreadable.Cause)
	}
	return r, fmt.Errorf("read %s: %w", p.path, err)
}

// payload returns a record's payload: JSON, or a Malformed.
func (p *pass) payload(r *records.Record) any {
	payload, problem := p.reader.Payload(r)
	if problem == "" {
		return payload
	}
	return newMalformed(p.place(r.Line), problem, r)
}

func (p *pass) close() error {
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("close %s: %w", p.path, because(err))
	}
	return nil
}

// placed names the file of an error, and the line if it is known.
func (p *pass) placed(err error) error {
	if unreadable, ok := errors.AsType[*records.UnreadableError](err); ok {
		return p.unreadableAt(unreadable.Line, unreadable.Cause)
	}
	return fmt.Errorf("%s: %w", p.path, err)
}

func (p *pass) unreadable(err error) error { return p.unreadableAt(p.reader.Line(), err) }

func (p *pass) unreadableAt(line int64, err error) error {
	return &unreadableError{place: p.place(line), cause: err}
}

func (p *pass) place(line int64) string { return p.path + ":" + strconv.FormatInt(line, 10) }

// unreadableError means that the rest of a file cannot be read. Another attempt would have the same result.
type unreadableError struct {
	place string
	cause error
}

func (e *unreadableError) Error() string { return e.place + ": " + e.cause.Error() }
func (e *unreadableError) Unwrap() error { return e.cause }

// causes reads with errors that do not repeat the path of the file.
type causes struct{ io.Reader }

func (c causes) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	return n, because(err)
}
