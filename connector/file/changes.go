package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"time"
)

const (
	// lookEvery is how many bytes are read between two looks at the file.
	lookEvery = 1 << 20
	// sameTick is the longest time within which two changes of a file may have the same time, on the file systems of today.
	sameTick = 20 * time.Millisecond
)

var (
	errShorter   = errors.New("the file has become shorter while it was read")
	errRewritten = errors.New("the file was rewritten while it was read: what is there before this place is not what was read; " +
		"once nobody writes to it, process it again from its beginning")
)

// changes notices what others do to a file while it is read: that what was read is overwritten, or that another file takes its
// place. What is appended is no such change. It costs two looks for each MiB and at the end. A file that anybody touched is read
// once more at its end, to compare. Held with turn.
type changes struct {
	opened   fs.FileInfo
	seen     fs.FileInfo // at the last look
	touched  bool        // since it was opened, or so shortly before that nobody can tell
	replaced bool        // was said
	next     int64       // offset of the next look
	block    []byte      // what was read last before the last look
	blockEnd int64       // its place in the file
	again    *rereading  // nil before the end
}

func changesOf(p *pass) changes {
	changed := inodeOf(p.info).changed
	return changes{
		opened: p.info, seen: p.info, next: p.in.at.Offset,
		touched: changed != 0 && time.Since(time.Unix(0, changed)) < sameTick,
	}
}

// look is called between records. Its error is what stopped takes.
func (s *Source) look(ctx context.Context) error {
	c := &s.changes
	c.next = s.pass.in.at.Offset + lookEvery
	info, err := s.pass.file.Stat()
	if err != nil {
		return fmt.Errorf("look at %s: %w", s.document.path, because(err))
	}
	if differs(info, c.seen) {
		c.seen, c.touched = info, true
		if err := s.pass.compareBlock(c, info.Size()); err != nil {
			return err
		}
	}
	s.pass.keepBlock(c)
	if s.root == nil || c.replaced {
		return nil
	}
	if now, err := fs.Stat(s.document.files, s.document.name); err == nil && !os.SameFile(now, c.opened) {
		c.replaced = true
		s.logger.WarnContext(ctx, "another file has taken the place of the one that is read; "+
			"that is read to its end, the other one by another run only", "file", s.document.path, "line", s.pass.in.at.Line)
	}
	return nil
}

// differs reports whether anybody has touched a file in between.
func differs(a, b fs.FileInfo) bool {
	return a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || inodeOf(a).changed != inodeOf(b).changed
}

// keepBlock keeps what was read last for the next look, where it was read as it is stored.
func (p *pass) keepBlock(c *changes) {
	if p.compressed {
		return
	}
	in := p.in
	c.block = append(c.block[:0], in.buffer[max(in.hi-inputBuffer, 0):in.hi]...)
	c.blockEnd = in.at.Offset + int64(len(in.unread()))
}

// compareBlock compares what was kept with what is there now.
func (p *pass) compareBlock(c *changes, size int64) error {
	from, is := p.file.(io.ReaderAt)
	switch {
	case p.compressed || !is:
		return nil
	case size < c.blockEnd:
		return p.scanner.unreadable(errShorter)
	}
	now := make([]byte, len(c.block))
	if _, err := from.ReadAt(now, c.blockEnd-int64(len(now))); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", p.path, because(err))
	}
	if !bytes.Equal(now, c.block) {
		return p.scanner.unreadable(errRewritten)
	}
	return nil
}

// lookAtEnd is look where everything was read. When ctx ends before all is compared the next call goes on.
func (s *Source) lookAtEnd(ctx context.Context) error {
	c := &s.changes
	if c.again == nil {
		if err := s.look(ctx); err != nil || !c.touched {
			return err
		}
		c.again = s.pass.reread()
	}
	if c.again.from == nil {
		s.logger.WarnContext(ctx, "the file was changed while it was read, and cannot be read again to compare", "file", s.document.path)
		return nil
	}
	same, err := c.again.compare(ctx)
	if err == nil && !same {
		return s.pass.scanner.unreadable(errRewritten)
	}
	return err
}

// rereading reads a file once more, up to where it was read.
type rereading struct {
	from   io.Reader // nil where it cannot be read again
	final  bool      // an error of from would be the same again
	to     position
	offset int64
	sum    uint32
}

func (p *pass) reread() *rereading {
	r := &rereading{to: p.in.at, final: p.in.final}
	if from, is := p.file.(io.ReaderAt); is {
		r.from = io.NewSectionReader(from, 0, math.MaxInt64)
	}
	if !p.compressed || r.from == nil {
		return r
	}
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(r.from, inputBuffer))
	if r.from = unpacked; err != nil {
		r.from = bytes.NewReader(nil) // nothing of it is there any more
	}
	return r
}

func (r *rereading) compare(ctx context.Context) (same bool, err error) {
	buffer := make([]byte, inputBuffer)
	for r.offset < r.to.Offset {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := r.from.Read(buffer[:min(int64(len(buffer)), r.to.Offset-r.offset)])
		r.offset += int64(n)
		r.sum = crc32.Update(r.sum, crc32.IEEETable, buffer[:n])
		switch {
		case err == nil || r.offset == r.to.Offset:
		case r.final || errors.Is(err, io.EOF):
			return false, nil // it ends before, or is no archive any more
		default:
			return false, because(err)
		}
	}
	return r.sum == r.to.Sum, nil
}
