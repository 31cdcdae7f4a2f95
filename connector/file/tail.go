package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

const (
	tornSuffix = ".torn"
	// maxWhole is the longest last line that is looked at for being whole.
	maxWhole = 1 << 20
)

// repair is what was done to a file that does not end with a line end.
type repair struct {
	end   int64 // the file's length now
	moved int64 // bytes of its last line that were moved to the file's name with tornSuffix
	added bool  // a line end, to a line that lacked nothing else
}

// repairTail makes f, which has that name below root, end with a line end. A last line without one was never reported as
// written; it is kept all the same.
func repairTail(root *os.Root, f *os.File, name string) (repair, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return repair{}, because(err)
	}
	end, err := lastLineEnd(f, size)
	switch {
	case err != nil:
		return repair{}, because(err)
	case end == size:
		return repair{end: end}, nil
	}
	whole, err := isWhole(f, end, size)
	switch {
	case err != nil:
		return repair{}, because(err)
	case whole:
		_, err := f.WriteAt([]byte{'\n'}, size)
		return repair{end: size + 1, added: true}, because(err)
	}
	if err := moveTail(root, f, name, end, size); err != nil {
		return repair{}, fmt.Errorf("move its torn last line to %s: %w", name+tornSuffix, because(err))
	}
	return repair{end: end, moved: size - end}, nil
}

// lastLineEnd returns what is behind the last line end, 0 where there is none.
func lastLineEnd(f io.ReaderAt, size int64) (int64, error) {
	buffer := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(end-int64(len(buffer)), 0)
		part := buffer[:end-start]
		if _, err := f.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// isWhole reports whether the last line is JSON that cannot be the beginning of a longer line: anything but a number.
func isWhole(f io.ReaderAt, end, size int64) (bool, error) {
	if size-end > maxWhole {
		return false, nil
	}
	line := make([]byte, size-end)
	if _, err := f.ReadAt(line, end); err != nil {
		return false, err
	}
	return json.Valid(line) && utf8.Valid(line) && !startsNumber(bytes.TrimSpace(line)[0]), nil
}

func startsNumber(b byte) bool { return b == '-' || '0' <= b && b <= '9' }

func moveTail(root *os.Root, f *os.File, name string, end, size int64) error {
	torn, err := root.OpenFile(name+tornSuffix, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(torn, io.MultiReader(io.NewSectionReader(f, end, size-end), bytes.NewReader([]byte{'\n'})))
	if err == nil {
		err = torn.Sync()
	}
	if err := errors.Join(err, torn.Close()); err != nil {
		return err
	}
	return f.Truncate(end)
}
