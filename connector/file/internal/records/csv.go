package records

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// CSVConfig says how CSV is read.
type CSVConfig struct {
	// Comma is the ASCII character between two columns.
	Comma byte
	// Numbers and Booleans are the columns that are not strings.
	Numbers, Booleans []string
}

// NewCSV reads CSV by RFC 4180. The first record is the header. The payload of the others is a JSON object with the names of the
// header in its order. Blank lines are ignored.
func NewCSV(ctx context.Context, in *content.Buffer, c CSVConfig, maxBytes int) (*Reader, error) {
	r := newReader(in, newCSVSplitter(c.Comma), maxBytes)
	header, err := r.Next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("is empty, must begin with a header, the names of its columns")
	case err != nil:
		return nil, err
	case header.Problem != "":
		return nil, &UnreadableError{header.Line, fmt.Errorf("the header %s", header.Problem)}
	}
	objects, err := newCSVObjects(header.Content, c)
	if err != nil {
		return nil, &UnreadableError{header.Line, err}
	}
	r.decode = objects.payload
	return r, nil
}
