package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

const (
	// checkEvery is the number of bytes that are read between two checks.
	checkEvery = 1 << 20
	// timeGranularity is the longest time within which two changes of a file may have the same time, on the file systems of today.
	timeGranularity = 20 * time.Millisecond
)

var (
	errShorter   = errors.New("the file has become shorter while it was read")
	errRewritten = errors.New("the file was rewritten while it was read: the content before this place is not the content that was read; " +
		"once nobody writes to it, process it again from its beginning")
)

// changes notices what others do to a file while it is read: they overwrite what was read, or put another file in its place.
// Appending is not a change. It costs two system calls for each MiB and at the end. A file that anybody touched is read once more
// at its end, to compare. It is guarded by turn.
type changes struct {
	opened   fs.FileInfo
	checked  fs.FileInfo // at the last check
	touched  bool        // since it was opened, or so shortly before that nobody can tell
	replaced bool        // was reported
	next     int64       // the offset of the next check
	block    []byte      // what was read last before the last check
	blockEnd int64       // its place in the file
	// comparison runs at the end; nil before.
	comparison *content.Comparison
}

func changesOf(p *pass) changes {
	changed := inodeOf(p.info).changed
	return changes{
		opened: p.info, checked: p.info, next: p.in.Offset(),
		touched: changed != 0 && time.Since(time.Unix(0, changed)) < timeGranularity,
	}
}

// check is called between records. Its error is one for stopped.
func (s *Source) check(ctx context.Context) error {
	c := &s.changes
	c.next = s.pass.in.Offset() + checkEvery
	info, err := s.pass.file.Stat()
	if err != nil {
		return fmt.Errorf("check %s for changes: %w", s.document.path, because(err))
	}
	if differs(info, c.checked) {
		c.checked, c.touched = info, true
		if err := s.pass.compareBlock(c, info.Size()); err != nil {
			return err
		}
	}
	if !s.pass.in.Compressed() {
		c.block, c.blockEnd = s.pass.in.Latest(c.block[:0])
	}
	if s.root == nil || c.replaced {
		return nil
	}
	if now, err := fs.Stat(s.document.files, s.document.name); err == nil && !os.SameFile(now, c.opened) {
		c.replaced = true
		s.logger.WarnContext(ctx, "another file has taken the place of the one that is read; "+
			"this run reads the earlier file to its end, the next run reads the other", "file", s.document.path,
			"line", s.pass.in.Position().Line)
	}
	return nil
}

// differs reports whether anybody has touched a file in between.
func differs(a, b fs.FileInfo) bool {
	return a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) || inodeOf(a).changed != inodeOf(b).changed
}

// compareBlock compares the kept block with what the file has now. A compressed file has no block.
func (p *pass) compareBlock(c *changes, size int64) error {
	file, ok := p.file.(io.ReaderAt)
	switch {
	case p.in.Compressed() || !ok:
		return nil
	case size < c.blockEnd:
		return p.unreadable(errShorter)
	}
	now := make([]byte, len(c.block))
	if _, err := file.ReadAt(now, c.blockEnd-int64(len(now))); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", p.path, because(err))
	}
	if !bytes.Equal(now, c.block) {
		return p.unreadable(errRewritten)
	}
	return nil
}

// checkAtEnd is check after everything was read. If ctx ends before everything is compared, the next call continues.
func (s *Source) checkAtEnd(ctx context.Context) error {
	c := &s.changes
	if c.comparison == nil {
		if err := s.check(ctx); err != nil || !c.touched {
			return err
		}
		file, ok := s.pass.file.(io.ReaderAt)
		if !ok {
			s.logger.WarnContext(ctx, "the file was changed while it was read, and cannot be read again to compare", "file", s.document.path)
			return nil
		}
		c.comparison = s.pass.in.Compare(file)
	}
	same, err := c.comparison.Same(ctx)
	if err == nil && !same {
		return s.pass.unreadable(errRewritten)
	}
	return because(err)
}
