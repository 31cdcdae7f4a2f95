package content

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// Open returns the content of a file, from its beginning. The first two bytes tell whether it is gzip.
func Open(file io.Reader) (*Buffer, error) {
	b := NewBuffer(file, Beginning())
	magic := b.data[:2]
	var err error
	if b.hi, err = io.ReadFull(file, magic); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err //nolint:wrapcheck // the caller knows the name of the file
	}
	if !bytes.Equal(b.Unread(), []byte{0x1f, 0x8b}) {
		return b, nil
	}
	b.from, err = decompress(io.MultiReader(bytes.NewReader(bytes.Clone(magic)), file))
	if err != nil {
		return nil, fmt.Errorf("its content begins like gzip, but is not: %w", err)
	}
	b.compressed, b.hi = true, 0
	return b, nil
}

func decompress(from io.Reader) (io.Reader, error) {
	return gzip.NewReader(bufio.NewReaderSize(from, bufferSize))
}

// SkipByteOrderMark drops the byte order mark of UTF-8 and refuses those of UTF-16. It must be called at the beginning.
func (b *Buffer) SkipByteOrderMark(ctx context.Context) error {
	const utf8Mark, littleEndian, bigEndian = "\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"
	for len(b.Unread()) < len(utf8Mark) && b.end == nil {
		if err := b.Fill(ctx); err != nil {
			return err
		}
	}
	switch content := b.Unread(); {
	case bytes.HasPrefix(content, []byte(utf8Mark)):
		b.Drop(len(utf8Mark))
	case bytes.HasPrefix(content, []byte(littleEndian)), bytes.HasPrefix(content, []byte(bigEndian)):
		return errors.New("is UTF-16; convert it to UTF-8, for example with iconv")
	}
	return nil
}
