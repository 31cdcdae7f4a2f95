package content

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"math"
)

// Comparison reads a file again, up to the position of an earlier reading.
type Comparison struct {
	from   io.Reader
	sticky bool // an error of from would be the same again
	to     Position
	offset int64
	sum    uint32
}

// Compare returns a comparison of what b has dropped with what the file has now.
func (b *Buffer) Compare(file io.ReaderAt) *Comparison {
	c := &Comparison{from: io.NewSectionReader(file, 0, math.MaxInt64), to: b.at, sticky: b.compressed}
	if !b.compressed {
		return c
	}
	var err error
	if c.from, err = decompress(c.from); err != nil {
		c.from = bytes.NewReader(nil) // it is not gzip any more
	}
	return c
}

// Same reports whether the content is the same. After an error, which may pass, the next call continues where this one
// stopped.
func (c *Comparison) Same(ctx context.Context) (bool, error) {
	buffer := make([]byte, bufferSize)
	for c.offset < c.to.Offset {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := c.from.Read(buffer[:min(int64(len(buffer)), c.to.Offset-c.offset)])
		c.offset += int64(n)
		c.sum = crc32.Update(c.sum, crc32.IEEETable, buffer[:n])
		switch {
		case err == nil || c.offset == c.to.Offset:
		case c.sticky || errors.Is(err, io.EOF):
			return false, nil // it is shorter, or is not gzip any more
		default:
			return false, err //nolint:wrapcheck // the caller knows the name of the file
		}
	}
	return c.sum == c.to.Sum, nil
}
