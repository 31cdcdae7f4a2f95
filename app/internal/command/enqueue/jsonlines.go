package enqueue

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ergon-go/ergon/app/internal/flags"
	"github.com/ergon-go/ergon/internal/humanize"
)

// jsonLines reads the lines of a text that are not blank. Its memory is limited by the longest line.
type jsonLines struct {
	reader *bufio.Reader
	number int // of the last line read
	buffer []byte
}

func newJSONLines(r io.Reader) *jsonLines { return &jsonLines{reader: bufio.NewReaderSize(r, 1<<16)} }

// next returns the next line, which is valid JSON and owned by the caller, or io.EOF.
func (l *jsonLines) next() ([]byte, error) {
	for {
		line, err := l.line()
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if !json.Valid(line) {
			return nil, l.notJSON(line)
		}
		return bytes.Clone(line), nil
	}
}

func (l *jsonLines) line() ([]byte, error) {
	l.buffer = l.buffer[:0]
	l.number++
	for {
		part, err := l.reader.ReadSlice('\n')
		l.buffer = append(l.buffer, part...)
		switch {
		case len(l.buffer) > flags.MaxPayloadBytes:
			return nil, fmt.Errorf("line %d is longer than %s bytes", l.number, humanize.Count(flags.MaxPayloadBytes))
		case err == nil || errors.Is(err, io.EOF) && len(l.buffer) > 0:
			return l.buffer, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// waits reports whether reading the next line may block.
func (l *jsonLines) waits() bool { return l.reader.Buffered() == 0 }

// notJSON is the error of a line. It does not show the line: that is a payload.
func (l *jsonLines) notJSON(line []byte) error {
	var ignored any
	err := json.Unmarshal(line, &ignored)
	at := ""
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = fmt.Sprintf(" at byte %d of %d", syntax.Offset, len(line))
	}
	return fmt.Errorf("line %d is not JSON%s; each line must be one JSON value "+
		"(jq -c '.[]' converts an array to lines, jq -c . anything else)", l.number, at)
}
