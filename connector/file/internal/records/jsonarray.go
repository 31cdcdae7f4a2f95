package records

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/ergon-go/ergon/connector/file/internal/content"
)

// NewJSONArray reads the elements of one JSON array.
func NewJSONArray(ctx context.Context, in *content.Buffer, maxBytes int) (*Reader, error) {
	if err := readBracket(ctx, in); err != nil {
		return nil, err
	}
	r := newReader(in, &arraySplitter{}, maxBytes)
	r.decode = jsonPayload
	return r, nil
}

func readBracket(ctx context.Context, in *content.Buffer) error {
	for {
		data := in.Unread()
		in.Drop(len(data) - len(bytes.TrimLeft(data, jsonSpace)))
		if data = in.Unread(); len(data) > 0 {
			if data[0] != '[' {
				return errors.New("does not begin with [, so it is not a JSON array; if it has a JSON value on each line, set format to jsonl")
			}
			in.Drop(1)
			return nil
		}
		if errors.Is(in.End(), io.EOF) {
			return errors.New("is empty, must hold a JSON array; write [] if it has no elements")
		}
		if in.End() != nil {
			return in.End()
		}
		if err := in.Fill(ctx); err != nil {
			return err //nolint:wrapcheck // the caller knows the name of the file
		}
	}
}
