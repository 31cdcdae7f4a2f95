package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// pass is one reading of a document.
type pass struct {
	document

	file       fs.File
	info       fs.FileInfo // at the time of opening
	compressed bool
	in         *input
	scanner    *scanner
	decode     func(content []byte) ([]byte, string) // a record's payload, or why it is malformed
	first      position                              // where the first record may begin
}

func (p *pass) start(ctx context.Context) error {
	if err := p.decompress(); err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	if err := p.skipByteOrderMark(ctx); err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	if err := p.readOpening(ctx); err != nil {
		return err
	}
	p.first = p.in.at
	return nil
}

func (p *pass) decompress() error {
	magic := make([]byte, 2)
	n, err := io.ReadFull(p.file, magic)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return because(err)
	}
	from := io.MultiReader(bytes.NewReader(magic[:n]), p.file)
	if p.compressed = bytes.Equal(magic[:n], []byte{0x1f, 0x8b}); !p.compressed {
		if p.gzipped() {
			return errors.New("its name ends in .gz, but its content is not gzip; rename it, or compress it")
		}
		p.in = newInput(from, beginning(), false)
		return nil
	}
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(from, inputBuffer))
	if err != nil {
		return fmt.Errorf("its content begins like gzip, but is not: %w", err)
	}
	p.in = newInput(unpacked, beginning(), true)
	return nil
}

func (p *pass) skipByteOrderMark(ctx context.Context) error {
	const utf8Mark, littleEndian, bigEndian = "\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"
	for len(p.in.unread()) < len(utf8Mark) && p.in.end == nil {
		if err := p.in.fill(ctx); err != nil {
			return err
		}
	}
	switch content := p.in.unread(); {
	case bytes.HasPrefix(content, []byte(utf8Mark)):
		p.in.drop(len(utf8Mark))
	case bytes.HasPrefix(content, []byte(littleEndian)), bytes.HasPrefix(content, []byte(bigEndian)):
		return errors.New("is UTF-16; convert it to UTF-8, for example with iconv")
	}
	return nil
}

// readOpening reads what comes before the first record, and makes the scanner.
func (p *pass) readOpening(ctx context.Context) error {
	switch p.config.format() {
	case FormatCSV:
		return p.readHeader(ctx)
	case FormatJSON:
		if err := p.readBracket(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		p.decode = jsonPayload
		p.scan(&arraySplitter{})
	default:
		p.decode = jsonPayload
		p.scan(&lines{})
	}
	return nil
}

func (p *pass) scan(by splitter) { p.scanner = newScanner(p.in, by, p.path, p.config.MaxRecordBytes) }

func (p *pass) readHeader(ctx context.Context) error {
	p.scan(newCSVSplitter(p.config.Comma[0]))
	header, err := p.scanner.next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s: is empty, must begin with a header, the names of its columns", p.path)
	case err != nil:
		return err
	case header.problem != "":
		return fmt.Errorf("%s:%d: the header %s", p.path, header.line, header.problem)
	}
	objects, err := newCSVObjects(header.content, p.config)
	if err != nil {
		return fmt.Errorf("%s:%d: %w", p.path, header.line, err)
	}
	p.decode = objects.payload
	return nil
}

func (p *pass) readBracket(ctx context.Context) error {
	for {
		content := p.in.unread()
		p.in.drop(len(content) - len(bytes.TrimLeft(content, jsonSpace)))
		if content = p.in.unread(); len(content) > 0 {
			if content[0] != '[' {
				return errors.New("does not begin with [, so it is not a JSON array; if it has a JSON value on each line, set format to jsonl")
			}
			p.in.drop(1)
			return nil
		}
		if errors.Is(p.in.end, io.EOF) {
			return errors.New("is empty, must hold a JSON array, [] where there is nothing to do")
		}
		if p.in.end != nil {
			return p.in.end
		}
		if err := p.in.fill(ctx); err != nil {
			return err
		}
	}
}

// goTo moves on to a position that another pass came to. Unless the file is known to be the same, or where it cannot be
// sought, everything before is read, and the error says that it is not what it was.
func (p *pass) goTo(ctx context.Context, to position, same bool) error {
	if to == p.first {
		return nil
	}
	seeker, seekable := p.file.(io.Seeker)
	if same && seekable && !p.compressed {
		if _, err := seeker.Seek(to.Offset, io.SeekStart); err != nil {
			return because(err)
		}
		p.in = newInput(p.file, to, false)
	} else if err := p.in.dropTo(ctx, to); err != nil {
		return err
	}
	if array, ok := p.scanner.split.(*arraySplitter); ok {
		array.state = arrayBehind
	}
	p.scan(p.scanner.split)
	return nil
}

// next is the next record, or io.EOF.
func (p *pass) next(ctx context.Context) (record, error) {
	r, err := p.scanner.next(ctx)
	if errors.Is(err, io.EOF) && !p.compressed && p.in.at.Offset < p.info.Size() {
		return r, p.scanner.unreadable(errShorter)
	}
	return r, err
}

func (p *pass) close() error {
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("close %s: %w", p.path, because(err))
	}
	return nil
}
